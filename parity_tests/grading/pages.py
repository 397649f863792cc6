"""Writes the page of a graded class, from the tables and records in its folder: nothing is run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from parity_tests.grading.folder import GradingFolder
from parity_tests.protocol.errors import UsageError
from reports.html.class_page import Who, class_page, codes
from reports.html.run_page import report_page
from reports.model.parts import Parts
from reports.model.run_folder import RunFolderError, load
from reports.model.write_whole import write_whole

if TYPE_CHECKING:
    import pandas as pd

_NEEDED = ["submission", "diagnosis", "part", "quantity", "verdict", "explained_by"]


def write_class_page(path: Path) -> Path:
    """Writes class.html into the folder of a class, each submission linked to its page. Raises UsageError."""
    folder = GradingFolder(path)
    parts = folder.info().labels
    grades = _grades(path)
    people = {
        name: Who(name, f"submissions/{quote(name)}/report.html" if _page(path, name).is_file() else "")
        for name in map(str, grades["submission"])
    }
    _write(path / "class.html", _class_page(path, grades, parts, people, anonymous=False))
    return path / "class.html"


def write_anonymous_pages(path: Path, out: Path) -> Path:
    """Writes class.html and each submission's page into `out`, under codes in place of names. Raises UsageError.

    A code is the same every time. What submissions printed is left out: they may print anything.
    """
    info = GradingFolder(path).info()
    grades = _grades(path)
    coded = codes([str(name) for name in grades["submission"]], str(info.settings.seed))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out} cannot be made ({error.strerror}).") from error
    for name, code in coded.items():
        try:
            run = load(path / "submissions" / name)
        except RunFolderError as error:
            raise UsageError(f"{error}.") from error
        known = {key: value for key, value in run.environment.items() if key not in ("seed", "submission")}
        records = [replace(record, submission=code) for record in run.records]
        hidden = replace(run, records=records, environment=known, output=b"")
        _write(out / f"{code}.html", report_page(hidden, folder=code))
    people = {name: Who(code, f"{code}.html") for name, code in coded.items()}
    _write(out / "class.html", _class_page(path, grades, info.labels, people, anonymous=True))
    return out / "class.html"


def _class_page(path: Path, grades: pd.DataFrame, parts: Parts, people: dict[str, Who], *, anonymous: bool) -> str:
    import pandas as pd

    try:
        items, flags = (
            pd.read_csv(path / name, keep_default_na=False, na_values={"mean_share": [""]})
            for name in ("class.csv", "look.csv")
        )
        wrong = [("verdict", "!=", "match"), ("explained_by", "==", "")]  # those of a whole class are many
        records = pd.read_parquet(path / "records.parquet", columns=_NEEDED, filters=wrong)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the tables in {path} cannot be read ({error}); `parity regrade {path}` makes them."
        ) from error
    return class_page(grades, items, flags, records, parts=parts, people=people, anonymous=anonymous)


def _grades(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        grades = pd.read_parquet(path / "grades.parquet")
        return grades.drop_duplicates("submission", ignore_index=True)  # everyone of a group has a row
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} holds no grades yet ({error}); `parity grade` makes them.") from error


def _page(path: Path, name: str) -> Path:
    return path / "submissions" / name / "report.html"


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}).") from error
