"""What rounding alone decides is let pass as undecided, always listed for a human, and fails where it is too much."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from parity_tests.cli.status import AGREEMENT, DISCREPANCIES, status_of
from parity_tests.grading.flags import record_flags
from parity_tests.harness.check import check
from parity_tests.harness.compare import compare, compare_each, over_steps
from parity_tests.harness.undecided import refused
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Quantity
from parity_tests.selftest.fake_records import record
from parity_tests.selftest.toy.assignment import TOY
from reference.answer import Answer
from reports.model.parts import Parts
from reports.model.records import Record


def open_at(count: int, case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """The toy's judge, to whom `count` elements of softplus are open."""
    (value,) = (returned.array for returned in seen.values.values())
    assert value is not None
    radius = np.zeros(value.shape)
    radius.flat[: count if case.check == "softplus" else 0] = np.inf
    return {case.check: compare(Returned("array", value, ""), Answer(value, radius, lambda: value))}


def of_toy(count: int) -> list[Record]:
    kinds = {"call": Kind(TOY.kinds["call"].draw, partial(open_at, count))}
    return check(replace(TOY, kinds=kinds), TOY.solution, dtypes=("float64",)).records


def test_up_to_a_tenth_of_a_part_may_be_undecided() -> None:
    records = of_toy(1)  # of 3×5
    softplus = next(r for r in records if r.quantity == "softplus")
    assert (softplus.verdict, softplus.undecided, softplus.total) == ("undecided", 1, 15)
    assert status_of(records, strict=False) == AGREEMENT


def test_more_than_a_tenth_of_a_part_fails() -> None:
    records = of_toy(2)
    softplus = next(r for r in records if r.quantity == "softplus")
    assert (softplus.verdict, softplus.undecided) == ("unjudged", 2)
    assert "is undecided at 2 of 15 elements; 2 of the 15 elements of Task A are undecided" in softplus.message
    assert "until a grader reviews it" in softplus.message
    assert [r.verdict for r in records if r.quantity == "derivative"] == ["match"]
    assert status_of(records, strict=False) == DISCREPANCIES


def verdicts_on(*rows: tuple[str, Comparison]) -> list[str]:
    """What becomes of the verdicts on these quantities, each with its part."""
    quantities = tuple(Quantity(f"quantity {n}", part) for n, (part, _) in enumerate(rows))
    case = Case("case", "check", "case", "float64", "call", {}, quantities)
    judged = {q.name: comparison for q, (_, comparison) in zip(quantities, rows, strict=True)}
    found = refused([case], {case.name: judged}, {})[case.name]
    return [found[q.name].verdict for q in quantities]


def test_the_tenth_is_of_all_elements_of_the_part_and_of_that_part_alone() -> None:
    undecided = Comparison("undecided", undecided=3, total=10, problem="is open")
    assert verdicts_on(("7", undecided), ("7", Comparison("match", total=20))) == ["undecided", "match"]
    assert verdicts_on(("7", undecided), ("7", Comparison("match", total=19))) == ["unjudged", "match"]
    assert verdicts_on(("7", undecided), ("8", Comparison("match", total=999))) == ["unjudged", "match"]
    assert verdicts_on(("7", Comparison("undecided", problem="is open"))) == ["unjudged"]


def test_what_is_undecided_is_listed_for_a_human_whether_it_fails_or_not() -> None:
    labels = Parts.of([{"id": "7", "label": "TODO 7", "title": ""}])
    few = record(part="7", verdict="undecided", undecided=2)
    (flag,) = record_flags("ann", [few, few, record(part="7")], labels)
    assert (flag.submission, flag.kind) == ("ann", "undecided")
    assert flag.why == "TODO 7: 4 elements cannot be decided"
    (flag,) = record_flags("ann", [replace(few, explained_by="6")], labels)
    assert (flag.kind, flag.why) == ("left open", "TODO 7 cannot be judged, wholly or in part, because 6 is wrong")
    one, other = (
        replace(few, verdict="unjudged", explained_by="6", quantity=name, undecided=n) for n, name in enumerate("ab")
    )
    (flag,) = record_flags("ann", [one, other, record(check="linear", part="8", verdict="mismatch")], labels)
    assert flag.why.endswith("; that counts as wrong until a grader gives points for it (--overrides)")
    (flag,) = record_flags("ann", [replace(few, verdict="unjudged")], labels)
    assert flag.why.endswith("; they count as wrong until a grader reviews it")
    assert record_flags("ann", [record(), record(verdict="mismatch"), record(verdict="unjudged")], labels) == []


def test_what_is_left_open_is_listed_unless_the_file_does_not_import() -> None:
    labels, of_main = Parts([]), record(check="main", verdict="missing", explained_by="10")
    (flag,) = record_flags("ann", [of_main], labels)
    assert (flag.kind, flag.why.partition(",")[0]) == ("left open", "4 cannot be judged")
    assert record_flags("ann", [of_main, record(check="import", verdict="crashed")], labels) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_kink_excuses_what_is_not_a_number(bad: float) -> None:
    answer = Answer(np.array([1.0, 2.0]), np.array([np.inf, 0.0]), lambda: np.array([1.0, 2.0]))
    assert compare(Returned("array", np.array([5.0, 2.0]), ""), answer).verdict == "undecided"
    wrong = compare(Returned("array", np.array([bad, 2.0]), ""), answer)
    assert (wrong.verdict, wrong.bad, wrong.where) == ("mismatch", 1, "[0]")


def test_what_is_undecided_is_counted_over_all_steps() -> None:
    value = np.ones((3, 4))
    radius = np.array([[np.inf, 0, 0, 0], [0, 0, 0, 0], [np.inf, np.inf, 0, 0]])
    each = compare_each([Returned("array", row, "") for row in value], Answer(value, radius, lambda: value))
    together = over_steps(each)
    assert (together.verdict, together.undecided, together.total, together.step) == ("undecided", 3, 12, 1)
    assert together.problem == "is undecided at 3 of 12 elements over all steps"
