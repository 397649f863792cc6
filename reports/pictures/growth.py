"""How something grows with the size of what is done: lines over sizes, which stand on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from reports.model.escape import printable
from reports.model.numbers import number, power_of_ten
from reports.pictures.line_legend import show_lines
from reports.pictures.svg import new_chart, svg_of

Point = tuple[float, float]
"""A size above 0, and a value."""

_MOST_SIZES = 8


def growth_chart(name: str, title: str, series: Mapping[str, Sequence[Point]]) -> str:
    """A line for each of `series`; the values stand on an axis from 0 up."""
    import pygal

    chart = new_chart(pygal.XY, name, "growth", (900, 260))
    values = [value for points in series.values() for _, value in points]
    chart.range = (0, max(values))
    chart.x_labels = _size_labels(sorted({size for points in series.values() for size, _ in points}))
    for label, points in series.items():
        dots = [
            {"value": (math.log10(size), value), "label": printable(f"{size:g}, {label}: {number(value)}")}
            for size, value in points
        ]
        chart.add(printable(label), dots, stroke=True)
    described = f"{', '.join(series)}, for each size."
    return svg_of(chart, title, described, finish=lambda root: show_lines(root, {}))


def _size_labels(sizes: Sequence[float]) -> list[dict[str, Any]]:
    """Labels of the axis: the sizes or, where they are many, a few powers of ten."""
    if len(sizes) <= _MOST_SIZES:
        return [{"value": math.log10(size), "label": f"{size:g}"} for size in sizes]
    first, last = math.ceil(math.log10(sizes[0])), math.floor(math.log10(sizes[-1]))
    every = math.ceil((last - first) / _MOST_SIZES) or 1
    return [{"value": power, "label": power_of_ten(power)} for power in range(first, last + 1, every)]
