"""Known mistakes of the norms in single calls that no single change of a right text gives."""

from __future__ import annotations

from functools import partial
from typing import Any

from parity_tests.assignments.cs231n.mistakes.right_texts import WRITTEN
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.parts.images_as_rows import PLACES
from parity_tests.parts.in_torch import run_in_torch
from parity_tests.parts.norm_backward import GAMMA
from parity_tests.protocol.mistake import Body, Swap

GF, SF = "spatial_groupnorm_forward", "spatial_batchnorm_forward"
GROUPS = "Group g has the channels from g · C/G to (g + 1) · C/G − 1, and shares statistics over all their places."
LATE = """
through = dout.mean(axis=axis, keepdims=True) + normal * (dout * normal).mean(axis=axis, keepdims=True)
dx = gamma * (dout - through) / np.sqrt(variance + eps)
"""
ROWS = "normal, deviation, gamma, axis = cache\nrows, grad, scale = normal, dout, gamma\n"
GROUPED = """normal, deviation, gamma, G = cache
axis, shape = 2, (len(dout), G, -1)
rows, grad, scale = normal.reshape(shape), dout.reshape(shape), (gamma + 0 * dout).reshape(shape)
"""
LINES = """through = grad.mean(axis=axis, keepdims=True) + rows * (grad * rows).mean(axis=axis, keepdims=True)
dx = (scale * (grad - through) / deviation).reshape(dout.shape)
"""
SUMS = "return dx, (dout * normal.reshape(dout.shape)).sum(axis={0}), dout.sum(axis={0})"
OF_GROUPS = """N, C, H, W = x.shape
groups = x.{0}.reshape(N, {1}, -1)
deviation = np.sqrt(groups.var(axis=2, keepdims=True) + gn_param.get("eps", 1e-5))
normal = ((groups - groups.mean(axis=2, keepdims=True)) / deviation).{2}.reshape(x.shape)
return gamma * normal + beta, (normal, np.resize(deviation, (N, G, 1)), gamma, G)"""
TURNED = "reshape(N, {0}, {1}, H, W).transpose(0, 2, 1, 3, 4)"


def _late(part: str, t: Any, s: Any) -> Any:
    written = WRITTEN[part, "layer"]
    return run_in_torch(LATE, dict(written.given(written.texts[0], t, s)))["dx"].reshape(t.x.shape)


def _wrong(part: str, head: str, sums: str) -> Wrong:
    name = "gamma is applied after the means, not before"
    plug = (Body(part, f"{head}{LINES}{SUMS.format(sums)}"),)
    return Wrong(part, "layer", name, GAMMA, {"dx": partial(_late, part)}, plug)


def _normal(rows: Any, axis: int, s: Any) -> Any:
    deviation = (rows.var(axis, unbiased=False, keepdim=True) + s.get("eps", 1e-5)).sqrt()
    return (rows - rows.mean(axis, keepdim=True)) / deviation


def _single_row(t: Any, s: Any) -> Any:
    """A row alone in training is normalised by running statistics, which are 0 at first."""
    return t.right.out if len(t.x) > 1 else t.x / s.get("eps", 1e-5) ** 0.5 * t.gamma + t.beta


def _interleaved(t: Any, s: Any) -> Any:
    """Group g has the channels g, g + G, g + 2G …"""
    N, G, places = len(t.x), t.extra[0], t.x.shape[2:]
    groups = t.x.reshape(N, -1, G, *places).transpose(1, 2)
    normal = _normal(groups.reshape(N, G, -1), 2, s).reshape(groups.shape).transpose(1, 2)
    return normal.reshape(t.x.shape) * t.gamma + t.beta


def _of_size(t: Any, s: Any) -> Any:
    groups = t.x.reshape(len(t.x), t.x.shape[1] // t.extra[0], -1)
    return _normal(groups, 2, s).reshape(t.x.shape) * t.gamma + t.beta


def _to_channels(t: Any, s: Any) -> Any:
    """A reshape to a row for each channel, without a transpose before."""
    normal = _normal(t.x.reshape(t.x.shape[1], -1), 1, s)
    return (normal * t.gamma.reshape(-1, 1) + t.beta.reshape(-1, 1)).reshape(t.x.shape)


RUNNING = "In training x is normalised by its own statistics, however few rows it has."
CHANNELS = """tested, cache = batchnorm_forward(_places_as_rows(x), gamma, beta, bn_param)
if bn_param["mode"] == "test":
    return _rows_as_places(tested, x.shape), cache
rows = x.reshape(x.shape[1], -1)
deviation = np.sqrt(rows.var(axis=1, keepdims=True) + bn_param.get("eps", 1e-5))
normal = (rows - rows.mean(axis=1, keepdims=True)) / deviation
return (normal * gamma.reshape(-1, 1) + beta.reshape(-1, 1)).reshape(x.shape), cache"""


def _out(part: str, name: str, hint: str, change: Any, plug: Body | Swap) -> Wrong:
    return Wrong(part, "layer", name, hint, {"out": change}, (plug,))


NORM_ROWS = (
    _wrong("layernorm_backward", ROWS, "0"),
    _wrong("spatial_groupnorm_backward", GROUPED, "(0, 2, 3), keepdims=True"),
    _out("batchnorm_forward", "one row alone is normalised by the running statistics in training", RUNNING, _single_row,
         Swap('if bn_param["mode"] == "test":', 'if bn_param["mode"] == "test" or len(x) == 1:')),
    _out(SF, "x is reshaped to a row for each channel without a transpose", PLACES, _to_channels, Body(SF, CHANNELS)),
    _out(GF, "groups are of every G-th channel, not of neighbours", GROUPS, _interleaved, Body(GF, OF_GROUPS.format(
        TURNED.format("C // G", "G"), "G", TURNED.format("G", "C // G")))),
    _out(GF, "G is taken for the number of channels in a group", GROUPS, _of_size,
         Body(GF, OF_GROUPS.format("reshape(-1)", "C // G", "reshape(-1)"))),
)  # fmt: skip
