"""`parity bench`: what the program costs, held against what people would use instead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from parity_tests.cli import extras
from parity_tests.cli.files import write
from parity_tests.cli.options import Whole
from parity_tests.cli.status import AGREEMENT
from parity_tests.cli.terminal import complain
from parity_tests.protocol.errors import UsageError
from reports.model.numbers import duration

PARTS = ("step", "check", "hold", "trace", "grade", "wrong", "reports", "growth")
BEGIN, END = "<!-- parity bench -->", "<!-- the end of it -->"
"""Between lines of these two stands the table of a Markdown file."""


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option(
    "--rounds",
    type=Whole(min=3),
    default=15,
    show_default=True,
    help="Rounds that are counted; of what takes seconds a round, 5 at most.",
)
@click.option(
    "--threads",
    type=Whole(min=1),
    default=1,
    show_default=True,
    help="Threads of BLAS, for `step` and `hold`.",
)
@click.option(
    "--submissions",
    type=Whole(min=2),
    default=48,
    show_default=True,
    help="Submissions in each class that `grade` compares on.",
)
@click.option("--short", is_flag=True, help="Leave out of `hold` the models that take seconds a round; 2 minutes less.")
@click.option(
    "--whole-range", "whole", is_flag=True, help="Let `growth` go up to 5,000 submissions; half an hour or so."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-bench"),
    show_default=True,
    help="Folder for the figures, a file of pyperf's; those of other parts that lie there are kept.",
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    help="A folder of an earlier run on this machine: print how the ratios moved.",
)
@click.option(
    "--readme",
    type=click.Path(path_type=Path),
    help=f"A Markdown file: put all that the folder holds between its lines {BEGIN} and {END}.",
)
def bench(
    parts: tuple[str, ...],
    rounds: int,
    threads: int,
    submissions: int,
    short: bool,
    whole: bool,
    out: Path,
    compare: Path | None,
    readme: Path | None,
) -> int:
    """Time Parity side by side with what people would use instead.

    \b
    PARTS, all where none is named:
      step     a training step in numpy against torch's, and against the matrix products alone
      check    `parity check` against the import of torch
      hold     torch's value and radius, by bound and by sample, against the bare call; by bound of an LSTM,
               VGG-16 and a large layer norm
      trace    a step of `parity trace` against one of each of its trainings run bare
      grade    `parity grade` of a class of the homework, and of CS231n with as many mistakes as real ones, against
               the import of torch, no sandbox, and a pytest process for each submission
      wrong    `parity check` of a submission of CS231n with nothing right; `--fix` of a wrong function
      reports  `parity regrade` of a class of 1,000, and its pages
      growth   how time grows with elements, layers, steps and submissions: slopes on logarithmic axes; Parity's
               memory; a submission more in a class against the import of torch

    Subjects take turns, round after round; medians of the ratios of each round are printed as a Markdown table, with
    quartiles. Figures of another machine, or of other versions, are never mixed with these: a folder that holds such is
    refused. Nothing fails for being slow: speed is no test. Exit status: 0; 2 what was asked for cannot be done; 3
    what was to be timed failed.
    """
    extras.require("this", extras.BENCH)
    from parity_tests.bench import commands, growth, hold, reporting, results, step, timing

    if steering := timing.steering():
        complain(f"{', '.join(steering)} would steer the BLAS, so this is measured without.")
        command = [sys.executable, "-m", "parity_tests.cli", *sys.argv[1:]]
        return subprocess.call(command, env=timing.unsteered(threads))
    if readme is not None:
        _around_table(readme)
    import torch
    from threadpoolctl import threadpool_limits

    here = results.machine(threads)
    earlier = None if compare is None else results.load(compare, here)
    kept = results.load(out, here) if (out / results.FILE).exists() else []
    wanted = timing.Wanted(rounds, submissions, threads, short, whole)
    measures = {
        "step": step.measure, "check": commands.measure_check, "hold": hold.measure, "trace": commands.measure_trace,
        "grade": commands.measure_grade, "wrong": commands.measure_wrong, "reports": reporting.measure,
        "growth": growth.measure,
    }  # fmt: skip
    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        for part in parts or PARTS:
            complain(f"measuring {part}.")
            new = []
            for row in measures[part](wanted):
                new.append(results.benchmark(part, row, here))
                complain(f"{row.name}: {duration(new[-1].median())}.")
            kept = [one for one in kept if results.part_of(one) != part] + new
            kept.sort(key=lambda one: PARTS.index(results.part_of(one)))
            results.save(out, kept)
    for line in results.changes(earlier or [], kept):
        click.echo(line)
    measured = "\n".join([*results.report(kept), "", results.sentence(here)])
    if readme is not None:
        before, after = _around_table(readme)
        write(readme, f"{before}\n{measured}\n{after}".encode())
    click.echo(measured)
    click.echo(f"\nThe figures are in {out}.")
    return AGREEMENT


def _around_table(path: Path) -> tuple[str, str]:
    """The text of a file up to the line BEGIN and from the line END on. Raises UsageError where they are not there."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, begin, rest = text.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(f"{END}")
    if not begin or not end:
        raise UsageError(f"{path} has no lines {BEGIN} and {END}, between which the table could be.")
    return before + begin, end + after
