"""The probes by the kinds of cases that they put to a submission, and some that no case has: of training and scripts.

The submission's process loads this file by its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from parity_tests.assignments.mlp.inside import probe_parts as parts
from parity_tests.assignments.mlp.inside.probe_main import main
from parity_tests.assignments.mlp.inside.probe_network import network, train
from parity_tests.harness.inside.call_tracer import tracing
from parity_tests.harness.inside.script_probe import script

if TYPE_CHECKING:
    from parity_tests.assignments.mlp.inside.probe_layers import Arrays, Params
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission


_PROBES: dict[str, Callable[[Submission, CallRecorder, Params, Arrays], None]] = {
    "linear": parts.linear,
    "init": parts.init,
    "elementwise": parts.elementwise,
    "dropout": parts.dropout,
    "masks": parts.masks,
    "sgd": parts.sgd,
    "loss": parts.loss,
    "labels": parts.labels,
    "split": parts.split,
    "velocities": parts.velocities,
    "loader": parts.loader,
    "network": network,
    "main": main,
    "train": train,
    "script": script,
}


def _exchanging(probe: Callable[..., None]) -> Callable[..., None]:
    """The same probe, which first puts Parity's own parts in place of those that are to be exchanged."""

    def put(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
        if params.get("exchanged"):
            import_module("stand_ins").exchange(
                submission, params["exchanged"], params.get("ended", ())
            )  # bound for one process only
        probe(submission, recorder, params, arrays)

    return put


PROBES = {kind: _exchanging(probe) for kind, probe in _PROBES.items()}
PROBES["trace"] = tracing(_PROBES)
