"""The reproduction: the smallest script that shows a discrepancy, and what an assignment gives to make one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import NDArray

from parity_tests.protocol.case import Case
from parity_tests.protocol.observation import Observation
from reports.model.records import Record

Ask = Callable[[Case, Mapping[str, NDArray[Any]], int], Observation]
"""Puts a case with its arrays to a network, with the seed of its random generators."""


@dataclass(frozen=True)
class Networks:
    """How the submission and the assignment's own solution are asked."""

    submission: Ask
    solution: Ask


@dataclass(frozen=True)
class ScriptSetting:
    """What all scripts of a run have in common: where the submission lies, and what else it takes to import it.

    `fixtures` maps a module that the submission lacks to the folder of the file that stands in for it, "" for an inert
    one. `breaks_off` says whether the import of the submission ends early. `seconds` is what a call may take. A script
    that is `handed_on` runs on another machine: it names no folder of this one.
    """

    folder: str
    edition: str
    fixtures: Mapping[str, str] = field(default_factory=dict)
    breaks_off: bool = False
    seconds: float = 10.0
    handed_on: bool = False


@dataclass(frozen=True)
class Script:
    """A reproduction: the record that it is of, a name for its file, and its text."""

    record: Record
    name: str
    text: str


class Reproducer(Protocol):
    """Makes the scripts of one run."""

    def script(self, record: Record) -> Script | str:
        """The smallest script that shows a record's failure; a sentence that says why where there is none."""


@dataclass(frozen=True)
class Reproductions:
    """What an assignment gives: `reproducer(networks, setting, seed)`, and `same_failure(record)`.

    Records with the same result of `same_failure` are one discrepancy, which needs one script.
    """

    reproducer: Callable[[Networks, ScriptSetting, int], Reproducer]
    same_failure: Callable[[Record], tuple[str, ...]]
