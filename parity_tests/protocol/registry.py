"""Finds assignments: by name among those that are installed, by `module:NAME`, or by the folder that declares one."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.layout import Layout

GROUP = "parity.assignments"
"""The group of entry points by which packages announce their assignments."""
FOLDERS = "parity.folders"
"""The group of what makes an assignment of a folder."""


@cache
def installed() -> dict[str, EntryPoint]:
    """The entry points of all installed assignments, by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def find(name: str) -> Assignment:
    """The assignment called `name`, that which `module:NAME` refers to, or that which a folder declares.

    A folder is told by a separator in its name, or by its declaration. Raises UsageError where there is none.
    """
    if _is_folder(name):
        return _from_folder(Path(name).resolve())
    if ":" in name:
        return _from_module(name)
    known = installed()
    if name not in known:
        raise UsageError(
            f"there is no assignment {name!r}; installed are: {', '.join(known) or 'none'}. "
            "One of your own is given as module:NAME, or by its folder: ./NAME."
        )
    return _checked(_imported(known[name].load, name), name)


def find_all() -> list[Assignment]:
    """All installed assignments. Raises UsageError where there is none."""
    known = [find(name) for name in installed()]
    if not known:
        raise UsageError("no assignment is installed. Give one as module:NAME by --assignment.")
    return known


def select(what: str, fits: Callable[[Layout], bool]) -> Assignment:
    """The installed assignment whose layout `fits`; the only one there is, where it does not. Sentences say `what`.

    Raises UsageError where several fit, or none of several.
    """
    known = find_all()
    fitting = [assignment for assignment in known if fits(assignment.layout)]
    fitting = [one for one in fitting if not one.layout.defines] or fitting  # the name of a file tells more
    candidates = fitting or known
    if len(candidates) == 1:
        return candidates[0]
    names = ", ".join(assignment.name for assignment in candidates)
    problem = "fits more than one assignment" if fitting else "fits none of the installed assignments"
    raise UsageError(f"{what} {problem} ({names}): choose one by --assignment.")


def reference(assignment: str) -> str:
    """What finds an assignment where nothing is installed: its folder, or `module:NAME`."""
    if _is_folder(assignment):
        return str(Path(assignment).resolve())
    return assignment if ":" in assignment else installed()[find(assignment).name].value


def _is_folder(name: str) -> bool:
    stands_there = name not in installed() and Path(name, "assignment.toml").is_file()
    return "/" in name or name in (".", "..") or stands_there


@cache
def _from_folder(folder: Path) -> Assignment:
    """What a folder declares; kept, since processes of a class ask again and again."""
    makers = [point.load() for point in entry_points(group=FOLDERS)]
    if not makers:
        raise UsageError("nothing that is installed makes an assignment of a folder: install Parity as a package.")
    return _checked(makers[0](folder), str(folder))


def _from_module(reference: str) -> Assignment:
    module, _, name = reference.partition(":")
    imported = _imported(lambda: importlib.import_module(module), reference)
    try:
        value = getattr(imported, name)
    except AttributeError:
        raise UsageError(f"the module {module} has no {name}; the assignment is given as module:NAME.") from None
    except ValueError as error:
        raise UsageError(f"the assignment {reference!r} cannot be imported: {error}") from error
    return _checked(value, reference)


def _imported(load: Callable[[], object], name: str) -> object:
    """What `load` returns. Raises UsageError for whatever the assignment's own code raises, an exit included."""
    try:
        return load()
    except ImportError as error:
        raise UsageError(f"the assignment {name!r} cannot be imported: {error}") from error
    except (Exception, SystemExit) as error:
        raise UsageError(f"the assignment {name!r} cannot be imported: {type(error).__name__}: {error}") from error


def _checked(value: object, name: str) -> Assignment:
    if not isinstance(value, Assignment):
        raise UsageError(f"{name!r} is a {type(value).__name__}, not an Assignment of parity_tests.protocol.")
    for field in ("name", "parts", "kinds"):
        if not getattr(value, field):
            raise UsageError(f"the assignment {name!r} cannot be used: it has no {field}.")
    ids = [part.id for part in value.parts]
    twice = next((id for id in ids if ids.count(id) > 1), None)
    if twice is not None:
        raise UsageError(f"the assignment {name!r} cannot be used: two of its parts have the id {twice!r}.")
    return value
