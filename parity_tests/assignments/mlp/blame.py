"""What only all cases together show: which part is wrong when `main` fails with the submission's own parts, and
whether an activation fails on other than two-dimensional arrays alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from parity_tests.assignments.mlp.cases import JOINT_CHECKS
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import PASSING, Comparison, matched

BLAMELESS = (*PASSING, "harness_error")
DATA_CASES = ("loader", "data-split")
Judged = Mapping[str, Comparison]


def credit(plan: Sequence[Case], judged: Mapping[str, Judged]) -> dict[str, dict[str, Comparison]]:
    """The same comparisons, those of `main` with its own parts credited and those of lenient cases forgiven.

    Where main also fails with correct parts in place of its own, the failure is TODO 10's, and said there. Where it
    does not, the failure is that of the first part in the order of computation which failed a case of its own. What
    brings main its data is not replaced, so where that fails a case of its own, main's wiring is not to blame either.
    A link of the whole network is judged from what the submission gave it, so where its TODO fails cases of its own,
    the link's failure is an echo of them. A lenient case is forgiven, with a note, where the same TODO passes all cases
    that are not lenient.
    """
    wrong = _failing(plan, judged, but=("main",))
    data_fails = any(
        comparison.verdict not in (*BLAMELESS, "missing")
        for case in plan
        if case.name.split("/")[1] in DATA_CASES
        for comparison in judged[case.name].values()
    )
    wiring_fails = {
        case.params["config"]
        for case in plan
        if case.process == "wiring" and any(c.verdict not in BLAMELESS for c in judged[case.name].values())
    }
    shown = _failing(plan, judged, but=JOINT_CHECKS)
    credited = {name: dict(comparisons) for name, comparisons in judged.items()}
    for case in plan:
        if case.check in ("network", "trajectory"):
            credited[case.name] |= _echoes(case, judged[case.name], shown)
        if case.lenient:
            credited[case.name] |= _forgiven(case, judged[case.name], wrong)
        if not case.whole or (case.process == "wiring" and not data_fails):
            continue
        if data_fails:
            culprit, cause = "utils", "utils.py, which brings it its data"
        elif case.params["config"] in wiring_fails:
            culprit, cause = "10", "main's wiring, which fails with correct parts too"
        else:
            culprit = next((part for part in in_order(case.params["main_params"]["activation"]) if part in wrong), "")
            cause = f"TODO {culprit}" if culprit.isdecimal() else "utils.py"
        for name, comparison in credited[case.name].items():
            if comparison.verdict not in BLAMELESS and culprit:
                problem = f"{comparison.problem.rstrip('.')}; this comes of {cause}"
                credited[case.name][name] = replace(comparison, part=culprit, explained_by=culprit, problem=problem)
    return credited


def _failing(plan: Sequence[Case], judged: Mapping[str, Judged], *, but: Sequence[str]) -> set[str]:
    """The TODOs that fail, and are not explained, in cases of other checks than those left out and not lenient."""
    return {
        comparison.part or q.part
        for case in plan
        if case.check not in but and not case.lenient
        for q in case.quantities
        if (comparison := judged[case.name][q.name]).verdict not in BLAMELESS and comparison.explained_by == ""
    }


def _echoes(case: Case, judged: Judged, shown: set[str]) -> dict[str, Comparison]:
    """The failing links whose TODO fails cases of its own, explained by it."""
    return {
        q.name: replace(c, explained_by=c.part or q.part)
        for q in case.quantities
        if (c := judged[q.name]).verdict not in BLAMELESS and c.explained_by == "" and (c.part or q.part) in shown
    }


def _forgiven(case: Case, judged: Judged, wrong: set[str]) -> dict[str, Comparison]:
    """A match with a note in place of each failure of a TODO that is right elsewhere."""
    return {
        q.name: matched(f"only works on two-dimensional arrays: {c.problem}").noting(*c.notes)
        for q in case.quantities
        if (c := judged[q.name]).verdict in ("mismatch", "crashed") and (c.part or q.part) not in wrong
    }


def in_order(activation: str) -> tuple[str, ...]:
    """The TODOs in the order in which a training step uses them."""
    forward, backward = ("5", "6") if activation == "tanh" else ("7", "8")
    return ("2", "3", forward, "9", "utils", "4", backward, "1")
