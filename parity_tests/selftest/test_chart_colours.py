"""The colours of charts: 3 : 1 against the ground by day and by night; what is not so against others has a pattern."""

from __future__ import annotations

import re

import pytest

from reports.html.template import TEMPLATES
from reports.pictures.figure import _COLOURS, STYLE

DRAWN = ("f64", "f32", "pale", "good", "bad", "warn", "text")
"""What lines, dots and bars are drawn in, by the names of the variables."""


def variables(*, dark: bool) -> dict[str, str]:
    """The colours of pages by day or by night: later rules win."""
    found: dict[str, str] = {}
    for name in ("simple.css", "parity.css"):
        style = (TEMPLATES / name).read_text(encoding="utf-8")
        by_night = "".join(re.findall(r"@media \(prefers-color-scheme: dark\) {(.*?\n}\n)", style, flags=re.DOTALL))
        by_day = style.partition("@media (prefers-color-scheme: dark)")[0]
        found.update(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", by_day + (by_night if dark else "")))
    return found


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    digits = colour.removeprefix("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_what_is_drawn_stands_out_from_the_ground(dark: bool) -> None:
    colours = variables(dark=dark)
    assert colours["bg"] != variables(dark=not dark)["bg"]
    assert [name for name in DRAWN if contrast(colours[name], colours["bg"]) < 3] == []


def test_a_picture_in_a_file_has_the_colours_of_the_day() -> None:
    by_day = variables(dark=False)
    known = {name: _COLOURS[name] for name in DRAWN}
    assert known == {name: by_day[name] for name in DRAWN}


def test_what_is_alike_in_brightness_differs_in_its_pattern() -> None:
    style = STYLE.read_text(encoding="utf-8")
    by_day = variables(dark=False)
    assert contrast(by_day["f64"], by_day["f32"]) < 3  # so colours alone would not do
    assert ".ratios .color-3, .ratios .color-3 .dot { fill: var(--bg); stroke: var(--f32)" in style  # rings, not discs
    assert ".items .color-1 { fill: url(#chart-items-hatch); } .items .color-2 { fill: var(--bg); }" in style
    patterns = []
    for number in (2, 3, 4, 5):
        rules = re.findall(rf"\.gaps \.sample\.color-{number}[^{{}}]*{{([^}}]*)}}", style)
        patterns.append(re.findall(r"stroke-dasharray: ([^;]*);", "".join(rules)))
    assert len(set(map(tuple, patterns))) == 4


def test_contrast_is_measured_right() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)
