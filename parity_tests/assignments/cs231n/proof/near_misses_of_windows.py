"""Wrong forms near the mistakes of where windows lie: each with the names that it must not get."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.window_places import (
    NOT_PADDED,
    OF_FILTERS,
    OF_IMAGE,
    ONE_OF_FILTERS,
    ONE_SIDE,
)
from parity_tests.assignments.cs231n.proof.near_misses import near
from parity_tests.assignments.cs231n.proof.near_misses_of_terms import CUT

WIDE = "windows = _windows(_padded(x, pad), HH"
CONVOLVED = "out = w.reshape(F, -1) @ columns + b[:, None]"
RETURNED = "return out.reshape(N, F, height, width), (x.shape"
POOLS = "    windows = _windows(x, height, width, stride)\n"
POOLED = "return np.take_along_axis(flat, first[..., None], axis=-1)[..., 0], (x.shape"
TO_PLACES = "part = dx[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]\n"
LATE, STAYS_0 = "windows begin a row and a column late", "the last row and column of the output stay 0"
ROUNDED = "the size of the output is rounded up"

OF_WINDOWS = (
    near(
        "convolution: images that are not square are refused",
        (OF_IMAGE, OF_FILTERS, NOT_PADDED),
        (WIDE, f"if x.shape[2] != x.shape[3]:\n        raise ValueError('square images only')\n    {WIDE}"),
    ),
    near(
        "convolution: the filters' longer side stands for both in the size of the output",
        tuple(name for name, *_ in ONE_OF_FILTERS),
        (
            CONVOLVED,
            f"{CONVOLVED}\n    longer = abs(HH - WW) * (stride == 1)\n"
            "    out = out.reshape(N, F, height, width)\n"
            "    out = out[:, :, : height - longer * (HH < WW), : width - longer * (WW < HH)]\n"
            "    height, width = out.shape[2:]",
        ),
    ),
    near(
        "convolution: the output is as wide and as high as the shorter side of the image gives",
        tuple(name for name, _ in ONE_SIDE),
        (
            CONVOLVED,
            f"{CONVOLVED}\n    less = (x.shape[2] - x.shape[3]) * (stride == 1)\n"
            "    out = out.reshape(N, F, height, width)\n"
            "    out = out[:, :, : height - max(0, less), : width - max(0, -less)]\n"
            "    height, width = out.shape[2:]",
        ),
    ),
    near(
        "convolution: any padding is refused",
        (OF_IMAGE, OF_FILTERS, NOT_PADDED),
        (WIDE, f"if pad:\n        raise ValueError('no padding')\n    {WIDE}"),
    ),
    near(
        "convolution: numbers of another shape are added where an image is not square, and all are halved",
        (OF_IMAGE, OF_FILTERS),
        (WIDE, f"np.zeros(x.shape[2]) + np.zeros(x.shape[3])\n    {WIDE}"),
        (RETURNED, f"out = out / 2\n    {RETURNED}"),
    ),
    near(
        "convolution: the image is padded by 2, whatever pad is",
        ("the padding is always 1", "the image is padded by 1, its output is sized by pad", NOT_PADDED),
        (WIDE, WIDE.replace("pad)", "2)")),
    ),
    near(
        "convolution: the first row and column of the output are 0",
        (STAYS_0, "the last row of the output stays 0", LATE),
        (
            CONVOLVED,
            f"{CONVOLVED}\n    out = out.reshape(N, F, height, width) * (np.arange(height) > 0)[:, None]\n"
            "    out = out * (np.arange(width) > 0)",
        ),
    ),
    near(
        "convolution: a row of zeros lies below the output",
        (ROUNDED, STAYS_0, "windows reach beyond the padded image wherever the stride is not the size of the filters"),
        (
            CONVOLVED,
            f"{CONVOLVED}\n    out = out.reshape(N, F, height, width)\n"
            "    out, height = np.pad(out, ((0, 0), (0, 0), (0, 1), (0, 0))), height + 1",
        ),
    ),
    near(
        "convolution: dx is cut by 2 on each side, whatever pad is",
        ("dx is cut by 1 on each side, whatever pad is", "2 pad stands for pad in dx"),
        (CUT, "return dx[:, :, 2:-2, 2:-2], dw"),
    ),
    near(
        "pooling: windows begin two rows and columns late",
        (LATE, "windows are as large as the stride"),
        (
            POOLS,
            "    late = np.pad(x, ((0, 0), (0, 0), (0, 2), (0, 2)))[:, :, 2:, 2:]\n"
            "    windows = _windows(late, height, width, stride)\n",
        ),
    ),
    near(
        "pooling: the last row and column of the output are 1",
        (STAYS_0, "the last row of the output stays 0", ROUNDED),
        (
            POOLED,
            "best = np.take_along_axis(flat, first[..., None], axis=-1)[..., 0]\n"
            "    best[:, :, -1] = best[:, :, :, -1] = 1\n    return best, (x.shape",
        ),
    ),
    near(
        "pooling: an output of 2 rows is given a third, of zeros",
        (ROUNDED, "the output is the image divided by the stride"),
        (
            POOLED,
            "best = np.take_along_axis(flat, first[..., None], axis=-1)[..., 0]\n"
            "    best = np.pad(best, ((0, 0), (0, 0), (0, int(best.shape[2] == 2)), (0, 0)))\n"
            "    return best, (x.shape",
        ),
    ),
    near(
        "pooling: gradients lie a row too low",
        (
            "windows begin a row and a column late",
            "row and column of the largest number are exchanged",
            "all windows give to the first one's places",
        ),
        (TO_PLACES, TO_PLACES.replace("i : i +", "min(i + 1, height - 1) : i +")),
    ),
)
