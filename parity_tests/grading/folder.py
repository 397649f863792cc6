"""The folder of a graded class: one folder for each submission, and the tables; each whole, or not there at all."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from parity_tests.protocol.errors import UsageError
from reports.model.escape import path_text
from reports.model.write_whole import UNFINISHED, replacing_folder, write_whole

FORMAT = "parity grading"
VERSION = 2
SEEDS = 1 << 62


@dataclass(frozen=True)
class About:
    """What stands in submission.json: where a result comes from, and what a human should know of it.

    `digest` is of the files and the settings: a result with the same one need not be found again.
    """

    name: str
    digest: str
    source: str = ""
    student: str = ""
    email: str = ""
    id: str = ""
    late: str = ""
    when: str = ""
    notes: tuple[str, ...] = ()
    missing: str = ""
    refused: str = ""
    edition_seen: str = ""
    fingerprint: str = ""
    trouble: str = ""
    seconds: float = 0.0


class GradingFolder:
    """One class's results. Opened for writing it is locked, so that two runs never write into one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.submissions = path / "submissions"
        self._marker = path / "grading.json"
        self._lock: int | None = None

    def settings(self) -> dict[str, Any]:
        """What the class was graded with. Raises UsageError where this is no such folder."""
        try:
            found = json.loads(self._marker.read_text(encoding="utf-8"))
        except OSError:
            found = None
        except ValueError as error:
            raise UsageError(
                f"{path_text(self._marker)} is damaged ({error}); grade again into another folder."
            ) from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise UsageError(f"{path_text(self.path)} is no folder that `parity grade` wrote.")
        if found.get("version") != VERSION:
            raise UsageError(f"{path_text(self.path)} was written by another version of Parity; grade again.")
        return found

    def refuse_foreign(self) -> None:
        """Raises UsageError for a folder with something else in it, and for one that cannot be made or read."""
        try:
            if self.path.is_dir() and not self._marker.exists():
                others = [entry for entry in self.path.iterdir() if entry != self.submissions]
                begun = self.submissions.is_dir() and any(self.submissions.iterdir())
                if begun or any(not entry.name.startswith(".") for entry in others):
                    raise UsageError(
                        f"{path_text(self.path)} holds something else than a graded class; name another with --out."
                    )
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"the output folder {path_text(self.path)} cannot be made: {error.strerror}.") from None

    def begin(self, asked: Mapping[str, Any], seed: int | None) -> dict[str, Any]:
        """Go on in the folder, or begin there: what is graded with from now on, the seed drawn where none was given.

        Raises UsageError for a folder with results by other settings.
        """
        self.submissions.mkdir(exist_ok=True)
        if self._marker.exists():
            known = self.settings()
            if seed is not None and seed != known["seed"]:
                raise UsageError(f"{path_text(self.path)} was begun with another seed; leave --seed out to go on.")
            for name, value in asked.items():
                if known.get(name) != value:
                    raise UsageError(
                        f"{path_text(self.path)} was begun with {name} {_said(known.get(name))}, not {_said(value)}, "
                        f"and results of one class must come of the same; name another folder with --out."
                    )
            return known
        seed = secrets.randbelow(SEEDS) if seed is None else seed
        settings = {**asked, "seed": seed, "format": FORMAT, "version": VERSION}
        self.write("grading.json", json.dumps(settings, indent=2) + "\n")
        return settings

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, which is there, alone, and clear what a killed run left half-written. Raises UsageError."""
        descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise UsageError(f"another `parity grade` is at work in {path_text(self.path)}.") from None
        try:
            self._clear()
            yield
        finally:
            os.close(descriptor)

    def names(self) -> list[str]:
        """The submissions with a result, sorted."""
        if not self.submissions.is_dir():
            return []
        return sorted(entry.name for entry in self.submissions.iterdir() if not entry.name.startswith("."))

    def about(self, name: str) -> About | None:
        """What is known of a result; None where there is none that is whole."""
        try:
            found = json.loads((self.submissions / name / "submission.json").read_text(encoding="utf-8"))
            return About(**{**found, "notes": tuple(found["notes"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep(self, about: About, files: Mapping[str, bytes]) -> None:
        """Write one result whole, in place of an earlier one."""
        with replacing_folder(self.submissions / about.name) as stage:
            for name, data in files.items():
                (stage / name).write_bytes(data)
            (stage / "submission.json").write_text(json.dumps(asdict(about), indent=2) + "\n", encoding="utf-8")

    def write(self, name: str, content: str | bytes) -> None:
        """Write one file whole; one with the same content is left alone."""
        data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
        target = self.path / name
        with contextlib.suppress(OSError):
            if target.read_bytes() == data:
                return
        write_whole(target, data)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for temporary files outside this one, since other users must be able to pass through it."""
        note = self.path / ".scratch"
        with contextlib.suppress(OSError):
            shutil.rmtree(note.read_text(encoding="utf-8"), ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix="parity-class-"))
        try:
            scratch.chmod(0o711)
            note.write_text(str(scratch), encoding="utf-8")
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            note.unlink(missing_ok=True)

    def _clear(self) -> None:
        results = list(self.submissions.iterdir()) if self.submissions.is_dir() else []
        for folder in (self.path, self.submissions, *results):
            for entry in folder.iterdir() if folder.is_dir() else ():
                if UNFINISHED.fullmatch(entry.name):
                    shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
