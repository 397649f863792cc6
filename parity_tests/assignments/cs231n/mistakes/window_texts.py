"""Known mistakes of convolution and pooling, in a text of each, window by window, that has one thing wrong."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.as_written import Plug, Text, body
from parity_tests.assignments.cs231n.mistakes.images import CB, CF, PB, PER_FILTER, PF
from parity_tests.assignments.cs231n.mistakes.windows import CUT, LARGEST, OVERLAP, WHOLE
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

CONVOLUTION = ()
CONVOLUTION_BACK = (
    CONV_BACK.wrong(
        "the last filter and window overwrite all others in dx",
        ALL,
        "dx",
        (TO_DX, TO_DX.replace("+=", "=").replace(".sum(axis=1)", "[:, -1]")),
    ),
    CONV_BACK.wrong(
        "dx is cut from pad to H and W, not to pad + H and pad + W", CUT, "dx", (CUT_OUT, "dx = dx[:, :, pad:H, pad:W]")
    ),
    CONV_BACK.wrong("dx is cut at one side alone: from pad on", CUT, "dx", (CUT_OUT, "dx = dx[:, :, pad:, pad:]")),
    CONV_BACK.wrong("dx is cut in its rows alone", CUT, "dx", (CUT_OUT, "dx = dx[:, :, pad : pad + H]")),
    CONV_BACK.wrong(
        "dw is of the last window of the last example alone",
        ALL,
        "dw",
        (TO_DW, TO_DW.replace("dw +=", "dw =").replace(".sum(axis=0)", "[-1]")),
    ),
    CONV_BACK.wrong("db is one number, summed over the filters as well", PER_FILTER, "db", (TO_DB, "db = dout.sum()")),
    CONV_BACK.wrong("db is of the last place alone", PER_FILTER, "db", (TO_DB, "db = dout[:, :, -1, -1].sum(axis=0)")),
    CONV_BACK.wrong(
        "db is of the last place of the last example alone", PER_FILTER, "db", (TO_DB, "db = 1 * dout[-1, :, -1, -1]")
    ),
)
MAX = "np.max(window, axis=(2, 3))"
POOLED = (
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
)
FIRST_HERE, SECOND_HERE = f"window = x[:, :, {HERE}]", f"dx[:, :, {HERE}] += largest * g"


def _written(new: str) -> tuple[str, str]:
    return SECOND_HERE, SECOND_HERE.replace("largest * g", new)


POOLED_BACK = (
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
)
WINDOW_TEXTS = (*CONVOLUTION, *CONVOLUTION_BACK, *POOLED, *POOLED_BACK)
