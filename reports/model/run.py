"""A run as every report reads it: the records, and what they were made of and on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from reports.model.environment import Environment
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
    def environment(self) -> Environment: ...
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
    environment: Environment
    arrays: Mapping[str, np.ndarray]
    inputs: dict[str, Any]
    output: bytes


def parts_of(run: Results) -> Parts:
    """The parts of the run's assignment."""
    return Parts.of(run.environment.parts)


def title_of(run: Results, case: str) -> str:
    """The title of a case, "" if it has none."""
    known = run.inputs.get(case)
    return str(known.get("title", "")) if isinstance(known, Mapping) else ""


def inputs_of(run: Results, case: str) -> tuple[str, dict[str, Any]]:
    """The title of a case, "" if it has none, and the sizes and parameters that were put to the submission."""
    known = run.inputs.get(case)
    inputs = dict(known) if isinstance(known, Mapping) else {}
    return str(inputs.pop("title", "")), inputs
