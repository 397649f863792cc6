"""What tells the calls of the homework's parts apart, where no known mistake fits: sizes, rates, kept elements."""

from __future__ import annotations

from collections.abc import Sequence

from parity_tests.harness.diagnosis.location import of_gradient, of_input
from parity_tests.harness.diagnosis.relations import right_digits
from parity_tests.protocol.diagnosis import Conditions, Regions, Relations
from parity_tests.protocol.mistake import Call

CONDITIONS: Conditions = (
    ("wrong only where W is square", lambda call: call.part == "linear" and call.D == call.M),
    ("wrong only at one input", lambda call: call.part == "linear" and call.D == 1),
    ("wrong only at one output", lambda call: call.part == "linear" and call.M == 1),
    ("wrong only in evaluation", lambda call: call.part == "dropout" and call.evaluating),
    ("wrong only at rate 0", lambda call: call.part == "dropout" and call.r == 0),
    ("wrong only at rates above 0", lambda call: call.part == "dropout" and call.r > 0 and not call.evaluating),
)
KEPT: Regions = (
    ("the element is kept", lambda call: call.inputs.get("kept")),
    ("the element is dropped", lambda call: ~call.kept if "kept" in call.inputs else None),
)
RATES: Conditions = (
    ("where α > 0", lambda call: call.alpha > 0),
    ("where α = 0", lambda call: call.alpha <= 0),
    ("where λ > 0", lambda call: call.lam > 0),
    ("where λ = 0", lambda call: call.lam == 0),
    ("for W", lambda call: call.key == "W"),
    ("for b", lambda call: call.key == "b"),
    ("in the first layer", lambda call: call.layer == "L1"),
    ("in the last layer", lambda call: call.layer == "L2"),
)


def sgd_relation(calls: Sequence[Call]) -> str:
    """How wrong weights relate to right ones: by their digits, else by when SGD moves them wrongly."""
    wrong = [call for call in calls if call.wrong]
    if all(call.comparison.arrays is not None for call in wrong):
        digits = right_digits(wrong)
        if digits:
            return digits
    return _when_wrong(calls, wrong)


def _when_wrong(calls: Sequence[Call], wrong: Sequence[Call]) -> str:
    """For which rates and parameters SGD moves weights wrongly, and from which step on."""
    right = [call for call in calls if not call.wrong]
    conditions = [
        words for words, holds in RATES if all(holds(call) for call in wrong) and any(not holds(call) for call in right)
    ]
    words = []
    if conditions:
        words.append(f"wrong only {' and '.join(conditions).replace(' and where ', ' and ')}")
    first = min((call.comparison.step for call in wrong if call.comparison.step is not None), default=1)
    if first > 1:
        after_change = [
            call.comparison.step - _change_of_eta(call) for call in wrong if call.comparison.step is not None
        ]
        words.append("right until η changes" if min(after_change) == 0 else f"right up to step {first - 1}")
    return ", and ".join(words)


def _change_of_eta(call: Call) -> int:
    """The first step of a call at which η is another than at the first, beyond the last one where it never is."""
    return next((t + 1 for t, eta in enumerate(call.etas) if eta != call.etas[0]), len(call.etas) + 1)


RELATIONS = Relations(
    conditions=CONDITIONS,
    elementwise=("tanh", "relu", "dropout"),
    regions=(*of_input("X"), *of_gradient("grad"), *KEPT),
    own={"sgd.weights": sgd_relation},
)
