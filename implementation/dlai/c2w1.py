"""Course 2, week 1: initialization, regularization and gradient checking, three notebooks in one file."""

import numpy as np
from gc_utils import dictionary_to_vector, gradients_to_vector, relu, sigmoid, vector_to_dictionary
from reg_utils import compute_cost


def initialize_parameters_zeros(layers_dims):
    parameters = {}
    for layer in range(1, len(layers_dims)):
        parameters[f"W{layer}"] = np.zeros((layers_dims[layer], layers_dims[layer - 1]))
        parameters[f"b{layer}"] = np.zeros((layers_dims[layer], 1))
    return parameters


def initialize_parameters_random(layers_dims):
    np.random.seed(3)
    parameters = {}
    for layer in range(1, len(layers_dims)):
        parameters[f"W{layer}"] = 10 * np.random.randn(layers_dims[layer], layers_dims[layer - 1])
        parameters[f"b{layer}"] = np.zeros((layers_dims[layer], 1))
    return parameters


def initialize_parameters_he(layers_dims):
    np.random.seed(3)
    parameters = {}
    for layer in range(1, len(layers_dims)):
        width = np.sqrt(2 / layers_dims[layer - 1])
        parameters[f"W{layer}"] = width * np.random.randn(layers_dims[layer], layers_dims[layer - 1])
        parameters[f"b{layer}"] = np.zeros((layers_dims[layer], 1))
    return parameters


def compute_cost_with_regularization(A3, Y, parameters, lambd):
    squares = sum(np.sum(parameters[name] ** 2) for name in ("W1", "W2", "W3"))
    return compute_cost(A3, Y) + lambd / (2 * Y.shape[1]) * squares


def backward_propagation_with_regularization(X, Y, cache, lambd):
    m = X.shape[1]
    _, A1, W1, _, _, A2, W2, _, _, A3, W3, _ = cache
    dZ3 = A3 - Y
    dA2 = W3.T @ dZ3
    dZ2 = dA2 * (A2 > 0)
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * (A1 > 0)
    grads = {"dZ3": dZ3, "dA2": dA2, "dZ2": dZ2, "dA1": dA1, "dZ1": dZ1}
    for name, dZ, A, W in (("1", dZ1, X, W1), ("2", dZ2, A1, W2), ("3", dZ3, A2, W3)):
        grads[f"dW{name}"] = (dZ @ A.T + lambd * W) / m
        grads[f"db{name}"] = dZ.sum(axis=1, keepdims=True) / m
    return grads


def forward_propagation_with_dropout(X, parameters, keep_prob=0.5):
    np.random.seed(1)
    W1, b1, W2, b2, W3, b3 = (parameters[name] for name in ("W1", "b1", "W2", "b2", "W3", "b3"))
    Z1 = W1 @ X + b1
    A1 = relu(Z1)
    D1 = (np.random.rand(*A1.shape) < keep_prob).astype(int)
    A1 = A1 * D1 / keep_prob
    Z2 = W2 @ A1 + b2
    A2 = relu(Z2)
    D2 = (np.random.rand(*A2.shape) < keep_prob).astype(int)
    A2 = A2 * D2 / keep_prob
    Z3 = W3 @ A2 + b3
    A3 = sigmoid(Z3)
    return A3, (Z1, D1, A1, W1, b1, Z2, D2, A2, W2, b2, Z3, A3, W3, b3)


def backward_propagation_with_dropout(X, Y, cache, keep_prob):
    m = X.shape[1]
    Z1, D1, A1, _, _, Z2, D2, A2, W2, _, _, A3, W3, _ = cache
    dZ3 = A3 - Y
    dA2 = W3.T @ dZ3 * D2 / keep_prob
    dZ2 = dA2 * (Z2 > 0)
    dA1 = W2.T @ dZ2 * D1 / keep_prob
    dZ1 = dA1 * (Z1 > 0)
    grads = {"dZ3": dZ3, "dA2": dA2, "dZ2": dZ2, "dA1": dA1, "dZ1": dZ1}
    for name, dZ, A in (("1", dZ1, X), ("2", dZ2, A1), ("3", dZ3, A2)):
        grads[f"dW{name}"] = dZ @ A.T / m
        grads[f"db{name}"] = dZ.sum(axis=1, keepdims=True) / m
    return grads


def forward_propagation(x, theta):
    return theta * x


def backward_propagation(x, theta):
    return x


def gradient_check(x, theta, epsilon=1e-7):
    above = forward_propagation(x, theta=theta + epsilon)
    below = forward_propagation(x, theta=theta - epsilon)
    approximation = (above - below) / (2 * epsilon)
    return relative_distance(backward_propagation(x, theta), approximation=approximation)


def relative_distance(gradient, approximation):
    return np.linalg.norm(gradient - approximation) / (np.linalg.norm(gradient) + np.linalg.norm(approximation))


def forward_propagation_n(X, Y, parameters):
    """What the notebook brings: three layers, and the mean of the cross-entropies."""
    W1, b1, W2, b2, W3, b3 = (parameters[name] for name in ("W1", "b1", "W2", "b2", "W3", "b3"))
    Z1 = W1 @ X + b1
    A1 = relu(Z1)
    Z2 = W2 @ A1 + b2
    A2 = relu(Z2)
    Z3 = W3 @ A2 + b3
    A3 = sigmoid(Z3)
    cost = -np.mean(Y * np.log(A3) + (1 - Y) * np.log(1 - A3))
    return cost, (Z1, A1, W1, b1, Z2, A2, W2, b2, Z3, A3, W3, b3)


def gradient_check_n(parameters, gradients, X, Y, epsilon=1e-7):
    values, _ = dictionary_to_vector(parameters)
    approximation = []
    for i in range(len(values)):
        above = values.copy()
        below = values.copy()
        above[i] += epsilon
        below[i] -= epsilon
        higher, _ = forward_propagation_n(X, Y, vector_to_dictionary(above))
        lower, _ = forward_propagation_n(X, Y, vector_to_dictionary(below))
        approximation.append((higher - lower) / (2 * epsilon))
    return relative_distance(gradients_to_vector(gradients), approximation=np.array(approximation)[:, None])
