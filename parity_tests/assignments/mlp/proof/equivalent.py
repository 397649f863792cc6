"""Slips that no case can tell: those that give the same numbers for every input, and those that are not asked for."""

from __future__ import annotations

from parity_tests.protocol.proof import Patterns, excuse

SAME = "the same values"
COPY = "the same numbers; whether the array is a copy changes nothing, since the mask was just made"
ASCII = "the same file: JSON of numbers is ASCII, which every encoding in use here writes alike"
LAST_AXIS = "logits and scores have two axes: the second is the last"
UNKNOWN = "numpy takes any negative length for the one that it is to find"

REFUSED = "what main refuses to run is not asked for: every case has a batch that fits, and the one optimization_type"
DRAWN = "which numbers are drawn is not asked for: p and 1 − p are alike uniform, and p equals r with probability 2⁻⁵³"
FLAT = "a gradient of b of shape (M,) broadcasts to the same update: a note, by the assignment's own table"
NO_VELOCITIES = "momentum is not looked at with α = 0, and may be None: what is left in it is not asked for"
AT_ZERO = "relu's derivative at exactly 0 may be 1: a note, by the assignment's own table"
WHOLE = "the dtype of labels and row numbers is not asked for: they are whole numbers, and compare alike in all"
WIDER = "a mask of float64 gives a result of float64 for float32: a wider dtype of dropout is not even noted"
READ_ONCE = "nobody reads a gradient again after the step: main makes it anew in each"
TWICE = "a second backward of the same forward is not asked for: main takes one"
NO_FILE = "a result file is not asked for: where none is written, it is a note, by the assignment's own table"

_EQUIVALENT: Patterns = (
    ("miniBatchStochasticGradientDescent", r"if _lambda != 0: → if True:", SAME + ": 0 · w adds nothing to a finite w"),
    ("relu.forward", r"np\.maximum\(X, 0\) → return np\.maximum\(0, X\)", SAME + ": the maximum is symmetric"),
    ("dropout.forward", r"→ .*copy=True\)$", COPY),
    ("main", r"smaller = min\(train", SAME + ": the minimum is symmetric"),
    ("main", r"→ if t % -10 == 0", SAME + ": t is a multiple of −10 where it is one of 10"),
    ("main", r"result\.write_text\(.*encoding='utf-8'\) → result\.write_text\((?!.*encoding)", ASCII),
    ("data_loader_mnist", r"encoding='utf-8'\)\) → .*read_text\(\)\)$", ASCII),
    ("softmax_cross_entropy.forward", r"axis=1.* → .*axis=-1", LAST_AXIS),
    ("predict_label", r"axis=1.* → .*axis=-1", LAST_AXIS),
    ("predict_label", r"shape\[1\].* → .*shape\[-1\]", LAST_AXIS),
    ("predict_label", r"→ .*reshape\(-2, 1\)$", UNKNOWN),
    ("_as_index", r"→ .*reshape\(-2, 1\)$", UNKNOWN),
    ("DataSplit.__init__", r"→ .*reshape\(-2, 1\)$", UNKNOWN),
)
_NOT_ASKED: Patterns = (
    ("miniBatchStochasticGradientDescent", r"if _alpha > 0: → if _alpha >= 0:", NO_VELOCITIES),
    ("miniBatchStochasticGradientDescent", r"→ g \+= _lambda \* w$", READ_ONCE),
    ("linear_layer.backward", r"grad\.sum\(axis=0(, keepdims=False)?\)$", FLAT),
    ("softmax_cross_entropy.backward", r"→ grad = self\.z$", TWICE),
    ("relu.forward", r"self\.mask = X > 0 → self\.mask = X >= 0", AT_ZERO),
    ("dropout.forward", r">= self\.r → .*> self\.r$", DRAWN),
    ("dropout.forward", r"ones_like\(X\) \* .* → self\.mask = kept \* \(1\.0 / \(1\.0 - self\.r\)\)$", WIDER),
    ("dropout.forward", r"→ .*uniform\(1\.0, 0\.0,", DRAWN),
    ("main", r"minibatch_size <= smaller: → ", REFUSED),
    ("main", r"optimization_type != 'minibatch_sgd': → if False", REFUSED),
    ("main", r"result\.write_text\(.* → pass$", NO_FILE),
    ("DataSplit.__init__", r"dtype=float\).* → .*np\.asarray\(Y\)\.", WHOLE),
    ("DataSplit.get_example", r"→ rows = np\.asarray\(idx\)$", WHOLE),
)

equivalent = excuse(_EQUIVALENT)
not_asked = excuse(_NOT_ASKED)
