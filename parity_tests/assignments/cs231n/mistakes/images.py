"""Known mistakes of the layers for images."""

from __future__ import annotations

from typing import Any

from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.mistake import Body, Swap

OVERLAP = "A number may be the maximum of several windows: its gradients add up."
PAD = "x[pad:-pad] of pad = 0 is x[0:0], which is empty."
GIVEN_PAD = "The padding is what conv_param says."
STRIDE = "Window i begins at i · stride, in the backward as in the forward."
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
    Wrong(GB, "layer", "dgamma is summed over the examples alone", CHANNELS,
          {"dgamma": lambda t, s: (t.dout * (t.right.out - t.beta) / t.gamma).sum(0)},
          (Swap("return dx.reshape(dout.shape), (dout * normal).sum(axis=axes, keepdims=True), dout",
                "return dx.reshape(dout.shape), (dout * normal).sum(axis=0), dout"),)),
)  # fmt: skip
