"""The page of one submission: one HTML file that asks nobody for anything and is readable without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from reports.html.cards import LONGEST, Card, CardMaker
from reports.html.template import escaped, facts, markup, style_of, template
from reports.model.baseline import MOVE, drifted, since
from reports.model.fixes import from_rows
from reports.model.folding import entries, label_of, where_seen
from reports.model.for_student import WITHHELD
from reports.model.groups import grouped
from reports.model.numbers import number
from reports.model.phrases import shortened
from reports.model.points import Points
from reports.model.reasons import late_sentence, not_counted, points_rows, total_text
from reports.model.records import Record, failing
from reports.model.run import Results, parts_of
from reports.model.summary import PartSummary, nothing_judged, nothing_to_run, part_summaries, shown_verdict
from reports.model.verdicts import NOTE, Verdict, row_of, word_of
from reports.model.words import glossary, headline, verdict_of
from reports.pictures.ratios import ratios_charts


def quantity_rows(run: Results) -> Any:
    """The rows, by part, as something that a template does not escape."""
    parts = parts_of(run)
    order = {part: (place, parts.label(part)) for place, part in enumerate(parts.within(run.records))}
    placed = sorted(((*order[record.part], record) for record in run.records), key=itemgetter(0))
    return markup(
        "\n".join(
            [
                f"{_names(label, record.case, record.quantity)}{_verdict(shown_verdict(record))}"
                f"{number(record.ratio)}</td></tr>"
                for _, label, record in placed
            ]
        )
    )


@lru_cache(maxsize=1 << 14)
def _names(label: str, case: str, quantity: str) -> str:
    return f"<tr><td>{escaped(label)}</td><td>{escaped(case)}</td><td>{escaped(quantity)}</td>"


@lru_cache(maxsize=64)
def _verdict(verdict: str) -> str:
    style = escaped(style_of(verdict))
    return f'<td class="word {style}">{escaped(word_of(verdict))}</td><td class="number">'


_MOST = 50
_NAMED = 5


@dataclass(frozen=True)
class DriftShown:
    """A sentence, the rows (case, quantity, was, is), and sentences on what came, what went, and the versions."""

    sentence: str
    moved: list[tuple[str, str, str, str]]
    more: list[str]


def drift_of(document: Mapping[str, Any] | None) -> DriftShown | None:
    """The drift that a run keeps, a document of `drift_document`; None where it was not asked for."""
    if document is None:
        return None
    moved = [row for row in _list(document, "moved") if isinstance(row, Mapping)]
    rows = [
        (str(row.get("case", "")), str(row.get("quantity", "")), _number(row.get("was")), _number(row.get("is")))
        for row in moved
    ]
    more = [f"And {len(rows) - _MOST} more have moved."] if len(rows) > _MOST else []
    for key, words in (("new", "not in the baseline"), ("gone", "gone since")):
        names = list(map(str, _list(document, key)))
        if names:
            rest = f"; and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            more.append(f"{len(names)} {words}: {'; '.join(names[:_NAMED])}{rest}.")
    versions = document.get("versions")
    pairs = versions.items() if isinstance(versions, Mapping) else ()
    changed = {str(key): (str(pair[0]), str(pair[1])) for key, pair in pairs if _is_pair(pair)}
    more += since(changed)
    what = drifted(document) or f"No ratio has moved by more than {MOVE} against {document.get('baseline', '')}."
    return DriftShown(what, rows[:_MOST], more)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    return value if isinstance(value, list) else []


def _number(value: Any) -> str:
    return number(float(value)) if isinstance(value, int | float) else str(value)


_MOST_TILES = 12
"""Parts that have a tile each; of more those that are right are a line of names."""
_OUTPUT = 4000
"""The most bytes of what the submission printed."""


def report_page(
    run: Results,
    *,
    strict: bool = False,
    scripts: Mapping[str, str] | None = None,
    who: str = "",
    points: Points | None = None,
    links: Sequence[tuple[str, str]] = (),
    less: bool = False,
    comments: Sequence[str] = (),
) -> str:
    """The page of a run as a whole HTML document.

    `scripts` has a reproduction for "<case>/<quantity>". In a class `who` handed it in, `points` are what it earned,
    and `links`, each with its words, stand on top. `less` says that it tells less than was recorded, `comments` are
    what a human says of it.
    """
    groups = grouped(run.records, strict)
    maker = CardMaker(run, scripts or {})
    sections = [
        ("Discrepancies", [] if nothing_to_run(run.records) else maker.cards(groups.discrepancies)),
        ("Notes that count as discrepancies (--strict)", maker.cards(groups.costly_notes)),
        ("Parity’s own faults: the submission is not to blame", maker.cards(groups.faults)),
        ("Undecided: a warning that costs nothing", maker.cards(groups.undecided)),
    ]
    cards = [card for _, some in sections for card in some]
    fails = any(failing(record, strict) for record in run.records)
    verdict, more, undecided = verdict_of(run, strict)
    warning = f"{undecided} undecided: see the warnings below." if undecided else ""
    summaries, environment = part_summaries(run, strict), run.environment
    wide, narrow = ratios_charts(run, summaries)
    strip = [_strip_row(part, cards) for part in summaries]
    many = len(strip) > _MOST_TILES
    judged = not nothing_judged(run.records)
    return template("report.html").render(
        title=f"Parity: {who or (run.records[0].submission if run.records else '')}",
        who=who,
        links=links,
        fails=fails,
        verdict=verdict,
        more=" ".join(filter(None, (more, warning))),
        comments=comments,
        less=WITHHELD if less and any(card.verdict != Verdict.MISSING for card in cards) else "",
        total="" if points is None else total_text(points),
        late="" if points is None or points.late is None else late_sentence(points, points.late),
        headline=headline(run) if run.records else "",
        title_of_all=environment.assignment_title or "",
        first=cards[0] if fails and cards and cards[0].relation + cards[0].diagnosis else None,
        judged=judged,
        strip=strip,
        waiting=any(row["waiting"] for row in strip),
        tiles=[row for row in strip if not (many and row["right"])],
        chips=[row for row in strip if many and row["right"]],
        points=[] if points is None else points_rows(points, run),
        null_note="" if points is None else f" {not_counted(points)}".rstrip(),
        groups=[(title, some) for title, some in sections if some],
        fixes=[(parts_of(run).label(fix.part), fix) for fix in from_rows(environment.fixes)],
        whose=False,
        drift=drift_of(environment.drift),
        wide=markup(wide),
        narrow=markup(narrow),
        no_ratio=[record.verdict for record in run.records if record.ratio is None].count(Verdict.MISMATCH),
        quantities=len(run.records),
        quantity_rows=quantity_rows(run),
        notes=_note_rows(groups.free_notes, run),
        output=_printed(run.output),
        environment=facts(environment),
        glossary=glossary({shown_verdict(r) for r in run.records} | {NOTE for r in run.records if r.note}),
    )


def _strip_row(part: PartSummary, cards: Sequence[Card]) -> dict[str, Any]:
    """A part in the strip and in the table; `target` is the first card about it or, where it has none, its row."""
    card = next((card for card in cards if part.id in card.parts), None)
    return {
        "id": part.id,
        "label": part.label,
        "title": part.title,
        "verdict": part.verdict,
        "sign": row_of(part.verdict).sign,
        "right": part.right and part.verdict != Verdict.UNDECIDED,
        "agree": part.agree,
        "total": part.total,
        "waiting": part.waiting,
        "ratio": number(part.ratio),
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
