"""Layers and losses: affine, convolution, pools, norms, dropout, softmax, SVM, GELU, attention, embedding, networks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from parity_tests.proof.course_pairs.course_pair import Array, CoursePair, Results, normal


def affine(slip: int, /, x: Array, w: Array, b: Array, grad: Array) -> Results:
    flat = x.reshape(len(x), -1)
    out = flat @ w + (0 if slip == 1 else b)
    dw = flat.T @ grad
    return {
        "output": out,
        "x": (grad @ w.T).reshape(x.shape) * (2 if slip == 2 else 1),
        "w": dw / len(x) if slip == 3 else dw,
        "b": grad.mean(axis=0) if slip == 4 else grad[0] if slip == 5 else grad.sum(axis=0),
    }


def _affine() -> Any:
    from reference.flow import gradients

    return gradients(lambda x, w, b: x.flatten(1) @ w + b, of=("x", "w", "b"), given="grad")


def _windows(x: Array, size: int, stride: int) -> Array:
    return np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]


def convolution(slip: int, /, x: Array, w: Array, b: Array, grad: Array) -> Results:
    """Stride 2, padding 1, kernel 3×3, an image that is not square."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = _windows(padded, 3, 2)
    kernel = w[:, :, ::-1, ::-1] if slip == 1 else w.swapaxes(2, 3) if slip == 2 else w
    out = np.einsum("ncijhw,fchw->nfij", windows, kernel) + b[None, :, None, None]
    dpadded = np.zeros_like(padded)
    for i in range(grad.shape[2]):
        for j in range(grad.shape[3]):
            piece = np.einsum("nf,fchw->nchw", grad[:, :, i, j], w)
            if slip == 3:
                dpadded[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] = piece
            else:
                dpadded[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += piece
    dw = np.einsum("ncijhw,nfij->fchw", windows, grad)
    return {
        "output": out,
        "x": dpadded[:, :, :-2, :-2] if slip == 4 else dpadded[:, :, 1:-1, 1:-1],
        "w": dw / len(x) if slip == 5 else dw,
        "b": grad.sum(axis=(0, 2, 3)),
    }


def _convolution() -> Any:
    from torch.nn.functional import conv2d

    from reference.flow import gradients

    return gradients(lambda x, w, b: conv2d(x, w, b, stride=2, padding=1), of=("x", "w", "b"), given="grad")


def max_pool(slip: int, /, x: Array, grad: Array) -> Results:
    """2×2 windows a step of 1 apart, which overlap."""
    windows = _windows(x, 2, 1)
    out = windows.mean(axis=(-1, -2)) if slip == 1 else windows.max(axis=(-1, -2))
    dx = np.zeros_like(x)
    for i in range(grad.shape[2]):
        for j in range(grad.shape[3]):
            window = x[:, :, i : i + 2, j : j + 2]
            mask = window == window.max(axis=(2, 3), keepdims=True)
            piece = (np.ones_like(mask) if slip == 2 else mask) * grad[:, :, i, j, None, None]
            if slip == 3:
                dx[:, :, i : i + 2, j : j + 2] = piece
            else:
                dx[:, :, i : i + 2, j : j + 2] += piece / 4 if slip == 4 else piece
    return {"output": out, "x": dx.swapaxes(2, 3).reshape(x.shape) if slip == 5 else dx}


def _max_pool() -> Any:
    from torch.nn.functional import max_pool2d

    from reference.flow import gradients

    return gradients(lambda x: max_pool2d(x, 2, stride=1), of=("x",), given="grad")


def average_pool(slip: int, /, x: Array, grad: Array) -> Results:
    windows = _windows(x, 2, 2)
    out = windows.max(axis=(-1, -2)) if slip == 1 else windows.sum(axis=(-1, -2)) / (2 if slip == 2 else 4)
    dx = np.repeat(np.repeat(grad, 2, axis=2), 2, axis=3) / (1 if slip == 3 else 4)
    if slip == 4:
        dx = np.tile(grad, (1, 1, 2, 2)) / 4
    if slip == 5:
        dx[:, :, 1::2, 1::2] = 0
    return {"output": out, "x": dx}


def _average_pool() -> Any:
    from torch.nn.functional import avg_pool2d

    from reference.flow import gradients

    return gradients(lambda x: avg_pool2d(x, 2), of=("x",), given="grad")


def _normalised(
    slip: int, x: Array, gamma: Array, beta: Array, grad: Array, axes: tuple[int, ...], over: tuple[int, ...]
) -> Results:
    """A norm whose statistics are over `axes`, its parameters' gradients over `over`."""
    n = math.prod(x.shape[axis] for axis in axes)
    mean = x.mean(axis=axes, keepdims=True)
    variance = ((x - mean) ** 2).sum(axis=axes, keepdims=True) / (n - 1 if slip == 1 else n)
    scale = 1 / (np.sqrt(variance) + (1e-5 if slip == 2 else 0) if slip == 2 else np.sqrt(variance + 1e-5))
    normal_x = (x - mean) * scale
    upstream = grad if slip == 3 else grad * gamma
    first = upstream.mean(axis=axes, keepdims=True)
    second = (upstream * normal_x).mean(axis=axes, keepdims=True)
    inner = upstream - first - (0 if slip == 4 else normal_x * second)
    return {
        "output": normal_x * gamma + beta,
        "x": inner * scale,
        "gamma": (grad * normal_x).sum(axis=over).reshape(gamma.shape),
        "beta": (grad.mean(axis=over) if slip == 5 else grad.sum(axis=over)).reshape(beta.shape),
    }


NORM_SLIPS = (
    "the variance by n − 1",
    "ε outside the root",
    "gamma left out of the gradient of x",
    "the second sum left out of the gradient of x",
    "the gradient of beta averaged",
)


def batch_norm(slip: int, /, x: Array, gamma: Array, beta: Array, grad: Array) -> Results:
    return _normalised(slip, x, gamma, beta, grad, (0,), (0,))


def layer_norm(slip: int, /, x: Array, gamma: Array, beta: Array, grad: Array) -> Results:
    return _normalised(slip, x, gamma, beta, grad, (1,), (0,))


def group_norm(slip: int, /, x: Array, gamma: Array, beta: Array, grad: Array) -> Results:
    N, C, H, W = x.shape
    grouped = [array.reshape(N, 2, C // 2, H, W) for array in (x, grad)]
    scale, shift = (array.reshape(1, 2, C // 2, 1, 1) for array in (gamma, beta))
    found = _normalised(slip, grouped[0], scale, shift, grouped[1], (2, 3, 4), (0, 3, 4))
    return {name: value.reshape(x.shape if name in ("output", "x") else (C,)) for name, value in found.items()}


def _norm(kind: str) -> Any:
    from torch.nn import functional as F  # noqa: N812 - as everybody calls it

    from reference.flow import gradients

    functions = {
        "batch": lambda x, gamma, beta: F.batch_norm(x, None, None, gamma, beta, training=True),
        "layer": lambda x, gamma, beta: F.layer_norm(x, (x.shape[1],), gamma, beta),
        "group": lambda x, gamma, beta: F.group_norm(x, 2, gamma, beta),
    }
    return gradients(functions[kind], of=("x", "gamma", "beta"), given="grad")


def batch_norm_evaluated(
    slip: int, /, x: Array, gamma: Array, beta: Array, mean: Array, var: Array, grad: Array
) -> Results:
    """By the running statistics."""
    if slip == 1:
        mean, var = x.mean(axis=0), x.var(axis=0)
    scale = 1 / (var + 1e-5 if slip == 2 else np.sqrt(var + (0.1 if slip == 3 else 1e-5)))
    normal_x = (x - mean) * scale
    return {
        "output": normal_x if slip == 4 else normal_x * gamma + beta,
        "x": grad * scale * (1 if slip == 5 else gamma),
        "gamma": (grad * normal_x).sum(axis=0),
        "beta": grad.sum(axis=0),
    }


def _batch_norm_evaluated() -> Any:
    from torch.nn.functional import batch_norm as norm

    from reference.flow import gradients

    return gradients(
        lambda x, gamma, beta, mean, var: norm(x, mean, var, gamma, beta), of=("x", "gamma", "beta"), given="grad"
    )


def dropout(slip: int, /, x: Array, grad: Array) -> Results:
    """The mask is drawn here, from the numbers themselves, and handed to torch."""
    draws = np.random.default_rng(int(np.abs(x).sum() * 1e3)).random(x.shape)
    mask = ((draws >= 0.25) / 0.75).astype(x.dtype)
    kept = (mask > 0).astype(x.dtype)
    return {
        "masks": mask,
        "output": x * kept if slip == 1 else x * (kept - mask + mask * kept * 0.75) if slip == 2 else x * mask,
        "x": {3: grad * kept, 4: grad, 5: grad * mask * mask}.get(slip, grad * mask),
    }


def _dropout() -> Any:
    from reference.flow import gradients, replay

    return gradients(lambda x, masks: replay(masks)(x), of=("x",), given="grad")


def softmax(slip: int, /, x: Array, y: Array) -> Results:
    """With cross-entropy, averaged over the rows."""
    shifted = x - x.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    p = e / e.sum(axis=0 if slip == 1 else 1, keepdims=True)
    rows = np.arange(len(x))
    losses = np.log(e.sum(axis=1)) - shifted[rows, y]
    dx = p.copy()
    dx[rows, y] -= 0 if slip == 2 else 1
    loss = losses.sum() if slip == 3 else losses.mean()
    return {"output": loss + (1e-3 if slip == 5 else 0), "x": dx if slip == 4 else dx / len(x)}


def _softmax() -> Any:
    from torch.nn.functional import cross_entropy

    from reference.flow import gradients

    return gradients(lambda x, y: cross_entropy(x, y), of=("x",), given=None)


def svm(slip: int, /, x: Array, y: Array) -> Results:
    """The multi-class hinge loss with margin 1."""
    rows = np.arange(len(x))
    margins = np.maximum(0, x - x[rows, y][:, None] + (0.5 if slip == 1 else 1))
    if slip != 2:
        margins[rows, y] = 0
    dx = (margins > 0).astype(x.dtype)
    dx[rows, y] -= 1 if slip == 3 else dx.sum(axis=1)
    loss = (margins**2 if slip == 5 else margins).sum() / len(x)
    return {"output": loss, "x": dx if slip == 4 else dx / len(x)}


def _svm() -> Any:
    import torch
    from torch.nn.functional import one_hot

    from reference.flow import gradients

    def loss(x: Any, y: Any) -> Any:
        margins = torch.relu(x - x.gather(1, y[:, None]) + 1)
        return (margins * (1 - one_hot(y, x.shape[1]))).sum() / len(x)

    return gradients(loss, of=("x",), given=None)


def gelu(slip: int, /, x: Array, grad: Array) -> Results:
    """By the error function."""
    erf = np.vectorize(math.erf, otypes=[np.float64])
    phi = (0.5 * (1 + erf(x.astype(np.float64) / math.sqrt(2)))).astype(x.dtype)
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    approximate = 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    sigmoid = x / (1 + np.exp(-1.702 * x))
    out = {1: approximate, 2: sigmoid}.get(slip, x * phi)
    slope = {3: phi, 4: phi + density, 5: phi + x * density * math.sqrt(2)}.get(slip, phi + x * density)
    return {"output": out.astype(x.dtype), "x": (grad * slope).astype(x.dtype)}


def _gelu() -> Any:
    from torch.nn.functional import gelu as torchs

    from reference.flow import gradients

    return gradients(lambda x: torchs(x), of=("x",), given="grad")


def attention(slip: int, /, q: Array, k: Array, v: Array, grad: Array) -> Results:
    """Scaled dot products, one head."""
    scale = 1.0 if slip == 1 else 1 / len(k) if slip == 2 else 1 / math.sqrt(q.shape[1])
    scores = (q @ k.T) * q.dtype.type(scale)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=0 if slip == 3 else 1, keepdims=True)
    dp = grad @ v.T
    ds = p * (dp if slip == 4 else dp - (dp * p).sum(axis=1, keepdims=True)) * q.dtype.type(scale)
    return {"output": p @ v, "q": ds @ k, "k": (ds if slip == 5 and len(q) == len(k) else ds.T) @ q, "v": p.T @ grad}


def _attention() -> Any:
    from torch.nn.functional import scaled_dot_product_attention as torchs

    from reference.flow import gradients

    return gradients(lambda q, k, v: torchs(q[None], k[None], v[None])[0], of=("q", "k", "v"), given="grad")


def embedding(slip: int, /, table: Array, rows: Array, grad: Array) -> Results:
    """Rows of a table, some of them twice."""
    dtable = np.zeros_like(table)
    if slip == 1:
        dtable[rows] = grad
    elif slip == 2:
        dtable[rows] += grad
    else:
        np.add.at(dtable, rows, grad)
    if slip == 3:
        dtable /= len(rows)
    out = table[rows[::-1]] if slip == 4 else table[np.minimum(rows + 1, len(table) - 1)] if slip == 5 else table[rows]
    return {"output": out, "table": dtable}


def _embedding() -> Any:
    from torch.nn.functional import embedding as torchs

    from reference.flow import gradients

    return gradients(lambda table, rows: torchs(rows, table), of=("table",), given="grad")


def _labelled(rng: np.random.Generator) -> dict[str, Any]:
    return {"x": 2 * rng.standard_normal((7, 5)), "y": rng.integers(0, 5, 7)}


def _running(rng: np.random.Generator) -> dict[str, Any]:
    drawn = normal(x=(6, 5), gamma=(5,), beta=(5,), mean=(5,), grad=(6, 5))(rng)
    return {**drawn, "var": rng.uniform(0.2, 2, 5)}


def _rows(rng: np.random.Generator) -> dict[str, Any]:
    rows = np.concatenate([rng.integers(0, 6, 5), [2, 2, 4]])
    return {"table": rng.standard_normal((6, 4)), "rows": rows, "grad": rng.standard_normal((8, 4))}


NORM = {"x": (6, 5), "gamma": (5,), "beta": (5,), "grad": (6, 5)}
LAYERS = (
    CoursePair("affine", affine, _affine, normal(x=(5, 2, 3), w=(6, 4), b=(4,), grad=(5, 4)),
               ("the bias left out", "the gradient of x twice", "the gradient of w averaged", "that of b averaged",
                "that of b not summed")),
    CoursePair("convolution", convolution, _convolution,
               normal(x=(2, 3, 7, 9), w=(4, 3, 3, 3), b=(4,), grad=(2, 4, 4, 5)),
               ("the kernel flipped", "the kernel's axes exchanged", "overlaps overwritten in the backward",
                "the padding cut off at one side", "the gradient of w averaged")),
    CoursePair("max pool", max_pool, _max_pool, normal(x=(2, 3, 5, 6), grad=(2, 3, 4, 5)),
               ("the mean", "the gradient to every element", "overlaps overwritten", "the gradient quartered",
                "H and W exchanged")),
    CoursePair("average pool", average_pool, _average_pool, normal(x=(2, 3, 6, 4), grad=(2, 3, 3, 2)),
               ("the largest", "half the sum", "the gradient not divided", "the gradient tiled",
                "the last of each window left out")),
    CoursePair("batch norm in training", batch_norm, lambda: _norm("batch"), normal(**NORM), NORM_SLIPS),
    CoursePair("batch norm in evaluation", batch_norm_evaluated, _batch_norm_evaluated, _running,
               ("the batch's own statistics", "the variance for its root", "another ε", "gamma and beta left out",
                "gamma left out of the gradient")),
    CoursePair("layer norm", layer_norm, lambda: _norm("layer"), normal(**NORM), NORM_SLIPS),
    CoursePair("group norm", group_norm, lambda: _norm("group"),
               normal(x=(3, 4, 3, 2), gamma=(4,), beta=(4,), grad=(3, 4, 3, 2)), NORM_SLIPS),
    CoursePair("dropout by its mask", dropout, _dropout, normal(x=(6, 8), grad=(6, 8)),
               ("the output not scaled", "the output scaled the other way", "the gradient not scaled",
                "the gradient not masked", "the gradient scaled twice")),
    CoursePair("softmax cross-entropy", softmax, _softmax, _labelled,
               ("normalised over the wrong axis", "the label not subtracted", "summed, not averaged",
                "the gradient not averaged", "off by a thousandth")),
    CoursePair("SVM loss", svm, _svm, _labelled,
               ("another margin", "the right class counted", "one taken off the right class",
                "the gradient not averaged",
                "squared margins")),
    CoursePair("GELU", gelu, _gelu, normal(x=(6, 7), grad=(6, 7)),
               ("by tanh", "by a sigmoid", "the density left out", "x left out of the slope", "the density too large")),
    CoursePair("attention", attention, _attention, normal(q=(6, 8), k=(6, 8), v=(6, 8), grad=(6, 8)),
               ("not scaled", "scaled by the length", "normalised over the queries", "the sum left out of the backward",
                "scores not transposed")),
    CoursePair("embedding", embedding, _embedding, _rows,
               ("equal rows overwritten", "equal rows added once", "the gradient averaged", "rows in reverse",
                "the next row")),
)  # fmt: skip
