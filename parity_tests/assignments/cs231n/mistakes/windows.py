"""Known mistakes of convolution and pooling: of where windows lie, of how often a bias counts, of sides exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.mistakes.images import CB, CF, PAD, PB, PF
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.kind import Arrays, Params
from parity_tests.protocol.mistake import Body, Swap

OVERLAP = "A number may lie in several windows: what it gets from each adds up."
CUT = "dx is cut from row pad to pad + H, and from column pad to pad + W."
BIAS = "A filter's bias is added once to each number of its output."
SIDES = "Height and width of images, filters and pools may differ: which of them belongs here?"
STRIDE = "Window i begins at i · stride, down and across."
GIVEN_PAD = "pad zeros lie around each image, as conv_param says."
LARGEST = "Max pooling takes the largest number of a window, with its sign."
WHOLE = "The largest number of a window gets all of dout, the others nothing."

ADDED = "out = w.reshape(F, -1) @ columns + b[:, None]"
WINDOWS = "windows = _windows(_padded(x, pad), HH, WW, stride)\n"
CUT_OUT = "return dx[:, :, pad : pad + H, pad : pad + W], dw"
TURNED = ".transpose(0, 1, 3, 2),"
OUT = "return out.reshape(N, F, height, width), (x.shape"
PUT = """for i in range(HH):
        for j in range(WW):
            dx[:, :, i : i + stride * height : stride, j : j + stride * width : stride] += dcolumns[:, :, i, j]
"""
POOLS = "    windows = _windows(x, height, width, stride)\n"


def _functional() -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    return F


def _sides_exchanged(right: Any) -> Any:
    """The same numbers reshaped to width × height and turned back, where the last two sides differ."""
    *before, height, width = right.shape
    return right.reshape(*before, width, height).transpose(2, 3) if height != width else 1 * right


def _whole_dx(t: Any, s: Any, w: Any = None) -> Any:
    """dx of the padded image."""
    F, (H, W) = _functional(), t.x.shape[2:]
    near = F.conv_transpose2d(t.dout, t.w if w is None else w, stride=s["stride"])
    right, below = W + 2 * s["pad"] - near.shape[3], H + 2 * s["pad"] - near.shape[2]
    return F.pad(near, (0, right, 0, below))


def _inner(dx: Any, t: Any, s: Any, height: int, width: int) -> Any:
    return 1 * dx[:, :, s["pad"] : s["pad"] + height, s["pad"] : s["pad"] + width]


def _places_overwritten(t: Any, s: Any) -> Any:
    """Each place of the filters writes over what places before it gave."""
    import torch

    F, stride, (H, W), (height, width) = _functional(), s["stride"], t.x.shape[2:], t.dout.shape[2:]
    dx = torch.zeros((*t.x.shape[:2], H + 2 * s["pad"], W + 2 * s["pad"]), dtype=t.x.dtype, device=t.x.device)
    for i in range(t.w.shape[2]):
        for j in range(t.w.shape[3]):
            part = dx[:, :, i : i + stride * height : stride, j : j + stride * width : stride]
            part.copy_(F.conv2d(t.dout, t.w[:, :, i : i + 1, j : j + 1].transpose(0, 1)))
    return _inner(dx, t, s, H, W)


def _windows_overwritten(t: Any, s: Any) -> Any:
    """Each window writes over what windows before it gave."""
    import torch

    F, stride, (H, W), (HH, WW) = _functional(), s["stride"], t.x.shape[2:], t.w.shape[2:]
    dx = torch.zeros((*t.x.shape[:2], H + 2 * s["pad"], W + 2 * s["pad"]), dtype=t.x.dtype, device=t.x.device)
    for i in range(t.dout.shape[2]):
        for j in range(t.dout.shape[3]):
            part = dx[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            part.copy_(F.conv_transpose2d(t.dout[:, :, i : i + 1, j : j + 1], t.w))
    return _inner(dx, t, s, H, W)


def _without_pad(t: Any, s: Any) -> Any:
    import torch

    sizes = [max(0, 1 + (n - w) // s["stride"]) for n, w in zip(t.x.shape[2:], t.w.shape[2:], strict=True)]
    if not all(sizes):
        return torch.zeros((len(t.x), len(t.w), *sizes), dtype=t.x.dtype, device=t.x.device)
    return _functional().conv2d(t.x, t.w, t.b, stride=s["stride"])


def _pooled(height: str, width: str, down: str = "stride", across: str = "stride") -> Callable[[Any, Any], Any]:
    """Max pooling with other entries of pool_param for the sides of windows, and for the steps between them."""
    return lambda t, s: _functional().max_pool2d(t.x, (s[height], s[width]), (s[down], s[across]))


def _pools(t: Any, s: Any) -> Iterator[tuple[int, int, Any, Any]]:
    """The windows of a pool: the row and the column of each, where it lies in x, and its gradient (N×C×1×1)."""
    for i in range(t.dout.shape[2]):
        for j in range(t.dout.shape[3]):
            top, left = i * s["stride"], j * s["stride"]
            here = (..., slice(top, top + s["pool_height"]), slice(left, left + s["pool_width"]))
            yield top, left, here, t.dout[:, :, i : i + 1, j : j + 1]


def _is_largest(window: Any) -> Any:
    """1 at the largest number of a window, else 0."""
    return window.amax((2, 3), keepdim=True) == window


def _largest_overwritten(t: Any, s: Any) -> Any:
    """At a number that is the largest of several windows, what the last of them gives."""
    import torch

    dx = torch.zeros_like(t.x)
    for _, _, here, dout in _pools(t, s):
        dx[here] = torch.where(_is_largest(t.x[here]), dout, dx[here])
    return dx


def _shared(t: Any, s: Any) -> Any:
    """Each number of a window gets an equal share."""
    import torch

    dx = torch.zeros_like(t.x)
    for _, _, here, dout in _pools(t, s):
        dx[here] = dx[here] + dout / (s["pool_height"] * s["pool_width"])
    return dx


def _by_height(t: Any, s: Any) -> Any:
    """The number of a place in a window is taken apart by the window's height, not by its width."""
    import torch

    dx = torch.zeros_like(t.x)
    height, width = s["pool_height"], s["pool_width"]
    for top, left, here, dout in _pools(t, s):
        largest = _is_largest(t.x[here]).to(t.x.dtype)
        for place in range(height * width):
            down, across = divmod(place, height)
            row, column = top + down, left + across
            if row < t.x.shape[2] and column < t.x.shape[3]:
                part = dx[:, :, row, column]
                part.copy_(part + largest[:, :, place // width, place % width] * dout[:, :, 0, 0])
    return dx


def _leaves_the_image(params: Params, arrays: Arrays) -> str:
    """The error of who takes places in windows apart by their height, where one then lies outside the image."""
    setting, x = params["setting"], arrays["x_0"]
    height, width, stride = (setting[name] for name in ("pool_height", "pool_width", "stride"))
    windows = np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(2, 3))[:, :, ::stride, ::stride]
    first = windows.reshape(*windows.shape[:4], -1).argmax(axis=-1)
    down, across = first // height, first % height
    rows = np.arange(first.shape[2])[:, None] * stride + down
    columns = np.arange(first.shape[3]) * stride + across
    return "IndexError" if (rows >= x.shape[2]).any() or (columns >= x.shape[3]).any() else ""


def _nothing_to_write_to(params: Params, arrays: Arrays) -> str:
    return "" if params["setting"]["pad"] else "ValueError"


def _is_not_square(params: Params, arrays: Arrays, call: int) -> bool:
    """Whether the sides of the output differ."""
    height, width = arrays[f"dout_{call}"].shape[2:]
    return bool(height != width)


def _mixed(before: tuple[int, ...], shape: str, after: tuple[int, ...]) -> tuple[Callable[[Any, Any], Any], str]:
    """The output in another order of its axes, N, F, h and w, reshaped and turned: in torch, and for numpy."""

    def change(t: Any, s: Any) -> Any:
        sizes = dict(zip("NFhw", t.right.out.shape, strict=True))
        return 1 * t.right.out.permute(before).reshape([sizes[axis] for axis in shape]).permute(after)

    sizes = ", ".join({"h": "height", "w": "width"}.get(axis, axis) for axis in shape)
    line = f"out = out.reshape(N, F, height, width).transpose{before}.reshape({sizes}).transpose{after}"
    return change, line


ORDER = "reshape reads an array row by row: its axes must be in the order in which they lie."
FILTERS_FIRST, PLACES_FIRST = (1, 0, 2, 3), (1, 2, 3, 0)
"""The order of the axes of w @ columns, where the columns go through the examples first, and through the places."""
MIXED = tuple(
    (name, *_mixed(before, shape, after))
    for name, before, shape, after in (
        ("the output lies filter by filter, and is reshaped as if it lay example by example",
         FILTERS_FIRST, "NFhw", (0, 1, 2, 3)),
        ("the output lies filter by filter and place by place, and is reshaped as if it lay example by example",
         PLACES_FIRST, "NFhw", (0, 1, 2, 3)),
        ("the columns go through examples first, and are taken apart as if they went through places first",
         FILTERS_FIRST, "FhwN", (3, 0, 1, 2)),
        ("the columns go through places first, and are taken apart as if they went through examples first",
         PLACES_FIRST, "FNhw", (1, 0, 2, 3)),
    )
)  # fmt: skip


def _pool_forward(name: str, hint: str, change: Any, *plug: Swap) -> Wrong:
    return Wrong(PF, "layer", name, hint, {"out": change}, plug)


def _pool_backward(name: str, hint: str, change: Any, write: str, *, raises: Any = None) -> Wrong:
    """With a loop over all windows that writes dx, where r, q is the place of the largest number in its window."""
    lines = f"""shape, pool_param, first = cache
height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
dx = np.zeros(shape, dout.dtype)
for n, c, i, j in np.ndindex(*dout.shape):
    r, q = divmod(int(first[n, c, i, j]), width)
    {write}
return dx"""
    return Wrong(PB, "layer", name, hint, {"dx": change}, (Body(PB, lines),), raises=raises)


CONVOLUTION = (
    Wrong(CF, "layer", "a padding of 0 leaves no place for x", PAD, {"out": lambda t, s: t.right.out},
          (Swap(WINDOWS, "wide = np.zeros((*x.shape[:2], x.shape[2] + 2 * pad, x.shape[3] + 2 * pad), x.dtype)\n"
                "    wide[:, :, pad:-pad, pad:-pad] = x\n    windows = _windows(wide, HH, WW, stride)\n"),),
          raises=_nothing_to_write_to),
    Wrong(CF, "layer", "the mean of the biases is added to each filter", BIAS,
          {"out": lambda t, s: t.right.out + (t.b.mean() - t.b)[:, None, None]},
          (Swap(ADDED, ADDED.replace("b[:, None]", "b.mean()")),)),
    *(Wrong(CF, "layer", name, ORDER, {"out": change}, (Swap(OUT, f"{line}\n    {OUT}"),))
      for name, change, line in MIXED),
    Wrong(CF, "layer", "the padding is left out", GIVEN_PAD, {"out": _without_pad},
          (Swap(WINDOWS, "sizes = [max(0, 1 + (n - m) // stride) for n, m in zip(x.shape[2:], (HH, WW))]\n"
                "    wide = np.pad(x, ((0, 0), (0, 0), (0, HH), (0, WW)))\n"
                "    windows = _windows(wide, HH, WW, stride)[:, :, : sizes[0], : sizes[1]]\n"),)),
    Wrong(CF, "layer", "height and width of the output are exchanged", SIDES,
          {"out": lambda t, s: t.right.out.transpose(2, 3)},
          (Swap(OUT, OUT.replace("width),", f"width){TURNED}")),), fails=_is_not_square),
    Wrong(CF, "layer", "height and width are exchanged where the output is reshaped", SIDES,
          {"out": lambda t, s: t.right.out.reshape(*t.right.out.shape[:2], *t.right.out.shape[:1:-1]).transpose(2, 3)},
          (Swap(OUT, OUT.replace("height, width),", f"width, height){TURNED}")),)),
    Wrong(CF, "layer", "height and width are exchanged where the output is reshaped, if they differ", SIDES,
          {"out": lambda t, s: _sides_exchanged(t.right.out)},
          (Swap(OUT, f"if height != width:\n        {OUT.replace('height, width),', f'width, height){TURNED}')},"
                f" w, conv_param, columns)\n    {OUT}"),)),
    Wrong(CF, "layer", "the output is reshaped to width × height", SIDES,
          {"out": lambda t, s: t.right.out.reshape(*t.right.out.shape[:2], *t.right.out.shape[:1:-1])},
          (Swap(OUT, OUT.replace("height, width),", "width, height),")),)),
    Wrong(CB, "layer", "the places of the filters overwrite each other in dx", OVERLAP, {"dx": _places_overwritten},
          (Swap(PUT, PUT.replace("+=", "=")),)),
    Wrong(CB, "layer", "overlapping windows overwrite each other in dx", OVERLAP, {"dx": _windows_overwritten},
          (Swap(PUT, "for i in range(height):\n        for j in range(width):\n"
                "            down, across = slice(i * stride, i * stride + HH), slice(j * stride, j * stride + WW)\n"
                "            dx[:, :, down, across] = dcolumns[:, :, :, :, i, j]\n"),)),
    Wrong(CB, "layer", "dx is cut by the height on both sides", CUT,
          {"dx": lambda t, s: _inner(_whole_dx(t, s), t, s, t.x.shape[2], t.x.shape[2])},
          (Swap(CUT_OUT, CUT_OUT.replace("pad + W", "pad + H")),)),
    Wrong(CB, "layer", "dx is cut by the width on both sides", CUT,
          {"dx": lambda t, s: _inner(_whole_dx(t, s), t, s, t.x.shape[3], t.x.shape[3])},
          (Swap(CUT_OUT, CUT_OUT.replace("pad + H", "pad + W")),)),
    Wrong(CB, "layer", "the padding is left on dx", CUT, {"dx": lambda t, s: _whole_dx(t, s)},
          (Swap(CUT_OUT, "return dx, dw"),)),
    Wrong(CB, "layer", "height and width of the filters are exchanged where dw is reshaped", SIDES,
          {"dw": lambda t, s: t.right.dw.reshape(*t.w.shape[:2], *t.w.shape[:1:-1]).transpose(2, 3)},
          (Swap(".sum(axis=0).reshape(w.shape)", ".sum(axis=0).reshape(F, C, WW, HH).transpose(0, 1, 3, 2)"),)),
    Wrong(CB, "layer", "height and width of the filters are exchanged where dw is reshaped, if they differ", SIDES,
          {"dw": lambda t, s: _sides_exchanged(t.right.dw)},
          (Swap(".sum(axis=0).reshape(w.shape)", ".sum(axis=0).reshape((F, C, WW, HH) if HH != WW else w.shape)\n"
                "    dw = dw.transpose(0, 1, 3, 2) if HH != WW else dw"),)),
)  # fmt: skip
POOLING = (
    _pool_forward("the pool's height is taken for its width", SIDES, _pooled("pool_height", "pool_height"),
                  Swap(POOLS, f"    width = height\n{POOLS}")),
    _pool_forward("the pool's width is taken for its height", SIDES, _pooled("pool_width", "pool_width"),
                  Swap(POOLS, f"    height = width\n{POOLS}")),
    _pool_forward("height and width of the pool are exchanged", SIDES, _pooled("pool_width", "pool_height"),
                  Swap(POOLS, f"    height, width = width, height\n{POOLS}")),
    _pool_forward("the pool's width is the step across", STRIDE,
                  _pooled("pool_height", "pool_width", across="pool_width"),
                  Swap(POOLS, f"{POOLS[:-1].replace('stride)', '1)')}[:, :, ::stride, ::width]\n")),
    _pool_forward("the pool's sides are the steps", STRIDE,
                  _pooled("pool_height", "pool_width", "pool_height", "pool_width"),
                  Swap(POOLS, f"{POOLS[:-1].replace('stride)', '1)')}[:, :, ::height, ::width]\n")),
    _pool_backward("the largest number of several windows keeps the last window's gradient alone", OVERLAP,
                   _largest_overwritten, "dx[n, c, i * stride + r, j * stride + q] = dout[n, c, i, j]"),
    _pool_backward("every number of a window gets a share", WHOLE, _shared,
                   "dx[n, c, i * stride : i * stride + height, j * stride : j * stride + width] += "
                   "dout[n, c, i, j] / (height * width)"),
    _pool_backward("row and column of the largest number are told by the window's height, not by its width", SIDES,
                   _by_height,
                   "r, q = divmod(int(first[n, c, i, j]), height)\n"
                   "    dx[n, c, i * stride + r, j * stride + q] += dout[n, c, i, j]", raises=_leaves_the_image),
)  # fmt: skip
WINDOWED = (*CONVOLUTION, *POOLING)
