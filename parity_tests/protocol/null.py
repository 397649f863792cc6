"""The null function: what returns something and computes nothing; a submission of nothing else earns nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from parity_tests.protocol.mistake import Swap

NOTHING, RAISES, INPUT, GRADIENT = "None", "an error", "its input", "the incoming gradient"
FILLS = {
    "NaN": "np.full({0}, np.nan)",
    "zeros": "np.zeros({0})",
    "ones": "np.ones({0})",
    "a constant": "np.full({0}, 0.3719)",
    "random numbers": "np.random.standard_normal({0})",
}
"""What fills a shape, by the name of the kind."""
KINDS = (NOTHING, RAISES, *FILLS, INPUT, GRADIENT)
"""The kinds of null bodies that any function may have."""


class Value(NamedTuple):
    """One of the arrays that a function returns or keeps: its shape, and what of its inputs may stand for it."""

    shape: str
    input: str = ""
    gradient: str = ""


@dataclass(frozen=True)
class NullFunction:
    """The null bodies of one function: `statements`, in which each of its `values` stands in braces, by number.

    A body in `own` takes the place of the one of its kind, or is a further one. Of the kinds in `given` the function is
    left as students are given it.
    """

    function: str
    statements: str = ""
    values: Sequence[Value] = ()
    own: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    given: Collection[str] = ()

    def body(self, kind: str) -> str:
        """The statements of a kind of null body; of a kind that it does not have, those that give zeros."""
        if kind in self.own:
            return self.own[kind]
        if kind == NOTHING:
            return "return None"
        if kind == RAISES:
            return f"raise NotImplementedError({self.function!r})"
        return self.statements.format(*(_filled(value, kind) for value in self.values))


def _filled(value: Value, kind: str) -> str:
    given = value.input if kind == INPUT else value.gradient if kind == GRADIENT else ""
    return given or FILLS.get(kind, FILLS["zeros"]).format(value.shape)


@dataclass(frozen=True)
class Nulls:
    """The null submissions of an assignment, as changes of its solution: all its `functions` with null bodies.

    `forms` are further null forms of one part each, as changes of the solution that is right elsewhere, by name: of
    what such a one gets right only that part counts. The functions `apart` are judged by no other's results, so that
    mixes need not try them. `callable` makes every function take what any edition
    passes. Where parts are `chained`, forwards and backwards give one another their inputs, so that what a kind of them
    gets right hangs on the kinds of the others. They are asked in these `editions`, the default one where none are
    named.
    """

    functions: Sequence[NullFunction] = ()
    forms: Mapping[str, tuple[str, Sequence[Swap]]] = field(default_factory=dict)
    apart: Sequence[str] = ()
    callable: Sequence[Swap] = ()
    chained: bool = False
    editions: Sequence[str] = ()
