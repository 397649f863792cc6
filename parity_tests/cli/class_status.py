"""`parity status`: say how far the grading of a class is."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.cli.class_printing import print_wrapped
from parity_tests.cli.extras import CLASS, require
from parity_tests.cli.options import json_option, quiet_option

if TYPE_CHECKING:
    from parity_tests.grading.standing import Standing


_AT_WORK = {
    True: "a command is at work there now",
    False: "nothing is at work there",
    None: "whether a command is at work there cannot be seen from here",
}
_SETTINGS = ("assignment", "edition", "dtypes", "timeout", "isolation")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@json_option
@quiet_option
def status(run: Path, as_json: bool, quiet: bool) -> None:
    """Say how far the grading of a class is, also while it goes on.

    RUN is the folder that `parity grade` writes. Nothing is run or written. Exit status: 0, or 2 where it is no
    such folder.
    """
    require("grading", CLASS)
    from parity_tests.grading.standing import standing_of

    standing = standing_of(run)
    if as_json:
        click.echo(json.dumps(_document(run, standing), indent=2))
    else:
        print_wrapped(_sentences(run, standing)[: 1 if quiet else None])


def _sentences(run: Path, standing: Standing) -> list[str]:
    name = shlex.quote(str(run))
    settings = standing.settings
    now = _AT_WORK[standing.at_work]
    lines = [f"{name}: {standing.checked} of {standing.submissions} submissions are checked; {now}."]
    if standing.checked < standing.submissions and not standing.at_work:
        lines.append("The same `parity grade` goes on with the others.")
    if standing.faults:
        lines.append(
            f"{standing.faults} have no grade because Parity or the assignment failed; `parity grade` tries them again."
        )
    if standing.in_tables is None:
        lines.append("There are no tables yet: they are made when the command ends.")
    elif standing.half_written and not standing.at_work:
        lines.append(
            "The tables are of two runs, since one was stopped while it wrote them; "
            f"`parity regrade {name}` makes them anew."
        )
    elif standing.in_tables < standing.checked:
        lines.append(
            f"The tables hold {standing.in_tables} of {standing.checked} submissions; `parity regrade {name}` makes "
            "them of all."
        )
    if standing.look:
        listed = ", ".join(f"{count} {kind}" for kind, count in standing.look.items())
        lines.append(f"To look at, in look.csv: {listed}.")
    edition = f", edition {settings.edition}" if settings.edition else ""
    lines.append(
        f"Assignment {settings.assignment}{edition}, {', '.join(settings.dtypes)}, {settings.timeout:g} s a case, "
        f"isolation {settings.isolation}; the folder keeps {', '.join(standing.files) or 'no files'}."
    )
    return lines


def _document(run: Path, standing: Standing) -> dict[str, Any]:
    told = {name: value for name, value in vars(standing).items() if name != "settings"}
    settings = {name: getattr(standing.settings, name) for name in _SETTINGS}
    return {"schema": "parity status", "schema_version": 1, "folder": str(run), **told, **settings}
