"""The cases of a pair: drawn inputs, and the structural ones that catch liars and slips."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.pairs.pair import LOWER, Draw, Pair, Spec, letters_of
from parity_tests.protocol.errors import UsageError

Array = NDArray[Any]
LARGEST = 12
"""The largest size that a letter is drawn to."""
EDGES = (32, 64, 128, 256)
"""Where tiles of kernels end: letters are one less, just that, and one more."""
MOST = 1 << 14
"""Elements of an array up to which a letter is made as large as an edge."""


@dataclass(frozen=True)
class PairCase:
    """One case of a pair: its name, and the inputs of each call in turn on the same candidate."""

    name: str
    dtype: str
    calls: tuple[Mapping[str, Any], ...]


DRAWS = 4
"""How often the inputs of a pair are drawn that draws them itself."""
_Make = Callable[[np.random.Generator], dict[str, Any]]


def cases(pair: Pair, seed: int) -> Iterator[PairCase]:
    """Every case, in each dtype; the same for the same seed."""
    for dtype in pair.dtypes:
        if pair.draw is None:
            make = partial(_filled, pair, "drawn", dtype)
            for kind in _VALUES:
                yield _case(pair, kind, dtype, seed, partial(_filled, pair, kind, dtype))
            larger = partial(_filled, pair, "drawn", dtype, more=1)
            yield _case(pair, "another size after the first", dtype, seed, make, larger)
            for kind, sizes in _larger(pair, dtype):
                yield _case(pair, kind, dtype, seed, partial(_filled, pair, "drawn", dtype, larger=sizes))
        else:
            make = partial(_own, pair.draw, dtype)
            for number in range(1, DRAWS + 1):
                yield _case(pair, f"drawn {number}", dtype, seed, make)
        for layout, change in _LAYOUTS.items():
            yield _case(pair, layout, dtype, seed, partial(_laid_out, make, change))


def _case(pair: Pair, kind: str, dtype: str, seed: int, *makes: _Make) -> PairCase:
    """A case of one call or more; all calls draw from the same numbers, so that only their sizes differ."""
    digest = hashlib.sha256(f"{seed}|{pair.name}|{kind}|{dtype}".encode()).digest()
    calls = [make(np.random.default_rng(int.from_bytes(digest, "big"))) for make in makes]
    return PairCase(f"{pair.name}/{kind}/{dtype}", dtype, tuple({**call, **pair.fixed} for call in calls))


def _own(draw: Draw, dtype: str, rng: np.random.Generator) -> dict[str, Any]:
    try:
        drawn = draw(rng)
    except Exception as error:
        raise UsageError(
            f"inputs= is a function of a numpy generator; it raised {type(error).__name__}: {error}."
        ) from error
    if not isinstance(drawn, Mapping):
        raise UsageError(f"inputs= returned a {type(drawn).__name__}; it returns a dict of inputs by name.")
    return {
        key: _in_type(value, dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
        for key, value in drawn.items()
    }


def _in_type(array: Array, dtype: str) -> Any:
    """The array in this type, which is a tensor's where numpy has none of the kind."""
    if dtype not in LOWER:
        return array.astype(dtype)
    import torch

    return torch.from_numpy(array).to(getattr(torch, dtype))


def draws_the_same(draw: Draw) -> bool:
    """Whether two generators that differ give the same inputs."""
    one, other = (_own(draw, "float64", np.random.default_rng(seed)) for seed in (1, 2))
    return _same(one, other)


def _same(one: Any, other: Any) -> bool:
    """Whether two inputs are the same numbers, looked into as `hold` looks into them."""
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return np.array_equal(one, other)


def _laid_out(make: _Make, change: Callable[[Any], Any], rng: np.random.Generator) -> dict[str, Any]:
    return {key: change(value) for key, value in make(rng).items()}


def _fortran(value: Any) -> Any:
    return np.asfortranarray(value) if isinstance(value, np.ndarray) else value


def _strided(value: Any) -> Any:
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        return value
    wide = np.zeros([2 * n for n in value.shape], value.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in value.shape)]
    view[...] = value
    return view


def _read_only(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    return value


_LAYOUTS = {"Fortran order": _fortran, "views with strides": _strided, "read-only": _read_only}
"""The same numbers laid out otherwise in memory, which changes no answer."""


def _larger(pair: Pair, dtype: str) -> Iterator[tuple[str, dict[str, int]]]:
    """The names of further cases, and the sizes that letters are to have in them."""
    for letter, sizes in pair.sizes.items():
        yield from ((f"{letter} = {size}", {letter: size}) for size in sizes)
    letters = letters_of(pair.shapes)
    for turn, edge in enumerate(EDGES if letters and not pair.sizes else ()):
        first = turn % len(letters)  # in each case another letter has room first
        beside = (turn + (dtype == "float64")) % 3
        in_turn = enumerate(letters[first:] + letters[:first])
        yield f"sizes around {edge}", {letter: edge + (beside + number) % 3 - 1 for number, letter in in_turn}


def _fits(pair: Pair, sizes: Mapping[str, int]) -> bool:
    """Whether no array has more elements than MOST."""
    shapes = ([sizes[n] if isinstance(n, str) else n for n in spec.shape] for spec in pair.shapes.values())
    return all(math.prod(shape) <= MOST for shape in shapes)


def _filled(
    pair: Pair,
    kind: str,
    dtype: str,
    rng: np.random.Generator,
    more: int = 0,
    larger: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Each input by its spec; every letter's size is `more` than drawn, or as `larger` says, as far as it fits."""
    sizes = {letter: size + more for letter, size in _sizes(pair, kind, rng).items()}
    for letter, size in (larger or {}).items():
        if pair.sizes or _fits(pair, {**sizes, letter: size}):
            sizes[letter] = size
    return {name: _in_type(_array(spec, sizes, kind, rng), _type_of(spec, dtype)) for name, spec in pair.shapes.items()}


def _type_of(spec: Spec, dtype: str) -> str:
    return "int64" if spec.values == "labels" else dtype


def _sizes(pair: Pair, kind: str, rng: np.random.Generator) -> dict[str, int]:
    """A size for each letter: from Python's generator, whose stream is the same in every version; no two alike."""
    letters = letters_of(pair.shapes)
    if kind == "one row":
        return dict.fromkeys(letters, 1)
    drawing = random.Random(int(rng.integers(1 << 62)))
    sizes = drawing.sample(range(2, LARGEST + 1), min(len(letters), LARGEST - 1))
    return {letter: sizes[number % len(sizes)] for number, letter in enumerate(letters)}


def _array(spec: Spec, sizes: Mapping[str, int], kind: str, rng: np.random.Generator) -> Array:
    shape = tuple(sizes[size] if isinstance(size, str) else size for size in spec.shape)
    if spec.values == "labels":
        classes = sizes[spec.classes] if isinstance(spec.classes, str) else spec.classes
        return rng.integers(0, max(classes, 1), shape)
    if spec.values == "between" and _VALUES[kind] is _normal:
        return rng.uniform(spec.least, spec.most, shape)
    values = _VALUES[kind](shape, rng)
    return np.abs(values) + (values == 0) if spec.values == "positive" else np.clip(values, spec.least, spec.most)


def _normal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return rng.standard_normal(shape)


def _zeros(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return np.zeros(shape)


def _magnitudes(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Of magnitudes from 1e3 down to 1e-6, each with both signs, as far as there is room; in any order."""
    size = int(np.prod(shape))
    exponents = np.repeat(np.linspace(3, -6, max((size + 1) // 2, 1)), 2)[:size]
    signs = np.where(np.arange(size) % 2, -1.0, 1.0)
    return np.asarray(rng.permutation(signs * 10**exponents).reshape(shape))


def _ties(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Small whole numbers: equal ones, exact zeros, kinks."""
    return rng.integers(-2, 3, shape).astype(np.float64)


_VALUES: Mapping[str, Callable[[tuple[int, ...], np.random.Generator], Array]] = {
    "drawn": _normal,
    "drawn again": _normal,
    "one row": _normal,
    "zeros": _zeros,
    "magnitudes": _magnitudes,
    "ties and nondifferentiable points": _ties,
}
"""What each kind of case fills the arrays with."""
