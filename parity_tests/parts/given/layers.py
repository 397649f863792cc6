"""The linear layer, ReLU and the losses: what the names of their texts stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parity_tests.parts.right_text import RightText


def of_linear(text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    """The names of the linear layer: x as rows, as it should be flattened and as it should not."""
    x, N = t.x, len(t.x)
    turned = x.permute(0, *range(x.dim() - 1, 0, -1))
    arrays = {"rows": x.reshape(N, -1), "fortran": turned.reshape(N, -1), "mixed": x.reshape(-1, N).T}
    counts = {"count": float(N), "inputs": float(len(t.w)), "outputs": float(len(t.b))}
    axes = {"axis": (0,), "other": (1,), "everything": (0, 1)}
    return {**arrays, "w": t.w, "b": t.b, "dout": getattr(t, "dout", None), **counts, **axes}


def of_relu(text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    return {"x": t.x, "dout": getattr(t, "dout", None), "zero": 0.0, "one": 1.0, "negatives": 0.0}


def of_loss(text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    """The names of a loss: 1 at the classes of each example that one may take for the right one."""
    import torch

    N, C = t.x.shape
    right = (t.y.reshape(-1, 1) == torch.arange(C)).to(t.x.dtype)
    label = right.sum(0, keepdim=True) + 0 * right
    classes = {"right": right, "chosen": right, "others": 1 - right, "label": label, "column": label.clamp(max=1)}
    classes["likeliest"] = (t.x == t.x.amax(1, keepdim=True)).to(t.x.dtype)
    counts = {"count": float(N), "classes": float(C), "wrong": float(C - 1)}
    axes = {"axis": (1,), "other": (0,), "everything": (0, 1)}
    return {"x": t.x, **classes, **counts, **axes, "zero": 0.0, "one": 1.0}
