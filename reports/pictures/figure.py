"""Pictures as files: charts beneath one another in one SVG that brings its own style, on white."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from reports.model.escape import printable
from reports.pictures.svg import SVG

STYLE = Path(__file__).with_name("charts.css")

# What pages define for charts.css, as they do by day.
_COLOURS = {
    "bg": "#ffffff",
    "text": "#212121",
    "border": "#898ea4",
    "good": "#005b8f",
    "bad": "#a33c00",
    "bad-bg": "#fdebdf",
    "warn": "#6b5200",
    "warn-bg": "#fbf3d3",
    "f64": "#0072b2",
    "f32": "#b34700",
    "pale": "#868686",
}
_WIDTH, _MARGIN, _LINE, _GAP = 900, 10, 18, 10
_TITLE_LENGTH, _TEXT_LENGTH = 104, 140
_SIZE = re.compile(r'viewBox="0 0 (\d+) (\d+)"')


def figure(title: str, charts: Sequence[tuple[str, str]], explained: str = "") -> str:
    """The charts, each a heading and an SVG element, as one SVG document, with a sentence beneath the title."""
    pieces = []
    top = _MARGIN
    for text, style, length in ((title, "figure-title", _TITLE_LENGTH), (explained, "figure-text", _TEXT_LENGTH)):
        for line in textwrap.wrap(printable(text), length):
            top += _LINE
            pieces.append(_text(line, top, style))
    top += _GAP
    for heading, svg in charts:
        if heading:
            top += _LINE
            pieces.append(_text(heading, top, "figure-heading"))
        size = _SIZE.search(svg)
        width, height = (int(size[1]), int(size[2])) if size else (_WIDTH, 0)
        pieces.append(svg.replace("<svg ", f'<svg x="0" y="{top}" width="{width}" height="{height}" ', 1))
        top += height + _GAP
    return (
        f'<svg xmlns="{SVG}" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}" font-family="sans-serif">'
        f'<style>{_style()}</style><rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>{"".join(pieces)}</svg>\n'
    )


def _text(text: str, height: int, name: str) -> str:
    return f'<text class="{name}" x="{_MARGIN}" y="{height}">{escape(printable(text))}</text>'


@cache
def _style() -> str:
    """The style of charts with its colours written in: not every viewer of SVG knows variables."""
    return re.sub(r"var\(--([\w-]+)\)", lambda match: _COLOURS[match[1]], STYLE.read_text(encoding="utf-8"))
