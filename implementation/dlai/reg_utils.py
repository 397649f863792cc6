"""What the notebook on regularization imports: activations that return A alone, and the cost."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(0, x)


def compute_cost(a3, Y):
    return -np.nansum(Y * np.log(a3) + (1 - Y) * np.log(1 - a3)) / Y.shape[1]
