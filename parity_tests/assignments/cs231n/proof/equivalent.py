"""Slips that no case can tell, beside those that are measured: equivalent ones, and those that are not asked for."""

from __future__ import annotations

from parity_tests.protocol.proof import Patterns, excuse

PERMUTED = "each layer still has a dict of its own, the same one at each call"
SET_BY_LOSS = "loss sets the mode of every dict before it is read"
NONE_DROPPED = "p = 1 keeps everything, with a mask or without one"
MULTIPLIED = "height and width are halved alike, and only multiplied"

AT_ZERO = "relu's derivative at exactly 0 may be 1: a note, by the assignment's own page"
OVERFLOW = "what is taken off a row cancels; that it overflows is a note, by the assignment's own page"
GIVEN = "the network's seed serves the notebooks' numerical gradients alone, and its lines are given"

_EQUIVALENT: Patterns = (
    (r"FullyConnectedNet\._hidden_forward", r"bn_params\[layer - 1\] → .*\[(1 - layer|layer - 2)\]", PERMUTED),
    (r"FullyConnectedNet\.__init__", r"mode = \{'mode': 'train'\} if .* → mode = ", SET_BY_LOSS),
    (r"FullyConnectedNet\.__init__", r"dropout_keep_ratio != 1 → .* != [02]$", NONE_DROPPED),
    (r"ThreeLayerConvNet\.__init__", r"C, H, W = .* → C, W, H = ", MULTIPLIED),
)
_NOT_ASKED: Patterns = (
    (r"relu_backward", r"cache > 0.* → .*cache >= 0", AT_ZERO),
    (r"softmax_loss", r"shifted = x - x\.max\(.* → shifted = x( \+ x\.max\(.*| - x\.(min|sum)\(.*)?$", OVERFLOW),
    (r"FullyConnectedNet\.__init__", r"seed is not None: → |dropout_param\['seed'\] = seed → pass", GIVEN),
)
equivalent = excuse(_EQUIVALENT)
not_asked = excuse(_NOT_ASKED)
