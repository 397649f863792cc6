"""Values that are computed where they are read: of many names a changed text reads a few."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Later:
    """A value of a name that is computed where a text reads it."""

    def __init__(self, make: Callable[..., Any], *given: Any) -> None:
        self.value: Callable[[], Any] = lambda: make(*given)
