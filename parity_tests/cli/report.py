"""`parity report`: a saved run as a page or a file, without running anything again."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity_tests.cli.extras import CLASS, PAGES, require
from parity_tests.cli.files import append_summary, deliver, run_folder_errors
from parity_tests.protocol.errors import UsageError

if TYPE_CHECKING:
    from reports.model.run import Results


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "junit", "github", "markdown", "csv", "parquet", "json", "gradescope", "sarif"]),
    default="html",
    show_default=True,
    help="What to write.",
)
@click.option("--out", type=click.Path(path_type=Path), help="File to write; standard output if left out.")
@click.option("--strict", is_flag=True, help="Notes count as discrepancies (promotion of the dtype aside).")
@click.option("--anonymous", is_flag=True, help="Of a class: stable codes in place of names, pages in a folder --out.")
@run_folder_errors()
def report(run: Path, form: str, out: Path | None, strict: bool, anonymous: bool) -> None:
    """Render a saved run; nothing runs again.

    RUN is the folder that `parity check` wrote. That of `parity grade` gets its page, class.html, anew. With
    `--format github` the annotations go to standard output, and the job summary to --out or, where that is left out,
    to the step's own.
    """
    from reports.model.run_folder import load

    if form == "html":
        require("a page", PAGES)
    if (run / "grading.json").is_file():
        _report_class(run, form, out, anonymous)
        return
    if anonymous:
        raise UsageError("--anonymous is for the folder of a class, that `parity grade` wrote.")
    saved = load(run)
    if form == "github":
        from reports.files.github import annotation_lines
        from reports.files.markdown import markdown_report

        summary = markdown_report(saved, strict=strict)
        if out is None:
            append_summary(summary)
        else:
            deliver(summary.encode(), out)
        for line in annotation_lines(saved, folder=repository_folder(saved), strict=strict):
            click.echo(line)
        return
    if form == "html" and out is None and sys.stdout.isatty():
        raise UsageError("a page is for a browser, and standard output is a terminal; name a file with --out.")
    deliver(RENDER[form](saved, run, strict), out, binary=form == "parquet")


def _report_class(folder: Path, form: str, out: Path | None, anonymous: bool) -> None:
    require("grading", CLASS)
    from parity_tests.grading.folder import GradingFolder
    from parity_tests.grading.pages import write_anonymous_pages, write_class_page

    if form != "html":
        raise UsageError(f"a class is shown as html; {folder}/submissions has the runs for --format {form}.")
    if anonymous:
        click.echo(write_anonymous_pages(folder, folder / "anonymous" if out is None else out))
    elif out is not None:
        raise UsageError("the page of a class lies in its folder, where its links lead; leave --out out.")
    else:
        GradingFolder(folder).refuse_half_written()
        click.echo(write_class_page(folder))


def html_page(saved: Results, folder: Path, strict: bool, scripts: Mapping[str, str] | None = None) -> bytes:
    """The page of a run, as UTF-8; of a trace, that of the trace.

    `scripts` are reproductions by file name; left out, those that lie in the folder.
    """
    if (folder / "parts").is_dir() and scripts is None:
        return _trace_page(saved, folder)
    from reports.html.run_page import report_page
    from reports.model.scripts import by_quantity

    if scripts is None:
        scripts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("repro-*.py"))}
    shown = by_quantity(scripts, saved.records)
    text = report_page(saved, strict=strict, scripts=shown)
    return text.encode("utf-8", "backslashreplace")


def _trace_page(saved: Results, folder: Path) -> bytes:
    from reports.html.trace_page import trace_html
    from reports.model.trace_folder import TABLES, load_table

    text = trace_html(saved, *(load_table(folder, table) for table in TABLES))
    return text.encode("utf-8", "backslashreplace")


def repository_folder(saved: Results) -> str:
    """The submission's folder as seen from where this runs, for annotations; "" where it lies elsewhere."""
    if not saved.environment.assignment:  # pairs, whose files are as seen from here
        return ""
    folder = Path(saved.records[0].submission if saved.records else "")
    try:
        return folder.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except (ValueError, OSError, RuntimeError):
        return ""


def _junit(saved: Results, folder: Path, strict: bool) -> bytes:
    from reports.files.junit import junit_xml

    return junit_xml(saved, folder=repository_folder(saved), strict=strict)


def _sarif(saved: Results, folder: Path, strict: bool) -> bytes:
    from reports.files.sarif import sarif_text

    return sarif_text(saved, folder=repository_folder(saved), strict=strict).encode()


def _markdown(saved: Results, folder: Path, strict: bool) -> bytes:
    from reports.files.markdown import markdown_report

    return markdown_report(saved, strict=strict).encode()


def _csv(saved: Results, folder: Path, strict: bool) -> bytes:
    from reports.model.csv_table import csv_text
    from reports.model.records import to_frame

    return csv_text(to_frame(saved.records)).encode()


def _parquet(saved: Results, folder: Path, strict: bool) -> bytes:
    from reports.model.records import to_frame

    buffer = io.BytesIO()
    to_frame(saved.records).to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()


def _json(saved: Results, folder: Path, strict: bool) -> bytes:
    from reports.files.document import json_text

    return json_text(saved, strict=strict).encode()


def _gradescope(saved: Results, folder: Path, strict: bool) -> bytes:
    """By the usual points: `parity grade --rubric` gives others."""
    require("grading", CLASS)
    from parity_tests.grading.rubric import rubric_of_run
    from parity_tests.grading.scoring import score
    from reports.files.gradescope import results_json

    return results_json(saved, score(saved.records, rubric_of_run(saved.environment))).encode()


RENDER: dict[str, Callable[[Results, Path, bool], bytes]] = {
    "html": html_page,
    "junit": _junit,
    "markdown": _markdown,
    "csv": _csv,
    "parquet": _parquet,
    "json": _json,
    "gradescope": _gradescope,
    "sarif": _sarif,
}
