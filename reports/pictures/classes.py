"""The pictures of a class: a histogram of points, and for each item how many have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reports.model.escape import printable
from reports.model.numbers import points_text
from reports.pictures.svg import hatched, new_chart, svg_of

if TYPE_CHECKING:
    import pandas as pd

_WIDTH = 460
"""Pixels: what is written in it can be read on a telephone, where it is not much smaller."""
_BINS = 10
_PRINTED: dict[str, Any] = {"print_values": True, "print_zeroes": False, "formatter": "{:.0f}".format}
"""How many a bar stands for is written on it: nobody has to point at it."""


def points_chart(totals: Sequence[float], maximum: float) -> str:
    """A histogram of points in ten bins, and beside them those who have all points; "" where nobody has any."""
    import pygal

    if not totals or maximum <= 0:
        return ""
    bins = [0] * (_BINS + 1)
    for total in totals:
        bins[_BINS if total >= maximum else min(max(int(total / maximum * _BINS), 0), _BINS - 1)] += 1
    width = maximum / _BINS
    labels = [f"{points_text(n * width)}–{points_text((n + 1) * width)}" for n in range(_BINS)]
    labels.append(f"all {points_text(maximum)}")
    chart = new_chart(pygal.Bar, "points", "points", (_WIDTH, 300), show_legend=False, x_label_rotation=35, **_PRINTED)
    chart.x_labels = labels
    chart.y_labels = _counts(max(bins))
    chart.x_title, chart.y_title = "points", "submissions"
    chart.add("submissions", [{"value": n, "label": f"{label} points"} for n, label in zip(bins, labels, strict=True)])
    counts = ", ".join(f"{label}: {n}" for n, label in zip(bins, labels, strict=True) if n)
    return svg_of(
        chart, "Points", f"How many submissions have how many of {points_text(maximum)} points. {counts}.", legend=False
    )


def items_chart(items: pd.DataFrame) -> str:
    """For each item how many have all of it, some, none, or were not judged, as stacked bars; "" for nothing asked."""
    import pygal

    if not len(items) or not int(items["asked"].sum()):
        return ""
    rows = items.iloc[::-1]
    chart = new_chart(pygal.HorizontalStackedBar, "items", "items", (_WIDTH, 110 + 30 * len(items)), **_PRINTED)
    chart.config.legend_at_bottom_columns = 2
    chart.y_labels = _counts(int(items["asked"].max()))
    chart.x_labels = [printable(str(name)) for name in rows["item"]]
    words = {"right": "all right", "partly": "partly", "none": "none right", "not_judged": "not judged"}
    for column, word in words.items():
        chart.add(word, [{"value": int(n), "label": f"{word}: {int(n)}"} for n in rows[column]])
    described = (
        "For each item how many submissions have all of it, some of it, none, or were not judged; as in the table."
    )
    return hatched(svg_of(chart, "Items", described))


def _counts(most: int) -> range:
    """The numbers on an axis of people, of whom there are no parts."""
    return range(0, most + 1, max(1, most // 5))


_LINE_WIDTH, _LINE_HEIGHT, _LINE_EDGE = 48, 16, 3


def attempts_line(totals: Sequence[float], maximum: float) -> str:
    """The points of one's attempts as a small line, the first at the left; "" for a single attempt."""
    if len(totals) <= 1 or maximum <= 0:
        return ""
    step = (_LINE_WIDTH - 2 * _LINE_EDGE) / (len(totals) - 1)
    room = _LINE_HEIGHT - 2 * _LINE_EDGE
    dots = [
        (_LINE_EDGE + at * step, _LINE_EDGE + room * (1 - min(max(total / maximum, 0), 1)))
        for at, total in enumerate(totals)
    ]
    told = f"{len(totals)} attempts: {', '.join(map(points_text, totals))}"
    line, (x, y) = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots), dots[-1]
    return (
        f' <svg class="attempts" viewBox="0 0 {_LINE_WIDTH} {_LINE_HEIGHT}" role="img" aria-label="{told}">'
        f'<title>{told}</title><polyline points="{line}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2"/></svg>'
    )
