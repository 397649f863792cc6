"""Makes the tables of a class, and each student's page, from the results that there are: nothing is run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.grading.class_table import ClassTable, look_frame
from parity_tests.grading.folder import About, GradingFolder
from parity_tests.grading.intake.take_in import Intake
from parity_tests.grading.points import Override, grade, grades_frame, load_overrides, with_overrides
from parity_tests.grading.roster import Person, join
from parity_tests.grading.rubric import Rubric, RubricError, load_rubric
from parity_tests.protocol.errors import UsageError
from reports.files.feedback import feedback_page
from reports.files.gradescope import results_json
from reports.model.csv_table import csv_text
from reports.model.numbers import points_text
from reports.model.parts import Parts
from reports.model.points import Points
from reports.model.records import COLUMNS, Record
from reports.model.run import SavedRun
from reports.model.write_whole import replacing_file

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

DEFAULT_RUBRIC = Path(__file__).parents[1] / "assignments" / "mlp" / "rubric.toml"
KEPT = ("rubric.toml", "overrides.csv", "roster.csv")
"""Copies of what the user gave, in the folder: they are used again unless others are given."""


@dataclass(frozen=True)
class Look:
    """A submission that a human should look at, and why."""

    submission: str
    kind: str
    why: str


@dataclass(frozen=True)
class Tables:
    """What the tables say: the total and maximum of each submission, and what needs a look."""

    totals: dict[str, tuple[float | None, float]]
    looks: tuple[Look, ...]
    faults: int
    waiting: int


def known_checks() -> frozenset[str]:
    """The checks for which a rubric can give points."""
    return frozenset(
        case.check for edition in ASSIGNMENT.editions.names for case in ASSIGNMENT.cases(edition, ("float64",))
    )


def usable_rubric(path: Path | None) -> tuple[Rubric, str]:
    """A rubric and its text; the default one for None. Raises UsageError."""
    path = path or DEFAULT_RUBRIC
    try:
        return load_rubric(path, known_checks()), path.read_text(encoding="utf-8-sig")
    except RubricError as error:
        raise UsageError(f"{error}.") from None


def looks_of(about: About, graded: Points, edition: str) -> list[Look]:
    """Why this submission alone needs a look."""
    found = []
    if about.trouble or graded.faults:
        why = about.trouble or f"{graded.faults} records are Parity's own faults"
        found.append(Look(about.name, "harness error", why))
    found += [Look(about.name, "undecided", f"nothing of {item} could be decided") for item in graded.undecided]
    if about.refused:
        found.append(Look(about.name, "refused archive", about.refused))
    elif about.missing:
        found.append(Look(about.name, "nothing to run", about.missing))
    if about.edition_seen and about.edition_seen != edition:
        why = f"its SGD is that of the edition {about.edition_seen}; it was judged by the class's, {edition}"
        found.append(Look(about.name, "another edition", why))
    return found


def intake_json(intake: Intake) -> str:
    """What was taken in, as it is kept: who handed in what, without the files."""

    def rows(attempts: Sequence[Any]) -> list[dict[str, str]]:
        names = ("name", "source", "student", "email", "id", "late", "when")
        return [{name: str(getattr(attempt, name)) for name in names} for attempt in attempts]

    kept = {
        "format": intake.format,
        "attempts": rows(intake.attempts),
        "replaced": rows(intake.replaced),
        "ignored": list(intake.ignored),
    }
    return json.dumps(kept, indent=1) + "\n"


def make_tables(
    folder: GradingFolder, rubric: Rubric, overrides: Sequence[Override], roster: Sequence[Person]
) -> Tables:
    """Write every table and page of the folder; those that come out the same are left alone."""
    settings = folder.settings()
    intake = json.loads((folder.path / "intake.json").read_text(encoding="utf-8"))
    edition, dtypes = settings["edition"], tuple(settings["dtypes"])
    titles = {case.name: {"title": case.title} for case in ASSIGNMENT.cases(edition, dtypes)}
    given: dict[str, list[Override]] = {}
    for override in overrides:
        given.setdefault(override.submission, []).append(override)
    whole = [(row, about) for row in intake["attempts"] if (about := folder.about(row["name"])) is not None]
    people = join(roster, [about for _, about in whole])
    classes = ClassTable(rubric, Parts.of(settings))
    rows: list[dict[str, Any]] = []
    looks: list[Look] = []
    totals = {}
    faults = 0
    with _records_of(folder) as records_file:
        for _, about in whole:
            records = records_file.add(about.name)
            graded = with_overrides(grade(records, rubric), given.get(about.name, ()))
            faults += bool(graded.faults)
            looks += looks_of(about, graded, edition)
            classes.add(records, graded)
            totals[about.name] = (graded.total, graded.maximum)
            rows.append(_row(about, graded, edition, people[about.name]))
            _write_pages(folder, about, records, graded, titles)
    looks += _identical([about for _, about in whole])
    looks += _roster_looks(roster, people)
    looks.sort(key=lambda look: (look.kind, look.submission))
    frame = grades_frame(rows, rubric.names)
    folder.write("grades.csv", csv_text(frame))
    folder.write("grades.parquet", _parquet(frame))
    folder.write("class.csv", csv_text(classes.frame()))
    folder.write("look.csv", csv_text(look_frame([(look.submission, look.kind, look.why) for look in looks])))
    folder.write("handed_in.csv", csv_text(_handed_in(intake)))
    return Tables(totals, tuple(looks), faults, len(intake["attempts"]) - len(whole))


def overrides_in(path: Path, folder: GradingFolder, rubric: Rubric) -> list[Override]:
    """The overrides of this file. Raises UsageError."""
    intake = json.loads((folder.path / "intake.json").read_text(encoding="utf-8"))
    try:
        return load_overrides(path, [row["name"] for row in intake["attempts"]], rubric.names)
    except RubricError as error:
        raise UsageError(f"{error}.") from None


_GROUP = 32
"""Submissions in a row group of records.parquet: what is known of each group stays in memory to the end."""


@contextmanager
def _records_of(folder: GradingFolder) -> Iterator[_Records]:
    """Takes the records of all submissions, and writes records.parquet whole, if there are any."""
    with ExitStack() as stack:
        records = _Records(folder, stack)
        yield records
        records.flush()


class _Records:
    """Reads the records of one submission after the other, and writes them into one file."""

    def __init__(self, folder: GradingFolder, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._writer: Any = None
        self._waiting: list[pa.Table] = []

    def add(self, name: str) -> list[Record]:
        """The records of one submission, which are now in the file as well."""
        import pyarrow.parquet as pq

        with (self._folder.submissions / name / "records.parquet").open("rb") as file:
            table: pa.Table = pq.ParquetFile(file).read(use_threads=False)
        self._waiting.append(table)
        if len(self._waiting) == _GROUP:
            self.flush()
        return [Record(*cells) for cells in zip(*(_cells(table[name]) for name in COLUMNS), strict=True)]

    def flush(self) -> None:
        """Write what waits."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._waiting:
            return
        if self._writer is None:
            path = self._stack.enter_context(replacing_file(self._folder.path / "records.parquet"))
            self._writer = self._stack.enter_context(pq.ParquetWriter(path, self._waiting[0].schema))
        self._writer.write_table(pa.concat_tables(table.cast(self._writer.schema) for table in self._waiting))
        self._waiting.clear()


def _cells(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column, None for a number that is none."""
    import pyarrow as pa

    cells: list[Any] = column.to_pylist()
    return [None if cell != cell else cell for cell in cells] if pa.types.is_floating(column.type) else cells


def _row(about: About, graded: Points, edition: str, person: Person | None) -> dict[str, Any]:
    status = "no grade: harness error" if graded.faults else "nothing to run" if about.missing else "graded"
    given = [
        f"{item.name}: {points_text(item.points)} in place of {points_text(item.before)}, {item.override}"
        for item in graded.items
        if item.override
    ]
    return {
        "submission": about.name,
        "student": person.name if person else about.student,
        "email": about.email or (person.email if person else ""),
        "id": about.id or ", ".join(person.ids if person else ()),
        "late": about.late,
        "when": about.when,
        "edition": edition,
        **{item.name: item.points for item in graded.items},
        "total": graded.total,
        "maximum": graded.maximum,
        "status": status,
        "overridden": "; ".join(given),
    }


def _write_pages(
    folder: GradingFolder,
    about: About,
    records: Sequence[Record],
    graded: Points,
    titles: Mapping[str, Any],
) -> None:
    where = f"submissions/{about.name}"
    environment = json.loads((folder.path / where / "environment.json").read_text(encoding="utf-8"))
    said = [about.missing] if about.missing else list(about.notes)
    run = SavedRun([] if about.missing else list(records), environment, {}, dict(titles), b"")
    folder.write(f"{where}/feedback.md", feedback_page(about.student or about.name, run, graded, said))
    folder.write(f"{where}/results.json", results_json(run, graded, said, about.seconds or None))


def _identical(found: Sequence[About]) -> list[Look]:
    groups: dict[str, list[str]] = {}
    for about in found:
        if about.fingerprint:
            groups.setdefault(about.fingerprint, []).append(about.name)
    return [
        Look(name, "identical", f"the same code, up to names and spaces, as {_few([n for n in names if n != name])}")
        for names in groups.values()
        if len(names) > 1
        for name in names
    ]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _roster_looks(roster: Sequence[Person], people: Mapping[str, Person | None]) -> list[Look]:
    if not roster:
        return []
    there = {id(person) for person in people.values()}
    nothing = [Look(p.name, "handed in nothing", "is on the roster") for p in roster if id(p) not in there]
    why = "nobody there has this name, address or number"
    return nothing + [Look(name, "not on the roster", why) for name, person in people.items() if person is None]


def _handed_in(intake: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    names = ("name", "source", "student", "late", "when")
    rows = [[*(row[name] for name in names), "yes"] for row in intake["attempts"]]
    rows += [[*(row[name] for name in names), "no: a later attempt does"] for row in intake["replaced"]]
    rows += [["", name, "", "", "", "no: it is no submission"] for name in intake["ignored"]]
    return pd.DataFrame(rows, columns=["submission", *names[1:], "counts"]).astype("string")


def _parquet(frame: pd.DataFrame) -> bytes:
    return bytes(frame.to_parquet(engine="pyarrow", index=False))


def differences(before: Mapping[str, float | None], after: Mapping[str, tuple[float | None, float]]) -> list[str]:
    """Who changes by how much, as sentences, the largest change first."""
    changed = []
    for name, (total, _) in after.items():
        old = before.get(name)
        if old == total:
            continue
        by = "" if old is None or total is None else f" ({total - old:+.2f})"
        changed.append((-abs((total or 0.0) - (old or 0.0)), f"{name}: {points_text(old)} → {points_text(total)}{by}"))
    return [sentence for _, sentence in sorted(changed)]
