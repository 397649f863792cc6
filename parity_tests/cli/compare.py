"""`parity compare`: two saved runs side by side."""

from __future__ import annotations

from pathlib import Path

import click

from parity_tests.cli.extras import PAGES, require
from parity_tests.cli.files import run_folder_errors, write
from parity_tests.cli.options import json_option, quiet_option, verbose_option
from parity_tests.cli.status import AGREEMENT, DISCREPANCIES
from parity_tests.cli.terminal import paint, width
from parity_tests.protocol.errors import UsageError


@click.command()
@click.argument("runs", metavar="[A] [B]", nargs=-1, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Write the comparison as a page, too: a file of HTML.")
@verbose_option("List every ratio that moved, and every case.")
@quiet_option
@json_option
def compare(runs: tuple[Path, ...], out: Path | None, verbose: bool, quiet: bool, as_json: bool) -> int:
    """Say what is different in a run from an earlier one: what changed verdict, what drifted.

    A and B are the folders of two runs, the earlier one first. Of one alone, parity-run if none is named, the run is
    compared with the one before, which `parity check` keeps in it. Nothing runs again. Exit status: 0 where everything
    that agreed in A agrees in B, 1 where something no longer does, 2 where a folder cannot be read or the runs have
    nothing in common.
    """
    from reports.files.comparison import comparison_json
    from reports.model.run import parts_of
    from reports.model.run_folder import BEFORE, load
    from reports.model.two_runs import compare_runs, comparison_sentence
    from reports.terminal.two_runs import two_runs_page

    if len(runs) > 2:
        raise UsageError("two runs are compared, and no more: name A and B.")
    after = runs[-1] if runs else Path("parity-run")
    before = runs[0] if len(runs) == 2 else after / BEFORE
    if len(runs) < 2 and after.is_dir() and not before.is_dir():
        raise UsageError(f"{after} keeps no run before it: `parity check` keeps the last one of the same submission.")
    if out is not None:
        require("a page", PAGES)
    with run_folder_errors():
        was, now = load(before), load(after)
    two = compare_runs(was, now)
    if not two.compared:
        raise UsageError(comparison_sentence(two, parts_of(now)))
    if as_json:
        click.echo(comparison_json(two, parts_of(now)))
    elif quiet:
        click.echo(comparison_sentence(two, parts_of(now)))
    else:
        lines = two_runs_page(was, now, two, width=width(), paint=paint(), whole=verbose)
        click.echo("\n".join(lines), color=True)
    if out is not None:
        from reports.html.two_runs_page import two_runs_html

        write(out, two_runs_html(was, now, two).encode("utf-8", "backslashreplace"))
        click.echo(f"The page is written to {out}.", err=as_json)
    return DISCREPANCIES if two.worse else AGREEMENT
