"""Lines of text as the terminal shows them: wrapped, painted, and laid out in tables."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterable, Sequence

from reports.model.records import Record, failing
from reports.model.verdicts import row_of

#: Puts a style ("good", "bad", "warn", "dim" or "head") on a piece of text.
Paint = Callable[[str, str], str]

_UNLIMITED = 10_000


def plain(text: str, style: str) -> str:
    """A Paint without colour."""
    return text


def style_of(records: Iterable[Record], strict: bool = False) -> str:
    """The style of the verdict on these records."""
    styles = {"bad" if failing(record, strict) else row_of(record.verdict).style for record in records}
    return next((style for style in ("bad", "warn") if style in styles), "good")


def wrapped(text: str, width: int, indent: str = "", *, first: str | None = None) -> list[str]:
    """The text in lines of at most `width` characters, indented; `first` stands in place of the first indent."""
    return textwrap.wrap(
        text,
        max(width, 40),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def table(rows: Sequence[Sequence[str]], align: str, *, width: int | None = None) -> list[str]:
    """Rows of cells, which may be painted, as lines with their columns in line.

    `align` has an "l" or "r" for each column. With a `width` the last column is cut off where a line would be longer.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=width is not None)
    for number, side in enumerate(align, 1):
        last = number == len(align)
        made.add_column(
            justify="right" if side == "r" else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if last and width is not None else None,
        )
    for row in rows:
        made.add_row(*map(Text.from_ansi, row))
    written = io.StringIO()
    console = Console(file=written, width=width or _UNLIMITED, force_terminal=True, color_system="standard")
    console.print(made)
    return [line.rstrip() for line in written.getvalue().splitlines()]
