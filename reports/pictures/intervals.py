"""Intervals in rows on a logarithmic axis with a line at 1: how far each of many ratios spreads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.model.escape import printable
from reports.model.numbers import number, power_of_ten
from reports.pictures.svg import new_chart, svg_of

_ROW, _AROUND = 22, 90  # pixels


@dataclass(frozen=True)
class Interval:
    """One interval of the series `series` in the row `row`: its ends, its middle, and a value to mark beside it."""

    row: str
    series: str
    low: float
    middle: float
    high: float
    mark: float | None = None


def intervals_chart(style: str, title: str, intervals: Sequence[Interval], *, middle: str, mark: str) -> str:
    """The intervals in the order of their rows, those of a row beside one another; values of 0 are not drawn.

    `middle` and `mark` say what these are; charts.css has a `style` for one series ("targets") and for two ("spreads").
    """
    import pygal

    rows = list(dict.fromkeys(interval.row for interval in intervals))
    names = list(dict.fromkeys(interval.series for interval in intervals))
    chart = new_chart(
        pygal.XY,
        style,
        style,
        (900, _AROUND + _ROW * len(rows)),
        allow_interruptions=True,
    )
    values = [1.0, *(value for interval in intervals for value in _values(interval) if value > 0)]
    low, high = math.log10(min(values)) - 0.1, math.log10(max(values)) + 0.1
    chart.range, chart.xrange = (-0.6, len(rows) - 0.4), (low, high)
    chart.x_labels = [{"value": place, "label": label} for place, label in _ticks(low, high)]
    heights = {row: len(rows) - 1 - place for place, row in enumerate(rows)}
    chart.y_labels = [{"value": heights[row], "label": printable(row)} for row in rows]
    chart.add(None, [(0, -0.6), (0, len(rows) - 0.4)], stroke=True, show_dots=False)
    for place, name in enumerate(names):
        own = [interval for interval in intervals if interval.series == name]
        beside = 0.72 * ((place + 0.5) / len(names) - 0.5) if len(names) > 1 else 0.0
        _add_series(chart, own, {row: height - beside for row, height in heights.items()}, name, middle, mark)
    return svg_of(chart, title, f"{len(rows)} rows, as in the table that it is made of.")


def _values(interval: Interval) -> list[float]:
    mark = [] if interval.mark is None else [interval.mark]
    return [interval.low, interval.middle, interval.high, *mark]


def _add_series(
    chart: Any, intervals: Sequence[Interval], heights: dict[str, float], name: str, middle: str, mark: str
) -> None:
    """Three series of pygal's: the intervals as bars, their middles, and the marks."""
    bars: list[tuple[float, float] | None] = []
    middles: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for interval in intervals:
        height = heights[interval.row]
        if interval.low > 0:
            bars += [(math.log10(interval.low), height), (math.log10(interval.high), height), None]
        for value, word, dots in ((interval.middle, middle, middles), (interval.mark or 0.0, mark, marks)):
            if value > 0:
                label = printable(f"{interval.row}, {name}: {word} {number(value)}")
                dots.append({"value": (math.log10(value), height), "label": label})
    chart.add(None, bars, stroke=True, show_dots=False)
    chart.add(f"{name}: {middle}" if name else middle, middles)
    chart.add(f"{name}: {mark}" if name else mark, marks)


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Places on the axis and what stands there: powers of ten, and where there are few also 2 and 5 times them."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    factors = (1,) if len(powers) > 4 else (1, 2, 5)
    ticks = [
        (power + math.log10(factor), power_of_ten(power) if factor == 1 else f"{factor * 10.0**power:g}")
        for power in powers
        for factor in factors
    ]
    return [(place, label) for place, label in ticks if low <= place <= high]
