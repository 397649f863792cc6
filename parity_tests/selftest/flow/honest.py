"""Layers in numpy as courses teach them: each returns its output and gradients, by the names that torch's side has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def affine(X: Array, W: Array, b: Array, g: Array) -> dict[str, Array]:
    """XW + b."""
    return {"output": X @ W + b, "X": g @ W.T, "W": X.T @ g, "b": g.sum(0)}


def layer_norm(x: Array, gamma: Array, beta: Array, g: Array, eps: float = 1e-5) -> dict[str, Array]:
    """Over the last dimension."""
    mean = x.mean(-1, keepdims=True)
    inverse = 1 / np.sqrt(x.var(-1, keepdims=True) + x.dtype.type(eps))
    hat = (x - mean) * inverse
    d = g * gamma
    dx = inverse * (d - d.mean(-1, keepdims=True) - hat * (d * hat).mean(-1, keepdims=True))
    return {"output": gamma * hat + beta, "x": dx, "gamma": (g * hat).sum(0), "beta": g.sum(0)}


def batch_norm(x: Array, gamma: Array, beta: Array, g: Array, eps: float = 1e-5) -> dict[str, Array]:
    """In training, over rows."""
    N = len(x)
    mean = x.mean(0)
    inverse = 1 / np.sqrt(((x - mean) ** 2).mean(0) + x.dtype.type(eps))
    hat = (x - mean) * inverse
    dgamma, dbeta = (g * hat).sum(0), g.sum(0)
    dx = gamma * inverse / N * (N * g - dbeta - hat * dgamma)
    return {"output": gamma * hat + beta, "x": dx, "gamma": dgamma, "beta": dbeta}


def batch_norm_evaluated(
    x: Array, mean: Array, var: Array, gamma: Array, beta: Array, g: Array, eps: float = 1e-5
) -> dict[str, Array]:
    """With running statistics."""
    inverse = 1 / np.sqrt(var + x.dtype.type(eps))
    hat = (x - mean) * inverse
    return {"output": gamma * hat + beta, "x": g * gamma * inverse, "gamma": (g * hat).sum(0), "beta": g.sum(0)}


def convolution(x: Array, w: Array, b: Array, g: Array) -> dict[str, Array]:
    """3×3 with padding 1, by loops over the kernel's places."""
    H, W = x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    out = np.zeros((len(x), len(w), H, W), x.dtype) + b[:, None, None]
    dw, dpadded = np.zeros_like(w), np.zeros_like(padded)
    for i in range(3):
        for j in range(3):
            patch = padded[:, :, i : i + H, j : j + W]
            out += np.einsum("nchw,kc->nkhw", patch, w[:, :, i, j])
            dw[:, :, i, j] = np.einsum("nchw,nkhw->kc", patch, g)
            dpadded[:, :, i : i + H, j : j + W] += np.einsum("nkhw,kc->nchw", g, w[:, :, i, j])
    return {"output": out, "x": dpadded[:, :, 1:-1, 1:-1], "w": dw, "b": g.sum((0, 2, 3))}


def softmax(a: Array) -> Array:
    """Shifted by its largest."""
    e = np.exp(a - a.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def cross_entropy(a: Array, y: Array) -> dict[str, Array]:
    """The mean over rows, and its gradient."""
    d = a - a.max(1, keepdims=True)
    log_p = d - np.log(np.exp(d).sum(1, keepdims=True))
    N = len(a)
    da = softmax(a)
    da[np.arange(N), y] -= 1
    return {"output": -log_p[np.arange(N), y].mean(), "a": da / N}


def attention(q: Array, k: Array, v: Array, g: Array) -> dict[str, Array]:
    """Scaled dot-product attention of one head."""
    scale = q.dtype.type(1 / np.sqrt(q.shape[-1]))
    p = softmax(q @ k.T * scale)
    dp = g @ v.T
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) * scale
    return {"output": p @ v, "q": ds @ k, "k": ds.T @ q, "v": p.T @ g}


def sigmoid(x: Array) -> Array:
    """By its definition."""
    return np.asarray(1 / (1 + np.exp(-x)))


def lstm(x: Array, h: Array, c: Array, Wx: Array, Wh: Array, b: Array, g: Array) -> dict[str, Array]:
    """x T×N×D, gates in the order i, f, g, o, weights D×4H and H×4H; g is the gradient in all hidden states."""
    T = len(x)
    H = h.shape[1]
    kept = []
    hidden, cell, states = h, c, []
    for t in range(T):
        a = x[t] @ Wx + hidden @ Wh + b
        i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 3 * H :])
        candidate = np.tanh(a[:, 2 * H : 3 * H])
        new = f * cell + i * candidate
        kept.append((hidden, cell, i, f, candidate, o, np.tanh(new)))
        cell = new
        hidden = o * np.tanh(new)
        states.append(hidden)
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dh, dc = np.zeros_like(h), np.zeros_like(c)
    for t in reversed(range(T)):
        before, cell_before, i, f, candidate, o, squashed = kept[t]
        dh = dh + g[t]
        dc = dc + dh * o * (1 - squashed**2)
        parts = (dc * candidate * i * (1 - i), dc * cell_before * f * (1 - f), dc * i * (1 - candidate**2))
        da = np.concatenate([*parts, dh * squashed * o * (1 - o)], axis=1)
        dx[t], dh, dc = da @ Wx.T, da @ Wh.T, dc * f
        dWx += x[t].T @ da
        dWh += before.T @ da
        db += da.sum(0)
    return {"output": np.stack(states), "x": dx, "h": dh, "c": dc, "Wx": dWx, "Wh": dWh, "b": db}


def mlp(X: Array, g: Array, weights: list[Array]) -> dict[str, Array]:
    """relu after all but the last product; gradients of all weights as "W0", "W1", …"""
    kept, h = [], X
    for n, W in enumerate(weights):
        kept.append(h)
        h = h @ W
        if n < len(weights) - 1:
            h = np.maximum(h, 0)
    found = {"output": h}
    for n in reversed(range(len(weights))):
        found[f"W{n}"] = kept[n].T @ g
        g = (g @ weights[n].T) * (kept[n] > 0)
    return found
