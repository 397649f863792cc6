"""Writes the page of a graded class, from the tables and records in its folder: nothing is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from parity_tests.grading.alike import PAGE
from parity_tests.grading.class_files import RUBRIC, FilePaths, files_of
from parity_tests.grading.folder import GradingFolder
from parity_tests.grading.gradebook import names_of, submissions_in
from parity_tests.grading.judge_results import points_of
from parity_tests.grading.rubric import load_rubric
from parity_tests.grading.settings import ClassInfo
from parity_tests.grading.student_page import saved_run, student_page
from parity_tests.grading.tables import FIXES
from parity_tests.protocol.errors import UsageError
from reports.html.class_page import About, Who, class_page, codes
from reports.model.fixes import Fix, from_rows
from reports.model.for_student import for_student
from reports.model.numbers import points_text
from reports.model.parts import Parts
from reports.model.points import without_words
from reports.model.records import Record, to_frame
from reports.model.verdicts import Verdict
from reports.model.write_whole import write_whole

if TYPE_CHECKING:
    import pandas as pd

_NEEDED = ["submission", "check", "diagnosis", "part", "quantity", "verdict", "explained_by"]

_BACK = [("class.html", "← the class")]


def write_class_page(path: Path, *, when: str = "", version: str = "") -> Path:
    """Writes class.html into the folder of a class, each submission linked to its page. Raises UsageError.

    `when` it was graded and the `version` of Parity stand in its foot; left out, they are those of the folder and ours.
    """
    folder = GradingFolder(path)
    info = folder.info()
    grades = submissions_in(path)
    people = {}
    for name, shown in names_of(grades.to_dict("records")).items():
        page = f"submissions/{name}/report.html"
        people[name] = Who(shown, quote(page, errors="surrogateescape") if (path / page).is_file() else "")
    about = _about(path, info, when, version)
    alike = path / PAGE
    about = replace(about, alike=PAGE if alike.is_file() and alike.stat().st_size else "")
    _write(path / "class.html", _class_page(path, grades, info.labels, people, about, anonymous=False))
    folder.together_done()
    return path / "class.html"


def write_anonymous_pages(path: Path, out: Path) -> Path:
    """Writes class.html and each submission's page into `out`, under codes in place of names. Raises UsageError.

    A code is the same every time. What submissions printed and wrote is left out: they may write anything. Students may
    see the pages, so of what they are not told nothing stands there.
    """
    folder = GradingFolder(path)
    folder.refuse_half_written()
    info, files = folder.info(), files_of(folder, FilePaths())
    grades = submissions_in(path)
    coded = codes([str(name) for name in grades["submission"]], str(info.settings.seed))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out} cannot be made ({error.strerror}).") from error
    names = sorted(coded, key=lambda name: coded[name])  # the order of names tells something of them
    told: list[Record] = []
    for name in names:
        result, code, where_it_is = folder.result(name), coded[name], path / "submissions" / name
        if result is None:
            raise UsageError(f"the result of {name} in {path} cannot be read; `parity grade` makes it anew.")
        run = saved_run(where_it_is)
        shown = for_student(run)
        told += [record for record in shown.records if record.verdict != Verdict.MATCH]
        points = without_words(points_of(result, run.records, files))
        _write(out / f"{code}.html", student_page(shown, where_it_is, points, _BACK, who=code, code=code))
    people = {name: Who(code, f"{code}.html") for name, code in coded.items()}
    about = _about(path, info)
    page = _class_page(path, grades, info.labels, people, about, anonymous=True, records=told)
    _write(out / "class.html", page)
    return out / "class.html"


def _about(path: Path, info: ClassInfo, when: str = "", version: str = "") -> About:
    """What the page says of the class beside its results."""
    settings = info.settings
    items = load_rubric(path / RUBRIC, info.vocabulary)[0].items
    graded = datetime.fromtimestamp((path / "grades.parquet").stat().st_mtime, UTC)
    facts = [
        ("Graded", when or f"{graded:%Y-%m-%d %H:%M} UTC"),
        ("Assignment", f"{info.assignment_title}{f', edition {settings.edition}' if settings.edition else ''}"),
        ("Precision", ", ".join(settings.dtypes)),
        ("Isolation", settings.isolation),
        ("Rubric", ", ".join(f"{item.name} {points_text(item.points)}" for item in items)),
        ("Parity", version or metadata.version("parity")),
    ]
    return About(info.assignment_title, {item.name: item.points for item in items}, facts)


def _class_page(
    path: Path,
    grades: pd.DataFrame,
    parts: Parts,
    people: dict[str, Who],
    about: About,
    *,
    anonymous: bool,
    records: Sequence[Record] | None = None,
) -> str:
    """The page; `records` are those that do not match, or else all of the class's."""
    import pandas as pd

    try:
        items, flags = (
            pd.read_csv(path / name, keep_default_na=False, na_values={"mean_share": [""]})
            for name in ("class.csv", "look.csv")
        )
        if records is None:
            mistakes = _mistakes(path / "records.parquet")
        else:
            mistakes = to_frame([record for record in records if not record.explained_by])[_NEEDED]
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the tables in {path} cannot be read ({error}); `parity regrade {path}` makes them."
        ) from error
    results = filter(None, map(GradingFolder(path).result, people))
    before = {result.name: result.totals for result in results if result.totals}
    page = partial(class_page, grades, items, flags, mistakes, parts=parts, people=people, about=about, before=before)
    return page(anonymous=True) if anonymous else page(fixes=_fixes(path))


def _mistakes(path: Path) -> pd.DataFrame:
    """The records of a class that do not match, but for those that follow from others: a few submissions at a time."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    wrong = (pc.field("verdict") != "match") & (pc.field("explained_by") == "")
    with pq.ParquetFile(path) as file:
        groups = (file.read_row_group(i, columns=_NEEDED) for i in range(file.num_row_groups))
        found: pd.DataFrame = pa.concat_tables([group.filter(wrong) for group in groups]).to_pandas()
    return found


def _fixes(path: Path) -> list[tuple[str, Fix]]:
    """Each fix that was found, with the submission that it is of."""
    import pandas as pd

    try:
        with (path / FIXES).open("rb") as file:
            rows = pd.read_csv(file, keep_default_na=False, dtype=str).astype({"line": int}).to_dict("records")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{FIXES} in {path} cannot be read ({error}); `parity regrade {path}` makes it.") from error
    names = [str(row.pop("submission")) for row in rows]
    return list(zip(names, from_rows({str(k): v for k, v in row.items()} for row in rows), strict=True))


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}).") from error
