"""One attempt made ready to run: which of its files is the submission, under which names, in which encoding."""

from __future__ import annotations

import difflib
import io
import re
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from parity_tests.grading.intake.entries import (
    EMPTY,
    FOREIGN_ARCHIVES,
    MAX_ARCHIVE,
    Entry,
    RefusedArchive,
    archive_entries,
    common_folder,
    is_archive,
    is_junk,
)
from parity_tests.grading.intake.notebook import NotANotebook, modules_of, of_script
from parity_tests.harness.inside.import_guard import MAX_SOURCE
from parity_tests.protocol.assignment import Assignment
from reports.model.escape import encodable, path_text
from reports.model.phrases import listed


def as_source(data: bytes) -> bytes:
    """A source with Unix's ends of lines; one that Python cannot decode is left alone, for Python refuses it."""
    try:
        declared, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        data.decode(declared)
    except (SyntaxError, UnicodeError, LookupError):
        return data
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def holds_code(data: bytes) -> bool:
    """Whether a source has a line that is neither empty nor a comment."""
    return any(line and not line.startswith(b"#") for line in map(bytes.strip, data.splitlines()))


MAX_NOTEBOOK = 32 << 20
MAX_OTHER = 1 << 20
MAX_IN_ALL = 16 << 20
MAX_FILES = 500
"""Bytes of a notebook (pictures are in it), of any other file, of all of them; and how many files."""
MAX_NESTED = 20
"""Archives that are opened of those in one attempt. They stay in memory, so all have at most MAX_ARCHIVE bytes."""
MAX_SEARCHED = 50
MAX_NOTEBOOKS = 20
"""Sources, and notebooks, that are searched for what the assignment asks for."""


@dataclass(frozen=True)
class Prepared:
    """What will be run: files by relative name, the assignment's among them, or a sentence why there is nothing.

    `notes` are sentences worth knowing, which cost no points; `refused` says why an archive was not opened, or a file
    left out.
    """

    files: tuple[tuple[str, bytes], ...] = ()
    notes: tuple[str, ...] = ()
    missing: str = ""
    refused: str = ""


def prepare(entries: Sequence[Entry], assignment: Assignment) -> Prepared:
    """The submission in these files. Never raises for what a student handed in."""
    refused: list[str] = []
    selection = _Selection(assignment, refused)
    opened: list[Entry] = []
    files: dict[str, bytes] = {}
    try:
        opened = _opened(entries, assignment.layout.file_name, refused)
        files = selection.files_of(opened)
    except _Unusable as error:
        refused.append(str(error))
    except RefusedArchive as error:
        refused.append(f"{error}, and was not opened")
    except OSError as error:
        refused.append(f"the file that was handed in cannot be read: {error.strerror}")
    except Exception as error:  # of a student's making, whatever it is: it must not stop the class
        refused.append(f"what was handed in cannot be read: {type(error).__name__}: {error}")
    missing = "" if files else refused[-1] if refused else _why_nothing(opened, entries, assignment)
    return Prepared(
        tuple(sorted(files.items())),
        tuple(map(encodable, selection.notes)),
        encodable(missing),
        encodable("; ".join(dict.fromkeys(refused))),
    )


class _Unusable(Exception):  # noqa: N818 - a reason is no error
    """There is a file that answers the assignment, but it cannot be taken; the message is a sentence that says why."""


def _opened(entries: Sequence[Entry], wanted: str, refused: list[str]) -> list[Entry]:
    """The files, archives replaced by what they hold; two deep, as a zip of a zip is seen now and then."""
    opened = []
    for entry in entries:
        if entry.problem:
            refused.append(entry.problem)
        elif not is_junk(entry.path) and entry.parts[-1] != EMPTY:
            opened.append(entry)
    room = MAX_ARCHIVE
    for _ in range(2):
        archives = [entry for entry in opened if is_archive(entry.path)]
        opened = [entry for entry in opened if not is_archive(entry.path)]
        if any(entry.parts[-1] == wanted for entry in opened):
            break
        for archive in archives[:MAX_NESTED]:
            try:
                if archive.size > room:
                    sizes = f"{MAX_ARCHIVE >> 20} MiB, alone or with the archives before it"
                    raise RefusedArchive(f"{_name(archive)} has more than {sizes}")
                data = archive.read(room + 1)
                room -= len(data)
                inside = archive_entries(archive.parts[-1], data)
            except RefusedArchive as error:
                refused.append(f"{error}, and was not opened")
                continue
            stem = archive.path.rpartition(".")[0]
            opened += [
                Entry(f"{stem}/{entry.path}", entry.size, entry.read) for entry in inside if entry.parts[-1] != EMPTY
            ]
    return opened


class _Selection:
    """Selects the files to run among those of one attempt, and notes what is unusual about them."""

    def __init__(self, assignment: Assignment, refused: list[str]) -> None:
        """`refused` gets the sentences that say why a file was left out which may be the one that counts."""
        self._refused = refused
        self._assignment = assignment
        self._layout = assignment.layout
        self._marks = assignment.marks
        self.notes: list[str] = []

    def files_of(self, entries: Sequence[Entry]) -> dict[str, bytes]:
        """The files to run, by the names they run under; none where no file answers the assignment."""
        if self._layout.defines:
            return self._of_any_name(entries)
        wanted = self._layout.file_name
        sources = _by_depth(entry for entry in entries if _is_python(entry.path))
        named = [entry for entry in sources if entry.parts[-1] == wanted]
        in_place = [entry for entry in named if f"/{entry.path}".endswith(f"/{self._layout.file}")]
        named = in_place or named
        if self._layout.notebook and not named and (files := self._from_notebook(entries, sources)):
            return files
        module = named[0] if named else self._misnamed(sources)
        if module is None:
            return self._from_notebook(entries, sources)
        if len(named) > 1:
            self.notes.append(f"there is more than one {wanted}; the one graded is {module.path}")
        if not named:
            others = [e.parts[-1] for e in sources if e is not module and self._is_nearly_right(e.parts[-1])]
            left = f"; {', '.join(others)} {'was' if len(others) == 1 else 'were'} not" if others else ""
            self.notes.append(f"{module.parts[-1]} was taken for {wanted}, as which it should be handed in{left}")
        files = self._beside(module, entries)
        files.pop(module.parts[-1], None)
        if module.size > MAX_SOURCE:
            raise _Unusable(_too_large(module, MAX_SOURCE))
        source = as_source(module.read(MAX_SOURCE))
        files[wanted] = of_script(source) if self._layout.notebook else source
        self._add_support(files, sources)
        files = self._without_clashes(self._in_package(files))
        if not any(holds_code(files.get(source, b"")) for source in self._layout.sources):
            raise _Unusable(f"there is no line of code in {path_text(module.parts[-1])}")
        return files

    def _of_any_name(self, entries: Sequence[Entry]) -> dict[str, bytes]:
        """All files, without the folders that hold all of them, where one defines what the assignment asks for."""
        while (top := common_folder(entries)) and top != self._layout.module.partition(".")[0]:
            entries = [entry.under(top) for entry in entries]
        files = self._without_clashes(self._beside(None, entries))
        texts = (data.decode("latin-1") for name, data in files.items() if _is_python(name))
        return files if any(self._count_marks(text) for text in texts) else {}

    def _in_package(self, files: dict[str, bytes]) -> dict[str, bytes]:
        """The same, with what stands beside the module under the name of its package."""
        root = self._layout.file.removesuffix(self._layout.file_name)
        return {f"{root}{name}": data for name, data in files.items()}

    def _misnamed(self, sources: Sequence[Entry]) -> Entry | None:
        """The file whose name is nearly right, or else the one with the most of what the assignment asks for."""
        for entry in sources:
            if self._is_nearly_right(entry.parts[-1]):
                return entry
        if self._assignment.unsupported_edition(_names(sources)):
            return None
        small = [entry for entry in sources if entry.size <= MAX_SOURCE]
        self._refused += [_too_large(entry, MAX_SOURCE) for entry in sources if entry.size > MAX_SOURCE]
        sources = small
        counts = [self._count_marks(entry.read(MAX_SOURCE).decode("latin-1")) for entry in sources[:MAX_SEARCHED]]
        most = max(counts, default=0)
        return sources[counts.index(most)] if most else None

    def _is_nearly_right(self, name: str) -> bool:
        plain = name.lower().replace(" ", "_").replace("-", "_")
        wanted = self._layout.file_name
        return plain == wanted or plain.removesuffix(".py").rstrip("_0123456789()") == wanted.removesuffix(".py")

    def _count_marks(self, text: str) -> int:
        return sum(mark in text for mark in self._marks)

    def _beside(self, module: Entry | None, entries: Sequence[Entry]) -> dict[str, bytes]:
        """The files in the module's folder and below it, up to the caps; all without a module."""
        folder = "" if module is None else module.path.rpartition("/")[0]
        files: dict[str, bytes] = {}
        too_large = []
        room = MAX_IN_ALL
        for entry in entries:
            if folder and not entry.path.startswith(f"{folder}/"):
                continue
            name = entry.under(folder).path if folder else entry.path
            limit = min(MAX_SOURCE if _is_python(name) else MAX_OTHER, room)
            if name.lower().endswith((".ipynb", ".pyc")):
                continue
            if entry.size > limit or len(files) >= MAX_FILES or name.lower().endswith(".so"):
                too_large.append(name)
                continue
            data = entry.read(limit)
            room -= len(data)
            files[name] = as_source(data) if _is_python(name) and entry is not module else data
        if too_large:
            first = path_text(too_large[0])
            self._refused.append(
                f"{len(too_large)} files were left out for their size or kind, the first of them {first}"
            )
        return files

    def _without_clashes(self, files: dict[str, bytes]) -> dict[str, bytes]:
        """The files without those whose folder is a file: a zip may hold both."""
        clashing = [name for name in files if any(name.startswith(f"{other}/") for other in files)]
        if clashing:
            self._refused.append(f"{path_text(clashing[0])} was left out: its folder is a file as well")
        return {name: data for name, data in files.items() if name not in clashing}

    def _add_support(self, files: dict[str, bytes], sources: Sequence[Entry]) -> None:
        """Add the support file from another folder, where there is none beside the module."""
        wanted = self._layout.support_file
        if not wanted or wanted in files:
            return
        exact = [entry for entry in sources if entry.parts[-1] == wanted]
        others = exact or [entry for entry in sources if entry.parts[-1].lower() == wanted]
        if not others:
            return
        if others[0].size > MAX_SOURCE:
            self._refused.append(_too_large(others[0], MAX_SOURCE))
            return
        files[wanted] = as_source(others[0].read(MAX_SOURCE))
        if others[0].path != wanted:
            self.notes.append(f"{others[0].path} was taken for the {wanted} that belongs beside {self._layout.file}")

    def _from_notebook(self, entries: Sequence[Entry], sources: Sequence[Entry]) -> dict[str, bytes]:
        """The files in the notebook with the most of what the assignment asks for."""
        wanted = self._layout.file
        if self._layout.package:  # a notebook calls what is handed in, and holds none of it
            return {}
        best: dict[str, str] = {}
        name = ""
        unreadable = []
        notebooks = _by_depth(entry for entry in entries if entry.path.lower().endswith(".ipynb"))
        for entry in notebooks[:MAX_NOTEBOOKS]:
            if entry.size > MAX_NOTEBOOK:
                self._refused.append(_too_large(entry, MAX_NOTEBOOK))
                continue
            try:
                modules = modules_of(
                    entry.read(MAX_NOTEBOOK), wanted, self._layout.entry, definitions=self._layout.notebook
                )
            except NotANotebook as error:
                unreadable.append(f"{_name(entry)} {error}")
                continue
            if self._count_marks(modules.get(wanted, "")) > self._count_marks(best.get(wanted, "")):
                best, name = modules, entry.path
        if not best:
            self._refused += unreadable
            return {}
        self.notes += unreadable
        self.notes.append(f"the code cells of the notebook {name} were taken for {wanted}")
        files = {file: text.encode("utf-8", "backslashreplace") for file, text in best.items()}
        if len(files[wanted]) > MAX_SOURCE:
            raise _Unusable(f"the code of {path_text(name)} has more than the {MAX_SOURCE >> 20} MiB that are read")
        self._add_support(files, sources)
        return files


def is_near(wanted: str, names: Iterable[str]) -> str:
    """The name likest the file that is wanted, its endings aside; "" where none is like it."""
    stems = {re.sub(r"(\.[A-Za-z]+)+$", "", name).lower(): name for name in names}
    likest = difflib.get_close_matches(wanted.removesuffix(".py"), stems, n=1, cutoff=0.8)
    return stems[likest[0]] if likest else ""


def _too_large(entry: Entry, most: int) -> str:
    return f"{_name(entry)} has {entry.size / (1 << 20):.1f} MiB, and no more than {most >> 20} MiB is read"


def _name(entry: Entry) -> str:
    return path_text(entry.parts[-1])


def _is_python(path: str) -> bool:
    return path.lower().endswith(".py")


def _by_depth(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (len(entry.parts), entry.path))


def _names(entries: Iterable[Entry]) -> list[str]:
    return ["/".join(entry.parts) for entry in entries]


def _why_nothing(opened: Sequence[Entry], entries: Sequence[Entry], assignment: Assignment) -> str:
    """Why nothing of these entries, or of what was `opened` of them, can be run."""
    archives = [] if opened else [entry.parts[-1] for entry in entries if is_archive(entry.path)]
    if archives:
        return f"{listed(map(path_text, archives[:3]))} {'is' if len(archives) == 1 else 'are'} empty"
    entries = opened or entries
    wanted = assignment.layout.file
    names = [entry.parts[-1] for entry in entries if entry.parts[-1] != EMPTY]
    unsupported = assignment.unsupported_edition(_names(entries))
    if unsupported:
        return f"what was handed in has {unsupported}"
    foreign = [name for name in names if name.lower().endswith(FOREIGN_ARCHIVES)]
    if foreign:
        return f"{foreign[0]} is an archive of a kind that is not opened; hand in a zip file, or {wanted} itself"
    programs = [name for name in names if name.lower().endswith((".py", ".ipynb"))]
    near = is_near(assignment.layout.file_name, names)
    if near and near not in programs:
        return f"there is no {wanted} in what was handed in; {near} is there, which is no Python file"
    if programs:
        programs = [near] if near else programs
        return f"there is no {wanted} in what was handed in, and nothing in {programs[0]} that answers the assignment"
    if names:
        return f"there is no Python file in what was handed in, only {', '.join(list(dict.fromkeys(names))[:3])}"
    return "nothing was handed in: the folder is empty"
