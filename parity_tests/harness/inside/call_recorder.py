"""Keeps what a submission's calls return, or how they fail, and sends it on at once, inside the submission's process.

Loaded there by its path: numpy and the standard library only. Every value is copied and sent the moment it is
returned, so that whatever the submission does next (overwrite it, loop, end the process) cannot take it back.
"""

from __future__ import annotations

import dis
import os
import signal
import sys
import time
import types
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypedDict, cast

import numpy as np

TEXT = 300
"""Characters of a text that a submission may bring into a report."""
_WARNINGS = 50
_AGAIN = 0.2
"""Seconds after which a time limit that the submission swallowed strikes once more."""
_NUMBERS = "biuf"
_EMPTY_BODY = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
_PYTHON_2 = ("Missing parentheses in call to", "multiple exception types must be parenthesized")


class OutOfTime(BaseException):
    """Raised inside the submission at the time limit. Not an Exception, so that few submissions swallow it."""


class CaseOver(BaseException):
    """Leaves the probe after a time limit: what was kept stays, nothing more is asked."""


class Missing(Exception):  # noqa: N818 - a noun that reads well in sentences
    """The submission does not define what was asked for; the text is a sentence."""


class _Failed:
    """Stands for what a failed call would have returned: its attributes and results have failed as well."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "FAILED"


class Failure(TypedDict):
    """observation.Failure as it travels."""

    failure: str
    error: str
    text: str
    file: str
    line: int
    function: str


Round = tuple[dict[str, Any], dict[str, Any]]
"""What a round is given: parameters (JSON) and fresh arrays."""


class Place:
    """Where in the submission something happened: the innermost and the outermost of its frames."""

    def __init__(self, folder: str, frames: list[tuple[types.CodeType, int]]) -> None:
        own = [(code, line) for code, line in frames if code.co_filename.startswith(folder + os.sep)]
        self.file, self.line, self.function, self.outermost = "", 0, "", ""
        self.top_line = 0
        if own:
            code, self.line = own[-1]
            self.file = clean(os.path.relpath(code.co_filename, folder))
            self.function = code.co_qualname
            self.outermost = own[0][0].co_qualname
            modules = [line for code, line in own if code.co_name == "<module>"]
            self.top_line = modules[0] if modules else 0

    def __str__(self) -> str:
        return f" ({self.file}, line {self.line})" if self.file else ""


def clean(text: str, length: int = TEXT) -> str:
    """A text on one line, without control or undecodable characters, cut to `length` characters."""
    short = type(text) is str and len(text) <= length and text.isascii() and text.isprintable()
    if short and "  " not in text and text == text.strip():  # as most are: names and kinds
        return text
    kept = text[: 4 * length]
    if not (kept.isascii() and kept.isprintable()):
        kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in kept)
    line = " ".join(kept.split())
    return line if len(line) <= length else line[: length - 1] + "…"


class Witness:
    """Calls the submission for a probe, and sends what comes back.

    `send` takes a header and arrays; `folder` is the submission's; `cap` the bytes that one value may have; `receive`
    waits for what the harness gives to the next round of a case that goes on in rounds, None for the end.
    """

    def __init__(
        self,
        send: Callable[[Mapping[str, Any], Mapping[str, Any]], None],
        folder: str,
        cap: int,
        receive: Callable[[], Round | None] = lambda: None,
    ) -> None:
        self.FAILED = _Failed()
        self.failures: dict[str, Failure] = {}
        self._deliver = send
        self._receive = receive
        self._in_rounds = False
        self._began = self._waited = 0.0
        self._folder = folder
        self._cap = cap
        self._busy = True
        self._limit = 0.0
        self._place: Place | None = None
        self._last: Failure | None = None
        self._seen: set[str] = set()
        self._over = False

    # ---- what probes use

    def call(self, name: str | None, function: Callable[..., Any], /, *args: Any, **kw: Any) -> Any:
        """Call `function`, keep a copy of what it returns under `name`, and return it.

        A failure is kept under `name` and FAILED is returned; if the function or an argument is FAILED, the call is not
        made and the failure that caused it is repeated. With the name None nothing is kept but a failure, under "".
        Raises CaseOver at the time limit.
        """
        if id(self.FAILED) in map(id, (function, *args, *kw.values())):
            self._fail(name, self._last)
            return self.FAILED
        if self._over:
            raise CaseOver
        label = self._label(name, function)
        if name is not None:
            self._send({"kind": "call", "label": label})
        try:
            value = function(*args, **kw)
        except CaseOver:
            raise
        except BaseException as error:
            self._busy = True
            failure: Failure | None = self.describe(error, label)
            out_of_time = isinstance(error, OutOfTime) or self._place is not None
        else:
            self._busy = True
            failure, out_of_time = None, self._place is not None
            if out_of_time:
                failure = self.describe(OutOfTime(), label)
            elif value is None and _is_empty(function):
                failure = self._empty(function, label)
        self._busy = False
        if failure is not None:
            self._fail(name, failure)
            if out_of_time:
                self.stop_clock()  # what the probe still has to say must get out
                raise CaseOver
            return self.FAILED
        if name is not None and not self.keep(name, value):
            return self.FAILED
        return value

    def keep(self, name: str, value: Any) -> bool:
        """Describe and copy `value`, and send it under `name`; False where it cannot be taken (a failure is kept)."""
        if value is self.FAILED:
            self._fail(name, self._last)
            return False
        self._busy = True
        try:
            kind, array, detail = self._look(value)
            if array is not None and array.nbytes > self._cap:
                text = f"{name}: an array of shape {array.shape} and dtype {array.dtype} was returned, "
                text += f"{array.nbytes >> 20} MiB; at most {self._cap >> 20} MiB are taken"
                self._fail(name, _failure("crashed", "", text))
                return False
            self._write(
                {"kind": "value", "name": name, "what": kind, "detail": detail},
                {} if array is None else {"value": array},
            )
            self.failures.pop(name, None)
        except MemoryError as error:
            self._fail(name, self.describe(error, name))
            return False
        finally:
            self._busy = False
        self._check_time()
        return True

    def say(self, key: str, value: Any) -> None:
        """Send a small JSON value as the fact `key`."""
        self._send({"kind": "fact", "key": key, "value": value})

    def fail(self, name: str, failure: BaseException | str, kind: str = "crashed") -> None:
        """Keep a failure under `name`: that of an exception, or a sentence with its kind."""
        described = _failure(kind, "", failure) if isinstance(failure, str) else self.describe(failure, name)
        self._fail(name, described)

    def next_round(self) -> Round | None:
        """Ask the harness for the next round of this case, None after the last; each has the whole time limit."""
        signal.setitimer(signal.ITIMER_REAL, 0.0)  # how long the harness takes is not the submission's time
        spent = time.monotonic() - self._began - self._waited if self._in_rounds else 0.0
        self._in_rounds = True
        self._send({"kind": "more", "seconds": spent})
        given = self._receive()
        if given is None:
            self.stop_clock()
            return None
        seen = set(self._seen)
        self.start_clock(self._limit)
        self._seen |= seen
        self._began, self._waited = time.monotonic(), 0.0
        return given

    def forgive(self, name: str | None = None) -> None:
        """Take back a failure that asking in another way made good."""
        if self.failures.pop(name or "", None) is not None:
            self._send({"kind": "forgiven", "name": name or ""})

    # ---- what the worker uses

    def start_clock(self, seconds: float) -> None:
        """Begin a case that may take `seconds` of wall time."""
        self.failures.clear()
        self._seen.clear()
        self._last, self._place, self._limit = None, None, seconds
        self._over = self._busy = False
        signal.signal(signal.SIGALRM, self._on_alarm)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)

    def end_rounds(self) -> None:
        """The case is over: the next one need not come in rounds."""
        self._in_rounds = False

    def stop_clock(self) -> None:
        """No time limit from here on."""
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        self._over = True

    def on_warning(self, message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
        """Takes the place of warnings.showwarning: sends each text once for each line of the submission."""
        place = self._place_of_frame(sys._getframe(1))
        text = f"{category.__name__}: {clean(str(message))}{place}"
        if place.file and text not in self._seen and len(self._seen) < _WARNINGS:
            self._seen.add(text)
            self._send({"kind": "warning", "text": text})

    def describe(self, error: BaseException, label: str) -> Failure:
        """The failure that an exception is. `label` names what was called, where no frame in the submission does."""
        place = self._place if isinstance(error, OutOfTime) and self._place else self._place_of(error)
        name = type(error).__name__
        what = place.outermost if place.outermost and place.outermost != "<module>" else label
        said = _text_of(error)
        raised = f"{what} raised {name}{': ' if said else ''}{said}"
        kind = "crashed"
        if isinstance(error, Missing):
            return _failure("missing", "", str(error))
        if isinstance(error, OutOfTime):
            kind, name, text = "timeout", "", f"{what} did not end within {self._limit:g} s{place}"
        elif isinstance(error, MemoryError):
            kind, name, text = (
                "memory",
                "MemoryError",
                f"{what} needs more memory than it may have{f': {said}' if said else ''}{place}",
            )
        elif isinstance(error, NotImplementedError):
            where = place.function if place.function not in ("", "<module>") else what
            kind, text = "missing", f"{where} is not implemented{place}"
        elif isinstance(error, SyntaxError):
            return self._syntax(error)
        elif isinstance(error, (SystemExit, KeyboardInterrupt)):
            text = f"{what} wants to end the program: it raised {name}{place}"
        elif isinstance(error, EOFError) or name == "BdbQuit":
            text = f"{what} waits for the keyboard (input(), breakpoint() or the like), and nobody is there{place}"
        elif isinstance(error, AttributeError) and said.startswith("module 'numpy'"):
            text = f"{raised}{place}; numpy is {np.__version__} here"
        else:
            text = f"{raised}{place}"
        return _failure(kind, name, text, place)

    def place_of_module(self, error: BaseException) -> int:
        """The line of the submission's outermost module at which an import stopped, 0 where there is none."""
        place = self._place if isinstance(error, OutOfTime) and self._place else self._place_of(error)
        return place.top_line

    # ---- inside

    def _write(self, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Deliver a message. In rounds the harness reads when it has judged the round before: the clock waits."""
        if not self._in_rounds:
            self._deliver(header, arrays)
            return
        left = signal.setitimer(signal.ITIMER_REAL, 0.0)[0]
        before = time.monotonic()
        try:
            self._deliver(header, arrays)
        finally:
            self._waited += time.monotonic() - before
            if left > 0:
                signal.setitimer(signal.ITIMER_REAL, left, _AGAIN)

    def _send(self, header: Mapping[str, Any]) -> None:
        """Send a message whole: the time limit must not strike in the middle of it."""
        before, self._busy = self._busy, True
        try:
            self._write(header, {})
        finally:
            self._busy = before
        self._check_time()

    def _check_time(self) -> None:
        if self._place is not None and not self._busy and not self._over:
            raise OutOfTime

    def _on_alarm(self, number: int, frame: types.FrameType | None) -> None:
        if self._over:
            return
        if self._place is None:
            self._place = self._place_of_frame(frame)
        if self._busy:
            return
        if self._place.file:
            self._busy = True
            self._write({"kind": "late", "place": str(self._place), **_where(self._place)}, {})
            self._busy = False
        raise OutOfTime

    def _fail(self, name: str | None, failure: Failure | None) -> None:
        if failure is None:
            failure = _failure("harness_error", "", "a probe passed on a failure before any call had failed")
        self._last = failure
        self.failures[name or ""] = failure
        before, self._busy = self._busy, True
        self._write({"kind": "failure", "name": name or "", **failure}, {})
        self._busy = before

    def _label(self, name: str | None, function: Any) -> str:
        """What sentences call a call: the function's own name where it is the submission's, else the probe's name."""
        own = function if isinstance(function, type) else getattr(function, "__func__", function)
        code = getattr(own, "__code__", None)
        inside = isinstance(code, types.CodeType) and code.co_filename.startswith(self._folder + os.sep)
        label = getattr(own, "__qualname__", "") if inside or isinstance(own, type) else ""
        return clean(label) if isinstance(label, str) and label and "<" not in label else (name or "a call")

    def _empty(self, function: Any, label: str) -> Failure:
        code = getattr(function, "__func__", function).__code__
        place = Place(self._folder, [(code, code.co_firstlineno)])
        return _failure("missing", "", f"{label} is not implemented: it does nothing{place}", place)

    def _place_of(self, error: BaseException) -> Place:
        frames = []
        trace = error.__traceback__
        while trace is not None:
            frames.append((trace.tb_frame.f_code, trace.tb_lineno))
            trace = trace.tb_next
        return Place(self._folder, frames)

    def _place_of_frame(self, frame: types.FrameType | None) -> Place:
        frames = []
        while frame is not None:
            frames.append((frame.f_code, frame.f_lineno))
            frame = frame.f_back
        return Place(self._folder, frames[::-1])

    def _syntax(self, error: SyntaxError) -> Failure:
        said = clean(str(error.msg))
        file = os.path.relpath(error.filename, self._folder) if error.filename else ""
        file = "" if file.startswith("..") else clean(file)
        line = error.lineno or 0
        where = f"{file or 'the source'}{f', line {line}' if line else ''}"
        text = f"{where} is not Python: {said}"
        if error.text and error.text.strip():
            text += f", in “{clean(error.text, 80)}”"
        if said.startswith(_PYTHON_2):
            text += "; this is Python 2, and Python 3 is asked for"
        failure = _failure("crashed", type(error).__name__, text)
        failure["file"], failure["line"] = file, line
        return failure

    def _look(self, value: Any) -> tuple[str, Any, str]:
        """Kind, array (not yet copied) and detail of a value. Exact types only: a subclass may lie about itself."""
        kind = type(value)
        if kind is np.ndarray:
            if value.dtype.kind in _NUMBERS and value.dtype.itemsize <= 16:
                return "array", value, _described(value.dtype, value.shape)
            return "array", None, clean(f"an array of dtype {value.dtype} and shape {value.shape}")
        if value is None:
            return "none", None, ""
        name = clean(type.__dict__["__name__"].__get__(kind), 60)
        if kind in (bool, int, float) or (issubclass(kind, np.generic) and kind.__module__ == "numpy"):
            number = np.asarray(value)
            travels = number.dtype.kind in _NUMBERS
            return ("scalar" if travels or kind is int else name), number if travels else None, clean(repr(value))
        if issubclass(kind, np.ndarray):
            shape, dtype = np.ndarray.shape.__get__(value), np.ndarray.dtype.__get__(value)
            return name, None, clean(f"a {name} of dtype {dtype} and shape {shape}")
        if kind in (list, tuple, dict, set, str, bytes):
            return name, None, f"a {name} of length {len(value)}"
        return name, None, f"a {name}"


@lru_cache(maxsize=256)
def _described(dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    """What is said of an array of numbers; numpy takes long to name a dtype."""
    return clean(f"an array of dtype {dtype} and shape {shape}")


def _failure(kind: str, error: str, text: str, place: Place | None = None) -> Failure:
    failure: dict[str, Any] = {"failure": kind, "error": clean(error, 80), "text": clean(text, 3 * TEXT)}
    return cast(Failure, failure | _where(place))


def _where(place: Place | None) -> dict[str, Any]:
    if place is None:
        return {"file": "", "line": 0, "function": ""}
    return {"file": place.file, "line": place.line, "function": clean(place.function, 120)}


def _text_of(error: BaseException) -> str:
    """What an exception says; the submission may have written its class."""
    try:
        return clean(str(error))
    except OutOfTime:
        raise
    except BaseException:
        return ""


def _is_empty(function: Any) -> bool:
    """Whether the body is `pass`, a docstring or `...`: it can only return None."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if not isinstance(code, types.CodeType):
        return False
    return {step.opname for step in dis.get_instructions(code)} <= _EMPTY_BODY
