"""The repair: which one change of a candidate's own Python source makes everything agree, in all cases."""

from __future__ import annotations
import __future__

import ast
import builtins
import inspect
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from textwrap import dedent
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from parity_tests.harness.judge_flow import judge
from parity_tests.operators.changes import changes_of
from parity_tests.operators.of_sources import OF_SOURCES, of_blocks
from parity_tests.operators.source import Source, UnreadableError
from reports.model.fixes import Fix
from reports.model.verdicts import PASSING

if TYPE_CHECKING:
    from parity_tests.pairs.causes import Asked

_FILE = "<a changed candidate>"
_MODULES = ("numpy", "math", "torch", "scipy")
"""Libraries that compute: a source that calls anything else is not run with changes in it."""
_HARMLESS = {
    "abs", "all", "any", "bool", "dict", "enumerate", "filter", "float", "int", "isinstance", "len", "list", "map",
    "max", "min", "pow", "range", "reversed", "round", "set", "slice", "sorted", "sum", "tuple", "zip", "ValueError",
    "TypeError", "NotImplementedError", "AssertionError",
}  # fmt: skip
"""Python's own functions that a source may call."""
_TO_FILES = {
    "save", "savez", "savez_compressed", "savetxt", "load", "loadtxt", "genfromtxt", "tofile", "fromfile", "memmap",
    "hub", "io",
}  # fmt: skip
_CLEAR = 8.0
"""The normalised error of a clear mistake: what is less may come within its bound by many a change."""
_ROOM = 20
"""A changed function may take so many times as long as the candidate did, and a fiftieth of a second."""


class _OutOfTimeError(BaseException):
    """A changed function has taken its time; nothing that it catches itself."""


def mended(cases: Sequence[Asked], seconds: float) -> Fix | None:
    """What is wrong in the candidate's source, with its line, where one change of it makes all agree; None for none.

    The candidate is a Python function that computes with numpy, torch and the like alone. So are those that it calls,
    in which the change is looked for as well.
    """
    candidate = cases[0].candidate
    failing = [case for case in cases if case.fails]
    if (
        not any(map(_is_clear, failing))
        or seconds <= 0
        or sys.gettrace() is not None
        or not _computes_alone(candidate, set())
    ):
        return None
    order = [*sorted(failing, key=_size), *(case for case in cases if not case.fails)]
    until = time.process_time() + seconds
    began = time.process_time()
    _agrees(order[0], candidate, until)
    room = _ROOM * (time.process_time() - began) + 0.02
    further: list[Asked] | None = None
    for function, mend in _changed(candidate):
        if time.process_time() > until:
            return None
        if all(_agrees(case, function, time.process_time() + room) for case in order):
            further = list(_further(max(failing, key=_size), until)) if further is None else further
            if all(_agrees(case, function, time.process_time() + room) for case in further):
                return mend
    return None


def _changed(candidate: FunctionType) -> Iterator[tuple[Callable[..., Any], Fix]]:
    """The candidate with each change of its source, and then of those that it calls; and where and what that mends."""
    named = [(name, candidate.__globals__.get(name)) for name in candidate.__code__.co_names]
    called = [(name, one) for name, one in named if isinstance(one, FunctionType) and not _is_of_library(one)]
    for name, function in (("", candidate), *called):
        try:
            lines, first = inspect.getsourcelines(function)
            source = Source(dedent("".join(lines)))
            changes = changes_of(source, [function.__name__], OF_SOURCES, blocks=of_blocks)
        except (OSError, TypeError, UnreadableError, KeyError):
            continue
        for change in changes:
            made = _made(function, source.definition(function.__name__, change.edits))
            if made is not None and name:
                made = FunctionType(candidate.__code__, {**candidate.__globals__, name: made})
                made.__defaults__, made.__kwdefaults__ = candidate.__defaults__, candidate.__kwdefaults__
            if made is not None:
                file, line = function.__code__.co_filename, first + change.line - 1
                yield made, Fix(candidate.__name__, file, line, change.mends)


def _is_clear(case: Asked) -> bool:
    """Whether some result is wrong by far more than its error bound."""
    judged = (judge(case.returned[name], one, None, name).comparison for name, one in case.flowed.items())
    return any(one.verdict not in PASSING and (one.ratio is None or not one.ratio < _CLEAR) for one in judged)


def _size(case: Asked) -> int:
    return sum(x.size for x in case.returned.values())


def _computes_alone(function: Any, seen: set[Any]) -> bool:
    """Whether a function is Python's and uses nothing but numbers, arrays and libraries that compute."""
    if function in seen:
        return True
    if not isinstance(function, FunctionType) or function.__code__.co_freevars:
        return False
    seen.add(function)
    try:
        tree = ast.parse(dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    local = {*function.__code__.co_varnames, *function.__code__.co_cellvars, function.__name__}
    inner = {name for code in function.__code__.co_consts if hasattr(code, "co_varnames") for name in code.co_varnames}
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        return False
    for node in (node for statement in definition.body for node in ast.walk(statement)):
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal | ast.ClassDef):
            return False
        if isinstance(node, ast.Attribute) and (node.attr.startswith("_") or node.attr in _TO_FILES):
            return False
        if isinstance(node, ast.Name) and node.id not in local | inner and not _is_harmless(node.id, function, seen):
            return False
    return True


def _is_harmless(name: str, function: FunctionType, seen: set[Any]) -> bool:
    value = function.__globals__.get(name, vars(builtins).get(name))
    if name in _HARMLESS and name not in function.__globals__:
        return True
    if isinstance(value, FunctionType) and not _is_of_library(value):
        return _computes_alone(value, seen)
    home = value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))
    if isinstance(value, ModuleType | FunctionType | BuiltinFunctionType | np.ufunc | type):
        return isinstance(value, np.ufunc) or home.partition(".")[0] in _MODULES
    return isinstance(value, int | float | complex | str | tuple | np.ndarray | np.generic) or home == "torch"


def _is_of_library(function: FunctionType) -> bool:
    return (function.__module__ or "").partition(".")[0] in _MODULES


def _made(candidate: FunctionType, text: str) -> Callable[..., Any] | None:
    """The function of a text, with the candidate's globals; None where it is no Python."""
    names = dict(candidate.__globals__)
    try:
        code = compile(text, _FILE, "exec", flags=__future__.annotations.compiler_flag, dont_inherit=True)
        exec(code, names)
    except Exception:  # whatever a default value that was changed raises
        return None
    return names.get(candidate.__name__)


def _further(case: Asked, until: float) -> Iterator[Asked]:
    """The case of other inputs, where torch says anything of these and the candidate gives numbers: no accident."""
    for other in _OTHERS:
        try:
            one = _asked_by(case, partial(_of_others, other))
            with _in_time(until):
                found = one.answers(case.candidate)
        except (Exception, SystemExit, _OutOfTimeError):  # whatever torch or the candidate says of these
            continue
        if all(name in found and np.isfinite(found[name]).all() for name in one.flowed):
            yield one


def _asked_by(case: Asked, by: Callable[[Any], Any]) -> Asked:
    return replace(case, flowed=case.evaluate(by(case.function)), answers=lambda function: case.answers(by(function)))


def _of_others(other: Callable[[Any], Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of other floating-point inputs than it is given."""

    def changed(x: Any) -> Any:
        return other(x) if str(getattr(x, "dtype", "")).removeprefix("torch.").startswith("float") else x

    return lambda *args, **kwargs: function(*map(changed, args), **{key: changed(x) for key, x in kwargs.items()})


def _twice(x: Any) -> Any:
    """The same followed by itself in reverse, along the first axis."""
    return x[[*range(len(x)), *reversed(range(len(x)))]] if x.ndim else x


_OTHERS: Sequence[Callable[[Any], Any]] = (lambda x: x * 4, lambda x: x * 128, _twice)
"""Other inputs in which a change must agree: larger by what rounds nothing, and twice as many."""


def _agrees(case: Asked, function: Callable[..., Any], until: float) -> bool:
    """Whether all results of a case are within their error bounds, in time."""
    try:
        with _in_time(until):
            found = case.answers(function)
    except (Exception, SystemExit, _OutOfTimeError):  # whatever a changed source does
        return False
    if found.keys() != case.flowed.keys():
        return False
    return all(judge(found[name], case.flowed[name], None, name).comparison.verdict in PASSING for name in found)


@contextmanager
def _in_time(until: float) -> Iterator[None]:
    """Ends a changed function when the time is over, at its next line."""

    def line(frame: Any, event: str, argument: Any) -> Any:
        if time.process_time() > until:
            raise _OutOfTimeError
        return line

    def call(frame: Any, event: str, argument: Any) -> Any:
        return line if frame.f_code.co_filename == _FILE else None

    sys.settrace(call)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.settrace(None)
