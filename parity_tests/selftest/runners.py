"""Writes small submissions and probes, and puts them to a runner, for the tests of the harness."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.process import ForkedProcess, StartedProcess
from parity_tests.harness.process.runner import Runner
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import Key

CALLS = """
def calls(submission, recorder, params, arrays):
    for name in params["calls"]:
        recorder.call(name, submission.get(name), *arrays.values())

PROBES = {"calls": calls}
"""
OF_A_KIND = ("companions", "fixture", "allow", "isolation")
"""Options by which a runner's processes are of another kind, for which another fork server would have to be started."""
SHORT = 0.3
"""Seconds for a submission that is expected to overstay."""


def shorten_grace(patch: pytest.MonkeyPatch) -> None:
    """Lets what will not end by itself be waited for no longer than that."""
    for module in ("child", "runner"):
        patch.setattr(f"parity_tests.harness.process.{module}.GRACE", SHORT)


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """A folder with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
    return folder


OPTIONS: dict[str, Any] = {"layout": ASSIGNMENT.layout, "editions": ASSIGNMENT.editions}
"""The options by which a runner knows the homework's submissions."""


@contextlib.contextmanager
def running(
    tmp_path: Path,
    source: str | bytes | Mapping[str, str | bytes],
    probe: str = CALLS,
    forked: bool | ForkServers | None = None,
    **options: Any,
) -> Iterator[Runner]:
    """A runner for a submission with this source (or these files) and a probe file with this source.

    Its processes are `forked` off these servers, or those of the session, all of them; or started cold. If not said,
    they are forked where that takes a tenth of a cold start: where many tests ask for processes of this kind.
    """
    if forked is None:
        forked = probe == CALLS and options.keys().isdisjoint(OF_A_KIND)
    files = source if isinstance(source, Mapping) else {"neural_networks.py": source, "utils.py": ""}
    folder = write(tmp_path / options.pop("name", "submission"), files)
    servers = forked if isinstance(forked, ForkServers) else _of_session() if forked else None
    with Runner(folder, probe=probe_file(probe), servers=servers, **(OPTIONS | options)) as runner:
        yield runner
        assert servers is None or servers.serves(runner.kind), servers


def _of_session() -> ForkServers:
    from parity_tests.selftest.shared import of_session  # which imports both assignments

    return of_session()


@cache
def probe_file(source: str) -> Path:
    """The file of a probe: one for each source, so that one server forks the processes of many tests."""
    folder = Path(tempfile.mkdtemp(prefix="parity-probes-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return write(folder, {"probe.py": source}) / "probe.py"


def pid_of(runner: Runner) -> int:
    """The id of the process whose end is the end of all that runs the submission."""
    process = runner.process
    if isinstance(process, StartedProcess):
        return process.pid
    assert isinstance(process, ForkedProcess)
    process.wait_for_pidfd(10.0)
    about = Path(f"/proc/self/fdinfo/{process.pidfd}").read_text()
    return int(about.partition("\nPid:")[2].split()[0])


def ask(
    runner: Runner, *calls: str, seconds: float | None = None, seed: int = 0, **arrays: NDArray[Any]
) -> Observation:
    """Have these functions called with these arrays."""
    return runner.ask("case", "calls", {"calls": calls}, arrays, seed=seed, seconds=seconds)


def failure(tmp_path: Path, body: str, seconds: float | None = None, **options: Any) -> Failure:
    """How a submission's function `f` with this body fails; the next function in the next case must still answer."""
    source = (
        f"import numpy as np\ndef f():\n{textwrap.indent(textwrap.dedent(body), '    ')}\ndef g():\n    return 1.5\n"
    )
    with running(tmp_path, source, **options) as runner:
        observation = ask(runner, "f", seconds=seconds)
        assert not observation.values
        (failed,) = observation.failures.values()
        after = ask(runner, "g")
        assert not after.failures
        array = after.values[Key("g")].array
        assert array is not None
        assert array == np.float64(1.5)
    return failed


def place_of(failed: Failure) -> tuple[str, int, str]:
    """Where in the submission a failure happened: file, line and function."""
    return failed.file, failed.line, failed.function
