"""Course 2, week 2: mini-batches, momentum and Adam."""

import numpy as np


def update_parameters_with_gd(parameters, grads, learning_rate):
    return {name: value - learning_rate * grads[f"d{name}"] for name, value in parameters.items()}


def random_mini_batches(X, Y, mini_batch_size=64, seed=0):
    np.random.seed(seed)
    m = X.shape[1]
    permutation = np.random.permutation(m)
    shuffled_X = X[:, permutation]
    shuffled_Y = Y[:, permutation]
    mini_batches = []
    for k in range(0, m, mini_batch_size):
        mini_batch_X = shuffled_X[:, k : k + mini_batch_size]
        mini_batch_Y = shuffled_Y[:, k : k + mini_batch_size]
        mini_batches.append((mini_batch_X, mini_batch_Y))
    return mini_batches


def initialize_velocity(parameters):
    return {f"d{name}": np.zeros_like(value) for name, value in parameters.items()}


def update_parameters_with_momentum(parameters, grads, v, beta, learning_rate):
    v = {name: beta * v[name] + (1 - beta) * grads[name] for name in v}
    return {name: value - learning_rate * v[f"d{name}"] for name, value in parameters.items()}, v


def initialize_adam(parameters):
    return initialize_velocity(parameters), initialize_velocity(parameters)


def update_parameters_with_adam(parameters, grads, v, s, t, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8):
    v = {name: beta1 * v[name] + (1 - beta1) * grads[name] for name in v}
    s = {name: beta2 * s[name] + (1 - beta2) * grads[name] ** 2 for name in s}
    v_corrected = {name: value / (1 - beta1**t) for name, value in v.items()}
    s_corrected = {name: value / (1 - beta2**t) for name, value in s.items()}
    parameters = {
        name: value - learning_rate * v_corrected[f"d{name}"] / (np.sqrt(s_corrected[f"d{name}"]) + epsilon)
        for name, value in parameters.items()
    }
    return parameters, v, s, v_corrected, s_corrected


def update_lr(learning_rate0, epoch_num, decay_rate):
    return 1 / (1 + decay_rate * epoch_num) * learning_rate0


def schedule_lr_decay(learning_rate0, epoch_num, decay_rate, time_interval=1000):
    return 1 / (1 + decay_rate * (epoch_num // time_interval)) * learning_rate0
