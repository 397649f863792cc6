"""The pair: a candidate, the torch function that it must agree with, and how its inputs are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from parity_tests.pairs.hold import DECLARED, Options, arithmetic_of
from parity_tests.pairs.positions import name_of
from parity_tests.protocol.errors import UsageError

DTYPES = ("float32", "float64")
LOWER = ("float16", "bfloat16", "float8_e5m2", "float8_e4m3fn")
"""Types that the inputs of a pair may have where it declares a candidate in low precision; they are tensors then."""
Draw = Callable[[np.random.Generator], Mapping[str, Any]]


@dataclass(frozen=True)
class Spec:
    """How one input is drawn: its shape (letters are sizes that are drawn, one for each letter), and what it holds.

    `values` is "normal", "positive", "between" or "labels"; labels are whole numbers from 0 to `classes` − 1, of which
    `classes` may be a letter. Nothing is below `least` or above `most`.
    """

    shape: tuple[int | str, ...]
    values: str = "normal"
    classes: int | str = 0
    least: float = -math.inf
    most: float = math.inf


def positive(*shape: int | str) -> Spec:
    """An input of positive numbers, such as a variance."""
    return Spec(shape, "positive")


def between(least: float, most: float, *shape: int | str) -> Spec:
    """An input of numbers from `least` to `most`, both finite, such as probabilities. Raises UsageError."""
    if not (math.isfinite(least) and math.isfinite(most) and least < most):
        raise UsageError(f"between({least}, {most}, …) holds no numbers: give the least, the most, and the shape.")
    return Spec(shape, "between", least=least, most=most)


def labels(*shape_and_classes: int | str) -> Spec:
    """An input of whole numbers: `labels("N", 10)` is N of them from 0 to 9."""
    if not shape_and_classes:
        raise UsageError("labels() needs how many classes there are, after the shape, such as labels('N', 10).")
    *shape, classes = shape_and_classes
    return Spec(tuple(shape), "labels", classes)


@dataclass(frozen=True)
class Pair:
    """A candidate beside its reference. Exactly one of `shapes` and `draw` says what its inputs are."""

    name: str
    candidate: Callable[..., Any]
    reference: Any
    shapes: Mapping[str, Spec] = field(default_factory=dict)
    draw: Draw | None = None
    dtypes: tuple[str, ...] = DTYPES
    fixed: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    options: Options = field(default_factory=Options)


def pair(
    *,
    reference: Any,
    shapes: Mapping[str, Any] | None = None,
    inputs: Draw | None = None,
    dtypes: Sequence[str] | None = None,
    name: str = "",
    fixed: Mapping[str, Any] | None = None,
    sizes: Mapping[str, Sequence[int]] | None = None,
    **options: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that makes a function the candidate of a pair, which `parity hold FILE` and pytest find.

    `shapes` gives each input's shape, such as `{"x": ("N", 30), "y": labels("N", 10), "v": positive(30)}`; a letter is
    a size that is drawn, and `sizes`, such as `{"N": [63, 64, 65, 1000]}`, has sizes that a letter takes besides; left
    out, those around 32, 64, 128 and 256, at which tiles of kernels end. Or `inputs` is a function of a numpy generator
    that returns the inputs. `dtypes` are those that inputs are drawn in; left out, float32 and float64, or what a
    candidate in low precision stores (`store`). `fixed` are further inputs that are no arrays. `options` are those of
    `hold`. Raises UsageError where these do not say what to draw.
    """
    if (shapes is None) == (inputs is None):
        raise UsageError("a pair needs shapes={...} or inputs=a function of a generator, and not both.")
    arithmetic = arithmetic_of(**{key: options.pop(key) for key in DECLARED if key in options})
    possible = DTYPES if arithmetic is None else (*DTYPES, *LOWER)
    dtypes = (DTYPES if arithmetic is None else (arithmetic.store,)) if dtypes is None else dtypes
    unknown = sorted(set(dtypes) - set(possible))
    if unknown or not dtypes:
        raise UsageError(f"the dtypes of a pair are among {', '.join(possible)}, not {', '.join(unknown) or 'none'}.")
    if not isinstance(shapes, Mapping | None):
        raise UsageError(f"shapes= is a {type(shapes).__name__}; it is a dict of shapes by the inputs' names.")
    wrong = sorted(set(options) - ({field.name for field in fields(Options)} - {"arithmetic"}))
    if wrong:
        raise UsageError(f"a pair has no option {', '.join(wrong)}; error bounds are derived.")
    specs = {key: _spec(key, shape) for key, shape in (shapes or {}).items()}
    letters = letters_of(specs)
    for letter, some in (sizes or {}).items():
        if letter not in letters:
            raise UsageError(f"sizes= has the letter {letter!r}, and the shapes have {', '.join(letters) or 'none'}.")
        if (
            isinstance(some, str)
            or not isinstance(some, Sequence)
            or not all(isinstance(n, int) and n > 0 for n in some)
        ):
            raise UsageError(f"the sizes of {letter} are {some!r}; they are a list of whole numbers from 1 on.")

    def decorate(candidate: Callable[..., Any]) -> Callable[..., Any]:
        made = Pair(
            name or name_of(candidate),
            candidate,
            reference,
            specs,
            inputs,
            tuple(dtypes),
            fixed or {},
            sizes or {},
            Options(**options, arithmetic=arithmetic),
        )
        candidate.parity_pair = made  # type: ignore[attr-defined]
        return candidate

    return decorate


def letters_of(specs: Mapping[str, Spec]) -> list[str]:
    """The letters of the shapes, each once, in their order."""
    sizes = (size for spec in specs.values() for size in (*spec.shape, spec.classes))
    return list(dict.fromkeys(size for size in sizes if isinstance(size, str)))


def _spec(name: str, shape: Any) -> Spec:
    if isinstance(shape, int | str):
        shape = (shape,)
    spec = shape if isinstance(shape, Spec) else Spec(shape)
    if not isinstance(spec.shape, tuple) or not all(map(_is_size, spec.shape)):
        raise UsageError(
            f"the shape of {name} is {spec.shape!r}; it is a tuple of letters and of numbers from 1 on, labels(), "
            "positive() or between()."
        )
    return spec


def _is_size(size: Any) -> bool:
    return isinstance(size, str) or (isinstance(size, int) and size > 0)
