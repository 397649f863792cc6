"""What the application of course 1, week 4 imports: the network of its first notebook, with weights for its sizes."""

from itertools import pairwise

import numpy as np


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z)), Z


def relu(Z):
    return np.maximum(0, Z), Z


def sigmoid_backward(dA, cache):
    A, _ = sigmoid(cache)
    return dA * A * (1 - A)


def relu_backward(dA, cache):
    return dA * (cache > 0)


def initialize_parameters(n_x, n_h, n_y):
    np.random.seed(1)
    W1, W2 = 0.01 * np.random.randn(n_h, n_x), 0.01 * np.random.randn(n_y, n_h)
    return {"W1": W1, "b1": np.zeros((n_h, 1)), "W2": W2, "b2": np.zeros((n_y, 1))}


def initialize_parameters_deep(layer_dims):
    np.random.seed(1)
    parameters = {}
    for layer, (before, size) in enumerate(pairwise(layer_dims), 1):
        parameters |= {f"W{layer}": np.random.randn(size, before) / np.sqrt(before), f"b{layer}": np.zeros((size, 1))}
    return parameters


def linear_activation_forward(A_prev, W, b, activation):
    A, Z = (sigmoid if activation == "sigmoid" else relu)(W @ A_prev + b)
    return A, ((A_prev, W, b), Z)


def L_model_forward(X, parameters):
    A, caches, layers = X, [], len(parameters) // 2
    for layer in range(1, layers + 1):
        activation = "sigmoid" if layer == layers else "relu"
        A, cache = linear_activation_forward(A, parameters[f"W{layer}"], parameters[f"b{layer}"], activation)
        caches.append(cache)
    return A, caches


def compute_cost(AL, Y):
    return float(-np.mean(Y * np.log(AL) + (1 - Y) * np.log(1 - AL)))


def linear_activation_backward(dA, cache, activation):
    (A_prev, W, _), Z = cache
    dZ = (sigmoid_backward if activation == "sigmoid" else relu_backward)(dA, Z)
    return W.T @ dZ, dZ @ A_prev.T / dZ.shape[1], dZ.mean(axis=1, keepdims=True)


def L_model_backward(AL, Y, caches):
    grads, dA = {}, -(Y / AL - (1 - Y) / (1 - AL))
    for layer in range(len(caches), 0, -1):
        activation = "sigmoid" if layer == len(caches) else "relu"
        dA, grads[f"dW{layer}"], grads[f"db{layer}"] = linear_activation_backward(dA, caches[layer - 1], activation)
    return grads


def update_parameters(parameters, grads, learning_rate):
    return {name: value - learning_rate * grads[f"d{name}"] for name, value in parameters.items()}
