"""Course 1, week 4: a deep network, step by step. Examples are columns; only dW and db carry 1/m."""

import numpy as np
from dnn_utils import relu, relu_backward, sigmoid, sigmoid_backward


def initialize_parameters(n_x, n_h, n_y):
    np.random.seed(1)
    return {
        "W1": 0.01 * np.random.randn(n_h, n_x),
        "b1": np.zeros((n_h, 1)),
        "W2": 0.01 * np.random.randn(n_y, n_h),
        "b2": np.zeros((n_y, 1)),
    }


def initialize_parameters_deep(layer_dims):
    np.random.seed(3)
    parameters = {}
    for layer in range(1, len(layer_dims)):
        parameters[f"W{layer}"] = 0.01 * np.random.randn(layer_dims[layer], layer_dims[layer - 1])
        parameters[f"b{layer}"] = np.zeros((layer_dims[layer], 1))
    return parameters


def linear_forward(A, W, b):
    return W @ A + b, (A, W, b)


def linear_activation_forward(A_prev, W, b, activation):
    Z, linear_cache = linear_forward(A_prev, W, b)
    A, activation_cache = (sigmoid if activation == "sigmoid" else relu)(Z)
    return A, (linear_cache, activation_cache)


def L_model_forward(X, parameters):
    A, caches, layers = X, [], len(parameters) // 2
    for _ in range(layers):
        layer = len(caches) + 1
        activation = "sigmoid" if layer == layers else "relu"
        A, cache = linear_activation_forward(A, parameters[f"W{layer}"], parameters[f"b{layer}"], activation)
        caches.append(cache)
    return A, caches


def compute_cost(AL, Y):
    return float(-np.mean(Y * np.log(AL) + (1 - Y) * np.log(1 - AL)))


def linear_backward(dZ, cache):
    A_prev, W, _ = cache
    m = A_prev.shape[1]
    return W.T @ dZ, dZ @ A_prev.T / m, dZ.sum(axis=1, keepdims=True) / m


def linear_activation_backward(dA, cache, activation):
    linear_cache, activation_cache = cache
    backward = sigmoid_backward if activation == "sigmoid" else relu_backward
    return linear_backward(backward(dA, activation_cache), linear_cache)


def L_model_backward(AL, Y, caches):
    grads, activation = {}, "sigmoid"
    dA = -(Y / AL - (1 - Y) / (1 - AL))
    for layer in range(len(caches), 0, -1):
        dA, dW, db = linear_activation_backward(dA, caches[layer - 1], activation)
        grads |= {f"dA{layer - 1}": dA, f"dW{layer}": dW, f"db{layer}": db}
        activation = "relu"
    return grads


def update_parameters(parameters, grads, learning_rate):
    return {name: value - learning_rate * grads[f"d{name}"] for name, value in parameters.items()}


def two_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    parameters = initialize_parameters(*layers_dims)
    for _ in range(num_iterations):
        A1, first = linear_activation_forward(X, parameters["W1"], parameters["b1"], "relu")
        A2, second = linear_activation_forward(A1, parameters["W2"], parameters["b2"], "sigmoid")
        dA2 = -(Y / A2 - (1 - Y) / (1 - A2))
        dA1, dW2, db2 = linear_activation_backward(dA2, second, "sigmoid")
        _, dW1, db1 = linear_activation_backward(dA1, first, "relu")
        grads = {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
        parameters = update_parameters(parameters, grads, learning_rate)
    return parameters


def L_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    parameters = initialize_parameters_deep(layers_dims)
    for _ in range(num_iterations):
        AL, caches = L_model_forward(X, parameters)
        parameters = update_parameters(parameters, L_model_backward(AL, Y, caches), learning_rate)
    return parameters
