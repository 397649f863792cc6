"""`parity check`: hold a network against torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.assignments import SHIPPED
from parity_tests.cli import drift, extras
from parity_tests.cli.files import in_github
from parity_tests.cli.options import DTYPES, LEVELS, allow_option, assignment_option, known_parts, names, timeout_of
from parity_tests.cli.printing import for_github, run_lines
from parity_tests.cli.report import html_page
from parity_tests.cli.status import AGREEMENT, DISCREPANCIES, status_of
from parity_tests.cli.terminal import Progress
from parity_tests.harness.machine import refuse_missing_device
from parity_tests.protocol.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from parity_tests.harness.reproduce import Reproductions
    from parity_tests.protocol.assignment import Assignment


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
@assignment_option
@click.option(
    "--part",
    "--todo",
    "parts",
    multiple=True,
    callback=names,
    metavar="PART,...",
    help="Only these parts of the assignment, by their ids; may be repeated.",
)
@click.option("--strict", is_flag=True, help="Notes count as discrepancies (promotion of the dtype aside).")
@click.option("--edition", help="The year's form of the assignment; told by the files if left out.")
@timeout_of("case")
@allow_option
@click.option(
    "--isolation",
    type=click.Choice(LEVELS),
    default="none",
    show_default=True,
    help="How the submission is shut in; none is for code that you trust.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-run"),
    show_default=True,
    help="Run folder to write; an earlier run there is replaced.",
)
@click.option(
    "--repro", is_flag=True, help="Write the smallest script that shows each discrepancy into the run folder."
)
@click.option("-q", "--quiet", is_flag=True, help="Print the verdict alone.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What to print; reports/files/schema.json describes the JSON.",
)
@click.option(
    "--github/--no-github",
    default=None,
    help="Annotations and a job summary; left out, only in a GitHub workflow.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Say which ratios have moved since this file was made.",
)
@click.option("--update-baseline", is_flag=True, help="Write that file anew, if everything agrees.")
@click.option("--fail-on", type=click.Choice(["drift"]), help="What else means exit status 1.")
def check(
    submission: Path | None,
    device: str,
    dtype: str,
    seed: int,
    assignment: str | None,
    parts: tuple[str, ...],
    strict: bool,
    edition: str | None,
    timeout: float,
    allow: tuple[str, ...],
    isolation: str,
    out: Path,
    repro: bool,
    quiet: bool,
    form: str,
    github: bool | None,
    baseline: Path | None,
    update_baseline: bool,
    fail_on: str | None,
) -> int:
    """Hold a network against torch, quantity by quantity.

    SUBMISSION is a folder with the files that the assignment asks for; left out, it is the assignment's own
    solution. Exit status: 0 agreement, 1 discrepancies, 2 what was asked for cannot be done,
    3 Parity's own fault. The run folder also gets report.html, a page that needs nothing beside it.
    """
    from reports.model.run_folder import RunFolderError, refuse_unwritable, save

    try:
        refuse_unwritable(out)
    except RunFolderError as error:
        raise UsageError(f"{error}.") from error
    refuse_missing_device(device)
    known = drift.read_before(baseline, update_baseline, fail_on)

    from parity_tests.harness.check import check as run_check
    from parity_tests.harness.process.available_levels import require
    from parity_tests.harness.submission import choose_submission

    asked, folder = choose_submission(assignment, submission, SHIPPED)
    wanted = known_parts(asked, parts)
    if edition is not None:
        asked.refuse_edition(edition)
    with Progress() as progress:
        run = run_check(
            asked,
            folder,
            device=device,
            dtypes=DTYPES if dtype == "both" else (dtype,),
            seed=seed,
            parts=wanted,
            edition=edition,
            timeout=timeout,
            allow=allow,
            isolation=require(isolation).name,
            progress=progress,
        )
    if not run.records:
        raise HarnessError("nothing was compared, and that is never an agreement.")
    shown = _reproductions(asked, run, timeout, allow) if repro else None
    scripts = {} if shown is None else shown.scripts
    files = {name: text.encode() for name, text in scripts.items()}
    without_page = extras.missing(extras.PAGES)
    if not without_page:
        files["report.html"] = html_page(run, out, strict, scripts)
    try:
        save(out, run, files)
    except RunFolderError as error:
        raise UsageError(f"{error}.") from error
    whole = wanted is None and dtype == "both"
    moved = drift.hold_against(known, run.records, run.environment, whole=whole)
    status = status_of(run.records, strict)
    lines = run_lines(run, out, strict, quiet)
    if without_page and not quiet:
        lines.append(f"There is no report.html in it: {without_page}.")
    if shown is not None:
        from parity_tests.harness.reproduce import lines as said_of

        lines += said_of(shown, out, {part.id: part.label for part in asked.parts})
    if moved is not None and baseline is not None:
        from reports.model.baseline import drift_lines

        lines += drift_lines(moved, str(baseline))
    if update_baseline and baseline is not None:
        agreed = status == AGREEMENT
        lines.append(drift.update(baseline, run.records, run.environment, agreed=agreed, whole=whole))
    if form == "json":
        from reports.files.document import json_text
        from reports.model.baseline import drift_document

        found = None if moved is None else drift_document(moved, str(baseline))
        lines = [json_text(run, strict=strict, drift=found).rstrip()]
    if in_github() if github is None else github:
        lines = for_github(run, lines, strict, plain=form == "json")
    click.echo("\n".join(lines), color=True)
    return DISCREPANCIES if status == AGREEMENT and fail_on and moved else status


def _reproductions(assignment: Assignment, run: Any, timeout: float, allow: tuple[str, ...]) -> Reproductions:
    """The scripts of a run, and the discrepancies that have none."""
    from parity_tests.harness.reproduce import reproductions

    with Progress("writing scripts") as progress:
        return reproductions(assignment, run.records, run.environment, timeout=timeout, allow=allow, progress=progress)
