"""`parity hold`: hold the pairs of a file against torch."""

from __future__ import annotations

from pathlib import Path

import click

from parity_tests.cli.files import in_github
from parity_tests.cli.options import DTYPES
from parity_tests.cli.printing import for_github, run_lines
from parity_tests.cli.status import AGREEMENT, DISCREPANCIES
from parity_tests.cli.terminal import Progress
from parity_tests.harness.machine import refuse_missing_device
from parity_tests.protocol.errors import UsageError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--device", default="cpu", show_default=True, help="Where torch computes: cpu, cuda or cuda:1.")
@click.option(
    "--dtype",
    type=click.Choice([*DTYPES, "both"]),
    help="Precision of the inputs; what each pair says if left out.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="What inputs are drawn from.")
@click.option(
    "--radius",
    type=click.Choice(["auto", "bound", "sample"]),
    help="bound is guaranteed, sample probable, auto takes the sample where the bound says too little.",
)
@click.option("--strict", is_flag=True, help="Notes count as discrepancies.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-run"),
    show_default=True,
    help="Run folder to write; an earlier run there is replaced.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print the verdict alone.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What to print.",
)
@click.option(
    "--github/--no-github",
    default=None,
    help="Annotations and a job summary; left out, only in a GitHub workflow.",
)
def hold(
    file: Path,
    device: str,
    dtype: str | None,
    seed: int,
    radius: str | None,
    strict: bool,
    out: Path,
    quiet: bool,
    form: str,
    github: bool | None,
) -> int:
    """Hold the pairs of a file against torch, with a radius for each element that nobody typed.

    FILE is Python: functions with the decorator @pair(reference=…, shapes={"x": ("N", 30)}) of parity_tests. It is
    run, so it must be code that you trust. Exit status: 0 agreement, 1 discrepancies, or inputs that ask nothing, 2
    what was asked for cannot be done, 3 Parity's own fault.
    """
    from reports.model.run_folder import RunFolderError, refuse_unwritable

    try:
        refuse_unwritable(out)
    except RunFolderError as error:
        raise UsageError(f"{error}.") from error
    refuse_missing_device(device)
    from dataclasses import replace

    from parity_tests.pairs.run_pairs import pairs_in, run_pairs

    dtypes = None if dtype is None else DTYPES if dtype == "both" else (dtype,)
    pairs = pairs_in(file)
    with Progress() as progress:
        result = run_pairs(pairs, seed=seed, device=device, dtypes=dtypes, radius=radius, progress=progress)
    result = replace(result, strict=strict)
    try:
        result.save(out)
    except RunFolderError as error:
        raise UsageError(f"{error}.") from error
    lines = run_lines(result.run, out, strict, quiet)
    refused = result.run.environment["cases_refused_by_the_reference"]
    lines += [f"Not asked, because the reference raises: {case} ({why})." for case, why in refused.items()]
    if form == "json":
        from reports.files.document import json_text

        lines = [json_text(result.run, strict=strict).rstrip()]
    if in_github() if github is None else github:
        lines = for_github(result.run, lines, strict, plain=form == "json")
    click.echo("\n".join(lines), color=True)
    return AGREEMENT if result else DISCREPANCIES
