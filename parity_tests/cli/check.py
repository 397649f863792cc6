"""`parity check`: hold a network against torch."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path
from typing import Any

import click

from parity_tests.assignment.editions import EDITIONS
from parity_tests.assignment.parts import PARTS
from parity_tests.cli.options import DTYPES, finite_seconds, module_names, refuse_missing_device, todo_names
from parity_tests.cli.status import AGREEMENT, status_of
from parity_tests.cli.terminal import Progress, paint, width
from parity_tests.harness.errors import HarnessError, UsageError


@click.command()
@click.argument("submission", required=False, type=click.Path(path_type=Path))
@click.option("--device", default="cpu", show_default=True, help="Where torch computes: cpu, cuda or cuda:1.")
@click.option(
    "--dtype",
    type=click.Choice([*DTYPES, "both"]),
    default="both",
    show_default=True,
    help="Precision of the inputs.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="What inputs are drawn from.")
@click.option(
    "--todo",
    "todos",
    multiple=True,
    callback=todo_names,
    metavar="N,...",
    help="Only these: 1 to 10 and utils; may be repeated.",
)
@click.option("--strict", is_flag=True, help="Notes count as discrepancies (promotion of the dtype aside).")
@click.option(
    "--edition",
    type=click.Choice(EDITIONS),
    help="The year's form of the assignment; told by itself if left out.",
)
@click.option(
    "--timeout",
    type=float,
    default=10.0,
    show_default=True,
    callback=finite_seconds,
    help="Seconds that one case may take.",
)
@click.option(
    "--allow",
    multiple=True,
    callback=module_names,
    metavar="MODULE,...",
    help="Modules beside numpy that the submission may import; may be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-run"),
    show_default=True,
    help="Run folder to write; an earlier run there is replaced.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print the verdict alone.")
def check(
    submission: Path | None,
    device: str,
    dtype: str,
    seed: int,
    todos: frozenset[str] | None,
    strict: bool,
    edition: str | None,
    timeout: float,
    allow: tuple[str, ...],
    out: Path,
    quiet: bool,
) -> int:
    """Hold a network against torch, quantity by quantity.

    SUBMISSION is a folder with the assignment's neural_networks.py and utils.py; left out, it is the network
    that comes with Parity. Exit status: 0 agreement, 1 discrepancies, 2 what was asked for cannot be done,
    3 Parity's own fault.
    """
    from reports.runs import RunFolderError, refuse_unwritable, save

    try:
        refuse_unwritable(out)
    except RunFolderError as error:
        raise UsageError(f"{error}.") from error
    refuse_missing_device(device)

    from parity_tests.check import check as run_check
    from parity_tests.check import shipped_network

    with Progress() as progress:
        run = run_check(
            shipped_network() if submission is None else submission,
            device=device,
            dtypes=DTYPES if dtype == "both" else (dtype,),
            seed=seed,
            todos=todos,
            edition=edition,
            timeout=timeout,
            allow=allow,
            progress=progress,
        )
    if not run.records:
        raise HarnessError("nothing was compared, and that is never an agreement.")
    try:
        save(out, run)
    except RunFolderError as error:
        raise UsageError(f"{error}.") from error
    _print_run(run, out, strict, quiet)
    return status_of(run.records, strict)


def _print_run(run: Any, out: Path, strict: bool, quiet: bool) -> None:
    from reports.text import first_to_show, printable, run_page, verdict_sentence

    colours = paint()
    lines = []
    if not quiet:
        lines += [*run_page(run, parts=PARTS, strict=strict, width=width(), paint=colours), ""]
    good = status_of(run.records, strict) == AGREEMENT
    sentence = textwrap.wrap(verdict_sentence(run.records, strict), width())
    lines += [colours(line, "good" if good else "bad") for line in sentence]
    if not quiet:
        example = first_to_show(run.records, strict)
        name = shlex.quote(printable(str(out)))
        lines.append(f"The run is saved in {name}." + ("" if example is None else " To see the numbers:"))
        if example is not None:
            lines.append(f"  parity show {name} {printable(example.case)}")
    click.echo("\n".join(lines), color=True)
