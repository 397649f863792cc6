"""What torch's run takes over from the submission's in a step: its batch, its masks, and its view of kinks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.assignments.cs231n.trace.plan import BATCH, LOSS, NetPlan
from parity_tests.protocol.comparison import Comparison, failed, mismatched
from parity_tests.protocol.quantity import WHOLE_CASE, Key
from parity_tests.trace.judge import JudgedStep
from parity_tests.trace.plan import Array
from parity_tests.trace.twin import CannotTake, Submitted


@dataclass(frozen=True)
class SeenStep:
    """A step as the submission took it.

    X and the labels y of its batch; a mask of 0 and 1/keep for each layer (N×M), none without dropout; what relu was
    given in each layer (N×M), None where that cannot be seen; and the first `rows` of the validation set, X_val, whose
    scores the Solver asked for after the step, 0 of them where it did not.
    """

    X: Tensor
    y: Tensor
    masks: tuple[Tensor, ...]
    into_relu: tuple[Tensor | None, ...]
    X_val: Tensor
    rows: int


class Seeing:
    """Reads steps; `scales` are those by which dropout may scale what it keeps, of which the submission's is taken."""

    def __init__(self, plan: NetPlan, scales: tuple[float, ...]) -> None:
        self._plan, self._s, self._scales = plan, plan.settings, scales
        e = plan.examples
        self._labels: dict[bytes, set[int]] = {}
        for x, label in zip(e.X_train, e.y_train, strict=True):
            self._labels.setdefault(np.ascontiguousarray(x).tobytes(), set()).add(int(label))

    def step(self, submitted: Submitted, judged: JudgedStep) -> SeenStep:
        """What is seen of a step; `judged` counts the masks. Raises CannotTake where torch cannot follow it."""
        X, y = self._batch(submitted)
        N, facts = len(y), submitted.observation.facts
        shapes = {layer: (N, size) for layer, size in enumerate(self._s.hidden, 1)}
        masks = self._masks(submitted, shapes, judged) if self._s.rate else ()
        pre: dict[int, Array | None] = {}
        for layer, shape in shapes.items():
            all_seen = facts.get("relus") == len(shapes)
            pre[layer] = submitted.get(f"into relu {layer}", shape) if all_seen else None
        rows, X_val = facts.get("rows", 0), self._plan.examples.X_val
        rows = rows if isinstance(rows, int) and 0 < rows <= len(X_val) else 0
        return SeenStep(
            self._tensor(X),
            self._tensor(y),
            masks,
            tuple(None if u is None else self._tensor(u) for u in pre.values()),
            self._tensor(X_val[:rows]),
            rows,
        )

    def _batch(self, submitted: Submitted) -> tuple[Array, NDArray[np.int64]]:
        """The batch that the Solver drew: so many examples of the training set, with their own labels."""
        X = submitted.get(BATCH, self._plan.shapes()[BATCH])
        given = submitted.observation.values.get(Key("y"))
        y = None if given is None else given.array
        if X is None or y is None or y.size != len(X) or y.dtype.kind not in "iu":
            failure = submitted.observation.failures.get(WHOLE_CASE)
            asked = f"{self._s.batch} images and as many labels"
            raise CannotTake({BATCH: mismatched(f"is none of {asked}") if failure is None else failed(failure)})
        y = y.reshape(-1).astype(np.int64)
        for k, (x, label) in enumerate(zip(X, y, strict=True)):
            known = self._labels.get(np.ascontiguousarray(x).tobytes())
            if known is None:
                raise CannotTake({BATCH: mismatched(f"holds, at row {k}, an image that the training set does not")})
            if int(label) not in known:
                own = ", ".join(map(str, sorted(known)))
                raise CannotTake({BATCH: mismatched(f"has the label {label} at row {k}, where the image's is {own}")})
        return X, y

    def _masks(
        self, submitted: Submitted, shapes: Mapping[int, tuple[int, int]], judged: JudgedStep
    ) -> tuple[Tensor, ...]:
        calls = submitted.observation.facts.get("dropouts", 0)
        if calls != len(shapes):
            raise CannotTake(
                {
                    LOSS: _unseen(
                        f"dropout_forward is called {calls} times in training, where {len(shapes)} are expected"
                    )
                }
            )
        masks = []
        for layer, shape in shapes.items():
            before = submitted.get(f"into dropout {layer}", shape)
            after = submitted.get(f"out of dropout {layer}", shape)
            if before is None or after is None:
                raise CannotTake(
                    {LOSS: _unseen(f"dropout_forward of layer {layer} works on no array of shape {shape}")}
                )
            # Where 0 goes in, relu's slope is 0, so that the mask has no effect.
            seen = before != 0
            kept = seen & (after != 0)
            judged.masks_seen, judged.masks_kept = (
                judged.masks_seen + int(seen.sum()),
                judged.masks_kept + int(kept.sum()),
            )
            scales = after[kept].astype(np.float64) / before[kept]
            scale = min(self._scales, key=lambda one: abs(one - float(np.median(scales)))) if scales.size else 1.0
            mask = self._tensor(kept)
            masks.append(mask * torch.tensor(scale, dtype=getattr(torch, self._s.dtype), device=mask.device))
        return tuple(masks)

    def _tensor(self, array: Array) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._s.device)


def _unseen(why: str) -> Comparison:
    return mismatched(f"cannot be followed: {why}")
