"""Functions as students write them: one text that numpy runs where it is put into our solution, and torch predicts by.

A wrong form is the text with other words in it, so that what is predicted is what is plugged in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.parts.in_torch import run_in_torch
from parity_tests.protocol.mistake import Body, Swap

Words = tuple[str, str]
"""Words that stand in a text once, and those that a mistake has in their place."""


def predicting(lines: str, result: str) -> Callable[[Any, Any], Any]:
    """A function of a case's tensors and its setting that gives what a text leaves under a name."""

    def predicted(t: Any, s: Any) -> Any:
        extra = {"G": t.extra[0]} if getattr(t, "extra", None) else {}
        setting = {"eps": 1e-5, **s} if "gamma" in vars(t) else s
        return 1 * run_in_torch(lines, {**vars(t), **setting, **extra})[result]

    return predicted


def rewritten(text: str, words: Sequence[Words]) -> str:
    """The text with other words; each old one stands in it once."""
    for old, new in words:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the text, not once"
        text = text.replace(old, new)
    return text


Plug = Callable[[str], tuple[Body | Swap, ...]]
"""How a text comes into our solution."""


def body(part: str, head: str, tail: str) -> Plug:
    """As the whole function: `head` takes apart what is handed in, `tail` returns, in numpy alone."""
    return lambda lines: (Body(part, f"{head}{lines}\n{tail}"),)


@dataclass(frozen=True)
class Text:
    """A part as written: the text, how it comes into our solution, and what stands before the names of its results."""

    part: str
    lines: str
    plug: Plug
    kind: str = "layer"
    before: str = ""

    def wrong(self, name: str, hint: str, results: str, *words: Words) -> Wrong:
        """A mistake that changes these results, by their names in the text."""
        lines = rewritten(self.lines, words)
        change = {f"{self.before}{result}": predicting(lines, result) for result in results.split()}
        return Wrong(self.part, self.kind, name, hint, change, self.plug(lines))
