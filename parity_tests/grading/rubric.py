"""The rubric: what each item is worth, read from a TOML file whose every mistake is a sentence with its line."""

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
class Item:
    """Points for the quantities of some checks, those in `without` aside.

    What another TODO than `part` explains counts as earned, unless `part` or one that the item `needs` is missing.
    """

    name: str
    points: float
    checks: tuple[str, ...]
    part: str = ""
    needs: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rubric:
    """All items in their order, and how their points are given."""

    items: tuple[Item, ...]
    partial_credit: bool = True
    note_cost: float = 0.0
    free: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the items."""
        return tuple(item.name for item in self.items)


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
        self._known(table, {"partial_credit", "note_cost", "free", "item"}, 0)
        partial = table.get("partial_credit", True)
        if not isinstance(partial, bool):
            self._fail("partial_credit must be true or false", "partial_credit", 0)
        cost = self._number(table.get("note_cost", 0), "note_cost", 0)
        free = self._texts(table.get("free", []), "free", 0)
        rows = table.get("item")
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            self._fail("there is no [[item]], so there is nothing to give points for", "item", 0)
        items = [self._part(row, number) for number, row in enumerate(rows, 1)]
        self._refuse_twice(items)
        if not any(item.points for item in items):
            self._fail("all items are worth 0 points", "points", 1)
        return Rubric(tuple(items), partial, cost, frozenset(free))

    def _part(self, row: Mapping[str, Any], number: int) -> Item:
        self._known(row, {"name", "points", "checks", "part", "needs", "without"}, number)
        for key in ("name", "points", "checks"):
            if key not in row:
                self._fail(f"this item has no {key}", "", number)
        name = row["name"]
        if not isinstance(name, str) or not re.fullmatch(r"\w[\w -]{0,39}", name):
            self._fail("name must be a short text of letters, digits, spaces and dashes", "name", number)
        checks = self._texts(row["checks"], "checks", number)
        if not checks:
            self._fail(f"the item {name} names no checks", "checks", number)
        for check in checks:
            if check not in self._checks:
                there_are = ", ".join(sorted(self._checks))
                self._fail(f"there is no check {check!r}; there are {there_are}", "checks", number)
        part = row.get("part", "")
        if not isinstance(part, str):
            self._fail('part must be a text, such as "10"', "part", number)
        needs = self._texts(row.get("needs", []), "needs", number)
        without = self._texts(row.get("without", []), "without", number)
        points = self._number(row["points"], "points", number)
        return Item(name, points, tuple(checks), part, tuple(needs), frozenset(without))

    def _refuse_twice(self, items: list[Item]) -> None:
        names: dict[str, str] = {}
        checks: dict[str, str] = {}
        for number, item in enumerate(items, 1):
            if item.name in names or item.name in RESERVED:
                self._fail(f"a item cannot be called {item.name!r}: that name is taken", "name", number)
            names[item.name] = item.name
            for check in item.checks:
                if check in checks:
                    self._fail(f"the check {check!r} already gives points in {checks[check]}", "checks", number)
                checks[check] = item.name

    def _known(self, table: Mapping[str, Any], keys: set[str], item: int) -> None:
        for key in table:
            if key not in keys:
                self._fail(f"there is no setting {key!r} here; there are {', '.join(sorted(keys))}", key, item)

    def _number(self, value: Any, key: str, item: int) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            self._fail(f"{key} must be a number of points, 0 or more, not {value!r}", key, item)
        return float(value)

    def _texts(self, value: Any, key: str, item: int) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._fail(f'{key} must be a list of names, such as ["relu"]', key, item)
        return list(value)

    def _fail(self, problem: str, key: str, item: int) -> NoReturn:
        raise RubricError(f"{self._name}, line {self._line(key, item)}: {problem}")

    def _line(self, key: str, item: int) -> int:
        """The line where `key` is set in the item of that number, or in what stands before the first (0)."""
        seen = 0
        first = 1
        for number, line in enumerate(self._lines, 1):
            if re.match(r"\s*\[\[\s*item\s*\]\]", line):
                seen += 1
                first = number if seen == item else first
            if seen == item and key and re.match(rf"\s*\[*[\"']?{re.escape(key)}[\"']?\s*(=|\.|\])", line):
                return number
        return first


RESERVED = frozenset(
    ("submission", "student", "email", "id", "late", "when", "edition", "total", "maximum", "status", "overridden")
)
"""Names of other columns in the table of grades."""
