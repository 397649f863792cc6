"""Three networks of linear layers, with ReLU after each."""

from itertools import pairwise

from mytorch.nn.activation import ReLU
from mytorch.nn.linear import Linear


class MLP0:
    sizes = (2, 3)

    def __init__(self, debug=False):
        self.layers = []
        for inputs, outputs in pairwise(self.sizes):
            self.layers += [Linear(inputs, outputs), ReLU()]

    def forward(self, A0):
        A = A0
        for layer in self.layers:
            A = layer.forward(A)
        return A

    def backward(self, dLdA):
        for layer in reversed(self.layers):
            dLdA = layer.backward(dLdA)
        return dLdA


class MLP1(MLP0):
    sizes = (2, 3, 2)


class MLP4(MLP0):
    sizes = (2, 4, 8, 8, 4, 2)
