"""Times several subjects in turn, round after round, so that a machine that slows down slows them all."""

from __future__ import annotations

import os
import subprocess
import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from parity_tests.protocol.errors import HarnessError

Subject = Callable[[], object]
Seconds = Mapping[str, Sequence[float]]
"""Of each subject its seconds a call, one figure a round; the rounds of all subjects belong together."""
Held = Mapping[tuple[str, str], float | None]
"""Which subject is held against which other, and the largest ratio asked for, None where none is."""
T = TypeVar("T")

STEERING = ("OPENBLAS_", "MKL_", "OMP_")
"""How the names of settings begin by which an environment steers a BLAS: to other kernels than the machine's own."""
_UNUSUAL = "PYTHONDONTWRITEBYTECODE"
"""Where it is set, each process compiles all of Parity anew."""
_SLOW = 5
"""Rounds at most of whole processes that take seconds."""


@dataclass(frozen=True)
class Wanted:
    """How many rounds are asked for, how many submissions in the classes, and how many threads of BLAS."""

    rounds: int
    submissions: int
    threads: int = 1
    short: bool = False
    """Whether models that take seconds a round are left out."""
    whole: bool = False
    """Whether what grows is done at the largest sizes as well."""

    @property
    def slow(self) -> int:
        """The rounds of what takes seconds."""
        return min(self.rounds, _SLOW)

    def asked(self, target: float | None) -> float | None:
        """A target of what was tuned on one thread: none where there are more."""
        return target if self.threads == 1 else None


@dataclass(frozen=True)
class Timed:
    """What was timed under one name: seconds by round, and the names that it is held against, with their targets.

    `about` holds what else is said of it, by the names in `results`.
    """

    name: str
    seconds: Sequence[float]
    against: Mapping[str, float | None] = field(default_factory=dict)
    about: Mapping[str, str | int] = field(default_factory=dict)


def timed(case: str, seconds: Seconds, held: Held) -> Iterator[Timed]:
    """What was timed in turn in one case."""
    for name, values in seconds.items():
        against = {f"{other}, {case}": target for (subject, other), target in held.items() if subject == name}
        yield Timed(f"{name}, {case}", values, against)


def alternate(subjects: Mapping[str, Subject], *, rounds: int, least: float = 0.0, warm_up: int = 1) -> Seconds:
    """Call every subject once a round, the first one changing from round to round.

    A subject that takes less than `least` seconds is called several times in a row, and the mean is kept. The first
    `warm_up` rounds are not counted.
    """
    taken = in_turn(
        {name: partial(_time, timeit.Timer(call), least) for name, call in subjects.items()}, rounds + warm_up
    )
    return {name: [row[name] for row in taken[warm_up:]] for name in subjects}


def in_turn(subjects: Mapping[str, Callable[[], T]], rounds: int) -> list[dict[str, T]]:
    """What each subject gives in each round, the first one changing from round to round."""
    names = list(subjects)
    rounds_taken = []
    for k in range(rounds):
        first = k % len(names)
        rounds_taken.append({name: subjects[name]() for name in (*names[first:], *names[:first])})
    return rounds_taken


def _time(timer: timeit.Timer, least: float) -> float:
    once = timer.timeit(1)
    calls = int(least / once) if once else 0
    return timer.timeit(calls) / calls if calls > 1 else once


# ---- whole processes


def steering() -> list[str]:
    """The settings of a BLAS in the environment, but for the number of its threads."""
    return [name for name in os.environ if name.startswith(STEERING) and not name.endswith("_NUM_THREADS")]


def unsteered(threads: int) -> dict[str, str]:
    """The environment without them, and with so many threads of each BLAS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(STEERING) and name != _UNUSUAL}
    return {**kept, **dict.fromkeys((f"{library}NUM_THREADS" for library in STEERING), str(threads))}


def run(command: Sequence[str], *, folder: Path | None = None, status: int = 0) -> str:
    """Run a command to its end, in `folder` or here; what it printed. Raises HarnessError if it ends otherwise.

    It runs with one thread of each BLAS, and with none of the settings by which others steer one.
    """
    done = subprocess.run(command, capture_output=True, check=False, text=True, cwd=folder, env=unsteered(1))
    if done.returncode != status:
        said = (done.stderr or done.stdout).strip()[-300:]
        raise HarnessError(f"`{' '.join(command)[:300]}` ended with {done.returncode}: {said}")
    return done.stdout
