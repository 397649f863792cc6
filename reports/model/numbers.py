"""Numbers as people read them: each form is made here, and nowhere else."""

from __future__ import annotations

import math


def number(value: float | None) -> str:
    """A number in three digits: 0.315, 12.5, 8.2e+06, inf; "-" for none."""
    return "-" if value is None else f"{value:.3g}"


def exact_number(value: float) -> str:
    """A number for a sentence, in seven digits, which tell most values apart. −0 is 0."""
    return f"{value + 0.0:.7g}"  # + 0.0 turns −0 into 0


def times(ratio: float) -> str:
    """A ratio for a sentence about how many times: "3.2", "8e+06", "infinitely many"."""
    if math.isinf(ratio):
        return "infinitely many"
    return f"{ratio:.2g}" if ratio < 100 or ratio >= 1e4 else f"{ratio:.0f}"


def points_text(points: float | None) -> str:
    """Points to a hundredth: 12, 12.5, 66.67; "none" for none."""
    return "none" if points is None else f"{points:.2f}".rstrip("0").rstrip(".")


def duration(seconds: float) -> str:
    """Seconds in a unit that fits: 17 µs, 1.7 ms, 2.4 s, 5 min, 2.5 h."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 120:
        return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def power_of_ten(exponent: int) -> str:
    """10 to the power of `exponent`: 0.001, 1, 100; further from 1 with an exponent, 10⁻⁴."""
    if -3 <= exponent <= 3:
        return f"{10.0**exponent:g}"
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
