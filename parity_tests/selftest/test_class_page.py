"""The page of a class: what a teaching assistant must find on it, what an anonymous one must not say, and its size."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from parity_tests.examples.chromium import Browser, find
from parity_tests.grading.flags import Flag, flags_frame
from parity_tests.grading.gradebook import gradebook_frame
from parity_tests.selftest.fake_records import DESCRIBED
from parity_tests.selftest.hostile_text import TEXTS
from reports.html.class_page import Who, class_page, codes, mistakes_by_submission
from reports.model.parts import Parts

ITEMS = ("linear", "tanh", "relu", "dropout", "network")
PARTS = Parts.of(DESCRIBED)
MISTAKES = ("the gradient of W is averaged over the rows", "the derivative is 1 − X², of the input", "")


def class_of(names: list[str]) -> dict[str, Any]:
    """The frames of a fake class; the same for the same names."""
    draw = random.Random(0)
    rows, records = [], []
    for name in names:
        points = {item: float(draw.choice((0, 7.5, 15))) for item in ITEMS}
        rows.append(
            {"submission": name, "student": f"Student {name}", "late": draw.choice(("", "2 days")), "edition": "2019"}
            | points
            | {"total": sum(points.values()), "maximum": 75.0, "status": "graded", "overridden": ""}
        )
        for part in draw.sample(("1", "4", "6", "8", "9", "10"), 4):
            records += [
                (name, draw.choice(MISTAKES), part, "gradient of W", "mismatch", ""),
                (name, "", part, "updated W", "mismatch", part),
            ]
    columns = ["submission", "diagnosis", "part", "quantity", "verdict", "explained_by"]
    items = [(p, len(names), 1, 1, len(names) - 2, 0, 0.5, "") for p in ITEMS]
    part_columns = ["item", "asked", "right", "partly", "none", "undecided", "mean_share", "commonest"]
    return {
        "grades": gradebook_frame(rows, ITEMS),
        "items": pd.DataFrame(items, columns=part_columns),
        "flags": flags_frame(
            [Flag(names[0], "identical", f"the same code as {names[-1]}"), Flag("Zoe Roster", "nothing", "why")]
        ),
        "mistakes": pd.DataFrame(records, columns=columns),
    }


def page(names: list[str], anonymous: bool = False) -> str:
    code = codes(names, "secret") if anonymous else {name: name for name in names}
    people = {name: Who(code[name], f"submissions/{n}/report.html") for n, name in enumerate(names)}
    return class_page(**class_of(names), parts=PARTS, people=people, anonymous=anonymous)


def test_each_mistake_is_counted_once_a_submission_with_who_made_it() -> None:
    frame = class_of(["anna", "bob"])["mistakes"]
    twice = pd.concat([frame, frame])
    found = mistakes_by_submission(twice, PARTS)
    assert found == mistakes_by_submission(frame, PARTS)
    assert len(found["anna"]) == 4
    assert all(said.startswith("TODO ") for said in found["anna"])
    assert not [said for said in found["anna"] if "updated W" in said]  # it only follows


def test_an_anonymous_page_says_nothing_of_who_they_are() -> None:
    names = [f"family-name-{n}" for n in range(30)]
    written = page(names, anonymous=True)
    assert "family-name" not in written
    assert "Student" not in written
    assert "Roster" not in written
    known = codes(names, "secret")
    assert len(set(known.values())) == len(names)
    assert known == codes(names, "secret") != codes(names, "other")
    assert all(code in written for code in known.values())
    rows = re.findall(r'<tr><th scope="row"><a href="[^"]*">(\w+)</a>', written)
    assert rows == sorted(known.values())  # the order of names would tell something of them


def test_a_class_of_500_is_under_5_megabytes() -> None:
    written = page([f"submission_{n:06d}" for n in range(500)])
    assert len(written.encode()) < 5_000_000
    assert len(re.findall('<tr><th scope="row"><a href', written)) == 500


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if find() is None:
        pytest.skip("there is no Chromium: install the system's package chromium")
    with Browser() as opened:
        yield opened


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_page_is_clean(browser: Browser, tmp_path: Path, width: int, dark: bool) -> None:
    path = tmp_path / "class.html"
    path.write_text(page([f"name{n}" for n in range(40)]), encoding="utf-8")
    seen = browser.open(path, width=width, dark=dark)
    assert (seen.console, seen.requests) == ([], [])
    assert browser.overflow() <= 0
    assert browser.axe() == []


def test_the_table_is_sorted_and_searched(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "class.html"
    path.write_text(page([f"name{n}" for n in range(12)]), encoding="utf-8")
    browser.open(path)
    column = "[...document.querySelectorAll('table.sortable tbody tr:not([hidden])')].map(r => r.cells[{}].textContent)"
    sort = "document.querySelectorAll('table.sortable thead button')[{}].click()"
    assert browser.run(column.format(0)) == [f"name{n}" for n in range(12)]
    browser.run(sort.format(2))
    totals = [float(text) for text in browser.run(column.format(2))]
    assert totals == sorted(totals)
    browser.run(sort.format(2))
    assert [float(text) for text in browser.run(column.format(2))] == sorted(totals, reverse=True)
    assert browser.run("document.querySelector('th[aria-sort]').textContent") == "total"
    browser.run("(b => { b.value = 'name11'; b.dispatchEvent(new Event('input')) })(document.querySelector('input'))")
    assert browser.run(column.format(0)) == ["name11"]
    assert browser.run("document.querySelector('[role=status]').textContent") == "1 of 12 rows"


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "class.html"
    names = [text.encode("utf-8", "backslashreplace").decode() for text in TEXTS]  # as a frame holds them
    frames = class_of(names)
    frames["mistakes"]["diagnosis"] = frames["mistakes"]["submission"]
    people = {name: Who(name, "") for name in names}
    path.write_text(class_page(**frames, parts=PARTS, people=people), encoding="utf-8")
    seen = browser.open(path, width=390)
    assert (seen.console, seen.requests) == ([], [])
    assert browser.run("window.pwned === undefined && document.querySelectorAll('iframe, img').length === 0")
    assert browser.overflow() <= 0
