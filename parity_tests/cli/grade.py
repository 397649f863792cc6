"""`parity grade`: grade a class."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.assignments.mlp.editions import DEFAULT, EDITIONS
from parity_tests.cli.extras import CLASS, PAGES, require
from parity_tests.cli.options import DTYPES, LEVELS, allow_option, timeout_of
from parity_tests.cli.status import AGREEMENT, OWN_FAULT
from parity_tests.cli.terminal import complain
from parity_tests.harness.machine import cores

if TYPE_CHECKING:
    from parity_tests.grading.tables import Look, Tables

EVERY = 30.0
"""Seconds between the lines that tell how far it is where no bar can be drawn."""
FORMATS = ("gradescope", "canvas", "moodle", "plain")


@click.command()
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-class"),
    show_default=True,
    help="Folder to write, or to go on in where a run was stopped.",
)
@click.option("--format", type=click.Choice(FORMATS), help="The layout of SUBMISSIONS; told by itself if left out.")
@click.option("--rubric", type=click.Path(path_type=Path), help="Points, in place of the usual ones.")
@click.option("--overrides", type=click.Path(path_type=Path), help="CSV of points that a human gives; applied last.")
@click.option("--roster", type=click.Path(path_type=Path), help="CSV of who is in the class.")
@click.option("--edition", type=click.Choice(EDITIONS), default=DEFAULT, show_default=True, help="The class's edition.")
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
    rubric: Path | None,
    overrides: Path | None,
    roster: Path | None,
    edition: str,
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
    from parity_tests.grading.grade_class import Given, Progress, grade_class
    from parity_tests.grading.pages import write_class_page
    from parity_tests.grading.task import Settings

    require(CLASS | PAGES)
    asked = Settings("mlp", 0, edition, DTYPES if dtype == "both" else (dtype,), timeout, allow)
    with _Teller() as teller, _going_on():
        tables = grade_class(
            submissions,
            out,
            asked=asked,
            isolation=isolation,
            seed=seed,
            format=format,
            given=Given(rubric, overrides, roster),
            only=only,
            jobs=jobs or cores(),
            scheduler=scheduler,
            progress=Progress(teller.begin, teller.done, teller.look),
        )
    write_class_page(out)
    for line in summary(tables, out):
        click.echo(line)
    return OWN_FAULT if tables.faults else AGREEMENT


def summary(tables: Tables, out: Path) -> list[str]:
    """What was found, in a few lines."""
    from reports.model.numbers import points_text

    graded = [total for total, _ in tables.totals.values() if total is not None]
    lines = [f"{len(graded)} of {len(tables.totals) + tables.waiting} submissions have a grade."]
    if graded:
        mean, lowest, highest = map(points_text, (round(sum(graded) / len(graded), 2), min(graded), max(graded)))
        lines[0] += f" The mean is {mean} points, the lowest {lowest}, the highest {highest}."
    if tables.waiting:
        lines.append(f"{tables.waiting} were not checked yet; the same command without --only goes on.")
    if tables.faults:
        lines.append(f"{tables.faults} have no grade because Parity itself failed; the same command tries them again.")
    kinds: dict[str, int] = {}
    for look in tables.looks:
        kinds[look.kind] = kinds.get(look.kind, 0) + 1
    if kinds:
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        lines.append(f"What needs a human look is in look.csv: {listed}.")
    lines.append(
        f"Everything is in {shlex.quote(str(out))}: class.html to look at, grades.csv, class.csv, and a feedback.md "
        f"and a report.html for each submission."
    )
    return lines


@contextlib.contextmanager
def _going_on() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        complain("what is done is kept; the same command goes on from there.")
        raise


class _Teller:
    """Says how far it is, how fast, and how long it will take; and each submission that needs a look, at once."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._total = self._done = self._found = 0
        self._start = self._said = time.monotonic()

    def __enter__(self) -> _Teller:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, total: int, isolation: str) -> None:
        complain(f"{total} submission{'s' if total != 1 else ''}; {isolation}.")
        self._total = total
        self._start = self._said = time.monotonic()
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.add_task("", total=total)
        self._bar.start()

    def done(self, name: str, now: bool) -> None:
        self._done += 1
        self._found += not now
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done, description=self._pace())
        elif time.monotonic() - self._said > EVERY:
            self._said = time.monotonic()
            click.echo(f"parity: {self._done} of {self._total} graded; {self._pace()}", err=True)

    def look(self, look: Look) -> None:
        from reports.model.escape import printable

        line = printable(f"{look.submission}: {look.kind}: {look.why}")
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            complain(line)

    def _pace(self) -> str:
        new = self._done - self._found
        seconds = time.monotonic() - self._start
        if not new:
            return f"{self._found} were there already"
        left = (self._total - self._done) * seconds / new
        return f"{new / seconds:.1f} a second, {_minutes(left)} left"


def _minutes(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
