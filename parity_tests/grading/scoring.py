"""Scoring: records and a rubric in, what each item has earned out. By the records alone: nothing is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from parity_tests.grading.overrides import Override
from parity_tests.grading.rubric import Item, Rubric
from reports.model.notes import Note
from reports.model.points import DIGITS, ItemPoints, Points, counts_for
from reports.model.records import Record
from reports.model.verdicts import FAILING, UNDECIDED, Verdict


def score(records: Iterable[Record], rubric: Rubric) -> Points:
    """The points that these records of one submission earn.

    Within an item each quantity has the same weight, and is earned only if none of its records fails. What a null
    submission gets right as well says nothing and leaves both sides of the fraction, as does what rounding leaves
    undecided. What fails because another part does is earned only where that is proved: where it is right with
    Parity's own part in place of that one. What fails once more because its own part does, which is paid for in an item
    of its own, is earned too, but at most as many quantities as are right. All else that another part is said to
    explain is left open and counts as wrong until a grader reviews it. A fault of the harness's own yields no points
    anywhere, never 0.
    """
    rows = list(records)
    faults = sum(record.verdict == Verdict.HARNESS_ERROR for record in rows)
    items = []
    for item, own in zip(rubric.items, _of_items(rows, rubric), strict=True):
        scored = _scored(item, own, rubric)
        items.append(replace(scored, points=None) if faults else scored)
    return Points(tuple(items), faults, rubric.free)


def _of_items(records: Iterable[Record], rubric: Rubric) -> list[list[Record]]:
    """The records that the points of each item depend on."""
    found: list[list[Record]] = [[] for _ in rubric.items]
    places: dict[tuple[str, str], list[list[Record]]] = {}
    for record in records:
        kind = (record.check, record.part)
        if kind not in places:
            asked = zip(rubric.items, found, strict=True)
            places[kind] = [own for item, own in asked if counts_for(record, item.checks, item.parts)]
        for own in places[kind]:
            own.append(record)
    return found


def _scored(item: Item, records: Sequence[Record], rubric: Rubric) -> ItemPoints:
    own_parts = ("", item.part, *item.parts)
    states: dict[str, set[str]] = {}
    checks: dict[str, set[str]] = {}
    notes: set[Note] = set()
    because: dict[str, None] = {}
    for record in records:
        unproved = record.verdict in FAILING or record.verdict == UNDECIDED
        explained = unproved and record.explained_by not in own_parts
        if record.quantity in item.without or (record.part in rubric.free and not explained):
            continue
        if explained:
            because[record.explained_by] = None
        states.setdefault(record.quantity, set()).add(_explained_state(record) if explained else _state(record))
        checks.setdefault(record.quantity, set()).add(record.check)
        if record.note:
            notes.update(record.notes)
    null = {name for name, own in checks.items() if all((check, name) in rubric.null for check in own)}
    judged = any(seen & {"right", "wrong"} for seen in states.values())
    asked = [seen for name, seen in states.items() if name not in null]
    undecided = sum(seen == {"undecided"} for seen in asked)
    counted = len(asked) - undecided
    found = Counter(map(_found, asked))
    echoes = min(found["echo"], found["right"])
    right = found["right"] + echoes
    unscored = ItemPoints(
        item.name,
        item.checks,
        None,
        None,
        undecided=undecided,
        parts=item.parts,
        null=len(null),
        null_wrong=sum("wrong" in states[name] for name in null),
    )
    if counted == 0:
        return unscored
    share = right / counted if rubric.partial_credit else float(right == counted)
    points = max(item.points * share - rubric.note_cost * len(notes), 0.0)
    return replace(
        unscored,
        points=round(points, DIGITS),
        maximum=item.points,
        right=right,
        counted=counted,
        excused=echoes + sum("proved" in seen and _found(seen) == "right" for seen in asked),
        because=tuple(because),
        judged=judged,
        left_open=found["left open"],
    )


def _found(states: Collection[str]) -> str:
    """What a quantity is by the states of its records: the worst of them."""
    for worst in ("wrong", "left open", "echo"):
        if worst in states:
            return worst
    if set(states) <= {"undecided", "opened"}:  # by nothing that was asked is it right
        return "left open" if "opened" in states else "undecided"
    return "right"


def nothing_to_run(points: Points) -> Points:
    """The same where nothing of a submission could be run, and so nothing judged of items of which nothing is right."""
    return replace(points, items=tuple(replace(item, judged=item.right > 0) for item in points.items))


def _explained_state(record: Record) -> str:
    """The state of what fails, or is not judged, because another part does: left open where nothing bears that out."""
    if record.verdict == Verdict.UNDECIDED:
        return "opened"
    return record.excuse or "left open"


def _state(record: Record) -> str:
    return "wrong" if record.verdict in FAILING else UNDECIDED if record.verdict == UNDECIDED else "right"


def with_overrides(points: Points, overrides: Iterable[Override]) -> Points:
    """The same with what a human gave in place of the points found; an item may be given any number."""
    by_item = {override.item: override for override in overrides}
    items = []
    for item in points.items:
        override = by_item.get(item.name)
        if override is not None:
            item = replace(
                item,
                points=round(override.points, DIGITS),
                maximum=override.points if item.maximum is None else item.maximum,
                override=override.reason,
                before=item.points,
            )
        items.append(item)
    return replace(points, items=tuple(items))
