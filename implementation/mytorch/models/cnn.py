"""A network of convolutions in one dimension, each with its activation, and a linear layer."""

from mytorch.nn.conv import Conv1d, Flatten
from mytorch.nn.linear import Linear


class CNN:
    def __init__(
        self, input_width, num_input_channels, num_channels, kernel_sizes, strides, num_linear_neurons, activations,
        conv_weight_init_fn, bias_init_fn, linear_weight_init_fn, criterion, lr,
    ):  # fmt: skip
        self.lr, self.criterion, self.activations = lr, criterion, activations
        self.convolutional_layers, width, channels = [], input_width, num_input_channels
        for outputs, kernel, stride in zip(num_channels, kernel_sizes, strides, strict=True):
            self.convolutional_layers.append(
                Conv1d(channels, outputs, kernel, stride, 0, conv_weight_init_fn, bias_init_fn)
            )
            width, channels = (width - kernel) // stride + 1, outputs
        self.flatten = Flatten()
        self.linear_layer = Linear(width * channels, num_linear_neurons)

    def forward(self, A):
        for layer, activation in zip(self.convolutional_layers, self.activations, strict=True):
            Z = layer.forward(A)
            A = activation.forward(Z)
        flat = self.flatten.forward(A)
        self.Z = self.linear_layer.forward(flat)
        return self.Z

    def backward(self, labels):
        self.loss = self.criterion.forward(self.Z, labels)
        grad = self.criterion.backward()
        grad = self.linear_layer.backward(grad)
        grad = self.flatten.backward(grad)
        for layer, activation in zip(self.convolutional_layers[::-1], self.activations[::-1], strict=True):
            dLdZ = activation.backward(grad)
            grad = layer.backward(dLdZ)
        return grad
