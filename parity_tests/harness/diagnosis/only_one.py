"""The only one of several names: two that fit are none."""

from __future__ import annotations

from collections.abc import Iterable


def only_one(names: Iterable[str]) -> str:
    """The one name among these; "" where there are several: then nothing tells which of them is true."""
    different = set(names)
    return different.pop() if len(different) == 1 else ""
