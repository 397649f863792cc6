"""Known mistakes of networks that nobody has written down: changes of their steps, penalties, sizes and beginnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from parity_tests.assignments.cs231n.mistakes.network_ends import changed_ends
from parity_tests.assignments.cs231n.mistakes.network_starts import changed_sizes, changed_starts
from parity_tests.assignments.cs231n.mistakes.network_steps import changed_dropout, changed_steps
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen


def generated_networks(part: str, asked: Sequence[Case], seen: Seen, draw: Draw, about: str) -> Iterator[Wrong]:
    """The changes that may give all results of a network's loss, or what it is made with, the simplest first."""
    if about == "dropout":
        yield from changed_dropout(part)
    elif about:
        yield from changed_starts(part, asked, seen, about)
    else:
        yield from changed_ends(part, asked, seen, draw)
        yield from changed_steps(part)
        if part == "ThreeLayerConvNet":
            yield from changed_sizes(part, asked, seen)
