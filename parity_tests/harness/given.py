"""What a mistake's formula is given: the tensors of a case, and the right results, computed when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import Any


class Given(SimpleNamespace):
    """Tensors by their names as attributes; `right` has the right results likewise, which few formulas use."""

    def __init__(self, right: Callable[[], Mapping[str, Any]] = dict, /, **tensors: Any) -> None:
        super().__init__(**tensors)
        self._right = right

    @cached_property
    def right(self) -> SimpleNamespace:
        """The right results."""
        return SimpleNamespace(**self._right())
