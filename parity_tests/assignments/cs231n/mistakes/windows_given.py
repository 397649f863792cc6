"""What the texts of convolution and pooling are given: images, filters, masks, and how windows are cut and put back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.mistakes.generated import Later
from parity_tests.parts.in_torch import IN_TORCH
from parity_tests.parts.right_text import RightText
from parity_tests.parts.windows import PADDINGS

Sides = tuple[int, int]


def _cut(sides: Sides, output: Sides, x: Any, step: Sides) -> Any:
    """The windows of images, of numpy or of torch: N × C × numbers of a window × windows."""
    (N, C, H, W), (rows, columns) = x.shape, output
    if isinstance(x, np.ndarray):
        views = np.lib.stride_tricks.sliding_window_view(x, sides, axis=(2, 3))[:, :, :: step[0], :: step[1]]
        return views[:, :, :rows, :columns].transpose(0, 1, 4, 5, 2, 3).reshape(N, C, sides[0] * sides[1], -1)
    import torch

    near = torch.nn.functional.unfold(x, sides, stride=step)
    whole = near.reshape(N, C, sides[0] * sides[1], 1 + (H - sides[0]) // step[0], 1 + (W - sides[1]) // step[1])
    return whole[..., :rows, :columns].reshape(N, C, sides[0] * sides[1], rows * columns)


def _put(shape: Any, sides: Sides, output: Sides, pad: int, within: Any, step: Sides, edge: Sides) -> Any:
    """Windows put where they were cut out of padded images, and from an edge on as many rows and columns as x has."""
    N, C, H, W = shape
    (height, width), own = sides, (N, C, H + 2 * pad, W + 2 * pad)
    whole = np.zeros(own, within.dtype) if isinstance(within, np.ndarray) else within.new_zeros(own)
    for k in range(within.shape[-1]):
        top, left = k // output[1] * step[0], k % output[1] * step[1]
        whole[:, :, top : top + height, left : left + width] += within[..., k].reshape(N, C, height, width)
    return whole[:, :, edge[0] : edge[0] + H, edge[1] : edge[1] + W]


def _padded(t: Any, pad: int, how: str) -> Any:
    sides = {"below": (0, 2 * pad), "above": (2 * pad, 0)}.get(how, (pad, pad))
    mode = how if how in ("edge", "symmetric", "reflect", "wrap") else "constant"
    return IN_TORCH.pad(t.x, ((0, 0), (0, 0), sides, sides), mode, 1 if how == "ones" else 0)


def _one_at(count: int, place: int, axis: int, dtype: Any) -> Any:
    """1 at one place of an axis of five, 0 at others."""
    import torch

    return (torch.arange(count) == place % count).to(dtype).reshape([count if k == axis else 1 for k in range(5)])


def _steps(sides: Sides, stride: int) -> dict[str, Sides]:
    height, width = sides
    steps = {"step": (stride, stride), "ones": (1, 1), "down": (1, stride), "across": (stride, 1)}
    return {**steps, "sides": sides, "by_height": (height, stride), "by_width": (stride, width)}


def of_convolution(text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    """The names of a convolution: windows as N × 1 × C × numbers × places, filters and dout likewise."""
    import torch

    pad, stride = s["pad"], s["stride"]
    (N, C, H, W), (F, _, height, width), dtype = t.x.shape, t.w.shape, t.x.dtype
    K, sides = height * width, (height, width)
    output = 1 + (H + 2 * pad - height) // stride, 1 + (W + 2 * pad - width) // stride
    places, counts = output[0] * output[1], _counts(N, output, sides, C)
    if "db" in text.targets:
        axes = {"axis": (0, 2, 3), "inner": (2, 3), "first": (0,), "crossed": (1, 2, 3), "everything": (0, 1, 2, 3)}
        return {"dout": t.dout, **axes, **counts}

    def filters(w: Any) -> Any:
        return w.reshape(1, F, C, K, 1)

    def cut(x: Any, step: Sides) -> Any:
        return _cut(sides, output, x, step).reshape(N, 1, C, K, places)

    def fewer(rows: int, across: int) -> Any:
        mask = torch.ones(height, width, dtype=dtype)
        mask[height - rows :] = 0
        mask[:, width - across :] = 0
        return mask.reshape(1, 1, 1, K, 1)

    def turned(axes: tuple[int, ...]) -> Any:
        windows = cut(_padded(t, pad, ""), (stride, stride)).reshape(N, C, height, width, places)
        return windows.flip(axes).reshape(N, 1, C, K, places)

    turns = {"half": (2, 3), "vertical": (2,), "horizontal": (3,), "opposite": (1,)}
    found: dict[str, Any] = {
        "cut": cut,
        "wide": _padded(t, pad, ""),
        **{f"padded_{how}": Later(_padded, t, pad, how) for how in PADDINGS},
        "first_image": Later(lambda: _padded(t, pad, "")[:1] + 0 * _padded(t, pad, "")),
        "filters": filters(t.w),
        **{f"filters_{name}": Later(lambda axes: filters(t.w.flip(axes)), axes) for name, axes in turns.items()},
        "filter_of_all": Later(lambda: filters(t.w[:1] + 0 * t.w)),
        "bias": t.b.reshape(1, F, 1),
        "first_bias": t.b[:1].reshape(1, 1, 1),
        "first_channel": _one_at(C, 0, 2, dtype),
        "last_channel": _one_at(C, -1, 2, dtype),
        "first_filter": _one_at(F, 0, 1, dtype),
        "last_filter": _one_at(F, -1, 1, dtype),
        "last_window": _one_at(places, -1, 4, dtype),
        "fewer_rows": fewer(1, 0),
        "fewer_columns": fewer(0, 1),
        "fewer": fewer(1, 1),
        "axis": (2, 3),
        **_steps(sides, stride),
        **counts,
    }
    if "dw" not in text.targets:
        return found
    g = t.dout.reshape(N, F, 1, 1, -1)
    return {
        **found,
        **{f"windows_{name}": Later(turned, axes) for name, axes in turns.items()},
        "g": g,
        "dout_of_all": Later(lambda: g[:, :1] + 0 * g),
        "put": partial(_put, t.x.shape, sides, output, pad),
        "shared": (0, 4),
        "over_filters": (1,),
        **{"edge": (pad, pad), "nowhere": (0, 0), "twice": (2 * pad, 2 * pad)},
        **{"in_rows": (pad, 0), "in_columns": (0, pad)},
    }


def _counts(N: int, output: Sides, sides: Sides, channels: int) -> dict[str, float]:
    (height, width), places = sides, output[0] * output[1]
    size = height * width
    counts = {"count": N, "places": places, "all": N * places, "height": height, "width": width, "size": size}
    return {name: float(value) for name, value in {**counts, "channels": channels, "numbers": channels * size}.items()}


def of_pooling(text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    """The names of a pool: windows as numbers × N × C × places, dout likewise."""
    sides, stride = (s["pool_height"], s["pool_width"]), s["stride"]
    N, C, H, W = t.x.shape
    output = 1 + (H - sides[0]) // stride, 1 + (W - sides[1]) // stride

    def cut(x: Any, step: Sides) -> Any:
        windows = _cut(sides, output, x, step)
        return windows.swapaxes(1, 2).swapaxes(0, 1)

    def put(within: Any, step: Sides) -> Any:
        return _put(t.x.shape, sides, output, 0, within.swapaxes(0, 1).swapaxes(1, 2), step, (0, 0))

    found = {"cut": cut, "x": t.x, "axis": (0,), **_steps(sides, stride), **_counts(N, output, sides, C)}
    return {**found, "g": t.dout.reshape(1, N, C, -1), "put": put} if "dx" in text.targets else found
