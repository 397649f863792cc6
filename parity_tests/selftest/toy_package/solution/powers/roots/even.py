"""Fourth roots, by way of what is given."""

import numpy as np

from ..given import root


def fourth_root(X):
    return np.sqrt(root(X))
