"""`parity grade --dry-run`: print what would be graded, and as whom."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from parity_tests.cli.class_printing import MOST, print_wrapped
from parity_tests.cli.terminal import paint, width
from parity_tests.grading.flags import FlagKind, few

if TYPE_CHECKING:
    from parity_tests.grading.dry_run import Plan, Planned

_UNCUT = 1000
"""Letters of a cell where no terminal cuts it off."""


def print_plan(plan: Plan, *, as_json: bool, quiet: bool) -> None:
    """Print a line for each submission, for many usual ones together, and what it comes to; with `quiet` that alone."""
    from parity_tests.grading.dry_run import NOTHING
    from reports.model.phrases import capitalised

    if as_json:
        click.echo(json.dumps(_document(plan), indent=2))
        return
    if not quiet:
        _print_table(plan)
    counts = Counter(planned.what for planned in plan.planned)
    listed = ", ".join(f"{count} {'with ' * (what == NOTHING)}{what}" for what, count in counts.items())
    sentences = [
        f"{len(plan.planned)} submissions in the format {plan.format}: {listed}.",
        f"Assignment {plan.assignment}{', edition ' * bool(plan.edition)}{plan.edition}; isolation {plan.level.name}.",
    ]
    if plan.replaced:
        sentences.append(f"Earlier attempts, which do not count: {few([one.name for one in plan.replaced])}.")
    sentences += map(capitalised, plan.remarks)
    sentences += _conversions(plan)
    people: dict[str, list[str]] = {}
    sentences += [f"{flag.submission}: {flag.why}." for flag in plan.look if flag.kind == FlagKind.SHARED_NAME]
    for flag in plan.look:
        people.setdefault(flag.kind, []).append(flag.submission)
    sentences += [f"{capitalised(kind)}: {few(list(dict.fromkeys(names)))}." for kind, names in people.items()]
    if plan.former:
        sentences.append(f"No longer in the tables, because these submissions are without them: {few(plan.former)}.")
    sentences.append("Nothing was run or written.")
    print_wrapped(sentences[: 1 if quiet else None])


def _conversions(plan: Plan) -> list[str]:
    """What was taken for what, or converted, each once with the submissions that it was done to."""
    noted: dict[str, list[str]] = {}
    for planned in plan.planned:
        for note in planned.notes:
            noted.setdefault(note, []).append(planned.hand_in.name)
    said = [f"{few(names)}: {note}." for note, names in noted.items()]
    return said if len(said) <= MOST else [*said[:MOST], f"And {len(said) - MOST} more notes of this kind."]


def _usual(plan: Plan) -> list[Planned]:
    """Those of whom there is nothing to say: in time, called like what they handed in, and of the commonest files."""
    from parity_tests.grading.dry_run import CHECK

    like = [p for p in plan.planned if p.what == CHECK and p.who in ("", p.hand_in.name) and not p.hand_in.late]
    files = Counter(planned.files for planned in like).most_common(1)
    found = [planned for planned in like if planned.files == files[0][0]]
    return found if len(found) > MOST else []


def _print_table(plan: Plan) -> None:
    """A row for each submission but the usual ones, in columns that say something."""
    from parity_tests.grading.dry_run import CHECK
    from reports.model.escape import printable
    from reports.model.phrases import shortened
    from reports.terminal.lines import table

    colours = paint()
    room = width() // 5 if sys.stdout.isatty() else _UNCUT
    usual = _usual(plan)
    common = usual[0].files if usual else ()
    columns: dict[str, list[str]] = {"submission": [], "as whom": [], "late": [], "what": [], "from": []}
    for one in (one for one in plan.planned if one not in usual):
        who, what = one.who * (one.who != one.hand_in.name), one.what * (one.what != CHECK)
        files = one.missing or ", ".join(one.files) * (one.files != common)
        for column, cell in zip(columns.values(), (one.hand_in.name, who, one.hand_in.late, what, files), strict=True):
            column.append(printable(cell) if cell is files else shortened(printable(cell), room))
    told = {head: cells for head, cells in columns.items() if any(cells)}
    rows = [[colours(head, "head") for head in told], *zip(*told.values(), strict=True)]
    for line in table(rows, "l" * len(told)) if told else ():
        click.echo(line, color=True)
    if usual:
        click.echo(printable(f"and {len(usual)} more; from {', '.join(common)} where nothing else is said"))


def _document(plan: Plan) -> dict[str, Any]:
    return {
        "schema": "parity plan",
        "schema_version": 1,
        "assignment": plan.assignment,
        "edition": plan.edition,
        "format": plan.format,
        "isolation": plan.level.name,
        "submissions": [
            {
                "submission": planned.hand_in.name,
                "source": planned.hand_in.source,
                "people": [
                    {
                        "name": person.name if person else member.name,
                        "email": member.email or (person.email if person else ""),
                        "id": member.id,
                        "on_roster": person is not None,
                    }
                    for member, person in zip(planned.hand_in.people, planned.people, strict=True)
                ],
                "late": planned.hand_in.late,
                "files": list(planned.files),
                "missing": planned.missing,
                "notes": list(planned.notes),
                "what": planned.what,
            }
            for planned in plan.planned
        ],
        "replaced": [hand_in.source for hand_in in plan.replaced],
        "ignored": list(plan.ignored),
        "remarks": list(plan.remarks),
        "former": list(plan.former),
        "look": [{"submission": flag.submission, "kind": flag.kind, "why": flag.why} for flag in plan.look],
    }
