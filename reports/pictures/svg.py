"""Charts as SVG: pygal's, with a title, a description, and hover texts that a browser shows, and nothing that runs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any
from xml.etree import ElementTree

SVG = "http://www.w3.org/2000/svg"
DOT = 3
"""The radius of a dot."""

_LEGEND_COLUMNS = 4
_NARROW = 500
"""Pixels below which a legend has one column."""
_MARGIN = 8
_LEGEND_ROW, _DESCENT = 22, 6


@cache
def style_of_text() -> Any:
    """The size at which charts.css writes labels, so that they are given the room that they take."""
    from pygal.style import Style

    return Style(label_font_size=12)


def new_chart(kind: Any, name: str, style: str, size: tuple[int, int], **settings: Any) -> Any:
    """A chart of pygal's without a style or script of its own: charts.css has one for it under the class `style`.

    `name` is its id on the page, `size` its width and height in pixels.
    """
    chart = kind(
        width=size[0],
        height=size[1],
        css=[],
        js=[],
        classes=("picture", style),
        stroke=False,
        dots_size=DOT,
        legend_at_bottom=True,
        legend_at_bottom_columns=1 if size[0] < _NARROW else _LEGEND_COLUMNS,
        disable_xml_declaration=True,
        show_y_guides=False,
        margin=_MARGIN,
        truncate_legend=-1,
        truncate_label=-1,
        style=style_of_text(),
        **settings,
    )
    chart.uuid = name  # random otherwise, and the same run would give another file
    return chart


def svg_of(
    chart: Any,
    title: str,
    description: str,
    *,
    legend: bool = True,
    finish: Callable[[ElementTree.Element], None] | None = None,
) -> str:
    """The chart as an SVG element: titled, described, with hover texts that a browser shows by itself.

    `finish` is given the element at last.
    """
    if legend:  # pygal counts series without a name as well, and rounds the rows down
        columns = chart.config.legend_at_bottom_columns
        named = sum(settings.get("title") is not None for _, settings in chart.raw_series)
        rows, reckoned = math.ceil(named / columns), len(chart.raw_series) // columns
        chart.margin_bottom = _MARGIN + _DESCENT + _LEGEND_ROW * (rows - reckoned)
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ElementTree.fromstring(chart.render(is_unicode=True))  # comments are dropped by the parser
    _drop_what_runs(root)
    for group in root.iter(_tag("g")):
        if group.get("class") in ("dots", "bar"):
            _native_hover(group)
    _shorten_numbers(root)
    name = root.get("id", "")
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(_tag(tag), {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(position, element)
    if finish is not None:
        finish(root)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    return ElementTree.tostring(root, encoding="unicode")


def hatched(svg: str) -> str:
    """The chart with a pattern of lines, to be told from what is filled: charts.css draws `<id>-hatch`."""
    name = re.search(r'id="([\w-]+)"', svg)
    pattern = (
        f'<defs><pattern id="{name[1] if name else ""}-hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect class="hatch-ground" width="7" height="7" />'
        '<rect class="hatch-line" width="3" height="7" /></pattern></defs>'
    )
    return svg.replace("<defs />", pattern, 1)


def _tag(name: str) -> str:
    return f"{{{SVG}}}{name}"


def _drop_what_runs(root: ElementTree.Element) -> None:
    """Drops scripts and styles, and what only pygal's own script would use."""
    for parent in list(root.iter()):
        for child in list(parent):
            unused = child.tag in (_tag("script"), _tag("style"), _tag("title"))
            if unused or "tooltip-overlay" in child.get("class", "") or (child.tag == _tag("defs") and not len(child)):
                parent.remove(child)
    for element in root.iter():
        if element.get("id", "").startswith("activate-serie"):
            del element.attrib["id"]  # two charts on a page would share it


def _native_hover(group: ElementTree.Element) -> None:
    """Replaces the descriptions that pygal's script would show by a title."""
    texts = {}
    for child in list(group):
        if child.tag == _tag("desc"):
            texts[(child.get("class") or "").split(" ")[0]] = child.text or ""
            group.remove(child)
    title = ElementTree.Element(_tag("title"))
    title.text = texts.get("label") or texts.get("value", "")
    group.insert(0, title)


def _shorten_numbers(root: ElementTree.Element) -> None:
    for element in root.iter():
        for key in ("cx", "cy", "x", "y", "width", "height"):
            if "." in element.get(key, ""):
                element.set(key, f"{float(element.get(key, '0')):.1f}")
