"""Records what a submission's calls return, or how they fail, inside the submission's process.

Every value is copied and sent the moment it is returned, so that nothing the submission does next (overwrite it, loop,
end the process) can take it back. The submission's process loads this file by its path: it may import numpy, the
standard library and the files beside it only.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import types
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np

from parity_tests.harness.inside.failures import Failure, Location, OutOfTime, clean, describe, failure, not_implemented
from parity_tests.harness.wire import frames

_EXIT = os._exit
"""The function itself: the submission may put another in its place."""
_MAX_WARNINGS = 50
_MAX_TYPE_NAME = 60
_REPEAT_SECONDS = 0.2
"""A time limit that the submission swallowed strikes again after so many seconds."""
_NUMBERS = "biuf"
_WHOLE_CASE = ("", 0)
"""The name and number under which a failure of the case as a whole is recorded."""


class CaseOver(BaseException):
    """Leaves the probe after a time limit: what was recorded stays, nothing more is asked."""


class _Failed:
    """Stands for the result of a failed call; its attributes, and the results of calling it, have failed as well."""

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


Round = tuple[dict[str, Any], dict[str, Any]]
"""What a round is given: parameters (JSON) and fresh arrays."""


class CallRecorder:
    """Calls the submission for a probe, and sends what it returns.

    `send` takes a header and arrays. `folder` is the submission's. `cap` is the number of bytes that one value may
    have. `receive_round` waits for the parameters and arrays of the next round of a case, None after the last.
    `connected` says whether what is sent can still arrive.
    """

    def __init__(
        self,
        send: Callable[[Mapping[str, Any], Mapping[str, Any]], None],
        folder: str,
        cap: int,
        receive_round: Callable[[], Round | None] = lambda: None,
        connected: Callable[[], bool] = lambda: True,
    ) -> None:
        self.FAILED = _Failed()
        self.failures: dict[tuple[str, int], Failure] = {}
        self._transmit = send
        self._receive_round = receive_round
        self._connected = connected
        self._in_rounds = False
        self._round_started = self._round_waited = 0.0
        self._folder = folder
        self._cap = cap
        self._limit = 0.0
        self._protected = True
        """Whether the harness's own code runs, which the time limit must not interrupt."""
        self._interrupted_at: Location | None = None
        """Where the submission stood when the time limit struck."""
        self._unlimited = False
        """Whether there is no time limit now."""
        self._last_failure: Failure | None = None
        self._warned: set[str] = set()

    # ---- for probes

    def call(self, name: str | None, function: Callable[..., Any], /, *args: Any, call: int = 0) -> Any:
        """Call `function`, record a copy of what it returns under `name` and the number `call`, and return it.

        A failure is recorded there as well, and FAILED is returned. If the function or an argument is FAILED, the call
        is not made, and the failure that caused it is recorded again. If `name` is None, only a failure is recorded, as
        that of the case as a whole. Raises CaseOver at the time limit.
        """
        key = _WHOLE_CASE if name is None else (name, call)
        if id(self.FAILED) in map(id, (function, *args)):
            self._fail(key, self._last_failure)
            return self.FAILED
        if self._unlimited:
            raise CaseOver
        label = self._label(name, function)
        if name is not None:
            self._send_protected({"kind": "call", "label": label})
        failed: Failure | None = None
        try:
            value = function(*args)
        except CaseOver:
            raise
        except BaseException as error:
            self._protected = True
            failed = self.describe(error, label)
            out_of_time = isinstance(error, OutOfTime) or self._interrupted_at is not None
        else:
            self._protected = True
            out_of_time = self._interrupted_at is not None
            if out_of_time:
                failed = self.describe(OutOfTime(), label)
            elif value is None:
                failed = not_implemented(function, label, self._folder)
        if not self._connected():
            self.give_up()
        self._protected = False
        if failed is not None:
            self._fail(key, failed)
            if out_of_time:
                self.stop_clock()  # the probe must still be able to record what it has
                raise CaseOver
            return self.FAILED
        if name is not None and not self.keep(name, value, call):
            return self.FAILED
        return value

    def keep(self, name: str, value: Any, call: int = 0) -> bool:
        """Record a copy of `value` under `name` and the number `call`.

        Returns False, and records a failure, if it cannot be taken.
        """
        key = (name, call)
        if value is self.FAILED:
            self._fail(key, self._last_failure)
            return False
        self._protected = True
        try:
            kind, array, detail = _described(value)
            if array is not None and array.nbytes > self._cap:
                text = f"{name}: an array of shape {array.shape} and dtype {array.dtype} was returned, "
                text += f"{array.nbytes >> 20} MiB; at most {self._cap >> 20} MiB are taken"
                self._fail(key, failure("crashed", "", text))
                return False
            header = {"kind": "value", "name": name, "call": call, "what": kind, "detail": detail}
            self._send(header, {} if array is None else {"value": array})
            self.failures.pop(key, None)
        except MemoryError as error:
            self._fail(key, self.describe(error, name))
            return False
        finally:
            self._protected = False
        self._check_time()
        return True

    def fail_if_empty(self, function: Callable[..., Any], label: str) -> bool:
        """Record, as that of the whole case, the failure that a function's body does nothing; whether it is so."""
        failed = not_implemented(function, label, self._folder)
        if failed is not None:
            self._fail(_WHOLE_CASE, failed)
        return failed is not None

    def add_fact(self, key: str, value: Any) -> None:
        """Record a small JSON value as the fact `key`."""
        self._send_protected({"kind": "fact", "key": key, "value": value})

    def add_overwritten(self, name: str, call: int, labels: Sequence[str]) -> None:
        """Record the labels of the arrays that the call of this name and number has written over."""
        self._send_protected({"kind": "overwritten", "name": name, "call": call, "labels": list(labels)})

    def fail(
        self, name: str | None, reason: BaseException | str, kind: str = "crashed", call: int = 0, called: str = ""
    ) -> None:
        """Record the failure of an exception under `name` and the number `call`, or a sentence with its kind.

        If `name` is None, it is that of the whole case. The sentence is about the function that was `called`.
        """
        key = _WHOLE_CASE if name is None else (name, call)
        if isinstance(reason, str):
            self._fail(key, failure(kind, "", reason, called=called))
        else:
            self._fail(key, self.describe(reason, name or ""))

    def withdraw_failure(self) -> None:
        """Withdraw the failure of the case as a whole: the submission succeeded when it was asked in another way."""
        if self.failures.pop(_WHOLE_CASE, None) is not None:
            self._send_protected({"kind": "withdrawn"})

    def next_round(self) -> Round | None:
        """Return the next round of this case, None after the last. Each round has the whole time limit."""
        signal.setitimer(signal.ITIMER_REAL, 0.0)  # waiting for the harness is not the submission's time
        spent = time.monotonic() - self._round_started - self._round_waited if self._in_rounds else 0.0
        self._in_rounds = True
        self._send_protected({"kind": "more", "seconds": spent})
        following = self._receive_round()
        if following is None:
            self.stop_clock()
            return None
        warned = set(self._warned)
        self.start_clock(self._limit)
        self._warned |= warned
        self._round_started, self._round_waited = time.monotonic(), 0.0
        return following

    # ---- for the worker

    @property
    def out_of_time(self) -> bool:
        """Whether the time limit of the case has struck."""
        return self._interrupted_at is not None

    def start_clock(self, seconds: float) -> None:
        """Begin a case that may take `seconds` of wall time."""
        self.failures.clear()
        self._warned.clear()
        self._last_failure, self._interrupted_at, self._limit = None, None, seconds
        self._unlimited = self._protected = False
        signal.signal(signal.SIGALRM, self._on_alarm)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, seconds, _REPEAT_SECONDS)

    def give_up(self) -> NoReturn:
        """End the process if what was called has cut it off: at once, so that it is always the same that is lost."""
        _EXIT(frames.CUT_OFF)

    def end_rounds(self) -> None:
        """End the rounds of a case: the next case may have none."""
        self._in_rounds = False

    def stop_clock(self) -> None:
        """Lift the time limit."""
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        self._unlimited = True

    def on_warning(self, message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
        """Replace warnings.showwarning: send each text once for each line of the submission."""
        location = Location.of_frame(self._folder, sys._getframe(1))
        text = f"{category.__name__}: {clean(str(message))}{location}"
        if location.file and text not in self._warned and len(self._warned) < _MAX_WARNINGS:
            self._warned.add(text)
            functions = [clean(location.function), clean(location.outermost)]
            self._send_protected({"kind": "warning", "text": text, "functions": functions})

    def describe(self, error: BaseException, label: str) -> Failure:
        """Return the failure that an exception is. `label` names what was called if no frame in the submission does."""
        return describe(error, label, self.location_of(error), self._limit, self._folder)

    def location_of(self, error: BaseException) -> Location:
        """Return where in the submission an exception was raised; at a time limit, where the limit struck."""
        if isinstance(error, OutOfTime) and self._interrupted_at is not None:
            return self._interrupted_at
        return Location.of_error(self._folder, error)

    # ---- inside

    def _send(self, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Send a message. In rounds the clock stops meanwhile: the harness may still judge the round before."""
        if not self._in_rounds:
            self._transmit(header, arrays)
            return
        left = signal.setitimer(signal.ITIMER_REAL, 0.0)[0]
        before = time.monotonic()
        try:
            self._transmit(header, arrays)
        finally:
            self._round_waited += time.monotonic() - before
            if left > 0:
                signal.setitimer(signal.ITIMER_REAL, left, _REPEAT_SECONDS)

    def _send_protected(self, header: Mapping[str, Any]) -> None:
        """Send a message without arrays; the time limit must not strike in the middle of it, but may right after."""
        before, self._protected = self._protected, True
        try:
            self._send(header, {})
        finally:
            self._protected = before
        self._check_time()

    def _check_time(self) -> None:
        if self._interrupted_at is not None and not self._protected and not self._unlimited:
            raise OutOfTime

    def _on_alarm(self, number: int, frame: types.FrameType | None) -> None:
        if self._unlimited:
            return
        if self._interrupted_at is None:
            self._interrupted_at = Location.of_frame(self._folder, frame)
        if self._protected:
            return
        location = self._interrupted_at
        if location.file:
            self._protected = True
            self._send({"kind": "interrupted", "where": str(location), **location.fields()}, {})
            self._protected = False
        raise OutOfTime

    def _fail(self, key: tuple[str, int], failed: Failure | None) -> None:
        if failed is None:
            failed = failure("unjudged", "", "a probe passed on a failure before any call had failed")
        self._last_failure = failed
        self.failures[key] = failed
        before, self._protected = self._protected, True
        self._send({"kind": "failure", "name": key[0], "call": key[1], **failed}, {})
        self._protected = before

    def _label(self, name: str | None, function: Any) -> str:
        """Return how sentences name a call: by the submission's own function, or else by the probe's name for it."""
        own = function if isinstance(function, type) else getattr(function, "__func__", function)
        code = getattr(own, "__code__", None)
        in_submission = isinstance(code, types.CodeType) and code.co_filename.startswith(self._folder + os.sep)
        label = getattr(own, "__qualname__", "") if in_submission or isinstance(own, type) else ""
        if in_submission and isinstance(
            function, types.MethodType
        ):  # a method, also one that was put into its class later
            label = _name_of_method(function)
        return clean(label) if isinstance(label, str) and label and "<" not in label else (name or "a call")


def _name_of_method(method: types.MethodType) -> str:
    """Return the class and the name by which a method was found, whatever the function calls itself."""
    owner = type(method.__self__)
    for base in owner.__mro__:
        for name, value in vars(base).items():
            if value is method.__func__:
                return f"{owner.__name__}.{name}"
    return f"{owner.__name__}.{method.__func__.__name__}"


def _described(value: Any) -> tuple[str, Any, str]:
    """Return the kind, the array (not yet copied) and the detail of a value, as observation.Returned has them.

    Only exact types count: a subclass may lie about itself.
    """
    kind = type(value)
    if kind is np.ndarray:
        if value.dtype.kind in _NUMBERS and value.dtype.itemsize <= 16:
            return "array", value, _array_detail(value.dtype, value.shape)
        return "array", None, clean(f"an array of dtype {value.dtype} and shape {value.shape}")
    if value is None:
        return "none", None, ""
    name = clean(type.__dict__["__name__"].__get__(kind), _MAX_TYPE_NAME)
    if kind in (bool, int, float) or (issubclass(kind, np.generic) and kind.__module__ == "numpy"):
        number = np.asarray(value)
        is_number = number.dtype.kind in _NUMBERS
        kind_name = "scalar" if is_number or kind is int else name
        return kind_name, number if is_number else None, clean(repr(value))
    if issubclass(kind, np.ndarray):
        shape, dtype = np.ndarray.shape.__get__(value), np.ndarray.dtype.__get__(value)
        return name, None, clean(f"a {name} of dtype {dtype} and shape {shape}")
    if kind in (list, tuple, dict, set, str, bytes):
        return name, None, f"a {name} of length {len(value)}"
    return name, None, f"a {name}"


@lru_cache(maxsize=256)
def _array_detail(dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    """Return the detail of an array of numbers; cached because numpy takes long to name a dtype."""
    return clean(f"an array of dtype {dtype} and shape {shape}")
