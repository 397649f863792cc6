"""The page of one submission: one HTML file that asks nobody for anything and is readable without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.html.cards import LONGEST, Card, CardMaker
from reports.html.template import SIGNS, WRONG, facts, markup, template
from reports.model.folding import entries, label_of, where_seen
from reports.model.groups import grouped
from reports.model.numbers import number
from reports.model.phrases import shortened
from reports.model.records import Record, failing
from reports.model.run import Results
from reports.model.summary import PartSummary, part_summaries
from reports.model.words import GLOSSARY, headline, verdict_sentence
from reports.pictures.ratios import ratios_chart

_OUTPUT = 4000
"""The most bytes of what the submission printed."""


def report_page(
    run: Results, *, strict: bool = False, scripts: Mapping[str, str] | None = None, folder: str = "parity-run"
) -> str:
    """The page of a run as a whole HTML document.

    `scripts` has a reproduction for "<case>/<quantity>"; `folder` is the run's, for the commands that the page shows.
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
    verdict, _, more = verdict_sentence(run, strict).partition(". ")
    return template("report.html").render(
        title=f"Parity: {run.records[0].submission if run.records else ''}",
        fails=fails,
        verdict=verdict.rstrip(".") + ".",
        more=more.replace("see the warning above", "see the warnings below"),
        headline=headline(run) if run.records else "",
        first=cards[0] if fails and cards else None,
        strip=[_strip_row(part, cards) for part in part_summaries(run, strict)],
        groups=[(title, some) for title, some in sections if some],
        wide=markup(ratios_chart(run)),
        narrow=markup(ratios_chart(run, narrow=True)),
        notes=_note_rows(groups.free_notes, run),
        output=_printed(run.output),
        environment=facts(run.environment),
        glossary=GLOSSARY.items(),
    )


def _strip_row(part: PartSummary, cards: Sequence[Card]) -> dict[str, Any]:
    """A part in the strip and in the table; `target` is the first card about it or, where it has none, its row."""
    card = next((card for card in cards if card.part == part.label), None)
    return {
        "id": part.id,
        "label": part.label,
        "title": part.title,
        "verdict": part.verdict,
        "sign": SIGNS.get(part.verdict, WRONG),
        "agree": part.agree,
        "total": part.total,
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
