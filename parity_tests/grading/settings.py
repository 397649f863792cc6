"""The settings of a class: what is the same for all its submissions, and makes their results comparable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import msgspec

from parity_tests.grading.intake.likeness import fingerprint
from parity_tests.grading.intake.own_sources import names_asked
from parity_tests.grading.rubric import Vocabulary, quantities_of
from parity_tests.harness.environment import versions
from parity_tests.protocol.assignment import Assignment
from reports.model.parts import Parts

FORMAT = "parity grading"
VERSION = 5
TELLING_VERSIONS = ("parity", "numpy", "torch")
"""The packages whose version may change what is found."""


def telling(versions: Mapping[str, str]) -> dict[str, str]:
    """Those among these versions that may change what is found."""
    return {name: versions[name] for name in TELLING_VERSIONS if name in versions}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How every submission of a class is checked. `assignment` is the name of one, or module:NAME."""

    assignment: str
    seed: int
    edition: str
    dtypes: tuple[str, ...]
    timeout: float = 10.0
    allow: tuple[str, ...] = ()
    isolation: str = "none"


def seed_of_hand_in(seed: int, name: str, earlier: int) -> int:
    """The seed of what somebody hands in after so many others, whose results show what was drawn: another each time."""
    if not earlier:
        return seed
    digest = hashlib.sha256(json.dumps([seed, name, earlier]).encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:7], "big")


class ClassInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What grading.json says of a class: its settings, and what there is to know of the assignment without its code.

    `checks` and `quantities` (check, part and name of each) are those that a rubric can give points for, and `null` the
    check and name of those of which nothing is earned, since null submissions get them right; `parts` has
    the id, the label and the title of each part; `solution` is the fingerprint of the assignment's own solution;
    `asked` are the names that it asks for; `versions` are those of TELLING_VERSIONS.
    """

    settings: Settings
    assignment_title: str
    parts: tuple[dict[str, str], ...]
    checks: tuple[str, ...]
    quantities: tuple[tuple[str, str, str], ...] = ()
    null: tuple[tuple[str, str], ...] = ()
    solution: str = ""
    asked: tuple[str, ...] = ()
    versions: dict[str, str] = {}
    format: str = FORMAT
    version: int = VERSION

    @classmethod
    def of(cls, assignment: Assignment, settings: Settings) -> ClassInfo:
        """The information on a class that answers this assignment."""
        quantities = tuple(sorted(quantities_of(assignment)))
        null = tuple(sorted(assignment.null_quantities))
        parts = tuple(assignment.part_table())
        asked = names_asked(assignment)
        sources = (assignment.solution / name for name in assignment.layout.sources)
        solution = fingerprint(*(file.read_bytes() for file in sources if file.is_file()), asked=asked)
        told = telling(versions())
        return cls(settings, assignment.title, parts, assignment.checks, quantities, null, solution, asked, told)

    @property
    def labels(self) -> Parts:
        """How reports call the parts."""
        return Parts.of(self.parts)

    @property
    def vocabulary(self) -> Vocabulary:
        """The names that the rubric of the class may use."""
        parts = tuple(part["id"] for part in self.parts)
        return Vocabulary(frozenset(self.checks), parts, frozenset(self.quantities), frozenset(self.null))
