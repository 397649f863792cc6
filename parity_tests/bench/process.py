"""Whole processes against whole processes: `parity check` against `python -c "import torch"`."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from parity_tests.bench.timing import Subject, Timings, alternate
from parity_tests.harness.errors import HarnessError

CHECK_TARGET = 2.0
"""The largest ratio asked for of `parity check` to the import of torch."""


def time_check(rounds: int) -> Timings:
    """`parity check` of the shipped network, and the import of torch, each as a process of its own."""
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as folder:
        check = [sys.executable, "-m", "parity_tests.cli", "check", "--quiet", "--out", str(Path(folder) / "run")]
        subjects = {
            "parity check": process(check),
            "import torch": process([sys.executable, "-c", "import torch"]),
        }
        return alternate(subjects, rounds=rounds, least=0.0, warm_up=1)


def process(command: Sequence[str]) -> Subject:
    """One run of a command to its end, its output thrown away. Raises HarnessError if it fails."""

    def run() -> None:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, text=True)
        if done.returncode != 0:
            raise HarnessError(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()[-300:]}")

    return run
