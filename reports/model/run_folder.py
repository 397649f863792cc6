"""A run folder: everything a run found, saved whole, to be shown and rendered later without running again."""

from __future__ import annotations

import contextlib
import difflib
import json
import operator
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.model.csv_table import csv_text
from reports.model.environment import Environment
from reports.model.records import READ_VERSIONS, SCHEMA_VERSION, Record, from_table, read_table, to_frame
from reports.model.run import Results, SavedRun
from reports.model.summary import summary_frame
from reports.model.write_whole import new_folder_for, replacing_folder

if TYPE_CHECKING:
    import numpy as np


class LazyArrays(Mapping[str, "np.ndarray"]):
    """The arrays in a file of numpy's, by name; what was read once is kept.

    Raises what numpy raises where the file cannot be opened. An array that cannot be read raises what `unreadable`
    makes of that. The file stays open, so that they all are of one run even where another takes its place.
    """

    def __init__(self, path: Path, unreadable: Callable[[Exception], Exception]) -> None:
        import numpy as np

        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it is one array, and no archive of them")
        self._archive = archive
        self._names = frozenset(archive.files)
        self._unreadable = unreadable
        self._read: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            try:
                self._read[name] = self._archive[name]
            except Exception as error:  # a damaged file raises whatever its reader stumbles over
                raise self._unreadable(error) from error
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._archive.files)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names


#: What `environment.json` says under "format" in every run folder: by it such a folder is recognised.
FORMAT = "parity run"

#: The folder in it with the run before, of the same submission, without its arrays.
BEFORE = "before"

#: What keeps a folder that was made anew with each run out of the repository that it is made in.
IGNORED = ".gitignore"


class RunFolderError(Exception):
    """A run folder that cannot be written or read; the message is a sentence that says what to do."""


def refuse_unwritable(folder: Path) -> None:
    """Raises RunFolderError unless `save` could write there now: asked before a run, so that none is lost.

    A folder that does not exist yet, an empty one and a run folder will do; nothing else is ever replaced.
    Missing parents are made.
    """
    _refuse_foreign(folder)
    try:
        folder.resolve().parent.mkdir(parents=True, exist_ok=True)
        new_folder_for(folder).rmdir()
    except (OSError, RuntimeError) as error:
        raise unwritable(folder, error) from error


def save(folder: Path, run: Results, pages: Mapping[str, bytes] | None = None, before: SavedRun | None = None) -> None:
    """Writes a run folder whole, or not at all: it is built beside `folder` and then takes its place.

    `pages` are files to lay beside the rest, by their names, and `before` is the run to keep in it. Raises
    RunFolderError as `refuse_unwritable` does, and where the disk is full.
    """
    refuse_unwritable(folder)
    try:
        with replacing_folder(folder) as stage:
            write(stage, run)
            for name, content in (pages or {}).items():
                (stage / name).write_bytes(content)
            if before is not None:
                (stage / BEFORE).mkdir()
                write(stage / BEFORE, replace(before, arrays={}), tables=False)
    except OSError as error:
        raise unwritable(folder, error) from error


def load(folder: Path, records: list[Record] | None = None) -> SavedRun:
    """Reads a run folder, but for the `records` of whoever has read these already.

    Raises RunFolderError where it is none, or damaged, or of another version; and of an array when it is asked for.
    """

    if not folder.is_dir():
        near = difflib.get_close_matches(folder.name.casefold(), [one.name for one in folder.parent.glob("*/")], 1)
        there = f"there is {str(folder.parent / near[0])!r}" if near else "`parity check` makes one"
        raise RunFolderError(f"there is no run folder {folder}; {there}")
    environment = _marker(folder)
    if environment is None:
        raise RunFolderError(f"{folder} is not a run folder: it has no environment.json that `parity check` wrote")
    version = environment.get("schema_version")
    if version not in READ_VERSIONS:
        raise RunFolderError(
            f"{folder} was written by another version of Parity (records of version {version}; this one "
            f"reads {' and '.join(map(str, READ_VERSIONS))}); run `parity check` again"
        )
    name = ""
    try:
        name = "records.parquet"
        if records is None:
            records = from_table(read_table(folder / name))
        name = "environment.json"
        known = Environment.from_json(environment)
        name = "inputs.json"
        inputs = dict(_inputs((folder / name).read_bytes()))
        name = "arrays.npz"
        arrays = LazyArrays(folder / name, lambda error: _damaged(folder, "arrays.npz", error))
        name = "output.txt"
        output = (folder / name).read_bytes()
    except Exception as error:  # a damaged file raises whatever its reader stumbles over
        raise _damaged(folder, name, error) from error
    return SavedRun(records, known, arrays, inputs, output)


def run_before(folder: Path, run: Results) -> SavedRun | None:
    """The run that this folder holds, if the same was asked of the same submission; what it did not ask, as before it.

    None where there is no such run, or where it cannot be read.
    """
    same = ("assignment", "submission", "edition", "seed", "device", "dtypes")
    alike = operator.attrgetter(*(f"environment.{name}" for name in same))
    found: SavedRun | None = None
    for place in (folder, folder / BEFORE):
        with contextlib.suppress(RunFolderError):
            one = load(place)
            asked = {record.part for record in found.records} if found else set()
            more = [record for record in one.records if record.part not in asked]
            if alike(one) == alike(run):
                found = replace(found, records=[*found.records, *more]) if found else one
    return found


def write(stage: Path, run: Results, *, tables: bool = True) -> None:
    """Writes the files of a run into an empty folder, with the tables for people or without. Raises OSError."""
    from numpy.lib import format as npy

    frame = to_frame(run.records)
    with (stage / "records.parquet").open("wb") as file:
        frame.to_parquet(file, engine="pyarrow", index=False)
    if tables:
        ignore(stage)
        for name, table in (("records.csv", frame), ("summary.csv", summary_frame(run))):
            (stage / name).write_text(csv_text(table), encoding="utf-8", newline="")
    # Written member by member: `savez` pickles objects, and nothing here ever does.
    with zipfile.ZipFile(stage / "arrays.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for key, array in run.arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)
    _write_json(stage / "inputs.json", dict(run.inputs))
    (stage / "output.txt").write_bytes(run.output)
    mark(stage, run.environment)


def mark(folder: Path, environment: Environment) -> None:
    """Writes what makes the folder a run folder: the environment of its run. Raises OSError."""
    marked = {**environment.to_json(), "format": FORMAT, "schema_version": SCHEMA_VERSION}
    _write_json(folder / "environment.json", marked)


def ignore(folder: Path) -> None:
    """Has git pass over the folder: what a run made is no source. Raises OSError."""
    (folder / IGNORED).write_text("# Made by Parity, anew with each run.\n*\n", encoding="utf-8")


@lru_cache(maxsize=4)
def _inputs(text: bytes) -> Mapping[str, Any]:
    """The cases in such a file; all submissions of a class were put to the same."""
    inputs = json.loads(text.decode("utf-8"))
    if not isinstance(inputs, dict):
        raise ValueError("it holds no table of cases")
    return inputs


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _marker(folder: Path) -> dict[str, Any] | None:
    """What `environment.json` says, if it is one of ours."""
    try:
        environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return environment if isinstance(environment, dict) and environment.get("format") == FORMAT else None


def _refuse_foreign(folder: Path) -> None:
    try:
        if folder.exists() and not folder.is_dir():
            raise RunFolderError(f"the output folder {folder} is a file; name another with --out")
        if folder.is_dir() and any(folder.iterdir()) and _marker(folder) is None:
            raise RunFolderError(
                f"the output folder {folder} holds something else than a run of Parity's, and is left as it is; "
                f"name another with --out"
            )
    except OSError as error:
        raise unwritable(folder, error) from error


def _damaged(folder: Path, name: str, error: Exception) -> RunFolderError:
    return RunFolderError(
        f"the run folder {folder} is damaged: {name} cannot be read ({_reason(error)}); run `parity check` again"
    )


def unwritable(folder: Path, error: Exception) -> RunFolderError:
    """The error that says that this folder cannot be written, and why."""
    return RunFolderError(f"the output folder {folder} cannot be written ({_reason(error)}); name another with --out")


def _reason(error: Exception) -> str:
    """Why something failed, on one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.strip().splitlines()[0] if text.strip() else "no reason given"
