"""Formulas written as text: one expression predicts what a call returns, and stands in the solution to prove it."""

from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any

import numpy as np

from parity_tests.protocol.mistake import Call


@dataclass(frozen=True)
class Expression:
    """A formula: the value of a Python expression in the names of a call's inputs.

    Further names are `np`, of which ufuncs and np.where can be used, `first`, the first call on the same object, and
    `number`, what an estimate found.
    """

    text: str

    def __call__(self, call: Call) -> Any:
        names = {**call.inputs, "first": call.first, "number": call.number}
        return eval(_compiled(self.text), {"np": np}, names)


@cache
def _compiled(text: str) -> CodeType:
    return compile(text, "<formula>", "eval")
