"""The picture of a run: the ratio of every quantity on a logarithmic axis, with the line at 1 that rounding draws."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from xml.sax.saxutils import escape

from reports.model.escape import printable
from reports.model.numbers import number, power_of_ten
from reports.model.parts import Parts
from reports.model.phrases import shortened
from reports.model.records import Record
from reports.model.run import Results, parts_of
from reports.model.summary import PartSummary, unwritten
from reports.model.verdicts import UNSEEN, Verdict
from reports.pictures.svg import DOT, new_chart, svg_of

#: Where the axis ends: what is smaller stands at "<", what is larger and not infinite at its end.
_LEAST, _MOST = -4, 4
_EXACT, _ENDLESS = _LEAST - 1, _MOST + 1
_LONGEST_LABEL = 28
_GRAIN = 25  # dots a decade; those that would cover one another are drawn once
_CORNERS = ("parity-first-corner", "parity-second-corner")
_DESCRIBED = "parity-description"
_CORNER_DOT = re.compile(
    r'<g class="dots"><title>parity-\w+-corner</title><circle cx="([\d.]+)" cy="([\d.]+)"[^>]*></g>'
)
_CORNER_DOTS = re.compile(rf"(?:{re.sub(r'[(](?![?])', '(?:', _CORNER_DOT.pattern)}){{2}}")


def ratios_charts(run: Results, summaries: Sequence[PartSummary]) -> tuple[str, str]:
    """The ratio of every quantity on a logarithmic axis with the line at 1, one row for each part; wide and narrow.

    A dot stands for all quantities of a dtype that would lie on it; hovering says how many, and names one. "" twice
    where no quantity has a ratio.
    """
    # What agrees of a part that is not implemented says nothing of it, nor do zeros that nobody has written.
    written = (part for part in summaries if part.verdict != Verdict.MISSING)
    judged = (one for part in written for one in part.records if one.ratio is not None and one.verdict not in UNSEEN)
    is_unwritten = unwritten(run.records)
    shown = [record for record in judged if not is_unwritten(record)]
    if not shown:
        return "", ""
    parts = parts_of(run)
    ids = parts.within(shown)[::-1]
    dtypes = sorted({record.dtype for record in shown if record.dtype}, reverse=True)
    rows = {part: row for row, part in enumerate(ids)}
    series: dict[str, dict[tuple[float, int], list[Record]]] = {dtype: {} for dtype in dtypes}
    for record in shown:
        if record.dtype:
            place = (_place(record.ratio or 0.0), rows[record.part])
            series[record.dtype].setdefault(place, []).append(record)
    lanes = (0.17, -0.17) if len(series) > 1 else (0.0,)
    dots = [
        [(x, row + lanes[index % 2], _dot_title(same)) for (x, row), same in sorted(dots_of.items())]
        for index, dots_of in enumerate(series.values())
    ]
    over = sum((record.ratio or 0) > 1 for record in shown)
    description = (
        f"{len(shown)} quantities on a logarithmic axis of the difference divided by the error bound, one row for each "
        f"part. {len(shown) - over} lie at 1 or below, which rounding explains; {over} lie beyond. "
        "The table below has the largest of each part."
    )
    names = tuple(map(printable, dtypes))
    wide, narrow = (
        _ratios_frame(_row_labels(ids, parts, narrow), names, narrow).filled(description, dots)
        for narrow in (False, True)
    )
    return wide, narrow


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

    def filled(self, description: str, series: Sequence[Sequence[tuple[float, float, str]]]) -> str:
        """The picture with this description, and the dots of each series: their place, their row, their title."""
        first, *others = self.pieces
        dots = ("".join([self._dot(*dot) for dot in of_one]) for of_one in series)
        filled = (text for pair in zip(others, (*dots, ""), strict=True) for text in pair)
        return "".join([first, escape(description), *filled])

    def _dot(self, value: float, row: float, title: str) -> str:
        """A dot as `svg_of` leaves those of pygal."""
        x, y = self.across(value), self.up(row)
        return f'{title}<circle cx="{x:.1f}" cy="{y:.1f}" r="{DOT}" class="dot reactive tooltip-trigger" /></g>'


@lru_cache(maxsize=64)
def _ratios_frame(labels: tuple[str, ...], dtypes: tuple[str, ...], narrow: bool) -> _Frame:
    import pygal

    rows = len(labels)
    name, width = ("narrow", 420) if narrow else ("wide", 900)
    chart = new_chart(pygal.XY, name, "ratios", (width, 90 + 30 * rows))
    chart.range, chart.xrange = (-0.6, rows - 0.4), (_EXACT - 0.3, _ENDLESS + 0.3)
    chart.x_labels = [{"value": place, "label": label} for place, label in _ticks(narrow)]
    chart.y_labels = [{"value": row, "label": label} for row, label in enumerate(labels)]
    chart.zero = -0.6  # the area beyond 1 reaches down to it
    chart.add(None, [(0, rows - 0.4), (_ENDLESS + 0.3, rows - 0.4)], fill=True, stroke=True, show_dots=False)
    chart.add(None, [(0, -0.6), (0, rows - 0.4)], stroke=True, show_dots=False)
    corners = [((_EXACT, -0.5), _CORNERS[0]), ((_ENDLESS, rows - 0.5), _CORNERS[1])]
    for dtype in dtypes:
        chart.add(dtype, [{"value": place, "label": name} for place, name in corners])
    drawn = svg_of(chart, "The ratio of every quantity", _DESCRIBED)
    first, _, rest = drawn.partition(_DESCRIBED)
    pieces = _CORNER_DOTS.split(rest)
    (left, bottom), (right, top) = ((float(x), float(y)) for x, y in _CORNER_DOT.findall(rest)[:2])
    return _Frame((first, *pieces), rows, left, right, bottom, top)


def _ticks(narrow: bool) -> list[tuple[int, str]]:
    powers = range(_LEAST + 2, _MOST, 2) if narrow else range(_LEAST, _MOST + 1)
    inner = [(power, power_of_ten(power)) for power in powers]
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


def _dot_title(same: Sequence[Record]) -> str:
    largest = max(same, key=lambda record: record.ratio or 0.0)
    more = f" (and {len(same) - 1} more here)" if len(same) > 1 else ""
    # Printable before pygal writes it: XML forbids characters that a submission may use.
    label = printable(f"{largest.case}, {largest.quantity}: ratio {number(largest.ratio)}{more}")
    return f'<g class="dots"><title>{escape(label)}</title>'


def _row_labels(ids: Sequence[str], parts: Parts, narrow: bool) -> tuple[str, ...]:
    """The labels, with their titles where there is room for all."""
    both = [" · ".join(filter(None, (parts.title(part), parts.label(part)))) for part in ids]
    is_short = not narrow and max(map(len, both), default=0) <= _LONGEST_LABEL
    return tuple(both if is_short else [shortened(parts.label(part), _LONGEST_LABEL) for part in ids])
