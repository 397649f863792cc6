"""The table of a class: for each item how many have it right, and the most common mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from parity_tests.grading.flags import FlagKind
from parity_tests.grading.rubric import Rubric
from reports.model.parts import Parts
from reports.model.points import Points, counts_for
from reports.model.records import Record
from reports.model.summary import import_fails, left_by_import
from reports.model.verdicts import FAILING, Verdict
from reports.model.words import mistake_or_verdict

if TYPE_CHECKING:
    import pandas as pd

COMMONEST = 3


class ClassTable:
    """Counts as submissions come; it keeps no records."""

    def __init__(self, rubric: Rubric) -> None:
        self._rubric = rubric
        self._asked: Counter[str] = Counter()
        self._right: Counter[str] = Counter()
        self._none: Counter[str] = Counter()
        self._not_judged: Counter[str] = Counter()
        self._undecided: Counter[str] = Counter()
        self._share: Counter[str] = Counter()
        self._mistakes: dict[str, Counter[str]] = {item.name: Counter() for item in rubric.items}

    def add(self, points: Points, mistakes: Mapping[str, set[str]]) -> None:
        """Count one submission, with its mistakes in each item. One without a grade does not count."""
        if points.faults:
            return
        for item in points.items:
            self._undecided[item.name] += item.name in points.undecided
            if item.counted:
                self._asked[item.name] += 1
                self._right[item.name] += item.right == item.counted
                self._none[item.name] += item.judged and item.right == 0
                self._not_judged[item.name] += not (item.judged or item.right)
                self._share[item.name] += item.right / item.counted  # type: ignore[assignment]
        for name, names in mistakes.items():
            self._mistakes[name].update(names)

    def frame(self) -> pd.DataFrame:
        """One row for each item: how many were asked, have all right, some, none; and what goes wrong most often.

        Of whom nothing of the item could be judged counts apart from who has none right.
        """
        import pandas as pd

        rows = []
        for name in self._rubric.names:
            asked = self._asked[name]
            common = sorted(self._mistakes[name].items(), key=lambda item: (-item[1], item[0]))[:COMMONEST]
            rows.append(
                {
                    "item": name,
                    "asked": asked,
                    "right": self._right[name],
                    "partly": asked - self._right[name] - self._none[name] - self._not_judged[name],
                    "none": self._none[name],
                    "not_judged": self._not_judged[name],
                    "undecided": self._undecided[name],
                    "mean_share": round(self._share[name] / asked, 4) if asked else None,
                    "commonest": "; ".join(f"{mistake} ({count})" for mistake, count in common),
                }
            )
        counts = dict.fromkeys(("asked", "right", "partly", "none", "not_judged", "undecided"), "int64")
        return pd.DataFrame(rows).astype({"item": "string", **counts, "mean_share": "float64", "commonest": "string"})


def mistakes_of(records: Iterable[Record], points: Points, parts: Parts) -> dict[str, set[str]]:
    """The mistakes in each item, as the table names them; of files that cannot be imported, that."""
    records = [*records]
    wrong = [r for r in left_by_import(records) if r.verdict in FAILING and not r.explained_by]
    tells = [r for r in wrong if r.diagnosis or r.verdict == Verdict.MISSING]  # all else of its part comes of it
    wrong = tells + [r for r in wrong if r.part not in {one.part for one in tells}]
    of_all = {FlagKind.DOES_NOT_IMPORT.value} if import_fails(records) else set()
    return {
        item.name: of_all | {_mistake(record, parts) for record in wrong if counts_for(record, item.checks, item.parts)}
        for item in points.items
    }


def _mistake(record: Record, parts: Parts) -> str:
    """The name of a mistake or, where it has none, its part and what is seen of it."""
    seen = mistake_or_verdict(record.quantity, record.verdict, record.diagnosis)
    return seen if record.diagnosis else f"{parts.label(record.part)}: {seen}"
