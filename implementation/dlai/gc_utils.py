"""What the notebook on gradient checking imports: 47 parameters of layers 4-5-3-1 as one column, and back."""

import numpy as np

SHAPES = {"W1": (5, 4), "b1": (5, 1), "W2": (3, 5), "b2": (3, 1), "W3": (1, 3), "b3": (1, 1)}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(0, x)


def dictionary_to_vector(parameters):
    keys = [name for name, shape in SHAPES.items() for _ in range(shape[0] * shape[1])]
    return np.concatenate([parameters[name].reshape(-1, 1) for name in SHAPES]), keys


def vector_to_dictionary(theta):
    parameters, first = {}, 0
    for name, (rows, columns) in SHAPES.items():
        parameters[name] = theta[first : first + rows * columns].reshape(rows, columns)
        first += rows * columns
    return parameters


def gradients_to_vector(gradients):
    return np.concatenate([gradients[f"d{name}"].reshape(-1, 1) for name in SHAPES])
