"""`parity hold`: hold the pairs of a file against torch."""

from __future__ import annotations

from pathlib import Path

import click

from parity_tests.cli.files import run_folder_errors
from parity_tests.cli.options import (
    DTYPES,
    device_option,
    github_option,
    json_option,
    out_option,
    quiet_option,
    seed_option,
    verbose_option,
)
from parity_tests.cli.printing import print_run, run_lines
from parity_tests.cli.status import AGREEMENT, DISCREPANCIES
from parity_tests.cli.terminal import Progress
from parity_tests.harness.machine import refuse_missing_device


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@device_option
@click.option(
    "--dtype",
    type=click.Choice([*DTYPES, "both"]),
    help="Precision of the inputs; what each pair says if left out.",
)
@seed_option
@click.option(
    "--radius",
    type=click.Choice(["auto", "bound", "sample"]),
    help="bound is guaranteed, sample probable; auto takes what is probable where the bound says too little.",
)
@click.option("--strict", is_flag=True, help="Notes count as discrepancies.")
@out_option
@verbose_option("Say each case as it is judged.")
@quiet_option
@json_option
@github_option
def hold(
    file: Path,
    device: str,
    dtype: str | None,
    seed: int,
    radius: str | None,
    strict: bool,
    out: Path,
    verbose: bool,
    quiet: bool,
    as_json: bool,
    github: bool | None,
) -> int:
    """Compare the pairs of a file with torch, with a derived error bound for each element.

    FILE is Python: functions with the decorator @pair(reference=…, shapes={"x": ("N", 30)}) of parity. It is run,
    so it must be code that you trust. Exit status: 0 agreement, 1 discrepancies, or inputs that test nothing, 2
    what was asked for cannot be done, 3 Parity's own fault.
    """
    from reports.model.run_folder import refuse_unwritable

    with run_folder_errors():
        refuse_unwritable(out)
    refuse_missing_device(device)
    from dataclasses import replace

    from parity_tests.pairs.run_pairs import pairs_in, run_pairs

    dtypes = None if dtype is None else DTYPES if dtype == "both" else (dtype,)
    pairs = pairs_in(file)
    with Progress(verbose=verbose, quiet=quiet) as progress:
        result = run_pairs(pairs, seed=seed, device=device, dtypes=dtypes, radius=radius, progress=progress)
    result = replace(result, strict=strict)
    with run_folder_errors():
        result.save(out)
    lines = run_lines(result.run, out, strict, quiet)
    refused = result.run.environment.cases_refused_by_the_reference or {}
    lines += [f"Not asked, because the reference raises: {case} ({why})." for case, why in refused.items()]
    print_run(result.run, lines, strict=strict, as_json=as_json, github=github)
    return AGREEMENT if result else DISCREPANCIES
