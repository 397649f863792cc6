"""Activations: each keeps its output A for its backward."""

from math import erf

import numpy as np


class Identity:
    def forward(self, Z):
        self.A = Z
        return self.A

    def backward(self, dLdA):
        return dLdA


class Sigmoid:
    def forward(self, Z):
        self.A = 1 / (1 + np.exp(-Z))
        return self.A

    __call__ = forward

    def backward(self, dLdA):
        return dLdA * self.A * (1 - self.A)


class Tanh:
    def forward(self, Z):
        self.A = np.tanh(Z)
        return self.A

    __call__ = forward

    def backward(self, dLdA, state=None):
        """`state` is the output to use, where one Tanh serves many steps."""
        A = self.A if state is None else state
        return dLdA * (1 - A**2)


class ReLU:
    def forward(self, Z):
        self.A = np.maximum(Z, 0)
        return self.A

    def backward(self, dLdA):
        return np.where(self.A > 0, dLdA, 0)


class GELU:
    """Z Φ(Z), with the distribution function Φ of the normal distribution."""

    def forward(self, Z):
        self.Z = Z
        self.A = Z * self._phi()
        return self.A

    def backward(self, dLdA):
        density = np.exp(-(self.Z**2) / 2) / np.sqrt(2 * np.pi)
        return dLdA * (self._phi() + self.Z * density)

    def _phi(self):
        return (1 + np.vectorize(erf)(self.Z / np.sqrt(2))) / 2


class Swish:
    """Z σ(βZ)."""

    def forward(self, Z, beta=1.0):
        self.Z, self.beta = Z, beta
        self.A = Z * self._gate()
        return self.A

    def backward(self, dLdA):
        gate = self._gate()
        slope = gate * (1 - gate)
        self.dLdbeta = np.sum(dLdA * self.Z**2 * slope)
        return dLdA * (gate + self.beta * self.Z * slope)

    def _gate(self):
        return 1 / (1 + np.exp(-self.beta * self.Z))


class Softmax:
    """Along axis 1."""

    def forward(self, Z):
        e = np.exp(Z - Z.max(axis=1, keepdims=True))
        self.A = e / e.sum(axis=1, keepdims=True)
        return self.A

    def backward(self, dLdA):
        mean = (dLdA * self.A).sum(axis=1, keepdims=True)
        return self.A * (dLdA - mean)
