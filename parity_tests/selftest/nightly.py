"""Which tests wait for the night: of long lists of alike ones, one in a few is run at once, the rest at night."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def one_in(every: int, values: Iterable[Any]) -> list[Any]:
    """The values as parameters of a test, of which one in `every` is run at once and all others are marked."""
    return [value if number % every == 0 else _at_night(value) for number, value in enumerate(values)]


def one_of_each(kind: Callable[[Any], object], values: Iterable[Any]) -> list[Any]:
    """The values as parameters of a test, of which the first of each kind is run at once and all others are marked."""
    chosen: dict[object, Any] = {}
    return [value if chosen.setdefault(kind(value), value) is value else _at_night(value) for value in values]


def first_of_each(kind: Callable[[Any], object], values: Iterable[Any]) -> list[Any]:
    """The first of each kind alone: `parity selftest` puts all of them to it at night."""
    return list({kind(value): value for value in reversed(list(values))}.values())[::-1]


def _at_night(value: Any) -> Any:
    return pytest.param(value, marks=pytest.mark.nightly)
