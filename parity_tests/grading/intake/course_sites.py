"""The formats in which course sites give what was handed in: told apart by what is there, read as attempts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from parity_tests.grading.intake.attempt import Attempt, HandIn, Member
from parity_tests.grading.intake.entries import EMPTY, REFUSED, Entry, common_folder, is_archive
from parity_tests.grading.intake.times import instant, seconds_late, time_words, to_the_second
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.layout import Layout
from reports.model.escape import path_text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_METADATA = "submission_metadata.yml"
MAX_VALUES = 5_000_000
"""Values that a file about the submissions may hold: ten for each file of the largest class."""
_GRADESCOPE = re.compile(r"submission_(\d+)")
_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<file>.*)")
_CANVAS = re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<user>\d+)_(?P<number>\d+)_(?P<file>.+)")
_CANVAS_AGAIN = re.compile(r"(.*?)(?:-\d+| ?\(\d+\))(\.[A-Za-z.]+)?")
_OTHER_WORK = re.compile(r"\.(7z|rar|gz|txt|docx?|pdf|rtf|html?)$", re.IGNORECASE)
"""A file that somebody handed in instead of a program."""


@dataclass(frozen=True)
class Read:
    """What a format's reader found: the attempts, and the names of what is no submission."""

    attempts: list[Attempt]
    ignored: list[str]


def unwrapped(entries: Sequence[Entry], layout: Layout) -> list[Entry]:
    """The same, without the one folder that some sites wrap everything in."""
    while (top := common_folder(entries)) and not _is_a_submission(top, entries, layout):
        entries = [entry.under(top) for entry in entries]
    return list(entries)


def _is_a_submission(folder: str, entries: Sequence[Entry], layout: Layout) -> bool:
    """Whether the one folder that there is holds a submission's files, and not everybody's."""
    if _GRADESCOPE.fullmatch(folder) or _MOODLE.fullmatch(folder):
        return True
    if layout.package:
        paths = {entry.path for entry in entries}
        return f"{folder}/{layout.file}" in paths or f"{folder}/{layout.file_name}" in paths
    entries = [entry for entry in entries if entry.parts[-1] != EMPTY]
    names = [entry.parts[1].lower() for entry in entries if len(entry.parts) == 2]
    code = [name for name in names if name.endswith((".py", ".ipynb")) and not _CANVAS.fullmatch(name)]
    return any(name in layout.files for name in code) or len(code) == len(entries) == 1


def format_of(entries: Sequence[Entry]) -> str:
    """The format that the names of these files show; plain where they show none."""
    tops = {entry.parts[0] for entry in entries}
    files = {entry.parts[0] for entry in entries if len(entry.parts) == 1}
    folders = tops - files
    if _METADATA in files or _most_match(_GRADESCOPE, folders):
        return "gradescope"
    if _most_match(_MOODLE, tops):
        return "moodle"
    return "canvas" if _most_match(_CANVAS, files) and len(files) >= len(folders) else "plain"


def _most_match(pattern: re.Pattern[str], names: set[str]) -> bool:
    return 2 * sum(pattern.fullmatch(name) is not None for name in names) > len(names)


def _by_top(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.parts[0], []).append(entry)
    return groups


def _plain(entries: Sequence[Entry], source: Path, layout: Layout) -> Read:
    """A folder, an archive or a file for each student; or the files of one submission."""
    if any(entry.path == layout.file for entry in entries):
        name = source.stem if source.is_file() else source.resolve().name
        return Read([Attempt(HandIn(name, path_text(source)), entries)], [])
    read = Read([], [])
    tops = {entry.parts[0]: len(entry.parts) == 1 for entry in entries}
    # Where all others handed in a folder, a text beside these is nobody's.
    in_folders = not all(tops.values()) and not any(alone and _is_work(top) for top, alone in tops.items())
    for top, everything in _by_top(entries).items():
        inside = [entry.under(top) for entry in everything if len(entry.parts) > 1]
        group = [entry for entry in everything if len(entry.parts) == 1]  # a zip may hold a file and a folder of a name
        if inside:
            read.attempts.append(Attempt(HandIn(top, top), inside))
        if not group:
            continue
        if group[0].problem and not top.endswith(REFUSED):
            read.attempts.append(Attempt(HandIn(top, top), group))
        elif _is_work(top):
            read.attempts.append(Attempt(HandIn(re.sub(r"(\.tar)?\.\w+$", "", top), top), group))
        elif not in_folders and _OTHER_WORK.search(top) and not top.lower().startswith("readme"):
            read.attempts.append(Attempt(HandIn(top.rpartition(".")[0], top), group))
        else:
            read.ignored.append(top)
    return read


def _is_work(name: str) -> bool:
    """Whether a file by itself may be a submission, by its name."""
    return is_archive(name) or name.lower().endswith((".py", ".ipynb"))


def _gradescope(entries: Sequence[Entry], source: Path, layout: Layout) -> Read:
    """Folders `submission_<id>`, and a file that says whose they are."""
    groups = _by_top(entries)
    about = _metadata(groups[_METADATA][0]) if _METADATA in groups else {}
    read = Read([], [])
    for top, group in groups.items():
        match = _GRADESCOPE.fullmatch(top)
        if match is not None:
            known = about.get(top)
            inside = [entry.under(top) for entry in group]
            read.attempts.append(_attempt_on_gradescope(top, int(match[1]), inside, known))
        elif top != _METADATA:
            read.ignored.append(top)
    return read


def _attempt_on_gradescope(top: str, number: int, entries: Sequence[Entry], known: Any) -> Attempt:
    about: Mapping[str, Any] = known if isinstance(known, dict) else {}
    listed = about.get("submitters") or about.get("submitter") or []
    submitters = [
        Member(*(str(person.get(key) or "").strip() for key in ("name", "email", "sid")))
        for person in (listed if isinstance(listed, list) else [listed])
        if isinstance(person, dict)
    ]
    people = tuple({person.key or f"#{place}": person for place, person in enumerate(submitters)}.values())
    when = to_the_second(str(about.get("created_at") or ""))
    mark = about.get("lateness") or about.get("late")
    seconds = seconds_late(mark) if mark else 0.0 if "lateness" in about else None
    late = "" if not mark or seconds == 0 else "late" if mark is True else str(mark)
    student = _listed(person.name for person in people)
    hand_in = HandIn(
        name=student or top,
        source=top,
        student=student,
        email=_listed(person.email for person in people),
        id=_listed(person.id for person in people),
        late=time_words(seconds) if seconds else late,
        when=when,
        seconds_late=seconds,
        members=people if len(people) > 1 else (),
    )
    moment = instant(when)
    since = (moment - _EPOCH).total_seconds() if moment else 0.0
    return Attempt(hand_in, entries, order=(since, when, number))


def _listed(words: Iterable[str]) -> str:
    return ", ".join(filter(None, words))


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
        read = _without_colons(yaml.load(entry.read(1 << 28), Loader), count()) or {}
        if not isinstance(read, dict):
            raise ValueError("it is no table of submissions")
        return read
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{_METADATA} cannot be read: {' '.join(str(error).split())}.") from None


def _without_colons(value: Any, seen: Iterator[int]) -> Any:
    """The value without the colons of its keys. Raises ValueError for one that grows beyond measure by its aliases."""
    if next(seen) > MAX_VALUES:
        raise ValueError(f"it holds more than {MAX_VALUES:,} values")
    if isinstance(value, dict):
        return {str(key).lstrip(":"): _without_colons(item, seen) for key, item in value.items()}
    return [_without_colons(item, seen) for item in value] if isinstance(value, list) else value


def _moodle(entries: Sequence[Entry], source: Path, layout: Layout) -> Read:
    """Folders `<Name>_<id>_assignsubmission_file_`, or flat files with that before their names."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    texts: dict[tuple[str, str], list[Entry]] = {}
    ignored = []
    for entry in entries:
        match = _MOODLE.fullmatch(entry.parts[0])
        if match is None:
            ignored.append(entry.parts[0])
            continue
        if match["kind"] == "onlinetext":
            texts.setdefault((match["name"], match["id"]), []).append(entry)
            continue
        parts = [match["file"], *entry.parts[1:]] if match["file"] else entry.parts[1:]
        path = "/".join(parts) or entry.path
        groups.setdefault((match["name"], match["id"]), []).append(replace(entry, path=path))
    ignored += [entry.parts[0] for student in texts.keys() & groups.keys() for entry in texts[student]]
    groups = {**texts, **groups}  # who handed in no file has a row nevertheless
    attempts = [
        Attempt(HandIn(name, f"{name}_{number}", student=name, id=number), group, order=(int(number),))
        for (name, number), group in groups.items()
    ]
    return Read(attempts, ignored)


def _canvas(entries: Sequence[Entry], source: Path, layout: Layout) -> Read:
    """Flat files `<lastfirst>_[LATE_]<user>_<number>_<file>`; a file handed in again is called `<file>-1`."""
    groups: dict[tuple[str, str], list[tuple[Entry, re.Match[str]]]] = {}
    ignored = []
    for entry in entries:
        match = _CANVAS.fullmatch(entry.parts[0])
        if match is None:
            ignored.append(entry.parts[0])
            continue
        groups.setdefault((match["name"], match["user"]), []).append((entry, match))
    attempts = [_attempt_on_canvas(name, user, group) for (name, user), group in groups.items()]
    return Read(attempts, ignored)


def _attempt_on_canvas(name: str, user: str, group: Sequence[tuple[Entry, re.Match[str]]]) -> Attempt:
    files: dict[str, Entry] = {}
    numbers: dict[str, int] = {}
    for entry, match in group:  # of a file handed in twice, the later
        file = "/".join([_original(match["file"]), *entry.parts[1:]])
        number = int(match["number"])
        if number >= numbers.get(file, 0):
            numbers[file] = number
            files[file] = replace(entry, path=file)
    late = "late" if any(match["late"] for _, match in group) else ""
    latest = max(int(match["number"]) for _, match in group)
    seconds = None if late else 0.0  # Canvas marks what is late, and does not say by how much
    hand_in = HandIn(name, group[-1][0].path, student=name, id=user, late=late, seconds_late=seconds)
    return Attempt(hand_in, list(files.values()), order=(latest,))


def _original(name: str) -> str:
    """The name of a file before Canvas numbered it."""
    match = _CANVAS_AGAIN.fullmatch(name)
    return f"{match[1]}{match[2] or ''}" if match else name


READERS: dict[str, Callable[[Sequence[Entry], Path, Layout], Read]] = {
    "gradescope": _gradescope,
    "canvas": _canvas,
    "moodle": _moodle,
    "plain": _plain,
}
