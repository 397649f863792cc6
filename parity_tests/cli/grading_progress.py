"""Says how far the grading of a class is, how fast, and how long it will take."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.cli.terminal import complain, progress_bar
from parity_tests.protocol.errors import UsageError

if TYPE_CHECKING:
    from parity_tests.grading.flags import Flag


EVERY = 60.0
"""Seconds between two lines where there is no bar."""
_TELLING = 3
"""Submissions that tell how long others take: the start is in the first."""


class GradingProgress:
    """A bar on standard error or, where that is no terminal, a line now and then; nothing where it is `quiet`.

    With a `log` each submission is told as it ends, and what in it needs a human look, and everything that is told is
    added to that file, with the time; with `each` it is told alone.
    """

    def __init__(self, *, quiet: bool = False, log: Path | None = None, each: bool = False) -> None:
        self._quiet = quiet
        self._each = each or log is not None
        self._log_path = log
        self._log: logging.Logger | None = None
        self._bar: Any = None
        self._called: Mapping[str, str] = {}
        self._total = self._finished = self._earlier = 0
        self._start = self._last_line = time.monotonic()
        self._done = "graded"

    def __enter__(self) -> GradingProgress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._log is not None:
            self._log.info("stopped" if error[0] is not None else "finished")
            for handler in self._log.handlers[:]:
                self._log.removeHandler(handler)
                handler.close()

    def begin(self, submissions: int, isolation: str, remarks: Sequence[str], called: Mapping[str, str]) -> None:
        """So many submissions are to be checked, each so isolated; the folder that the log lies in is there.

        The remarks are told as they are, and each submission as it is `called`.
        """
        self._called = called
        if self._log_path is not None:
            self._log = _opened(self._log_path)
        self._tell(f"{submissions} submission{'s' if submissions != 1 else ''}; {isolation}.")
        for remark in remarks:
            self._tell(remark)
        self._begin("grading", submissions)

    def begin_fixes(self, submissions: int) -> None:
        """In so many submissions at most, fixes are sought."""
        if self._bar is not None:
            self._bar.stop()
        self._tell("Looking for the changes that make wrong functions right; stopped, the same command goes on.")
        self._done, self._finished, self._earlier = "searched", 0, 0
        self._begin("looking for fixes", submissions)

    def _begin(self, what: str, submissions: int) -> None:
        self._total = submissions
        self._start = self._last_line = time.monotonic()
        if sys.stderr.isatty() and not self._quiet:
            self._bar = progress_bar(what, submissions)

    def finished(self, name: str, *, new: bool, found: str = "") -> None:
        """A submission has a result: a new one, of which `found` is told, or that of an earlier run."""
        self._finished += 1
        self._earlier += not new
        if self._each:
            self._tell(f"{self._called[name]}: {found if new else 'is there already'}")
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._finished, description=self._pace())
        elif not self._quiet and time.monotonic() - self._last_line > EVERY:
            self._last_line = time.monotonic()
            click.echo(f"parity: {self._finished} of {self._total} {self._done}; {self._pace()}", err=True)

    def flagged(self, flag: Flag) -> None:
        """A submission needs a human look; the class page says so too, but a fault of Parity's own is told at once."""
        from parity_tests.grading.flags import FlagKind

        if self._each or flag.kind == FlagKind.HARNESS_ERROR:
            self._tell(f"{self._called[flag.submission]}: {flag.kind}: {flag.why}")

    def _tell(self, sentence: str) -> None:
        from reports.model.escape import printable

        line = printable(sentence)
        if self._log is not None:
            self._log.info(line)
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            complain(line)

    def _pace(self) -> str:
        from reports.model.numbers import duration

        new = self._finished - self._earlier
        seconds = time.monotonic() - self._start
        if not new:
            return f"{self._earlier} were there already"
        left = duration(round((self._total - self._finished) * seconds / new))
        pace = f"{new / seconds:.1f} a second" if new > seconds else f"{seconds / new:.0f} s each"
        return f"{pace}{f', {left} left' if self._finished < self._total and new >= _TELLING else ''}"


class _LogFile(logging.FileHandler):
    """A log file whose loss, such as by a full disk, is said once and stops nothing."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging calls it so
        """Say it, and write no more."""
        self.setLevel(logging.CRITICAL)
        complain(f"the log {self.baseFilename} cannot be written any more.")


def _opened(path: Path) -> logging.Logger:
    """A log that adds to this file. Raises UsageError where it cannot be written."""
    try:
        handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"the log {path} cannot be written ({error.strerror}).") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.Logger("parity", logging.INFO)
    log.addHandler(handler)
    return log
