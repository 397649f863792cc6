"""Judging a class in several processes: the same bytes as in one, whose trouble it is, and nothing half-written."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from parity_tests.cli import main
from parity_tests.grading import judge_results
from parity_tests.grading.judge_results import ENOUGH
from parity_tests.grading.tables import ClassRecords
from parity_tests.selftest.test_grade import TABLES, asked, class_folder, faked

Parity = Callable[..., tuple[int, str, str]]
__all__ = ["asked"]
KINDS = {
    "ann": "",
    "bob": "# wrong relu",
    "cem": "# undecided relu",
    "dan": "# harness",
    "eve": "# no import",
    "fay": "print('ünïcode')",
}


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a class that has a submission of each kind, one of them with nothing to run, and its results."""
    folder = tmp_path_factory.mktemp("once")
    source = class_folder(folder / "class", **KINDS)
    (source / "gus").mkdir()
    (source / "gus" / "essay.pdf").touch()
    with pytest.MonkeyPatch.context() as patch:
        faked(patch)
        assert main(["grade", str(source), "--out", str(folder / "out")]) == 3
    return folder


@pytest.fixture
def graded(asked: list[str], once: Path, tmp_path: Path) -> Path:
    """The results of that class."""
    shutil.copytree(once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"


@contextmanager
def in_threads(jobs: int, _: Path, warm_up: Callable[[], None]) -> Iterator[Callable[[], Executor]]:
    """In place of processes."""
    warm_up()
    with ThreadPoolExecutor(jobs) as pool:
        yield lambda: pool


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets a class of any size be judged by so many at once, in threads or really in processes."""

    def of(jobs: int, *, processes: bool = False) -> None:
        monkeypatch.setattr(judge_results, "ENOUGH", 1)
        monkeypatch.setattr(judge_results, "cores", lambda: jobs)
        if not processes:
            monkeypatch.setattr(judge_results, "local_processes", in_threads)

    return of


def files(out: Path) -> dict[str, bytes]:
    """The tables and all files of the submissions."""
    made = [*(out / name for name in TABLES), *(path for path in (out / "submissions").rglob("*") if path.is_file())]
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(made)}


def forget_pages(out: Path) -> None:
    for name in ("report.html", "feedback.md", "results.json"):
        for path in (out / "submissions").glob(f"*/{name}"):
            path.unlink()


def spoil_records(out: Path, name: str) -> None:
    """Takes a column away from a submission's records, and renews the checksum."""
    records, marker = (out / "submissions" / name / file for file in ("records.parquet", "submission.json"))
    pd.read_parquet(records).drop(columns="verdict").to_parquet(records, index=False)
    result = json.loads(marker.read_text())
    result["checksums"]["records.parquet"] = hashlib.sha256(records.read_bytes()).hexdigest()
    marker.write_text(json.dumps(result))


def test_several_processes_and_one_write_the_same_bytes(
    graded: Path, parity: Parity, several: Callable[..., None], tmp_path: Path
) -> None:
    overrides, comments = tmp_path / "overrides.csv", tmp_path / "comments.csv"
    overrides.write_text("submission,item,points,reason\nbob,relu,7,she explained it\n")
    comments.write_text("submission,comment\nann,well done\n")
    (graded / "submissions" / "fay" / "inputs.json").write_text("damaged")
    found = {}
    for jobs in (1, 2):
        out = tmp_path / f"of {jobs}"
        shutil.copytree(graded, out)
        forget_pages(out)
        several(jobs, processes=True)
        status, said, _ = parity("regrade", out, "--overrides", overrides, "--comments", comments)
        found[jobs] = (status, " ".join(said.split()).replace(f"of {jobs}", "of"), files(out))
        assert [path.name for path in out.glob(".parity-*")] == []
    assert found[1] == found[2]
    paged = {path.partition("/report.html")[0] for path in found[1][2] if path.endswith("/report.html")}
    assert paged == {f"submissions/{name}" for name in ("ann", "bob", "cem", "dan", "eve", "gus")}
    assert b"she explained it" in found[1][2]["submissions/bob/feedback.md"]


def test_a_small_class_and_one_with_one_job_are_judged_in_the_process_that_was_asked(
    graded: Path, parity: Parity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> Any:
        raise AssertionError("a process was started")

    monkeypatch.setattr(judge_results, "local_processes", refuse)
    assert len(KINDS) < ENOUGH
    assert "a process was started" not in parity("regrade", graded)[2]
    monkeypatch.setattr(judge_results, "ENOUGH", 1)
    monkeypatch.setattr(judge_results, "cores", lambda: 2)
    assert "a process was started" in parity("regrade", graded)[2]
    grade = ("grade", tmp_path / "class", "--out", graded)
    for jobs, started in ((1, False), (2, True)):
        assert ("a process was started" in parity(*grade, "--jobs", jobs)[2]) is started


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_cannot_be_judged_is_told_with_the_submissions_name_and_changes_nothing(
    graded: Path, parity: Parity, several: Callable[..., None], jobs: int
) -> None:
    spoil_records(graded, "cem")
    before = files(graded)
    several(jobs)
    status, _, err = parity("regrade", graded)
    assert status == 3
    assert "this is Parity's own fault, not the submission's: PageError: cem cannot be judged: " in err
    assert files(graded) == before
    assert [path.name for path in graded.glob(".parity-*")] == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_in_the_midst_leaves_every_file_as_it_was(
    graded: Path, parity: Parity, several: Callable[..., None], monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    forget_pages(graded)
    before = files(graded)
    taken: list[object] = []

    def interrupt(records: ClassRecords, table: object) -> None:
        taken.append(table)
        if len(taken) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(ClassRecords, "add", interrupt)
    several(jobs)
    status, _, err = parity("regrade", graded)
    assert (status, err.strip()) == (130, "parity: interrupted.")
    assert files(graded) == before
    assert [path.name for path in graded.glob(".parity-*")] == []
    monkeypatch.undo()
    assert parity("regrade", graded)[0] == 3
    page = (graded / "submissions" / "ann" / "report.html").read_text(encoding="utf-8")
    assert set(re.findall('href="([^#"]*)', page)) == {""}, "a student may have it alone"
    assert "submissions/ann/report.html" in re.findall('href="([^#"]*)', (graded / "class.html").read_text())
