"""Gives points anew to a graded class, from its records alone: nothing is run."""

from __future__ import annotations

from pathlib import Path

from parity_tests.grading.class_files import FilePaths, files_of
from parity_tests.grading.folder import GradingFolder
from parity_tests.grading.gradebook import CHANGES, Change, changed_totals, names_of
from parity_tests.grading.tables import Tables, make_tables
from parity_tests.protocol.errors import UsageError
from reports.model.csv_table import csv_text
from reports.model.escape import path_text


def rescore_class(path: Path, paths: FilePaths) -> tuple[Tables, list[Change]]:
    """The new tables of the class in this folder, and whose points change by how much. Raises UsageError."""
    import pandas as pd

    folder = GradingFolder(path)
    folder.info()
    with folder.locked():
        if not any(folder.result(hand_in.name) for hand_in in folder.intake().attempts):
            raise UsageError(f"{path_text(path)} holds no result that can be read; `parity grade` makes them.")
        files = files_of(folder, paths)
        files.keep(folder)
        before = _totals(path)
        tables = make_tables(folder, files)
        changes = changed_totals(before, tables.totals)
        called = names_of(tables.rows)
        rows = [{**vars(change), "student": called.get(change.submission)} for change in changes]
        frame = pd.DataFrame(rows, columns=["submission", "student", "before", "after"])
        folder.write(CHANGES, csv_text(frame.convert_dtypes()))
        return tables, changes


def _totals(path: Path) -> dict[str, float | None]:
    """The points in all that the folder's gradebook holds; nothing where there is none."""
    import pandas as pd

    try:
        frame = pd.read_parquet(path / "grades.parquet", columns=["submission", "total"])
    except (OSError, ValueError):
        return {}
    return {name: None if total != total else float(total) for name, total in frame.itertuples(index=False)}
