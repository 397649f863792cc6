"""The page of one submission of a class: its run and its points. It names nobody else, for the student gets it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from parity_tests.protocol.errors import UsageError
from reports.html.run_page import report_page
from reports.model.escape import path_text
from reports.model.for_student import StudentRun, says_less, withheld_cases
from reports.model.points import Points
from reports.model.records import Record
from reports.model.run import SavedRun
from reports.model.run_folder import RunFolderError, load
from reports.model.scripts import by_quantity


def student_page(
    run: StudentRun,
    folder: Path,
    points: Points,
    links: Sequence[tuple[str, str]],
    *,
    who: str,
    code: str = "",
    comments: Sequence[str] = (),
) -> str:
    """The page of the run in this folder. Raises UsageError.

    `comments` are what a human says of it. Where a `code` stands in place of the name, it says nothing else of it: what
    submissions printed and wrote is left out, since they may write anything, and so are comments.
    """
    try:
        scripts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("repro-*.py"))}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the scripts in {path_text(folder)} cannot be read ({error}).") from error
    shown = replace(
        run,
        records=[replace(record, submission=code) for record in run.records] if code else run.records,
        environment=replace(run.environment, excerpts=None) if code else run.environment,  # comments may hold a name
        output=b"" if code else run.output,
    )
    withheld = withheld_cases(run)
    told = by_quantity(scripts, [record for record in run.records if record.case not in withheld])
    with _readable():
        return report_page(
            shown,
            scripts=told,
            who=code or who,
            points=points,
            links=links,
            less=says_less(run),
            comments=() if code else comments,
        )


def saved_run(folder: Path, records: list[Record] | None = None) -> SavedRun:
    """The run of a submission, which has these records if they are known. Raises UsageError where it cannot be read."""
    with _readable():
        return load(folder, records)


@contextmanager
def _readable() -> Iterator[None]:
    """Raises UsageError in place of what is wrong with a run folder."""
    try:
        yield
    except RunFolderError as error:
        raise UsageError(f"{error}.") from error
