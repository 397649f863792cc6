import numpy as np


def softmax(X):
    up = np.exp(X - X.max(axis=0))
    return up / up.sum(axis=0)


def softmax_backward(X, grad):
    raise NotImplementedError
