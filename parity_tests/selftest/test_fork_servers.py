"""The fork server: what is forked off it is as alone as what is started cold, and neither outlives the harness."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from parity_tests.harness.process import available_levels
from parity_tests.harness.process.available_levels import forking_problem, problem
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.process import ForkedProcess, StartedProcess
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.sandbox.isolation import LEVELS
from parity_tests.harness.sandbox.snapshot import snapshot
from parity_tests.protocol.quantity import Key
from parity_tests.selftest.process_trees import children, is_running, wait_until_gone
from parity_tests.selftest.runners import CALLS, OPTIONS, ask, pid_of, write

NAMESPACES = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")
HONEST = "import numpy as np\ndef f(): return float(np.ones(3).sum())\n"


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    why = problem(name) or forking_problem(name)
    if why:
        pytest.skip(f"isolation level {name}: {why}")
    return name


@pytest.fixture
def bubblewrap() -> str:
    why = problem("bubblewrap") or forking_problem("bubblewrap")
    if why:
        pytest.skip(f"isolation level bubblewrap: {why}")
    return "bubblewrap"


@pytest.fixture
def servers() -> Iterator[ForkServers]:
    with ForkServers() as running:
        yield running


class Class:
    """Submissions that are run by the same servers, with the same probe."""

    def __init__(self, folder: Path, level: str, servers: ForkServers | None) -> None:
        self.folder, self.level, self.servers, self.count = folder, level, servers, 0
        write(folder / "probes", {"probe.py": f"{CALLS}\nMARK = 'mark of ' 'probe'\n"})

    def submission(self, source: str) -> Runner:
        self.count += 1
        return self.runner(write(self.folder / str(self.count), {"neural_networks.py": source, "utils.py": ""}))

    def runner(self, folder: Path) -> Runner:
        return Runner(
            folder,
            probe=self.folder / "probes" / "probe.py",
            isolation=self.level,
            servers=self.servers,
            case_seconds=5,
            **OPTIONS,
        )

    def answer(self, source: str = HONEST) -> float:
        with self.submission(source) as runner:
            seen = ask(runner, "f")
            assert not seen.failures, seen.failures
            array = seen.values[Key("f")].array
            assert array is not None
            assert isinstance(runner.process, ForkedProcess if self.servers is not None else StartedProcess)
        return float(array)

    def printed(self, body: str) -> str:
        lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
        with self.submission(f"import os, sys\nimport numpy as np\ndef f():\n{lines}") as runner:
            seen = ask(runner, "f")
            assert not seen.failures, seen.failures
            return runner.output.decode()


def test_a_process_finds_the_same_whether_forked_or_cold(tmp_path: Path, level: str, servers: ForkServers) -> None:
    body = """
import signal, stat
print(*sorted(sys.modules))
print(sys.argv, sys.path.index(os.path.dirname(__file__)), sys.flags, *sorted(os.environ), os.umask(0))
print(*(type(signal.getsignal(number)).__name__ + str(signal.getsignal(number))[:9] for number in range(1, 32)))
for number in range(1024):
    try:
        print(number, stat.S_IFMT(os.fstat(number).st_mode))
    except OSError:
        pass
"""
    forked, cold = (Class(tmp_path, level, which).printed(body).splitlines() for which in (servers, None))
    assert set(forked[0].split()) ^ set(cold[0].split()) == set()
    assert forked[1:] == cold[1:]
    assert {line.split()[0] for line in forked[3:]} == {"0", "1", "2", "100", "101", "102"}
    assert servers.problem == ""


def test_a_submissions_own_file_comes_before_what_its_server_has_imported(
    tmp_path: Path, level: str, servers: ForkServers
) -> None:
    files = {
        "argparse.py": "OWN = 7\n",
        "utils.py": "",
        "neural_networks.py": "import argparse\ndef f(): return argparse.OWN\n",
    }
    for which in (servers, None):
        with Class(tmp_path, level, which).runner(write(tmp_path / "own", files)) as runner:
            array = ask(runner, "f").values[Key("f")].array
            assert array is not None
            assert array.item() == 7


def test_each_has_namespaces_of_its_own(tmp_path: Path, bubblewrap: str, servers: ForkServers) -> None:
    group = Class(tmp_path, bubblewrap, servers)
    with group.submission(HONEST) as one, group.submission(HONEST) as two:
        for runner in (one, two):
            ask(runner, "f")
        pids = [os.getpid(), _pid_of_server(servers), *map(pid_of, (one, two))]
        try:
            seen = [[Path(f"/proc/{pid}/ns/{name}").readlink() for name in NAMESPACES] for pid in pids]
        except PermissionError as error:
            pytest.skip(f"only root may look: {error}")
    for name, links in zip(NAMESPACES, zip(*seen, strict=True), strict=True):
        assert len(set(links)) == len(pids), name


def test_nothing_is_left_for_the_next(tmp_path: Path, level: str, servers: ForkServers) -> None:
    group = Class(tmp_path, level, servers)
    leave = """
for place in (os.path.dirname(os.getcwd()), os.environ["HOME"], os.path.dirname(__file__)):
    try:
        open(place + "/left", "w").write("x" * 4096)
    except OSError:
        pass
np.exp = sys.exit
np.random.seed(1)
os.environ["LEFT"] = "x"
os.umask(0o777)
sys.modules["left"] = np
print("left", os.path.exists(os.environ["HOME"] + "/left"))
"""
    look = """
print("found", os.listdir(os.environ["HOME"]) == [os.path.basename(os.getcwd())], "LEFT" in os.environ, np.exp(0.0),
      os.umask(0), "left" in sys.modules, os.path.exists(os.path.dirname(__file__) + "/left"))
"""
    fresh = group.printed(look)
    assert group.printed(leave) == "left True\n"
    assert group.printed(look) == fresh
    assert fresh.startswith("found True False 1.0 ")


def test_nothing_of_a_submission_or_of_what_it_is_asked_is_ever_in_the_server(
    tmp_path: Path, level: str, servers: ForkServers
) -> None:
    group = Class(tmp_path, level, servers)
    source = "MARK = 'mark of ' 'source'\ndef f(X):\n    print('mark of ' + 'output', flush=True)\n    return X\n"
    question = np.frombuffer(b"mark of " + b"question", np.uint8)
    texts = {b"mark of " + word for word in (b"question", b"source", b"output", b"probe")}
    for _ in range(2):
        with group.submission(source) as runner:
            assert not ask(runner, "f", X=question).failures
            pid = pid_of(runner)
            try:
                in_worker = _remembered(children(pid)[0] if level == "bubblewrap" else pid, texts)
            except PermissionError as error:
                pytest.skip(f"only root may look: {error}")
    assert _remembered(_pid_of_server(servers), texts) == {b"mark of probe"}
    assert in_worker > {b"mark of probe", b"mark of source"}  # so they would have been found


def test_generators_that_nobody_seeds_differ(tmp_path: Path, level: str, servers: ForkServers) -> None:
    group = Class(tmp_path, level, servers)
    unseeded = "import secrets\nprint(np.random.default_rng().random(), os.urandom(8), secrets.token_hex(8))"
    seeded = "import random\nprint(np.random.random(), random.random())"
    assert group.printed(unseeded) != group.printed(unseeded)
    assert group.printed(seeded) == group.printed(seeded)


ATTACKS = (
    "os.kill(0, 9)",
    "os.kill(1, 9)\nos._exit(7)",
    "import threading, time\nfor _ in range(100):\n    threading.Thread(target=time.sleep, args=(99,)).start()",
    "while True: os.fork()",
    "import ctypes\nctypes.string_at(0)",
    "with open('big', 'wb') as file:\n    while True: file.write(bytes(1 << 20)); file.flush()",
)


def test_the_server_outlives_what_its_processes_do(tmp_path: Path, bubblewrap: str, servers: ForkServers) -> None:
    group = Class(tmp_path, bubblewrap, servers)
    assert group.answer() == 3.0
    before = servers.pids
    for attack in ATTACKS:
        lines = "".join(f"    {line}\n" for line in attack.splitlines())
        with group.submission(f"import os\ndef f():\n{lines}\ndef g(): return 1.0\n") as runner:
            assert ask(runner, "f").failures, attack
            assert ask(runner, "g").values[Key("g")].array == np.array(1.0), attack
            assert isinstance(runner.process, ForkedProcess), attack
        assert group.answer() == 3.0, attack
        assert servers.pids == before, attack
        assert servers.problem == "", attack


def test_whatever_was_started_is_gone_when_it_is_closed(tmp_path: Path, level: str, servers: ForkServers) -> None:
    group = Class(tmp_path, level, servers)
    group.answer()
    for wait in (False, True, False):
        with group.submission("while True: pass\n") as runner:
            runner.start()
            process = runner.process
            assert isinstance(process, ForkedProcess)
            if wait:
                process.wait_for_pidfd(10.0)
                assert process.pidfd is not None
        _await(lambda: not children(_pid_of_server(servers)))
    assert group.answer() == 3.0


def test_a_server_that_dies_is_replaced(tmp_path: Path, level: str, servers: ForkServers) -> None:
    group = Class(tmp_path, level, servers)
    group.answer()
    (pid,) = servers.pids
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    assert group.answer() == 3.0
    assert servers.pids != [pid]


def test_when_the_servers_are_closed_their_processes_end(tmp_path: Path, level: str) -> None:
    with ForkServers() as servers, Class(tmp_path, level, servers).submission(HONEST) as runner:
        ask(runner, "f")
        (pid,) = servers.pids
        process = runner.process
        assert isinstance(process, ForkedProcess)
        assert not process.has_ended()
        servers.close()
        assert not is_running(pid)
        if level == "bubblewrap":  # at the other levels the Runner has to end it
            assert process.exit_status(10.0) == -signal.SIGKILL


def test_an_idle_server_ends_when_the_harness_is_killed(tmp_path: Path) -> None:
    levels = [level for level in LEVELS if not (problem(level) or forking_problem(level))]
    program = f"""
import time
from pathlib import Path
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.selftest.test_fork_servers import Class, _pid_of_server
kept = []
for level in {levels!r}:
    kept.append(servers := ForkServers())
    Class(Path({str(tmp_path)!r}) / level, level, servers).answer()
    print(*servers.pids, _pid_of_server(servers), end=" ")
print(flush=True)
time.sleep(600)
"""
    harness = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert harness.stdout is not None
    handles = [os.pidfd_open(int(number)) for number in harness.stdout.readline().split()]
    assert len(handles) == 2 * len(levels)
    harness.kill()
    harness.wait()
    harness.stdout.close()
    for handle in handles:
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        assert waiting.poll(10_000)
        os.close(handle)


# ---- where it cannot be had


def test_what_cannot_be_forked_is_started_cold(
    tmp_path: Path, level: str, servers: ForkServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = write(tmp_path, {"broken.py": "raise SystemExit('there is no server here')\n"}) / "broken.py"
    monkeypatch.setattr("parity_tests.harness.process.fork_servers.FORK_SERVER", str(broken))
    monkeypatch.setattr("parity_tests.harness.sandbox.process_kind.FORK_SERVER", str(broken))
    group = Class(tmp_path, level, servers)
    for _ in range(2):
        with group.submission(HONEST) as runner:
            assert ask(runner, "f").values[Key("f")].array == np.array(3.0)
            assert isinstance(runner.process, StartedProcess)
    assert "there is no server here" in servers.problem
    available_levels.forking_problem.cache_clear()
    assert "there is no server here" in available_levels.forking_problem(level)
    available_levels.forking_problem.cache_clear()


def test_a_forked_process_that_lets_something_through_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(available_levels, "_run_trial", lambda name, servers: (["open a socket"], []))
    assert available_levels.forking_problem.__wrapped__("restricted") == "a submission could open a socket"


def test_a_folder_that_is_too_much_to_copy_is_shown_to_a_cold_process(
    tmp_path: Path, bubblewrap: str, servers: ForkServers
) -> None:
    group = Class(tmp_path, bubblewrap, servers)
    files: dict[str, str | bytes] = {"neural_networks.py": HONEST, "utils.py": "", "data/large.bin": bytes(9 << 20)}
    with group.runner(write(tmp_path / "large", files)) as runner:
        assert ask(runner, "f").values[Key("f")].array == np.array(3.0)
        assert isinstance(runner.process, StartedProcess)
    assert servers.problem == ""


def test_a_copy_holds_what_the_folder_holds(tmp_path: Path, bubblewrap: str, servers: ForkServers) -> None:
    folder = write(
        tmp_path / "it", {"neural_networks.py": LISTING, "utils.py": "", "a/b/c.txt": "deep", "é\udcff": "x"}
    )
    (folder / "link").symlink_to("a/b/c.txt")
    (folder / "out").symlink_to("/etc/passwd")
    (folder / "empty").mkdir()
    outputs = []
    for which in (servers, None):
        with Class(tmp_path, bubblewrap, which).runner(folder) as runner:
            assert not ask(runner, "f").failures
            outputs.append(runner.output.decode())
    assert outputs[0] == outputs[1]
    assert "link" in outputs[0]
    os.mkfifo(folder / "pipe")
    assert snapshot(str(folder)) is None


LISTING = """
import os
def f():
    here = os.path.dirname(__file__)
    for path, folders, files in sorted(os.walk(here)):
        for name in sorted(folders + files):
            whole = os.path.join(path, name)
            kept = os.readlink(whole) if os.path.islink(whole) else os.path.isdir(whole) or open(whole, "rb").read()
            print(ascii(whole), kept)
"""


def _pid_of_server(servers: ForkServers) -> int:
    """The process id of the one server itself: bubblewrap's own processes stand before it."""
    (pid,) = servers.pids
    while not psutil.Process(pid).cmdline()[3].endswith("fork_server.py"):
        pid = children(pid)[0]
    return pid


def _remembered(process: int, texts: set[bytes]) -> set[bytes]:
    """Which of these texts are in memory that a process can write to, as it is now."""
    remembered = set()
    with Path(f"/proc/{process}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            place, rights = line.split()[:2]
            if rights.startswith("rw"):
                start, end = (int(number, 16) for number in place.split("-"))
                memory.seek(start)
                content = memory.read(end - start)
                remembered |= {text for text in texts if text in content}
    return remembered


def _await(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
