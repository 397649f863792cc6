"""Runs a submission's `main` on a few small digits, and hands over the log of what it did.

The submission's process loads this file by its path: numpy and the standard library only. Nothing here knows what would
have been right.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from parity_tests.assignments.mlp.inside.call_arguments import accepts, forget_functions
    from parity_tests.assignments.mlp.inside.homework_names import PLAIN, WEIGHT_NAMES
    from parity_tests.assignments.mlp.inside.main_hooks import Hooks
    from parity_tests.assignments.mlp.inside.main_log import Log
    from parity_tests.assignments.mlp.inside.main_values import Array, records_in, records_of_files
    from parity_tests.assignments.mlp.inside.patched_parts import patch
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission
else:
    from call_arguments import accepts, forget_functions
    from homework_names import PLAIN, WEIGHT_NAMES
    from main_hooks import Hooks
    from main_log import Log
    from main_values import records_in, records_of_files
    from patched_parts import patch

INPUT_FILE = "mnist_subset.json"
OPTIMIZATION_TYPE = "minibatch_sgd"


def main(
    submission: Submission, recorder: CallRecorder, params: Mapping[str, Any], arrays: Mapping[str, Array]
) -> None:
    """Runs `main(params["main_params"])` on the digits in `arrays`, and hands over what it did.

    arrays: train_X, valid_X, test_X (rows of pixels) and train_y, valid_y, test_y. With params["stand_ins"] the
    correct parts are swapped in. What `main` returns is kept as "returned/0", … (sequences of numbers), records in
    the JSON files it wrote as "file/0", …; a failure of `main` is kept under "main".
    """
    folder = Path.cwd()
    write_digits(arrays, folder / INPUT_FILE)
    stand_ins = import_module("stand_ins") if params["stand_ins"] else None  # bound for one process only
    log = Log(arrays["train_X"].shape[1])
    try:
        function = submission.get("main")
    except Exception as missing:
        recorder.fail("main", missing)
        return
    patch(submission, Hooks(log, stand_ins), stand_ins)
    data = {"input_file": INPUT_FILE, **({"data_dir": str(folder)} if submission.edition == PLAIN else {})}
    given: list[Any] = [{**params["main_params"], **data}]
    if accepts(function, *given, OPTIMIZATION_TYPE):
        given.append(OPTIMIZATION_TYPE)
    try:
        result = recorder.call("main", function, *given)
        if result is not recorder.FAILED:
            records = records_in(result)
            recorder.add_fact("returned", [key for key, _ in records])
            for index, (_, numbers) in enumerate(records):
                recorder.keep(f"returned/{index}", numbers)
    finally:
        _hand_over(log, recorder)
        forget_functions()
    written = records_of_files(folder, but=INPUT_FILE)
    recorder.add_fact("files", [[file, key] for file, key, _ in written])
    for index, (_, _, numbers) in enumerate(written):
        recorder.keep(f"file/{index}", numbers)


def write_digits(arrays: Mapping[str, Array], path: Path) -> None:
    """The homework's JSON file: {'train': [X, y], 'valid': [X, y], 'test': [X, y]}, labels whole numbers."""
    content = {
        name: [arrays[f"{name}_X"].tolist(), [int(label) for label in arrays[f"{name}_y"].reshape(-1)]]
        for name in ("train", "valid", "test")
    }
    path.write_text(json.dumps(content))


# ---- handing over


def _hand_over(log: Log, recorder: CallRecorder) -> None:
    """Keeps stacked arrays, with the sizes of what is ragged, and the list of events."""
    _insist(log.weights.store)
    for name, stack in log.arrays.items():
        if name in WEIGHT_NAMES:
            _insist(lambda name=name, stack=stack: recorder.keep(name, np.stack(stack)))
        else:
            flat = [array.reshape(-1) for array in stack]
            _insist(lambda name=name, flat=flat: recorder.keep(name, np.concatenate(flat)))
            _insist(recorder.add_fact, f"{name}_shapes", [list(array.shape) for array in stack])
    _insist(recorder.add_fact, "events", log.events)
    _insist(recorder.add_fact, "full", log.full)
    _insist(recorder.add_fact, "flat_bias", log.weights.flat_bias)


def _insist(action: Callable[..., Any], *args: Any) -> None:
    """Does something although `main`'s time limit has struck, or strikes meanwhile: what is logged must get out."""
    for _ in range(2):
        try:
            action(*args)
        except BaseException as error:
            if type(error).__name__ != "OutOfTime":
                raise
        else:
            return
