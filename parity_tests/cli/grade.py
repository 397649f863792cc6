"""`parity grade`: grade a class."""

from __future__ import annotations

from pathlib import Path

import click

from parity_tests.cli.class_printing import print_class, status_of_class
from parity_tests.cli.defaults import refuse_inside
from parity_tests.cli.extras import CLASS, PAGES, require
from parity_tests.cli.grading_progress import GradingProgress
from parity_tests.cli.options import (
    DTYPES,
    LEVELS,
    Whole,
    allow_option,
    assignment_option,
    class_file_options,
    json_option,
    quiet_option,
    timeout_of,
    tls_options,
    verbose_option,
)
from parity_tests.cli.status import AGREEMENT
from parity_tests.cli.terminal import complain
from parity_tests.grading.intake import FORMATS
from parity_tests.harness.machine import cores

LOG = "grade.log"


@click.command()
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-class"),
    show_default=True,
    help="Folder to write, or to go on in where a run was stopped.",
)
@click.option(
    "--format", type=click.Choice(FORMATS), help="The layout of SUBMISSIONS; found from its names if left out."
)
@assignment_option
@click.option("--edition", help="The class's edition of the assignment; its default if left out.")
@class_file_options
@click.option(
    "--dtype",
    type=click.Choice([*DTYPES, "both"]),
    default="float64",
    show_default=True,
    help="Precision of the inputs.",
)
@click.option("--seed", type=Whole(min=0), help="What inputs are drawn from; secret and drawn if left out.")
@click.option(
    "--only", multiple=True, metavar="NAME", help="Check this submission again, and no other; may be repeated."
)
@timeout_of("case")
@allow_option
@click.option(
    "--isolation",
    type=click.Choice(LEVELS),
    help="The least that will do; left out, the strongest there is, but never none.",
)
@click.option("--jobs", type=Whole(min=1), help="Processes at work here; as many as there are cores if left out.")
@click.option(
    "--other-versions", is_flag=True, help="Go on although Parity, numpy or torch is another than at the beginning."
)
@click.option(
    "--fix",
    is_flag=True,
    help="Then look for the one change of each wrong function with which everything of its part agrees.",
)
@click.option(
    "--fix-minutes",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="How long --fix may look; the same command goes on.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Let the workers of this Dask scheduler do the work.")
@tls_options
@click.option("--dry-run", is_flag=True, help="Say what would be graded, and as whom; run and write nothing.")
@json_option
@quiet_option
@verbose_option(f"Say each submission as it ends, and keep all that in OUT/{LOG}.")
@click.pass_obj
def grade(
    defaults: Path | None,
    /,
    submissions: Path,
    out: Path,
    format: str | None,
    assignment: str | None,
    edition: str | None,
    dtype: str,
    seed: int | None,
    only: tuple[str, ...],
    timeout: float,
    allow: tuple[str, ...],
    isolation: str | None,
    jobs: int | None,
    other_versions: bool,
    fix: bool,
    fix_minutes: float,
    scheduler: str | None,
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **files: Path | None,
) -> int:
    """Grade a class.

    SUBMISSIONS is what the course site gave: a folder of folders, zips or single files, a zip of those, or an
    export of Gradescope, Canvas or Moodle. Stopped at any moment and started again, it goes on. Exit status: 0
    whatever the marks, 2 what was asked for cannot be done, 3 a fault of Parity's own, which yields no grade.
    """
    require("grading", CLASS | PAGES)
    refuse_inside(defaults, submissions)
    from parity_tests.grading.check_class import Request, check_class
    from parity_tests.grading.class_files import FilePaths
    from parity_tests.grading.cluster import Certificates
    from parity_tests.grading.pages import write_class_page

    request = Request(
        source=submissions,
        out=out,
        assignment=assignment,
        edition=edition,
        dtypes=DTYPES if dtype == "both" else (dtype,),
        timeout=timeout,
        allow=allow,
        isolation=isolation,
        seed=seed,
        format=format,
        paths=FilePaths(**files),
        only=only,
        jobs=jobs or cores(),
        other_versions=other_versions,
        fix_minutes=fix_minutes if fix else None,
        scheduler=scheduler,
        certificates=Certificates(tls_ca, tls_cert, tls_key),
    )
    if dry_run:
        from parity_tests.cli.dry_run import print_plan
        from parity_tests.grading.dry_run import plan

        print_plan(plan(request), as_json=as_json, quiet=quiet)
        return AGREEMENT
    try:
        with GradingProgress(quiet=quiet, log=out / LOG if verbose else None, each=bool(only)) as progress:
            tables = check_class(request, progress)
    except KeyboardInterrupt:
        complain("what is done is kept; the same command goes on from there.")
        raise
    write_class_page(out)
    print_class(tables, out, as_json=as_json, quiet=quiet)
    return status_of_class(tables)
