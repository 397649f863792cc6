"""Says how far the grading of a class is, how fast, and how long it will take; and each flag, at once."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from parity_tests.cli.terminal import complain, progress_bar

if TYPE_CHECKING:
    from parity_tests.grading.flags import Flag

EVERY = 30.0
"""Seconds between the lines that tell how far it is where no bar can be drawn."""


class GradingProgress:
    """A bar on standard error or, where that is no terminal, a line now and then."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._total = self._finished = self._earlier = 0
        self._start = self._last_line = time.monotonic()

    def __enter__(self) -> GradingProgress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, submissions: int, isolation: str) -> None:
        """So many submissions are to be checked, each so isolated."""
        complain(f"{submissions} submission{'s' if submissions != 1 else ''}; {isolation}.")
        self._total = submissions
        self._start = self._last_line = time.monotonic()
        if sys.stderr.isatty():
            self._bar = progress_bar("grading", submissions)

    def finished(self, name: str, *, new: bool) -> None:
        """A submission has a result: a new one, or that of an earlier run."""
        self._finished += 1
        self._earlier += not new
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._finished, description=self._pace())
        elif time.monotonic() - self._last_line > EVERY:
            self._last_line = time.monotonic()
            click.echo(f"parity: {self._finished} of {self._total} graded; {self._pace()}", err=True)

    def flagged(self, flag: Flag) -> None:
        """A submission needs a human look."""
        from reports.model.escape import printable

        line = printable(f"{flag.submission}: {flag.kind}: {flag.why}")
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            complain(line)

    def _pace(self) -> str:
        new = self._finished - self._earlier
        seconds = time.monotonic() - self._start
        if not new:
            return f"{self._earlier} were there already"
        left = (self._total - self._finished) * seconds / new
        return f"{new / seconds:.1f} a second, {_duration(left)} left"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
