"""What the assignment knows of mistakes: a name is claimed where its formula gives what was returned, in every case."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from parity_tests.assignments.cs231n.kinds import layer
from parity_tests.assignments.cs231n.kinds.blame import KINDS, OWN
from parity_tests.assignments.cs231n.kinds.layer_rows import NORM
from parity_tests.assignments.cs231n.kinds.rows import CALLED
from parity_tests.assignments.cs231n.mistakes import WRONG
from parity_tests.assignments.cs231n.mistakes.dropout import generated_dropout
from parity_tests.assignments.cs231n.mistakes.generated import HINTS, Written, generated
from parity_tests.assignments.cs231n.mistakes.generated_calls import generated_calls
from parity_tests.assignments.cs231n.mistakes.generated_rules import generated_rules
from parity_tests.assignments.cs231n.mistakes.in_calls import is_made_in_calls
from parity_tests.assignments.cs231n.mistakes.network_ends import changed_ends
from parity_tests.assignments.cs231n.mistakes.network_starts import RENAMED, changed_sizes, changed_starts
from parity_tests.assignments.cs231n.mistakes.network_steps import changed_dropout, changed_steps
from parity_tests.assignments.cs231n.mistakes.own_forward import OwnForward, own_forward
from parity_tests.assignments.cs231n.mistakes.right_texts import WRITTEN
from parity_tests.assignments.cs231n.mistakes.wrong import SEEN_AT, UNFIT, Wrong
from parity_tests.harness.diagnosis.only_one import only_one
from parity_tests.harness.flow_answers import Question, judge_all
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched, mismatched
from parity_tests.protocol.diagnosis import Diagnosis, Draw, Seen
from parity_tests.protocol.observation import Failure
from parity_tests.protocol.quantity import Quantity
from reports.model.notes import NoteKind
from reports.model.verdicts import Verdict

_of: list[Seen] = []
"""The last submission, by what was seen of it."""
_found: dict[tuple[str, str, str], tuple[Wrong, ...]] = {}
"""The mistakes that were found of it, by part, kind and result: every failing row asks again."""

WHOLE = {"steps": generated_rules, "running": generated_calls, "dropout": generated_dropout}
"""What changes a text by kind of case, for kinds of which a mistake gives all results of a part together."""


def experiments(plan: Sequence[Case], case: Case, quantity: Quantity, seen: Seen, draw: Draw) -> Sequence[str]:
    """The names of the mistakes that reproduce a result wherever it was asked."""
    found = _mistakes(plan, case, quantity, seen, draw)
    if not found and case.probe == "network":
        return _of_names(plan, case, quantity, seen, draw)
    return tuple(wrong.name for wrong in found)


def _mistakes(plan: Sequence[Case], case: Case, quantity: Quantity, seen: Seen, draw: Draw) -> tuple[Wrong, ...]:
    """The mistakes that reproduce a result wherever it was asked: those written down, or else a generated one."""
    if not _of or _of[0] is not seen:
        _of[:] = [seen]
        _found.clear()
    key = (quantity.part, case.probe, quantity.key.name)
    if key not in _found:
        known = [wrong for wrong in WRONG if wrong.part == quantity.part and wrong.kind == case.probe]
        asked = [one for one in plan if one.probe == case.probe and any(q.part == key[0] for q in one.quantities)]
        written = WRITTEN.get((key[0], key[1]))
        found = tuple(wrong for wrong in known if wrong.reproduces(asked, quantity, seen, draw))
        if written is not None:
            found = found or _generated(written, asked, quantity, seen, draw, None)
            if not found and (forward := own_forward(asked, quantity.part, seen, draw)):
                found = _generated(written, asked, quantity, seen, draw, forward)
        if not found and case.probe == "network":
            found = _of_network(asked, quantity, seen, draw)
        if not found and case.probe in WHOLE:
            found = _of_all_results(asked, quantity, seen, draw)
        if not found and case.probe == "running":
            found = _of_single_calls(plan, asked, quantity, seen, draw)
        _found[key] = found
    return _found[key]


def _of_all_results(asked: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw) -> tuple[Wrong, ...]:
    """The simplest change of the text of a step or call that gives all results of a part, looked for once."""
    part, kind = quantity.part, asked[0].probe
    if (part, kind, "") not in _found:
        wrongs = WHOLE[kind](part, asked, seen, draw)
        _found[part, kind, ""] = _first(one for one in wrongs if one.reproduces(asked, quantity, seen, draw))
    return _found[part, kind, ""]


def _of_network(asked: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw) -> tuple[Wrong, ...]:
    """The simplest change of a network that gives all results of its loss, or what it is made with, once for each."""
    name = quantity.name.partition(" (")[0]
    key = quantity.part, "network", f"about {name if name in SEEN_AT else 'its loss'}"
    if key not in _found:
        wrongs = _of_networks(quantity.part, asked, seen, draw, name)
        _found[key] = _first(one for one in wrongs if one.reproduces(asked, quantity, seen, draw))
    return _found[key]


def _of_networks(part: str, asked: Sequence[Case], seen: Seen, draw: Draw, about: str) -> Iterator[Wrong]:
    """The changes that may give all results of a network's loss, or what it is made with, the simplest first."""
    if about == "dropout":
        yield from changed_dropout(part)
    elif about in SEEN_AT:
        yield from changed_starts(part, asked, seen, about)
    else:
        yield from changed_ends(part, asked, seen, draw)
        yield from changed_steps(part)
        if part == "ThreeLayerConvNet":
            yield from changed_sizes(part, asked, seen)


def _generated(
    written: Written, asked: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw, forward: OwnForward | None
) -> tuple[Wrong, ...]:
    """The simplest change of a right text that gives a result wherever it was asked."""
    wrongs = generated(written, asked, quantity, seen, draw, forward)
    return _first(wrong for wrong in wrongs if wrong.reproduces(asked, quantity, seen, draw, forward))


def _first(wrongs: Iterator[Wrong]) -> tuple[Wrong, ...]:
    """The first, whose hint is kept."""
    for wrong in wrongs:
        HINTS[wrong.name] = wrong.hint
        return (wrong,)
    return ()


def _of_single_calls(
    plan: Sequence[Case], asked: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw
) -> tuple[Wrong, ...]:
    """The mistakes of single calls in training, where these are what many calls fail of."""
    trained = ((one, q) for one in plan if one.probe == "layer" for q in one.quantities if q.part == quantity.part)
    single = next(((one, q) for one, q in trained if q.key.name == "out"), None)
    if single is None:
        return ()
    made = [wrong for wrong in _mistakes(plan, *single, seen, draw) if wrong.kind == "layer"]
    return tuple(wrong for wrong in made if is_made_in_calls(wrong, asked, quantity, seen, draw))


def _of_names(plan: Sequence[Case], case: Case, quantity: Quantity, seen: Seen, draw: Draw) -> Sequence[str]:
    """The name of a mistake in what parameters are called, for what fails since they are not found."""
    result = result_of(seen[case.name], quantity.key)
    about = next(
        (q for q in case.quantities if q.part == quantity.part and q.name.partition(" (")[0] == "parameters"), None
    )
    if about is None or about == quantity or not isinstance(result, Failure):
        return ()
    if result.error not in ("ValueError", "KeyError"):
        return ()
    return [name for name in experiments(plan, case, about, seen, draw) if name in RENAMED]


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
    changes = [] if case.probe != "layer" else list(_changes(plan, case, out, seen, draw))
    if told:
        return matched(told) if changes else None
    if case.params["arrays"] == list(NORM) and (name := only_one(experiments(plan, case, quantity, seen, draw))):
        problem = f"is wrong for what {forward} hands on, too, which is wrong itself"
        return mismatched(problem, notes=comparison.notes, diagnosis=name)
    for note, change in changes:
        question = layer.derived(case, draw(case), change, f"{note}, derived in {quantity.name}", quantity)
        if _matches(case, quantity, question, seen):
            return matched(OWN)
    return None


def _changes(
    plan: Sequence[Case], case: Case, out: Quantity, seen: Seen, draw: Draw
) -> Iterator[tuple[str, layer.Change]]:
    """The known mistakes that give what a forward gave, but for those whose derivative asks less than the right one."""
    for wrong in _mistakes(plan, case, out, seen, draw):
        with contextlib.suppress(*UNFIT):
            if "out" in wrong.change and not layer.asks_less(case, draw(case), wrong.change):
                yield wrong.note, wrong.change


def _matches(case: Case, quantity: Quantity, question: Question, seen: Seen) -> bool:
    try:
        return judge_all(case, seen[case.name], [question], "cpu")[quantity.name].verdict == Verdict.MATCH
    except UNFIT:
        return False


DIAGNOSIS = Diagnosis(
    mistakes=tuple(wrong.mistake for wrong in WRONG),
    experiments=experiments,
    reopened=reopened,
    further_hints=HINTS,
)
