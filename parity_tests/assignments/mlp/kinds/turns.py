"""The turns of a layer's case: which object is called with which input, how inputs lie in memory, what is asked.

A case's params hold `inputs`, a mapping for each input k with its `memory`, and `calls`, each of a method, the number
of an object and that of an input. Inputs are arrays such as "X_0" and "grad_0".
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.kind import Params
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, Quantity
from reports.model.notes import NoteKind
from reports.model.verdicts import Verdict

USUAL, FORTRAN, VIEW, READ_ONLY, WHOLE, ONE = "usual", "fortran", "view", "read-only", "whole", "one"
"""How an input lies in memory: as numpy makes it, column by column, as a view with strides, not writable, integers;
or in the one array in which the input before it lay."""
ORDERS = (FORTRAN, VIEW, READ_ONLY)
IN_MEMORY = {FORTRAN: "Fortran order", VIEW: "a view", READ_ONLY: "a read-only array", WHOLE: "whole numbers"}
"""What quantities call them."""
FORWARD, BACKWARD, EVALUATION = "forward", "backward", "evaluation"
"""The methods; an evaluation is a forward with is_train=False."""
BOTH = (FORWARD, BACKWARD)
Calls = Sequence[tuple[str, int, int]]
MANY_ROWS = "many-rows"
"""The row of more examples than any mini-batch of the exam has, and few columns; in float64 alone."""

IN_TURN: Calls = (
    (FORWARD, 0, 0), (FORWARD, 1, 1), (BACKWARD, 1, 1), (BACKWARD, 0, 0), (FORWARD, 0, 2), (BACKWARD, 0, 2),
    (FORWARD, 0, 3), (FORWARD, 0, 4), (BACKWARD, 0, 4),
)  # fmt: skip
"""Two objects in turn, then the first with another input of the same shape, and as `main` does after an evaluation.

An object that shares what it keeps with another shows, and so does one that keeps what was the first, or the last of
its shape. Inputs 3 and 4 have another N than those before.
"""
TURNS = ("", "second object", "second input", "evaluation", "another N", "backward twice")
"""What quantities say of the inputs of IN_TURN; the last is of a further backward of input 4."""
TINY_POWERS = (9, 13)
"""How many powers of ten smaller an incoming gradient is, all of which is tiny: what leaves small ones out shows."""
_NOTE_WRITES = "writes over an array that it is given, so that it refuses one that it may not write to"
_OF_DTYPE = (NoteKind.PROMOTED, NoteKind.DTYPE)
OTHERS = {"in-turn": 2}
"""How many objects are made, and never called, before those of a row: what is right of the first two alone shows."""
CHANGED = ("", "other weights", "gradients of 0")
"""What quantities say of the inputs of a layer whose weights change."""
_SUFFIXES = frozenset(
    {
        *TURNS[1:],
        *CHANGED[1:],
        *IN_MEMORY.values(),
        "evaluation after training",
        "second model",
        "trained anew",
        "after another layer's",
    }
)


def case(
    check: str,
    slug: str,
    title: str,
    dtype: str,
    probe: str,
    calls: Calls,
    inputs: Iterable[Params],
    asked: tuple[Quantity, ...],
    *,
    lenient: bool = False,
    **params: Any,
) -> Case:
    """The case of a row; its inputs lie in memory as usual where they do not say otherwise."""
    params["inputs"] = [{"memory": USUAL, **given} for given in inputs]
    params |= {"calls": [list(call) for call in calls], "others": OTHERS.get(slug, 0)}
    return Case(f"{check}/{slug}/{dtype}", check, title, dtype, probe, params, asked, lenient)


def pairs(count: int) -> Calls:
    """A forward and a backward of each of so many inputs, on one object."""
    return [(method, 0, k) for k in range(count) for method in BOTH]


def asked(
    calls: Calls, suffixes: Sequence[str], forward: Sequence[tuple[str, str]], backward: Sequence[tuple[str, str]]
) -> tuple[Quantity, ...]:
    """The quantities of all calls, in their order; `forward` and `backward` are what each gives: key and part."""
    rows = []
    for method, _, k in calls:
        for word, part in backward if method == BACKWARD else forward:
            rows.append(Quantity(", ".join(filter(None, (word, suffixes[k]))), part, Key(word, k)))
    return tuple(rows)


def plain(quantity: str) -> str:
    """A quantity's name without what it says of the input: "output, second input" → "output"."""
    name, _, suffix = quantity.partition(", ")
    return name if suffix in _SUFFIXES else quantity


def object_of(params: Params, k: int) -> int:
    """The object that is called with input k; where there is one layer alone, the weights that it has then."""
    return next((i for _, i, of in params["calls"] if of == k), 0)


def many_rows(settings: Random) -> int:
    """The N of such a row, beyond 1,024: what is right only for so many rows shows."""
    return settings.randint(1_030, 1_200)


def whole_numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Whole numbers, none of them 0, as integers: half of them of one digit, the others of up to six."""
    sizes = 10 ** (rng.integers(1, 6, shape) * rng.integers(0, 2, shape))
    return np.asarray(rng.integers(1, 7, shape) * sizes * rng.choice([-1, 1], shape), np.int64)


def sized(grad: NDArray[Any], rng: np.random.Generator, given: Params) -> NDArray[Any]:
    """An incoming gradient as its input wants it: as drawn, all of it `tiny`, or 0 where the input says `zero`."""
    if given.get("zero"):
        return np.zeros_like(grad)
    return np.asarray(grad * 10 ** -rng.uniform(*TINY_POWERS)) if given.get("tiny") else grad


def of_dtype(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    """An input as torch is given it: whole numbers become floats of the case's dtype."""
    return array if array.dtype.kind == "f" else array.astype(dtype)


def is_beside(params: Params, k: int) -> bool:
    """Whether what an input gives is noted alone, right or wrong, so that it says nothing of what is wrong."""
    return bool(params["inputs"][k]["memory"] == WHOLE)


def noting_memory(comparison: Comparison, params: Params, observation: Observation, key: Key) -> Comparison:
    """The comparison with what an input's memory makes of it and its notes.

    Of whole numbers, which the homework never feeds, another dtype may come out, and what is wrong is a note; who may
    not write over an array was asked again with another.
    """
    if is_beside(params, key.call):
        if comparison.verdict in (Verdict.MISMATCH, Verdict.CRASHED):
            unfed = f"wrong for arrays of integers, which the homework never feeds: {comparison.problem}"
            comparison = matched(unfed, kind=NoteKind.UNFED)
        kept = [note for note in comparison.notes if note.kind not in _OF_DTYPE]
        comparison = replace(comparison, notes=tuple(kept))
    refused = observation.facts.get("refused_to_write", [])
    return comparison.noting(_NOTE_WRITES, kind=NoteKind.OVERWRITES) if [key.name, key.call] in refused else comparison
