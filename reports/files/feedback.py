"""The page for a student: what to mend first, as sentences to act on, and the points; as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reports.model.escape import markdown, markdown_with_code
from reports.model.folding import Entry, entries, place_told
from reports.model.for_student import for_student
from reports.model.groups import grouped, notes_in
from reports.model.notes import Note, NoteKind
from reports.model.phrases import capitalised, ended
from reports.model.points import Points
from reports.model.reasons import late_sentence, points_rows, total_text
from reports.model.records import Record
from reports.model.run import Results, parts_of
from reports.model.summary import not_judged, nothing_judged
from reports.model.verdicts import FAILING
from reports.model.words import likely

_RATIO = "Up to 1 times the error bound is rounding; a mistake is usually thousands."
_UNDECIDED = (
    "These were too close to a nondifferentiable point, or too far into a chaotic run, for rounding to tell right from "
    "wrong. They count neither for nor against you."
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
    folded = entries(groups.discrepancies, run)
    lines = [f"# Feedback for {markdown(name)}", "", f"**{total_text(points)}**", ""]
    if notices:
        lines += [*(f"- {markdown(ended(capitalised(text)))}" for text in notices), ""]
    if folded:
        lines += ["## What to mend first", *_sections(folded, run)]
        if any(0 < (entry.records[0].ratio or 0) < 1e6 for entry in folded):  # of more nobody asks whether it is much
            lines += ["", _RATIO]
        lines.append("")
    lines += _points_lines(points, run)
    if comments:
        lines += ["", "## Comments", "", *(f"- {markdown(text)}" for text in comments)]
    if groups.undecided:
        lines += ["", "## Undecided", "", _UNDECIDED, ""]
        lines += [f"- {markdown(ended(record.message))}" for record in _first_alike(groups.undecided)]
    notes = _notes(run, groups.discrepancies)
    if notes:
        lines += ["", "## Worth knowing: costs no points", ""]
        lines += [f"- {markdown(ended(note))}" for note in notes]
    return "\n".join(lines) + "\n"


def discrepancies(records: Sequence[Record], run: Results) -> list[str]:
    """The discrepancies among these records of a run as plain sentences, each thing once."""
    parts, hints = parts_of(run), run.environment.hints or {}
    wrong = [record for record in records if record.verdict in FAILING]
    sentences = []
    for entry in entries(wrong, run):
        where = parts.listed(parts.within(entry.records))
        told = [*filter(None, _told(entry)), *_hints(entry, hints), *_more(entry, run)]
        sentences.append(" ".join([f"{where}:", *told]))
    return sentences


# ---- the points


def _points_lines(points: Points, run: Results) -> list[str]:
    lines = ["## Points", "", "| item | points | why |", "| --- | --- | --- |"]
    lines += [f"| {markdown(row.items)} | {row.points} | {markdown(row.why)} |" for row in points_rows(points, run)]
    if points.late:
        lines += ["", f"- {markdown(late_sentence(points, points.late))}"]
    return lines


# ---- what is wrong


def _sections(folded: Sequence[Entry], run: Results) -> list[str]:
    """A section for each part with what is wrong in it, in the order of the entries: what to mend first comes first."""
    parts, hints = parts_of(run), run.environment.hints or {}
    sections: dict[str, list[Entry]] = {}
    for entry in folded:
        first = entry.records[0]
        several = len(parts.within(entry.records)) > 1
        heading = _WHOLE_FILE if first.check == "import" else _SEVERAL if several else parts.heading(first.part)
        sections.setdefault(heading, []).append(entry)
    lines = []
    for heading, some in sections.items():
        lines += ["", f"### {markdown(heading)}", "", *_entry_lines(some, run, hints)]
    return lines


def _entry_lines(folded: Sequence[Entry], run: Results, hints: Mapping[str, str]) -> list[str]:
    """The entries of one part as a list, in which each hint stands once."""
    lines: list[str] = []
    hinted: set[str] = set()
    for entry in folded:
        cause, sentence = _told(entry)
        place = place_told(entry, run) if entry.records[0].check != "import" else ""
        see, said = [f"See {place}."] * bool(place), [capitalised(sentence), *_more(entry, run)]
        told = markdown_with_code(" ".join([*see, *said] if cause else [*said, *see]))
        lines.append(f"- {f'**{markdown(cause)}** ' * bool(cause)}{told}")
        new = [hint for hint in _hints(entry, hints) if hint not in hinted]
        hinted.update(new)
        lines += [f"  - {markdown(hint)}" for hint in new]
    return lines


def _hints(entry: Entry, hints: Mapping[str, str]) -> list[str]:
    distinct = dict.fromkeys(hints.get(record.diagnosis, "") for record in entry.records if record.diagnosis)
    return [f"Hint: {ended(hint)}" for hint in distinct if hint]


def _told(entry: Entry) -> tuple[str, str]:
    """The likely cause, "" for none, and what else an entry says, as sentences."""
    cause = likely(entry.records[0]) if entry.of_first else ""
    said = ended(entry.sentence.removesuffix(cause).rstrip())
    return cause, capitalised(said) if cause else said


def _more(entry: Entry, run: Results) -> list[str]:
    """Whether the same was seen elsewhere, and what follows from it: how many, the points say."""
    seen, unseen = len(entry.records) + len(entry.again), sum(map(not_judged, entry.unjudged))
    if entry.records[0].check == "import":
        whole = nothing_judged(run.records)
        return ["Nothing else could be judged." if whole else "Others could not be judged because of it."] * (seen > 1)
    sentences = ["The same shows in other quantities."] * (seen > 1 and (entry.of_first or bool(entry.again)))
    sentences += ["Others follow from it."] * (len(entry.unjudged) > unseen)
    return sentences + ["Others could not be judged because of it."] * bool(unseen)


# ---- what is undecided, or only worth knowing


def _notes(run: Results, wrong: Sequence[Record]) -> list[str]:
    """The notes and the parts that they are on, in their order, of those that are told once the first.

    What is noted of a part that fails by itself may be what is wrong with it, of one that cannot be judged what follows
    of that, and an own wrong forward is: all are told where that is.
    """
    parts = parts_of(run)
    bad = {record.part for record in wrong if not record.explained_by or not_judged(record)}
    notes: dict[tuple[str, str], tuple[Note, list[Record]]] = {}
    for record, note in notes_in(run.records):
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
