"""torch's side of a trace of FullyConnectedNet: it takes each step that the submission's Solver takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from parity_tests.assignments.cs231n.kinds.beside_root import BESIDE
from parity_tests.assignments.cs231n.kinds.running import PLUS_EPS
from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS, Update, right_forms
from parity_tests.assignments.cs231n.trace.beside_root import EPS, FORMS, Beside
from parity_tests.assignments.cs231n.trace.copies import MOMENTUM, Copies
from parity_tests.assignments.cs231n.trace.network import Network, Slope, Trained
from parity_tests.assignments.cs231n.trace.plan import BATCH, RATE, NetPlan, updated_name
from parity_tests.assignments.cs231n.trace.seen import Seeing, SeenStep
from parity_tests.trace.judge import JudgedStep
from parity_tests.trace.plan import Array, Step
from parity_tests.trace.twin import Spreads, Submitted, Taken, Twin, side_of_kinks, timed
from reference.rounding import gamma
from reports.model.notes import Note, NoteKind


def _own_side(seen: SeenStep) -> Slope:
    """The submission's side of each kink, torch's where that cannot be seen."""

    def side(layer: int, u: Tensor, before: Sequence[Tensor]) -> Tensor:
        own = seen.into_relu[layer - 1]
        return (u if own is None else own) > 0

    return side


ROUNDINGS = 16
"""Those of both sides together in one update from the start: neither has more than eight on the way of any product."""


class NetTwin(Twin):
    """The torch.nn network with torch's optimizer, and the copies; `edition` says which forms of a rule are right."""

    def __init__(self, plan: NetPlan, edition: str, scales: tuple[float, ...]) -> None:
        self._plan, self._s = plan, plan.settings
        self.updated = {name: updated_name(name) for name in plan.compared}
        self.remembers = False
        self._forms = right_forms(self._s.rule, edition)
        self._trained, self._copies = Trained(plan), Copies(plan, self._forms[0][0])
        self._seeing = Seeing(plan, scales)
        self.notes: tuple[Note, ...] = ()

    def takes(self, name: str, shape: tuple[int, ...], asked: tuple[int, ...]) -> bool:
        """A row or a column is as good as a flat array."""
        return tuple(n for n in shape if n != 1) == tuple(n for n in asked if n != 1)

    def take(
        self,
        step: Step,
        following: Step | None,
        submitted: Submitted,
        judged: JudgedStep,
        radius: Callable[[str, Callable[[], float], float], float],
    ) -> Taken:
        seen = self._seeing.step(submitted, judged)
        if step.number == 1:
            self._choose_form(submitted)
            self._choose_variance(submitted, seen)
            self._choose_root(submitted, seen)

        def slope(layer: int, u: Tensor, before: Sequence[Tensor]) -> Tensor:
            name = f"into relu {layer}"

            def spread() -> float:
                return float((self._copies.into_relu(layer, seen, before) - u).abs().amax())

            return side_of_kinks(u, seen.into_relu[layer - 1], partial(radius, name, spread), judged)

        (wanted, slopes), judged.torch_seconds = timed(self._trained.step, seen, slope, step.eta)
        wanted |= {BATCH: seen.X, RATE: torch.tensor(step.eta, dtype=torch.float64)}

        def copies(wanted: Mapping[str, Tensor], asked: bool) -> Spreads:
            return self._copies.step(seen, slopes, step.eta, step.epoch, wanted if asked else {})

        return Taken(wanted, copies)

    def _choose_form(self, submitted: Submitted) -> None:
        """The right form of the rule that explains the submission's first update, from its own gradients; else torch's.

        Forms differ in where ε stands, by far more than rounding.
        """
        for number, (update, note) in enumerate(self._forms):
            if all(self._explains(update, name, submitted) for name in self._plan.compared):
                if number:
                    self._trained.use(update)
                    self._copies.use(update)
                self.notes = (Note(NoteKind.READING, f"{self._s.rule} {note}"),) if note else ()
                return

    def _choose_variance(self, submitted: Submitted, seen: SeenStep) -> None:
        """Whether the submission's running variance moves to the variance with ε: that is small, and so is right."""
        own = submitted.get("running var 1", (self._s.hidden[0],)) if self._s.normalization == "batchnorm" else None
        if own is None:
            return
        with torch.no_grad():
            variance = self._trained.network.affine[0](seen.X.flatten(1)).var(0, unbiased=False).cpu().numpy()
        apart = np.abs(own - (1 - MOMENTUM) * (variance + EPS)).max()
        if apart < (1 - MOMENTUM) * EPS / 2:  # nearer than half way to the variance without ε
            self._trained.network.added = self._copies.added = EPS
            self.notes += (Note(NoteKind.READING, f"batchnorm_forward {PLUS_EPS}"),)

    def _choose_root(self, submitted: Submitted, seen: SeenStep) -> None:
        """Whether the submission's norms have epsilon beside the root, and if so, in which form their gradients are."""
        network, own = self._trained.network, seen.into_relu[0]
        if not self._s.normalization or own is None:
            return
        if self._apart(network, seen, None, own) <= self._apart(network, seen, Beside(), own):
            return
        given = submitted.get("dW1", self._plan.weights["W1"].shape)
        forms = FORMS if given is not None else FORMS[:1]
        network.beside = self._copies.beside = min(forms, key=lambda form: self._off(network, seen, form, given))
        self.notes += (Note(NoteKind.READING, f"{self._s.normalization}_forward {BESIDE.text}"),)

    def _apart(self, network: Network, seen: SeenStep, form: Beside | None, own: Tensor) -> float:
        """How far what the first relu is given is from the submission's."""
        network.beside = form
        with torch.no_grad():
            _, values, _ = network.loss(seen, _own_side(seen), moving=False)
        network.beside = None
        return float((values["into relu 1"] - own).abs().amax())

    def _off(self, network: Network, seen: SeenStep, form: Beside, given: Array | None) -> float:
        """How far the first weights' gradient is from the submission's."""
        if given is None:
            return 0.0
        network.beside = form
        loss, _, _ = network.loss(seen, _own_side(seen), moving=False)
        (g,) = torch.autograd.grad(loss, [network.parameter("W1")])
        network.beside = None
        return float(np.abs(network.view(g, "W1").cpu().numpy() - given).max())

    def _explains(self, update: Update, name: str, submitted: Submitted) -> bool:
        before = self._plan.weights[name]
        g, after = (submitted.get(one, before.shape) for one in (f"d{name}", updated_name(name)))
        if g is None or after is None:
            return False
        w, config = torch.from_numpy(before), {**DEFAULTS[self._s.rule], "learning_rate": self._s.first_eta}
        new: Array = update(config, w, torch.from_numpy(np.array(g, before.dtype))).numpy()
        bound = gamma(ROUNDINGS, before.dtype) * (np.abs(before) + np.abs(new - before))
        with np.errstate(all="ignore"):
            return bool((np.abs(after - new) <= bound).all())
