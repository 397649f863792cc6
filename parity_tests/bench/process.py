"""Whole processes against whole processes: `parity check` against `python -c "import torch"`."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from parity_tests.bench.timing import Subject, Timings, alternate
from parity_tests.protocol.errors import HarnessError

CHECK_TARGETS = {"parity check": 2.2, "parity check --todo 4": 1.3, "parity check --assignment cs231n": 4.0}
"""The largest ratio asked for of each to the import of torch."""

STEERING = ("OPENBLAS_", "MKL_", "OMP_")
"""How the names of settings begin by which an environment steers a BLAS: to other kernels than the machine's own."""


def steering() -> list[str]:
    """The settings of a BLAS in the environment, but for the number of its threads."""
    return [name for name in os.environ if name.startswith(STEERING) and not name.endswith("_NUM_THREADS")]


def unsteered(threads: int) -> dict[str, str]:
    """The environment without them, and with so many threads of each BLAS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}
    return {**kept, **dict.fromkeys((f"{library}NUM_THREADS" for library in STEERING), str(threads))}


def time_check(rounds: int) -> Timings:
    """Each check of a shipped solution that has a target, and the import of torch: each its own process."""
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as folder:
        options = ["--shipped", "--quiet", "--out", str(Path(folder) / "run")]
        checks = {
            name: process([sys.executable, "-m", "parity_tests.cli", *name.split()[1:], *options])
            for name in CHECK_TARGETS
        }
        return alternate({**checks, "import torch": import_torch}, rounds=rounds, least=0.0, warm_up=1)


def import_torch() -> None:
    """A process that imports torch, and nothing else."""
    run([sys.executable, "-c", "import torch"])


def process(command: Sequence[str]) -> Subject:
    """One run of a command to its end, its output thrown away. Raises HarnessError if it fails."""

    def subject() -> None:
        run(command)

    return subject


def run(command: Sequence[str], *, folder: Path | None = None, threads: int = 1) -> str:
    """Run a command to its end, in `folder` or here; what it printed. Raises HarnessError if it fails.

    It runs with so many `threads` of each BLAS, and with none of the settings by which others steer one.
    """
    done = subprocess.run(command, capture_output=True, check=False, text=True, cwd=folder, env=unsteered(threads))
    if done.returncode != 0:
        raise HarnessError(f"`{' '.join(command)[:300]}` ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout
