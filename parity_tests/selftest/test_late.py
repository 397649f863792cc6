"""Late marks and the late policy: times that course sites write, what is taken off, and what a wrong policy is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.grading.intake.attempt import HandIn
from parity_tests.grading.intake.times import instant, late_by_status, seconds_late, time_words
from parity_tests.grading.late import LatePolicy, load_late_policy
from parity_tests.grading.rubric import RubricError
from parity_tests.selftest.fake_grading import SOURCE
from parity_tests.selftest.test_class_owner import ANN, BOB, export, submitters
from parity_tests.selftest.test_grade import Parity, asked, class_folder, grades, looks  # noqa: F401
from parity_tests.selftest.test_gradebook import MOODLE, moodle_class

pytestmark = pytest.mark.usefixtures("asked")
DAY = 86400.0


# ---- times


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        *(("0:10:00", 600), ("26:10:05", 94205), (94205, 94205), (0, 0), ("00:00:00", 0), ("2 days, 1:00:00", 176400)),
        *((True, None), (None, None), ("yes", None), ("1:2:3", None), (-5, None), (float("inf"), None)),
        *((10**400, None), (f"{'9' * 400}:00:00", None), (float("nan"), None)),
    ],
)
def test_a_lateness_is_read_as_seconds_or_not_at_all(written: Any, seconds: float | None) -> None:
    assert seconds_late(written) == seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(40, "40 s"), (60, "1 min"), (3600, "1 h"), (94205, "1 day 2 h"), (3 * DAY, "3 days"), (3 * DAY + 300, "3 days")],
)
def test_a_time_is_said_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert time_words(seconds) == words


def test_a_moment_needs_its_time_zone() -> None:
    moments = ["2026-11-02 10:00:00.000000000 Z", "2026-11-02T10:00:00+00:00", "2026-11-02 11:00:00 +0100"]
    assert len({instant(text) for text in moments}) == 1
    assert instant(moments[0]) is not None
    for text in (
        "2026-11-02 10:00:00 +99:99",
        "2026-11-02 10:00:00",
        "2026-11-02",
        "",
        "now",
        "yesterday Z",
        "2026-13-02 10:00:00 Z",
    ):
        assert instant(text) is None


def test_of_two_attempts_across_a_change_of_clocks_the_later_counts(parity: Parity, tmp_path: Path) -> None:
    source, out = tmp_path / "class", tmp_path / "out"
    export(
        source,
        later=submitters(ANN, when="2026-11-01 01:10:00 -0800"),
        earlier=submitters(ANN, when="2026-11-01 01:30:00 -0700"),
    )
    parity("grade", source, "--out", out)
    handed_in = pd.read_csv(out / "handed_in.csv").set_index("source")["counts"]
    assert handed_in["submission_1"] == "yes"


# ---- the late policy

POLICY = "percent_a_day = 10\ngrace_minutes = 30\ncap_percent = 50\n"


@pytest.mark.parametrize(
    ("seconds", "per_cent"),
    [(0, 0), (1800, 0), (1801, 10), (DAY, 10), (DAY + 1, 20), (4.5 * DAY, 50), (30 * DAY, 50), (None, 0)],
)
def test_each_day_begun_costs_its_share_up_to_the_cap_and_grace_costs_nothing(
    seconds: float | None, per_cent: float
) -> None:
    policy = LatePolicy(percent_a_day=10, grace_minutes=30, cap_percent=50)
    late = policy.lateness(HandIn("ann", seconds_late=seconds))
    assert (late.per_cent if late else 0) == per_cent


def test_lateness_is_taken_off_last_but_for_overrides(parity: Parity, tmp_path: Path) -> None:
    source, out = tmp_path / "class", tmp_path / "out"
    export(source, wrong=submitters(ANN, late="26:10:05"), two=submitters(BOB, late="0:10:00"))
    late, overrides = tmp_path / "late.toml", tmp_path / "overrides.csv"
    late.write_text(POLICY)
    assert "\n2 late: no points off without --late FILE.\n" in parity("grade", source, "--out", tmp_path / "free")[1]
    assert "late;" not in parity("grade", source, "--out", out, "--late", late)[1]
    ann = grades(out).loc["Ann"]
    assert (ann["total"], ann["taken_off"], ann["relu"], ann["late"]) == (68, 17, 0, "1 day 2 h")
    assert tuple(grades(out).loc["Bob", ["total", "taken_off", "late"]]) == (100, 0, "10 min")
    overrides.write_text("submission,item,points,reason\nAnn,relu,15,seen in office hours\n")
    assert "Ann: 68 → 83 (+15.00)" in parity("regrade", out, "--overrides", overrides)[1]
    sentence = "Handed in 1 day 2 h late: 20 % of the points that were earned (those given by hand aside), 17,"
    assert sentence in (out / "submissions" / "Ann" / "feedback.md").read_text()
    results = json.loads((out / "submissions" / "Ann" / "results.json").read_text())
    assert results["score"] == 83
    assert sentence in results["output"]


def test_hours_late_say_it_where_the_site_does_not_or_is_not_to_be_heard(parity: Parity, tmp_path: Path) -> None:
    source, out = tmp_path / "class", tmp_path / "out"
    for name in ("annlee_LATE_1_11", "bobray_LATE_2_12", "cemkaya_3_13"):
        path = source / f"{name}_{ASSIGNMENT.layout.file}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{SOURCE}unlike = {name[:3]!r}\n")
    late = tmp_path / "late.toml"
    late.write_text(f"{POLICY}[hours_late]\nannlee = 30\n")
    _, said, _ = parity("grade", source, "--out", out, "--late", late)
    assert grades(out)["total"].to_dict() == {"annlee": 80, "bobray": 100, "cemkaya": 100}
    assert looks(out) == {("bobray", "late")}
    assert "1 is marked late, without a time; the late policy took nothing off" in said
    late.write_text(f"{POLICY}[hours_late]\nannlee = 0\nbobray = 0\n")
    _, said, _ = parity("regrade", out, "--late", late)
    assert set(grades(out)["total"]) == {100}
    assert looks(out) == set()
    assert "how late" not in said


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        ("Submitted for grading - Assignment was submitted 1 day 3 hours late", 27 * 3600),
        ("Submitted for grading - 2 hours 5 mins late - Graded", 7500),
        ("Submitted for grading - ", 0),
        ("Submitted for grading - Extension granted until: Monday, 2 November 2026, 9:00 PM", 0),
        ("No submission - Assignment is overdue by: 5 days", None),
        ("Draft (not submitted)", None),
        ("Zur Bewertung abgegeben - 1 Tag 3 Stunden versp\u00e4tet", None),
    ],
)
def test_the_status_in_moodles_worksheet_says_how_late(status: str, seconds: float | None) -> None:
    assert late_by_status(status) == seconds


def test_the_roster_says_how_late_and_by_what_name_where_what_was_handed_in_does_not(
    parity: Parity, tmp_path: Path
) -> None:
    source, out = moodle_class(tmp_path / "class"), tmp_path / "out"
    roster, late, overrides = tmp_path / "roster.csv", tmp_path / "late.toml", tmp_path / "overrides.csv"
    late.write_text(POLICY)
    roster.write_text(
        MOODLE.replace('ann@school,"Submitted for grading', 'ann@school,"Submitted for grading - 1 day 3 hours late')
    )
    _, said, _ = parity("grade", source, "--out", out, "--roster", roster, "--late", late)
    assert grades(out)["total"].to_dict() == {"Ann Lee": 80, "Bob Ray": 100, "Dan \u00d6z": 85}
    assert grades(out)["late"].to_dict() == {"Ann Lee": "1 day 3 h", "Bob Ray": "", "Dan \u00d6z": ""}
    assert "late policy" not in said
    assert re.search(r"Ann Lee +1 day 3 h", parity("grade", source, "--out", out, "--dry-run")[1])
    roster.write_text(MOODLE.replace("Submitted for grading", "Abgegeben"))
    said = parity("regrade", out, "--roster", roster)[1]
    assert "Of 3 nobody says when" in said, "it is not read in another language"
    roster.write_text('name\n"Lee, Ann"\n"Ray, Bob"\n')
    overrides.write_text('submission,item,points,reason\n"Lee, Ann",relu,3,why\nBob Ray,relu,4,why\n')
    assert "Lee, Ann: 100 \u2192 88" in parity("regrade", out, "--roster", roster, "--overrides", overrides)[1]
    assert "# Feedback for Lee, Ann\n" in (out / "submissions" / "Ann Lee" / "feedback.md").read_text()
    assert "<bdi>Lee, Ann</bdi></a>" in (out / "class.html").read_text()


def test_a_deadline_is_held_against_the_time_of_handing_in(parity: Parity, tmp_path: Path) -> None:
    source, out = tmp_path / "class", tmp_path / "out"
    export(source, ann=submitters(ANN, when="2026-11-02 23:00:00 -0800"), bob=submitters(BOB, when="2026-11-02"))
    late = tmp_path / "late.toml"
    late.write_text(f"due = 2026-11-02T23:59:00+01:00\n{POLICY}")
    _, said, _ = parity("grade", source, "--out", out, "--late", late)
    assert grades(out)["total"].to_dict() == {"Ann": 90, "Bob": 100}
    assert "Of 1 nobody says when; the late policy took nothing off" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: there is no percent_a_day"),
        ("percent_a_day = 10\npercent_a_day = 20\n", "line 2: cannot overwrite"),
        ("percent_a_day = 101\n", "line 1: percent_a_day must be a number from 0 to 100, not 101"),
        ("percent_a_day = nan\n", "line 1: percent_a_day must be a number from 0 to 100, not nan"),
        ("\npercent_a_day = true\n", "line 2: percent_a_day must be a number from 0 to 100, not True"),
        ("percent_a_day = '10'\n", "line 1: percent_a_day must be a number from 0 to 100, not 10"),
        (f"{POLICY}grace = 3\n", "line 4: there is no setting 'grace' here; there are percent_a_day"),
        ("percent_a_day = 1\ngrace_minutes = -1\n", "line 2: grace_minutes must be a number of minutes, 0 or more"),
        ("percent_a_day = 1\ncap_percent = inf\n", "line 2: cap_percent must be a number from 0 to 100, not inf"),
        ("percent_a_day = 1\ndue = 2026-11-02\n", "line 2: due must be a time with its zone"),
        ("percent_a_day = 1\ndue = 2026-11-02T10:00:00\n", "line 2: due must be a time with its zone"),
        (f"{POLICY}[hours_late]\nann = -1\n", "line 5: ann cannot be -1 hours late"),
        (f"{POLICY}[hours_late]\nann = nan\n", "line 5: ann cannot be nan hours late"),
        (f"{POLICY}[hours_late]\n\nbob = 1\n", "line 6: there is no submission 'bob'"),
        (f"{POLICY}[hours_late]\nann = true\n", "line 4: hours_late must be a table of hours"),
        (f"{POLICY}hours_late = 3\n", "line 4: hours_late must be a table of hours"),
        ("percent_a_day 10\n", "line 1: expected '='"),
        ("percent_a_day = ten\n", "line 1: percent_a_day must be a number from 0 to 100, not ten"),
    ],
)
def test_a_wrong_late_policy_is_a_sentence_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "late.toml"
    path.write_text(text)
    with pytest.raises(RubricError, match=r"late\.toml, ") as error:
        load_late_policy(path, {"ann": ()})
    assert words in str(error.value)


def test_odd_times_of_a_course_site_stop_nothing(parity: Parity, tmp_path: Path) -> None:
    odd = ("0001-01-01 00:00:00 +1400", "9999-12-31 23:59:59 -1400", "2026-11-02 10:00:00 +99:99", "'x\ny'")
    people = {f"p{n}": submitters((f"P{n}", f"p{n}@school"), when=when) for n, when in enumerate(odd)}
    people["late"] = submitters(("L", "l@school"), late="9" * 400)
    late = tmp_path / "late.toml"
    late.write_text("percent_a_day = 10\ndue = 2026-11-02T23:59:00+01:00\n")
    status, _, err = parity("grade", export(tmp_path / "class", **people), "--out", tmp_path / "out", "--late", late)
    assert status == 0, err
    assert grades(tmp_path / "out")["total"].to_dict() == {"P0": 100, "P1": 0, "P2": 100, "P3": 100, "L": 100}
