"""What each call is diagnosed with: the one mistake, or the relation, that fits all calls of its part."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from parity_tests.harness.diagnosis.formulas import fits, reproducing
from parity_tests.harness.diagnosis.only_one import only_one
from parity_tests.harness.diagnosis.relations import relation
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Diagnosis
from parity_tests.protocol.mistake import Call, Mistake


class Claims:
    """Names for calls.

    A part is named by its own cases: all calls of an operation in them together. Where several parts work together, all
    calls of an operation in all these cases go together too, and what names them must fit the part's own calls as
    well, which were right. Cases that are not asked of everyone alike are named each by itself. Where the part fails on
    its own, the name that fits there must fit elsewhere. Where two names fit, none is claimed.
    """

    def __init__(self, diagnosis: Diagnosis, calls: Sequence[Call], cases: Mapping[str, Case]) -> None:
        self._diagnosis = diagnosis
        self._own: dict[str, list[Call]] = {}
        self._beside: dict[tuple[str, str], list[Call]] = {}
        self._group: dict[str, str] = {}
        for call in calls:
            case = cases[call.case]
            if case.check in diagnosis.composed:
                self._group[call.case] = "composed"
            elif diagnosis.beside(case):
                self._group[call.case] = call.case
            else:
                self._own.setdefault(call.operation, []).append(call)
                continue
            self._beside.setdefault((call.operation, self._group[call.case]), []).append(call)

    def _reproducing(self, calls: Sequence[Call]) -> list[Mistake]:
        return reproducing(self._diagnosis.mistakes, calls, self._diagnosis.generated)

    @cached_property
    def _failing(self) -> set[str]:
        """The operations that fail in cases of their own."""
        return {operation for operation, calls in self._own.items() if any(call.wrong for call in calls)}

    @cached_property
    def _mistakes(self) -> dict[str, list[Mistake]]:
        return {operation: self._reproducing(calls) for operation, calls in self._own.items()}

    @cached_property
    def _mistakes_beside(self) -> dict[tuple[str, str], list[Mistake]]:
        return {
            (operation, group): self._reproducing([*calls, *self._own.get(operation, ())])
            for (operation, group), calls in self._beside.items()
            if operation not in self._failing
        }

    @cached_property
    def _relations(self) -> dict[str, str]:
        unnamed = {operation: calls for operation, calls in self._own.items() if not self._mistakes[operation]}
        return {operation: relation(calls, self._diagnosis.relations) for operation, calls in unnamed.items()}

    def _calls_beside(self, call: Call) -> tuple[str, list[Call]] | None:
        """The calls that go with one that is not among its part's own, and what they are grouped by."""
        group = self._group.get(call.case)
        return None if group is None else (group, self._beside[call.operation, group])

    def mistake(self, call: Call) -> str:
        """The name of the only known mistake that reproduces a call and all that go with it, "" for none."""
        beside = self._calls_beside(call)
        if beside is None:
            known = self._mistakes[call.operation]
        elif call.operation in self._failing:
            known = [mistake for mistake in self._mistakes[call.operation] if fits(mistake, beside[1])]
        else:
            known = self._mistakes_beside[call.operation, beside[0]]
        return only_one(mistake.name for mistake in known)

    def relation(self, call: Call) -> str:
        """A simple relation that holds in a call and all that go with it, "" for none."""
        own = self._relations.get(call.operation, "")
        beside = self._calls_beside(call)
        if beside is None:
            return own
        related = relation(beside[1], self._diagnosis.relations)
        # A part that fails on its own fails beside in the same way, or in no simple one.
        return related if related == own or call.operation not in self._failing else ""
