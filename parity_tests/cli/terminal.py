"""The terminal as commands see it: its width, its colours, a progress bar, complaints."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import textwrap
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from reports.terminal.lines import Paint

_COLOURS = {"good": "green", "bad": "red", "warn": "yellow"}
PROGRESS_AFTER = 2.0  # seconds
_TELLING = 0.05  # of the cases: before, the first of them and the start would tell how long the others take
EVERY = 10.0
"""Seconds between the lines that tell how far it is where no bar can be drawn."""


class Progress:
    """A bar on standard error for what takes longer than two seconds; without a terminal, a line now and then.

    A line for each where it is `verbose`, and nothing where it is `quiet`.
    """

    def __init__(self, doing: str = "checking", *, verbose: bool = False, quiet: bool = False) -> None:
        self._doing = doing
        self._verbose, self._quiet = verbose, quiet
        self._start = self._last_line = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._bar: Any = None

    def __enter__(self) -> Callable[[int, int, str], None]:
        return self._advance

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _advance(self, done: int, total: int, case: str) -> None:
        from reports.model.numbers import duration

        now = time.monotonic()
        left = duration(max(round((now - self._start) * (total - done) / max(done, 1)), 1))
        case = f"{case}, {left} left" if total > done >= _TELLING * total else case
        if self._quiet:
            return
        if self._verbose or not self._terminal:
            if self._verbose or now - self._last_line >= EVERY:
                self._last_line = now
                complain(f"{self._doing}: {done} of {total}, {case}.")
            return
        if now - self._start < PROGRESS_AFTER:
            return
        if self._bar is None:
            self._bar = progress_bar(self._doing, total)
        self._bar.update(self._bar.task_ids[0], completed=done, total=total, description=case)


def progress_bar(doing: str, total: int) -> Bar:
    """A bar on standard error that has begun, and disappears when it is stopped; its only task counts to `total`."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    bar.add_task("", total=total)
    bar.start()
    return bar


def paint() -> Paint:
    """How texts are coloured: not at all where the output is no terminal, or NO_COLOR is set."""
    from reports.terminal.lines import plain

    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return plain
    return lambda text, style: click.style(
        text, fg=_COLOURS.get(style), bold=style in ("head", "bad"), dim=style == "dim"
    )


def width() -> int:
    """The columns there are: at least 80, at most 120, 80 where the output is no terminal."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, 80), 120)


def wrapped(sentence: str) -> list[str]:
    """A sentence in lines that fit the terminal, all indented alike."""
    indent = " " * (len(sentence) - len(sentence.lstrip()))
    return textwrap.wrap(sentence, width(), subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)


def complain(sentence: str) -> None:
    """Prints a sentence on standard error, behind the name of the program."""
    text = f"parity: {sentence}"
    lines = (line for one in text.split("\n") for line in wrapped(one)) if sys.stderr.isatty() else (text,)
    for line in lines:
        click.echo(line, err=True)


def keep_traceback(error: Exception, advice: str = "please report it") -> str:
    """Writes the traceback to a temporary file; the sentence that says where it is, or why it is not there."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="parity-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            traceback.print_exception(error, file=file)
    except OSError as failure:
        return f"The traceback could not be kept ({failure.strerror})."
    return f"The traceback is in {file.name}; {advice}."
