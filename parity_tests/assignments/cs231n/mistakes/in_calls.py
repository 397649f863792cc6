"""Known mistakes of a batch norm in training as they show over many calls: by what each training call gives there.

What these make of the running statistics, and of the test mode by them, depends on how those are kept, and so on all
else that a submission does. The outputs in training do not: where they are what a mistake gives, it is made there, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from parity_tests.assignments.cs231n.kinds import layer
from parity_tests.assignments.cs231n.kinds.running import MODES
from parity_tests.assignments.cs231n.mistakes.wrong import UNFIT, Wrong
from parity_tests.harness.flow_answers import is_refuted, judge_all
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.quantity import Quantity
from reports.model.verdicts import PASSING


def is_made_in_calls(wrong: Wrong, plan: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw) -> bool:
    """Whether a mistake of single calls may be why a result of many calls fails: all outputs in training are its own.

    Of the running statistics it is where it makes them those of other numbers.
    """
    if "out" not in wrong.change or (quantity.key.name != "out" and not wrong.mixes):
        return False
    return all(_gives(wrong, case, k, seen, draw) for case in plan for k, mode in enumerate(MODES) if mode == "train")


def _gives(wrong: Wrong, case: Case, call: int, seen: Seen, draw: Draw) -> bool:
    """Whether one call in training of a case gives what the mistake makes of it."""
    own = [q for q in case.quantities if q.part == wrong.part and q.key.name == "out" and q.key.call == call]
    setting = {**case.params["dicts"][call]["own"], "mode": MODES[call]}
    single = replace(case, params={**case.params, "setting": setting})
    note = f"{wrong.note} in call {call}"
    try:
        asked = layer.mistaken(single, draw(case), wrong.change, note, own)
        if is_refuted(single, seen[case.name], asked, own, "cpu"):
            return False
        judged = judge_all(single, seen[case.name], asked, "cpu")
    except UNFIT:
        return False
    return all(judged[q.name].verdict in PASSING for q in own)
