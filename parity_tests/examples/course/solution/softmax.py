"""The course's own solution."""

import numpy as np


def softmax(X):
    e = np.exp(X - X.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(X, grad):
    p = softmax(X)
    return p * (grad - (p * grad).sum(axis=1, keepdims=True))
