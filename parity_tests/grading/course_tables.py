"""The tables of grades that course sites export and take back: Canvas's gradebook, Moodle's worksheet, Gradescope's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from parity_tests.grading.raw_csv import RawCsv, read_csv
from parity_tests.protocol.errors import UsageError
from reports.model.numbers import points_text

CHANGEABLE = frozenset(
    {
        "bewertung kann geändert werden",
        "la note peut être modifiée",
        "la calificación puede ser cambiada",
        "la calificación puede cambiarse",
        "la valutazione può essere cambiata",
        "a nota pode ser alterada.",
        "a nota pode ser alterada",
        "het cijfer kan gewijzigd worden",
    }
)
"""How the column that says whether a grade can be changed is called: de, fr, es (two), it, pt (two), nl."""
FULL_NAMES = frozenset({"vollständiger name", "nom complet", "nombre completo"})
COMMENTS = frozenset({"feedback als kommentar", "feedback par commentaires", "comentarios de retroalimentación"})
NO = frozenset({"no", "nein", "non", "não", "nee"})
"""What stands there of a grade that cannot be."""
_PERSON = re.compile(r"[^\d\n]+\d+")
_EMPTY = ("", "-")


def _all(rows: Sequence[Sequence[str]], place: int, fits: Callable[[str], bool]) -> bool:
    return all(place < len(row) and fits(row[place]) for row in rows)


_CANVAS_ASSIGNMENT = re.compile(r"(?P<name>.+) \(\d+\)")
_GRADESCOPE_MAXIMUM = " - Max Points"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


@dataclass(frozen=True)
class Site:
    """How a course site lays its table out; all names of columns are in small letters.

    `needed` are columns that only this site's tables have together. `internal` is the column of the number by which its
    downloads call a person or a submission, `ids`, `emails` and `names` are those by which anybody may be known.
    `grade_columns` finds the columns that grades may stand in, by their names; `maximum_of` the column of a grade's
    maximum, "" where it stands in the row MAXIMA.
    """

    name: str
    needed: frozenset[str]
    internal: str
    ids: tuple[str, ...]
    emails: tuple[str, ...]
    names: tuple[str, ...]
    grade_columns: Callable[[Sequence[str]], list[str]]
    maximum_of: Callable[[str], str]
    locked: str = ""
    comments: str = ""


MAXIMA = "points possible"
"""What Canvas writes in place of a name in the row of maxima."""
TEST = "student, test"
"""How it calls the student whom teachers play."""
_KEPT = ("ex", "n/a")
"""Grades that Canvas shows of who is excused."""

SITES = (
    Site(
        "canvas",
        frozenset({"student", "id", "section"}),
        "id",
        ("sis user id", "sis login id", "integration id"),
        (),
        ("student",),
        lambda header: [name for name in header if _CANVAS_ASSIGNMENT.fullmatch(name)],
        lambda grade: "",
    ),
    Site(
        "moodle",
        frozenset({"identifier", "grade"}),
        "identifier",
        ("id number", "username"),
        ("email address",),
        ("full name",),
        lambda header: ["grade"],
        lambda grade: "maximum grade",
        locked="grade can be changed",
        comments="feedback comments",
    ),
    Site(
        "gradescope",
        frozenset({"total score", "max points", "email"}),
        "submission id",
        ("sid",),
        ("email",),
        ("name",),
        lambda header: ["total score"],
        lambda grade: "max points",
    ),
    Site(
        "gradescope",
        frozenset({"sid", "email", "total lateness (h:m:s)"}),
        "",
        ("sid",),
        ("email",),
        ("name",),
        lambda header: [name for name in header if f"{name}{_GRADESCOPE_MAXIMUM.lower()}" in header],
        lambda grade: f"{grade}{_GRADESCOPE_MAXIMUM.lower()}",
    ),
)


@dataclass(frozen=True)
class Row:
    """Somebody in the table: the row's place, and the ways in which the site calls them, the surest first.

    `maximum` is that of the grade, None where the table does not say; `kept` why the grade must stay, "" where not.
    """

    place: int
    who: str
    internal: str
    ids: tuple[str, ...]
    emails: tuple[str, ...]
    names: tuple[str, ...]
    maximum: float | None
    kept: str


@dataclass(frozen=True)
class CourseTable:
    """A site's table: its cells, whose rows they are, and the columns of the grade and of comments, None for none."""

    site: Site
    cells: RawCsv
    title: str
    grade: int
    comments: int | None
    rows: tuple[Row, ...]
    comma: bool

    def number(self, points: str) -> str:
        """A number as the table writes it: with the comma, where that is its decimal mark."""
        return points.replace(".", ",") if self.comma else points


def read_table(path: Path, column: str | None, maximum: float | None = None, *, scale: bool = False) -> CourseTable:
    """The table in this file; `column` is the grade's, else the only one, or that of the maximum, unless we `scale`.

    Raises UsageError for what no site exports, and where the column is not to be told.
    """
    name, cells = str(path), read_csv(path, str(path))
    titles = [cells.value(0, place) for place in range(len(cells.rows[0]))] if cells.rows else []
    header = [*map(_plain, titles)]
    site = _told(cells, header, name, column)
    for row, some in enumerate(cells.rows):
        if len(some) > len(header):  # a grade would come to stand in another column
            raise UsageError(
                f"{name}, line {cells.lines[row]}: there are {len(some)} cells, and line 1 has {len(header)}; a text "
                "with a comma needs quotes around it."
            )
    twice = [title for title in site.needed if header.count(title) > 1]
    if twice:
        raise UsageError(f"{name}, line 1: there are two columns {twice[0]!r}.")
    maxima = _maxima(cells, header) if site.name == "canvas" else {}
    grade = _grade_column(site, header, titles, maxima, name, column, maximum, scale=scale)
    rows = _rows(site, cells, header, grade, maxima)
    comma = any("," in text for text in _numbers(site, cells, header, grade)) or "," in maxima.get(grade, "")
    comments = header.index(site.comments) if site.comments in header else None
    return CourseTable(site, cells, titles[grade], grade, comments, tuple(rows), comma)


def _told(cells: RawCsv, header: Sequence[str], name: str, column: str | None) -> Site:
    known = (site for site in SITES if site.needed <= {*header})
    if site := next(known, None) or _worksheet(cells, header, _plain(column or "")):
        return site
    raise UsageError(
        f"{name}, line 1: these are not the columns of a table of Canvas (Student, ID, Section), of Moodle "
        "(Identifier, Grade) or of Gradescope (Email, Total Score, Max Points). For a table of your own take grades.csv"
        " in the class's folder; of Moodle's worksheet in another language, --column names the column of the grades."
    )


def _worksheet(cells: RawCsv, header: Sequence[str], grade: str) -> Site | None:
    """The layout of Moodle's worksheet with this header in another language; None for any other table.

    `grade` is the title of the column of grades where somebody names it: then the language may be any.
    """
    rows = [[cells.value(row, at).strip() for at in range(len(cells.rows[row]))] for row in range(1, len(cells.rows))]
    rows = [row for row in rows if any(row)]
    if len(header) < 3 or not rows or not _all(rows, 0, lambda cell: bool(_PERSON.fullmatch(cell))):
        return None
    told = next((place for place, title in enumerate(header) if title in CHANGEABLE), -1)
    place = told - 2 if told >= 0 else header.index(grade) if header.count(grade) == 1 else -1
    if place < 1 or not _all(rows, place, lambda cell: cell in _EMPTY or bool(_NUMBER.fullmatch(cell))):
        return None
    has_maximum = place + 1 < len(header) and _all(rows, place + 1, lambda cell: bool(_NUMBER.fullmatch(cell)))
    if not has_maximum and told >= 0:  # a scale in place of points
        return None
    emails = [at for at in range(1, len(header)) if _all(rows, at, lambda cell: "@" in cell and " " not in cell)]
    return Site(
        "moodle",
        frozenset((header[0], header[place])),
        header[0],
        (),
        tuple(header[at] for at in emails[:1]),
        tuple(title for title in header if title in FULL_NAMES)[:1],
        lambda header: [header[place]],
        lambda grade: header[place + 1] if has_maximum else "",
        locked=header[told] if told >= 0 else "",
        comments=next((title for title in header if title in COMMENTS), ""),
    )


def _plain(title: str) -> str:
    return " ".join(title.split()).casefold()


def _maxima(cells: RawCsv, header: Sequence[str]) -> dict[int, str]:
    """Of each column what stands in Canvas's row of maxima."""
    student, number = header.index("student"), header.index("id")
    for row in range(1, len(cells.rows)):
        # Somebody may call themselves so; the row of maxima has no number.
        if _plain(cells.value(row, student)) == MAXIMA and not cells.value(row, number).strip():
            return {place: cells.value(row, place).strip() for place in range(len(header))}
    return {}


def _grade_column(
    site: Site,
    header: Sequence[str],
    titles: Sequence[str],
    maxima: Mapping[int, str],
    name: str,
    column: str | None,
    maximum: float | None,
    *,
    scale: bool,
) -> int:
    candidates = [place for place, title in enumerate(header) if title in set(site.grade_columns(header))]
    candidates = [place for place in candidates if "read only" not in maxima.get(place, "")]
    points = {place: points_of(maxima.get(place, "")) for place in candidates}
    of = {place: f" of {points_text(number)} points" for place, number in points.items() if number}
    listed = ", ".join(f"{titles[place]!r}{of.get(place, '')}" for place in candidates) or "none"
    if column is not None:
        wanted = _plain(column)
        found = [place for place in candidates if header[place] == wanted]
        found = found or [place for place in candidates if _without_number(header[place]) == wanted]
        if len(found) == 1:
            return found[0]
        problem = "more than one column" if found else "no column"
        raise UsageError(f"{name}, line 1: {problem} for grades is called {column!r}; there are {listed}.")
    alike = [place for place in candidates if maximum and points[place] == maximum and not scale]
    found = alike if candidates[1:] else candidates
    if len(found) != 1:
        worth = "" if maximum is None else f"the rubric is worth {points_text(maximum)} points; "
        raise UsageError(f"{name}, line 1: {worth}name the column for the grades by --column: there are {listed}.")
    return found[0]


def _without_number(title: str) -> str:
    """The name of an assignment without the number that Canvas writes behind it."""
    match = _CANVAS_ASSIGNMENT.fullmatch(title)
    return match["name"] if match else title


def _rows(site: Site, cells: RawCsv, header: Sequence[str], grade: int, maxima: Mapping[int, str]) -> list[Row]:
    places = {title: place for place, title in reversed(list(enumerate(header)))}
    maximum = places.get(site.maximum_of(header[grade]))
    rows = []
    for number in range(1, len(cells.rows)):

        def say(title: str, row: int = number) -> str:
            return cells.value(row, places[title]).strip() if title in places else ""

        names = tuple(filter(None, map(say, site.names)))
        full = f"{say('first name')} {say('last name')}".strip()
        names = names or ((full,) if full else ())
        ids = tuple(filter(None, map(say, site.ids)))
        emails = tuple(filter(None, map(say, site.emails)))
        who = next(filter(None, (*names, *emails, *ids, say(site.internal))), "")
        if _plain(who) in ("", TEST) or (_plain(who) == MAXIMA and not say(site.internal)):
            continue
        largest = cells.value(number, maximum) if maximum is not None else maxima.get(grade, "")
        kept = _kept(site, cells.value(number, grade), say(site.locked), largest)
        rows.append(Row(number, who, say(site.internal), ids, emails, names, points_of(largest), kept))
    known = {row.maximum for row in rows if row.maximum is not None}
    return [replace(row, maximum=max(known)) for row in rows] if len(known) == 1 else rows


def _kept(site: Site, grade: str, changeable: str, maximum: str) -> str:
    """Why a grade must stay as it is; "" where it need not."""
    if _plain(grade) in _KEPT:
        return f"the table says {grade.strip()}"
    if _plain(changeable) in NO:
        return "the table says that the grade cannot be changed"
    if maximum.strip() and points_of(maximum) is None:
        return f"the maximum {maximum.strip()!r} is no number"
    return ""


def _numbers(site: Site, cells: RawCsv, header: Sequence[str], grade: int) -> list[str]:
    """The grades and maxima in the table, which show how it writes numbers."""
    places = [place for place, title in enumerate(header) if title == site.maximum_of(header[grade])]
    texts = [cells.value(row, place).strip() for row in range(1, len(cells.rows)) for place in (grade, *places)]
    return [text for text in texts if _NUMBER.fullmatch(text)]


def points_of(text: str) -> float | None:
    """A number of points as a site writes it, with a point or a comma; None for what is none."""
    stripped = text.strip()
    return float(stripped.replace(",", ".")) if _NUMBER.fullmatch(stripped) else None
