"""Two processes at once have nothing in common by which one could tell the other what it knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness import check as checking
from parity_tests.harness.check import check
from parity_tests.harness.process.available_levels import problem
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.sandbox.isolation import LEVELS
from parity_tests.protocol.observation import Observation
from parity_tests.selftest.runners import CALLS, OPTIONS, ask, write

WAYS = {
    "the time at which a device was written to": (
        "print(1, file=open('/dev/null', 'w'))",
        "os.stat('/dev/null').st_mtime",
    ),
    "the flags of what it reads": (
        "fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK)",
        "fcntl.fcntl(0, fcntl.F_GETFL) & os.O_NONBLOCK",
    ),
    "the flags of what it prints to": (
        "fcntl.fcntl(1, fcntl.F_SETFL, os.O_APPEND)",
        "fcntl.fcntl(1, fcntl.F_GETFL) & os.O_APPEND",
    ),
    "the times of a device": ("os.utime('/dev/null')", "os.stat('/dev/null').st_mtime"),
    "a lock on a file of Python's": (
        "fcntl.flock(OPEN, fcntl.LOCK_EX)",
        "fails(lambda: fcntl.flock(open(os.__file__), fcntl.LOCK_EX | fcntl.LOCK_NB), BlockingIOError)",
    ),
    "a file in a folder for all": ("open('/tmp/parity-said', 'w').close()", "os.path.exists('/tmp/parity-said')"),
}
"""By what a process might say something, and how another one would hear it."""
SOURCE = """
import fcntl, os
OPEN = open(os.__file__, "rb")
vars(fcntl).setdefault("kept", []).append(OPEN)  # this module is imported anew for each case, and that ends a lock
def fails(call, how=OSError):
    try:
        call()
    except how:
        return True
    except OSError:
        pass
    return False
"""
"""Beside it a pair of functions for each way: `say_0` and `hear_0`, and so on."""


@pytest.fixture(params=[level for level in LEVELS if level != "none"])
def level(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if problem(name):
        pytest.skip(f"isolation level {name}: {problem(name)}")
    return name


@contextmanager
def two(tmp_path: Path, source: str, level: str, *, forked: bool) -> Iterator[tuple[Runner, Runner]]:
    """The processes of two students, off one fork server or started cold."""
    probe = write(tmp_path / "probes", {"probe.py": CALLS}) / "probe.py"
    folders = [write(tmp_path / name, {"neural_networks.py": source, "utils.py": ""}) for name in ("one", "other")]
    with ExitStack() as stack:
        servers = stack.enter_context(ForkServers()) if forked else None
        one, other = (
            stack.enter_context(Runner(folder, probe=probe, isolation=level, servers=servers, **OPTIONS))
            for folder in folders
        )
        yield one, other


def heard(tmp_path: Path, level: str, ways: Iterable[str], *, forked: bool) -> dict[str, list[float]]:
    """What another process hears in each of these ways before one has said something in all of them, and after."""
    numbered = dict(enumerate(ways))
    pairs = [
        f"def say_{n}():\n    return 1.0 - fails(lambda: {say})\ndef hear_{n}():\n    return float({hear})\n"
        for n, (say, hear) in ((n, WAYS[way]) for n, way in numbered.items())
    ]
    with two(tmp_path, SOURCE + "".join(pairs), level, forked=forked) as (one, other):
        silent = [ask(other, f"hear_{n}") for n in numbered]
        assert not any(ask(one, f"say_{n}").failures for n in numbered)
        told = [ask(other, f"hear_{n}") for n in numbered]
    return {way: [number_of(silent[n]), number_of(told[n])] for n, way in numbered.items()}


def number_of(seen: Observation) -> float:
    """The one number that came back."""
    assert not seen.failures
    (returned,) = seen.values.values()
    assert returned.array is not None
    return float(returned.array)


@pytest.mark.parametrize("forked", [True, False], ids=["forked", "cold"])
def test_what_one_says_another_does_not_hear(tmp_path: Path, level: str, forked: bool) -> None:
    found = heard(tmp_path, level, WAYS, forked=forked)
    assert {way: before for way, (before, _) in found.items()} == {way: after for way, (_, after) in found.items()}


def test_without_isolation_it_is_heard(tmp_path: Path) -> None:
    ways = ["a lock on a file of Python's", "a file in a folder for all"]
    try:
        assert heard(tmp_path, "none", ways, forked=False) == {way: [0.0, 1.0] for way in ways}
    finally:
        Path("/tmp/parity-said").unlink(missing_ok=True)


def test_threads_are_waited_for_though_nobody_else_can_be(tmp_path: Path, level: str) -> None:
    source = """
import ctypes, threading
def f():
    libc, thread, got = ctypes.CDLL(None), ctypes.c_ulong(), []
    kind = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
    body = kind(lambda _: got.append(1))
    if libc.pthread_create(ctypes.byref(thread), None, body, None) == 0:
        libc.pthread_join(thread, None)
    else:
        got.append(1)
    return float(sum(got))
"""
    probe = write(tmp_path / "probes", {"probe.py": CALLS}) / "probe.py"
    folder = write(tmp_path / "one", {"neural_networks.py": source, "utils.py": ""})
    with Runner(folder, probe=probe, isolation=level, **OPTIONS) as runner:
        seen = ask(runner, "f")
    assert number_of(seen) == 1.0


def test_a_process_with_right_parts_begins_when_the_other_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[tuple[str, str]] = []

    class Watched(Runner):
        """Notes when it starts and when it has closed."""

        def start(self) -> None:
            events.append(("start", self._processes))
            super().start()

        def close(self) -> None:
            super().close()
            events.append(("gone", self._processes))

        @property
        def _processes(self) -> str:
            processes = ASSIGNMENT.inside.processes.items()
            return next(name for name, files in processes if len(files) == len(self.kind.companions))

    monkeypatch.setattr(checking, "Runner", Watched)
    check(ASSIGNMENT, ASSIGNMENT.solution, dtypes=("float64",))
    parts, wiring = ASSIGNMENT.inside.processes
    assert {name for _, name in events} == {parts, wiring}
    assert events.index(("gone", parts)) < events.index(("start", wiring))
    assert ("start", parts) not in events[events.index(("gone", parts)) :]
