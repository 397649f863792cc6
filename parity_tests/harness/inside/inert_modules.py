"""Inert stand-ins of modules that an edition uses beyond numpy: a progress bar that is silent, plots that draw nothing.

Loaded by its path in the submission's process: the standard library only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Inert:
    """Takes every call and attribute, and does nothing."""

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
    """A progress bar over an iterable that shows nothing."""

    def __init__(self, iterable: Any = (), *_: Any, **__: Any) -> None:
        self._iterable = iterable

    def __iter__(self) -> Iterator[Any]:
        return iter(self._iterable)

    def __len__(self) -> int:
        return len(self._iterable)

    @staticmethod
    def write(*_: Any, **__: Any) -> None:
        """Prints nothing."""


class Lender:
    """A finder and loader of the modules in `names` and of whatever is asked for inside them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The spec of a lent module, which may have submodules of any name."""
        if fullname.partition(".")[0] not in self.names:
            return None
        return ModuleSpec(fullname, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A module whose every attribute is inert."""
        return _Lent(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Give the module the few names that must do something."""
        if module.__name__.partition(".")[0] == "tqdm":
            module.__dict__.update(tqdm=Bar, trange=lambda *bounds, **_: Bar(range(*bounds)))
        if module.__name__ == "matplotlib.pyplot":
            module.__dict__["subplots"] = _subplots


class _Lent(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return sys.modules.get(f"{self.__name__}.{name}") or Inert()


def _subplots(rows: int = 1, columns: int = 1, **_: Any) -> tuple[Any, Any]:
    """A figure and its axes, in the nesting in which they are unpacked."""
    if rows == columns == 1:
        return Inert(), Inert()
    row = [Inert()] * (columns if columns > 1 else rows)
    return Inert(), row if 1 in (rows, columns) else [row] * rows
