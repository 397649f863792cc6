"""Charts of lines: a legend that shows each line as it is drawn, dashes and all, and the name of each at its end."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

from reports.pictures.svg import SVG

_SAMPLE = 24
"""Pixels of a line in the legend."""
_LINE = 13
"""Pixels from one name to the next where they would cover one another."""
_BASELINE, _BESIDE = 4, 8
"""Pixels from the middle of a name to its foot, and from the end of a line to its name."""


def show_lines(root: ElementTree.Element, names: Mapping[int, str]) -> None:
    """Put lines in place of the squares of a legend, and the `names` of series, by their numbers, at their ends."""
    for legend in root.iter(f"{{{SVG}}}g"):
        if "legend" in legend.get("class", "").split():
            _sample(legend)
    ends = []
    for series in root.iter(f"{{{SVG}}}g"):
        number = _number(series.get("class", ""))
        dots = list(series.iter(f"{{{SVG}}}circle"))
        if number in names and dots:
            ends.append((float(dots[-1].get("cy", "0")), float(dots[-1].get("cx", "0")), number, series))
    above = 0.0
    for y, x, number, series in sorted(ends, key=lambda end: end[0]):  # from above, each below the one before
        above = max(y + _BASELINE, above + _LINE)
        at = {"class": "line-name", "x": f"{x + _BESIDE:.1f}", "y": f"{above:.1f}"}
        ElementTree.SubElement(series, f"{{{SVG}}}text", at).text = names[number]


def _sample(legend: ElementTree.Element) -> None:
    for square in legend.findall(f"{{{SVG}}}rect"):
        x, y, size = (float(square.get(key, "0")) for key in ("x", "y", "height"))
        middle = y + size / 2
        where = {"x1": x + size - _SAMPLE, "x2": x + size, "y1": middle, "y2": middle}
        classes = square.get("class", "").split()
        color = next((name for name in classes if name.startswith("color-")), "")
        at = {key: f"{value:.1f}" for key, value in where.items()}
        line = ElementTree.Element(f"{{{SVG}}}line", {"class": f"sample {color}"} | at)
        legend.insert(list(legend).index(square), line)
        legend.remove(square)


def _number(classes: str) -> int:
    return next((int(name[6:]) for name in classes.split() if name.startswith("serie-") and name[6:].isdecimal()), -1)
