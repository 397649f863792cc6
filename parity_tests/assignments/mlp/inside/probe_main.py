"""Runs a submission's `main` on a few small digits, and hands over the log of what it did.

The submission's process loads this file by its path: numpy and the standard library only. Nothing here knows what would
have been right.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import os
import random
import shutil
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from parity_tests.assignments.mlp.inside.as_script import Script
from parity_tests.assignments.mlp.inside.homework_names import PLAIN, WEIGHT_NAMES, WITHOUT_DECAY
from parity_tests.assignments.mlp.inside.main_hooks import Hooks, accepts, forget_functions, shrunk
from parity_tests.assignments.mlp.inside.main_log import Log, number, numeric
from parity_tests.assignments.mlp.inside.patched_parts import patch

if TYPE_CHECKING:
    from parity_tests.assignments.mlp.inside.main_log import Array
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission

OPTIMIZATION_TYPE = "minibatch_sgd"
AS_SCRIPT = "as a script"
"""The name under which it is kept how a run as a script ended, and whether it called main."""
SEEDS_CAP = 20
ALL_UNITS = 1 << 30
"""More hidden units than `main` asks for."""
FILE_CAP = 1 << 20
"""Bytes of a result file that is read."""
FILES_CAP, RECORDS_CAP, DEPTH_CAP = 100, 40, 4
Stamps = Mapping[Path, tuple[int, int, int]]
"""The files of a folder, each with what changes when it is written; the second is its size."""


def main(
    submission: Submission, recorder: CallRecorder, params: Mapping[str, Any], arrays: Mapping[str, Array]
) -> None:
    """Runs `main` on the digits in `arrays`, once for each of params["runs"], and hands over what it did each time.

    With params["as_script"] the first of them is made once more at last, of a few epochs: as Python runs a script, with
    nobody watching. A run holds `main_params`, the prefix of its `digits` among the arrays, and how many hidden `units`
    are built at most. Each has a folder of its own, or params["one_folder"] for all of them. arrays: train_X, valid_X,
    test_X (rows of pixels) and train_y, valid_y, test_y. With params["stand_ins"] correct parts are swapped in. What is
    kept has the number of its run: sequences of numbers that `main` returns as "returned/0", …, records in the JSON
    files it wrote as "file/0", …, and a failure of `main` under "main", which is the last run.
    """
    stand_ins = import_module("stand_ins") if params["stand_ins"] else None  # bound for one process only
    try:
        function = submission.get("main")
    except Exception as missing:
        recorder.fail("main", missing)
        return
    hooks = Hooks(stand_ins)
    patch(submission, hooks, stand_ins)
    folder, least = Path.cwd(), 0
    states = random.getstate(), np.random.get_state()
    first: _Run | None = None
    try:
        for number, run in enumerate(params["runs"]):
            own = folder / ("all" if params["one_folder"] else str(number))
            data = {"data_dir": str(folder / f"data {number}")} if submission.edition == PLAIN else {}
            main_params, digits = {**run["main_params"], **data}, _with_prefix(run["digits"], arrays)
            is_first = not (params["one_folder"] and number)
            made = _Run(recorder, hooks, function, number, main_params, digits, own, is_first, params["decoy"])
            first = first or made
            units = made.make(max(run["units"], least))
            if units == 0:
                break
            least = units if units > run["units"] else least
        else:
            if params["as_script"] and first is not None:
                random.setstate(states[0])
                np.random.set_state(states[1])
                first.make_as_script(submission, params["as_script"], len(params["runs"]), _exchange(params))
    finally:
        forget_functions()


def _exchange(params: Mapping[str, Any]) -> Callable[[Submission], Any] | None:
    """What puts correct parts in place of those that are exchanged, in a further module of the submission."""
    if not params.get("exchanged"):
        return None
    right = import_module("stand_ins").exchange  # bound for one process only
    return partial(right, parts=params["exchanged"], ended=params.get("ended", ()))


def _with_prefix(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


class _Run:
    """One run of `main`, in a folder that is new where it `is_first` there, or holds what the runs before wrote.

    A `decoy` is the name of a data file that nobody asked for, of the same digits in mirror writing.
    """

    def __init__(
        self,
        recorder: CallRecorder,
        hooks: Hooks,
        function: Callable[..., Any],
        number: int,
        main_params: Mapping[str, Any],
        digits: Mapping[str, Array],
        folder: Path,
        is_first: bool,
        decoy: str,
    ) -> None:
        self._recorder, self._hooks, self._function = recorder, hooks, function
        self._number, self._main_params, self._digits = number, main_params, digits
        self._folder, self._is_first, self._decoy = folder, is_first, decoy

    def make(self, units: int) -> int:
        """Makes it, with so many hidden units at most, and once more with all that `main` asks for where that fails.

        Returns with how many units it came to its end, 0 where it did not.
        """
        for most in (units, ALL_UNITS):
            result, self._units = self._make(most), most
            if result is not self._recorder.FAILED:
                self._keep_results(result)
                return most
            if not self._hooks.built_fewer or most == ALL_UNITS:
                break
        return 0

    def make_as_script(
        self,
        submission: Submission,
        epochs: int,
        number: int,
        exchange: Callable[[Submission], Any] | None,
    ) -> None:
        """Makes it as a script, in another folder, of so many epochs and with as many hidden units; it has this number.

        It is not made of a submission whose linear layer is no class, since nobody can build fewer units there.
        """
        self._folder, self._number, self._is_first = self._folder.parent / "script", number, True
        pixels, most = self._digits["train_X"].shape[1], self._units

        asked: set[int] = set()

        def fewer(size: Any) -> Any:
            if isinstance(size, (int, np.integer)):
                asked.add(int(size))
            return shrunk(size, pixels, most)

        cls = submission.meant_as("linear_layer", type)
        script = Script(submission, "main", {**self._main_params, "num_epoch": epochs}, (cls, fewer), exchange)
        if not isinstance(submission.get(cls), type):
            self._recorder.add_fact(AS_SCRIPT, None)
            return
        input_files = self._write_files()
        file = () if submission.edition == PLAIN else ("--input_file", self._main_params["input_file"])
        if self._recorder.call(AS_SCRIPT, script.run, *self._tries(submission, epochs, file)) is self._recorder.FAILED:
            return
        self._recorder.add_fact(AS_SCRIPT, script.called)
        self._recorder.add_fact(f"{AS_SCRIPT}, sizes", sorted(asked))
        for input_file in input_files:
            input_file.unlink(missing_ok=True)
        self._keep_results(script.returned)
        self._recorder.add_fact(f"{AS_SCRIPT}, settings", script.other_settings())

    def _tries(self, submission: Submission, epochs: int, file: tuple[str, ...]) -> list[tuple[str, ...]]:
        """The arguments of a script: all its settings as options of their names, the data file alone, none."""
        known = {**self._main_params, "num_epoch": epochs}
        asked = [key for key in known if key != "input_file" and (key, submission.edition) != ("lambda", WITHOUT_DECAY)]
        options = [text for key in asked for text in (f"--{key}", str(known[key]))]
        return [(*file, *options), file, ()] if file else [()]

    def _make(self, units: int) -> Any:
        input_files = self._write_files()
        if self._number:  # a state of the generators that the runs before did not begin with
            np.random.seed(self._number)
            random.seed(self._number)
        log = Log(self._digits["train_X"].shape[1])
        self._hooks.begin(log, units, self._digits)
        given: list[Any] = [dict(self._main_params)]
        if accepts(self._function, *given, OPTIMIZATION_TYPE):
            given.append(OPTIMIZATION_TYPE)
        seeded: list[int] = []
        try:
            with _watched_seeds(seeded):
                return self._recorder.call("main", self._function, *given, call=self._number)
        finally:
            _insist(self._add_fact, "seeded", seeded)
            _hand_over(log, self._recorder, self._number)
            _insist(self._add_fact, "changes_params", not _alike(given[0], self._main_params))
            for file in input_files:
                with contextlib.suppress(OSError):
                    file.unlink()  # a run of another file must not find it

    def _write_files(self) -> list[Path]:
        """Goes into the folder of the run, and writes its data files there."""
        if self._is_first:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(exist_ok=True)
        os.chdir(self._folder)
        self._before: Stamps = stamps(self._folder)
        if "data_dir" in self._main_params:
            write_idx(self._digits, Path(self._main_params["data_dir"]))
        data = {self._main_params["input_file"]: self._digits}
        if self._decoy:
            data = {self._decoy: _mirrored(self._digits), **data}
        input_files = {self._folder / name: digits for name, digits in data.items()}
        for file, digits in input_files.items():
            write_digits(digits, file)
        return list(input_files)

    def _keep_results(self, result: Any) -> None:
        returned = records_in(result)
        files, records = result_files(self._folder, self._before, self._main_params)
        self._add_fact("returned", [key for key, _ in returned])
        self._add_fact("files", [list(pair) for pair in files])
        self._add_fact("records", [[file, key] for file, key, _ in records])
        for index, (_, numbers) in enumerate(returned):
            self._recorder.keep(f"returned/{index}", numbers, self._number)
        for index, (_, _, numbers) in enumerate(records):
            self._recorder.keep(f"file/{index}", numbers, self._number)

    def _add_fact(self, name: str, value: Any) -> None:
        self._recorder.add_fact(f"{name} {self._number}", value)


@contextlib.contextmanager
def _watched_seeds(seeded: list[int]) -> Iterator[None]:
    """Notes the whole numbers that np.random.seed is called with, the first few."""
    seed = np.random.seed

    def watched(given: Any = None) -> None:
        if isinstance(given, (int, np.integer)) and len(seeded) < SEEDS_CAP:
            seeded.append(int(given))
        seed(given)

    vars(np.random)["seed"] = watched
    try:
        yield
    finally:
        vars(np.random)["seed"] = seed


def _mirrored(digits: Mapping[str, Array]) -> dict[str, Array]:
    return {name: array[:, ::-1] if name.endswith("_X") else array for name, array in digits.items()}


def _alike(one: Any, other: Any) -> bool:
    """Whether two dicts hold the same, as far as that can be told."""
    try:
        return bool(one == other)
    except Exception:  # of a submission's own objects, which it put in
        return False


def write_digits(arrays: Mapping[str, Array], path: Path) -> None:
    """The homework's JSON file: {'train': [X, y], 'valid': [X, y], 'test': [X, y]}, labels whole numbers."""
    content = {
        name: [arrays[f"{name}_X"].tolist(), [int(label) for label in arrays[f"{name}_y"].reshape(-1)]]
        for name in ("train", "valid", "test")
    }
    path.write_text(json.dumps(content))


def write_idx(arrays: Mapping[str, Array], folder: Path) -> None:
    """The last edition's four files, gzipped and of bytes; the validation set stands behind the training set."""
    folder.mkdir(exist_ok=True)
    for name, splits in (("train", ("train", "valid")), ("t10k", ("test",))):
        X = np.concatenate([arrays[f"{split}_X"] for split in splits])
        y = np.concatenate([arrays[f"{split}_y"].reshape(-1) for split in splits])
        side = math.isqrt(X.shape[1])
        for what, numbers, sizes in (
            ("images-idx3", np.rint(255 * X), (len(X), side, side)),
            ("labels-idx1", y, y.shape),
        ):
            head = struct.pack(f">{1 + len(sizes)}i", 0x800 + len(sizes), *sizes)
            file = folder / f"{name}-{what}-ubyte.gz"
            file.write_bytes(gzip.compress(head + numbers.astype(np.uint8).tobytes(), 1))


# ---- handing over


def _hand_over(log: Log, recorder: CallRecorder, number: int) -> None:
    """Keeps stacked arrays, with the sizes of what is ragged, and the list of events, of the run of this number."""
    _insist(lambda: recorder.add_fact(f"end {number}", log.weights.store()))
    for name, stack in log.arrays.items():
        if name in WEIGHT_NAMES:
            _insist(lambda name=name, stack=stack: recorder.keep(name, np.stack(stack), number))
        else:
            flat = [array.reshape(-1) for array in stack]
            _insist(lambda name=name, flat=flat: recorder.keep(name, np.concatenate(flat), number))
            _insist(recorder.add_fact, f"{name}_shapes {number}", [list(array.shape) for array in stack])
    for name, drawn in log.layers.drawn.items():
        _insist(recorder.keep, f"drawn/{name}", drawn, number)
    _insist(recorder.add_fact, f"events {number}", log.events)
    _insist(recorder.add_fact, f"full {number}", log.full)
    _insist(recorder.add_fact, f"flat_bias {number}", log.weights.flat_bias)


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


# ---- what was returned and written


def records_in(value: Any, key: str = "", depth: int = 0) -> list[tuple[str, Array]]:
    """Every sequence of numbers in what was returned or written: (where it stood, the numbers), in order.

    A record may be a list, a tuple, an array, or stand inside a dict; a sequence of single numbers is one record, and
    so is an empty list.
    """
    array = numeric(value) if isinstance(value, (list, tuple, np.ndarray)) else None
    if array is not None and (array.ndim == 1 or (array.size and array.size == max(array.shape))):
        return [(key, array.reshape(-1))]
    if depth > DEPTH_CAP:
        return []
    if isinstance(value, dict):
        pairs = [(str(name), inner) for name, inner in value.items()]
    elif isinstance(value, (list, tuple, np.ndarray)) and np.ndim(array if array is not None else [0]) > 0:
        pairs = [(str(index), inner) for index, inner in enumerate(value)]
    else:
        return []
    records: list[tuple[str, Array]] = []
    for name, inner in pairs[:FILES_CAP]:
        records += records_in(inner, f"{key}.{name}" if key else name, depth + 1)
    return records[:RECORDS_CAP]


def stamps(folder: Path) -> Stamps:
    """The files in a folder and those below it."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    return {path: (at.st_ino, at.st_size, at.st_mtime_ns) for path in files for at in (path.stat(),)}


def result_files(
    folder: Path, before: Stamps, settings: Mapping[str, Any]
) -> tuple[list[tuple[str, str]], list[tuple[str, str, Array]]]:
    """The JSON files that were written in a folder since `before`, each with what is wrong with it; and their records.

    Where none was, those that lie there: whoever looks for results finds these. A record is (file, key, numbers). A
    file that repeats `settings` alone is no result file.
    """
    now = stamps(folder)
    written = _read({path: stamp for path, stamp in now.items() if before.get(path) != stamp}, settings)
    return written if written[0] else _read(now, settings)


def _read(found: Stamps, settings: Mapping[str, Any]) -> tuple[list[tuple[str, str]], list[tuple[str, str, Array]]]:
    """The JSON files among these, and their records."""
    files: list[tuple[str, str]] = []
    records: list[tuple[str, str, Array]] = []
    for path, (_, size, _) in list(found.items())[:FILES_CAP]:
        if size > FILE_CAP:
            continue
        try:
            content = json.loads(path.read_text())
        except (ValueError, OSError, RecursionError):
            if path.suffix == ".json":
                files.append((path.name, "is not JSON"))
            continue
        inside = [(path.name, key, numbers) for key, numbers in [*records_in(content), *_tested(content)]]
        if inside or not _repeats(content, settings):
            files.append((path.name, ""))
            records += inside
    return files, records[:RECORDS_CAP]


def _tested(content: Any) -> list[tuple[str, Array]]:
    """The single numbers of a file whose names say that they are of the test set."""
    pairs = content.items() if isinstance(content, dict) else ()
    found = [(str(name), number(value)) for name, value in pairs if "test" in str(name) and np.ndim(value) == 0]
    return [(name, np.array([value])) for name, value in found[:RECORDS_CAP] if value is not None]


def _repeats(content: Any, settings: Mapping[str, Any]) -> bool:
    """Whether what a file holds is some of the settings that main was passed, and nothing else."""
    return isinstance(content, dict) and bool(content) and all(value in settings.values() for value in content.values())
