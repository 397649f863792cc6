"""What the juries of the flow share: rows tried in processes of their own, tables as CSV and Markdown."""

from __future__ import annotations

import csv
import io
import multiprocessing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from reports.model.write_whole import write_whole

R = TypeVar("R")


def forked(work: Callable[[Callable[[R], None]], None], seconds: float) -> tuple[R | None, int | None]:
    """The last that `work` sends from a process of its own, None for nothing; and how that ended, None where it hung.

    It may take so many seconds between two things that it sends. It is forked, so that what is imported need not be
    imported again.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(theirs.send,), daemon=True)
    process.start()
    theirs.close()
    last, hung = None, True
    try:
        while ours.poll(seconds):
            last = ours.recv()
    except EOFError:
        hung = False
        process.join(60.0)  # which takes its time where there is much memory to give back
    process.kill()
    process.join()
    ours.close()
    return last, None if hung else process.exitcode


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]], digits: int = 3) -> None:
    """A table with numbers of so many digits, "" for None."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([shown(value, digits) for value in row] for row in rows)
    write_whole(path, text.getvalue().encode())


def shown(value: object, digits: int = 3) -> str:
    """A cell of a table."""
    return "" if value is None else f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def line(*cells: object) -> str:
    """A line of a table in Markdown."""
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def short(error: Exception) -> str:
    """What was raised, in a line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:200]
