"""The upper limit of grading: the same cases and judging, but the submission runs in the harness's own process.

`python -m parity_tests.bench.in_process FOLDER...` does the work that `parity grade` does on each folder, without any
isolation or pipe: nothing that the harness does about a submission could be faster than this. For trusted code alone.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import random
import sys
import tempfile
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp import editions
from parity_tests.grading.task import Settings, Task, warm_up, work
from parity_tests.harness import check as checking
from parity_tests.harness.inside import call_recorder as witness
from parity_tests.harness.inside import worker
from parity_tests.harness.process.runner import _Gathered
from parity_tests.harness.wire import frames as wire
from parity_tests.protocol.observation import Hello, Observation

_ONE_AT_A_TIME = threading.RLock()


class InProcess:
    """Answers as runner.Runner does, by calling the probe here and now."""

    output = b""

    def __init__(self, submission: Path, *, probe: Path, companions: Sequence[Path] = (), **_: Any) -> None:
        self._folder = str(submission)
        file = submission / f"{editions.MODULE}.py"
        self._code = compile(file.read_bytes(), str(file), "exec")
        self._beside = worker.load({path.stem: path for path in (*companions, probe)})
        self._probes = self._beside[probe.stem].PROBES

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def start(self) -> None:
        """There is nothing to start."""

    def stop(self) -> None:
        """There is nothing to stop."""

    @property
    def hello(self) -> Hello:
        """What the submission is."""
        with _ONE_AT_A_TIME:
            names = tuple(vars(self._imported()))
        return Hello(editions.DEFAULT, editions.DEFAULT, None, None, names, (), sys.version, np.__version__)

    def ask(
        self, case: str, probe: str, params: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], *, seed: int
    ) -> Observation:
        """Put one case."""
        gathered = _Gathered(case)

        def take(header: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
            copies = {name: np.array(array) for name, array in sent.items()}
            gathered.take(wire.Message(dict(header), copies, 0))

        with _ONE_AT_A_TIME, contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            random.seed(seed)
            np.random.seed(seed % (1 << 32))
            module = self._imported()
            given = worker.Submission(
                self._folder, editions.DEFAULT, module, importlib.import_module(editions.UTILS), ""
            )
            sys.modules.update(self._beside)
            copies = {name: np.array(array) for name, array in arrays.items()}
            self._probes[probe](given, witness.Witness(take, self._folder, wire.MAX_BODY), dict(params), copies)
        return gathered.observation(0.0)

    def _imported(self) -> ModuleType:
        """A fresh import, as each case has it."""
        sys.modules.pop(editions.UTILS, None)
        sys.path.insert(0, self._folder)
        try:
            module = ModuleType(editions.MODULE)
            sys.modules[editions.MODULE] = module
            exec(self._code, vars(module))
        finally:
            sys.path.remove(self._folder)
        return module


def main() -> None:
    """Do the work on each folder named."""
    warm_up()
    settings = Settings("mlp", seed=1, edition=editions.DEFAULT, dtypes=("float64",))
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch, patch.object(checking, "Runner", InProcess):
        os.chdir(scratch)
        for folder in map(Path, sys.argv[1:]):
            files = tuple((file.name, file.read_bytes()) for file in sorted(folder.glob("*.py")))
            outcome = work(Task(folder.name, files, "", settings))
            if outcome.trouble or any(record.verdict != "match" for record in outcome.records):
                raise SystemExit(f"{folder}: {outcome.trouble or 'it does not agree'}")


if __name__ == "__main__":
    main()
