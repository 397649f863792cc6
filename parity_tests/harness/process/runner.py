"""Puts cases to a submission in a process of its own, and brings back what it did, whatever it did.

The process is trusted with nothing: what it sends is checked by wire.py and here, it is killed when it overstays,
and its death, flood or nonsense is a failure of the case at hand; the next case gets a fresh process.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from parity_tests.harness.process.fork_servers import Servers
from parity_tests.harness.process.process import Forked, Process, Started
from parity_tests.harness.sandbox import packages
from parity_tests.harness.sandbox.launch import SCRATCH_BYTES, WORKER, Kind, Launcher, Order
from parity_tests.harness.wire import frames as wire
from parity_tests.harness.wire import shared_memory as shelf
from parity_tests.protocol.errors import HarnessError
from parity_tests.protocol.layout import Editions, Layout
from parity_tests.protocol.observation import FAILURE_KINDS, Failure, Hello, Observation, Returned

OUTPUT = 64 << 10
"""Bytes kept of what a submission prints."""
GRACE = 1.0
"""Seconds that a process has, after its time limit has struck inside, before it is killed."""
STARTUP = 60.0
"""Seconds in which a process must have loaded numpy."""
MESSAGES = 100_000
CASE_BYTES = 4 * wire.MAX_BODY
"""Messages and bytes that one case may send."""
RETURNED = 128 << 20
"""Bytes that are kept of what a submission returns in all cases put to it: ten times what an honest one does."""
SHELF = 8 << 20
"""Bytes of arrays of a case that are laid into shared memory; what has no room there is sent."""
_LOOK = 0.25
"""Seconds between looks at how large a scratch folder on disk has become."""
_SIGNALS = {
    signal.SIGSEGV: "a segmentation fault",
    signal.SIGABRT: "it aborted",
    signal.SIGXCPU: "too much processor time",
    signal.SIGKILL: "killed from outside, perhaps for lack of memory",
}


Round = tuple[Mapping[str, Any], Mapping[str, NDArray[Any]]]
"""What a round of a case is given: parameters (JSON) and arrays."""


class _Ended(Exception):  # noqa: N818 - not an error
    """The process has ended."""


class _Late(Exception):  # noqa: N818 - not an error
    """The deadline has passed."""


class Runner:
    """One submission in one process (a context manager); a dead process is replaced for the next case.

    At the levels above "none" a process ends with the thread that started it, whoever asks for the next one.
    `probe` is the file whose PROBES are asked for, `companions` the files it may import (at its top) by their
    stems. `layout` names the files of a submission. `edition`, one of `editions`, overrides the one that the source
    shows. `allow` are modules beyond numpy and the standard library, `fixture` is the file that stands in for what
    students are given where the folder lacks it. A case may take `case_seconds` of wall time, the process `memory`
    bytes of address space, one message `cap` bytes of arrays. `isolation` is the level at which it runs, one of
    isolation.LEVELS. What comes back is laid into shared memory, and copied from there;
    with a `shelf` of so many bytes the arrays of a round stay there, and are valid for three more rounds of the same
    case. Its processes are forked off `servers` where that can be had, and started cold where it cannot, or where there
    are none.
    Raises UsageError for a module in `allow` that is not installed; its methods HarnessError where the process itself
    cannot be run, UsageError where the level cannot be had.
    """

    def __init__(
        self,
        submission: Path,
        *,
        probe: Path,
        layout: Layout,
        companions: Sequence[Path] = (),
        editions: Editions | None = None,
        edition: str | None = None,
        allow: Sequence[str] = (),
        fixture: Path | None = None,
        case_seconds: float = 10.0,
        memory: int = 2 << 30,
        cap: int = wire.MAX_BODY,
        isolation: str = "none",
        shelf: int = 0,
        servers: Servers | None = None,
    ) -> None:
        known = editions or Editions()
        self._copied = not shelf
        self._shelf = (shelf or SHELF) if hasattr(os, "memfd_create") else 0
        self._seconds = case_seconds
        self._cap = cap
        self._order: dict[str, Any] = {
            "kind": "setup",
            "probe": str(probe.resolve()),
            "companions": [str(file.resolve()) for file in companions],
            "module": layout.module,
            "support": layout.support,
            "told_by": str(known.told_by) if known.told_by else None,
            "default_edition": known.default,
            "inert_modules": {name: list(modules) for name, modules in known.inert_modules.items()},
            "edition": edition,
            "allow": packages.closure(allow),
            "fixture": str(fixture.resolve()) if fixture else None,
            "seconds": case_seconds,
            "memory": memory,
            "cap": cap,
        }
        self.kind = Kind(
            level=isolation,
            told_by=self._order["told_by"],
            companions=tuple(self._order["companions"]),
            probe=self._order["probe"],
            others=(self._order["fixture"],) if fixture else (),
            modules=self._order["allow"],
        )
        folder = os.path.abspath(submission)  # noqa: PTH100 - links stay as the user wrote them
        self._launcher = Launcher(self.kind, folder)
        self._servers = servers
        self._child: _Child | None = None
        self._closed = False
        self._greeted = False
        self._met = False
        self._hello: Hello | None = None
        self._dead: Failure | None = None
        self._returned = 0
        self._output = bytearray()

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the process with its group, and delete its folder."""
        self._drop()
        self._launcher.close()

    def stop(self) -> None:
        """Kill the process, from any thread: what is being asked ends at once, and nothing can be asked any more."""
        self._closed = True
        child = self._child
        if child is not None:
            child.kill()

    def start(self) -> None:
        """Begin to start the process, without waiting for it."""
        if self._child is not None:
            return
        if self._closed:
            raise HarnessError("this runner was stopped")
        try:
            order = self._forked() or self._started()
        except OSError as error:
            raise HarnessError(f"the process for the submission cannot be started: {error}") from error
        self._greeted = False
        told = {**self._order, "folder": order.folder, "scratch": order.scratch, "confine": order.confine}
        files = order.files
        with contextlib.suppress(_Ended, _Late):  # whoever waits for its answer finds out
            assert self._child is not None
            if files is not None:
                told["files"] = files.entries
            self._child.send(told, files.contents if files is not None else {}, time.monotonic() + STARTUP)

    @property
    def process(self) -> Process | None:
        """The process that runs now, if one does."""
        return None if self._child is None else self._child.process

    @property
    def hello(self) -> Hello:
        """What the submission is; starts the process where none was started."""
        if self._hello is None:
            self._greet()
        assert self._hello is not None
        return self._hello

    @property
    def output(self) -> bytes:
        """The first 64 KiB of what the submission printed."""
        return bytes(self._output)

    def ask(
        self,
        case: str,
        probe: str,
        params: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
        *,
        seed: int,
        seconds: float | None = None,
    ) -> Observation:
        """Put one case: the probe of that name is given `params` (JSON) and fresh copies of `arrays`.

        The random generators are seeded with `seed`. Never raises for what the submission does.
        """
        limit = self._seconds if seconds is None else seconds
        header = {
            "kind": "ask",
            "case": case,
            "probe": probe,
            "params": dict(params),
            "seed": seed,
            "seconds": limit,
        }
        gathered, asked = self._put(case, header, arrays, limit)
        if gathered.count == 0 and self._child is None and self._dead is None:
            # What an earlier case left behind ended the process before this one began.
            gathered, asked = self._put(case, header, arrays, limit)
        return gathered.observation(time.monotonic() - asked)

    def converse(
        self,
        case: str,
        probe: str,
        params: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
        rounds: Iterable[Round],
        *,
        seed: int,
        seconds: float | None = None,
    ) -> Iterator[Observation]:
        """Put one case whose probe goes on in rounds; yields what came back for each, as it comes.

        `rounds` are the parameters (JSON) and arrays of each; the next one is sent before what came of the last is
        yielded, so that the submission works on it meanwhile. Each has `seconds` of its own, the waiting for whoever
        takes what is yielded apart. An observation with failures is the last. Never raises for what the submission
        does.
        """
        limit = self._seconds if seconds is None else seconds
        header = {"kind": "ask", "case": case, "probe": probe, "params": dict(params), "seed": seed, "seconds": limit}
        gathered, given, begun, finished = _Gathered(case), iter(rounds), False, False
        self._greet()
        if self._child is None:
            assert self._dead is not None
            gathered.failures[""] = self._dead
            yield gathered.observation(0.0)
            return
        since = time.monotonic()
        try:
            self._child.renew_shelf(case=True)
            self._child.send(header, arrays, since + limit + GRACE)
            deadline = since + limit + GRACE
            while True:
                message = self._child.receive(deadline)
                gathered.take_shelved(self._child.shelf, copied=self._copied)
                if message.header.get("kind") != "more":
                    if gathered.take(message):
                        finished = not gathered.fault
                        break
                    continue
                ended, gathered = gathered, _Gathered(case)
                spent, since = _seconds(message.header), time.monotonic()
                following = next(given, None)
                if following is not None:
                    self._child.renew_shelf(case=False)
                self._child.send(*_round(following), since + limit + GRACE)
                if begun:
                    yield ended.observation(spent)
                begun = True
                deadline = time.monotonic() + limit + GRACE
        except (_Late, _Ended, wire.WireError) as error:
            gathered.failures[""] = self._cut_off(gathered, error, limit, copied=self._copied)
        finally:
            if not finished:
                self._drop()
        if gathered.fault:
            gathered.failures[""] = Failure("harness_error", "", f"the harness's process failed: {gathered.fault}")
        if gathered.failures:
            yield gathered.observation(time.monotonic() - since)

    # ---- inside

    def _forked(self) -> Order | None:
        """Have a process forked; None where it must be started cold."""
        servers = self._servers
        if servers is None or not servers.serves(self.kind):
            return None
        if (found := self._launcher.fork(self._cap)) is None:
            return None
        fork, order = found
        self._child = _Child(
            lambda pipes: servers.fork(fork, pipes, self._cap, self._shelf),
            self._scratch_of(order),
            self._cap,
            self._output,
            self._shelf,
        )
        return order

    def _started(self) -> Order:
        """Have a process started cold."""
        launch, order = self._launcher.launch()
        command = [*launch.prefix, sys.executable, "-I", "-B", WORKER]

        def start(pipes: Sequence[int]) -> Process:
            ask, answers, printed, *shared = pipes
            numbers = (ask, answers, self._cap, *shared, *[self._shelf] * bool(shared))
            return Started(
                [*command, *map(str, numbers)],
                descriptors=(ask, answers, *shared, *launch.descriptors),
                printed=printed,
                folder="/" if self.kind.namespaced else order.scratch,
                environment=launch.environment,
                namespaced=self.kind.namespaced,
            )

        self._child = _Child(start, self._scratch_of(order), self._cap, self._output, self._shelf)
        return order

    def _scratch_of(self, order: Order) -> Path | None:
        """The scratch folder where it is on a disk, so that somebody must look how large it becomes."""
        return None if self.kind.namespaced else Path(order.scratch)

    def _put(
        self, case: str, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], limit: float
    ) -> tuple[_Gathered, float]:
        """Put a case once: what came back, and when it was asked."""
        gathered = _Gathered(case)
        self._greet()
        asked = time.monotonic()
        if self._child is None:
            assert self._dead is not None
            gathered.failures[""] = self._dead
            if self._met:  # it could be imported before: the next case may try again
                self._dead = None
            return gathered, asked
        deadline = asked + limit + GRACE
        try:
            self._child.renew_shelf(case=True)
            self._child.send(header, arrays, deadline)
            done = False
            while not done:
                message = self._child.receive(deadline)
                gathered.take_shelved(self._child.shelf, copied=True)
                done = gathered.take(message)
                if gathered.size and self._returned + gathered.size > RETURNED:
                    gathered.failures[""] = gathered.excessive()
                    self._drop()
                    break
        except (_Late, _Ended, wire.WireError) as error:
            gathered.failures[""] = self._cut_off(gathered, error, limit, copied=True)
            self._drop()
        if gathered.fault:
            gathered.failures[""] = Failure("harness_error", "", f"the harness's process failed: {gathered.fault}")
            self._drop()
        self._returned += gathered.size
        return gathered, asked

    def _cut_off(self, gathered: _Gathered, error: Exception, limit: float, *, copied: bool) -> Failure:
        """The failure of a case that did not come to its end; what lies on the shelf is still taken."""
        assert self._child is not None
        try:
            gathered.take_shelved(self._child.shelf, copied=copied)
        except wire.WireError:
            return gathered.garbled()
        if isinstance(error, _Late):
            return gathered.late(limit)
        return gathered.died(self._child.end()) if isinstance(error, _Ended) else gathered.garbled()

    def _greet(self) -> None:
        """Have a process that has said hello, or none where the import of the submission ends every process."""
        if self._greeted or (self._child is None and self._dead is not None):
            return
        for attempt in (1, 2):
            self.start()
            try:
                self._await_ready()
                break
            except HarnessError as error:
                forked = isinstance(self.process, Forked)
                self._drop()
                if forked and self._servers is not None:
                    self._servers.refuse(self.kind, str(error))
                elif attempt == 2:
                    raise
        assert self._child is not None
        deadline = time.monotonic() + 2 * self._seconds + GRACE
        gathered = _Gathered("hello")
        edition: tuple[str, str, tuple[str, ...]] = (
            str(self._order["edition"] or self._order["default_edition"]),
            "",
            (),
        )
        try:
            while (message := self._child.receive(deadline)).header.get("kind") != "hello":
                if message.header.get("kind") == "edition":
                    edition = _edition(message.header)
                elif gathered.take(message):
                    raise HarnessError(f"the process for the submission failed: {gathered.fault}")
            hello = _hello(message.header, edition)
        except _Late:
            self._dead = gathered.late(self._seconds)
        except _Ended:
            self._dead = gathered.died(self._child.end())
        except wire.WireError:
            self._dead = gathered.garbled()
        else:
            self._greeted = self._met = True
            self._hello = self._hello or hello
            return
        self._drop()
        judged, seen, fixtures = edition
        self._hello = self._hello or Hello(judged, seen, self._dead, None, (), fixtures, "", "")

    def _await_ready(self) -> None:
        assert self._child is not None
        try:
            message = self._child.receive(time.monotonic() + STARTUP)
        except _Late:
            problem = f"it was not ready after {STARTUP:g} s"
        except _Ended:
            problem = f"it {self._child.end()}"
        except wire.WireError as error:
            problem = f"it sent nonsense: {error}"
        else:
            if message.header.get("kind") == "ready":
                return
            problem = str(message.header.get("text"))
        printed = self.output[-2000:].decode(errors="replace").strip()
        raise HarnessError(f"the process for the submission does not start: {problem}\n{printed}".strip())

    def _drop(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None
        self._greeted = False


class _Child:
    """The process and the three pipes to it. Never waits for the end of a pipe: an orphan may hold it open."""

    def __init__(
        self, start: Callable[[Sequence[int]], Process], scratch: Path | None, cap: int, output: bytearray, room: int
    ) -> None:
        """`start` starts the process with its ends of the pipes, and of a shelf if it shall have one with that `room`.

        `scratch` is the folder to look at, if any.
        """
        self._scratch = scratch
        self._looked, self._full = time.monotonic(), False
        self._output = output
        self._decoder = wire.Decoder(cap)
        self._spent = 0
        shared = [shelf.create(room)] if room else []
        self.shelf = shelf.Shelf(shared[0], room) if shared else None
        ask_read, self._ask = os.pipe()
        self._answer, answer_write = os.pipe()
        self._printed, print_write = os.pipe()
        theirs = (ask_read, answer_write, print_write, *shared)
        try:
            self.process = start(theirs)
        except BaseException:
            for descriptor in (self._ask, self._answer, self._printed):
                os.close(descriptor)
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self._selector = selectors.DefaultSelector()
        for descriptor in (self._ask, self._answer, self._printed):
            os.set_blocking(descriptor, False)
        self._selector.register(self._answer, selectors.EVENT_READ)
        self._selector.register(self._printed, selectors.EVENT_READ)

    def renew_shelf(self, *, case: bool) -> None:
        """Make the shelf ready for the next case, or the next round of one, as the other side does when it is asked."""
        if self.shelf is not None:
            self.shelf.begin() if case else self.shelf.turn()
            self.shelf.clear()

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], deadline: float) -> None:
        """Send a message whole. Raises _Ended, _Late, HarnessError for what is no message."""
        self._spent = 0
        try:
            pieces = list(wire.encode(header, arrays))
        except wire.WireError as error:
            raise HarnessError(f"this cannot be put to a submission: {error}") from error
        try:
            for piece in pieces:
                while piece:
                    try:
                        piece = piece[os.write(self._ask, piece[: wire.PIECE]) :]
                    except BlockingIOError:
                        self._await_room(deadline)
        except BrokenPipeError:
            raise _Ended from None

    def _await_room(self, deadline: float) -> None:
        """Wait until more can be written to the process, or it has answered. Raises _Ended, _Late."""
        self._selector.register(self._ask, selectors.EVENT_WRITE)
        try:
            self._ready(deadline)
        finally:
            self._selector.unregister(self._ask)

    def receive(self, deadline: float) -> wire.Message:
        """The next message. Raises _Ended, _Late, WireError."""
        while (message := self._decoder.next()) is None:
            if self._answer not in self._ready(deadline):
                continue
            data = _read(self._answer)
            self._spent += len(data)
            if self._spent > CASE_BYTES:
                raise wire.WireError(f"one case sent more than {CASE_BYTES} bytes")
            if not data:
                raise _Ended
            self._decoder.feed(data)
        return message

    def end(self) -> str:
        """How the process ended, or must end, as the predicate of a sentence."""
        if self._full:
            return f"wrote more than {SCRATCH_BYTES >> 20} MiB to its scratch folder"
        status = self.process.status(GRACE)
        if problem := self.process.problem():
            return f"could not be forked: {problem}"
        if status is None:
            return "closed its connection to the harness"
        if status >= 0:
            return f"ended the Python process (exit status {status})"
        name = _SIGNALS.get(signal.Signals(-status), "")
        return f"was killed by signal {-status}{f' ({name})' if name else ''}"

    def kill(self) -> None:
        """Kill the process with all that it started."""
        self.process.kill()

    def close(self) -> None:
        """Kill the process with all that it started, and close the pipes."""
        self.process.close(5.0)
        self._drain()
        self._selector.close()
        for descriptor in (self._ask, self._answer, self._printed):
            os.close(descriptor)

    def _ready(self, deadline: float) -> list[int]:
        """The protocol's descriptors that are ready; what was printed is drained on the way. Raises _Ended, _Late."""
        left = deadline - time.monotonic()
        if left <= 0 and not self.process.ended():
            raise _Late
        if self._scratch is not None and time.monotonic() - self._looked > _LOOK:
            self._looked = time.monotonic()
            self._full = _size(self._scratch) > SCRATCH_BYTES
            if self._full:
                raise _Ended
        ready = self._look(min(left, 0.05))
        if not ready and self.process.ended():
            ready = self._look(0.0)  # what it said before its end
            if self._answer not in ready:
                raise _Ended
        return ready

    def _look(self, seconds: float) -> list[int]:
        """The protocol's descriptors that are ready within so long, once what was printed is drained."""
        ready = [key.fd for key, _ in self._selector.select(max(0.0, seconds))]
        if self._printed in ready:
            ready.remove(self._printed)
            self._drain()
        return ready

    def _drain(self) -> None:
        for _ in range(64):  # an orphan that floods must not keep us here
            data = _read(self._printed)
            if not data:
                return
            self._output += data[: max(0, OUTPUT - len(self._output))]


class _Gathered:
    """What has arrived for a case so far. Everything is checked: the submission shares the process that sends it."""

    def __init__(self, case: str) -> None:
        self._case = case
        self._values: dict[str, Returned] = {}
        self.failures: dict[str, Failure] = {}
        self._facts: dict[str, Any] = {}
        self._warnings: list[str] = []
        self._call = ""
        self._late: Failure | None = None
        self.fault = ""
        self.count = 0
        self.size = 0

    def take(self, message: wire.Message) -> bool:
        """Add one message; True for the last of the case. Raises WireError."""
        self.count += 1
        if self.count > MESSAGES:
            raise wire.WireError(f"one case sent more than {MESSAGES} messages")
        self.size += sum(array.nbytes for array in message.arrays.values())
        if message.header.get("kind") in ("fact", "warning", "failure"):
            self.size += wire.JSON_MEMORY * message.size
        match message.header:
            case {"kind": "value", "name": str(name), "what": str(what), "detail": str(detail)}:
                array = message.arrays.get("value")
                if (what in ("none",) and array is not None) or (what == "scalar" and array is not None and array.ndim):
                    raise wire.WireError("a value contradicts its description")
                if not message.tidy:
                    name, what, detail = _short(name), _short(what), _short(detail)
                self._values[name] = Returned(what, array, detail)
                self.failures.pop(name, None)
            case {"kind": "failure", "name": str(name)}:
                failure = _failure(message.header)
                name = _short(name)
                if name or name not in self.failures:  # the first failure of the case as a whole is its cause
                    self.failures[name] = failure
                self._values.pop(name, None)
            case {"kind": "fact", "key": str(key), "value": value}:
                self._facts[_short(key)] = value if message.tidy else _tidy(value)
            case {"kind": "warning", "text": str(text)}:
                self._warnings.append(_short(text))
            case {"kind": "call", "label": str(label)}:
                self._call = _short(label)
            case {"kind": "late", "place": str(place)}:
                self._late = _failure({**message.header, "failure": "timeout", "error": "", "text": _short(place)})
            case {"kind": "forgiven", "name": str(name)}:
                self.failures.pop(_short(name), None)
            case {"kind": "fault", "text": str(text)}:
                self.fault = _short(text[-500:])
                return True
            case {"kind": "done"}:
                return True
            case _:
                raise wire.WireError("a message of no known kind")
        return False

    def take_shelved(self, lain: shelf.Shelf | None, *, copied: bool) -> None:
        """Add what was laid on the shelf since the last look, arrays as they lie there or copied. Raises WireError."""
        if lain is None:
            return
        for message in wire.shelved(lain.new(), lain.contents, copied=copied):
            if self.take(message):
                raise wire.WireError("a case does not end on the shelf")
        self._call = _short(lain.label) or self._call

    def late(self, limit: float) -> Failure:
        """The failure of a process that was killed for overstaying."""
        who = self._call or "the submission"
        if self._late is None:
            return Failure("timeout", "", f"{who} did not end within {limit:g} s and did not react to being stopped")
        return Failure(
            "timeout",
            "",
            f"{who} did not end within {limit:g} s and swallows the exception that would stop it{self._late.text}",
            self._late.file,
            self._late.line,
            self._late.function,
        )

    def excessive(self) -> Failure:
        """The failure of a submission that returns more than anybody asked for."""
        self._values.clear()
        self._facts.clear()
        text = f"not kept: the submission has returned more than {RETURNED >> 20} MiB in all by now"
        return Failure("crashed", "", text)

    def died(self, how: str) -> Failure:
        """The failure of a process that ended on its own."""
        return Failure("crashed", "", f"{self._call or 'the submission'} {how}")

    def garbled(self) -> Failure:
        """The failure of a process that sent what the harness's own code would not."""
        who = self._call or "the submission"
        return Failure("crashed", "", f"{who} disturbed the connection between its process and the harness")

    def observation(self, seconds: float) -> Observation:
        """All of it, frozen."""
        return Observation(
            self._case, self._values, self.failures, self._facts, tuple(dict.fromkeys(self._warnings)), seconds
        )


def _seconds(header: Mapping[str, Any]) -> float:
    """How long a round took the submission, by its process's own clock."""
    seconds = header.get("seconds")
    if type(seconds) is not float or not 0 <= seconds < float("inf"):
        raise wire.WireError("a round that took no time that can be")
    return seconds


def _round(given: Round | None) -> Round:
    """The message that a round, or the end of all rounds, is sent as."""
    return ({"kind": "over"}, {}) if given is None else ({"kind": "round", "params": dict(given[0])}, given[1])


def _size(folder: Path) -> int:
    """Bytes that the files below a folder take, while others write there; a file counts for a block at least."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                found += max(Path(place, name).lstat().st_blocks, 8) * 512
            if found > SCRATCH_BYTES:
                return found
    return found


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, wire.PIECE)
    except BlockingIOError:
        return b""


def _short(text: str) -> str:
    """A text of the child's as a report may carry it: one line, printable, not long."""
    short = text[: wire.MAX_TEXT]
    return short if short.isprintable() else "".join(char if char.isprintable() else " " for char in short)


def _failure(header: Any) -> Failure:
    match header:
        case {
            "failure": str(kind),
            "error": str(error),
            "text": str(text),
            "file": str(file),
            "line": int(line),
            "function": str(function),
        } if kind in FAILURE_KINDS and 0 <= line < 1 << 31:
            return Failure(kind, _short(error), _short(text), _short(file), line, _short(function))
    raise wire.WireError("a failure that is not described as one")


def _tidy(value: Any) -> Any:
    """A JSON value whose texts a report may carry."""
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if isinstance(value, dict):
        return {_short(key): _tidy(item) for key, item in value.items()}
    return value


def _edition(header: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    match header:
        case {"edition": str(edition), "edition_seen": str(seen), "fixtures": list(fixtures)} if all(
            isinstance(name, str) for name in fixtures
        ):
            return _short(edition), _short(seen), tuple(map(_short, fixtures))
    raise wire.WireError("an edition that is not one")


def _hello(header: Mapping[str, Any], edition: tuple[str, str, tuple[str, ...]]) -> Hello:
    match header:
        case {
            "failures": {"module": module, "support": support},
            "names": list(names),
            "numpy": str(numpy_version),
            "python": str(python_version),
        } if all(isinstance(name, str) for name in names):
            judged, seen, fixtures = edition
            return Hello(
                judged,
                seen,
                _failure_or_none(module),
                _failure_or_none(support),
                tuple(map(_short, names)),
                fixtures,
                _short(numpy_version),
                _short(python_version),
            )
    raise wire.WireError("a hello that is not one")


def _failure_or_none(item: Any) -> Failure | None:
    return None if item is None else _failure(item)
