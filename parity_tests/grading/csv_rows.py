"""The rows of a CSV file that a person wrote: text by the names in the header, each row with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from parity_tests.grading.control_characters import LINES, control_in
from parity_tests.grading.rubric import RubricError, read_utf8


def rows_of(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows that hold something, by the names of these columns, of which only the `optional` may be absent.

    Case and spaces around a name do not matter, nor other columns. Semicolons may part them, as in Excel in German.
    Raises RubricError, a sentence with the line.
    """
    text = read_utf8(path, str(path))
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _refuse_header(path, header, columns, optional)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                refuse_surplus(path, reader.line_num, cells, header)
                padded = [*(cell.strip() for cell in cells), *([""] * len(header))]
                named = dict(zip(header, padded, strict=False))
                _refuse_control(path, reader.line_num, named)
                yield reader.line_num, {name: named.get(name, "") for name in (*columns, *optional)}
    except csv.Error as error:
        raise RubricError(f"{path}, line {reader.line_num}: this is no CSV ({error}).") from None


def _refuse_control(path: Path, line: int, named: Mapping[str, str]) -> None:
    for name, cell in named.items():
        if control := control_in(cell, LINES):
            raise RubricError(f"{path}, line {line}: there is {control} in the column {name}; take it out.")


def refuse_surplus(path: Path | str, line: int, cells: Sequence[str], header: Sequence[str]) -> None:
    """Raise RubricError, a sentence with the line, where something stands behind the last column."""
    surplus = [cell.strip() for cell in cells[len(header) :] if cell.strip()]
    if surplus:
        raise RubricError(
            f"{path}, line {line}: {surplus[0]!r} is in no column; a text with a comma needs quotes around it."
        )


def _refuse_header(path: Path, header: Sequence[str], columns: Sequence[str], optional: Sequence[str]) -> None:
    missing = [name for name in columns if name not in header]
    if missing == ["item"] and "part" in header:
        raise RubricError(f"{path}, line 1: a group of points is called an item now: write item in place of part.")
    if missing:
        raise RubricError(f"{path}, line 1: there is no column {', '.join(missing)}; it needs {', '.join(columns)}.")
    twice = [name for name in (*columns, *optional) if header.count(name) > 1]
    if twice:
        raise RubricError(f"{path}, line 1: there are two columns {twice[0]}.")
