"""A CSV file of which single cells are changed and every other byte stays: quotes, ends of lines, encoding."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from parity_tests.protocol.errors import UsageError

_DELIMITERS = (",", ";", "\t")
_ENCODINGS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_END = re.compile(r"\r\n|\n|\r")


class NoCsvError(Exception):
    """A text that is no CSV; the message is a sentence without the file, with the line."""


@dataclass
class RawCsv:
    """The cells of a file as they stand in it, row by row; at which line each row begins, and how it ends."""

    mark: bytes
    encoding: str
    delimiter: str
    rows: list[list[str]]
    ends: list[str]
    lines: list[int]

    @classmethod
    def of(cls, data: bytes, delimiter: str = "") -> RawCsv:
        """The table in these bytes; left out, the delimiter is that which its header has most. Raises NoCsvError."""
        if data.startswith(b"PK\3\4"):
            raise NoCsvError("line 1: this is a zip or a workbook of Excel; export the table as CSV")
        mark, encoding = next(((mark, name) for mark, name in _ENCODINGS if data.startswith(mark)), (b"", "utf-8"))
        body = data[len(mark) :]
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            if mark:
                raise NoCsvError(f"line 1: it begins as {encoding} and is not") from None
            encoding = "cp1252"
            text = body.decode(encoding, "surrogateescape")
        header = _END.split(_QUOTED.sub("", text), maxsplit=1)[0]
        delimiter = delimiter or max(_DELIMITERS, key=header.count)
        return cls(mark, encoding, delimiter, *_split(text, delimiter))

    def to_bytes(self) -> bytes:
        """The file: as it was read, but for what was set."""
        lines = (self.delimiter.join(cells) + end for cells, end in zip(self.rows, self.ends, strict=True))
        return self.mark + "".join(lines).encode(self.encoding, "surrogateescape")

    def value(self, row: int, column: int) -> str:
        """What a cell says, without its quotes; "" where the row is too short."""
        cells = self.rows[row]
        if column >= len(cells):
            return ""
        cell = cells[column]
        return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell

    def set(self, row: int, column: int, value: str) -> None:
        """Change a cell. It is quoted if it was, or if it must be."""
        cells = self.rows[row]
        cells += [""] * (column + 1 - len(cells))
        special = any(symbol in value for symbol in (self.delimiter, '"', "\r", "\n"))
        quoted = cells[column].startswith('"') or special
        escaped = value.replace('"', '""')
        cells[column] = f'"{escaped}"' if quoted else value


def read_csv(path: Path, name: str) -> RawCsv:
    """The table in a file, which messages call `name`. Raises UsageError."""
    try:
        return RawCsv.of(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.") from None
    except NoCsvError as error:
        raise UsageError(f"{name}, {error}.") from None


def _split(text: str, delimiter: str) -> tuple[list[list[str]], list[str], list[int]]:
    """The rows of raw cells, how each ends and at which line it begins. Raises NoCsvError."""
    bare = re.compile(rf"[^{re.escape(delimiter)}\r\n]*")
    rows: list[list[str]] = []
    ends: list[str] = []
    lines: list[int] = []
    cells: list[str] = []
    place, line = 0, 1
    while place < len(text) or cells:
        quoted = text.startswith('"', place)
        match = (_QUOTED if quoted else bare).match(text, place)
        if match is None:
            raise NoCsvError(f"line {line}: a quote is opened and never closed")
        lines += [] if cells else [line]
        cells.append(match[0])
        line += len(_END.findall(match[0]))
        place = match.end()
        if text.startswith(delimiter, place):
            place += 1
            if place < len(text):
                continue
            cells.append("")  # the text ends with a delimiter: behind it is an empty cell
        end = _END.match(text, place)
        if end is None and place < len(text):
            raise NoCsvError(f"line {line}: there is something behind a closing quote")
        rows.append(cells)
        ends.append(end[0] if end else "")
        cells = []
        place = end.end() if end else place
        line += 1
    return rows, ends, lines
