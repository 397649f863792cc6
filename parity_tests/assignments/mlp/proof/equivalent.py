"""Slips that no case can tell, beside those that are measured: equivalent ones, and those that are not asked for."""

from __future__ import annotations

from parity_tests.protocol.proof import Patterns, excuse

REFUSED = "what main refuses to run is not asked for: every case has a batch that fits, and the one optimization_type"
ONE_RATE = "a decay of exactly −1 or 2 is asked of nobody"
DRAWN = "which numbers are drawn is not asked for: p and 1 − p are alike uniform"
NO_VELOCITIES = "momentum is not looked at with α = 0, and may be None: what is left in it is not asked for"
AT_ZERO = "relu's derivative at exactly 0 may be 1: a note, by the assignment's own table"
WIDER = "a mask of float64 gives a result of float64 for float32: a wider dtype of dropout is not even noted"
NO_FILE = "a result file is not asked for: where none is written, it is a note, by the assignment's own table"

_EQUIVALENT: Patterns = (
    ("evaluate", r"loss, correct, count = .* → (\w+, ){2}\w+ = \(0(\.0)?, 0(\.0)?, 0(\.0)?\)$", "all begin at 0"),
)
_NOT_ASKED: Patterns = (
    ("main", r"smaller = min\(train\.N, valid\.N\) → ", REFUSED),
    ("miniBatchStochasticGradientDescent", r"if _alpha > 0: → if _alpha >= 0:", NO_VELOCITIES),
    ("miniBatchStochasticGradientDescent", r"if _lambda != 0: → if _lambda != (-1|2):", ONE_RATE),
    ("relu.forward", r"self\.mask = X > 0 → self\.mask = X >= 0", AT_ZERO),
    ("dropout.forward", r"ones_like\(X\) \* .* → self\.mask = kept \* \(1\.0 / \(1\.0 - self\.r\)\)$", WIDER),
    ("dropout.forward", r"→ .*uniform\(1\.0, 0\.0,", DRAWN),
    ("main", r"minibatch_size <= smaller: → ", REFUSED),
    ("main", r"optimization_type != 'minibatch_sgd': → \(dropped\)", REFUSED),
    ("main", r"result = Path\(.* → .*setdefault\(", "what a result file is called is not asked for"),
    ("main", r"result\.write_text\(.* → pass$", NO_FILE),
)

equivalent = excuse(_EQUIVALENT)
not_asked = excuse(_NOT_ASKED)
