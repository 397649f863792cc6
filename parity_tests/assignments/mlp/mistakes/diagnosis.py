"""What the homework knows of mistakes: its table, the calls they are recognised by, and what hides what."""

from parity_tests.assignments.mlp.mistakes import MISTAKES
from parity_tests.assignments.mlp.mistakes.dropout import HIDDEN as HIDDEN_IN_DROPOUT
from parity_tests.assignments.mlp.mistakes.experiments import experiments
from parity_tests.assignments.mlp.mistakes.generated import HINTS
from parity_tests.assignments.mlp.mistakes.main import HIDDEN
from parity_tests.assignments.mlp.mistakes.overwriting import HINTS as OF_OVERWRITING
from parity_tests.assignments.mlp.mistakes.overwriting import overwriting
from parity_tests.assignments.mlp.mistakes.relations import RELATIONS
from parity_tests.assignments.mlp.mistakes.right_texts import of_calls
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Diagnosis

PARTS = frozenset({"linear", "tanh", "relu", "dropout", "loss", "sgd"})
"""The checks of what a whole network consists of."""


def _is_beside(case: Case) -> bool:
    """Whether a case is not asked of everyone alike: other than two axes, or inputs at which tanh may overflow."""
    return case.lenient or case.params.get("draw") == "to-1000"


HINTS.update(OF_OVERWRITING)
DIAGNOSIS = Diagnosis(
    mistakes=MISTAKES,
    relations=RELATIONS,
    generated=of_calls,
    composed={"network": PARTS, "trajectory": PARTS},
    beside=_is_beside,
    experiments=experiments,
    overwriting=overwriting,
    hidden_in_case=HIDDEN,
    hidden_in_check={"dropout": HIDDEN_IN_DROPOUT},
    further_hints=HINTS,
)
