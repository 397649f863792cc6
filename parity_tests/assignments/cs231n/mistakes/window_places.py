"""Known mistakes of which windows there are and where they lie, in the same texts: some look beyond the image."""

from __future__ import annotations

from dataclasses import replace

from parity_tests.assignments.cs231n.mistakes import window_texts as texts
from parity_tests.assignments.cs231n.mistakes.images import GIVEN_PAD, PER_FILTER, STRIDE
from parity_tests.assignments.cs231n.mistakes.window_texts import (
    CUT_OUT,
    FILTERS,
    FIRST_HERE,
    HERE,
    PADDED,
    SECOND_HERE,
    TO_DB,
    TO_DW,
    TO_DX,
    WINDOW,
    WINDOW_OF_WIDE,
)
from parity_tests.assignments.cs231n.mistakes.windows import CUT, SIDES, WHOLE

CONV, CONV_BACK = replace(texts.CONV, beyond=True), replace(texts.CONV_BACK, beyond=True)
POOL, POOL_BACK = replace(texts.POOL, beyond=True), replace(texts.POOL_BACK, beyond=True)
SIZE = "An output has 1 + (H + 2 · pad − HH) // stride rows, a pool's without pad; its columns likewise."
EVERY = "Every window of the image counts: the loops go through all rows and columns of the output."
PARAM = "Sides of pools, stride and pad are what the dict says."

IMAGE, EXCHANGED_IMAGE = "N, C, H, W = x.shape", "N, C, W, H = x.shape"
FILTER, EXCHANGED_FILTER = "F, _, HH, WW = w.shape", "F, _, WW, HH = w.shape"
OF_IMAGE = "height and width of the image are exchanged, or one stands for both"
OF_FILTERS = "height and width of the filters are exchanged, or one stands for both"
NOT_PADDED = "the padded image is not N × C × (H + 2 pad) × (W + 2 pad)"
CONV_SIZES = "height, width = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride"
POOL_SIZES = "height, width = 1 + (H - pool_height) // stride, 1 + (W - pool_width) // stride"
ONE_SIDE = (
    ("the image's height stands for its width, too", "W = H"),
    ("the image's width stands for its height, too", "H = W"),
)
ONE_OF_FILTERS = (
    ("the width of the output is of the filters' height, not of their width", "WW", "HH"),
    ("the height of the output is of the filters' width, not of their height", "HH", "WW"),
)
ROWS, COLUMNS = "for i in range(height):", "for j in range(width):"
TURNED_HERE = "i * stride : i * stride + pool_width, j * stride : j * stride + pool_height"
BY_ONE_PAD = PADDED.replace("(pad, pad)", "(1, 1)")


def _sizes(text: str, old: str, new: str) -> tuple[str, str]:
    return text, text.replace(old, new)


def _one_less(line: str) -> tuple[str, str]:
    return line, line.replace("):", " - 1):")


CONVOLUTION = (
    CONV.wrong(OF_IMAGE, SIDES, "out", (IMAGE, EXCHANGED_IMAGE)),
    CONV.wrong(OF_FILTERS, SIDES, "out", (FILTER, EXCHANGED_FILTER)),
    CONV.wrong(
        "height and width of the filters are exchanged in shapes, their numbers lie as they did",
        SIDES,
        "out",
        (FILTER, EXCHANGED_FILTER),
        ("* w)", "* w.reshape(F, C, HH, WW))"),
    ),
    *(CONV.wrong(name, SIDES, "out", (IMAGE, f"{IMAGE}\n{line}")) for name, line in ONE_SIDE),
    *(CONV.wrong(name, SIDES, "out", (CONV_SIZES, CONV_SIZES.replace(old, new))) for name, old, new in ONE_OF_FILTERS),
    CONV.wrong(
        "the output is made with height and width exchanged",
        SIDES,
        "out",
        _sizes("np.zeros((N, F, height, width)", "height, width", "width, height"),
    ),
    CONV.wrong("the filters are transposed", FILTERS, "out", ("* w)", "* np.transpose(w, (0, 1, 3, 2)))")),
    CONV.wrong(NOT_PADDED, GIVEN_PAD, "out", (PADDED, "wide = x")),
    CONV.wrong(
        "the image is padded above and on the left alone",
        GIVEN_PAD,
        "out",
        (PADDED, PADDED.replace("(pad, pad), (pad, pad)", "(pad, 0), (pad, 0)")),
    ),
    CONV.wrong(
        "the image is padded below and on the right alone",
        GIVEN_PAD,
        "out",
        (PADDED, PADDED.replace("(pad, pad), (pad, pad)", "(0, pad), (0, pad)")),
    ),
    CONV.wrong("the image is padded by 1, its output is sized by pad", GIVEN_PAD, "out", (PADDED, BY_ONE_PAD)),
    CONV.wrong("the size of the output is without the padding", SIZE, "out", _sizes(CONV_SIZES, " + 2 * pad", "")),
    CONV.wrong("the size of the output has pad, not 2 pad", SIZE, "out", _sizes(CONV_SIZES, "2 * pad", "pad")),
    CONV.wrong("the output has a row and a column too few", SIZE, "out", _sizes(CONV_SIZES, "1 + ", "")),
    CONV.wrong(
        "the size of the output is rounded up",
        SIZE,
        "out",
        (
            CONV_SIZES,
            "height, width = 1 - (HH - H - 2 * pad) // stride, 1 - (WW - W - 2 * pad) // stride",
        ),
    ),
    CONV.wrong("the stride is always 1", PARAM, "out", (IMAGE, f"{IMAGE}\nstride = 1")),
    CONV.wrong("the stride is always 2", PARAM, "out", (IMAGE, f"{IMAGE}\nstride = 2")),
    CONV.wrong("the last row and column of the output stay 0", EVERY, "out", _one_less(ROWS), _one_less(COLUMNS)),
    CONV.wrong("the last row of the output stays 0", EVERY, "out", _one_less(ROWS)),
    CONV.wrong("the last column of the output stays 0", EVERY, "out", _one_less(COLUMNS)),
    CONV.wrong(
        "windows begin a row and a column late",
        WINDOW,
        "out",
        _sizes(WINDOW_OF_WIDE, " * stride", " * stride + 1"),
    ),
    CONV.wrong(
        "windows reach beyond the padded image wherever the stride is not the size of the filters",
        WINDOW,
        "out",
        (
            WINDOW_OF_WIDE,
            "wide[:, :, i * HH : i * HH + HH, j * WW : j * WW + WW]",
        ),
    ),
)
CONVOLUTION_BACK = (
    CONV_BACK.wrong(OF_IMAGE, SIDES, "dx dw db", (IMAGE, EXCHANGED_IMAGE)),
    CONV_BACK.wrong(
        "height and width are exchanged where dx is cut",
        SIDES,
        "dx",
        (CUT_OUT, "dx = dx[:, :, pad : pad + W, pad : pad + H]"),
    ),
    CONV_BACK.wrong(OF_FILTERS, SIDES, "dx dw db", (FILTER, EXCHANGED_FILTER)),
    CONV_BACK.wrong(
        "height and width of dout are exchanged",
        SIDES,
        "dx dw db",
        ("height, width = dout.shape[2:]", "width, height = dout.shape[2:]"),
    ),
    CONV_BACK.wrong(NOT_PADDED, GIVEN_PAD, "dx dw db", (PADDED, "wide = x")),
    CONV_BACK.wrong("the padding is always 1", PARAM, "dx dw db", (IMAGE, f"{IMAGE}\npad = 1")),
    CONV_BACK.wrong(
        "dx is without the last row and column of dout",
        EVERY,
        "dx",
        (TO_DX, f"if i < height - 1 and j < width - 1:\n            {TO_DX}"),
    ),
    CONV_BACK.wrong(
        "dw is without the last row and column of dout",
        EVERY,
        "dw",
        (TO_DW, f"if i < height - 1 and j < width - 1:\n            {TO_DW}"),
    ),
    CONV_BACK.wrong(
        "db is without the last row and column of dout",
        EVERY,
        "db",
        (TO_DB, TO_DB.replace("dout", "dout[:, :, :-1, :-1]")),
    ),
    CONV_BACK.wrong("dx is cut by 1 on each side, whatever pad is", CUT, "dx", (CUT_OUT, "dx = dx[:, :, 1:-1, 1:-1]")),
    CONV_BACK.wrong(
        "db is summed over examples, filters and rows", PER_FILTER, "db", (TO_DB, "db = dout.sum(axis=(0, 1, 2))")
    ),
    CONV_BACK.wrong(
        "db is of the first column alone", PER_FILTER, "db", (TO_DB, "db = dout[:, :, :, 0].sum(axis=(0, 2))")
    ),
)
POOLED = (
    POOL.wrong(OF_IMAGE, SIDES, "out", (IMAGE, EXCHANGED_IMAGE)),
    *(POOL.wrong(name, SIDES, "out", (IMAGE, f"{IMAGE}\n{line}")) for name, line in ONE_SIDE),
    POOL.wrong(
        "the output is made with height and width exchanged",
        SIDES,
        "out",
        _sizes("np.zeros((N, C, height, width)", "height, width", "width, height"),
    ),
    POOL.wrong(
        "height and width of the output are exchanged",
        SIDES,
        "out",
        ("out[:, :, i, j] =", "out[:, :, j, i] ="),
    ),
    POOL.wrong(
        "height and width of the pool are exchanged in the windows, not in the size of the output",
        SIDES,
        "out",
        (HERE, TURNED_HERE),
    ),
    POOL.wrong(
        "height and width of the pool are exchanged in the size of the output, not in the windows",
        SIDES,
        "out",
        (POOL_SIZES, "height, width = 1 + (H - pool_width) // stride, 1 + (W - pool_height) // stride"),
    ),
    POOL.wrong("windows are as wide as pool_height says", SIDES, "out", _sizes(HERE, "pool_width", "pool_height")),
    POOL.wrong("windows are as tall as pool_width says", SIDES, "out", _sizes(HERE, "pool_height", "pool_width")),
    POOL.wrong(
        "the output has as many columns as pool_height says",
        SIDES,
        "out",
        _sizes(POOL_SIZES, "pool_width", "pool_height"),
    ),
    POOL.wrong(
        "the output has as many rows as pool_width says", SIDES, "out", _sizes(POOL_SIZES, "pool_height", "pool_width")
    ),
    POOL.wrong(
        "windows step by the pool's sides, or by one of them, the output is sized by stride",
        STRIDE,
        "out",
        (HERE, HERE.replace("i * stride", "i * pool_height").replace("j * stride", "j * pool_width")),
    ),
    POOL.wrong(
        "windows step down by the pool's height, the output is sized by stride",
        STRIDE,
        "out",
        _sizes(HERE, "i * stride", "i * pool_height"),
    ),
    POOL.wrong(
        "windows step across by the pool's width, the output is sized by stride",
        STRIDE,
        "out",
        _sizes(HERE, "j * stride", "j * pool_width"),
    ),
    POOL.wrong(
        "windows are as large as the stride",
        WINDOW,
        "out",
        (HERE, HERE.replace("pool_height", "stride").replace("pool_width", "stride")),
    ),
    POOL.wrong("the pool is always 2 × 2", PARAM, "out", (IMAGE, f"{IMAGE}\npool_height, pool_width = 2, 2")),
    POOL.wrong("the stride is always 2", PARAM, "out", (IMAGE, f"{IMAGE}\nstride = 2")),
    POOL.wrong("the stride is always 1", PARAM, "out", (IMAGE, f"{IMAGE}\nstride = 1")),
    POOL.wrong("windows begin a row and a column late", WINDOW, "out", _sizes(HERE, " * stride", " * stride + 1")),
    POOL.wrong("the last row and column of the output stay 0", EVERY, "out", _one_less(ROWS), _one_less(COLUMNS)),
    POOL.wrong("the last row of the output stays 0", EVERY, "out", _one_less(ROWS)),
    POOL.wrong("the last column of the output stays 0", EVERY, "out", _one_less(COLUMNS)),
    POOL.wrong("the output has a row and a column too few", SIZE, "out", _sizes(POOL_SIZES, "1 + ", "")),
    POOL.wrong(
        "the size of the output is rounded up",
        SIZE,
        "out",
        (POOL_SIZES, "height, width = 1 - (pool_height - H) // stride, 1 - (pool_width - W) // stride"),
    ),
    POOL.wrong(
        "the output is the image divided by the pool's sides",
        SIZE,
        "out",
        (POOL_SIZES, "height, width = H // pool_height, W // pool_width"),
    ),
    POOL.wrong(
        "the output is the image divided by the stride",
        SIZE,
        "out",
        (POOL_SIZES, "height, width = H // stride, W // stride"),
    ),
)
DOUT_ROWS, DOUT_COLUMNS = "for i in range(dout.shape[2]):", "for j in range(dout.shape[3]):"


def _both(change: dict[str, str]) -> tuple[tuple[str, str], tuple[str, str]]:
    """The window in x and in dx, both in other words."""
    lines = []
    for line in (FIRST_HERE, SECOND_HERE):
        new = line
        for old, by in change.items():
            new = new.replace(old, by)
        lines.append((line, new))
    return lines[0], lines[1]


POOLED_BACK = (
    POOL_BACK.wrong(
        "windows step across by the pool's width, not by stride", STRIDE, "dx", *_both({"j * stride": "j * pool_width"})
    ),
    POOL_BACK.wrong(
        "windows step down by the pool's height, not by stride", STRIDE, "dx", *_both({"i * stride": "i * pool_height"})
    ),
    POOL_BACK.wrong(
        "windows step by the pool's sides, or by one of them, not by stride",
        STRIDE,
        "dx",
        *_both({"i * stride": "i * pool_height", "j * stride": "j * pool_width"}),
    ),
    POOL_BACK.wrong(
        "height and width of the pool are exchanged in the windows", SIDES, "dx", *_both({HERE: TURNED_HERE})
    ),
    POOL_BACK.wrong("windows are as wide as pool_height says", SIDES, "dx", *_both({"pool_width": "pool_height"})),
    POOL_BACK.wrong("windows are as tall as pool_width says", SIDES, "dx", *_both({"pool_height": "pool_width"})),
    POOL_BACK.wrong(
        "height and width of dout are exchanged",
        SIDES,
        "dx",
        (DOUT_ROWS, DOUT_ROWS.replace("2", "3")),
        (DOUT_COLUMNS, DOUT_COLUMNS.replace("3", "2")),
    ),
    POOL_BACK.wrong(
        "rows and columns are exchanged where windows begin",
        SIDES,
        "dx",
        *_both({"i * stride": "row", "j * stride": "i * stride", "row": "j * stride"}),
    ),
    POOL_BACK.wrong(
        "rows and columns of dout are exchanged",
        SIDES,
        "dx",
        ("g = dout[:, :, i, j]", "g = dout[:, :, j, i]"),
    ),
    POOL_BACK.wrong("windows begin a row and a column late", WINDOW, "dx", *_both({" * stride": " * stride + 1"})),
    POOL_BACK.wrong(
        "the last row and column of dout are left out", EVERY, "dx", _one_less(DOUT_ROWS), _one_less(DOUT_COLUMNS)
    ),
    POOL_BACK.wrong("the last row of dout is left out", EVERY, "dx", _one_less(DOUT_ROWS)),
    POOL_BACK.wrong("the last column of dout is left out", EVERY, "dx", _one_less(DOUT_COLUMNS)),
    POOL_BACK.wrong("the pool is always 2 × 2", PARAM, "dx", (IMAGE, f"{IMAGE}\npool_height, pool_width = 2, 2")),
    POOL_BACK.wrong(
        "windows step by 2, or by a side of the pool that is 2, not by stride",
        PARAM,
        "dx",
        (IMAGE, f"{IMAGE}\nstride = 2"),
    ),
    POOL_BACK.wrong(
        "row and column of the largest number are exchanged",
        SIDES,
        "dx",
        (SECOND_HERE, SECOND_HERE.replace("largest", "np.transpose(largest, (0, 1, 3, 2))")),
    ),
    POOL_BACK.wrong(
        "all windows give to the first one's places",
        WHOLE,
        "dx",
        (SECOND_HERE, "dx[:, :, :pool_height, :pool_width] += largest * g"),
    ),
    POOL_BACK.wrong(
        "numbers count where they are the largest of the whole image",
        WHOLE,
        "dx",
        ("np.max(window, axis=(2, 3), keepdims=True)", "np.max(x, axis=(2, 3), keepdims=True)"),
    ),
    POOL_BACK.wrong(
        "the largest number of each column of a window gets dout",
        WHOLE,
        "dx",
        ("np.max(window, axis=(2, 3), keepdims=True)", "np.max(window, axis=2, keepdims=True)"),
    ),
    POOL_BACK.wrong(
        "the largest number of each row of a window gets dout",
        WHOLE,
        "dx",
        ("np.max(window, axis=(2, 3), keepdims=True)", "np.max(window, axis=3, keepdims=True)"),
    ),
)
WINDOW_PLACES = (*CONVOLUTION, *CONVOLUTION_BACK, *POOLED, *POOLED_BACK)
