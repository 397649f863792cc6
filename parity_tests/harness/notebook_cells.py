"""Where the lines of a notebook's file stand in the notebook: its code cells are marked in the file, counted from 1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reports.model.records import Record

CELL = "# code cell"
"""What a line says before each cell, and then its number."""
_MARK = re.compile(rf"{CELL} (\d+)")


class Cells:
    """The cells of one file; where none are marked, each line stands where it is."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        marks = ((n, _MARK.fullmatch(line)) for n, line in enumerate(text.split("\n"), 1))
        self._starts = [(n, mark[1]) for n, mark in marks if mark is not None]
        self._place = re.compile(rf"\b{re.escape(file)}, line (\d+)")

    def __bool__(self) -> bool:
        return bool(self._starts)

    def place(self, file: str, line: int) -> tuple[str, int]:
        """The cell and the line in it, of a line of a file."""
        before = [one for one in self._starts if one[0] < line]
        return (f"code cell {before[-1][1]}", line - before[-1][0]) if file == self._file and before else (file, line)

    def text(self, said: str) -> str:
        """What is said, each place in it by cell."""
        return self._place.sub(lambda found: "{}, line {}".format(*self.place(self._file, int(found[1]))), said)

    def record(self, record: Record) -> Record:
        """A record, its place and what it says by cell."""
        file, line = self.place(record.file, record.line) if record.line else (record.file, record.line)
        return replace(record, file=file, line=line, message=self.text(record.message), note=self.text(record.note))

    def shown(self, excerpts: Mapping[str, Mapping[str, Mapping[int, str]]]) -> dict[str, dict[str, Any]]:
        """Excerpts by part, by cell and by line."""
        found: dict[str, dict[str, Any]] = {}
        for part, by_file in excerpts.items():
            of_part = found.setdefault(part, {})
            for file, lines in by_file.items():
                for n, line in lines.items():
                    if _MARK.fullmatch(line) is None:
                        where, own = self.place(file, n)
                        of_part.setdefault(where, {})[own] = line
        return found
