"""Known mistakes of the norms' backwards that no single change of a right text gives."""

from __future__ import annotations

from functools import partial
from typing import Any

from parity_tests.assignments.cs231n.mistakes.as_written import run_in_torch
from parity_tests.assignments.cs231n.mistakes.right_texts import WRITTEN
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.parts.norm_backward import GAMMA
from parity_tests.protocol.mistake import Body

LATE = """
through = dout.mean(axis=axis, keepdims=True) + normal * (dout * normal).mean(axis=axis, keepdims=True)
dx = gamma * (dout - through) / np.sqrt(variance + eps)
"""
ROWS = "normal, deviation, gamma, axis = cache\nrows, grad, scale = normal, dout, gamma\n"
GROUPS = """normal, deviation, gamma, G = cache
axis, shape = 2, (len(dout), G, -1)
rows, grad, scale = normal.reshape(shape), dout.reshape(shape), (gamma + 0 * dout).reshape(shape)
"""
LINES = """through = grad.mean(axis=axis, keepdims=True) + rows * (grad * rows).mean(axis=axis, keepdims=True)
dx = (scale * (grad - through) / deviation).reshape(dout.shape)
"""
SUMS = "return dx, (dout * normal.reshape(dout.shape)).sum(axis={0}), dout.sum(axis={0})"


def _late(part: str, t: Any, s: Any) -> Any:
    written = WRITTEN[part, "layer"]
    return run_in_torch(LATE, dict(written.given(written.texts[0], t, s)))["dx"].reshape(t.x.shape)


def _wrong(part: str, head: str, sums: str) -> Wrong:
    name = "gamma is applied after the means, not before"
    plug = (Body(part, f"{head}{LINES}{SUMS.format(sums)}"),)
    return Wrong(part, "layer", name, GAMMA, {"dx": partial(_late, part)}, plug)


NORM_ROWS = (
    _wrong("layernorm_backward", ROWS, "0"),
    _wrong("spatial_groupnorm_backward", GROUPS, "(0, 2, 3), keepdims=True"),
)
