"""A class whose submissions are graded by fake outcomes, so that everything around the grading is tested quickly."""

from __future__ import annotations

import dataclasses
import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.grading.intake.concealed import concealed
from parity_tests.grading.intake.given import given_of
from parity_tests.grading.intake.likeness import FEWEST, fingerprint
from parity_tests.grading.intake.own_sources import CODE, code_file, names_asked
from parity_tests.grading.task import Outcome, Task, _unrunnable, run_files
from parity_tests.harness.environment import versions
from parity_tests.harness.sandbox.isolation import Level
from parity_tests.protocol.case import Case
from parity_tests.protocol.quantity import Quantity
from parity_tests.protocol.registry import find_all
from parity_tests.selftest.fake_records import FakeRun, record
from reports.model.environment import Environment
from reports.model.records import Record

SOURCE = "".join(f"def f{n}(a, b):\n    return a * b + {n}\n" for n in range(FEWEST - 2))
"""So little that it is alike to nobody's."""


def fake_outcome(task: Task) -> Outcome:
    """The outcome that words in a submission's source ask for: "wrong relu", "undecided relu", "harness", "edition".

    With "no import" it cannot be imported.
    """
    source = dict(task.files).get("neural_networks.py", b"").decode("utf-8", "replace")
    if task.missing:
        return _unrunnable(task, "missing", task.missing)
    if "no import" in source:
        unrunnable = _unrunnable(task, "crashed", "cannot be imported")
        return dataclasses.replace(unrunnable, import_problem="neural_networks.py cannot be imported")
    if "break the harness" in source:
        raise RuntimeError("the harness broke")
    records = [
        _record(task, case, q, source) for case in ASSIGNMENT.cases("2019", ("float64",)) for q in case.quantities
    ]
    run = FakeRun(
        records,
        Environment(submission=task.name, seed=task.settings.seed, versions=versions()),
        {},
        {},
        source.encode(),
    )
    seen = "2022-23" if "edition" in source else "2019"
    trouble = "it failed" if "harness" in source else ""
    said = concealed({"neural_networks.py": source.encode()})
    files = {**run_files(run), CODE: code_file({"neural_networks.py": source.encode()})}
    printed = fingerprint(source, asked=names_asked(ASSIGNMENT))
    given = given_of(task.files, ASSIGNMENT, "2019")
    return Outcome(task.name, records, files, seen, printed, trouble, concealed=said, given=given)


def _record(task: Task, case: Case, q: Quantity, source: str) -> Record:
    usual = record(
        submission=task.name,
        part=q.part,
        check=case.check,
        case=case.name,
        quantity=q.name,
        ratio=task.settings.seed / 1e9,
    )
    if case.check == "relu":
        if "wrong relu" in source:
            return dataclasses.replace(usual, verdict="mismatch", message=f"relu: {q.name} is off", bad=1)
        if "undecided relu" in source:
            return dataclasses.replace(usual, verdict="undecided", message=f"relu: {q.name} is near a kink")
        if "harness" in source:
            return dataclasses.replace(usual, verdict="harness_error", message="it failed")
    return usual


@contextmanager
def threads(jobs: int, scratch: Path, warm_up: Callable[[], None]) -> Iterator[Callable[[], Executor]]:
    """In place of processes."""
    with ThreadPoolExecutor(jobs) as pool:
        yield lambda: pool


def fake_the_work(work: Callable[[Task], Outcome] = fake_outcome) -> None:
    """Makes `parity grade` in this process work so, in threads and without isolation."""
    grading: Any = importlib.import_module("parity_tests.grading.check_class")
    grading.work = work
    grading.local_processes = threads
    grading.choose = lambda minimum: Level("none", "nothing")


def main() -> None:
    """`python -m parity_tests.selftest.fake_grading CLASS OUT N`: grade, and die at the N-th file put in its place.

    With several OUT N each is a process of its own, forked off this one; their exit statuses are printed.
    """
    from parity_tests.cli import main as parity

    fake_the_work()
    find_all()  # what all of them import and read is there before they are forked
    source, *rest = sys.argv[1:]
    for out, moment in zip(rest[::2], rest[1::2], strict=True):
        if not (child := os.fork()):
            sys.exit(grade_and_die(parity, source, out, int(moment)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def grade_and_die(parity: Callable[[list[str]], int], source: str, out: str, left: int) -> int:
    """Grade a class in this process, and die at so many files put in their places."""
    rename, replace = Path.rename, Path.replace

    def counting(act: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def counted(self: Path, target: Path) -> Path:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return act(self, target)

        return counted

    Path.rename, Path.replace = counting(rename), counting(replace)  # type: ignore[method-assign, assignment]
    return parity(["grade", source, "--out", out, "--seed", "7", "--jobs", "1"])


if __name__ == "__main__":
    main()
