"""`parity regrade`: give points anew, without running anything."""

from __future__ import annotations

from pathlib import Path

import click

from parity_tests.cli.class_printing import print_class, status_of_class
from parity_tests.cli.extras import CLASS, PAGES, require
from parity_tests.cli.options import class_file_options, json_option, quiet_option


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@class_file_options
@json_option
@quiet_option
def regrade(
    run: Path,
    rubric: Path | None,
    roster: Path | None,
    late: Path | None,
    overrides: Path | None,
    comments: Path | None,
    starter: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Give points anew to a graded class, and say who changes by how much.

    RUN is the folder that `parity grade` wrote. Nothing is run: the records that are there are enough.
    """
    require("grading", CLASS | PAGES)
    from parity_tests.grading.class_files import FilePaths
    from parity_tests.grading.pages import write_class_page
    from parity_tests.grading.rescore import rescore_class

    look = run / "look.csv"
    before = look.read_bytes() if look.is_file() else b""
    tables, changes = rescore_class(run, FilePaths(rubric, overrides, roster, late, comments, starter))
    write_class_page(run)
    print_class(tables, run, as_json=as_json, quiet=quiet, changes=changes, same_looks=before == look.read_bytes())
    return status_of_class(tables)
