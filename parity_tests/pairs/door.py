"""The door: what is raised there shows the caller's own lines, and none of Parity's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

from parity_tests.protocol.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")
_OURS = ("parity_tests.pairs.", "reference.")


def door(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose frames a traceback leaves out where a caller is at fault, or code that the caller gave."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True
        try:
            return function(*args, **kwargs)
        except (UsageError, AssertionError) as error:
            raise error.with_traceback(None) from None
        except Exception as error:
            raise error.with_traceback(_of_others(error.__traceback__)) from error.__cause__

    return called


def _of_others(traceback: TracebackType | None) -> TracebackType | None:
    """The frames that are not Parity's; all of them where the last one is, whose fault it may then be."""
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    if _is_ours(frames[-1]):
        return frames[0]
    kept: TracebackType | None = None
    for frame in reversed(frames):
        if not _is_ours(frame):
            kept = TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return kept


def _is_ours(frame: TracebackType) -> bool:
    return str(frame.tb_frame.f_globals.get("__name__", "")).startswith(_OURS)
