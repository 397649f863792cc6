"""Folds records into what there is to say: each thing once, with the records that it stands for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from reports.model.escape import printable
from reports.model.fixes import from_rows
from reports.model.phrases import ended, listed, quantities
from reports.model.records import Record
from reports.model.run import Results, parts_of
from reports.model.summary import import_fails, not_judged, unwritten
from reports.model.verdicts import UNSEEN, Verdict
from reports.model.words import sentence, told_of_case

_UNWRITTEN = (Verdict.MISSING, Verdict.MISMATCH)
_OF_NO_CASE = (Verdict.MISSING, Verdict.UNASKED)
_MOST_SENTENCES = 3


class Kind(Enum):
    """Why an entry is there."""

    CAUSE = "told in full"
    AGAIN = "a part whose own checks fail is wrong where the parts work together, too"
    UNJUDGED = "something else kept it from being judged"


@dataclass(frozen=True)
class Entry:
    """One thing to say: the sentence, the records that it stands for, and what follows from them.

    `again` are those of the same part that are off where the parts work together, `unjudged` those that could not be
    judged because of it. `of_first` says whether the sentence is that of the first record.
    """

    kind: Kind
    sentence: str
    records: list[Record]
    again: list[Record] = field(default_factory=list)
    unjudged: list[Record] = field(default_factory=list)
    of_first: bool = False

    @property
    def quantities(self) -> list[str]:
        """The names of the quantities that it is about, each once."""
        return [name for name in dict.fromkeys(record.quantity for record in self.records) if name]

    @property
    def unwritten(self) -> bool:
        """Whether it lists parts that are not written."""
        return self.kind is Kind.CAUSE and not self.of_first


def entries(records: Sequence[Record], run: Results) -> list[Entry]:
    """What there is to say about these records of a run, each mistake once.

    Causes are told in full, and of those that are alike the first: the same place in the submission, whatever the part;
    or one part, verdict and diagnosis, whatever the quantity and the numbers; and whatever is missing. What follows
    from a cause is counted with it: quantities that it kept from being judged, and what is off again where the parts
    work together. The import comes first, then part after part in the assignment's order, each part's own cases before
    those in which several work together.
    """
    if not records:
        return []
    causes, again, unjudged = _sorted_out(records, run)
    if import_fails(causes):  # whatever else was not seen comes of that
        causes, unjudged = [*causes, *unjudged], []
    folded = [_cause(alike, run) for alike in _alike(causes, run)]
    folded.sort(key=lambda entry: _place(entry, run))
    for part, same in _by_part(again, lambda record: record.part).items():
        about = [entry for entry in folded if any(record.part == part for record in entry.records)]
        if len(about) == 1:
            about[0].again.extend(same)
        else:
            folded.append(Entry(Kind.AGAIN, "The same part is wrong where the parts work together, too.", same))
    seen = {(record.part, record.quantity) for record in run.records} if unjudged else set()
    by_cause: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in unjudged:  # because of a part, or of another quantity of its own
        own = (record.part, record.explained_by)
        by_cause[own if own in seen else (record.explained_by, "")].append(record)
    for (part, quantity), same in by_cause.items():
        about = [e for e in folded if any(r.part == part and quantity in ("", r.quantity) for r in e.records)]
        if len(about) == 1:
            about[0].unjudged.extend(same)
        else:
            whole = all(map(not_judged, same))
            what = "Not judged" if whole else "Wrong or not judged"
            words = f"{what} because of {printable(quantity) or parts_of(run).label(part)}: {quantities(len(same))}."
            if not quantity and {record.part for record in same} == {part}:
                depends, is_, was = ("depends", "is", "was") if len(same) == 1 else ("depend", "are", "were")
                follows = f"{was} not judged" if whole else f"{is_} wrong or not judged"
                words = f"{quantities(len(same))} {depends} on it, and {follows}."
            folded.append(Entry(Kind.UNJUDGED, words, same))
    return folded


def _place(entry: Entry, run: Results) -> tuple[bool, bool, bool, tuple[int, str]]:
    """The key by which causes are sorted."""
    joint, parts = run.environment.joint_checks or (), parts_of(run)
    return (
        entry.records[0].verdict != Verdict.UNASKED,
        not import_fails(entry.records),
        all(record.check in joint for record in entry.records),
        parts.order(parts.within(entry.records)[0]),
    )


def _cause(alike: list[Record], run: Results) -> Entry:
    """What is said of causes that are alike: what the first says or, where several parts are missing, which and where.

    The first of these is the one to begin with. Where something is not even defined, that is told.
    """
    parts = parts_of(run)
    ids = parts.within(alike)
    missing = [record for record in alike if record.verdict == Verdict.MISSING]
    if len(ids) == 1 or not missing or any(record.verdict not in _UNWRITTEN for record in alike):
        first = missing[0] if missing and alike[0].verdict == Verdict.MISMATCH else alike[0]
        anywhere = first.verdict in _OF_NO_CASE or (first.verdict == Verdict.TIMEOUT and len(ids) > 1)
        if anywhere and not first.diagnosis:  # which case asked for it says nothing
            words = ended(printable(told_of_case(first, run)))
            return Entry(Kind.CAUSE, words, [first, *(r for r in alike if r is not first)], of_first=True)
        return Entry(Kind.CAUSE, sentence(first), [first, *(r for r in alike if r is not first)], of_first=True)
    counted = f"{parts.counted(ids, run.records)} are not implemented: {_with_lines(ids, run)}."
    undefined = list(dict.fromkeys(ended(told_of_case(record, run)) for record in missing if not record.file))
    if not undefined:
        return Entry(Kind.CAUSE, f"{counted} Begin with {parts.label(ids[0])}.", alike)
    if len(undefined) > 1 and ids == parts.alike(ids, run.records) and not any(record.file for record in missing):
        return Entry(Kind.CAUSE, f"{parts.counted(ids, run.records)} are not implemented: nothing defines them.", alike)
    more = len(undefined) - _MOST_SENTENCES
    told = [counted, *undefined[:_MOST_SENTENCES], *([f"And {more} more."] if more > 0 else [])]
    return Entry(Kind.CAUSE, " ".join(told), alike)


def _with_lines(ids: Sequence[str], run: Results) -> str:
    """The labels of parts, each with its line where that is known, and the file where it is another than before."""
    known, labels, before = run.environment.source_lines or {}, parts_of(run).labels(ids), ""
    texts = []
    for part, label in zip(ids, labels, strict=True):
        file, line = known.get(part, ("", None))
        if line is None or line <= 1:  # the whole file, or not found in it
            texts.append(label)
            continue
        texts.append(f"{label} ({f'{printable(file)}, ' if file != before else ''}line {line})")
        before = file
    return listed(texts)


def _sorted_out(records: Sequence[Record], run: Results) -> tuple[list[Record], list[Record], list[Record]]:
    """Causes; what is off again in a joint check, of a part whose own checks fail; what something else explains."""
    joint = run.environment.joint_checks or ()
    shown = {record.part for record in records if record.check not in joint and not record.explained_by}
    causes: list[Record] = []
    again: list[Record] = []
    explained: list[Record] = []
    for record in records:
        own = record.explained_by in ("", record.part)
        off = record.verdict == Verdict.MISMATCH and record.ratio is not None
        if off and own and record.check in joint and record.part in shown:
            again.append(record)
        elif record.explained_by:
            explained.append(record)
        else:
            causes.append(record)
    return causes, again, explained


def _alike(causes: Sequence[Record], run: Results) -> list[list[Record]]:
    """Causes in groups of those that are alike, in the order of their firsts."""
    first_part: dict[
        tuple[str, str], str
    ] = {}  # of which a case says this: what ends a process takes all that is asked
    broken, is_unwritten = import_fails(causes), unwritten(run.records)
    groups: defaultdict[tuple[object, ...], list[Record]] = defaultdict(list)
    for record in causes:
        key: tuple[object, ...]
        if record.verdict == Verdict.UNASKED:
            key = (Verdict.UNASKED,)
        elif broken and record.verdict in UNSEEN:
            key = ("import",)
        elif is_unwritten(record) and record.check != "import":
            key = (Verdict.MISSING,)
        elif record.verdict not in (Verdict.MATCH, Verdict.MISMATCH) and record.file:
            key = (record.file, record.line)
        elif record.verdict == Verdict.TIMEOUT:
            key = (record.verdict, told_of_case(record, run))
        elif not record.quantity:
            key = record.notes[0].told_once_of(record.part)
        else:
            part = first_part.setdefault((record.case, record.message), record.part)
            key = (record.verdict, part, record.diagnosis)
        groups[key].append(record)
    return list(groups.values())


def _by_part(records: Iterable[Record], part: Callable[[Record], str]) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(part(record), []).append(record)
    return groups


def where_seen(entry: Entry, run: Results) -> str:
    """In which quantities and cases an entry was seen, or in which parts if they are many; and what follows from it."""
    parts = parts_of(run)
    ids = parts.within(entry.records)
    count = quantities(len(entry.records) + len(entry.again))
    cases = list(dict.fromkeys(printable(record.case) for record in entry.records))
    if entry.records[0].verdict == Verdict.MISSING or (len(ids) > 2 and entry.unwritten):
        seen = count
    elif len(ids) > 2:
        seen = f"{count} of {parts.listed(ids)}"
    elif len(cases) == 1 and not entry.again:
        seen = f"in {count} of {cases[0]}" if len(entry.records) > 1 else f"in {cases[0]}" * (cases[0] != "import")
    else:
        seen = f"in {count}, such as {cases[0]}"
    return "; ".join(filter(None, (seen, what_follows(entry))))


def what_follows(entry: Entry) -> str:
    """How many quantities are wrong because of an entry, and how many it kept from being judged; "" for none."""
    unseen = sum(map(not_judged, entry.unjudged))
    follow = len(entry.unjudged) - unseen
    words = f"{quantities(follow)} follow{'s' if follow == 1 else ''} from it" if follow else ""
    return "; ".join(filter(None, (words, f"{unseen} more could not be judged because of it" if unseen else "")))


def label_of(entry: Entry, run: Results) -> str:
    """The label of the parts that an entry is about: "part 4", "part 5/6", "several".

    What is noted of the import is noted of the submission as a whole.
    """
    if all(record.check == "import" and not record.quantity for record in entry.records):
        return "submission"
    parts = parts_of(run)
    return parts.short(parts.within(entry.records))


def place_of(entry: Entry, run: Results) -> tuple[str, int | None]:
    """The file and the line of an entry; "" and None where nobody knows.

    They are a record's, or those of the one change that makes all of its part right, or else where its part begins.
    """
    part = entry.records[0].part
    known: list[tuple[str, int | None]] = [(record.file, record.line) for record in entry.records if record.file]
    fixed = [(fix.file, fix.line) for fix in from_rows(run.environment.fixes) if fix.part == part]
    known += fixed if len(fixed) == 1 else []
    return known[0] if known else (run.environment.source_lines or {}).get(part, ("", None))


def place_told(entry: Entry, run: Results) -> str:
    """The same in words, "" where the entry's sentence says it, or no line is known."""
    file, line = place_of(entry, run)
    if not line or entry.unwritten or f"line {line}" in entry.sentence:
        return ""
    is_start = [*(run.environment.source_lines or {}).get(entry.records[0].part, ())] == [file, line]
    return f"{printable(file)}, {'from ' * is_start}line {line}{' on' * is_start}" if line > 1 else printable(file)
