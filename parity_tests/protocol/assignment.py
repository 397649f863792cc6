"""The assignment: everything that the other rooms must know of one, as one value that is handed to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from parity_tests.protocol.case import DTYPES, Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.diagnosis import Diagnosis
from parity_tests.protocol.errors import UsageError, asking
from parity_tests.protocol.kind import Kind
from parity_tests.protocol.layout import Editions, Layout, file_of
from parity_tests.protocol.part import Part
from parity_tests.protocol.proof import Proof
from parity_tests.protocol.reproduction import Reproductions
from reports.model.environment import Environment

Verdicts = dict[str, dict[str, Comparison]]
"""Comparisons by case and quantity."""


@dataclass(frozen=True)
class Inside:
    """The files that run in a submission's process: numpy and the standard library alone.

    `probes` defines PROBES, a mapping of the name of a kind to a function
    `probe(submission, recorder, params, arrays)`. `processes` maps each process of a submission to the further files
    that it may import; every case names the process that it is put to. The first one holds no right parts; any other
    may, so students are not told what it says.
    """

    probes: Path
    processes: Mapping[str, tuple[Path, ...]] = field(default_factory=lambda: {"parts": ()})

    @property
    def own(self) -> str:
        """The process in which a submission is alone with its own parts."""
        return next(iter(self.processes))


@dataclass(frozen=True)
class Assignment:
    """One assignment.

    `plan(edition, dtypes, seed)` lists the cases: their names are the same for every seed, their sizes and settings may
    be drawn from it (`protocol.exam`). `exam` is the version of the plan: what one version has measured is not held
    against another. `kinds` says how each kind of case is drawn and judged, by the name that cases give as their
    `probe`. Its functions may import torch, which must not be imported before. `solution` is the folder of its own
    right solution. In the `joint_checks` several parts work together: what fails in a part's own checks mostly fails
    there again. The import of a submission is recorded under `import_part`, the first part where that is left out.
    `rubric` is the file of the usual points, None where every part weighs the same. `reproductions` makes the smallest
    scripts that show its discrepancies. `blame(plan, verdicts)` moves a failure to the part that it comes of.
    `diagnosis()` imports and returns what is known of mistakes, and `proof()` what is known of variants of the
    solution. `tracing()` imports and returns how a submission is trained beside torch, a `Tracing` of the room `trace`,
    which this room does not know. `exchanged(case, parts, ended)` is the same case with Parity's own parts in place of
    these, None where that cannot be had: by it an excuse is proved; what has `ended` its process is not called.
    `beside_right_ones(case, wrong, part)` is the same, for a part, with what it is built of and is wrong Parity's own.
    `suspects(case, judged, name)` are such cases by the part that alone is Parity's own, and with all of them by "",
    for a failure that may be of a part whose own cases are right. `null` is the file of what null submissions get
    right.
    `of_files(assignment, folder)` is the same for one submission, where its files tell what it is asked. `not_compared`
    are sentences on what a right solution returns and nobody asks.
    `allow` names modules that any submission may import beside numpy. The last thirteen may be left out.
    """

    name: str
    title: str
    layout: Layout
    solution: Path
    parts: tuple[Part, ...]
    inside: Inside
    plan: Callable[[str, Sequence[str], int], list[Case]]
    kinds: Mapping[str, Kind]
    exam: str = "1"
    editions: Editions = field(default_factory=Editions)
    joint_checks: tuple[str, ...] = ()
    import_part: str = ""
    rubric: Path | None = None
    reproductions: Reproductions | None = None
    blame: Callable[[Sequence[Case], Verdicts], Verdicts] | None = None
    diagnosis: Callable[[], Diagnosis] | None = None
    proof: Callable[[], Proof] = Proof
    tracing: Callable[[], object] | None = None
    exchanged: Callable[[Case, frozenset[str], frozenset[str]], Case | None] | None = None
    beside_right_ones: Callable[[Case, Collection[str], str], Case | None] | None = None
    suspects: Callable[[Case, Mapping[str, Comparison], str], Mapping[str, Case]] | None = None
    null: Path | None = None
    allow: tuple[str, ...] = ()
    of_files: Callable[[Assignment, Path], Assignment] | None = None
    not_compared: tuple[str, ...] = ()

    def in_folder(self, folder: Path) -> Assignment:
        """The same for the submission in this folder: its files may tell the layout, and what it is asked."""
        return self if self.of_files is None else self.of_files(self, folder)

    @cached_property
    def by_function(self) -> dict[str, str]:
        """The part that each function of a submission belongs to, by the function's qualified name."""
        return {function: part.id for part in self.parts for function in part.functions}

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """Texts that show that a file answers the assignment: the definitions of its classes and functions.

        That of the layout's `entry` is none: any program may define a function of such a name.
        """
        marks: dict[str, None] = {}
        for function in self.by_function:
            owner, dot, _ = function.partition(".")
            if function not in (*self.layout.files, self.layout.entry):
                marks[f"class {owner}" if dot else f"def {owner}"] = None
        return tuple(marks)

    @cached_property
    def checks(self) -> tuple[str, ...]:
        """The checks that the cases of all editions belong to, sorted."""
        return tuple(sorted({case.check for case in self._all_cases}))

    @cached_property
    def rubric_text(self) -> str:
        """The usual points, as the text of a rubric: that of `rubric`, or else every part weighs the same.

        A part of which null submissions get all right has nothing to earn.
        """
        if self.rubric is not None:
            return self.rubric.read_text(encoding="utf-8")
        null = self.null_quantities
        every = ((case.check, quantity) for case in self._all_cases for quantity in case.quantities)
        asked = {quantity.part for check, quantity in every if (check, quantity.name) not in null}
        parts = [part for part in self.parts if part.id in asked and part.graded]
        items = (
            f"[[item]]\nname = {json.dumps(part.label)}\npoints = {100 / len(parts)}\nparts = [{json.dumps(part.id)}]\n"
            for part in parts
        )
        return "\n".join(items)

    @cached_property
    def _all_cases(self) -> list[Case]:
        """The cases of all editions, in one precision."""
        return [case for edition in self.editions.names for case in self.cases(edition, DTYPES[:1])]

    @cached_property
    def null_quantities(self) -> frozenset[tuple[str, str]]:
        """The checks and names of the quantities that null submissions get right, of which nothing is earned."""
        lines = [] if self.null is None else self.null.read_text(encoding="utf-8").splitlines()
        rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
        return frozenset((check, name) for check, name, *_ in rows)

    def part_table(self) -> list[dict[str, str]]:
        """The parts in their order, as a run folder keeps them."""
        return [{"id": part.id, "label": part.label, "title": part.title} for part in self.parts]

    def cases(
        self, edition: str, dtypes: Sequence[str], parts: Iterable[str] | None = None, *, seed: int = 0
    ) -> list[Case]:
        """The cases planned from a seed; only those with a quantity of `parts`, where given."""
        with asking(self.name, "the plan"):
            planned = self.plan(edition, tuple(dtypes), seed)
        if parts is None:
            return planned
        wanted = frozenset(parts)
        return [case for case in planned if any(q.part in wanted for q in case.quantities)]

    def lent_support(self, edition: str | None) -> Path | None:
        """The support file that a submission of this edition (None: the default) is lent; None where there is none."""
        if not self.layout.support:
            return None
        own = self.solution / self.layout.support_file
        return self.editions.support.get(self.editions.default if edition is None else edition, own)

    @cached_property
    def lent_modules(self) -> dict[str, Path]:
        """The solution's file of each module that a submission is lent where it lacks it."""
        return {module: self.solution / file_of(module) for module in self.layout.lent}

    def unsupported_edition(self, names: Collection[str]) -> str:
        """Which of these files belongs to a layout that is not known, as the rest of a sentence; "" for none."""
        for name, edition in self.layout.unsupported.items():
            if any(f"/{one}".endswith(f"/{name}") for one in names):
                return (
                    f"{name}, which makes it the {edition} edition of this assignment; its layout is not supported "
                    f"(those that are: {', '.join(self.editions.names)})"
                )
        return ""

    def refuse_edition(self, edition: str) -> None:
        """Raises UsageError, a sentence, unless the assignment has this edition."""
        if edition not in self.editions.names:
            known = ", ".join(filter(None, self.editions.names)) or "none"
            raise UsageError(f"the assignment {self.name} has no edition {edition!r}; its editions are: {known}.")


def environment_of(assignment: Assignment) -> Environment:
    """What a run folder keeps of the assignment, so that it can be shown without it."""
    return Environment(
        assignment=assignment.name,
        assignment_title=assignment.title,
        exam=assignment.exam,
        parts=assignment.part_table(),
        joint_checks=list(assignment.joint_checks),
        rubric=assignment.rubric_text,
        null=sorted(assignment.null_quantities),
    )
