"""Text that nobody vouches for, made harmless for each medium that shows it: a submission writes parts of every report.

HTML is escaped by jinja2 and XML by the standard library, both after `printable`. What runs in a submission's own
process cannot import this and has a form of its own.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# GitHub makes links and mentions of words whether or not their marks are escaped by a backslash.
# A > marks nothing but a quotation, at the beginning: where no < is left, it ends no tag.
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), ("@", "&#64;"), ("://", "&#58;//"))
_MARKUP = re.compile(
    r"""[\\`*|~$]                         # code, emphasis, cells of a table, strikethrough, mathematics
    | (?<![^\W_])_ | _(?![^\W_])          # emphasis: between two letters an underscore is none
    | ^[\[+>-] | ^\d+(?=[.)](?:\s|$))     # what begins a task, an item of a list, or a quotation
    | \[(?=\[) | \](?=[(\[:]|$)           # links, references and their definitions
    | \#(?!\d+;)                          # headings and numbers of issues, but not the entities above
    """,
    re.VERBOSE,
)

# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# All but the tab and the ends of lines: a terminal that shows the file would obey them.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\r\n"}


def printable(text: str) -> str:
    """The text on one line, for a terminal or any other place: it moves no cursor, and rings no bell.

    Ends of lines and tabs become spaces, other characters that cannot be printed their escapes in Python.
    """
    return text if text.isprintable() else _without_unprintable(text.replace("\n", " ").replace("\t", " "))


def path_text(path: str | os.PathLike[str]) -> str:
    """The path on one line, with escapes in Python for what cannot be printed, ends of lines among it."""
    return _without_unprintable(os.fspath(path))


def _without_unprintable(text: str) -> str:
    return "".join(symbol if symbol.isprintable() else repr(symbol)[1:-1] for symbol in text)


def encodable(text: str) -> str:
    """The text as every file format can hold it: lone surrogates, of names in an odd encoding, are written out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def markdown(text: str) -> str:
    """The text on one line of Markdown, in which nothing is markup, a link, a mention, or HTML."""
    flat = printable(text).strip()
    for mark, entity in _ENTITIES:
        flat = flat.replace(mark, entity)
    flat = re.sub(r"(?i)\bwww\.", "www&#46;", flat)
    return _MARKUP.sub(_with_backslash, flat)


def markdown_with_code(text: str) -> str:
    """The same with what stands between “ and ” as code, in which nothing has to be escaped."""
    told = ""
    for at, piece in enumerate(re.split(r"“([^“”]*[^“”\s][^“”]*)”", printable(text))):
        fence, pad = "`" * (1 + max(map(len, re.findall("`+", piece)), default=0)), " " * ("`" in piece)
        words = f"{' ' * piece.startswith(' ')}{markdown(piece)}{' ' * piece.endswith(' ')}"
        told += f"{fence}{pad}{piece}{pad}{fence}" if at % 2 else words
    return told.strip()


def _with_backslash(match: re.Match[str]) -> str:
    mark = match[0]
    return f"{mark}\\" if mark[-1].isdecimal() else f"\\{mark}"


def docstring(text: str) -> str:
    """The text on one line of a docstring of Python's, which nothing in it ends."""
    return "".join(symbol for symbol in text if symbol.isprintable() and symbol not in '\\"').strip()


def workflow_message(text: str) -> str:
    """The text as the message of a command to GitHub's runner."""
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """The text as a property of such a command, which ends at a comma or a colon."""
    return workflow_message(text).replace(":", "%3A").replace(",", "%2C")


def csv_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with control characters written out, and an apostrophe before what would run as a formula."""
    safe = frame.copy()
    for name in safe.columns[safe.dtypes == "string"]:
        safe[name] = [_csv_cell(cell) if isinstance(cell, str) else cell for cell in safe[name]]
    return safe


def _csv_cell(text: str) -> str:
    return f"'{text.translate(_CONTROLS)}" if text.startswith(_FORMULA) else text.translate(_CONTROLS)
