"""Puts a declared question to a submission: its lines one after another, of two copies of the inputs in turn.

The submission's process loads this file by its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import sys
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from parity_tests.harness.inside.asking import plain
from parity_tests.harness.inside.script_probe import script

if TYPE_CHECKING:
    from parity_tests.harness.inside.asking import Arrays, Params
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission

_NAMED: tuple[Any, ...] = (dict, float, int, len, list, range, str, tuple, deepcopy)
BUILTINS: dict[str, Any] = {one.__name__: one for one in _NAMED} | {"Object": SimpleNamespace}
"""What lines may use of Python's own names."""
SCOPE = {"__builtins__": {**BUILTINS, "__import__": __import__}, "np": np}
"""What lines run in: some of numpy's functions import others when they are called."""


def declared(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """The lines of `run`, [text, names that it gives, part] each; results in `kept` are recorded by their copy."""
    if "right" in params:
        _put_in_place(submission, {part.partition(".")[0] for _, _, part in params["run"]}, params["right"])
    copies = [_Copy(submission, recorder, params, arrays, k) for k in range(len(params["sizes"]))]
    if params.get("again"):
        made: dict[str, Any] = {}
        for copy in copies:
            copy.made = made
    groups = [[copy] for copy in copies] if params.get("again") else [copies]
    for copy, (line, targets, part) in ((copy, one) for group in groups for one in params["run"] for copy in group):
        copy.run(ast.parse(line).body[0], targets, part)
        for other in copies:
            if other is not copy and copy.made is None:  # an object may write over what it has itself
                other.keep_what_changed()


def _put_in_place(submission: Submission, asked: Iterable[str], right: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Puts what right texts define in the place of the submission's own, once that and all that is asked is imported.

    One file may be two modules there, by its bare name and in a package.
    """
    for name in (*asked, *(name for _, names in right for name in names)):
        with contextlib.suppress(Exception):  # it may have none of that name
            submission.get(name)
    own = [one for one in list(sys.modules.values()) if str(vars(one).get("__file__")).startswith(submission.folder)]
    for text, names in right:
        defined: dict[str, Any] = {"__name__": "right"}
        exec(compile(text, "<right>", "exec"), defined)
        for module, name in ((module, name) for module in own for name in names if name in vars(module)):
            setattr(module, name, defined[name])


class _Names(dict[str, Any]):
    """The names that lines know: what is given and was assigned, and else what the submission defines."""

    def __init__(self, submission: Submission, known: dict[str, Any]) -> None:
        super().__init__(known)
        self._submission = submission

    def __missing__(self, name: str) -> Any:
        return BUILTINS[name] if name in BUILTINS else self._submission.get(name)


class _Copy:
    """One copy of the inputs, and what the lines made of it so far."""

    def __init__(self, submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays, k: int) -> None:
        self._recorder, self._kept, self._k = recorder, params["kept"], k
        self._restores = "restored" in params
        self._given = {name: np.array(arrays[f"{name}_{k}"]) for name in params["given"]}
        self._names = _Names(submission, {"np": np, **params["sizes"][k], **params["constants"][k], **self._given})
        self._results: dict[str, tuple[np.ndarray, bytes]] = {}
        self._failed: set[str] = set()
        self.made: dict[str, Any] | None = None
        """The objects that copies share, by their class and what it was called with."""

    def run(self, statement: ast.stmt, targets: Sequence[str], part: str) -> None:
        """Run a line. Where it fails, what it should give has failed, or else the object whose method it calls."""
        value = statement.value if isinstance(statement, (ast.Assign, ast.Expr)) else None
        before = {name: array.tobytes() for name, array in self._given.items()}
        try:
            if isinstance(value, ast.Call):
                given = self._called(value, targets, part)
                self._failed |= {part} if given[0] is self._recorder.FAILED else set()
            elif targets and value is not None:  # nothing is read of a call that failed
                values = value.elts if isinstance(value, ast.Tuple) and len(targets) > 1 else [value]
                given = [self._recorder.FAILED if part in self._failed else self._valued(one) for one in values]
            else:
                if self._names.get(_root(statement)) is not self._recorder.FAILED:
                    exec(compile(ast.Module([statement], []), "<run>", "exec"), SCOPE, self._names)
                return
        except Exception as error:
            named = type(error).__name__ == "Missing"
            lacks = not named and isinstance(error, (AttributeError, KeyError))
            missing = named or (lacks and not (isinstance(error, KeyError) and self._has_others(value)))
            for name in targets:
                said = f"{part} leaves no {name}: {error}" if lacks else error
                self._recorder.fail(name, said, "missing" if missing else "crashed", self._k, part)
            given = [self._recorder.FAILED] * len(targets)
        if given and not targets and given[0] is self._recorder.FAILED:
            self._names[_root(statement)] = self._recorder.FAILED
        for name, one in zip(targets, given, strict=False):  # a call without targets gives something as well
            self._names[name] = one
            if name in self._kept and (one is not self._recorder.FAILED or not isinstance(value, ast.Call)):
                self._keep(name, one)
        written = [name for name, was in before.items() if self._given[name].tobytes() != was]
        if written and targets:
            self._recorder.add_overwritten(targets[0], self._k, written)
        for name in written if self._restores else ():
            array = self._given[name]
            array[...] = np.frombuffer(before[name], array.dtype).reshape(array.shape)

    def _has_others(self, value: ast.expr | None) -> bool:
        """Whether what an entry is read of has other entries: then a part is written, and wrong."""
        read = [one.id for one in ast.walk(value) if isinstance(one, ast.Name)] if value else []
        return any(isinstance(self._names.get(name), dict) and self._names[name] for name in read)

    def keep_what_changed(self) -> None:
        """Record a result anew that a line of another copy has written over."""
        for name, (array, was) in list(self._results.items()):
            if array.tobytes() != was:
                self._keep(name, array)

    def _keep(self, name: str, value: Any) -> None:
        self._recorder.keep(name, plain(value), self._k)
        if isinstance(value, np.ndarray):
            self._results[name] = value, value.tobytes()

    def _valued(self, node: ast.expr) -> Any:
        failed = self._recorder.FAILED
        if any(self._names.get(one.id) is failed for one in ast.walk(node) if isinstance(one, ast.Name)):
            return failed
        return eval(compile(ast.Expression(node), "<run>", "eval"), SCOPE, self._names)

    def _called(self, call: ast.Call, targets: Sequence[str], part: str) -> list[Any]:
        """What a call gives, as many values as are asked; where it fails, each is recorded as failed."""
        recorder, n = self._recorder, max(len(targets), 1)
        function = self._valued(call.func)
        arguments = [self._valued(one) for one in call.args]
        by_name = {str(one.arg): self._valued(one.value) for one in call.keywords}
        key = f"{ast.unparse(call.func)}{arguments}{by_name}"
        is_plain = all(isinstance(one, (int, float, str)) for one in (*arguments, *by_name.values()))
        if self.made is not None and isinstance(function, type) and is_plain and key in self.made:
            return [self.made[key]]
        label = f"what {targets[0]} came with" if targets else f"what {part} gave"
        returned = recorder.call(label, _with(function, by_name), *arguments, call=self._k)
        if returned is recorder.FAILED:
            for name in targets:
                recorder.keep(name, returned, self._k)
            return [recorder.FAILED] * n
        if n == 1:
            if self.made is not None:
                self.made[key] = returned
            return [returned]
        if isinstance(returned, (tuple, list)) and len(returned) >= n:
            return list(returned[:n])
        if returned is None:
            for name in targets:
                recorder.fail(name, f"{part} is not implemented: it returns None", "missing", self._k, part)
            return [recorder.FAILED] * n
        values = f"{len(returned)} values" if isinstance(returned, (tuple, list)) else type(returned).__name__
        for name in targets:
            said = f"{part} returns {values}, where {n} are asked: {', '.join(targets)}"
            recorder.fail(name, said, "crashed", self._k, part)
        return [recorder.FAILED] * n


def _with(function: Callable[..., Any], by_name: dict[str, Any]) -> Callable[..., Any]:
    """The function itself, or with these arguments by name."""
    if not by_name or not callable(function):
        return function
    return functools.wraps(function)(lambda *arguments: function(*arguments, **by_name))


def _root(node: ast.AST) -> str:
    """The name that a line sets something of, or that an expression takes something of; "" for none."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Assign):
            node = node.targets[0]
        elif isinstance(node, (ast.Attribute, ast.Subscript, ast.Expr)):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return ""
    return node.id


PROBES = {"declared": declared, "script": script}
