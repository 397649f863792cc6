"""Times several subjects in turn, round after round, so that a machine that slows down slows them all."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

Subject = Callable[[], object]


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

    A subject that takes less than `least` seconds is called several times in a row, and the mean is kept. The first
    `warm_up` rounds are not counted. Raises ValueError for less than one round or no subject.
    """
    if rounds < 1 or not subjects:
        raise ValueError(f"{rounds} rounds of {len(subjects)} subjects are nothing to time")
    calls = {name: _calls_for(subject, least) for name, subject in subjects.items()}
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    names = list(subjects)
    for k in range(rounds + warm_up):
        for name in islice(names * 2, k % len(names), k % len(names) + len(names)):
            taken = _time(subjects[name], calls[name])
            if k >= warm_up:
                seconds[name].append(taken)
    return Timings({name: tuple(values) for name, values in seconds.items()})


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
