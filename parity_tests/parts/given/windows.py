"""What the texts of convolution and pooling are given: images, filters, counts, masks, and how windows are cut."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from parity_tests.parts import cut_and_put as windows
from parity_tests.parts.given.later import Later
from parity_tests.parts.right_text import BeyondError, RightText
from parity_tests.parts.windows import PADDINGS

SMALL = {"none": 0, "one": 1, "two": 2}
FLIPPED = {"half": (2, 3), "vertical": (2,), "horizontal": (3,), "opposite": (1,)}


def _one_at(count: int, place: int, axis: int, dtype: Any, axes: int = 6) -> Any:
    """1 at one place of an axis, 0 at others."""
    import torch

    return (torch.arange(count) == place % count).to(dtype).reshape([count if k == axis else 1 for k in range(axes)])


def _turns(x: Any, prefix: str) -> dict[str, Any]:
    """Filters turned each way."""
    turned = {name: Later(lambda axes: x.flip(axes), axes) for name, axes in FLIPPED.items()}
    turned["transposed"] = Later(lambda: x.swapaxes(2, 3))
    return {f"{prefix}_{name}": one for name, one in turned.items()}


def _first(x: Any, axis: int) -> Later:
    """The first of an axis in place of all."""
    return Later(lambda: x.narrow(axis, 0, 1) + 0 * x)


def _images(t: Any) -> dict[str, Any]:
    H, W = t.x.shape[2:]
    images = {"x": t.x, "first_image": _first(t.x, 0), "first_channels_image": _first(t.x, 1), "H": H, "W": W}
    loops = {"down_the_image": windows.down_the_image, "across_the_image": windows.across_the_image}
    return {**images, **loops, **SMALL}


def _douts(t: Any) -> dict[str, Any]:
    dout = t.dout
    firsts = {"example": _first(dout, 0), "filter": _first(dout, 1)}
    firsts["window"] = Later(lambda: dout[:, :, :1, :1] + 0 * dout)
    return {"dout": dout, **{f"dout_of_{name}": first for name, first in firsts.items()}}


def _counts(N: int, output: tuple[int, int], sides: tuple[int, int], channels: int) -> dict[str, float]:
    (height, width), places = sides, output[0] * output[1]
    size = height * width
    counts = {"count": N, "places": places, "all": N * places, "height": height, "width": width, "size": size}
    return {name: float(value) for name, value in {**counts, "channels": channels, "numbers": channels * size}.items()}


def of_convolution(text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    """The names of a convolution: windows and filters as N × F × C × rows × columns × numbers, 1 for what they lack."""
    import torch

    pad, stride = s["pad"], s["stride"]
    (N, C, H, W), (F, _, HH, WW), dtype = t.x.shape, t.w.shape, t.x.dtype
    output = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
    counts = _counts(N, output, (HH, WW), C)
    if "db" in text.targets:
        axes = {"axis": (0, 2, 3), "inner": (2, 3), "first": (0,), "crossed": (1, 2, 3)}
        return {**_douts(t), **axes, "everything": (0, 1, 2, 3), "mixed": (0, 1, 2), **counts}

    def cut(wide: Any, *at: Any) -> Any:
        return windows.cut(wide, *at)[:, None]

    def laid(x: Any, height: int, width: int, sides: tuple[int, ...] = (HH, WW)) -> Any:
        if (height, width) != sides:
            raise BeyondError("no filter has these sides")
        return x

    def filters(kernel: Any, height: int, width: int) -> Any:
        return laid(kernel, height, width, tuple(kernel.shape[2:])).reshape(1, F, C, 1, 1, HH * WW)

    def fewer(down: int, across: int) -> Any:
        mask = torch.ones(HH, WW, dtype=dtype)
        mask[HH - down :] = 0
        mask[:, WW - across :] = 0
        return mask.reshape(1, 1, 1, 1, 1, -1)

    found = {
        **_images(t),
        **{"pad": pad, "stride": stride, "HH": HH, "WW": WW, "N": N, "F": F, "C": C},
        **{"padded": windows.padded, "zeros": "zeros", **{how: how for how in PADDINGS}},
        **{"cut": cut, "placed": partial(windows.placed, (N, F)), "as_filters": filters, "as_sides": laid},
        **{"kernel": t.w, "kernel_of_all": _first(t.w, 0), **_turns(t.w, "kernel")},
        "bias": t.b.reshape(1, F, 1, 1),
        "first_bias": t.b[:1].reshape(1, 1, 1, 1),
        "mean_bias": Later(lambda: t.b.mean().reshape(1, 1, 1, 1)),
        **{f"{which}_example": _one_at(N, place, 0, dtype) for which, place in (("first", 0), ("last", -1))},
        **{f"{which}_filter": _one_at(F, place, 1, dtype) for which, place in (("first", 0), ("last", -1))},
        **{f"{which}_channel": _one_at(C, place, 2, dtype) for which, place in (("first", 0), ("last", -1))},
        **{"fewer_rows": fewer(1, 0), "fewer_columns": fewer(0, 1), "fewer": fewer(1, 1)},
        "axis": (2, 5),
        **counts,
    }
    if "dw" not in text.targets:
        return found
    rows, columns = t.dout.shape[2:]

    def turned(axes: tuple[int, ...]) -> Any:
        sides = (windows.down_the_image(rows) * stride, windows.across_the_image(columns) * stride, HH, WW)
        own = windows.cut(windows.padded(t.x, pad, "zeros"), *sides)
        own = own.reshape(N, C, rows, columns, HH, WW).flip([{1: 1, 2: 4, 3: 5}[axis] for axis in axes])
        return own.reshape(N, 1, C, rows, columns, -1)

    last = torch.zeros(rows, columns, dtype=dtype)
    last[-1, -1] = 1
    return {
        **found,
        **_douts(t),
        **{"rows": rows, "columns": columns, **windows.PUT},
        "taken": lambda dout, i, j: windows.taken(dout, i, j)[:, :, None, ..., None],
        **{f"windows_{name}": Later(turned, axes) for name, axes in FLIPPED.items()},
        "last_window": last.reshape(1, 1, 1, rows, columns, 1),
        "shared": (0, 3, 4),
        "over_filters": (1,),
    }


def of_pooling(text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    """The names of a pool: windows as N × C × rows × columns × numbers."""
    HH, WW, stride = s["pool_height"], s["pool_width"], s["stride"]
    N, C, H, W = t.x.shape
    output, dtype = (1 + (H - HH) // stride, 1 + (W - WW) // stride), t.x.dtype
    found = {
        **_images(t),
        **{"stride": stride, "HH": HH, "WW": WW, "cut": windows.cut_short, "placed": partial(windows.placed, (N, C))},
        **{"axis": (4,), "with_channels": (1, 4), "with_examples": (0, 4)},
        **_counts(N, output, (HH, WW), C),
    }
    if "dx" not in text.targets:
        return found
    rows, columns = t.dout.shape[2:]

    def apart() -> Any:
        at = windows.down_the_image(rows) * stride, windows.across_the_image(columns) * stride
        return windows.cut(t.x, *at, HH, WW).reshape(N, C, rows, columns, HH, WW)

    def largest(axis: int) -> Any:
        return (apart().amax(axis, keepdim=True) + 0 * apart()).reshape(N, C, rows, columns, -1)

    return {
        **found,
        **_douts(t),
        **{"rows": rows, "columns": columns, **windows.PUT},
        "taken": lambda dout, i, j: windows.taken(dout, i, j)[..., None],
        "of_images": Later(lambda: t.x.amax((2, 3))[:, :, None, None, None]),
        "of_columns": Later(largest, 4),
        "of_rows": Later(largest, 5),
        "first_number": _one_at(HH * WW, 0, 4, dtype, 5),
        **{f"{which}_example": _one_at(N, place, 0, dtype, 5) for which, place in (("first", 0), ("last", -1))},
    }
