"""What a command prints of a finished run: on a terminal, and in a GitHub workflow."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path
from typing import Any

from parity_tests.cli.files import append_summary
from parity_tests.cli.report import repository_folder
from parity_tests.cli.status import AGREEMENT, status_of
from parity_tests.cli.terminal import paint, width


def run_lines(run: Any, out: Path, strict: bool, quiet: bool) -> list[str]:
    """The table, the discrepancies, the verdict and where the run is saved; with `quiet` the verdict alone."""
    from reports.model.escape import printable
    from reports.model.words import verdict_sentence
    from reports.terminal.run import first_to_show, run_page

    colours = paint()
    lines = []
    if not quiet:
        lines += [*run_page(run, strict=strict, width=width(), paint=colours), ""]
    good = status_of(run.records, strict) == AGREEMENT
    sentence = textwrap.wrap(verdict_sentence(run, strict), width())
    lines += [colours(line, "good" if good else "bad") for line in sentence]
    if not quiet:
        example = first_to_show(run, strict)
        name = shlex.quote(printable(str(out)))
        lines.append(f"The run is saved in {name}." + ("" if example is None else " To see the numbers:"))
        if example is not None:
            lines.append(f"  parity show {name} {shlex.quote(printable(example.case))}")
    return lines


def for_github(run: Any, lines: list[str], strict: bool, *, plain: bool) -> list[str]:
    """What is printed in a workflow: nothing that a submission wrote acts on the runner, and annotations beneath.

    JSON stays alone on standard output, for whoever reads it there: ASCII with a mark before every text, it holds no
    command.
    """
    from reports.files.github import annotation_lines, guarded
    from reports.files.markdown import markdown_report

    append_summary(markdown_report(run, strict=strict))
    if plain:
        return lines
    notes = annotation_lines(run, folder=repository_folder(run), strict=strict)
    return [guarded("\n".join(lines)), *notes]
