"""The arrays of a saved run: each is read from its file when it is asked for, for a page shows few of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

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
