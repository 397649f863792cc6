"""Blames failures on the parts that they come of, which only all cases together show.

`main` may fail because of its own parts, a link of the whole network because of its part, and an activation on other
than two-dimensional arrays alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from parity_tests.assignments.mlp.kinds.elementwise import TODOS
from parity_tests.assignments.mlp.kinds.sgd import COPIED
from parity_tests.assignments.mlp.main.configs import SCRIPT
from parity_tests.assignments.mlp.undefined import part_that_is_lacked, tell_undefined, undefined_in
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import PROVED, Comparison, matched
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING, Verdict

BLAMELESS = (*PASSING, Verdict.HARNESS_ERROR)
DATA_KINDS = ("loader", "split")
"""The kinds of cases of what brings `main` its data."""
OWN_ALONE = (
    "with correct parts in place of its own main is right here, so one of its parts is wrong in a way that shows in "
    "main alone, such as only after many calls"
)
WIRING = "main's wiring, which fails with correct parts too"
Judged = Mapping[str, Comparison]
Judgements = Mapping[str, Judged]
"""Comparisons by case and quantity."""


def blame(plan: Sequence[Case], judged: Judgements) -> dict[str, dict[str, Comparison]]:
    """The same comparisons, each failure with the part that it comes of, and those of lenient cases forgiven.

    Where main also fails with correct parts in place of its own, what brings it its data among them, the failure is
    TODO 10's, and said there. Where it does not, the failure is that of what brings main its data, where that fails a
    case of its own, or else of the class that is not defined and whose name ended it, or else of the first part in the
    order of computation which failed one, and where there is none that of TODO 10, if main fails with correct parts at
    another setting. A quantity that is right wherever correct parts are in place is proved to fail because of the
    submission's own. A crash in a lenient case is forgiven, with a note, where its part passes all cases that are not
    lenient; wrong values there are wrong.
    """
    judged = tell_undefined(plan, judged)
    undefined = undefined_in(judged)
    wrong = _failing_parts(plan, judged, but=("main",))
    not_passing = _failing_parts(plan, judged, but=("main",), explained_too=True)
    data_fails = _data_fails(plan, judged)
    wiring_fails = _failing_wirings(plan, judged)
    wirings = {case.params["config"] for case in plan if case.whole and case.process == "wiring"}
    proved = _right_with_correct_parts(plan, judged)
    blamed = {name: dict(comparisons) for name, comparisons in judged.items()}
    goes_on = _main_goes_on(plan, judged)
    for case in plan:
        if case.probe == "sgd" and goes_on:
            blamed[case.name] |= _copies_forgiven(judged[case.name])
        if case.lenient:
            blamed[case.name] |= _forgiven(case, judged[case.name], not_passing)
        if not case.whole or case.process == "wiring":
            continue
        if case.params["config"] in wiring_fails:
            culprit, cause = "10", WIRING
        elif data_fails:
            culprit, cause = "utils", "utils.py, which brings it its data"
        else:
            order = in_order(*(run["main_params"]["activation"] for run in case.params["runs"]))
            culprit = part_that_is_lacked(judged[case.name], undefined)
            culprit = culprit or next((part for part in order if part in wrong), "10" if wiring_fails else "")
            cause = WIRING if culprit == "10" else f"TODO {culprit}" if culprit.isdecimal() else "utils.py"
        if culprit:
            blamed[case.name] |= _blamed_on(culprit, cause, judged[case.name], proved)
        elif case.params["config"] in wirings:
            blamed[case.name] |= _with_own_parts_alone(judged[case.name])
    return blamed


def _main_goes_on(plan: Sequence[Case], judged: Judgements) -> bool:
    """Whether main is asked with the submission's own SGD, and right with it wherever it is."""
    own = [case for case in plan if case.whole and case.process != "wiring"]
    return bool(own) and all(c.verdict in BLAMELESS for case in own for c in judged[case.name].values())


def _copies_forgiven(judged: Judged) -> dict[str, Comparison]:
    """A note where SGD returns a copy and main goes on with it: together they are right."""
    found = {name: one for name, one in judged.items() if one.finding == COPIED}
    return {
        name: matched(f"the result {one.problem}; main goes on with the copy", kind=NoteKind.READING).noting(*one.notes)
        for name, one in found.items()
    }


def in_order(*activations: str) -> tuple[str, ...]:
    """The parts in the order in which a training step with these activations uses them."""
    forwards, backwards = zip(*(TODOS[activation] for activation in dict.fromkeys(activations)), strict=True)
    return ("2", "3", *forwards, "9", "utils", "4", *backwards, "1")


def _failing_parts(
    plan: Sequence[Case], judged: Judgements, *, but: Sequence[str], explained_too: bool = False
) -> set[str]:
    """The parts that fail, unexplained, in cases that are not lenient, of other checks than those left out."""
    parts = set()
    for case in plan:
        if case.check in but or case.lenient:
            continue
        for q in case.quantities:
            comparison = judged[case.name][q.name]
            if comparison.verdict not in BLAMELESS and (explained_too or not comparison.explained_by):
                parts.add(comparison.part or q.part)
    return parts


def _data_fails(plan: Sequence[Case], judged: Judgements) -> bool:
    """Whether what brings main its data fails, and is there."""
    for case in plan:
        if case.probe in DATA_KINDS:
            verdicts = {comparison.verdict for comparison in judged[case.name].values()}
            if verdicts - {*BLAMELESS, "missing"}:
                return True
    return False


def _right_with_correct_parts(plan: Sequence[Case], judged: Judgements) -> set[str]:
    """The quantities of main that are right in every setting in which it is asked with correct parts."""
    wirings = [judged[case.name] for case in plan if case.whole and case.process == "wiring"]
    right = {name for one in wirings for name, comparison in one.items() if comparison.verdict in PASSING}
    return right - {name for one in wirings for name, comparison in one.items() if comparison.verdict not in PASSING}


def exchanged(case: Case, parts: frozenset[str]) -> Case | None:
    """The same case with Parity's own parts in place of these; main is asked with all of them anyway."""
    if case.whole:
        return None
    return replace(case, process="wiring", params={**case.params, "exchanged": sorted(parts)})


def _failing_wirings(plan: Sequence[Case], judged: Judgements) -> set[str]:
    """The runs of main that fail with correct parts."""
    failing = set()
    for case in plan:
        if case.process == "wiring" and any(c.verdict not in BLAMELESS for c in judged[case.name].values()):
            failing.add(case.params["config"])
    return failing


def _forgiven(case: Case, judged: Judged, not_passing: set[str]) -> dict[str, Comparison]:
    """A match with a note in place of each crash of a part that passes all else."""
    forgiven = {}
    for q in case.quantities:
        comparison = judged[q.name]
        if comparison.verdict == Verdict.CRASHED and (comparison.part or q.part) not in not_passing:
            note = f"only works on two-dimensional arrays: {comparison.problem}"
            forgiven[q.name] = matched(note, kind=NoteKind.READING).noting(*comparison.notes)
    return forgiven


def _of_script(comparison: Comparison) -> bool:
    """Whether main differs as a script from the watched run, or fails as one: both are made with the same parts."""
    return comparison.finding == SCRIPT


def _with_own_parts_alone(judged: Judged) -> dict[str, Comparison]:
    """The failures of a setting in which main is right with correct parts; no part fails a case of its own."""
    found = {}
    for name, comparison in judged.items():
        if comparison.verdict not in BLAMELESS and not _of_script(comparison):
            problem = f"{comparison.problem.rstrip('.')}; {OWN_ALONE}"
            found[name] = replace(comparison, problem=problem)
    return found


def _blamed_on(part: str, cause: str, judged: Judged, proved: Collection[str]) -> dict[str, Comparison]:
    """The failures, blamed on a part, of which those of quantities in `proved` are borne out; `cause` is its name."""
    blamed = {}
    for name, comparison in judged.items():
        if comparison.verdict not in BLAMELESS and not _of_script(comparison):
            problem = f"{comparison.problem.rstrip('.')}; this comes of {cause}"
            excuse = PROVED if part != "10" and name in proved else ""
            blamed[name] = replace(comparison, part=part, explained_by=part, excuse=excuse, problem=problem)
    return blamed
