"""Perturbed copies of a training run of FullyConnectedNet, all at once in one more dimension: what rounding can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS, Update
from parity_tests.assignments.cs231n.trace.beside_root import EPS, Beside
from parity_tests.assignments.cs231n.trace.plan import BATCH, LOSS, RATE, SCORES, NetPlan, updated_name
from parity_tests.assignments.cs231n.trace.seen import SeenStep
from parity_tests.trace.perturbed import Perturbed

MOMENTUM = 0.9
"""Of batch norm, as EPS: the numbers that FullyConnectedNet leaves as they are."""


class Copies:
    """R copies, from a plan's parameters, which are R×D×M and so on.

    The formulas are written out, each operation for itself, as a submission computes them and not as torch's fused
    ones do. They are a second way to the same numbers, which torch's own run is tested against.
    """

    def __init__(self, plan: NetPlan, update: Update) -> None:
        self._plan, self._s = plan, plan.settings
        R, s = plan.settings.replicas, plan.settings
        self._mode = Perturbed(s.seed, s.device)
        given = {name: torch.tensor(w, device=s.device) for name, w in plan.weights.items()}
        self.weights = {name: w.repeat(R, *[1] * w.ndim) for name, w in given.items()}
        self._configs = {name: dict(DEFAULTS[s.rule]) for name in self.weights}
        self._update = update
        self.added = 0.0
        """What is added to the variance that the running one moves to."""
        self.beside: Beside | None = None
        """Norms with epsilon beside the root, where the submission has it there."""
        first = next(iter(given.values()))
        self.averages = {name: first.new_zeros(R, s.hidden[k // 2]) for k, name in enumerate(plan.averages())}
        # Rounding is not random where its operands are not: a weight that decays alone is rounded the same way each
        # time. So with a penalty half of the copies keep the sign with which each weight is rounded.
        steady = R // 2 if s.reg > 0 else 0
        self._steady = {name: self._mode.factors(w[:steady]) for name, w in self.weights.items()} if steady else {}

    def use(self, update: Update) -> None:
        """Update in another right form from now on; no step may have been taken."""
        self._update = update

    def into_relu(self, layer: int, seen: SeenStep, slopes: Sequence[Tensor]) -> Tensor:
        """What relu is given in a layer (R×N×M), by the sides of kinks in the layers before it."""
        with torch.no_grad(), self._mode:
            h = seen.X.flatten(1).expand(self._s.replicas, -1, -1)
            for before in range(1, layer):
                h = self._after_relu(self._normed(before, h, None), slopes[before - 1], seen.masks, before)
            return self._normed(layer, h, None)

    def step(
        self, seen: SeenStep, slopes: Sequence[Tensor], eta: float, epoch: int, wanted: Mapping[str, Tensor]
    ) -> dict[str, float]:
        """Take a step; the spread of each quantity, and of what relu is given in each layer ("into relu 1")."""
        for w in self.weights.values():
            w.requires_grad_(True)
        spreads = {BATCH: 0.0}
        # A Solver may multiply by the decay epoch by epoch, or raise it to a power: a rounding or two for each.
        spreads[RATE] = 2 * epoch * torch.finfo(torch.float64).eps * eta
        values: dict[str, Tensor] = {}
        with self._mode:
            h = seen.X.flatten(1).expand(self._s.replicas, -1, -1)
            for layer in range(1, len(self._s.hidden) + 1):
                u = self._normed(layer, h, values)
                values[f"into relu {layer}"] = u.detach()
                h = self._after_relu(u, slopes[layer - 1], seen.masks, layer)
            loss = self._loss(self._affine(len(self._s.hidden) + 1, h), seen.y)
            names = list(self.weights)
            grads = dict(zip(names, torch.autograd.grad(loss.sum(), list(self.weights.values())), strict=True))
        values[LOSS] = loss.detach()
        with torch.no_grad():
            for name, g in grads.items():
                values[f"d{name}"] = g
                self._updated(name, g, eta)
                values[updated_name(name)] = self.weights[name]
            if seen.rows:
                with self._mode:
                    values[SCORES] = self._scores(seen.X_val)
        return spreads | {
            name: float((copies - wanted[name]).abs().amax()) for name, copies in values.items() if name in wanted
        }

    # ---- parts of a step

    def _affine(self, layer: int, h: Tensor) -> Tensor:
        return torch.bmm(h, self.weights[f"W{layer}"]) + self.weights[f"b{layer}"][:, None]

    def _normed(self, layer: int, h: Tensor, averages: dict[str, Tensor] | None) -> Tensor:
        """The affine layer and its normalisation; with `averages` the running ones move on, and are put there."""
        a = self._affine(layer, h)
        if not self._s.normalization:
            return a
        dim = 1 if self._s.normalization == "batchnorm" else 2
        mean = a.mean(dim, keepdim=True)
        centred = a - mean
        variance = (centred * centred).mean(dim, keepdim=True)
        if averages is not None and dim == 1:
            with torch.no_grad():
                for what, now in (("mean", mean), ("var", variance + self.added if self.added else variance)):
                    name = f"running {what} {layer}"
                    moved = MOMENTUM * self.averages[name] + (1 - MOMENTUM) * now[:, 0].detach()
                    self.averages[name] = averages[name] = moved
        if self.beside:
            return self._scaled(layer, self.beside(a, dim))
        return self._scaled(layer, centred / torch.sqrt(variance + EPS))

    def _scaled(self, layer: int, normed: Tensor) -> Tensor:
        return normed * self.weights[f"gamma{layer}"][:, None] + self.weights[f"beta{layer}"][:, None]

    def _after_relu(self, u: Tensor, slope_one: Tensor, masks: Sequence[Tensor], layer: int) -> Tensor:
        h = torch.where(slope_one, u, torch.zeros_like(u))
        return h * masks[layer - 1] if masks else h

    def _loss(self, scores: Tensor, y: Tensor) -> Tensor:
        """The loss of each copy."""
        d = scores - scores.detach().amax(2, keepdim=True)
        labels = y.expand(len(d), -1)[..., None]
        losses = d.exp().sum(2).log() - d.gather(2, labels)[..., 0]
        loss = losses.mean(1)
        if self._s.reg:
            for name, w in self.weights.items():
                if name.startswith("W"):
                    loss = loss + 0.5 * self._s.reg * (w * w).sum((1, 2))
        return loss

    def _updated(self, name: str, g: Tensor, eta: float) -> None:
        config = self._configs[name]
        config["learning_rate"] = eta
        w = self.weights[name].detach()
        with self._mode:
            w = self._update(config, w, g)
        if name in self._steady:
            steady = self._steady[name]
            w[: len(steady)] *= steady
        self.weights[name] = w

    def _scores(self, X: Tensor) -> Tensor:
        """The scores in the test mode."""
        h = X.flatten(1).expand(self._s.replicas, -1, -1)
        for layer in range(1, len(self._s.hidden) + 1):
            if self._s.normalization == "batchnorm":
                mean, variance = (self.averages[f"running {what} {layer}"][:, None] for what in ("mean", "var"))
                deviation = torch.sqrt(variance) + EPS if self.beside else torch.sqrt(variance + EPS)
                u = self._scaled(layer, (self._affine(layer, h) - mean) / deviation)
            else:
                u = self._normed(layer, h, None)
            h = u.clamp(min=0)
        return self._affine(len(self._s.hidden) + 1, h)
