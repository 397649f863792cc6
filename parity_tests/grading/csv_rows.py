"""The rows of a CSV file that a person wrote: text by the names in the header, each row with its line."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from parity_tests.grading.raw_csv import RawCsv, read_csv
from parity_tests.grading.rubric import RubricError
from reports.model.escape import path_text

_LINES = "\t\n\r"
"""The control characters that a text of several lines may hold."""


def control_in(text: str, allowed: str = "") -> str:
    """The first control character in a text, as the object of a sentence; "" where there is none."""
    found = (one for one in text if unicodedata.category(one) == "Cc" and one not in allowed)
    return next((f"the control character U+{ord(one):04X}" for one in found), "")


def rows_of(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows that hold something, by the names of these columns, of which only the `optional` may be absent.

    Case and spaces around a name do not matter, nor other columns. Raises UsageError, a sentence with the line.
    """
    header, rows = named_rows(path, str(path))
    _refuse_header(path, header, columns, optional)
    for line, named in rows:
        refuse_control(path, line, named, _LINES)
        yield line, {name: named.get(name, "") for name in (*columns, *optional)}


def named_rows(path: Path, name: str) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header of a table, in small letters, and by it each row that holds something, with its line.

    `name` is what messages call the file. Raises UsageError.
    """
    table = read_csv(path, name)
    header = [cell.lower() for cell in _cells(table, 0)] if table.rows else []
    found = []
    for row, line in enumerate(table.lines[1:], 1):
        cells = _cells(table, row)
        if surplus := [*filter(None, cells[len(header) :])]:
            where = f"{path_text(path)}, line {line}"
            raise RubricError(f"{where}: {surplus[0]!r} is in no column; a text with a comma needs quotes around it.")
        if any(cells):
            found.append((line, dict(zip(header, [*cells, *[""] * len(header)], strict=False))))
    return header, found


def _cells(table: RawCsv, row: int) -> list[str]:
    texts = (table.value(row, column) for column in range(len(table.rows[row])))
    return [text.encode("utf-8", "replace").decode().strip() for text in texts]  # bytes of no character


def refuse_control(path: Path, line: int, named: Mapping[str, str], allowed: str = "") -> None:
    """Raise RubricError, a sentence with the line, where a cell holds a control character that is not `allowed`."""
    for name, cell in named.items():
        if control := control_in(cell, allowed):
            raise RubricError(f"{path_text(path)}, line {line}: there is {control} in the column {name}; take it out.")


def _refuse_header(path: Path, header: Sequence[str], columns: Sequence[str], optional: Sequence[str]) -> None:
    missing = [name for name in columns if name not in header]
    if missing == ["item"] and "part" in header:
        raise RubricError(f"{path}, line 1: a group of points is called an item now: write item in place of part.")
    if missing:
        raise RubricError(f"{path}, line 1: there is no column {', '.join(missing)}; it needs {', '.join(columns)}.")
    twice = [name for name in (*columns, *optional) if header.count(name) > 1]
    if twice:
        raise RubricError(f"{path}, line 1: there are two columns {twice[0]}.")
