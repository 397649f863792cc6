"""The levels of isolation: what a process can reach at each, and how it starts and ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli import main
from parity_tests.harness import check as checking
from parity_tests.harness import environment as doctor
from parity_tests.harness.check import check
from parity_tests.harness.inside import confine
from parity_tests.harness.process import available_levels
from parity_tests.harness.process.available_levels import choose, problem, require
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.sandbox import seccomp, users
from parity_tests.harness.sandbox.isolation import LEVELS
from parity_tests.harness.sandbox.process_kind import CODE, FORK_SERVER
from parity_tests.harness.sandbox.runtime_files import runtime
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import WHOLE_CASE, Key
from parity_tests.selftest.process_trees import innermost, wait_until_gone
from parity_tests.selftest.records_of_cases import FEWEST
from parity_tests.selftest.runners import CALLS, OPTIONS, SHORT, ask, pid_of, probe_file, running, write

DEAF = "import signal\ndef f():\n    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n    while True: pass\n"


@pytest.fixture(params=["forked", "cold"])
def forked(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "forked")


@pytest.fixture
def bubblewrap() -> str:
    if problem("bubblewrap"):
        pytest.skip(f"isolation level bubblewrap: {problem('bubblewrap')}")
    return "bubblewrap"


def printed(tmp_path: Path, level: str, source: str, forked: bool | ForkServers = True, **options: Any) -> str:
    """What a submission's function `f` prints, in a process that is `forked` off a fork server or started cold."""
    body = "".join(f"    {line}\n" for line in source.strip().splitlines())
    whole = f"import os, sys\nimport numpy as np\ndef f():\n{body}"
    with running(tmp_path, whole, isolation=level, forked=forked, **options) as runner:
        seen = ask(runner, "f")
        assert not seen.failures, seen.failures
        return runner.output.decode()


# ---- what a process can reach


def test_only_what_is_needed_is_there(tmp_path: Path, bubblewrap: str, forked: bool) -> None:
    needed = runtime()
    inside = tuple(f"{folder}/" for folder in (*needed.folders, "/submission", "/scratch", "/dev", "/libraries"))
    source = f"""
for path, folders, files in os.walk("/"):
    for name in files:
        whole = os.path.join(path, name)
        if not whole.startswith({inside!r}) or "/site-packages/" in whole and "site-packages/numpy" not in whole:
            print(whole)
"""
    lines = printed(tmp_path, bubblewrap, source, forked, case_seconds=30.0).split()
    code = {*CODE, FORK_SERVER, str(probe_file(CALLS)), str(ASSIGNMENT.editions.told_by)}
    expected = {*needed.files, *needed.libraries, *code}
    assert set(lines) <= expected
    assert set(CODE) <= set(lines)


def test_other_packages_parity_and_answers_cannot_be_imported(tmp_path: Path, level: str) -> None:
    source = """
sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != "Guard"]
for name in ("torch", "pandas", "reference", "parity_tests", "reports", "pytest", "pip"):
    try:
        __import__(name)
        print("imported", name)
    except (ImportError, OSError):
        pass
"""
    assert printed(tmp_path, level, source) == ""


def test_allowed_modules_come_with_what_they_need(tmp_path: Path, level: str) -> None:
    source = "import scipy.linalg\nprint(scipy.linalg.det(np.eye(3)))"
    assert printed(tmp_path, level, source, allow=["scipy"]) == "1.0\n"


def test_late_imports_blas_warnings_and_printing_work_as_they_do_outside(tmp_path: Path, level: str) -> None:
    source = """
import csv, ctypes, datetime, decimal, hashlib, json, random, sqlite3, statistics, tempfile, timeit, zlib
import numpy.fft, numpy.ma, numpy.linalg, numpy.polynomial, unittest, concurrent.futures, multiprocessing, asyncio
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    print(np.exp(1000.0), np.float32(0.1), repr(np.linspace(0, 1, 4)), 0.1 + 0.2)
print(np.linalg.inv(np.arange(9).reshape(3, 3) + np.eye(3)), np.linalg.eigh(np.eye(4))[0], np.fft.fft(np.ones(3)))
X = np.random.RandomState(0).normal(size=(400, 300))
print(hashlib.sha256((X @ X.T).tobytes()).hexdigest(), sys.getfilesystemencoding(), sys.stdout.encoding)
with tempfile.TemporaryDirectory() as folder, open(folder + "/é", "w") as file:
    print(json.dumps("é"), file=file)
np.save("x.npy", X)
print(np.load("x.npy").shape, sum(1 for _ in os.scandir(".")))
"""
    assert printed(tmp_path, level, source) == printed(tmp_path, "none", source)


def test_the_caller_is_not_known(tmp_path: Path, level: str, monkeypatch: pytest.MonkeyPatch, forked: bool) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    with (tmp_path / "open").open("w") as secret, ForkServers() as own:
        os.set_inheritable(secret.fileno(), True)
        source = """
print(*os.environ.values(), *sys.argv)
for descriptor in range(3, 1000):
    try:
        os.fstat(descriptor)
        print("descriptor", descriptor)
    except OSError:
        pass
"""
        output = printed(tmp_path, level, source, own if forked else False)
    assert "hunter2" not in output
    assert [line for line in output.split("\n") if line.startswith("desc")] == [
        f"descriptor {n}" for n in (100, 101, 102)
    ]


def test_the_worker_is_nobody_and_has_no_rights(tmp_path: Path, bubblewrap: str, forked: bool) -> None:
    source = """
import ctypes
header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
print(os.getresuid(), os.getresgid(), os.getgroups())
try:
    open(os.path.join(os.path.dirname(__file__), "new"), "w")
except OSError as error:
    print(error.errno)
"""
    lines = printed(tmp_path, bubblewrap, source, forked).split("\n")
    if users.available():
        assert lines[0] == f"({users.INSIDE}, {users.INSIDE}, {users.INSIDE}) " * 2 + "[]"
    assert lines[1] in ("13", "30")


@pytest.mark.skipif(not users.available(), reason="only root of a system with other users can start workers as these")
def test_each_running_worker_has_a_user_of_its_own_and_no_rights(tmp_path: Path, level: str, forked: bool) -> None:
    source = "def f(): return 1.0\n"
    with (
        running(tmp_path, source, isolation=level, forked=forked) as one,
        running(tmp_path, source, isolation=level, forked=forked, name="other") as two,
    ):
        seen = []
        for runner in (one, two):
            ask(runner, "f")
            seen.append(_status(innermost(pid_of(runner))))
    users_of = [status["Uid"].split() for status in seen]
    assert users_of[0] != users_of[1]
    for user, status in zip(users_of, seen, strict=True):
        assert len(set(user)) == 1
        assert int(user[0]) >= 1 << 15
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"
        kept = int(status["CapEff"], 16)
        assert kept in ((0,) if level == "bubblewrap" else (0, 4))
        assert int(status["CapPrm"], 16) == kept


def test_private_files_of_the_submission_can_be_read(tmp_path: Path, level: str, forked: bool) -> None:
    with running(tmp_path, "def f(): return 1.0\n", isolation=level, forked=forked) as runner:
        for path in (tmp_path / "submission").iterdir():
            path.chmod(0o600)
        (tmp_path / "submission").chmod(0o700)
        assert ask(runner, "f").values[Key("f")].array == np.array(1.0)


def test_a_signal_reaches_nobody_else(tmp_path: Path, level: str, forked: bool) -> None:
    source = f"""
for process in ({os.getpid()}, os.getppid(), -1):
    try:
        os.kill(process, 0)
        print("signalled", process)
    except OSError:
        pass
"""
    output = printed(tmp_path, level, source, forked)
    assert level == "bubblewrap" or output == ""
    assert f"signalled {os.getpid()}" not in output


def test_files_that_may_be_read_cannot_be_changed(tmp_path: Path, level: str, forked: bool) -> None:
    source = """
for path in (__file__, os.__file__, np.__file__, sys.executable):
    for attempt in (
        lambda: os.open(path, os.O_RDONLY | os.O_TRUNC),
        lambda: os.open(path, os.O_RDWR),
        lambda: os.truncate(path, 0),
        lambda: os.chmod(path, 0),
        lambda: os.chmod(os.path.dirname(path), 0),
        lambda: os.utime(path, (0, 0)),
        lambda: os.rename(path, "mine"),
        lambda: os.link(path, "mine"),
        lambda: os.unlink(path),
        lambda: os.fchmod(os.open(path, os.O_RDONLY), 0),
    ):
        try:
            attempt()
            print("changed", path)
        except OSError:
            pass
"""
    assert printed(tmp_path, level, source, forked) == ""
    assert (tmp_path / "submission" / "neural_networks.py").stat().st_size > 0


# ---- starting and ending


def test_a_death_is_said_as_outside(tmp_path: Path, level: str, forked: bool) -> None:
    source = """
        import ctypes, os
        def f(): ctypes.string_at(0)
        def g(): os._exit(3)
        def h(): os.abort()
        """
    with running(tmp_path, source, isolation=level, forked=forked) as runner:
        texts = [ask(runner, name).failures[WHOLE_CASE].text for name in "fgh"]
    assert texts == [
        "f was killed by signal 11 (a segmentation fault)",
        "g ended the Python process (exit status 3)",
        "h was killed by signal 6 (it aborted)",
    ]


@pytest.mark.usefixtures("short_grace")
def test_what_will_not_stop_is_killed_with_all_of_it(tmp_path: Path, level: str, forked: bool) -> None:
    with running(tmp_path, DEAF, isolation=level, forked=forked) as runner:
        runner.start()
        _ = runner.hello
        worker = innermost(pid_of(runner))
        assert ask(runner, "f", seconds=SHORT).failures[WHOLE_CASE].kind == "timeout"
    wait_until_gone(worker)


def test_when_the_harness_is_killed_its_workers_die(tmp_path: Path, level: str, forked: bool) -> None:
    program = f"""
import sys
from pathlib import Path
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.selftest.runners import ask, pid_of, running
own = {"ForkServers()" if forked else "False"}
with running(Path({str(tmp_path)!r}), {DEAF!r}, isolation={level!r}, forked=own) as runner:
    runner.hello
    print(pid_of(runner), flush=True)
    ask(runner, "f", seconds=600.0)
"""
    harness = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert harness.stdout is not None
    started = int(harness.stdout.readline())
    worker = innermost(started)
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    harness.stdout.close()
    wait_until_gone(worker)
    wait_until_gone(started)


def test_scratch_has_a_size(tmp_path: Path, level: str) -> None:
    source = """
        import time
        def f():
            for number in range(100):
                with open(str(number), "wb") as file: file.write(bytes(4 << 20))
            time.sleep(5)
        def g(): return 1.0
        """
    with running(tmp_path, source, isolation=level, forked=True) as runner:
        (failed,) = ask(runner, "f").failures.values()
        assert ask(runner, "g").values[Key("g")].array == np.array(1.0)
    assert failed.kind == "crashed"
    assert "No space left" in failed.text or "wrote more than 64 MiB to its scratch folder" in failed.text


def test_scratch_takes_so_many_files(tmp_path: Path, bubblewrap: str, forked: bool) -> None:
    if not forked and not users.available():
        pytest.skip("only root can limit the files of a cold sandbox")
    source = """
for number in range(20_000):
    try:
        os.close(os.open(str(number), os.O_CREAT | os.O_WRONLY))
    except OSError as error:
        print(error.strerror, number > 16_000)
        break
"""
    assert printed(tmp_path, bubblewrap, source, forked) == "No space left on device True\n"


def test_nothing_of_a_worker_is_left_on_disk(tmp_path: Path, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with ForkServers() as own:
        assert printed(tmp_path, level, "open('left', 'w').write('x'); os.mkdir('below')", own) == ""
    assert not list((tmp_path / "tmp").iterdir())


# ---- the whole check


@cache
def records(level: str) -> list[tuple[object, ...]]:
    run = check(ASSIGNMENT, ASSIGNMENT.solution, dtypes=("float32",), parts=frozenset({"2"}), isolation=level)
    assert {record.isolation for record in run.records} == {run.environment.isolation} == {level}
    return [(r.case, r.quantity, r.verdict, r.gap, r.radius, r.actual, r.note) for r in run.records]


def test_the_check_says_the_same_at_every_level(level: str) -> None:
    assert records(level) == records("none")


def test_returning_too_much_in_all_ends_the_asking_before_the_harness_is_full(tmp_path: Path) -> None:
    source = "import numpy as np\ndef f(): return np.zeros(6 << 20)\ndef g(): return 1.0\n"
    with running(tmp_path, source) as runner:
        seen = [ask(runner, "f") for _ in range(4)]
    assert [list(one.values) for one in seen] == [[Key("f")], [Key("f")], [], []]
    assert "returned more than 128 MiB in all by now" in seen[2].failures[WHOLE_CASE].text


# ---- the filter


def test_the_filter_is_for_one_process_where_it_must_be() -> None:
    try:
        alone, shared = seccomp.compiled(True, threads=True), seccomp.compiled(False, threads=False)
    except UsageError as error:
        pytest.skip(str(error))
    assert len(alone) % 8 == len(shared) % 8 == 0
    own = os.getpid().to_bytes(4, sys.byteorder)
    assert own in confine._with_own_id(shared, seccomp.SELF)
    assert own not in shared
    assert confine._with_own_id(alone, seccomp.SELF) == alone


def test_a_slot_of_user_ids_is_used_again() -> None:
    first, second = users.take(), users.take()
    assert first != second
    users.give_back(first)
    assert users.take() == first
    users.give_back(first)
    users.give_back(second)


@pytest.mark.parametrize(
    ("lines", "first", "count"),
    [
        (["0 0 4294967295"], 1 << 30, 1 << 30),
        (["0 100000 65536"], 32768, 32768),
        (["0 1000 1", "1 100000 1000"], 233, 768),
        (["0 1000 1"], 1, 0),
    ],
)
def test_user_ids_are_those_that_the_container_has(lines: list[str], first: int, count: int) -> None:
    assert users._range(lines) == (first, count)
    assert count % users.SLOTS == 0


def _status(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


# ---- what one process says another does not hear


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
    check(FEWEST, ASSIGNMENT.solution, dtypes=("float64",))
    parts, wiring = ASSIGNMENT.inside.processes
    assert {name for _, name in events} == {parts, wiring}
    assert events.index(("gone", parts)) < events.index(("start", wiring))
    assert ("start", parts) not in events[events.index(("gone", parts)) :]


# ---- which levels there are


def test_none_always_works_and_is_never_chosen_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert require("none").name == "none"
    monkeypatch.setattr(available_levels, "problem", lambda name: "" if name == "none" else "it is broken")
    assert choose("none").name == "none"
    with pytest.raises(UsageError, match=r"bubblewrap does not work: it is broken; restricted .*--isolation none runs"):
        choose(None)
    with pytest.raises(UsageError, match=r"no isolation of the level bubblewrap or a stronger one here: .*broken"):
        choose("bubblewrap")
    with pytest.raises(UsageError, match="the isolation level restricted does not work here: it is broken"):
        require("restricted")


def test_the_strongest_that_works_is_chosen_above_the_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(available_levels, "problem", lambda name: "it is broken" if name == "bubblewrap" else "")
    assert [choose(least).name for least in (None, "none", "restricted")] == ["restricted"] * 3
    monkeypatch.setattr(available_levels, "problem", lambda name: "")
    assert [choose(least).name for least in (None, *LEVELS)] == ["bubblewrap"] * 4
    assert "none" not in [choose(least).name for least in LEVELS]


def test_check_refuses_a_level_that_does_not_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(available_levels, "problem", lambda name: "it is broken")
    assert main(["check", "--isolation", "bubblewrap", "--out", str(tmp_path / "run")]) == 2
    assert "the isolation level bubblewrap does not work here: it is broken" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_doctor_says_which_levels_work_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(available_levels, "problem", lambda name: "it is broken" if name == "bubblewrap" else "")
    monkeypatch.setattr(available_levels, "forking_problem", lambda name: f"{name} does not fork")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(seccomp, "compiled", lambda *_, **__: (_ for _ in ()).throw(UsageError(seccomp.MISSING)))
    report = doctor.isolation()
    assert report["strongest"] == "restricted"
    assert report["bubblewrap"] == "does not work: it is broken"
    assert report["restricted"].startswith("works: ")
    assert report["fork_server"] == (
        "does not work, so every process is started cold, a few times slower: restricted does not fork"
    )
    assert "apt-get install bubblewrap" in report["bubblewrap_program"]
    assert "apt-get install libseccomp2" in report["libseccomp"]


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(UsageError, match="no isolation level 'docker'; there are none, restricted, bubblewrap"):
        choose("docker")


def test_a_level_that_lets_something_through_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    escapes, broken = available_levels._run_trial("none")
    assert {"start a process", "open a socket", "write to a file outside"} <= set(escapes)
    assert not broken
    monkeypatch.setattr(available_levels, "_run_trial", lambda name: (escapes, broken))
    assert available_levels.problem.__wrapped__("restricted").startswith("a submission could start a process, ")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the level")
def test_without_landlock_there_is_no_restricted_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parity_tests.harness.sandbox.launch.landlock_version", lambda: 0)
    assert "lacks Landlock" in available_levels.problem.__wrapped__("restricted")


def test_what_is_missing_is_said_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "which", lambda name: None)
        assert "apt-get install bubblewrap" in available_levels.problem.__wrapped__("bubblewrap")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyseccomp", None)
        seccomp.compiled.cache_clear()
        assert "pip install pyseccomp" in available_levels.problem.__wrapped__("restricted")
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "pyseccomp", raising=False)
        patch.setattr("ctypes.util.find_library", lambda name: None if name == "seccomp" else f"lib{name}.so.6")
        seccomp.compiled.cache_clear()
        assert "apt-get install libseccomp2" in available_levels.problem.__wrapped__("restricted")
    seccomp.compiled.cache_clear()
