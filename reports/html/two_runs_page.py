"""The page of two runs side by side: part by part, what changed verdict, and what drifted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports.html.template import template
from reports.model.baseline import MOVE
from reports.model.numbers import number
from reports.model.phrases import shortened
from reports.model.run import Results, parts_of
from reports.model.summary import PartSummary, shown_verdict
from reports.model.two_runs import Change, TwoRuns, alike, change_text, comparison_sentence
from reports.model.verdicts import row_of
from reports.model.words import glossary, headline

_LONGEST = 1500
_MOST = 200


def two_runs_html(before: Results, after: Results, two: TwoRuns) -> str:
    """The page of a comparison as a whole HTML document."""
    parts = parts_of(after)
    sections = (("No longer agrees", two.worse), ("Agrees now", two.better), ("Another verdict", two.other))
    moved = two.drift.moved if two.drift is not None else []
    return template("two_runs.html").render(
        title="Parity: two runs",
        style_of_all="bad" if two.worse else "good" if two.compared else "plain",
        sign="✗" if two.worse else "✓" if two.compared else "–",
        verdict=comparison_sentence(two, parts),
        headlines=[("A", headline(before)), ("B", headline(after))],
        versions=[(name, was, now) for name, (was, now) in two.versions.items()],
        parts=[_part_row(was, now) for _, was, now in two.parts],
        sections=[
            (title, [_group(group, parts.label(group[0].kind[0])) for group in alike(some)])
            for title, some in sections
            if some
        ],
        exams=two.exams,
        move=MOVE,
        moved=[(m.case, m.quantity, number(m.was), number(m.now)) for m in moved[:_MOST]],
        more_moved=max(len(moved) - _MOST, 0),
        only=[(name, keys) for name, keys in (("A", two.only_before), ("B", two.only_after)) if keys],
        glossary=glossary(_verdicts(two)),
    )


def _verdicts(two: TwoRuns) -> set[str]:
    """The verdicts that the page shows."""
    sides = {side.verdict for _, *sides in two.parts for side in sides if side is not None}
    return sides.union(*(change.kind[1:3] for change in (*two.worse, *two.better, *two.other)))


def _part_row(was: PartSummary | None, now: PartSummary | None) -> dict[str, Any]:
    known = now or was
    assert known is not None
    both = was is not None and now is not None
    return {
        "label": known.label,
        "title": known.title,
        "sides": [_side(was), _side(now)],
        "changed": not both or (was and was.verdict) != (now and now.verdict),
    }


def _side(part: PartSummary | None) -> dict[str, str]:
    if part is None:
        return {"verdict": "not asked", "sign": "–", "agree": "", "ratio": ""}
    return {
        "verdict": part.verdict,
        "sign": row_of(part.verdict).sign,
        "agree": f"{part.agree} of {part.total}" if part.total else "",
        "ratio": number(part.ratio),
    }


def _group(group: Sequence[Change], label: str) -> dict[str, Any]:
    rows = [
        (
            change.now.case,
            change.now.quantity,
            shown_verdict(change.was),
            number(change.was.ratio),
            shown_verdict(change.now),
            number(change.now.ratio),
            shortened(change.now.message or change.was.message, _LONGEST),
        )
        for change in group[:_MOST]
    ]
    return {
        "part": label,
        "verdict": shown_verdict(group[0].now),
        "sign": row_of(shown_verdict(group[0].now)).sign,
        "text": change_text(group),
        "count": len(group),
        "rows": rows,
    }
