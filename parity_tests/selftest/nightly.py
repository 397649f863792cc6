"""Which tests wait for the night: of long lists of alike ones, one in a few is run at once, the rest at night."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def one_in(every: int, values: Iterable[Any]) -> list[Any]:
    """The values as parameters of a test, of which one in `every` is run at once and all others are marked."""
    return [
        value if number % every == 0 else pytest.param(value, marks=pytest.mark.nightly)
        for number, value in enumerate(values)
    ]
