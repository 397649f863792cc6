"""AdamW: Adam on weights that decay by themselves before each step."""

import numpy as np
from mytorch.optim.adam import Adam


class AdamW(Adam):
    def __init__(self, model, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
        super().__init__(model, lr, beta1, beta2, eps)
        self.weight_decay = weight_decay

    def step(self):
        self.t += 1
        for layer, m, v in zip(self.layers, self.m, self.v, strict=True):
            for name, weights, gradient in (("W", layer.W, layer.dLdW), ("b", layer.b, layer.dLdb)):
                weights = weights - self.lr * self.weight_decay * weights
                m[name] = self.beta1 * m[name] + (1 - self.beta1) * gradient
                v[name] = self.beta2 * v[name] + (1 - self.beta2) * gradient**2
                first = m[name] / (1 - self.beta1**self.t)
                second = v[name] / (1 - self.beta2**self.t)
                setattr(layer, name, weights - self.lr * first / (np.sqrt(second) + self.eps))
