"""The probes by the kinds of cases that they put to a submission, and some that no case has: of training and scripts.

The submission's process loads this file by its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

from parity_tests.assignments.cs231n.inside.probe_layers import dropout, layer, loss, steps
from parity_tests.assignments.cs231n.inside.probe_networks import network
from parity_tests.assignments.cs231n.inside.probe_training import train
from parity_tests.harness.inside.call_tracer import tracing
from parity_tests.harness.inside.script_probe import script

PROBES = {
    "layer": layer,
    "running": layer,
    "loss": loss,
    "dropout": dropout,
    "steps": steps,
    "network": network,
    "train": train,
    "script": script,
}
PROBES["trace"] = tracing(PROBES)
