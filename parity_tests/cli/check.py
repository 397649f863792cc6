"""`parity check`: hold a network against torch."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.cli import drift, extras, of_notebook, unnamed
from parity_tests.cli.files import run_folder_errors
from parity_tests.cli.options import (
    DTYPES,
    LEVELS,
    allow_option,
    assignment_option,
    device_option,
    github_option,
    json_option,
    known_parts,
    names,
    out_option,
    quiet_option,
    seed_option,
    timeout_of,
    verbose_option,
)
from parity_tests.cli.printing import print_run, run_lines
from parity_tests.cli.report import html_page
from parity_tests.cli.status import AGREEMENT, DISCREPANCIES, status_of
from parity_tests.cli.terminal import Progress, complain, wrapped
from parity_tests.harness.machine import refuse_missing_device
from parity_tests.protocol.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from parity_tests.harness.reproduce import Reproductions
    from parity_tests.protocol.assignment import Assignment
    from reports.model.run import SavedRun


@click.command()
@click.argument("submission", required=False, type=click.Path(path_type=Path))
@click.option("--shipped", is_flag=True, help="Check the network that comes with Parity, in place of a SUBMISSION.")
@device_option
@click.option(
    "--dtype",
    type=click.Choice([*DTYPES, "both"]),
    default="both",
    show_default=True,
    help="Precision of the inputs.",
)
@seed_option
@assignment_option
@click.option(
    "--part",
    "--todo",
    "parts",
    multiple=True,
    callback=names,
    metavar="PART,...",
    help="Judge these parts of the assignment alone, by their ids; may be repeated.",
)
@click.option("--strict", is_flag=True, help="Notes count as discrepancies (promotion of the dtype aside).")
@click.option("--edition", help="The year's form of the assignment; found from the files, or its default, if left out.")
@timeout_of("case")
@allow_option
@click.option(
    "--isolation",
    type=click.Choice(LEVELS),
    default="none",
    show_default=True,
    help="The sandbox level of the submission; none is for code that you trust.",
)
@out_option
@click.option(
    "--repro", is_flag=True, help="Write the smallest script that shows each discrepancy into the run folder."
)
@click.option(
    "--fix",
    is_flag=True,
    help="Look for the one change of each wrong function with which everything of its part agrees, and show it.",
)
@verbose_option("Say each case as it is judged.")
@quiet_option
@json_option
@github_option
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
    shipped: bool,
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
    fix: bool,
    verbose: bool,
    quiet: bool,
    as_json: bool,
    github: bool | None,
    baseline: Path | None,
    update_baseline: bool,
    fail_on: str | None,
) -> int:
    """Compare a network with torch, quantity by quantity.

    SUBMISSION is a folder with the files that the assignment asks for, or a notebook; left out, it is the current
    folder. The network that comes with Parity is checked with --shipped, and within Parity's own checkout. Exit status:
    0 agreement, 1 discrepancies, 2 what was asked for cannot be done, 3 Parity's own fault. The run folder also gets
    report.html, a page that needs nothing beside it.
    """
    from reports.model.run import parts_of
    from reports.model.run_folder import refuse_unwritable, run_before
    from reports.model.verdicts import FAILING

    with run_folder_errors():
        refuse_unwritable(out)
    refuse_missing_device(device)
    earlier = drift.read_before(baseline, update_baseline, fail_on)

    from parity_tests.harness.check import check as run_check
    from parity_tests.harness.flow_answers import kept_between_processes
    from parity_tests.harness.judgement_cache import JudgementCache
    from parity_tests.harness.process.available_levels import require

    notebook = submission if submission is not None and of_notebook.is_one(submission, assignment) else None
    if notebook is not None:
        (chosen, folder), said = of_notebook.written_out(notebook, assignment), ""
    else:
        chosen, folder, said = unnamed.choose(assignment, submission, shipped)
    if said:
        complain(said)
    wanted = known_parts(chosen, parts)
    if edition is not None:
        chosen.refuse_edition(edition)
    tells = {"verbose": verbose, "quiet": quiet}
    with kept_between_processes(chosen) as kept, Progress("checking", **tells) as progress:
        cache = JudgementCache(kept if device == "cpu" else None, chosen.name)
        run = run_check(
            chosen,
            folder,
            name=str(notebook or ""),
            device=device,
            dtypes=DTYPES if dtype == "both" else (dtype,),
            seed=seed,
            parts=wanted,
            alone=True,
            edition=edition,
            timeout=timeout,
            allow=allow,
            isolation=require(isolation).name,
            progress=progress,
            cache=cache,
        )
    if not run.records:
        raise HarnessError("nothing was compared, and that is never an agreement.")
    fix_lines: list[str] = []
    where = replace(run, environment=replace(run.environment, submission=str(folder)))
    if fix:
        fix_lines, rows, left = _fixes(chosen, where, allow, tells)
        run = replace(run, environment=replace(run.environment, fixes=rows, without_fix=left))
    made = _reproductions(chosen, where, timeout, allow, tells) if repro else None
    scripts = {} if made is None else made.scripts
    whole = wanted is None and dtype == "both"
    try:
        moved = drift.hold_against(earlier, baseline, run.records, run.environment, whole=whole, update=update_baseline)
    except UsageError:  # the run is kept all the same
        _save(run, out, strict, scripts, run_before(out, run))
        raise
    if moved is not None:
        drifted = replace(run.environment, drift=drift.document(moved, baseline, fail_on))
        run = replace(run, environment=drifted)  # for the reports, also those that are made later
    before = run_before(out, run)
    wrong = {one.part for one in run.records if one.verdict in FAILING and not one.explained_by}
    lines = run_lines(run, out, strict, quiet, before, _again(submission or folder, assignment, edition, wrong))
    without_page = _save(run, out, strict, scripts, before)
    if without_page and not quiet:
        lines.append(f"There is no report.html in it: {without_page}")
    if made is not None:
        from parity_tests.harness.reproduce import lines as reproduction_lines

        lines += reproduction_lines(made, out, parts_of(run))
    lines += [part for line in fix_lines for part in (wrapped(line) if line[:1] != " " else [line])]
    lines += [f"{one}." for one in chosen.not_compared if folder.resolve() == chosen.solution and not quiet]
    status = status_of(run.records, strict)
    lines += drift.lines(moved, baseline)
    if update_baseline and baseline is not None:
        agreed = status == AGREEMENT
        lines.append(drift.update(baseline, run.records, run.environment, agreed=agreed, whole=whole))
    print_run(run, lines, strict=strict, as_json=as_json, github=github, drift=run.environment.drift)
    return DISCREPANCIES if status == AGREEMENT and fail_on and moved else status


def _again(submission: Path, assignment: str | None, edition: str | None, wrong: set[str]) -> str:
    """The command that checks the same once more, or the one part that is wrong; an option is added to it."""
    from reports.model.escape import printable

    todo = next(iter(wrong)) if len(wrong) == 1 else None
    chosen = {"--assignment": assignment, "--edition": edition, "--todo": todo}
    options = [word for name, value in chosen.items() if value is not None for word in (name, value)]
    return printable(shlex.join(["parity", "check", str(submission), *options]))


def _save(run: Any, out: Path, strict: bool, scripts: Mapping[str, str], before: SavedRun | None) -> str:
    """Saves the run folder with scripts, page and the run before; why there is no page, "" where there is one."""
    from reports.model.run_folder import save

    files = {name: text.encode() for name, text in scripts.items()}
    without_page = extras.missing("a page", extras.PAGES)
    if not without_page:
        files["report.html"] = html_page(run, out, strict, scripts)
    with run_folder_errors():
        save(out, run, files, before)
    return without_page


def _reproductions(
    assignment: Assignment, run: Any, timeout: float, allow: tuple[str, ...], tells: Mapping[str, bool]
) -> Reproductions:
    """The scripts of a run, and the discrepancies that have none."""
    from parity_tests.harness.reproduce import reproductions

    with Progress("writing scripts", **tells) as progress:
        return reproductions(assignment, run.records, run.environment, timeout=timeout, allow=allow, progress=progress)


def _fixes(
    assignment: Assignment, run: Any, allow: tuple[str, ...], tells: Mapping[str, bool]
) -> tuple[list[str], list[dict[str, Any]], list[str]]:
    """What is said of the fixes that were found, and of the wrong parts that have none; the fixes, and those parts."""
    from parity_tests.harness.repair import lines, repairs, without_fix
    from reports.model.fixes import to_rows

    with Progress("looking for fixes", **tells) as progress:
        found = repairs(assignment, run.records, run.environment, allow=allow, progress=progress)
    rows = to_rows(fix for repair in found for fix in repair.fixes)
    return lines(found, assignment, run), rows, without_fix(found, assignment, run.records)
