"""What the terminal shows of one case: what was put in, what came out, and the numbers at the worst element."""

from __future__ import annotations

from reports.model.elements import arrays_of, digits_apart, position
from reports.model.escape import printable
from reports.model.numbers import number
from reports.model.records import Record
from reports.model.run import Results, inputs_of
from reports.model.verdicts import Verdict, word_of
from reports.model.words import GLOSSARY, inputs_text, radius_text, sentence
from reports.terminal.lines import Paint, plain, style_of, table, wrapped

_NEIGHBOURS = 3
_EXPLAINED = ("error bound", "ratio", "undecided")

NOT_KEPT = "Its numbers are not kept: only smaller cases had space. `--repro` gives a script that shows some."


def case_page(run: Results, case: str, *, width: int = 80, paint: Paint = plain) -> list[str]:
    """What `parity show RUN CASE` prints: the inputs, then each quantity, what does not match first."""
    title, inputs = inputs_of(run, case)
    lines = [paint(printable(f"{case}: {title}" if title else case), "head")]
    lines += wrapped(inputs_text(inputs), width, "  ")
    records = [record for record in run.records if record.case == case]
    for record in sorted(records, key=lambda record: record.verdict == Verdict.MATCH):
        lines += ["", *_quantity_lines(record, run, width, paint)]
    lines.append("")
    for word in _EXPLAINED[: None if any(record.verdict == Verdict.UNDECIDED for record in records) else -1]:
        lines += wrapped(GLOSSARY[word], width, " " * 13, first=f"{word:<13}")
    return lines


def _quantity_lines(record: Record, run: Results, width: int, paint: Paint) -> list[str]:
    lines = [f"{paint(printable(record.quantity), 'head')}: {paint(word_of(record.verdict), style_of([record]))}"]
    facts = [
        f"{name} {number(value)}"
        for name, value in (("ratio", record.ratio), ("difference", record.gap))
        if value is not None
    ]
    facts += [f"error bound {radius_text(record)}"] if record.radius is not None else []
    if record.bad:
        facts.append(f"{record.bad} of {record.total} elements beyond the error bound")
    if record.ulps is not None:
        facts.append(f"{number(record.ulps)} unit{'' if record.ulps == 1 else 's'} in the last place")
    if record.blame == "reference":
        facts.append("in higher precision torch's value is the one that is further off")
    if facts:
        lines += wrapped("; ".join(facts), width, "  ")
    if record.message and record.verdict != Verdict.MATCH:
        lines += wrapped(sentence(record), width, "  ")
    for note in record.notes:
        lines += wrapped(f"note: {printable(note.text)}", width, "  ")
    return [*lines, *(f"  {line}" for line in _element_lines(record, run, width - 2))]


def _element_lines(record: Record, run: Results, width: int) -> list[str]:
    """Actual and expected numbers and error bounds, at the worst element and those beside it in memory order."""
    import numpy as np

    arrays = arrays_of(run, record)
    if arrays is None:
        return wrapped(NOT_KEPT, width) if record.verdict == "mismatch" and record.bad and run.arrays else []
    got, want, radius = arrays
    if got.shape != want.shape:
        return [f"the shape is {got.shape}, and {want.shape} is expected"]
    if got.size == 0:
        return []
    worst = position(record.where, got.shape)
    at_worst = np.unravel_index(worst, got.shape)
    digits = digits_apart(float(got[at_worst]), float(want[at_worst]))
    first = max(0, min(worst - _NEIGHBOURS, got.size - 2 * _NEIGHBOURS - 1))
    rows = [("", "element", "actual", "expected", "difference", "bound", "ratio")]
    shown = range(first, min(got.size, first + 2 * _NEIGHBOURS + 1))
    for flat in shown:
        index = np.unravel_index(flat, got.shape)
        ours, theirs, allowed = float(got[index]), float(want[index]), float(radius[index])
        both_nan = ours != ours and theirs != theirs
        gap = 0.0 if ours == theirs or both_nan else abs(ours - theirs)
        ratio = 0.0 if gap == 0 else gap / allowed if allowed else float("inf")
        rows.append(
            (
                ">" if flat == worst else "",
                "[" + ", ".join(str(int(place)) for place in index) + "]",
                f"{ours:.{digits}g}",
                f"{theirs:.{digits}g}",
                number(gap),
                number(allowed),
                number(ratio),
            )
        )
    left_out = [f"{len(shown)} of {got.size} elements: the worst and its neighbours"] if len(shown) < got.size else []
    return [*table(rows, "rrrrrrr"), *left_out]
