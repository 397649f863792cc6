"""The pictures of a training trace: gap and radius of a few quantities over the steps, and the losses of both sides."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from reports.model.escape import printable
from reports.model.numbers import number, power_of_ten
from reports.model.records import Record
from reports.model.run import Results
from reports.model.verdicts import FAILING, Verdict
from reports.pictures.figure import figure
from reports.pictures.line_legend import show_lines
from reports.pictures.svg import new_chart, svg_of

if TYPE_CHECKING:
    import pandas as pd

Point = tuple[float, float]
"""A step and a value."""

_EXPLAINED = (
    "Difference: how far submission and torch are apart. Error bound: how far rounding may take them. Solid and "
    "dash-dotted lines are differences, dashed and dotted ones their bounds."
)
_MOST_POINTS, _FEW_POINTS = 150, 60
_WIDE, _NARROW = (900, 300), (420, 330)
_NAMES, _COLUMNS = 210, 3
"""Pixels beside a wide picture for the names of its lines, and columns of its legend."""
_MARKS = 2
"""Series that mark steps, before those of lines."""
_LINE_DOT = 1.5


@dataclass(frozen=True)
class Marks:
    """Steps to mark on a picture: where the sides part, and from where on the radius tells nothing."""

    divergence: int | None = None
    undecided: int | None = None


def trace_charts(
    run: Results, quantities: pd.DataFrame, steps: pd.DataFrame, *, narrow: bool = False
) -> list[tuple[str, str]]:
    """The name and the SVG of each picture of a trace, but for those with nothing to draw; the losses come last.

    `quantities` and `steps` are tables that the trace wrote. The run's environment says which quantities are drawn
    together. `narrow` is the form for telephones.
    """
    marks = marks_of(run.records)
    charts = []
    for panel, names in (run.environment.panels or {}).items():
        series = {name: quantities[quantities["quantity"] == name] for name in names} if len(quantities) else {}
        drawn = {name: rows for name, rows in series.items() if len(rows)}
        charts.append((panel, gaps_chart(panel, drawn, marks, narrow=narrow)))
    charts.append(("losses", losses_chart(steps, marks, narrow=narrow)))
    charts.append(("difference of the losses", difference_chart(steps, marks, narrow=narrow)))
    return [(name, chart) for name, chart in charts if chart]


def trace_figure(run: Results, quantities: pd.DataFrame, steps: pd.DataFrame) -> str:
    """The same pictures as one SVG file."""
    environment = run.environment
    title = f"{PurePath(environment.submission or '').name}: {environment.setting or ''}"
    return figure(title, trace_charts(run, quantities, steps), _EXPLAINED)


def marks_of(records: Sequence[Record]) -> Marks:
    """The steps to mark of a trace with these records."""
    first = next((r for r in records if r.verdict in FAILING and not r.explained_by), None)
    undecided = next((r for r in records if r.verdict == Verdict.UNDECIDED), None)
    return Marks(None if first is None else first.step, None if undecided is None else undecided.step)


def gaps_chart(name: str, series: Mapping[str, pd.DataFrame], marks: Marks, *, narrow: bool = False) -> str:
    """Difference and error bound of each quantity over the steps on a logarithmic axis; "" with nothing to draw.

    `series` has the rows of each quantity, with the columns step, gap and radius; what is not above 0 is not drawn.
    """
    lines = [
        (f"{quantity}: {word}", _points(rows, column))
        for quantity, rows in series.items()
        for column, word in (("gap", "difference"), ("radius", "error bound"))
    ]
    return _logarithmic(name, name.capitalize(), lines, marks, narrow)


def difference_chart(steps: pd.DataFrame, marks: Marks, *, narrow: bool = False) -> str:
    """How far apart the losses of both sides are, on a logarithmic axis; "" where they never are."""
    if not len(steps):
        return ""
    apart = (steps["loss"] - steps["torch_loss"]).abs()
    points = list(zip(steps["step"].astype(int).tolist(), apart.astype(float).tolist(), strict=True))
    lines = [("difference of the losses", points)]
    return _logarithmic("difference", "Difference of the losses", lines, marks, narrow)


def _logarithmic(
    name: str, title: str, lines: Sequence[tuple[str, Sequence[Point]]], marks: Marks, narrow: bool
) -> str:
    """Lines of values above 0 on a logarithmic axis."""
    import pygal

    drawn = [(label, [(x, math.log10(y)) for x, y in points if 0 < y < math.inf]) for label, points in lines]
    values = [value for _, points in drawn for _, value in points]
    if not values:
        return ""
    low, high = math.floor(min(values)), math.ceil(max(values))
    low, high = (low - 1, high) if low == high else (low, high)
    chart = _new(pygal.XY, name, "gaps", "difference", narrow)
    chart.range = (low, high)
    every = max(1, (high - low) // (4 if narrow else 6))
    chart.y_labels = [{"value": power, "label": power_of_ten(power)} for power in range(low, high + 1, every)]
    marked = _mark(chart, marks, low, high, _last_step(points for _, points in drawn))
    for label, points in drawn:
        _add_line(chart, label, _thinned(points, max, narrow), _ten_to_the)
    described = f"{', '.join(label for label, _ in drawn)} over the training steps, on a logarithmic axis.{marked}"
    return _finished(chart, title, described, [label for label, _ in drawn], narrow)


def losses_chart(steps: pd.DataFrame, marks: Marks, *, narrow: bool = False) -> str:
    """The losses of both sides over the training steps, means where there are many; "" where there are none."""
    import pygal

    sides = (("torch", "torch_loss"), ("submission", "loss"))
    lines = {side: [p for p in _points(steps, column) if math.isfinite(p[1])] for side, column in sides if len(steps)}
    values = [value for points in lines.values() for _, value in points]
    if not values:
        return ""
    chart = _new(pygal.XY, "losses", "losses", "loss", narrow)
    low, high = min(values), max(values)
    low, high = (low, high) if low < high else (low - 1, high + 1)
    chart.range = (low, high)
    chart.y_labels = [{"value": value, "label": number(value)} for value in _ticks(low, high)]
    marked = _mark(chart, marks, low, high, _last_step(lines.values()))
    for side, points in lines.items():
        _add_line(chart, side, _thinned(points, _mean, narrow), float)
    described = f"The mini-batch losses of both sides over the training steps.{marked}"
    return _finished(chart, "Losses", described, list(lines), narrow)


def _new(kind: Any, name: str, style: str, axis: str, narrow: bool) -> Any:
    size = _NARROW if narrow else _WIDE
    room = {} if narrow else {"margin_right": _NAMES}
    chart = new_chart(kind, f"{name}-narrow" if narrow else name, style, size, **room)
    if not narrow:
        chart.config.legend_at_bottom_columns = _COLUMNS
    chart.x_title, chart.y_title = "training step", axis
    return chart


def _finished(chart: Any, title: str, described: str, labels: Sequence[str], narrow: bool) -> str:
    """The chart as SVG, its lines in the legend as they are drawn, and where there is room their names beside them."""
    names = {} if narrow else {number: printable(label) for number, label in enumerate(labels, _MARKS)}
    return svg_of(chart, title, described, finish=lambda root: show_lines(root, names))


def _points(rows: pd.DataFrame, column: str) -> list[Point]:
    return list(zip(rows["step"].astype(int).tolist(), rows[column].astype(float).tolist(), strict=True))


def _last_step(lines: Iterable[Sequence[Point]]) -> float:
    return max(step for points in lines for step, _ in points)


def _add_line(chart: Any, label: str, points: Sequence[Point], value_of: Callable[[float], float]) -> None:
    dots = [{"value": p, "label": printable(f"step {p[0]:g}, {label}: {number(value_of(p[1]))}")} for p in points]
    chart.add(printable(label), dots, stroke=True, dots_size=_LINE_DOT)


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


def _thinned(points: Sequence[Point], of_stretch: Callable[[list[float]], float], narrow: bool) -> list[Point]:
    """At most as many points as the eye tells apart: of each stretch of steps one value."""
    size = math.ceil(len(points) / (_FEW_POINTS if narrow else _MOST_POINTS))
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
