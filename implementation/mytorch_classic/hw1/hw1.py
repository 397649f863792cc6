"""A network of linear layers that steps itself."""

from itertools import pairwise

from mytorch.layers import Linear


class MLP:
    def __init__(
        self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion, lr, momentum=0.0
    ):
        self.activations, self.criterion = activations, criterion
        self.lr, self.momentum = lr, momentum
        sizes = pairwise([input_size, *hiddens, output_size])
        self.linear_layers = [Linear(inputs, outputs, weight_init_fn, bias_init_fn) for inputs, outputs in sizes]

    def forward(self, x):
        for k, layer in enumerate(self.linear_layers):
            x = self.activations[k].forward(layer.forward(x))
        self.output = x
        return self.output

    def backward(self, labels):
        self.criterion.forward(self.output, labels)
        delta = self.criterion.derivative()
        for k in reversed(range(len(self.linear_layers))):
            delta = self.linear_layers[k].backward(delta * self.activations[k].derivative())

    def step(self):
        for layer in self.linear_layers:
            layer.momentum_W = self.momentum * layer.momentum_W - self.lr * layer.dW
            layer.momentum_b = self.momentum * layer.momentum_b - self.lr * layer.db
            layer.W = layer.W + layer.momentum_W
            layer.b = layer.b + layer.momentum_b
