"""Grading a class in the strongest sandbox, against one pytest process for each submission and against no isolation.

All three are whole processes that do the same work on a class, on all cores: `parity grade`; `pytest --implementation`
for each submission, as many at a time as there are cores; and `bench.in_process`, one process a core. The class is made
of the honest rewrites of the shipped network: copies of it would answer alike, and what has been judged once is not
judged again.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.bench.figures import Share, Size
from parity_tests.bench.process import import_torch, run
from parity_tests.bench.timing import Timings, alternate
from parity_tests.bench.watch import PeakMemory, processor_seconds
from parity_tests.grading import task
from parity_tests.grading.settings import Settings
from parity_tests.grading.task import Task, run_files, warm_up, work
from parity_tests.harness import check as checking
from parity_tests.harness.check import runner_of
from parity_tests.harness.machine import cores
from parity_tests.harness.process.available_levels import choose, forking_problem
from parity_tests.harness.process.runner import Runner
from parity_tests.proof.variants import rewritten

TARGETS = {"in process": 1.25}
"""The largest ratio asked for of a submission graded, by what it is held against."""
TARGET_OF_MORE = 0.25
"""The largest ratio asked for of a submission more in a class to the import of torch, on two cores."""
SEED = "1"


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


def time_grade(number: int, rounds: int) -> Timings:
    """Seconds a submission of `parity grade`, of pytest, and in process; and seconds of an import of torch."""
    jobs = cores()
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch:
        folders = honest_class(Path(scratch) / "class", number)
        by_pytest = folders[: 2 * jobs]
        done = alternate(
            {
                "parity grade": lambda: grade(Path(scratch) / "class", Path(scratch) / "out"),
                "pytest each": lambda: _pytest_each(by_pytest, jobs),
                "in process": lambda: _in_process(folders, jobs),
                "import torch": import_torch,
            },
            rounds=rounds,
            least=0.0,
            warm_up=1,
        )
    counts = {"parity grade": number, "pytest each": len(by_pytest), "in process": number, "import torch": 1}
    return Timings({name: tuple(s / counts[name] for s in done.seconds[name]) for name in counts})


def grade(source: Path, out: Path) -> None:
    """Grade a class from its beginning."""
    shutil.rmtree(out, ignore_errors=True)
    run([*_PARITY, "grade", str(source), "--out", str(out), "--seed", SEED, "--jobs", str(cores())])


_PARITY = (sys.executable, "-m", "parity_tests.cli")


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


# ---- how time and memory grow


def time_size(number: int) -> Size:
    """A class of so many, graded once: seconds, and the most memory of each kind of process."""
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch:
        honest_class(Path(scratch) / "class", number)
        with PeakMemory() as peak:
            start = time.perf_counter()
            grade(Path(scratch) / "class", Path(scratch) / "out")
            seconds = time.perf_counter() - start
    own, workers, *sandboxes = (peak.by_depth.get(depth, 0.0) for depth in range(1, 2 + max(peak.by_depth, default=2)))
    return Size(number, seconds, own, workers, max(sandboxes, default=0.0))


def time_of_more(sizes: Sequence[Size], torch_seconds: float) -> Timings | None:
    """Seconds that each submission more than those of the smallest class takes: what starting takes is in both.

    An import of torch, which took `torch_seconds`, is beside it. None where there are no two classes.
    """
    if not sizes or sizes[-1].submissions == sizes[0].submissions:
        return None
    each = (sizes[-1].seconds - sizes[0].seconds) / (sizes[-1].submissions - sizes[0].submissions)
    return Timings({"parity grade": (each,), "import torch": (torch_seconds,)})


# ---- where the time goes


def shares(number: int) -> list[Share]:
    """Processor seconds of each stage: once for each of Parity's processes, and for each of `number` submissions."""
    level = choose(None).name
    python = [sys.executable, "-I", "-B", "-c"]
    bare, numpy = (_children_seconds([*python, code]) for code in ("pass", "import numpy"))
    parts = [Share("import of numpy", "process", numpy - bare)]
    warm_up()
    folder = ASSIGNMENT.solution
    files = tuple((file.name, file.read_bytes()) for file in sorted(folder.glob("[!_]*.py")))
    settings = Settings("mlp", seed=1, edition="2019", dtypes=("float64",), isolation=level)
    parts.append(Share("start of a sandbox, cold, with its numpy", "process", _cold_start(folder, level)))
    inside: list[float] = []

    class Watched(Runner):
        def close(self) -> None:
            inside.append(processor_seconds(os.getpid()))
            super().close()

    rendering: list[float] = []

    def rendered(done: Any) -> dict[str, bytes]:
        start = time.thread_time()
        try:
            return run_files(done)
        finally:
            rendering.append(time.thread_time() - start)

    with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch:
        own, cases, writing = [], [], []
        with patch.object(checking, "Runner", Watched), patch.object(task, "run_files", rendered):
            for k in range(number + 1):
                before, start = processor_seconds(os.getpid()), time.process_time()
                inside.clear()
                outcome = work(Task(f"student-{k}", files, "", settings))
                own.append(time.process_time() - start - rendering[-1])
                cases.append(inside[0] - before)
                start = time.thread_time()
                written = Path(scratch) / outcome.name
                written.mkdir()
                for name, data in outcome.files.items():
                    (written / name).write_bytes(data)
                writing.append(rendering[-1] + time.thread_time() - start)
    for name, seconds in (
        ("forking, and the cases in the submission's own processes", cases),
        ("drawing inputs, judging, naming", own),
        ("writing the records and the page", writing),
    ):
        parts.append(Share(name, "submission", sum(seconds[1:]) / number))
    return parts


def _children_seconds(command: Sequence[str]) -> float:
    """Processor seconds of a command, its mean of three."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(3):
        run(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 3


def _cold_start(folder: Path, level: str) -> float:
    with runner_of(ASSIGNMENT, folder, "parts", None, (), 10.0, level) as runner:
        before = processor_seconds(os.getpid())
        _ = runner.hello
        return processor_seconds(os.getpid()) - before


def limit(parts: Sequence[Share]) -> str:
    """What the shares come to, as a sentence."""
    each = sum(share.seconds for share in parts if share.per == "submission")
    most = max((share for share in parts if share.per == "submission"), key=lambda share: share.seconds)
    forked = not forking_problem(choose(None).name)
    return (
        f"Where nothing waits, {each:.3f} processor seconds a submission make {cores() / each:.1f} submissions a "
        f"second on {cores()} cores; most of it is {most.part}. Sandboxes are "
        f"{'forked from one that is started once a process' if forked else 'started cold, twice a submission'}."
    )
