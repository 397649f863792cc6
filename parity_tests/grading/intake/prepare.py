"""One attempt made ready to run: which of its files is the submission, under which names, in which encoding."""

from __future__ import annotations

import codecs
import io
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from parity_tests.assignments.mlp import editions
from parity_tests.grading.intake.notebook import NotANotebook, modules_of
from parity_tests.grading.intake.tree import (
    EMPTY,
    FOREIGN_ARCHIVES,
    MAX_ARCHIVE,
    Entry,
    RefusedArchive,
    archive_entries,
    is_archive,
    is_junk,
)

MODULE = f"{editions.MODULE}.py"
UTILS = f"{editions.UTILS}.py"
MAX_SOURCE = 2 << 20
MAX_NOTEBOOK = 32 << 20
MAX_OTHER = 1 << 20
MAX_IN_ALL = 16 << 20
MAX_FILES = 500
"""Bytes of a source, of a notebook (pictures are in it), of any other file, of all of them; and how many files."""

_MARKS = ("class linear_layer", "class relu", "class dropout", "class tanh", *(f"def {n}" for n in editions.SGD_NAMES))
"""What a file holds that answers the assignment."""


@dataclass(frozen=True)
class Prepared:
    """What will be run: files by relative name, MODULE among them, or a sentence that says why there is nothing.

    `notes` are sentences worth knowing that cost nothing; `refused` says why an archive was not opened.
    """

    files: tuple[tuple[str, bytes], ...] = ()
    notes: tuple[str, ...] = ()
    missing: str = ""
    refused: str = ""


def prepare(entries: Sequence[Entry]) -> Prepared:
    """The submission in these files. Never raises for what a student handed in."""
    notes: list[str] = []
    refused: list[str] = []
    try:
        found = _opened(entries, refused)
        files = _chosen(found, notes)
    except RefusedArchive as error:
        refused.append(str(error))
        return Prepared(missing=f"{error}, and was not opened", refused="; ".join(refused))
    except OSError as error:
        return Prepared(missing=f"the file that was handed in cannot be read: {error.strerror}")
    if files:
        return Prepared(tuple(sorted(files.items())), tuple(notes), "", "; ".join(refused))
    why = f"{refused[0]}, and was not opened" if refused else _why_nothing([*found, *entries])
    return Prepared(notes=tuple(notes), missing=why, refused="; ".join(refused))


def _opened(entries: Sequence[Entry], refused: list[str]) -> list[Entry]:
    """The files, archives replaced by what they hold; two deep, as a zip of a zip is seen now and then."""
    found = [entry for entry in entries if not is_junk(entry.path) and entry.parts[-1] != EMPTY]
    for _ in range(2):
        archives = [entry for entry in found if is_archive(entry.path)]
        found = [entry for entry in found if not is_archive(entry.path)]
        if any(entry.parts[-1] == MODULE for entry in found):
            break
        for archive in archives[:20]:
            try:
                inside = archive_entries(archive.parts[-1], archive.read(MAX_ARCHIVE + 1))
            except RefusedArchive as error:
                refused.append(str(error))
                continue
            stem = archive.path.rpartition(".")[0]
            found += [Entry(f"{stem}/{entry.path}", entry.size, entry.read) for entry in inside]
    return found


def _chosen(found: Sequence[Entry], notes: list[str]) -> dict[str, bytes]:
    """The files to run, by the names they run under; none where no file answers the assignment."""
    sources = sorted((e for e in found if e.path.lower().endswith(".py")), key=lambda e: (len(e.parts), e.path))
    module = next((e for e in sources if e.parts[-1] == MODULE), None)
    if module is None:
        module = next((e for e in sources if _alike(e.parts[-1])), None) or _answering(sources)
        if module is not None:
            notes.append(f"{module.parts[-1]} was taken for {MODULE}, as which it should be handed in")
    elif sum(e.parts[-1] == MODULE for e in sources) > 1:
        notes.append(f"there is more than one {MODULE}; the one graded is {module.path}")
    if module is None:
        return _from_notebook(found, notes)
    files = _beside(found, module, notes)
    files.pop(PurePosixPath(module.path).name, None)
    files[MODULE] = as_source(module.read(MAX_SOURCE), MODULE, notes)
    if UTILS not in files:
        _add_utils(files, sources, notes)
    return files


def _alike(name: str) -> bool:
    plain = name.lower().replace(" ", "_").replace("-", "_")
    return plain == MODULE or plain.removesuffix(".py").rstrip("_0123456789()") == editions.MODULE


def _answering(sources: Sequence[Entry]) -> Entry | None:
    """The file with the most of what the assignment asks for, if any has some."""
    scores = [(_marks(entry.read(MAX_SOURCE).decode("latin-1")), -rank) for rank, entry in enumerate(sources[:50])]
    best, rank = max(scores, default=(0, 0))
    return sources[-rank] if best else None


def _marks(text: str) -> int:
    return sum(mark in text for mark in _MARKS)


def _beside(found: Sequence[Entry], module: Entry, notes: list[str]) -> dict[str, bytes]:
    """The files in the module's folder and below it, up to the caps."""
    folder = module.path.rpartition("/")[0]
    files: dict[str, bytes] = {}
    left_out = []
    room = MAX_IN_ALL
    for entry in found:
        if folder and not entry.path.startswith(f"{folder}/"):
            continue
        name = entry.under(folder).path if folder else entry.path
        python = name.lower().endswith(".py")
        limit = min(MAX_SOURCE if python else MAX_OTHER, room)
        if entry.size > limit or len(files) >= MAX_FILES or name.lower().endswith((".ipynb", ".pyc", ".so")):
            left_out.append(name)
            continue
        data = entry.read(limit)
        room -= len(data)
        files[name] = as_source(data, name, notes) if python and entry is not module else data
    too_large = [name for name in left_out if not name.lower().endswith((".ipynb", ".pyc"))]
    if too_large:
        notes.append(f"{len(too_large)} files were left out for their size or kind, the first of them {too_large[0]}")
    return files


def _add_utils(files: dict[str, bytes], sources: Sequence[Entry], notes: list[str]) -> None:
    others = [e for e in sources if e.parts[-1] == UTILS] or [e for e in sources if e.parts[-1].lower() == UTILS]
    if others:
        files[UTILS] = as_source(others[0].read(MAX_SOURCE), UTILS, notes)
        if others[0].path != UTILS:
            notes.append(f"{others[0].path} was taken for the {UTILS} that should stand beside {MODULE}")


def _from_notebook(found: Sequence[Entry], notes: list[str]) -> dict[str, bytes]:
    best: dict[str, str] = {}
    name = ""
    for entry in sorted((e for e in found if e.path.lower().endswith(".ipynb")), key=lambda e: (len(e.parts), e.path)):
        try:
            modules = modules_of(entry.read(MAX_NOTEBOOK), MODULE)
        except NotANotebook as error:
            notes.append(f"{entry.parts[-1]} {error}")
            continue
        if _marks(modules.get(MODULE, "")) > _marks(best.get(MODULE, "")):
            best, name = modules, entry.path
    if not best:
        return {}
    notes.append(f"the code cells of the notebook {name} were taken for {MODULE}")
    files = {file: text.encode("utf-8", "backslashreplace") for file, text in best.items()}
    if UTILS not in files:
        _add_utils(files, [e for e in found if e.path.lower().endswith(".py")], notes)
    return files


def as_source(data: bytes, name: str, notes: list[str]) -> bytes:
    """A source in an encoding that Python reads: as it is where it can be read, else as UTF-8, with a note."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            notes.append(f"{name} is in {encoding.upper()}; it should be in UTF-8")
            return _unix(data.decode(encoding, "replace")).encode()
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        data.decode(encoding)
        return _unix(data.decode("latin-1")).encode("latin-1")
    except (SyntaxError, UnicodeDecodeError, LookupError):
        pass
    for encoding in ("utf-8", "cp1252", "latin-1"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        notes.append(f"{name} is not in the encoding that it should be in; it was read as {encoding}")
        return _unix(_without_cookie(text)).encode()
    raise AssertionError("latin-1 reads anything")


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _without_cookie(text: str) -> str:
    lines = text.split("\n")
    return "\n".join("#" if "coding" in line and line.lstrip().startswith("#") else line for line in lines[:2]) + (
        "\n" + "\n".join(lines[2:]) if len(lines) > 2 else ""
    )


def _why_nothing(entries: Sequence[Entry]) -> str:
    names = [entry.parts[-1] for entry in entries if entry.parts[-1] != EMPTY]
    for name, edition in editions.UNSUPPORTED.items():
        if name in names:
            return (
                f"{name} was handed in, which makes it the {edition} edition of this homework; its layout is not "
                f"supported (those that are: {', '.join(editions.EDITIONS)})"
            )
    foreign = [name for name in names if name.lower().endswith(FOREIGN_ARCHIVES)]
    if foreign:
        return f"{foreign[0]} is an archive of a kind that is not opened; hand in a zip file, or {MODULE} itself"
    python = [name for name in names if name.lower().endswith((".py", ".ipynb"))]
    if python:
        return f"there is no {MODULE} in what was handed in, and nothing in {python[0]} that answers the assignment"
    if names:
        return f"there is no Python file in what was handed in, only {', '.join(names[:3])}"
    return "nothing was handed in: the folder is empty"
