"""The pair: a candidate, the torch function that it must agree with, and how its inputs are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parity_tests.pairs.hold import Options, name_of
from parity_tests.protocol.errors import UsageError

DTYPES = ("float32", "float64")
Draw = Callable[[np.random.Generator], Mapping[str, Any]]


@dataclass(frozen=True)
class Spec:
    """How one input is drawn: its shape (letters are sizes that are drawn, one for each letter), and what it holds.

    `values` is "normal", "positive" or "labels"; labels are whole numbers from 0 to `classes` − 1, of which `classes`
    may be a letter.
    """

    shape: tuple[int | str, ...]
    values: str = "normal"
    classes: int | str = 0


def positive(*shape: int | str) -> Spec:
    """An input of positive numbers, such as a variance."""
    return Spec(shape, "positive")


def labels(*shape_and_classes: int | str) -> Spec:
    """An input of whole numbers: `labels("N", 10)` is N of them from 0 to 9."""
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
    options: Options = field(default_factory=Options)


def pair(
    *,
    reference: Any,
    shapes: Mapping[str, Any] | None = None,
    inputs: Draw | None = None,
    dtypes: Sequence[str] = DTYPES,
    name: str = "",
    fixed: Mapping[str, Any] | None = None,
    **options: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that makes a function the candidate of a pair, which `parity hold FILE` and pytest find.

    `shapes` gives each input's shape, such as `{"x": ("N", 30), "y": labels("N", 10), "v": positive(30)}`; a letter is
    a size that is drawn. Or `inputs` is a function of a numpy generator that returns the inputs. `fixed` are further
    inputs that are no arrays. `options` are those of `hold`. Raises UsageError where these do not say what to draw.
    """
    if (shapes is None) == (inputs is None):
        raise UsageError("a pair needs shapes={...} or inputs=a function of a generator, and not both.")
    unknown = sorted(set(dtypes) - set(DTYPES))
    if unknown or not dtypes:
        raise UsageError(f"the dtypes of a pair are among {', '.join(DTYPES)}, not {', '.join(unknown) or 'none'}.")
    specs = {key: _spec(key, shape) for key, shape in (shapes or {}).items()}

    def decorate(candidate: Callable[..., Any]) -> Callable[..., Any]:
        made = Pair(
            name or name_of(candidate),
            candidate,
            reference,
            specs,
            inputs,
            tuple(dtypes),
            fixed or {},
            Options(**options),
        )
        candidate.parity_pair = made  # type: ignore[attr-defined]
        return candidate

    return decorate


def _spec(name: str, shape: Any) -> Spec:
    if isinstance(shape, Spec):
        return shape
    if isinstance(shape, int | str):
        return Spec((shape,))
    if isinstance(shape, tuple) and all(isinstance(size, int | str) for size in shape):
        return Spec(shape)
    raise UsageError(f"the shape of {name} is {shape!r}; it is a tuple of numbers and letters, labels() or positive().")
