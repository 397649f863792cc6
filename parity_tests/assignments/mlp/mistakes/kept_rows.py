"""Known mistakes of layers and of the loss that no single change of a right text gives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.mistakes.generated import tried
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.mistake import Body, Call, Mistake, Swap
from parity_tests.protocol.quantity import Quantity

FROM = "From which input on does relu let through?"
AT_0 = "At exactly 0 take 0 or 1: a subgradient that the assignment names."
OVERFLOWS = "e to the 1000th is no float, and ∞/∞ or ∞ − ∞ no number: which of your terms grows without bound?"
NAIVE = "e, f = np.exp(X), np.exp(-X)\n"

# ---- layers


THRESHOLDS = {
    "relu.output": ("7", "the threshold is not 0", "X"),
    "relu.gradient of X": ("8", "the derivative's threshold is not 0", "grad"),
}
"""By operation its part, the name, and what is let through."""


def other_threshold(calls: Sequence[Call]) -> Iterator[Mistake]:
    """That another number than 0 parts what is let through, where one does."""
    part, name, through = THRESHOLDS[calls[0].operation]
    at = _threshold([call for call in calls if call.got is not None and call.got.shape == call.X.shape])
    if at:
        formula = lambda call: np.where(at < call.X, getattr(call, through), 0)  # noqa: E731 - of this number
        yield tried(Mistake(part, calls[0].operation, name, FROM, formula))


def _threshold(calls: Sequence[Call]) -> float:
    """A number above which inputs are let through, and up to which they are not; 0 where none is, or it is that."""
    passed, stopped = list[float](), list[float]()
    for call in calls:
        x, got = np.asarray(call.X.value, np.float64), np.asarray(call.got)
        passed += x[(got != 0) & (x != 0)].tolist()
        stopped += x[(got == 0) & (x != 0)].tolist()
    low, high = max(stopped, default=0.0), min(passed, default=0.0)
    if not low < high or low < 0 < high:
        return 0.0
    return next((c for c in (-1.0, -0.5, -0.1, 0.1, 0.5, 1.0, 2.0) if low <= c < high), low)


def _half_at_0(call: Call) -> object:
    """½ at every 0: none of them has the derivative 0 or 1."""
    if call.free is not None and call.free.any():
        return None
    return np.where(call.X == 0, call.grad / 2, np.where(call.X > 0, call.grad, 0))


def _is_nan(case: Case, q: Quantity, comparison: Comparison) -> bool:
    return q.name.endswith("tanh, large inputs") and comparison.got is not None and math.isnan(comparison.got)


LAYERS = (
    Mistake(
        "5", "tanh.large", "overflows: NaN for large inputs", OVERFLOWS, shown_by=_is_nan,
        plug=(Body("tanh.forward", f"{NAIVE}self.h = (e - f) / (e + f)\nreturn self.h"),),
    ),
    Mistake(
        "6", "tanh.large", "overflows: NaN for large inputs", OVERFLOWS, shown_by=_is_nan,
        plug=(Body("tanh.backward", f"{NAIVE}h = (e - f) / (e + f)\nreturn grad * (1 - h * h)"),),
    ),
    Mistake(
        "8", "relu.gradient of X", "the derivative at exactly 0 is ½", AT_0, _half_at_0,
        plug=(Body("relu.backward", "return np.where(X == 0, grad / 2, np.where(X > 0, grad, 0))"),),
    ),
)  # fmt: skip

# ---- the loss


def _of_labels(call: Call) -> Running:
    """The loss of each row."""
    e = np.exp(call.X - call.X.max(axis=1, keepdims=True))
    losses: Running = -np.log((e / e.sum(axis=1, keepdims=True) * call.hot).sum(axis=1, keepdims=True))
    return losses


def _not_averaged(call: Call) -> Any:
    return _of_labels(call) if call.got is not None and call.got.ndim else None


LOSS = (
    Mistake(
        "utils", "loss.output", "the losses of the rows are not averaged",
        "The loss is the mean over the mini-batch; its gradient is that of the mean.", _not_averaged, file="utils.py",
        plug=(Swap("np.mean(np.log(total) -", "(np.log(total) -"),),
    ),
    Mistake(
        "utils", "loss.output", "the softmax overflows: the logits are not shifted by their largest",
        "e to the 1000th is no float: what may be subtracted from all logits without changing the result?",
        shown_by=lambda case, q, comparison: (
            case.params.get("draw") == "offset" and comparison.got is not None and not math.isfinite(comparison.got)
        ),
        file="utils.py",
        plug=(
            Body(
                "softmax_cross_entropy.forward",
                "exponentials = np.exp(X)\nself.z: Array = exponentials / exponentials.sum(axis=1, keepdims=True)\n"
                "return -np.log(np.take_along_axis(self.z, _as_index(Y), axis=1)).mean()",
            ),
        ),
    ),
)  # fmt: skip
