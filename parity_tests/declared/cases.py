"""The cases of a declared question: four ways to choose its sizes, and the inputs, which are drawn as it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.declared.declaration import LEAST, MOST, Declaration, Question, is_shape
from parity_tests.protocol.case import Case
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.exam import settings_of
from parity_tests.protocol.kind import Params
from parity_tests.protocol.quantity import Key, Quantity

KIND = "declared"
AGAIN = ("", " of the second")
"""What the results of each copy of the inputs are called after their names."""
WITH_ONE = ", twice with one object"
"""What the title of a case ends in whose second copy is asked after the first, of the objects that it made."""
AND = "+"
"""Between the names of editions that are asked together."""
Sizes = Mapping[str, int]


@dataclass(frozen=True)
class Row:
    """A way to choose sizes, and how many copies of the inputs are asked in turn, line by line."""

    title: str
    sizes: Callable[[Question, Random, Sizes], Sizes]
    copies: int = 1


def _range(question: Question, letter: str) -> tuple[int, int]:
    return question.sizes.get(letter, (LEAST, MOST))


def _different(question: Question, settings: Random, before: Sizes) -> Sizes:
    """Sizes that differ, and from those `before`, where there are as many: no mistake can confuse them."""
    found: dict[str, int] = {}
    for letter in question.letters:
        low, high = _range(question, letter)
        other = [size for size in range(low, high + 1) if size != before.get(letter)] or [low]
        found[letter] = settings.choice([size for size in other if size not in found.values()] or other)
    return found


def _equal(question: Question, settings: Random, _before: Sizes) -> Sizes:
    """One size for all letters that may have it: a wrong axis keeps the shape."""
    ranges = [_range(question, letter) for letter in question.letters]
    one = settings.choice(
        range(max(low for low, _ in ranges), max(min(high for _, high in ranges), LEAST) + 1) or [MOST]
    )
    return {letter: min(max(one, low), high) for letter, (low, high) in zip(question.letters, ranges, strict=True)}


def _least(question: Question, _settings: Random, _before: Sizes) -> Sizes:
    """The least sizes: 1 where no other is declared."""
    return {letter: question.sizes.get(letter, (1, 1))[0] for letter in question.letters}


ROWS = {
    "different": Row("of sizes that differ", _different),
    "in turn": Row("twice in turn, of other sizes", _different, 2),
    "equal": Row("of equal sizes", _equal),
    "least": Row("of the least sizes", _least),
}


def plan(declared: Declaration, edition: str, dtypes: Sequence[str], seed: int) -> list[Case]:
    """The cases of all questions of an edition, or of several, as "HW1P1+HW2P1".

    Without arrays nothing is of another precision than float64, and no notebook: those handed out assert that it is.
    """
    return [
        case
        for dtype in dtypes
        for question in declared.questions
        if question.edition in edition.split(AND)
        and (dtype == dtypes[0] or any(isinstance(value, str) for value in question.given.values()))
        and dtype in ("float64", *([] if question.float64 or declared.notebook else dtypes))
        for case in _cases_of(question, dtype, seed)
    ]


def _cases_of(question: Question, dtype: str, seed: int) -> Iterator[Case]:
    for at, (slug, row) in enumerate(ROWS.items()):
        few = slug == "equal" and len(question.letters) < 2
        if not few and (slug in question.shapes or not question.shapes):
            settings = settings_of(seed, question.name, slug)
            again = slug == "equal" and question.keeps_objects
            sizes, constants = list[Sizes](), list[dict[str, Any]]()
            for k in range(row.copies):
                sizes.append(row.sizes(question, settings, sizes[-1] if sizes else {}))
                constants.append(_constants(question, seed, 2 * at + k))
            sizes, constants = (sizes * 2, constants * 2) if again else (sizes, constants)
            params = {
                "question": question.name,
                "sizes": sizes,
                "constants": constants,
                "given": [name for name in question.given if name not in constants[0]],
                "run": [[one.line, list(one.targets), one.part] for one in question.run],
                "kept": [name for name, _ in question.results],
                "read": dict(question.read),
                "again": again,
                **({} if question.known else {"unknown": True}),
            }
            asked = tuple(
                Quantity(f"{name}{AGAIN[k]}", part, Key(name, k))
                for k in range(len(sizes))
                for name, part in question.results
            )
            name, title = f"{question.name}/{slug}/{dtype}", f"{question.name} {row.title}{WITH_ONE * again}"
            yield Case(
                name,
                question.of or question.name,
                title,
                dtype,
                KIND,
                params,
                asked,
                whole=question.whole,
            )


def _constants(question: Question, seed: int, number: int) -> dict[str, Any]:
    """What is given and is no array: itself, or of a list to choose from each one in turn, in an order of the seed."""
    order = settings_of(seed, question.name, "constants")
    return {
        name: order.sample(value, len(value))[number % len(value)] if isinstance(value, list) else value
        for name, value in question.given.items()
        if not isinstance(value, str)
    }


def draw(question: Question, params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """The inputs of each copy, as `name_0`, `name_1`."""
    arrays: dict[str, NDArray[Any]] = {}
    for k, (sizes, constants) in enumerate(zip(params["sizes"], params["constants"], strict=True)):
        known: dict[str, Any] = {"np": np, "rng": rng, **sizes, **constants}
        for name in params["given"]:
            told = question.given[name]
            known[name] = rng.standard_normal(shape_of(told, sizes)) if is_shape(told) else _drawn(name, told, known)
            arrays[f"{name}_{k}"] = known[name]
    return arrays


def _drawn(name: str, told: str, known: dict[str, Any]) -> NDArray[Any]:
    try:
        return np.asarray(eval(told, known))
    except Exception as error:
        raise UsageError(f"given.{name} = {told!r} cannot be drawn: {type(error).__name__}: {error}.") from error


def shape_of(told: str, sizes: Sizes) -> tuple[int, ...]:
    """The shape that letters and numbers stand for."""
    return tuple(int(one) if one.isdigit() else sizes[one] for one in told.split())
