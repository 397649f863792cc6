"""The page for a student: the points, each discrepancy as a sentence to act on, and what is right; as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reports.model.escape import markdown
from reports.model.folding import Entry, entries
from reports.model.for_student import WITHHELD, for_student, says_less
from reports.model.groups import grouped
from reports.model.notes import Note, NoteKind
from reports.model.numbers import points_text
from reports.model.phrases import capitalised, ended, quantities
from reports.model.points import ItemPoints, Points
from reports.model.reasons import causes_of, late_sentence, reason, total_text
from reports.model.records import Record
from reports.model.run import Results, parts_of
from reports.model.verdicts import FAILING, Verdict

_MORE_CASES = 2
_RATIO = (
    "Where two numbers differ, the gap is compared with the error bound at that very element: up to 1 times is "
    "rounding, and real mistakes are usually thousands of times or more."
)
_UNDECIDED = (
    "These were too close to a kink, or too far into a chaotic run, for rounding to tell right from wrong. They count "
    "neither for nor against you."
)
_WHOLE_FILE = "The file as a whole"
_SEVERAL = "Several parts"
_OF_FILES = (NoteKind.EDITION, NoteKind.LENT, NoteKind.LEFT_OUT)
"""The kinds of notes on what was handed in as a whole, rather than on a part."""


def feedback_page(
    name: str, run: Results, points: Points, notices: Sequence[str] = (), comments: Sequence[str] = ()
) -> str:
    """The page as Markdown, in which nothing that a submission wrote is markup.

    `name` is the student's, `notices` are sentences about what was handed in, `comments` what a human says of it.
    """
    run = for_student(run)
    groups = grouped(run.records)
    lines = [f"# Feedback for {markdown(name)}", "", f"**{_total(points)}**", ""]
    if notices:
        lines += [*(f"- {markdown(ended(capitalised(text)))}" for text in notices), ""]
    lines += _item_lines(points, run)
    if comments:
        lines += ["", "## Comments", "", *(f"- {markdown(text)}" for text in comments)]
    folded = entries(groups.discrepancies, run)
    if folded:
        measured = any(entry.records[0].gap is not None for entry in folded)
        lines += ["", "## What to look at"]
        for text in [_RATIO] * measured + [WITHHELD] * says_less(run):
            lines += ["", text]
        lines += _part_sections(folded, run)
    lines += _right_lines(run, groups.discrepancies)
    if groups.undecided:
        lines += ["", "## Undecided", "", _UNDECIDED, ""]
        lines += [f"- {markdown(ended(record.message))}" for record in _first_alike(groups.undecided)]
    notes = _notes(run, groups.discrepancies)
    if notes:
        lines += ["", "## Worth knowing", "", "None of these costs points.", ""]
        lines += [f"- {markdown(ended(note))}" for note in notes]
    return "\n".join(lines) + "\n"


def discrepancies(records: Sequence[Record], run: Results) -> list[str]:
    """The discrepancies among these records of a run as plain sentences, each thing once."""
    parts, hints = parts_of(run), run.environment.hints or {}
    wrong = [record for record in records if record.verdict in FAILING]
    sentences = []
    for entry in entries(wrong, run):
        where = parts.listed(parts.within(entry.records))
        sentences.append(" ".join([f"{where}:", ended(entry.sentence), *_hints(entry, hints), *_more(entry)]))
    return sentences


# ---- the points


def _total(points: Points) -> str:
    if points.total is None:
        return "No grade yet: Parity itself failed while it looked at this submission. That is not your fault."
    return total_text(points)


def _item_lines(points: Points, run: Results) -> list[str]:
    causes, parts = causes_of(run.records), parts_of(run)
    lines = ["| item | points | why |", "| --- | --- | --- |"]
    for item in points.items:
        if item.asked:
            lines.append(f"| {markdown(item.name)} | {_points(item)} | {markdown(reason(item, causes, parts))} |")
    if points.late:
        lines += ["", f"- {markdown(late_sentence(points, points.late))}"]
    return lines


def _points(item: ItemPoints) -> str:
    if item.maximum is None:
        return "not counted"
    return f"{points_text(item.points)} of {points_text(item.maximum)}"


# ---- what is wrong


def _part_sections(folded: Sequence[Entry], run: Results) -> list[str]:
    """A section for each part with what is wrong in it; first of all what keeps the file from being imported.

    What is wrong in several parts at once comes before those of one.
    """
    parts, hints = parts_of(run), run.environment.hints or {}
    imports, several = [], []
    by_part: dict[str, list[Entry]] = {}
    for entry in folded:
        if entry.records[0].check == "import":
            imports.append(entry)
        elif len(parts.within(entry.records)) > 1:
            several.append(entry)
        else:
            by_part.setdefault(entry.records[0].part, []).append(entry)
    sections = [(title, some) for title, some in ((_WHOLE_FILE, imports), (_SEVERAL, several)) if some]
    sections += [(parts.heading(part), by_part[part]) for part in sorted(by_part, key=parts.order)]
    lines = []
    for heading, some in sections:
        lines += ["", f"### {markdown(heading)}", "", *_entry_lines(some, hints)]
    return lines


def _entry_lines(folded: Sequence[Entry], hints: Mapping[str, str]) -> list[str]:
    """The entries of one part as a list, in which each hint stands once."""
    lines: list[str] = []
    hinted: set[str] = set()
    for entry in folded:
        text = [capitalised(ended(entry.sentence))]
        if entry.quantities[1:] and entry.records[0].check != "import":
            text.append(f"The same mistake shows in {'; '.join(entry.quantities[1:])}.")
        lines.append(f"- {markdown(' '.join([*text, *_more(entry)]))}")
        new = [hint for hint in _hints(entry, hints) if hint not in hinted]
        hinted.update(new)
        lines += [f"  - {markdown(hint)}" for hint in new]
    return lines


def _hints(entry: Entry, hints: Mapping[str, str]) -> list[str]:
    distinct = dict.fromkeys(hints.get(record.diagnosis, "") for record in entry.records if record.diagnosis)
    return [f"Hint: {ended(hint)}" for hint in distinct if hint]


def _more(entry: Entry) -> list[str]:
    """In which other cases the same was seen, and what could not be judged because of it."""
    sentences = []
    first = entry.records[0]
    cases = list(dict.fromkeys(_case(record, first) for record in entry.records))[1:]
    unjudged = len(entry.unjudged)
    if first.check == "import":
        unjudged += len(entry.records) - 1
    elif cases and entry.of_first:
        more = f"; and {len(cases) - _MORE_CASES} more" if len(cases) > _MORE_CASES else ""
        sentences.append(f"The same in {'; '.join(cases[:_MORE_CASES])}{more}.")
    if entry.again:
        sentences.append(f"The same part is off in {quantities(len(entry.again))} where the parts work together.")
    if unjudged:
        were = "was" if unjudged == 1 else "were"
        sentences.append(f"Because of it {quantities(unjudged).replace(' ', ' other ', 1)} {were} not judged.")
    return sentences


def _case(record: Record, first: Record) -> str:
    """The words of a case's name, beginning with the check where it is another than that of the first."""
    check, _, rest = record.case.partition("/")
    name = rest.rpartition("/")[0].replace("-", " ")
    return name if name and record.check == first.check else f"{check}, {name}".removesuffix(", ")


# ---- what is right, undecided, or only worth knowing


def _right_lines(run: Results, wrong: Sequence[Record]) -> list[str]:
    """The parts of which something agrees, those first in which nothing is wrong or left open.

    How much, the points say: they count quantities, of which the records here are the comparisons in each case.
    """
    parts = parts_of(run)
    bad = {record.part for record in wrong if not record.excuse}
    right = parts.within(
        record for record in run.records if record.verdict == Verdict.MATCH and record.check != "import"
    )
    lines = [
        f"- {markdown(parts.heading(part))}{', in part' * (part in bad)}"
        for part in sorted(right, key=lambda part: part in bad)
    ]
    return ["", "## What is right", "", *lines] if lines else []


def _notes(run: Results, wrong: Sequence[Record]) -> list[str]:
    """The notes and the parts that they are on, in their order, of those that are told once the first.

    What is noted of a part that fails by itself may be what is wrong with it, and an own wrong forward is: both are
    told where that is.
    """
    parts = parts_of(run)
    bad = {record.part for record in wrong if not record.explained_by}
    notes: dict[tuple[str, str], tuple[Note, list[Record]]] = {}
    for record in run.records:
        for note in record.notes:
            if note.kind in _OF_FILES or not (note.kind is NoteKind.OWN_FORWARD or record.part in bad):
                notes.setdefault(note.told_once_of(record.part), (note, []))[1].append(record)
    return [
        capitalised(note.text) if note.kind in _OF_FILES else f"{parts.listed(parts.within(same))}: {note.text}"
        for note, same in notes.values()
    ]


def _first_alike(records: Iterable[Record]) -> list[Record]:
    first: dict[tuple[str, str], Record] = {}
    for record in records:
        first.setdefault((record.part, record.quantity), record)
    return list(first.values())
