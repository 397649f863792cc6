"""The layouts in which course sites give what was handed in: told apart by what is there, read as attempts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from parity_tests.grading.intake.prepare import MODULE, UTILS
from parity_tests.grading.intake.tree import (
    Entry,
    RefusedArchive,
    class_archive_entries,
    common_folder,
    folder_entries,
    is_archive,
)
from parity_tests.protocol.errors import UsageError
from reports.model.escape import path_text

FORMATS = ("gradescope", "canvas", "moodle", "plain")
_METADATA = "submission_metadata.yml"
_GRADESCOPE = re.compile(r"submission_(\d+)")
_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<file>.*)")
_CANVAS = re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<user>\d+)_(?P<number>\d+)_(?P<file>.+)")
_CANVAS_AGAIN = re.compile(r"(.*?)(?:-\d+| ?\(\d+\))(\.[A-Za-z.]+)?")


@dataclass(frozen=True)
class Attempt:
    """What one student, or one group, handed in once.

    `name` is what it is called in every table, a safe name for a folder; `order` sorts the attempts of one student.
    """

    name: str
    entries: Sequence[Entry] = field(repr=False, default=())
    source: str = ""
    student: str = ""
    email: str = ""
    id: str = ""
    late: str = ""
    when: str = ""
    order: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Intake:
    """The attempts that count, sorted by name, those that later ones replaced, and the files that are no submission."""

    format: str
    attempts: tuple[Attempt, ...]
    replaced: tuple[Attempt, ...]
    ignored: tuple[str, ...]


def take_in(source: Path, format: str | None = None) -> Intake:
    """The attempts in what a course site gave, a folder or an archive. Raises UsageError where there are none."""
    if not source.exists():
        raise UsageError(f"there is no {path_text(source)}; name the folder or the zip file that the course site gave.")
    try:
        if source.is_dir():
            entries = folder_entries(source)
        elif is_archive(source.name):
            entries = class_archive_entries(source)
        else:
            raise UsageError(f"{path_text(source)} is neither a folder nor an archive.")
    except RefusedArchive as error:
        raise UsageError(f"{error}.") from None
    except OSError as error:
        raise UsageError(f"{path_text(source)} cannot be read: {error.strerror}.") from None
    entries = _inside(entries)
    if not entries:
        raise UsageError(f"{path_text(source)} holds no files, so there is nothing to grade.")
    chosen = format or _format_of(entries)
    found, ignored = _READERS[chosen](entries, source)
    if not found:
        raise UsageError(f"{path_text(source)} holds nothing in the layout {chosen}; --format names another.")
    latest, replaced = _latest(found)
    return Intake(chosen, tuple(_named(latest)), tuple(replaced), tuple(ignored))


def safe_name(text: str) -> str:
    """A name for a folder and a table: printable, without slashes, no leading dot, not long."""
    plain = "".join(char if char.isprintable() and char not in '/\\:*?"<>|' else "_" for char in text.strip())
    plain = plain.encode("utf-8", "replace").decode()
    return plain.strip(". ")[:80] or "unnamed"


def _inside(entries: Sequence[Entry]) -> list[Entry]:
    """The same, without the one folder that some sites wrap everything in."""
    while (top := common_folder(entries)) and not _is_a_submission(top, entries):
        entries = [entry.under(top) for entry in entries]
    return list(entries)


def _is_a_submission(folder: str, entries: Sequence[Entry]) -> bool:
    """Whether the one folder that there is holds a submission's files, and not everybody's."""
    if _GRADESCOPE.fullmatch(folder) or _MOODLE.fullmatch(folder):
        return True
    names = [entry.parts[1].lower() for entry in entries if len(entry.parts) == 2]
    code = [name for name in names if name.endswith((".py", ".ipynb")) and not _CANVAS.fullmatch(name)]
    return any(name in (MODULE, UTILS) for name in code) or len(code) == len(entries) == 1


def _format_of(entries: Sequence[Entry]) -> str:
    tops = {entry.parts[0] for entry in entries}
    files = {entry.parts[0] for entry in entries if len(entry.parts) == 1}

    def most(pattern: re.Pattern[str], names: set[str]) -> bool:
        return 2 * sum(pattern.fullmatch(name) is not None for name in names) > len(names)

    if _METADATA in files or most(_GRADESCOPE, tops - files or {""}):
        return "gradescope"
    if most(_MOODLE, tops):
        return "moodle"
    return "canvas" if most(_CANVAS, files or {""}) and len(files) >= len(tops - files) else "plain"


def _grouped(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.parts[0], []).append(entry)
    return groups


def _plain(entries: Sequence[Entry], source: Path) -> tuple[list[Attempt], list[str]]:
    """A folder, an archive or a file for each student; or the files of one submission."""
    groups = _grouped(entries)
    if any(entry.path == MODULE for entry in entries):
        name = source.stem if source.is_file() else source.resolve().name
        return [Attempt(name, entries, path_text(source))], []
    found, ignored = [], []
    for top, group in groups.items():
        if len(group[0].parts) > 1:
            found.append(Attempt(top, [entry.under(top) for entry in group], top))
        elif is_archive(top) or top.lower().endswith((".py", ".ipynb")):
            found.append(Attempt(re.sub(r"(\.tar)?\.\w+$", "", top), group, top))
        elif re.search(r"\.(7z|rar|gz|txt|docx?|pdf|rtf|html?)$", top.lower()) and not top.lower().startswith("readme"):
            found.append(Attempt(top.rpartition(".")[0], group, top))
        else:
            ignored.append(top)
    return found, ignored


def _gradescope(entries: Sequence[Entry], source: Path) -> tuple[list[Attempt], list[str]]:
    found, ignored = [], []
    about: Mapping[str, Any] = {}
    for top, group in _grouped(entries).items():
        if top == _METADATA:
            about = _metadata(group[0])
    for top, group in _grouped(entries).items():
        match = _GRADESCOPE.fullmatch(top)
        if match is None:
            ignored += [top] if top != _METADATA else []
            continue
        known = about.get(top)
        known = known if isinstance(known, dict) else {}
        people = known.get("submitters") or known.get("submitter") or []
        people = [person for person in (people if isinstance(people, list) else [people]) if isinstance(person, dict)]

        def of(key: str, people: Sequence[Mapping[str, Any]] = people) -> str:
            return ", ".join(str(person[key]) for person in people if person.get(key))

        student, when = of("name"), str(known.get("created_at") or "")
        found.append(
            Attempt(
                student or top,
                [entry.under(top) for entry in group],
                top,
                student,
                of("email"),
                of("sid"),
                str(known.get("lateness") or known.get("late") or ""),
                when,
                (when, int(match[1])),
            )
        )
    return found, ignored


def _metadata(entry: Entry) -> Mapping[str, Any]:
    """Gradescope's YAML, whose keys are Ruby's symbols (`:name`). Raises UsageError."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Takes Ruby's own kinds of values for what they hold."""

    def plain(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else node.value

    Loader.add_multi_constructor("!", plain)
    Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: str(node.value))
    try:
        return _without_colons(yaml.load(entry.read(1 << 28), Loader)) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{_METADATA} cannot be read: {' '.join(str(error).split())}.") from None


def _without_colons(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key).lstrip(":"): _without_colons(item) for key, item in value.items()}
    return [_without_colons(item) for item in value] if isinstance(value, list) else value


def _moodle(entries: Sequence[Entry], source: Path) -> tuple[list[Attempt], list[str]]:
    """Folders `<Name>_<id>_assignsubmission_file_`, or flat files with that before their names."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    ignored = []
    for entry in entries:
        match = _MOODLE.fullmatch(entry.parts[0])
        if match is None or match["kind"] == "onlinetext":
            ignored.append(entry.parts[0])
            continue
        rest = "/".join([match["file"], *entry.parts[1:]] if match["file"] else entry.parts[1:])
        groups.setdefault((match["name"], match["id"]), []).append(replace(entry, path=rest or entry.path))
    return [
        Attempt(name, group, f"{name}_{number}", name, "", number, order=(int(number),))
        for (name, number), group in groups.items()
    ], ignored


def _canvas(entries: Sequence[Entry], source: Path) -> tuple[list[Attempt], list[str]]:
    """Flat files `<lastfirst>_[LATE_]<user>_<number>_<file>`; a file handed in again is called `<file>-1`."""
    groups: dict[tuple[str, str], list[tuple[Entry, re.Match[str]]]] = {}
    ignored = []
    for entry in entries:
        match = _CANVAS.fullmatch(entry.parts[0])
        if match is None:
            ignored.append(entry.parts[0])
            continue
        groups.setdefault((match["name"], match["user"]), []).append((entry, match))
    found = []
    for (name, user), group in groups.items():
        files: dict[str, tuple[int, Entry]] = {}
        for entry, match in group:  # of a file handed in twice, the later
            file = "/".join([_original(match["file"]), *entry.parts[1:]])
            number = int(match["number"])
            if file not in files or files[file][0] <= number:
                files[file] = (number, replace(entry, path=file))
        late = "late" if any(match["late"] for _, match in group) else ""
        last = max(int(match["number"]) for _, match in group)
        found.append(
            Attempt(name, [e for _, e in files.values()], group[-1][0].path, name, "", user, late, "", (last,))
        )
    return found, ignored


def _original(name: str) -> str:
    match = _CANVAS_AGAIN.fullmatch(name)
    return f"{match[1]}{match[2] or ''}" if match else name


_READERS: dict[str, Callable[[Sequence[Entry], Path], tuple[list[Attempt], list[str]]]] = {
    "gradescope": _gradescope,
    "canvas": _canvas,
    "moodle": _moodle,
    "plain": _plain,
}


def _latest(found: Sequence[Attempt]) -> tuple[list[Attempt], list[Attempt]]:
    """Of each student the latest attempt, and the others. A student is told by address or number, never by name."""
    last: dict[str, Attempt] = {}
    replaced = []
    for rank, attempt in enumerate(sorted(found, key=lambda attempt: attempt.order)):
        who = attempt.email or attempt.id or f"#{rank}"
        if who in last:
            replaced.append(replace(last[who], name=safe_name(last[who].name)))
        last[who] = attempt
    return list(last.values()), replaced


def _named(attempts: Sequence[Attempt]) -> list[Attempt]:
    """The attempts under safe names of their own, sorted by them: two of one name are told apart by number."""
    names = [safe_name(attempt.name) for attempt in attempts]
    folded = [name.casefold() for name in names]
    taken: set[str] = set()
    named = []
    for attempt, name, fold in sorted(
        zip(attempts, names, folded, strict=True), key=lambda row: (row[1], row[0].source)
    ):
        if folded.count(fold) > 1 and attempt.id:
            name = safe_name(f"{name}-{attempt.id}")
        unique, number = name, 1
        while unique.casefold() in taken:
            number += 1
            unique = f"{name}-{number}"
        taken.add(unique.casefold())
        named.append(replace(attempt, name=unique))
    return sorted(named, key=lambda attempt: attempt.name)
