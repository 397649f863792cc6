"""softplus(X) = log(1 + e^X), and its derivative."""

import numpy as np


def softplus(X):
    return np.log1p(np.exp(X))


def derivative(X):
    return 1 / (1 + np.exp(-X))
