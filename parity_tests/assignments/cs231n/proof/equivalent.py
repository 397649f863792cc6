"""Slips that no case can tell: those that give the same numbers for every input, and those that are not asked for."""

from __future__ import annotations

from parity_tests.protocol.proof import Patterns, excuse

SAME = "the same values"
ANY_LENGTH = "numpy takes any negative length for the one that it is to find"
TWO_AXES = "the arrays of this function have two axes: the second is the last"
FOUR_AXES = "images have four axes, which may be counted from the end"
ROOM = "a wider array to add into, of which the same part is given back"
PERMUTED = "each layer still has a dict of its own, the same one at each call"
SET_BY_LOSS = "loss sets the mode of every dict before it is read"
UNREAD = "it only fills a dict that nothing reads without dropout, or without batch norm"
NONE_DROPPED = "p = 1 keeps everything, with a mask or without one"
SQUARE = "the filters are square"

AT_ZERO = "relu's derivative at exactly 0 may be 1: a note, by the assignment's own page"
OVERFLOW = "what is taken off a row cancels; that it overflows is a note, by the assignment's own page"
UNKNOWN_MODE = "a mode that is neither train nor test is asked of nobody"
DRAWN = "a number drawn is exactly p with probability 2⁻⁵³"
OLD_SHAPE = "gradients of shape (C,) are a note: the oldest handout's own docstring has them so"
GIVEN = "the network's seed serves the notebooks' numerical gradients alone, and its lines are given"
EVEN = "filters of an even size cannot keep the size of the image, and are asked of nobody"

FROM_THE_END = r" → .*(\(0, -2, 3\)|\(0, -2, 3, 1\)|\(0, 3, 1, -2\)|\(-2, 3\)|4, 5, 2, -3\)|dout\.shape\[-2:\])"
_EQUIVALENT: Patterns = (
    (r".*", r"reshape\(.*-1.* → .*-2", ANY_LENGTH),
    (r"softmax_loss|svm_loss|layernorm_forward|batchnorm_forward", r"axis=1.* → .*axis=-1", TWO_AXES),
    (r"batchnorm_forward", r"x\.shape\[1\].* → .*x\.shape\[-1\]", TWO_AXES),
    (r"conv_.*|max_pool_.*|spatial_.*|_windows|_places_as_rows|_rows_as_places", FROM_THE_END, FOUR_AXES),
    (r"relu_forward|svm_loss", r"np\.maximum\(.*, 0\).* → .*np\.maximum\(0, ", SAME + ": the maximum is symmetric"),
    (r"conv_backward_naive", r"dx = np\.zeros.* → .*3 \* pad", ROOM),
    (r"FullyConnectedNet\._hidden_forward", r"bn_params\[layer - 1\] → .*\[(1 - layer|layer - 2)\]", PERMUTED),
    (r"FullyConnectedNet\.__init__", r"mode = \{'mode': 'train'\} if .* → mode = ", SET_BY_LOSS),
    (r"FullyConnectedNet\.__init__", r"dropout_keep_ratio != 1 → .* != (2|-1)$", NONE_DROPPED),
    (
        r"FullyConnectedNet\.__init__",
        r"if self\.use_dropout: → if True:|else \[\] → .* if True",
        UNREAD,
    ),
    (r"FullyConnectedNet\.loss", r"if self\.(use_dropout|normalization == 'batchnorm'): → if True:", UNREAD),
    (r"ThreeLayerConvNet\.loss", r"shape\[2\].* → .*\['?(3|-2)\]|p\['W1'\]\.shape\[(3|-2)\]", SQUARE),
)
_NOT_ASKED: Patterns = (
    (r"relu_backward", r"cache > 0.* → .*cache >= 0", AT_ZERO),
    (r"softmax_loss", r"shifted = x - x\.max\(.* → shifted = x( \+ x\.max\(.*| - x\.min\(.*)?$", OVERFLOW),
    (
        r"batchnorm_forward|dropout_forward",
        r"mode.* == 'train': → elif True:|if mode != 'train': → if False:",
        UNKNOWN_MODE,
    ),
    (r"dropout_forward", r"< p\).* → .*<= p\)", DRAWN),
    (r"spatial_groupnorm_backward", r"→ .*sum\(axis=axes(, keepdims=False)?\)", OLD_SHAPE),
    (r"FullyConnectedNet\.__init__", r"seed is not None: → |dropout_param\['seed'\] = seed → pass", GIVEN),
    (r"ThreeLayerConvNet\.loss", r"- 1\) // 2.* → .*p\['W1'\]\.shape\[2\] // 2", EVEN),
)
equivalent = excuse(_EQUIVALENT)
not_asked = excuse(_NOT_ASKED)
