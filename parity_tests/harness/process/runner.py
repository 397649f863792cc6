"""Puts cases to a submission in a process of its own, and returns what it did, whatever it did.

The process is not trusted. frames.py and observation_builder.py check what it sends, it is killed when it exceeds its
time, and its death, flood or nonsense is a failure of the current case. The next case gets a new process.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict

from numpy.typing import NDArray

from parity_tests.harness.process.child import GRACE, Child, DeadlinePassed, ProcessEnded
from parity_tests.harness.process.child_starter import ChildStarter
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.headers import Edition, edition_of, hello_of, seconds_of
from parity_tests.harness.process.observation_builder import MAX_RETURNED, ObservationBuilder
from parity_tests.harness.process.process import Process
from parity_tests.harness.sandbox import packages
from parity_tests.harness.sandbox.process_kind import ProcessKind
from parity_tests.harness.wire import frames
from parity_tests.protocol.errors import HarnessError
from parity_tests.protocol.layout import Editions, Layout
from parity_tests.protocol.observation import Failure, Hello, Observation
from parity_tests.protocol.quantity import WHOLE_CASE

STARTUP = 60.0
"""Seconds in which a process must have loaded numpy."""
_OUTPUT_SHOWN = 2000


class NotCalled(TypedDict):
    """A function, by its qualified name, that is not called any more; what is said of that, and where it had stood."""

    function: str
    text: str
    file: str
    line: int


Round = tuple[Mapping[str, Any], Mapping[str, NDArray[Any]]]
"""What a round of a case is given: parameters (JSON) and arrays."""


class Runner:
    """One submission in one process (a context manager). A dead process is replaced for the next case.

    At the levels above "none" the process ends together with the thread that started it.

    `probe` is a file with PROBES; `companions` are files that it may import, at its top, by their stems. `layout` names
    the files of a submission; `fixture` takes the place of its support file if the folder has none, and each file in
    `lent` that of the module it is given for. `edition`, one of `editions` or their default, is the one it is judged
    by, unless its files show another of those in `by_files`, which has the support file that is lent in each. `allow`
    are modules that the submission may import beyond numpy and the standard library. A case may take `case_seconds` of
    wall time, the process `memory` bytes of address space, one message `cap` bytes of arrays. `isolation` is the level
    at which the process runs, one of isolation.LEVELS. Processes are forked off `servers` if that works, and started
    cold if not.

    Raises UsageError for a module in `allow` that is not installed. Its methods raise HarnessError if the process
    itself cannot be run, UsageError if the level does not work here.
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
        fixture: Path | None = None,
        by_files: Mapping[str, Path | None] | None = None,
        lent: Mapping[str, Path] | None = None,
        allow: Sequence[str] = (),
        case_seconds: float = 10.0,
        memory: int = 2 << 30,
        cap: int = frames.MAX_BODY,
        isolation: str = "none",
        servers: ForkServers | None = None,
    ) -> None:
        known = editions or Editions()
        self._seconds = case_seconds
        self._setup: dict[str, Any] = {
            "kind": "setup",
            "probe": str(probe.resolve()),
            "companions": [str(file.resolve()) for file in companions],
            "module": layout.module,
            "support": layout.support,
            "further": list(layout.further),
            "where": dict(layout.where),
            "roots": list(layout.roots),
            "entry": layout.entry,
            "told_by": str(known.told_by) if known.told_by else None,
            "inert_modules": {name: list(modules) for name, modules in known.inert_modules.items()},
            "numpy_1": dict(known.numpy_1),
            "edition": known.default if edition is None else edition,
            "fixture": _resolved(fixture),
            "by_files": None if by_files is None else {name: _resolved(file) for name, file in by_files.items()},
            "lent": {module: str(file.resolve()) for module, file in (lent or {}).items()},
            "allow": packages.closure(allow),
            "seconds": case_seconds,
            "memory": memory,
            "cap": cap,
        }
        supports = (self._setup["by_files"] or {}).values()
        others = (self._setup["fixture"], *supports, *self._setup["lent"].values())
        self.kind = ProcessKind(
            level=isolation,
            told_by=self._setup["told_by"],
            companions=tuple(self._setup["companions"]),
            probe=self._setup["probe"],
            others=tuple(dict.fromkeys(filter(None, others))),
            modules=self._setup["allow"],
        )
        self._output = bytearray()
        self._starter = ChildStarter(
            self.kind,
            os.path.abspath(submission),  # noqa: PTH100 - links stay as the user wrote them
            output=self._output,
            cap=cap,
            servers=servers,
        )
        self._child: Child | None = None
        self._stopped = False
        self._child_greeted = False
        self._hello: Hello | None = None
        self._importable = False
        self._import_death: Failure | None = None
        self._returned_bytes = 0

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the process with its group, and delete its folder."""
        self._drop()
        self._starter.close()

    def stop(self) -> None:
        """Kill the process, from any thread. The current case ends at once, and no other can be put any more."""
        self._stopped = True
        child = self._child
        if child is not None:
            child.kill()

    def start(self) -> None:
        """Begin to start the process, without waiting for it."""
        if self._child is not None:
            return
        if self._stopped:
            raise HarnessError("this runner was stopped")
        self._child, setup, files = self._starter.start()
        self._child_greeted = False
        with contextlib.suppress(ProcessEnded, DeadlinePassed):  # receiving its answer will tell
            self._child.send({**self._setup, **setup}, files, time.monotonic() + STARTUP)

    @property
    def process(self) -> Process | None:
        """The process that runs now, if there is one."""
        return None if self._child is None else self._child.process

    @property
    def hello(self) -> Hello:
        """What the submission is. Starts the process if none was started."""
        if self._hello is None:
            self._greeted_child()
        assert self._hello is not None
        return self._hello

    @property
    def output(self) -> bytes:
        """The first 64 KiB of what the submission has printed up to its last answer."""
        if self._child is not None:
            self._child.drain_output()
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
        edited: Sequence[Mapping[str, str]] = (),
        not_called: Sequence[NotCalled] = (),
    ) -> Observation:
        """Put one case: the probe of that name is given `params` (JSON) and fresh copies of `arrays`.

        The random generators are seeded with `seed`. The case may take `seconds`, or else the runner's own limit.
        `edited` are functions that take the place of the submission's own for this case: "module", "function" (its
        qualified name) and "source" of each. Those that are `not_called` fail as a `timeout` instead. Never raises for
        what the submission does.
        """
        limit = self._seconds if seconds is None else seconds
        header = _question(case, probe, params, seed, limit)
        if edited:
            header["edited"] = [dict(one) for one in edited]
        if not_called:
            header["not_called"] = [dict(one) for one in not_called]
        builder, asked = self._put(case, header, arrays, limit)
        if builder.messages == 0 and self._child is None and self._import_death is None:
            # What an earlier case left behind ended the process before this one began.
            builder, asked = self._put(case, header, arrays, limit)
        return builder.build(time.monotonic() - asked)

    def ask_rounds(
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
        """Put one case whose probe goes on in rounds; yield an observation for each round as it comes.

        `rounds` are the parameters and arrays of each. The next round is sent before the observation of the last is
        yielded, so that the submission works on it meanwhile. Each round may take `seconds`; time that passes between
        two observations in the caller does not count. An observation with failures is the last. Never raises for what
        the submission does.
        """
        limit = self._seconds if seconds is None else seconds
        builder, remaining, first, finished = ObservationBuilder(case), iter(rounds), True, False
        child = self._greeted_child()
        if child is None:
            assert self._import_death is not None
            builder.fail(self._import_death)
            yield builder.build(0.0)
            return
        started = time.monotonic()
        try:
            deadline = started + limit + GRACE
            child.send(_question(case, probe, params, seed, limit), arrays, deadline)
            while True:
                message = child.receive(deadline)
                if message.header.get("kind") != "more":
                    if builder.add(message):
                        finished = not builder.fault
                        break
                    continue
                complete, builder = builder, ObservationBuilder(case)
                spent, started = seconds_of(message.header), time.monotonic()
                following = next(remaining, None)
                if following is None:
                    child.send({"kind": "over"}, {}, started + limit + GRACE)
                else:
                    round_params, round_arrays = following
                    header = {"kind": "round", "params": dict(round_params)}
                    child.send(header, round_arrays, started + limit + GRACE)
                if not first:
                    yield complete.build(spent)
                first = False
                deadline = time.monotonic() + limit + GRACE
        except (DeadlinePassed, ProcessEnded, frames.WireError) as error:
            _fail_unfinished(builder, child, error, limit)
        finally:
            if not finished:
                self._drop()
        if builder.failed:
            yield builder.build(time.monotonic() - started)

    # ---- inside

    def _put(
        self, case: str, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], limit: float
    ) -> tuple[ObservationBuilder, float]:
        """Put a case once. Returns what came back, and when it was asked (time.monotonic)."""
        builder = ObservationBuilder(case)
        child = self._greeted_child()
        asked = time.monotonic()
        before = 0 if "edited" in header else self._returned_bytes  # nobody keeps what edited functions returned
        if child is None:
            assert self._import_death is not None
            builder.fail(self._import_death)
            if self._importable:  # it could be imported before: the next case may try again
                self._import_death = None
            return builder, asked
        deadline = asked + limit + GRACE
        try:
            child.send(header, arrays, deadline)
            done = False
            while not done:
                done = builder.add(child.receive(deadline))
                if builder.bytes and before + builder.bytes > MAX_RETURNED:
                    builder.fail_excessive()
                    self._drop()
                    break
        except (DeadlinePassed, ProcessEnded, frames.WireError) as error:
            _fail_unfinished(builder, child, error, limit)
            self._drop()
        if builder.fault:
            self._drop()
        self._returned_bytes = before + builder.bytes
        return builder, asked

    def _greeted_child(self) -> Child | None:
        """Return a process that has imported the submission; None if every process dies of that (_import_death)."""
        if self._child_greeted or (self._child is None and self._import_death is not None):
            return self._child
        child = self._ready_child()
        deadline = time.monotonic() + 2 * self._seconds + GRACE
        builder = ObservationBuilder("hello")
        edition: Edition | None = None
        try:
            while (message := child.receive(deadline)).header.get("kind") != "hello":
                if edition is None and message.header.get("kind") == "edition":  # later it may be the submission's
                    edition = self._settled(message.header)
                elif builder.add(message):
                    raise frames.WireError(builder.fault or "a case that ends before it was put")
            if edition is None:
                raise frames.WireError("a hello without an edition")
            hello = hello_of(message.header, edition)
        except DeadlinePassed:
            builder.fail_late(self._seconds)
        except ProcessEnded:
            builder.fail_ended(child.describe_end())
        except frames.WireError:
            if not builder.fault:
                builder.fail_disturbed()
        else:
            self._child_greeted = self._importable = True
            self._hello = self._hello or hello
            return child
        self._drop()
        self._import_death = builder.build(0.0).failures[WHOLE_CASE]
        edition = edition or Edition(str(self._setup["edition"]))
        dead = Hello(
            edition.judged, edition.seen, self._import_death, None, (), edition.fixtures, "", "", edition.left_out
        )
        self._hello = self._hello or dead
        return None

    def _settled(self, header: Mapping[str, Any]) -> Edition:
        """The edition that a process says, by which every later one is judged too. Raises WireError."""
        supports = self._setup["by_files"] or {}
        edition = edition_of(header, str(self._setup["edition"]), supports)
        if supports:
            self._setup |= {"edition": edition.judged, "fixture": supports[edition.judged], "by_files": None}
        return edition

    def _ready_child(self) -> Child:
        """Return a process that is ready to import the submission; started cold if a forked one does not get ready."""
        attempts = 0
        while True:
            attempts += 1
            self.start()
            child = self._child
            assert child is not None
            try:
                self._await_ready(child)
                return child
            except HarnessError as error:
                self._drop()
                forked = self._starter.refuse_forking(child, str(error))
                if attempts > 1 and not forked:
                    raise

    def _await_ready(self, child: Child) -> None:
        try:
            message = child.receive(time.monotonic() + STARTUP)
        except DeadlinePassed:
            problem = f"it was not ready after {STARTUP:g} s"
        except ProcessEnded:
            problem = f"it {child.describe_end()}"
        except frames.WireError as error:
            problem = f"it sent nonsense: {error}"
        else:
            if message.header.get("kind") == "ready":
                return
            problem = str(message.header.get("text"))
        output = self.output[-_OUTPUT_SHOWN:].decode(errors="replace").strip()
        raise HarnessError(f"the process for the submission does not start: {problem}\n{output}".strip())

    def _drop(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None
        self._child_greeted = False


def _resolved(file: Path | None) -> str | None:
    return str(file.resolve()) if file else None


def _fail_unfinished(builder: ObservationBuilder, child: Child, error: Exception, limit: float) -> None:
    """Fail a case that did not come to its end."""
    if isinstance(error, DeadlinePassed):
        builder.fail_late(limit)
    elif isinstance(error, ProcessEnded):
        builder.fail_ended(child.describe_end(limit))
    else:
        builder.fail_disturbed()


def _question(case: str, probe: str, params: Mapping[str, Any], seed: int, limit: float) -> dict[str, Any]:
    """The header by which a case is asked."""
    return {"kind": "ask", "case": case, "probe": probe, "params": dict(params), "seed": seed, "seconds": limit}
