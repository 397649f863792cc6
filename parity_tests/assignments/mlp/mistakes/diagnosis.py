"""What the homework knows of mistakes: its table, the calls they are recognised by, and what hides what."""

from collections.abc import Sequence

from parity_tests.assignments.mlp.mistakes.dropout import HIDDEN as HIDDEN_IN_DROPOUT
from parity_tests.assignments.mlp.mistakes.dropout import of_masks
from parity_tests.assignments.mlp.mistakes.generated import HINTS, OUTLIVES
from parity_tests.assignments.mlp.mistakes.init import SHARED_BY_ALL, of_weights
from parity_tests.assignments.mlp.mistakes.kept_rows import HIDDEN, shown
from parity_tests.assignments.mlp.mistakes.overwriting import overwriting
from parity_tests.assignments.mlp.mistakes.relations import IN_TURN, RELATIONS
from parity_tests.assignments.mlp.mistakes.right_texts import of_calls
from parity_tests.harness.returned import array_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Diagnosis, Draw, Seen
from parity_tests.protocol.quantity import Quantity

PARTS = frozenset({"linear", "tanh", "relu", "dropout", "loss", "sgd"})
"""The checks of what a whole network consists of."""


def _is_beside(case: Case) -> bool:
    """Whether a case is not asked of everyone alike: other than two axes, or inputs at which tanh may overflow."""
    return case.lenient or case.params.get("draw") == "to-1000"


def _experiments(plan: Sequence[Case], case: Case, q: Quantity, seen: Seen, draw: Draw) -> list[str]:
    """The names of the ways in which all random numbers of a kind may have been drawn, as all their cases show them."""
    alike = [other for other in plan if other.probe == case.probe]
    if case.probe == "masks":
        return of_masks(alike, seen, draw)
    if case.probe == "init" and q.key.name in SHARED_BY_ALL:
        told = array_of(seen[case.name], q.key, ())
        return [] if told is None or told else [SHARED_BY_ALL[q.key.name]]
    return of_weights(alike, q.key.name, seen) if case.params.get("test", "small") != "small" else []


HINTS[IN_TURN] = OUTLIVES
DIAGNOSIS = Diagnosis(
    relations=RELATIONS,
    generated=of_calls,
    composed={"network": PARTS, "trajectory": PARTS},
    beside=_is_beside,
    experiments=_experiments,
    shown=(shown, overwriting),
    hidden_in_case=HIDDEN,
    hidden_in_check={"dropout": HIDDEN_IN_DROPOUT},
    hints=HINTS,
)
