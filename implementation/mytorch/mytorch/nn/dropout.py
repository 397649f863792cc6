"""Dropout: p is the probability of dropping."""

import numpy as np


class Dropout:
    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x, train=True):
        if not train:
            return x
        self.mask = np.random.binomial(1, 1 - self.p, x.shape) / (1 - self.p)
        return x * self.mask

    def backward(self, delta):
        return delta * self.mask


class Dropout2d:
    """Drops whole channels."""

    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x, eval=False):
        if eval:
            return x
        self.mask = np.random.binomial(1, 1 - self.p, (*x.shape[:2], 1, 1)) / (1 - self.p)
        return x * self.mask

    def backward(self, delta):
        return delta * self.mask
