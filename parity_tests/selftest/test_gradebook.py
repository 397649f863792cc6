"""Grades as course sites take them back: their own table, with the grades filled in and nothing else changed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.grading.raw_csv import RawCsv
from parity_tests.grading.roster import load_roster
from parity_tests.selftest.fake_grading import SOURCE
from parity_tests.selftest.test_class_owner import export, submitters
from parity_tests.selftest.test_grade import Parity, asked, class_folder

__all__ = ["asked"]
MODULE = ASSIGNMENT.layout.file
WRONG = "# wrong relu\n"

CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Quiz 1 (311),HW1 (312),HW1 late (313),Homework Current Score\r\n"
    ",,,,,,Manual Posting,,\r\n"
    "    Points Possible,,,,,10.00,100.00,5.00,(read only)\r\n"
    '"Lee, Ann",101,u0101,annlee,"CS 1, Sec ""A""",9.50,,,88.25\r\n'
    '"O\'Ray, Bob",102,u0102,bobray,CS 1,10.00,70.00,,100.00\r\n'
    '"Kaya, Cem",103,u0103,cemkaya,CS 1,,EX,,\r\n'
    '"Öz, Dan",104,u0104,danoz,CS 1,7.00,,,70.00\r\n'
    '"Student, Test",199,,9f8e7d,CS 1,,,,\r\n'
)
MOODLE = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",'
    '"Last modified (submission)","Online text","Last modified (grade)","Feedback comments"\n'
    '"Participant 5101","Ann Lee",ann@school,"Submitted for grading",,100.00,Yes,'
    '"Monday, 2 November 2026, 11:30 PM","<p>line one\nline ""two""</p>",-,\n'
    '"Participant 5102","Bob Ray",bob@school,"Submitted for grading",70.00,100.00,No,-,,-,\n'
    '"Participant 5103","Cem Kaya",cem@school,"No submission",,100.00,Yes,-,,-,\n'
    '"Participant 5104","Dan Öz",dan@school,"Submitted for grading",,100.00,Yes,-,,-,"<p>kept</p>"\n'
)
GRADESCOPE = (
    "First Name,Last Name,SID,Email,Sections,Total Score,Max Points,Status,Submission ID,Submission Time,"
    "Lateness (H:M:S),View Count,Submission Count\n"
    "Ann,Lee,007,ANN@school,A,,100.0,Ungraded,1,2026-11-01 10:00:00 -0700,00:00:00,0,1\n"
    "Bob,Ray,008,bob@school,A,,100.0,Ungraded,2,2026-11-01 10:00:00 -0700,00:00:00,0,1\n"
    "Cem,Kaya,009,cem@school,A,,100.0,Ungraded,2,2026-11-01 10:00:00 -0700,00:00:00,0,1\n"
    "Eve,Fox,010,eve@school,A,,,Missing,,,,,\n"
)


def canvas_class(folder: Path) -> Path:
    folder.mkdir()
    for number, name in enumerate(("leeann", "oraybob", "kayacem", "ozdan"), 1):
        code = f"{SOURCE}unlike = {number}\n{WRONG * (name == 'oraybob')}"
        (folder / f"{name}_10{number}_20{number}_{MODULE}").write_text(code)
    return folder


def moodle_class(folder: Path) -> Path:
    for number, name in ((1, "Ann Lee"), (2, "Bob Ray"), (4, "Dan Öz")):
        path = folder / f"{name}_510{number}_assignsubmission_file_" / MODULE
        path.parent.mkdir(parents=True)
        path.write_text(f"{SOURCE}unlike = {number}\n{WRONG * (number == 4)}")
    return folder


def gradescope_class(folder: Path) -> Path:
    return export(
        folder,
        ann=submitters(("Ann Lee", "ann@school")),
        wrong=submitters(("Bob Ray", "bob@school"), ("Cem Kaya", "cem@school")),
    )


Filled = Callable[..., tuple[str, str]]
Graded = Callable[[Callable[[Path], Path]], Path]


@pytest.fixture(scope="module")
def kept() -> dict[object, Path]:
    """The results of the classes that are graded already: a table is filled in from them, and they stay as they are."""
    return {}


@pytest.fixture
def graded(parity: Parity, tmp_path_factory: pytest.TempPathFactory, kept: dict[object, Path]) -> Graded:
    """The results of a class, which is graded once for all tests."""

    def results_of(class_in: Callable[[Path], Path]) -> Path:
        if class_in not in kept:
            folder = tmp_path_factory.mktemp("graded")
            assert parity("grade", class_in(folder / "class"), "--out", folder / "out")[0] == 0
            kept[class_in] = folder / "out"
        return kept[class_in]

    return results_of


@pytest.fixture
def filled(parity: Parity, tmp_path: Path) -> Filled:
    """Gives a table as it comes back for a class's results, and what was said."""

    def fill(out: Path, table: str | bytes, *options: object) -> tuple[str, str]:
        path = tmp_path / "table.csv"
        path.write_bytes(table if isinstance(table, bytes) else table.encode())
        status, said, err = parity("gradebook", out, path, "--out", tmp_path / "back.csv", *options)
        assert (status, err) == (0, "")
        return (tmp_path / "back.csv").read_bytes().decode("utf-8", "surrogateescape"), " ".join(said.split())

    return fill


pytestmark = pytest.mark.usefixtures("asked")


@pytest.mark.parametrize("named", [("--column", "hw1"), ()], ids=["named", "the one of so many points"])
def test_canvas_gets_its_gradebook_back_with_the_grades_and_nothing_else_changed(
    graded: Graded, filled: Filled, named: tuple[str, ...]
) -> None:
    back, said = filled(graded(canvas_class), CANVAS, *named)
    expected = CANVAS.replace('""A""",9.50,,', '""A""",9.50,100,').replace("10.00,70.00,", "10.00,85,")
    assert back == expected.replace("danoz,CS 1,7.00,,", "danoz,CS 1,7.00,100,")
    assert "3 grades are filled in, 1 of them in place of others: column 'HW1 (312)' of" in said
    assert "Left as it was: Kaya, Cem: the table says EX." in said
    assert "Without a submission" not in said, "Canvas's test student is nobody"


@pytest.mark.parametrize(
    ("table", "names"),
    [
        (CANVAS, ["Lee, Ann", "O'Ray, Bob", "Kaya, Cem", "Öz, Dan"]),
        (CANVAS.replace('"Kaya, Cem"', "Points Possible"), ["Lee, Ann", "O'Ray, Bob", "Points Possible"]),
        (MOODLE, ["Ann Lee", "Bob Ray", "Cem Kaya", "Dan Öz"]),
        (GRADESCOPE, ["Ann Lee", "Bob Ray", "Cem Kaya", "Eve Fox"]),
    ],
)
def test_a_sites_table_of_grades_serves_as_the_roster(tmp_path: Path, table: str, names: list[str]) -> None:
    path = tmp_path / "table.csv"
    path.write_text(table, encoding="utf-8")
    assert [person.name for person in load_roster(path)][: len(names)] == names
    assert not {"", "Student, Test"} & {person.name for person in load_roster(path)}


def test_who_calls_themselves_points_possible_changes_no_maximum(graded: Graded, filled: Filled) -> None:
    table = CANVAS.replace('"Lee, Ann"', "Points Possible").replace("Manual Posting", "5.00")
    back, said = filled(graded(canvas_class), table, "--column", "HW1")
    assert '101,u0101,annlee,"CS 1, Sec ""A""",9.50,100,' in back
    assert "3 grades are filled in" in said


def test_moodle_gets_its_worksheet_back_with_grades_and_comments(
    filled: Filled, parity: Parity, tmp_path: Path
) -> None:
    source, out = moodle_class(tmp_path / "class"), tmp_path / "out"
    comments = tmp_path / "comments.csv"
    comments.write_text("submission,comment\nAnn Lee,a < b\nDan Öz,not there\n", encoding="utf-8")
    parity("grade", source, "--out", out, "--comments", comments)
    back, said = filled(out, MOODLE)
    expected = MOODLE.replace('grading",,100.00,Yes,"Monday', 'grading",100,100.00,Yes,"Monday').replace(
        '""two""</p>",-,\n', '""two""</p>",-,a &lt; b\n'
    )
    assert back == expected.replace('dan@school,"Submitted for grading",,', 'dan@school,"Submitted for grading",85,')
    assert "2 grades are filled in: column 'Grade' of" in said
    assert "Bob Ray: the table says that the grade cannot be changed." in said
    assert "Dan Öz: the comment there stays." in said
    assert "Without a submission, and left as they were: Cem Kaya." in said


def test_a_worksheet_of_moodle_without_names_is_filled_by_its_numbers(graded: Graded, filled: Filled) -> None:
    blind = "Identifier,Status,Grade,Maximum Grade,Grade can be changed\n"
    blind += "Participant 5101,x,,100.00,Yes\nParticipant 9,x,,100.00,Yes\n"
    back, _ = filled(graded(moodle_class), blind)
    assert back == blind.replace("5101,x,,", "5101,x,100,")


def test_gradescope_gets_its_grades_back_and_everyone_of_a_group_theirs(graded: Graded, filled: Filled) -> None:
    back, said = filled(graded(gradescope_class), GRADESCOPE)
    expected = GRADESCOPE.replace("ANN@school,A,,", "ANN@school,A,100,").replace("bob@school,A,,", "bob@school,A,85,")
    assert back == expected.replace("cem@school,A,,", "cem@school,A,85,")
    assert "Without a submission, and left as they were: Eve Fox." in said


def test_gradescopes_table_of_a_whole_course_is_told_by_its_columns(graded: Graded, filled: Filled) -> None:
    table = (
        "First Name,Last Name,SID,Email,HW1,HW1 - Max Points,HW2,HW2 - Max Points,Total Lateness (H:M:S)\n"
        "Ann,Lee,007,ann@school,3,100.0,,100.0,00:00:00\n"
    )
    back, _ = filled(graded(gradescope_class), table, "--column", "HW2")
    assert back == table.replace("3,100.0,,", "3,100.0,100,")


def test_another_sites_numbers_tell_nobody(graded: Graded, filled: Filled) -> None:
    """A class that was handed in on Moodle, graded into Canvas: number 5101 is somebody else there."""
    table = CANVAS.replace(",104,", ",5101,").replace("Öz, Dan", "Fox, Eve").replace("danoz", "evefox")
    back, said = filled(graded(moodle_class), table, "--column", "HW1 (312)")
    assert back == table.replace('""A""",9.50,,', '""A""",9.50,100,')
    assert "Of nobody in the table are the submissions Bob Ray, Dan Öz." in said


# ---- odd, and right


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\r\n", "\n"),
        (",", ";"),
        (",", "\t"),
        ("Student,", "\ufeffStudent,"),
        ("Student,ID,", "student, ID ,"),
        ("    Points Possible", "Points Possible"),
        (",,,,,,Manual Posting,,\r\n", ""),
        ("100.00,5.00", "100,5.00"),
        ("Section,", "Section,Root Account,"),
    ],
)
def test_canvas_tables_in_every_dress_come_back_in_it(graded: Graded, filled: Filled, before: str, after: str) -> None:
    plain = CANVAS.replace('"CS 1, Sec ""A"""', "CS 1").replace('"O\'Ray, Bob"', "Bob O'Ray")
    plain = plain.replace('"Lee, Ann"', "Ann Lee").replace('"Kaya, Cem"', "Cem Kaya").replace('"Öz, Dan"', "Dan Öz")
    plain = plain.replace('"Student, Test"', "Test Student")
    if "Root" in after:
        table = "".join(
            f"{line[: line.index('CS 1') + 5]}site,{line[line.index('CS 1') + 5 :]}"
            if "CS 1" in line
            else line.replace("Section,", after).replace(",,,,,,Man", ",,,,,,,Man").replace("ble,,,,,", "ble,,,,,,")
            for line in plain.splitlines(keepends=True)
        )
    else:
        table = plain.replace(before, after)
    back, said = filled(graded(canvas_class), table, "--column", "HW1")
    assert "3 grades are filled in" in said
    changed = [
        (old, new)
        for before_, after_ in zip(cells(table), cells(back), strict=True)
        for old, new in zip(before_, after_, strict=True)
        if old != new
    ]
    assert changed == [("", "100"), ("70.00", "85"), ("", "100")]


def cells(text: str) -> list[list[str]]:
    delimiter = next(mark for mark in "\t;," if mark in text.splitlines()[0])
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def test_a_table_with_decimal_commas_is_filled_with_them(graded: Graded, filled: Filled) -> None:
    table = (
        "Identifier;Full name;Grade;Maximum Grade\nParticipant 5101;Ann Lee;;50,00\nParticipant 5104;Dan Öz;;50,00\n"
    )
    back, _ = filled(graded(moodle_class), table, "--scale")
    assert back == table.replace("Ann Lee;;", "Ann Lee;50;").replace("Dan Öz;;", "Dan Öz;42,5;")


def test_a_table_in_an_old_encoding_comes_back_in_it(graded: Graded, filled: Filled, tmp_path: Path) -> None:
    table = MOODLE.encode("cp1252") + b'"Participant 5105",\x81\xff,x,x,,100.00,Yes,-,,-,\n'
    filled(graded(moodle_class), table)
    back = (tmp_path / "back.csv").read_bytes()
    assert b"\x81\xff" in back
    assert back.count("Dan Öz".encode("cp1252")) == 1
    assert RawCsv.of(back, ",").value(4, 4) == "85"


def test_a_table_in_utf_16_comes_back_in_it(graded: Graded, filled: Filled, tmp_path: Path) -> None:
    filled(graded(moodle_class), MOODLE.encode("utf-16"))
    back = (tmp_path / "back.csv").read_bytes()
    assert back.decode("utf-16").count(",85,100.00") == 1


def test_filled_in_twice_it_is_the_same(graded: Graded, filled: Filled) -> None:
    out = graded(canvas_class)
    once, _ = filled(out, CANVAS, "--column", "HW1")
    twice, said = filled(out, once, "--column", "HW1")
    assert twice == once
    assert "in place of others" not in said


def test_points_of_another_maximum_are_scaled_only_where_that_is_asked_for(
    graded: Graded, filled: Filled, parity: Parity, tmp_path: Path
) -> None:
    out, table = graded(canvas_class), CANVAS.replace("100.00,5.00", "20.00,5.00")
    (tmp_path / "table.csv").write_text(table, newline="")
    command = ["gradebook", out, tmp_path / "table.csv", "--out", tmp_path / "back.csv"]
    status, _, err = parity(*command, "--column", "HW1")
    assert status == 2
    assert "'HW1 (312)' has 20 points, the rubric 100; --scale" in err
    assert not (tmp_path / "back.csv").exists()
    back, _ = filled(out, table, "--column", "HW1", "--scale")
    assert back == table.replace("9.50,,", "9.50,20,").replace("10.00,70.00", "10.00,17").replace(
        "7.00,,,", "7.00,20,,"
    )


# ---- who is who


def class_of_bobs(folder: Path) -> Path:
    return export(
        folder,
        ann=submitters(("Ann Lee", "ann@school")),
        one=submitters(("Bob", "bob@school")),
        wrong=submitters(("Bob", "bob@school"), ("Cem", "cem@school")),
    )


def one_table(*rows: str) -> str:
    return "Name,SID,Email,Total Score,Max Points\n" + "".join(f"{row}\n" for row in rows)


@pytest.mark.parametrize(
    ("rows", "grades", "said"),
    [
        (["Ann,1,ann@school,,100"], ["100"], ""),
        (["A. Nobody,1,ANN@SCHOOL,,100"], ["100"], ""),
        (['"Lee, Ann",,,,100'], ["100"], ""),
        (["Ann Lee,,,,100", "Ann Lee,,,,100"], ["", ""], "2 rows of the table may be those of Ann Lee"),
        (["Lee Ann,,,,100", "Ann Lee,,,,100"], ["", ""], "2 rows of the table may be those of Ann Lee"),
        (["Bob,,bob@school,,100"], [""], "Bob: may be of Bob or of Bob, Cem"),
        (["Cem,,cem@school,,100"], ["85"], ""),
        (["Ann Lee,,ann@school,,pass"], [""], "the maximum 'pass' is no number"),
        (["Eve,,eve@school,,100", "Ann Lee,,,,100"], ["", "100"], "Without a submission, and left as they were: Eve."),
    ],
)  # fmt: skip
def test_nobody_is_filled_in_by_a_guess(
    graded: Graded, filled: Filled, rows: list[str], grades: list[str], said: str
) -> None:
    back, heard = filled(graded(class_of_bobs), one_table(*rows))
    assert [row[3] for row in cells(back)[1:]] == grades
    assert said in heard


def test_a_0_of_which_nothing_was_judged_is_told_from_one_that_was_earned(
    filled: Filled, parity: Parity, tmp_path: Path
) -> None:
    source = class_folder(tmp_path / "class", ann="", bob="# no import", cem="# wrong relu", dan="# no import")
    (source / "eve").mkdir()
    (source / "eve" / "essay.pdf").touch()
    out, rubric, overrides = tmp_path / "out", tmp_path / "rubric.toml", tmp_path / "overrides.csv"
    rubric.write_text('[[item]]\nname = "relu"\npoints = 15\nchecks = ["relu"]\n')
    overrides.write_text("submission,item,points,reason\ndan,relu,5,one parenthesis too many\n")
    command = ["grade", source, "--out", out, "--rubric", rubric, "--overrides", overrides]
    said = " ".join(parity(*command)[1].split())
    assert "5 of 5 submissions have a grade, 2 of them 0 since nothing could be judged. Mean 4 points" in said
    shown = (out / "class.html").read_text()
    assert "5 of 5 submissions have a grade, 2 of them 0 since nothing could be judged: the mean is 4.0 of 15" in shown
    table = one_table(*(f"{name},,,,15" for name in ("ann", "bob", "cem", "dan", "eve")))
    back, said = filled(out, table)
    assert [row[3] for row in cells(back)[1:]] == ["15", "0", "0", "5", "0"]
    assert said.startswith("5 grades are filled in: column ")
    assert "0, since nothing could be judged: bob (does not import), eve (nothing to run)." in said
    again = class_folder(tmp_path / "again", ann="", cem="# wrong relu")
    said = " ".join(parity("grade", again, "--out", tmp_path / "other", "--rubric", rubric)[1].split())
    assert said.startswith("2 of 2 submissions have a grade. Mean 7.5 points")
    assert "2 of 2 submissions have a grade: the mean is 7.5" in (tmp_path / "other" / "class.html").read_text()


def test_a_number_that_contradicts_both_name_and_address_fills_nothing(
    filled: Filled, parity: Parity, tmp_path: Path
) -> None:
    source, out = tmp_path / "class", tmp_path / "out"
    export(source, ann=[":submitters:", "- :name: Ann Lee", "  :email: ann@school", "  :sid: '7'"])
    assert parity("grade", source, "--out", out)[0] == 0
    back, said = filled(out, one_table("Eve Fox,7,eve@school,,100"))
    assert back == one_table("Eve Fox,7,eve@school,,100")
    assert "Eve Fox: has the number of Ann Lee, but neither its name nor its address." in said
    back, said = filled(out, one_table("Ann Lee,9,lee@school,,100"))
    assert back == one_table("Ann Lee,9,lee@school,100,100"), "the table's numbers tell nobody, so they may be others"
    assert "Known by name alone, since no number or address agrees: Ann Lee." in said
    for agreeing in ("Ann Lee,7,lee@school,,100", "Ann Lee,,,,100"):
        assert "by name alone" not in filled(out, one_table(agreeing))[1]


def test_a_name_that_every_number_contradicts_fills_nothing_where_numbers_tell_others(
    graded: Graded, filled: Filled
) -> None:
    out, wrong = graded(canvas_class), CANVAS.replace("104,u0104,danoz", "904,u0904,other")
    back, said = filled(out, wrong)
    assert back == wrong.replace('""A""",9.50,,', '""A""",9.50,100,').replace("10.00,70.00,", "10.00,85,")
    assert "Left as it was: Öz, Dan: has the name of ozdan, but another number or address." in said
    assert "name alone" not in said


def test_who_has_no_grade_yet_or_less_to_earn_is_left_and_said(filled: Filled, parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="# harness", cem="# undecided relu"), tmp_path / "out"
    assert parity("grade", source, "--out", out)[0] == 3
    back, said = filled(out, one_table("ann,,,,100", "bob,,,,100", "cem,,,,100"))
    assert [row[3] for row in cells(back)[1:]] == ["100", "", ""]
    assert "bob: there is no grade, because Parity or the assignment failed." in said
    assert "cem: has 85 of 85 points, but the table counts 100; --scale gives the share." in said
    back, _ = filled(out, one_table("ann,,,,100", "bob,,,,100", "cem,,,,100"), "--scale")
    assert [row[3] for row in cells(back)[1:]] == ["100", "", "100"]


# ---- refused


UNCLEAR = (
    "line 1: the rubric is worth 100 points; name the column for the grades by --column: there are 'Quiz 1 (311)' of"
)


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        ("", [], "these are not the columns of a table of Canvas"),
        ("\n\n", [], "these are not the columns"),
        ("a,b,c\n1,2,3\n", [], "For a table of your own take grades.csv"),
        (b"\x00\x01\x02", [], "these are not the columns"),
        (b"PK\x03\x04xlsx", [], "line 1: this is a zip or a workbook of Excel; export the table as CSV"),
        (CANVAS.replace("Student,ID", "Student,Number"), [], "line 1: these are not the columns of a table of Canvas"),
        ('Student,ID,Section\n"Lee', [], "line 2: a quote is opened and never closed"),
        ('Student,ID,Section\n"Lee"x,1\n', [], "line 2: there is something behind a closing quote"),
        (b"\xff\xfeS", [], "line 1: it begins as utf-16-le and is not"),
        ("Student,ID,Section\nann,1,x\n", [], "name the column for the grades by --column: there are none"),
        (CANVAS.replace("100.00,5", "50,5"), [], f"{UNCLEAR} 10 points, 'HW1 (312)' of 50 points, "),
        (
            CANVAS.replace("100.00,5", "100,100"),
            [],
            f"{UNCLEAR} 10 points, 'HW1 (312)' of 100 points",
        ),
        (CANVAS, ["--column", "HW9"], "no column for grades is called 'HW9'; there are 'Quiz 1 (311)'"),
        (CANVAS, ["--column", "ID"], "no column for grades is called 'ID'"),
        (CANVAS, ["--column", "Homework Current Score"], "no column for grades is called"),
        (CANVAS.replace("Quiz 1 (311)", "HW1 (312)"), ["--column", "HW1 (312)"], "more than one column for grades"),
        (CANVAS.replace("SIS User ID", "ID"), ["--column", "HW1"], "there are two columns 'id'"),
        (CANVAS.replace("100.00,5", "20.00,5"), ["--column", "HW1"], "has 20 points, the rubric 100"),
        (one_table("Eve,9,eve@school,,100"), [], "nobody in"),
        (one_table(), [], "nobody in"),
    ],
)
def test_a_table_that_cannot_be_filled_is_a_sentence_and_2(
    graded: Graded, parity: Parity, tmp_path: Path, table: Any, options: list[str], said: str
) -> None:
    out, path = graded(canvas_class), tmp_path / "table.csv"
    path.write_bytes(table if isinstance(table, bytes) else table.encode())
    status, heard, err = parity("gradebook", out, path, "--out", tmp_path / "back.csv", *options)
    assert (status, heard) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "back.csv").exists()


def test_the_sites_own_file_is_never_written_over(
    parity: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source, path = canvas_class(tmp_path / "class"), tmp_path / "table.csv"
    path.write_text(CANVAS, newline="")
    parity("grade", source, "--out", "out")
    for target in ("table.csv", tmp_path / "class" / ".." / "table.csv"):
        status, _, err = parity("gradebook", "out", path, "--out", target, "--column", "HW1")
        assert status == 2
        assert "is the table itself" in err
    assert parity("gradebook", "out", "table.csv", "--column", "HW1", "-q")[0] == 0
    assert path.read_bytes() == CANVAS.encode()
    assert (tmp_path / "table-filled.csv").is_file()
    assert parity("gradebook", "class", path)[0] == 2
    assert parity("gradebook", "out", "none.csv")[0] == 2
    assert "table.csv is no folder that `parity grade` wrote" in parity("gradebook", path, "out")[2], "swapped"


# ---- Moodle's worksheet in other languages: filled like the English one, and never guessed at


GERMAN = (
    'ID,"Vollständiger Name",E-Mail-Adresse,Status,Bewertung,Bestwertung,"Bewertung kann geändert werden",'
    '"Zuletzt geändert (Bewertung)","Feedback als Kommentar"\n'
    '"Teilnehmer/in5101","Ann Lee",ann@school,Abgegeben,,"100,00",Ja,-,\n'
    '"Teilnehmer/in5102","Bob Ray",bob@school,Abgegeben,"70,00","100,00",Nein,-,\n'
    '"Teilnehmer/in5104","Dan Öz",dan@school,Abgegeben,,"100,00",Ja,-,\n'
)
HEADERS = {
    "French": "Identifiant,Nom complet,Adresse de courriel,Statut,Note,Note maximale,La note peut être modifiée",
    "Spanish": "Identificador,Nombre completo,Dirección de correo,Estado,Calificación,Calificación máxima,"
    "La calificación puede ser cambiada",
    "Spanish of Spain": "Identificador,Nombre completo,Dirección de correo,Estado,Calificación,Calificación máxima,"
    "La calificación puede cambiarse",
    # Of these the last title alone is known; the others are told by their places and what stands in them.
    "Italian": "a,b,c,d,e,f,La valutazione può essere cambiata",
    "Portuguese": "a,b,c,d,e,f,A nota pode ser alterada.",
    "Dutch": "a,b,c,d,e,f,Het cijfer kan gewijzigd worden",
}
ROWS = "Person 5101,Ann Lee,ann@school,x,,100.00,x\nPerson 5104,Dan Öz,dan@school,x,,100.00,x\n"


def test_a_german_worksheet_is_filled_with_its_own_commas_and_comments(
    parity: Parity, filled: Filled, tmp_path: Path
) -> None:
    source, comments = moodle_class(tmp_path / "class"), tmp_path / "comments.csv"
    comments.write_text("submission,comment\nAnn Lee,gut\n", encoding="utf-8")
    parity("grade", source, "--out", tmp_path / "out", "--comments", comments)
    back, said = filled(tmp_path / "out", GERMAN)
    expected = GERMAN.replace('ann@school,Abgegeben,,"100,00",Ja,-,', 'ann@school,Abgegeben,100,"100,00",Ja,-,gut')
    assert back == expected.replace("dan@school,Abgegeben,,", "dan@school,Abgegeben,85,")
    assert "2 grades are filled in: column 'Bewertung' of" in said
    assert "Bob Ray: the table says that the grade cannot be changed." in said


@pytest.mark.parametrize("language", HEADERS)
def test_the_worksheet_of_another_language_is_known_by_its_words_and_places(
    graded: Graded,
    filled: Filled,
    language: str,
) -> None:
    table = f"{HEADERS[language]}\n{ROWS}"
    back, _ = filled(graded(moodle_class), table)
    assert back == table.replace("ann@school,x,,", "ann@school,x,100,").replace("dan@school,x,,", "dan@school,x,85,")


def test_any_other_language_is_taken_where_the_column_is_named(graded: Graded, filled: Filled) -> None:
    table = f"Identyfikator,a,b,c,Ocena,d,e\n{ROWS}"
    back, _ = filled(graded(moodle_class), table, "--column", "ocena")
    assert "ann@school,x,100," in back


@pytest.mark.parametrize(
    "table",
    [
        f"Identyfikator,a,b,c,Ocena,d,e\n{ROWS}",
        HEADERS["Dutch"] + "\nno number,Ann Lee,ann@school,x,,100.00,x\n",
        HEADERS["Dutch"] + "\nPerson 5101,Ann Lee,ann@school,x,good,100.00,x\n",
        HEADERS["Dutch"] + "\nPerson 5101,Ann Lee,ann@school,x,,a scale,x\n",
        "Het cijfer kan gewijzigd worden,b,c\nPerson 5101,1,2\n",
    ],
    ids=["no known word", "nobody's number", "grades that are none", "a scale", "another place"],
)
def test_what_only_looks_like_one_is_refused(
    parity: Parity,
    graded: Graded,
    tmp_path: Path,
    table: str,
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(table, encoding="utf-8")
    status, _, err = parity("gradebook", graded(moodle_class), path)
    assert status == 2
    assert "line 1: these are not the columns" in err
    assert "--column" in err
