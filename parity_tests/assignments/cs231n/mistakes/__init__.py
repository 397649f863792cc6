"""Known mistakes: each with a name, a hint, what it makes of a case, and how it is put into our solution."""

from parity_tests.assignments.cs231n.mistakes.dropout import DROPOUT
from parity_tests.assignments.cs231n.mistakes.layers import LAYERS
from parity_tests.assignments.cs231n.mistakes.network_rows import NETWORK_ROWS
from parity_tests.assignments.cs231n.mistakes.norm_rows import NORM_ROWS
from parity_tests.assignments.cs231n.mistakes.rates import RATES
from parity_tests.assignments.cs231n.mistakes.rule_rows import RULE_ROWS
from parity_tests.assignments.cs231n.mistakes.running_rows import RUNNING_ROWS
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong

WRONG: tuple[Wrong, ...] = (
    *LAYERS,
    *RUNNING_ROWS,
    *NORM_ROWS,
    *DROPOUT,
    *RULE_ROWS,
    *RATES,
    *NETWORK_ROWS,
)
