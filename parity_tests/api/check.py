"""Parity from Python: `from parity import check`, on a folder, a module, or what a notebook defines."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from reports.notebook.result import Result

if TYPE_CHECKING:
    from parity_tests.protocol.assignment import Assignment


def check(
    submission: Any = None,
    *,
    assignment: str | Assignment | None = None,
    device: str = "cpu",
    dtypes: Sequence[str] = ("float64", "float32"),
    seed: int = 0,
    parts: Iterable[int | str] | None = None,
    edition: str | None = None,
    timeout: float = 10.0,
    allow: Sequence[str] = (),
    strict: bool = False,
) -> Result:
    """Holds a network against torch, and returns the result.

    `submission` is a folder, a module, a class or function of the assignment (`relu`, say), several of them, or
    a namespace such as `globals()`; left out, it is the solution of the assignment. Of classes and functions the
    source is written to a folder that is deleted afterwards; the solution completes it, and only the parts that were
    given are judged. `assignment` is one, or its name; left out, the files or the names tell it. `timeout` is in
    seconds a case. Raises UsageError for what cannot be checked at all.
    """
    from parity_tests.harness.check import check as run_check

    def run(assignment: Assignment, folder: Path, parts: frozenset[str] | None) -> Result:
        checked = run_check(
            assignment,
            folder,
            device=device,
            dtypes=dtypes,
            seed=seed,
            parts=parts,
            alone=True,
            edition=edition,
            timeout=timeout,
            allow=allow,
        )
        return Result(checked, strict)

    asked = None if parts is None else frozenset(map(str, parts))
    if submission is None or isinstance(submission, str | Path):
        return run(*_folder(submission, assignment), asked)
    with tempfile.TemporaryDirectory(prefix="parity-") as made:
        folder = Path(made) / "notebook"
        folder.mkdir()
        chosen, given = _write(submission, assignment, folder)
        if given is not None:
            asked = given & asked if asked else given
        return run(chosen, folder, asked)


def _folder(submission: str | Path | None, assignment: str | Assignment | None) -> tuple[Assignment, Path]:
    """The assignment and the folder to check."""
    from parity_tests.assignments import SHIPPED
    from parity_tests.harness.submission import choose_submission

    folder = None if submission is None else Path(submission)
    if assignment is None or isinstance(assignment, str):
        return choose_submission(assignment, folder, SHIPPED)
    return assignment, assignment.solution if folder is None else folder


def _write(
    submission: Any, assignment: str | Assignment | None, folder: Path
) -> tuple[Assignment, frozenset[str] | None]:
    """Writes a module or objects as a submission; the assignment, and the parts that were given, None for all."""
    from parity_tests.api import objects
    from parity_tests.protocol.errors import UsageError

    if isinstance(submission, ModuleType):
        chosen = objects.assignment_of(assignment, vars(submission))
        objects.write_module(submission, folder, chosen)
        return chosen, None
    if isinstance(submission, Mapping):
        chosen = objects.assignment_of(assignment, submission)
        given = objects.of_namespace(submission, chosen)
    elif isinstance(submission, Iterable | type | FunctionType):
        given = [submission] if isinstance(submission, type | FunctionType) else list(submission)
        chosen = objects.assignment_of(assignment, [getattr(thing, "__name__", "") for thing in given])
    else:
        raise UsageError(f"{submission!r} cannot be checked: give a folder, a module, or classes and functions.")
    if not given:
        raise UsageError("nothing was given that is a part of the assignment.")
    return chosen, objects.write_objects(given, folder, chosen)
