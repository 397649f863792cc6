"""Finds assignments: by name among those installed, by `module:NAME`, or by the files of a submission."""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError

GROUP = "parity.assignments"
"""The group of entry points by which packages announce their assignments."""


def installed() -> dict[str, EntryPoint]:
    """The entry points of all installed assignments, by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


@cache
def find(name: str) -> Assignment:
    """The assignment called `name`, or that which `module:NAME` refers to. Raises UsageError where there is none."""
    if ":" in name:
        return _from_module(name)
    known = installed()
    if name not in known:
        raise UsageError(
            f"there is no assignment {name!r}; installed are: {', '.join(known) or 'none'}. "
            "One of your own is given as module:NAME."
        )
    return _checked(known[name].load(), name)


def tell(folder: Path) -> Assignment:
    """The installed assignment that the folder's files answer; the only one there is, where none fits.

    Raises UsageError where several fit.
    """
    known = [find(name) for name in installed()]
    if not known:
        raise UsageError("no assignment is installed. Give one as module:NAME by --assignment.")
    fitting = [assignment for assignment in known if assignment.layout.fits(folder)]
    if len(fitting) > 1:
        names = ", ".join(assignment.name for assignment in fitting)
        raise UsageError(f"{folder} fits more than one assignment ({names}): choose one by --assignment.")
    return fitting[0] if fitting else known[0]


def chosen(name: str | None, folder: Path) -> Assignment:
    """The assignment of this name, or else the one that the folder's files tell. Raises UsageError."""
    return find(name) if name else tell(folder)


def _from_module(reference: str) -> Assignment:
    module, _, name = reference.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, ValueError) as error:
        raise UsageError(f"the assignment {reference!r} cannot be imported: {error}") from error
    except AttributeError:
        raise UsageError(f"the module {module} has no {name}; the assignment is given as module:NAME.") from None
    return _checked(found, reference)


def _checked(found: object, name: str) -> Assignment:
    if not isinstance(found, Assignment):
        raise UsageError(f"{name!r} is a {type(found).__name__}, not an Assignment of parity_tests.protocol.")
    return found
