"""Course 4, week 1: convolution and pooling of pictures N × H × W × C."""

import numpy as np


def zero_pad(X, pad):
    return np.pad(X, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


def conv_single_step(a_slice_prev, W, b):
    return np.sum(a_slice_prev * W) + float(b.item())


def conv_forward(A_prev, W, b, hparameters):
    m, n_H_prev, n_W_prev, _ = A_prev.shape
    f, n_C = len(W), W.shape[3]
    stride, pad = hparameters["stride"], hparameters["pad"]
    n_H = (n_H_prev - f + 2 * pad) // stride + 1
    n_W = (n_W_prev - f + 2 * pad) // stride + 1
    A_prev_pad, Z = zero_pad(A_prev, pad), []
    for i, h, w, c in np.ndindex(m, n_H, n_W, n_C):
        vert_start, horiz_start = h * stride, w * stride
        a_slice_prev = A_prev_pad[i, vert_start : vert_start + f, horiz_start : horiz_start + f, :]
        Z.append(conv_single_step(a_slice_prev, W=W[:, :, :, c], b=b[:, :, :, c]))
    return np.reshape(Z, (m, n_H, n_W, n_C)), (A_prev, W, b, hparameters)


def pool_forward(A_prev, hparameters, mode="max"):
    m, n_H_prev, n_W_prev, n_C = A_prev.shape
    f, stride = hparameters["f"], hparameters["stride"]
    n_H = (n_H_prev - f) // stride + 1
    n_W = (n_W_prev - f) // stride + 1
    A = []
    for i, h, w, c in np.ndindex(m, n_H, n_W, n_C):
        vert_start, horiz_start = h * stride, w * stride
        a_prev_slice = A_prev[i, vert_start : vert_start + f, horiz_start : horiz_start + f, c]
        A.append(np.max(a_prev_slice) if mode == "max" else np.mean(a_prev_slice))
    return np.reshape(A, (m, n_H, n_W, n_C)), (A_prev, hparameters)


def conv_backward(dZ, cache):
    A_prev, W, b, hparameters = cache
    stride, pad, f = hparameters["stride"], hparameters["pad"], len(W)
    padded = zero_pad(A_prev, pad)
    dA, dW = np.zeros_like(padded), np.zeros_like(W)
    for h in range(dZ.shape[1]):
        for w in range(dZ.shape[2]):
            place = (slice(None), slice(h * stride, h * stride + f), slice(w * stride, w * stride + f))
            dA[place] += np.tensordot(dZ[:, h, w], W, (1, 3))
            dW += np.tensordot(padded[place], dZ[:, h, w], (0, 0))
    rows, columns = A_prev.shape[1:3]
    return dA[:, pad : pad + rows, pad : pad + columns], dW, dZ.sum(axis=(0, 1, 2)).reshape(b.shape)


def create_mask_from_window(x):
    return x == np.max(x)


def distribute_value(dz, shape):
    return np.full(shape, dz / (shape[0] * shape[1]))


def pool_backward(dA, cache, mode="max"):
    A_prev, hparameters = cache
    stride, f = hparameters["stride"], hparameters["f"]
    dA_prev = np.zeros_like(A_prev)
    for i, h, w, c in np.ndindex(dA.shape):
        place = (i, slice(h * stride, h * stride + f), slice(w * stride, w * stride + f), c)
        if mode == "max":
            dA_prev[place] += create_mask_from_window(A_prev[place]) * dA[i, h, w, c]
        else:
            dA_prev[place] += distribute_value(dA[i, h, w, c], (f, f))
    return dA_prev
