"""The page of a class: points, items, mistakes and who made them, and what needs a human look, in one HTML file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports.html.template import markup, template
from reports.model.numbers import points_text
from reports.model.parts import Parts
from reports.model.records import FAILING
from reports.model.words import mistake_or_verdict
from reports.pictures.classes import items_chart, points_chart

if TYPE_CHECKING:
    import pandas as pd

_BEFORE_ITEMS, _AFTER_ITEMS = "edition", "total"
_SHOWN_WITH_EACH = 3
_MISTAKE = ["submission", "diagnosis", "part", "verdict", "quantity"]


@dataclass(frozen=True)
class Who:
    """A submission as the page names it: `link` is "" where it has no page."""

    name: str
    link: str


def class_page(
    grades: pd.DataFrame,
    items: pd.DataFrame,
    flags: pd.DataFrame,
    mistakes: pd.DataFrame,
    *,
    parts: Parts,
    people: Mapping[str, Who],
    anonymous: bool = False,
) -> str:
    """The page of a class as a whole HTML document.

    `grades` has a row for each submission: submission, student, late, edition, the points of each item, total, maximum,
    status. `items` has a row for each item: item, asked, right, partly, none, undecided. `flags` says what needs a
    human look: submission, kind, why. `mistakes` has the columns submission, diagnosis, part, quantity, verdict and
    explained_by of all records. `people` says how each submission is named and where its page is. An `anonymous` page
    shows nothing else of who they are.
    """
    columns = [str(name) for name in grades.columns]
    names = columns[columns.index(_BEFORE_ITEMS) + 1 : columns.index(_AFTER_ITEMS)]
    made = mistakes_by_submission(mistakes, parts)
    totals = [float(total) for total in grades["total"] if total == total]
    maximum = max((float(m) for m in grades["maximum"] if m == m), default=0.0)
    rows = [_row(row, names, people, made, anonymous) for row in grades.to_dict("records")]
    if anonymous:  # the order of names tells something of them
        rows.sort(key=lambda row: str(row["who"].name))
    return template("class.html").render(
        title="Parity: a class",
        verdict=_verdict(len(grades), totals, maximum),
        flagged=list(_flagged(flags, people, anonymous).items()),
        histogram=markup(points_chart(totals, maximum)),
        bars=markup(items_chart(items)),
        items=[
            (row["item"], *(int(row[name]) for name in ("asked", "right", "partly", "none", "undecided")))
            for row in items.to_dict("records")
        ],
        mistakes=_by_frequency(made, people),
        names=names,
        rows=rows,
        anonymous=anonymous,
    )


def codes(names: Sequence[str], secret: str) -> dict[str, str]:
    """A code for each name: the same whenever the secret is, and nothing to learn the name from without it."""
    key = secret.encode()[:64]
    return {
        name: hashlib.blake2b(name.encode("utf-8", "backslashreplace"), key=key, digest_size=4).hexdigest()
        for name in names
    }


def mistakes_by_submission(records: pd.DataFrame, parts: Parts) -> dict[str, list[str]]:
    """What each submission got wrong, each mistake once: its part, and its name or what is seen of it."""
    made: dict[str, dict[str, None]] = {}
    wrong = records[records["verdict"].isin(FAILING - {"harness_error"}) & (records["explained_by"] == "")]
    for row in wrong.drop_duplicates(_MISTAKE).to_dict("records"):
        what = mistake_or_verdict(row["quantity"], row["verdict"], row["diagnosis"])
        made.setdefault(str(row["submission"]), {})[f"{parts.label(str(row['part']))}: {what}"] = None
    return {name: list(mistakes) for name, mistakes in made.items()}


def _flagged(flags: pd.DataFrame, people: Mapping[str, Who], anonymous: bool) -> dict[str, list[tuple[Who, str]]]:
    """Who is flagged and why, by the kind of flag, in the order of their names on the page."""
    # The sentence of a flag may name others; somebody who handed in nothing has no code.
    rows = [
        (
            str(row["kind"]),
            people.get(str(row["submission"]), Who("somebody" if anonymous else str(row["submission"]), "")),
            "" if anonymous else str(row["why"]),
        )
        for row in flags.to_dict("records")
    ]
    flagged: dict[str, list[tuple[Who, str]]] = {}
    for kind, who, why in sorted(rows, key=lambda row: (row[0], row[1].name)):
        flagged.setdefault(kind, []).append((who, why))
    return flagged


def _by_frequency(made: Mapping[str, Sequence[str]], people: Mapping[str, Who]) -> list[tuple[str, list[Who]]]:
    """Each mistake with those who made it, the commonest first."""
    who_made: dict[str, list[Who]] = {}
    for name, mistakes in made.items():
        for mistake in mistakes:
            who_made.setdefault(mistake, []).append(people[name])
    ordered = [(mistake, sorted(who, key=lambda one: one.name)) for mistake, who in who_made.items()]
    return sorted(ordered, key=lambda item: (-len(item[1]), item[0]))


def _verdict(count: int, totals: Sequence[float], maximum: float) -> str:
    if not totals:
        return f"{count} submissions, none of them with a grade."
    mean = sum(totals) / len(totals)
    share = "" if maximum in (0, 100) else f" ({100 * mean / maximum:.1f} %)"
    full = sum(total >= maximum for total in totals)
    return (
        f"{len(totals)} of {count} submissions have a grade: the mean is {mean:.1f} of {points_text(maximum)} points"
        f"{share}, from {points_text(min(totals))} to {points_text(max(totals))}; {_with_all(full)}."
    )


def _with_all(count: int) -> str:
    return f"{count or 'none'} {'have' if count > 1 else 'has'} all points"


def _row(
    row: Mapping[Any, Any],
    names: Sequence[str],
    people: Mapping[str, Who],
    made: Mapping[str, Sequence[str]],
    anonymous: bool,
) -> dict[str, Any]:
    def text(key: str) -> str:
        value = row.get(key)
        return value if isinstance(value, str) else ""

    submission = str(row["submission"])
    mistakes = made.get(submission, [])
    more = f"; and {len(mistakes) - _SHOWN_WITH_EACH} more" if len(mistakes) > _SHOWN_WITH_EACH else ""
    return {
        "who": people[submission],
        "student": "" if anonymous else text("student"),
        "late": text("late"),
        "points": [_points(row[name]) for name in names],
        "total": _points(row["total"]),
        "status": text("status"),
        "mistakes": "; ".join(mistakes[:_SHOWN_WITH_EACH]) + more,
    }


def _points(value: Any) -> str:
    return "–" if value is None or value != value else points_text(float(value))
