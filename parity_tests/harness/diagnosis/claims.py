"""What each call is diagnosed with: the one mistake, or the relation, that fits all calls of its part."""

from collections.abc import Mapping, Sequence
from functools import cache

from parity_tests.harness.diagnosis.formulas import fits, reproducing
from parity_tests.harness.diagnosis.relations import relation
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Diagnosis
from parity_tests.protocol.mistake import Call, Mistake


class Claims:
    """Names for calls.

    A part is named by its own cases: all calls of an operation in them together. Where several parts work together, all
    calls of an operation in all these cases go together too, and what names them must fit the part's own calls as
    well, which were right. Cases that are not asked of everyone alike are named each by itself. Where the part fails on
    its own, the name that fits there must fit elsewhere.
    """

    def __init__(self, diagnosis: Diagnosis, calls: Sequence[Call], cases: Mapping[str, Case]) -> None:
        self._diagnosis = diagnosis
        self._group: dict[str, str] = {}
        """By case what its calls go together by, "" in a part's own."""
        self._calls: dict[tuple[str, str], list[Call]] = {}
        for call in calls:
            case = cases[call.case]
            beside = call.case if diagnosis.beside(case) else ""
            self._group[call.case] = "composed" if case.check in diagnosis.composed else beside
            self._calls.setdefault((call.operation, self._group[call.case]), []).append(call)
        self._mistake_of, self._relation_of = cache(self._reproducing), cache(self._related)

    def _own(self, operation: str) -> list[Call]:
        return self._calls.get((operation, ""), [])

    def _fails(self, operation: str) -> bool:
        """Whether an operation fails in cases of its own."""
        return any(call.wrong for call in self._own(operation))

    def _reproducing(self, operation: str, group: str) -> Mistake | None:
        calls = self._calls.get((operation, group), [])
        return reproducing([*calls, *self._own(operation)] if group else calls, self._diagnosis.generated)

    def _related(self, operation: str, group: str) -> str:
        calls = self._calls.get((operation, group), [])
        known = not group and calls and self._mistake_of(operation, group)
        return "" if known else relation(calls, self._diagnosis.relations)

    def mistake(self, call: Call) -> str:
        """The name of the simplest mistake that reproduces a call and all that go with it, "" for none."""
        operation, group = call.operation, self._group[call.case]
        fails = self._fails(operation)
        known = self._mistake_of(operation, "" if fails else group)
        fitting = known and (not group or not fails or fits(known, self._calls[operation, group]))
        return known.name if known and fitting else ""

    def relation(self, call: Call) -> str:
        """A simple relation that holds in a call and all that go with it, "" for none."""
        related = self._relation_of(call.operation, self._group[call.case])
        # A part that fails on its own fails beside in the same way, or in no simple one.
        return related if related == self._relation_of(call.operation, "") or not self._fails(call.operation) else ""
