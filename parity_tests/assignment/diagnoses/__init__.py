"""The mistakes that are known by name, in the order of the TODOs, the simplest of each part first."""

from parity_tests.assignment.diagnoses.base import Mistake
from parity_tests.assignment.diagnoses.crashes import CRASHES
from parity_tests.assignment.diagnoses.dropout import DROPOUT
from parity_tests.assignment.diagnoses.elementwise import ELEMENTWISE
from parity_tests.assignment.diagnoses.init import INIT
from parity_tests.assignment.diagnoses.lent import LENT
from parity_tests.assignment.diagnoses.linear import LINEAR
from parity_tests.assignment.diagnoses.loss import LOSS
from parity_tests.assignment.diagnoses.overwriting import OVERWRITING
from parity_tests.assignment.diagnoses.sgd import SGD
from parity_tests.assignment.diagnoses.wiring import WIRING

MISTAKES: tuple[Mistake, ...] = (
    *SGD,
    *INIT,
    *LINEAR,
    *ELEMENTWISE,
    *DROPOUT,
    *WIRING,
    *LOSS,
    *LENT,
    *OVERWRITING,
    *CRASHES,
)
