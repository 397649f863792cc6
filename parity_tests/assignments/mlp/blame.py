"""Blames failures on the parts that they come of, which only all cases together show.

`main` may fail because of its own parts, a link of the whole network because of its part, and an activation on other
than two-dimensional arrays alone.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.inside.homework_names import SGD_NAMES
from parity_tests.assignments.mlp.kinds.elementwise import TODOS
from parity_tests.assignments.mlp.kinds.sgd import COPIED
from parity_tests.assignments.mlp.main.configs import SCRIPT
from parity_tests.assignments.mlp.main.layers import NO_LINEAR_LAYER
from parity_tests.assignments.mlp.parts import FUNCTIONS
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import PROVED, Comparison, left_open, matched, unjudged
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
OTHER_FORM = "which returns something else than is expected: main is written for that, and right with its own parts"
FORMS = ("a tuple", "a list", "a dict", Found.OTHER_MODEL)
"""What is found of a part that returns a right result in another form, if main is right with it."""
KEPT_BY = {"4": "3", **{backward: forward for forward, backward in TODOS.values()}}
"""By the TODO of each backward that of its forward, which keeps on the object what the backward uses."""
KEEPS_NOTHING: Mapping[str, str] = {Verdict.MISSING: "is not implemented", Verdict.TIMEOUT: "runs out of time"}
"""The verdicts on a forward that keeps nothing for its backward, and what is said of that."""
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
    submission's own. The other way round, where a part returns several things and main takes one of them, what main
    gets right with its own parts in every setting is no failure of main's, though it fails with correct ones: one
    mistake. A crash in a lenient case is forgiven, with a note, where its part passes all cases that are not
    lenient; wrong values there are wrong. A backward that uses what its forward would keep is not judged where that
    one is not implemented.
    """
    judged = _without_forwards(plan, tell_undefined(plan, judged))
    undefined = undefined_in(judged)
    wrong = _failing_parts(plan, judged, but=("main",))
    not_passing = _failing_parts(plan, judged, but=("main",), explained_too=True)
    data_fails = _data_fails(plan, judged)
    wiring_fails = _failing_wirings(plan, judged)
    wirings = {case.params["config"] for case in plan if case.whole and case.process == "wiring"}
    proved, of_own = _right_with_correct_parts(plan, judged), _right_with_its_own(plan, judged)
    odd = _of_another_form(plan, judged)
    blamed = {name: dict(comparisons) for name, comparisons in judged.items()}
    goes_on = _main_goes_on(plan, judged)
    for case in plan:
        if case.probe == "sgd" and goes_on:
            blamed[case.name] |= _copies_forgiven(judged[case.name])
        if case.lenient:
            blamed[case.name] |= _forgiven(case, judged[case.name], not_passing)
        if not case.whole:
            continue
        if case.process == "wiring":
            fits = next((part for part in _order_of(case) if part in odd), "")
            if fits:
                excused = {name: one for name, one in judged[case.name].items() if name in of_own}
                blamed[case.name] |= _blamed_on(fits, f"TODO {fits}, {OTHER_FORM}", excused, of_own)
            continue
        if case.params["config"] in wiring_fails:
            culprit, cause = "10", WIRING
        elif data_fails:
            culprit, cause = "utils", "utils.py, which brings it its data"
        else:
            order = _order_of(case)
            culprit = part_that_is_lacked(judged[case.name], undefined)
            culprit = culprit or next((part for part in order if part in wrong), "10" if wiring_fails else "")
            cause = WIRING if culprit == "10" else f"TODO {culprit}" if culprit.isdecimal() else "utils.py"
        if culprit:
            blamed[case.name] |= _blamed_on(culprit, cause, judged[case.name], proved)
        elif case.params["config"] in wirings:
            blamed[case.name] |= _with_own_parts_alone(judged[case.name])
    return blamed


def _without_forwards(plan: Sequence[Case], judged: Judgements) -> Judgements:
    """The same, open where a backward lacks an attribute and its forward is not implemented, or runs out of time."""
    found = {name: dict(comparisons) for name, comparisons in judged.items()}
    for case in plan:
        verdicts = {q.part: judged[case.name][q.name].verdict for q in reversed(case.quantities)}
        for q in case.quantities:
            comparison, forward = judged[case.name][q.name], KEPT_BY.get(q.part, "")
            failure = comparison.failure
            what = KEEPS_NOTHING.get(verdicts.get(forward, ""))
            if what and failure is not None and failure.error == "AttributeError":
                why = f"is not judged, because TODO {forward} {what}: it uses what that one would keep"
                found[case.name][q.name] = left_open(comparison, forward, why)
    return found


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
    return _right_in_all(judged[case.name] for case in plan if case.whole and case.process == "wiring")


def _right_with_its_own(plan: Sequence[Case], judged: Judgements) -> set[str]:
    """The quantities of main that are right in every setting in which it is asked with the submission's own parts."""
    return _right_in_all(judged[case.name] for case in plan if case.whole and case.process != "wiring")


def _right_in_all(settings: Iterable[Judged]) -> set[str]:
    """The quantities that are right wherever they are asked."""
    asked = [(name, comparison.verdict in PASSING) for one in settings for name, comparison in one.items()]
    return {name for name, right in asked if right} - {name for name, right in asked if not right}


def _of_another_form(plan: Sequence[Case], judged: Judgements) -> set[str]:
    """The numbered parts that return several things, or the model in another thing, in cases of their own."""
    found = set()
    for case in plan:
        for q in () if case.whole else case.quantities:
            comparison = judged[case.name][q.name]
            is_own = not comparison.explained_by and (comparison.part or q.part).isdecimal()
            if is_own and comparison.verdict == Verdict.MISMATCH and comparison.finding in FORMS:
                found.add(comparison.part or q.part)
    return found


def _order_of(case: Case) -> tuple[str, ...]:
    """The parts in the order in which the runs of a case use them."""
    return in_order(*(run["main_params"]["activation"] for run in case.params["runs"]))


def exchanged(case: Case, parts: frozenset[str], ended: frozenset[str] = frozenset()) -> Case | None:
    """The same case with Parity's own parts in place of these; of main as a script, with all of them.

    In other settings main is asked with correct parts anyway. Those that have `ended` their process are not called
    beside Parity's own.
    """
    if case.whole and not case.params["as_script"]:
        return None
    return _with_right(case, in_order(*TODOS) if case.whole else parts, ended)


def suspects(case: Case, judged: Judged, name: str) -> dict[str, Case]:
    """Of what `main` does otherwise as a script: the same case with one part right, by that; with all first, by "".

    A part may do something else there, though all its own cases are right.
    """
    if judged[name].finding != SCRIPT:
        return {}
    order = _order_of(case)
    return {"": _with_right(case, order), **{part: _with_right(case, [part]) for part in order}}


def _with_right(case: Case, parts: Iterable[str], ended: Iterable[str] = ()) -> Case:
    params = {**case.params, "exchanged": sorted(parts), "ended": sorted(ended)}
    return replace(case, process="wiring", params=params)


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
        if comparison.verdict not in BLAMELESS and not comparison.part and not _of_script(comparison):
            problem = f"{comparison.problem.rstrip('.')}; {OWN_ALONE}"
            found[name] = replace(comparison, problem=problem)
    return found


def _blamed_on(part: str, cause: str, judged: Judged, proved: Collection[str]) -> dict[str, Comparison]:
    """The failures, blamed on a part, of which those of quantities in `proved` are borne out; `cause` is its name."""
    blamed = {}
    for name, comparison in judged.items():
        if comparison.verdict not in BLAMELESS and not _of_script(comparison):
            problem = f"{comparison.problem.rstrip('.')}; caused by {cause}"
            excuse = PROVED if part != "10" and name in proved else ""
            blamed[name] = replace(comparison, part=part, explained_by=part, excuse=excuse, problem=problem)
    return blamed


# ---- what nobody can see where a class that the homework names is lacking, as where it has another name


def tell_undefined(plan: Sequence[Case], judged: Judgements) -> dict[str, dict[str, Comparison]]:
    """The same comparisons, of which those that fail because a class is not defined say so.

    What students are given is not to blame where it cannot be asked without such a class. And where `main` builds
    none, it has one that it calls otherwise: what is measured of its steps is then no measure of them.
    """
    told = {name: dict(comparisons) for name, comparisons in judged.items()}
    undefined = undefined_in(judged)
    for case in plan:
        for q in case.quantities:
            failure = judged[case.name][q.name].failure
            if q.part == "utils" and failure is not None and failure.lacks in undefined:
                part = _part_of(failure.lacks)
                told[case.name][q.name] = replace(judged[case.name][q.name], part=part)
    unseen: dict[str, str] = {}
    for case in plan:
        for comparison in judged[case.name].values() if case.whole else ():
            if comparison.finding == NO_LINEAR_LAYER and "linear_layer" in undefined:
                unseen[case.params["config"]] = undefined["linear_layer"].partition(";")[0]
    for case in plan:
        if case.whole and case.params["config"] in unseen:
            why = f"what main does with its layers cannot be seen, because {unseen[case.params['config']]}"
            for name, comparison in judged[case.name].items():
                if comparison.verdict not in (*PASSING, Verdict.HARNESS_ERROR):
                    told[case.name][name] = unjudged(why, sentence=True)
    return told


def undefined_in(judged: Judgements) -> dict[str, str]:
    """The sentences that the submission does not define a class that the homework names, by the class."""
    failures = (one.failure for comparisons in judged.values() for one in comparisons.values())
    return {
        failure.lacks: failure.text
        for failure in failures
        if failure is not None and failure.kind == Verdict.MISSING and _part_of(failure.lacks)
    }


def part_that_is_lacked(judged: Mapping[str, Comparison], undefined: Mapping[str, str]) -> str:
    """The first part of an undefined class whose name ended a run of `main`; "" where none did."""
    lacked = (one.failure.lacks for one in judged.values() if one.failure is not None)
    return next((_part_of(name) for name in lacked if name in undefined), "")


def _part_of(name: str) -> str:
    """The first part that a class or function of this name belongs to; "" where the homework names none so."""
    return next((part for f, part in FUNCTIONS.items() if f.partition(".")[0] == name and name not in SGD_NAMES), "")
