"""SGD with momentum in its classical form, as a torch optimizer."""

from __future__ import annotations

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

    """

    def __init__(self, params: ParamsT, lr: float = 0.01, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            lr, momentum, weight_decay = group["lr"], group["momentum"], group["weight_decay"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                state = self.state[w]
                if momentum > 0 and "velocity" not in state:
                    state["velocity"] = torch.zeros_like(w)
                update(w, w.grad, state.get("velocity"), lr=lr, momentum=momentum, weight_decay=weight_decay)
