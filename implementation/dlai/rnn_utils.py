"""What the notebook of course 5, week 1 imports: the two activations that numpy lacks."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    exponentials = np.exp(x - x.max(axis=0))
    return exponentials / exponentials.sum(axis=0)
