"""The layers and losses of the second assignment, forward and backward.

A forward gives its output and a cache; the backward takes the gradient of the loss by that output and the cache, and
gives the gradients by the forward's array arguments, in their order. N is the number of examples; arrays come out in
the dtype in which they come in, and no function writes to its arguments, but for the running statistics in bn_param.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]
Param = dict[str, Any]

# ---- affine and relu


def affine_forward(x: Array, w: Array, b: Array) -> tuple[Array, Any]:
    """out = x w + b, where each example of x (N×d₁×…×dₖ) is a row of D = d₁⋯dₖ numbers; w is D×M, b (M,)."""
    return x.reshape(len(x), -1) @ w + b, (x, w, b)


def affine_backward(dout: Array, cache: Any) -> tuple[Array, Array, Array]:
    """dx of x's shape, dw (D×M) and db (M,) for dout (N×M)."""
    x, w, _ = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


def relu_forward(x: Array) -> tuple[Array, Array]:
    """max(0, x), of any shape."""
    return np.maximum(x, 0), x


def relu_backward(dout: Array, cache: Array) -> Array:
    """dout where x is positive, else 0."""
    return np.where(cache > 0, dout, 0)


# ---- losses


def softmax_loss(x: Array, y: Array) -> tuple[Any, Array]:
    """The mean of −log softmax(x)[y] over the examples, and its gradient by the scores x (N×C); y (N,) in 0…C−1."""
    N = len(x)
    shifted = x - x.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(N)
    loss = (np.log(sums[:, 0]) - shifted[rows, y]).mean()
    dx = exponentials / sums
    dx[rows, y] -= 1
    dx /= N
    return loss, dx


def svm_loss(x: Array, y: Array) -> tuple[Any, Array]:
    """The mean of Σ_{j≠y} max(0, x_j − x_y + 1) over the examples, and its gradient by the scores x (N×C)."""
    N = len(x)
    rows = np.arange(N)
    margins = np.maximum(x - x[rows, y][:, None] + 1, 0)
    margins[rows, y] = 0
    dx = (margins > 0).astype(x.dtype)
    dx[rows, y] = -dx.sum(axis=1)
    return margins.sum() / N, dx / N


# ---- normalisation


def batchnorm_forward(x: Array, gamma: Array, beta: Array, bn_param: Param) -> tuple[Array, Any]:
    """Normalises each feature of x (N×D) over the examples, then scales by gamma and shifts by beta, both (D,).

    In bn_param["mode"] "train" the statistics are the batch's (the variance divides by N), and the running ones in
    bn_param move by 1 − momentum of the way to them; in "test" the running ones are used.
    """
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    mean = bn_param.get("running_mean", np.zeros(x.shape[1], x.dtype))
    variance = bn_param.get("running_var", np.zeros(x.shape[1], x.dtype))
    if bn_param["mode"] == "test":
        normal = (x - mean) / np.sqrt(variance + eps)
        out, cache = gamma * normal + beta, None
    elif bn_param["mode"] == "train":
        batch_mean, batch_variance = x.mean(axis=0), x.var(axis=0)
        out, cache = _normalised(x, batch_mean, batch_variance, gamma, beta, eps, axis=0)
        mean = momentum * mean + (1 - momentum) * batch_mean
        variance = momentum * variance + (1 - momentum) * batch_variance
    else:
        raise ValueError(f"bn_param['mode'] is {bn_param['mode']!r}; it is 'train' or 'test'.")
    bn_param["running_mean"], bn_param["running_var"] = mean, variance
    return out, cache


def batchnorm_backward(dout: Array, cache: Any) -> tuple[Array, Array, Array]:
    """dx (N×D), dgamma and dbeta (D,), step by step along the graph of the forward in training."""
    normal, deviation, gamma, _ = cache
    centred = normal * deviation
    dnormal = dout * gamma
    ddeviation = -(dnormal * centred).sum(axis=0) / deviation**2
    dvariance = ddeviation / (2 * deviation)
    dcentred = dnormal / deviation + 2 * centred * dvariance / len(dout)
    dx = dcentred - dcentred.mean(axis=0)
    return dx, (dout * normal).sum(axis=0), dout.sum(axis=0)


def batchnorm_backward_alt(dout: Array, cache: Any) -> tuple[Array, Array, Array]:
    """The same by one formula: (g − mean(g) − x̂ mean(g x̂)) / σ with g = dout γ."""
    normal, deviation, gamma, axis = cache
    return _through_normalisation(dout, normal, deviation, gamma, axis), (dout * normal).sum(axis=0), dout.sum(axis=0)


def layernorm_forward(x: Array, gamma: Array, beta: Array, ln_param: Param) -> tuple[Array, Any]:
    """Normalises each example of x (N×D) over its features, then scales by gamma and shifts by beta, both (D,)."""
    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    return _normalised(x, mean, variance, gamma, beta, ln_param.get("eps", 1e-5), axis=1)


def layernorm_backward(dout: Array, cache: Any) -> tuple[Array, Array, Array]:
    """dx (N×D), dgamma and dbeta (D,)."""
    normal, deviation, gamma, axis = cache
    return _through_normalisation(dout, normal, deviation, gamma, axis), (dout * normal).sum(axis=0), dout.sum(axis=0)


def _normalised(
    x: Array, mean: Array, variance: Array, gamma: Array, beta: Array, eps: float, axis: Any
) -> tuple[Array, Any]:
    deviation = np.sqrt(variance + eps)
    normal = (x - mean) / deviation
    return gamma * normal + beta, (normal, deviation, gamma, axis)


def _through_normalisation(dout: Array, normal: Array, deviation: Array, gamma: Array, axis: Any) -> Array:
    g = dout * gamma
    along: Array = g.mean(axis=axis, keepdims=True) + normal * (g * normal).mean(axis=axis, keepdims=True)
    return (g - along) / deviation


# ---- dropout


def dropout_forward(x: Array, dropout_param: Param) -> tuple[Array, Any]:
    """Keeps each element with probability p in "train", then divided by p; gives x as it is in "test".

    A "seed" in dropout_param makes the draw the same each time.
    """
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    if mode == "test":
        return x, (dropout_param, None)
    if mode != "train":
        raise ValueError(f"dropout_param['mode'] is {mode!r}; it is 'train' or 'test'.")
    mask = ((np.random.rand(*x.shape) < p) / p).astype(x.dtype)
    return x * mask, (dropout_param, mask)


def dropout_backward(dout: Array, cache: Any) -> Array:
    """dout through the forward's mask; as it is in "test"."""
    _, mask = cache
    return dout if mask is None else dout * mask


# ---- images: x is N×C×H×W


def conv_forward_naive(x: Array, w: Array, b: Array, conv_param: Param) -> tuple[Array, Any]:
    """Correlates x with the filters w (F×C×HH×WW) and adds b (F,): N×F×H'×W'.

    conv_param: "stride", the step between windows, and "pad", the zeros added on each side;
    H' = 1 + (H + 2 pad − HH) // stride.
    """
    stride, pad = conv_param["stride"], conv_param["pad"]
    F, C, HH, WW = w.shape
    windows = _windows(_padded(x, pad), HH, WW, stride)
    N, _, height, width = windows.shape[:4]
    columns = windows.transpose(0, 1, 4, 5, 2, 3).reshape(N, C * HH * WW, height * width)
    out = w.reshape(F, -1) @ columns + b[:, None]
    return out.reshape(N, F, height, width), (x.shape, w, conv_param, columns)


def conv_backward_naive(dout: Array, cache: Any) -> tuple[Array, Array, Array]:
    """dx (N×C×H×W), dw (F×C×HH×WW) and db (F,) for dout (N×F×H'×W')."""
    (N, C, H, W), w, conv_param, columns = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    F, _, HH, WW = w.shape
    height, width = dout.shape[2:]
    flat = np.ascontiguousarray(dout).reshape(N, F, -1)
    dw = (flat @ columns.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape)
    dcolumns = (w.reshape(F, -1).T @ flat).reshape(N, C, HH, WW, height, width)
    dx = np.zeros((N, C, H + 2 * pad, W + 2 * pad), dcolumns.dtype)
    for i in range(HH):
        for j in range(WW):
            dx[:, :, i : i + stride * height : stride, j : j + stride * width : stride] += dcolumns[:, :, i, j]
    return dx[:, :, pad : pad + H, pad : pad + W], dw, dout.sum(axis=(0, 2, 3))


def max_pool_forward_naive(x: Array, pool_param: Param) -> tuple[Array, Any]:
    """The maximum of each window of pool_param's "pool_height", "pool_width" and "stride": N×C×H'×W'."""
    height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    windows = _windows(x, height, width, stride)
    flat = windows.reshape(*windows.shape[:4], height * width)
    first = flat.argmax(axis=-1)
    return np.take_along_axis(flat, first[..., None], axis=-1)[..., 0], (x.shape, pool_param, first)


def max_pool_backward_naive(dout: Array, cache: Any) -> Array:
    """dout at the first maximum of each window, added up where windows overlap."""
    shape, pool_param, first = cache
    height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    rows, columns = dout.shape[2:]
    dx = np.zeros(shape, dout.dtype)
    for place in range(height * width):
        i, j = divmod(place, width)
        part = dx[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]
        part += np.where(first == place, dout, 0)
    return dx


def spatial_batchnorm_forward(x: Array, gamma: Array, beta: Array, bn_param: Param) -> tuple[Array, Any]:
    """Batch normalisation of each channel over examples and places; gamma and beta are (C,)."""
    out, cache = batchnorm_forward(_places_as_rows(x), gamma, beta, bn_param)
    return _rows_as_places(out, x.shape), cache


def spatial_batchnorm_backward(dout: Array, cache: Any) -> tuple[Array, Array, Array]:
    """dx (N×C×H×W), dgamma and dbeta (C,)."""
    dx, dgamma, dbeta = batchnorm_backward_alt(_places_as_rows(dout), cache)
    return _rows_as_places(dx, dout.shape), dgamma, dbeta


def spatial_groupnorm_forward(x: Array, gamma: Array, beta: Array, G: int, gn_param: Param) -> tuple[Array, Any]:
    """Normalises each of G groups of channels of each example over its C/G·H·W numbers; gamma, beta are 1×C×1×1."""
    N, C, H, W = x.shape
    groups = x.reshape(N, G, C // G * H * W)
    mean, variance = groups.mean(axis=2, keepdims=True), groups.var(axis=2, keepdims=True)
    deviation = np.sqrt(variance + gn_param.get("eps", 1e-5))
    normal = ((groups - mean) / deviation).reshape(x.shape)
    return gamma * normal + beta, (normal, deviation, gamma, G)


def spatial_groupnorm_backward(dout: Array, cache: Any) -> tuple[Array, Array, Array]:
    """dx (N×C×H×W), dgamma and dbeta (1×C×1×1)."""
    normal, deviation, gamma, G = cache
    N, C, H, W = dout.shape
    grouped = (N, G, C // G * H * W)
    g = (dout * gamma).reshape(grouped)
    dx = _through_normalisation(g, normal.reshape(grouped), deviation, np.ones((), dout.dtype), 2)
    axes = (0, 2, 3)
    return dx.reshape(dout.shape), (dout * normal).sum(axis=axes, keepdims=True), dout.sum(axis=axes, keepdims=True)


def _padded(x: Array, pad: int) -> Array:
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))


def _windows(x: Array, height: int, width: int, stride: int) -> Array:
    """Every window of x as a view: N×C×H'×W'×height×width."""
    return sliding_window_view(x, (height, width), axis=(2, 3))[:, :, ::stride, ::stride]


def _places_as_rows(x: Array) -> Array:
    """N×C×H×W as (N·H·W)×C."""
    return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])


def _rows_as_places(rows: Array, shape: tuple[int, ...]) -> Array:
    N, C, H, W = shape
    return rows.reshape(N, H, W, C).transpose(0, 3, 1, 2)
