"""Pieces of sentences, and those that several reports share: lists, plurals, what is too long, an agreement."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reports.model.escape import printable

_WHEN = re.compile(r",| \(| of (?:the|call) | after | in test mode")


def listed(words: Iterable[str]) -> str:
    """Words as a sentence lists them: "a", "a and b", "a, b and c"."""
    *others, last = [*words] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def quantities(count: int) -> str:
    """ "1 quantity", "7 quantities"."""
    return f"{count} quantit{'y' if count == 1 else 'ies'}"


def ended(text: str) -> str:
    """The text with a full stop, unless it ends as a sentence already."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def capitalised(text: str) -> str:
    """The text with a capital at its beginning, unless it begins with a name of the code."""
    first = text.split(" ", 1)[0]
    is_name = {".", "_", "="}.intersection(first) or (len(first) == 1 and first != "a")
    return text if is_name else text[:1].upper() + text[1:]


def quantity_name(quantity: str) -> str:
    """What a sentence calls a quantity: one word, which may be a name of the code, in backticks, and more as they are.

    So is one word of which it is said when it was asked for, as in "dx of the second".
    """
    word = _WHEN.split(quantity, maxsplit=1)[0]
    return quantity if " " in word else f"`{word}`{quantity.removeprefix(word)}"


def shortened(text: str, length: int) -> str:
    """The text, of at most `length` characters; what is cut off is told by an ellipsis."""
    return text if len(text) <= length else text[: max(length - 1, 0)] + "…"


def near_names(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that says that there is no such name: which are near it, "" for none.

    Those that begin with it come first: what follows tells the submissions of two students of one name apart.
    """
    import difflib

    folded = {one.casefold(): one for one in known}
    wanted = name.casefold()
    longer = [one for one in folded if wanted and one.startswith(wanted)]
    near = longer or difflib.get_close_matches(wanted, folded, n=1, cutoff=0.6)
    found = [folded[one] for one in near[:3]]
    *others, last = [*map(printable, found)] or [""]
    return f"; is {', '.join(others)}{' or ' * bool(others)}{last} meant?" if found else ""


def agreement(steps: int) -> str:
    """The verdict on a run in which nothing is off, and rounding could be told from a bug in so many steps."""
    if steps == 0:
        return "Nothing can be said: from the first step on rounding alone explains as much as a bug."
    return f"Agreement: every quantity of {steps} steps lies within its error bound."
