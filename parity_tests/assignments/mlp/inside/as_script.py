"""Runs a submission's file as Python runs a script, until its interpreter would have ended.

The submission's process loads this file by its path: the standard library only.
"""

from __future__ import annotations
import __future__

import ast
import atexit
import contextlib
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity_tests.harness.inside.submission import Submission

SECONDS = 2.0
"""How long threads that the script has begun are waited for."""
SHOWN = 40
"""Characters that are told of a value."""
_NAME = "__main__"
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


class _Over(BaseException):
    """Ends a script that calls its function once more: one call is asked for."""


class Script:
    """The file of a submission as a script whose function `entry` is given `params` in place of the script's own.

    `exchange` puts right parts in the place of those of its module. `fewer` is a class of it, and what is built where
    its constructor is asked for a size. What the function `returned` is kept where it was `called`, and what the script
    had `passed` it; whether it is called `again` too.
    """

    def __init__(
        self,
        submission: Submission,
        entry: str,
        params: Mapping[str, Any],
        fewer: tuple[str, Callable[[Any], Any]],
        exchange: Callable[[Submission], Any] | None = None,
    ) -> None:
        self._submission, self._exchange = submission, exchange
        self._folder, self._name, self._support = submission.folder, submission.module.__name__, submission.support
        self._entry, self._params = entry, params
        self._class, self._fewer = fewer
        self.called, self.again, self.returned = False, False, None
        self.passed: Mapping[Any, Any] = {}

    def run(self, *tries: Sequence[str]) -> bool:
        """Runs it in the present folder, with the first of these arguments that it knows; the first may be too many.

        Returns True. Raises what the script raises before it has called its function, of all but the first try.
        """
        for number, self.arguments in enumerate(tries):
            try:
                self._run(self.arguments)
            except SystemExit:
                if not self.called:
                    continue
            except Exception:
                if number == 0 and len(tries) > 1:
                    continue
                raise
            break
        return True

    def other_settings(self) -> dict[str, str]:
        """What a script that has run passed otherwise than its options say, if it does so once and does read options.

        It reads them if one that nobody has ends it.
        """
        found = {
            key: f"{self.passed[key]!r}"[:SHOWN]
            for key, asked in self._params.items()
            if f"--{key}" in self.arguments and key in self.passed and not _says(self.passed[key], asked)
        }
        if not found or self.again:
            return {}
        try:
            self._run([*self.arguments, "--no_such_option", "1"])  # which ends where it calls the function once more
        except SystemExit:
            return found
        return {}

    def _run(self, arguments: Sequence[str]) -> None:
        file = Path(self._folder, f"{self._name}.py")
        tree = ast.parse(file.read_bytes(), str(file))
        module = ModuleType(_NAME)
        module.__file__ = str(file)
        with self._as_main(module, [str(file), *arguments]), _ending(module):
            try:
                self._execute(tree, module, str(file))
            except _Over:
                pass
            except Exception:  # what comes after the call is not what is asked for
                if not self.called:
                    raise

    def _execute(self, tree: ast.Module, module: ModuleType, file: str) -> None:
        """Executes the statements one by one; before each that is no definition, the function is replaced if it is."""
        flags = 0
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
                for alias in statement.names:
                    flags |= getattr(__future__, alias.name).compiler_flag
            if not isinstance(statement, _DEFINITIONS):
                self._replace(module)
            exec(compile(ast.Module([statement], []), file, "exec", flags, dont_inherit=True), vars(module))

    def _replace(self, module: ModuleType) -> None:
        if self._exchange is not None:
            of_script = copy(self._submission)
            of_script.module = module
            self._exchange(of_script)
        self._replace_function(module)
        cls = vars(module).get(self._class)
        own = getattr(cls, "__init__", None)
        if not isinstance(cls, type) or getattr(own, "of_script", None) is self:
            return

        def __init__(instance: Any, *sizes: Any, **named: Any) -> None:  # noqa: N807
            given = {name: self._fewer(size) for name, size in named.items()}
            own(instance, *map(self._fewer, sizes), **given)  # type: ignore[misc]  # every class has one

        __init__.of_script = self  # type: ignore[attr-defined]  # a mark, lest it be replaced again
        type.__setattr__(cls, "__init__", __init__)

    def _replace_function(self, module: ModuleType) -> None:
        function = vars(module).get(self._entry)
        if not callable(function) or getattr(function, "of_script", None) is self:
            return

        def called(*args: Any, **kwargs: Any) -> Any:
            if self.called:
                self.again = True
                raise _Over
            self.called = True
            self.passed = next((dict(value) for value in (*args, *kwargs.values()) if isinstance(value, Mapping)), {})
            names = {name: value for name, value in kwargs.items() if not isinstance(value, dict)}
            self.returned = function(dict(self._params), *args[1:], **names)
            return self.returned

        called.of_script = self  # type: ignore[attr-defined]  # a mark, lest it be replaced again
        setattr(module, self._entry, called)

    @contextlib.contextmanager
    def _as_main(self, module: ModuleType, argv: list[str]) -> Iterator[None]:
        """Lets the module be the main one, and the support file be imported anew."""
        own = getattr(self._support, "__name__", "")
        before = {name: sys.modules.get(name) for name in (_NAME, own) if name}
        before_argv = sys.argv
        sys.modules[_NAME], sys.argv = module, argv
        file = Path(getattr(self._support, "__file__", None) or Path(self._folder, f"{own}.py"))
        if own and file.is_file():
            support = ModuleType(own)
            support.__file__ = str(file)
            sys.modules[own] = support
            exec(compile(file.read_bytes(), str(file), "exec", dont_inherit=True), vars(support))
        try:
            yield
        finally:
            sys.argv = before_argv
            for name, value in before.items():
                if value is None:
                    sys.modules.pop(name, None)
                else:
                    sys.modules[name] = value


def _says(value: Any, asked: Any) -> bool:
    """Whether a value, which may be the text of a number, is the one that was asked for."""
    try:
        return bool(value == asked if isinstance(asked, str) else float(value) == asked)
    except Exception:  # whatever it is that the script passes
        return False


@contextlib.contextmanager
def _ending(module: ModuleType) -> Iterator[None]:
    """Does afterwards what an interpreter does at its end: waits for threads, calls what is registered, drops all."""
    registered: list[Callable[[], Any]] = []
    threads, register = set(threading.enumerate()), atexit.register
    finalizers = set(getattr(weakref.finalize, "_registry", {}))

    def collect(function: Any, *args: Any, **kwargs: Any) -> Any:
        registered.append(lambda: function(*args, **kwargs))
        return function

    vars(atexit)["register"] = collect
    try:
        yield
    finally:
        vars(atexit)["register"] = register
        for thread in set(threading.enumerate()) - threads:
            if not thread.daemon:
                thread.join(SECONDS)
        last = [one for one in getattr(weakref.finalize, "_registry", {}) if one not in finalizers and one.atexit]
        for function in [*reversed(registered), *last]:
            with contextlib.suppress(Exception):
                function()
        for name in reversed(list(vars(module))):  # what is used by others was defined before them
            vars(module).pop(name, None)
