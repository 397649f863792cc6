"""`parity show`: explain a saved run, or one case of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity_tests.cli.files import run_folder_errors, write
from parity_tests.cli.terminal import Progress, paint, width
from parity_tests.protocol.errors import UsageError

if TYPE_CHECKING:
    from reports.model.records import Record
    from reports.model.run import SavedRun


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("case", required=False)
@click.option("--repro", is_flag=True, help="Write the smallest script that shows each of its discrepancies into RUN.")
@click.option(
    "--assignment", metavar="NAME", help="What --repro asks: by name or as module:NAME; left out, RUN says it."
)
@run_folder_errors()
def show(run: Path, case: str | None, repro: bool, assignment: str | None) -> None:
    """Explain a saved run, or one case of it.

    RUN is the folder that `parity check` wrote. CASE is the name of a case, or a part of it that no other
    name has; left out, the cases with something that does not match are listed.
    """
    from reports.model.run_folder import load
    from reports.terminal.case import case_page
    from reports.terminal.run import unmatched_page

    saved = load(run)
    if case is None:
        # That of a submission of a class has no table for people.
        table = "records.csv" if (run / "records.csv").is_file() else "records.parquet"
        lines = unmatched_page(saved, shlex.quote(str(run)), table=table, width=width(), paint=paint())
    else:
        name = _one_case(saved.records, case, run)
        lines = case_page(saved, name, width=width(), paint=paint())
    if repro:
        lines += ["", *_write_scripts(saved, None if case is None else name, run, assignment)]
    click.echo("\n".join(lines), color=True)


def _write_scripts(saved: SavedRun, case: str | None, run: Path, assignment: str | None) -> list[str]:
    """Asks the submission again, and writes the scripts into the run folder; what is said of them."""
    from parity_tests.harness.reproduce import lines, reproductions
    from parity_tests.protocol.registry import find

    asked = find(assignment or saved.environment.assignment or "")
    with Progress("writing scripts") as progress:
        shown = reproductions(asked, saved.records, saved.environment, case=case, progress=progress)
    for file, text in shown.scripts.items():
        write(run / file, text.encode())
    return lines(shown, run, {part.id: part.label for part in asked.parts})


def _one_case(records: Sequence[Record], wanted: str, run: Path) -> str:
    """The case of that name, or the only one with it in its name. Raises UsageError that lists near ones."""
    import difflib

    names = list(dict.fromkeys(record.case for record in records))
    if wanted in names:
        return wanted
    matches = [name for name in names if wanted.lower() in name.lower()]
    if len(matches) == 1:
        return matches[0]
    if matches:
        shown = "\n  ".join(matches[:20])
        more = f"\n  and {len(matches) - 20} more" if len(matches) > 20 else ""
        raise UsageError(f"{len(matches)} cases of {run} have {wanted!r} in their names; name one:\n  {shown}{more}")
    near = difflib.get_close_matches(wanted, names, n=5, cutoff=0.3)
    hint = "; near it are: " + ", ".join(near) if near else ""
    raise UsageError(f"{run} has no case {wanted!r}{hint}.")
