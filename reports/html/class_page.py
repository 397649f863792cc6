"""The page of a class: what needs a human look, mistakes, everybody's points and who made them, in one HTML file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from reports.html.class_table import Table, class_table
from reports.html.template import markup, template
from reports.model.fixes import Fix
from reports.model.numbers import points_text
from reports.model.parts import Parts
from reports.model.phrases import capitalised
from reports.model.points import is_unjudged_zero
from reports.model.verdicts import FAILING, Verdict
from reports.model.words import mistake_or_verdict
from reports.pictures.classes import attempts_line, items_chart, points_chart

if TYPE_CHECKING:
    import pandas as pd

_BEFORE_ITEMS, _AFTER_ITEMS = "edition", "total"
_MISTAKE = ["submission", "diagnosis", "part", "verdict", "quantity"]


@dataclass(frozen=True)
class Who:
    """A submission as the page names it: `link` is "" where it has no page."""

    name: str
    link: str


class Made(NamedTuple):
    """A mistake that somebody made: the label of its part, and what the page calls it."""

    part: str
    text: str


_MOST_UNWRITTEN = 2
"""Parts that are named where they are not implemented; more are counted."""


@dataclass(frozen=True)
class About:
    """What the class answered and by which rubric: `maxima` are the points of each item, `facts` stand in the foot.

    `alike` is the link to the page that shows those who are alike side by side, "" for none.
    """

    title: str = "a class"
    maxima: Mapping[str, float] = field(default_factory=dict)
    facts: Sequence[tuple[str, str]] = ()
    alike: str = ""


def class_page(
    grades: pd.DataFrame,
    items: pd.DataFrame,
    flags: pd.DataFrame,
    mistakes: pd.DataFrame,
    *,
    parts: Parts,
    people: Mapping[str, Who],
    about: About | None = None,
    anonymous: bool = False,
    fixes: Sequence[tuple[str, Fix]] = (),
    before: Mapping[str, Sequence[float]] | None = None,
) -> str:
    """The page of a class as a whole HTML document.

    `grades` has a row for each who handed in: submission, student, late, edition, the points of each item, total,
    maximum, status. `items` has a row for each item: item, asked, right, partly, none, not_judged, undecided. `flags`
    says what needs a human look: submission, kind, why, nameless. `mistakes` has the columns submission, check,
    diagnosis, part, quantity, verdict and explained_by of all records. `people` says how each submission is named and
    where its page is. An `anonymous` page shows nothing else of who they are. `fixes` are those that were found, with
    whose they are. `before` has the points that earlier attempts of a submission earned.
    """
    about = about or About()
    columns = [str(name) for name in grades.columns]
    names = columns[columns.index(_BEFORE_ITEMS) + 1 : columns.index(_AFTER_ITEMS)]
    empty = flags.loc[flags["kind"] == "nothing to run", "submission"]  # the flag says why
    made = mistakes_by_submission(mistakes[~mistakes["submission"].isin(empty)], parts)
    each = grades.drop_duplicates("submission")  # a group is one submission of several people
    totals = [float(total) for total in each["total"] if total == total]
    maximum = max((float(m) for m in grades["maximum"] if m == m), default=0.0)
    return template("class.html").render(
        title=f"Parity: {about.title}",
        heading=capitalised(about.title),
        verdict=_verdict(len(each), totals, maximum, sum(map(is_unjudged_zero, each.to_dict("records")))),
        flagged=[
            (kind, sum(len(some) for some, _ in lines), lines)
            for kind, lines in _flagged(flags, people, anonymous).items()
        ],
        table=_table(grades, names, maximum, made, people, about, anonymous, before or {}),
        histogram=markup(points_chart(totals, maximum)),
        bars=markup(items_chart(items)),
        items=[
            (row["item"], *(int(row[name]) for name in ("asked", "right", "partly", "none", "not_judged", "undecided")))
            for row in items.to_dict("records")
        ],
        fixes=[(f"{people[name].name}, {parts.label(fix.part)}", fix) for name, fix in fixes if name in people],
        whose=True,
        anonymous=anonymous,
        alike=about.alike,
        facts=about.facts,
    )


def codes(names: Sequence[str], secret: str) -> dict[str, str]:
    """A code for each name: the same whenever the secret is, and nothing to learn the name from without it."""
    key = secret.encode()[:64]
    return {
        name: hashlib.blake2b(name.encode("utf-8", "backslashreplace"), key=key, digest_size=4).hexdigest()
        for name in names
    }


def mistakes_by_submission(records: pd.DataFrame, parts: Parts) -> dict[str, list[Made]]:
    """What each submission got wrong, each mistake once: its part, and its name or what is seen of it.

    What cannot be imported has none: it is flagged. What is not implemented has nothing that is wrong. Of what has no
    name a part has one, the first, and none beside one that has.
    """
    made: dict[str, dict[Made, None]] = {}
    wrong = records[records["verdict"].isin(FAILING - {Verdict.HARNESS_ERROR}) & (records["explained_by"] == "")]
    wrong = wrong[~wrong["submission"].isin(wrong.loc[wrong["check"] == "import", "submission"])]
    told = wrong.drop_duplicates(_MISTAKE).to_dict("records")
    absent: dict[str, set[str]] = {}
    for row in told:
        if row["verdict"] == Verdict.MISSING:
            absent.setdefault(str(row["submission"]), set()).add(str(row["part"]))
    told.sort(key=lambda row: not row["diagnosis"])  # what has a name comes before what has none
    known = set[tuple[str, str]]()
    for row in told:
        name, part = str(row["submission"]), str(row["part"])
        is_absent, count = part in absent.get(name, ()), len(absent.get(name, ()))
        if (not row["diagnosis"] and (name, part) in known) or (is_absent and row["verdict"] != Verdict.MISSING):
            continue
        known.add((name, part))
        what = mistake_or_verdict(row["quantity"], row["verdict"], row["diagnosis"])
        label = parts.label(part)
        text = f"{count} parts are not implemented" if is_absent and count > _MOST_UNWRITTEN else f"{label}: {what}"
        made.setdefault(name, {})[Made(label, text)] = None
    return {name: list(mistakes) for name, mistakes in made.items()}


def _table(
    grades: pd.DataFrame,
    names: Sequence[str],
    maximum: float,
    made: Mapping[str, Sequence[Made]],
    people: Mapping[str, Who],
    about: About,
    anonymous: bool,
    before: Mapping[str, Sequence[float]],
) -> Table:
    rows: list[dict[str, Any]] = [{str(key): value for key, value in row.items()} for row in grades.to_dict("records")]
    if anonymous:  # the order of names tells something of them
        rows.sort(key=lambda row: people[str(row["submission"])].name)
        for row in rows:
            row["student"] = ""
    return class_table(
        rows,
        names,
        maxima={**about.maxima, "total": maximum},
        people={name: (who.name, who.link) for name, who in people.items()},
        mistakes={name: [(mistake.part, mistake.text) for mistake in some] for name, some in made.items()},
        attempts={
            name: markup(attempts_line([*before.get(name, ()), float(row["total"])], maximum))
            for row in rows
            if (name := str(row["submission"])) in before and row["total"] == row["total"]
        },
    )


def _flagged(flags: pd.DataFrame, people: Mapping[str, Who], anonymous: bool) -> dict[str, list[tuple[list[Who], str]]]:
    """Who is flagged and why, by the kind of flag, in their order; those of one reason are one line: a cluster, say."""
    alike: dict[tuple[str, str, str], list[Who]] = {}
    for row in flags.to_dict("records"):
        # Somebody who handed in nothing has no code.
        unknown = Who("somebody" if anonymous else str(row["submission"]), "")
        who = people.get(str(row["submission"]), unknown)
        nameless = str(row.get("nameless", ""))  # a class that was graded by an earlier version has none
        shown = nameless or ("" if anonymous else str(row["why"]))
        some = alike.setdefault((str(row["kind"]), nameless or str(row["why"]), shown), [])
        if who not in some or unknown is who:
            some.append(who)
    flagged: dict[str, list[tuple[list[Who], str]]] = {}
    for (kind, _, shown), some in alike.items():
        flagged.setdefault(kind, []).append((sorted(some, key=lambda who: who.name), shown))
    for lines in flagged.values():
        lines.sort(key=lambda line: line[0][0].name)
    return flagged


def _verdict(count: int, totals: Sequence[float], maximum: float, zeros: int) -> str:
    """The first sentence; of so many `zeros` nothing was judged."""
    if not totals:
        return f"{count} submissions, none of them with a grade."
    mean = sum(totals) / len(totals)
    share = "" if maximum in (0, 100) else f" ({100 * mean / maximum:.1f} %)"
    unjudged = f", {zeros} of them 0 since nothing could be judged" if zeros else ""
    points = f"{mean:.1f} of {points_text(maximum)} points{share}"
    return f"{len(totals)} of {count} submissions have a grade{unjudged}: the mean is {points}."
