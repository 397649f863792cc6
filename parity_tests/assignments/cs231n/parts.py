"""The parts of the assignment: one for each function, and one for each network."""

from parity_tests.protocol.part import Part

FUNCTIONS = {
    "affine_forward": "affine layer, forward",
    "affine_backward": "affine layer, backward",
    "relu_forward": "ReLU, forward",
    "relu_backward": "ReLU, backward",
    "softmax_loss": "softmax loss",
    "svm_loss": "SVM loss",
    "sgd": "gradient descent",
    "sgd_momentum": "gradient descent with momentum",
    "rmsprop": "RMSprop",
    "adam": "Adam",
    "batchnorm_forward": "batch normalisation, forward",
    "batchnorm_backward": "batch normalisation, backward",
    "batchnorm_backward_alt": "batch normalisation, the other backward",
    "layernorm_forward": "layer normalisation, forward",
    "layernorm_backward": "layer normalisation, backward",
    "dropout_forward": "dropout, forward",
    "dropout_backward": "dropout, backward",
    "conv_forward_naive": "convolution, forward",
    "conv_backward_naive": "convolution, backward",
    "max_pool_forward_naive": "max pooling, forward",
    "max_pool_backward_naive": "max pooling, backward",
    "spatial_batchnorm_forward": "spatial batch normalisation, forward",
    "spatial_batchnorm_backward": "spatial batch normalisation, backward",
    "spatial_groupnorm_forward": "group normalisation, forward",
    "spatial_groupnorm_backward": "group normalisation, backward",
}
NETWORKS = {
    "TwoLayerNet": "the network of two layers",
    "FullyConnectedNet": "the network of any number of layers",
    "ThreeLayerConvNet": "the convolutional network",
}

PARTS = (
    *(Part(name, name, title, (name,)) for name, title in FUNCTIONS.items()),
    *(Part(name, name, title, (f"{name}.loss", f"{name}.__init__", name)) for name, title in NETWORKS.items()),
)
