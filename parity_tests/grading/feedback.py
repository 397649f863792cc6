"""The page for a student: what each TODO gets right, and each discrepancy as a sentence that can be acted on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from parity_tests.grading.points import Earned, Grade
from reports.model.records import FAILING, Record, note_parts, part_order
from reports.terminal.text import Entry, entries, printable, sentence

_ALSO = 2
_RATIO = (
    "Where two numbers differ, the gap is compared with what rounding explains at that very element: up to 1 times is "
    "rounding, and real mistakes are usually thousands of times or more."
)
_UNDECIDED = (
    "These were too close to a kink of relu, or too far into a chaotic run, for rounding to tell right from wrong. "
    "They count neither for nor against you."
)


def feedback_page(
    name: str,
    records: Sequence[Record],
    grade: Grade,
    *,
    parts: Mapping[str, str],
    titles: Mapping[str, Any],
    hints: Mapping[str, str],
    said: Sequence[str] = (),
) -> str:
    """The page as Markdown, in which nothing that a submission wrote is markup.

    `parts` says what each TODO is, `titles` is {case: {"title": ...}}, `hints` has a hint for each diagnosis, `said`
    are sentences about what was handed in.
    """
    lines = [f"# Feedback for {escaped(name)}", "", f"**{_total(grade)}**", ""]
    lines += [f"- {escaped(_stop(_capital(text)))}" for text in said] + ([""] if said else [])
    lines += ["| item | points | quantities that are right |", "| --- | --- | --- |"]
    shown = [item for item in grade.items if item.maximum is not None or item.item in grade.asked]
    lines += [f"| {escaped(item.item)} | {_points(item)} | {_right(item)} |" for item in shown]
    lines += _overridden(grade)
    wrong = [record for record in records if record.verdict in FAILING and record.verdict != "harness_error"]
    found = entries(wrong, titles)
    if found:
        lines += ["", "## What to look at", "", _RATIO]
        for part, group in _by_part(found).items():
            lines += ["", f"### {_heading(part, parts)}", ""]
            lines += _items(group, hints)
    lines += _agreeing(records, wrong, parts)
    undecided = [record for record in records if record.verdict == "undecided"]
    if undecided:
        lines += ["", "## Undecided", "", _UNDECIDED, ""]
        lines += [f"- {escaped(_stop(record.message))}" for record in _first_alike(undecided)]
    noted = [record for record in reversed(records) if record.note]
    notes = {re.sub(r"\d+", "#", note): note for record in noted for note in reversed(note_parts(record))}
    if notes:
        lines += [
            "",
            "## Worth knowing",
            "",
            "None of these is wrong.",
            "",
        ]
        lines += [f"- {escaped(_capital(_stop(note)))}" for note in reversed(notes.values())]
    return "\n".join(lines) + "\n"


def sentences(records: Sequence[Record], titles: Mapping[str, Any], hints: Mapping[str, str]) -> list[str]:
    """The discrepancies among these records as plain sentences, each thing once."""
    wrong = [record for record in records if record.verdict in FAILING]
    return [
        " ".join([_todo(entry), _stop(entry.sentence), *_hints(entry, hints), *_more(entry)])
        for entry in entries(wrong, titles)
    ]


def points_text(points: float | None) -> str:
    """Points as people write them: 12, 12.5; "none" for none."""
    return "none" if points is None else f"{points:.2f}".rstrip("0").rstrip(".")


def escaped(text: str) -> str:
    """Text that no reader of Markdown takes for markup: a submission writes parts of what is shown."""
    plain = printable(text).replace("\\", "\\\\")
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = re.sub(r"([`*|~$])", r"\\\1", plain)
    return plain.replace("](", "]\\(").replace("__", "\\_\\_").replace("://", ":\\//")


def _total(grade: Grade) -> str:
    if grade.total is None:
        return "No grade yet: Parity itself failed while it looked at this submission. That is not your fault."
    return f"{points_text(grade.total)} of {points_text(grade.maximum)} points"


def _points(item: Earned) -> str:
    if item.maximum is None:
        return "not counted"
    return f"{points_text(item.points)} of {points_text(item.maximum)}"


def _right(item: Earned) -> str:
    text = f"{item.right} of {item.counted}" if item.counted else "none decided"
    return text + (f" ({item.undecided} undecided, not counted)" if item.undecided and item.counted else "")


def _overridden(grade: Grade) -> list[str]:
    changed = [item for item in grade.items if item.override]
    if not changed:
        return []
    return [
        "",
        *(
            f"- {escaped(item.item)}: {points_text(item.points)} points were given by hand in place of "
            f"{points_text(item.before)}: {escaped(_stop(item.override))}"
            for item in changed
        ),
    ]


_IMPORT = "The file as a whole"


def _by_part(found: Sequence[Entry]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in found:
        first = entry.records[0]
        groups.setdefault(_IMPORT if first.check == "import" else first.part, []).append(entry)
    return {part: groups[part] for part in sorted(groups, key=lambda part: (part != _IMPORT, part_order(part)))}


def _heading(part: str, parts: Mapping[str, str]) -> str:
    return f"TODO {part}: {parts.get(part, '')}" if part.isdecimal() else parts.get(part, part)


def _items(group: Sequence[Entry], hints: Mapping[str, str]) -> list[str]:
    """The entries of one TODO as a list; those that differ by the quantity alone are one, and each hint stands once."""
    alike: dict[str, list[Entry]] = {}
    for entry in group:
        alike.setdefault(entry.sentence.replace(entry.records[0].quantity or "\0", "\0"), []).append(entry)
    lines: list[str] = []
    hinted: set[str] = set()
    for first, *others in alike.values():
        text = [escaped(_capital(_stop(first.sentence.removeprefix("import: "))))]
        if others:
            text.append(escaped(f"The same of {'; '.join(other.records[0].quantity for other in others)}."))
        lines.append(f"- {' '.join([*text, *map(escaped, _more(first))])}")
        new = [hint for hint in _hints(first, hints) if hint not in hinted]
        hinted.update(new)
        lines += [f"  - {escaped(hint)}" for hint in new]
    return lines


def _hints(entry: Entry, hints: Mapping[str, str]) -> list[str]:
    found = dict.fromkeys(hints.get(record.diagnosis, "") for record in entry.records if record.diagnosis)
    return [f"Hint: {_stop(hint)}" for hint in found if hint]


def _more(entry: Entry) -> list[str]:
    """In which other cases the same was seen, and what could not be judged because of it."""
    said = []
    first = entry.records[0]
    cases = list(dict.fromkeys(_case(record, first) for record in entry.records))[1:]
    unjudged = len(entry.unjudged)
    if first.check == "import":
        unjudged += len(entry.records) - 1
    elif cases and entry.sentence == sentence(first):
        more = f"; and {len(cases) - _ALSO} more" if len(cases) > _ALSO else ""
        said.append(f"The same in {'; '.join(cases[:_ALSO])}{more}.")
    if unjudged:
        said.append(f"Because of it {unjudged} other quantit{'y was' if unjudged == 1 else 'ies were'} not judged.")
    return said


def _case(record: Record, first: Record) -> str:
    """The words of a case's name, beginning with the check where it is another than that of the first."""
    check, _, rest = record.case.partition("/")
    name = rest.rpartition("/")[0].replace("-", " ")
    return name if name and record.check == first.check else f"{check}, {name}".removesuffix(", ")


def _todo(entry: Entry) -> str:
    parts = sorted({record.part for record in entry.records}, key=part_order)
    numbered = [part for part in parts if part.isdecimal()]
    return f"TODO {', '.join(numbered)}:" if numbered else f"{parts[0]}.py:"


def _agreeing(records: Sequence[Record], wrong: Sequence[Record], parts: Mapping[str, str]) -> list[str]:
    bad = {record.part for record in wrong if not record.explained_by}
    counts: dict[str, list[bool]] = {}
    for record in records:
        if record.check != "import" and record.verdict != "harness_error":
            counts.setdefault(record.part, []).append(record.verdict == "match")
    whole = [t for t in sorted(counts, key=part_order) if t not in bad and any(counts[t])]
    partly = [t for t in sorted(counts, key=part_order) if t in bad and any(counts[t])]
    lines = ["", "## What is right", ""] if whole or partly else []
    lines += [f"- {_heading(part, parts)}: all {sum(counts[part])} comparisons agree." for part in whole]
    lines += [f"- {_heading(t, parts)}: {sum(counts[t])} of {len(counts[t])} comparisons agree." for t in partly]
    return lines


def _first_alike(records: Iterable[Record]) -> list[Record]:
    first: dict[tuple[str, str], Record] = {}
    for record in records:
        first.setdefault((record.part, record.quantity), record)
    return list(first.values())


def _stop(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _capital(text: str) -> str:
    """A sentence that begins as one, unless it begins with a name of the code."""
    first = text.split(" ", 1)[0]
    return text if "." in first or "_" in first or "=" in first else text[:1].upper() + text[1:]
