"""Stochastic gradient descent with momentum."""

import numpy as np


class SGD:
    def __init__(self, model, lr=0.1, momentum=0):
        self.layers, self.lr, self.mu = model.layers, lr, momentum
        self.v_W = [np.zeros_like(layer.W) for layer in self.layers]
        self.v_b = [np.zeros_like(layer.b) for layer in self.layers]

    def step(self):
        for i, layer in enumerate(self.layers):
            self.v_W[i] = self.mu * self.v_W[i] + layer.dLdW
            layer.W = layer.W - self.lr * self.v_W[i]
            self.v_b[i] = self.mu * self.v_b[i] + layer.dLdb
            layer.b = layer.b - self.lr * self.v_b[i]
