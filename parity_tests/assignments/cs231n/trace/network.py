"""FullyConnectedNet in torch.nn, with masks and sides of kinks that it is given, and its optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS, Update
from parity_tests.assignments.cs231n.trace.beside_root import EPS, Beside
from parity_tests.assignments.cs231n.trace.copies import MOMENTUM
from parity_tests.assignments.cs231n.trace.plan import LOSS, SCORES, NetPlan, updated_name
from parity_tests.assignments.cs231n.trace.seen import SeenStep
from reference.optimizer import ClassicalSGD

Slope = Callable[[int, Tensor, Sequence[Tensor]], Tensor]
"""Gives where relu's slope is 1 in a layer, from torch's input of relu there and the slopes of the layers before."""


class Network(nn.Module):
    """The layers, with a plan's parameters."""

    def __init__(self, plan: NetPlan) -> None:
        super().__init__()
        s = plan.settings
        options: dict[str, Any] = {"dtype": getattr(torch, s.dtype), "device": s.device}
        sizes = [plan.weights["W1"].shape[0], *s.hidden, plan.examples.classes]
        self.affine = nn.ModuleList(nn.Linear(*pair, **options) for pair in pairwise(sizes))
        self.norm = nn.ModuleList()
        for size in s.hidden:
            if s.normalization == "batchnorm":
                self.norm.append(nn.BatchNorm1d(size, track_running_stats=False, **options))
            elif s.normalization == "layernorm":
                self.norm.append(nn.LayerNorm(size, **options))
        self._s = s
        # torch starts its running variance at 1 and moves it by the unbiased one; theirs starts at 0, by the biased.
        self.added = 0.0  # to the variance that the running one moves to
        self.beside: Beside | None = None
        self.averages = {name: torch.zeros(s.hidden[k // 2], **options) for k, name in enumerate(plan.averages())}
        with torch.no_grad():
            for name, w in plan.weights.items():
                self.view(self.parameter(name), name).copy_(torch.from_numpy(w))

    def parameter(self, name: str) -> nn.Parameter:
        """The parameter that the assignment calls so: "W1", "b1", "gamma1" or "beta1"."""
        kind, layer = name.rstrip("0123456789"), int(name.lstrip("Wabetgm")) - 1
        module = self.affine[layer] if kind in ("W", "b") else self.norm[layer]
        found = module.weight if kind in ("W", "gamma") else module.bias
        assert isinstance(found, nn.Parameter)
        return found

    @staticmethod
    def view(tensor: Tensor, name: str) -> Tensor:
        """A parameter or its gradient in the assignment's shape: of weights the transpose."""
        return tensor.T if name.startswith("W") else tensor

    def loss(
        self, seen: SeenStep, slope: Slope, *, moving: bool = True
    ) -> tuple[Tensor, dict[str, Tensor], list[Tensor]]:
        """The loss of a step; what relu is given, and the running averages after it if they move; and all slopes."""
        values: dict[str, Tensor] = {}
        slopes: list[Tensor] = []
        h = seen.X.flatten(1)
        for layer in range(1, len(self._s.hidden) + 1):
            a = self.affine[layer - 1](h)
            values |= self._moved_averages(layer, a.detach()) if moving else {}
            u = self._normed(layer, a)
            values[f"into relu {layer}"] = u.detach()
            slopes.append(slope(layer, u.detach(), slopes))
            h = torch.where(slopes[-1], u, torch.zeros_like(u))
            h = h * seen.masks[layer - 1] if seen.masks else h
        loss = F.cross_entropy(self.affine[-1](h), seen.y)
        if self._s.reg:
            squares = [(self.parameter(f"W{layer}") ** 2).sum() for layer in range(1, len(self.affine) + 1)]
            loss = loss + 0.5 * self._s.reg * torch.stack(squares).sum()
        return loss, values, slopes

    @torch.no_grad()
    def scores(self, X: Tensor) -> Tensor:
        """N×C in the test mode: no dropout, and the running averages in batch norm."""
        h = X.flatten(1)
        for layer, affine in enumerate(self.affine[:-1], 1):
            h = affine(h)
            if self._s.normalization == "batchnorm":
                scale, shift = self.parameter(f"gamma{layer}"), self.parameter(f"beta{layer}")
                mean, variance = (self.averages[f"running {what} {layer}"] for what in ("mean", "var"))
                if self.beside:
                    h = (h - mean) / (variance.sqrt() + EPS) * scale + shift
                else:
                    h = F.batch_norm(h, mean, variance, scale, shift, training=False)
            elif self.norm:
                h = self._normed(layer, h)
            h = F.relu(h)
        scores: Tensor = self.affine[-1](h)
        return scores

    def _normed(self, layer: int, a: Tensor) -> Tensor:
        """The normalised output of an affine layer; as it is where there is no norm."""
        if self.beside and self.norm:
            dim = 0 if self._s.normalization == "batchnorm" else 1
            return self.beside(a, dim) * self.parameter(f"gamma{layer}") + self.parameter(f"beta{layer}")
        return self.norm[layer - 1](a) if self.norm else a

    def _moved_averages(self, layer: int, a: Tensor) -> dict[str, Tensor]:
        moved = {}
        for what, now in (("mean", a.mean(0)), ("var", a.var(0, unbiased=False) + self.added)):
            name = f"running {what} {layer}"
            if name in self.averages:
                self.averages[name] = moved[name] = MOMENTUM * self.averages[name] + (1 - MOMENTUM) * now
        return moved


class Trained:
    """The network, and what updates it: torch's own optimizer, or a right form of the rule that torch has not."""

    def __init__(self, plan: NetPlan) -> None:
        self.network = Network(plan)
        self._plan, self._rule = plan, plan.settings.rule
        self._optimizer = _optimizer(self._rule, self.network.parameters())
        self._update: Update | None = None
        self._configs: dict[str, dict[str, Any]] = {}

    def use(self, update: Update) -> None:
        """Update in another right form from now on; no step may have been taken."""
        self._update = update
        self._configs = {name: dict(DEFAULTS[self._rule]) for name in self._plan.weights}

    def step(self, seen: SeenStep, slope: Slope, eta: float) -> tuple[dict[str, Tensor], list[Tensor]]:
        """A step: the values of its quantities by name, and the slopes. Weights are valid until the next step."""
        network = self.network
        network.zero_grad(set_to_none=True)
        loss, values, slopes = network.loss(seen, slope)
        loss.backward()  # type: ignore[no-untyped-call]
        values[LOSS] = loss.detach()
        for name in self._plan.compared:
            grad = network.parameter(name).grad
            assert grad is not None
            values[f"d{name}"] = network.view(grad, name)
        self._descend(eta)
        for name in self._plan.compared:
            values[updated_name(name)] = network.view(network.parameter(name).detach(), name)
        if seen.rows:
            values[SCORES] = network.scores(seen.X_val)
        return values, slopes

    @torch.no_grad()
    def _descend(self, eta: float) -> None:
        if self._update is None:
            for group in self._optimizer.param_groups:
                group["lr"] = eta
            self._optimizer.step()
            return
        for name, config in self._configs.items():
            config["learning_rate"] = eta
            w = self.network.parameter(name)
            w.copy_(self._update(config, w, w.grad))


def _optimizer(rule: str, parameters: Any) -> torch.optim.Optimizer:
    """torch's own; but of momentum the classical form, as torch keeps η outside the velocity, where it changes here."""
    usual = DEFAULTS[rule]
    lr = usual["learning_rate"]
    if rule == "sgd":
        return torch.optim.SGD(parameters, lr)
    if rule == "sgd_momentum":
        return ClassicalSGD(parameters, lr, usual["momentum"])
    if rule == "rmsprop":
        return torch.optim.RMSprop(parameters, lr, alpha=usual["decay_rate"], eps=usual["epsilon"])
    return torch.optim.Adam(parameters, lr, (usual["beta1"], usual["beta2"]), usual["epsilon"])
