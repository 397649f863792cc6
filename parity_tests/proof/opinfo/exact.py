"""Functions of one or two numbers in mpmath, by their names in torch's list: who is right where two programs differ."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import mpmath
import torch

from parity_tests.proof.opinfo.cases import Case
from parity_tests.protocol.comparison import Comparison

_SAME_NAME = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "digamma",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "expm1",
    "hypot",
    "log",
    "log10",
    "log1p",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
]
FUNCTIONS: dict[str, Callable[..., Any]] = {name: getattr(mpmath, name) for name in _SAME_NAME}
FUNCTIONS |= {
    "add": lambda x, y: x + y,
    "div": lambda x, y: x / y,
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "float_power": lambda x, y: x**y,
    "fmod": lambda x, y: x - y * int(x / y),
    "i0": lambda x: mpmath.besseli(0, x),
    "lgamma": lambda x: mpmath.log(abs(mpmath.gamma(x))),
    "log2": lambda x: mpmath.log(x, 2),
    "mul": lambda x, y: x * y,
    "pow": lambda x, y: x**y,
    "reciprocal": lambda x: 1 / x,
    "remainder": lambda x, y: x - y * mpmath.floor(x / y),
    "rsqrt": lambda x: 1 / mpmath.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "sinc": lambda x: mpmath.sincpi(x),
    "square": lambda x: x * x,
    "sub": lambda x, y: x - y,
}
DIGITS = 60


def nearer(name: str, case: Case, result: str, comparison: Comparison) -> str:
    """ "torch" or "the reference", whichever is nearer to mpmath's value at the worst element; "" where none tells."""
    function = FUNCTIONS.get(name.partition(" ")[0])
    if function is None or result != "output" or comparison.got is None or comparison.want is None:
        return ""
    operands: list[torch.Tensor] = torch.functional.broadcast_tensors(*case.inputs.values())  # type: ignore[no-untyped-call]
    try:
        place = tuple(ast.literal_eval(comparison.where or "[]"))
        with mpmath.workdps(DIGITS):
            true = function(*[mpmath.mpf(float(x[place])) for x in operands])
            off = abs(mpmath.mpf(comparison.got) - true) - abs(mpmath.mpf(comparison.want) - true)
            return "torch" if off > 0 else "the reference"
    except (TypeError, ValueError, ArithmeticError, SyntaxError, IndexError):
        return ""
