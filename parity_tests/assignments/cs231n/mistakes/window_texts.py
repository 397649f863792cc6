"""Known mistakes of convolution and pooling, in a text of each, window by window, that has one thing wrong."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.as_written import TERMS, Plug, Text, body
from parity_tests.assignments.cs231n.mistakes.images import CB, CF, GIVEN_PAD, PB, PER_FILTER, PF, STRIDE
from parity_tests.assignments.cs231n.mistakes.windows import BIAS, CUT, LARGEST, OVERLAP, WHOLE
from parity_tests.protocol.mistake import Body, Swap

FILTERS = "Each filter is summed over all channels and places of a window, as it is."
ALL = "Every example, filter and window adds its share: += in a loop, not =."
WINDOW = "A window begins at stride times its number and has as many rows and columns as the filter or the pool."


def _with_x(part: str, was: str, of: str, head: str, tail: str) -> Plug:
    """As the whole backward, whose forward caches x as well."""
    return lambda lines: (Body(part, f"{head}{lines}\n{tail}"), Swap(was, of))


WINDOW_OF_WIDE = "wide[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]"
SUM = "(window.reshape(N, 1, C, HH, WW) * w).sum(axis=(2, 3, 4))"
PADDED = "wide = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))"
CONV = Text(
    CF,
    f"""N, C, H, W = x.shape
F, _, HH, WW = w.shape
height, width = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
{PADDED}
out = np.zeros((N, F, height, width), x.dtype)
for i in range(height):
    for j in range(width):
        window = {WINDOW_OF_WIDE}
        out[:, :, i, j] = {SUM} + b""",
    body(
        CF,
        'stride, pad = conv_param["stride"], conv_param["pad"]\n',
        "own = _windows(_padded(x, conv_param['pad']), *w.shape[2:], conv_param['stride'])\n"
        "own = own.transpose(0, 1, 4, 5, 2, 3).reshape(N, w[0].size, -1)\n"
        "return out, (x.shape, w, conv_param, own)",
    ),
)
TO_DX = "dx[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW] += (g * w).sum(axis=1)"
TO_DW = "dw += (g * window.reshape(N, 1, C, HH, WW)).sum(axis=0)"
CUT_OUT = "dx = dx[:, :, pad : pad + H, pad : pad + W]"
TO_DB = "db = dout.sum(axis=(0, 2, 3))"
CONV_BACK = Text(
    CB,
    f"""N, C, H, W = x.shape
F, _, HH, WW = w.shape
height, width = dout.shape[2:]
{PADDED}
dx = np.zeros((N, C, H + 2 * pad, W + 2 * pad), x.dtype)
dw = np.zeros(w.shape, w.dtype)
for i in range(height):
    for j in range(width):
        window = {WINDOW_OF_WIDE}
        g = dout[:, :, i, j].reshape(N, F, 1, 1, 1)
        {TO_DX}
        {TO_DW}
{CUT_OUT}
{TO_DB}""",
    _with_x(
        CB,
        "(x.shape, w, conv_param, columns)",
        "(x, w, conv_param, columns)",
        'x, w, conv_param, _ = cache\nstride, pad = conv_param["stride"], conv_param["pad"]\n',
        "return dx, dw, db",
    ),
)
HERE = "i * stride : i * stride + pool_height, j * stride : j * stride + pool_width"
POOL = Text(
    PF,
    f"""N, C, H, W = x.shape
height, width = 1 + (H - pool_height) // stride, 1 + (W - pool_width) // stride
out = np.zeros((N, C, height, width), x.dtype)
for i in range(height):
    for j in range(width):
        window = x[:, :, {HERE}]
        out[:, :, i, j] = np.max(window, axis=(2, 3))""",
    body(
        PF,
        'pool_height, pool_width, stride = (pool_param[n] for n in ("pool_height", "pool_width", "stride"))\n',
        "own = _windows(x, *(pool_param[n] for n in ('pool_height', 'pool_width', 'stride')))\n"
        "return out, (x.shape, pool_param, own.reshape(*own.shape[:4], -1).argmax(axis=-1))",
    ),
)
POOL_BACK = Text(
    PB,
    f"""N, C, H, W = x.shape
dx = np.zeros(x.shape, x.dtype)
for i in range(dout.shape[2]):
    for j in range(dout.shape[3]):
        window = x[:, :, {HERE}]
        largest = window == np.max(window, axis=(2, 3), keepdims=True)
        g = dout[:, :, i, j].reshape(N, C, 1, 1)
        dx[:, :, {HERE}] += largest * g""",
    _with_x(
        PB,
        "(x.shape, pool_param, first)",
        "(x, pool_param, first)",
        "x, pool_param, _ = cache\n"
        'pool_height, pool_width, stride = (pool_param[n] for n in ("pool_height", "pool_width", "stride"))\n',
        "return dx",
    ),
)

NO_ROWS = WINDOW_OF_WIDE.replace("i * stride", "i")
NO_COLUMNS = WINDOW_OF_WIDE.replace("j * stride", "j")
PADDINGS = (
    ("the image is padded with its edge values, not with zeros", ", mode='edge'"),
    ("the image is padded with its mirror image, not with zeros", ", mode='symmetric'"),
    ("the image is padded by reflection, not with zeros", ", mode='reflect'"),
    ("the image is padded from its other side, not with zeros", ", mode='wrap'"),
    ("the image is padded with ones, not with zeros", ", constant_values=1"),
)
SIDES = (
    ("all of the padding is below and on the right", "(0, 2 * pad), (0, 2 * pad)"),
    ("all of the padding is above and on the left", "(2 * pad, 0), (2 * pad, 0)"),
)
SHORT = (
    ("the last row and column of each window are left out", "HH - 1", "WW - 1"),
    ("the last row of each window is left out", "HH - 1", "WW"),
    ("the last column of each window is left out", "HH", "WW - 1"),
)
CONVOLUTION = (
    *(CONV.wrong(name, GIVEN_PAD, "out", (PADDED, f"{PADDED[:-1]}{how})")) for name, how in PADDINGS),
    *(CONV.wrong(name, GIVEN_PAD, "out", ("(pad, pad), (pad, pad)", how)) for name, how in SIDES),
    CONV.wrong("the stride is left out down the image", STRIDE, "out", (WINDOW_OF_WIDE, NO_ROWS)),
    CONV.wrong("the stride is left out across the image", STRIDE, "out", (WINDOW_OF_WIDE, NO_COLUMNS)),
    *(
        CONV.wrong(
            name, WINDOW, "out", (SUM, f"(window.reshape(N, 1, C, HH, WW) * w)[..., :{h}, :{w}].sum(axis=(2, 3, 4))")
        )
        for name, h, w in SHORT
    ),
    CONV.wrong("the output is that of filters turned top to bottom", FILTERS, "out", ("* w)", "* np.flip(w, (2,)))")),
    CONV.wrong("the output is that of filters turned left to right", FILTERS, "out", ("* w)", "* np.flip(w, (3,)))")),
    CONV.wrong(
        "the channels of the filters are in the opposite order", FILTERS, "out", ("* w)", "* np.flip(w, (1,)))")
    ),
    CONV.wrong(
        "the last channel alone counts",
        ALL,
        "out",
        (SUM, SUM.replace(".sum(axis=(2, 3, 4))", "[:, :, -1].sum(axis=(2, 3))")),
    ),
    CONV.wrong(
        "the first channel alone counts",
        ALL,
        "out",
        (SUM, SUM.replace(".sum(axis=(2, 3, 4))", "[:, :, 0].sum(axis=(2, 3))")),
    ),
    CONV.wrong("the mean is taken, not the sum", FILTERS, "out", (".sum(axis=(2, 3, 4))", ".mean(axis=(2, 3, 4))")),
    CONV.wrong("the first filter stands for all", FILTERS, "out", ("* w)", "* w[:1])")),
    CONV.wrong(
        "the first example stands for all", ALL, "out", (SUM, SUM.replace("window.reshape(N,", "window[:1].reshape(1,"))
    ),
    CONV.wrong("the bias of the first filter is added to all", BIAS, "out", (" + b", " + b[:1]")),
    CONV.wrong("the bias is subtracted", BIAS, "out", (" + b", " - b")),
    CONV.wrong("the bias is added twice", BIAS, "out", (" + b", " + 2 * b")),
    CONV.wrong("the bias multiplies", BIAS, "out", (" + b", " * b")),
    CONV.wrong("all of the bias is added to each filter", BIAS, "out", (" + b", " + b.sum()")),
    CONV.wrong("a ReLU is in the convolution", TERMS, "out", (f"{SUM} + b", f"np.maximum({SUM} + b, 0)")),
    *CONV.factors("out"),
)
CONVOLUTION_BACK = (
    *CONV_BACK.factors("dx"),
    *CONV_BACK.factors("dw"),
    *CONV_BACK.factors("db"),
    CONV_BACK.wrong(
        "the stride is left out of dx down the image", STRIDE, "dx", (TO_DX, TO_DX.replace("i * stride", "i"))
    ),
    CONV_BACK.wrong(
        "the stride is left out of dx across the image", STRIDE, "dx", (TO_DX, TO_DX.replace("j * stride", "j"))
    ),
    CONV_BACK.wrong(
        "the last filter and window overwrite all others in dx",
        ALL,
        "dx",
        (TO_DX, TO_DX.replace("+=", "=").replace(".sum(axis=1)", "[:, -1]")),
    ),
    CONV_BACK.wrong("dx holds the last filter alone", ALL, "dx", (TO_DX, TO_DX.replace(".sum(axis=1)", "[:, -1]"))),
    CONV_BACK.wrong("dx holds the first filter alone", ALL, "dx", (TO_DX, TO_DX.replace(".sum(axis=1)", "[:, 0]"))),
    CONV_BACK.wrong(
        "the first filter stands for all in dx", FILTERS, "dx", (TO_DX, TO_DX.replace("g * w", "g * w[:1]"))
    ),
    CONV_BACK.wrong(
        "dout of the first filter stands for all in dx", FILTERS, "dx", (TO_DX, TO_DX.replace("g * w", "g[:, :1] * w"))
    ),
    CONV_BACK.wrong("dx is the mean over the filters", FILTERS, "dx", (TO_DX, TO_DX.replace(".sum(", ".mean("))),
    CONV_BACK.wrong("dx is divided by the number of examples", TERMS, "dx", (CUT_OUT, f"{CUT_OUT} / N")),
    CONV_BACK.wrong(
        "dx is that of filters turned top to bottom",
        FILTERS,
        "dx",
        (TO_DX, TO_DX.replace("g * w", "g * np.flip(w, (2,))")),
    ),
    CONV_BACK.wrong(
        "dx is that of filters turned left to right",
        FILTERS,
        "dx",
        (TO_DX, TO_DX.replace("g * w", "g * np.flip(w, (3,))")),
    ),
    CONV_BACK.wrong("dx does not use dout", TERMS, "dx", (TO_DX, TO_DX.replace("g * w", "(1 + 0 * g) * w"))),
    CONV_BACK.wrong(
        "dx is cut from pad to H and W, not to pad + H and pad + W", CUT, "dx", (CUT_OUT, "dx = dx[:, :, pad:H, pad:W]")
    ),
    CONV_BACK.wrong(
        "dx is cut from the first row and column on, not from pad", CUT, "dx", (CUT_OUT, "dx = dx[:, :, :H, :W]")
    ),
    CONV_BACK.wrong(
        "dx is cut from 2 pad on, not from pad",
        CUT,
        "dx",
        (CUT_OUT, "dx = dx[:, :, 2 * pad : 2 * pad + H, 2 * pad : 2 * pad + W]"),
    ),
    CONV_BACK.wrong("dx is cut at one side alone: from pad on", CUT, "dx", (CUT_OUT, "dx = dx[:, :, pad:, pad:]")),
    CONV_BACK.wrong("dx is cut in its rows alone", CUT, "dx", (CUT_OUT, "dx = dx[:, :, pad : pad + H]")),
    CONV_BACK.wrong("the stride is left out of dw down the image", STRIDE, "dw", (WINDOW_OF_WIDE, NO_ROWS)),
    CONV_BACK.wrong("the stride is left out of dw across the image", STRIDE, "dw", (WINDOW_OF_WIDE, NO_COLUMNS)),
    CONV_BACK.wrong("dw is of the last example alone", ALL, "dw", (TO_DW, TO_DW.replace(".sum(axis=0)", "[-1]"))),
    CONV_BACK.wrong("dw is of the first example alone", ALL, "dw", (TO_DW, TO_DW.replace(".sum(axis=0)", "[0]"))),
    CONV_BACK.wrong("dw is of the last window alone", ALL, "dw", (TO_DW, TO_DW.replace("dw +=", "dw ="))),
    CONV_BACK.wrong(
        "dw is of the last window of the last example alone",
        ALL,
        "dw",
        (TO_DW, TO_DW.replace("dw +=", "dw =").replace(".sum(axis=0)", "[-1]")),
    ),
    CONV_BACK.wrong(
        "the first example's image stands for all in dw",
        ALL,
        "dw",
        (TO_DW, TO_DW.replace("window.reshape(N,", "window[:1].reshape(1,")),
    ),
    CONV_BACK.wrong(
        "dout of the first filter stands for all in dw",
        FILTERS,
        "dw",
        (TO_DW, TO_DW.replace("(g *", "(g[:, :1] * (1 + 0 * g) *")),
    ),
    CONV_BACK.wrong("dw does not use dout", TERMS, "dw", (TO_DW, TO_DW.replace("(g *", "((1 + 0 * g) *"))),
    CONV_BACK.wrong("dw is turned by half a turn", FILTERS, "dw", (TO_DB, f"{TO_DB}\ndw = np.flip(dw, (2, 3))")),
    CONV_BACK.wrong("dw is turned top to bottom", FILTERS, "dw", (TO_DB, f"{TO_DB}\ndw = np.flip(dw, (2,))")),
    CONV_BACK.wrong("dw is turned left to right", FILTERS, "dw", (TO_DB, f"{TO_DB}\ndw = np.flip(dw, (3,))")),
    CONV_BACK.wrong(
        "dw is divided by the number of places", TERMS, "dw", (TO_DB, f"{TO_DB}\ndw = dw / (height * width)")
    ),
    CONV_BACK.wrong(
        "dw is divided by the number of examples and places",
        TERMS,
        "dw",
        (TO_DB, f"{TO_DB}\ndw = dw / (N * height * width)"),
    ),
    *(CONV_BACK.wrong(f"in dw {name}", GIVEN_PAD, "dw", (PADDED, f"{PADDED[:-1]}{how})")) for name, how in PADDINGS),
    *(
        CONV_BACK.wrong(f"in dw {name}", GIVEN_PAD, "dw", (PADDED, PADDED.replace("(pad, pad), (pad, pad)", how)))
        for name, how in SIDES
    ),
    CONV_BACK.wrong(
        "db is one number for all filters", PER_FILTER, "db", (TO_DB, "db = dout.sum() + 0 * w[:, 0, 0, 0]")
    ),
    CONV_BACK.wrong("db is one number, summed over the filters as well", PER_FILTER, "db", (TO_DB, "db = dout.sum()")),
    CONV_BACK.wrong("db is of the last example alone", PER_FILTER, "db", (TO_DB, "db = dout[-1].sum(axis=(1, 2))")),
    CONV_BACK.wrong("db is of the first example alone", PER_FILTER, "db", (TO_DB, "db = dout[0].sum(axis=(1, 2))")),
    CONV_BACK.wrong("db is of the last place alone", PER_FILTER, "db", (TO_DB, "db = dout[:, :, -1, -1].sum(axis=0)")),
    CONV_BACK.wrong(
        "db is of the last place of the last example alone", PER_FILTER, "db", (TO_DB, "db = 1 * dout[-1, :, -1, -1]")
    ),
    CONV_BACK.wrong("db is divided by the number of places", PER_FILTER, "db", (TO_DB, f"{TO_DB} / (height * width)")),
    CONV_BACK.wrong("db is not summed over the places", PER_FILTER, "db", (TO_DB, "db = dout.sum(axis=0)")),
    CONV_BACK.wrong("db is not summed over the examples", PER_FILTER, "db", (TO_DB, "db = dout.sum(axis=(2, 3))")),
    CONV_BACK.wrong(
        "db is summed over the filters, not over the examples",
        PER_FILTER,
        "db",
        (TO_DB, "db = dout.sum(axis=(1, 2, 3))"),
    ),
)
MAX = "np.max(window, axis=(2, 3))"
POOLED = (
    POOL.wrong("the maximum starts at 0: negative ones become 0", LARGEST, "out", (MAX, f"np.maximum({MAX}, 0)")),
    POOL.wrong("the sum is taken, not the maximum", LARGEST, "out", (MAX, "window.sum(axis=(2, 3))")),
    POOL.wrong("the stride is left out", STRIDE, "out", (HERE, HERE.replace(" * stride", ""))),
    POOL.wrong("the stride is left out down the image", STRIDE, "out", (HERE, HERE.replace("i * stride", "i"))),
    POOL.wrong("the stride is left out across the image", STRIDE, "out", (HERE, HERE.replace("j * stride", "j"))),
    POOL.wrong(
        "the last row and column of each window are left out",
        WINDOW,
        "out",
        (HERE, HERE.replace("height", "height - 1").replace("width", "width - 1")),
    ),
    POOL.wrong("the last row of each window is left out", WINDOW, "out", (HERE, HERE.replace("height", "height - 1"))),
    POOL.wrong("the last column of each window is left out", WINDOW, "out", (HERE, HERE.replace("width", "width - 1"))),
    POOL.wrong(
        "the first row and column of each window are left out",
        WINDOW,
        "out",
        (MAX, MAX.replace("window", "window[:, :, 1:, 1:]")),
    ),
    POOL.wrong(
        "windows have a row and a column too many",
        WINDOW,
        "out",
        (HERE, HERE.replace("height", "height + 1").replace("width", "width + 1")),
    ),
    POOL.wrong("the first number of each window is taken", LARGEST, "out", (MAX, "window[:, :, 0, 0]")),
    POOL.wrong("the last number of each window is taken", LARGEST, "out", (MAX, "window[:, :, -1, -1]")),
    POOL.wrong(
        "the maximum is over the channels as well",
        LARGEST,
        "out",
        (MAX, "np.max(window, axis=(1, 2, 3)).reshape(N, 1)"),
    ),
    POOL.wrong(
        "the maximum is over the examples as well",
        LARGEST,
        "out",
        (MAX, "np.max(window, axis=(0, 2, 3)).reshape(1, C)"),
    ),
    POOL.wrong("the first channel stands for all", LARGEST, "out", (MAX, f"{MAX}[:, :1]")),
    POOL.wrong("the first example stands for all", LARGEST, "out", (MAX, f"{MAX}[:1]")),
    *POOL.factors("out"),
)
FIRST_HERE, SECOND_HERE = f"window = x[:, :, {HERE}]", f"dx[:, :, {HERE}] += largest * g"


def _both(old: str, new: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """The window in x and in dx, both in other words."""
    return (FIRST_HERE, FIRST_HERE.replace(old, new)), (SECOND_HERE, SECOND_HERE.replace(old, new))


def _written(new: str) -> tuple[str, str]:
    return SECOND_HERE, SECOND_HERE.replace("largest * g", new)


POOLED_BACK = (
    *POOL_BACK.factors("dx"),
    POOL_BACK.wrong("the stride is left out down the image", STRIDE, "dx", *_both("i * stride", "i")),
    POOL_BACK.wrong("the stride is left out across the image", STRIDE, "dx", *_both("j * stride", "j")),
    POOL_BACK.wrong(
        "the stride is left out where dx is written to",
        STRIDE,
        "dx",
        (SECOND_HERE, SECOND_HERE.replace(" * stride", "")),
    ),
    POOL_BACK.wrong(
        "the stride is left out down the image where dx is written to",
        STRIDE,
        "dx",
        (SECOND_HERE, SECOND_HERE.replace("i * stride", "i")),
    ),
    POOL_BACK.wrong(
        "the stride is left out across the image where dx is written to",
        STRIDE,
        "dx",
        (SECOND_HERE, SECOND_HERE.replace("j * stride", "j")),
    ),
    POOL_BACK.wrong("every number of a window gets all of dout", WHOLE, "dx", _written("1 * g")),
    POOL_BACK.wrong("every number but the largest gets dout", WHOLE, "dx", ("window ==", "window !=")),
    POOL_BACK.wrong("the least number gets dout", WHOLE, "dx", ("np.max(", "np.min(")),
    POOL_BACK.wrong("the largest number gets 1, dout is not used", WHOLE, "dx", _written("largest * (1 + 0 * g)")),
    POOL_BACK.wrong("dout is multiplied by the largest number", WHOLE, "dx", _written("largest * window * g")),
    POOL_BACK.wrong(
        "the largest number stands in dx, dout is not used", WHOLE, "dx", _written("largest * window * (1 + 0 * g)")
    ),
    POOL_BACK.wrong("dout of the first channel stands for all", WHOLE, "dx", _written("largest * g[:, :1]")),
    POOL_BACK.wrong("dout of the first example stands for all", WHOLE, "dx", _written("largest * g[:1]")),
    POOL_BACK.wrong(
        "dout of the first window stands for all",
        WHOLE,
        "dx",
        _written("largest * dout[:, :, 0, 0].reshape(N, C, 1, 1)"),
    ),
    POOL_BACK.wrong(
        "the first number of each window gets dout",
        WHOLE,
        "dx",
        (SECOND_HERE, "dx[:, :, i * stride, j * stride] += dout[:, :, i, j]"),
    ),
    POOL_BACK.wrong(
        "the last example alone has a gradient",
        OVERLAP,
        "dx",
        _written("largest * g * (np.arange(N) == N - 1).reshape(N, 1, 1, 1)"),
    ),
    POOL_BACK.wrong(
        "the first example alone has a gradient",
        OVERLAP,
        "dx",
        _written("largest * g * (np.arange(N) == 0).reshape(N, 1, 1, 1)"),
    ),
    POOL_BACK.wrong("the largest number over all channels gets dout", WHOLE, "dx", ("axis=(2, 3)", "axis=(1, 2, 3)")),
    POOL_BACK.wrong("the gradient is divided by the number of examples", WHOLE, "dx", _written("largest * g / N")),
)
WINDOW_TEXTS = (*CONVOLUTION, *CONVOLUTION_BACK, *POOLED, *POOLED_BACK)
