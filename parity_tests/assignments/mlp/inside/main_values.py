"""Reads numbers out of whatever a submission's `main` handles: arrays, lists, records, result files.

The submission's process loads this file by its path: numpy and the standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FLOAT64 = np.dtype(np.float64)
FILE_CAP = 1 << 20
"""Bytes of a result file that is read."""
FILES_CAP, RECORDS_CAP, DEPTH_CAP = 100, 40, 4
Stamps = Mapping[Path, tuple[int, int, int]]
"""The files of a folder, each with what changes when it is written; the second is its size."""


def numeric(value: Any) -> Array | None:
    """A float64 copy of a numeric array or list, else None."""
    if type(value) is np.ndarray and value.dtype == FLOAT64:
        return value.copy()
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def number(value: Any) -> float | None:
    """A rate as a Python float, or None where it is no single number."""
    array = numeric(value)
    return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None


def same(one: Any, other: Any) -> bool:
    """Whether two arrays hold equal numbers, labels as a column or flat alike."""
    one, other = numeric(one), numeric(other)
    if one is None or other is None or one.size != other.size:
        return False
    if one.shape != other.shape and (1 not in one.shape[1:] and 1 not in other.shape[1:]):
        return False
    return equal(one.reshape(-1), other.reshape(-1))


def equal(one: Array, other: Array) -> bool:
    """Whether two float64 arrays of the same shape hold equal numbers, NaN equal to NaN."""
    return one.tobytes() == other.tobytes() or bool(np.all((one == other) | (np.isnan(one) & np.isnan(other))))


def records_in(value: Any, key: str = "", depth: int = 0) -> list[tuple[str, Array]]:
    """Every sequence of numbers in what was returned or written: (where it stood, the numbers), in order.

    A record may be a list, a tuple, an array, or stand inside a dict; a sequence of single numbers is one record, and
    so is an empty list.
    """
    array = numeric(value) if isinstance(value, (list, tuple, np.ndarray)) else None
    if array is not None and (array.ndim == 1 or (array.size and array.size == max(array.shape))):
        return [(key, array.reshape(-1))]
    if depth > DEPTH_CAP:
        return []
    if isinstance(value, dict):
        pairs = [(str(name), inner) for name, inner in value.items()]
    elif isinstance(value, (list, tuple, np.ndarray)) and np.ndim(array if array is not None else [0]) > 0:
        pairs = [(str(index), inner) for index, inner in enumerate(value)]
    else:
        return []
    records: list[tuple[str, Array]] = []
    for name, inner in pairs[:FILES_CAP]:
        records += records_in(inner, f"{key}.{name}" if key else name, depth + 1)
    return records[:RECORDS_CAP]


def stamps(folder: Path) -> Stamps:
    """The files in a folder and those below it."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    return {path: (at.st_ino, at.st_size, at.st_mtime_ns) for path in files for at in (path.stat(),)}


def result_files(
    folder: Path, before: Stamps, settings: Mapping[str, Any]
) -> tuple[list[tuple[str, str]], list[tuple[str, str, Array]]]:
    """The JSON files that were written in a folder since `before`, each with what is wrong with it; and their records.

    Where none was, those that lie there: whoever looks for results finds these. A record is (file, key, numbers). A
    file that repeats `settings` alone is no result file.
    """
    now = stamps(folder)
    written = _read({path: stamp for path, stamp in now.items() if before.get(path) != stamp}, settings)
    return written if written[0] else _read(now, settings)


def _read(found: Stamps, settings: Mapping[str, Any]) -> tuple[list[tuple[str, str]], list[tuple[str, str, Array]]]:
    """The JSON files among these, and their records."""
    files: list[tuple[str, str]] = []
    records: list[tuple[str, str, Array]] = []
    for path, (_, size, _) in list(found.items())[:FILES_CAP]:
        if size > FILE_CAP:
            continue
        try:
            content = json.loads(path.read_text())
        except (ValueError, OSError, RecursionError):
            if path.suffix == ".json":
                files.append((path.name, "is not JSON"))
            continue
        inside = [(path.name, key, numbers) for key, numbers in [*records_in(content), *_tested(content)]]
        if inside or not _repeats(content, settings):
            files.append((path.name, ""))
            records += inside
    return files, records[:RECORDS_CAP]


def _tested(content: Any) -> list[tuple[str, Array]]:
    """The single numbers of a file whose names say that they are of the test set."""
    pairs = content.items() if isinstance(content, dict) else ()
    found = [(str(name), number(value)) for name, value in pairs if "test" in str(name) and np.ndim(value) == 0]
    return [(name, np.array([value])) for name, value in found[:RECORDS_CAP] if value is not None]


def _repeats(content: Any, settings: Mapping[str, Any]) -> bool:
    """Whether what a file holds is some of the settings that main was passed, and nothing else."""
    return isinstance(content, dict) and bool(content) and all(value in settings.values() for value in content.values())
