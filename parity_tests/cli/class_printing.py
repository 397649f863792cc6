"""What is printed of a graded class: a few lines, or all of it as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.cli.status import AGREEMENT, OWN_FAULT, UNUSABLE
from parity_tests.cli.terminal import complain, wrapped

if TYPE_CHECKING:
    from parity_tests.grading.gradebook import Change
    from parity_tests.grading.tables import Tables

SCHEMA_VERSION = 1
"""Of the JSON; it changes when the meaning of a key does."""
MOST = 8
"""Submissions or notes that are listed one by one."""
MOST_CHANGES = 3
"""Totals that change, of which each is told."""
_WHOSE = ("submission", "student", "email", "id", "late", "when", "edition")
_POINTS = ("total", "maximum", "per_cent", "taken_off", "status", "overridden")


def print_class(
    tables: Tables, out: Path, *, as_json: bool, quiet: bool, changes: Sequence[Change] | None = None
) -> None:
    """Print what was found; `changes` are those of the totals where a class is graded anew, without next steps."""
    from parity_tests.grading.gradebook import CHANGES, names_of

    if as_json:
        click.echo(json.dumps(document(tables, out, changes), indent=2, allow_nan=False))
        return
    first, mean, *others = summary(tables, out)
    folder, rubric = shlex.quote(str(out)), shlex.quote(str(out / "rubric.toml"))
    told = [f"{first} {mean}", *others, f"Other points: edit {rubric}, then parity regrade {folder}"]
    told.append(f"Site's table: parity gradebook {folder} TABLE.csv")
    if changes is not None:
        called = names_of(tables.rows)
        first = f"{len(changes)} of {len(tables.totals)} totals change." if changes else "No total changes."
        listed = [change.sentence(called) for change in changes[:MOST_CHANGES]]
        more = len(changes[MOST_CHANGES:])
        listed += [f"and {more} more: {shlex.quote(str(out / CHANGES))}"] * bool(more)
        told = [*listed, first, mean * bool(changes), *(others if tables.flags else others[:-1])]
    print_wrapped([first] if quiet else told)


def status_of_class(tables: Tables) -> int:
    """The exit status: 2 with a sentence for each damaged file, 3 where Parity itself failed, else 0."""
    for file in tables.damaged:
        complain(f"{file} is damaged: it is not as it was written. `parity grade` makes the result anew.")
    return UNUSABLE if tables.damaged else OWN_FAULT if tables.faults else AGREEMENT


def print_wrapped(sentences: Sequence[str]) -> None:
    """Print sentences in lines that fit the terminal."""
    from reports.model.escape import printable

    for sentence in sentences:
        for line in wrapped(printable(sentence)):
            click.echo(line)


def summary(tables: Tables, out: Path) -> list[str]:
    """What was found, in a few sentences: how many have a grade, their points, "" for none, and the others."""
    from parity_tests.grading.flags import FlagKind, counted, few
    from reports.model.numbers import points_text

    totals = [total for total in tables.totals.values() if total is not None]
    count = f"{len(totals)} of {len(tables.totals) + tables.unchecked} submissions have a grade"
    zeros, points = tables.unjudged_zeros, ""
    count += f", {zeros} of them 0 since nothing could be judged." if zeros else "."
    if totals:
        shown = round(sum(totals) / len(totals), 2), min(totals), max(totals)
        mean, lowest, highest = map(points_text, shown)
        points = f"Mean {mean} points, lowest {lowest}, highest {highest}."
    lines = [count, points]
    if tables.unchecked:
        lines.append(f"{tables.unchecked} were not checked yet; the same command without --only goes on.")
    if failed := len(tables.assignment):
        lines.append(f"{failed} have no grade because the assignment fails: {tables.assignment[0]}.")
        lines.append("Mend the assignment, then grade into another folder.")
    failed = tables.faults - len(tables.damaged) - failed
    if failed:
        lines.append(f"{failed} have no grade because Parity itself failed; the same command tries them again.")
    if tables.damaged:
        lines.append(f"{len(tables.damaged)} have no grade because a file of theirs is damaged.")
    if tables.late:
        lines.append(f"{tables.late} late: no points off without --late FILE.")
    if tables.untimed:
        marked = sum(flag.kind == FlagKind.LATE for flag in tables.flags)
        told = f"{marked} {'is' if marked == 1 else 'are'} marked late, without a time" if marked else ""
        unknown = tables.untimed - marked
        told += f"{' and of ' if marked else 'Of '}{unknown} nobody says when" if unknown else ""
        lines.append(f"{told}; the late policy took nothing off, and [hours_late] in it can say how late.")
    if tables.former:
        lines.append(
            f"No longer in the tables, because these submissions are without them: {few(tables.former)}. Their results "
            f"stay in {shlex.quote(str(out / 'submissions'))}."
        )
    listed = ", ".join(f"{count} {kind}" for kind, count in counted(tables.flags).items())
    return [*lines, f"Look at {shlex.quote(str(out / 'class.html'))}{': ' * bool(listed)}{listed}"]


def document(tables: Tables, out: Path, changes: Sequence[Change] | None = None) -> dict[str, Any]:
    """All that was found, as values for JSON; reports/files/class_schema.json describes them."""
    found = {
        "schema": "parity class",
        "schema_version": SCHEMA_VERSION,
        "folder": str(out),
        "submissions": len(tables.totals) + tables.unchecked,
        "graded": sum(total is not None for total in tables.totals.values()),
        "faults": tables.faults,
        "unchecked": tables.unchecked,
        "untimed": tables.untimed,
        "former": list(tables.former),
        "grades": [_grade(row) for row in tables.rows],
        "look": [{"submission": flag.submission, "kind": flag.kind, "why": flag.why} for flag in tables.flags],
    }
    if changes is not None:
        found["changes"] = [*map(vars, changes)]
    return found


def _grade(row: Mapping[str, Any]) -> dict[str, Any]:
    items = {name: points for name, points in row.items() if name not in (*_WHOSE, *_POINTS)}
    return {**{name: row[name] for name in _WHOSE}, "items": items, **{name: row[name] for name in _POINTS}}
