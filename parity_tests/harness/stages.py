"""The way from observations to records: each is judged as it comes, and then all together in the order of STAGES."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from numpy.typing import NDArray

from parity_tests.harness.diagnosis.name_mistakes import name_mistakes
from parity_tests.harness.exam import Exam
from parity_tests.harness.explanation import with_possible_causes
from parity_tests.harness.float64_only import forgive_float64_only
from parity_tests.harness.judgement_cache import JudgementCache
from parity_tests.harness.machine import import_torch
from parity_tests.harness.make_records import check_plan, records_of
from parity_tests.harness.proofs import with_proofs
from parity_tests.harness.undecided import refused
from parity_tests.harness.whose_fault import is_unclear, judge_anything, settle
from parity_tests.protocol.assignment import Verdicts
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import matched
from parity_tests.protocol.errors import asking
from parity_tests.protocol.kind import Judged
from parity_tests.protocol.observation import Observation
from reports.model.elements import ARRAYS
from reports.model.notes import Note, NoteKind
from reports.model.records import Record
from reports.model.verdicts import FAILING, PASSING, Verdict

MOST_KEPT = 4 << 20
"""Bytes of arrays that are kept of a run: a class has hundreds of runs."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Judgement:
    """What was observed in an exam, the verdicts on it, and a hint for each name of a mistake in these.

    `arrays` holds those of what failed in wanted cases, as "<case>/<quantity>/got", "/want" and "/radius".
    """

    exam: Exam
    seen: Mapping[str, Observation]
    verdicts: Verdicts
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)

    @property
    def records(self) -> list[Record]:
        """One record for each quantity of the wanted cases. Raises HarnessError where any is missing."""
        exam = self.exam
        made = [
            record
            for case in exam.wanted
            for record in records_of(
                exam.setting, case, self.verdicts[case.name], self.seen[case.name], exam.assignment.by_function
            )
        ]
        check_plan(exam.wanted, made)
        return made


# ---- the stages


def _settled(judgement: Judgement) -> Verdicts:
    """None leaves open whose fault it is; the submission's processes are gone by now."""
    exam, settled = judgement.exam, dict(judgement.verdicts)
    if exam.solution is None:
        return settled

    def of_solution(case: Case) -> tuple[Judged, Observation]:
        assert exam.solution is not None
        observation = exam.solution(case)
        return _judged(exam, case, observation), observation

    for case in exam.plan:
        if is_unclear(settled[case.name], judgement.seen[case.name]):
            settled[case.name] = settle(settled[case.name], judgement.seen[case.name], partial(of_solution, case))
    return settled


def _forgiven(judgement: Judgement) -> Verdicts:
    """What works in float64 only is right."""
    return forgive_float64_only(judgement.exam.plan, judgement.verdicts)


def _blamed(judgement: Judgement) -> Verdicts:
    """Each failure is that of the part that it comes of."""
    assignment = judgement.exam.assignment
    with asking(assignment.name, "the blame"):
        if assignment.blame is None:
            return judgement.verdicts
        return assignment.blame(judgement.exam.plan, judgement.verdicts)


def _explained(judgement: Judgement) -> Verdicts:
    """An explanation stands only where it can be true."""
    exam = judgement.exam
    return with_possible_causes(exam.assignment, exam.plan, judgement.verdicts, judgement.seen)


def _proved(judgement: Judgement) -> Verdicts:
    """What bears an explanation out is said: what is right with Parity's own part in place is excused."""
    exam = judgement.exam
    again = exam.again

    def ask(case: Case) -> Judged:
        assert again is not None
        return _judged(exam, case, again(case))

    return with_proofs(exam.assignment, exam.plan, judgement.verdicts, None if again is None else ask)


def _without_forms(judgement: Judgement) -> Verdicts:
    """Of a part that is wrong elsewhere, nothing is noted on its form, its dtype or odd inputs.

    What is wrong shows as a small difference, too, where its effect is small: which form a right function has says
    nothing there. It is wrong for inputs that are never fed as well. And which dtype is asked for follows, where that
    is not float64 from the start, from what other parts return.
    """
    plan, verdicts = judgement.exam.plan, judgement.verdicts
    judged = [(case, q, verdicts[case.name][q.name]) for case in plan for q in case.quantities]
    wrong = {c.part or q.part for _, q, c in judged if c.verdict not in PASSING and not c.explained_by}
    found = {name: dict(comparisons) for name, comparisons in verdicts.items()}
    for case, q, comparison in judged:
        if q.part in wrong:
            vain = {NoteKind.FORM, NoteKind.UNFED, *([NoteKind.DTYPE] if case.dtype != "float64" else [])}
            kept = tuple(note for note in comparison.notes if note.kind not in vain)
            found[case.name][q.name] = replace(comparison, notes=kept)
    return found


def _named(judgement: Judgement) -> Judgement:
    """What fails of causes of its own has the names of known mistakes."""
    exam, verdicts = judgement.exam, judgement.verdicts
    if all(comparison.verdict in PASSING for judged in verdicts.values() for comparison in judged.values()):
        return judgement
    try:
        named = name_mistakes(exam.assignment, exam.plan, verdicts, judgement.seen, exam.inputs)
    except Exception as error:  # the verdicts stand without names, whatever was handed over to find these in
        note = f"no known mistake could be looked for ({type(error).__name__})"  # its text may be the submission's
        noted = {
            case: {
                name: one if one.verdict in PASSING else one.noting(note, kind=NoteKind.FAULT)
                for name, one in judged.items()
            }
            for case, judged in verdicts.items()
        }
        return replace(judgement, verdicts=noted)
    return replace(judgement, verdicts=named.verdicts, hints=named.hints)


def _ungraded(judgement: Judgement) -> Verdicts:
    """What is wrong or missing in a part that nobody grades is a note, with its name: who leaves it empty errs not."""
    graded = {part.id for part in judgement.exam.assignment.parts if part.graded}
    found = {name: dict(comparisons) for name, comparisons in judgement.verdicts.items()}
    for case in judgement.exam.plan:
        for q in case.quantities:
            one = found[case.name][q.name]
            if one.verdict in FAILING - {Verdict.HARNESS_ERROR} and (one.part or q.part) not in graded:
                likely = f", likely cause: {one.diagnosis}" if one.diagnosis else ""
                is_wrong = one.verdict in FAILING - {Verdict.MISSING, Verdict.UNJUDGED} and not one.explained_by
                kind = NoteKind.UNGRADED_WRONG if is_wrong else NoteKind.UNGRADED
                said = Note(kind, f"is ungraded, and {one.verdict}: {one.problem}{likely}")
                found[case.name][q.name] = matched(*one.notes, said)
    return found


def _refused(judgement: Judgement) -> Verdicts:
    """Where too much of a part is undecided, it is not let pass."""
    labels = {part.id: part.label for part in judgement.exam.assignment.parts}
    return refused(judgement.exam.wanted, judgement.verdicts, labels)


STAGES: tuple[Callable[[Judgement], Judgement | Verdicts], ...] = (
    _settled,
    _forgiven,
    _blamed,
    _explained,
    _proved,
    _without_forms,
    _named,
    _refused,
    _ungraded,
)
"""What is made of the verdicts on single cases, one after the other. Each gives new verdicts, or a new judgement."""


def judge_observed(
    exam: Exam,
    observations: Iterable[Observation],
    *,
    cache: JudgementCache | None = None,
    progress: Progress | None = None,
    known_first: bool = False,
) -> Judgement:
    """The judgement on what was observed of an exam's cases.

    The observations may still be coming; `progress` is told (done, planned, case). Starts no process but for
    `exam.solution` and `exam.again`. With `known_first` torch is imported only if the `cache` does not know it all.
    Raises AssignmentError where the assignment's blame breaks.
    """
    if not known_first:
        _have_torch(exam)
    judgement = _judged_as_they_come(exam, observations, cache, progress, known_first=known_first)
    unasked = _unasked(judgement.verdicts)
    known = replace(
        exam,
        plan=[case for case in exam.plan if case.name not in unasked],
        wanted=[case for case in exam.wanted if case.name not in unasked],
    )
    verdicts = {name: judged for name, judged in judgement.verdicts.items() if name not in unasked}
    judgement = replace(judgement, exam=known, verdicts=verdicts)
    for stage in STAGES:
        made = stage(judgement)
        judgement = made if isinstance(made, Judgement) else replace(judgement, verdicts=made)
    return replace(judgement, exam=exam, verdicts={**judgement.verdicts, **unasked})


def _unasked(verdicts: Verdicts) -> Verdicts:
    """Those on cases that were not asked: of these no stage concludes anything."""
    return {
        name: judged
        for name, judged in verdicts.items()
        if any(comparison.verdict == Verdict.UNASKED for comparison in judged.values())
    }


def _have_torch(exam: Exam) -> None:
    from reference.device import set_up

    import_torch()
    set_up(exam.setting.device)


def _judged_as_they_come(
    exam: Exam,
    observations: Iterable[Observation],
    cache: JudgementCache | None,
    progress: Progress | None,
    *,
    known_first: bool,
) -> Judgement:
    by_name = {case.name: case for case in exam.plan}
    verdicts: dict[str, Judged] = {}
    seen: dict[str, Observation] = {}
    for observation in observations:
        case = by_name[observation.case]
        seen[case.name] = observation
        if progress is not None:
            progress(len(seen), len(exam.plan), case.name)
        if known_first and cache is not None:
            known = cache.known(case, exam.seed, exam.context, observation)
            verdicts |= {} if known is None else {case.name: known}
        else:
            verdicts[case.name] = _judged_once(exam, case, observation, cache)
    left = [name for name in seen if name not in verdicts]
    if left:
        _have_torch(exam)
    verdicts |= {name: _judged_once(exam, by_name[name], seen[name], cache) for name in left}
    wanted = {case.name: verdicts[case.name] for case in exam.wanted if case.name in verdicts}
    return Judgement(exam, seen, {name: verdicts[name] for name in seen}, arrays_kept(wanted))


def _judged_once(exam: Exam, case: Case, seen: Observation, cache: JudgementCache | None) -> Judged:
    judge = partial(_judged, exam, case, seen)
    return judge() if cache is None else cache.judge(case, exam.seed, exam.context, seen, judge)


def _judged(exam: Exam, case: Case, observation: Observation) -> Judged:
    return judge_anything(exam.assignment, case, exam.inputs(case), observation, exam.context)


def arrays_kept(verdicts: Verdicts) -> dict[str, NDArray[Any]]:
    """What failed, in numbers: of each quantity the smallest, and of the others as many as MOST_KEPT holds."""
    failed = [
        (f"{case}/{quantity}", quantity, comparison.arrays)
        for case, comparisons in verdicts.items()
        for quantity, comparison in comparisons.items()
        if comparison.arrays is not None and comparison.verdict in FAILING
    ]
    kept: set[str] = set()
    quantities: set[str] = set()
    room, later = MOST_KEPT, []
    for key, quantity, arrays in sorted(failed, key=lambda one: _bytes(one[2])):
        if quantity in quantities:
            later.append((key, arrays))
        elif _bytes(arrays) <= room:
            quantities.add(quantity)
            kept.add(key)
            room -= _bytes(arrays)
    for key, arrays in later:
        if _bytes(arrays) <= room:
            kept.add(key)
            room -= _bytes(arrays)
    return {
        f"{key}/{word}": array
        for key, _, arrays in failed
        if key in kept
        for word, array in zip(ARRAYS, arrays, strict=True)
    }


def _bytes(arrays: Sequence[NDArray[Any]]) -> int:
    return sum(array.nbytes for array in arrays)
