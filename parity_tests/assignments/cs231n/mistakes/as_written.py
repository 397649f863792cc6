"""Functions as students write them: one text that numpy runs where it is put into our solution, and torch predicts by.

A wrong form is the text with other words in it, so that what is predicted is what is plugged in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.parts.in_torch import run_in_torch
from parity_tests.parts.right_text import compiled
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


def failing(lines: str) -> Callable[[Any, Any, int], bool]:
    """A function of a case's params and arrays and of a call that says whether numpy fails to run a text there."""

    def fails(params: Any, arrays: Any, call: int) -> bool:
        own = {name: arrays[f"{name}_{call}"] for name in (*params["arrays"], "dout")}
        try:
            exec(compiled(lines), {"np": np, **own, **(params["setting"] or {})})
        except (ValueError, IndexError):
            return True
        return False

    return fails


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


def after(line: str, indent: int, *swaps: Swap) -> Plug:
    """Behind a line of our solution, that goes before; and further swaps."""
    return lambda lines: (Swap(line, f"{line}\n{_indented(lines, indent)}"), *swaps)


def _indented(lines: str, indent: int) -> str:
    return "\n".join(" " * indent + line for line in lines.split("\n"))


@dataclass(frozen=True)
class Text:
    """A part as written: the text, how it comes into our solution, and what stands before the names of its results.

    With `beyond` a wrong form of it may look beyond an image, so that calls fail.
    """

    part: str
    lines: str
    plug: Plug
    kind: str = "layer"
    before: str = ""
    beyond: bool = False

    def wrong(self, name: str, hint: str, results: str, *words: Words) -> Wrong:
        """A mistake that changes these results, by their names in the text."""
        lines = rewritten(self.lines, words)
        change = {f"{self.before}{result}": predicting(lines, result) for result in results.split()}
        fails = failing(lines) if self.beyond else None
        return Wrong(self.part, self.kind, name, hint, change, self.plug(lines), fails=fails)
