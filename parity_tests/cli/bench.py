"""`parity bench`: what the program costs, held against what people would use instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity_tests.harness.errors import UsageError

if TYPE_CHECKING:
    from parity_tests.bench.timing import Timings
    from reports.benchmarks import Figure

PARTS = ("step", "check")


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--rounds", type=click.IntRange(min=3), default=15, show_default=True, help="Rounds that are counted.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads of each BLAS.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-bench"),
    show_default=True,
    help="Folder for figures.csv, machine.json and figures.svg.",
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    help="A folder of an earlier run on this machine: print how the ratios moved.",
)
def bench(parts: tuple[str, ...], rounds: int, threads: int, out: Path, compare: Path | None) -> None:
    """Time Parity side by side with what people would use instead.

    PARTS are `step` (a training step in numpy against torch and against the matrix products alone) and `check`
    (`parity check` against the import of torch); all where none is named. Subjects take turns, round after round;
    medians and quartiles of the ratios are printed as a table. Nothing fails here: speed is no test.
    """
    import torch
    from threadpoolctl import threadpool_limits

    from parity_tests.bench import machine
    from reports import benchmarks

    here = machine.describe(threads)
    earlier = None
    if compare is not None:
        try:
            earlier, there = benchmarks.load(compare)
        except (OSError, ValueError) as error:
            raise UsageError(f"{compare} holds no earlier benchmark: {error}") from error
        machine.refuse_other_machine(here, there)
    torch.set_num_threads(threads)
    figures: list[Figure] = []
    with threadpool_limits(threads):
        for part in parts or PARTS:
            for figure in _MEASURES[part](rounds):
                figures.append(figure)
                click.echo(f"{figure.subject}, {figure.case}: {figure.ratio:.2f} × {figure.against}", err=True)
    click.echo("\n".join(benchmarks.table(figures)))
    click.echo(f"\n{json.dumps({key: here[key] for key in ('processor', 'cores', 'threads', 'blas')})}")
    if earlier is not None:
        for figure in figures:
            same = earlier[(earlier["case"] == figure.case) & (earlier["against"] == figure.against)]
            for before in same["ratio"]:
                click.echo(
                    f"{figure.subject}, {figure.case}, against {figure.against}: {before:.2f} → {figure.ratio:.2f}"
                )
    benchmarks.save(out, figures, here)
    click.echo(f"The figures are in {out}.")


def _step(rounds: int) -> Iterator[Figure]:
    from parity_tests.bench import step

    for batch, dtype, alpha in step.cases():
        timings = step.time_step(batch, dtype, alpha, rounds)
        for against in ("torch", "limit"):
            case = f"batch {batch}, {dtype}, α {alpha:g}"
            yield _figure("step", case, "numpy step", "numpy", against, timings, step.TARGETS.get((batch, against)))


def _check(rounds: int) -> Iterator[Figure]:
    from parity_tests.bench import process

    timings = process.time_check(rounds)
    yield _figure(
        "check", "shipped network", "parity check", "parity check", "import torch", timings, process.CHECK_TARGET
    )


def _figure(
    benchmark: str, case: str, called: str, subject: str, against: str, timings: Timings, target: float | None
) -> Figure:
    from reports.benchmarks import Figure

    low, middle, high = timings.ratio(subject, against)
    return Figure(
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


_MEASURES: dict[str, Callable[[int], Iterator[Figure]]] = {"step": _step, "check": _check}
