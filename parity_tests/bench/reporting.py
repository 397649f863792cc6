"""Judging and reports of a large class: `parity regrade`, and the pages of its submissions.

The class is made of the records of a few networks that were really graded, each copied under other names.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.bench.timing import Timed, Wanted, run
from parity_tests.grading.folder import GradingFolder, json_text
from parity_tests.grading.intake.attempt import HandIn

STUDENTS = 1000
ASKED = {"regrade": "≤ 5 s", "a page": "≤ 10 ms"}
"""What is asked for, of a class of STUDENTS."""
PAGES = 50
MISTAKES = (
    (),
    (("X.T @ grad", "X.T @ grad / len(X)"),),
    (("1 - self.h * self.h", "1 - X * X"),),
    (("return grad * self.mask", "return grad"),),
    (("def forward", "def forwards"),),
)
"""What is replaced in the shipped network."""


def measure(wanted: Wanted, students: int = STUDENTS) -> Iterator[Timed]:
    """Seconds of `parity regrade`, whole process, with every page of a student to be written; and seconds a page."""
    seconds: dict[str, list[float]] = {what: [] for what in ASKED}
    with _class(students) as folder:
        command = [sys.executable, "-m", "parity_tests.cli", "regrade", str(folder)]
        every = sorted(path.name for path in (folder / "submissions").iterdir())
        names = every[:: max(1, len(every) // PAGES)]  # of each network alike: their names sort by it
        for k in range(wanted.slow + 1):
            _forget_pages(folder)
            start = time.perf_counter()
            run(command)
            between = time.perf_counter()
            _write_pages(folder, names)
            end = time.perf_counter()
            if k:  # the first round warms up
                seconds["regrade"].append(between - start)
                seconds["a page"].append((end - between) / len(names))
    for what, values in seconds.items():
        yield Timed(f"{what}, a class of {students}", values, about={"asked": ASKED[what]})


def _forget_pages(folder: Path) -> None:
    for name in ("report.html", "feedback.md", "results.json"):
        for path in (folder / "submissions").glob(f"*/{name}"):
            path.unlink()


def _write_pages(folder: Path, names: list[str]) -> None:
    from reports.html.run_page import report_page
    from reports.model.run_folder import load

    for name in names:
        place = folder / "submissions" / name
        (place / "report.html").write_text(report_page(load(place), folder=name), encoding="utf-8")


@contextmanager
def _class(students: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch:
        source, graded, large = (Path(scratch) / name for name in ("source", "graded", "large"))
        _hand_in(source)
        grade = [sys.executable, "-m", "parity_tests.cli", "grade", str(source), "--out", str(graded)]
        run([*grade, "--isolation", "none", "--seed", "1"])
        _multiply(graded, large, students)
        yield large


def _hand_in(source: Path) -> None:
    text = (ASSIGNMENT.solution / "neural_networks.py").read_text(encoding="utf-8")
    for k, edits in enumerate(MISTAKES):
        place = source / f"student-{k}"
        place.mkdir(parents=True)
        wrong = text
        for before, after in edits:
            wrong = wrong.replace(before, after)
        (place / "neural_networks.py").write_text(wrong, encoding="utf-8")
        shutil.copy(ASSIGNMENT.solution / "utils.py", place)


def _multiply(graded: Path, large: Path, students: int) -> None:
    """A graded class whose submissions are those of `graded` over and over."""
    import pandas as pd

    (large / "submissions").mkdir(parents=True)
    for name in ("grading.json", "rubric.toml"):
        shutil.copy(graded / name, large)
    few, many = GradingFolder(graded), GradingFolder(large)
    intake = few.intake()
    results = [result for attempt in intake.attempts if (result := few.result(attempt.name))]
    attempts: list[HandIn] = []
    for k in range(students):
        result = results[k % len(results)]
        files = {name: (few.submissions / result.name / name).read_bytes() for name in result.checksums}
        attempts.append(replace(result.hand_in, name=f"{result.name}-{k:04d}"))
        records = pd.read_parquet(few.submissions / result.name / "records.parquet")
        records["submission"] = pd.array([attempts[-1].name] * len(records), dtype="string")
        files["records.parquet"] = records.to_parquet(index=False)
        many.keep(replace(result, hand_in=attempts[-1]), files)
    many.write("intake.json", json_text(replace(intake, attempts=tuple(attempts))))
