"""The rubric: what each item is worth, read from a TOML file whose every mistake is a sentence with its line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec

from parity_tests.grading.decode import MISSING, SYNTAX, UNKNOWN, DecodeError, from_toml, line_of
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError
from reports.model.environment import Environment

RESERVED = frozenset(("submission", "student", "email", "id", "late", "when", "edition"))
RESERVED |= {"total", "maximum", "per_cent", "taken_off", "status", "overridden"}
"""Names of other columns in the table of grades."""

Number = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
Name = Annotated[str, msgspec.Meta(pattern=r"\A\w[\w .:-]{0,39}\Z")]


class RubricError(UsageError):
    """A rubric, or a file of overrides, that cannot be used; the message is a sentence with the file and the line."""


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points for the quantities of some checks and of some parts, those in `without` aside.

    What another part than `part` explains is earned all the same, unless nothing of the item was judged.
    """

    name: Name
    points: Number
    checks: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    part: str = ""
    without: frozenset[str] = frozenset()


class RubricFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file says of a rubric: all items in their order, and how their points are given.

    `show_fixes` lets students read how a line would be right, where that was sought; else they read which line it is.
    """

    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1)] = msgspec.field(name="item")
    partial_credit: bool = True
    note_cost: Number = 0.0
    free: frozenset[str] = frozenset()
    show_fixes: bool = False


class Rubric(RubricFile, frozen=True, forbid_unknown_fields=True):
    """A rubric, with what null submissions get right of its assignment: checks and quantities that earn nothing."""

    null: frozenset[tuple[str, str]] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the items."""
        return tuple(item.name for item in self.items)


@dataclass(frozen=True)
class Vocabulary:
    """The names that a rubric may use: the checks of an assignment, its parts, and its quantities.

    A quantity is known by its check, its part and its name; where none is known, none is refused. `null` are the checks
    and names of those that null submissions get right.
    """

    checks: frozenset[str]
    parts: tuple[str, ...]
    quantities: frozenset[tuple[str, str, str]] = frozenset()
    null: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, assignment: Assignment) -> Vocabulary:
        """The names that a rubric of this assignment may use."""
        parts = tuple(part.id for part in assignment.parts)
        return cls(frozenset(assignment.checks), parts, quantities_of(assignment), assignment.null_quantities)

    def quantities_in(self, item: Item) -> frozenset[str]:
        """The names of the quantities that an item gives points for."""
        return frozenset(name for _, name in self._asked_in(item))

    def earning_in(self, item: Item) -> frozenset[str]:
        """Those of them that not every null submission gets right, and that the item does not leave out."""
        return frozenset(name for _, name in self._asked_in(item) - self.null) - item.without

    def _asked_in(self, item: Item) -> frozenset[tuple[str, str]]:
        asked = ((check, part, name) for check, part, name in self.quantities)
        return frozenset((check, name) for check, part, name in asked if check in item.checks or part in item.parts)


def quantities_of(assignment: Assignment) -> frozenset[tuple[str, str, str]]:
    """The check, the part and the name of each quantity of an assignment, of all its editions."""
    return frozenset(
        (case.check, quantity.part, quantity.name)
        for edition in assignment.editions.names
        for case in assignment.cases(edition, ("float64", "float32"))
        for quantity in case.quantities
    )


def load_rubric(path: Path, vocabulary: Vocabulary) -> tuple[Rubric, str]:
    """The rubric in this file, and its text. Raises RubricError."""
    text = read_utf8(path, f"the rubric {path}")
    return parse_rubric(text, str(path), vocabulary), text


def read_utf8(path: Path, name: str) -> str:
    """The text of a file in UTF-8, without its byte order mark; `name` is what messages call it. Raises RubricError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RubricError(f"{name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise RubricError(f"{name} is not in UTF-8.") from None


def parse_rubric(text: str, name: str, vocabulary: Vocabulary) -> Rubric:
    """The rubric of this text; `name` is what messages call it. Raises RubricError."""
    rubric = _decoded(text, name, vocabulary.null)
    _Names(text, name, vocabulary).check(rubric)
    return rubric


def rubric_of_run(environment: Environment) -> Rubric:
    """The usual rubric, which a run folder keeps of its assignment. Raises RubricError."""
    if environment.rubric is None:
        raise RubricError("this run folder keeps no rubric; `parity check` makes one that does.")
    return _decoded(environment.rubric, "the rubric of the run", frozenset(environment.null or ()))


def _decoded(text: str, name: str, null: frozenset[tuple[str, str]]) -> Rubric:
    try:
        return Rubric(**msgspec.structs.asdict(from_toml(text, RubricFile)), null=null)
    except DecodeError as error:
        raise RubricError(f"{name}, line {error.line}: {_sentence(error)}.") from None


_LIST = 'a list of names, such as ["linear"]'
_POINTS = "a number of points, 0 or more"
_MUST_BE = {
    "partial_credit": "true or false",
    "show_fixes": "true or false",
    "note_cost": _POINTS,
    "free": _LIST,
    "item": "a list of tables, each begun by [[item]]",
    "name": "a short text of letters, digits, spaces, dots and dashes",
    "points": _POINTS,
    "checks": _LIST,
    "parts": _LIST,
    "part": 'a text, such as "10"',
    "without": _LIST,
}
_RENAMED = {
    ("", "part"): "a group of points is called an item now: write [[item]] in place of [[part]]",
    ("item", "todo"): "this is called part now: write part in place of todo",
    ("item", "needs"): "no item needs another part any more: leave needs out (what cannot be judged earns nothing)",
}
"""What rubrics of earlier versions say, by the table and the key."""


def _sentence(error: DecodeError) -> str:
    if error.kind == SYNTAX:
        return str(error)
    if error.kind == MISSING:
        if error.key == "item":
            return "there is no [[item]], so there is nothing to give points for"
        return f"this item has no {error.key}"
    if error.kind == UNKNOWN:
        known = ", ".join(sorted((Item if error.table else RubricFile).__struct_encode_fields__))
        unknown = f"there is no setting {error.key!r} here; there are {known}"
        return _RENAMED.get((error.table, error.key), unknown)
    return f"{error.key} must be {_MUST_BE[error.key]}, not {error.value!r}"


class _Names:
    """Checks the names in a rubric: of items, of checks and of parts."""

    def __init__(self, text: str, name: str, vocabulary: Vocabulary) -> None:
        self._text = text
        self._name = name
        self._vocabulary = vocabulary

    def check(self, rubric: Rubric) -> None:
        """Raises RubricError for the first name that is unknown or used twice, and where there are no points."""
        self._refuse_unknown_parts(rubric.free, "free")
        names = set(RESERVED)
        sources: dict[str, str] = {}
        for number, item in enumerate(rubric.items):
            if item.name in names:
                self._fail(f"an item cannot be called {item.name!r}: that name is taken", "item", number, "name")
            names.add(item.name)
            if bool(item.checks) == bool(item.parts):
                self._fail(f"the item {item.name} must name either checks or parts", "item", number)
            if bool(item.checks) != bool(rubric.items[0].checks):
                self._fail("the items of one rubric must all name checks, or all name parts", "item", number)
            self._refuse_unknown_checks(item, number)
            self._refuse_unknown_parts(item.parts, "item", number, "parts")
            self._refuse_unknown_parts([item.part] if item.part else [], "item", number, "part")
            self._refuse_unknown_quantities(item, number)
            self._refuse_nothing_to_earn(item, number)
            for source in item.checks or item.parts:
                if source in sources:
                    what = "check" if item.checks else "part"
                    problem = f"the {what} {source!r} already gives points in {sources[source]}"
                    self._fail(problem, "item", number, f"{what}s")
                sources[source] = item.name
        if not any(item.points for item in rubric.items):
            self._fail("all items are worth 0 points", "item", 0, "points")

    def _refuse_unknown_checks(self, item: Item, number: int) -> None:
        for check in item.checks:
            if check not in self._vocabulary.checks:
                known = ", ".join(sorted(self._vocabulary.checks))
                self._fail(f"there is no check {check!r}; there are {known}", "item", number, "checks")

    def _refuse_unknown_quantities(self, item: Item, number: int) -> None:
        known = self._vocabulary.quantities_in(item)
        for quantity in sorted(item.without - known) if known else ():
            listed = ", ".join(sorted(known))
            self._fail(f"the item {item.name} has no quantity {quantity!r}; it has {listed}", "item", number, "without")

    def _refuse_nothing_to_earn(self, item: Item, number: int) -> None:
        if self._vocabulary.quantities_in(item) and not self._vocabulary.earning_in(item):
            problem = f"the item {item.name} has nothing to earn: all that it counts a null submission gets right too"
            self._fail(problem, "item", number)

    def _refuse_unknown_parts(self, parts: Iterable[str], *steps: str | int) -> None:
        for part in parts:
            if part not in self._vocabulary.parts:
                known = ", ".join(self._vocabulary.parts)
                self._fail(f"there is no part {part!r}; there are {known}", *steps)

    def _fail(self, problem: str, *steps: str | int) -> NoReturn:
        raise RubricError(f"{self._name}, line {line_of(steps, self._text)}: {problem}.")
