"""Parity from Python: `from parity_tests import check`, on a folder, a module, or what a notebook defines."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from parity_tests.protocol.assignment import Assignment
    from reports.model.run import Results

_HEIGHT = 620  # pixels of the page in a notebook


@dataclass(frozen=True, repr=False)
class Result:
    """A finished check. In a notebook it shows itself as a page; printed, it is a few lines."""

    run: Results
    strict: bool = False

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each quantity; the columns are `reports.model.records.COLUMNS`."""
        from reports.model.records import to_frame

        return to_frame(self.run.records)

    @property
    def summary(self) -> pd.DataFrame:
        """One row for each part and dtype."""
        from reports.model.summary import summary_frame

        return summary_frame(self.run)

    @property
    def agrees(self) -> bool:
        """Whether nothing fails."""
        from reports.model.records import failing

        return not any(failing(record, self.strict) for record in self.run.records)

    def __bool__(self) -> bool:
        return self.agrees

    def __repr__(self) -> str:
        from reports.model.summary import part_summaries
        from reports.model.words import sentence, verdict_sentence
        from reports.terminal.run import first_to_show

        lines = [verdict_sentence(self.run, self.strict)]
        for part in part_summaries(self.run, self.strict):
            if part.verdict != "match":
                lines.append(f"  {part.label} ({part.title or part.label}): {part.verdict}")
        first = first_to_show(self.run, self.strict)
        return "\n".join([*lines, *([f"  {sentence(first)}"] if first and first.message else [])])

    def page(self) -> str:
        """The whole page as an HTML document, for a file of its own."""
        from reports.html.run_page import report_page

        return report_page(self.run, strict=self.strict)

    def save(self, folder: str | Path = "parity-run") -> None:
        """Writes the run folder that `parity show` and `parity report` read. Raises RunFolderError where it cannot."""
        from reports.model.run_folder import save

        save(Path(folder), self.run, {"report.html": self.page().encode("utf-8", "backslashreplace")})

    def _repr_html_(self) -> str:
        from markupsafe import escape

        # In a frame of its own, the page's style and script meet neither the notebook's nor one another.
        title = escape(repr(self).partition("\n")[0])
        return (
            f"<p><b>{title}</b></p>"
            f'<iframe title="Parity" sandbox="allow-scripts" srcdoc="{escape(self.page())}" '
            f'style="width: 100%; height: {_HEIGHT}px; border: 1px solid #888"></iframe>'
        )


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
    """Holds a network against torch, and returns what was found.

    `submission` is a folder, a module, a class or function of the assignment (`relu`, say), several of them, or
    a namespace such as `globals()`; left out, it is the network that comes with Parity. Of classes and functions the
    source is written to a folder that is deleted afterwards; what they leave out is the solution's, and only their
    parts are judged. `assignment` is one, or its name; left out, it is told by the files. `timeout` is in seconds a
    case. Raises UsageError for what cannot be checked at all.
    """
    from parity_tests.harness.check import check as run_check
    from parity_tests.protocol.assignment import Assignment
    from parity_tests.protocol.registry import chosen

    asked = None if parts is None else frozenset(map(str, parts))

    def choose(folder: Path) -> Assignment:
        return assignment if isinstance(assignment, Assignment) else chosen(assignment, folder)

    def run(folder: Path, asked: frozenset[str] | None) -> Result:
        found = run_check(
            choose(folder),
            folder,
            device=device,
            dtypes=dtypes,
            seed=seed,
            parts=asked,
            edition=edition,
            timeout=timeout,
            allow=allow,
        )
        return Result(found, strict)

    if submission is None:
        return run(choose(Path()).solution, asked)
    if isinstance(submission, str | Path):
        return run(Path(submission), asked)
    with tempfile.TemporaryDirectory(prefix="parity-") as made:
        folder = Path(made) / "notebook"
        folder.mkdir()
        answered = _write(submission, folder, choose(folder))
        return run(folder, asked if answered is None else answered & asked if asked else answered)


def _write(submission: Any, folder: Path, assignment: Assignment) -> frozenset[str] | None:
    """Writes what was given as a submission; the parts that it answers, None for all."""
    from parity_tests.api.notebook import parts_of, write_module, write_objects
    from parity_tests.protocol.errors import UsageError

    if isinstance(submission, ModuleType):
        write_module(submission, folder, assignment)
        return None
    if isinstance(submission, Mapping):
        submission = parts_of(submission, assignment)
    elif isinstance(submission, type | FunctionType):
        submission = [submission]
    if not isinstance(submission, Iterable):
        raise UsageError(f"{submission!r} cannot be checked: give a folder, a module, or classes and functions.")
    objects = list(submission)
    if not objects:
        raise UsageError("nothing was given that is a part of the assignment.")
    return write_objects(objects, folder, assignment)
