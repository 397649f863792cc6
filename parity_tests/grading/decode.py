"""Decodes TOML and JSON strictly into typed values: whatever is wrong is an error that knows its line."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Steps = Sequence[str | int]
"""The way to a value in a document: keys of tables, and places in lists."""

WRONG, UNKNOWN, MISSING, SYNTAX = "wrong", "unknown", "missing", "syntax"
_SYNTAX_ERROR = re.compile(r"(?P<problem>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)")
_KEY_ERROR = re.compile(r"Object (?P<kind>contains unknown|missing required) field `(?P<key>.*?)`")
_STEP = re.compile(r"\.(?P<key>[^.\[`]+)|\[(?P<place>\d+)\]")


class DecodeError(Exception):
    """What is wrong with a text; the message is a sentence without the file and the line.

    `kind` is WRONG where `value` does not fit `key`, UNKNOWN or MISSING where there is a key too many or too few, or
    SYNTAX, with both where the line's value is no value. `table` is the key of the table that the key belongs to, ""
    for the outermost.
    """

    def __init__(self, problem: str, line: int, kind: str, table: str = "", key: str = "", value: Any = None) -> None:
        super().__init__(problem)
        self.line = line
        self.kind = kind
        self.table = table
        self.key = key
        self.value = value


def from_toml(text: str, wanted: type[T]) -> T:
    """The value of a TOML document, as a msgspec.Struct declares it. Raises DecodeError."""
    return _converted(toml_document(text), wanted, text)


def toml_document(text: str) -> dict[str, Any]:
    """A TOML document as it stands. Raises DecodeError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _SYNTAX_ERROR.fullmatch(str(error))
        line = int(match["line"]) if match and match["line"] else len(text.splitlines())
        problem = _uncapitalised(match["problem"] if match else str(error))
        key, _, value = map(str.strip, [*text.splitlines(), ""][max(line - 1, 0)].partition("="))
        told = (key, value) if problem == "invalid value" else ("", None)
        raise DecodeError(problem, line, SYNTAX, "", *told) from None
    except RecursionError:
        raise DecodeError("it is nested too deeply", 1, SYNTAX) from None


def from_json(text: str, wanted: type[T]) -> T:
    """The value of a JSON document, likewise. Raises DecodeError."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise DecodeError(_uncapitalised(error.msg), error.lineno, SYNTAX) from None
    except RecursionError:
        raise DecodeError("it is nested too deeply", 1, SYNTAX) from None
    return _converted(document, wanted, text)


def _converted(document: Any, wanted: type[T], text: str) -> T:
    import msgspec

    try:
        return msgspec.convert(document, wanted)
    except msgspec.ValidationError as error:
        raise _located(str(error), document, text) from None


def _located(message: str, document: Any, text: str) -> DecodeError:
    """The error of msgspec's message, such as "Expected `float`, got `str` - at `$.item[0].points`"."""
    problem, _, path = message.partition(" - at `$")
    path = path.replace("[...]", "")  # some value of a table with keys of the user's own: which one, is not told
    steps = [step["key"] or int(step["place"]) for step in _STEP.finditer(path)]
    value = _value_at(steps, document)
    line = line_of(steps, text)
    kind = WRONG
    match = _KEY_ERROR.fullmatch(problem)
    if match:
        kind = MISSING if match["kind"].startswith("missing") else UNKNOWN
        steps.append(match["key"])
        line = line if kind == MISSING else line_of(steps, text)
    keys = [step for step in steps if isinstance(step, str)]
    table = keys[-2] if len(keys) > 1 else ""
    return DecodeError(_uncapitalised(problem), line, kind, table, keys[-1] if keys else "", value)


def _value_at(steps: Steps, document: Any) -> Any:
    value = document
    for step in steps:
        value = value[step]
    return value


def line_of(steps: Steps, text: str) -> int:
    """The line that sets the last of these keys, as far as it can be told by the looks of lines; 1 for no key."""
    lines = text.splitlines()
    line = 0
    for step, place in zip(steps, [*steps, ""][1:], strict=True):
        if isinstance(step, int):
            continue
        header = re.compile(rf"\s*\[\[\s*{re.escape(step)}\s*\]\]")
        setting = re.compile(rf"\s*\[*\s*[\"']?{re.escape(step)}[\"']?\s*[\]=.:]")
        headers = [number for number in range(line, len(lines)) if header.match(lines[number])]
        settings = [number for number in range(line, len(lines)) if setting.match(lines[number])]
        if isinstance(place, int) and place < len(headers):
            line = headers[place]
        elif settings:
            line = settings[0]
    return line + 1


def _uncapitalised(text: str) -> str:
    return text[:1].lower() + text[1:]
