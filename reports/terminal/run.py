"""What the terminal shows of a run: `parity check`'s page, and what `parity show` lists: mistakes, or cases."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from reports.model.escape import printable
from reports.model.folding import Entry, Kind, entries, label_of, place_told, where_seen
from reports.model.groups import grouped
from reports.model.numbers import number
from reports.model.phrases import listed, shortened
from reports.model.records import Record
from reports.model.relation import relation_of
from reports.model.run import Results
from reports.model.summary import (
    group_verdict,
    import_fails,
    largest_ratio,
    left_by_import,
    nothing_judged,
    part_summaries,
)
from reports.model.verdicts import FAILING, NOT_JUDGED, Verdict, word_of
from reports.model.words import headline, mistakes, verdict_sentence
from reports.terminal.lines import Paint, plain, style_of, table, wrapped


def run_page(run: Results, *, strict: bool = False, width: int = 80, paint: Paint = plain) -> list[str]:
    """The page that `parity check` prints, but for its last sentences.

    A line that says what ran; one line for each part; each discrepancy as a sentence, the same ones folded;
    what is undecided; the notes.
    """
    groups = grouped(run.records, strict)
    lines = [*wrapped(headline(run), width)]
    if nothing_judged(run.records):  # the verdict, below, says all that there is to say
        return lines
    parts = _part_lines(run, strict, width, paint)
    lines += ["", *parts] if parts else []
    for title, style, records in (
        ("Discrepancies", "bad", groups.discrepancies if left_by_import(groups.discrepancies) else []),
        ("Notes that count as discrepancies (--strict)", "bad", groups.costly_notes),
        ("Parity's own faults (the submission is not to blame)", "bad", groups.faults),
        ("Undecided (a warning; costs nothing)", "warn", groups.undecided),
        ("Notes (cost nothing)", "head", groups.free_notes),
    ):
        if records:
            lines += ["", paint(title, style), *_entry_lines(records, run, width, paint)]
    return lines


def _part_lines(run: Results, strict: bool, width: int, paint: Paint) -> list[str]:
    parts = part_summaries(run, strict)
    unwritten = [part for part in parts if part.verdict == Verdict.MISSING]
    if len(unwritten) > 2:  # one line below lists them
        parts = [part for part in parts if part not in unwritten]
    if import_fails(run.records):  # as the verdict says
        parts = [part for part in parts if part.verdict != NOT_JUDGED]
    right = [part for part in parts if part.right and part.verdict == Verdict.MATCH]
    matching = []
    if len(right) > _MOST_RIGHT:
        parts = [part for part in parts if part not in right]
        matching = [f"{len(right)} {'others' if parts else 'parts'} match."]
    if not parts:
        return matching
    rows = [
        [
            part.label,
            part.title,
            word_of(part.verdict),
            part.agreed,
            str(part.waiting or ""),
            number(part.ratio),
        ]
        for part in parts
    ]
    heads, *cells = _fitting([_HEADS, *rows] if any(part.waiting for part in parts) else _judged(rows), width)
    for part, row in zip(parts, cells, strict=True):
        row[_VERDICT] = paint(row[_VERDICT], "dim" if part.verdict == NOT_JUDGED else style_of(part.records, strict))
    explained = wrapped("ratio: the largest difference, as a share of the error bound", width)
    painted = [[paint(head, "dim") for head in heads], *cells]
    align = "".join("r" if head in _RIGHT else "l" for head in heads)
    return [*table(painted, align), *matching, *explained]


def _judged(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The rows and their head without the column of what was not judged, where all was."""
    return [[*row[:_WAITING], *row[_WAITING + 1 :]] for row in (_HEADS, *rows)]


_HEADS = ("part", "", "verdict", "agree", "not judged", "ratio")
_RIGHT = ("agree", "not judged", "ratio")
_TITLE, _VERDICT, _WAITING = 1, 2, 4
_LONGEST_LABEL = 32
_LEAST_TITLE = 12
_MOST_RIGHT = 3
"""So many that match have a line each; of more they are counted."""


def _fitting(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """The rows with what there is room for: verdicts and counts whole, titles cut where some of each can be read."""
    cells = [[shortened(row[0], _LONGEST_LABEL), *row[1:]] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    room = width - sum(size + 2 for column, size in enumerate(widths) if column != _TITLE)
    room = room if room >= min(_LEAST_TITLE, widths[_TITLE]) else 0
    return [[*row[:_TITLE], shortened(row[_TITLE], room) if room else "", *row[_TITLE + 1 :]] for row in cells]


def _entry_lines(records: Sequence[Record], run: Results, width: int, paint: Paint) -> list[str]:
    lines = []
    for entry in entries(records, run):
        lines += wrapped(_told(entry, run), width, _INDENT, first=_label(entry, run))
        place = place_told(entry, run) if entry.records[0].verdict in FAILING else ""
        seen = ": ".join(filter(None, (place, where_seen(entry, run))))
        lines += [paint(line, "dim") for line in wrapped(seen, width, _INDENT)]
    return lines


_INDENT = " " * 11
"""Before each line of an entry, below the label that its first begins with."""


def _label(entry: Entry, run: Results) -> str:
    """The label before the first line of an entry; a long one, which leaves no space there, has a colon."""
    label = label_of(entry, run)
    return f"  {label}{':' * (len(label) > len(_INDENT) - 3)} ".ljust(len(_INDENT))


def _told(entry: Entry, run: Results) -> str:
    """The sentence of an entry, behind how its numbers relate to torch's in plain words, where they do."""
    first = entry.records[0]
    off = entry.kind is Kind.CAUSE and first.verdict == Verdict.MISMATCH
    relation = printable(relation_of(run, first, counted=False)) if off else ""
    return " ".join(filter(None, (relation, entry.sentence)))


def first_to_show(run: Results, strict: bool = False) -> Record | None:
    """The record whose case to look at first: of what `run_page` tells, the first with numbers, or else the first."""
    groups = grouped(run.records, strict)
    told = [
        entry.records[0]
        for records in (groups.discrepancies, groups.costly_notes, groups.faults)
        for entry in entries(records, run)
    ]
    return next((record for record in told if record.ratio is not None), next(iter(told), None))


def mistakes_page(
    run: Results,
    name: str,
    *,
    table: str = "records.csv",
    width: int = 80,
    paint: Paint = plain,
) -> list[str]:
    """What `parity show RUN` prints: what did not match, each thing once, and how to see the numbers, or other cases.

    `name` is the folder's, as it is typed, and `table` the file there that has all records.
    """
    groups = grouped(run.records)
    lines = [*wrapped(headline(run), width), ""]
    if nothing_judged(run.records):
        return [*lines, *(paint(line, "bad") for line in wrapped(verdict_sentence(run), width))]
    told = [*groups.discrepancies, *groups.faults, *groups.undecided]
    found = entries(told, run)
    if found:
        lines.append(paint("What does not match", "head"))
        for entry in found:
            label = _label(entry, run)
            first = entry.records[0]
            text = f"{word_of(first.verdict)}: {_short(entry)}"
            lines += wrapped(text, width, _INDENT, first=label)
            stems = list(dict.fromkeys(printable(_stem(record)) for record in entry.records))
            left = [f"{len(stems) - 3} other{'s' if len(stems) > 4 else ''}"] if len(stems) > 3 else []
            lines += (paint(line, "dim") for line in wrapped(f"in {listed([*stems[:3], *left])}", width, _INDENT))
        case, part = (shlex.quote(printable(text)) for text in (_stem(found[0].records[0]), found[0].records[0].part))
        hint = f"To see the numbers: `parity show {name} {case}`. All cases of a part: `parity show {name} {part}`."
        lines += ["", *wrapped(hint, width)]
    else:
        lines.append("Every quantity matches.")
    off = {record.case for record in told}
    matching = dict.fromkeys(record.case for record in run.records if record.case not in off)
    if matching:
        they = "case matches; it is" if len(matching) == 1 else "cases match; they are"
        more = "more " if found else ""
        lines += wrapped(
            f"{len(matching)} {more}{they} in {name}/{table}, and shown the same way, by name or a part of it: "
            f"`parity show {name} {printable(next(iter(matching)))}`.",
            width,
        )
    return lines


def _short(entry: Entry) -> str:
    """An entry in a few words: its mistake by name, or the quantities, or what it says where it is of several parts."""
    first = entry.records[0]
    if entry.kind is not Kind.CAUSE or not entry.of_first:
        return entry.sentence
    others = len(entry.quantities) - 1
    more = f" and {others} more quantit{'y' if others == 1 else 'ies'}" if others > 0 else ""
    return printable(mistakes(first) or f"{first.quantity}{more}" if first.quantity else first.message)


def cases_page(
    run: Results, records: Sequence[Record], name: str, *, width: int = 80, paint: Paint = plain
) -> list[str]:
    """What `parity show RUN PART` prints: the verdicts on these records, a line for each case of all dtypes."""
    rows: dict[tuple[str, str], list[Record]] = {}
    cases: dict[str, list[Record]] = {}
    for record in records:
        cases.setdefault(record.case, []).append(record)
    for of_case in cases.values():
        rows.setdefault((_stem(of_case[0]), group_verdict(of_case)), []).extend(of_case)
    lines = [paint(f"{len({stem for stem, _ in rows})} cases", "head")]
    for (stem, verdict), alike in rows.items():
        dtypes = listed(dict.fromkeys(record.dtype for record in alike if record.dtype))
        cell = paint(f"{word_of(verdict):<15}", style_of(alike))
        lines.append(
            f"  {cell} {number(largest_ratio(alike, verdict)):>8}  {printable(stem)}  {paint(printable(dtypes), 'dim')}"
        )
    case = shlex.quote(printable(next(iter(rows))[0]))
    hint = f"The number is the ratio. To see a case in full: `parity show {name} {case}`."
    return [*lines, "", *wrapped(hint, width)]


def _stem(record: Record) -> str:
    """The name of a record's case without the dtype at its end."""
    return record.case.removesuffix(f"/{record.dtype}")
