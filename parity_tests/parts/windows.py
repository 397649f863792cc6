"""Convolution and max pooling, forward and backward, of windows that are cut out and put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from parity_tests.parts.right_text import RightText

FILTERS = "Each filter is summed over all channels and places of a window, as it is, and its bias is added once."
LARGEST = "Max pooling takes the largest number of a window, whatever its sign."
ALL = "Every example, filter and window adds its share: += in a loop, not =."
PER_FILTER = "b has one number for each filter: its gradient is summed over examples and places."
WHOLE = "The largest number of a window gets all of its dout, every other number nothing."
STRIDE = "Window i begins at i · stride, down and across, in the backward as in the forward."
CUT = "dx is cut from row pad to pad + H, and from column pad to pad + W."
PADDED = "The image is padded with zeros, by pad on each side."

CONV = """
windows = cut(wide, step)  # the windows
terms = windows * filters  # the products
summed = terms.sum(axis=axis)  # the sum of the products
out = summed + bias  # the output
"""
CONV_BACK = """
windows = cut(wide, step)  # the windows
of_dw = g * windows  # the products of dout and the windows
dw = of_dw.sum(axis=shared)  # dw
of_dx = g * filters  # the products of dout and the filters
within = of_dx.sum(axis=over_filters)  # the gradients of the windows
dx = put(within, step, edge)  # dx
"""
POOL = """
windows = cut(x, step)  # the windows
out = windows.max(axis=axis)  # the output
"""
POOL_BACK = """
windows = cut(x, step)  # the windows
top = windows.max(axis=axis, keepdims=True)  # the largest numbers
largest = 1.0 * (windows == top)  # the mask of the largest numbers
within = largest * g  # the gradients of the windows
dx = put(within, step)  # dx
"""
PADDINGS = {
    "edge": "its edge values",
    "symmetric": "its mirror image",
    "reflect": "its reflection",
    "wrap": "its other side",
    "ones": "ones",
    "below": "zeros at the bottom and the right alone",
    "above": "zeros at the top and the left alone",
}
TURNS = {
    "half": "half a turn",
    "vertical": "top and bottom exchanged",
    "horizontal": "left and right exchanged",
    "opposite": "their channels in opposite order",
}
IMAGES = {f"padded_{name}": f"the image padded with {words}" for name, words in PADDINGS.items()}
STEPS = {
    "ones": "a step of 1",
    "down": "a step of 1 down the image",
    "across": "a step of 1 across the image",
    "sides": "a step of the window's sides",
    "by_height": "a step of the window's height down the image",
    "by_width": "a step of the window's width across the image",
}
EDGES = {
    "nowhere": "0",
    "twice": "2 pad",
    "in_rows": "pad in its rows, 0 in its columns",
    "in_columns": "pad in its columns, 0 in its rows",
}
MASKS = {
    "first_channel": "the first channel",
    "last_channel": "the last channel",
    "first_filter": "the first filter",
    "last_filter": "the last filter",
    "last_window": "the last window",
    "fewer_rows": "the last row of each window",
    "fewer_columns": "the last column of each window",
    "fewer": "the last row and column of each window",
}
COUNTS = {
    "count": "the number of examples",
    "places": "the number of places",
    "all": "the number of examples and places",
    "height": "the height of the window",
    "width": "the width of the window",
    "size": "the size of the window",
    "channels": "the number of channels",
    "numbers": "the number of numbers in a filter",
}


def _said() -> Iterator[tuple[str, str]]:
    """Plainer words for what masks, sums of examples and turned windows say."""
    for word in MASKS.values():
        said = f"left out at {word}" if " of each " in word else f"there for {word} alone"
        yield f"multiplied by {word} once too often", said
    for one, d in product(("first", "last"), ("dw", "db")):
        yield f"the sum is of the {one} example alone in {d}", f"{d} is of the {one} example alone"
    for how in TURNS.values():
        whole = f"the windows with {how} stand for the windows in the products of dout and the windows"
        yield whole, f"dw is given with {how}"


SAID = dict(_said())
OF_POOLS = {
    "first example": "first number of each window",
    "last example": "last number of each window",
    "a min stands for a max": "the least number stands for the largest",
    "!= stands for ==": "every number but the largest stands",
}
HINTS = {"padded": PADDED, "step": STRIDE, "pad": CUT, "db": PER_FILTER, "alone": ALL, "": FILTERS}
LABELS = {**COUNTS, **IMAGES, **STEPS, **EDGES, **MASKS, "filters": "the filters", "g": "dout", "step": "the stride"}
LABELS |= {f"filters_{name}": f"the filters with {words}" for name, words in TURNS.items()}
LABELS |= {f"windows_{name}": f"the windows with {words}" for name, words in TURNS.items()}
LABELS |= {"wide": "the image padded with zeros", "first_image": "the first example's image", "edge": "pad"}
LABELS |= {"bias": "the bias", "first_bias": "the bias of the first filter"}
LABELS |= {"filter_of_all": "the first filter", "dout_of_all": "dout of the first filter"}
OF_W, OF_X = ("filters", *(f"filters_{name}" for name in TURNS), "filter_of_all"), ("wide", *IMAGES, "first_image")
AXES = {"axis": "examples and places", "inner": "the places alone", "first": "the examples alone"}
AXES |= {"crossed": "filters and places", "everything": "everything"}
WITHOUT = frozenset(("transpose", "reduction", "power", "base", "complement", "count", "inner factor"))


def _text(lines: str, *arrays: str, axes: Mapping[str, str] | None = None, **rest: Any) -> RightText:
    labels = {**LABELS, **(axes or {})}
    return RightText(
        lines, arrays, tuple(COUNTS), tuple(axes or ()), labels, **{"said": SAID, "without": WITHOUT, **rest}
    )


CONV_FORWARD = _text(
    CONV,
    *OF_W,
    *OF_X,
    "bias",
    "first_bias",
    "step",
    *STEPS,
    *(one for one in MASKS if one != "last_window"),
    hints=HINTS,
)
TURNED = (f"windows_{name}" for name in TURNS)
CONV_BACKWARD = [
    _text(CONV_BACK, *OF_W, *OF_X, *TURNED, "g", "dout_of_all", "step", *STEPS, "edge", *EDGES, *MASKS, hints=HINTS),
    _text("db = dout.sum(axis=axis)  # db", "dout", axes=AXES, hints=HINTS),
]
POOL_FORWARD = _text(POOL, "x", "step", *STEPS, hints={"step": STRIDE, "": LARGEST}, said=OF_POOLS)
POOL_BACKWARD = _text(
    POOL_BACK, "x", "g", "step", *STEPS, hints={"step": STRIDE, "": WHOLE}, said=OF_POOLS, without=WITHOUT | {"term"}
)
