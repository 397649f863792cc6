"""What a class's results survive: damage, a full disk, other versions, a machine without locks; and who is charged."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli import main
from parity_tests.grading import task as grading_task
from parity_tests.grading.folder import HALF_WRITTEN, GradingFolder
from parity_tests.grading.settings import Settings
from parity_tests.grading.task import MARGIN, Outcome, Task, overdue, work
from parity_tests.selftest.fake_grading import SOURCE, fake_outcome
from parity_tests.selftest.fake_records import FakeRun
from parity_tests.selftest.records_of_cases import FEWEST_NAME
from parity_tests.selftest.test_grade import asked, class_folder, content, faked, grades, looks
from parity_tests.selftest.test_run_folder import spoil_array
from reports.model.run_folder import load, save

Parity = Callable[..., tuple[int, str, str]]
__all__ = ["asked"]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a class of three, and what it was graded into."""
    folder = tmp_path_factory.mktemp("once")
    source = class_folder(folder / "class", ann="", bob="# wrong relu", cem="")
    with pytest.MonkeyPatch.context() as patch:
        faked(patch)
        assert main(["grade", str(source), "--out", str(folder / "out")]) == 0
    return folder


@pytest.fixture
def graded(asked: list[str], once: Path, tmp_path: Path) -> Path:
    """A class of three that has been graded."""
    shutil.copytree(once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"


def test_a_damaged_result_costs_its_own_submission_alone_and_is_made_anew(
    asked: list[str], parity: Parity, tmp_path: Path
) -> None:
    files = ("records.parquet", "environment.json", "inputs.json", "arrays.npz")
    struck = {f"{how} {name}": name for how in ("cut", "changed", "gone") for name in files}
    source = class_folder(tmp_path / "class", ann="", **dict.fromkeys(struck, "# wrong relu"))
    out = tmp_path / "out"
    assert parity("grade", source, "--out", out)[0] == 0
    for who, name in struck.items():
        file = out / "submissions" / who / name
        data = file.read_bytes()
        file.unlink()
        if not who.startswith("gone"):
            file.write_bytes(data[:-7] if who.startswith("cut") else data[:-1] + bytes([data[-1] ^ 1]))
    status, said, err = parity("regrade", out)
    assert status == 2
    assert f"{len(struck)} have no grade because a file of theirs is damaged" in said
    assert grades(out)["total"].isna().to_dict() == {"ann": False, **dict.fromkeys(struck, True)}
    for who, name in struck.items():
        assert f"submissions/{who}/{name} is damaged" in err
        assert grades(out).loc[who, "status"] == "no grade: damaged"
        assert (who, "damaged") in looks(out)
    asked.clear()
    assert parity("grade", source, "--out", out)[0] == 0
    assert sorted(asked) == sorted(struck)
    assert grades(out)["total"].to_dict() == {"ann": 100, **dict.fromkeys(struck, 85)}


@pytest.mark.parametrize("spoilt", [False, True])
def test_an_array_that_was_damaged_before_its_checksum_was_taken_is_a_sentence(
    graded: Path, parity: Parity, tmp_path: Path, spoilt: bool
) -> None:
    bob = graded / "submissions" / "bob"
    wrong = next(record for record in load(bob).records if record.verdict == "mismatch")
    arrays = {f"{wrong.case}/{wrong.quantity}/{word}": np.arange(64.0) for word in ("actual", "expected", "radius")}
    save(tmp_path / "run", FakeRun(arrays=arrays))
    shutil.move(tmp_path / "run" / "arrays.npz", bob / "arrays.npz")
    if spoilt:
        spoil_array(bob / "arrays.npz", next(iter(arrays)))
    result = json.loads((bob / "submission.json").read_text())
    result["checksums"]["arrays.npz"] = hashlib.sha256((bob / "arrays.npz").read_bytes()).hexdigest()
    (bob / "submission.json").write_text(json.dumps(result))
    before = content(graded)
    status, _, err = parity("regrade", graded)
    assert status == (2 if spoilt else 0)
    assert (f"the run folder {bob} is damaged: arrays.npz cannot be read" in err) is spoilt
    assert content(graded) == before
    assert ("of 64 elements" in (bob / "report.html").read_text()) is not spoilt


@pytest.mark.parametrize("damage", ["cut", "gone", "of another", "a link"])
def test_a_result_that_cannot_be_read_keeps_its_row_without_a_grade(
    graded: Path, asked: list[str], parity: Parity, tmp_path: Path, damage: str
) -> None:
    result = graded / "submissions" / "bob"
    marker = result / "submission.json"
    text = marker.read_text()
    marker.unlink()
    if damage == "a link":
        marker.write_text(text)
        result.rename(tmp_path / "bob")
        result.symlink_to(tmp_path / "bob")
    elif damage != "gone":
        marker.write_text(text[:-9] if damage == "cut" else text.replace('"bob"', '"../../../bob"'))
    status, _, err = parity("regrade", graded)
    assert status == 2
    assert "submissions/bob/submission.json is damaged" in err
    assert grades(graded)["total"].isna().to_dict() == {"ann": False, "bob": True, "cem": False}
    asked.clear()
    assert parity("grade", tmp_path / "class", "--out", graded)[0] == 0
    assert asked == ["bob"]
    assert grades(graded).loc["bob", "total"] == 85


@pytest.mark.parametrize("out", [".", "out", "ann/out", "../link/out"])
def test_results_among_the_submissions_are_refused_before_anything_is_made(
    asked: list[str], parity: Parity, tmp_path: Path, out: str
) -> None:
    source = class_folder(tmp_path / "class", ann="", bob="")
    (tmp_path / "link").symlink_to(source)
    before = sorted(source.rglob("*"))
    for options in ((), ("--dry-run",)):
        status, _, err = parity("grade", source, "--out", source / out, *options)
        assert (status, "lies among the submissions" in err) == (2, True)
    assert sorted(source.rglob("*")) == before
    assert parity("grade", source, "--out", tmp_path / "class-out")[0] == 0


def test_what_stands_in_a_tables_place_is_named(graded: Path, parity: Parity) -> None:
    (graded / "grades.csv").unlink()
    (graded / "grades.csv").mkdir()
    status, _, err = parity("regrade", graded)
    assert status == 2
    assert err.startswith(f"parity: {graded / 'grades.csv'}: Is a directory. Something else is")


def test_whose_result_is_gone_loses_points_and_is_told(graded: Path, parity: Parity) -> None:
    shutil.rmtree(graded / "submissions" / "bob")
    _, said, _ = parity("regrade", graded)
    assert "bob: 85 → none" in said
    assert "1 were not checked yet" in said


@pytest.mark.parametrize("command", ["grade", "grade --only", "regrade", "report"])
@pytest.mark.parametrize("link", ["submissions/bob", "submissions", ".scratch", ".lock", "records.parquet"])
def test_nothing_behind_a_link_is_replaced_or_deleted(
    graded: Path, parity: Parity, tmp_path: Path, link: str, command: str
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("years of work")
    (precious / f".parity-{'0' * 32}").mkdir()
    target = precious if link.startswith("submissions") else precious / "thesis.tex"
    if (graded / link).exists():
        (graded / link).rename(tmp_path / "aside")
    (graded / link).symlink_to(target)
    asked_for = ("grade", tmp_path / "class", "--out", graded) if command.startswith("grade") else (command, graded)
    status, _, err = parity(*asked_for, *(("--only", "bob") if "only" in command else ()))
    assert status in (0, 2), err
    assert {path.name for path in precious.iterdir()} == {"thesis.tex", f".parity-{'0' * 32}"}
    assert (precious / "thesis.tex").read_text() == "years of work"


def test_a_name_that_leads_out_of_the_folder_is_refused(graded: Path, parity: Parity) -> None:
    intake = graded / "intake.json"
    intake.write_text(intake.read_text().replace('"name": "bob"', '"name": "../../bob"'))
    status, _, err = parity("regrade", graded)
    assert status == 2
    assert "intake.json has a name that is none, '../../bob'" in err


def fails_at(moment: int, code: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Lets a function fail at its n-th call and from then on, as a full or closed disk does."""
    calls = 0

    def failing(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls >= moment:
                raise OSError(code, os.strerror(code), "a file")
            return function(*arguments, **options)

        return called

    return failing


@pytest.mark.parametrize("moment", [1, 3, 5, 8])
def test_a_full_disk_leaves_all_tables_as_they_were_and_is_the_users(
    graded: Path, parity: Parity, tmp_path: Path, moment: int
) -> None:
    before = content(graded)
    rubric = tmp_path / "rubric.toml"
    rubric.write_text((graded / "rubric.toml").read_text().replace("points = 15", "points = 20"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", fails_at(moment, errno.ENOSPC)(Path.write_bytes))
        status, _, err = parity("regrade", graded, "--rubric", rubric)
    assert status == 2
    assert "No space left on device. Free some disk space, and give the same command again" in err
    assert content(graded) == before
    assert not (graded / HALF_WRITTEN).exists()
    assert parity("regrade", graded, "--rubric", rubric)[0] == 0
    assert grades(graded).loc["ann", "total"] == 120


def test_tables_of_two_runs_say_so_until_they_are_made_anew(graded: Path, parity: Parity, tmp_path: Path) -> None:
    rubric = tmp_path / "rubric.toml"
    rubric.write_text((graded / "rubric.toml").read_text().replace("points = 15", "points = 20"))
    before = content(graded)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", fails_at(6, errno.EIO)(Path.replace))
        assert parity("regrade", graded, "--rubric", rubric)[0] == 2
    assert content(graded) != before
    assert "regrade" in (graded / HALF_WRITTEN).read_text()
    for command in (["report", graded], ["report", graded, "--anonymous"]):
        status, _, err = parity(*command)
        assert status == 2
        assert "are of two runs, since one was stopped while it wrote them; `parity regrade" in err
    assert "of two runs" in parity("status", graded)[1]
    assert parity("regrade", graded)[0] == 0
    assert not (graded / HALF_WRITTEN).exists()
    assert parity("report", graded)[0] == 0


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_is_the_users(graded: Path, parity: Parity, code: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", fails_at(1, code)(os.open))
        status, _, err = parity("regrade", graded)
    assert status == 2
    assert f"{os.strerror(code)}. Name another folder, or open this one to yourself" in err


def test_other_versions_are_told_and_the_choice_is_the_users(
    graded: Path, asked: list[str], parity: Parity, tmp_path: Path
) -> None:
    marker = graded / "grading.json"
    info = json.loads(marker.read_text())
    now = info["versions"]["numpy"]
    assert set(info["versions"]) == {"parity", "numpy", "torch"}
    marker.write_text(json.dumps({**info, "versions": {**info["versions"], "numpy": "1.0"}}))
    status, _, err = parity("grade", tmp_path / "class", "--out", graded)
    assert status == 2
    assert f"was begun with numpy 1.0, and this is numpy {now}" in err
    assert parity("grade", tmp_path / "class", "--out", graded, "--other-versions")[0] == 0
    assert {("ann", "another version"), ("bob", "another version")} <= looks(graded)


def test_a_file_system_without_locks_is_no_other_run(graded: Path, parity: Parity, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", refuse)
        status, _, err = parity("regrade", graded)
    assert status == 2
    assert "takes no locks (No locks available)" in err
    assert "another `parity grade`" not in err


@pytest.mark.parametrize("name", ["precious", "parity-class-precious", "link"])
def test_only_a_scratch_folder_of_our_own_is_deleted(tmp_path: Path, name: str) -> None:
    folder = GradingFolder(tmp_path / "out")
    folder.path.mkdir()
    precious = tmp_path / "parity-class-precious"
    (precious / "thesis").mkdir(parents=True)
    (tmp_path / "precious").symlink_to(precious)
    link = Path(tempfile.gettempdir(), "parity-class-link")
    link.unlink(missing_ok=True)
    link.symlink_to(precious)
    named = link if name == "link" else tmp_path / name
    (folder.path / ".scratch").write_text(str(named))
    try:
        with folder.scratch() as scratch:
            assert scratch.stat().st_mode & 0o777 == 0o711  # other users pass through it and do not list it
        assert (precious / "thesis").is_dir()
    finally:
        link.unlink()
    left = Path(tempfile.mkdtemp(prefix="parity-class-"))
    (folder.path / ".scratch").write_text(str(left))
    with folder.scratch():
        assert not left.exists()


def test_the_seed_is_in_no_file_of_a_submission(asked: list[str], parity: Parity, tmp_path: Path) -> None:
    out = tmp_path / "out"
    parity("grade", class_folder(tmp_path / "class", ann="# wrong relu"), "--out", out, "--seed", 987654321)
    assert "987654321" in (out / "grading.json").read_text()
    files = [file for file in (out / "submissions" / "ann").iterdir() if file.suffix != ".parquet"]
    assert len(files) > 5
    assert not [file.name for file in files if b"987654321" in file.read_bytes()]


def test_the_time_after_which_a_worker_gives_up_follows_the_time_of_a_case() -> None:
    usual, long = (overdue(Settings("mlp", 0, "2019", ("float64",), timeout)) for timeout in (10.0, 1000.0))
    assert usual > MARGIN
    assert long - usual >= 2 * 4 * 990


# ---- who is charged


@pytest.mark.parametrize("breaks", ["the submission", "Parity"])
def test_what_breaks_the_check_is_the_submissions_unless_the_solution_breaks_it_too(
    monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    def checked(task: Task) -> Outcome:
        if breaks == "Parity" or b"# odd" in dict(task.files)["neural_networks.py"]:
            raise RecursionError("too deep")
        return fake_outcome(task)

    monkeypatch.setattr(grading_task, "_checked", checked)
    files = (("neural_networks.py", f"{SOURCE}# odd\n".encode()),)
    outcome = work(Task("ann", files, "", Settings("mlp", 1, "2019", ("float64",))))
    verdicts = {record.verdict for record in outcome.records}
    assert verdicts == ({"crashed"} if breaks == "the submission" else {"harness_error"})
    assert outcome.trouble == "RecursionError: too deep"


def test_whoever_kills_paritys_process_earns_nothing_and_is_listed(
    asked: list[str], parity: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(task: Task) -> Outcome:
        if task.name == "bob":
            raise BrokenProcessPool("killed")
        return fake_outcome(task)

    monkeypatch.setattr("parity_tests.grading.check_class.work", kill)
    out = tmp_path / "out"
    parity("grade", class_folder(tmp_path / "class", ann="", bob="", cem=""), "--out", out)
    assert grades(out)["total"].to_dict() == {"ann": 100, "bob": 0, "cem": 100}
    assert ("bob", "harness error") in looks(out)
    assert "the process at work on it was killed, twice" in (out / "look.csv").read_text()


@pytest.mark.usefixtures("no_pool")
@pytest.mark.parametrize(
    "source",
    [
        "x = " + "(" * 5000 + "1" + ")" * 5000,
        "x = " + "-" * 50_000 + "1",
        "x = " + "[" * 90 + "]" * 90,
        "if 1:\n" + "".join(" " * n + "if 1:\n" for n in range(1, 99)) + " " * 99 + "pass",
        "x = " + " + ".join(["1"] * 20_000),
        "\0",
        "# coding: nonsense\n",
        "def f(" + ", ".join(f"a{n}" for n in range(5000)) + "): pass",
        "class relu:\n" + "    x = 1\n" * 4_000,
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_no_source_however_odd_is_paritys_own_fault(tmp_path: Path, source: str) -> None:
    settings = Settings(FEWEST_NAME, 1, ASSIGNMENT.editions.default, ("float64",), isolation="none")
    outcome = work(Task("ann", (("neural_networks.py", source.encode("utf-8", "replace")),), "", settings))
    assert {record.verdict for record in outcome.records} & {"harness_error"} == set()
    assert outcome.records
