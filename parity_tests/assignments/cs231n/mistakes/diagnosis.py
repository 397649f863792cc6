"""What the assignment knows of mistakes: a name is claimed where its formula gives what was returned, in every case."""

from __future__ import annotations

from collections.abc import Sequence

from parity_tests.assignments.cs231n.kinds.layer_rows import NORM
from parity_tests.assignments.cs231n.mistakes import WRONG
from parity_tests.assignments.cs231n.mistakes.in_calls import is_made_in_calls
from parity_tests.assignments.cs231n.mistakes.network_parts import OF_NAMES
from parity_tests.assignments.cs231n.mistakes.own_forward import own_forwards
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.diagnosis import Diagnosis, Draw, Seen
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import Quantity

_of: list[Seen] = []
"""The last submission, by what was seen of it."""
_found: dict[tuple[str, str, str], tuple[str, ...]] = {}
"""The names that were found of it, by part, kind and result: every failing row asks again."""


def experiments(plan: Sequence[Case], case: Case, quantity: Quantity, seen: Seen, draw: Draw) -> Sequence[str]:
    """The names of the mistakes that reproduce a result wherever it was asked."""
    if not _of or _of[0] is not seen:
        _of[:] = [seen]
        _found.clear()
    key = (quantity.part, case.probe, quantity.key.name)
    if key not in _found:
        known = [wrong for wrong in WRONG if wrong.part == quantity.part and wrong.kind == case.probe]
        asked = [one for one in plan if one.probe == case.probe and any(q.part == key[0] for q in one.quantities)]
        names = tuple(wrong.name for wrong in known if wrong.reproduces(asked, quantity, seen, draw))
        if not names and any(wrong.ways for wrong in known):
            for forward in own_forwards(asked, quantity.part, seen, draw):
                names = names or tuple(w.name for w in known if w.reproduces(asked, quantity, seen, draw, forward))
        if not names and case.probe == "running":
            names = _of_single_calls(plan, asked, quantity, seen, draw)
        _found[key] = names
    if not _found[key] and case.probe == "network":
        return _of_names(plan, case, quantity, seen, draw)
    return _found[key]


def _of_single_calls(
    plan: Sequence[Case], asked: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw
) -> tuple[str, ...]:
    """The names that single calls in training have, where these are what many calls fail of."""
    trained = ((one, q) for one in plan if one.probe == "layer" for q in one.quantities if q.part == quantity.part)
    single = next(((one, q) for one, q in trained if q.key.name == "out"), None)
    if single is None:
        return ()
    names = experiments(plan, *single, seen, draw)
    made = [w for w in WRONG if w.part == quantity.part and w.kind == "layer" and w.name in names]
    return tuple(w.name for w in made if is_made_in_calls(w, asked, quantity, seen, draw))


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
    return [name for name in experiments(plan, case, about, seen, draw) if name in OF_NAMES]


def reopened(case: Case, quantity: Quantity, comparison: Comparison, observation: Observation) -> str:
    """What is wrong with a norm's gradient beside a wrong forward, where a known mistake fits what that handed on."""
    forward = case.params.get("forward", "")
    of_norm = case.probe == "layer" and case.params["arrays"] == list(NORM)
    if not of_norm or comparison.explained_by != forward or quantity.part == forward:
        return ""
    return f"is wrong for what {forward} hands on, too, which is wrong itself"


DIAGNOSIS = Diagnosis(mistakes=tuple(wrong.mistake for wrong in WRONG), experiments=experiments, reopened=reopened)
