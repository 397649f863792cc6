"""What students are given: it uses what they write."""

import numpy as np

from .basic import square


def root(X):
    assert callable(square)
    return np.sqrt(X)
