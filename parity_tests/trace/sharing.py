"""What torch's run takes over from the submission's: its dropout masks, and its side of a kink within the radius."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from parity_tests.trace.judge import JudgedStep

Array = NDArray[Any]


def side_of_kinks(
    u: torch.Tensor, submitted: torch.Tensor | None, radius: Callable[[], float], judged: JudgedStep
) -> torch.Tensor:
    """Where relu's slope is 1 (N×M): torch's own view, but the submission's where u lies within its radius of 0.

    u and `submitted` are both sides' pre-activations. The radius is asked for only where the two views differ. Counts
    the kinks in `judged`.
    """
    own_side = u > 0
    if submitted is None:
        return own_side
    other_side = submitted > 0
    differ = own_side != other_side
    if not differ.any():
        return own_side
    near = u.abs() <= radius()
    judged.shared_kinks = int((differ & near).sum())
    judged.other_kinks = int((differ & ~near).sum())
    return torch.where(near, other_side, own_side)


def kept_units(submitted: Mapping[str, Array | None], judged: JudgedStep) -> NDArray[np.bool_] | None:
    """Which units the submission's dropout kept (N×M); None where its results do not tell.

    It is seen in dropout's output; where that was given 0, in dropout's gradient. There relu's slope is 0 and the mask
    has no effect; tanh is 0 there only by accident. Counts the masks in `judged`.
    """
    h, s = submitted["activation output"], submitted["dropout output"]
    if h is None or s is None:
        return None
    back = submitted["dropout gradient"]
    hidden = np.zeros(h.shape, np.bool_) if back is None else back != 0
    kept = np.where(h != 0, s != 0, hidden)
    judged.masks_seen, judged.masks_kept = int((h != 0).sum()), int(((h != 0) & kept).sum())
    return kept
