"""Submissions that are packages: where they may lie, and what a module costs that is missing or cannot be imported."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from parity_tests.api.objects import write_objects
from parity_tests.grading.intake.entries import Entry
from parity_tests.grading.intake.prepare import prepare
from parity_tests.harness.check import Run, check
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.toy_package.assignment import PACKAGE

NAME = "parity_tests.selftest.toy_package.assignment:PACKAGE"
Parity = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the toy's solution: a folder that holds the package."""
    return Path(shutil.copytree(PACKAGE.solution, tmp_path / "homework"))


def verdicts(run: Run) -> dict[str, str]:
    """The verdict on each part."""
    return {record.part: record.verdict for record in run.records if record.check != "import"}


def checked(folder: Path) -> Run:
    return check(PACKAGE, folder, dtypes=["float64"])


def test_the_folder_that_holds_the_package_its_content_and_its_file_are_submissions(folder: Path) -> None:
    flat = Path(shutil.copytree(folder / "powers", folder.parent / "flat"))
    (flat / "__init__.py").unlink()
    for place in (folder, folder / "powers", flat, folder / "powers" / "basic.py"):
        assert verdicts(checked(place)) == {"A": "match", "B": "match"}, place


def test_a_mistake_in_a_further_module_is_found_and_shown_where_it_stands(folder: Path) -> None:
    even = folder / "powers" / "roots" / "even.py"
    source = even.read_text().replace("return np", "return -np")
    even.write_text(source)
    run = checked(folder)
    assert verdicts(run) == {"A": "match", "B": "mismatch"}
    assert (run.environment.source_lines or {})["B"][0] == "powers/roots/even.py"
    assert "    return -np.sqrt(root(X))" in (run.environment.excerpts or {})["B"]["powers/roots/even.py"].values()


@pytest.mark.parametrize(
    ("source", "verdict", "words"),
    [
        (None, "missing", "there is no powers/roots/even.py"),
        (
            "import nowhere\nnowhere.now()\n",
            "crashed",
            "powers/roots/even.py cannot be imported (powers/roots/even.py, line 1): nowhere",
        ),
        ("def f(:\n", "crashed", "powers/roots/even.py, line 1 is not Python"),
        ("from ..basic import cube\n", "crashed", "cannot import name 'cube'"),
        ("x = 1 / 0\n", "crashed", "ZeroDivisionError"),
        ("x = 1\n", "missing", "powers/roots/even.py defines no fourth_root"),
    ],
)
def test_a_further_module_costs_its_own_parts_alone(folder: Path, source: str | None, verdict: str, words: str) -> None:
    even = folder / "powers" / "roots" / "even.py"
    even.unlink() if source is None else even.write_text(source)
    run = checked(folder)
    assert verdicts(run) == {"A": "match", "B": verdict}
    assert words in next(record.message for record in run.records if record.part == "B")


def test_a_main_module_that_cannot_be_imported_costs_what_uses_it(folder: Path) -> None:
    (folder / "powers" / "basic.py").write_text("import nowhere\nnowhere.now()\n")
    assert verdicts(checked(folder)) == {"A": "missing", "B": "missing"}


def test_a_given_module_is_lent_where_it_is_missing_and_that_is_noted(folder: Path) -> None:
    (folder / "powers" / "given.py").unlink()
    run = checked(folder)
    assert verdicts(run) == {"A": "match", "B": "match"}
    assert run.records[0].note == "no powers/given.py that runs was handed in: Parity's was used"


def test_a_module_of_the_package_that_is_inert_does_nothing_where_it_is_missing(folder: Path) -> None:
    even = folder / "powers" / "roots" / "even.py"
    given = "from ..pictures import show\nfrom past.builtins import xrange\nassert list(xrange(2)) == [0, 1]\nshow(1)\n"
    even.write_text(given + even.read_text())
    assert verdicts(checked(folder)) == {"A": "match", "B": "match"}


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("from ..pictures import show\n", ["powers.pictures"]),
        ("from .. import pictures\n", ["powers.pictures"]),
        ("def late():\n    import powers.pictures\n", ["powers.pictures"]),
        ("from past.builtins import xrange\n", ["past"]),
        ("def my_pictures(past):\n    return past  # of the pictures\n", []),
        ("from math import floor as pictures, ceil as past\n", []),
    ],
)
def test_a_module_is_said_to_do_nothing_only_where_it_is_imported(folder: Path, lines: str, named: list[str]) -> None:
    even = folder / "powers" / "roots" / "even.py"
    even.write_text(lines + even.read_text())
    note = checked(folder).records[0].note
    said = f"{named[0]} did nothing here, where a stand-in replaced what is not used" if named else ""
    assert note == said


def test_a_package_is_imported_afresh_for_each_case(folder: Path) -> None:
    counting = "calls = []\n\n\ndef square(X):\n    calls.append(1)\n    return X * X if len(calls) == 1 else X\n"
    (folder / "powers" / "basic.py").write_text(counting)
    run = check(PACKAGE, folder, parts=frozenset("A"))
    assert {record.verdict for record in run.records} == {"match"}


def test_its_slips_are_all_caught(parity: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, _ = parity("selftest", "--assignment", NAME, "--jobs", "1")
    assert status == 0, out


def test_a_function_alone_is_put_into_the_solutions_module_that_has_it(tmp_path: Path) -> None:
    def fourth_root(X):  # type: ignore[no-untyped-def]
        return -X

    parts = write_objects([fourth_root], tmp_path, PACKAGE)
    assert parts == {"B"}
    assert verdicts(checked(tmp_path)) == {"A": "match", "B": "mismatch"}


# ---- handed in to a class


def entries(files: Mapping[str, bytes]) -> list[Entry]:
    return [Entry(path, len(data), lambda limit, data=data: data[:limit]) for path, data in files.items()]  # type: ignore[misc]


def solution() -> dict[str, bytes]:
    root = PACKAGE.solution
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.py")}


@pytest.mark.parametrize("place", ["", "homework/", "a/b/"])
def test_a_package_is_found_wherever_it_lies(place: str) -> None:
    handed_in = {f"{place}{name}": data for name, data in solution().items()}
    handed_in[f"{place}notebook/basic.py"] = b"nothing"
    files = dict(prepare(entries(handed_in), PACKAGE).files)
    assert files == solution()


def test_the_content_of_a_package_gets_its_package_back() -> None:
    handed_in = {name.removeprefix("powers/"): data for name, data in solution().items()}
    assert dict(prepare(entries(handed_in), PACKAGE).files) == solution()


def test_nothing_of_the_package_is_a_sentence() -> None:
    prepared = prepare(entries({"homework/report.txt": b"x"}), PACKAGE)
    assert not prepared.files
    assert "there is no Python file in what was handed in, only report.txt" in prepared.missing


@pytest.mark.usefixtures("no_pool")
def test_a_class_is_graded_from_folders_and_zips(
    parity: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(PACKAGE.solution, "class/ada/assignment")
    Path("class/ada/assignment/powers/basic.py").write_text("def square(X):\n    return X\n")
    with zipfile.ZipFile("class/bob.zip", "w") as archive:
        for name, data in solution().items():
            archive.writestr(f"assignment/{name}", data)
    status, _, err = parity("grade", "class", "--assignment", NAME, "--out", "graded", "--jobs", "1")
    assert status in (0, 1), err
    grades = Path("graded/grades.csv").read_text()
    ada, bob = (next(line for line in grades.splitlines() if line.startswith(f'"{who}"')) for who in ("ada", "bob"))
    assert ",50" in ada
    assert ",100" in bob


def test_a_folder_without_the_package_is_told_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file powers/basic\.py in"):
        checked(tmp_path)
