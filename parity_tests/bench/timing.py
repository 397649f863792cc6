"""Times several subjects in turn, round after round, so that a machine that slows down slows them all."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

Subject = Callable[[], object]
T = TypeVar("T")


@dataclass(frozen=True)
class Timings:
    """Seconds a call of each subject, one figure a round; the rounds of all subjects belong together."""

    seconds: Mapping[str, tuple[float, ...]]

    def median(self, subject: str) -> float:
        """The median seconds of a call."""
        return float(np.median(self.seconds[subject]))

    def ratio(self, subject: str, against: str) -> tuple[float, float, float]:
        """Lower quartile, median and upper quartile of the round-by-round ratio subject/against."""
        ratios = np.asarray(self.seconds[subject]) / np.asarray(self.seconds[against])
        low, middle, high = np.percentile(ratios, (25, 50, 75))
        return float(low), float(middle), float(high)


def alternate(subjects: Mapping[str, Subject], *, rounds: int, least: float = 0.02, warm_up: int = 2) -> Timings:
    """Call every subject once a round, the first one changing from round to round.

    A subject that takes less than `least` seconds is called several times in a row, and the mean is kept; with a
    `least` of 0 it is called once a round. The first `warm_up` rounds are not counted. Raises ValueError for less than
    one round or no subject.
    """
    if rounds < 1 or not subjects:
        raise ValueError(f"{rounds} rounds of {len(subjects)} subjects are nothing to time")
    calls = {name: _calls_for(subject, least) if least > 0 else 1 for name, subject in subjects.items()}
    timed = {name: partial(_time, subject, calls[name]) for name, subject in subjects.items()}
    taken = in_turn(timed, rounds + warm_up)[warm_up:]
    return Timings({name: tuple(row[name] for row in taken) for name in subjects})


def in_turn(subjects: Mapping[str, Callable[[], T]], rounds: int) -> list[dict[str, T]]:
    """What each subject gives in each round, the first one changing from round to round."""
    names = list(subjects)
    rounds_taken = []
    for k in range(rounds):
        first = k % len(names)
        rounds_taken.append({name: subjects[name]() for name in (*names[first:], *names[:first])})
    return rounds_taken


def _calls_for(subject: Subject, least: float) -> int:
    subject()
    calls = 1
    while (once := _time(subject, calls) * calls) < least:
        calls = max(calls + 1, int(1.2 * calls * least / max(once, 1e-9)))
    return calls


def _time(subject: Subject, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        subject()
    return (time.perf_counter() - start) / calls
