"""The probes by the kinds of cases that they put to a submission, and two that no case has: of scripts and traces.

The submission's process loads this file by its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from parity_tests.assignments.mlp.inside import probe_parts as parts
    from parity_tests.assignments.mlp.inside.probe_layers import Arrays, Params
    from parity_tests.assignments.mlp.inside.probe_main import main
    from parity_tests.assignments.mlp.inside.probe_network import network, train
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission
else:
    import probe_parts as parts
    from probe_main import main
    from probe_network import network, train


def script(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """The lines of a reproduction that call the submission, as `nn`; keeps what they leave under the names given."""
    variables: dict[str, Any] = {"__name__": "reproduction", "nn": submission.module, "np": np}
    code = compile(params["source"], "<reproduction>", "exec")
    done = recorder.call(None, exec, code, variables)
    texts = []
    for name in params["names"] if done is not recorder.FAILED else ():
        value = variables.get(name)
        if isinstance(value, (str, list, dict)):
            with suppress(TypeError, ValueError):
                value = np.frombuffer(json.dumps(value).encode(), np.uint8)
                texts.append(name)
        recorder.keep(name, value)
    recorder.add_fact("texts", texts)


PROBES: dict[str, Callable[[Submission, CallRecorder, Params, Arrays], None]] = {
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
