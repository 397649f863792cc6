"""The process that runs a submission: answers cases by importing it afresh and letting a probe call it.

Run as `python -I -B worker.py QUESTIONS ANSWERS CAP`: two file descriptors and a number of bytes. It loads the files in
FILES by their paths and never imports Parity as a package: numpy, the standard library and what the harness names are
all that comes into the process.
"""

from __future__ import annotations

import builtins
import fcntl
import importlib
import importlib.util
import os
import random
import resource
import shutil
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

_INSIDE = Path(__file__).parent
_WIRE = _INSIDE.parent / "wire"
FILES = {
    "frames": _WIRE / "frames.py",
    "failures": _INSIDE / "failures.py",
    "call_recorder": _INSIDE / "call_recorder.py",
    "channel": _INSIDE / "channel.py",
    "confine": _INSIDE / "confine.py",
    "import_guard": _INSIDE / "import_guard.py",
    "inert_modules": _INSIDE / "inert_modules.py",
    "numpy_1": _INSIDE / "numpy_1.py",
    "unguarded": _INSIDE / "unguarded.py",
    "submission": _INSIDE / "submission.py",
    "script_probe": _INSIDE / "script_probe.py",
    "asking": _INSIDE / "asking.py",
    "call_tracer": _INSIDE / "call_tracer.py",
}
"""All files that a worker loads beside this one, by the names under which they import one another."""
BESIDE = ("script_probe", "asking", "call_tracer")
"""Those of them that probes of any assignment may import."""

_FILE_BYTES = 16 << 20
_OPEN_FILES = 64
_CPU_SECONDS = 600
_MAX_NAMES = 500
_OURS = "parity_tests"
_COMMON = ("argparse", "numpy.typing")
"""Modules that many submissions import. It takes a millisecond, and none if it is done before the process is forked."""


def load(files: Mapping[str, Path]) -> dict[str, ModuleType]:
    """Load files as modules of the given names; they may import one another by these, and as Parity's own modules.

    None of the names stays in sys.modules: the submission may have files of the same names.
    """
    finder, before = _FileFinder(files), set(sys.modules)
    sys.meta_path.insert(0, finder)
    try:
        return {name: importlib.import_module(name) for name in files}
    finally:
        sys.meta_path.remove(finder)
        for name in [*files, *(name for name in set(sys.modules) - before if name.partition(".")[0] == _OURS)]:
            sys.modules.pop(name, None)


def load_beside(files: Iterable[Path]) -> dict[str, ModuleType]:
    """Load a probe and its companions by their names, and what probes of any assignment may import."""
    return load({file.stem: file for file in (*(FILES[name] for name in BESIDE), *files)})


class _FileFinder:
    """Finds files by their names; what lies in Parity's packages is a file of the last of its names."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname in self._files:
            return importlib.util.spec_from_file_location(fullname, self._files[fullname])
        packages, _, name = fullname.rpartition(".")
        if fullname.partition(".")[0] != _OURS:
            return None
        loader: Any = self if packages and name in self._files else None
        return ModuleSpec(fullname, loader, is_package=loader is None)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return importlib.import_module(spec.name.rpartition(".")[2])

    def exec_module(self, module: ModuleType) -> None:
        """It is executed by its own name."""


if TYPE_CHECKING or __package__:
    from parity_tests.harness.inside import call_recorder, channel, confine, failures, numpy_1, submission
    from parity_tests.harness.wire import frames
else:
    globals().update(load(FILES))


class Preloaded:
    """What the harness loads beside a submission, once. A fork server loads it before any submission is known."""

    def __init__(self, told_by: str | None, companions: Sequence[str], probe: str) -> None:
        before = set(sys.modules)
        for name in _COMMON:
            importlib.import_module(name)
        self.common = [name for name in sys.modules if name not in before]
        """Modules that are loaded only because many submissions import them."""
        self.editions: Any = load({"editions": Path(told_by)})["editions"] if told_by else None
        """The module that tells editions apart, None if there is only one."""
        self.beside = load_beside(map(Path, [*companions, probe]))
        """The probe and its companions."""
        self.probes = self.beside[Path(probe).stem].PROBES
        self.definitions: dict[str, dict[str, Any]] | None = None
        """What definitions() returns, if it was called before the process was forked: it touches, and so copies, all
        memory that is shared."""


_PARITYS_OWN = (("sys", "breakpointhook"), ("warnings", "showwarning"))
"""What a worker itself puts another in the place of."""


def definitions() -> dict[str, dict[str, Any]]:
    """Return what every module that is loaded now defines, by the modules' names."""
    return {name: dict(vars(module)) for name, module in sys.modules.items() if type(module) is ModuleType}


class Worker:
    """Holds one submission and answers for it."""

    def __init__(self, to_harness: channel.Channel, setup: Mapping[str, Any], preloaded: Preloaded) -> None:
        self._channel = to_harness
        self._setup = setup
        self._preloaded = preloaded
        self._definitions = preloaded.definitions
        self._folder: str = setup["folder"]
        self._scratch: str = setup["scratch"]
        self._output = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, channel.HIGH)
        self._recursion_limit = sys.getrecursionlimit()
        self._cases = 0

    def open(self) -> dict[str, Any]:
        """Give up all rights that a submission does not need, and look at its source. Returns the edition's header."""
        setup = self._setup
        for name, now in setup["numpy_1"].items():
            module, _, own = now.rpartition(".")
            vars(np).setdefault(name, getattr(np if module else builtins, own))
        if setup["numpy_1"]:
            np.reshape = numpy_1.reshape_of(np.reshape)
        if setup["confine"] is not None:
            confine.confine(setup["confine"])
        self._recorder = call_recorder.CallRecorder(
            self._channel.send, self._folder, setup["cap"], self._receive_round, self._channel.connected
        )
        for what, limit in (
            (resource.RLIMIT_AS, setup["memory"]),
            (resource.RLIMIT_FSIZE, _FILE_BYTES),
            (resource.RLIMIT_NOFILE, _OPEN_FILES),
            (resource.RLIMIT_CORE, 0),
        ):
            _limit(what, limit)
        for name in self._preloaded.common:
            if submission.has_module(self._folder, name.partition(".")[0]):  # which precedes the standard library's
                for known in (sys.modules, self._definitions or {}):
                    known.pop(name, None)
        own_names = numpy_1.OWN_NAMES if setup["numpy_1"] else {}
        self._importer = submission.Importer(self._folder, setup, self._preloaded.editions, own_names)
        sys.breakpointhook = _refuse_breakpoint
        return {
            "kind": "edition",
            "edition": self._importer.edition,
            "edition_seen": self._importer.edition_seen,
            "fixtures": self._importer.fixtures,
            "left_out": self._importer.left_out,
        }

    def hello(self) -> dict[str, Any]:
        """Import the submission a first time and return what it is."""
        self._begin("hello", 0, self._setup["seconds"])
        self._definitions = self._definitions or definitions()
        importer = self._importer
        failed: dict[str, Any] = {"module": None, "support": None}
        names: list[str] = []
        try:
            module, error = self._import_main()
            self._recorder.stop_clock()
            names = [str(name) for name in vars(module) if not str(name).startswith("__")][:_MAX_NAMES]
            if error is not None:
                failed["module"] = importer.describe(error, importer.main, self._recorder)
                importer.problem = failed["module"]
                if isinstance(error, failures.OutOfTime):
                    importer.cut_short(self._recorder.location_of(error).module_line)
            self._recorder.start_clock(self._setup["seconds"])
            try:
                importer.import_support()
            except BaseException as support_error:
                failed["support"] = importer.describe(support_error, importer.support, self._recorder)
        finally:
            self._end()
        return {
            "kind": "hello",
            "failures": failed,
            "names": [name[:100] for name in names],
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        }

    def answer(self, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Put one case to the submission; every result is sent as it comes."""
        self._begin(header["case"], header["seed"], header["seconds"])
        try:
            probe = self._preloaded.probes.get(header["probe"])
            if probe is None:
                raise LookupError(f"there is no probe {header['probe']}")
            module, stopped = self._import_main()
            if isinstance(stopped, failures.OutOfTime):
                raise stopped
            try:
                support = self._importer.import_support()
            except Exception:  # the hello has reported it
                support = None
            for edited in header.get("edited", ()):
                submission.put_in_place(edited["module"], edited["function"], edited["source"])
            importer = self._importer
            for late in header.get("not_called", ()):
                submission.keep_from_being_called(self._folder, importer.handed_in, late)
            given = submission.Submission(
                self._folder, importer.edition, module, support, importer.problem, importer.where
            )
            sys.modules.update(self._preloaded.beside)  # the probe may import its companions only now
            probe(given, self._recorder, header["params"], arrays)
        except call_recorder.CaseOver:
            pass
        except BaseException as error:
            self._recorder.stop_clock()
            self._send_escaped(error)
        finally:
            self._end()

    def interrupted(self) -> None:
        """End a case whose time limit struck while it was being ended."""
        self._recorder.stop_clock()
        self._recorder.fail(None, "the case did not end within its time limit", "timeout")
        self._end()

    # ---- inside

    def _begin(self, case: str, seed: int, seconds: float) -> None:
        """Put the process back into the state in which every case finds it, and start the clock."""
        self._cases += 1
        self._case_folder = f"{self._scratch}{os.sep}{self._cases}"
        os.mkdir(self._case_folder)  # noqa: PTH102 - pathlib takes as long as the kernel
        os.chdir(self._case_folder)
        sys.argv = [submission.file_of(self._importer.main)]
        self._importer.restore_path()
        for descriptor, name in ((1, "stdout"), (2, "stderr")):  # the case before may have closed them
            os.dup2(self._output, descriptor)
            setattr(sys, name, os.fdopen(descriptor, "w", errors="backslashreplace", closefd=False))
        sys.settrace(None)
        sys.setrecursionlimit(self._recursion_limit)
        np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")
        warnings.resetwarnings()
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)  # a file that is left open does no harm here
        warnings.showwarning = self._recorder.on_warning
        random.seed(seed)
        np.random.seed(seed % (1 << 32))
        _renew_processor_time()
        self._recorder.start_clock(seconds)

    def _receive_round(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the parameters and arrays of the next round of the current case; None after the last."""
        message = self._channel.receive()
        if message is None or message.header["kind"] != "round":
            return None
        _renew_processor_time()
        return message.header["params"], message.arrays

    def _end(self) -> None:
        self._recorder.end_rounds()
        self._recorder.stop_clock()
        for name in self._preloaded.beside:
            sys.modules.pop(name, None)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # the submission may have closed it, or put something else in its place
                continue
        os.chdir(self._scratch)
        try:
            os.rmdir(self._case_folder)  # noqa: PTH106
        except OSError:  # something is in it
            shutil.rmtree(self._case_folder, ignore_errors=True)

    def _import_main(self) -> tuple[ModuleType, BaseException | None]:
        label = f"the import of {submission.file_of(self._importer.main)}"
        self._channel.send({"kind": "call", "label": label}, {})
        imported = self._importer.import_main()
        if not self._channel.connected():
            self._recorder.give_up()
        return imported

    def _replaced(self) -> str:
        """Return a function or class, of a module loaded before the submission, that is another one now; "" if none."""
        for name, before in (self._definitions or {}).items():
            module = sys.modules.get(name)
            if type(module) is not ModuleType:
                continue
            for key, value in before.items():
                if (name, key) not in _PARITYS_OWN and not _same(value, vars(module).get(key)):
                    return failures.clean(f"{name}.{key}", 100)
        return ""

    def _send_escaped(self, error: BaseException) -> None:
        """Send why a probe did not end.

        It is the submission's failure if the exception came from its frames, or if it lacks what was asked for.
        """
        if isinstance(error, submission.CannotImport) and error.__cause__ is not None:
            failed = self._importer.describe(error.__cause__, error.module, self._recorder)
            self._channel.send({"kind": "failure", "name": "", "call": 0, **failed}, {})
            return
        failed = self._recorder.describe(error, "the case")
        owner = getattr(error, "obj", None) if isinstance(error, AttributeError) else None
        defining = owner if isinstance(owner, (type, ModuleType)) else type(owner)
        source = owner.__name__ if isinstance(owner, ModuleType) else getattr(defining, "__module__", None)
        if not failed["file"] and source in self._importer.handed_in:
            name = getattr(error, "name", None)
            failed["failure"] = "missing"
            failed["called"], failed["lacks"] = failures.clean(str(defining.__name__)), failures.clean(str(name))
            failed["text"] = f"{failed['called']} defines no {failed['lacks']}"
        elif not failed["file"] and failed["failure"] == "crashed":
            last = traceback.extract_tb(error.__traceback__)[-1]
            replaced = self._replaced()
            if replaced:
                failed["called"] = ""
                failed["text"] = f"the submission has replaced {replaced}, without which nothing can be put to it"
            else:
                failed["failure"] = "unjudged"
                failed["text"] += f" (in Parity's {Path(last.filename).name}, line {last.lineno})"
        self._channel.send({"kind": "failure", "name": "", "call": 0, **failed}, {})


def _same(one: Any, other: Any) -> bool:
    """Return whether `other` is no replacement of `one`; only what can be called counts."""
    return one is other or not callable(one) or isinstance(one, MethodType)


def _limit(what: int, limit: int, hard: bool = True) -> None:
    """Lower a resource limit to `limit`, or to what is allowed if that is less."""
    most = resource.getrlimit(what)[1]
    low = limit if most == resource.RLIM_INFINITY else min(limit, most)
    resource.setrlimit(what, (low, low if hard else most))


def _renew_processor_time() -> None:
    used = int(resource.getrusage(resource.RUSAGE_SELF).ru_utime)
    _limit(resource.RLIMIT_CPU, used + _CPU_SECONDS, hard=False)


def _refuse_breakpoint(*_: Any, **__: Any) -> None:
    raise EOFError("breakpoint()")


def run(
    to_harness: channel.Channel,
    prepare: Callable[[frames.Message], None] = lambda setup: None,
    preloaded: Preloaded | None = None,
) -> None:
    """Receive the setup, and answer cases until the harness has gone.

    `prepare` makes the process ready for its setup. `preloaded` is what was loaded before the setup came.
    """
    setup = to_harness.receive()
    if setup is None:
        return
    try:
        prepare(setup)
        for name in [name for name in os.environ if name.endswith("_NUM_THREADS")]:
            del os.environ[name]  # numpy has read them; nobody is to learn from them that this is a check
        files = {name: setup.header[name] for name in ("told_by", "companions", "probe")}
        worker = Worker(to_harness, setup.header, preloaded or Preloaded(**files))
        to_harness.send({"kind": "ready"}, {})
        to_harness.send(worker.open(), {})
        to_harness.send(worker.hello(), {})
        while (message := to_harness.receive()) is not None:
            try:
                worker.answer(message.header, message.arrays)
            except failures.OutOfTime:
                worker.interrupted()
            to_harness.send({"kind": "done"}, {})
    except Exception as error:
        text = "".join(traceback.format_exception(error))[-4000:]
        to_harness.send({"kind": "fault", "text": text}, {})


if __name__ == "__main__":
    run(channel.Channel(*map(int, sys.argv[1:])))
