"""`parity show`: explain a saved run, or one case of it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity_tests.cli.files import run_folder_errors, write
from parity_tests.cli.options import json_option, quiet_option, verbose_option
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
@verbose_option("Of a run, list every case, those that match as well.")
@quiet_option
@json_option
@run_folder_errors()
def show(
    run: Path, case: str | None, repro: bool, assignment: str | None, verbose: bool, quiet: bool, as_json: bool
) -> None:
    """Explain a saved run, or one case of it.

    RUN is the folder that `parity check` wrote. CASE is the name of a case, with its dtype or without, or a part
    of it; of several cases, or of a part of the assignment (`4`), the verdicts are listed. Left out, what does not
    match is listed, each mistake once.
    """
    from reports.files.document import json_text
    from reports.model.run_folder import load
    from reports.model.words import verdict_sentence
    from reports.terminal.case import case_page
    from reports.terminal.run import cases_page, mistakes_page

    saved = load(run)
    name: str | None = None
    asked = saved.records if case is None else _asked(saved, case, run)
    if as_json or quiet:
        alone = saved if case is None else replace(saved, records=asked)
        click.echo(json_text(alone).rstrip() if as_json else verdict_sentence(alone))
        return
    if case is None and verbose:
        lines = cases_page(saved, asked, shlex.quote(str(run)), width=width(), paint=paint())
    elif case is None:
        # That of a submission of a class has no table for people.
        table = "records.csv" if (run / "records.csv").is_file() else "records.parquet"
        lines = mistakes_page(saved, shlex.quote(str(run)), table=table, width=width(), paint=paint())
    else:
        if len({record.case for record in asked}) > 1:
            lines = cases_page(saved, asked, shlex.quote(str(run)), width=width(), paint=paint())
        else:
            name = asked[0].case
            lines = case_page(saved, name, width=width(), paint=paint())
    if repro:
        lines += ["", *_write_scripts(saved, name, run, assignment)]
    click.echo("\n".join(lines), color=True)


def _write_scripts(saved: SavedRun, case: str | None, run: Path, assignment: str | None) -> list[str]:
    """Asks the submission again, and writes the scripts into the run folder; what is said of them."""
    from parity_tests.harness.reproduce import lines, reproductions
    from parity_tests.protocol.registry import find
    from reports.model.run import parts_of

    asked = find(assignment or saved.environment.assignment or "")
    with Progress("writing scripts") as progress:
        shown = reproductions(asked, saved.records, saved.environment, case=case, progress=progress)
    for file, text in shown.scripts.items():
        write(run / file, text.encode())
    return lines(shown, run, parts_of(saved))


def _asked(saved: SavedRun, wanted: str, run: Path) -> list[Record]:
    """The records of a part, or of the cases with that in their names; of one case in two dtypes the first wrong one.

    Raises UsageError that lists near ones where there are none.
    """
    from reports.model.phrases import near_names
    from reports.model.run import parts_of
    from reports.model.verdicts import Verdict

    parts = parts_of(saved)
    cases: dict[str, list[Record]] = {}
    for record in saved.records:
        cases.setdefault(record.case, []).append(record)
    if wanted in cases:
        return cases[wanted]
    of_part = [r for r in saved.records if wanted.lower() in (r.part.lower(), parts.label(r.part).lower())]
    if of_part:
        return of_part
    matches = [records for name, records in cases.items() if wanted.lower() in name.lower()]
    if not matches:
        near = near_names(wanted, cases)
        raise UsageError(f"{run} has no case and no part {wanted!r}{near or '.'}")
    if len({records[0].case.removesuffix(records[0].dtype) for records in matches}) == 1:
        wrong = (records for records in matches if any(r.verdict != Verdict.MATCH for r in records))
        return next(wrong, matches[0])
    return [record for records in matches for record in records]
