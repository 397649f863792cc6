"""The page that shows submissions that are alike side by side, the lines that both have marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.html.cards import Code
from reports.html.template import template


@dataclass(frozen=True)
class SideBySide:
    """Two submissions, each its name and its files, the common lines marked; how many own lines these are of how many.

    Those of the smaller one are counted.
    """

    sides: Sequence[tuple[str, Sequence[Code]]]
    common: int
    own: int


def alike_page(pairs: Sequence[SideBySide], *, left_out: int) -> str:
    """The page of these pairs as a whole HTML document; so many others are `left_out`."""
    return template("alike.html").render(title="Parity: alike", pairs=pairs, left_out=left_out)
