"""Slips that no case can tell: those that give the same numbers for every input, and those that are not asked for."""

from __future__ import annotations

from parity_tests.protocol.proof import Patterns, excuse

COLUMN = "one column alone: its first is its last"
ROOM = "a wider array to add into, of which the same part is given back"
PERMUTED = "each layer still has a dict of its own, the same one at each call"
SET_BY_LOSS = "loss sets the mode of every dict before it is read"
NONE_DROPPED = "p = 1 keeps everything, with a mask or without one"
MULTIPLIED = "height and width are halved alike, and only multiplied"

AT_ZERO = "relu's derivative at exactly 0 may be 1: a note, by the assignment's own page"
OVERFLOW = "what is taken off a row cancels; that it overflows is a note, by the assignment's own page"
OLD_SHAPE = "gradients of shape (C,) are a note: the oldest handout's own docstring has them so"
GIVEN = "the network's seed serves the notebooks' numerical gradients alone, and its lines are given"
EVEN = "filters of an even size cannot keep the size of the image, and are asked of nobody"

_EQUIVALENT: Patterns = (
    (r"softmax_loss|max_pool_forward_naive", r"\[(:|\.\.\.), 0\].* → .*\[(:|\.\.\.), -1\]", COLUMN),
    (r"svm_loss", r"dx\[rows, y\] = .* → .*\+= ", "the right class's margin is 0, so that 0 stands there"),
    (r"batchnorm_forward", r"beta, None\) → .*beta, [01]\)$", "nobody reads the cache of a call in test mode"),
    (r"conv_backward_naive", r"dx = np\.zeros.* → .*3 \* pad", ROOM),
    (
        r"conv_backward_naive|max_pool_forward_naive",
        r" → .*(keepdims=True\)\.reshape|argmax\(axis=-1, keepdims=True)",
        "it is given its shape right after",
    ),
    (r"FullyConnectedNet\._hidden_forward", r"bn_params\[layer - 1\] → .*\[(1 - layer|layer - 2)\]", PERMUTED),
    (r"FullyConnectedNet\.__init__", r"mode = \{'mode': 'train'\} if .* → mode = ", SET_BY_LOSS),
    (r"FullyConnectedNet\.__init__", r"dropout_keep_ratio != 1 → .* != [02]$", NONE_DROPPED),
    (r"ThreeLayerConvNet\.__init__", r"C, H, W = .* → C, W, H = ", MULTIPLIED),
    (r"ThreeLayerConvNet\.loss", r"shape\[2\].* → .*shape\[3\]", "the filters are square"),
)
_NOT_ASKED: Patterns = (
    (r"relu_backward", r"cache > 0.* → .*cache >= 0", AT_ZERO),
    (
        r"softmax_loss|svm_loss|conv_backward_naive",
        r" → .*(mean|sum)\((axis=\(0, 2, 3\), )?keepdims=True",
        "further axes of one number are a note",
    ),
    (r"softmax_loss", r"shifted = x - x\.max\(.* → shifted = x( \+ x\.max\(.*| - x\.(min|sum)\(.*)?$", OVERFLOW),
    (r"dropout_forward", r"< p\).* → .*<= p\)", "a number drawn is exactly p with probability 2⁻⁵³"),
    (r"spatial_groupnorm_backward", r"→ .*sum\(axis=axes(, keepdims=False)?\)", OLD_SHAPE),
    (r"FullyConnectedNet\.__init__", r"seed is not None: → |dropout_param\['seed'\] = seed → pass", GIVEN),
    (r"ThreeLayerConvNet\.loss", r"- 1\) // 2.* → .*p\['W1'\]\.shape\[2\] // 2", EVEN),
)
equivalent = excuse(_EQUIVALENT)
not_asked = excuse(_NOT_ASKED)
