"""Two runs side by side: which quantities have another verdict, which ratios have moved, and what each has alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reports.model.baseline import Baseline, BaselineError, Drift, drift_from, exam_of, ratios_of, versions_of
from reports.model.numbers import number
from reports.model.parts import Parts
from reports.model.phrases import quantities
from reports.model.records import Record
from reports.model.run import Results, parts_of
from reports.model.summary import PartSummary, not_judged, part_summaries, shown_verdict
from reports.model.verdicts import FAILING, NOT_JUDGED, word_of
from reports.model.words import mistakes

Key = tuple[str, str]
"""The case and the name of a quantity."""


@dataclass(frozen=True)
class Change:
    """A quantity whose verdict is another one: its records before and after."""

    was: Record
    now: Record

    @property
    def kind(self) -> tuple[str, str, str, str]:
        """What changes are alike by: the part, both verdicts, and the mistake that the failing one looks like."""
        failing = self.now if self.now.verdict in FAILING else self.was
        return failing.part, shown_verdict(self.was), shown_verdict(self.now), mistakes(failing)


@dataclass(frozen=True)
class TwoRuns:
    """What two runs differ in. `worse` agreed before and fails now, `better` the other way round, `other` is the rest.

    `drift` has the ratios that moved of what has the same verdict in both; None where they answer different exams,
    which `exams` then says. `only_before` and `only_after` are what one of them asked alone. `parts` has the part's id
    with its summaries, None where a run did not ask for it.
    """

    compared: int
    worse: list[Change]
    better: list[Change]
    other: list[Change]
    drift: Drift | None
    exams: str
    only_before: list[Key]
    only_after: list[Key]
    versions: dict[str, tuple[str, str]] = field(default_factory=dict)
    parts: list[tuple[str, PartSummary | None, PartSummary | None]] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything but the versions differs."""
        return bool(self.worse or self.better or self.other or self.drift or self.only_before or self.only_after)


def compare_runs(before: Results, after: Results) -> TwoRuns:
    """What is different in the run `after` from the run `before`; quantities are known by case and name."""
    was, now = _by_key(before.records), _by_key(after.records)
    both = [key for key in now if key in was]
    changes = [Change(was[key], now[key]) for key in both if shown_verdict(was[key]) != shown_verdict(now[key])]
    worse = [c for c in changes if c.was.verdict not in FAILING and c.now.verdict in FAILING]
    better = [c for c in changes if c.was.verdict in FAILING and c.now.verdict not in FAILING]
    same = [now[key] for key in both if shown_verdict(was[key]) == shown_verdict(now[key])]
    drift, exams = _drift(before, after, [was[key] for key in both], same)
    old, new = versions_of(before.environment), versions_of(after.environment)
    return TwoRuns(
        compared=len(both),
        worse=worse,
        better=better,
        other=[change for change in changes if change not in worse and change not in better],
        drift=drift,
        exams=exams,
        only_before=[key for key in was if key not in now],
        only_after=[key for key in now if key not in was],
        versions={
            name: (old.get(name, "unknown"), new.get(name, "unknown"))
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        },
        parts=_parts(before, after),
    )


def alike(changes: Sequence[Change]) -> list[list[Change]]:
    """Changes in groups of those that are alike, the first of each first."""
    groups: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        groups.setdefault(change.kind, []).append(change)
    return list(groups.values())


def comparison_sentence(two: TwoRuns, parts: Parts) -> str:
    """The outcome in a sentence or two."""
    if not two.compared:
        return "The runs have no quantity in common, so nothing was compared."
    clauses = []
    for changes, words in ((two.worse, "no longer agree"), (two.better, "agree now")):
        if changes:
            ids = parts.within(change.now if change.now.verdict in FAILING else change.was for change in changes)
            one = words.replace("agree", "agrees") if len(changes) == 1 else words
            clauses.append(f"{quantities(len(changes))} {one}, in {parts.listed(ids)}")
    if two.other:
        clauses.append(f"{quantities(len(two.other))} {'has' if len(two.other) == 1 else 'have'} another verdict")
    if two.drift is not None and two.drift.moved:
        moved = len(two.drift.moved)
        clauses.append(f"{moved} {'ratio has' if moved == 1 else 'ratios have'} moved")
    text = f"{'; '.join(clauses)}." if clauses else f"The verdicts of {quantities(two.compared)} are the same."
    for keys, words in ((two.only_before, "first"), (two.only_after, "second")):
        if keys:
            text += f" {quantities(len(keys))} {'is' if len(keys) == 1 else 'are'} in the {words} run alone."
    return text


def since_last_time(before: Results, after: Results, strict: bool = False) -> str:
    """Which parts agree now and which no longer do, of those that were asked both times; "" where there is nothing.

    A part that could not be judged, because of another, neither agrees nor stops to.
    """
    was = {part.id: part for part in part_summaries(before, strict)}
    both = [(was[part.id], part) for part in part_summaries(after, strict) if part.id in was]
    parts = parts_of(after)
    clauses = []
    for ids, words in (
        ([now.id for then, now in both if now.right and not then.right], "agree{s} now"),
        (
            [now.id for then, now in both if then.right and not now.right and now.verdict != NOT_JUDGED],
            "do{es} not agree any more",
        ),
    ):
        if ids:
            one = len(ids) == 1
            clauses.append(f"{parts.listed(ids)} {words.format(s='s' if one else '', es='es' if one else '')}")
    if clauses:
        return f"Since last time: {'; '.join(clauses)}."
    changed = compare_runs(before, after)
    worse = [change for change in changed.worse if not not_judged(change.now)]
    if not (worse or changed.better):
        same = "the same parts disagree" if any(now.verdict in FAILING for _, now in both) else "nothing has changed"
        return "" if all(now.right for _, now in both) else f"Since last time: {same}."
    of_verdicts = replace(changed, worse=worse, other=[], drift=None, only_before=[], only_after=[])
    return f"Since last time: {comparison_sentence(of_verdicts, parts)}"


def change_text(group: Sequence[Change]) -> str:
    """What changes that are alike come to: quantities, verdicts, the ratios of the first, and its mistake."""
    names = list(dict.fromkeys(change.now.quantity for change in group))
    more = f" and {len(names) - 1} other quantities" if len(names) > 1 else ""
    first = group[0]
    _, was, now, mistake = first.kind
    ratios = f"ratio {number(first.was.ratio)} → {number(first.now.ratio)}"
    gone = "" if first.now.verdict in FAILING else "; mended"  # what is past is told as past
    return f"{names[0]}{more}: {word_of(was)} → {word_of(now)}, {ratios}" + (f"{gone}: {mistake}" if mistake else "")


def _drift(before: Results, after: Results, was: Sequence[Record], same: Sequence[Record]) -> tuple[Drift | None, str]:
    baseline = Baseline(ratios_of(was), versions_of(before.environment), exam_of(before.environment))
    try:
        return drift_from(baseline, same, after.environment, whole=False), ""
    except BaselineError as error:
        return None, str(error)


def _by_key(records: Sequence[Record]) -> Mapping[Key, Record]:
    """Each quantity with its record; of several the first that fails."""
    found: dict[Key, Record] = {}
    for record in records:
        key = (record.case, record.quantity)
        if key not in found or (record.verdict in FAILING and found[key].verdict not in FAILING):
            found[key] = record
    return found


def _parts(before: Results, after: Results) -> list[tuple[str, PartSummary | None, PartSummary | None]]:
    was = {part.id: part for part in part_summaries(before)}
    now = {part.id: part for part in part_summaries(after)}
    order = parts_of(after).order
    return [(part, was.get(part), now.get(part)) for part in sorted({*was, *now}, key=order)]
