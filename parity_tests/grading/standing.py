"""How far the grading of a class is, read from its folder: nothing is run, written or waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parity_tests.grading.class_files import COMMENTS, LATE, OVERRIDES, ROSTER, RUBRIC, STARTER
from parity_tests.grading.folder import GradingFolder
from parity_tests.grading.settings import Settings
from parity_tests.protocol.errors import UsageError
from reports.model.escape import path_text


@dataclass(frozen=True)
class Standing:
    """How far it is: the submissions, those with a result, those that Parity itself failed at.

    `in_tables` have a row in grades.csv, None where there are no tables yet; `look` counts the flags by their kind.
    `at_work` says whether a command is writing into the folder now, `half_written` whether the tables are of two runs.
    """

    settings: Settings
    submissions: int
    checked: int
    faults: int
    in_tables: int | None
    look: Mapping[str, int]
    files: tuple[str, ...]
    at_work: bool | None
    half_written: bool = False


def standing_of(path: Path) -> Standing:
    """How far the class in this folder is. Raises UsageError where there is none."""
    folder = GradingFolder(path)
    settings = folder.info().settings
    attempts = folder.intake().attempts
    results = [folder.result(hand_in.name) for hand_in in attempts]
    checked = [result for result in results if result is not None]
    in_tables, look = _tables(path)
    return Standing(
        settings=settings,
        submissions=len(attempts),
        checked=len(checked),
        faults=sum(bool(result.trouble) for result in checked),
        in_tables=in_tables,
        look=look,
        files=tuple(name for name in (RUBRIC, LATE, OVERRIDES, COMMENTS, ROSTER, STARTER) if (path / name).is_file()),
        at_work=folder.at_work(),
        half_written=folder.half_written,
    )


def _tables(path: Path) -> tuple[int | None, dict[str, int]]:
    """The submissions in the gradebook, and the flags by their kind. Raises UsageError for damaged tables."""
    import pandas as pd

    if not (path / "grades.csv").exists() or not (path / "look.csv").exists():
        return None, {}
    try:
        graded = pd.read_csv(path / "grades.csv", usecols=["submission"], dtype=str, keep_default_na=False)
        look = pd.read_csv(path / "look.csv", usecols=["kind"], dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the tables in {path_text(path)} cannot be read ({error}); `parity regrade {path_text(path)}` makes them."
        ) from None
    return graded["submission"].nunique(), dict(Counter(look["kind"]))
