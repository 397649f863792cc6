"""Parts: their labels and order come with the run, and what is not among them names itself."""

from __future__ import annotations

from typing import Any

from parity_tests.selftest.fake_records import record
from reports.model.environment import Environment
from reports.model.parts import Parts

ROWS = [
    {"id": "10", "label": "TODO 10", "title": "main"},
    {"id": "2", "label": "TODO 2", "title": "linear, init"},
    {"id": "utils", "label": "utils.py", "title": "utils.py"},
]


def test_parts_have_the_order_of_the_assignment_and_unknown_ones_come_last_by_their_text() -> None:
    records = [record(part=part) for part in ("zeta", "utils", "2", "alpha", "10", "2")]
    assert Parts.of(ROWS).within(records) == ["10", "2", "utils", "alpha", "zeta"]


def test_a_title_that_only_repeats_the_label_is_not_said_again() -> None:
    parts = Parts.of([*ROWS, {"id": "alpha", "label": "alpha", "title": "Alpha"}])
    assert [parts.title(part) for part in ("2", "utils", "alpha")] == ["linear, init", "", ""]
    assert [parts.heading(part) for part in ("2", "utils", "alpha")] == ["TODO 2: linear, init", "utils.py", "alpha"]


def test_labels_that_begin_alike_are_joined() -> None:
    parts = Parts.of(ROWS)
    assert parts.short(["10"]) == "TODO 10"
    assert parts.short(["10", "2"]) == "TODO 10/2"
    assert parts.short(["10", "2", "utils"]) == "several"
    assert parts.listed(["10", "2", "utils"]) == "TODO 10, 2 and utils.py"
    assert Parts().listed(["forward", "backward"]) == "forward and backward"


def test_labels_are_printable_wherever_they_come_from() -> None:
    hostile = Parts.of([{"id": "1", "label": "a\x1b[2J", "title": "b\nc"}])
    assert (hostile.label("1"), hostile.title("1"), hostile.label("\x07")) == ("a\\x1b[2J", "b c", "\\x07")


def test_a_damaged_environment_costs_the_labels_alone() -> None:
    damages: list[Any] = [None, "linear", ["linear", {"label": "no id"}, {"id": 4, "label": "TODO"}, 3]]
    for damaged in damages:
        known = Environment.from_json({"parts": damaged, "seed": 3})
        assert Parts.of(known.parts).label("4") == "4"
        assert known.seed == 3
