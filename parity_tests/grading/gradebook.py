"""The gradebook: one row for each submission, with the points of each item and in all, as grades.csv holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from parity_tests.grading.folder import Result
from parity_tests.grading.roster import Person
from reports.model.numbers import points_text
from reports.model.points import Points

if TYPE_CHECKING:
    import pandas as pd

_TEXT_BEFORE = ("submission", "student", "email", "id", "late", "when", "edition")
_TEXT_AFTER = ("status", "overridden")


def gradebook_row(result: Result, points: Points, edition: str, person: Person | None) -> dict[str, Any]:
    """One row: what is known of a submission, whose it is on the roster, and its points."""
    hand_in = result.hand_in
    overridden = [
        f"{item.name}: {points_text(item.points)} in place of {points_text(item.before)}, {item.override}"
        for item in points.items
        if item.override
    ]
    return {
        "submission": hand_in.name,
        "student": person.name if person else hand_in.student,
        "email": hand_in.email or (person.email if person else ""),
        "id": hand_in.id or ", ".join(person.ids if person else ()),
        "late": hand_in.late,
        "when": hand_in.when,
        "edition": edition,
        **{item.name: item.points for item in points.items},
        "total": points.total,
        "maximum": points.maximum,
        "status": _status(result, points),
        "overridden": "; ".join(overridden),
    }


def gradebook_frame(rows: Sequence[Mapping[str, Any]], items: Sequence[str]) -> pd.DataFrame:
    """The gradebook of these rows: text, but for the items, `total` and `maximum`, which are points or missing."""
    import pandas as pd

    numbers = (*items, "total", "maximum")
    columns = [*_TEXT_BEFORE, *numbers, *_TEXT_AFTER]
    frame = pd.DataFrame([[row.get(name) for name in columns] for row in rows], columns=columns, dtype=object)
    types = {**dict.fromkeys((*_TEXT_BEFORE, *_TEXT_AFTER), "string"), **dict.fromkeys(numbers, "float64")}
    return frame.astype(types)


def changed_totals(before: Mapping[str, float | None], after: Mapping[str, float | None]) -> list[str]:
    """Whose points in all change by how much, as sentences, the largest change first."""
    sentences = []
    for name, total in after.items():
        old = before.get(name)
        if old == total:
            continue
        difference = "" if old is None or total is None else f" ({total - old:+.2f})"
        size = abs((total or 0.0) - (old or 0.0))
        sentences.append((-size, f"{name}: {points_text(old)} → {points_text(total)}{difference}"))
    return [sentence for _, sentence in sorted(sentences)]


def _status(result: Result, points: Points) -> str:
    if points.faults:
        return "no grade: harness error"
    return "nothing to run" if result.missing else "graded"
