"""`parity bench`: what the program costs, held against what people would use instead."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.cli.files import write
from parity_tests.cli.status import AGREEMENT
from parity_tests.cli.terminal import complain
from parity_tests.protocol.errors import UsageError

if TYPE_CHECKING:
    from parity_tests.bench.figures import Benchmarks, Figure, Share, Size, Slope
    from parity_tests.bench.parts import Wanted

PARTS = ("step", "check", "hold", "trace", "grade", "reports", "cs231n", "growth")
BEGIN, END = "<!-- parity bench -->", "<!-- the end of it -->"
"""Between lines of these two stands the table of a Markdown file."""


def _numbers(_: click.Context, __: click.Parameter, text: str) -> tuple[int, ...]:
    """The sizes of classes in an option, sorted. Raises BadParameter for anything else."""
    try:
        numbers = tuple(sorted({int(word) for word in text.split(",") if word.strip()}))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of numbers such as 10,100.") from None
    if any(number < 1 for number in numbers):
        raise click.BadParameter("a class has at least one submission.")
    return numbers


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option(
    "--rounds",
    type=click.IntRange(min=3),
    default=15,
    show_default=True,
    help="Rounds that are counted; of what takes seconds a round, 5 at most.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads of BLAS, for `step` and `hold`.",
)
@click.option(
    "--submissions",
    type=click.IntRange(min=2),
    default=48,
    show_default=True,
    help="Submissions in the class that `grade` compares on.",
)
@click.option(
    "--sizes",
    default="10,100",
    show_default=True,
    callback=_numbers,
    help="Classes of which `grade` takes time and memory; with 1000 it takes minutes.",
)
@click.option("--short", is_flag=True, help="Leave out of `hold` the models that take seconds a round; 2 minutes less.")
@click.option("--whole-range", "whole", is_flag=True, help="Let `growth` go up to 5,000 submissions; an hour or so.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-bench"),
    show_default=True,
    help="Folder for the figures and pictures; those of other parts that lie there are kept.",
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
    sizes: tuple[int, ...],
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
      trace    `parity trace` against both of its trainings run bare; one replica against torch's
      grade    `parity grade` against a pytest process for each submission, and against no isolation;
               where its time goes; time and memory against the number of submissions
      reports  `parity regrade` of a class of 1,000, and its pages
      cs231n   our convolution against torch's, what each kind of CS231n's questions costs, and a class of it
      growth   how time grows with elements, layers, steps and submissions: slopes on logarithmic axes

    Subjects take turns, round after round; medians of the ratios of each round are printed as a Markdown table, with
    quartiles. Figures of another machine, or of other versions, are never mixed with these: a folder that holds such is
    refused. Nothing fails for being slow: speed is no test. Exit status: 0; 2 what was asked for cannot be done; 3
    what was to be timed failed.
    """
    from parity_tests.bench import process
    from parity_tests.bench.parts import Wanted

    if steering := process.steering():
        complain(f"{', '.join(steering)} would steer the BLAS, so this is measured without.")
        command = [sys.executable, "-m", "parity_tests.cli", "bench", *parts, f"--rounds={rounds}"]
        command += [f"--threads={threads}", f"--submissions={submissions}", f"--sizes={','.join(map(str, sizes))}"]
        command += ["--short"] * short + ["--whole-range"] * whole
        command += [f"--out={out}", *[f"--compare={compare}"] * bool(compare), *[f"--readme={readme}"] * bool(readme)]
        return subprocess.call(command, env=process.unsteered(threads))
    if readme is not None:
        _around_table(readme.read_text(encoding="utf-8") if readme.is_file() else "", readme)
    measured = _measure(parts or PARTS, Wanted(rounds, submissions, sizes, threads, whole, short), out, compare)
    if readme is not None:
        before, after = _around_table(readme.read_text(encoding="utf-8"), readme)
        write(readme, f"{before}\n{measured}\n{after}".encode())
    click.echo(measured)
    click.echo(f"\nThe figures are in {out}.")
    return AGREEMENT


def _measure(parts: Sequence[str], wanted: Wanted, out: Path, compare: Path | None) -> str:
    """Measures the parts, saves them beside the others of the folder, and returns all that it holds as Markdown."""
    import torch
    from threadpoolctl import threadpool_limits

    from parity_tests.bench import figures, machine
    from parity_tests.bench.parts import MEASURES

    here = machine.describe(wanted.threads)
    earlier = None if compare is None else _figures_in(compare, here)
    kept = _figures_in(out, here) if (out / "machine.json").exists() else figures.Benchmarks()
    torch.set_num_threads(wanted.threads)
    with threadpool_limits(wanted.threads):
        for part in parts:
            complain(f"measuring {part}.")
            measured = []
            for row in MEASURES[part](wanted, complain):
                if isinstance(row, figures.Figure):
                    click.echo(f"{row.subject}, {row.case}: {row.ratio:.2f} × {row.against}", err=True)
                measured.append(row)
            kept = _replacing(kept, part, measured)
            figures.save(out, kept, here)
    if earlier is not None:
        for line in _changes(earlier, kept):
            click.echo(line)
    return "\n".join([*figures.report(kept), "", machine.sentence(here)])


def _figures_in(folder: Path, here: dict[str, Any]) -> Benchmarks:
    """The benchmarks of a folder. Raises UsageError where it holds none, or those of another machine."""
    from parity_tests.bench import figures, machine

    try:
        measured, there = figures.load(folder)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{folder} holds no benchmarks that can be read ({error}); name another folder.") from error
    machine.refuse_other_machine(here, there, folder)
    return measured


def _replacing(kept: Benchmarks, part: str, measured: Sequence[Figure | Share | Size | Slope]) -> Benchmarks:
    """The same with what was measured of a part in place of what was known of it, in the order of PARTS."""
    from parity_tests.bench.figures import Figure, Share, Size, Slope

    new = [row for row in measured if isinstance(row, Figure)]
    figures = [row for row in kept.figures if row.benchmark != part] + new
    figures.sort(key=lambda row: PARTS.index(row.benchmark))
    shares = [row for row in measured if isinstance(row, Share)] or kept.shares
    sizes = [row for row in measured if isinstance(row, Size)] or kept.sizes
    slopes = [row for row in measured if isinstance(row, Slope)] or kept.slopes
    return replace(kept, figures=figures, shares=shares, sizes=sizes, slopes=slopes)


def _changes(earlier: Benchmarks, now: Benchmarks) -> Iterator[str]:
    """How each ratio that both have has changed."""
    before = {(figure.subject, figure.case, figure.against): figure.ratio for figure in earlier.figures}
    for figure in now.figures:
        ratio = before.get((figure.subject, figure.case, figure.against))
        if ratio is not None:
            yield f"{figure.subject}, {figure.case}, against {figure.against}: {ratio:.2f} → {figure.ratio:.2f}"


def _around_table(text: str, path: Path) -> tuple[str, str]:
    """The text up to the line BEGIN and from the line END on. Raises UsageError where they are not there."""
    before, begin, rest = text.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(f"{END}")
    if not begin or not end:
        raise UsageError(f"{path} has no lines {BEGIN} and {END}, between which the table could stand.")
    return before + begin, end + after
