"""The files of a submission in which a student's own code may stand, and what of it is compared with others'."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from parity_tests.grading.intake.concealed import concealed
from parity_tests.grading.intake.entries import RefusedArchive, archive_entries, is_archive
from parity_tests.grading.intake.likeness import FEWEST, fingerprint, rows_of
from parity_tests.harness.inside.import_guard import MAX_SOURCE
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.layout import file_of

CODE = "code.json"
"""The own code of a submission in its run folder, file by file: two that are alike are shown side by side."""


def names_asked(assignment: Assignment) -> tuple[str, ...]:
    """The names of what an assignment asks for: nobody chose them."""
    return tuple(sorted({name for function in assignment.by_function for name in function.split(".")}))


def own_sources(files: Iterable[tuple[str, bytes]], assignment: Assignment) -> dict[str, bytes]:
    """The Python files that a submission's own code may stand in.

    They are those that the assignment asks for, those that define something that it asks for, and those that these
    name. What is given to all is one of them only where it defines something that is asked for.
    """
    sources = {name: data for name, data in files if name.lower().endswith(".py")}
    marks = [mark.encode() for mark in assignment.marks]
    layout = assignment.layout
    given = {layout.support_file, *map(file_of, layout.lent)}
    own = {name for name, data in sources.items() if name in layout.sources or any(mark in data for mark in marks)}
    unread = list(own)
    while unread:
        words = set(re.findall(rb"\w+", sources[unread.pop()]))
        named = {name for name in sources.keys() - own - given if _stem(name).encode("utf-8", "replace") in words}
        own |= named
        unread += named
    return {name: data for name, data in sources.items() if name in own}


def first_of(sources: Mapping[str, bytes], first: str) -> dict[str, bytes]:
    """The source called `first` and the smallest others, together no larger than one may be: comparing takes time."""
    taken: dict[str, bytes] = {}
    for name in sorted(sources, key=lambda name: (name != first, len(sources[name]))):
        if name == first or sum(map(len, taken.values())) + len(sources[name]) <= MAX_SOURCE:
            taken[name] = sources[name]
    return taken


def why_not_compared(
    assignment: Assignment, sources: Mapping[str, bytes], compared: Mapping[str, bytes], printed: str
) -> str:
    """A sentence on code of a submission that is compared with nobody's, "" where all is."""
    left_out = [name for name in sources if name not in compared]
    if left_out:
        return f"{left_out[0]} was compared with nothing, for there is too much other code"
    solution = (assignment.solution / assignment.layout.file).read_bytes()
    if len(rows_of(printed)) < FEWEST <= len(rows_of(fingerprint(solution, asked=names_asked(assignment)))):
        return "there is too little code in it to do what it does, and so nothing that could be compared"
    return concealed(compared)


def code_file(sources: Mapping[str, bytes]) -> bytes:
    """The content of CODE."""
    texts = {name: data.decode("utf-8", "replace") for name, data in sources.items()}
    return json.dumps(texts, indent=0).encode()


def code_in(data: bytes) -> dict[str, str]:
    """What `code_file` wrote. Raises ValueError."""
    return msgspec.json.decode(data, type=dict[str, str])


def sources_below(path: Path) -> dict[str, bytes]:
    """The Python files in a folder or an archive, or the one file. Raises OSError, and ValueError for another file."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*.py") if file.is_file())
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}
    data = path.read_bytes()
    if is_archive(path.name):
        try:
            inside = archive_entries(path.name, data)
            return {entry.path: entry.read(MAX_SOURCE) for entry in inside if entry.path.endswith(".py")}
        except RefusedArchive as error:
            raise ValueError(str(error)) from None
    if path.suffix != ".py":
        raise ValueError("it is neither a folder nor an archive nor a Python file")
    return {path.name: data}


def _stem(name: str) -> str:
    """The name of the module, or of the package, that the file is."""
    path = name[: -len(".py")].removesuffix("/__init__")
    return path.rpartition("/")[2]
