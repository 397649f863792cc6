"""What `parity compare` prints: two runs side by side, part by part, and what is different."""

from __future__ import annotations

from collections.abc import Sequence

from reports.model.baseline import MOVE
from reports.model.escape import printable
from reports.model.numbers import number
from reports.model.phrases import listed
from reports.model.run import Results, parts_of
from reports.model.summary import PartSummary
from reports.model.two_runs import Change, TwoRuns, alike, change_text, comparison_sentence
from reports.model.verdicts import word_of
from reports.model.words import cases_text, headline
from reports.terminal.lines import Paint, plain, table, wrapped

_SHOWN = 10


def two_runs_page(
    before: Results, after: Results, two: TwoRuns, *, width: int = 80, paint: Paint = plain, whole: bool = False
) -> list[str]:
    """Both headlines, a line for each part, what changed verdict, what moved, and the outcome in a sentence.

    The first cases and ratios that moved, or all of them where it is to be `whole`.
    """
    parts = parts_of(after)
    lines = [
        *wrapped(headline(before), width, "   ", first="A: "),
        *wrapped(headline(after), width, "   ", first="B: "),
        "",
        *_part_lines(two, paint),
    ]
    for title, style, changes in (
        ("No longer agrees", "bad", two.worse),
        ("Agrees now", "good", two.better),
        ("Another verdict", "warn", two.other),
    ):
        if changes:
            lines += ["", paint(title, style)]
            for group in alike(changes):
                lines += _group_lines(group, parts.label(group[0].kind[0]), width, paint, whole)
    lines += _drift_lines(two, width, paint, whole)
    for title, keys in (("Only in A", two.only_before), ("Only in B", two.only_after)):
        if keys:
            cases = _cases([case for case, _ in keys], whole)
            lines += ["", paint(title, "head"), *wrapped(f"{len(keys)} quantities: {cases}", width, "  ")]
    style = "bad" if two.worse else "good" if two.compared else "warn"
    return [*lines, "", *(paint(line, style) for line in wrapped(comparison_sentence(two, parts), width))]


def _part_lines(two: TwoRuns, paint: Paint) -> list[str]:
    waiting = any(side is not None and side.waiting for _, *sides in two.parts for side in sides)
    side_heads = ("agree", *(["not judged"] if waiting else []), "ratio")
    heads = ("part", "", "A", *side_heads, "B", *side_heads)
    rows = [[paint(head, "dim") for head in heads]]
    for _, was, now in two.parts:
        known = now or was
        if known is not None:
            rows.append([known.label, known.title, *_cells(was, waiting), *_cells(now, waiting)])
    return table(rows, "ll" + 2 * f"l{'r' * len(side_heads)}")


def _cells(part: PartSummary | None, waiting: bool) -> list[str]:
    left = [str(part.waiting or "") if part else ""] if waiting else []
    if part is None:
        return ["not asked", "", *left, ""]
    return [word_of(part.verdict), part.agreed, *left, number(part.ratio)]


def _group_lines(group: Sequence[Change], label: str, width: int, paint: Paint, whole: bool) -> list[str]:
    first = f"  {label:<8} "
    indent = " " * len(first)
    lines = wrapped(printable(change_text(group)), width, indent, first=first)
    cases = _cases([change.now.case for change in group], whole)
    return [*lines, *(paint(line, "dim") for line in wrapped(cases, width, indent))]


def _cases(cases: Sequence[str], whole: bool) -> str:
    return listed(map(printable, dict.fromkeys(cases))) if whole else cases_text(cases)


def _drift_lines(two: TwoRuns, width: int, paint: Paint, whole: bool) -> list[str]:
    lines = []
    if two.drift is None:
        sentence = f"The ratios are not compared, since A asked other questions than B: {printable(two.exams)}."
        lines += ["", *wrapped(sentence, width)]
    elif two.drift.moved:
        title = f"Ratios that moved by more than {MOVE}, of what has the same verdict"
        lines += ["", paint(title, "head")]
        lines += [
            f"  {number(m.was):>8} → {number(m.now):<8} {printable(m.case)}, {printable(m.quantity)}"
            for m in (two.drift.moved if whole else two.drift.moved[:_SHOWN])
        ]
        if len(two.drift.moved) > _SHOWN and not whole:
            lines.append(f"  and {len(two.drift.moved) - _SHOWN} more")
    if two.versions:
        since = ", ".join(f"{name} {printable(was)} → {printable(now)}" for name, (was, now) in two.versions.items())
        lines += ["", *wrapped(f"Versions: {since}.", width)]
    return lines
