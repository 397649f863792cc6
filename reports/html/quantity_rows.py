"""The rows of a page's largest table, every quantity with its ratio: what the picture shows, for who does not see it.

A template takes half the time of a page for them, so they are put together here. Names are the same on every page of a
class.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import Any

from reports.html.template import escaped, markup, style_of
from reports.model.numbers import number
from reports.model.run import Results, parts_of
from reports.model.summary import shown_verdict


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
    return f'<td class="word {style}">{escaped(verdict)}</td><td class="number">'
