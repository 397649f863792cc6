"""`parity gradebook`: fill the grades of a class into the table that the course site exports."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from parity_tests.cli.class_printing import print_wrapped
from parity_tests.cli.extras import CLASS, require
from parity_tests.cli.files import write
from parity_tests.cli.options import json_option, quiet_option
from parity_tests.protocol.errors import UsageError


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("export", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="File to write; EXPORT's name with -filled if left out.")
@click.option("--column", metavar="NAME", help="The column of the grades, where the table has several.")
@click.option("--scale", is_flag=True, help="Give each the share of the table's points, where the rubric has others.")
@quiet_option
@json_option
def gradebook(
    run: Path, export: Path, out: Path | None, column: str | None, scale: bool, quiet: bool, as_json: bool
) -> None:
    """Fill the grades of a class into the table that the course site exports, for it to take back.

    RUN is the folder that `parity grade` wrote, EXPORT a gradebook of Canvas, a grading worksheet of Moodle, or grades
    of Gradescope, as CSV. Nothing else in it changes, and nobody is filled in by a guess: who is left is said.
    """
    require("grading", CLASS)
    from parity_tests.grading.fill_in import fill_in
    from parity_tests.grading.flags import few

    target = out or Path(f"{export.stem}-filled{export.suffix}")
    if target.exists() and export.exists() and target.samefile(export):
        raise UsageError(f"{target} is the table itself; name another file with --out.")
    filled = fill_in(run, export, column, scale=scale)
    write(target, filled.data)
    if as_json:
        found = {"schema": "parity gradebook", "schema_version": 1, "file": str(target), **vars(filled)}
        click.echo(json.dumps({name: value for name, value in found.items() if name != "data"}, indent=2))
        return
    replaced = f", {filled.replaced} of them in place of others" if filled.replaced else ""
    table = shlex.quote(str(target))
    lines = [f"{filled.grades} grades are filled in{replaced}: column {filled.column!r} of {table}."]
    if filled.by_name:
        lines.append(f"Known by name alone, since no number or address agrees: {few(filled.by_name)}.")
    lines += [f"Left as it was: {why}." for why in filled.left]
    if filled.zeros:
        lines.append(f"0, since nothing could be judged: {few(filled.zeros)}.")
    if filled.without:
        lines.append(f"Without a submission, and left as they were: {few(filled.without)}.")
    if filled.nobodys:
        lines.append(f"Of nobody in the table are the submissions {', '.join(filled.nobodys)}.")
    print_wrapped(lines[: 1 if quiet else None])
