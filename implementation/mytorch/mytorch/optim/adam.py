"""Adam, with ε outside the root."""

import numpy as np


class Adam:
    def __init__(self, model, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        self.layers, self.lr, self.beta1, self.beta2, self.eps = model.layers, lr, beta1, beta2, eps
        self.t = 0
        self.m = [{"W": np.zeros_like(layer.W), "b": np.zeros_like(layer.b)} for layer in self.layers]
        self.v = [{"W": np.zeros_like(layer.W), "b": np.zeros_like(layer.b)} for layer in self.layers]

    def step(self):
        self.t += 1
        for layer, m, v in zip(self.layers, self.m, self.v, strict=True):
            for name, gradient in (("W", layer.dLdW), ("b", layer.dLdb)):
                m[name] = self.beta1 * m[name] + (1 - self.beta1) * gradient
                v[name] = self.beta2 * v[name] + (1 - self.beta2) * gradient**2
                first = m[name] / (1 - self.beta1**self.t)
                second = v[name] / (1 - self.beta2**self.t)
                setattr(layer, name, getattr(layer, name) - self.lr * first / (np.sqrt(second) + self.eps))
