"""The late policy: what is taken off for each day that something is late, read from a TOML file."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from parity_tests.grading.csv_rows import control_in
from parity_tests.grading.decode import MISSING, SYNTAX, UNKNOWN, DecodeError, from_toml, line_of, toml_document
from parity_tests.grading.intake.attempt import HandIn
from parity_tests.grading.intake.times import instant, time_words
from parity_tests.grading.roster import submission_called
from parity_tests.grading.rubric import RubricError, read_utf8
from reports.model.points import Lateness

_DAY, _HOUR, _MINUTE = 86400.0, 3600.0, 60.0
_MOST_HOURS = 1e5
PerCent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Minutes = Annotated[float, msgspec.Meta(ge=0, le=1e6)]


class LatePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Each day begun after the deadline takes `percent_a_day` off what was earned, all together `cap_percent` at most.

    What is no later than `grace_minutes` loses nothing; what is later counts from the deadline. How late something is
    says `hours_late`, by the name of the submission; or else the course site; or else the time at which it was handed
    in, against `due`.
    """

    percent_a_day: PerCent
    grace_minutes: Minutes = 0.0
    cap_percent: PerCent = 100.0
    due: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    hours_late: dict[str, float] = msgspec.field(default_factory=dict)

    def seconds_late(self, hand_in: HandIn) -> float | None:
        """How late something is, 0 for on time; None where nobody says."""
        if hand_in.name in self.hours_late:
            return self.hours_late[hand_in.name] * _HOUR
        if hand_in.seconds_late is not None:
            return hand_in.seconds_late
        moment = instant(hand_in.when)
        if self.due is None or moment is None:
            return None
        return max((moment - self.due).total_seconds(), 0.0)

    def lateness(self, hand_in: HandIn) -> Lateness | None:
        """What is taken off and why; None for nothing."""
        seconds = self.seconds_late(hand_in)
        if seconds is None or seconds <= self.grace_minutes * _MINUTE:
            return None
        per_cent = min(self.percent_a_day * math.ceil(seconds / _DAY), self.cap_percent)
        return Lateness(per_cent, time_words(seconds)) if per_cent else None


def load_late_policy(path: Path, submissions: Mapping[str, Collection[str]] | None = None) -> LatePolicy:
    """The policy in this file, whose `hours_late` name these submissions by one of their spellings; any for None.

    Raises RubricError, a sentence with the line.
    """
    text = read_utf8(path, str(path))
    try:
        policy = from_toml(text, LatePolicy)
    except DecodeError as error:
        raise RubricError(f"{path}, line {error.line}: {_sentence(error)}.") from None
    called: dict[str, float] = {}
    for name, hours in policy.hours_late.items():
        if control := control_in(name):
            where = f"{path}, line {_line_of_name(name, text)}"
            raise RubricError(f"{where}: there is {control} in the name {name!r}; take it out.")
        line = line_of(("hours_late", name), text)
        if not 0 <= hours <= _MOST_HOURS:
            raise RubricError(f"{path}, line {line}: {name} cannot be {hours:g} hours late.")
        called[name if submissions is None else submission_called(name, submissions, f"{path}, line {line}")] = hours
    return msgspec.structs.replace(policy, hours_late=called)


def _line_of_name(name: str, text: str) -> int:
    """The line that sets this name, however it is written there: a control character stands in TOML as an escape."""
    for number, line in enumerate(text.splitlines(), 1):
        try:
            if name in toml_document(line):
                return number
        except DecodeError:  # a line of something longer
            continue
    return line_of(("hours_late",), text)


_MUST_BE = {
    "percent_a_day": "a number from 0 to 100",
    "cap_percent": "a number from 0 to 100",
    "grace_minutes": "a number of minutes, 0 or more",
    "due": "a time with its zone, such as 2026-11-02T23:59:00+01:00",
    "hours_late": 'a table of hours, such as "Ann Lee" = 26.5',
}


def _sentence(error: DecodeError) -> str:
    if error.kind == SYNTAX and not (error.key in _MUST_BE and error.value):
        return str(error)
    if error.kind == MISSING:
        return f"there is no {error.key}"
    if error.kind == UNKNOWN:
        return f"there is no setting {error.key!r} here; there are {', '.join(_MUST_BE)}"
    return f"{error.key} must be {_MUST_BE[error.key]}, not {error.value}"
