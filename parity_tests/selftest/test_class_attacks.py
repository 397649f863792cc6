"""Attacks on a class: what one student hands in, and what happens to the folder of the results, costs nobody else."""

from __future__ import annotations

import io
import itertools
import json
import os
import random
import shutil
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.grading.folder import GradingFolder
from parity_tests.harness.check import check
from parity_tests.selftest.fake_grading import SOURCE
from parity_tests.selftest.fake_records import from_frame
from parity_tests.selftest.records_of_cases import FEWEST, FEWEST_NAME
from parity_tests.selftest.runners import write
from parity_tests.selftest.test_grade import asked, class_folder, grades, looks
from parity_tests.selftest.test_intake import files, handed_in, taken_in, zipped
from reports.model.records import Record

Parity = Callable[..., tuple[int, str, str]]
__all__ = ["asked"]
MODULE = "neural_networks.py"
NESTED = zipped({"in.zip": zipped({"in.zip": zipped({"in.zip": zipped({MODULE: SOURCE})})})})


def notebook(*cells: object) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4})


HANDED_IN: dict[str, dict[str, str | bytes]] = {
    "an encoding that refuses everything": {MODULE: f"# coding: undefined\n{SOURCE}# é\n"},
    "that encoding in another file": {MODULE: SOURCE, "other.py": "# coding: undefined\nx = 1\n"},
    "an encoding that is none of text": {MODULE: f"# coding: zlib\n{SOURCE}"},
    "an encoding for domain names": {MODULE: f"# coding: idna\n{SOURCE}# é\n"},
    "nothing but zeros": {MODULE: b"\0" * 1000},
    "UTF-16 without a mark": {MODULE: SOURCE.encode("utf-16-le")},
    "a folder called as the module": {f"{MODULE}/x.py": SOURCE},
    "a path of 120 folders": {f"{'d/' * 120}{MODULE}": SOURCE},
    "zips in zips": {"hw.zip": NESTED},
    "a zip called as the module": {MODULE: zipped({MODULE: SOURCE})},
    "a notebook of numbers": {"hw.ipynb": notebook([1, 2, 3])},
    "a notebook that writes elsewhere": {"hw.ipynb": notebook("%%writefile /etc/x.py\nclass relu: pass")},
    "a notebook that writes a name with a zero": {"hw.ipynb": notebook("%%file a\0b.py\nx", "class relu: pass")},
    "a notebook of magics alone": {"hw.ipynb": notebook("%%time\n" * 2000)},
    "a notebook that writes a long name": {"hw.ipynb": notebook(f"%%writefile {'a' * 300}.py\nx = 1", SOURCE)},
}


def test_whatever_some_hand_in_the_others_have_their_grades(asked: list[str], parity: Parity, tmp_path: Path) -> None:
    source = class_folder(tmp_path / "class", good="", better="# wrong relu")
    for what, laid in HANDED_IN.items():
        for name, content in laid.items():
            path = source / what / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    status, _, err = parity("grade", source, "--out", tmp_path / "out")
    assert status == 0, err
    found = grades(tmp_path / "out")["total"].to_dict()
    assert (found["good"], found["better"]) == (100, 85)
    for what in HANDED_IN:
        assert found[what] in (0, 100), f"{what}: a grade, and not none"
        assert found[what] or what in {name for name, _ in looks(tmp_path / "out")}, what
    assert (tmp_path / "out" / "class.html").is_file()


def test_names_of_all_kinds_are_graded_each_by_itself(asked: list[str], parity: Parity, tmp_path: Path) -> None:
    names = ["Ann", "ann", "ANN", "con", "a\nb", "‮abc", "👩‍🔬" * 20, "x" * 255, "=1+1", "-rf", "~", "%s"]
    names += ["<b>", "submissions", f".parity-{'a' * 32}", os.fsdecode(b"\xff\xfe\xe9"), "ж" * 120]
    source = class_folder(tmp_path / "class", **dict.fromkeys(names, ""))
    status, _, err = parity("grade", source, "--out", tmp_path / "out")
    assert status == 0, err
    assert len(grades(tmp_path / "out")) == len(names)
    assert set(grades(tmp_path / "out")["total"]) == {100}


def test_a_pipe_is_not_waited_for(asked: list[str], parity: Parity, tmp_path: Path) -> None:
    source = class_folder(tmp_path / "class", good="")
    (source / "evil").mkdir()
    os.mkfifo(source / "evil" / MODULE)
    os.mkfifo(source / "worse.zip")
    assert parity("grade", source, "--out", tmp_path / "out")[0] == 0
    assert grades(tmp_path / "out")["total"].to_dict() == {"good": 100, "evil": 0, "worse.zip": 0}
    assert "neither a file nor a folder" in (tmp_path / "out" / "look.csv").read_text()


def damaged_class(case: str, number: int) -> bytes:
    """A class's zip of which one member, that of `evil`, is not as it should be."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        archive.writestr(f"good/{MODULE}", SOURCE)
        archive.writestr(f"evil/{MODULE}", SOURCE)
        archive.writestr("evil/hw.ipynb", "{}")
        if case == "twice":
            archive.writestr(f"evil/{MODULE}", SOURCE * 2)
    data = bytearray(buffer.getvalue())
    first, central = data.find(b"evil/"), data.find(b"PK\x01\x02")
    if case == "bytes":
        chosen = random.Random(number)
        for _ in range(3):
            data[chosen.randrange(first, central)] = chosen.randrange(256)
    for name in () if case in ("bytes", "twice") else (data.find(b"evil/", central), data.find(b"evil/")):
        header = name - (46 if name > central else 30)
        at = header + (8 if name > central else 6) + 2 * (case == "method")
        data[at] = 99 if case == "method" else data[at] | 1
    return bytes(data)


@pytest.mark.parametrize("case", ["encrypted", "method", "twice", "bytes"])
def test_a_damaged_member_of_the_classs_zip_is_its_owners(
    asked: list[str], parity: Parity, tmp_path: Path, case: str
) -> None:
    (tmp_path / "class.zip").write_bytes(damaged_class(case, 0))
    status, _, err = parity("grade", tmp_path / "class.zip", "--out", tmp_path / "out")
    assert status == 0, err
    assert grades(tmp_path / "out")["total"].to_dict()["good"] == 100
    assert grades(tmp_path / "out")["total"].to_dict()["evil"] in (0, 100)


def test_whichever_bytes_of_a_member_are_damaged_the_others_are_taken_in_whole(tmp_path: Path) -> None:
    told = set()
    for number in range(200):
        (tmp_path / "class.zip").write_bytes(damaged_class("bytes", number))
        found = handed_in(taken_in(tmp_path / "class.zip"))
        assert found.keys() == {"good", "evil"}, number
        assert files(found["good"]) == {MODULE: SOURCE}, number
        told.add(bool(found["evil"].missing))
    assert told == {False, True}


# ---- the folder of the results

FILES = [
    "grading.json",
    "intake.json",
    "grades.parquet",
    "look.csv",
    "records.parquet",
    "class.html",
    ".lock",
    ".scratch",
    "submissions",
    "submissions/ann/submission.json",
    "submissions/ann/records.parquet",
]
ACTS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\xff\x00{[garbage"),
    "a folder": lambda path: (path / "inside").mkdir(parents=True),
    "a link": lambda path: path.symlink_to(os.environ["ELSEWHERE"]),
    "gone": lambda path: None,
}


CHANGING, SHOWING = ("regrade", "grade"), ("report", "status")
"""Commands that make grades, and those that show what was made."""
TURNS = [(CHANGING, 0), *(pytest.param(turn, marks=pytest.mark.nightly) for turn in ((CHANGING, 1), (SHOWING, 0)))]
"""Two commands, and with which of them to begin: at once every file comes with every act, every other of each."""


@pytest.mark.parametrize("turn", TURNS, ids=str)
@pytest.mark.parametrize("act", ACTS)
def test_whatever_happens_to_a_file_of_the_results_the_command_says_so_and_invents_nothing(
    asked: list[str],
    parity: Parity,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    act: str,
    turn: tuple[tuple[str, str], int],
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "thesis.tex").write_text("years of work")
    monkeypatch.setenv("ELSEWHERE", str(elsewhere))
    source = class_folder(tmp_path / "class", ann="", bob="# wrong relu")
    parity("grade", source, "--out", tmp_path / "whole")
    commands = itertools.islice(itertools.cycle(turn[0]), turn[1] + list(ACTS).index(act), None)
    for name, command in zip(FILES, commands, strict=False):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(tmp_path / "whole", out)
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        ACTS[act](path)
        status, _, err = parity(*(("grade", source, "--out", out) if command == "grade" else (command, out)))
        assert status in (0, 2), (name, command)
        assert status == 0 or err.startswith("parity: "), (name, command)
        if status == 0 and command in CHANGING:
            found = grades(out)["total"].to_dict()
            assert found.items() <= {"ann": 100, "bob": 85}.items(), (name, command)
            assert command == "regrade" or len(found) == 2, name
        assert (source / "ann" / MODULE).is_file(), (name, command)
        assert [path.name for path in elsewhere.iterdir()] == ["thesis.tex"], (name, command)


# ---- in earnest


@pytest.mark.usefixtures("one_thread")  # as in a process of a submission: more would sum in another order
def test_hostile_neighbours_leave_a_submissions_records_as_they_are_alone(parity: Parity, tmp_path: Path) -> None:
    source, out = tmp_path / "class", tmp_path / "out"
    good = source / "good"
    write(good, {name: (ASSIGNMENT.solution / name).read_bytes() for name in ("neural_networks.py", "utils.py")})
    with (good / "neural_networks.py").open("a") as file:
        file.write("\n\ndef main(main_params):\n    pass\n")  # which takes longest
    for name, code in (("exits", "import os\nos._exit(0)\n"), ("broken", "def main(:\n")):
        (source / name).mkdir()
        (source / name / "neural_networks.py").write_text(code)
    status, _, err = parity(
        "grade", source, "--assignment", FEWEST_NAME, "--out", out, "--seed", 11, "--isolation", "none", "--jobs", 1
    )
    assert status == 0, err
    assert grades(out)["total"].to_dict() == {"broken": 0, "exits": 0, "good": 80}
    level = GradingFolder(out).info().settings.isolation
    alone = check(FEWEST, good, dtypes=("float64",), seed=11, edition="2019", isolation=level).records
    among = from_frame(pd.read_parquet(out / "submissions" / "good" / "records.parquet"))
    assert list(map(timeless, among)) == list(map(timeless, alone))


def timeless(record: Record) -> Record:
    return replace(record, seconds=None, submission="")
