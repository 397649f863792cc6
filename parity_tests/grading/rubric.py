"""The rubric: what each part is worth, read from a TOML file whose every mistake is a sentence with its line."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn


class RubricError(Exception):
    """A rubric that cannot be used; the message is a sentence with the file and the line."""


@dataclass(frozen=True)
class Part:
    """Points for the quantities of some checks, those in `without` aside.

    What another TODO than `todo` explains counts as earned, unless `todo` or one that the part `needs` is missing.
    """

    name: str
    points: float
    checks: tuple[str, ...]
    todo: str = ""
    needs: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rubric:
    """All parts in their order, and how their points are given."""

    parts: tuple[Part, ...]
    partial_credit: bool = True
    note_cost: float = 0.0
    free: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parts."""
        return tuple(part.name for part in self.parts)


def load_rubric(path: Path, checks: Collection[str]) -> Rubric:
    """The rubric in this file; `checks` are those that there are. Raises RubricError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RubricError(f"the rubric {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RubricError(f"the rubric {path} is not in UTF-8") from None
    return parse_rubric(text, str(path), checks)


def parse_rubric(text: str, name: str, checks: Collection[str]) -> Rubric:
    """The rubric of this text; `name` is what messages call it. Raises RubricError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = str(error)[:1].lower() + str(error)[1:]
        end = f"at line {len(text.splitlines())}, the end of the file"
        raise RubricError(f"{name}: {problem.replace('at end of document', end)}") from None
    return _Reader(text, name, checks).rubric(table)


class _Reader:
    """Checks what TOML has made of the text, and finds the line of what is wrong."""

    def __init__(self, text: str, name: str, checks: Collection[str]) -> None:
        self._lines = text.splitlines()
        self._name = name
        self._checks = checks

    def rubric(self, table: Mapping[str, Any]) -> Rubric:
        self._known(table, {"partial_credit", "note_cost", "free", "part"}, 0)
        partial = table.get("partial_credit", True)
        if not isinstance(partial, bool):
            self._fail("partial_credit must be true or false", "partial_credit", 0)
        cost = self._number(table.get("note_cost", 0), "note_cost", 0)
        free = self._texts(table.get("free", []), "free", 0)
        rows = table.get("part")
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            self._fail("there is no [[part]], so there is nothing to give points for", "part", 0)
        parts = [self._part(row, number) for number, row in enumerate(rows, 1)]
        self._refuse_twice(parts)
        if not any(part.points for part in parts):
            self._fail("all parts are worth 0 points", "points", 1)
        return Rubric(tuple(parts), partial, cost, frozenset(free))

    def _part(self, row: Mapping[str, Any], number: int) -> Part:
        self._known(row, {"name", "points", "checks", "todo", "needs", "without"}, number)
        for key in ("name", "points", "checks"):
            if key not in row:
                self._fail(f"this part has no {key}", "", number)
        name = row["name"]
        if not isinstance(name, str) or not re.fullmatch(r"\w[\w -]{0,39}", name):
            self._fail("name must be a short text of letters, digits, spaces and dashes", "name", number)
        checks = self._texts(row["checks"], "checks", number)
        if not checks:
            self._fail(f"the part {name} names no checks", "checks", number)
        for check in checks:
            if check not in self._checks:
                there_are = ", ".join(sorted(self._checks))
                self._fail(f"there is no check {check!r}; there are {there_are}", "checks", number)
        todo = row.get("todo", "")
        if not isinstance(todo, str):
            self._fail('todo must be a text, such as "10"', "todo", number)
        needs = self._texts(row.get("needs", []), "needs", number)
        without = self._texts(row.get("without", []), "without", number)
        points = self._number(row["points"], "points", number)
        return Part(name, points, tuple(checks), todo, tuple(needs), frozenset(without))

    def _refuse_twice(self, parts: list[Part]) -> None:
        names: dict[str, str] = {}
        checks: dict[str, str] = {}
        for number, part in enumerate(parts, 1):
            if part.name in names or part.name in RESERVED:
                self._fail(f"a part cannot be called {part.name!r}: that name is taken", "name", number)
            names[part.name] = part.name
            for check in part.checks:
                if check in checks:
                    self._fail(f"the check {check!r} already gives points in {checks[check]}", "checks", number)
                checks[check] = part.name

    def _known(self, table: Mapping[str, Any], keys: set[str], part: int) -> None:
        for key in table:
            if key not in keys:
                self._fail(f"there is no setting {key!r} here; there are {', '.join(sorted(keys))}", key, part)

    def _number(self, value: Any, key: str, part: int) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            self._fail(f"{key} must be a number of points, 0 or more, not {value!r}", key, part)
        return float(value)

    def _texts(self, value: Any, key: str, part: int) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._fail(f'{key} must be a list of names, such as ["relu"]', key, part)
        return list(value)

    def _fail(self, problem: str, key: str, part: int) -> NoReturn:
        raise RubricError(f"{self._name}, line {self._line(key, part)}: {problem}")

    def _line(self, key: str, part: int) -> int:
        """The line where `key` is set in the part of that number, or in what stands before the first (0)."""
        seen = 0
        first = 1
        for number, line in enumerate(self._lines, 1):
            if re.match(r"\s*\[\[\s*part\s*\]\]", line):
                seen += 1
                first = number if seen == part else first
            if seen == part and key and re.match(rf"\s*\[*[\"']?{re.escape(key)}[\"']?\s*(=|\.|\])", line):
                return number
        return first


RESERVED = frozenset(
    ("submission", "student", "email", "id", "late", "when", "edition", "total", "maximum", "status", "overridden")
)
"""Names of other columns in the table of grades."""
