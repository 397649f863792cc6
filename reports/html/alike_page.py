"""The page that shows submissions that are alike side by side, the lines that both have marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.html.template import template


@dataclass(frozen=True)
class Side:
    """One submission: its files by name, each as lines with their numbers, and whether the other has them as well."""

    name: str
    files: Sequence[tuple[str, Sequence[tuple[int, str, bool]]]]


@dataclass(frozen=True)
class SideBySide:
    """Two submissions, how many own lines they share, and how many the smaller one has."""

    left: Side
    right: Side
    common: int
    own: int


def alike_page(pairs: Sequence[SideBySide], *, left_out: int) -> str:
    """The page of these pairs as a whole HTML document; so many others are `left_out`."""
    return template("alike.html").render(title="Parity: alike", pairs=pairs, left_out=left_out)
