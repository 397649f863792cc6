"""A run folder: everything a run found, saved whole, to be shown and rendered later without running again."""

from __future__ import annotations

import csv
import json
import os
import shutil
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reports.model.records import SCHEMA_VERSION, Record, from_frame, to_frame
from reports.model.summary import summary_frame

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: What `environment.json` says under "format" in every run folder: by it such a folder is recognised.
FORMAT = "parity run"

# A spreadsheet takes a cell that begins so for a formula, and a student writes parts of our cells.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# All but the tab and the ends of lines: a terminal that shows the file would obey them.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\r\n"}


class RunFolderError(Exception):
    """A run folder that cannot be written or read; the message is a sentence that says what to do."""


class Results(Protocol):
    """What a run folder holds, wherever it comes from."""

    @property
    def records(self) -> Sequence[Record]: ...
    @property
    def environment(self) -> Mapping[str, Any]: ...
    @property
    def arrays(self) -> Mapping[str, np.ndarray]: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...
    @property
    def output(self) -> bytes: ...


@dataclass(frozen=True)
class SavedRun:
    """A run as saved: `arrays` has `<case>/<quantity>/got`, `/want` and `/radius` of what did not match."""

    records: list[Record]
    environment: dict[str, Any]
    arrays: dict[str, np.ndarray]
    inputs: dict[str, Any]
    output: bytes


def refuse_unwritable(folder: Path) -> None:
    """Raises RunFolderError unless `save` could write there now: asked before a run, so that none is lost.

    A folder that does not exist yet, an empty one and a run folder will do; nothing else is ever replaced.
    Missing parents are made.
    """
    _refuse_foreign(folder)
    try:
        folder.resolve().parent.mkdir(parents=True, exist_ok=True)
        _stage(folder).rmdir()
    except (OSError, RuntimeError) as error:
        raise RunFolderError(_unwritable(folder, error)) from error


def save(folder: Path, run: Results, pages: Mapping[str, bytes] | None = None) -> None:
    """Writes a run folder whole, or not at all: it is built beside `folder` and then takes its place.

    `pages` are files to lay beside the rest, by their names. Raises RunFolderError as `refuse_unwritable` does, and
    where the disk is full.
    """
    refuse_unwritable(folder)
    try:
        stage = _stage(folder)
        try:
            write(stage, run)
            for name, content in (pages or {}).items():
                (stage / name).write_bytes(content)
            _move(stage, folder.resolve())
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        raise RunFolderError(_unwritable(folder, error)) from error


def load(folder: Path) -> SavedRun:
    """Reads a run folder. Raises RunFolderError where it is none, or damaged, or of another version."""
    import numpy as np
    import pandas as pd

    if not folder.is_dir():
        raise RunFolderError(f"there is no run folder {folder}; `parity check --out {folder}` makes one")
    environment = _marker(folder)
    if environment is None:
        raise RunFolderError(f"{folder} is not a run folder: it has no environment.json that `parity check` wrote")
    version = environment.get("schema_version")
    if version != SCHEMA_VERSION:
        raise RunFolderError(
            f"{folder} was written by another version of Parity (records of version {version}; this one "
            f"reads {SCHEMA_VERSION}); run `parity check` again"
        )
    name = ""
    try:
        name = "records.parquet"
        # Handed over open: pyarrow takes no name in an odd encoding.
        with (folder / name).open("rb") as file:
            records = from_frame(pd.read_parquet(file, engine="pyarrow"))
        name = "inputs.json"
        inputs = json.loads((folder / name).read_text(encoding="utf-8"))
        if not isinstance(inputs, dict):
            raise ValueError("it holds no table of cases")
        name = "arrays.npz"
        with np.load(folder / name, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        name = "output.txt"
        output = (folder / name).read_bytes()
    except Exception as error:  # a damaged file raises whatever its reader stumbles over
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RunFolderError(
            f"the run folder {folder} is damaged: {name} cannot be read ({_first_line(reason)}); "
            f"run `parity check` again"
        ) from error
    known = {key: value for key, value in environment.items() if key not in ("format", "schema_version")}
    return SavedRun(records, known, arrays, inputs, output)


def write(stage: Path, run: Results, *, tables: bool = True) -> None:
    """Writes the files of a run into an empty folder, with the tables for people or without. Raises OSError."""
    from numpy.lib import format as npy

    frame = to_frame(run.records)
    with (stage / "records.parquet").open("wb") as file:
        frame.to_parquet(file, engine="pyarrow", index=False)
    if tables:
        _write_csv(stage / "records.csv", frame)
        _write_csv(stage / "summary.csv", summary_frame(run.records))
    # Written member by member: `savez` pickles objects, and nothing here ever does.
    with zipfile.ZipFile(stage / "arrays.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for key, array in run.arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)
    _write_json(stage / "inputs.json", dict(run.inputs))
    (stage / "output.txt").write_bytes(run.output)
    marked = {**run.environment, "format": FORMAT, "schema_version": SCHEMA_VERSION}
    _write_json(stage / "environment.json", marked)


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def csv_text(frame: pd.DataFrame) -> str:
    """A frame as CSV that spreadsheets and terminals show as it is: no formula runs, no control character acts."""
    # All text is quoted: the csv module leaves a lone carriage return bare, and it would begin a row.
    return str(_neutralised(frame).to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n"))


def _write_csv(path: Path, frame: pd.DataFrame) -> None:
    path.write_text(csv_text(frame), encoding="utf-8", newline="")


def _neutralised(frame: pd.DataFrame) -> pd.DataFrame:
    """The same frame with control characters written out, and an apostrophe before what would run as a formula."""
    safe = frame.copy()
    for name in safe.columns[safe.dtypes == "string"]:
        dangerous = safe[name].str.startswith(_FORMULA)
        safe[name] = safe[name].str.translate(_CONTROLS)
        safe[name] = safe[name].mask(dangerous, "'" + safe[name])
    return safe


def _marker(folder: Path) -> dict[str, Any] | None:
    """What `environment.json` says, if it is one of ours."""
    try:
        found = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("format") == FORMAT else None


def _refuse_foreign(folder: Path) -> None:
    try:
        if folder.exists() and not folder.is_dir():
            raise RunFolderError(f"the output folder {folder} is a file; name another with --out")
        if folder.is_dir() and any(folder.iterdir()) and _marker(folder) is None:
            raise RunFolderError(
                f"the output folder {folder} holds something else than a run of Parity's, and is left as it "
                f"is; name another with --out"
            )
    except OSError as error:
        raise RunFolderError(_unwritable(folder, error)) from error


def _stage(folder: Path) -> Path:
    """A new empty folder on the same file system as `folder`, from which it can be put in place."""
    target = folder.resolve()
    name = f".parity-{uuid.uuid4().hex}"
    stage = target / name if _stays(target) else target.parent / name
    stage.mkdir()
    return stage


def _stays(target: Path) -> bool:
    """Whether a folder must be filled where it is: a mount point, one we stand in, one in a closed folder."""
    held = target.is_mount() or Path.cwd().is_relative_to(target) or not os.access(target.parent, os.W_OK)
    return target.is_dir() and held


def _move(stage: Path, target: Path) -> None:
    if _stays(target):
        for old in target.iterdir():
            if old != stage:
                shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
        for new in sorted(stage.iterdir()):
            new.rename(target / new.name)
    elif target.exists():
        aside = stage.with_name(stage.name + "-old")
        target.rename(aside)
        try:
            stage.rename(target)
        except BaseException:  # Ctrl-C as well: the run that was there comes back
            aside.rename(target)
            raise
        shutil.rmtree(aside, ignore_errors=True)
    else:
        stage.rename(target)


def _unwritable(folder: Path, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"the output folder {folder} cannot be written ({reason}); name another with --out"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no reason given"
