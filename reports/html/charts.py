"""The pictures on pages: SVG by pygal that the page colours, with titles and text alternatives and without scripts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from reports.model.escape import printable
from reports.model.numbers import number, power_of_ten
from reports.model.parts import Parts
from reports.model.phrases import shortened
from reports.model.records import Record
from reports.model.run import Results, parts_of

if TYPE_CHECKING:
    import pandas as pd

SVG = "http://www.w3.org/2000/svg"

#: Where the axis of ratios ends: what is smaller stands at "<", what is larger and not infinite at its end.
_LEAST, _MOST = -4, 4
_EXACT, _ENDLESS = _LEAST - 1, _MOST + 1
_BINS = 10
_LONGEST_LABEL = 40
_POINTS = 150
_LEGEND_COLUMNS = 3
_MARGIN = 8
_GRAIN = 25  # dots a decade; those that would cover one another are drawn once
_DOT = 3
_CORNERS = ("parity-first-corner", "parity-second-corner")
_DESCRIBED = "parity-description"
_CORNER_DOT = re.compile(
    r'<g class="dots"><title>parity-\w+-corner</title><circle cx="([\d.]+)" cy="([\d.]+)"[^>]*></g>'
)
_CORNER_DOTS = re.compile(rf"(?:{re.sub(r'[(](?![?])', '(?:', _CORNER_DOT.pattern)}){{2}}")


def ratios_chart(run: Results, *, narrow: bool = False) -> str:
    """The ratio of every quantity on a logarithmic axis with the line at 1; one row for each part.

    A dot stands for all quantities of a dtype that would lie on it; hovering says how many, and names one. `narrow` is
    the form for telephones. "" where no quantity has a ratio.
    """
    shown = [record for record in run.records if record.ratio is not None]
    if not shown:
        return ""
    parts = parts_of(run)
    ids = parts.within(shown)[::-1]
    dtypes = sorted({record.dtype for record in shown if record.dtype}, reverse=True)
    rows = {part: row for row, part in enumerate(ids)}
    series: dict[str, dict[tuple[float, int], list[Record]]] = {dtype: {} for dtype in dtypes}
    for record in shown:
        if record.dtype:
            place = (_place(record.ratio or 0.0), rows[record.part])
            series[record.dtype].setdefault(place, []).append(record)
    frame = _ratios_frame(tuple(_row_label(part, parts, narrow) for part in ids), tuple(map(printable, dtypes)), narrow)
    dots = [
        "".join(
            _dot(frame.across(x), frame.up(row + (0.17, -0.17)[index % 2]), _dot_label(same))
            for (x, row), same in sorted(found.items())
        )
        for index, found in enumerate(series.values())
    ]
    over = sum((record.ratio or 0) > 1 for record in shown)
    return frame.filled(
        f"{len(shown)} quantities on a logarithmic axis of gap divided by radius, one row for each part. "
        f"{len(shown) - over} lie at 1 or below, which rounding explains; {over} lie beyond. "
        "The table below has the largest of each part.",
        dots,
    )


def _dot(x: float, y: float, label: str) -> str:
    """A dot as `_svg` leaves those of pygal."""
    circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}" class="dot reactive tooltip-trigger" />'
    return f'<g class="dots"><title>{escape(label)}</title>{circle}</g>'


@dataclass(frozen=True)
class _Frame:
    """A picture without its dots: pygal takes ten times as long for these, and they alone differ from run to run.

    `pieces` are what stands between the description and the dots of each series; `left`, `right`, `bottom` and `top`
    are where on the picture the ends of the axes lie, `rows` how many rows there are.
    """

    pieces: tuple[str, ...]
    rows: int
    left: float
    right: float
    bottom: float
    top: float

    def across(self, value: float) -> float:
        return self.left + (value - _EXACT) / (_ENDLESS - _EXACT) * (self.right - self.left)

    def up(self, row: float) -> float:
        return self.bottom + (row + 0.5) / self.rows * (self.top - self.bottom)

    def filled(self, description: str, series: Sequence[str]) -> str:
        first, *others = self.pieces
        filled = (text for pair in zip(others, (*series, ""), strict=True) for text in pair)
        return "".join([first, escape(description), *filled])


@lru_cache(maxsize=64)
def _ratios_frame(labels: tuple[str, ...], dtypes: tuple[str, ...], narrow: bool) -> _Frame:
    import pygal

    rows = len(labels)
    chart = _chart(pygal.XY, "narrow" if narrow else "wide", 420 if narrow else 900, 90 + 30 * rows)
    chart.range, chart.xrange = (-0.6, rows - 0.4), (_EXACT - 0.3, _ENDLESS + 0.3)
    chart.x_labels = [{"value": place, "label": label} for place, label in _ticks(narrow)]
    chart.y_labels = [{"value": row, "label": label} for row, label in enumerate(labels)]
    chart.add(None, [(0, -0.6), (0, rows - 0.4)], stroke=True, show_dots=False)
    corners = [((_EXACT, -0.5), _CORNERS[0]), ((_ENDLESS, rows - 0.5), _CORNERS[1])]
    for dtype in dtypes:
        chart.add(dtype, [{"value": place, "label": name} for place, name in corners])
    drawn = _svg(chart, "The ratio of every quantity", _DESCRIBED)
    first, _, rest = drawn.partition(_DESCRIBED)
    pieces = _CORNER_DOTS.split(rest)
    (left, bottom), (right, top) = ((float(x), float(y)) for x, y in _CORNER_DOT.findall(rest)[:2])
    return _Frame((first, *pieces), rows, left, right, bottom, top)


def _ticks(narrow: bool) -> list[tuple[int, str]]:
    step = 2 if narrow else 1
    inner = [(power, power_of_ten(power)) for power in range(_LEAST, _MOST + 1, step)]
    return [(_EXACT, "0"), *inner, (_ENDLESS, "more" if narrow else "more, ∞")]


def _place(ratio: float) -> float:
    """Where a ratio stands on the axis: its logarithm, rounded to what the eye tells apart."""
    if ratio == 0:
        return _EXACT
    if not ratio < 10.0**_MOST:
        return _ENDLESS
    # Never rounded across the line at 1.
    exponent = max(math.log10(ratio), _LEAST)
    rounded = round(exponent * _GRAIN) / _GRAIN
    return min(rounded, 0.0) if ratio <= 1 else max(rounded, 1 / _GRAIN)


def _dot_label(same: Sequence[Record]) -> str:
    largest = max(same, key=lambda record: record.ratio or 0.0)
    more = f" (and {len(same) - 1} more here)" if len(same) > 1 else ""
    # Printable before pygal writes it: XML forbids characters that a submission may use.
    return printable(f"{largest.case}, {largest.quantity}: ratio {number(largest.ratio)}{more}")


def _row_label(part: str, parts: Parts, narrow: bool) -> str:
    label, title = parts.label(part), parts.title(part)
    return shortened(label if narrow or not title else f"{title} · {label}", _LONGEST_LABEL)


def _chart(kind: Any, name: str, width: int, height: int, **settings: Any) -> Any:
    """A pygal chart that brings no style and no script of its own: the page's style colours it."""
    chart = kind(
        width=width,
        height=height,
        css=[],
        js=[],
        stroke=False,
        dots_size=_DOT,
        legend_at_bottom=True,
        legend_at_bottom_columns=_LEGEND_COLUMNS,
        disable_xml_declaration=True,
        show_y_guides=False,
        margin=_MARGIN,
        truncate_legend=-1,
        truncate_label=-1,
        **settings,
    )
    chart.uuid = name  # random otherwise, and the same run would give another file
    return chart


def _svg(chart: Any, title: str, description: str, *, legend: bool = True) -> str:
    """The chart as an SVG element for a page: titled, described, native hover texts, nothing that runs."""
    if legend:  # pygal leaves too little room for it
        rows = math.ceil(sum(told.get("title") is not None for _, told in chart.raw_series) / _LEGEND_COLUMNS)
        chart.margin_bottom = _MARGIN + 22 * rows
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ElementTree.fromstring(chart.render(is_unicode=True))  # comments are dropped by the parser
    name = root.get("id", "")
    for parent in list(root.iter()):
        for child in list(parent):
            tag = child.tag.removeprefix(f"{{{SVG}}}")
            if tag in ("script", "style", "title") or "tooltip-overlay" in child.get("class", ""):
                parent.remove(child)
    for group in root.iter(f"{{{SVG}}}g"):
        if group.get("class") in ("dots", "bar"):
            _native_hover(group)
    for defs in root.findall(f"{{{SVG}}}defs"):
        if not len(defs):
            root.remove(defs)
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(position, element)
    for element in root.iter():
        if element is not root and element.get("id", "").startswith("activate-serie"):
            del element.attrib["id"]  # pygal's script would use it; two charts would share it
        for key in ("cx", "cy", "x", "y", "width", "height"):
            if "." in element.get(key, ""):
                element.set(key, f"{float(element.get(key, '0')):.1f}")
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    return ElementTree.tostring(root, encoding="unicode")


def _native_hover(group: ElementTree.Element) -> None:
    """Replaces the descriptions that pygal's script would show by a title, which a browser shows by itself."""
    found = {
        (child.get("class") or "").split(" ")[0]: child.text or "" for child in group if child.tag == f"{{{SVG}}}desc"
    }
    for child in list(group):
        if child.tag == f"{{{SVG}}}desc":
            group.remove(child)
    title = ElementTree.Element(f"{{{SVG}}}title")
    title.text = found.get("label") or found.get("value", "")
    group.insert(0, title)


def points_chart(totals: Sequence[float], maximum: float) -> str:
    """A histogram of points in ten bins, the last with those who have all of its points; "" where nobody has any."""
    import pygal

    if not totals or maximum <= 0:
        return ""
    bins = [0] * _BINS
    for total in totals:
        bins[min(max(int(total / maximum * _BINS), 0), _BINS - 1)] += 1
    chart = _chart(pygal.Bar, "points", 640, 280, show_legend=False)
    width = maximum / _BINS
    labels = [f"{round(n * width, 2):g}–{round((n + 1) * width, 2):g}" for n in range(_BINS)]
    chart.x_labels = labels
    chart.y_labels = range(0, max(bins) + 1, max(1, max(bins) // 5))
    chart.add("submissions", [{"value": n, "label": f"{label} points"} for n, label in zip(bins, labels, strict=True)])
    said = ", ".join(f"{label}: {n}" for n, label in zip(bins, labels, strict=True) if n)
    return _svg(chart, "Points", f"How many submissions have how many of {maximum:g} points. {said}.", legend=False)


def items_chart(items: pd.DataFrame) -> str:
    """For each item how many have all of it, some, and none, as stacked bars; "" where nothing was asked."""
    import pygal

    if not len(items) or not int(items["asked"].sum()):
        return ""
    rows = items.iloc[::-1]
    chart = _chart(pygal.HorizontalStackedBar, "items", 640, 110 + 34 * len(items))
    chart.x_labels = [printable(str(name)) for name in rows["item"]]
    for word, column in (("all right", "right"), ("partly", "partly"), ("none right", "none")):
        chart.add(word, [{"value": int(n), "label": f"{word}: {int(n)}"} for n in rows[column]])
    return _svg(chart, "Items", "For each item how many submissions have all of it, some of it, none; as in the table.")


@dataclass(frozen=True)
class Marks:
    """Steps to mark on a picture over steps."""

    divergence: int | None = None
    undecided: int | None = None


def steps_chart(name: str, title: str, series: Mapping[str, Sequence[tuple[float, float]]], marks: Marks) -> str:
    """Lines over training steps on a logarithmic axis, each of `series` as (step, value), but for what is not above 0.

    The page dashes every other line, which is a radius. A line keeps at most as many points as the eye tells apart, the
    largest of each stretch. "" where there is nothing to draw.
    """
    import pygal

    lines = {
        label: [(step, math.log10(value)) for step, value in points if 0 < value < math.inf]
        for label, points in series.items()
    }
    values = [value for points in lines.values() for _, value in points]
    if not values:
        return ""
    low, high = math.floor(min(values)), math.ceil(max(values))
    low, high = (low - 1, high) if low == high else (low, high)
    chart = _chart(pygal.XY, name, 900, 300)
    chart.range = (low, high)
    every = max(1, (high - low) // 8)
    chart.y_labels = [{"value": power, "label": power_of_ten(power)} for power in range(low, high + 1, every)]
    for label, points in lines.items():
        dots = [{"value": p, "label": f"step {p[0]}, {label}: {10 ** p[1]:.3g}"} for p in _thinned(points)]
        chart.add(printable(label), dots, stroke=True, dots_size=1.5)
    said = _mark(chart, marks, low, high)
    return _svg(chart, title, f"{', '.join(lines)} over the training steps, on a logarithmic axis.{said}")


def losses_chart(series: Mapping[str, Sequence[tuple[float, float]]], marks: Marks) -> str:
    """The losses of both sides over the training steps; "" where there are none."""
    import pygal

    lines = {label: [p for p in points if math.isfinite(p[1])] for label, points in series.items()}
    values = [value for points in lines.values() for _, value in points]
    if not values:
        return ""
    chart = _chart(pygal.XY, "losses", 900, 260)
    for label, points in lines.items():
        dots = [{"value": p, "label": f"step {p[0]}, {label}: {p[1]:.6g}"} for p in _thinned(points)]
        chart.add(printable(label), dots, stroke=True, dots_size=1.5)
    said = _mark(chart, marks, min(values), max(values))
    return _svg(chart, "Losses", f"The mini-batch losses of {' and '.join(lines)} over the training steps.{said}")


def _mark(chart: Any, marks: Marks, low: float, high: float) -> str:
    said = ""
    for word, step in (("first divergence", marks.divergence), ("undecided from here on", marks.undecided)):
        if step is not None:
            chart.add(word, [(step, low), (step, high)], stroke=True, show_dots=False)
            said += f" {word.capitalize()}: step {step}."
    return said


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most `_POINTS` points: of each stretch the one with the largest value."""
    size = math.ceil(len(points) / _POINTS)
    stretches = [points[start : start + size] for start in range(0, len(points), size)] if size else []
    return [max(stretch, key=lambda point: point[1]) for stretch in stretches]
