"""How an evasion is written: our solution with lines replaced, and the lines that several of them replace."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.wrong import LAYERS_FILE
from parity_tests.protocol.mistake import Body, Rewrite, Swap

AFFINE = "return x.reshape(len(x), -1) @ w + b, (x, w, b)"
CONV = "windows = _windows(_padded(x, pad), HH, WW, stride)"
POOL = "windows = _windows(x, height, width, stride)"


def body(name: str, function: str, statements: str, file: str = LAYERS_FILE) -> Rewrite:
    return Rewrite(name, (Body(function, statements),), file)


def swapped(name: str, *swaps: tuple[str, str], file: str = LAYERS_FILE) -> Rewrite:
    return Rewrite(name, tuple(Swap(*swap) for swap in swaps), file)
