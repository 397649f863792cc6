"""Reads the headers of messages from a submission's process into the harness's own values, and trusts none of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from parity_tests.harness.wire.frames import MAX_TEXT, WireError
from parity_tests.protocol.observation import FAILURE_KINDS, Failure, Hello
from parity_tests.protocol.quantity import Key
from reports.model.escape import printable


class Edition(NamedTuple):
    """The edition a submission is judged by, the one its source shows, the modules that it lacks, what is left out."""

    judged: str
    seen: str = ""
    fixtures: tuple[str, ...] = ()
    left_out: int = 0


def one_line(text: str) -> str:
    """Return a text as a report may show it: one line, printable, cut off after MAX_TEXT characters."""
    return printable(text[:MAX_TEXT])


def with_clean_texts(value: Any) -> Any:
    """Return a JSON value whose texts a report may show."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, list):
        return [with_clean_texts(item) for item in value]
    if isinstance(value, dict):
        return {one_line(key): with_clean_texts(item) for key, item in value.items()}
    return value


def key_of(header: Mapping[str, Any]) -> Key:
    """Return the key of a value or failure: its name, and the number of the call. Raises WireError."""
    name, call = header.get("name"), header.get("call")
    if type(name) is not str or type(call) is not int or not 0 <= call < 1 << 31:
        raise WireError("a key without a name or number")
    return Key(one_line(name), call)


def failure_of(header: Any) -> Failure:
    """Return the failure that a header describes. Raises WireError."""
    match header:
        case {
            "failure": str(kind),
            "error": str(error),
            "text": str(text),
            "file": str(file),
            "line": int(line),
            "function": str(function),
            "called": str(called),
            "said": str(said),
            "lacks": str(lacks),
        } if kind in FAILURE_KINDS and kind != "unasked" and 0 <= line < 1 << 31:
            error, text, file, function, called, said, lacks = map(
                one_line, (error, text, file, function, called, said, lacks)
            )
            return Failure(kind, error, text, file, line, function, called, said, lacks)
    raise WireError("a failure that is not described as one")


def seconds_of(header: Mapping[str, Any]) -> float:
    """Return how many seconds a round took the submission, by its process's own clock. Raises WireError."""
    seconds = header.get("seconds")
    if type(seconds) is not float or not 0 <= seconds < float("inf"):
        raise WireError("a round that took no time that can be")
    return seconds


def edition_of(header: Mapping[str, Any], asked: str, others: Collection[str] = ()) -> Edition:
    """Return what a process says of the edition of a submission. Raises WireError.

    It is judged by that one which is `asked`, or by one of the `others` where the process says so.
    """
    match header:
        case {
            "edition": str(judged),
            "edition_seen": str(seen),
            "fixtures": list(fixtures),
            "left_out": int(line),
        } if all(isinstance(name, str) for name in fixtures) and 0 <= line < 1 << 31:
            return Edition(judged if judged in others else asked, one_line(seen), tuple(map(one_line, fixtures)), line)
    raise WireError("an edition that is not one")


def hello_of(header: Mapping[str, Any], edition: Edition) -> Hello:
    """Return what a process says of the submission after its first import. Raises WireError."""
    match header:
        case {
            "failures": {"module": module, "support": support},
            "names": list(names),
            "numpy": str(numpy_version),
            "python": str(python_version),
        } if all(isinstance(name, str) for name in names):
            return Hello(
                edition.judged,
                edition.seen,
                _failure_or_none(module),
                _failure_or_none(support),
                tuple(map(one_line, names)),
                edition.fixtures,
                one_line(numpy_version),
                one_line(python_version),
                edition.left_out,
            )
    raise WireError("a hello that is not one")


def _failure_or_none(item: Any) -> Failure | None:
    return None if item is None else failure_of(item)
