"""What a command prints of a finished run: on a terminal, and in a GitHub workflow."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.cli.files import append_summary, in_github
from parity_tests.cli.report import repository_folder
from parity_tests.cli.status import AGREEMENT, status_of
from parity_tests.cli.terminal import paint, width
from reports.model.verdicts import Verdict

if TYPE_CHECKING:
    from reports.model.run import Results


def run_lines(
    run: Any, out: Path, strict: bool, quiet: bool, before: Results | None = None, again: str = ""
) -> list[str]:
    """The table, the discrepancies, the verdict, what is new since the run before, and where the run is saved.

    With `quiet` the verdict alone. `again` is the command that checks anew, where one looks for fixes.
    """
    from reports.model.escape import printable
    from reports.model.summary import left_by_import
    from reports.model.two_runs import since_last_time
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
        new = since_last_time(before, run, strict) if before is not None else ""
        lines += textwrap.wrap(new, width())
        example = first_to_show(run, strict)
        name = shlex.quote(printable(str(out)))
        lines.append(f"The run is saved in {name}.")
        is_mended = run.environment.fixes and not run.environment.without_fix  # by the last lines
        if example is not None and example.verdict != Verdict.MISSING and left_by_import(run.records) and not is_mended:
            numbers = example.ratio is not None
            late = any(one.verdict in (Verdict.TIMEOUT, Verdict.UNASKED) for one in run.records)
            fix = again if numbers and not run.environment.fixes and run.environment.without_fix is None else ""
            lines[-1] += f" To see {'the numbers' if numbers else 'more of it'}{', and to look for a fix' * bool(fix)}:"
            lines.append(f"  parity show {name} {shlex.quote(printable(example.case))}")
            lines += [f"  {fix} --fix"] if fix else []
            lines += ["To give it more time:", f"  {again} --timeout 60"] if again and late else []
    return lines


def print_run(
    run: Any,
    lines: list[str],
    *,
    strict: bool,
    as_json: bool,
    github: bool | None,
    drift: Mapping[str, Any] | None = None,
) -> None:
    """Prints the lines of a finished run, or the whole of it `as_json`.

    With `github`, or in a workflow where that is None, annotations stand beneath and a job summary is written. Nothing
    that a submission wrote acts on the runner. JSON stays alone on standard output: it is ASCII with a mark before
    every text, so it holds no command.
    """
    if as_json:
        from reports.files.document import json_text

        lines = [json_text(run, strict=strict, drift=drift).rstrip()]
    if in_github() if github is None else github:
        from reports.files.github import annotation_lines, guarded
        from reports.files.markdown import markdown_report

        append_summary(markdown_report(run, strict=strict))
        if not as_json:
            annotations = annotation_lines(run, folder=repository_folder(run), strict=strict)
            lines = [guarded("\n".join(lines)), *annotations]
    click.echo("\n".join(lines), color=True)
