"""What a class's owner expects: groups, comments, what is said and how, and how far it is."""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest

import reports.files
from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.grading.folder import GradingFolder
from parity_tests.selftest.fake_grading import SOURCE
from parity_tests.selftest.test_grade import Parity, asked, class_folder, content, grades, looks  # noqa: F401

pytestmark = pytest.mark.usefixtures("asked")


def export(folder: Path, **people: Any) -> Path:
    """A Gradescope export: for each submission the lines of its metadata; wrong relu where its name says so."""
    lines = []
    for number, (name, about) in enumerate(people.items(), 1):
        lines += [f"submission_{number}:", *(f"  {line}" for line in about)]
        path = folder / f"submission_{number}" / ASSIGNMENT.layout.file
        path.parent.mkdir(parents=True)
        path.write_text(f"{SOURCE}unlike = {number}\n{'# wrong relu' if 'wrong' in name else ''}\n")
    (folder / "submission_metadata.yml").write_text("\n".join(lines) + "\n")
    return folder


def submitters(*people: tuple[str, str], when: str = "", late: str = "") -> list[str]:
    lines = [":submitters:"]
    for name, email in people:
        lines += [f"- :name: {name}", f"  :email: {email}"]
    return lines + [f":created_at: {when}"] * bool(when) + [f":lateness: {late}"] * bool(late)


ANN, BOB, CEM = ("Ann", "ann@school"), ("Bob", "bob@school"), ("Cem", "cem@school")


# ---- groups


def test_everyone_of_a_group_has_the_groups_row(parity: Parity, tmp_path: Path) -> None:
    source, out = export(tmp_path / "class", wrong=submitters(BOB, CEM), ann=submitters(ANN)), tmp_path / "out"
    roster = tmp_path / "roster.csv"
    roster.write_text(
        "Name,Email,ID\nAnn Lee,ann@school,1\nBob Ray,BOB@school,2\nCem Kaya,cem@school,3\nEve,eve@school,4\n"
    )
    _, said, _ = parity("grade", source, "--out", out, "--roster", roster)
    table = pd.read_csv(out / "grades.csv", dtype=str)
    found = {row["student"]: (row["submission"], row["email"], row["id"], row["total"]) for _, row in table.iterrows()}
    assert found == {
        "Ann Lee": ("Ann", "ann@school", "1", "100.0"),
        "Bob Ray": ("Bob, Cem", "bob@school", "2", "85.0"),
        "Cem Kaya": ("Bob, Cem", "cem@school", "3", "85.0"),
    }
    assert "2 of 2 submissions have a grade" in said
    assert looks(out) == {("Eve", "handed in nothing")}
    assert (out / "class.html").read_text().count('href="submissions/Bob%2C%20Cem/report.html"') >= 1


def test_one_person_under_two_spellings_of_an_address_is_one_person(parity: Parity, tmp_path: Path) -> None:
    source, out = tmp_path / "class", tmp_path / "out"
    export(
        source,
        old=submitters(("Ann", "Ann.Lee@School.EDU"), when="2026-11-01 10:00:00 Z"),
        new=submitters(("Ann", " ann.lee@school.edu"), when="2026-11-02 10:00:00 Z"),
        group=submitters(BOB, CEM, when="2026-11-01 10:00:00 Z"),
        same=submitters(("Cem", "CEM@school"), BOB, when="2026-11-03 10:00:00 Z"),
    )
    parity("grade", source, "--out", out)
    assert sorted(grades(out).index.unique()) == ["Ann", "Cem, Bob"]
    handed_in = pd.read_csv(out / "handed_in.csv").set_index("source")["counts"]
    assert list(handed_in[["submission_2", "submission_4"]]) == ["yes", "yes"]
    assert list(handed_in[["submission_1", "submission_3"]]) == ["no: a later attempt does"] * 2
    assert looks(out) == set()


def test_two_people_of_one_name_stay_two(parity: Parity, tmp_path: Path) -> None:
    source, out = tmp_path / "class", tmp_path / "out"
    export(source, one=submitters(("Ann", "ann@school")), other=submitters(("Ann", "ann2@school")))
    parity("grade", source, "--out", out)
    assert len(grades(out)) == 2
    assert looks(out) == set()


def test_someone_alone_and_in_a_group_is_listed(parity: Parity, tmp_path: Path) -> None:
    source, out = tmp_path / "class", tmp_path / "out"
    export(source, one=submitters(("Bob", "BOB@school")), two=submitters(BOB, CEM), three=submitters(ANN))
    parity("grade", source, "--out", out)
    assert looks(out) == {("Bob", "handed in twice"), ("Bob, Cem", "handed in twice")}
    assert "Bob has handed in Bob as well" in (out / "look.csv").read_text()


def test_somebody_whose_submission_is_not_checked_yet_has_handed_it_in(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob=""), tmp_path / "out"
    roster = tmp_path / "roster.csv"
    roster.write_text("name\nann\nbob\ncem\n")
    parity("grade", source, "--out", out, "--roster", roster, "--only", "ann")
    assert looks(out) == {("cem", "handed in nothing")}


def test_submitters_without_address_or_number_stay_apart(parity: Parity, tmp_path: Path) -> None:
    about = [":submitters:", "- :name: Ann", "  :sid: 1", "- :name: Bob", "- :name: Cem"]
    parity("grade", export(tmp_path / "class", group=about), "--out", tmp_path / "out")
    assert list(grades(tmp_path / "out")["student"]) == ["Ann", "Bob", "Cem"]


# ---- comments


def test_a_comment_reaches_the_student_beside_the_points_and_is_kept(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob=""), tmp_path / "out"
    comments = tmp_path / "comments.csv"
    comments.write_text('submission,comment\nann,"Clean code, <b>well done</b>"\nann,See me\n')
    parity("grade", source, "--out", out, "--comments", comments)
    parity("regrade", out)
    page = (out / "submissions" / "ann" / "feedback.md").read_text()
    assert "## Comments\n\n- Clean code, &lt;b>well done&lt;/b>\n- See me\n" in page
    assert "See me" in json.loads((out / "submissions" / "ann" / "results.json").read_text())["output"]
    shown = (out / "submissions" / "ann" / "report.html").read_text()
    assert '<li class="comment" dir="auto">Clean code, &lt;b&gt;well done&lt;/b&gt;</li>' in shown
    assert '<h2 id="comments">' not in (out / "submissions" / "bob" / "report.html").read_text()
    parity("report", out, "--anonymous", "--out", tmp_path / "coded")
    assert not any("See me" in path.read_text() for path in (tmp_path / "coded").iterdir()), "a comment may name them"
    links = [(of / "class.html").read_text().count("/feedback.md") for of in (out, tmp_path / "coded")]
    assert (links, 'href="submissions/ann/feedback.md"' in (out / "class.html").read_text()) == ([2, 0], True)
    assert "Comments" not in (out / "submissions" / "bob" / "feedback.md").read_text()
    assert grades(out).loc["ann", "total"] == 100


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("submission,remark\nann,x\n", "line 1: there is no column comment"),
        ("submission;comment\neve;x, y\n", "line 2: there is no submission 'eve'"),
        ("submission,comment\neve,x\n", "line 2: there is no submission 'eve'"),
        ("submission,comment\nann, \n", "line 2: the comment for ann is empty"),
        ("submission,comment,comment\nann,x,y\n", "line 1: there are two columns comment"),
        ('submission,comment\nann,"open\n', "line 2: a quote is opened and never closed"),
    ],
)
def test_a_wrong_comment_is_a_sentence_with_its_line(parity: Parity, tmp_path: Path, text: str, words: str) -> None:
    source, out, comments = class_folder(tmp_path / "class", ann=""), tmp_path / "out", tmp_path / "comments.csv"
    comments.write_text(text)
    status, _, err = parity("grade", source, "--out", out, "--comments", comments)
    assert status == 2
    assert words in err


# ---- what is said, and how


def test_json_stands_alone_on_standard_output(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="# wrong relu", cem="# harness"), tmp_path / "out"
    status, said, _ = parity("grade", source, "--out", out, "--json")
    found = json.loads(said)
    assert status == 3
    assert (found["submissions"], found["graded"], found["faults"], found["unchecked"]) == (3, 2, 1, 0)
    totals = {grade["submission"]: grade["total"] for grade in found["grades"]}
    assert totals == {"ann": 100, "bob": 85, "cem": None}
    assert found["grades"][1]["items"]["relu"] == 0
    assert found["look"] == [{"submission": "cem", "kind": "harness error", "why": "it failed"}]
    assert "changes" not in found
    (source / "bob" / ASSIGNMENT.layout.file).write_text(SOURCE)
    rubric = tmp_path / "rubric.toml"
    rubric.write_text((out / "rubric.toml").read_text().replace("points = 15", "points = 20"))
    again = json.loads(parity("regrade", out, "--json", "--rubric", rubric)[1])
    schema = json.loads((Path(reports.files.__file__).parent / "class_schema.json").read_text())
    for document in (found, again):
        jsonschema.validate(document, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document, "grades": [{"submission": "ann"}]}, schema)
    assert {"submission": "ann", "before": 100, "after": 120} in again["changes"]


def test_quiet_is_one_sentence_and_nothing_else(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="# undecided relu"), tmp_path / "out"
    status, said, err = parity("grade", source, "--out", out, "--quiet")
    assert (status, err) == (0, "")
    assert " ".join(said.split()).startswith("2 of 2 submissions have a grade.")
    assert (said.count("."), parity("regrade", out, "-q")[1]) == (1, "No total changes.\n")
    assert parity("grade", tmp_path / "nowhere", "-q")[2] != ""


def test_verbose_tells_each_submission_and_keeps_it_in_a_log(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="# undecided relu"), tmp_path / "out"
    look = "parity: bob: undecided: nothing of relu could be decided"
    assert look not in parity("grade", source, "--out", tmp_path / "plain")[2]
    _, _, err = parity("grade", source, "--out", out, "-v")
    assert "parity: ann: 100 of 100 points, in " in err
    assert look in err
    parity("grade", source, "--out", out, "-v")
    log = (out / "grade.log").read_text().splitlines()
    assert sum("ann: 100 of 100 points" in line for line in log) == 1
    assert sum("ann: is there already" in line for line in log) == 1
    assert sum("bob: undecided: nothing of relu could be decided" in line for line in log) == 1
    assert all(line[:4].isdigit() for line in log)
    late = tmp_path / "late.toml"
    late.write_text("percent_a_day = 10\n[hours_late]\nann = 30\n")
    (tmp_path / "roster.csv").write_text('Student,ID,SIS Login ID,Section\n"Lee, Ann",1,ann,A\n"Student, Test",2,x,A\n')
    only = parity(
        "grade", source, "--out", out, "--roster", tmp_path / "roster.csv", "--only", "Ann Lee", "--late", late
    )
    assert "parity: Lee, Ann: 80 of 100 points, 1 day 6 h late, in" in only[2]
    assert "handed in nothing" not in only[1], "who is called Student, Test is a teacher"
    assert f"Other points: edit {out / 'rubric.toml'}, then parity regrade {out}" in " ".join(only[1].split())
    late.write_text(late.read_text().replace("10", "20"))
    told = parity("regrade", out, "--late", late)[1]
    assert (told.startswith("Lee, Ann: 80 → 60 (-20.00)\n"), "Look at" in told) == (True, True)
    assert (out / "changes.csv").read_text().splitlines()[1:] == ['"ann","Lee, Ann",80,60']
    quiet = parity("grade", source, "--out", out, "--only", "ann", "-v", "-q")
    assert quiet[2] == ""
    assert (out / "grade.log").read_text().count("Lee, Ann: ") == 1


def test_a_dry_run_says_who_would_be_graded_as_whom_and_writes_nothing(
    asked: list[str],  # noqa: F811
    parity: Parity,
    tmp_path: Path,
) -> None:
    source, out = class_folder(tmp_path / "class", leeann="", stranger=""), tmp_path / "out"
    (source / "essay").mkdir()
    (source / "essay" / "essay.pdf").touch()
    roster = tmp_path / "roster.csv"
    roster.write_text('Student,ID,Email\n"Lee, Ánn",7,ann@school\n')
    command = ["grade", source, "--out", out, "--roster", roster, "--dry-run"]
    status, said, _ = parity(*command)
    assert (status, asked, out.exists()) == (0, [], False)
    (line,) = [line for line in said.splitlines() if line.startswith("leeann")]
    assert line.split("  ")[0] == "leeann"
    assert "Lee, Ánn" in line
    assert "neural_networks.py" in line
    assert "3 submissions in the format plain: 1 with nothing to run, 2 to check." in said
    (line,) = [line for line in said.splitlines() if line.startswith("essay ")]
    assert "  nothing to run  there is no Python file" in line
    assert said.count("there is no Python file in what was handed in, only essay.pdf") == 1
    assert "to check  " not in said
    plan = json.loads(parity(*command, "--json")[1])
    found = {row["submission"]: row for row in plan["submissions"]}
    assert [found[name]["what"] for name in ("essay", "leeann")] == ["nothing to run", "to check"]
    assert found["leeann"]["people"] == [{"name": "Lee, Ánn", "email": "ann@school", "id": "", "on_roster": True}]
    assert found["stranger"]["people"][0]["on_roster"] is False
    parity("grade", source, "--out", out, "--roster", roster)
    assert "not implemented" not in (out / "class.csv").read_text(), "who handed in no program made no mistake"
    before = content(out)
    (source / "stranger" / ASSIGNMENT.layout.file).write_text(f"{SOURCE}new = 1\n")
    said = " ".join(parity("grade", source, "--out", out, "--dry-run")[1].split())
    assert "1 with nothing to run, 1 checked already, 1 to check" in said
    assert content(out) == before


def test_a_dry_run_lists_who_is_unusual_and_counts_the_others(parity: Parity, tmp_path: Path) -> None:
    source = class_folder(tmp_path / "class", **{f"student{n}": "" for n in range(9)}, odd="")
    (source / "odd" / "utils.py").write_text("")
    said = parity("grade", source, "--out", tmp_path / "out", "--dry-run")[1].splitlines()
    more = "and 9 more; from neural_networks.py where nothing else is said"
    assert [line.rstrip() for line in said[:3]] == [
        "submission  from",
        "odd         neural_networks.py, utils.py",
        more,
    ]
    (source / "student8" / "utils.py").write_text("")
    assert "student0" in parity("grade", source, "--out", tmp_path / "out", "--dry-run")[1]


def test_a_dry_run_says_what_the_roster_says(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="", stranger=""), tmp_path / "out"
    roster = tmp_path / "roster.csv"
    roster.write_text("name\nann\nbob\ncem\ndan\n")
    command = ["grade", source, "--out", out, "--roster", roster]
    said = " ".join(parity(*command, "--dry-run")[1].split())
    assert "Handed in nothing: cem, dan. Not on the roster: stranger." in said
    found = json.loads(parity(*command, "--dry-run", "--json")[1])["look"]
    assert [(one["submission"], one["kind"]) for one in found] == [
        ("cem", "handed in nothing"),
        ("dan", "handed in nothing"),
        ("stranger", "not on the roster"),
    ]
    parity(*command)
    assert {(one["submission"], one["kind"]) for one in found} == looks(out)
    for table in (b"name;id\nann;1\nbob;2\ncem;3\ndan;4\n", "name\tid\nann\t1\ncem\t3\n".encode("utf-16")):
        roster.write_bytes(table)
        said = " ".join(parity(*command, "--dry-run")[1].split())
        assert f"Handed in nothing: cem{', dan' * (b'dan' in table)}. Not on the roster: " in said
    roster.write_bytes(table.replace(b"i\0d\0", b"x\0y\0").replace(b"n\0a\0m\0e\0", b"a\0b\0c\0d\0"))
    assert "line 1: no column is called name, email or id" in parity(*command, "--dry-run")[2]
    assert "Handed in nothing: cem, dan." in parity("grade", source, "--out", out, "--dry-run")[1], "it is kept"
    said = parity("grade", source, "--out", tmp_path / "without", "--dry-run")[1]
    assert "Handed in nothing" not in said
    assert "Not on the roster" not in said


@pytest.mark.parametrize("columns", ["80", "120"])
def test_what_is_printed_of_a_class_fits_the_terminal(
    parity: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("parity_tests.cli.dry_run.sys.stdout.isatty", lambda: True)
    names = {f"{'long name ' * 4}{n}": "# undecided relu # edition" for n in range(3)}
    source, out = class_folder(tmp_path / "class", **names), tmp_path / "out"
    for command in (["grade", source, "--out", out, "--dry-run"], ["grade", source, "--out", out], ["status", out]):
        lines = parity(*command)[1].splitlines()
        assert max(map(len, (line for line in lines if str(tmp_path) not in line))) <= int(columns)


# ---- how far it is


def test_status_says_how_far_it_is_and_writes_nothing(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="# undecided relu", cem="# harness"), tmp_path / "out"
    parity("grade", source, "--out", out, "--only", "ann", "--seed", 987654321)
    status, said, _ = parity("status", out)
    said = " ".join(said.split())
    assert status == 0
    assert "1 of 3 submissions are checked; nothing is at work there." in said
    assert "The same `parity grade` goes on" in said
    assert "987654321" not in said
    parity("grade", source, "--out", out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    found = json.loads(parity("status", out, "--json")[1])
    assert (found["submissions"], found["checked"], found["faults"], found["in_tables"]) == (3, 3, 1, 3)
    assert found["look"] == dict(Counter(pd.read_csv(out / "look.csv")["kind"]))
    assert found["look"]["harness error"] == 1
    assert (found["at_work"], found["files"]) == (False, ["rubric.toml"])
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*")}


def test_status_sees_that_somebody_is_at_work_and_disturbs_nobody(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann=""), tmp_path / "out"
    parity("grade", source, "--out", out)
    with GradingFolder(out).locked():
        assert "a command is at work there now" in " ".join(parity("status", out)[1].split())
        assert parity("status", out, "-q")[1].count(".") >= 1
    assert parity("grade", source, "--out", out)[0] == 0


def test_what_status_may_not_know_it_does_not_claim(
    parity: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = class_folder(tmp_path / "class", ann=""), tmp_path / "out"
    parity("grade", source, "--out", out)

    def closed(path: Path, flags: int, *rest: int) -> int:
        if Path(path).name == ".lock":
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *rest)

    opened = os.open
    monkeypatch.setattr("parity_tests.grading.folder.os.open", closed)
    assert "cannot be seen from here" in " ".join(parity("status", out)[1].split())
    assert json.loads(parity("status", out, "--json")[1])["at_work"] is None


def test_who_only_looks_stops_nobody_who_begins(
    parity: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`parity status` holds the lock for a moment, just when `parity grade` asks for it."""
    source, out = class_folder(tmp_path / "class", ann=""), tmp_path / "out"
    out.mkdir()
    looker = os.open(out / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(looker, fcntl.LOCK_SH)
    monkeypatch.setattr("parity_tests.grading.folder.time.sleep", lambda seconds: os.close(looker))
    assert parity("grade", source, "--out", out)[0] == 0


@pytest.mark.parametrize("place", ["nowhere", "class"])
def test_status_of_what_is_no_class_is_a_sentence_and_2(parity: Parity, tmp_path: Path, place: str) -> None:
    class_folder(tmp_path / "class", ann="")
    status, said, err = parity("status", tmp_path / place)
    assert (status, said) == (2, "")
    assert "is no folder that `parity grade` wrote" in err


def test_where_show_says_that_records_are_they_are(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="# wrong relu"), tmp_path / "out"
    parity("grade", source, "--out", out)
    for name, words in (("ann", "cases match; they are in"), ("bob", "more cases match; they are in")):
        said = " ".join(parity("show", out / "submissions" / name)[1].split())
        where = said.partition(f"{words} ")[2].partition(", and shown")[0]
        assert where == f"{out}/submissions/{name}/records.parquet"
        assert Path(where).is_file()
    assert "more cases" not in parity("show", out / "submissions" / "ann")[1]
    err = parity("show", out / "submissions" / "Ann, A")[2]
    assert err.endswith(f"submissions/Ann, A; there is '{out}/submissions/ann'.\n")
    assert parity("show", out / "submissions" / "zoe")[2].endswith("zoe; `parity check` makes one.\n")


# ---- what a human gives


REFUSED = [
    ("--overrides", "submission,item,points,reason\nann,relu,15.5,why\n", "line 2: relu has 0 to 15 points"),
    ("--roster", "nonsense = [\n", "line 1"),
    ("--late", "percent_a_day = ten\n", "line 1: percent_a_day must be a number"),
    ("--rubric", '{rubric}without = ["weigths"]\n', "has no quantity 'weigths'; it has"),
    ("--rubric", '[[item]]\nname = "x"\npoints = 1\nchecks = ["lineer"]\n', "line 4: there is no check 'lineer'"),
]


def test_what_nothing_has_and_points_that_there_are_not_are_refused_before_anything_changes(
    parity: Parity, tmp_path: Path
) -> None:
    source, out, path = class_folder(tmp_path / "class", ann="", bob=""), tmp_path / "out", tmp_path / "given"
    for option, text, said in REFUSED:
        path.write_text(text.replace("{rubric}", ASSIGNMENT.rubric_text))
        status, _, err = parity("grade", source, "--out", out, option, path)
        assert (status, said in err, out.exists()) == (2, True, False), err
        assert parity("grade", source, "--out", out, option, tmp_path / "nowhere")[0] == 2
        assert not out.exists()
    parity("grade", source, "--out", out)
    before = content(out)
    for option, text, said in REFUSED:
        path.write_text(text.replace("{rubric}", ASSIGNMENT.rubric_text))
        status, _, err = parity("regrade", out, option, path)
        assert (status, said in err) == (2, True), err
        assert content(out) == before
    status, _, err = parity("regrade", out)
    assert status == 0, f"what is refused is not kept: {err}"


# ---- a folder holds one class


OVERRIDE = "submission,item,points,reason\ncem,relu,7.5,seen in office hours\n"


def everything(out: Path) -> dict[str, bytes]:
    """Every file of a folder, without the lock, by its path."""
    files = (path for path in out.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def said_of(text: str) -> str:
    return " ".join(text.split())


def test_another_class_is_refused_before_anything_changes(parity: Parity, tmp_path: Path) -> None:
    first = class_folder(tmp_path / "first", ann="", bob="", cem="", dan="")
    other = class_folder(tmp_path / "other", eve="", fay="")
    out, overrides = tmp_path / "out", tmp_path / "overrides.csv"
    overrides.write_text(OVERRIDE)

    def refused() -> None:
        before = everything(out)
        for dry in ((), ("--dry-run",)):
            status, said, err = parity("grade", other, "--out", out, *dry)
            assert (status, said) == (2, "")
            assert (
                f"{out} holds the results of 4 submissions (ann, bob and 2 more), and none of them is in {other}: name "
                "another folder with --out."
            ) in said_of(err)
            assert everything(out) == before

    for options in ((), ("--overrides", overrides)):
        assert parity("grade", first, "--out", out, *options)[0] == 0
        refused()
    (out / "intake.json").write_text("{")
    refused()
    assert parity("grade", other, "--out", tmp_path / "another", "--dry-run")[0] == 0
    assert parity("grade", first, "--out", out)[0] == 0


def test_the_folder_that_is_taken_where_none_is_named_is_no_exception(
    parity: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    class_folder(tmp_path / "first", ann="")
    class_folder(tmp_path / "second", bob="")
    assert parity("grade", "first")[0] == 0
    before = content(tmp_path / "parity-class")
    status, _, err = parity("grade", "second")
    assert status == 2
    assert "parity-class holds the result of 1 submission (ann), and it is not in second: name another" in said_of(err)
    assert content(tmp_path / "parity-class") == before


def test_the_same_class_with_one_more_goes_on_and_nobody_is_said_to_have_left(parity: Parity, tmp_path: Path) -> None:
    out = tmp_path / "out"
    parity("grade", class_folder(tmp_path / "first", ann="", bob=""), "--out", out)
    again = class_folder(tmp_path / "again", ann="", bob="", cem="")
    for options in (("--dry-run",), ()):
        status, said, err = parity("grade", again, "--out", out, *options)
        assert (status, "no more" in said + err) == (0, False)
    assert list(grades(out).index) == ["ann", "bob", "cem"]


def test_who_is_handed_in_no_more_is_said_each_time_and_keeps_what_was_found(parity: Parity, tmp_path: Path) -> None:
    out = tmp_path / "out"
    parity("grade", class_folder(tmp_path / "first", ann="", bob="", cem=""), "--out", out)
    again = class_folder(tmp_path / "again", ann="", dan="")
    said = said_of(parity("grade", again, "--out", out, "--dry-run")[1])
    assert "No longer in the tables, because these submissions are without them: bob, cem." in said
    assert list(grades(out).index) == ["ann", "bob", "cem"]
    words = "No longer in the tables, because these submissions are without them: bob, cem."
    for command in (["grade", again, "--out", out], ["regrade", out]):
        said = said_of(parity(*command)[1])
        assert f"{words} Their results stay in {out / 'submissions'}." in said
        assert json.loads(parity(*command, "--json")[1])["former"] == ["bob", "cem"]
    assert list(grades(out).index) == ["ann", "dan"]
    assert (out / "submissions" / "bob" / "records.parquet").is_file()
    found = json.loads(parity("grade", again, "--out", tmp_path / "fresh", "--dry-run", "--json")[1])
    assert found["former"] == []


@pytest.mark.parametrize(
    ("name", "text", "option"),
    [
        ("overrides.csv", OVERRIDE, "--overrides"),
        ("comments.csv", "submission,comment\ncem,Well done\n", "--comments"),
        ("late.toml", "percent_a_day = 10\n\n[hours_late]\ncem = 2\n", "--late"),
    ],
)
def test_a_kept_file_that_names_who_has_left_is_refused_before_anything_changes(
    parity: Parity, tmp_path: Path, name: str, text: str, option: str
) -> None:
    out, given = tmp_path / "out", tmp_path / name
    given.write_text(text)
    parity("grade", class_folder(tmp_path / "first", ann="", bob="", cem=""), "--out", out, option, given)
    again = class_folder(tmp_path / "again", ann="", bob="")
    before = everything(out)
    status, _, err = parity("grade", again, "--out", out)
    assert status == 2
    assert f"{out / name}, line " in err
    assert "there is no submission 'cem'. That is the copy that" in said_of(err)
    assert f"mend it, or give another by {option}." in said_of(err)
    assert everything(out) == before
    given.write_text(text.replace("cem", "bob"))
    assert parity("grade", again, "--out", out, option, given)[0] == 0
    status, _, err = parity("grade", again, "--out", out, option, tmp_path / "nowhere")
    assert (status, "That is the copy" in err) == (2, False)


def test_people_are_the_same_by_address_and_else_by_name(parity: Parity, tmp_path: Path) -> None:
    out, namesakes = tmp_path / "out", tmp_path / "namesakes"
    parity("grade", export(tmp_path / "class", one=submitters(ANN), two=submitters(BOB)), "--out", out)
    export(namesakes, one=submitters(("Ann", "ann@elsewhere")), two=submitters(("Bob", "bob@elsewhere")))
    status, _, err = parity("grade", namesakes, "--out", out)
    assert (status, "(Ann, Bob), and none of them is in" in said_of(err)) == (2, True)
    grouped = export(tmp_path / "grouped", one=submitters(("Robert", "BOB@school"), CEM))
    assert parity("grade", grouped, "--out", out)[0] == 0
    assert parity("grade", class_folder(tmp_path / "names", **{"Robert, Cem": ""}), "--out", out)[0] == 0


def test_where_nothing_was_found_yet_another_class_may_take_its_place(parity: Parity, tmp_path: Path) -> None:
    out = tmp_path / "out"
    parity("grade", class_folder(tmp_path / "first", ann=""), "--out", out)
    (out / "submissions" / "ann").rename(tmp_path / "aside")
    assert parity("grade", class_folder(tmp_path / "second", bob=""), "--out", out)[0] == 0
    assert [hand_in.name for hand_in in GradingFolder(out).intake().attempts] == ["bob"]
