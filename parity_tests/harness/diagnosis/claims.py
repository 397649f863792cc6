"""What each call is diagnosed with: the mistakes, or the relation, that fit all calls of its part."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from parity_tests.harness.diagnosis.formulas import fits, reproducing
from parity_tests.harness.diagnosis.relations import relation
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Diagnosis
from parity_tests.protocol.mistake import Call, Mistake


class Claims:
    """Names for calls.

    A part is named by its own cases: all calls of an operation in them together. What is seen beside these, as in the
    whole network, is judged case by case. Where the part fails on its own, the same name must fit there. Where it does
    not, what is named must fit the part's own calls as well, which were right.
    """

    def __init__(self, diagnosis: Diagnosis, calls: Sequence[Call], cases: Mapping[str, Case]) -> None:
        self._diagnosis = diagnosis
        self._own: dict[str, list[Call]] = {}
        self._beside: dict[tuple[str, str], list[Call]] = {}
        for call in calls:
            case = cases[call.case]
            if case.check in diagnosis.composed or diagnosis.beside(case):
                self._beside.setdefault((call.operation, call.case), []).append(call)
            else:
                self._own.setdefault(call.operation, []).append(call)

    @cached_property
    def _failing(self) -> set[str]:
        """The operations that fail in cases of their own."""
        return {operation for operation, calls in self._own.items() if any(call.wrong for call in calls)}

    @cached_property
    def _mistakes(self) -> dict[str, list[Mistake]]:
        return {operation: reproducing(self._diagnosis.mistakes, calls) for operation, calls in self._own.items()}

    @cached_property
    def _mistakes_beside(self) -> dict[tuple[str, str], list[Mistake]]:
        return {
            (operation, case): reproducing(self._diagnosis.mistakes, [*calls, *self._own.get(operation, ())])
            for (operation, case), calls in self._beside.items()
            if operation not in self._failing
        }

    @cached_property
    def _relations(self) -> dict[str, str]:
        unnamed = {operation: calls for operation, calls in self._own.items() if not self._mistakes[operation]}
        return {operation: relation(calls, self._diagnosis.relations) for operation, calls in unnamed.items()}

    def mistakes(self, call: Call) -> str:
        """The names of the known mistakes that reproduce a call and all that go with it, "" for none."""
        beside = self._beside.get((call.operation, call.case))
        if beside is None:
            known = self._mistakes[call.operation]
        elif call.operation in self._failing:
            known = [mistake for mistake in self._mistakes[call.operation] if fits(mistake, beside)]
        else:
            known = self._mistakes_beside[call.operation, call.case]
        return "; ".join(mistake.name for mistake in known)

    def relation(self, call: Call) -> str:
        """A simple relation that holds in a call and all that go with it, "" for none."""
        own = self._relations.get(call.operation, "")
        beside = self._beside.get((call.operation, call.case))
        if beside is None:
            return own
        related = relation(beside, self._diagnosis.relations)
        # A part that fails on its own fails beside in the same way, or in no simple one.
        return related if related == own or call.operation not in self._failing else ""
