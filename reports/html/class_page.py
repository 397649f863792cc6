"""The page of a class: points, items, mistakes and who made them, and what needs a human look, in one HTML file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports.html.charts import items_chart, points_chart
from reports.html.run_page import markup, template
from reports.model.records import FAILING

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
    looks: pd.DataFrame,
    mistakes: pd.DataFrame,
    *,
    people: Mapping[str, Who],
    anonymous: bool = False,
) -> str:
    """The page of a class as a whole HTML document.

    `grades` is the frame of `parity_tests.grading.points.grades_frame`, `items` that of
    `parity_tests.grading.class_table.ClassTable`, `looks` that of `look_frame`; `mistakes` has the columns
    submission, diagnosis, part, quantity, verdict and explained_by of all records. `people` says how each submission
    is named and where its page is. An `anonymous` page shows nothing else of who they are.
    """
    columns = [str(name) for name in grades.columns]
    names = columns[columns.index(_BEFORE_ITEMS) + 1 : columns.index(_AFTER_ITEMS)]
    found = mistakes_by_submission(mistakes)
    totals = [float(total) for total in grades["total"] if total == total]
    maximum = max((float(m) for m in grades["maximum"] if m == m), default=0.0)
    looked: dict[str, list[tuple[Who, str]]] = {}
    by: dict[str, str] = {name: who.name for name, who in people.items()}
    order = [
        (str(row["kind"]), by.get(str(row["submission"]), ""), n) for n, row in enumerate(looks.to_dict("records"))
    ]
    for row in looks.iloc[[n for *_, n in sorted(order)]].to_dict("records"):
        # The sentence of a look may name others; somebody who handed in nothing has no code.
        nobody = Who("somebody" if anonymous else str(row["submission"]), "")
        why = "" if anonymous else str(row["why"])
        looked.setdefault(str(row["kind"]), []).append((people.get(str(row["submission"]), nobody), why))
    return template("class.html").render(
        title="Parity: a class",
        verdict=_verdict(len(grades), totals, maximum),
        looked=list(looked.items()),
        histogram=markup(points_chart(totals, maximum)),
        bars=markup(items_chart(items)),
        items=[
            (row["item"], *(int(row[name]) for name in ("asked", "right", "partly", "none", "undecided")))
            for row in items.to_dict("records")
        ],
        mistakes=_by_frequency(found, people),
        names=names,
        rows=_in_order([_row(row, names, people, found, anonymous) for row in grades.to_dict("records")], anonymous),
        anonymous=anonymous,
    )


def codes(names: Sequence[str], secret: str) -> dict[str, str]:
    """A code for each name: the same whenever the secret is, and nothing to learn the name from without it."""
    key = secret.encode()[:64]
    return {
        name: hashlib.blake2b(name.encode("utf-8", "backslashreplace"), key=key, digest_size=4).hexdigest()
        for name in names
    }


def mistakes_by_submission(records: pd.DataFrame) -> dict[str, list[str]]:
    """What each submission got wrong, each mistake once, by its name or, where it has none, by its TODO."""
    found: dict[str, dict[str, None]] = {}
    wrong = records[records["verdict"].isin(FAILING - {"harness_error"}) & (records["explained_by"] == "")]
    for row in wrong.drop_duplicates(_MISTAKE).to_dict("records"):
        where = f"TODO {row['part']}" if str(row["part"]).isdecimal() else str(row["part"])
        plain = f"{row['quantity']} is off" if row["verdict"] == "mismatch" else str(row["verdict"])
        found.setdefault(str(row["submission"]), {})[f"{where}: {row['diagnosis'] or plain}"] = None
    return {name: list(said) for name, said in found.items()}


def _by_frequency(found: Mapping[str, Sequence[str]], people: Mapping[str, Who]) -> list[tuple[str, list[Who]]]:
    by: dict[str, list[Who]] = {}
    for name, said in found.items():
        for mistake in said:
            by.setdefault(mistake, []).append(people[name])
    ordered = [(mistake, sorted(who, key=lambda one: one.name)) for mistake, who in by.items()]
    return sorted(ordered, key=lambda item: (-len(item[1]), item[0]))


def _verdict(count: int, totals: Sequence[float], maximum: float) -> str:
    if not totals:
        return f"{count} submissions, none of them with a grade."
    mean = sum(totals) / len(totals)
    full = sum(total >= maximum for total in totals)
    return (
        f"{len(totals)} of {count} submissions have a grade: the mean is {mean:.1f} of {maximum:g} points, "
        f"from {min(totals):g} to {max(totals):g}; {full or 'none'} {'have' if full > 1 else 'has'} all."
    )


def _in_order(rows: list[dict[str, Any]], anonymous: bool) -> list[dict[str, Any]]:
    """The order of names tells something of them."""
    return sorted(rows, key=lambda row: str(row["who"].name)) if anonymous else rows


def _row(
    row: Mapping[Any, Any],
    names: Sequence[str],
    people: Mapping[str, Who],
    found: Mapping[str, Sequence[str]],
    anonymous: bool,
) -> dict[str, Any]:
    def text(key: str) -> str:
        value = row.get(key)
        return value if isinstance(value, str) else ""

    submission = str(row["submission"])
    said = found.get(submission, [])
    more = f"; and {len(said) - _SHOWN_WITH_EACH} more" if len(said) > _SHOWN_WITH_EACH else ""
    return {
        "who": people[submission],
        "student": "" if anonymous else text("student"),
        "late": text("late"),
        "points": [_points(row[name]) for name in names],
        "total": _points(row["total"]),
        "status": text("status"),
        "mistakes": "; ".join(said[:_SHOWN_WITH_EACH]) + more,
    }


def _points(value: Any) -> str:
    return "–" if value is None or value != value else f"{float(value):g}"
