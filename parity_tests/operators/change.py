"""The change: an edit of a source, with the words for what is then wrong, and for what was wrong before."""

from __future__ import annotations

from dataclasses import dataclass, replace

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

    def trimmed(self, source: Source) -> Change:
        """The same with edits that are no longer than they must be, so that others may lie around them."""
        return replace(self, edits=tuple(_trimmed(edit, source.bytes) for edit in self.edits))

    def applied(self, source: Source) -> str:
        """The text of the module with the change."""
        text = source.bytes
        for start, end, new in sorted(self.edits, reverse=True):
            text = text[:start] + new.encode("utf-8", "surrogatepass") + text[end:]
        return text.decode("utf-8", "surrogatepass")


def _trimmed(edit: Edit, text: bytes) -> Edit:
    start, end, new = edit
    old = text[start:end].decode("utf-8", "surrogatepass")
    if not (old.isascii() and new.isascii()):
        return edit
    before = _alike(old, new)
    after = _alike(old[before:][::-1], new[before:][::-1])
    return start + before, end - after, new[before : len(new) - after]


def _alike(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    return next(
        (k for k, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )
