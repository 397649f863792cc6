"""The page of one submission: one HTML file that asks nobody for anything and is readable without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.html.cards import LONGEST, Card, CardMaker
from reports.html.drift import drift_of
from reports.html.quantity_rows import quantity_rows
from reports.html.template import facts, markup, template
from reports.model.fixes import from_rows
from reports.model.folding import entries, label_of, where_seen
from reports.model.for_student import WITHHELD
from reports.model.groups import grouped
from reports.model.numbers import number, points_text
from reports.model.phrases import capitalised, shortened
from reports.model.points import ItemPoints, Points
from reports.model.reasons import causes_of, late_sentence, reason, total_text
from reports.model.records import Record, failing
from reports.model.run import Results, parts_of
from reports.model.summary import PartSummary, part_summaries
from reports.model.verdicts import row_of
from reports.model.words import GLOSSARY, headline, verdict_of
from reports.pictures.ratios import ratios_charts

_OUTPUT = 4000
"""The most bytes of what the submission printed."""


def report_page(
    run: Results,
    *,
    strict: bool = False,
    scripts: Mapping[str, str] | None = None,
    folder: str = "parity-run",
    who: str = "",
    points: Points | None = None,
    links: Sequence[tuple[str, str]] = (),
    less: bool = False,
    comments: Sequence[str] = (),
) -> str:
    """The page of a run as a whole HTML document.

    `scripts` has a reproduction for "<case>/<quantity>"; `folder` is the run's, for the commands that the page shows.
    In a class `who` handed it in, `points` are what it earned, and `links`, each with its words, stand on top. `less`
    says that it tells less than was recorded, `comments` are what a human says of it.
    """
    groups = grouped(run.records, strict)
    maker = CardMaker(run, scripts or {}, folder)
    sections = [
        ("Discrepancies", maker.cards(groups.discrepancies)),
        ("Notes that count as discrepancies (--strict)", maker.cards(groups.costly_notes)),
        ("Parity’s own faults: the submission is not to blame", maker.cards(groups.faults)),
        ("Undecided: a warning that costs nothing", maker.cards(groups.undecided)),
    ]
    cards = [card for _, some in sections for card in some]
    fails = any(failing(record, strict) for record in run.records)
    verdict, more, undecided = verdict_of(run, strict)
    warning = f"{undecided} undecided: see the warnings below." if undecided else ""
    wide, narrow = ratios_charts(run)
    return template("report.html").render(
        title=f"Parity: {who or (run.records[0].submission if run.records else '')}",
        who=who,
        links=links,
        fails=fails,
        verdict=verdict,
        more=" ".join(filter(None, (more, warning))),
        comments=comments,
        less=WITHHELD if less else "",
        total="" if points is None else _total(points),
        late="" if points is None or points.late is None else late_sentence(points, points.late),
        headline=headline(run) if run.records else "",
        first=cards[0] if fails and cards else None,
        strip=[_strip_row(part, cards) for part in part_summaries(run, strict)],
        points=[] if points is None else _point_rows(points, run),
        groups=[(title, some) for title, some in sections if some],
        fixes=[(parts_of(run).label(fix.part), fix) for fix in from_rows(run.environment.fixes)],
        whose=False,
        drift=drift_of(run.environment.drift),
        wide=markup(wide),
        narrow=markup(narrow),
        quantities=len(run.records),
        quantity_rows=quantity_rows(run),
        notes=_note_rows(groups.free_notes, run),
        output=_printed(run.output),
        environment=facts(run.environment),
        glossary=GLOSSARY.items(),
    )


def _total(points: Points) -> str:
    if points.total is None:
        return "No grade yet: Parity itself failed while it looked at this submission."
    return total_text(points)


def _point_rows(points: Points, run: Results) -> list[dict[str, str]]:
    causes, parts = causes_of(run.records), parts_of(run)
    return [
        {
            "name": item.name,
            "points": _item_points(item),
            "why": capitalised(reason(item, causes, parts)),
            "style": "" if item.points == item.maximum else "lost",
        }
        for item in points.items
        if item.asked
    ]


def _item_points(item: ItemPoints) -> str:
    return "–" if item.maximum is None else f"{points_text(item.points)} of {points_text(item.maximum)}"


def _strip_row(part: PartSummary, cards: Sequence[Card]) -> dict[str, Any]:
    """A part in the strip and in the table; `target` is the first card about it or, where it has none, its row."""
    card = next((card for card in cards if part.id in card.parts), None)
    return {
        "id": part.id,
        "label": part.label,
        "title": part.title,
        "verdict": part.verdict,
        "sign": row_of(part.verdict).sign,
        "agree": part.agree,
        "total": part.total,
        "waiting": part.waiting,
        "ratio": number(part.ratio),
        "largest": part.largest,
        "target": card.name if card else f"part-{part.id}",
    }


def _note_rows(notes: Sequence[Record], run: Results) -> list[tuple[str, str, str]]:
    return [
        (label_of(entry, run), shortened(entry.sentence, LONGEST), where_seen(entry, run))
        for entry in entries(notes, run)
    ]


def _printed(output: bytes) -> str:
    text = output[:_OUTPUT].decode("utf-8", "backslashreplace")
    return text + (f"\n… and {len(output) - _OUTPUT} more bytes" if len(output) > _OUTPUT else "")
