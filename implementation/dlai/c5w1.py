"""Course 5, week 1: recurrent cells and what they do over time. Sequences are n × m × T."""

import numpy as np
from rnn_utils import sigmoid, softmax


def rnn_cell_forward(xt, a_prev, parameters):
    a_next = np.tanh(parameters["Waa"] @ a_prev + parameters["Wax"] @ xt + parameters["ba"])
    yt_pred = softmax(parameters["Wya"] @ a_next + parameters["by"])
    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_forward(x, a0, parameters):
    a_next = a0
    states = []
    predictions = []
    caches = []
    for t in range(x.shape[2]):
        a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        states.append(a_next)
        predictions.append(yt_pred)
        caches.append(cache)
    return np.stack(states, axis=2), np.stack(predictions, axis=2), (caches, x)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    concat = np.concatenate([a_prev, xt])
    ft, it, cct, ot = (parameters[f"W{gate}"] @ concat + parameters[f"b{gate}"] for gate in "fico")
    ft, it, cct, ot = sigmoid(ft), sigmoid(it), np.tanh(cct), sigmoid(ot)
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_forward(x, a0, parameters):
    a_next, c_next = a0, np.zeros_like(a0)
    a = []
    y = []
    c = []
    caches = []
    for t in range(x.shape[2]):
        a_next, c_next, yt, cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        a.append(a_next)
        y.append(yt)
        c.append(c_next)
        caches.append(cache)
    return np.stack(a, axis=2), np.stack(y, axis=2), np.stack(c, axis=2), (caches, x)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    dtanh = (1 - a_next**2) * da_next
    return {
        "dxt": parameters["Wax"].T @ dtanh,
        "da_prev": parameters["Waa"].T @ dtanh,
        "dWax": dtanh @ xt.T,
        "dWaa": dtanh @ a_prev.T,
        "dba": dtanh.sum(axis=1, keepdims=True),
    }


def rnn_backward(da, caches):
    """The gradients of the weights are sums over time; `da` may be shorter than x."""
    steps, _ = caches
    dx, da_prev, sums = [], np.zeros(da.shape[:2]), {}
    for t in reversed(range(da.shape[2])):
        grads = rnn_cell_backward(da[:, :, t] + da_prev, steps[t])
        dx.append(grads.pop("dxt"))
        da_prev = grads.pop("da_prev")
        sums = {name: value + sums.get(name, 0) for name, value in grads.items()}
    return {"dx": np.stack(dx[::-1], axis=2), "da0": da_prev, **sums}


def lstm_cell_backward(da_next, dc_next, cache):
    _, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)
    through = {
        "f": dc * c_prev * ft * (1 - ft),
        "i": dc * cct * it * (1 - it),
        "c": dc * it * (1 - cct**2),
        "o": da_next * np.tanh(c_next) * ot * (1 - ot),
    }
    concat, n_a = np.concatenate([a_prev, xt]), len(a_prev)
    both = sum(parameters[f"W{gate}"].T @ value for gate, value in through.items())
    grads = {"dxt": both[n_a:], "da_prev": both[:n_a], "dc_prev": dc * ft}
    for gate, value in through.items():
        grads[f"dW{gate}"] = value @ concat.T
        grads[f"db{gate}"] = value.sum(axis=1, keepdims=True)
    return grads


def lstm_backward(da, caches):
    steps, _ = caches
    dx, da_prev = [], np.zeros(da.shape[:2])
    dc_prev, sums = np.zeros(da.shape[:2]), {}
    for t in reversed(range(da.shape[2])):
        grads = lstm_cell_backward(da[:, :, t] + da_prev, dc_prev, steps[t])
        dx.append(grads.pop("dxt"))
        da_prev, dc_prev = grads.pop("da_prev"), grads.pop("dc_prev")
        sums = {name: value + sums.get(name, 0) for name, value in grads.items()}
    return {"dx": np.stack(dx[::-1], axis=2), "da0": da_prev, **sums}
