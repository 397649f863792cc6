"""A notebook in the place of a submission's folder: its definitions, as the file that the assignment asks for."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity_tests.cli import extras
from parity_tests.protocol.errors import UsageError
from reports.model.escape import path_text

if TYPE_CHECKING:
    from parity_tests.protocol.assignment import Assignment

_FUNCTION = re.compile(r"def (\w+)\(")


def is_one(file: Path, assignment: str | None) -> bool:
    """Whether a file is a notebook, or a script in the place of one, as of the assignment of this name."""
    from parity_tests.protocol.registry import find

    if file.suffix == ".py" and file.is_file() and assignment is not None:
        return find(assignment).layout.notebook
    return file.suffix == ".ipynb"


def written_out(notebook: Path, assignment: str | None) -> tuple[Assignment, Path]:
    """The assignment that a notebook answers, told by its functions where none is named, and a folder that holds it.

    The folder is deleted when the command ends. Raises UsageError where it cannot be read, or answers nothing.
    """
    from parity_tests.grading.intake.entries import Entry
    from parity_tests.grading.intake.prepare import prepare
    from parity_tests.protocol.registry import find

    extras.require("a notebook", extras.NOTEBOOK)
    try:
        data = notebook.read_bytes()
    except OSError as error:
        raise UsageError(f"{path_text(notebook)} cannot be read: {error.strerror}.") from error
    chosen = find(assignment) if assignment else _told_by(data, notebook)
    prepared = prepare([Entry(notebook.name, len(data), lambda most: data[:most])], chosen)
    if prepared.missing:
        raise UsageError(f"{prepared.missing}.")
    folder = Path(click.get_current_context().with_resource(tempfile.TemporaryDirectory(prefix="parity-")))
    for name, content in prepared.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return chosen, folder


def _told_by(data: bytes, notebook: Path) -> Assignment:
    """The installed assignment of which a notebook defines the largest share."""
    from parity_tests.protocol.registry import find_all

    defined = set(_FUNCTION.findall(data.decode("utf-8", "replace")))
    known = {one.name: one for one in find_all()}
    shares = {name: len(defined & one.by_function.keys()) / len(one.parts) for name, one in known.items()}
    best = [name for name, share in shares.items() if share == max(shares.values()) > 0]
    if len(best) == 1:
        return known[best[0]]
    problem = f"defines as much of {' as of '.join(best)}" if best else "defines nothing of any installed assignment"
    raise UsageError(f"{path_text(notebook)} {problem}: choose one by --assignment ({', '.join(shares)}).")
