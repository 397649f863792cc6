"""A folder holds one class: another one is refused before anything changes, and who has left a class is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parity_tests.grading.folder import GradingFolder
from parity_tests.selftest.test_class_owner import ANN, BOB, CEM, export, submitters
from parity_tests.selftest.test_grade import Parity, asked, class_folder, content, grades  # noqa: F401

pytestmark = pytest.mark.usefixtures("asked")
OVERRIDE = "submission,item,points,reason\ncem,relu,7.5,seen in office hours\n"


def everything(out: Path) -> dict[str, bytes]:
    """Every file of a folder, without the lock, by its path."""
    files = (path for path in out.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def said_of(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(("kept", "damaged"), [(False, False), (True, False), (True, True)])
def test_another_class_is_refused_before_anything_changes(
    parity: Parity, tmp_path: Path, kept: bool, damaged: bool
) -> None:
    first = class_folder(tmp_path / "first", ann="", bob="", cem="", dan="")
    other = class_folder(tmp_path / "other", eve="", fay="")
    out, overrides = tmp_path / "out", tmp_path / "overrides.csv"
    overrides.write_text(OVERRIDE)
    parity("grade", first, "--out", out, *(["--overrides", overrides] if kept else []))
    if damaged:
        (out / "intake.json").write_text("{")
    before = everything(out)
    for dry in ((), ("--dry-run",)):
        status, said, err = parity("grade", other, "--out", out, *dry)
        assert (status, said) == (2, "")
        assert (
            f"{out} holds the results of 4 submissions (ann, bob and 2 more), and none of them is in {other}: name "
            "another folder with --out."
        ) in said_of(err)
        assert everything(out) == before
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


def test_a_wrong_file_leaves_no_folder_behind(parity: Parity, tmp_path: Path) -> None:
    source, out, overrides = class_folder(tmp_path / "class", ann=""), tmp_path / "out", tmp_path / "overrides.csv"
    overrides.write_text(OVERRIDE)
    assert parity("grade", source, "--out", out, "--overrides", overrides)[0] == 2
    assert not out.exists()


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
