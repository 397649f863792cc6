"""The times that course sites write: when something was handed in, and how late; read, and said in words."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

_CLOCK = re.compile(r"(?:(?P<days>\d+) days?,? )?(?P<hours>\d+):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)(?:\.\d+)?")
_STATUS = re.compile(r"((?:\d+ (?:day|hour|min|sec|year)s? )+)late\b")
_FRACTION = re.compile(r"\.\d+")
_ZONE = re.compile(r" ?(Z|UTC|[+-]\d\d:?\d\d)$")
_DAY, _HOUR, _MINUTE = 86400, 3600, 60
_UNITS = {"year": 365 * _DAY, "day": _DAY, "hour": _HOUR, "min": _MINUTE, "sec": 1}
_LONGEST = 36525 * _DAY
"""A hundred years: what is longer is no lateness."""


def to_the_second(text: str) -> str:
    """A time without its fractions of a second, of which Gradescope writes nine digits."""
    return _FRACTION.sub("", text)


def instant(text: str) -> datetime | None:
    """The moment that a course site's text names; None where it names none, or does not say in which time zone."""
    zone = _ZONE.search(text)
    if zone is None:
        return None
    offset = "+00:00" if zone[1] in ("Z", "UTC") else zone[1]
    try:
        return datetime.fromisoformat(to_the_second(text[: zone.start()]) + offset)
    except ValueError:
        return None


def seconds_late(value: Any) -> float | None:
    """Seconds of a lateness as Gradescope writes it, 26:10:05 or a number of seconds; None where it says no time.

    YAML takes 26:10:05 without quotes for 94205, a number to the base of 60, which is the same.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if 0 <= value <= _LONGEST else None
    match = _CLOCK.fullmatch(str(value).strip())
    if match is None:
        return None
    days, hours, minutes, seconds = (int(match[name] or 0) for name in ("days", "hours", "minutes", "seconds"))
    return seconds_late(days * _DAY + hours * _HOUR + minutes * _MINUTE + seconds)


def late_by_status(status: str) -> float | None:
    """Seconds of a lateness in the status of Moodle's worksheet in English; None where it tells of nothing submitted.

    Such as: Submitted for grading - Assignment was submitted 1 day 3 hours late.
    """
    if told := _STATUS.search(status):
        counted = re.findall(r"(\d+) (\w+?)s?\b", told[1])
        return seconds_late(sum(int(count) * _UNITS[unit] for count, unit in counted))
    return 0.0 if status.strip().startswith("Submitted for grading") else None


def time_words(seconds: float) -> str:
    """A time in its two largest units: 3 days 2 h, 1 h 5 min, 40 s."""
    left = round(seconds)
    if left < _MINUTE:
        return f"{left} s"
    words: list[str] = []
    for size, one, many in ((_DAY, "day", "days"), (_HOUR, "h", "h"), (_MINUTE, "min", "min")):
        count, left = divmod(left, size)
        if count or words:
            words.append(f"{count} {one if count == 1 else many}" if count else "")
    return " ".join(word for word in words[:2] if word)
