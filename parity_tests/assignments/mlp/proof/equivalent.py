"""Slips that change nothing that the assignment asks for, each with the reason why no case can tell it apart."""

from __future__ import annotations

import re

REFUSED = "what main refuses to run is not asked for: every case has a batch that fits, and the one optimization_type"
DRAWN = "the same distribution: p and 1 − p are alike uniform, and p equals r with probability 2⁻⁵³"
COPY = "the same numbers; whether the array is a copy changes nothing, since the mask was just made"
FLAT = "a gradient of b of shape (M,) broadcasts to the same update: a note, by the assignment's own table"
ONE = "λ = 1, where alone the two differ, is a decay that no run is asked for"
NO_VELOCITIES = "with α = 0 a velocity is −ηg: the same step; it needs momentum not to be None, which is a note"
AT_ZERO = "relu's derivative at exactly 0 may be 1: a note, by the assignment's own table"
SAME = "the same values"
ASCII = "the same file: JSON of numbers is ASCII, which every encoding in use here writes alike"
LAST_AXIS = "logits and scores have two axes: the second is the last"
UNKNOWN = "numpy takes any negative length for the one that it is to find"
WHOLE = "labels and row numbers are whole numbers: they index and compare alike in every dtype"
NO_FILE = "a result file that is missing costs nothing: a note, by the assignment's own table"

_PATTERNS: tuple[tuple[str, str, str], ...] = (
    ("miniBatchStochasticGradientDescent", r"if _lambda != 0: → if True:", SAME + ": 0 · w adds nothing"),
    ("miniBatchStochasticGradientDescent", r"if _lambda != 0: → if _lambda != 1:", ONE),
    ("miniBatchStochasticGradientDescent", r"if _alpha > 0: → if (True|_alpha >= 0):", NO_VELOCITIES),
    ("linear_layer.backward", r"grad\.sum\(axis=0(, keepdims=False)?\)$", FLAT),
    ("relu.forward", r"self\.mask = X > 0 → self\.mask = X >= 0", AT_ZERO),
    ("relu.forward", r"np\.maximum\(X, 0\) → return np\.maximum\(0, X\)", SAME + ": the maximum is symmetric"),
    ("dropout.forward", r">= self\.r → .*> self\.r$", DRAWN),
    ("dropout.forward", r"→ .*uniform\(1\.0, 0\.0,", DRAWN),
    ("dropout.forward", r"→ .*copy=True\)$", COPY),
    ("main", r"smaller = min\(train", SAME + ": the minimum is symmetric"),
    ("main", r"minibatch_size <= smaller: → ", REFUSED),
    ("main", r"optimization_type != 'minibatch_sgd': → if False", REFUSED),
    ("main", r"→ if t % -10 == 0", SAME + ": t is a multiple of −10 where it is one of 10"),
    ("main", r"result\.write_text\(.* → pass$", NO_FILE),
    ("main", r"result\.write_text\(.*encoding='utf-8'\) → result\.write_text\((?!.*encoding)", ASCII),
    ("data_loader_mnist", r"encoding='utf-8'\)\) → .*read_text\(\)\)$", ASCII),
    ("softmax_cross_entropy.forward", r"axis=1.* → .*axis=-1", LAST_AXIS),
    ("predict_label", r"axis=1.* → .*axis=-1", LAST_AXIS),
    ("predict_label", r"shape\[1\].* → .*shape\[-1\]", LAST_AXIS),
    ("predict_label", r"→ .*reshape\(-2, 1\)$", UNKNOWN),
    ("_as_index", r"→ .*reshape\(-2, 1\)$", UNKNOWN),
    ("DataSplit.__init__", r"→ .*reshape\(-2, 1\)$", UNKNOWN),
    ("DataSplit.__init__", r"dtype=float\).* → .*np\.asarray\(Y\)\.", WHOLE),
    ("DataSplit.get_example", r"→ rows = np\.asarray\(idx\)$", WHOLE),
)


def reason(function: str, before: str, after: str) -> str:
    """Why a slip cannot be told apart, "" where it must be caught."""
    slip = f"{before} → {after}"
    return next((why for name, pattern, why in _PATTERNS if name == function and re.search(pattern, slip)), "")
