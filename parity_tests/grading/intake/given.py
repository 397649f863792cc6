"""What students are given, as they hand it in: statement by statement, and which of these were not handed out."""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from parity_tests.grading.intake.likeness import ENOUGH_SOURCES
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.layout import Layout, file_of

Statements = dict[str, str]
"""A digest of each statement of a file, by the name of what it defines, or else by its text."""
UNREAD = "the whole file"
"""What the whole of a file that is no Python stands under, as some are that were handed out in Python 2."""
_DEFINED = re.compile(rb"^(?:def|class)\s+([A-Za-z_]\w*)", re.MULTILINE)
"""A function or a class of a file."""
_SHOWN = 40
"""Characters of a statement that are shown."""
_DIGITS = 12


def given_of(files: Iterable[tuple[str, bytes]], assignment: Assignment, edition: str) -> dict[str, Statements]:
    """The statements of the files that students of an edition are given, of those handed in.

    A file that defines what other editions alone ask for is given too, solved.
    """
    layout = assignment.layout
    given = [name for name in (layout.support_file, *map(file_of, layout.lent)) if name]
    named = _in_package([*given, *layout.sources], layout)
    asked = {quantity.part for case in assignment.cases(edition, DTYPES[:1]) for quantity in case.quantities}
    shipped = {name.partition(".")[0] for name, part in assignment.by_function.items() if part not in asked}
    written = {name.partition(".")[0] for name in assignment.by_function} - shipped

    def is_given(name: str, data: bytes) -> bool:
        own = {one.decode() for one in _DEFINED.findall(data)}
        return name in given or (not shipped.isdisjoint(own) and written.isdisjoint(own))

    return {named[name]: statements(data) for name, data in files if name in named and is_given(named[name], data)}


def _in_package(names: Iterable[str], layout: Layout) -> dict[str, str]:
    """These files by what they are called in a submission, which may be the content of the package."""
    return {own: name for name in names for own in (name, name.removeprefix(f"{layout.package}/"))}


@lru_cache(maxsize=64)
def statements(source: bytes) -> Statements:
    """The statements of a file; comments, docstrings and spaces are none. Kept, since many hand in the same file."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        lines = (line.partition(b"#")[0].strip() for line in source.splitlines())
        return {UNREAD: _digest(b"\n".join(filter(None, lines)))}
    found: Statements = {}
    for node in tree.body:
        for one in ast.walk(node):
            if isinstance(one, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(one, clean=False) is not None:
                del one.body[0]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        text = ast.unparse(node)
        key = node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else text[:_SHOWN]
        while key in found:
            key += " (again)"
        found[key] = _digest(text.encode("utf-8", "backslashreplace"))
    return found


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:_DIGITS]


def handed_out(
    handed_in: Mapping[str, Mapping[str, Statements]], starter: Mapping[str, bytes]
) -> dict[str, Statements]:
    """What was given, by file: as the starter has it or, without one, as most submissions of a class have it."""
    files = {file for given in handed_in.values() for file in given}
    if starter:
        ends = {file: [data for name, data in starter.items() if f"/{name}".endswith(f"/{file}")] for file in files}
        return {file: statements(found[0]) for file, found in ends.items() if found}
    known = {}
    for file in files:
        forms = [tuple(sorted(given[file].items())) for given in handed_in.values() if file in given]
        form, count = Counter(forms).most_common(1)[0]
        if len(forms) >= ENOUGH_SOURCES and count > len(forms) / 2:
            known[file] = dict(form)
    return known


def not_handed_out(own: Statements, given: Statements, asked: Iterable[str]) -> list[str]:
    """What of a file is not as it was handed out. What is left out, or defined besides, is none of it.

    But what is defined under a name that the assignment asks for is.
    """
    names = frozenset(asked)
    return [
        name
        for name, digest in own.items()
        if digest not in given.values() and (name in given or name in names or not name.isidentifier())
    ]
