"""The process that runs a submission: answers cases by importing it afresh and letting a probe call it.

Run as `python -I -B worker.py READ WRITE CAP [SHELF ROOM]` (two file descriptors and a number of bytes; one more and
its room where what comes of rounds is laid into shared memory); it finds its companions by their paths and never
imports Parity as a package: beside numpy and the standard library, only what the harness names comes into this process.
"""

from __future__ import annotations

import ast
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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import CodeType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from parity_tests.harness.inside import call_recorder, confine, import_guard, inert_modules
    from parity_tests.harness.wire import frames, shared_memory
    from parity_tests.harness.wire.frames import Decoder

_HIGH = 100
"""File descriptors from here on lie beyond what the submission can open (the limit is lower)."""
_FILE_BYTES = 16 << 20
_OPEN_FILES = 64
_CPU_SECONDS = 600
_NAMES = 500
_COMMON = ("argparse", "numpy.typing")
"""What many submissions import: it takes a millisecond, and none where it is there before the process is forked."""


def load(files: Mapping[str, Path]) -> dict[str, ModuleType]:
    """Load files as modules of the given names; they may import one another by these.

    None of the names stays behind: the submission's own files of the same names are its own.
    """
    finder = _Beside(files)
    sys.meta_path.insert(0, finder)
    try:
        return {name: importlib.import_module(name) for name in files}
    finally:
        sys.meta_path.remove(finder)
        for name in files:
            sys.modules.pop(name, None)


class _Beside:
    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname not in self._files:
            return None
        return importlib.util.spec_from_file_location(fullname, self._files[fullname])


if not TYPE_CHECKING:
    _HERE = Path(__file__).parent
    _OURS = {name: _HERE / f"{name}.py" for name in ("call_recorder", "confine", "import_guard", "inert_modules")}
    _OURS |= {name: _HERE.parent / "wire" / f"{name}.py" for name in ("frames", "shared_memory")}
    call_recorder, confine, import_guard, inert_modules, frames, shared_memory = load(_OURS).values()


class Channel:
    """Messages to and from the harness."""

    def __init__(self, read: int, write: int, cap: int, *on_shelf: int) -> None:
        self._shelf = shared_memory.Shelf(*on_shelf) if on_shelf else None
        self._shelving = False
        self._read, self._write = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH) for fd in (read, write))
        low, high = sorted((self._read, self._write))
        for start, end in ((3, low), (low + 1, high), (high + 1, os.sysconf("SC_OPEN_MAX"))):
            os.closerange(start, end)  # what else was inherited is nobody's business here
        self._process = os.getpid()
        self._decoder: Decoder = frames.Decoder(cap)

    def receive(self) -> frames.Message | None:
        """The next message; None when the harness has gone."""
        while (message := self._decoder.next()) is None:
            data = os.read(self._read, frames.PIECE)
            if not data:
                return None
            self._decoder.feed(data)
        return message

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Send a message whole."""
        if os.getpid() != self._process:  # a copy that the submission forked off must not talk for us
            os._exit(0)
        if self._shelf is not None and self._shelving and header["kind"] not in ("more", "done", "fault"):
            if self._laid(header, arrays):
                return
            self._shelf.call("")
            self.unshelve()  # what comes after it must not be there before it
        try:
            pieces = frames.encode(header, arrays)
        except frames.WireError as error:
            if header.get("kind") != "fact":
                raise
            # Probes tell names and kinds as they find them: who makes these endless has no fault of the harness's.
            failure = {"failure": "crashed", "error": "", "file": "", "line": 0, "function": ""}
            text = f"what the submission makes of {header['key']} cannot be taken: {error}"
            pieces = frames.encode({"kind": "failure", "name": "", **failure, "text": text[:1000]}, {})
        for piece in pieces:
            while piece:
                piece = piece[os.write(self._write, piece) :]

    def shelve(self, *, case: bool) -> None:
        """Lay on the shelf, where there is one, what comes of the next case, or of the next round of one."""
        self._shelving = self._shelf is not None
        if self._shelf is not None:
            self._shelf.begin() if case else self._shelf.turn()

    def unshelve(self) -> None:
        """Send what comes from here on."""
        self._shelving = False

    def _laid(self, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> bool:
        assert self._shelf is not None
        if header["kind"] == "call":
            self._shelf.call(header["label"])
            return True
        return bool(self._shelf.put(header, arrays))


class Material:
    """What the harness puts beside a submission: loaded once, whoever comes.

    `defined` is what defined() says, where that was asked before the process was forked: to look at everything then
    takes a copy of all memory. `early` are modules that many submissions import.
    """

    def __init__(self, told_by: str | None, companions: Sequence[str], probe: str) -> None:
        before = set(sys.modules)
        for name in _COMMON:
            importlib.import_module(name)
        self.early = [name for name in sys.modules if name not in before]
        self.editions: Any = load({"editions": Path(told_by)})["editions"] if told_by else None
        self.beside = load({Path(file).stem: Path(file) for file in [*companions, probe]})
        self.probes = self.beside[Path(probe).stem].PROBES
        self.defined: dict[str, dict[str, Any]] | None = None


def defined() -> dict[str, dict[str, Any]]:
    """What every module that is loaded now defines, by their names."""
    return {name: dict(vars(module)) for name, module in sys.modules.items() if type(module) is ModuleType}


class Submission:
    """What a probe is given of the submission; freshly imported for every case."""

    def __init__(self, folder: str, edition: str, module: ModuleType, support: ModuleType | None, why: str) -> None:
        self.folder = folder
        self.edition = edition
        self.module = module
        self.support = support
        self._why = why

    def get(self, name: str) -> Any:
        """What the module calls `name`, or else what students are given. Raises Missing where neither defines it."""
        for module in (self.module, self.support):
            if module is not None and name in vars(module):
                return vars(module)[name]
        raise call_recorder.Missing(self._why or f"{self.module.__name__}.py defines no {name}")


class Worker:
    """Holds one submission and answers for it."""

    def __init__(self, channel: Channel, order: Mapping[str, Any], material: Material) -> None:
        self._channel = channel
        self._folder: str = order["folder"]
        self._scratch: str = order["scratch"]
        self._seconds: float = order["seconds"]
        self._editions, self._beside, self._probes = material.editions, material.beside, material.probes
        self._defined, self._early = material.defined, material.early
        self._main: str = order["module"]
        self._support: str = order["support"]
        self._file = f"{self._folder}{os.sep}{self._main}.py"
        self._printed = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, _HIGH)
        self._limit = sys.getrecursionlimit()
        self._why = ""
        self._cases = 0
        self._order = order

    def open(self) -> dict[str, Any]:
        """Give up what a submission has no use for; look at its source; find only what it may import from here on."""
        order = self._order
        if order["confine"] is not None:
            confine.confine(order["confine"])
        self._witness = call_recorder.Witness(self._channel.send, self._folder, order["cap"], self._next_round)
        for what, limit in (
            (resource.RLIMIT_AS, order["memory"]),
            (resource.RLIMIT_FSIZE, _FILE_BYTES),
            (resource.RLIMIT_NOFILE, _OPEN_FILES),
            (resource.RLIMIT_CORE, 0),
        ):
            _limit(what, limit)
        code = self._compiled()
        self.edition: str = order["edition"] or self.edition_seen or order["default_edition"]
        lacks_support = bool(self._support) and not self._has_own(self._support)
        for name in self._early:
            if self._has_own(name.partition(".")[0]):  # which comes before the standard library's
                for known in (sys.modules, self._defined or {}):
                    known.pop(name, None)
        files = {self._support: order["fixture"]} if lacks_support and order["fixture"] else {}
        inert = [name for name in order["inert_modules"].get(self.edition, ()) if name not in order["allow"]]
        self.fixtures = [*inert, *files]
        stand_ins = inert_modules.Lender(tuple(inert))
        self._guard = import_guard.Guard(self._folder, ["numpy", *order["allow"]], files, stand_ins)
        if code is not None:
            self._guard.replace(self._file, code)
        sys.meta_path.insert(0, self._guard)
        sys.path.insert(0, self._folder)
        sys.modules["__main__"] = ModuleType("__main__")
        sys.breakpointhook = _no_keyboard
        self._finders, self._path = list(sys.meta_path), list(sys.path)
        return {
            "kind": "edition",
            "edition": self.edition,
            "edition_seen": self.edition_seen,
            "fixtures": self.fixtures,
        }

    def hello(self) -> dict[str, Any]:
        """Import the submission a first time and say what it is."""
        self._begin("hello", 0, self._seconds)
        self._ours = self._defined or defined()
        failures: dict[str, Any] = {"module": None, "support": None}
        names: list[str] = []
        try:
            module, error = self._import_main()
            self._witness.stop_clock()
            names = [str(name) for name in vars(module) if not str(name).startswith("__")][:_NAMES]
            if error is not None:
                failures["module"] = self._import_failure(error, self._main)
                self._why = failures["module"]["text"]
                self._cut_short(error)
            self._witness.start_clock(self._seconds)
            try:
                self._import_support()
            except BaseException as support_error:
                failures["support"] = self._import_failure(support_error, self._support)
        finally:
            self._end()
        return {
            "kind": "hello",
            "failures": failures,
            "names": [name[:100] for name in names],
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        }

    def answer(self, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Put one case to the submission; everything is sent as it comes."""
        self._channel.shelve(case=True)
        self._begin(header["case"], header["seed"], header["seconds"])
        try:
            probe = self._probes.get(header["probe"])
            if probe is None:
                raise LookupError(f"there is no probe {header['probe']}")
            module, stopped = self._import_main()
            if isinstance(stopped, call_recorder.OutOfTime):
                raise stopped
            try:
                support = self._import_support()
            except Exception:  # said once, in the hello
                support = None
            submission = Submission(self._folder, self.edition, module, support, self._why)
            sys.modules.update(self._beside)  # the probe may import what is beside it only now
            probe(submission, self._witness, header["params"], arrays)
        except call_recorder.CaseOver:
            pass
        except BaseException as error:
            self._witness.stop_clock()
            self._escaped(error)
        finally:
            self._end()

    def interrupted(self) -> None:
        """The time limit struck on the way out of a case."""
        self._witness.stop_clock()
        self._witness.fail("", "the case did not end within its time limit", "timeout")
        self._end()

    # ---- inside

    def _has_own(self, module: str) -> bool:
        """Whether the submission has a file or folder that is, or may be, this module."""
        return any(Path(self._folder, name).exists() for name in (module, f"{module}.py"))

    def _compiled(self) -> CodeType | None:
        """The code of the main file, None where there is none; and which edition its source shows."""
        self.edition_seen = ""
        try:
            with Path(self._file).open("rb") as file:
                source = file.read(import_guard.MAX_SOURCE + 1)
            code: CodeType = import_guard.compiled(source, self._file)
            if self._editions is not None:
                tree = import_guard.compiled(source, self._file, ast.PyCF_ONLY_AST)
                self.edition_seen = str(self._editions.edition_of(tree))
        except (OSError, SyntaxError):
            return None
        return code

    def _begin(self, case: str, seed: int, seconds: float) -> None:
        """Put the process back into the state in which every case finds it, and start the clock."""
        self._cases += 1
        self._room = f"{self._scratch}{os.sep}{self._cases}"
        os.mkdir(self._room)  # noqa: PTH102 - pathlib takes as long as the kernel
        os.chdir(self._room)
        sys.argv = [f"{self._main}.py"]
        sys.meta_path[:], sys.path[:] = self._finders, self._path
        for descriptor, name in ((1, "stdout"), (2, "stderr")):  # the case before may have closed them
            os.dup2(self._printed, descriptor)
            setattr(sys, name, os.fdopen(descriptor, "w", errors="backslashreplace", closefd=False))
        sys.settrace(None)
        sys.setrecursionlimit(self._limit)
        np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")
        warnings.resetwarnings()
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)  # a file that is left open is nobody's concern here
        warnings.showwarning = self._witness.on_warning
        random.seed(seed)
        np.random.seed(seed % (1 << 32))
        _renew_processor_time()
        self._witness.start_clock(seconds)

    def _next_round(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """What the harness gives to the next round of the case at hand; None for its end."""
        message = self._channel.receive()
        if message is None or message.header["kind"] != "round":
            return None
        self._channel.shelve(case=False)
        _renew_processor_time()
        return message.header["params"], message.arrays

    def _end(self) -> None:
        self._witness.end_rounds()
        self._channel.unshelve()
        self._witness.stop_clock()
        for name in self._beside:
            sys.modules.pop(name, None)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # the submission may have closed it, or put something else in its place
                continue
        os.chdir(self._scratch)
        try:
            os.rmdir(self._room)  # noqa: PTH106
        except OSError:  # something is in it
            shutil.rmtree(self._room, ignore_errors=True)

    def _import_main(self) -> tuple[ModuleType, BaseException | None]:
        """The module and what its import raised; what was defined before that stays defined."""
        self._guard.forget()
        self._channel.send({"kind": "call", "label": f"the import of {self._main}.py"}, {})
        module = ModuleType(self._main)
        module.__file__ = self._file
        module.__spec__ = importlib.util.spec_from_file_location(self._main, self._file)
        sys.modules[self._main] = module
        try:
            exec(self._guard.compiled(self._file), vars(module))
        except BaseException as error:
            sys.modules[self._main] = module
            return module, error
        return module, None

    def _import_support(self) -> ModuleType | None:
        return importlib.import_module(self._support) if self._support else None

    def _import_failure(self, error: BaseException, name: str) -> call_recorder.Failure:
        failure = self._witness.describe(error, f"{name}.py")
        text, line = failure["text"], failure["line"]
        if isinstance(error, SyntaxError):
            text = f"{name}.py cannot be imported: {text}"
        elif isinstance(error, ImportError):
            place = f" ({failure['file']}, line {line})" if line else ""
            text = f"{name}.py cannot be imported{place}: {call_recorder.clean(str(error))}"
        else:
            text += ", while it was being imported"
            if name == self._main and (failure["function"] != "<module>" or isinstance(error, (OSError, SystemExit))):
                text += '; code that runs the training belongs under `if __name__ == "__main__":`'
        failure["text"] = text
        return failure

    def _cut_short(self, error: BaseException) -> None:
        """After an import that ran out of time: stop the later ones before the statement that never ended."""
        if not isinstance(error, call_recorder.OutOfTime):
            return
        line = self._witness.place_of_module(error)
        tree = ast.parse(Path(self._file).read_bytes())
        tree.body = [s for s in tree.body if s.end_lineno is not None and s.end_lineno < line]
        self._guard.replace(self._file, compile(tree, self._file, "exec", dont_inherit=True))

    def _replaced(self) -> str:
        """A function or class of a module that was loaded before the submission and is another one now, or ""."""
        for name, before in self._ours.items():
            module = sys.modules.get(name)
            for key, value in before.items() if type(module) is ModuleType else ():
                if not _same(value, vars(module).get(key)):
                    return call_recorder.clean(f"{name}.{key}", 100)
        return ""

    def _escaped(self, error: BaseException) -> None:
        """Say why a probe did not end: the submission's fault where it stood in its frames or lacked what was asked."""
        failure = self._witness.describe(error, "the case")
        owner = getattr(error, "obj", None) if isinstance(error, AttributeError) else None
        source = getattr(owner if isinstance(owner, (type, ModuleType)) else type(owner), "__module__", None)
        if isinstance(owner, ModuleType):
            source = owner.__name__
        if not failure["file"] and source in (self._main, self._support):
            what = owner.__name__ if isinstance(owner, (type, ModuleType)) else type(owner).__name__
            failure["failure"] = "missing"
            failure["text"] = f"{call_recorder.clean(str(what))} defines no {call_recorder.clean(str(error.name))}"  # type: ignore[attr-defined]
        elif not failure["file"] and failure["failure"] == "crashed":
            last = traceback.extract_tb(error.__traceback__)[-1]
            replaced = self._replaced()
            if replaced:
                failure["text"] = f"the submission has replaced {replaced}, without which nothing can be put to it"
            else:
                failure["failure"] = "harness_error"
                failure["text"] += f" (the harness's {Path(last.filename).name}, line {last.lineno})"
        self._channel.send({"kind": "failure", "name": "", **failure}, {})


def _same(one: Any, other: Any) -> bool:
    """Whether nobody has put `other` in the place of `one`, as far as it can be called."""
    return one is other or not callable(one) or isinstance(one, MethodType)


def _limit(what: int, limit: int, hard: bool = True) -> None:
    """Lower a resource limit to `limit`, or to what is allowed where that is less."""
    most = resource.getrlimit(what)[1]
    low = limit if most == resource.RLIM_INFINITY else min(limit, most)
    resource.setrlimit(what, (low, low if hard else most))


def _renew_processor_time() -> None:
    used = int(resource.getrusage(resource.RUSAGE_SELF).ru_utime)
    _limit(resource.RLIMIT_CPU, used + _CPU_SECONDS, hard=False)


def _no_keyboard(*_: Any, **__: Any) -> None:
    raise EOFError("breakpoint()")


def attend(
    channel: Channel, settle: Callable[[frames.Message], None] = lambda order: None, material: Material | None = None
) -> None:
    """Take the harness's order and answer until it has gone.

    `settle` makes the process ready for its order; `material` is what was loaded before the order came.
    """
    order = channel.receive()
    if order is None:
        return
    try:
        settle(order)
        files = {name: order.header[name] for name in ("told_by", "companions", "probe")}
        worker = Worker(channel, order.header, material or Material(**files))
        channel.send({"kind": "ready"}, {})
        channel.send(worker.open(), {})
        channel.send(worker.hello(), {})
        while (message := channel.receive()) is not None:
            try:
                worker.answer(message.header, message.arrays)
            except call_recorder.OutOfTime:
                worker.interrupted()
            channel.send({"kind": "done"}, {})
    except Exception as error:
        text = "".join(traceback.format_exception(error))[-4000:]
        channel.send({"kind": "fault", "text": text}, {})


if __name__ == "__main__":
    attend(Channel(*map(int, sys.argv[1:])))
