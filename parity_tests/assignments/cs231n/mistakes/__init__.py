"""Known mistakes: each with a name, a hint, what it makes of a case, and how it is put into our solution."""

from parity_tests.assignments.cs231n.mistakes.layers import LAYERS
from parity_tests.assignments.cs231n.mistakes.rule_rows import RULE_ROWS
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong

WRONG: tuple[Wrong, ...] = (*LAYERS, *RULE_ROWS)
