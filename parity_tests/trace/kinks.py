"""What torch's run takes over from the submission's: its side of a kink within the radius."""

from collections.abc import Callable

import torch

from parity_tests.trace.judge import JudgedStep


def side_of_kinks(
    u: torch.Tensor, submitted: torch.Tensor | None, radius: Callable[[float], float], judged: JudgedStep
) -> torch.Tensor:
    """Where relu's slope is 1 (N×M): torch's own view, but the submission's where u lies within its radius of 0.

    u and `submitted` are both sides' pre-activations. The radius is asked for only where the two views differ, and is
    told how far from 0 u is there at most: whatever covers that serves as well. Counts the kinks in `judged`.
    """
    own_side = u > 0
    if submitted is None:
        return own_side
    other_side = submitted > 0
    differ = own_side != other_side
    if not differ.any():
        return own_side
    size = u.abs()
    near = size <= radius(float(size[differ].max()))
    judged.shared_kinks += int((differ & near).sum())
    judged.other_kinks += int((differ & ~near).sum())
    return torch.where(near, other_side, own_side)
