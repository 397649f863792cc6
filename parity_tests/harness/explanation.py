"""Says which part's failure explains that of another part, whose call was never made or had a wrong input.

What failed is told by the submission's own process, and an explained failure costs no points. So an explanation counts
only where it can be true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from parity_tests.protocol.assignment import Assignment, Verdicts
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Quantity
from reports.model.verdicts import PASSING


def cause_of(by_function: Mapping[str, str], case: Case, result: Returned | Failure | None) -> str:
    """The part of the call whose failure this is; "" for no failure, or one of no part.

    `by_function` gives the part of each function of a submission.
    """
    if not isinstance(result, Failure):
        return ""
    part = next((q.part for q in case.quantities if q.key.name == result.because), "") if result.because else ""
    return part or by_function.get(result.called, "")


def explained_by(comparison: Comparison, part: str, cause: str) -> Comparison:
    """The comparison of a quantity of `part`, explained by the part `cause` if it fails and that is another part."""
    if cause in ("", part) or comparison.verdict in PASSING or comparison.explained_by:
        return comparison
    return replace(comparison, explained_by=cause)


def not_judged(name: str, part: str, cause: Comparison) -> Comparison:
    """The comparison of what was not judged: `name`, which `part` computes before it, failed as `cause` says."""
    return replace(
        cause,
        problem=f"was not judged, because {name} {'failed' if cause.sentence else cause.problem}",
        sentence=False,
        part=part,
        explained_by=part,
        arrays=None,
    )


def with_possible_causes(
    assignment: Assignment, plan: Sequence[Case], verdicts: Verdicts, seen: Mapping[str, Observation]
) -> Verdicts:
    """The verdicts without the explanations that nothing bears out: those failures are their parts' own.

    A part explains a failure only if it has one that nothing explains. Where single parts are tested it must have one
    in the same case, and no call of its own after the one that failed; and what failed must be right in another case,
    for whoever ends the process in a first call would earn all that comes after it.
    """
    evidence = _Evidence(assignment, plan, seen)
    kept = {name: dict(comparisons) for name, comparisons in verdicts.items()}
    changed = True
    while changed:
        changed = False
        guilty = _guilty(plan, kept)
        right = {
            (case.check, q) for case in plan for q in case.quantities if kept[case.name][q.name].verdict in PASSING
        }
        for case in plan:
            for q in case.quantities:
                comparison = kept[case.name][q.name]
                cause = comparison.explained_by
                if not cause or comparison.verdict in PASSING:
                    continue
                alone = not (case.whole or case.check in assignment.joint_checks)
                here = _guilty([case], kept)
                if cause in guilty and (
                    not alone or ((case.check, q) in right and evidence.bears_out(case, q, cause, here))
                ):
                    continue
                kept[case.name][q.name] = replace(comparison, explained_by="")
                changed = True
    return kept


def _guilty(plan: Sequence[Case], verdicts: Verdicts) -> set[str]:
    """The parts with a failure that no other explains."""
    found = ((q.part, verdicts[case.name][q.name]) for case in plan for q in case.quantities)
    return {c.part or part for part, c in found if c.verdict not in PASSING and not c.explained_by}


class _Evidence:
    """What can be said of causes from the plan, and from where the failures were recorded."""

    def __init__(self, assignment: Assignment, plan: Sequence[Case], seen: Mapping[str, Observation]) -> None:
        self._seen = seen
        self._owners: dict[str, set[str]] = {}
        for function, part in assignment.by_function.items():
            self._owners.setdefault(part, set()).add(function.rpartition(".")[0])

    def bears_out(self, case: Case, quantity: Quantity, cause: str, guilty_here: set[str]) -> bool:
        """Whether the part `cause`, in a case of single parts, may be why this quantity failed."""
        parts = [q.part for q in case.quantities]
        if cause not in parts:  # a constructor, which every case of its class calls first
            return bool(self._owners.get(cause, set()) & self._owners.get(quantity.part, set()) - {""})
        own_call = quantity.key in self._seen[case.name].failures
        return cause in guilty_here and not (own_call and parts.index(cause) > case.quantities.index(quantity))
