"""What is known of variants of the shipped network: honest ones, evasions, and slips."""

from parity_tests.assignments.mlp.proof.correct_forms import CORRECT_FORMS
from parity_tests.assignments.mlp.proof.correct_mains import CORRECT_MAINS
from parity_tests.assignments.mlp.proof.correct_parts import CORRECT_PARTS
from parity_tests.assignments.mlp.proof.equivalent import equivalent, not_asked
from parity_tests.assignments.mlp.proof.evasions_in_main import IN_MAIN
from parity_tests.assignments.mlp.proof.evasions_in_parts import IN_PARTS
from parity_tests.assignments.mlp.proof.nulls import NULLS
from parity_tests.protocol.proof import Proof

DEFAULTS: dict[str, float | str] = {
    "random_seed": 42, "learning_rate": 0.01, "alpha": 0.0, "lambda": 0.0, "dropout_rate": 0.5, "num_epoch": 10,
    "minibatch_size": 5, "activation": "relu", "input_file": "mnist_subset.json",
    "_learning_rate": 0.01, "_alpha": 0.0, "_lambda": 0.0, "r": 0.5,
}  # fmt: skip
"""The homework's own settings, under the names that `main`, SGD and dropout know them by."""


PROOF = Proof(
    honest=(*CORRECT_PARTS, *CORRECT_FORMS, *CORRECT_MAINS),
    evasions=(*IN_MAIN, *IN_PARTS),
    nulls=NULLS,
    equivalent=equivalent,
    unasked=not_asked,
    defaults=DEFAULTS,
    not_asked=("read_command_line", "_as_arrays"),  # the command line, and how a damaged data file is told
)
