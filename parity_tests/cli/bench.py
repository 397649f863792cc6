"""`parity bench`: what the program costs, held against what people would use instead."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.cli.files import write
from parity_tests.cli.status import AGREEMENT
from parity_tests.cli.terminal import complain
from parity_tests.protocol.errors import UsageError

if TYPE_CHECKING:
    from parity_tests.bench.figures import Benchmarks, Figure, Share, Size
    from parity_tests.bench.timing import Timings

PARTS = ("step", "check", "trace", "grade", "reports")
BEGIN, END = "<!-- parity bench -->", "<!-- the end of it -->"
"""Between lines of these two stands the table of a Markdown file."""
_SLOW = 5
"""Rounds at most of whole processes that take seconds."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    rounds: int
    submissions: int
    sizes: tuple[int, ...]
    threads: int = 1

    @property
    def slow(self) -> int:
        return min(self.rounds, _SLOW)


def _numbers(_: click.Context, __: click.Parameter, text: str) -> tuple[int, ...]:
    try:
        found = tuple(sorted({int(word) for word in text.split(",") if word.strip()}))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of numbers such as 10,100.") from None
    if any(number < 1 for number in found):
        raise click.BadParameter("a class has at least one submission.")
    return found


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option(
    "--rounds",
    type=click.IntRange(min=3),
    default=15,
    show_default=True,
    help=f"Rounds that are counted; of what takes seconds a round, {_SLOW} at most.",
)
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads of BLAS, for `step`."
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
    out: Path,
    compare: Path | None,
    readme: Path | None,
) -> int:
    """Time Parity side by side with what people would use instead.

    \b
    PARTS, all where none is named:
      step     a training step in numpy against torch's, and against the matrix products alone
      check    `parity check` against the import of torch
      trace    `parity trace` against both of its trainings run bare; one replica against torch's
      grade    `parity grade` against a pytest process for each submission, and against no isolation;
               where its time goes; time and memory against the number of submissions
      reports  `parity regrade` of a class of 1,000, and its pages

    Subjects take turns, round after round; medians of the ratios of each round are printed as a Markdown table, with
    quartiles. Figures of another machine, or of other versions, are never mixed with these: a folder that holds such is
    refused. Nothing fails for being slow: speed is no test. Exit status: 0; 2 what was asked for cannot be done; 3
    what was to be timed failed.
    """
    from parity_tests.bench import process

    if steering := process.steering():
        complain(f"{', '.join(steering)} would steer the BLAS, so this is measured without.")
        command = [sys.executable, "-m", "parity_tests.cli", "bench", *parts, f"--rounds={rounds}"]
        command += [f"--threads={threads}", f"--submissions={submissions}", f"--sizes={','.join(map(str, sizes))}"]
        command += [f"--out={out}", *[f"--compare={compare}"] * bool(compare), *[f"--readme={readme}"] * bool(readme)]
        return subprocess.call(command, env=process.unsteered(threads))
    if readme is not None:
        _between(readme.read_text(encoding="utf-8") if readme.is_file() else "", readme)
    measured = _measure(parts or PARTS, Wanted(rounds, submissions, sizes, threads), out, compare)
    if readme is not None:
        before, after = _between(readme.read_text(encoding="utf-8"), readme)
        write(readme, f"{before}\n{measured}\n{after}".encode())
    click.echo(measured)
    click.echo(f"\nThe figures are in {out}.")
    return AGREEMENT


def _measure(parts: Sequence[str], wanted: Wanted, out: Path, compare: Path | None) -> str:
    """Measure the parts, save them beside the others of the folder, and say all that it holds as Markdown."""
    import torch
    from threadpoolctl import threadpool_limits

    from parity_tests.bench import figures as benchmarks
    from parity_tests.bench import machine

    here = machine.describe(wanted.threads)
    earlier = None if compare is None else _earlier(compare, here)
    kept = _earlier(out, here) if (out / "machine.json").exists() else benchmarks.Benchmarks()
    torch.set_num_threads(wanted.threads)
    with threadpool_limits(wanted.threads):
        for part in parts:
            complain(f"measuring {part}.")
            found = list(_MEASURES[part](wanted))
            kept = _with(kept, part, found)
            benchmarks.save(out, kept, here)
    if earlier is not None:
        for line in _moved(earlier, kept):
            click.echo(line)
    return "\n".join([*benchmarks.report(kept), "", machine.sentence(here)])


def _earlier(folder: Path, here: dict[str, Any]) -> Benchmarks:
    from parity_tests.bench import figures as benchmarks
    from parity_tests.bench import machine

    try:
        measured, there = benchmarks.load(folder)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{folder} holds no benchmarks that can be read ({error}); name another folder.") from error
    machine.refuse_other_machine(here, there, folder)
    return measured


def _with(kept: Benchmarks, part: str, found: Sequence[Figure | Share | Size]) -> Benchmarks:
    """The same with what was found of a part in place of what was known of it, in the order of PARTS."""
    from parity_tests.bench.figures import Figure, Share, Size

    new = [row for row in found if isinstance(row, Figure)]
    figures = [row for row in kept.figures if row.benchmark != part] + new
    figures.sort(key=lambda row: PARTS.index(row.benchmark))
    shares = [row for row in found if isinstance(row, Share)] or kept.shares
    sizes = [row for row in found if isinstance(row, Size)] or kept.sizes
    return replace(kept, figures=figures, shares=shares, sizes=sizes)


def _moved(earlier: Benchmarks, now: Benchmarks) -> Iterator[str]:
    before = {(f.subject, f.case, f.against): f.ratio for f in earlier.figures}
    for f in now.figures:
        if (f.subject, f.case, f.against) in before:
            was = before[f.subject, f.case, f.against]
            yield f"{f.subject}, {f.case}, against {f.against}: {was:.2f} → {f.ratio:.2f}"


def _between(text: str, path: Path) -> tuple[str, str]:
    """The text up to the line BEGIN and from the line END on. Raises UsageError where they are not there."""
    before, begin, rest = text.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(f"{END}")
    if not begin or not end:
        raise UsageError(f"{path} has no lines {BEGIN} and {END}, between which the table could stand.")
    return before + begin, end + after


# ---- the parts


def _step(wanted: Wanted) -> Iterator[Figure]:
    from parity_tests.bench import step

    for batch, dtype, alpha in step.cases():
        timings = step.time_step(batch, dtype, alpha, wanted.rounds)
        for against in ("torch", "limit"):
            case = f"batch {batch}, {dtype}, α {alpha:g}"
            target = step.TARGETS.get((batch, against)) if wanted.threads == 1 else None
            yield _figure("step", case, "numpy step", "numpy", against, timings, target)


def _check(wanted: Wanted) -> Iterator[Figure]:
    from parity_tests.bench import process

    timings = process.time_check(wanted.rounds)
    yield _figure(
        "check", "shipped network", "parity check", "parity check", "import torch", timings, process.CHECK_TARGET
    )


def _trace(wanted: Wanted) -> Iterator[Figure]:
    from parity_tests.bench import tracing

    for batch, every, steps, dtype in tracing.cases():
        timings = tracing.time_trace(batch, every, steps, dtype, wanted.slow)
        case = f"batch {batch}, every {every}, {dtype}"
        yield _figure("trace", case, "trace step, with six replicas", "whole", "both bare", timings, None)
        yield _figure("trace", case, "trace step, replicas apart", "trace", "both bare", timings, tracing.TARGET)
        yield _figure("trace", case, "one replica", "replica", "torch", timings, tracing.REPLICA_TARGETS[dtype])


def _grade(wanted: Wanted) -> Iterator[Figure | Share | Size]:
    from parity_tests.bench import grading
    from parity_tests.harness.machine import cores

    timings = grading.time_grade(wanted.submissions, min(wanted.slow, 3))
    case = f"{wanted.submissions} submissions on {cores()} cores"
    for against in ("pytest each", "in process", grading.ASKED):
        yield _figure("grade", case, "a submission graded", "parity grade", against, timings, None)
    shares = grading.shares(10)
    yield from shares
    complain(grading.limit(shares))
    sizes = []
    for number in wanted.sizes:
        sizes.append(grading.time_size(number))
        complain(f"{number} submissions took {sizes[-1].seconds:.1f} s.")
    yield from sizes
    if (more := grading.time_of_more(sizes)) is not None:
        case = f"from {sizes[0].submissions} to {sizes[-1].submissions} on {cores()} cores"
        yield _figure("grade", case, "a submission more in a class", "parity grade", grading.ASKED, more, 1.0)


def _reports(wanted: Wanted) -> Iterator[Figure]:
    from parity_tests.bench import reporting

    timings = reporting.time_reports(wanted.slow)
    case = f"a class of {reporting.STUDENTS}"
    yield _figure("reports", case, "regrade", "regrade", reporting.REGRADE_ASKED, timings, 1.0)
    yield _figure("reports", case, "a page", "page", reporting.PAGE_ASKED, timings, 1.0)


def _figure(
    benchmark: str, case: str, called: str, subject: str, against: str, timings: Timings, target: float | None
) -> Figure:
    from parity_tests.bench.figures import Figure

    low, middle, high = timings.ratio(subject, against)
    figure = Figure(
        benchmark=benchmark,
        case=case,
        subject=called,
        against=against,
        ratio_low=low,
        ratio=middle,
        ratio_high=high,
        seconds=timings.median(subject),
        seconds_against=timings.median(against),
        rounds=len(timings.seconds[subject]),
        target=target,
    )
    click.echo(f"{called}, {case}: {middle:.2f} × {against}", err=True)
    return figure


_MEASURES: dict[str, Callable[[Wanted], Iterator[Figure | Share | Size]]] = {
    "step": _step,
    "check": _check,
    "trace": _trace,
    "grade": _grade,
    "reports": _reports,
}
