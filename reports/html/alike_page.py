"""The page that shows submissions that are alike side by side, the lines that both have marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.html.cards import Code
from reports.html.template import template


@dataclass(frozen=True)
class Side:
    """One submission and its files; the lines that the other has as well are marked."""

    name: str
    files: Sequence[Code]


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
