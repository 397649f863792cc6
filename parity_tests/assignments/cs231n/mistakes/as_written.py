"""Functions as students write them: one text that numpy runs where it is put into our solution, and torch predicts by.

A wrong form is the text with other words in it, so that what is predicted is what is plugged in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.parts.right_text import compiled
from parity_tests.protocol.mistake import Body, Swap

Words = tuple[str, str]
"""Words that stand in a text once, and those that a mistake has in their place."""


class NumpyInTorch:
    """What texts use of numpy, for tensors."""

    def zeros(self, shape: Sequence[int], dtype: Any) -> Any:
        import torch

        return torch.zeros(tuple(shape), dtype=dtype)

    def arange(self, count: int) -> Any:
        import torch

        return torch.arange(count)

    def maximum(self, x: Any, other: Any) -> Any:
        import torch

        return x.clamp(min=other) if isinstance(other, (int, float)) else torch.maximum(x, other)

    def minimum(self, x: Any, other: Any) -> Any:
        import torch

        return x.clamp(max=other) if isinstance(other, (int, float)) else torch.minimum(x, other)

    def where(self, condition: Any, x: Any, other: Any) -> Any:
        import torch

        return torch.where(condition, x, other)

    def max(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return x.amax(tuple(range(x.dim())) if axis is None else axis, keepdim=keepdims)

    def min(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return x.amin(tuple(range(x.dim())) if axis is None else axis, keepdim=keepdims)

    def sqrt(self, x: Any) -> Any:
        return x**0.5 if isinstance(x, float) else x.sqrt()

    def exp(self, x: Any) -> Any:
        return x.exp()

    def log(self, x: Any) -> Any:
        return x.log()

    def log2(self, x: Any) -> Any:
        return x.log2()

    def log10(self, x: Any) -> Any:
        return x.log10()

    def abs(self, x: Any) -> Any:
        return x.abs()

    def tanh(self, x: Any) -> Any:
        return x.tanh()

    def flip(self, x: Any, axis: Any) -> Any:
        return x.flip(axis)

    def transpose(self, x: Any, axes: Sequence[int]) -> Any:
        return x.permute(tuple(axes))

    def pad(self, x: Any, widths: Sequence[tuple[int, int]], mode: str = "constant", constant_values: float = 0) -> Any:
        import torch.nn.functional as F  # noqa: N812 - its usual name

        if mode == "constant":
            flat = [width for pair in reversed(widths) for width in pair]
            return F.pad(x, flat, value=constant_values)
        for axis, (before, after) in enumerate(widths):
            x = x.index_select(axis, _places(x.shape[axis], before, after, mode))
        return x


def _places(count: int, before: int, after: int, mode: str) -> Any:
    """Where the numbers of a padded axis come from."""
    import torch

    places = torch.arange(-before, count + after)
    if mode == "edge":
        return places.clamp(0, count - 1)
    period = 2 * count if mode == "symmetric" else max(2 * count - 2, 1)
    if mode == "wrap":
        return places % count
    places = places % period
    beyond = 2 * count - 1 if mode == "symmetric" else 2 * count - 2
    return torch.where(places < count, places, beyond - places)


IN_TORCH = NumpyInTorch()


def run_in_torch(lines: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """What a text leaves of names, beside those that it is given."""
    found = {"np": IN_TORCH, **names}
    exec(compiled(lines), found)
    return found


def run_if_torch_can(lines: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a text that nobody wrote. Raises ValueError, which refutes it, where torch has no such operation."""
    try:
        return run_in_torch(lines, names)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"torch does not run {lines!r}") from error


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
