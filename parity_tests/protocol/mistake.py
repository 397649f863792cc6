"""The mistake: what is known of one by name, and the calls of a part that it is recognised by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Failure, Returned
from reports.model.verdicts import PASSING


@dataclass(eq=False)
class Call:
    """One call of a part, as formulas see it.

    `operation` is what was called, as "linear.gradient of W": the word before the point is the part's. `quantity` is
    the case's quantity that `comparison` is about, and `value` what was returned, or how it failed. `inputs` are what
    the part takes, by name: Running arrays, sizes, rates; they are also attributes of the call. `past` are the earlier
    calls of this operation on the same object. An input `right` gives the right result where `comparison`
    does not hold it. Of the elements in `free` a formula need say nothing. `shape` is the
    one asked for, where it is known.
    """

    operation: str
    case: str
    dtype: np.dtype[Any]
    quantity: str
    value: Returned | Failure | None
    comparison: Comparison
    inputs: Mapping[str, Any]
    past: list[Call] = field(default_factory=list)
    free: NDArray[np.bool_] | None = None
    shape: tuple[int, ...] | None = None

    def __getattr__(self, name: str) -> Any:
        inputs = self.__dict__.get("inputs", {})
        if name not in inputs:
            raise AttributeError(name)
        return inputs[name]

    def with_inputs(self, **inputs: Any) -> Call:
        """The same call with other inputs."""
        return replace(self, inputs={**self.inputs, **inputs})

    @property
    def got(self) -> NDArray[Any] | None:
        """The array that was returned, None where there was none."""
        return self.value.array if isinstance(self.value, Returned) else None

    @property
    def wrong(self) -> bool:
        """Whether what was returned was judged wrong."""
        return self.comparison.verdict not in PASSING

    @property
    def part(self) -> str:
        """The word of the operation that names the part, as "linear"."""
        return self.operation.partition(".")[0]

    @property
    def first(self) -> Call:
        """The first call of this operation on the same object."""
        return self.past[0] if self.past else self


class Outcome(Enum):
    """A prediction that is no array: the call returns nothing, or raises; or anything may come of it."""

    NOTHING, RAISES, ANYTHING = range(3)


Formula = Callable[[Call], Any]
"""What a call returns with the mistake in it: a Running array, an Outcome, or None."""


class Swap(NamedTuple):
    """A replacement of a text that stands in the assignment's solution exactly once."""

    old: str
    new: str


class Body(NamedTuple):
    """New statements for a function of the assignment's solution, named as `Layer.forward`."""

    function: str
    statements: str


class Around(NamedTuple):
    """Statements before those of a function of the assignment's solution, and what it returns for each `value`."""

    function: str
    before: str = ""
    value: str = "value"


@dataclass(frozen=True)
class Rewrite:
    """Another form of the assignment's solution: its changes, each of the only file that it fits, or of this file.

    Of one that is as right `note` is a part of what is noted, "" where nothing is.
    """

    name: str
    changes: tuple[Body | Swap | Around, ...]
    file: str = ""
    note: str = ""


def swapped(name: str, *texts: tuple[str, str], note: str = "", file: str = "") -> Rewrite:
    """Another form, by texts of the solution and what stands in their place."""
    return Rewrite(name, tuple(Swap(*pair) for pair in texts), file, note)


def instead(old: str, new: str) -> Rewrite:
    """A text in another's place, called by both; or by what is added to it, where it stays."""
    name = new.replace(old, " … ") if old in new else f"{new or 'nothing'} for {old}"
    return swapped(" ".join(name.split()), (old, new))


def around(function: str, before: str = "", value: str = "value", name: str = "") -> Rewrite:
    """A function with statements before its own, and with another value returned, called by these."""
    return Rewrite(f"{function}: {name or ' '.join((before or value).split())}", (Around(function, before, value),))


Lines = Mapping[str, Sequence[str]]


def evading(
    returned: Sequence[tuple[str, str, Sequence[str]]] = (),
    before: Lines = MappingProxyType({}),
    in_place_of: Lines = MappingProxyType({}),
    other: str = "{0} if {1} else value",
) -> Iterator[Rewrite]:
    """Wrong solutions, one for each entry of three tables.

    `returned`: a condition, and what these functions return where it holds, by a text for that and another `value`.
    `before`: what a function does with what it is given, before all else. `in_place_of`: lines of a file, and those
    that take their place.
    """
    for where, value, functions in returned:
        name = f"{value}{f' where {where}' * (where != 'True')}"
        yield from (around(one, "", other.format(value, where), name) for one in functions)
    for one, several in before.items():
        yield from (around(one, lines, "whole" if "whole" in lines else "value") for lines in several)
    for line, several in in_place_of.items():
        yield from (instead(line, new) for new in several)


@dataclass(frozen=True)
class Mistake:
    """A mistake of an operation: its name, a hint, and the formula that predicts what the calls with it in return."""

    name: str
    hint: str
    formula: Formula

    def __post_init__(self) -> None:
        """Raises ValueError where the name could not be told from two: names are joined by "; " in a record."""
        if "; " in self.name:
            raise ValueError(f"a mistake cannot be called {self.name!r}: “; ” comes between the names of two")
