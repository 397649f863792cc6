"""The weights of both sides after the last steps, as far as judging a step needs them."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reference.distance import LargestDifference, row_blocks

Array = NDArray[Any]


class TorchHistory:
    """torch's weights after the last steps, in memory that is used again and again."""

    def __init__(self, weights: Mapping[str, Array], steps: int, device: str) -> None:
        """Keeps those of so many steps, at first all of them `weights`."""
        self._states = deque(
            {name: torch.tensor(w, device=device) for name, w in weights.items()} for _ in range(steps)
        )
        self._difference = LargestDifference()

    @property
    def before(self) -> dict[str, torch.Tensor]:
        """The weights before the step that is being taken."""
        return self._states[-1]

    @property
    def earlier(self) -> dict[str, torch.Tensor]:
        """The weights before the last step."""
        return self._states[-2]

    @property
    def after(self) -> dict[str, torch.Tensor]:
        """The weights after the step that is being taken, once each is `followed`."""
        return self._states[0]

    def follow(self, name: str, updated: torch.Tensor, submitted: torch.Tensor) -> tuple[float, float]:
        """Copy a weight after its update; the largest gap of the submission's, and torch's own largest change.

        All three are done in one pass, because a weight is large.
        """
        gaps, changes = [], []
        blocks = map(row_blocks, (updated, submitted, self.before[name], self.after[name]))
        for new, other, old, copy in zip(*blocks, strict=True):
            gaps.append(self._difference.between(other, new))
            changes.append(self._difference.between(new, old))
            copy.copy_(new)
        return float(np.max(gaps)), float(np.max(changes))

    def advance(self) -> None:
        """The step is taken: what was after it is before the next."""
        self._states.rotate(-1)


class SubmissionHistory:
    """The submission's weights after the last step and the one before: its own arrays, valid for three rounds."""

    def __init__(self, weights: Mapping[str, Array], *, momentum: bool) -> None:
        """With momentum those before the last step are needed for longer than their arrays stay valid."""
        self.before: Mapping[str, Array] = dict(weights)
        self.earlier: Mapping[str, Array] = self.before
        self._momentum = momentum

    def advance(self, after: Mapping[str, Array | None]) -> None:
        """The step is taken; a weight that the submission did not return stays as it was."""
        if self._momentum:
            self.copy()
        self.earlier, before = self.before, self.before
        self.before = {name: before[name] if w is None else w for name, w in after.items()}

    def copy(self) -> None:
        """Copy the weights after the last step."""
        self.before = {name: w.copy() for name, w in self.before.items()}
