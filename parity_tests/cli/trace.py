"""`parity trace`: train a network beside torch, and say where and why the two part."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from parity_tests.cli.extras import PAGES, require
from parity_tests.cli.files import run_folder_errors, write
from parity_tests.cli.options import (
    DTYPES,
    LEVELS,
    Whole,
    allow_option,
    assignment_option,
    device_option,
    json_option,
    quiet_option,
    split,
    timeout_of,
    verbose_option,
)
from parity_tests.cli.report import html_page
from parity_tests.cli.status import AGREEMENT, DISCREPANCIES, INTERRUPTED, status_of
from parity_tests.cli.terminal import Progress, paint, width
from parity_tests.harness.machine import refuse_missing_device

_RATE = click.FloatRange(min=0.0, max=1.0, max_open=True)
_MOST_UNITS = 4096
_POSITIVE = click.FloatRange(min=0.0, min_open=True, max=1e6)
PICTURE = "trace.svg"
PAGE = "trace.html"
COMMON = ("steps", "dtype", "seed", "device", "every", "replicas")
"""The settings of every trace."""


def _own_option(flag: str, *names: str, kind: Any = None, **more: Any) -> Callable[[Callable[..., Any]], Any]:
    """An option that an assignment may take or not: it is handed on where it is given, and has no default here."""
    return click.option(flag, *names, type=kind, default=None, **more)


def sizes(value: Any) -> tuple[int, ...]:
    """The sizes of hidden layers, one or several with commas between them. Raises BadParameter for what is none."""
    if isinstance(value, tuple):
        return value
    words = split([str(value)])
    found = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 6]
    if not words or len(found) < len(words) or not all(1 <= size <= _MOST_UNITS for size in found):
        raise click.BadParameter(f"{value!r} must be a number of units in 1..{_MOST_UNITS}, or several: 50,50.")
    return tuple(found)


@click.command(context_settings={"token_normalize_func": lambda word: "samples" if word == "replicas" else word})
@click.argument("submission", required=False, type=click.Path(path_type=Path))
@assignment_option
@_own_option("--activation", kind=click.Choice(["relu", "tanh"]), help="[mlp: relu]")
@_own_option(
    "--rule",
    kind=click.Choice(["sgd", "sgd_momentum", "rmsprop", "adam"]),
    help="Update rule of optim.py.  [cs231n: sgd_momentum]",
)
@_own_option(
    "--hidden",
    kind=sizes,  # whose name is that of its type
    metavar="UNITS,...",
    help="Hidden units; of each hidden layer for cs231n.  [mlp: 1000; cs231n: 50,50]",
)
@_own_option("--normalization", kind=click.Choice(["batchnorm", "layernorm"]), help="[cs231n: none]")
@_own_option("--batch", kind=Whole(min=1), help="Rows of a mini-batch.  [mlp: 5; cs231n: 50]")
@_own_option("--epochs", kind=Whole(min=1), help="[mlp: 10; cs231n: 5]")
@click.option(
    "--steps", type=Whole(min=1), help="Stop after so many steps.  [mlp: 100, or all of --epochs; cs231n: all]"
)
@_own_option("--lr", kind=_POSITIVE, help="Learning rate η.  [mlp: 0.01; cs231n: the rule's usual]")
@_own_option(
    "--lr-drop-every",
    kind=Whole(min=1),
    help="Epochs after which η is multiplied by 0.1, again and again.  [mlp: 10]",
)
@_own_option("--lr-decay", kind=_POSITIVE, help="η is multiplied by it after each epoch.  [cs231n: 0.95]")
@_own_option("--alpha", kind=_RATE, help="Momentum's discount α; 0 is none.  [mlp: 0]")
@_own_option("--lambda", "lam", kind=click.FloatRange(0.0, 1e6), help="Weight decay λ.  [mlp: 0]")
@_own_option("--reg", kind=click.FloatRange(0.0, 1e6), help="Penalty on the weights.  [cs231n: 0.01]")
@_own_option("--dropout", kind=_RATE, help="Share of the hidden units that dropout drops.  [mlp: 0.5; cs231n: 0]")
@click.option("--dtype", type=click.Choice(DTYPES), default="float64", show_default=True)
@click.option("--seed", type=Whole(0, 2**32 - 1), default=42, show_default=True, help="Of weights, order, masks.")
@device_option
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="mlp: the homework's JSON, an .npz or a folder of full MNIST; left out, the homework's digits. "
    "cs231n: an .npz of X_train, y_train, X_val and y_val; left out, small images drawn from the seed.",
)
@click.option(
    "--every",
    type=Whole(min=1),
    default=1,
    show_default=True,
    help="Write the figures of one step in so many; every step is judged.",
)
@_own_option("--forced", is_flag=True, help="Start each step from torch's weights: tight for any length.  [mlp]")
@click.option(
    "--samples",
    "replicas",
    type=Whole(2, 64),
    default=4,
    show_default=True,
    help="Perturbed copies of torch's run that measure the error bound.",
)
@click.option("--edition", help="The year's form of the assignment; its default if left out.")
@allow_option
@click.option(
    "--isolation",
    type=click.Choice(LEVELS),
    default="none",
    show_default=True,
    help="The sandbox level of the submission; none is for code that you trust.",
)
@timeout_of("step")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-trace"),
    show_default=True,
    help="Folder to write; an earlier run there is replaced.",
)
@verbose_option("Say each step as it ends.")
@quiet_option
@json_option
@click.pass_context
def trace(
    context: click.Context,
    /,
    submission: Path | None,
    assignment: str | None,
    data: Path | None,
    edition: str | None,
    allow: tuple[str, ...],
    isolation: str,
    timeout: float,
    out: Path,
    verbose: bool,
    quiet: bool,
    as_json: bool,
    **settings: Any,
) -> int:
    """Train a network beside torch, step by step, and say where and why the two part.

    SUBMISSION is a folder as for `check`. Both sides train on the same weights, batches and masks; at each step
    every difference is compared with the error bound. The defaults are the homework's, whose own steps are traced.
    Of CS231n (--assignment cs231n) a FullyConnectedNet is trained by the loop of the submission's own Solver, or of
    one of Parity's where it has none. Other assignments, MyTorch and the notebooks among them, bring no training.
    An option that says [mlp: ...] or [cs231n: ...] is theirs alone, with that default.

    Exit status: 0 agreement (undecided warns), 1 a divergence, 2 what was asked for cannot be done, 3 Parity's own
    fault.
    """
    from reports.files.document import json_text
    from reports.model.trace_folder import TraceFolder, load_table
    from reports.pictures.training import trace_figure

    require("a page", PAGES)
    with run_folder_errors():
        folder = TraceFolder(out)
        refuse_missing_device(settings["device"])

        from parity_tests.assignments import SHIPPED
        from parity_tests.harness.submission import choose_submission
        from parity_tests.trace.run import trace as run_trace
        from parity_tests.trace.run import with_names
        from parity_tests.trace.training import training_of

        chosen, network = choose_submission(assignment, submission, SHIPPED)
        if edition is not None:
            chosen.refuse_edition(edition)
        common = {name: settings.pop(name) for name in COMMON}
        flags = {option.name: option.opts[0] for option in context.command.params}
        own = {flags[name]: value for name, value in settings.items() if value is not None}
        training = training_of(chosen, common, own, data)
        with Progress("tracing", verbose=verbose, quiet=quiet) as progress:
            run = run_trace(
                chosen,
                network,
                training,
                folder,
                edition=edition,
                allow=allow,
                isolation=isolation,
                timeout=timeout,
                progress=progress,
            )
        if not run.interrupted:
            run = with_names(run, chosen, network, edition=edition, allow=allow, isolation=isolation, timeout=timeout)
        folder.finish(run)
        tables = (load_table(folder.folder, table) for table in ("quantities", "steps"))
        write(folder.folder / PICTURE, trace_figure(run, *tables).encode())
        write(folder.folder / PAGE, html_page(run, folder.folder, strict=False))
    if as_json:
        click.echo(json_text(run).rstrip())
    else:
        _print(run, out, first=common["steps"] is None and run.steps == training.settings.steps, quiet=quiet)
    if run.interrupted:
        return INTERRUPTED
    status = status_of(run.records, strict=False)
    return DISCREPANCIES if status == AGREEMENT and run.divergence is not None else status


def _print(run: Any, out: Path, first: bool, quiet: bool) -> None:
    import shlex

    from reports.model.escape import printable
    from reports.terminal.trace import trace_page, verdict

    colours = paint()
    lines = [] if quiet else [*trace_page(run, width=width(), paint=colours), ""]
    style = "bad" if run.divergence is not None else "good"
    for sentence in verdict(run):
        lines += [colours(line, style) for line in textwrap.wrap(sentence, width())]
        style = "warn"
    if quiet:
        click.echo("\n".join(lines), color=True)
        return
    name = shlex.quote(printable(str(out)))
    saved = f"The trace is saved in {name}; {PAGE} and {PICTURE} draw it, and parts/ holds the figures of every step."
    lines += textwrap.wrap(saved, width())
    if first:
        lines.append(f"These are the first {run.steps} steps; --steps 1000, or --epochs 10, goes on.")
    click.echo("\n".join(lines), color=True)
