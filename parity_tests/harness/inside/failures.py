"""Describes how a submission's code failed, in sentences that its author can act on.

The submission's process loads this file by its path: it may import numpy and the standard library only.
"""

from __future__ import annotations

import ast
import difflib
import dis
import os
import re
import sys
import types
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np

MAX_TEXT = 300
"""Characters of a text that a submission may bring into a report."""
_MAX_SENTENCE = 3 * MAX_TEXT
_MAX_ERROR = 80
_MAX_SOURCE_LINE = 80
_MAX_FUNCTION = 120
_EMPTY_BODY = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
_OF_NUMPY = ("module 'numpy", "`np.")
"""How the text of an AttributeError about one of numpy's modules begins."""
_NO_SUCH_NAME = re.compile(r"module '(numpy[\w.]*)' has no attribute '(\w+)'")
_NEAR = 0.8
"""The likeness, by difflib, from which on a name is proposed: maximum for maximun, but not real for relu."""
_PYTHON_2 = ("Missing parentheses in call to", "multiple exception types must be parenthesized")


class OutOfTime(BaseException):
    """Raised inside the submission at the time limit. Not an Exception, so that few submissions swallow it."""


class Missing(Exception):  # noqa: N818 - a noun that reads well in sentences
    """The submission does not define what was asked for: `lacks`, where it is one name. The text is a sentence.

    `called` is the function that could not be called, or whose failure this comes of.
    """

    def __init__(self, text: str, *, lacks: str = "", called: str = "") -> None:
        super().__init__(text)
        self.lacks, self.called = lacks, called


class NotCalled(Exception):  # noqa: N818 - a past participle that reads well in sentences
    """Raised in place of a call of a function that had run out of time before, which stood in this file and line."""

    def __init__(self, text: str, *, function: str, file: str, line: int) -> None:
        super().__init__(text)
        self.where = {"function": function, "file": file, "line": line}


class Failure(TypedDict):
    """The harness's Failure as a message carries it."""

    failure: str
    error: str
    text: str
    file: str
    line: int
    function: str
    called: str
    said: str
    lacks: str


class Location:
    """Where in the submission something happened.

    `file`, `line` and `function` are those of the innermost frame in the submission's folder, "" and 0 if there is
    none. `outermost` is the function of the outermost one, `module_line` the line at which the outermost module stood.
    """

    def __init__(self, folder: str, frames: list[tuple[types.CodeType, int]]) -> None:
        """`frames` are codes and lines from the outermost frame to the innermost."""
        own = [(code, line) for code, line in frames if code.co_filename.startswith(folder + os.sep)]
        self.file, self.line, self.function, self.outermost = "", 0, "", ""
        self.module_line = 0
        if own:
            code, self.line = own[-1]
            self.file = clean(os.path.relpath(code.co_filename, folder))
            self.function = code.co_qualname
            self.outermost = own[0][0].co_qualname
            module_lines = [line for code, line in own if code.co_name == "<module>"]
            self.module_line = module_lines[0] if module_lines else 0

    @classmethod
    def of_error(cls, folder: str, error: BaseException) -> Location:
        """Where an exception was raised."""
        frames = []
        trace = error.__traceback__
        while trace is not None:
            frames.append((trace.tb_frame.f_code, trace.tb_lineno))
            trace = trace.tb_next
        return cls(folder, frames)

    @classmethod
    def of_frame(cls, folder: str, frame: types.FrameType | None) -> Location:
        """Where a frame stands now."""
        frames = []
        while frame is not None:
            frames.append((frame.f_code, frame.f_lineno))
            frame = frame.f_back
        return cls(folder, frames[::-1])

    def __str__(self) -> str:
        """The location as the end of a sentence, "" if it is unknown."""
        return f" ({self.file}, line {self.line})" if self.file else ""

    def fields(self) -> dict[str, Any]:
        """The location as a Failure has it."""
        return {"file": self.file, "line": self.line, "function": clean(self.function, _MAX_FUNCTION)}


def clean(text: str, length: int = MAX_TEXT) -> str:
    """Return a text on one line, without control or undecodable characters, cut to `length` characters."""
    short = type(text) is str and len(text) <= length and text.isascii() and text.isprintable()
    if short and "  " not in text and text == text.strip():  # as most are: names and kinds
        return text
    start = text[: 4 * length]
    if not (start.isascii() and start.isprintable()):
        start = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in start)
    line = " ".join(start.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def failure(
    kind: str,
    error: str,
    text: str,
    location: Location | None = None,
    *,
    called: str = "",
    said: str = "",
    lacks: str = "",
) -> Failure:
    """Return a failure of one of observation.FAILURE_KINDS: the name of the exception's type, a sentence, and so on.

    `called`, `said` and `lacks` are as the harness's Failure has them.
    """
    where = {"file": "", "line": 0, "function": ""} if location is None else location.fields()
    described: dict[str, Any] = {"failure": kind, "error": clean(error, _MAX_ERROR), "text": clean(text, _MAX_SENTENCE)}
    facts = {"called": clean(called, _MAX_FUNCTION), "said": clean(said), "lacks": clean(lacks, _MAX_FUNCTION)}
    return cast(Failure, described | where | facts)


def describe(error: BaseException, label: str, location: Location, limit: float, folder: str) -> Failure:
    """Return the failure that an exception is.

    `label` names what was called if no frame in the submission does, `limit` is the time limit in seconds, `folder`
    the submission's.
    """
    if isinstance(error, Missing):
        return failure("missing", "", str(error), called=error.called, lacks=error.lacks)
    name = type(error).__name__
    if isinstance(error, NotCalled):
        own = failure("timeout", name, str(error), called=location.outermost or str(error.where["function"]))
        return cast(Failure, own | error.where)
    what = location.outermost if location.outermost and location.outermost != "<module>" else label
    detail = _text_of(error)
    colon_detail = f": {detail}" if detail else ""
    raised = f"{what} raised {name}{colon_detail}"
    kind = "crashed"
    if isinstance(error, OutOfTime):
        kind, name, text = "timeout", "", f"{what} did not end within {limit:g} s{location}"
    elif isinstance(error, MemoryError):
        kind, name = "memory", "MemoryError"
        text = f"{what} needs more memory than it may have{colon_detail}{location}"
    elif isinstance(error, NotImplementedError):
        what = location.function if location.function not in ("", "<module>") else what
        kind, text = "missing", f"{what} is not implemented{location}"
    elif isinstance(error, SyntaxError):
        return _syntax_failure(error, folder)
    elif isinstance(error, (SystemExit, KeyboardInterrupt)):
        text = f"{what} wants to end the program: it raised {name}{location}"
    elif isinstance(error, EOFError) or name == "BdbQuit":
        text = f"{what} waits for the keyboard (input(), breakpoint() or the like), and nobody is there{location}"
    elif left := _left_none(error, folder):
        kind, name, what = "missing", "", location.function
        text = f"{what} is not implemented: its {left} is still None{location}"
    elif isinstance(error, AttributeError) and detail.startswith(_OF_NUMPY):
        text = f"{raised}{location}; numpy is {np.__version__} here{_nearest_name(detail)}"
    else:
        text = f"{raised}{location}"
    lacks = str(error.name or "") if type(error) is NameError else ""
    return failure(kind, name, text, location, called=what, said=detail, lacks=lacks)


def not_implemented(function: Callable[..., Any], label: str, folder: str) -> Failure | None:
    """Return the failure of a function whose body is `pass`, a docstring or `...`; None if its body is another."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if not isinstance(code, types.CodeType):
        return None
    if not {step.opname for step in dis.get_instructions(code)} <= _EMPTY_BODY:
        return None
    location = Location(folder, [(code, code.co_firstlineno)])
    return failure("missing", "", f"{label} is not implemented: it does nothing{location}", location, called=label)


def _left_none(error: BaseException, folder: str) -> str:
    """The variable that a function was to give a value, where an exception says that it is None still; else "".

    So fails what a handout does with it at the end of a function in which nothing else was written.
    """
    if not isinstance(error, (AttributeError, TypeError)) or "NoneType" not in _text_of(error):
        return ""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not trace.tb_frame.f_code.co_filename.startswith(folder + os.sep):
        return ""
    code, values = trace.tb_frame.f_code, trace.tb_frame.f_locals
    try:
        tree = ast.parse(Path(code.co_filename).read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (node.name, node.lineno) == (code.co_name, code.co_firstlineno):
            names = (name for name in code.co_varnames[code.co_argcount :] if values.get(name, 0) is None)
            return next((name for name in names if _is_given_none_alone(name, node, trace.tb_lineno)), "")
    return ""


def _is_given_none_alone(name: str, function: ast.FunctionDef, line: int) -> bool:
    """Whether a local variable is used in this line, and gets None and nothing else in all others."""
    used, stores, nones = False, 0, 0
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == name:
            here = node.lineno == line
            used |= here and isinstance(node.ctx, ast.Load)
            stores += isinstance(node.ctx, ast.Store) and not here
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is None:
            nones += sum(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    return used and stores == nones > 0


def _nearest_name(detail: str) -> str:
    """The name that numpy's module has and that is spelt nearly so, as the end of a sentence; "" for none."""
    found = _NO_SUCH_NAME.fullmatch(detail)  # of a name that it once had, numpy says more
    module = sys.modules.get(found[1]) if found else None
    if found is None or not isinstance(module, types.ModuleType):
        return ""
    public = [name for name in vars(module) if not name.startswith("_")]
    exchanged = [name for name in public if sorted(name) == sorted(found[2])]  # as tahn for tanh, which is nearer tan
    near = exchanged or difflib.get_close_matches(found[2], public, n=1, cutoff=_NEAR)
    return f", and the nearest name that it has is {clean(near[0])}" if near else ""


def _syntax_failure(error: SyntaxError, folder: str) -> Failure:
    message = clean(str(error.msg))
    file = os.path.relpath(error.filename, folder) if error.filename else ""
    file = "" if file.startswith("..") else clean(file)
    line = error.lineno or 0
    where = f"{file or 'the source'}{f', line {line}' if line else ''}"
    text = f"{where} is not Python: {message}"
    if error.text and error.text.strip():
        text += f", in “{clean(error.text, _MAX_SOURCE_LINE)}”"
    if message.startswith(_PYTHON_2):
        text += "; this is Python 2, and Python 3 is expected"
    described = failure("crashed", type(error).__name__, text, said=message)
    described["file"], described["line"] = file, line
    return described


def _text_of(error: BaseException) -> str:
    """Return the text of an exception, "" if it has none; the submission may have written its class."""
    try:
        return clean(str(error))
    except OutOfTime:
        raise
    except BaseException:
        return ""
