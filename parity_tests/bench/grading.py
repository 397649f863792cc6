"""Grading a class in the strongest sandbox, against one pytest process for each submission and against no isolation.

All three are whole processes that do the same work on a class, on all cores: `parity grade`; `pytest --implementation`
for each submission, as many at a time as there are cores; and `bench.in_process`, one process a core. The class is made
of the honest rewrites of the shipped network: copies of it would answer alike, and what has been judged once is not
judged again. `parity check` is held against the import of torch here as well.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.bench.results import MEMORY, at_size
from parity_tests.bench.timing import Timed, Wanted, alternate, run, timed
from parity_tests.harness.machine import cores
from parity_tests.proof.variants import rewritten

CHECK_TARGETS = {"parity check": 2.2, "parity check --todo 4": 1.3, "parity check --assignment cs231n": 4.0}
"""The largest ratio asked for of each to the import of torch."""
GRADED, IMPORT = "a submission graded", "import torch"
HELD = {(GRADED, "pytest each"): None, (GRADED, "in process"): 1.25, (GRADED, IMPORT): None}
"""What a submission graded is held against, and the largest ratio asked for."""
TARGET_OF_MORE = 0.25
"""The largest ratio asked for of a submission more in a class to the import of torch, on two cores."""
SEED = "1"
_PARITY = (sys.executable, "-m", "parity_tests.cli")
_INTERVAL = 0.05
"""Seconds between two looks at the memory of processes."""


def measure_check(wanted: Wanted) -> Iterator[Timed]:
    """`parity check` of a shipped solution against the import of torch: each its own process."""
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as folder:
        options = ["--shipped", "--quiet", "--out", str(Path(folder) / "run")]
        checks = {name: partial(run, [*_PARITY, *name.split()[1:], *options]) for name in CHECK_TARGETS}
        seconds = alternate({**checks, IMPORT: import_torch}, rounds=wanted.rounds)
    yield from timed("shipped network", seconds, {(name, IMPORT): target for name, target in CHECK_TARGETS.items()})


def import_torch() -> None:
    """A process that imports torch, and nothing else."""
    run([sys.executable, "-c", "import torch"])


def measure(wanted: Wanted) -> Iterator[Timed]:
    """`parity grade` against other ways to grade, and how it grows with the class."""
    number, jobs = wanted.submissions, cores()
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch:
        folders = honest_class(Path(scratch) / "class", number)
        by_pytest = folders[: 2 * jobs]
        whole = alternate(
            {
                GRADED: lambda: grade(Path(scratch) / "class", Path(scratch) / "out"),
                "pytest each": lambda: _pytest_each(by_pytest, jobs),
                "in process": lambda: _in_process(folders, jobs),
                IMPORT: import_torch,
            },
            rounds=min(wanted.slow, 3),
        )
    counts = {GRADED: number, "pytest each": len(by_pytest), "in process": number, IMPORT: 1}
    seconds = {name: [s / counts[name] for s in whole[name]] for name in counts}
    yield from timed(f"{number} submissions on {jobs} cores", seconds, HELD)
    sizes = []
    for size in wanted.sizes:
        sizes.append(class_of(size))
        yield at_size("submissions of a class", size, sizes[-1][0], **{MEMORY: sizes[-1][1]})
    if len(sizes) > 1:
        # What starting takes is in both: only what each further submission takes is left.
        each = (sizes[-1][0] - sizes[0][0]) / (wanted.sizes[-1] - wanted.sizes[0])
        case = f"from {wanted.sizes[0]} to {wanted.sizes[-1]} on {jobs} cores"
        more, target = "a submission more in a class", TARGET_OF_MORE if jobs == 2 else None
        yield from timed(case, {more: [each], IMPORT: [float(np.median(whole[IMPORT]))]}, {(more, IMPORT): target})


def honest_class(folder: Path, number: int) -> list[Path]:
    """A class of so many in `folder`: the honest rewrites of the shipped network in turn."""
    rewrites = ASSIGNMENT.proof().honest
    folders = []
    for k in range(number):
        student = folder / f"student-{k:04d}"
        student.mkdir(parents=True)
        rewritten(ASSIGNMENT, rewrites[k % len(rewrites)]).write(student)
        folders.append(student)
    return folders


def grade(source: Path, out: Path) -> None:
    """Grade a class from its beginning."""
    shutil.rmtree(out, ignore_errors=True)
    run([*_PARITY, "grade", str(source), "--out", str(out), "--seed", SEED, "--jobs", str(cores())])


def _pytest_each(folders: Sequence[Path], jobs: int) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--parity-options", f"--dtype float64 --seed {SEED}", "--implementation"]
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda folder: run([*command, str(folder)], folder=folder.parent), folders))


def _in_process(folders: Sequence[Path], jobs: int) -> None:
    shares = [folders[k::jobs] for k in range(jobs) if folders[k::jobs]]
    command = [sys.executable, "-m", "parity_tests.bench.in_process"]
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda share: run([*command, *map(str, share)]), shares))


def class_of(number: int) -> tuple[float, str]:
    """A class of so many, graded once: seconds, and the most memory of each kind of process, in words."""
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch:
        honest_class(Path(scratch) / "class", number)
        with peak_memory() as by_depth:
            start = time.perf_counter()
            grade(Path(scratch) / "class", Path(scratch) / "out")
            seconds = time.perf_counter() - start
    own, worker = (by_depth.get(depth, 0.0) for depth in (1, 2))
    sandboxed = max((mib for depth, mib in by_depth.items() if depth > 2), default=0.0)
    return seconds, f"Parity {own:.0f} MiB, a worker {worker:.0f} MiB, a sandboxed process {sandboxed:.0f} MiB"


@contextlib.contextmanager
def peak_memory() -> Iterator[dict[int, float]]:
    """Meanwhile: the most resident memory, in MiB, by the depth at which a process stands below this one.

    Depth 1 is a command that is run, 2 what it starts, and so on. The kernel keeps the peak of each process between two
    looks. A process that is seen only once does not count: before it starts its program, it has its parent's memory.
    psutil would walk all processes of the machine for each look, which takes 6 ms of what is being timed.
    """
    by_depth: dict[int, float] = {}
    seen: set[int] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_INTERVAL):
            for child, depth in descendants(os.getpid()):
                with contextlib.suppress(OSError, IndexError, ValueError):
                    status = Path(f"/proc/{child}/status").read_text()
                    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
                    if child in seen:
                        by_depth[depth] = max(by_depth.get(depth, 0.0), peak)
                    seen.add(child)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield by_depth
    finally:
        stop.set()
        thread.join()


def descendants(process: int, depth: int = 1) -> Iterator[tuple[int, int]]:
    """Yield the processes that descend from this one, and at which depth: its children have `depth`."""
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in map(int, (thread / "children").read_text().split()):
                yield child, depth
                yield from descendants(child, depth + 1)
