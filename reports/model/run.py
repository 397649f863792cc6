"""A run as every report reads it: the records, and what they were made of and on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from reports.model.parts import Parts
from reports.model.records import Record

if TYPE_CHECKING:
    import numpy as np


class Results(Protocol):
    """A run, wherever it comes from.

    `environment` says what it ran on, and how its assignment calls its parts; `arrays` has `<case>/<quantity>/got`,
    `/want` and `/radius` of what did not match; `inputs` has the sizes, the parameters and the title of each case;
    `output` is what the submission printed.
    """

    @property
    def records(self) -> Sequence[Record]: ...
    @property
    def environment(self) -> Mapping[str, Any]: ...
    @property
    def arrays(self) -> Mapping[str, np.ndarray]: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...
    @property
    def output(self) -> bytes: ...


@dataclass(frozen=True)
class SavedRun:
    """A run that was read from a folder, or put together of its pieces."""

    records: list[Record]
    environment: dict[str, Any]
    arrays: Mapping[str, np.ndarray]
    inputs: dict[str, Any]
    output: bytes


#: What an environment holds for the reports to work with; none of it is shown as a fact about the machine.
FOR_REPORTS = (
    "parts",
    "joint_checks",
    "rubric",
    "source_lines",
    "excerpts",
    "hints",
    "for_students",
    "drift",
    "setting",
    "advice",
    "panels",
)


def parts_of(run: Results) -> Parts:
    """The parts of the run's assignment."""
    return Parts.of(run.environment)


def joint_checks(run: Results) -> frozenset[str]:
    """The checks in which several parts work together: what fails in a part's own checks mostly fails there again."""
    known = run.environment.get("joint_checks")
    return frozenset(map(str, known)) if isinstance(known, list) else frozenset()


def source_lines_of(run: Results) -> dict[str, tuple[str, int]]:
    """The file and the line in the submission at which each part begins, as far as they are known."""
    known = run.environment.get("source_lines")
    lines = {}
    for part, line in known.items() if isinstance(known, Mapping) else ():
        match line:
            case [str(file), int(number)]:
                lines[str(part)] = (file, number)
    return lines


def excerpt_of(run: Results, part: str) -> dict[str, dict[int, str]]:
    """The lines of the submission that the run kept of a part that fails, by file and by number."""
    known = run.environment.get("excerpts")
    files = known.get(part) if isinstance(known, Mapping) else None
    return {
        str(file): {int(number): str(text) for number, text in lines.items() if str(number).isdecimal()}
        for file, lines in (files.items() if isinstance(files, Mapping) else ())
        if isinstance(lines, Mapping)
    }


def hints_of(run: Results) -> dict[str, str]:
    """A hint for each diagnosis that the run names, by the whole of the diagnosis."""
    known = run.environment.get("hints")
    return {str(name): str(hint) for name, hint in known.items()} if isinstance(known, Mapping) else {}


def title_of(run: Results, case: str) -> str:
    """The title of a case, "" if it has none."""
    known = run.inputs.get(case)
    return str(known.get("title", "")) if isinstance(known, Mapping) else ""


def inputs_of(run: Results, case: str) -> tuple[str, dict[str, Any]]:
    """The title of a case, "" if it has none, and the sizes and parameters that were put to the submission."""
    known = run.inputs.get(case)
    inputs = dict(known) if isinstance(known, Mapping) else {}
    return str(inputs.pop("title", "")), inputs
