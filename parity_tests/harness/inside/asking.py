"""Asks a function of a submission, keeps what it answers piece by piece, and notes which of its parts it calls.

The submission's process loads this file by its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission


class Asker:
    """Calls functions with copies of arrays, and keeps what they return piece by piece."""

    def __init__(self, recorder: CallRecorder) -> None:
        self._recorder = recorder

    def ask(self, function: Any, names: Sequence[str], given: Sequence[Any], labels: Sequence[str], k: int) -> Any:
        """Call `function` and keep the first pieces of what it returns under `names` and the number k.

        `given` are its arguments, `labels` their names, "" for what may be written over. Returns the pieces, as many
        as were returned; FAILED where it failed.
        """
        recorder = self._recorder
        before = [argument.tobytes() if isinstance(argument, np.ndarray) else b"" for argument in given]
        returned = recorder.call(f"what {names[0]} came with", function, *given, call=k)
        if returned is recorder.FAILED:
            for name in names:
                recorder.keep(name, returned, k)
            return returned
        pieces = self._pieces(returned, len(names))
        if all(piece is None for piece in pieces[: len(names)]):
            label = getattr(function, "__name__", names[0])
            for name in names:
                recorder.fail(name, f"{label} is not implemented: it returns None", "missing", k, label)
            return recorder.FAILED if len(names) > 1 else pieces
        for name, piece in zip(names, pieces, strict=False):
            recorder.keep(name, plain(piece), k)
        written = [
            label
            for label, argument, was in zip(labels, given, before, strict=True)
            if label and isinstance(argument, np.ndarray) and argument.tobytes() != was
        ]
        if written:
            recorder.add_overwritten(names[0], k, written)
        return pieces

    def _pieces(self, returned: Any, n: int) -> list[Any]:
        if isinstance(returned, (tuple, list)) and len(returned) >= n:
            return list(returned)
        return [returned] if n == 1 else [returned] * n


class Spies:
    """Notes which of the submission's parts a function calls, by what stands in for them in its module meanwhile."""

    def __init__(self, submission: Submission, parts: Sequence[str]) -> None:
        self.calls: dict[str, list[str]] = {}
        self._asked = ""
        names = vars(submission.module)
        for part in parts:
            if isinstance(names.get(part), types.FunctionType):
                names[part] = self._noting(part, names[part])

    @contextlib.contextmanager
    def on(self, asked: str) -> Iterator[None]:
        """Note what is called in here as called by the function `asked`."""
        self._asked = asked
        try:
            yield
        finally:
            self._asked = ""

    def _noting(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def noting(*args: Any, **kwargs: Any) -> Any:
            if self._asked not in ("", part) and part not in self.calls.setdefault(self._asked, []):
                self.calls[self._asked].append(part)
            return function(*args, **kwargs)

        return noting


def plain(piece: Any) -> Any:
    """The same, where it is a number in an array of no dimensions or of one element as the number."""
    return piece[()] if isinstance(piece, np.ndarray) and piece.ndim == 0 else piece


def laid_out(array: np.ndarray, memory: str) -> np.ndarray:
    """A copy that lies in memory column by column ("fortran"), as a view with strides ("view"), or as usual."""
    if memory == "fortran":
        return np.array(array, order="F")
    if memory == "view" and array.ndim:
        wider = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        view = wider[..., ::-2]
        view[...] = array
        return view
    return np.array(array)


Params = Mapping[str, Any]
Arrays = Mapping[str, np.ndarray]
