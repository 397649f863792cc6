"""Convolution and max pooling, forward and backward, of windows that are cut out and put back."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
PADDED = "The image is padded with zeros, by pad on each side: pad and stride are what the dict says."
OVERLAP = "A number may lie in several windows: what it gets from each adds up."
SIDES = "Height and width of images, filters and pools may differ: which of them belongs here?"
SIZE = "An output has 1 + (H + 2 · pad − HH) // stride rows, a pool's without pad; its columns likewise."
EVERY = "Every window of the image counts: the loops go through all rows and columns of the output."
ORDER = "reshape reads an array row by row: its axes must be in the order in which they lie."

PUT_PLACES = """
i = down_the_image(rows)  # the rows
j = across_the_image(columns)  # the columns
top = i * stride  # where windows begin, down the image
down = i * stride  # where their gradients go, down the image
left = j * stride  # where windows begin, across the image
across = j * stride  # where their gradients go, across the image
"""
CONV = """
rows = 1 + (H + 2 * pad - HH) // stride  # the number of rows
columns = 1 + (W + 2 * pad - WW) // stride  # the number of columns
i = down_the_image(rows)  # the rows
j = across_the_image(columns)  # the columns
top = i * stride  # where windows begin, down the image
left = j * stride  # where windows begin, across the image
wide = padded(x, pad, zeros)  # the padded image
windows = cut(wide, top, left, HH, WW)  # the windows
filters = as_filters(kernel, HH, WW)  # the filters
terms = windows * filters  # the products
summed = terms.sum(axis=axis)  # the sum of the products
each = summed + bias  # the output
out = placed(each, i, j, rows, columns)  # the output
"""
CONV_BACK = f"""
{PUT_PLACES.strip()}
wide = padded(x, pad, zeros)  # the padded image
windows = cut(wide, top, left, HH, WW)  # the windows
g = taken(dout, i, j)  # dout
of_dw = g * windows  # the products of dout and the windows
products = of_dw.sum(axis=shared)  # dw
dw = as_sides(products, HH, WW)  # dw
filters = as_filters(kernel, HH, WW)  # the filters
of_dx = g * filters  # the products of dout and the filters
within = of_dx.sum(axis=over_filters)  # the gradients of the windows
whole = put(within, down, across, HH, WW, H + 2 * pad, W + 2 * pad)  # dx of the padded image
high = whole[:, :, pad : pad + H]  # the rows of dx
dx = high[:, :, :, pad : pad + W]  # dx
"""
POOL = """
rows = 1 + (H - HH) // stride  # the number of rows
columns = 1 + (W - WW) // stride  # the number of columns
i = down_the_image(rows)  # the rows
j = across_the_image(columns)  # the columns
top = i * stride  # where windows begin, down the image
left = j * stride  # where windows begin, across the image
windows = cut(x, top, left, HH, WW)  # the windows
each = windows.max(axis=axis, keepdims=True)  # the output
out = placed(each[..., 0], i, j, rows, columns)  # the output
"""
POOL_BACK = f"""
{PUT_PLACES.strip()}
windows = cut(x, top, left, HH, WW)  # the windows
most = windows.max(axis=axis, keepdims=True)  # the largest numbers
largest = 1.0 * (windows == most)  # the mask of the largest numbers
g = taken(dout, i, j)  # dout
within = largest * g  # the gradients of the windows
dx = put(within, down, across, HH, WW, H, W)  # dx
"""
PADDINGS = {
    "zeros": "padding with zeros",
    "edge": "padding with its edge values",
    "symmetric": "padding with its mirror image",
    "reflect": "padding with its reflection",
    "wrap": "padding with its other side",
    "ones": "padding with ones",
    "below": "padding by 2 pad at the bottom and on the right alone",
    "above": "padding by 2 pad at the top and on the left alone",
    "end": "padding by pad at the bottom and on the right alone",
    "start": "padding by pad at the top and on the left alone",
    "inside": "putting the image at [pad:-pad]",
}
TURNS = {
    "half": "both axes reversed",
    "vertical": "top and bottom exchanged",
    "horizontal": "left and right exchanged",
    "opposite": "their channels in opposite order",
    "transposed": "rows and columns exchanged",
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
    "first_example": "the first example",
    "last_example": "the last example",
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
DOUTS = {
    "dout_of_filter": "dout of the first filter",
    "dout_of_example": "dout of the first example",
    "dout_of_window": "dout of the first window",
}
KERNELS = {f"kernel_{name}": f"the filters with {words}" for name, words in TURNS.items()}
KERNELS |= {"kernel_of_all": "the first filter"}
PUTS = {
    "put": "windows that add up",
    "put_over": "windows that overwrite each other",
    "put_last": "the last of the gradients of a number",
    "put_places": "places of windows that overwrite each other",
    "put_turned": "windows with rows and columns exchanged",
}
SMALL = {"none": "0", "one": "1", "two": "2"}
AXES = {"axis": "examples and places", "inner": "the places alone", "first": "the examples alone"}
AXES |= {"crossed": "filters and places", "everything": "everything", "mixed": "examples, filters and rows"}
POOLS = {"axis": "each window", "with_channels": "all channels as well", "with_examples": "all examples as well"}
TWINS = {
    ("H", "W"): "the image's sides",
    ("pad + H", "pad + W"): "pad + H and pad + W",
    ("rows", "columns"): "rows and columns",
    ("i", "j"): "rows and columns",
}
BEGIN, GO = ("top", "left"), ("down", "across")
GROUPS = {
    ("rows", "columns"): "the size of the output",
    ("rows", "columns", "windows"): "the size of the output and the windows",
    ("rows", "columns", "top", "left"): "the size of the output and where windows begin",
    ("rows", "top", "columns", "left"): "the size of the output and where windows begin",
    ("i", "j"): "the loops over windows",
    BEGIN: "where windows begin",
    GO: "where their gradients go",
    ("top", "down", "left", "across"): "where windows begin and gradients go",
    ("top", "down"): "where windows begin and gradients go, down the image",
    ("left", "across"): "where windows begin and gradients go, across the image",
    ("high", "dx"): "dx where it is cut",
}
LABELS = {
    **COUNTS,
    **MASKS,
    **SMALL,
    **PADDINGS,
    **KERNELS,
    **DOUTS,
    **PUTS,
    "kernel": "the filters",
    "dout": "dout",
    "stride": "the stride",
    "pad": "pad",
    "2 * pad": "the padding",
    "bias": "the bias",
    "first_bias": "the bias of the first filter",
    "mean_bias": "the mean of the biases",
    "first_image": "the first example's image",
    "first_channels_image": "the first channel of the image",
    "x": "the image",
    "H": "the image's height",
    "W": "the image's width",
    "rows": "the number of rows",
    "columns": "the number of columns",
    "pad + H": "pad + H",
    "pad + W": "pad + W",
    **{f"windows_{name}": f"the windows with {words}" for name, words in TURNS.items()},
}
GEOMETRY = (
    ("H", "W"),
    ("HH", "WW", "stride", "two"),
    ("stride", "HH", "WW", "one", "two", "none"),
    ("pad", "none", "one"),
    ("rows", "columns"),
    ("i", "j"),
    ("top",), ("left",), ("down",), ("across",),
    tuple(PADDINGS),
    ("kernel", *KERNELS),
    ("x", "first_image", "first_channels_image"),
    ("bias", "first_bias", "mean_bias"),
    ("dout", *DOUTS),
    tuple(PUTS),
)  # fmt: skip


def _said() -> dict[str, str]:
    """Plainer words for what masks, sums of examples and turned windows say."""
    found = {}
    for word in MASKS.values():
        said = f"left out at {word}" if " of each " in word else f"there for {word} alone"
        found[f"multiplied by {word} once too often"] = said
    for one, d in product(("first", "last"), ("dw", "db")):
        found[f"the sum is of the {one} example alone in {d}"] = f"{d} is of the {one} example alone"
    for how in TURNS.values():
        found[f"the windows with {how} in place of the windows in the products of dout and the windows"] = (
            f"dw is given with {how}"
        )
    return found


SAID = _said() | {
    "the rows and the columns are exchanged in the output": "height and width of the output are exchanged",
    "the number of rows and the number of columns are exchanged in the output": (
        "the output is made with height and width exchanged"
    ),
    "putting the image at [pad:-pad] in place of padding with zeros in the padded image": (
        "a padding of 0 leaves no place for the image"
    ),
    "the end pad + H and pad + W of a slice is missing in dx where it is cut": (
        "dx is cut at one side alone: from pad on"
    ),
    "the last of the gradients of a number in place of windows that add up": (
        "what is the largest number of several windows keeps the last one's gradient alone"
    ),
    "windows that overwrite each other in place of windows that add up": "overlapping windows overwrite each other",
    "places of windows that overwrite each other in place of windows that add up": (
        "the places of windows overwrite each other"
    ),
    " of the filters in the filters": " of the filters",
    " of dout in dout": " of dout",
    "a min in place of a max": "the least number in place of the largest",
    "!= in place of ==": "every number but the largest is taken",
}


def _said_of(output: str, window: str) -> dict[str, str]:
    """Plainer words for what is left out of an output, or of windows."""
    less, more = (f"{{}} {{}} one too {word} in {{}}" for word in ("small", "large"))
    sides, loops = f"{window} sides", "the loops over windows"
    return {
        less.format("rows and columns", "are", loops): f"the last row and column of {output} are left out",
        less.format("the number of rows", "is", "the rows"): f"the last row of {output} is left out",
        less.format("the number of columns", "is", "the columns"): f"the last column of {output} is left out",
        f"1 in place of {sides} in the windows": "the first number of each window is taken",
        less.format(sides, "are", "the windows"): "the last row and column of each window are left out",
        less.format(f"{window} height", "is", "the windows"): "the last row of each window is left out",
        less.format(f"{window} width", "is", "the windows"): "the last column of each window is left out",
        more.format(sides, "are", "the windows"): "windows have a row and a column too many",
    }


HINTS = {"padded": PADDED, "padding": PADDED, "pad ": CUT, "db": PER_FILTER, "alone": ALL, "overwrite": OVERLAP}
HINTS |= {"height": SIDES, "exchanged": SIDES, "size of the output": SIZE, "stride": STRIDE, "begin": STRIDE}
HINTS |= {"left out": EVERY, "reshape": ORDER, "taken apart": ORDER}
WITHOUT = frozenset(("transpose", "reduction", "power", "base", "complement", "inner factor"))
COMPUTED = {"terms", "summed", "each", "of_dw", "products", "of_dx", "within", "most", "largest", "db"}
"""What is computed of numbers of an image; all else is where they lie."""
LATE = {"top": "i * stride + 1", "left": "j * stride + 1"}


def _text(
    lines: str,
    *arrays: str,
    axes: Mapping[str, str] | None = None,
    like: tuple[str, ...] = (),
    rows: Mapping[str, Mapping[str, str]],
    **rest: Any,
) -> RightText:
    """A text with what stands for names of its geometry, and for those of its axes."""
    window = "the filters'" if "kernel" in lines else "the pool's"
    own_sides = {"HH": f"{window} height", "WW": f"{window} width"}
    labels, own = {**LABELS, **own_sides, **(axes or {})}, tuple(axes or ())
    said = SAID | _said_of("the output" if "out = " in lines else "dout", window)
    twins = {**TWINS, ("HH", "WW"): f"{window} sides"}
    groups = tuple(group for group in (*GEOMETRY, own, like) if group and re.search(rf"\b{group[0]}\b", lines))
    defined = {line.partition(" = ")[0] for line in lines.strip().splitlines()}
    names = dict.fromkeys((*arrays, *(name for group in groups for name in group if group is not own)))
    given = tuple(name for name in names if name not in defined)
    further = {
        "said": said,
        "without": WITHOUT,
        "twins": twins,
        "groups": GROUPS,
        "alike": groups,
        **rest,
        "rows": (*rows.items(),),
    }
    further |= {"places": defined - COMPUTED}
    return RightText(lines, given, tuple(COUNTS), own, labels, **further)


def _turned(before: str, sizes: str, after: str) -> dict[str, str]:
    return {"out": f"np.transpose(np.transpose(each, {before}).reshape({sizes}), {after})"}


CONV_FORWARD = _text(
    CONV,
    *(one for one in MASKS if one != "last_window"),
    hints={**HINTS, "": FILTERS},
    rows={
        "windows begin a row and a column late": LATE,
        "the output lies filter by filter, and is reshaped as if it lay example by example": (
            _turned("(1, 0, 2, 3)", "N, F, rows, columns", "(0, 1, 2, 3)")
        ),
        "the output lies filter by filter and place by place, and is reshaped as if it lay example by example": (
            _turned("(1, 2, 3, 0)", "N, F, rows, columns", "(0, 1, 2, 3)")
        ),
        "the columns go through examples first, and are taken apart as if they went through places first": (
            _turned("(1, 0, 2, 3)", "F, rows, columns, N", "(3, 0, 1, 2)")
        ),
        "the columns go through places first, and are taken apart as if they went through examples first": (
            _turned("(1, 2, 3, 0)", "F, N, rows, columns", "(1, 0, 2, 3)")
        ),
        "height and width are exchanged where the output is reshaped": (
            _turned("(0, 1, 2, 3)", "N, F, columns, rows", "(0, 1, 3, 2)")
        ),
        "height and width are exchanged where the output is reshaped, if they differ": {
            "out": "np.transpose(each.reshape(N, F, columns, rows), (0, 1, 3, 2)) if rows != columns else each"
        },
        "the output is reshaped to width × height": {"out": "each.reshape(N, F, columns, rows)"},
        "height and width of the output are exchanged": {"out": "np.transpose(each, (0, 1, 3, 2))"},
    },
)
OF_DW = "np.transpose(products.reshape(F, C, WW, HH), (0, 1, 3, 2))"
CONV_BACKWARD = [
    _text(
        CONV_BACK,
        *MASKS,
        like=("windows", *(f"windows_{name}" for name in TURNS)),
        hints={**HINTS, "": FILTERS},
        at={"dx": "the columns of dx"},
        rows={
            "the padding is left on dx": {"dx": "whole"},
            "dx is cut in its rows alone": {"dx": "high"},
            "dx is cut by 1 on each side, whatever pad is": {
                "high": "whole[:, :, 1:-1]",
                "dx": "high[:, :, :, 1:-1]",
            },
            "a padding of 0 slices all of dx away": {
                "high": "whole[:, :, pad:-pad]",
                "dx": "high[:, :, :, pad:-pad]",
            },
            "dx is cut from 2 pad on, not from pad": {
                "high": "whole[:, :, 2 * pad : 2 * pad + H]",
                "dx": "high[:, :, :, 2 * pad : 2 * pad + W]",
            },
            "the last filter and window overwrite all others in dx": {
                "within": "of_dx[:, -1]",
                "whole": "put_over(within, down, across, HH, WW, H + 2 * pad, W + 2 * pad)",
            },
            "dw is of the last window of the last example alone": {"products": "of_dw[-1, :, :, -1, -1]"},
            "height and width of the filters are exchanged where dw is reshaped": {"dw": OF_DW},
            "height and width of the filters are exchanged where dw is reshaped, if they differ": {
                "dw": f"{OF_DW} if HH != WW else products"
            },
        },
    ),
    _text(
        "db = dout.sum(axis=axis)  # db",
        axes=AXES,
        hints=HINTS,
        rows={
            "db is without the last row and column of dout": {"db": "dout[:, :, :-1, :-1].sum(axis=axis)"},
            "db is of the first column alone": {"db": "dout[:, :, :, 0].sum(axis=(0, 2))"},
            "db is of the last place alone": {"db": "dout[:, :, -1, -1].sum(axis=0)"},
            "db is of the last place of the last example alone": {"db": "dout[-1, :, -1, -1]"},
        },
    ),
]
POOL_FORWARD = _text(
    POOL,
    axes=POOLS,
    hints={**HINTS, "": LARGEST},
    rows={
        "windows begin a row and a column late": LATE,
        "the mean is taken, not the maximum": {"each": "windows.mean(axis=axis, keepdims=True)"},
        "the last number of each window is taken": {"each": "windows[..., -1:]"},
        "the first row and column of each window are left out": {
            "windows": "cut(x, top + 1, left + 1, HH - 1, WW - 1)"
        },
    },
)
POOL_BACKWARD = _text(
    POOL_BACK,
    "first_example",
    "last_example",
    axes=POOLS,
    hints={**HINTS, "": WHOLE},
    without=WITHOUT | {"term"},
    rows={
        "windows begin a row and a column late": {**LATE, "down": LATE["top"], "across": LATE["left"]},
        "every number of a window gets a share": {"largest": "(1 + 0 * windows) / size"},
        "the first number of each window gets dout": {"largest": "first_number"},
        "numbers count where they are the largest of the whole image": {"most": "of_images"},
        "the largest number of each column of a window gets dout": {"most": "of_columns"},
        "the largest number of each row of a window gets dout": {"most": "of_rows"},
    },
)
