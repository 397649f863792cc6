"""Writes down what a probe calls as lines of Python, so that a script can make the same calls without the probe.

It watches Parity's own solution alone. The submission's process loads this file by its path: numpy, the standard
library and the files beside it only.
"""

from __future__ import annotations

import functools
import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission

Probe = Callable[..., None]
RESULTS = {"forward": "out", "backward": "back"}
"""What a script calls the results of methods of these names; those of all others "returned"."""


def tracing(probes: Mapping[str, Probe]) -> Probe:
    """The probe "trace": puts a case by its own probe, and tells with which lines it came to one of its results.

    Its parameters are those of the case, its `probe`, the `name` and `call` of the result, and the names of `modules`.
    """

    def trace(
        submission: Submission, recorder: CallRecorder, params: Mapping[str, Any], arrays: Mapping[str, Any]
    ) -> None:
        tracer = _Tracer(submission, recorder, params, arrays)
        probes[params["probe"]](submission, recorder, params["params"], {k: v.copy() for k, v in arrays.items()})
        recorder.add_fact("trace", tracer.told())

    return trace


class _Tracer:
    """The lines so far, the expressions of all values that were seen, and what objects held after the last call."""

    def __init__(
        self, submission: Submission, recorder: CallRecorder, params: Mapping[str, Any], arrays: Mapping[str, Any]
    ) -> None:
        self.lines: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.found: dict[str, Any] = {}
        self._arrays, self._key, self._inside = arrays, (params["name"], params["call"]), False
        self._known: dict[int, tuple[str, Any]] = {}
        self._held: dict[str, Any] = {}
        self._origins: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._keep = recorder.keep
        vars(recorder)["keep"] = self._kept
        for name in params["modules"]:
            importlib.import_module(name)
        self._modules = {name: sys.modules[name] for name in params["modules"]}
        self._main = submission.module
        for module in self._modules.values():
            self._watch(module)

    def told(self) -> dict[str, Any]:
        """The lines that lead to the result, its expression, the call that gave it, and the call before that."""
        nothing = {"actual": "", "last": None, "by": self.calls[-1:]}
        return {**nothing, **self.found, "lines": self.lines[: self.found.get("end", len(self.lines))]}

    # ---- what is watched

    def _watch(self, module: ModuleType) -> None:
        for name, own in list(vars(module).items()):
            if getattr(own, "__module__", None) != module.__name__:
                continue
            if isinstance(own, FunctionType):
                noting = self._noting(own, f"{self._alias(name, module)}.{name}")
                for other in self._modules.values():
                    for called in [called for called, value in vars(other).items() if value is own]:
                        setattr(other, called, noting)
            elif isinstance(own, type):
                for method in [method for method, value in vars(own).items() if isinstance(value, FunctionType)]:
                    setattr(own, method, self._noting(vars(own)[method], method, f"{self._alias(name, module)}.{name}"))

    def _alias(self, name: str, module: ModuleType) -> str:
        return (self._main if hasattr(self._main, name) else module).__name__

    def _noting(self, function: Callable[..., Any], name: str, cls: str = "") -> Callable[..., Any]:
        """The function, each call of which by the probe becomes a line; with `cls`, a method."""

        @functools.wraps(function)
        def noting(*args: Any, **named: Any) -> Any:
            if self._inside:
                return function(*args, **named)
            self._inside = True
            try:
                self._bring_up()
                own = self._new(cls.rpartition(".")[2]) if name == "__init__" else ""
                called = cls if own else f"{self._expression(args[0])}.{name}" if cls else name
                given = [self._expression(value) for value in args[bool(cls) :]]
                texts = [*given, *(f"{key}={self._expression(value)}" for key, value in named.items())]
                result = function(*args, **named)
                variable = own or self._new(RESULTS.get(name, "returned"))
                self._know(args[0] if own else result, variable)
                self._add(f"{variable} = {called}({', '.join(texts)})", variable)
                on = own or (self._expression(args[0]) if cls else "")
                before = [call for call in self.calls if (call["on"] == on if on else _uses(texts, call["result"]))]
                self.calls.append(
                    {
                        "function": f"{cls}.{name}" if cls else name,
                        "arguments": given,
                        "result": variable,
                        "on": on,
                        "before": before[-1:],
                        "params": self._params(on),
                    }
                )
                self._bring_up(told=False)  # what the call itself has changed needs no line
            finally:
                self._inside = False
            return result

        return noting

    def _kept(self, name: str, value: Any, call: int = 0) -> bool:
        """What is kept under the key asked for has an expression, or the last of several arrays together has."""
        if (name, call) == self._key:
            last = isinstance(value, np.ndarray) and value.ndim > 1
            expression = self._looked_up(name, value)
            of_last = self._looked_up(name, value[-1]) if not expression and last else ""
            on = re.split(r"\W", expression or of_last)[0]
            by = [call for call in self.calls if on in (call["result"], call["on"])]
            self.found = {
                "actual": expression or of_last,
                "last": list(value[-1].shape) if of_last else None,
                "by": (by or self.calls)[-1:],
                "end": len(self.lines),
            }
        return self._keep(name, value, call)

    # ---- values as expressions

    def _looked_up(self, name: str, value: Any) -> str:
        """The expression of a value that is known, or that an object holds; "" for none."""
        if id(value) in self._known:
            return self._known[id(value)][0]
        slots = [slot for on, one in self._known.values() for slot in _slots(on, one)]
        exact = [place for place, held in slots if held is value]
        named = [place for place, held in slots if place.endswith(f".{name}") and _same(held, value)]
        alike = [place for place, held in (*self._known.values(), *slots) if _same(held, value)]
        return next(reversed(named or exact or alike), "")

    def _expression(self, value: Any) -> str:
        """Any value, in terms of those that are known; what it takes to have it becomes lines before."""
        if id(value) in self._known:
            return self._known[id(value)][0]
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, dict):
            variable = self._new("given")
            entries = ", ".join(f"{key!r}: {self._expression(one)}" for key, one in value.items())
            self._know(value, variable, deep=False)
            self._add(f"{variable} = {{{entries}}}", variable)
            self._held |= {place: _signature(one) for place, one in _slots(variable, value)}
            return variable
        if isinstance(value, (list, tuple)):
            ends = "[]" if isinstance(value, list) else "()"
            comma = "," * (ends == "()" and len(value) == 1)
            return f"{ends[0]}{', '.join(map(self._expression, value))}{comma}{ends[1]}"
        if isinstance(value, type):
            return f"np.{value.__name__}"
        if isinstance(value, np.generic):
            return repr(value.item())
        if isinstance(value, str) and Path(value).is_file():
            self._add(f"with open({value!r}, 'w') as file:\n    file.write({Path(value).read_text()!r})", "")
        if value is None or isinstance(value, (bool, int, float, str)):
            return repr(value)
        name, module = type(value).__name__, type(value).__module__
        variable = self._new(name)
        cls = f"{self._alias(name, sys.modules[module])}.{name}" if module in self._modules else "Module"
        self._know(value, variable)
        bare = type(value).__init__ is not object.__init__
        self._add(f"{variable} = {cls}.__new__({cls})" if bare else f"{variable} = {cls}()", variable)
        self._bring_up_one(variable, value)
        return variable

    def _array(self, value: np.ndarray) -> str:
        """A copy of an array that was drawn, or of a row of one, or of one that was returned, laid out alike."""
        name = next(self._names_of(value), "")
        if not name:
            zeros = not value.any()
            return f"np.zeros({value.shape}, np.{value.dtype})" if zeros else f"np.array({value.tolist()!r})"
        if not value.flags.writeable:
            return f"np.frombuffer({name}.tobytes(), {name}.dtype).reshape({name}.shape)"
        if value.ndim > 1 and value.flags.f_contiguous and not value.flags.c_contiguous:
            return f"np.asfortranarray({name})"
        return f"{name}.copy()" if value.flags.c_contiguous else f"np.repeat({name}, 2, axis=-1)[..., ::2]"

    def _names_of(self, value: np.ndarray) -> Iterator[str]:
        yield from (name for name, array in self._arrays.items() if _same(array, value))
        for name, array in self._arrays.items():
            yield from (f"{name}[{t}]" for t, row in enumerate(array) if array.ndim and _same(row, value))
        yield from (on for on, one in reversed(list(self._known.values())) if _same(one, value))
        for name, array in self._arrays.items():
            if array.size == value.size and array.tobytes() == value.tobytes():
                yield f"{name}.reshape({value.shape})"

    # ---- what objects and dicts hold

    def _bring_up(self, *, told: bool = True) -> None:
        """Note what all objects and dicts hold anew, with the lines that put it there, where it is to be `told`."""
        for on, value in list(self._known.values()):
            self._bring_up_one(on, value, told=told)

    def _bring_up_one(self, on: str, value: Any, *, told: bool = True) -> None:
        for place, one in _slots(on, value):
            if self._held.get(place) == (now := _signature(one)):
                continue
            self._held[place], self._origins[place] = now, place
            if told and isinstance(one, (dict, np.ndarray, bool, int, float, str)):
                self._origins[place] = "{}" if isinstance(one, dict) else self._expression(one)
                self._add(f"{place} = {self._origins[place]}", on)

    def _params(self, on: str) -> dict[str, str]:
        """Where the parameters of an object that was called come from, by their keys."""
        begin = f'{on}.params["'
        return {place[len(begin) : -2]: text for place, text in self._origins.items() if place.startswith(begin)}

    # ---- names

    def _new(self, base: str) -> str:
        self._counts[base] = self._counts.get(base, 0) + 1
        return f"{base}_{self._counts[base]}"

    def _add(self, text: str, on: str) -> None:
        self.lines.append({"text": text, "on": on})

    def _know(self, value: Any, expression: str, *, deep: bool = True) -> None:
        """Give a value, and what it holds, an expression, where it has none."""
        if value is None or isinstance(value, (bool, int, str)):
            return
        self._known.setdefault(id(value), (expression, value))
        if deep and isinstance(value, (tuple, list)):
            for i, one in enumerate(value):
                self._know(one, f"{expression}[{i}]")
        elif deep and isinstance(value, dict):
            for key, one in value.items():
                self._know(one, f"{expression}{_at(key)}")


def _same(one: Any, other: Any) -> bool:
    """Whether two arrays, or numbers, are the same in all that can be seen of them."""
    if isinstance(one, (np.ndarray, np.generic)) and isinstance(other, (np.ndarray, np.generic)):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return isinstance(one, (int, float)) and type(one) is type(other) and one == other


def _slots(on: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Where a dict, or an object and its dicts, hold what, by expressions."""
    if isinstance(value, dict):
        yield from ((f"{on}{_at(key)}", one) for key, one in value.items())
        return
    for attribute, one in getattr(value, "__dict__", {}).items():
        yield f"{on}.{attribute}", one
        if isinstance(one, dict):
            yield from _slots(f"{on}.{attribute}", one)


def _signature(value: Any) -> Any:
    """What tells a value from another in its place; a dict from what is none."""
    if isinstance(value, np.ndarray):
        return value.tobytes()
    return type(value) if isinstance(value, dict) else id(value) if hasattr(value, "__dict__") else value


def _at(key: Any) -> str:
    return f'["{key}"]' if isinstance(key, str) else f"[{key!r}]"


def _uses(texts: list[str], variable: str) -> bool:
    return any(variable in re.findall(r"\w+", text) for text in texts)
