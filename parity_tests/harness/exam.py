"""The exam: the cases that are put to a submission, and all that is known of them before it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from parity_tests.harness.draw import draw, drawn, seed_of
from parity_tests.harness.make_records import Setting
from parity_tests.harness.process.questions import Question
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case, json_params
from parity_tests.protocol.kind import Arrays, Context
from parity_tests.protocol.observation import Observation


@dataclass(frozen=True)
class Exam:
    """The cases of an assignment that are asked from a seed.

    Those of the `plan` are asked, and the `wanted` among them recorded. `edition_seen` is the edition that the
    submission's source shows. `solution` puts a case to the assignment's own solution in a fresh process; without it,
    what is unclear stays so. `again` puts one to the submission once more; without it, excuses stay open.
    """

    assignment: Assignment
    setting: Setting
    plan: Sequence[Case]
    wanted: Sequence[Case]
    seed: int
    edition_seen: str = ""
    solution: Callable[[Case], Observation] | None = None
    again: Callable[[Case], Observation] | None = None

    @property
    def context(self) -> Context:
        """What judges know beside the case."""
        exam = f"{self.assignment.name} {self.assignment.exam}"
        return Context(self.setting.device, self.setting.edition, self.edition_seen, exam)

    def inputs(self, case: Case) -> Arrays:
        """A case's arrays, for whoever judges it."""
        return draw(self.assignment, case, self.seed)


def question_of(assignment: Assignment, case: Case, seed: int) -> Question:
    """A case as a submission's process is asked it."""
    return Question(
        case=case.name,
        probe=case.probe,
        params=json_params(case.params),
        draw=partial(drawn, assignment, case, seed),
        seed=seed_of(seed, case.name),
        check=case.check,
    )
