"""The mistakes that are known by name, in the order of the TODOs, the simplest of each part first."""

from parity_tests.assignments.mlp.mistakes.dropout import DROPOUT
from parity_tests.assignments.mlp.mistakes.init import INIT
from parity_tests.assignments.mlp.mistakes.kept_rows import LAYERS, LOSS
from parity_tests.assignments.mlp.mistakes.main import MAIN
from parity_tests.assignments.mlp.mistakes.overwriting import OVERWRITING
from parity_tests.assignments.mlp.mistakes.sgd import SGD
from parity_tests.protocol.mistake import Mistake

MISTAKES: tuple[Mistake, ...] = (
    *SGD,
    *INIT,
    *LAYERS,
    *DROPOUT,
    *MAIN,
    *LOSS,
    *OVERWRITING,
)
