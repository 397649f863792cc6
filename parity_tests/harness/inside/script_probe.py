"""Runs the lines of a reproduction that call the submission, and keeps what they leave.

The submission's process loads this file by its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission


def script(
    submission: Submission, recorder: CallRecorder, params: Mapping[str, Any], arrays: Mapping[str, Any]
) -> None:
    """The lines may call the submission's module `nn`, or import it, or ask for what is `defined`.

    What they leave is kept under the names given.
    """
    variables: dict[str, Any] = {
        "__name__": "reproduction",
        "nn": submission.module,
        "np": np,
        "defined": submission.get,
    }
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
