"""The pictures of a training trace: gap and radius of a few quantities over the steps, and the losses of both sides."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from reports.model.escape import printable
from reports.model.numbers import number, power_of_ten
from reports.model.records import FAILING, Record
from reports.model.run import Results
from reports.pictures.figure import figure
from reports.pictures.svg import new_chart, svg_of

if TYPE_CHECKING:
    import pandas as pd

Point = tuple[float, float]
"""A step and a value."""

_EXPLAINED = (
    "A solid line is the gap between submission and torch, the dashed one of its colour the radius: what rounding "
    "explains."
)
_MOST_POINTS = 150
_LINE_DOT = 1.5


@dataclass(frozen=True)
class Marks:
    """Steps to mark on a picture: where the sides part, and from where on the radius tells nothing."""

    divergence: int | None = None
    undecided: int | None = None


def trace_charts(run: Results, quantities: pd.DataFrame, steps: pd.DataFrame) -> list[tuple[str, str]]:
    """The name and the SVG of each picture of a trace, but for those with nothing to draw; the losses come last.

    `quantities` and `steps` are tables that the trace wrote. The run's environment says which quantities are drawn
    together.
    """
    marks = marks_of(run.records)
    charts = []
    for panel, names in run.environment.get("panels", {}).items():
        series = {name: quantities[quantities["quantity"] == name] for name in names} if len(quantities) else {}
        charts.append((panel, gaps_chart(panel, {name: rows for name, rows in series.items() if len(rows)}, marks)))
    charts.append(("losses", losses_chart(steps, marks)))
    return [(name, chart) for name, chart in charts if chart]


def trace_figure(run: Results, quantities: pd.DataFrame, steps: pd.DataFrame) -> str:
    """The same pictures as one SVG file."""
    environment = run.environment
    title = f"{PurePath(str(environment.get('submission', ''))).name}: {environment.get('setting', '')}"
    return figure(title, trace_charts(run, quantities, steps), _EXPLAINED)


def marks_of(records: Sequence[Record]) -> Marks:
    """The steps to mark of a trace with these records."""
    first = next((r for r in records if r.verdict in FAILING and not r.explained_by), None)
    undecided = next((r for r in records if r.verdict == "undecided"), None)
    return Marks(None if first is None else first.step, None if undecided is None else undecided.step)


def gaps_chart(name: str, series: Mapping[str, pd.DataFrame], marks: Marks) -> str:
    """Gap (solid) and radius (dashed) of each quantity over the steps on a logarithmic axis; "" with nothing to draw.

    `series` has the rows of each quantity, with the columns step, gap and radius; what is not above 0 is not drawn.
    """
    import pygal

    lines: list[tuple[str, list[Point]]] = []
    for quantity, rows in series.items():
        for column in ("gap", "radius"):
            points = [(step, math.log10(value)) for step, value in _points(rows, column) if 0 < value < math.inf]
            lines.append((f"{column} of {quantity}", points))
    values = [value for _, points in lines for _, value in points]
    if not values:
        return ""
    low, high = math.floor(min(values)), math.ceil(max(values))
    low, high = (low - 1, high) if low == high else (low, high)
    chart = new_chart(pygal.XY, name, "gaps", (900, 260))
    chart.range = (low, high)
    every = max(1, (high - low) // 6)
    chart.y_labels = [{"value": power, "label": power_of_ten(power)} for power in range(low, high + 1, every)]
    marked = _mark(chart, marks, low, high, _last_step(points for _, points in lines))
    for label, points in lines:
        shown = label.removeprefix("gap of ") if label.startswith("gap") else None  # a radius has its gap's colour
        _add_line(chart, shown, label, _thinned(points, max), _ten_to_the)
    described = f"{', '.join(label for label, _ in lines)} over the training steps, on a logarithmic axis.{marked}"
    return svg_of(chart, name.capitalize(), described)


def losses_chart(steps: pd.DataFrame, marks: Marks) -> str:
    """The losses of both sides over the training steps, means where there are many; "" where there are none."""
    import pygal

    sides = (("torch", "torch_loss"), ("submission", "loss"))
    lines = {side: [p for p in _points(steps, column) if math.isfinite(p[1])] for side, column in sides if len(steps)}
    values = [value for points in lines.values() for _, value in points]
    if not values:
        return ""
    chart = new_chart(pygal.XY, "losses", "losses", (900, 220))
    low, high = min(values), max(values)
    low, high = (low, high) if low < high else (low - 1, high + 1)
    chart.range = (low, high)
    chart.y_labels = [{"value": value, "label": number(value)} for value in _ticks(low, high)]
    marked = _mark(chart, marks, low, high, _last_step(lines.values()))
    for side, points in lines.items():
        _add_line(chart, side, side, _thinned(points, _mean), float)
    return svg_of(chart, "Losses", f"The mini-batch losses of both sides over the training steps.{marked}")


def _points(rows: pd.DataFrame, column: str) -> list[Point]:
    return list(zip(rows["step"].astype(int).tolist(), rows[column].astype(float).tolist(), strict=True))


def _last_step(lines: Iterable[Sequence[Point]]) -> float:
    return max(step for points in lines for step, _ in points)


def _add_line(
    chart: Any, title: str | None, label: str, points: Sequence[Point], value_of: Callable[[float], float]
) -> None:
    dots = [{"value": p, "label": printable(f"step {p[0]:g}, {label}: {number(value_of(p[1]))}")} for p in points]
    chart.add(None if title is None else printable(title), dots, stroke=True, dots_size=_LINE_DOT)


def _mark(chart: Any, marks: Marks, low: float, high: float, last: float) -> str:
    """Marks the steps, always as the first two series, so that the style knows them; what is marked, in words."""
    chart.zero = low  # the area of what is undecided reaches down to it
    text = ""
    area: list[Point] = []
    if marks.undecided is not None:
        area = [(marks.undecided, high), (max(last, marks.undecided + 1), high)]
        text = f" Undecided from here on: step {marks.undecided}."
    line: list[Point] = []
    if marks.divergence is not None:
        line = [(marks.divergence, low), (marks.divergence, high)]
        text = f" First divergence: step {marks.divergence}.{text}"
    chart.add("undecided" if area else None, area, fill=True, stroke=True, show_dots=False)
    chart.add("first divergence" if line else None, line, stroke=True, show_dots=False)
    return text


def _ticks(low: float, high: float) -> list[float]:
    """A few round numbers from `low` to `high`, which is above it."""
    step = 10.0 ** math.floor(math.log10(high - low))
    if (high - low) / step < 5:
        step /= 2 if (high - low) / step >= 2 else 5
    return [count * step for count in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _thinned(points: Sequence[Point], of_stretch: Callable[[list[float]], float]) -> list[Point]:
    """At most as many points as the eye tells apart: of each stretch of steps one value."""
    size = math.ceil(len(points) / _MOST_POINTS)
    thinned = []
    for start in range(0, len(points), size or 1):
        stretch = points[start : start + size]
        value = of_stretch([value for _, value in stretch])
        thinned.append((next((step for step, own in stretch if own == value), stretch[-1][0]), value))
    return thinned


def _ten_to_the(power: float) -> float:
    return float(10**power)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
