"""`parity regrade`: give points anew, without running anything."""

from __future__ import annotations

from dataclasses import replace
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
def regrade(run: Path, as_json: bool, quiet: bool, **files: Path | None) -> int:
    """Give points anew to a graded class, and say who changes by how much.

    RUN is the folder that `parity grade` wrote. Nothing is run. What is not given is the copy that RUN keeps: to
    change points edit RUN/rubric.toml.
    """
    require("grading", CLASS | PAGES)
    from parity_tests.grading.class_files import FilePaths
    from parity_tests.grading.pages import write_class_page
    from parity_tests.grading.rescore import rescore_class

    tables, changes = rescore_class(run, FilePaths(**files))
    write_class_page(run)
    others = as_json or any(files.values())  # where the rubric alone is another, all but the points was said before
    shown = tables if others else replace(tables, flags=(), late=0)
    print_class(shown, run, as_json=as_json, quiet=quiet, changes=changes)
    return status_of_class(tables)
