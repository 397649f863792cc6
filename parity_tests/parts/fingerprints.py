"""Fingerprints: some of the numbers that each changed text gives for one case, among which a result's are looked up."""

from __future__ import annotations

import hashlib
import math
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.operators.of_numbers import NUMBER
from parity_tests.parts.changed_texts import RANKS, ChangedText, changed_texts, numbered_texts, texts_of_rank
from parity_tests.parts.readable_numbers import likeliest
from parity_tests.parts.right_text import FAILS, BeyondError, RightText, compiled

MOST_TRIED = 12
"""So many of the changes that give one case's numbers are held against all cases, the simplest first."""
KEPT = 16
"""So many numbers of each are kept; all are compared of the few that agree in them."""
NEAR = 1e-9
"""What part of the largest number of a result two honest computations of it stay below."""
Array = NDArray[Any]
Told = tuple[ChangedText, int]
"""A change of one of several texts, and the number of that text."""
_MOST_CASES = 128
_lately: OrderedDict[Hashable, Fingerprints] = OrderedDict()
STEPS = 8
"""So many steps of Newton's lead from a number to the one that fits."""
STANDS = f"{NUMBER} in place of"
"""So begins what is said of a number in the place of a name."""
SAME = 1e-12
"""What part of itself a number changes by at last."""


def fitted(value: Any, shape: Sequence[int]) -> Any:
    """An array or tensor in a shape, where it has as many numbers, or is one number; else as it is.

    Of as many axes it is left as it is: a matrix is no other one that is transposed.
    """
    wanted = tuple(shape)
    if math.prod(value.shape) == math.prod(wanted) and len(value.shape) != len(wanted):
        return value.reshape(wanted)
    if value.shape:
        return value
    return np.broadcast_to(value, wanted) if isinstance(value, np.ndarray) else value.expand(wanted)


def with_number(changed: ChangedText, number: float) -> ChangedText:
    """A changed text that holds a number with this one in its place."""
    lines = tuple((k, re.sub(r"\bnumber\b", f"({number!r})", line)) for k, line in changed.statements)
    return replace(
        changed, statements=lines, tell=lambda: (changed.words.replace(NUMBER, f"{number:.6g}"), changed.hint)
    )


def solved(off: Callable[[float], Array], near: float) -> float | None:
    """The readable number, neither 0 nor 1, at which no number is further off than `near`; None where there is none."""
    number, step = 0.0, 1.0
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            at = off(number)
            slope = (off(number + step) - at) / step
            last, number = number, float(number - (slope @ at) / (slope @ slope))
            if not math.isfinite(number):
                return None
            if abs(number - last) <= SAME * abs(number):
                break
            step = 1e-6 * max(abs(number), 1e-3)
        readable = likeliest(number)
        return readable if readable and readable != 1 and (np.abs(off(readable)) <= near).all() else None


def lately(key: Hashable, make: Callable[[], Fingerprints]) -> Fingerprints:
    """Fingerprints that are known by a key: those made lately are kept, since a class asks again."""
    if key not in _lately:
        _lately[key] = make()
        while len(_lately) > _MOST_CASES:
            _lately.popitem(last=False)
    _lately.move_to_end(key)
    return _lately[key]


def of_values(text: RightText, given: Mapping[str, Any]) -> Fingerprints:
    """Those of a text whose names have these values, which may have been made lately."""
    digest = hashlib.sha256(repr(text.statements).encode())
    for name in sorted(given):
        value = np.asarray(given[name])
        digest.update(f"{name} {value.dtype} {value.shape}".encode() + value.tobytes())
    return lately(digest.digest(), lambda: Fingerprints(text, given))


class Fingerprints:
    """Those of one text for one case, given the values of its names."""

    def __init__(self, text: RightText, given: Mapping[str, Any]) -> None:
        self._text = text
        self._codes = [compiled(statement) for statement in text.statements]
        self._given: list[dict[str, Any]] = [{"np": np, **given}]
        for code in self._codes:
            after = dict(self._given[-1])
            exec(code, after)
            self._given.append(after)
        self._of: dict[str, tuple[list[ChangedText], Array, Array]] = {}
        self._beyond: dict[str, list[ChangedText]] = {}

    @property
    def given(self) -> Mapping[str, Any]:
        """The values of the names."""
        return self._given[0]

    @property
    def results(self) -> list[str]:
        """The names of the results: what no statement reads."""
        return self._text.results

    def changed(self, result: str) -> list[ChangedText]:
        """The texts that are changed on the way to a result."""
        return changed_texts(self._text, result)

    def numbered(self, result: str, got: Array) -> list[ChangedText]:
        """The changed texts with a readable number of their own that give these numbers, the simplest first.

        Where they are a multiple of the right ones, which is simpler to say, the number stands for a name.
        """
        right = np.asarray(self._given[-1][result], np.float64)
        if right.size != got.size or not np.isfinite(got).all():
            return []
        flat, own = np.asarray(got, np.float64).ravel(), right.ravel()
        near = NEAR * max(float(np.abs(flat).max(initial=0.0)), float(np.abs(own).max(initial=0.0)))
        factor = float(flat @ own) / max(float(own @ own), 1e-300)
        is_multiple = bool((np.abs(flat - factor * own) <= near).all())
        found = []
        for one in numbered_texts(self._text, result):
            if is_multiple and not one.words.startswith(STANDS):
                continue
            number = solved(partial(self._off, one, result, flat), near)
            if number is not None:
                found.append(with_number(one, number))
        return sorted(found, key=lambda one: one.size)

    def is_right(self, result: str, got: Array) -> bool:
        """Whether these numbers are what the right text gives for a result, or for several with spaces between."""
        right = self._of_names(self._given[-1], result)
        near = NEAR * max(float(np.abs(right).max(initial=0.0)), 1e-30)
        return _is_of_shape(right, got) and bool((np.abs(right.ravel() - got.ravel()) <= near).all())

    def matching(self, result: str, got: Array) -> Iterator[ChangedText]:
        """The changed texts that give these numbers for a result, the simplest first, as they are asked for."""
        return chain.from_iterable(self.matching_by_rank(result, got))

    def matching_by_rank(self, result: str, got: Array) -> Iterator[list[ChangedText]]:
        """The same in RANKS lists, each looked for when it is asked for; the simplest stand in the first."""
        flat = np.asarray(got, np.float64).ravel()
        right = np.abs(self._of_names(self._given[-1], result)).max(initial=0.0)
        near = NEAR * max(float(np.abs(flat).max(initial=0.0)), float(right))
        found: list[ChangedText] = []
        for rank in range(RANKS):
            changed, kept, places = self._built(result, got.size, rank)
            with np.errstate(all="ignore"):
                same = np.flatnonzero((np.abs(kept - flat[places]) <= near).all(axis=1)) if changed else ()
            found += [changed[k] for k in same if self.gives(changed[k], result, got, near)]
            found.sort(key=lambda one: one.size)
            simple = [one for one in found if one.size[0] < 2 * (rank + 1) or rank == RANKS - 1]
            yield simple
            found = found[len(simple) :]

    def gives(self, changed: ChangedText, result: str, got: Array | None, near: float | None = None) -> bool:
        """Whether a changed text gives these numbers for a result, as near as two honest computations of it are.

        Where there are none, whether it asks for what lies beyond an array.
        """
        with np.errstate(all="ignore"):
            try:
                value = self._value(changed, result)
            except BeyondError:
                return got is None
            if got is None or value is None or not _is_of_shape(value, got):
                return False
            if near is None:
                near = NEAR * float(max(np.abs(got).max(initial=0.0), np.abs(value).max(initial=0.0)))
            return bool((np.abs(value.ravel() - got.ravel()) <= near).all())

    def beyond(self, result: str) -> list[ChangedText]:
        """The changed texts that ask for what lies beyond an array, so that they give nothing."""
        size = np.size(self._given[-1][result])
        for rank in range(RANKS):
            self._built(result, size, rank)
        return [one for rank in range(RANKS) for one in self._beyond[f"{result} {size} {rank}"]]

    def _off(self, changed: ChangedText, result: str, flat: Array, number: float) -> Array:
        """How far what a changed text with a number gives is from these numbers."""
        value = self._value(changed, result, number)
        return np.full(flat.size, np.inf) if value is None or value.size != flat.size else value.ravel() - flat

    def _built(self, result: str, size: int, rank: int) -> tuple[list[ChangedText], Array, Array]:
        key = f"{result} {size} {rank}"
        if key not in self._of:
            places = np.random.default_rng(0).permutation(size)[:KEPT]
            changes, rows, self._beyond[key] = [], [], []
            with np.errstate(all="ignore"):
                for changed in texts_of_rank(self._text, result, rank):
                    try:
                        value = self._value(changed, result)
                    except BeyondError:
                        self._beyond[key].append(changed)
                        continue
                    if value is not None and value.size == size:
                        changes.append(changed)
                        rows.append(value.ravel()[places])
            kept = np.array(rows).reshape(len(rows), len(places))
            finite = np.isfinite(kept).all(axis=1)
            self._of[key] = list(compress(changes, finite)), kept[finite], places
        return self._of[key]

    def _value(self, changed: ChangedText, result: str, number: float = 0.0) -> Array | None:
        """What a changed text gives for a result, with the number that it may hold; None where it fails.

        Raises BeyondError where it asks for what lies beyond an array.
        Whoever asks has numpy keep quiet of what overflows.
        """
        text, lines = self._text, dict(changed.statements)
        first = changed.statements[0][0]
        names = {**self._given[first], "number": number}
        moved = {text.targets[k] for k in lines}
        try:
            for k in range(first, len(self._codes)):
                target = text.targets[k]
                if k in lines:
                    exec(compiled(lines[k]), names)
                elif moved.isdisjoint(text.reads[k]):
                    names[target] = self._given[k + 1][target]
                else:
                    exec(self._codes[k], names)
                    moved.add(target)
            return self._of_names(names, result)
        except BeyondError:
            raise
        except FAILS:
            return None

    def _of_names(self, names: Mapping[str, Any], result: str) -> Array:
        """A result among names, in the shape of the right one; of several all their numbers."""
        values = [np.asarray(names[one]) for one in result.split()]
        if any(value.dtype.kind == "c" for value in values):
            raise ValueError("a root of a negative number")
        shapes = [np.shape(self._given[-1][one]) for one in result.split()]
        found = [
            np.asarray(fitted(value.astype(np.float64), shape)) for value, shape in zip(values, shapes, strict=True)
        ]
        return found[0] if len(found) == 1 else np.concatenate([one.ravel() for one in found])


def matching(known: Sequence[Fingerprints], result: str, got: Array) -> Iterator[Told]:
    """The changes of several texts that give these numbers for a result, the simplest first, as they are asked for."""
    for rank in zip(*(one.matching_by_rank(result, got) for one in known), strict=True):
        yield from in_order(rank)


def in_order(several: Iterable[Sequence[ChangedText]]) -> list[Told]:
    """The changes of several texts, the simplest first."""
    told = [(changed, k) for k, ones in enumerate(several) for changed in ones]
    return sorted(told, key=lambda pair: pair[0].size)


def _is_of_shape(value: Array, got: Array) -> bool:
    """Whether an array has as many numbers as another, and of as many axes the same shape."""
    return value.size == got.size and (value.ndim != got.ndim or value.shape == got.shape)
