"""What tells the calls of the homework's parts apart, where no known mistake fits: sizes, rates, kept elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from parity_tests.harness.diagnosis.location import of_sign, told_apart
from parity_tests.harness.diagnosis.relations import right_digits
from parity_tests.protocol.diagnosis import Conditions, Regions, Relations
from parity_tests.protocol.mistake import Call

Condition = tuple[str, Callable[[Call], bool]]
CONDITIONS: Conditions = (
    ("wrong only where W is square", lambda call: call.part == "linear" and call.D == call.M),
    ("wrong only at one input", lambda call: call.part == "linear" and call.D == 1),
    ("wrong only at one output", lambda call: call.part == "linear" and call.M == 1),
    ("wrong only in evaluation", lambda call: call.part == "dropout" and call.evaluating),
    ("wrong only at rate 0", lambda call: call.part == "dropout" and call.r == 0),
)
KEPT: Regions = (
    ("the element is kept", lambda call: call.inputs.get("kept")),
    ("the element is dropped", lambda call: ~call.kept if "kept" in call.inputs else None),
)
_RATES: Conditions = (
    ("where α > 0", lambda call: call.alpha > 0),
    ("where α ≤ 0", lambda call: call.alpha <= 0),
    ("where λ > 0", lambda call: call.lam > 0),
    ("where λ = 0", lambda call: call.lam == 0),
    ("for W", lambda call: call.key == "W"),
    ("for b", lambda call: call.key == "b"),
    ("in the first layer", lambda call: call.layer == "L1"),
    ("in the last layer", lambda call: call.layer == "L2"),
)


def _both(one: Condition, other: Condition) -> Condition:
    """That two conditions hold."""
    words = f"{one[0]} and {other[0]}".replace(" and where ", " and ")
    return words, lambda call: one[1](call) and other[1](call)


_OTHER_NAMES: Condition = ("for layers of other names than L1 and L2", lambda call: call.layer not in ("L1", "L2"))
RATES: Conditions = (*_RATES, _OTHER_NAMES, *(_both(*pair) for pair in combinations(_RATES, 2)))
"""What may tell right steps from wrong ones, and two of these at once."""


IN_TURN = "wrong only where several models take turns: what is kept of one must not go on with another"


def _of_sgd(calls: Sequence[Call]) -> str:
    """How wrong weights relate to right ones: by their digits, else by when SGD moves them wrongly."""
    if {call.case for call in calls if call.wrong} == {call.case for call in calls if call.turns}:
        return IN_TURN
    where = told_apart(calls, RATES)
    return digits(calls) or (where and f"wrong only {where}")


def digits(calls: Sequence[Call]) -> str:
    """To which digits wrong results are right."""
    return right_digits([call for call in calls if call.wrong])


RELATIONS = Relations(
    conditions=CONDITIONS,
    elementwise=("tanh", "relu", "dropout"),
    regions=(*of_sign("X", "the input"), *of_sign("grad", "the incoming gradient", "gradient"), *KEPT),
    sized_by="X",
    own={"sgd.weights": _of_sgd, "main": digits},
)
