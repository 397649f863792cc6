"""The change: an edit of a source, with the words for what is then wrong, and for what was wrong before."""

from __future__ import annotations

from dataclasses import dataclass

from parity_tests.operators.source import Source

Edit = tuple[int, int, str]
"""The bytes from one place to another, and the text that takes their place."""


@dataclass(frozen=True)
class Change:
    """One change. Of a right text `makes` says in words what is wrong with the changed one, without the place.

    Where the changed text is right, `mends` says what is wrong with the text as it stands. `rank` orders changes by how
    often they mend something, the likeliest first, and `line` is the first that changes.
    """

    operator: str
    rank: int
    line: int
    edits: tuple[Edit, ...]
    makes: str
    mends: str

    def applied(self, source: Source) -> str:
        """The text of the module with the change."""
        text = source.bytes
        for start, end, new in sorted(self.edits, reverse=True):
            text = text[:start] + new.encode("utf-8", "surrogatepass") + text[end:]
        return text.decode("utf-8", "surrogatepass")
