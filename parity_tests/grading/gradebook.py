"""The gradebook: one row for each student, with the points of each item and in all, as grades.csv holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity_tests.grading.folder import Result
from parity_tests.grading.roster import Person
from parity_tests.protocol.errors import UsageError
from reports.model.numbers import points_text
from reports.model.points import GRADED, Points

if TYPE_CHECKING:
    import pandas as pd

CHANGES = "changes.csv"
_TEXT_BEFORE = ("submission", "student", "email", "id", "late", "when", "edition")
_AFTER_ITEMS = ("total", "maximum", "per_cent", "taken_off")
_TEXT_AFTER = ("status", "overridden")


def gradebook_rows(
    result: Result, points: Points, edition: str, people: Sequence[Person | None]
) -> list[dict[str, Any]]:
    """What is known of a submission and its points: a row for each who handed it in, which is one but for groups.

    `people` are those on the roster, None for who is not on it.
    """
    hand_in = result.hand_in
    overridden = [
        f"{item.name}: {points_text(item.points)} in place of {points_text(item.before)}, {item.override}"
        for item in points.items
        if item.override
    ]
    return [
        {
            "submission": hand_in.name,
            "student": person.name if person else member.name,
            "email": member.email or (person.email if person else ""),
            "id": member.id or ", ".join(person.ids if person else ()),
            "late": points.late.words if points.late else hand_in.late,
            "when": hand_in.when,
            "edition": edition,
            **{item.name: item.points for item in points.items},
            "total": points.total,
            "maximum": points.maximum,
            "per_cent": points.per_cent,
            "taken_off": points.taken_off,
            "status": _status(result, points),
            "overridden": "; ".join(overridden),
        }
        for member, person in zip(hand_in.people, people, strict=True)
    ]


def grades_in(path: Path) -> pd.DataFrame:
    """The gradebook in the folder of a class. Raises UsageError."""
    import pandas as pd

    try:
        with (path / "grades.parquet").open("rb") as file:  # by its name, a folder would be a table without columns
            return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} holds no grades yet ({error}); `parity grade` makes them.") from error


def submissions_in(path: Path) -> pd.DataFrame:
    """The same with one row for everyone of a group. Raises UsageError."""
    grades = grades_in(path)
    grades["student"] = grades.groupby("submission")["student"].transform(", ".join)
    return grades.drop_duplicates("submission", ignore_index=True)


def gradebook_frame(rows: Sequence[Mapping[str, Any]], items: Sequence[str]) -> pd.DataFrame:
    """The gradebook of these rows: text, but for the items and _AFTER_ITEMS, which are points or missing."""
    import pandas as pd

    numbers = (*items, *_AFTER_ITEMS)
    columns = [*_TEXT_BEFORE, *numbers, *_TEXT_AFTER]
    frame = pd.DataFrame([[row.get(name) for name in columns] for row in rows], columns=columns, dtype=object)
    types = {**dict.fromkeys((*_TEXT_BEFORE, *_TEXT_AFTER), "string"), **dict.fromkeys(numbers, "float64")}
    return frame.astype(types)


def names_of(rows: Iterable[Mapping[Any, Any]]) -> dict[str, str]:
    """{submission: who handed it in, or else what it is called where others bear that name}, of a gradebook's rows."""
    students: dict[str, list[str]] = {}
    for row in rows:
        students.setdefault(str(row["submission"]), []).append(str(row["student"] or ""))
    names = {name: ", ".join(filter(None, some)) for name, some in students.items()}
    bearers = Counter(names.values())
    return {name: shown if shown and bearers[shown] == 1 else name for name, shown in names.items()}


@dataclass(frozen=True)
class Change:
    """The points of a submission in all, before and after; None for no grade."""

    submission: str
    before: float | None
    after: float | None

    def sentence(self, called: Mapping[str, str]) -> str:
        """Whose points change by how much, under the name by which a submission is called."""
        difference = "" if self.before is None or self.after is None else f" ({self.after - self.before:+.2f})"
        who = called.get(self.submission, self.submission)
        return f"{who}: {points_text(self.before)} → {points_text(self.after)}{difference}"


def changed_totals(before: Mapping[str, float | None], after: Mapping[str, float | None]) -> list[Change]:
    """Whose points in all change, the largest change first; who is in `after` no more has none."""
    names = dict.fromkeys([*after, *before])
    changes = [Change(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]
    return sorted(changes, key=lambda change: (-abs((change.after or 0.0) - (change.before or 0.0)), change.submission))


def _status(result: Result, points: Points) -> str:
    if result.damage:
        return "no grade: damaged"
    if points.faults:
        return "no grade: harness error"
    if result.import_problem:
        return "does not import"
    if result.missing:
        return "nothing to run"
    return "cannot be checked" if result.trouble else GRADED
