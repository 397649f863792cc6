"""Provides inert modules in place of those that an edition uses beyond numpy: silent progress bars, empty plots.

The submission's process loads this file by its path: it may import the standard library only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Inert:
    """Accepts every call and attribute, and does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __getitem__(self, key: Any) -> Any:
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Bar(Inert):
    """A progress bar over an iterable, which shows nothing."""

    def __init__(self, iterable: Any = (), *_: Any, **__: Any) -> None:
        self._iterable = iterable

    def __iter__(self) -> Iterator[Any]:
        return iter(self._iterable)

    def __len__(self) -> int:
        return len(self._iterable)

    @staticmethod
    def write(*_: Any, **__: Any) -> None:
        """Print nothing."""


class InertFinder:
    """Finds and loads the modules in `names`, and modules of any name inside them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the spec of an inert module; None for all other modules."""
        if not any(fullname == name or fullname.startswith(f"{name}.") for name in self.names):
            return None
        return ModuleSpec(fullname, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module whose attributes are all inert."""
        return _InertModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Define the few names in the module that must do something."""
        if module.__name__.partition(".")[0] == "tqdm":
            module.__dict__.update(tqdm=Bar, trange=lambda *bounds, **_: Bar(range(*bounds)))
        if module.__name__ == "matplotlib.pyplot":
            module.__dict__["subplots"] = _subplots
        if module.__name__ in ("past.builtins", "six.moves"):
            module.__dict__.update(xrange=range, range=range, basestring=str, unicode=str, long=int)


class _InertModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return sys.modules.get(f"{self.__name__}.{name}") or Inert()


def _subplots(rows: int = 1, columns: int = 1, **_: Any) -> tuple[Any, Any]:
    """Return a figure and its axes, nested as callers unpack them."""
    if rows == columns == 1:
        return Inert(), Inert()
    row = [Inert()] * (columns if columns > 1 else rows)
    return Inert(), row if 1 in (rows, columns) else [row] * rows
