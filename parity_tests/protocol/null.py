"""Null submissions, which return something and compute nothing: what an assignment says of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from parity_tests.protocol.mistake import Body, Swap

NOTHING, RAISES, INPUT, LAST_INPUT = "None", "an error", "its input", "its last input"
FILLED = ("zeros", "ones", "a constant", "random numbers", INPUT)
"""The kinds that give other functions something to work on."""
KINDS = (NOTHING, RAISES, "NaN", *FILLED, LAST_INPUT)
"""The kinds of null functions: what `proof/null_function.py` gives in the place of numbers."""


@dataclass(frozen=True)
class Nulls:
    """What is said of the null submissions of an assignment, in which all that students write is null.

    `right` are functions that are none, and of the kinds in `given` a function is left as students are given it.
    `stubs` stand for functions that are not to be run; no other's results hang on theirs.
    `forms` are further null forms of one part each, as changes of the solution that is right elsewhere, by name: of
    what such a one gets right only that part counts. Where parts are `chained`, forwards and backwards give one another
    their inputs, so that what a kind of them gets right hangs on the kinds of the others. They are asked in these
    `editions`, the default one where none are named.
    """

    right: Collection[str] = ()
    given: Mapping[str, Collection[str]] = field(default_factory=dict)
    stubs: Sequence[Body] = ()
    forms: Mapping[str, tuple[str, Sequence[Swap]]] = field(default_factory=dict)
    chained: bool = False
    editions: Sequence[str] = ()
