"""What is known of one mistake, and whether it reproduces what a submission returned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parity_tests.assignments.cs231n.kinds import dropout, layer, losses, networks, running, steps
from parity_tests.assignments.cs231n.kinds.answers import judge_all
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import PASSING
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.mistake import Body, Mistake, Swap
from parity_tests.protocol.quantity import Quantity

LAYERS_FILE = "cs231n/layers.py"
OPTIM_FILE = "cs231n/optim.py"
FC_FILE = "cs231n/classifiers/fc_net.py"
CNN_FILE = "cs231n/classifiers/cnn.py"
ASKED_WHOLE = ("running", "steps", "network", "dropout")
"""The kinds of which all results of a part together are reproduced; of the others each result on its own."""


@dataclass(frozen=True)
class Wrong:
    """A mistake of a part: in cases of `kind` it makes `change` of what is right. `plug` puts it into the solution."""

    part: str
    kind: str
    name: str
    hint: str
    change: Any
    plug: tuple[Body | Swap, ...]
    file: str = LAYERS_FILE

    @property
    def mistake(self) -> Mistake:
        """The same as the protocol has it."""
        return Mistake(self.part, self.part, self.name, self.hint, plug=self.plug, file=self.file)

    def reproduces(self, plan: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw) -> bool:
        """Whether it gives what was returned, in all cases: of this quantity, or of all that its part returns."""
        # Where scores lie far apart, right forms overflow, and so do wrong ones.
        asked = [
            case
            for case in plan
            if case.probe == self.kind and case.name in seen and case.params.get("slug") != "far-apart"
        ]
        agreed = False
        for case in asked:
            own = [q for q in case.quantities if q.part == self.part and self._is_meant(q, quantity)]
            if own:
                if not self._agrees(case, own, seen, draw):
                    return False
                agreed = True
        return agreed

    def _is_meant(self, q: Quantity, quantity: Quantity) -> bool:
        """Whether a result is to be reproduced beside another: what the mistake changes goes together."""
        together = self.kind in ASKED_WHOLE or {q.key.name, quantity.key.name} <= set(self.change)
        return together or q.key.name == quantity.key.name

    def _agrees(self, case: Case, own: Sequence[Quantity], seen: Seen, draw: Draw) -> bool:
        arrays = draw(case)
        observation = seen[case.name]
        forward = case.params.get("forward", self.part)
        if self.part != forward and any(key.name == "out" for key in observation.overwritten):
            return False  # a forward that writes over what its backward works on
        note = f"{self.part}: {self.name}"
        if case.probe == "dropout":
            judged = dropout.with_mistake(case, arrays, observation, self.change, note)
            return all(judged[q.name].verdict in PASSING for q in own)
        questions: Any = None
        if case.probe == "layer":
            questions = layer.questions(case, arrays, self.change, note)
        elif case.probe == "loss":
            questions = losses.questions(case, arrays, self.change, note)
        elif case.probe == "running":
            questions = running.questions(case, arrays, self.change, note)
        elif case.probe == "steps":
            questions = steps.questions(case, arrays, self.change, note)
        else:
            given = networks.with_masks(case, arrays, observation)
            questions = networks.questions(case, given, self.change, note)
        try:
            judged = judge_all(case, observation, questions, "cpu")
        except (RuntimeError, IndexError, ValueError):  # shapes that the mistake does not fit
            return False
        return all(judged[q.name].verdict in PASSING for q in own if q.name in judged)
