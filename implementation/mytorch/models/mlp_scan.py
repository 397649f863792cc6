"""Two convolutional networks that scan a sequence as an MLP over windows of eight steps does, four steps apart."""

from mytorch.nn.activation import ReLU
from mytorch.nn.conv import Conv1d, Flatten


class CNN_SimpleScanningMLP:  # noqa: N801 - as the course calls it
    """The first layer sees whole windows."""

    shapes = ((24, 8, 8, 4), (8, 16, 1, 1), (16, 4, 1, 1))

    def __init__(self):
        self.conv1, self.conv2, self.conv3 = (Conv1d(*shape) for shape in self.shapes)
        self.layers = [self.conv1, ReLU(), self.conv2, ReLU(), self.conv3, Flatten()]

    def init_weights(self, weights):
        """Weights of the MLP, inputs × outputs, time first: a kernel is their corner."""
        for conv, w, (channels, outputs, kernel, _) in zip(self.layers[::2], weights, self.shapes, strict=False):
            corner = w[: kernel * channels, :outputs]
            conv.conv1d_stride1.W = corner.T.reshape(outputs, kernel, channels).transpose(0, 2, 1)

    def forward(self, A):
        for layer in self.layers:
            A = layer.forward(A)
        return A

    def backward(self, dLdA):
        for layer in reversed(self.layers):
            dLdA = layer.backward(dLdA)
        return dLdA


class CNN_DistributedScanningMLP(CNN_SimpleScanningMLP):  # noqa: N801 - as the course calls it
    """Windows grow from layer to layer; the weights that the MLP repeats are shared."""

    shapes = ((24, 2, 2, 2), (2, 8, 2, 2), (8, 4, 2, 1))
