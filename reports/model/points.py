"""The points of a submission, as reports show them: plain values, computed elsewhere."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reports.model.records import Record

DIGITS = 2
"""Points are given to a hundredth."""
GRADED = "graded"
"""The status, in the gradebook of a class, of a submission that was judged."""


def is_unjudged_zero(row: Mapping[Any, Any]) -> bool:
    """Whether this row of a class's gradebook is a 0 although nothing was judged."""
    return bool(row["status"] != GRADED and row["total"] == 0)


def counts_for(record: Record, checks: Collection[str], parts: Collection[str]) -> bool:
    """Whether points that are given for these checks, or for these parts, depend on this record.

    Whether the files can be imported is no quantity of any part.
    """
    return record.check in checks or (record.part in parts and record.check != "import")


@dataclass(frozen=True)
class ItemPoints:
    """The points of one item of a rubric, which is given for the quantities of `checks`, or else of `parts`.

    `points` of `maximum`; both are None where the item was not asked, or nothing of it decided. `right` of `counted`
    quantities are earned; `undecided` ones left both numbers. Of those that are right `excused` are earned although
    they fail, because the parts `because` do; `left_open` are not earned, which these parts kept from being judged.
    Where nothing of the item was `judged` none is right, and `because` says what is to blame; nothing, where there was
    nothing to run. `override` is the reason where a human set the points, and `before` then what they were. `null`
    quantities are not counted, since a submission that knows nothing gets them right too; `null_wrong` of these fail.
    """

    name: str
    checks: tuple[str, ...]
    points: float | None
    maximum: float | None
    right: int = 0
    counted: int = 0
    undecided: int = 0
    override: str = ""
    before: float | None = None
    parts: tuple[str, ...] = ()
    excused: int = 0
    because: tuple[str, ...] = ()
    judged: bool = True
    left_open: int = 0
    null: int = 0
    null_wrong: int = 0

    @property
    def asked(self) -> bool:
        """Whether anything was asked that the item gives points for."""
        return self.maximum is not None or bool(self.undecided)


@dataclass(frozen=True)
class Lateness:
    """What is taken off the points that were earned, in per cent of them, and how late it is, in words."""

    per_cent: float
    words: str


@dataclass(frozen=True)
class Points:
    """The points of one submission. `faults` counts the records that are Parity's own fault: then there is no grade.

    What is wrong in the parts that are `free` costs no points. `late` takes its share off every item but those that a
    human set.
    """

    items: tuple[ItemPoints, ...]
    faults: int = 0
    free: frozenset[str] = frozenset()
    late: Lateness | None = None

    @property
    def total(self) -> float | None:
        """The points in all, less what is taken off; None where there is no grade."""
        points = [item.points for item in self.items if item.maximum is not None]
        if None in points or not points:
            return None
        return round(math.fsum(p for p in points if p is not None) - self.taken_off, DIGITS)

    @property
    def taken_off(self) -> float:
        """The points that are taken off for being late."""
        if self.late is None:
            return 0.0
        found = math.fsum(item.points or 0.0 for item in self.items if item.maximum is not None and not item.override)
        return round(found * self.late.per_cent / 100, DIGITS)

    @property
    def maximum(self) -> float:
        """The points there were to earn."""
        return round(math.fsum(item.maximum for item in self.items if item.maximum is not None), DIGITS)

    @property
    def per_cent(self) -> float | None:
        """The share of those points that was earned; None where there is no grade, or nothing to earn."""
        if self.total is None or not self.maximum:
            return None
        return round(100 * self.total / self.maximum, DIGITS)

    @property
    def undecided(self) -> tuple[str, ...]:
        """The names of the items that were asked and of which nothing was decided."""
        return tuple(item.name for item in self.items if item.asked and item.maximum is None)


def without_words(points: Points) -> Points:
    """The same without what a human wrote: a reason may name somebody."""
    items = (replace(item, override="a reason that is left out here" if item.override else "") for item in points.items)
    return replace(points, items=tuple(items), late=None if points.late is None else replace(points.late, words=""))
