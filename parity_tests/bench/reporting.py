"""Judging and reports of a large class: `parity regrade`, and the pages of its submissions.

The class is made of the records of a few networks that were really graded, each copied under other names.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from msgspec.structs import replace

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.bench.commands import PARITY, grade
from parity_tests.bench.results import ASKED
from parity_tests.bench.timing import Timed, Wanted, run
from parity_tests.grading.folder import GradingFolder, json_text
from parity_tests.grading.intake.attempt import HandIn
from reports.html.run_page import report_page
from reports.model.run_folder import load

STUDENTS, PAGES = 1000, 50
LIMITS = {"regrade": "≤ 5 s", "a page": "≤ 5 ms"}
"""What is asked for, of a class of STUDENTS."""
MISTAKES = {
    "": "",
    "X.T @ grad": "X.T @ grad / len(X)",
    "1 - self.h * self.h": "1 - X * X",
    "return grad * self.mask": "return grad",
    "def forward": "def forwards",
}
"""What is replaced in the shipped network, by what."""


def measure(wanted: Wanted) -> Iterator[Timed]:
    """Seconds of `parity regrade`, whole process, with every page of a student to be written; and seconds a page."""
    seconds: dict[str, list[float]] = {what: [] for what in LIMITS}
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch:
        graded, large = Path(scratch) / "graded", Path(scratch) / "large"
        _hand_in(Path(scratch) / "source")
        grade(ASSIGNMENT, Path(scratch) / "source", graded, "--isolation", "none")
        _multiply(GradingFolder(graded), GradingFolder(large))
        every = sorted((large / "submissions").iterdir())
        some = every[:: max(1, STUDENTS // PAGES)]  # of each network alike: their names sort by it
        for _ in range(wanted.slow):
            for page in (page for name in ("report.html", "feedback.md", "results.json") for page in large.rglob(name)):
                page.unlink()
            start = time.perf_counter()
            run([*PARITY, "regrade", str(large)])
            between = time.perf_counter()
            for place in some:
                (place / "report.html").write_text(report_page(load(place)), encoding="utf-8")
            seconds["regrade"].append(between - start)
            seconds["a page"].append((time.perf_counter() - between) / len(some))
    for what, values in seconds.items():
        yield Timed(f"{what}, a class of {STUDENTS}", values, about={ASKED: LIMITS[what]})


def _hand_in(source: Path) -> None:
    for k, (right, wrong) in enumerate(MISTAKES.items()):
        shutil.copytree(ASSIGNMENT.solution, source / f"student-{k}")
        network = source / f"student-{k}" / "neural_networks.py"
        network.write_text(network.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")


def _multiply(few: GradingFolder, many: GradingFolder) -> None:
    """A graded class whose submissions are those of `few` over and over."""
    many.submissions.mkdir(parents=True)
    for name in ("grading.json", "rubric.toml"):
        shutil.copy(few.path / name, many.path)
    intake = few.intake()
    results = [result for attempt in intake.attempts if (result := few.result(attempt.name))]
    attempts: list[HandIn] = []
    for k in range(STUDENTS):
        result = results[k % len(results)]
        files = {name: (few.submissions / result.name / name).read_bytes() for name in result.checksums}
        attempts.append(replace(result.hand_in, name=f"{result.name}-{k:04d}"))
        records = pd.read_parquet(few.submissions / result.name / "records.parquet")
        records["submission"] = pd.array([attempts[-1].name] * len(records), dtype="string")
        files["records.parquet"] = records.to_parquet(index=False)
        many.keep(replace(result, hand_in=attempts[-1]), files)
    many.write("intake.json", json_text(replace(intake, attempts=tuple(attempts))))
