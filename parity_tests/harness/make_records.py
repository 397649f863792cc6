"""Makes records of judged cases: one for each planned quantity, no more and no fewer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.errors import HarnessError
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Quantity
from reports.model.notes import NoteKind, noted
from reports.model.records import Record

_WARNINGS = 3
"""So many of a case's warnings are noted."""


@dataclass(frozen=True)
class Setting:
    """What all records of a run have in common."""

    submission: str
    assignment: str
    edition: str
    device: str
    isolation: str


def records_of(
    setting: Setting,
    case: Case,
    judged: Mapping[str, Comparison],
    seen: Observation,
    part_of: Mapping[str, str] = MappingProxyType({}),
) -> list[Record]:
    """The records of one case, in the order of its quantities. Raises HarnessError where any is missing.

    A warning is noted at the part of the function in which it was raised, as far as `part_of` knows it.
    """
    missing = [q.name for q in case.quantities if q.name not in judged]
    if missing:
        raise HarnessError(f"{case.name}: planned but not compared: {', '.join(missing)}")
    warned = _warned(case, seen, part_of)
    records = []
    for q in case.quantities:
        comparison = judged[q.name]
        if q.part in warned:
            comparison = comparison.noting(f"warns: {', '.join(warned.pop(q.part))}", kind=NoteKind.WARNS)
        records.append(record_of(setting, case, q, comparison, seen.seconds))
    return records


def _warned(case: Case, seen: Observation, part_of: Mapping[str, str]) -> dict[str, list[str]]:
    """The first few warnings by the parts that they are noted at: of those that a case is about."""
    asked = dict.fromkeys(q.part for q in case.quantities)
    warned: dict[str, list[str]] = {}
    for text in seen.warnings[:_WARNINGS]:
        parts = [part_of.get(function, "") for function in seen.warned.get(text, ())]
        warned.setdefault(next((part for part in parts if part in asked), next(iter(asked))), []).append(text)
    return warned


def record_of(setting: Setting, case: Case, q: Quantity, c: Comparison, seconds: float | None) -> Record:
    """One record of one comparison."""
    note, note_kinds = noted(c.notes)
    return Record(
        submission=setting.submission,
        assignment=setting.assignment,
        edition=setting.edition,
        part=c.part or q.part,
        check=case.check,
        case=case.name,
        quantity=q.name,
        device=setting.device,
        dtype=case.dtype,
        isolation=setting.isolation,
        step=c.step,
        verdict=c.verdict,
        gap=c.gap,
        radius=c.radius,
        ratio=c.ratio,
        ulps=c.ulps,
        bad=c.bad,
        total=c.total,
        where=c.where,
        actual=c.got,
        expected=c.want,
        blame=c.blame,
        radius_kind=c.radius_kind,
        undecided=c.undecided,
        resolution=c.resolution,
        diagnosis=c.diagnosis,
        explained_by=c.explained_by,
        excuse=c.excuse,
        message=_sentence(case, q, c),
        note=note,
        note_kinds=note_kinds,
        file=c.file,
        line=c.line,
        seconds=seconds,
    )


def check_plan(cases: Iterable[Case], records: Iterable[Record]) -> None:
    """Raise HarnessError unless the records are exactly those planned: nothing compared is a failure, never a pass."""
    planned = [(case.name, q.name) for case in cases for q in case.quantities]
    found = [(record.case, record.quantity) for record in records]
    if not planned:
        raise HarnessError("nothing was planned: a comparison of nothing is no agreement")
    if sorted(planned) != sorted(found):
        differing = sorted(set(planned) ^ set(found))
        raise HarnessError(f"the records are not those planned; they differ at {differing[:3]}")


def _sentence(case: Case, quantity: Quantity, comparison: Comparison) -> str:
    """What is wrong with a quantity, with the title of its case; "" for a match."""
    if not comparison.problem:
        return ""
    if comparison.sentence and case.check in ("main", "import"):  # which run of main, or which file, they begin with
        return comparison.problem
    title = f"{case.title}: " if case.title else ""
    return f"{title}{'' if comparison.sentence else f'{quantity.name} '}{comparison.problem}"
