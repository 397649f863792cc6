"""Reproductions of a layer's turns: fewer calls and smaller inputs that may fail alike, and their lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.kinds import turns
from parity_tests.harness.failing_case import Arrays, FailingCase, Trial, literal, sized
from parity_tests.protocol.case import Case
from parity_tests.protocol.quantity import Key

READ_ONLY = [
    "def read_only(array):",
    "    array = array.copy()",
    "    array.flags.writeable = False",
    "    return array",
]
_ARGUMENTS = {
    turns.FORTRAN: 'np.array({}, order="F")',
    turns.VIEW: "np.repeat({}[..., ::-1], 2, axis=-1)[..., ::-2]",
    turns.READ_ONLY: "read_only({})",
    turns.ONE: "{}",
}
"""How an array is passed that lies in memory in one of these ways."""
Draw = Callable[[int, Mapping[str, Any]], Arrays]
"""The arrays of an input, from its number and what the case says of it."""


def fewer_calls(case: Case, key: Key) -> Iterator[Case]:
    """The case with the failing call and as few others as may do: on its input, on its object, and all before it."""
    calls = [tuple(call) for call in case.params["calls"]]
    at = next(n for n, call in enumerate(calls) if call[2] == key.call and _gives(call[0], key.name))
    until, i = calls[: at + 1], calls[at][1]
    inputs = {key.call, case.params["inputs"][key.call].get("as", key.call)}
    tried: list[list[Any]] = []
    for kept in ([c for c in until if c[2] in inputs], [c for c in until if c[1] == i], until):
        if kept not in tried:
            tried.append(kept)
            asked = tuple(q for q in case.quantities if _is_asked(q.key, kept))
            yield replace(sized(case, calls=[list(call) for call in kept]), quantities=asked)


def _is_asked(key: Key, calls: Sequence[tuple[str, int, int]]) -> bool:
    return any(k == key.call and _gives(method, key.name) for method, _, k in calls)


def _gives(method: str, word: str) -> bool:
    return word.startswith("gradient") == (method == turns.BACKWARD)


def in_memory(case: Case) -> Iterator[Case]:
    """The case with inputs as numpy makes them, then as they were where that is otherwise."""
    inputs = case.params["inputs"]
    usual = [{**given, "memory": turns.USUAL} for given in inputs]
    yield sized(case, inputs=usual)
    if usual != list(inputs):
        yield case


def smaller_inputs(case: Case, size: str, small: Sequence[Any]) -> Case:
    """The case whose inputs have small sizes, `small[0]` and for those of another size than the first `small[1]`."""
    inputs = case.params["inputs"]
    first = inputs[0][size]
    return sized(case, inputs=[{**given, size: small[given[size] != first]} for given in inputs])


def drawn_inputs(case: Case, draw: Draw) -> Arrays:
    """The arrays of all inputs; those of a further backward are the same as before."""
    arrays: Arrays = {}
    for k, given in enumerate(case.params["inputs"]):
        for name, array in draw(k, given).items():
            arrays[f"{name}_{k}"] = arrays[f"{name}_{given['as']}"] if "as" in given else array
    return arrays


def whole(array: np.ndarray[Any, Any], given: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """An input as integers, none of them 0, where that is what is asked."""
    if given["memory"] != turns.WHOLE:
        return array
    return np.asarray(np.where(array < 0, np.floor(array), np.ceil(array)), np.int64)


def last_trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    """The case that failed: with fewer calls, its numbers cut to one decimal, then with its own."""
    cut = {name: np.round(a, 1).astype(a.dtype) if a.dtype.kind == "f" else a for name, a in drawn.items()}
    for fewer in fewer_calls(case, key):
        yield fewer, cut
        yield fewer, drawn
    yield case, drawn


@dataclass(frozen=True)
class Lines:
    """The calls of a failing case as lines; `X` is what the arrays of inputs are called."""

    failing: FailingCase
    X: str = "X"

    @property
    def k(self) -> int:
        """The input of the failing call."""
        return self.failing.quantity.key.call

    @cached_property
    def calls(self) -> list[tuple[str, int, int]]:
        """The calls, as far as the failing one."""
        return [tuple(call) for call in self.failing.case.params["calls"]]

    @property
    def method(self) -> str:
        """The method that fails."""
        return self.calls[-1][0]

    @property
    def own(self) -> int:
        """The object whose method fails."""
        return self.calls[-1][1]

    @cached_property
    def objects(self) -> dict[int, str]:
        """The variables of the objects, by their numbers."""
        one = "one_layer" in self.failing.case.params
        return {i: "layer" if one or i == self.own else "other" for i in sorted({i for _, i, _ in self.calls})}

    def suffix(self, k: int) -> str:
        """What the variables of an input end with: "" for that of the failing call."""
        if self._source(k) == self._source(self.k):
            return ""
        others = [of for _, _, of in self.calls if self._source(of) != self._source(self.k)]
        return f"_{list(dict.fromkeys(others)).index(k) + 1}"

    def given(self, names: Callable[[str], Sequence[str]]) -> list[str]:
        """The literals of the arrays that the calls take; `names(method)` are those of one."""
        wanted: dict[str, str] = {}
        for method, _, k in self.calls:
            for name in names(method):
                wanted[f"{name}{self.suffix(k)}"] = f"{name}_{k}"
        return [literal(variable, self.failing.arrays[array]) for variable, array in wanted.items()]

    def helpers(self) -> list[str]:
        """The lines of what arguments use."""
        memories = {self._memory(k) for _, _, k in self.calls}
        return READ_ONLY if turns.READ_ONLY in memories else []

    def argument(self, name: str, k: int) -> str:
        """An array as it is passed."""
        variable = f"{name}{self.suffix(k)}"
        return _ARGUMENTS.get(self._memory(k), "{}.copy()").format(variable)

    def ask(self, arguments: Callable[[str, int], Sequence[str]], keep: Mapping[str, str]) -> list[str]:
        """A line for each call; what those of the failing input return is kept in the variables `keep`, by method."""
        lines = []
        for n, (method, i, k) in enumerate(self.calls):
            called = turns.BACKWARD if method == turns.BACKWARD else turns.FORWARD
            line = f"{self.objects[i]}.{called}({', '.join(arguments(method, k))})"
            is_own = self._source(k) == self._source(self.k) and i == self.own
            variable = keep.get(called) if is_own and (n == len(self.calls) - 1 or called == turns.FORWARD) else None
            lines.append(f"{variable} = {line}" if variable else line)
        return lines

    def _source(self, k: int) -> int:
        return int(self.failing.case.params["inputs"][k].get("as", k))

    def _memory(self, k: int) -> str:
        return str(self.failing.case.params["inputs"][k]["memory"])
