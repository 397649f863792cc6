"""`parity regrade`: give points anew, without running anything."""

from __future__ import annotations

from pathlib import Path

import click

from parity_tests.cli.extras import CLASS, PAGES, require
from parity_tests.cli.status import AGREEMENT, OWN_FAULT


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--rubric", type=click.Path(path_type=Path), help="The new points; those kept in RUN if left out.")
@click.option("--overrides", type=click.Path(path_type=Path), help="CSV of points that a human gives; applied last.")
@click.option("--roster", type=click.Path(path_type=Path), help="CSV of who is in the class.")
def regrade(run: Path, rubric: Path | None, overrides: Path | None, roster: Path | None) -> int:
    """Give points anew to a graded class, and say who changes by how much.

    RUN is the folder that `parity grade` wrote. Nothing is run: the records that are there are enough.
    """
    require(CLASS | PAGES)
    from parity_tests.cli.grade import summary
    from parity_tests.grading.class_files import FilePaths
    from parity_tests.grading.pages import write_class_page
    from parity_tests.grading.rescore import rescore_class

    tables, changes = rescore_class(run, FilePaths(rubric, overrides, roster))
    write_class_page(run)
    for line in changes:
        click.echo(line)
    click.echo(f"{len(changes)} of {len(tables.totals)} totals change." if changes else "No total changes.")
    for line in summary(tables, run):
        click.echo(line)
    return OWN_FAULT if tables.faults else AGREEMENT
