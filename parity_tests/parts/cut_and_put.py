"""How windows are cut out of images and put back, by numpy or by torch, and what fails as it does beyond an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parity_tests.parts.in_torch import numpy_of
from parity_tests.parts.right_text import BeyondError

LOW = -1e30
"""What lies beside an image of which the largest numbers are asked."""
MODES = ("edge", "symmetric", "reflect", "wrap")


def steps(count: int) -> Any:
    """0, 1, 2 … up to a count."""
    return np.arange(count)


def down_the_image(count: int) -> Any:
    """The same, one below the other."""
    return steps(count)[:, None]


def across_the_image(count: int) -> Any:
    """The same, side by side."""
    return steps(count)[None]


def padded(x: Any, pad: int, how: str) -> Any:
    """Images with `pad` rows and columns on each side: of zeros, or how else one may have them."""
    if how == "inside" and pad == 0:
        raise BeyondError("[0:-0] is empty")
    sides = {"below": (0, 2 * pad), "above": (2 * pad, 0), "end": (0, pad), "start": (pad, 0)}.get(how, (pad, pad))
    mode, value = how if how in MODES else "constant", 1 if how == "ones" else 0
    further = {"constant_values": value} if mode == "constant" else {}
    return numpy_of(x).pad(x, ((0, 0), (0, 0), sides, sides), mode, **further)


def _places(top: Any, left: Any, height: int, width: int) -> tuple[Any, Any]:
    """The rows and columns of x in each window: rows × columns of windows, then of each window's numbers."""
    tops, lefts = np.broadcast_arrays(top, left)
    if min(height, width) < 1 or min(tops.min(initial=0), lefts.min(initial=0)) < 0:
        raise ValueError("no window")
    place = np.arange(height * width)
    return tops[..., None] + place // width, lefts[..., None] + place % width


def _beside(x: Any, rows: Any, columns: Any, fill: float) -> Any:
    """The images with so much below and on the right that all places lie within."""
    H, W = x.shape[2:]
    below, right = (max(0, int(at.max(initial=0)) + 1 - n) for at, n in ((rows, H), (columns, W)))
    beside = ((0, 0), (0, 0), (0, below), (0, right))
    return numpy_of(x).pad(x, beside, "constant", constant_values=fill) if below or right else x


def cut(x: Any, top: Any, left: Any, height: int, width: int) -> Any:
    """The windows of images: N × C × rows × columns × numbers of a window. Raises BeyondError beyond the image."""
    rows, columns = _places(top, left, height, width)
    if rows.max(initial=0) >= x.shape[2] or columns.max(initial=0) >= x.shape[3]:
        raise BeyondError("a window reaches beyond the image")
    return x[:, :, rows, columns]


def cut_short(x: Any, top: Any, left: Any, height: int, width: int) -> Any:
    """The same of windows that end where the image ends, of which only the largest number is asked."""
    rows, columns = _places(top, left, height, width)
    if rows[..., 0].max(initial=0) >= x.shape[2] or columns[..., 0].max(initial=0) >= x.shape[3]:
        raise BeyondError("a window lies beyond the image")
    return _beside(x, rows, columns, LOW)[:, :, rows, columns]


def placed(shape: tuple[int, int], each: Any, i: Any, j: Any, rows: int, columns: int) -> Any:
    """The output of a shape, of so many rows and columns, each number at its place. Raises BeyondError beyond it."""
    down, across = np.broadcast_arrays(i, j)
    if down.max(initial=0) >= rows or across.max(initial=0) >= columns:
        raise BeyondError("the output has no such place")
    out = numpy_of(each).zeros((*shape, rows, columns), each.dtype)
    out[:, :, down, across] = each
    return out


def taken(dout: Any, i: Any, j: Any) -> Any:
    """The numbers at these places. Raises BeyondError where there are none."""
    down, across = np.broadcast_arrays(i, j)
    if down.max(initial=0) >= dout.shape[2] or across.max(initial=0) >= dout.shape[3]:
        raise BeyondError("dout has no such place")
    return dout[:, :, down, across]


Put = Callable[..., Any]


def putting(write: Callable[[Any, Any], Any], by_place: bool = False, turned: bool = False) -> Put:
    """A way to put windows (N × C × rows × columns × numbers) where they were cut out of images of height H, width W.

    `write` says what then stands there, of what stood there and what is put; window by window, or place by place.
    """

    def put(within: Any, top: Any, left: Any, height: int, width: int, H: int, W: int) -> Any:
        rows, columns = _places(top, left, height, width)
        if turned and height != width:
            raise BeyondError("a window is as tall as another is wide")
        whole = _beside(numpy_of(within).zeros((*within.shape[:2], H, W), within.dtype), rows, columns, 0)
        for k in range(height * width) if by_place else ():
            at = (slice(None), slice(None), rows[..., k], columns[..., k])
            whole[at] = write(whole[at], within[..., k])
        for i, j in () if by_place else np.ndindex(*rows.shape[:2]):
            window = within[:, :, i, j].reshape(*within.shape[:2], height, width)
            y, x = int(rows[i, j, 0]), int(columns[i, j, 0])
            at = (slice(None), slice(None), slice(y, y + height), slice(x, x + width))
            whole[at] = write(whole[at], window.swapaxes(2, 3) if turned else window)
        if isinstance(within, np.ndarray) and (whole[:, :, H:].any() or whole[:, :, :, W:].any()):
            raise BeyondError("something is put beyond the image")
        return whole[:, :, :H, :W]

    return put


def _added(was: Any, new: Any) -> Any:
    return was + new


def _overwritten(was: Any, new: Any) -> Any:
    return new


def _something_overwritten(was: Any, new: Any) -> Any:
    return numpy_of(new).where(new != 0, new, was)


PUT = {
    "put": putting(_added),
    "put_over": putting(_overwritten),
    "put_last": putting(_something_overwritten),
    "put_places": putting(_overwritten, by_place=True),
    "put_turned": putting(_added, turned=True),
}
