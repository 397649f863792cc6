"""torch's side of a free run of the homework's network: it replays masks and kinks; its copies measure the radius."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import WEIGHT_NAMES, updated_name
from parity_tests.assignments.mlp.network import formula
from parity_tests.assignments.mlp.network.model import Trainer
from parity_tests.assignments.mlp.network.replicas import Replicas
from parity_tests.assignments.mlp.trace.plan import MlpPlan
from parity_tests.assignments.mlp.trace.settings import Settings
from parity_tests.trace.judge import JudgedStep
from parity_tests.trace.plan import Step
from parity_tests.trace.twin import Both, Spreads, Submitted, Taken, Twin, side_of_kinks, timed
from reference.answer import precise

Array = NDArray[Any]


class MlpTwin(Twin):
    """The torch model, and its replicas, from a plan's weights; `dropout` or none."""

    def __init__(self, plan: MlpPlan, dropout: bool) -> None:
        self._plan, self._settings, self._dropout = plan, plan.settings, dropout
        s = plan.settings
        options: dict[str, Any] = {"alpha": s.alpha, "lam": s.lam, "device": s.device}
        self._trainer = Trainer(plan.weights, activation=s.activation, **options)
        self._replicas = Replicas(plan.weights, s.replicas, **options, seed=s.seed)
        self._last_batch: tuple[int, torch.Tensor, torch.Tensor] | None = None
        self.updated = {name: updated_name(name) for name in WEIGHT_NAMES}
        self.remembers = s.alpha > 0

    def logits(self, X: Array) -> Array:
        """torch's own logits (N×K) after the last step."""
        return np.asarray(self._trainer.logits(self._tensor(X)).cpu().numpy())

    def takes(self, name: str, shape: tuple[int, ...], asked: tuple[int, ...]) -> bool:
        """A flat bias is as good as a row."""
        return len(asked) == 2 and shape == asked[1:] and name.endswith("b")

    def take(
        self,
        step: Step,
        following: Step | None,
        submitted: Submitted,
        judged: JudgedStep,
        radius: Callable[[str, Callable[[], float], float], float],
    ) -> Taken:
        X, y = self._batch(step)
        u, judged.torch_seconds = timed(self._trainer.hidden, X)
        seen = {name: submitted.get(name, (len(y), u.shape[1])) for name in self._needed_first()}
        mask = self._mask(u, seen, judged)
        slope_one = None
        if self._settings.activation == "relu":
            pre = seen["L1 output"]

            def spread() -> float:
                return self._replicas.spread(self._replicas.hidden(X), u)

            own = None if pre is None else self._tensor(pre)
            slope_one = side_of_kinks(u, own, partial(radius, "L1 output", spread), judged)
        other_side = slope_one if judged.shared_kinks else None
        wanted, seconds = timed(self._trainer.step, y, mask, other_side, step.eta)
        judged.torch_seconds += seconds

        def copies(wanted: Mapping[str, torch.Tensor], asked: bool) -> Spreads:
            return self._replicas.step(X, y, mask, slope_one, step.eta, wanted if asked else None, next_X)

        next_X = None if following is None else self._batch(following)[0]
        return Taken(wanted, copies, blame=partial(self._blame, X, y, mask, slope_one, step.eta))

    # ---- what a step is made of

    def _batch(self, step: Step) -> tuple[torch.Tensor, torch.Tensor]:
        """X and the labels of a step; the same tensors when asked again, as the replicas have begun with X."""
        if self._last_batch is None or self._last_batch[0] != step.number:
            X, y = self._plan.data(step)
            self._last_batch = step.number, self._tensor(X), self._tensor(y)
        return self._last_batch[1:]

    def _tensor(self, array: Array) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._settings.device)

    def _needed_first(self) -> list[str]:
        """What must be known of the submission before torch takes the step: pre-activations, and its mask; all N×M."""
        names = ["L1 output", "activation output", "L2 gradient of X"]
        return [*names, "dropout output", "dropout gradient"] if self._dropout else names

    def _mask(self, u: torch.Tensor, seen: Mapping[str, Array | None], judged: JudgedStep) -> torch.Tensor:
        """The submission's own mask of 0 and 1/(1 − r); 1 everywhere without dropout, or where it cannot be told."""
        rate = self._settings.rate
        kept = _kept_units(seen, judged) if self._dropout and rate > 0 else None
        if kept is None:
            return torch.ones_like(u)
        return self._tensor(kept) * torch.tensor(1 / (1 - rate), dtype=u.dtype, device=u.device)

    def _blame(
        self,
        X: torch.Tensor,
        y: torch.Tensor,
        mask: torch.Tensor,
        slope_one: torch.Tensor | None,
        eta: float,
        name: str,
        both: Both,
    ) -> tuple[str, str]:
        """Whose side is further from the same step in higher precision."""
        settings = self._settings
        scale = 1 if settings.rate == 0 else 1 / (1 - np.longdouble(settings.rate))
        inputs = Inputs(X.cpu().numpy(), y.cpu().numpy(), (mask.cpu().numpy() != 0) * scale, eta)
        torch_slope = None if slope_one is None else slope_one.cpu().numpy()
        pre = both.submitted["L1 output"]
        own_slope = torch_slope if torch_slope is None or pre is None else pre > 0
        # Without momentum the weights before the last step do not matter, and may be gone.
        before, earlier = both.before, both.earlier if self.remembers else both.before
        submitted, wanted = both.submitted[name], both.wanted[name].cpu().numpy()
        assert submitted is not None
        return whose_side(
            name,
            inputs,
            Side(submitted, before.submission, earlier.submission, own_slope),
            Side(wanted, _arrays(before.torch), _arrays(earlier.torch), torch_slope),
            settings,
        )


def _arrays(weights: Mapping[str, torch.Tensor]) -> dict[str, Array]:
    return {name: w.cpu().numpy() for name, w in weights.items()}


def _kept_units(submitted: Mapping[str, Array | None], judged: JudgedStep) -> NDArray[np.bool_] | None:
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


@dataclass(frozen=True)
class Inputs:
    """What a step was made of: X (N×D), N labels, the mask (N×M, in long double) and the learning rate."""

    X: Array
    y: NDArray[np.int64]
    mask: Array
    eta: float


@dataclass(frozen=True)
class Side:
    """One side's step: its value of the quantity, its weights before the step and before the last, its side of kinks.

    `slope_one` says where relu's slope is 1, and is None for tanh.
    """

    value: Array
    before: Mapping[str, Array]
    earlier: Mapping[str, Array]
    slope_one: NDArray[np.bool_] | None


def whose_side(quantity: str, inputs: Inputs, submission: Side, torch: Side, settings: Settings) -> tuple[str, str]:
    """Which side is further off, "submission" or "reference", and the sentence that says by how much each is.

    Each side is held against the step recomputed in higher precision from its own weights before it. Its velocity is
    the change of weights that it made in the step before.
    """
    theirs = _distance(quantity, inputs, submission, settings)
    ours = _distance(quantity, inputs, torch, settings)
    precision = "float64" if inputs.X.dtype == np.float32 else "long double"
    sentence = (
        f"recomputed in {precision} from its own weights, the submission differs by {theirs:.2g}, torch by {ours:.2g}"
    )
    return "reference" if ours > theirs else "submission", sentence


def _distance(quantity: str, inputs: Inputs, side: Side, settings: Settings) -> float:
    """The largest distance of a side's value from its own step in higher precision."""
    dtype, high = inputs.X.dtype, precise(inputs.X)
    weights = {name: precise(np.asarray(side.before[name], dtype)) for name in WEIGHT_NAMES}
    velocity = {name: weights[name] - precise(np.asarray(side.earlier[name], dtype)) for name in WEIGHT_NAMES}
    exact = formula.step(
        weights,
        velocity,
        high,
        inputs.y,
        inputs.mask.astype(high.dtype),
        None if side.slope_one is None else side.slope_one.astype(high.dtype),
        activation=settings.activation,
        alpha=settings.alpha,
        lam=settings.lam,
        eta=inputs.eta,
    )[quantity]
    with np.errstate(all="ignore"):
        return float(np.abs(side.value.astype(high.dtype) - exact).max())
