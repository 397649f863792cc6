"""Why an item of a rubric has its points, in a sentence: how much is right, and what kept it from being judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from reports.model.numbers import points_text
from reports.model.parts import Parts
from reports.model.phrases import ended, quantities
from reports.model.points import ItemPoints, Lateness, Points
from reports.model.records import Record
from reports.model.run import Results, parts_of
from reports.model.summary import group_verdict
from reports.model.verdicts import FAILING, row_of

IMPORT = "import"
"""The check of whether the files can be imported."""
NO_GRADE = "No grade yet: Parity or the assignment failed, not your submission"


def total_text(points: Points) -> str:
    """The points in all, of those that there were to earn: "85 of 100 points", "63 of 70 points (90 %)"."""
    if points.total is None:
        return NO_GRADE
    text = f"{points_text(points.total)} of {points_text(points.maximum)} points"
    return text if points.per_cent is None or points.maximum == 100 else f"{text} ({points_text(points.per_cent)} %)"


def causes_of(records: Iterable[Record]) -> dict[str, str]:
    """The verdict of each part that fails by itself: that of most of its records which nothing else explains.

    Where the files cannot be imported, IMPORT is among the parts.
    """
    own: dict[str, list[Record]] = {}
    for record in records:
        if record.verdict in FAILING and not record.explained_by:
            own.setdefault(IMPORT if record.check == IMPORT else record.part, []).append(record)
    return {part: group_verdict(failed) for part, failed in own.items()}


def because_of(ids: Iterable[str], causes: Mapping[str, str], parts: Parts) -> str:
    """What is wrong at these parts: "part 1 (a sum) is missing and part 4 (its gradient) crashes"."""
    by_words: dict[tuple[str, str], list[str]] = {}
    for part in sorted(ids, key=parts.order):
        row = row_of(causes.get(part, ""))
        by_words.setdefault((row.one, row.several), []).append(part)
    clauses = []
    for (one, several), some in by_words.items():
        clauses.append(f"{_named(some[0], parts)} {one}" if len(some) == 1 else f"{parts.listed(some)} {several}")
    return " and ".join(clauses)


def reason(item: ItemPoints, causes: Mapping[str, str], parts: Parts) -> str:
    """Why an item that was asked has its points. `causes` is that of `causes_of` for the same submission."""
    if item.override:
        return f"given by hand in place of {points_text(item.before)}: {ended(item.override)}"
    if item.maximum is None:
        return "not counted: nothing of it could be decided"
    if IMPORT in causes and not item.right:
        return "not judged, because the files cannot be imported"
    because = because_of(item.because, causes, parts)
    if not (item.judged or item.excused):
        return f"not judged, because {because or 'there is nothing to run'}"
    words = _share(item.right - item.excused, item.counted)
    if 0 < item.excused == item.right:
        words = f"{item.right} of {quantities(item.counted)} fail{'s' * (item.right == 1)} only because {because}"
        words += f", and count{'s' * (item.right == 1)}"
        words = f"fails only because {because}: full points" if item.right == item.counted else words
    elif item.excused:
        more = "1 more counts, which fails" if item.excused == 1 else f"{item.excused} more count, which fail"
        words += f"; {more} only because {because}"
    if item.left_open:
        why = "for that" if item.excused else f"because {because}"
        count = "counts" if item.left_open == 1 else "count"
        words += f"; {item.left_open} cannot be judged {why} and {count} as wrong until a grader reviews it"
    words += f"; {item.undecided} undecided, which do not count" if item.undecided else ""
    if item.null_wrong and item.right == item.counted:
        words += f"; {item.null_wrong} more {'is' if item.null_wrong == 1 else 'are'} wrong, which costs nothing"
    return words


class PointsRow(NamedTuple):
    """The points of some items as a table shows them, and why; whether some were `lost`."""

    items: str
    points: str
    why: str
    lost: bool


def points_rows(points: Points, run: Results) -> list[PointsRow]:
    """The items that were asked, those first that lost points.

    All that have full points are one row, and so are those without a point for the same reason.
    """
    causes, parts = causes_of(run.records), parts_of(run)
    alike: dict[tuple[bool, str, str], list[ItemPoints]] = {}
    for item in points.items:
        if item.asked:
            lost = item.points != item.maximum
            full = item.maximum is not None and not (lost or item.undecided or item.null_wrong or item.override)
            why = "full points" if full else reason(item, causes, parts)
            alike.setdefault((not lost, why, "" if full or not item.points else item.name), []).append(item)
    rows = []
    for (kept, why, _), items in sorted(alike.items(), key=lambda entry: entry[0][0]):
        maxima = [item.maximum for item in items if item.maximum is not None]
        earned = f"{points_text(sum(item.points or 0 for item in items))} of {points_text(sum(maxima))}"
        rows.append(
            PointsRow(", ".join(item.name for item in items), earned if maxima else "not counted", why, lost=not kept)
        )
    return rows


def not_counted(points: Points) -> str:
    """What is said where quantities do not count, since a submission that knows nothing gets them right, too."""
    told = (item.null and item.right and item.points != item.maximum for item in points.items)
    return "What an empty submission gets right, too, is not counted." if any(told) else ""


def late_sentence(points: Points, late: Lateness) -> str:
    """What was taken off for being late, and why."""
    but = " (those given by hand aside)" if any(item.override for item in points.items) else ""
    return (
        f"Handed in {late.words} late: {points_text(late.per_cent)} % of the points that were earned{but}, "
        f"{points_text(points.taken_off)}, are taken off."
    )


def _share(right: int, counted: int) -> str:
    if right == 0:
        return "nothing that counts is right in every case"
    if right == counted == 1:
        return "the only quantity is right"
    if right == counted:
        return f"{'both' if counted == 2 else f'all {counted}'} quantities are right"
    return f"{right} of {quantities(counted)} {'is' if right == 1 else 'are'} right in every case"


def _named(part: str, parts: Parts) -> str:
    title = parts.title(part)
    return f"{parts.label(part)} ({title})" if title else parts.label(part)
