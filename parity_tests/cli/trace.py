"""`parity trace`: train a network beside torch, and say where and why the two part."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import click

from parity_tests.assignments.mlp.editions import EDITIONS
from parity_tests.cli.extras import PAGES, require
from parity_tests.cli.files import run_folder_errors, write
from parity_tests.cli.options import DTYPES, LEVELS, allow_option, device_option, timeout_of
from parity_tests.cli.report import html_page
from parity_tests.cli.status import AGREEMENT, DISCREPANCIES, INTERRUPTED, status_of
from parity_tests.cli.terminal import Progress, paint, width
from parity_tests.harness.machine import refuse_missing_device

_RATE = click.FloatRange(min=0.0, max=1.0, max_open=True)
_POSITIVE = click.FloatRange(min=0.0, min_open=True, max=1e6)
PICTURE = "trace.svg"
PAGE = "trace.html"


@click.command()
@click.argument("submission", required=False, type=click.Path(path_type=Path))
@click.option("--activation", type=click.Choice(["relu", "tanh"]), default="relu", show_default=True)
@click.option("--hidden", type=click.IntRange(1, 4096), default=1000, show_default=True, help="Hidden units.")
@click.option("--batch", type=click.IntRange(min=1), default=5, show_default=True, help="Rows of a mini-batch.")
@click.option("--epochs", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--steps", type=click.IntRange(min=1), help="Stop after so many steps.")
@click.option("--lr", type=_POSITIVE, default=0.01, show_default=True, help="Learning rate η.")
@click.option(
    "--lr-drop-every",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Epochs after which η is multiplied by 0.1, again and again.",
)
@click.option("--alpha", type=_RATE, default=0.0, show_default=True, help="Momentum's discount α; 0 is none.")
@click.option(
    "--lambda", "lam", type=click.FloatRange(0.0, 1e6), default=0.0, show_default=True, help="Weight decay λ."
)
@click.option("--dropout", type=_RATE, default=0.5, show_default=True, help="Dropout rate r.")
@click.option("--dtype", type=click.Choice(DTYPES), default="float64", show_default=True)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=42, show_default=True, help="Of weights, order, masks."
)
@device_option
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The homework's JSON, an .npz or a folder of full MNIST; left out, the homework's digits.",
)
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Write the figures of one step in so many; each step is judged.",
)
@click.option("--forced", is_flag=True, help="Start each step from torch's weights: tight for any length.")
@click.option(
    "--replicas",
    type=click.IntRange(2, 64),
    default=6,
    show_default=True,
    help="Perturbed copies of torch's run that measure the radius.",
)
@click.option("--edition", type=click.Choice(EDITIONS), help="The year's form of the assignment; 2019 if left out.")
@allow_option
@click.option(
    "--isolation",
    type=click.Choice(LEVELS),
    default="none",
    show_default=True,
    help="How the submission is shut in; none is for code that you trust.",
)
@timeout_of("step")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-trace"),
    show_default=True,
    help="Folder to write; an earlier run there is replaced.",
)
def trace(
    submission: Path | None,
    activation: str,
    hidden: int,
    batch: int,
    epochs: int,
    steps: int | None,
    lr: float,
    lr_drop_every: int,
    alpha: float,
    lam: float,
    dropout: float,
    dtype: str,
    seed: int,
    device: str,
    data: Path | None,
    every: int,
    forced: bool,
    replicas: int,
    edition: str | None,
    allow: tuple[str, ...],
    isolation: str,
    timeout: float,
    out: Path,
) -> int:
    """Train a network beside torch, step by step, and say where and why the two part.

    SUBMISSION is a folder as for `check`. Both sides train on the same weights, batches and masks; at each step
    every gap is held against what rounding explains. The defaults are the homework's. Exit status: 0 agreement
    (undecided warns), 1 a divergence, 2 what was asked for cannot be done, 3 Parity's own fault.
    """
    from reports.model.trace_folder import TraceFolder, load_table
    from reports.pictures.training import trace_figure

    require(PAGES)
    with run_folder_errors():
        folder = TraceFolder(out)
        refuse_missing_device(device)

        from parity_tests.assignments.mlp.assignment import ASSIGNMENT
        from parity_tests.trace.run import digits_of
        from parity_tests.trace.run import trace as run_trace
        from parity_tests.trace.settings import Settings

        settings = Settings(
            activation, hidden, batch, epochs, steps, lr, lr_drop_every, alpha, lam, dropout, dtype, seed, device,
            every, forced, replicas,
        )  # fmt: skip
        digits = digits_of(data)
        with Progress("tracing") as progress:
            run = run_trace(
                ASSIGNMENT.solution if submission is None else submission,
                settings,
                folder,
                digits=digits,
                edition=edition,
                allow=allow,
                isolation=isolation,
                timeout=timeout,
                progress=progress,
            )
        folder.finish(run)
        tables = (load_table(folder.folder, table) for table in ("quantities", "steps"))
        write(folder.folder / PICTURE, trace_figure(run, *tables).encode())
        write(folder.folder / PAGE, html_page(run, folder.folder, strict=False))
    _print(run, out)
    if run.interrupted:
        return INTERRUPTED
    status = status_of(run.records, strict=False)
    return DISCREPANCIES if status == AGREEMENT and run.divergence is not None else status


def _print(run: Any, out: Path) -> None:
    import shlex

    from reports.model.escape import printable
    from reports.terminal.trace import trace_page, verdict

    colours = paint()
    lines = [*trace_page(run, width=width(), paint=colours), ""]
    style = "bad" if run.divergence is not None else "good"
    for sentence in verdict(run):
        lines += [colours(line, style) for line in textwrap.wrap(sentence, width())]
        style = "warn"
    name = shlex.quote(printable(str(out)))
    lines.append(
        f"The trace is saved in {name}; {PAGE} and {PICTURE} there draw it, and parts/ holds the figures of every step."
    )
    click.echo("\n".join(lines), color=True)
