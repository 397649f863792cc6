"""SGD with momentum in its classical form, as a torch optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT


@torch.no_grad()
def update(w: Tensor, g: Tensor, velocity: Tensor | None, *, lr: float, momentum: float, weight_decay: float) -> None:
    """One step on one parameter, in place, and on its velocity where there is momentum: what ClassicalSGD does.

    g is ∂l/∂w. Raises ValueError for momentum without a velocity.
    """
    if weight_decay != 0:
        g = g.add(w, alpha=weight_decay)
    if momentum <= 0:
        w.sub_(g, alpha=lr)
    elif velocity is None:
        raise ValueError("A step with momentum needs a velocity.")
    else:
        w.add_(velocity.mul_(momentum).sub_(g, alpha=lr))


class ClassicalSGD(Optimizer):
    """SGD with classical momentum α, weight decay λ and learning rate η.

    g = ∂l/∂w + λ w
    α > 0:  υ ← α υ − η g,  w ← w + υ, from υ = 0
    α ≤ 0:  w ← w − η g

    torch.optim.SGD keeps υ without η (buf ← α buf + g, w ← w − η buf). The two agree while η is constant and
    part when it changes: here a new η acts on new gradients only (Polyak's heavy ball, as Sutskever et al.
    2013 write it).

    params is as for any torch optimizer; lr is η ≥ 0, momentum α < 1, weight_decay λ ≥ 0, and each group
    may have its own. Raises ValueError for other values.
    """

    def __init__(self, params: ParamsT, lr: float = 0.01, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group with its own lr, momentum or weight_decay; ValueError where one is out of range."""
        options = {**self.defaults, **param_group}
        lr, momentum, weight_decay = options["lr"], options["momentum"], options["weight_decay"]
        if not 0 <= lr < float("inf"):
            raise ValueError(f"The learning rate lr is {lr}, but it must be finite and not negative.")
        if not momentum < 1:
            raise ValueError(f"momentum is {momentum}, but it must be below 1 (0 or less is none).")
        if not 0 <= weight_decay < float("inf"):
            raise ValueError(f"weight_decay is {weight_decay}, but it must be finite and not negative.")
        super().add_param_group(param_group)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient; returns the closure's loss where one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            lr, momentum, weight_decay = group["lr"], group["momentum"], group["weight_decay"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                state = self.state[w]
                if momentum > 0 and "velocity" not in state:
                    state["velocity"] = torch.zeros_like(w)
                update(w, w.grad, state.get("velocity"), lr=lr, momentum=momentum, weight_decay=weight_decay)
        return loss
