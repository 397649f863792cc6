"""Known mistakes of the layers for images."""

from __future__ import annotations

from typing import Any

from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.mistake import Body, Swap

OVERLAP = "A number may be the maximum of several windows: its gradients add up."
PAD = "x[pad:-pad] of pad = 0 is x[0:0], which is empty."
GIVEN_PAD = "The padding is what conv_param says."
STRIDE = "Window i begins at i · stride, in the backward as in the forward."
TERMS = "Compare the formula with the code term by term: is each used, once, and with the right sign?"
PLACES = "Each channel is normalised over examples and places: transpose the channels to the end before a reshape."
PER_FILTER = "b has one number for each filter: its gradient is summed over examples and places."
CHANNELS = "gamma and beta have one number for each channel: the sums run over examples and places."

CF, CB = "conv_forward_naive", "conv_backward_naive"
PF, PB = "max_pool_forward_naive", "max_pool_backward_naive"
SF, SB = "spatial_batchnorm_forward", "spatial_batchnorm_backward"
GF, GB = "spatial_groupnorm_forward", "spatial_groupnorm_backward"


def _overwritten(t: Any, s: Any) -> Any:
    """Where windows overlap, what the last one of them in order gives."""
    import torch

    height, width, stride = s["pool_height"], s["pool_width"], s["stride"]
    dx = torch.zeros_like(t.x)
    for i in range(t.dout.shape[2]):
        for j in range(t.dout.shape[3]):
            top, left = i * stride, j * stride
            window = t.x[:, :, top : top + height, left : left + width]
            largest = window.amax((2, 3), keepdim=True) == window
            part = dx[:, :, top : top + height, left : left + width]
            part.copy_(torch.where(largest, t.dout[:, :, i : i + 1, j : j + 1], torch.zeros_like(part)))
    return dx


def _mean_pool(t: Any, s: Any) -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    return F.avg_pool2d(t.x, (s["pool_height"], s["pool_width"]), s["stride"])


def _sliced(t: Any, s: Any) -> Any:
    return t.right.dx if s["pad"] else t.right.dx[:, :, 0:0, 0:0]


def _padded_by_one(t: Any, s: Any) -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    return F.conv2d(t.x, t.w, t.b, stride=s["stride"], padding=1)


def _without_bias(t: Any, s: Any) -> Any:
    return t.right.out - t.b[:, None, None]


def _flipped(t: Any, s: Any) -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    return F.conv2d(t.x, t.w.flip(2, 3), t.b, stride=s["stride"], padding=s["pad"])


def _dx_by_ones(t: Any, s: Any) -> Any:
    """Windows of dx that are one place apart, whatever the stride."""
    import torch
    import torch.nn.functional as F  # noqa: N812 - its usual name

    pad, (H, W) = s["pad"], t.x.shape[2:]
    near = F.conv_transpose2d(t.dout, t.w)
    wide = F.pad(near, (0, W + 2 * pad - near.shape[3], 0, H + 2 * pad - near.shape[2]))
    return torch.clone(wide[:, :, pad : pad + H, pad : pad + W])


def _dw_by_ones(t: Any, s: Any) -> Any:
    """Windows of x that are one place apart, whatever the stride."""
    import torch.nn.functional as F  # noqa: N812 - its usual name

    pad, (HH, WW), (height, width) = s["pad"], t.w.shape[2:], t.dout.shape[2:]
    wide = F.pad(t.x, (pad, pad, pad, pad))[:, :, : height + HH - 1, : width + WW - 1]
    return F.conv2d(wide.transpose(0, 1), t.dout.transpose(0, 1)).transpose(0, 1)


def _pooled_by_ones(t: Any, s: Any) -> Any:
    """The maxima of windows that are one place apart, whatever the stride."""
    import torch

    height, width = s["pool_height"], s["pool_width"]
    dx = torch.zeros_like(t.x)
    for i in range(t.dout.shape[2]):
        for j in range(t.dout.shape[3]):
            window = t.x[:, :, i : i + height, j : j + width]
            largest = (window.amax((2, 3), keepdim=True) == window).to(t.x.dtype)
            part = dx[:, :, i : i + height, j : j + width]
            part.copy_(part + largest * t.dout[:, :, i : i + 1, j : j + 1])
    return dx


BY_ONES = """x, pool_param, _ = cache
height, width = pool_param["pool_height"], pool_param["pool_width"]
dx = np.zeros(x.shape, dout.dtype)
for i in range(dout.shape[2]):
    for j in range(dout.shape[3]):
        window = x[:, :, i : i + height, j : j + width]
        largest = window == window.max(axis=(2, 3), keepdims=True)
        dx[:, :, i : i + height, j : j + width] += largest * dout[:, :, i, j, None, None]
return dx"""
OVERWRITING = """shape, pool_param, first = cache
height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
dx = np.zeros(shape, dout.dtype)
for i in range(dout.shape[2]):
    for j in range(dout.shape[3]):
        window = np.zeros((*shape[:2], height * width), dout.dtype)
        np.put_along_axis(window, first[:, :, i, j, None], dout[:, :, i, j, None], axis=2)
        place = (slice(i * stride, i * stride + height), slice(j * stride, j * stride + width))
        dx[:, :, place[0], place[1]] = window.reshape(*shape[:2], height, width)
return dx"""

IMAGES = (
    Wrong(PB, "layer", "overlapping windows overwrite each other", OVERLAP, {"dx": _overwritten},
          (Body(PB, OVERWRITING),)),
    Wrong(PF, "layer", "the mean is taken, not the maximum", "Max pooling takes the largest of a window.",
          {"out": _mean_pool},
          (Swap("return np.take_along_axis(flat, first[..., None], axis=-1)[..., 0], (x.shape",
                "return flat.mean(axis=-1), (x.shape"),)),
    Wrong(CB, "layer", "a padding of 0 slices all of dx away", PAD, {"dx": _sliced},
          (Swap("return dx[:, :, pad : pad + H, pad : pad + W], dw", "return dx[:, :, pad:-pad, pad:-pad], dw"),)),
    Wrong(CF, "layer", "the padding is always 1", GIVEN_PAD, {"out": _padded_by_one},
          (Swap("windows = _windows(_padded(x, pad), HH", "windows = _windows(_padded(x, 1), HH"),)),
    Wrong(CF, "layer", "the bias is left out", TERMS, {"out": _without_bias},
          (Swap("@ columns + b[:, None]", "@ columns"),)),
    Wrong(CF, "layer", "the output is that of filters turned by half a turn",
          "The layer correlates: a filter lies on a window as it is. What is called a convolution elsewhere turns it.",
          {"out": _flipped},
          (Swap("out = w.reshape(F, -1) @ columns", "out = w[:, :, ::-1, ::-1].reshape(F, -1) @ columns"),)),
    Wrong(CB, "layer", "the stride is left out of dx", STRIDE, {"dx": _dx_by_ones},
          (Swap("dx[:, :, i : i + stride * height : stride, j : j + stride * width : stride] += dcolumns[:, :, i, j]",
                "dx[:, :, i : i + height, j : j + width] += dcolumns[:, :, i, j]"),)),
    Wrong(CB, "layer", "the stride is left out of dw", STRIDE, {"dw": _dw_by_ones},
          (Swap("windows = _windows(_padded(x, pad), HH, WW, stride)\n",
                "windows = _windows(_padded(x, pad), HH, WW, stride)\n    wide = _padded(x, pad)\n"),
           Swap("(x.shape, w, conv_param, columns)", "(x.shape, w, conv_param, columns, wide)"),
           Swap("(N, C, H, W), w, conv_param, columns = cache", "(N, C, H, W), w, conv_param, columns, wide = cache"),
           Swap("dw = (flat @ columns.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape)",
                "near = _windows(wide, HH, WW, 1)[:, :, :height, :width]\n"
                '    dw = np.einsum("ncijhw,nfij->fchw", near, dout)'))),
    Wrong(PB, "layer", "the stride is left out", STRIDE, {"dx": _pooled_by_ones},
          (Body(PB, BY_ONES), Swap("(x.shape, pool_param, first)", "(x, pool_param, first)"))),
    Wrong(CB, "layer", "db is the mean over the examples", PER_FILTER,
          {"db": lambda t, s: t.right.db / len(t.x)},
          (Swap("dw, dout.sum(axis=(0, 2, 3))", "dw, dout.sum(axis=(0, 2, 3)) / N"),)),
    Wrong(CB, "layer", "dw is the mean over the examples", TERMS, {"dw": lambda t, s: t.right.dw / len(t.x)},
          (Swap(".sum(axis=0).reshape(w.shape)", ".mean(axis=0).reshape(w.shape)"),)),
    Wrong(GB, "layer", "dgamma is summed over the examples alone", CHANNELS,
          {"dgamma": lambda t, s: (t.dout * (t.right.out - t.beta) / t.gamma).sum(0)},
          (Swap("return dx.reshape(dout.shape), (dout * normal).sum(axis=axes, keepdims=True), dout",
                "return dx.reshape(dout.shape), (dout * normal).sum(axis=0), dout"),)),
)  # fmt: skip
