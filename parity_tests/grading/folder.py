"""The folder of a graded class: one folder for each submission, and the tables; each whole, or not there at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from parity_tests.grading.decode import DecodeError, from_json
from parity_tests.grading.intake.attempt import HandIn
from parity_tests.grading.intake.given import Statements
from parity_tests.grading.intake.take_in import IntakeSummary
from parity_tests.grading.settings import FORMAT, VERSION, ClassInfo
from parity_tests.protocol.errors import UsageError
from reports.model.escape import path_text
from reports.model.write_whole import UNFINISHED, replacing_folder, write_whole

SEEDS = 1 << 62
_TRIES, _PAUSE = 3, 0.02
"""How often, and after how many seconds again, a lock is asked for."""
HALF_WRITTEN = "HALF-WRITTEN.txt"
"""Is there while the tables are being put in place, and after that only where a run was killed meanwhile."""
_HALF_WRITTEN_TEXT = "The tables and pages here are of two runs. `parity regrade` on this folder makes them anew.\n"
_SCRATCH = "parity-class-"
_MADE_ANEW = ("report.html", "feedback.md", "results.json")
"""Files of a result that are made anew with the tables."""


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in submission.json: who handed it in, and what a human should know of the result.

    `digest` is of the files and the settings: a submission with the same one need not be checked again. `checksums` are
    the SHA-256 of the files beside this one that hold what was found, by their names. `missing` says
    why there was nothing to run, `refused` why an archive was not opened or a file left out, `import_problem` why the
    submission's files cannot be imported, `concealed` where they run code that cannot be compared, `given` what they
    hold of what all were given, `trouble` how Parity itself failed, or the assignment where it is `of_assignment`.
    `versions` are those that it was checked by.
    `earlier` counts what was handed in under this name before, of which somebody may have seen the result: the seed
    follows from the class's and this number. `totals` are the points of these, as far as there was a grade. `damage` is
    a file of it that is not as it was written: it is found when the result is read.
    """

    hand_in: HandIn
    digest: str
    checksums: dict[str, str] = {}
    notes: tuple[str, ...] = ()
    missing: str = ""
    refused: str = ""
    import_problem: str = ""
    edition_seen: str = ""
    fingerprint: str = ""
    concealed: str = ""
    given: dict[str, Statements] = {}
    trouble: str = ""
    of_assignment: bool = False
    seconds: float = 0.0
    versions: dict[str, str] = {}
    earlier: int = 0
    totals: tuple[float, ...] = ()
    damage: str = ""

    @property
    def name(self) -> str:
        """What the submission is called."""
        return self.hand_in.name


class _Marker(msgspec.Struct):
    """What tells a folder of a class, of any version, from others."""

    format: str = ""
    version: int = 0


class GradingFolder:
    """One class's results. Opened for writing it is locked, so that two runs never write into one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.submissions = path / "submissions"
        self._marker = path / "grading.json"

    def info(self) -> ClassInfo:
        """What the class was graded with. Raises UsageError where this is no such folder."""
        try:
            text = self._marker.read_text(encoding="utf-8", errors="replace")
            marker = from_json(text, _Marker)
            if marker.format != FORMAT:
                raise OSError("it is another program's")
            if marker.version != VERSION:
                raise UsageError(
                    f"{path_text(self.path)} was written by another version of Parity, "
                    "whose points followed other rules; grade again into another folder."
                )
            return from_json(text, ClassInfo)
        except OSError:
            raise UsageError(f"{path_text(self.path)} is no folder that `parity grade` wrote.") from None
        except DecodeError as error:
            raise UsageError(
                f"{path_text(self._marker)}, line {error.line}, is damaged ({error}); grade again into another folder."
            ) from None

    def intake(self) -> IntakeSummary:
        """Who handed in what. Raises UsageError where it is not there or damaged."""
        path = self.path / "intake.json"
        try:
            intake = from_json(path.read_text(encoding="utf-8"), IntakeSummary)
        except (OSError, UnicodeDecodeError, DecodeError) as error:
            raise UsageError(f"{path_text(path)} cannot be read ({error}); `parity grade` makes it anew.") from None
        for name in (hand_in.name for hand_in in intake.attempts):
            if name in ("", ".", "..") or "/" in name:
                raise UsageError(f"{path_text(path)} has a name that is none, {name!r}; `parity grade` makes it anew.")
        return intake

    @property
    def begun(self) -> bool:
        """Whether a class was begun here."""
        return self._marker.exists()

    def known(self) -> list[HandIn]:
        """The submissions that have a result here: those of the last intake or, where none of it has, all there are."""
        with contextlib.suppress(UsageError):
            of_intake = [one for one in self.intake().attempts if self.result(one.name)]
            if of_intake:
                return of_intake
        return [result.hand_in for result in map(self.result, self._names()) if result is not None]

    def former(self, names: Collection[str]) -> list[str]:
        """The submissions that have a result here but are none of these."""
        return [name for name in self._names() if name not in names and self.result(name)]

    def _names(self) -> list[str]:
        folders = self.submissions.iterdir() if self.submissions.is_dir() else ()
        return sorted(folder.name for folder in folders)

    def refuse_foreign(self) -> None:
        """Raises UsageError for a folder with something else in it, and for one that cannot be read."""
        try:
            if self.path.is_dir() and not self._marker.exists():
                others = [entry for entry in self.path.iterdir() if entry != self.submissions]
                begun = self.submissions.is_dir() and any(self.submissions.iterdir())
                if begun or any(not entry.name.startswith(".") for entry in others):
                    raise UsageError(
                        f"{path_text(self.path)} holds something else than a graded class; name another with --out."
                    )
        except OSError as error:
            raise UsageError(f"the output folder {path_text(self.path)} cannot be read: {error.strerror}.") from None

    def make(self) -> None:
        """Make the folder itself. Raises UsageError where that cannot be done."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"the output folder {path_text(self.path)} cannot be made: {error.strerror}.") from None

    def refuse_other_settings(self, asked: ClassInfo, seed: int | None, *, other_versions: bool) -> None:
        """Raises UsageError for results by other settings, or by other versions unless these will do."""
        if not self.begun:
            return
        known = self.info()
        if seed is not None and seed != known.settings.seed:
            raise UsageError(f"{path_text(self.path)} was begun with another seed; leave --seed out to go on.")
        for name in asked.settings.__struct_fields__:
            before, now = getattr(known.settings, name), getattr(asked.settings, name)
            if name != "seed" and before != now:
                raise UsageError(
                    f"{path_text(self.path)} was begun with {name} {_listed(before)}, not {_listed(now)}, "
                    f"and the results of a class must come from the same; name another folder with --out."
                )
        changed = [name for name, now in asked.versions.items() if known.versions.get(name, now) != now]
        if changed and not other_versions:
            before, now = (
                ", ".join(f"{name} {of[name]}" for name in changed) for of in (known.versions, asked.versions)
            )
            raise UsageError(
                f"{path_text(self.path)} was begun with {before}, and this is {now}, which may round otherwise; "
                "--other-versions goes on all the same and lists who was checked by which; --out names another "
                "folder."
            )

    def begin(self, asked: ClassInfo, seed: int | None) -> ClassInfo:
        """Go on in the folder, or begin there: what is graded with from now on, the seed drawn where none is given."""
        self.submissions.mkdir(exist_ok=True)
        if self.begun:
            return self.info()
        seed = secrets.randbelow(SEEDS) if seed is None else seed
        info = msgspec.structs.replace(asked, settings=msgspec.structs.replace(asked.settings, seed=seed))
        self.write("grading.json", json_text(info))
        return info

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, which is there, alone, and clear what a killed run left half-written.

        Raises UsageError, also where the folder of the results is a link: nothing is written or deleted behind one.
        """
        for entry in (self.submissions, self.path / ".lock"):
            if entry.is_symlink():
                raise UsageError(
                    f"{path_text(entry)} is a link, and nothing is written or replaced behind one; put what it leads "
                    "to there itself."
                )
        descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise UsageError(f"another `parity grade` is at work in {path_text(self.path)}.") from None
            raise UsageError(
                f"the file system of {path_text(self.path)} takes no locks ({error.strerror}), so two runs at once "
                "could spoil each other's results; name a folder on a local disk with --out."
            ) from None
        try:
            self._clear()
            yield
        finally:
            os.close(descriptor)

    def at_work(self) -> bool | None:
        """Whether somebody holds the folder now, None where we may not know. Nothing is changed, nobody has to wait."""
        try:
            descriptor = os.open(self.path / ".lock", os.O_RDONLY)
        except FileNotFoundError:
            return False
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return True if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
        finally:
            os.close(descriptor)
        return False

    def result(self, name: str) -> Result | None:
        """What is known of a submission's result; None where there is none that is whole, or a link stands for it."""
        where = self.submissions / name
        try:
            result = from_json((where / "submission.json").read_text(encoding="utf-8"), Result)
        except (OSError, UnicodeDecodeError, DecodeError):
            return None
        return result if result.name == name and not where.is_symlink() else None

    def unreadable(self, hand_in: HandIn) -> Result | None:
        """A result in place of one that is there but cannot be read; None where there is none, or a whole one."""
        there = os.path.lexists(self.submissions / hand_in.name)
        return Result(hand_in, "", damage="submission.json") if there and not self.result(hand_in.name) else None

    def damage(self, result: Result) -> str:
        """The first file of a result that is not as it was written, "" where all are: by their checksums."""
        if result.damage:
            return result.damage
        for name, checksum in result.checksums.items():
            try:
                with (self.submissions / result.name / name).open("rb", buffering=0) as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError:
                return name
            if found != checksum:
                return name
        return ""

    def keep(self, result: Result, files: Mapping[str, bytes]) -> None:
        """Write one result whole, in place of an earlier one; of a link, not of what it leads to.

        It is not waited for the disk: what a crash of the machine takes is found by its checksum, and checked again.
        """
        sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name not in _MADE_ANEW}
        where = self.submissions / result.name
        if where.is_symlink():
            where.unlink()
        with replacing_folder(where) as stage:
            for name, data in files.items():
                (stage / name).write_bytes(data)
            whole = msgspec.structs.replace(result, checksums=sums)
            (stage / "submission.json").write_text(json_text(whole), encoding="utf-8")

    def write(self, name: str, content: str | bytes) -> None:
        """Write one file whole; one with the same content is left alone."""
        data = _encoded(content)
        if not self._holds(name, data):
            write_whole(self.path / name, data)

    @contextlib.contextmanager
    def together(self) -> Iterator[Together]:
        """Take files that belong together: all of them are put in place at the end, or none where something is raised.

        While they are, a file says so. It stays until `together_done` where a run is killed in the midst of that.
        """
        stage = self.path / f".parity-{uuid.uuid4().hex}"
        stage.mkdir()
        try:
            yield (collected := Together(self, stage))
            os.sync()  # none of them must be lost that takes the place of another
            self.write(HALF_WRITTEN, _HALF_WRITTEN_TEXT)
            collected.put_in_place()
            os.sync()
        finally:
            shutil.rmtree(stage, ignore_errors=True)

    def together_done(self) -> None:
        """Say that the files that belong together are all there."""
        (self.path / HALF_WRITTEN).unlink(missing_ok=True)

    @property
    def half_written(self) -> bool:
        """Whether the tables may be of two runs: one is putting them in place, or was killed in the midst of that."""
        return (self.path / HALF_WRITTEN).exists()

    def refuse_half_written(self) -> None:
        """Raises UsageError where the tables may be of two runs."""
        if self.half_written:
            raise UsageError(
                f"the tables in {path_text(self.path)} are of two runs, since one was stopped while it wrote them; "
                f"`parity regrade {path_text(self.path)}` makes them anew."
            )

    def _holds(self, name: str, data: bytes) -> bool:
        with contextlib.suppress(OSError):
            return (self.path / name).read_bytes() == data
        return False

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for temporary files outside this one, since other users must be able to pass through it."""
        reminder = self.path / ".scratch"  # of where it is, for the run that comes after a killed one
        with contextlib.suppress(OSError, ValueError):
            left = Path(reminder.read_text(encoding="utf-8"))
            if _is_our_scratch(left):
                shutil.rmtree(left, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH))
        try:
            scratch.chmod(0o711)
            write_whole(reminder, str(scratch).encode())
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            reminder.unlink(missing_ok=True)

    def _clear(self) -> None:
        results = list(self.submissions.iterdir()) if self.submissions.is_dir() else []
        for folder in (self.path, self.submissions, *results):
            if folder.is_symlink() and folder != self.path:
                continue
            for entry in folder.iterdir() if folder.is_dir() else ():
                if UNFINISHED.fullmatch(entry.name):
                    shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)


class Together:
    """Files of a class that belong together, collected in a folder of their own."""

    def __init__(self, folder: GradingFolder, stage: Path) -> None:
        self._folder = folder
        self.stage = stage
        self.names: list[str] = []
        """Those that were taken: a process that writes onto the same stage has its own."""

    def write(self, name: str, content: str | bytes) -> None:
        """Take one file, by its name in the folder of the class; one with the same content is left alone."""
        data = _encoded(content)
        if not self._folder._holds(name, data):
            self.place_for(name).write_bytes(data)

    def place_for(self, name: str) -> Path:
        """Where to write the file of this name, which takes its place with the others."""
        self.names.append(name)
        place = self.stage / name
        if not place.parent.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def put_in_place(self) -> None:
        """Put all files that were written in their places."""
        for name in self.names:
            place = self.stage / name
            if place.exists():
                place.replace(self._folder.path / name)


def _is_our_scratch(path: Path) -> bool:
    """Whether this is a folder that `scratch` made: the file that names it may have been written by anybody."""
    try:
        status = path.lstat()
    except OSError:
        return False
    ours = status.st_uid == os.geteuid() and stat.S_ISDIR(status.st_mode)
    return ours and path.parent == Path(tempfile.gettempdir()) and path.name.startswith(_SCRATCH)


def _encoded(content: str | bytes) -> bytes:
    return content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content


def _lock(descriptor: int) -> None:
    """Lock a file for us alone. Raises OSError where another holds it for longer than `parity status` looks at it."""
    for left in reversed(range(_TRIES)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if not left:
                raise
            time.sleep(_PAUSE)


def json_text(value: msgspec.Struct) -> str:
    """A value as JSON. Lone surrogates, of names in an odd encoding, are kept as escapes."""
    return json.dumps(msgspec.to_builtins(value), indent=2) + "\n"


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
