"""A case that fails, made small: what the lines of a script are about, and the lines that are alike in all scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.draft import Draft, compared, shaped
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.quantity import Key, Quantity
from reports.model.verdicts import Verdict

Arrays = Mapping[str, NDArray[Any]]
NUMBERED = re.compile(r"(.+)_\d+")


@dataclass(frozen=True)
class FailingCase:
    """A case that fails, the quantity that a script is to show, and what is wrong with it in the edition asked for."""

    case: Case
    quantity: Quantity
    arrays: Arrays
    comparison: Comparison
    edition: str

    @property
    def key(self) -> Key:
        """The quantity's: the word for the result, and the number of the call."""
        return self.quantity.key

    @property
    def verdict(self) -> str:
        """What the first half of a script does: "crashed", "timeout" or "mismatch" (it comes to its end)."""
        verdict = self.comparison.verdict
        return verdict if verdict in (Verdict.CRASHED, Verdict.TIMEOUT) else Verdict.MISMATCH

    def draft(
        self,
        ask: Sequence[str],
        expected: Sequence[str],
        *keeps: str,
        given: Sequence[str] = (),
        flat: bool = False,
        end: Sequence[str] = (),
        **options: Any,
    ) -> Draft:
        """A draft of lines that leave `actual`, and lines that leave `expected`, with the arrays that these name.

        Both may use what is `given` besides. It ends as the comparison does, by values or by the
        shape alone, or with `end`, where there is one.
        """
        arrays = self.comparison.arrays
        own = shaped(flat=flat) if arrays is None else compared(arrays[2], self.comparison.gap)
        judge = [*expected, *(end or own)] if self.verdict == Verdict.MISMATCH else []
        arrays_given, ask, judge = self._with_arrays(ask, judge)
        return Draft([*arrays_given, *given], ask, judge, ("actual", *keeps), self.verdict, **options)

    def _with_arrays(self, ask: Sequence[str], judge: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
        """The literals of the arrays that are named; where there is one X_k alone, it is called X."""
        words = set(re.findall(r"\w+", "\n".join([*ask, *judge])))
        named = [name for name in self.arrays if name in words]
        plain = {}
        for name in named:
            number = NUMBERED.fullmatch(name)
            if number and sum(NUMBERED.sub(r"\1", other) == number[1] for other in named) == 1:
                plain[name] = number[1]
        given = [literal(plain.get(name, name), self.arrays[name]) for name in named]
        renamed = [
            [re.sub(r"\w+", lambda word: plain.get(word[0], word[0]), line) for line in lines] for lines in (ask, judge)
        ]
        return given, renamed[0], renamed[1]


def literal(name: str, array: Any) -> str:
    """A line that gives an array its name."""
    array = np.asarray(array)
    dtype = f", np.{array.dtype}" if array.dtype == np.float32 else ""
    return f"{name} = np.array({array.tolist()!r}{dtype})"


def differentiated(expression: str, arrays: Mapping[str, str], gradient: str = "", upstream: str = "") -> list[str]:
    """torch's lines for an expression of tensors, which are made of `arrays`, or for its gradient in one of them.

    `upstream` is the array of the gradient in its result, "" for that of a number.
    """
    comma = "," * (len(arrays) == 1)
    made = f"(torch.tensor(array, requires_grad=True) for array in ({', '.join(arrays.values())}{comma}))"
    lines = [f"{', '.join(arrays)}{comma} = {made}", f"out = {expression}"]
    if not gradient:
        return [*lines, "expected = out.detach().numpy()"]
    return [
        *lines,
        f"out.backward({f'torch.tensor({upstream})' * bool(upstream)})",
        f"expected = {gradient}.grad.numpy()",
    ]


def fewer_calls(calls: Sequence[Sequence[Any]], *kept: Sequence[Sequence[Any]]) -> Iterator[list[list[Any]]]:
    """Some of a case's calls, and some more, and at last all of them; each choice once."""
    tried: list[list[list[Any]]] = []
    for some in (*kept, calls):
        if some and (own := [list(call) for call in some]) not in tried:
            tried.append(own)
            yield own
