"""The cases of a pair: drawn inputs, and the structural ones that catch liars and slips."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.pairs.pair import Pair, Spec

Array = NDArray[Any]
LARGEST = 12
"""The largest size that a letter is drawn to."""


@dataclass(frozen=True)
class PairCase:
    """One case of a pair: its name, and the inputs of each call in turn on the same candidate."""

    name: str
    dtype: str
    calls: tuple[Mapping[str, Any], ...]


def cases(pair: Pair, seed: int) -> Iterator[PairCase]:
    """Every case, in each dtype; the same for the same seed."""
    for dtype in pair.dtypes:
        if pair.draw is not None:
            for number in range(4):
                yield _case(pair, f"drawn {number + 1}", dtype, seed, lambda rng: _cast(dict(_draw(pair)(rng)), dtype))  # noqa: B023
            yield from _laid_out(pair, dtype, seed, lambda rng: _cast(dict(_draw(pair)(rng)), dtype))  # noqa: B023
            continue
        for kind in _VALUES:
            yield _case(pair, kind, dtype, seed, lambda rng: _drawn(pair, kind, dtype, rng))  # noqa: B023
        yield _case(pair, "another size after the first", dtype, seed, *[lambda rng: _drawn(pair, "drawn", dtype, rng)] * 2)  # noqa: B023
        yield from _laid_out(pair, dtype, seed, lambda rng: _drawn(pair, "drawn", dtype, rng))  # noqa: B023


def _draw(pair: Pair) -> Callable[[np.random.Generator], Mapping[str, Any]]:
    assert pair.draw is not None
    return pair.draw


def _case(
    pair: Pair, kind: str, dtype: str, seed: int, *draws: Callable[[np.random.Generator], dict[str, Any]]
) -> PairCase:
    calls = []
    for number, draw in enumerate(draws):
        digest = hashlib.sha256(f"{seed}|{pair.name}|{kind}|{dtype}|{number}".encode()).digest()
        calls.append({**draw(np.random.default_rng(int.from_bytes(digest, "big"))), **pair.fixed})
    return PairCase(f"{pair.name}/{kind}/{dtype}", dtype, tuple(calls))


def _laid_out(
    pair: Pair, dtype: str, seed: int, draw: Callable[[np.random.Generator], dict[str, Any]]
) -> Iterator[PairCase]:
    """The same numbers in other layouts of memory, which change no answer."""
    for name, change in (("Fortran order", _fortran), ("views with strides", _strided), ("read-only", _read_only)):
        yield _case(pair, name, dtype, seed, lambda rng: {key: change(x) for key, x in draw(rng).items()})  # noqa: B023


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


def _cast(inputs: dict[str, Any], dtype: str) -> dict[str, Any]:
    return {
        key: value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
        for key, value in inputs.items()
    }


def _drawn(pair: Pair, kind: str, dtype: str, rng: np.random.Generator) -> dict[str, Any]:
    sizes = _sizes(pair, kind, rng)
    return {name: _array(spec, sizes, kind, rng).astype(_type_of(spec, dtype)) for name, spec in pair.shapes.items()}


def _type_of(spec: Spec, dtype: str) -> str:
    return "int64" if spec.values == "labels" else dtype


def _sizes(pair: Pair, kind: str, rng: np.random.Generator) -> dict[str, int]:
    """A size for each letter: from Python's generator, whose stream is the same in every version; no two alike."""
    letters = dict.fromkeys(
        size for spec in pair.shapes.values() for size in (*spec.shape, spec.classes) if isinstance(size, str)
    )
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
    values = _VALUES[kind](shape, rng)
    return np.abs(values) + (values == 0) if spec.values == "positive" else values


def _normal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return rng.standard_normal(shape)


def _zeros(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return np.zeros(shape)


def _magnitudes(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Of magnitudes from 1e-6 to 1e3, both signs."""
    return np.asarray(10 ** rng.uniform(-6, 3, shape) * rng.choice([-1.0, 1.0], shape))


def _ties(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Small whole numbers: equal ones, exact zeros, kinks."""
    return rng.integers(-2, 3, shape).astype(np.float64)


_VALUES: Mapping[str, Callable[[tuple[int, ...], np.random.Generator], Array]] = {
    "drawn": _normal,
    "drawn again": _normal,
    "one row": _normal,
    "zeros": _zeros,
    "magnitudes": _magnitudes,
    "ties and kinks": _ties,
}
"""What each kind of case fills the arrays with."""
