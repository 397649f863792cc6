"""`parity grade`: grade a class."""

from __future__ import annotations

import contextlib
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity_tests.cli.extras import CLASS, PAGES, require
from parity_tests.cli.grading_progress import GradingProgress
from parity_tests.cli.options import DTYPES, LEVELS, allow_option, assignment_option, timeout_of
from parity_tests.cli.status import AGREEMENT, OWN_FAULT
from parity_tests.cli.terminal import complain
from parity_tests.grading.intake import FORMATS
from parity_tests.harness.machine import cores

if TYPE_CHECKING:
    from parity_tests.grading.tables import Tables


@click.command()
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-class"),
    show_default=True,
    help="Folder to write, or to go on in where a run was stopped.",
)
@click.option("--format", type=click.Choice(FORMATS), help="The layout of SUBMISSIONS; told by its names if left out.")
@assignment_option
@click.option("--edition", help="The class's edition of the assignment; its default if left out.")
@click.option("--rubric", type=click.Path(path_type=Path), help="Points, in place of the usual ones.")
@click.option("--overrides", type=click.Path(path_type=Path), help="CSV of points that a human gives; applied last.")
@click.option("--roster", type=click.Path(path_type=Path), help="CSV of who is in the class.")
@click.option(
    "--dtype",
    type=click.Choice([*DTYPES, "both"]),
    default="float64",
    show_default=True,
    help="Precision of the inputs.",
)
@click.option("--seed", type=click.IntRange(min=0), help="What inputs are drawn from; secret and drawn if left out.")
@click.option(
    "--only", multiple=True, metavar="NAME", help="Check this submission again, and no other; may be repeated."
)
@timeout_of("case")
@allow_option
@click.option(
    "--isolation",
    type=click.Choice(LEVELS),
    help="The least that will do; left out, the strongest there is, but never none.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Processes at work here; as many as there are cores if left out."
)
@click.option("--scheduler", metavar="ADDRESS", help="Let the workers of this Dask scheduler do the work.")
def grade(
    submissions: Path,
    out: Path,
    format: str | None,
    assignment: str | None,
    edition: str | None,
    rubric: Path | None,
    overrides: Path | None,
    roster: Path | None,
    dtype: str,
    seed: int | None,
    only: tuple[str, ...],
    timeout: float,
    allow: tuple[str, ...],
    isolation: str | None,
    jobs: int | None,
    scheduler: str | None,
) -> int:
    """Grade a class.

    SUBMISSIONS is what the course site gave: a folder of folders, zips or single files, a zip of those, or an
    export of Gradescope, Canvas or Moodle. Stopped at any moment and started again, it goes on. Exit status: 0
    whatever the marks, 2 what was asked for cannot be done, 3 a fault of Parity's own, which yields no grade.
    """
    require(CLASS | PAGES)
    from parity_tests.grading.check_class import Request, check_class
    from parity_tests.grading.class_files import FilePaths
    from parity_tests.grading.pages import write_class_page

    request = Request(
        source=submissions,
        out=out,
        assignment=assignment,
        edition=edition,
        dtypes=DTYPES if dtype == "both" else (dtype,),
        timeout=timeout,
        allow=allow,
        isolation=isolation,
        seed=seed,
        format=format,
        paths=FilePaths(rubric, overrides, roster),
        only=only,
        jobs=jobs or cores(),
        scheduler=scheduler,
    )
    with GradingProgress() as progress, _saying_how_to_go_on():
        tables = check_class(request, progress)
    write_class_page(out)
    for line in summary(tables, out):
        click.echo(line)
    return OWN_FAULT if tables.faults else AGREEMENT


def summary(tables: Tables, out: Path) -> list[str]:
    """What was found, in a few lines."""
    from reports.model.numbers import points_text

    totals = [total for total in tables.totals.values() if total is not None]
    first = f"{len(totals)} of {len(tables.totals) + tables.unchecked} submissions have a grade."
    if totals:
        mean, lowest, highest = (
            points_text(p) for p in (round(sum(totals) / len(totals), 2), min(totals), max(totals))
        )
        first += f" The mean is {mean} points, the lowest {lowest}, the highest {highest}."
    lines = [first]
    if tables.unchecked:
        lines.append(f"{tables.unchecked} were not checked yet; the same command without --only goes on.")
    if tables.faults:
        lines.append(f"{tables.faults} have no grade because Parity itself failed; the same command tries them again.")
    kinds = Counter(flag.kind for flag in tables.flags)
    if kinds:
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        lines.append(f"What needs a human look is in look.csv: {listed}.")
    lines.append(
        f"Everything is in {shlex.quote(str(out))}: class.html to look at, grades.csv, class.csv, and a feedback.md "
        f"and a report.html for each submission."
    )
    return lines


@contextlib.contextmanager
def _saying_how_to_go_on() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        complain("what is done is kept; the same command goes on from there.")
        raise
