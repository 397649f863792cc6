"""Activations, whose state is their output, and the loss: each has a derivative."""

import numpy as np


class Identity:
    def forward(self, x):
        self.state = x
        return self.state

    def derivative(self):
        return 1.0


class Sigmoid:
    def forward(self, x):
        self.state = 1 / (1 + np.exp(-x))
        return self.state

    def derivative(self):
        return self.state * (1 - self.state)


class Tanh:
    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1 - self.state**2


class ReLU:
    def forward(self, x):
        self.state = np.maximum(x, 0)
        return self.state

    def derivative(self):
        return (self.state > 0).astype(self.state.dtype)


class SoftmaxCrossEntropy:
    """Of each row of scores x; y is one-hot."""

    def forward(self, x, y):
        self.y = y
        shifted = x - x.max(axis=1, keepdims=True)
        total = np.exp(shifted).sum(axis=1, keepdims=True)
        self.softmax = np.exp(shifted) / total
        return -np.sum(y * (shifted - np.log(total)), axis=1)

    def derivative(self):
        return self.softmax - self.y
