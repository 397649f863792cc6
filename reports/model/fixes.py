"""The fix: a change of a submission's own source with which everything of a part agrees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from reports.model.escape import printable


@dataclass(frozen=True)
class Fix:
    """A change: of which part, in which file and line, what is wrong there, and the line before and after.

    Whoever may know no more than the place has only that. Of a part that is still wrong then it has no code.
    """

    part: str
    file: str
    line: int
    words: str = ""
    before: str = ""
    after: str = ""

    @property
    def place(self) -> str:
        """The file and the line, in words."""
        return f"{printable(self.file)}, line {self.line}"

    def marked(self) -> list[str]:
        """The lines before, each after a minus sign, and those after, each after a plus sign."""
        texts = ("-", self.before), ("+", self.after)
        return [f"{sign} {printable(line)}" for sign, text in texts for line in text.split("\n")]

    def place_alone(self) -> Fix:
        """The same without what is wrong there and how it would be right."""
        return Fix(self.part, self.file, self.line)


COLUMNS = tuple(field.name for field in fields(Fix))


def to_rows(fixes: Iterable[Fix]) -> list[dict[str, Any]]:
    """The fixes as plain values."""
    return [asdict(fix) for fix in fixes]


def from_rows(rows: Iterable[Mapping[str, Any]] | None) -> list[Fix]:
    """The fixes of such values, without those that are damaged."""
    kinds = {name: int if name == "line" else str for name in COLUMNS}
    return [
        Fix(**row) for row in rows or () if row.keys() == kinds.keys() and all(type(row[n]) is kinds[n] for n in kinds)
    ]
