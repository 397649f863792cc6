"""A whole model in CI: `parity hold model_in_ci.py`, or `pytest --pairs model_in_ci.py`."""

import numpy as np
import torch

from parity import pair

torch.manual_seed(0)
MODEL = torch.nn.Sequential(torch.nn.Linear(20, 64), torch.nn.Tanh(), torch.nn.Linear(64, 5)).double()
WEIGHTS = [p.detach().numpy() for p in MODEL.parameters()]


# the port of the model, with the weights copied across; beside it one line
@pair(reference=MODEL, shapes={"input": ("N", 20)}, dtypes=["float64"], name="my model")
def ported(input):  # type: ignore[no-untyped-def]
    w1, b1, w2, b2 = WEIGHTS
    return np.tanh(input @ w1.T + b1) @ w2.T + b2
