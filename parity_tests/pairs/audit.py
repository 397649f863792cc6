"""The gate audit: which faults the typed tolerances of a test file let pass, by the very comparisons that it makes.

While the file runs under pytest each comparison that passes is made again with a fault in what was compared: the same
function, the same tolerance. Nothing else of the tests is changed.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.pairs.inputs import in_numpy, is_array, is_tensor
from parity_tests.protocol.errors import UsageError

Function = Callable[..., Any]
ELEMENTS = 16
"""So many places are tried for a single element that is wrong, one at a time."""
ALL = ("zeros", "other sign", "1 % off")
"""Faults in all of what is compared."""
SINGLE = "one element 0"
FAULTS = (*ALL, SINGLE)


@dataclass
class Gate:
    """One place in a file that compares: how often, under which tolerance, and how often each fault would pass there.

    `asked` has how often each fault was tried; what changes nothing is not.
    """

    file: str
    line: int
    function: str
    tolerance: str
    calls: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=dict)

    def note(self, fault: str, passes: bool) -> None:
        """Counts one trial."""
        self.asked[fault] = self.asked.get(fault, 0) + 1
        self.passed[fault] = self.passed.get(fault, 0) + passes


@dataclass
class Audit:
    """What was found of a file: its gates in the order of their lines, and how its tests ended."""

    gates: list[Gate]
    tests: int
    failed: int

    @property
    def blind(self) -> list[Gate]:
        """Those that let zeros, or the other sign of everything, pass at least once."""
        return [gate for gate in self.gates if gate.passed.get("zeros", 0) + gate.passed.get("other sign", 0)]

    @property
    def untried(self) -> list[Gate]:
        """Those where no fault could be tried: what is compared has no number there, or none but 0."""
        return [gate for gate in self.gates if not gate.asked]


def audit(file: Path, options: Sequence[str] = (), functions: Sequence[str] = ()) -> Audit:
    """Runs a file's tests, with further options of pytest's, and audits what they compare.

    `functions` are further ones that compare their first argument with their second, as "module:name". Raises
    UsageError.
    """
    if not file.exists():
        raise UsageError(f"there is no file {file}.")
    import pytest

    counts = _Counts()
    with _watched(file, [_named(function) for function in functions]) as gates, _quietly():
        status = pytest.main([str(file), "-q", "-p", "no:cacheprovider", *options], plugins=[counts])
    if status not in (0, 1) or not counts.ran:
        why = "pytest collects no tests there" if status == 5 or not counts.ran else f"pytest ends with status {status}"
        raise UsageError(f"{file} cannot be audited: {why}{': ' + counts.why if counts.why else ''}.")
    found = sorted(gates.values(), key=lambda gate: (gate.file, gate.line))
    return Audit(found, counts.ran, counts.failed)


class _Counts:
    """How many tests ran, and failed; why the file could not be collected."""

    def __init__(self) -> None:
        self.ran = self.failed = 0
        self.why = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.ran += report.when == "call"
        self.failed += bool(report.failed)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            lines = str(report.longrepr).strip().splitlines()
            self.why = lines[-1].removeprefix("E ").strip() if lines else ""


@contextmanager
def _quietly() -> Iterator[None]:
    """What pytest and the tests print is theirs, and goes nowhere."""
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _places() -> list[tuple[Any, str, tuple[str, ...]]]:
    """Where the functions that compare are, their names, and what their tolerances are called."""
    import torch

    bounds, digits = ("rtol", "atol"), ("decimal",)
    return [
        (torch.testing, "assert_close", bounds),
        (torch, "allclose", bounds),
        (torch.Tensor, "allclose", bounds),
        (np.testing, "assert_allclose", bounds),
        (np.testing, "assert_almost_equal", digits),
        (np.testing, "assert_array_almost_equal", digits),
        (np, "allclose", bounds),
    ]


def _named(function: str) -> tuple[Any, str, tuple[str, ...]]:
    """A function that is given as "module:name", as `_places` has it."""
    module, _, name = function.partition(":")
    sys.path.insert(0, "")  # as Python itself has it where it runs a module of this folder
    try:
        home = importlib.import_module(module)
        if not callable(getattr(home, name)):
            raise UsageError(f"{function} is no function.")
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"there is no function {function} ({error}); it is given as module:name.") from error
    finally:
        sys.path.remove("")
    return home, name, ("rtol", "atol", "decimal")


@contextmanager
def _watched(
    file: Path, further: Sequence[tuple[Any, str, tuple[str, ...]]]
) -> Iterator[dict[tuple[str, int, str], Gate]]:
    """The functions that compare, replaced by ones that audit, and what these find."""
    gates: dict[tuple[str, int, str], Gate] = {}
    places = [(home, name, bounds, getattr(home, name)) for home, name, bounds in (*_places(), *further)]
    inside = [False]

    def watching(original: Function, name: str, bounds: tuple[str, ...]) -> Function:
        @functools.wraps(original)
        def compare(*args: Any, **kwargs: Any) -> Any:
            if inside[0]:
                return original(*args, **kwargs)
            inside[0] = True
            try:
                result = original(*args, **kwargs)
                place = _caller(file)
                if place is not None and (result is None or result is True or result is np.True_):
                    said = [f"{key}={kwargs[key]:g}" for key in bounds if isinstance(kwargs.get(key), int | float)]
                    gate = gates.setdefault((*place, name), Gate(*place, name, ", ".join(said) or "its defaults"))
                    gate.calls += 1
                    _try_faults(gate, original, args, kwargs)
                return result
            finally:
                inside[0] = False

        return compare

    before = set(sys.modules)
    try:
        for home, name, bounds, original in places:
            setattr(home, name, watching(original, name, bounds))
        yield gates
    finally:
        for name in sys.modules.keys() - before:  # another file of the same name may be audited next
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(file.resolve())):
                del sys.modules[name]
        for home, name, _, original in places:
            setattr(home, name, original)


def _caller(file: Path) -> tuple[str, int] | None:
    """The innermost line of the file, or of one below the folder, that is being run; None where none is."""
    home = str(file.resolve())
    frame = sys._getframe(2)
    while frame is not None:
        at = frame.f_code.co_filename
        if at == home or at.startswith(home + "/"):
            return Path(at).name, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
    return None


def _try_faults(gate: Gate, original: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Compares again with each fault in the first of what is compared, which is the actual one where it is said."""
    key = next((key for key in ("actual", "input", "a") if key in kwargs), "")
    if not args and not key:
        return
    actual = args[0] if args else kwargs[key]
    for fault, faulty in _faults(actual):
        given = (faulty, *args[1:]) if args else args
        named = kwargs if args else {**kwargs, key: faulty}
        gate.note(fault, _passes(original, given, named))


def _passes(original: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    try:
        result = original(*args, **kwargs)
    except Exception:  # an assertion, or whatever else a fault makes of it
        return False
    return result is None or bool(result)


def _faults(actual: Any) -> Iterator[tuple[str, Any]]:
    """What was compared with a fault in it, of the same kind and shape."""
    leaves = list(_leaves(actual))
    if not leaves or not any(x.any() for x in leaves):
        return
    yield "zeros", _with(actual, lambda x: x * 0)
    yield "other sign", _with(actual, lambda x: -x)
    if any(x.dtype.kind == "f" for x in leaves):
        yield "1 % off", _with(actual, lambda x: x * 1.01)
    if len(leaves) == 1 and leaves[0].size > 1:
        places = np.flatnonzero(leaves[0])
        for place in places[np.linspace(0, len(places) - 1, min(ELEMENTS, len(places))).astype(int)]:
            yield SINGLE, _with(actual, functools.partial(_without, int(place)))


def _leaves(x: Any) -> Iterator[NDArray[Any]]:
    """The arrays of numbers, and the numbers, in it, nested or not."""
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, list | tuple):
        for one in x:
            yield from _leaves(one)
    elif _is_number(x):
        yield np.asarray(in_numpy(x) if is_array(x) else x)


def _is_number(x: Any) -> bool:
    """Whether it is real numbers, or one; booleans are none."""
    if is_array(x):
        return str(x.dtype).removeprefix("torch.").startswith(("float", "bfloat", "int", "uint"))
    return isinstance(x, int | float) and not isinstance(x, bool)


def _with(x: Any, change: Function) -> Any:
    if isinstance(x, dict):
        return {key: _with(one, change) for key, one in x.items()}
    if isinstance(x, list | tuple):
        return type(x)(_with(one, change) for one in x)
    if not _is_number(x):
        return x
    if is_tensor(x):
        return change(x.detach()).to(x.dtype)
    return np.asarray(change(np.asarray(x))).astype(x.dtype) if isinstance(x, np.ndarray | np.generic) else change(x)


def _without(place: int, x: Any) -> Any:
    copy: Any = x.clone() if is_tensor(x) else np.array(x, order="C")
    copy = copy.contiguous() if is_tensor(x) else copy
    copy.reshape(-1)[place] = 0
    return copy
