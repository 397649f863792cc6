"""Dropout with a given mask and its gradient, as answers; arrays of any shape.

Two programs never draw the same random numbers, so the mask that one of them used is handed to the other.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reference import rounding
from reference.answer import Alternative, Answer, precise
from reference.tensors import to_array, to_tensor

Array = NDArray[Any]


def forward(q: Array, kept: NDArray[np.bool_], r: float, device: str = "cpu") -> Answer:
    """s = q·kept/(1 − r); `kept` is the mask, of q's shape, and r the rate, in [0, 1)."""
    scale = torch.tensor(1 / (1 - r), dtype=torch.from_numpy(q).dtype, device=device)
    s = to_array(to_tensor(q, device) * (to_tensor(kept, device) * scale))

    def exactly() -> Array:
        high = precise(q)
        return np.asarray(high * kept / (high.dtype.type(1) - high.dtype.type(r)))

    return Answer(s, rounding.dropout(s, r), exactly)


def backward(q: Array, kept: NDArray[np.bool_], grad: Array, r: float, device: str = "cpu") -> Answer:
    """grad·kept/(1 − r); where q is 0 its mask cannot be seen in the forward, and both 0 and grad/(1 − r) are right."""
    answer = forward(grad, kept | (q == 0), r, device)
    if r == 0:
        return answer
    zeros = np.zeros_like(grad)
    return replace(answer, alternatives=(Alternative(zeros, rounding.zero_radius(zeros), q == 0),))
