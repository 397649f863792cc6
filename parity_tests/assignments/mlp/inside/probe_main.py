"""Runs a submission's `main` on a few small digits, and hands over the log of what it did.

The submission's process loads this file by its path: numpy and the standard library only. Nothing here knows what would
have been right. Methods are patched in place on the submission's own classes, which survives class tables, aliases and
helpers; functions have their code swapped, which survives every other name that they are bound to.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from parity_tests.assignments.mlp.inside.call_arguments import accepts, forget_functions
    from parity_tests.assignments.mlp.inside.homework_names import PLAIN, SGD_NAMES, WEIGHT_NAMES
    from parity_tests.assignments.mlp.inside.main_hooks import Hooks
    from parity_tests.assignments.mlp.inside.main_log import Log
    from parity_tests.assignments.mlp.inside.main_values import Array, records_in, records_of_files
    from parity_tests.assignments.mlp.inside.swapped_functions import swap
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission
else:
    from call_arguments import accepts, forget_functions
    from homework_names import PLAIN, SGD_NAMES, WEIGHT_NAMES
    from main_hooks import Hooks
    from main_log import Log
    from main_values import records_in, records_of_files
    from swapped_functions import swap

INPUT_FILE = "mnist_subset.json"
OPTIMIZATION_TYPE = "minibatch_sgd"
CLASSES_OF = {
    "linear": ("linear_layer",),
    "nonlinear": ("relu", "tanh"),
    "drop": ("dropout",),
    "loss": ("softmax_cross_entropy",),
}
"""The classes that play each part."""
SUPPORT_FUNCTIONS = ("add_momentum", "predict_label")
"""The functions of utils.py that stand-ins take the place of."""


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
    _patch(submission, Hooks(log, stand_ins), stand_ins)
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


# ---- patching


def _patch(submission: Submission, hooks: Hooks, stand_ins: Any) -> None:
    """Wraps every part of the submission; with stand-ins, these run in its place, or where it lacks one."""
    modules = [module for module in (submission.module, submission.support) if module is not None]
    for part, class_names in CLASSES_OF.items():
        for name in class_names:
            for cls in _objects(modules, name, type) or _made(modules, name, _new_class, stand_ins):
                _patch_class(hooks, part, name, cls, stand_ins)
    for name in SGD_NAMES:
        for function in _functions(modules, name, stand_ins):
            swap(function, hooks.sgd, modules)
    for name in SUPPORT_FUNCTIONS if stand_ins is not None else ():
        for function in _functions(modules, name, stand_ins):
            swap(function, hooks.replaced_by(getattr(stand_ins, name)), modules)


def _functions(modules: list[Any], name: str, stand_ins: Any) -> list[Any]:
    return _objects(modules, name, types.FunctionType) or _made(modules, name, _new_function, stand_ins)


def _objects(modules: list[Any], name: str, kind: type) -> list[Any]:
    """The distinct objects of this name in the submission's modules."""
    values = [vars(module)[name] for module in modules if isinstance(vars(module).get(name), kind)]
    return [value for index, value in enumerate(values) if value not in values[:index]]


def _made(modules: list[Any], name: str, make: Callable[[str], Any], stand_ins: Any) -> list[Any]:
    """An empty object of this name, put into the submission for a stand-in to fill; none without stand-ins."""
    if stand_ins is None:
        return []
    made = make(name)
    setattr(modules[0], name, made)
    return [made]


def _new_class(name: str) -> type:
    return type(name, (), {"__module__": "submission"})


def _new_function(name: str) -> Callable[..., None]:
    def made(*args: Any) -> None:
        """The place of a function that the submission does not define."""

    return made


def _patch_class(hooks: Hooks, part: str, name: str, cls: type, stand_ins: Any) -> None:
    for method in ("__init__", "forward", "backward"):
        own = getattr(cls, method, None)
        run = own if stand_ins is None else vars(getattr(stand_ins, name))[method]
        if run is None:
            continue
        declared = run if own in (None, object.__init__) else own
        if method == "__init__":
            setattr(cls, method, hooks.build(part, name, declared, run))
        else:
            setattr(cls, method, hooks.method(part, method, declared, run))


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
