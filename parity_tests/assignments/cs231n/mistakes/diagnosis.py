"""What the assignment knows of mistakes: a name is claimed where its formula gives what was returned, in every case."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from parity_tests.assignments.cs231n.kinds import layer
from parity_tests.assignments.cs231n.kinds.blame import KINDS, OWN
from parity_tests.assignments.cs231n.kinds.layer_rows import NORM
from parity_tests.assignments.cs231n.kinds.rows import CALLED
from parity_tests.assignments.cs231n.kinds.torch_networks import kind_of
from parity_tests.assignments.cs231n.mistakes.calls import changed_calls, of_single_calls
from parity_tests.assignments.cs231n.mistakes.dropout import changed_dropout
from parity_tests.assignments.cs231n.mistakes.generated import generated
from parity_tests.assignments.cs231n.mistakes.network_ends import changed_ends
from parity_tests.assignments.cs231n.mistakes.network_starts import SEEN_AT, of_starts
from parity_tests.assignments.cs231n.mistakes.network_steps import changed_steps
from parity_tests.assignments.cs231n.mistakes.own_forward import own_forward
from parity_tests.assignments.cs231n.mistakes.right_texts import WRITTEN
from parity_tests.assignments.cs231n.mistakes.rules import changed_rules
from parity_tests.assignments.cs231n.mistakes.wrong import UNFIT, Wrong
from parity_tests.harness.diagnosis.only_one import only_one
from parity_tests.harness.flow_answers import judge_all
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched, mismatched
from parity_tests.protocol.diagnosis import Diagnosis, Draw, Seen
from parity_tests.protocol.quantity import Quantity
from reports.model.notes import NoteKind
from reports.model.verdicts import Verdict

_of: list[Seen] = []
"""The last submission, by what was seen of it."""
_found: dict[tuple[str, str, str], Wrong | None] = {}
"""The mistake that was found of it, by part, kind and result: every failing row asks again."""
HINTS: dict[str, str] = {}
"""The hint of each name that was given."""
Changes = Callable[[str, Sequence[Case], Seen, Draw], Iterator[Wrong]]
WHOLE: Mapping[str, Changes] = {
    "steps": changed_rules,
    "running": changed_calls,
    "dropout": changed_dropout,
    "network": changed_steps,
}
"""What changes a text by kind of case, for mistakes that give all results of a part together."""


def experiments(plan: Sequence[Case], case: Case, quantity: Quantity, seen: Seen, draw: Draw) -> Sequence[str]:
    """The name of the mistake that reproduces a result wherever it was asked."""
    found = _mistake(plan, case, quantity, seen, draw)
    return (found.name,) if found else ()


def _mistake(plan: Sequence[Case], case: Case, quantity: Quantity, seen: Seen, draw: Draw) -> Wrong | None:
    """The simplest change of a right text that reproduces a result wherever it was asked: by itself, or with others."""
    if not _of or _of[0] is not seen:
        _of[:] = [seen]
        _found.clear()
    part, kind, about = quantity.part, case.probe, quantity.name.partition(" (")[0]
    asked = [one for one in plan if one.probe == kind and any(q.part == part for q in one.quantities)]
    if not any(seen[one.name].values for one in asked if one.name in seen):
        return None  # nothing came back, so nothing is asked that takes time
    if about in SEEN_AT:
        return _looked_for((part, kind, about), lambda: of_starts(part, asked, seen, about))
    own = _looked_for((part, kind, kind_of(quantity.key.name)), lambda: _of_result(asked, quantity, seen, draw))
    found = own or _looked_for((part, kind, ""), lambda: _of_all(asked, quantity, seen, draw))
    if found is None and kind == "running":
        trained = ((one, q) for one in plan if one.probe == "layer" for q in one.quantities)
        single = next(((one, q) for one, q in trained if (q.part, q.key.name) == (part, "out")), None)
        made = _mistake(plan, *single, seen, draw) if single else None
        return made if made and of_single_calls(made, asked, quantity, seen, draw) else None
    return found


def _looked_for(key: tuple[str, str, str], mistakes: Callable[[], Iterator[Wrong]]) -> Wrong | None:
    """The first of some mistakes, whose hint is kept; looked for once."""
    if key not in _found:
        _found[key] = next(mistakes(), None)
        if found := _found[key]:
            HINTS[found.name] = found.hint
    return _found[key]


def _of_result(asked: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw) -> Iterator[Wrong]:
    """Those that give one result, the simplest first; at last those beside its own forward's numbers."""
    part, kind = quantity.part, asked[0].probe
    if kind == "network":
        wrongs = changed_ends(part, asked, quantity, seen, draw)
        yield from (one for one in wrongs if one.reproduces(asked, quantity, seen, draw))
    for beside in (False, True) if (part, kind) in WRITTEN else ():
        forward = own_forward(asked, part, seen, draw) if beside else None
        if forward or not beside:
            wrongs = generated(WRITTEN[part, kind], asked, quantity, seen, draw, forward)
            yield from (one for one in wrongs if one.reproduces(asked, quantity, seen, draw, forward))


def _of_all(asked: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw) -> Iterator[Wrong]:
    """Those that give all results of a part, the simplest first."""
    part, kind = quantity.part, asked[0].probe
    if kind in WHOLE:
        wrongs = WHOLE[kind](part, asked, seen, draw)
        yield from (one for one in wrongs if one.reproduces(asked, quantity, seen, draw))
    if kind == "network":
        yield from of_starts(part, asked, seen, "")


def reopened(
    plan: Sequence[Case], case: Case, quantity: Quantity, comparison: Comparison, seen: Seen, draw: Draw
) -> Comparison | None:
    """What a result is that was left open beside a wrong function, by what is known of that one's mistake.

    A gradient matches where a known mistake is what the forward gave, and it is right for that: the derivative of the
    changed forward, which is computed here, or what a norm's formula makes of what was handed on. A norm's gradient is
    wrong where a known mistake of its own fits what that handed on.
    """
    told = next((note for note in comparison.notes if note.kind is NoteKind.OWN_FORWARD), None)
    if case.probe in KINDS and comparison.explained_by in CALLED.get(quantity.part, ()):
        rows = next(one for one in plan if one.params.get("rows_of") == case.name)
        alike = [q for q in rows.quantities if q.key.name in (quantity.key.name, f"alt {quantity.key.name}", "out")]
        known = any(experiments(plan, rows, q, seen, draw) for q in alike)
        return matched(told) if told and known else None
    forward = case.params.get("forward", "dropout_forward")
    if comparison.explained_by != forward or quantity.part == forward:
        return None
    out = next(q for q in case.quantities if q.part == forward and q.key.name == "out")
    if case.probe == "dropout":
        return matched(told) if told and experiments(plan, case, out, seen, draw) else None
    change = _change(plan, case, out, seen, draw) if case.probe == "layer" else None
    if told:
        return matched(told) if change else None
    if case.params["arrays"] == list(NORM) and (name := only_one(experiments(plan, case, quantity, seen, draw))):
        problem = f"is wrong for the output of {forward}, too, which is wrong itself"
        return mismatched(problem, notes=comparison.notes, diagnosis=name)
    if change:
        note = f"{change.note}, derived in {quantity.name}"
        question = layer.derived(case, draw(case), change.change, note, quantity)
        with contextlib.suppress(*UNFIT):
            is_derivative = judge_all(case, seen[case.name], [question], "cpu")[quantity.name].verdict == Verdict.MATCH
            return matched(OWN) if is_derivative else None
    return None


def _change(plan: Sequence[Case], case: Case, out: Quantity, seen: Seen, draw: Draw) -> Wrong | None:
    """The known mistake that gives what a forward gave, but for one whose derivative asks less than the right one."""
    wrong = _mistake(plan, case, out, seen, draw)
    with contextlib.suppress(*UNFIT):
        if wrong and "out" in wrong.change and not layer.asks_less(case, draw(case), wrong.change):
            return wrong
    return None


DIAGNOSIS = Diagnosis(experiments=experiments, reopened=reopened, hints=HINTS)
