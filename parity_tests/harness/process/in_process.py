"""Puts cases to a submission in the harness's own process: without isolation and fast, for trusted code alone."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import random
import re
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.inside import worker
from parity_tests.harness.inside.call_recorder import CallRecorder, CaseOver
from parity_tests.harness.inside.submission import Submission
from parity_tests.harness.process.observation_builder import ObservationBuilder
from parity_tests.harness.wire import frames
from parity_tests.protocol.layout import Editions, Layout, file_of
from parity_tests.protocol.observation import Hello, Observation

_one_at_a_time = threading.RLock()
"""Held while a case is put: the folder, the modules and the random generators are those of the whole process."""


class InProcessRunner:
    """Answers as runner.Runner does, by calling the probe here and now (a context manager).

    The submission consists of the files of its layout, which are executed afresh for each case. It is taken for the
    default edition where none is given. The time limit holds in the main thread only, because it needs an alarm. All
    options of Runner that are not named here are ignored.
    """

    output = b""

    def __init__(
        self,
        submission: Path,
        *,
        probe: Path,
        layout: Layout,
        companions: Sequence[Path] = (),
        editions: Editions | None = None,
        edition: str | None = None,
        case_seconds: float = 10.0,
        **_: Any,
    ) -> None:
        self._folder = str(submission)
        self._codes: dict[str, CodeType] = {}
        self._layout = layout
        self._edition = edition or (editions or Editions()).default
        names = (layout.support, *layout.lent, *layout.further, layout.module)
        for name in filter(None, names):
            file = submission / file_of(name)
            self._codes[name.rstrip("*")] = compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
        self._packages = {name[: dot.start()] for name in self._codes for dot in re.finditer(r"\.", name)}
        self._beside = _load((*companions, probe))
        self._probes = self._beside[probe.stem].PROBES
        self._seconds = case_seconds

    def __enter__(self) -> InProcessRunner:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: there is no process to end."""

    def start(self) -> None:
        """Do nothing: there is no process to start."""

    def close(self) -> None:
        """Do nothing: there is no process to end."""

    def stop(self) -> None:
        """Do nothing: there is no process to stop."""

    @property
    def hello(self) -> Hello:
        """What the submission is."""
        with self._case(0):
            module, _ = self._imported()
        names = tuple(name for name in vars(module) if not name.startswith("__"))
        python = sys.version.split()[0]
        return Hello(self._edition, self._edition, None, None, names, (), np.__version__, python)

    def ask(
        self, case: str, probe: str, params: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], *, seed: int
    ) -> Observation:
        """Put one case, as Runner.ask does. Raises KeyboardInterrupt if it is the user's own."""
        builder = ObservationBuilder(case)

        def send(header: Mapping[str, Any], sent: Mapping[str, NDArray[Any]]) -> None:
            builder.add(frames.Message(dict(header), _copies(sent), 0))

        recorder = CallRecorder(send, self._folder, frames.MAX_BODY)
        started = time.monotonic()
        with self._case(seed):
            warnings.showwarning = recorder.on_warning
            limited = threading.current_thread() is threading.main_thread()
            if limited:
                recorder.start_clock(self._seconds)
            try:
                module, support = self._imported()
                sys.modules.update(self._beside)
                submission = Submission(self._folder, self._edition, module, support, None, self._layout.where)
                self._probes[probe](submission, recorder, dict(params), _copies(arrays))
            except CaseOver:
                pass
            except BaseException as error:
                if limited:
                    recorder.stop_clock()
                if isinstance(error, KeyboardInterrupt) and not recorder.out_of_time:
                    raise
                recorder.fail(None, error)
            finally:
                if limited:
                    recorder.stop_clock()
        return builder.build(time.monotonic() - started)

    def _imported(self) -> tuple[ModuleType, ModuleType | None]:
        """Return the main module and the support module, if there is one, executed afresh."""
        if self._packages:
            return importlib.import_module(self._layout.module), None
        modules = {name: ModuleType(name) for name in self._codes}
        for name, code in self._codes.items():
            sys.modules[name] = modules[name]
            exec(code, vars(modules[name]))
        return modules[self._layout.module], modules.get(self._layout.support)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the spec of a module of the submission's package, which is found before all others of its name."""
        if name not in self._codes and name not in self._packages:
            return None
        return ModuleSpec(name, self, is_package=name in self._packages)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of a module to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute a module of the submission's package."""
        if module.__name__ in self._codes:
            exec(self._codes[module.__name__], vars(module))

    @contextlib.contextmanager
    def _case(self, seed: int) -> Iterator[None]:
        """Seed the random generators, drop the output, go to an empty folder; afterwards, restore all that was."""
        with _one_at_a_time, tempfile.TemporaryDirectory(prefix="parity-", ignore_cleanup_errors=True) as folder:
            before = Path.cwd()
            modules = {name: sys.modules.get(name) for name in (*self._codes, *self._packages, *self._beside)}
            state, numpy_state, errors = random.getstate(), np.random.get_state(), np.geterr()
            os.chdir(folder)
            if self._packages:
                sys.meta_path.insert(0, self)
                for name in (*self._codes, *self._packages):
                    sys.modules.pop(name, None)
            try:
                with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                    warnings.simplefilter("always")
                    random.seed(seed)
                    np.random.seed(seed % (1 << 32))
                    yield
            finally:
                os.chdir(before)
                if self._packages:
                    sys.meta_path.remove(self)
                random.setstate(state)
                np.random.set_state(numpy_state)
                np.seterr(**errors)
                for name, module in modules.items():
                    if module is None:
                        sys.modules.pop(name, None)
                    else:
                        sys.modules[name] = module


@lru_cache
def _load(files: tuple[Path, ...]) -> dict[str, ModuleType]:
    """Return the probe and its companions by their names."""
    return worker.load_beside(files)


def _copies(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: np.array(array, copy=True) for name, array in arrays.items()}
