"""How each kind of case is made smaller, and which lines show that it fails."""

from collections.abc import Mapping

from parity_tests.assignments.mlp.reproduce import draws, network, parts, sgd, support
from parity_tests.harness.failing_case import Drafts, Trials

KINDS: Mapping[str, tuple[Trials, Drafts]] = {
    "linear": (parts.linear_trials, parts.linear_drafts),
    "elementwise": (parts.elementwise_trials, parts.elementwise_drafts),
    "dropout": (parts.dropout_trials, parts.dropout_drafts),
    "loss": (parts.loss_trials, parts.loss_drafts),
    "sgd": (sgd.trials, sgd.drafts),
    "network": (network.trials, network.drafts),
    **draws.KINDS,
    **support.KINDS,
}
"""All kinds but main, whose scripts are a room of their own."""
