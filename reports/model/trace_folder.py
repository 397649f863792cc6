"""The folder of a training trace: numbered Parquet parts while it runs, and at the end a run folder like a check's."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.model.environment import Environment
from reports.model.run import Results
from reports.model.run_folder import RunFolderError, ignore, mark, refuse_unwritable, unwritable
from reports.model.run_folder import write as write_files
from reports.model.write_whole import replacing_file

if TYPE_CHECKING:
    import pandas as pd

TABLES = ("quantities", "steps", "epochs")
CHUNKS = "parts"
_ROWS, _SECONDS = 5000, 10.0
"""A chunk is written when a table has so many rows, or so long after the last."""

_TEXT = ("quantity", "part", "verdict")
_WHOLE = ("step", "epoch", "shared_kinks", "other_kinks", "kept", "seen")


class TraceFolder:
    """Takes the rows of a trace, and writes them in parts: each whole under a temporary name, then renamed.

    So what a run that is cut off has written opens. Raises RunFolderError where the folder holds something else than
    a run, or cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        refuse_unwritable(folder)
        self.folder = folder
        self._rows: dict[str, list[Mapping[str, Any]]] = {table: [] for table in TABLES}
        self._number = 0
        self._written = time.monotonic()

    def open(self, environment: Environment) -> None:
        """Take the place of an earlier run there, and say what this one is."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for old in self.folder.iterdir():
                if old.is_dir() and not old.is_symlink():
                    shutil.rmtree(old)
                else:
                    old.unlink()
            (self.folder / CHUNKS).mkdir()
            ignore(self.folder)
            mark(self.folder, replace(environment, finished=False))
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Keep a row of "quantities", "steps" or "epochs"."""
        self._rows[table].append(dict(row))
        if len(self._rows[table]) >= _ROWS or time.monotonic() - self._written > _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what has come since the last part."""
        try:
            for table, rows in self._rows.items():
                if rows:
                    self._write(table, rows)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        self._rows = {table: [] for table in TABLES}
        self._number += 1
        self._written = time.monotonic()

    def finish(self, run: Results) -> None:
        """Write the last part, and beside the parts what every run folder has."""
        self.flush()
        try:
            stage = self.folder / ".unfinished"
            stage.mkdir()
            write_files(stage, run)
            for file in sorted(stage.iterdir()):
                file.replace(self.folder / file.name)
            stage.rmdir()
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def _write(self, table: str, rows: list[Mapping[str, Any]]) -> None:
        path = self.folder / CHUNKS / f"{table}-{self._number:06d}.parquet"
        with replacing_file(path) as unfinished, unfinished.open("wb") as file:
            _frame(rows).to_parquet(file, engine="pyarrow", index=False)


def load_table(folder: Path, table: str) -> pd.DataFrame:
    """One table of a trace, all its finished parts in order; a part that was being written is passed over.

    Raises RunFolderError where the folder holds no trace.
    """
    import pandas as pd

    if not (folder / CHUNKS).is_dir():
        raise RunFolderError(f"{folder} holds no trace; `parity trace --out {folder}` makes one")
    parts = sorted((folder / CHUNKS).glob(f"{table}-*.parquet"))
    frames = [pd.read_parquet(part, engine="pyarrow") for part in parts]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _frame(rows: list[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a frame whose columns have the same dtypes in every part."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    kinds = {name: "string" if name in _TEXT else "int64" if name in _WHOLE else "float64" for name in frame.columns}
    return frame.astype(kinds)
