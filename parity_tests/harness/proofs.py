"""Holds an excuse to its proof: what fails because of another part is asked again with Parity's own in its place.

Only what is right then is excused. What fails then too is wrong by itself, and what cannot be asked again stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from parity_tests.protocol.assignment import Assignment, Verdicts
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import ECHO, PROVED, Comparison
from parity_tests.protocol.kind import Judged
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING, Verdict

AskAgain = Callable[[Case], Mapping[str, Comparison]]
"""Puts a case to the submission anew, and judges it."""
_UNENDED = ("crashed", "timeout")
"""What the failures are of calls that raised nothing and did not return."""
_LACKING = "AttributeError"
RIGHT_WITH = "with Parity's own {} in place it is right"
FAILS_TOO = "with Parity's own {} in place it is wrong as well"


def with_proofs(assignment: Assignment, plan: Sequence[Case], verdicts: Verdicts, ask: AskAgain | None) -> Verdicts:
    """The same verdicts, of which each that another part explains says what bears that out.

    Parts that turn out to fail as well, once the first is right, are exchanged too, until no further one does. Where a
    part that fails its own cases fails in a joint check, that is the same mistake again: an echo.
    """
    found = {name: dict(comparisons) for name, comparisons in verdicts.items()}
    alone, ended = _wrong_alone(assignment, plan, verdicts), _ended(plan, verdicts)
    labels = {part.id: part.label for part in assignment.parts}
    wrong = {q.part for case in plan for q in case.quantities if found[case.name][q.name].verdict not in PASSING}
    for case in plan:
        echoing = alone if case.check in assignment.joint_checks else frozenset[str]()
        settle = _Settling(case, found[case.name], echoing, labels)
        settle.of_own_parts()
        if ask is not None and assignment.beside_right_ones is not None:
            settle.beside_right_ones(
                partial(assignment.beside_right_ones, case, wrong), partial(_blamed, assignment, ask)
            )
        left = settle.by_others(PASSING)
        parts = frozenset(comparison.explained_by for comparison in left.values())
        while left and ask is not None and (again := _exchanged(assignment, case, parts, ended)) is not None:
            left, further = settle.asked_again(left, parts, ask(again))
            if not further:
                break
            parts |= further
        if ask is not None and assignment.suspects is not None:
            settle.on_suspects(partial(assignment.suspects, case), ask)
    return found


def _blamed(assignment: Assignment, ask: AskAgain, case: Case) -> Mapping[str, Comparison]:
    """What a case gives, with the causes in it of what fails there."""
    judged = dict(ask(case))
    return judged if assignment.blame is None else assignment.blame([case], {case.name: judged})[case.name]


def _exchanged(assignment: Assignment, case: Case, parts: frozenset[str], ended: frozenset[str]) -> Case | None:
    return None if assignment.exchanged is None else assignment.exchanged(case, parts, ended)


def _ended(plan: Sequence[Case], verdicts: Verdicts) -> frozenset[str]:
    """The parts a call of which has ended its process, or did not come to its end, by itself."""
    found = ((verdicts[case.name][q.name], q.part) for case in plan for q in case.quantities)
    return frozenset(
        c.part or part
        for c, part in found
        if not c.explained_by and c.failure is not None and c.failure.kind in _UNENDED and not c.failure.error
    )


def _wrong_alone(assignment: Assignment, plan: Sequence[Case], verdicts: Verdicts) -> frozenset[str]:
    """The parts that fail, unexplained, in cases of their own."""
    own = ((case, q) for case in plan if not case.whole and case.check not in assignment.joint_checks
           for q in case.quantities)  # fmt: skip
    failing = ((q, verdicts[case.name][q.name]) for case, q in own)
    return frozenset(c.part or q.part for q, c in failing if c.verdict not in PASSING and not c.explained_by)


class _Settling:
    """Settles what bears out the excuses of one case, in its comparisons by quantity."""

    def __init__(self, case: Case, judged: Judged, echoing: frozenset[str], labels: Mapping[str, str]) -> None:
        self._judged, self._echoing, self._labels = judged, echoing, labels
        self._parts = {q.name: q.part for q in case.quantities}

    def of_own_parts(self) -> None:
        """What fails of its own part, or is explained by that: an echo where that part fails its own cases."""
        for name, part in self._parts.items():
            comparison = self._judged[name]
            own = comparison.verdict not in PASSING and comparison.explained_by in ("", part)
            if own and (comparison.part or part) in self._echoing:
                self._judged[name] = self._as_own(name)

    def by_others(self, settled: Collection[str]) -> Judged:
        """What another part is said to explain, and nothing bears out yet, apart from verdicts that are `settled`."""
        return {
            name: self._judged[name]
            for name, part in self._parts.items()
            if self._judged[name].verdict not in settled
            and self._judged[name].explained_by != part
            and self._judged[name].explained_by in self._labels
            and not self._judged[name].excuse
        }

    def asked_again(
        self, left: Judged, parts: frozenset[str], found: Mapping[str, Comparison]
    ) -> tuple[Judged, frozenset[str]]:
        """What is left open still, and because of which further parts, by what was `found` with these `parts` right."""
        waiting: Judged = {}
        for name, comparison in left.items():
            again = found[name]
            if self._parts[name] in parts:  # Parity's own was asked: that proves nothing
                self._judged[name] = self._as_own(name)
            elif again.verdict in PASSING and not again.explained_by:
                self._judged[name] = replace(comparison, excuse=PROVED)
            elif again.explained_by not in ("", self._parts[name], *parts):
                waiting[name] = replace(comparison, explained_by=again.explained_by)
            elif (again.failure is not None and again.failure != comparison.failure) and (
                comparison.verdict == Verdict.UNDECIDED
                or again.verdict == Verdict.UNJUDGED
                or again.failure.error == _LACKING
            ):
                continue  # it could not be asked, or calls Parity's own part in another way: left open
            else:
                said = FAILS_TOO.format(self._labels.get(comparison.explained_by, comparison.explained_by))
                is_open = comparison.verdict == Verdict.UNDECIDED
                problem = f"is wrong by itself: {said}" if is_open else f"{comparison.problem.rstrip('.')}; {said}"
                own = replace(self._as_own(name), problem=problem)
                wrong = replace(comparison, instead=replace(own, verdict=again.verdict))
                self._judged[name] = wrong if is_open else own
        further = frozenset(comparison.explained_by for comparison in waiting.values())
        return {name: left[name] for name in waiting}, further

    def beside_right_ones(self, asked: Callable[[str], Case | None], ask: AskAgain) -> None:
        """Settles each part by asking it with all that it is built of right; what is left open is no pass yet."""
        left = self.by_others(set(PASSING) - {Verdict.UNDECIDED})
        for part in dict.fromkeys(self._parts[name] for name in left):
            if (again := asked(part)) is not None:
                of_part = {name: one for name, one in left.items() if self._parts[name] == part}
                self.asked_again(of_part, frozenset(), ask(again))

    def on_suspects(self, suspects: Callable[[Judged, str], Mapping[str, Case]], ask: AskAgain) -> None:
        """What fails of no other part, and with all of Parity's own does not, is of the first that alone mends it.

        Of a part that overwrites what is given, and fails in nothing else, it is that.
        """
        for name, comparison in self._judged.items():
            if comparison.verdict not in PASSING and not comparison.explained_by:
                cases = iter(suspects(self._judged, name).items())
                with_all = next(cases, None)
                if with_all is not None and ask(with_all[1])[name].verdict in PASSING:
                    part = next((part for part, case in cases if ask(case)[name].verdict in PASSING), "")
                    wrote = self._overwriting(part)
                    said = f"it is right where nothing {wrote}" if wrote else RIGHT_WITH.format(self._labels.get(part))
                    if part:
                        problem = f"{comparison.problem.rstrip('.')}; {said}"
                        wrote = wrote and f"{wrote}, which is still needed"
                        self._judged[name] = replace(comparison, part=part, problem=problem, diagnosis=wrote)

    def _overwriting(self, part: str) -> str:
        """The note on what a part overwrites, "" for nothing."""
        notes = (note for name, own in self._parts.items() if own == part for note in self._judged[name].notes)
        return next((note.text for note in notes if note.kind is NoteKind.OVERWRITES), "")

    def _as_own(self, name: str) -> Comparison:
        part = self._parts[name]
        comparison = replace(self._judged[name], part=part)
        if part in self._echoing:
            return replace(comparison, explained_by=part, excuse=ECHO)
        # Of what another failure kept from being judged there is nothing by which a mistake could be told.
        verdict = Verdict.UNJUDGED if comparison.explained_by and comparison.arrays is None else comparison.verdict
        return replace(comparison, explained_by="", verdict=verdict)
