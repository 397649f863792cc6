"""An optimizer of one's own over a hundred steps, compared with torch.optim's. Run: `python optimizer.py`."""

import numpy as np
import torch

from parity import hold

STEPS = 100


# the optimizer
def adam(w, g):  # type: ignore[no-untyped-def]
    m, v, found = np.zeros_like(w), np.zeros_like(w), {}
    for t in range(1, STEPS + 1):
        m, v = 0.9 * m + 0.1 * g[t - 1], 0.999 * v + 0.001 * g[t - 1] ** 2
        w = w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        found[f"w after {t}"] = w
    return found


# beside it
def torchs(w: torch.Tensor, g: torch.Tensor) -> dict[str, torch.Tensor]:
    w, found = w.clone().requires_grad_(), {}
    optimizer = torch.optim.Adam([w], lr=0.01)
    for t in range(1, STEPS + 1):
        w.grad = g[t - 1]
        optimizer.step()
        found[f"w after {t}"] = w.detach().clone()
    return found


rng = np.random.default_rng(0)
result = hold(adam, torchs, w=rng.standard_normal(50), g=rng.standard_normal((STEPS, 50)))
print(result)
assert result
