"""Grading a class: whole results, resumed runs, tables, and one submission's trouble that stays its own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.grading import task as task_module
from parity_tests.grading.flags import roster_flags
from parity_tests.grading.folder import GradingFolder
from parity_tests.grading.intake.attempt import HandIn
from parity_tests.grading.roster import join, load_roster
from parity_tests.grading.task import Outcome, Task, work
from parity_tests.harness.sandbox.isolation import Level
from parity_tests.selftest.fake_grading import SOURCE, fake_outcome, threads
from parity_tests.selftest.fake_records import from_frame
from parity_tests.selftest.records_of_cases import FEWEST_NAME
from parity_tests.selftest.runners import write
from parity_tests.selftest.test_intake import refusable
from parity_tests.selftest.test_likeness import renamed

LONG = "".join(f"def f{n}(a, b):\n    return a * b + {n} / b\n" for n in range(60))
"""Enough code to be alike."""
TABLES = ("grades.csv", "grades.parquet", "records.parquet", "class.csv", "look.csv", "handed_in.csv")
Parity = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.usefixtures("asked")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the submissions that were put to the fake work."""
    return faked(monkeypatch)


def faked(patch: pytest.MonkeyPatch) -> list[str]:
    """Lets classes be graded by fake work, in this process; the names of those that are put to it."""
    names: list[str] = []

    def note(task: Task) -> Outcome:
        names.append(task.name)
        return fake_outcome(task)

    patch.setattr("parity_tests.grading.check_class.work", note)
    patch.setattr("parity_tests.grading.check_class.local_processes", threads)
    patch.setattr("parity_tests.grading.check_class.choose", lambda minimum: Level("none", "nothing"))
    return names


def class_folder(folder: Path, **sources: str) -> Path:
    for number, (name, words) in enumerate(sources.items()):
        path = folder / name / "neural_networks.py"
        path.parent.mkdir(parents=True)
        path.write_text(f"{SOURCE}unlike = {number}\n{words}\n")
    return folder


def grades(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "grades.parquet").set_index("submission")


def looks(out: Path) -> set[tuple[str, str]]:
    table = pd.read_csv(out / "look.csv")
    return set(zip(table["submission"], table["kind"], strict=True))


def content(out: Path) -> dict[str, bytes]:
    pages = [path for path in sorted(out.rglob("*")) if path.name in ("feedback.md", "results.json")]
    return {str(path.relative_to(out)): path.read_bytes() for path in [*(out / name for name in TABLES), *pages]}


# ---- a class


def test_every_submission_ends_with_a_grade_pages_and_its_records(
    asked: list[str], parity: Parity, tmp_path: Path
) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="# wrong relu"), tmp_path / "out"
    status, said, _ = parity("grade", source, "--out", out)
    assert status == 0
    assert "2 of 2 submissions have a grade. Mean 92.5 points" in said
    assert list(grades(out)["total"]) == [100, 85]
    records = from_frame(pd.read_parquet(out / "records.parquet"))
    assert {record.submission for record in records} == {"ann", "bob"}
    assert "85 of 100 points" in (out / "submissions" / "bob" / "feedback.md").read_text()
    assert '"score": 85.0' in (out / "submissions" / "bob" / "results.json").read_text()
    relu = pd.read_csv(out / "class.csv").set_index("item").loc["relu"]
    assert (relu["asked"], relu["right"], relu["none"]) == (2, 1, 1)


GIVEN = "def softmax(x):\n    return x\n\n\ndef load(path):\n    return path\n"


def test_who_changed_what_was_given_is_listed_by_the_starter_or_by_the_class(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", **dict.fromkeys("abcdefgh", "")), tmp_path / "out"
    own = {
        "e": GIVEN.replace("return x", "# nothing to do\n    return x"),
        "f": GIVEN + "def further(x):\n    return -x\n",
        "g": GIVEN.replace("return x", "return x - 1"),
        "h": GIVEN + "load('now')\n",
    }
    for name in "abcdefgh":
        (source / name / "utils.py").write_text(own.get(name, GIVEN))
    parity("grade", source, "--out", out)
    changed = {("g", "not as given"), ("h", "not as given")}
    assert looks(out) == changed
    why = pd.read_csv(out / "look.csv").set_index("submission")["why"]
    assert why["g"] == "utils.py was given and is not as most handed it in: softmax is changed or put in"
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "utils.py").write_text(own["g"])
    assert parity("regrade", out, "--starter", tmp_path / "given")[0] == 0
    assert {name for name, kind in looks(out) if kind == "not as given"} == set("abcdefh")


def test_of_a_few_submissions_nobody_can_say_what_was_given(parity: Parity, tmp_path: Path) -> None:
    source = class_folder(tmp_path / "class", **dict.fromkeys("abcd", ""))
    for name in "abcd":
        (source / name / "utils.py").write_text(GIVEN if name != "d" else GIVEN.replace("return x", "return x - 1"))
    parity("grade", source, "--out", tmp_path / "out")
    assert looks(tmp_path / "out") == set()


def test_a_harness_error_stops_nobody_gives_no_grade_and_makes_the_status_3(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="# break the harness", cem="# harness"), tmp_path / "out"
    status, said, err = parity("grade", source, "--out", out)
    assert status == 3
    assert "1 of 3 submissions have a grade" in said
    assert "parity: bob: harness error: RuntimeError: the harness broke" in err
    assert grades(out)["total"].isna().tolist() == [False, True, True]
    assert looks(out) == {("bob", "harness error"), ("cem", "harness error")}
    assert "score" not in (out / "submissions" / "bob" / "results.json").read_text().replace("max_score", "")
    assert parity("regrade", out)[0] == 3
    (source / "bob" / "neural_networks.py").write_text(SOURCE)
    (source / "cem" / "neural_networks.py").write_text(SOURCE + "mended = 1\n")
    assert parity("grade", source, "--out", out)[0] == 0


def test_what_needs_a_look_is_listed(parity: Parity, tmp_path: Path) -> None:
    source = class_folder(tmp_path / "class", ann="# undecided relu", bob="# edition")
    for name in ("cem", "dan"):
        (source / name).mkdir()
        (source / name / "neural_networks.py").write_text(
            LONG.replace("a * b", f"{name} * b").replace("(a", f"({name}")
        )
    (source / "eve").mkdir()
    (source / "eve" / "essay.pdf").touch()
    out = tmp_path / "out"
    parity("grade", source, "--out", out)
    assert looks(out) == {
        ("ann", "undecided"),
        ("bob", "another edition"),
        ("cem", "identical"),
        ("dan", "identical"),
        ("eve", "nothing to run"),
    }
    assert 'href="alike.html"' in (out / "class.html").read_text()
    kinds = pd.read_csv(out / "look.csv")["kind"].unique().tolist()
    assert kinds == ["nothing to run", "undecided", "another edition", "identical"], "the most urgent first"
    table = pd.read_csv(out / "class.csv")
    assert (table["not_judged"] == 1).all(), "eve's"
    both = (out / "alike.html").read_text()
    assert "<bdi>cem</bdi> and <bdi>dan</bdi>" in both
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", both, re.DOTALL)
    assert shown, "the code, a line of it a line of the page"
    lines = [re.sub("<[^>]*>", "", line) for line in shown[1].splitlines() if "</span></span>" not in line or line]
    written = (source / "cem" / "neural_networks.py").read_text().splitlines()
    assert [line.partition(" ▸")[2] for line in lines if " ▸" in line].count("    return cem * b + 3 / b") == 1
    assert [re.sub(r"^\d+( ▸)?", "", line) for line in lines if line] == written
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "neural_networks.py").write_text(LONG)
    assert parity("regrade", out, "--starter", tmp_path / "given")[0] == 0
    assert not {("cem", "identical"), ("dan", "identical")} & looks(out), "it is what all were given"
    assert 'href="alike.html"' not in (out / "class.html").read_text()
    assert parity("regrade", out)[0] == 0
    assert ("cem", "identical") not in looks(out), "the folder keeps the starter"
    for given, why in (
        ("none", "cannot be read: No such file or directory.\n"),
        ("given/essay.pdf", "neither a folder"),
        ("class/eve", "no Python file"),
    ):
        (tmp_path / "given" / "essay.pdf").touch()
        status, _, err = parity("regrade", out, "--starter", tmp_path / given)
        assert status == 2
        assert why in err
    assert grades(out).loc["ann", "maximum"] == 85
    assert grades(out).loc["ann", "per_cent"] == 100
    assert "**85 of 85 points (100 %)**" in (out / "submissions" / "ann" / "feedback.md").read_text()


def test_what_is_handed_in_anew_is_asked_from_another_seed_and_the_same_files_from_the_same(
    monkeypatch: pytest.MonkeyPatch, parity: Parity, tmp_path: Path
) -> None:
    seeds: list[tuple[str, int]] = []

    def work(task: Task) -> Outcome:
        seeds.append((task.name, task.settings.seed))
        return fake_outcome(task)

    monkeypatch.setattr("parity_tests.grading.check_class.work", work)
    source, out = class_folder(tmp_path / "class", ann="", bob=""), tmp_path / "out"
    parity("grade", source, "--out", out, "--seed", "7")
    (source / "ann" / "neural_networks.py").write_text(f"{SOURCE}mended = 1\n")
    parity("grade", source, "--out", out)
    parity("grade", source, "--out", out, "--only", "ann")
    assert [name for name, _ in seeds] == ["ann", "bob", "ann", "ann"]
    first, of_bob, second, again = (seed for _, seed in seeds)
    assert first == of_bob == 7
    assert second == again != 7, "what the first run printed may have told its seed"
    kept = [json.loads((out / "submissions" / name / "submission.json").read_text()) for name in ("ann", "bob")]
    assert [one["earlier"] for one in kept] == [1, 0]
    assert [len(one["totals"]) for one in kept] == [1, 0]
    assert "2 attempts: " in (out / "class.html").read_text()


def test_a_full_disk_for_temporary_files_is_a_sentence_and_nobodys_fault(
    monkeypatch: pytest.MonkeyPatch, parity: Parity, tmp_path: Path
) -> None:
    monkeypatch.setattr("parity_tests.grading.check_class.work", task_module.work)
    monkeypatch.setattr("shutil.disk_usage", lambda place: shutil._ntuple_diskusage(1 << 30, 1 << 30, 0))
    out = tmp_path / "out"
    status, _, err = parity("grade", class_folder(tmp_path / "class", ann=""), "--out", out)
    assert status == 2
    assert (
        "No space left on device. Free some disk space, and give the same command again; what is done is kept." in err
    )
    assert not list((out / "submissions").iterdir()), "ann has no result that the disk made"


def test_the_shipped_network_alone_in_a_class_is_listed_also_renamed(parity: Parity, tmp_path: Path) -> None:
    shipped = (ASSIGNMENT.solution / "neural_networks.py").read_text(encoding="utf-8")
    for name, source in (("verbatim", shipped), ("renamed", renamed(shipped))):
        out = tmp_path / f"out of {name}"
        write(tmp_path / name / "ann", {"neural_networks.py": source})
        parity("grade", tmp_path / name, "--out", out)
        assert looks(out) == {("ann", "identical")}
        assert "100 % of own lines shared" in (out / "look.csv").read_text()
        assert "cluster 1, with the assignment's solution: " in (out / "look.csv").read_text()
        box = re.sub("<[^>]*>", "", (out / "class.html").read_text())
        assert "ann: cluster 1, with the assignment's solution: 100 % of own lines shared" in unescape(box)
        assert parity("regrade", out)[0] == 0
        assert looks(out) == {("ann", "identical")}


def test_a_cluster_of_students_alone_is_not_said_to_be_the_solutions_whatever_they_are_called(
    parity: Parity, tmp_path: Path
) -> None:
    name, out = "the assignment's own solution", tmp_path / "out"
    write(tmp_path / "class" / "ann", {"neural_networks.py": LONG})
    write(tmp_path / "class" / name, {"neural_networks.py": LONG})
    parity("grade", tmp_path / "class", "--out", out)
    assert looks(out) == {("ann", "identical"), (name, "identical")}
    assert "cluster 1: 100 % of own lines shared" in (out / "look.csv").read_text()
    assert "cluster 1, with" not in (out / "class.html").read_text()


def test_a_file_that_does_not_import_is_no_plain_0(
    parity: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parity_tests.grading.check_class.work", work)
    shipped = (ASSIGNMENT.solution / "neural_networks.py").read_text(encoding="utf-8")
    write(tmp_path / "class" / "ann", {"neural_networks.py": shipped + "\nawait main\n"})
    out = tmp_path / "out"
    status, said, _ = parity("grade", tmp_path / "class", "--out", out, "--assignment", FEWEST_NAME)
    assert status == 0
    assert grades(out).loc["ann", "total"] == 0
    assert grades(out).loc["ann", "status"] == "does not import"
    assert ("ann", "does not import") in looks(out)
    assert "'await' outside function" in (out / "look.csv").read_text()
    assert "1 does not import" in " ".join(said.split())
    table = pd.read_csv(out / "class.csv")
    assert (table["none"].sum(), set(table["not_judged"])) == (0, {1}), "as of who handed in nothing that runs"


def test_what_was_left_out_is_listed_with_its_reason(asked: list[str], parity: Parity, tmp_path: Path) -> None:
    out = tmp_path / "out"
    parity("grade", refusable(tmp_path / "class.zip"), "--out", out)
    assert sorted(asked) == ["ann", "bob", "cem", "dan", "eve"]
    assert grades(out)["total"].tolist() == [100.0] * 5
    assert looks(out) == {(name, "left out") for name in ("ann", "bob", "cem", "dan", "eve")}
    assert (out / "class.html").is_file()


def test_names_that_are_formulas_are_neutralised(parity: Parity, tmp_path: Path) -> None:
    out = tmp_path / "out"
    parity("grade", class_folder(tmp_path / "class", **{"=cmd()": "# edition"}), "--out", out)
    for name in ("grades.csv", "look.csv", "handed_in.csv"):
        assert '"\'=cmd()"' in (out / name).read_text()


def test_one_person_in_two_lines_of_the_roster_is_one(tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("Name,Email,SID\nAnn Lee,ann@x.edu,7\nann lee,ANN@X.edu ,\nAnn Lee,other@x.edu,\nBob,,\nBob,,\n")
    people = load_roster(roster)
    assert [(person.name, person.ids) for person in people] == [
        ("Ann Lee", ("7",)),
        ("Ann Lee", ()),
        ("Bob", ()),
        ("Bob", ()),
    ]
    hand_in = HandIn("x", email="Ann@x.edu")
    assert join(people, [hand_in]) == {"x": (people[0],)}


def test_two_on_the_roster_of_one_name_are_both_named_and_a_misspelt_name_has_the_nearest(tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("Name,Email\nSam Roe,a@x\nSam Roe,b@x\nAnn Lee,c@x\n")
    people, hand_ins = load_roster(roster), [HandIn("Sam Roe"), HandIn("Anne Lee"), HandIn("zoe")]
    flags = {flag.why for flag in roster_flags(people, hand_ins, join(people, hand_ins))}
    assert flags == {
        "its name is that of 2 on the roster, Sam Roe (a@x) or Sam Roe (b@x): a number or an address tells which",
        "nobody there has this name, address or number; is Ann Lee meant?",
        "nobody there has this name, address or number",
        "nothing submitted, unless Sam Roe is theirs",
        "nothing submitted",
    }


# ---- again


def test_a_whole_result_is_not_found_again_and_the_tables_stay(
    asked: list[str], parity: Parity, tmp_path: Path
) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="# wrong relu"), tmp_path / "out"
    parity("grade", source, "--out", out)
    before = content(out)
    parity("grade", source, "--out", out)
    assert sorted(asked) == ["ann", "bob"]
    assert content(out) == before
    (source / "bob" / "neural_networks.py").write_text(SOURCE)
    parity("grade", source, "--out", out)
    assert sorted(asked) == ["ann", "bob", "bob"]
    assert grades(out).loc["bob", "total"] == 100


def test_only_checks_one_again_and_no_other(asked: list[str], parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="", cem=""), tmp_path / "out"
    status, said, _ = parity("grade", source, "--out", out, "--only", "ann")
    assert (status, asked) == (0, ["ann"])
    assert "2 were not checked yet" in said
    parity("grade", source, "--out", out)
    parity("grade", source, "--out", out, "--only", "ann")
    assert asked.count("ann") == 2
    assert len(asked) == 4
    status, _, err = parity("grade", source, "--out", out, "--only", "anne")
    assert status == 2
    assert "is ann meant?" in err


def test_results_by_other_settings_are_never_mixed(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann=""), tmp_path / "out"
    parity("grade", source, "--out", out, "--seed", 3)
    assert parity("grade", source, "--out", out)[0] == 0  # the seed that is kept
    for option in (("--seed", 4), ("--edition", "2020-22"), ("--dtype", "both")):
        status, _, err = parity("grade", source, "--out", out, *option)
        assert status == 2
        assert "was begun with" in err
    assert parity("grade", source, "--out", source)[0] == 2
    assert sorted(path.name for path in source.iterdir()) == ["ann"]


def test_a_folder_of_an_earlier_version_is_refused(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann=""), tmp_path / "out"
    out.mkdir()
    (out / "grading.json").write_text('{"format": "parity grading", "version": 1, "edition": "2019", "seed": 3}\n')
    for command in (["grade", source, "--out", out], ["regrade", out], ["report", out]):
        status, _, err = parity(*command)
        assert status == 2
        assert "was written by another version of Parity, whose points followed other rules; gra" in err


def test_the_seed_is_drawn_and_kept(parity: Parity, tmp_path: Path) -> None:
    source, seeds = class_folder(tmp_path / "class", ann=""), set()
    for name in ("one", "two"):
        out = tmp_path / name
        parity("grade", source, "--out", out)
        seeds.add(GradingFolder(out).info().settings.seed)
    assert len(seeds) == 2


def test_killed_at_any_moment_it_goes_on_to_the_same_tables(parity: Parity, tmp_path: Path) -> None:
    source = class_folder(tmp_path / "class", ann="", bob="# wrong relu", cem="# undecided relu")
    undisturbed = tmp_path / "undisturbed"
    assert parity("grade", source, "--out", undisturbed, "--seed", 7)[0] == 0
    moments = {tmp_path / f"out {moment}": moment for moment in (1, 4, 8, 14)}
    command = [sys.executable, "-m", "parity_tests.selftest.fake_grading", str(source)]
    killed = subprocess.run([*command, *map(str, chain(*moments.items()))], capture_output=True, timeout=120, text=True)
    assert killed.stdout.split() == ["-9"] * len(moments), killed.stderr
    for out in moments:
        assert parity("grade", source, "--out", out, "--seed", 7)[0] == 0
        assert content(out) == content(undisturbed)
        left = [path.name for path in out.rglob(".*")]
        assert left == [".lock"]


def test_two_runs_never_write_into_one_folder(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann=""), tmp_path / "out"
    out.mkdir()
    with GradingFolder(out).locked():
        status, _, err = parity("grade", source, "--out", out)
    assert status == 2
    assert "another `parity grade` is at work" in err


# ---- points anew


def test_regrade_changes_points_without_running_and_says_who_changes(
    asked: list[str], parity: Parity, tmp_path: Path
) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="# wrong relu"), tmp_path / "out"
    parity("grade", source, "--out", out)
    rubric = tmp_path / "rubric.toml"
    rubric.write_text((out / "rubric.toml").read_text().replace("points = 15", "points = 20"))
    status, said, _ = parity("regrade", out, "--rubric", rubric)
    assert status == 0
    assert "ann: 100 → 120 (+20.00)" in said
    assert "bob: 85 → 100 (+15.00)" in said
    assert "Mean 110 points" in said
    assert "have a grade" not in said
    assert "Look at" not in said, "as before"
    assert sorted(asked) == ["ann", "bob"]
    assert "100 of 120 points" in (out / "submissions" / "bob" / "feedback.md").read_text()
    assert parity("regrade", out)[1] == "No total changes.\n", "nothing is said again"
    roster = tmp_path / "roster.csv"
    roster.write_text("Student,Email\nann,a@x\nbob,b@x\nzed,z@x\n")
    said = " ".join(parity("regrade", out, "--roster", roster)[1].split())
    assert f"No total changes. Look at {out}/class.html: " in said
    assert "1 handed in nothing" in said


def test_an_override_is_applied_last_shown_and_kept(parity: Parity, tmp_path: Path) -> None:
    source, out = class_folder(tmp_path / "class", ann="", bob="# wrong relu"), tmp_path / "out"
    parity("grade", source, "--out", out)
    overrides = tmp_path / "overrides.csv"
    overrides.write_text("submission,item,points,reason\nbob,relu,7.5,seen in office hours\n")
    assert "bob: 85 → 92.5 (+7.50)" in parity("regrade", out, "--overrides", overrides)[1]
    parity("grade", source, "--out", out)
    assert grades(out).loc["bob", "total"] == 92.5
    assert grades(out).loc["bob", "overridden"] == "relu: 7.5 in place of 0, seen in office hours"
    feedback = (out / "submissions" / "bob" / "feedback.md").read_text()
    assert "7.5 of 15 | given by hand in place of 0: seen in office hours." in feedback
