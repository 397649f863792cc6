"""Judges one training step of a submission against torch's own: in a run left to itself, or restarted at each step."""

import math
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import UPDATED, WEIGHT_NAMES, key_after_step, updated_name
from parity_tests.assignments.mlp.network import formula
from parity_tests.assignments.mlp.network.answers import logits as torch_logits
from parity_tests.assignments.mlp.network.replicas import Replicas
from parity_tests.assignments.mlp.network.trainer import Trainer
from parity_tests.assignments.mlp.network_verdicts import judge_step
from parity_tests.harness.compare import compare
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.trace.lockstep import Plan, Step, key_of, quantities
from reference.answer import known, precise
from reference.distance import LargestDifference, row_blocks
from reports.model.numbers import exact_number, times

Array = NDArray[Any]
T = TypeVar("T")

FACTOR = 4.0
"""Times the largest spread of the perturbed replicas: the radius. `python -m parity_tests.trace.factor` measures what
it must cover, over seeds, dtypes, activations, widths and honest ways to write each part."""
USEFUL = 0.5
"""The radius tells a bug from rounding while, in every weight, it is below this share of what a step changes: an update
that is lost, made twice or made with a velocity of another kind is off by about as much as it changes."""
WEIGHT_OF = {updated_name(name): name for name in WEIGHT_NAMES}
LOOK_BACK = 100
"""Steps over which the largest change that a step makes is taken."""


@dataclass(frozen=True)
class Figures:
    """One quantity at one step. `spread` is that of the replicas at this step, `change` a weight's largest change."""

    quantity: str
    part: str
    verdict: str
    gap: float | None = None
    radius: float | None = None
    ratio: float | None = None
    spread: float | None = None
    change: float | None = None
    size: float | None = None
    got: float | None = None
    want: float | None = None


@dataclass
class Judged:
    """What a step showed. `broken`: why the run cannot go on, by quantity; `first`: the first divergence, if here.

    `torch_seconds` are of the clock, `replica_seconds` of the processor: the copies run beside everything else.
    """

    step: Step
    figures: list[Figures] = field(default_factory=list)
    submission_seconds: float = 0.0
    loss: float | None = None
    torch_loss: float | None = None
    shared_kinks: int = 0
    other_kinks: int = 0
    kept: int = 0
    seen: int = 0
    torch_seconds: float = 0.0
    replica_seconds: float = 0.0
    broken: dict[str, Comparison] = field(default_factory=dict)
    first: "Divergence | None" = None


@dataclass(frozen=True)
class Divergence:
    """The first quantity, in the order of computation, of the first step that goes beyond its radius."""

    step: int
    quantity: str
    part: str
    comparison: Comparison


class Judge:
    """Judges step after step; `undecided` is the step from which on the radius tells nothing, None so far."""

    def __init__(self, plan: Plan, dropout: bool) -> None:
        self.plan, self.settings = plan, plan.settings
        self.dropout = dropout
        self.names = quantities(plan.settings.activation, dropout)
        self.undecided: int | None = None
        self.undecided_because = ""
        self.first: Divergence | None = None

    def weights_for(self, step: Step) -> dict[str, Array] | None:
        """The weights that the submission must start this step from, None where it goes on from its own."""
        return None

    def take(self, step: Step, seen: Observation, following: Step | None) -> list[Judged]:
        """Take what the submission did in this step; returns the steps that are judged by now, which may lag behind.

        `following` is the next step where it is known.
        """
        raise NotImplementedError

    def settle(self) -> list[Judged]:
        """Judge what has been taken, to the end; returns the steps that were not returned before."""
        return []

    def logits(self, X: Array) -> Array:
        """torch's own logits, after the last step."""
        raise NotImplementedError

    def own_weights(self) -> Mapping[str, Array]:
        """The submission's weights after the last step."""
        raise NotImplementedError

    def hold(self) -> None:
        """Copy what is needed of the submission's last step: its arrays stay valid for three rounds, and more come.

        All that was taken must be settled.
        """
        raise NotImplementedError

    def judge_evaluation(self, X: Array, logits: Returned) -> Comparison:
        """The submission's logits of X with dropout off, held against torch's from the submission's own weights."""
        own = {name: np.asarray(w, self.settings.dtype) for name, w in self.own_weights().items()}
        return compare(logits, torch_logits(own, X, activation=self.settings.activation, device=self.settings.device))

    def _diverges(self, step: Step, name: str, part: str, comparison: Comparison) -> Divergence | None:
        """The first divergence of the run, if none came before."""
        if self.first is not None:
            return None
        self.first = Divergence(step.number, name, part, comparison)
        return self.first


@dataclass(frozen=True)
class _Taken:
    """A step that both sides have made, and what its judgement waits for: the spreads that the copies find.

    `wanted` is torch's, `own` the submission's, by quantity; `before` and `earlier` are the weights before this step
    and before the last, torch's and the submission's.
    """

    step: Step
    seen: Observation
    X: torch.Tensor
    y: torch.Tensor
    keep: torch.Tensor
    side: torch.Tensor | None
    own: Mapping[str, Array | None]
    wanted: Mapping[str, torch.Tensor]
    before: tuple[Mapping[str, torch.Tensor], Mapping[str, Array]]
    earlier: tuple[Mapping[str, torch.Tensor], Mapping[str, Array]]
    gaps: Mapping[str, float]
    changes: Mapping[str, float]
    judged: Judged
    spreads: "Future[tuple[dict[str, float], float]]"


class Free(Judge):
    """Both sides go on from their own weights; the radius is measured by perturbed replicas of torch's side.

    The copies take longest. They make a step in a thread of their own while the next one is taken here, so that a step
    is judged when the next has been taken.
    """

    def __init__(
        self, plan: Plan, dropout: bool, factor: float = FACTOR, cores: AbstractSet[int] | None = None
    ) -> None:
        """`cores` are those that the copies run on, None: whichever are free."""
        super().__init__(plan, dropout)
        s = plan.settings
        options: dict[str, Any] = {"activation": s.activation, "alpha": s.alpha, "lam": s.lam, "device": s.device}
        self.trainer = Trainer(plan.weights, **options)
        self.replicas = Replicas(plan.weights, s.replicas, **options, seed=s.seed)
        self.factor = factor
        self.most: dict[str, float] = {}
        self._changes: dict[str, deque[float]] = {name: deque(maxlen=LOOK_BACK) for name in UPDATED}
        # torch's weights after the last step, the one before, ...: as many as a judgement that lags behind can need.
        kept = 4 if s.alpha > 0 else 3
        self._states = deque(
            {name: torch.tensor(w, device=s.device) for name, w in plan.weights.items()} for _ in range(kept)
        )
        self._own_states: deque[Mapping[str, Array]] = deque([dict(plan.weights)] * 2, maxlen=2)
        self._difference = LargestDifference()
        start_on = None if cores is None else partial(os.sched_setaffinity, 0, cores)
        self._aside = ThreadPoolExecutor(1, "replicas", start_on)
        self._taken: _Taken | None = None
        self._judged: list[Judged] = []
        self._given: tuple[int, torch.Tensor, torch.Tensor] | None = None

    def logits(self, X: Array) -> Array:
        return np.asarray(self.trainer.logits(self._tensor(X)).cpu().numpy())

    def take(self, step: Step, seen: Observation, following: Step | None) -> list[Judged]:
        X, y = self._batch(step)
        judged = Judged(step, submission_seconds=seen.seconds)
        u, judged.torch_seconds = _timed(self.trainer.hidden, X, clock=time.monotonic)
        own = {name: self._own(seen, name, shape) for name, shape in self._shapes(len(y)).items()}
        keep = self._keep(u, own, judged)
        side = self._side(u, own["L1 output"], partial(self._radius_by_now, X, u), judged)
        with_kinks = side if judged.shared_kinks else None
        wanted, seconds = _timed(self.trainer.step, y, keep, with_kinks, step.eta, clock=time.monotonic)
        judged.torch_seconds += seconds
        judged.torch_loss = float(wanted["loss"])
        gaps, changes = self._gaps(seen, own, wanted, judged)
        wanted |= {updated_name(name): w for name, w in self._states[0].items()}  # the next step changes torch's own
        ahead = None if following is None else self._batch(following)[0]
        copies = self._aside.submit(
            _timed, self.replicas.step, X, y, keep, side, step.eta, wanted, ahead, clock=time.thread_time
        )
        self._finish()
        self._taken = _Taken(
            step, seen, X, y, keep, side, own, wanted,
            before=(self._states[-1], self._own_states[-1]),
            earlier=(self._states[-2], self._own_states[-2]),
            gaps=gaps, changes=changes, judged=judged, spreads=copies,
        )  # fmt: skip
        self._states.rotate(-1)
        self._remember(own)
        if judged.broken:
            self._finish()
        return self._new()

    def settle(self) -> list[Judged]:
        self._finish()
        return self._new()

    def _finish(self) -> None:
        """Judge the step that was taken last."""
        if (taken := self._taken) is None:
            return
        self._taken = None
        spread, taken.judged.replica_seconds = taken.spreads.result()
        for name, _ in self.names:
            self.most[name] = self._spread_so_far(name, spread[name])
        self._see_whether_useful(taken.step, taken.changes)
        self._verdicts(taken, spread)
        figures = next((figures for figures in taken.judged.figures if figures.verdict == "mismatch"), None)
        if figures is not None and self.first is None:
            name = figures.quantity
            comparison = self._explain(taken.step, taken.own[name], taken.wanted[name], figures)
            blamed = self._blame(taken, name)
            taken.judged.first = self._diverges(
                taken.step, name, figures.part, replace(comparison, **blamed(comparison))
            )
        self._judged.append(taken.judged)

    def _new(self) -> list[Judged]:
        judged, self._judged = self._judged, []
        return judged

    def _gaps(
        self, seen: Observation, own: dict[str, Array | None], wanted: Mapping[str, torch.Tensor], judged: Judged
    ) -> tuple[dict[str, float], dict[str, float]]:
        """The gap of each quantity that the submission returned, and each weight's largest change; fills up `own`."""
        gaps: dict[str, float] = {}
        for name, _ in self.names:
            want = wanted[name]
            found = own[name] if name in own else self._own(seen, name, tuple(want.shape))
            own[name] = found
            if found is None:
                judged.broken[name] = compare(self._returned(seen, name), known(want.cpu().numpy()), flat_ok=True)
            elif name not in UPDATED:
                gaps[name] = self._difference.between(self._tensor(found), want)
        loss = own["loss"]
        judged.loss = None if loss is None else float(loss)
        changes = {
            name: self._follow(own[updated_name(name)], wanted[updated_name(name)], name, gaps) for name in WEIGHT_NAMES
        }
        return gaps, changes

    def _verdicts(self, taken: _Taken, spread: Mapping[str, float]) -> None:
        """The figures of every quantity; how large its elements are only where somebody will read it."""
        step, gaps, judged = taken.step, taken.gaps, taken.judged
        radii = {name: self.factor * self.most[name] for name in gaps}
        ratios = {name: _ratio(gaps[name], radii[name]) for name in gaps}
        beyond = self.undecided is None and self.first is None and any(ratio > 1 for ratio in ratios.values())
        read = self.plan.written(step.number) or self.undecided == step.number or beyond or bool(judged.broken)
        for name, part in self.names:
            if name not in gaps:
                continue
            loss = name == "loss"
            judged.figures.append(
                Figures(
                    name, part,
                    "undecided" if self.undecided is not None else "match" if ratios[name] <= 1 else "mismatch",
                    gaps[name], radii[name], ratios[name], spread[name],
                    change=taken.changes.get(WEIGHT_OF.get(name, "")),
                    size=float(taken.wanted[name].abs().max()) if read else None,
                    got=judged.loss if loss else None,
                    want=judged.torch_loss if loss else None,
                )
            )  # fmt: skip

    def own_weights(self) -> Mapping[str, Array]:
        return self._own_states[-1]

    def hold(self) -> None:
        self._own_states[-1] = {name: w.copy() for name, w in self._own_states[-1].items()}

    # ---- inside

    def _batch(self, step: Step) -> tuple[torch.Tensor, torch.Tensor]:
        """X and the labels of a step; the same tensors when it is asked for again, as the copies have begun with X."""
        if self._given is None or self._given[0] != step.number:
            X, y = self.plan.data(step)
            self._given = step.number, self._tensor(X), self._tensor(y)
        return self._given[1:]

    def _tensor(self, array: Array) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.settings.device)

    def _shapes(self, N: int) -> dict[str, tuple[int, ...]]:
        """What must be known of the submission before torch takes the step: pre-activations, and its mask."""
        shape = (N, self.settings.hidden)
        names = ["L1 output", "activation output", "L2 gradient of X"]
        return dict.fromkeys(names + ["dropout output", "dropout gradient"] * self.dropout, shape)

    def _returned(self, seen: Observation, name: str) -> Any:
        key = key_of(name)
        return seen.values.get(key) or seen.failures.get(key) or seen.failures.get("")

    def _own(self, seen: Observation, name: str, shape: tuple[int, ...]) -> Array | None:
        """The submission's array of this shape, in a dtype that torch has; None where it returned something else."""
        value = seen.values.get(key_of(name))
        if not isinstance(value, Returned) or value.array is None or value.kind not in ("array", "scalar"):
            return None
        array = value.array
        if array.shape != shape:
            bias = len(shape) == 2 and array.shape == shape[1:] and name.endswith("b")
            if not (bias or (shape == () and array.size == 1)):
                return None
            array = array.reshape(shape)
        return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)

    def _radius(self, name: str, spread: float) -> float:
        return self.factor * self._spread_so_far(name, spread)

    def _spread_so_far(self, name: str, spread: float) -> float:
        before = self.most.get(name, 0.0)
        return math.inf if math.isnan(spread) or math.isinf(before) else max(before, spread)

    def _radius_by_now(self, X: torch.Tensor, u: torch.Tensor) -> float:
        """The radius of u at a step that is being taken; the copies, which lag behind, catch up for it."""
        self._finish()
        return self._radius("L1 output", self.replicas.spread(self.replicas.hidden(X), u))

    def _side(
        self, u: torch.Tensor, own: Array | None, radius: Callable[[], float], judged: Judged
    ) -> torch.Tensor | None:
        """Where relu's slope is 1: torch's own view, but the submission's where u lies within its radius of 0.

        The radius is asked for only where the two views differ.
        """
        if self.settings.activation == "tanh":
            return None
        side = u > 0
        if own is None:
            return side
        theirs = self._tensor(own) > 0
        differ = side != theirs
        if not differ.any():
            return side
        near = u.abs() <= radius()
        judged.shared_kinks = int((differ & near).sum())
        judged.other_kinks = int((differ & ~near).sum())
        return torch.where(near, theirs, side)

    def _keep(self, u: torch.Tensor, own: Mapping[str, Array | None], judged: Judged) -> torch.Tensor:
        """The submission's own mask, times 1/(1 − r): seen in its dropout's output, or at q = 0 in its gradient.

        Where q is 0 relu's slope is 0, and the mask is without effect; tanh is 0 there only by accident.
        """
        h, s = own["activation output"], own.get("dropout output")
        if not self.dropout or self.settings.rate == 0 or h is None or s is None:
            return torch.ones_like(u)
        back = own.get("dropout gradient")
        hidden = np.zeros(h.shape, np.bool_) if back is None else back != 0
        kept = np.where(h != 0, s != 0, hidden)
        judged.seen, judged.kept = int((h != 0).sum()), int(((h != 0) & kept).sum())
        return self._tensor(kept) * torch.tensor(1 / (1 - self.settings.rate), dtype=u.dtype, device=u.device)

    def _follow(self, own: Array | None, want: torch.Tensor, name: str, gaps: dict[str, float]) -> float:
        """The gap of a weight, its largest change in this step, and a copy of it for the steps to come, in one pass."""
        before = self._states[-1][name]
        theirs = want if own is None else self._tensor(own)
        found = [
            (self._difference.between(x, w), self._difference.between(w, b), kept.copy_(w))
            for x, w, b, kept in zip(*map(row_blocks, (theirs, want, before, self._states[0][name])), strict=True)
        ]
        gap, change = (float(np.max([piece[i] for piece in found])) for i in (0, 1))
        if own is not None:
            gaps[updated_name(name)] = gap
        return change

    def _see_whether_useful(self, step: Step, changes: Mapping[str, float]) -> None:
        """Undecided begins where a weight's radius exceeds a share of the largest change that the last steps made."""
        for name in WEIGHT_NAMES:
            quantity = updated_name(name)
            self._changes[quantity].append(changes[name])
            if self.undecided is not None:
                continue
            largest, radius = max(self._changes[quantity]), self.factor * self.most[quantity]
            if not math.isfinite(radius) or not math.isfinite(largest):
                self.undecided, self.undecided_because = (
                    step.number,
                    f"torch's own run is no longer finite in {quantity}",
                )
            elif radius > USEFUL * largest > 0:
                self.undecided = step.number
                self.undecided_because = (
                    f"rounding alone moves {quantity} by up to {radius:.2g} there, over {USEFUL:.0%} of the largest "
                    f"change that one of the last {len(self._changes[quantity])} steps made to it ({largest:.2g})"
                )

    def _explain(self, step: Step, own: Array | None, want: torch.Tensor, figures: Figures) -> Comparison:
        """The mismatch as a comparison: the element with the largest gap."""
        assert own is not None
        wanted = want.cpu().numpy()
        with np.errstate(all="ignore"):
            gaps = np.abs(np.asarray(own, np.float64) - np.asarray(wanted, np.float64))
        gaps = np.where(np.isnan(gaps), np.inf, gaps)
        place = np.unravel_index(int(gaps.argmax()), gaps.shape)
        at = "" if wanted.ndim == 0 else "[" + ", ".join(str(int(i)) for i in place) + "]"
        got_value, want_value = float(np.asarray(own)[place]), float(wanted[place])
        gap, radius = float(gaps[place]), float(figures.radius or 0.0)
        bad, total = int((gaps > radius).sum()), int(gaps.size)
        got_text, want_text = exact_number(got_value), exact_number(want_value)
        if got_text == want_text:
            got_text, want_text = repr(got_value), repr(want_value)
        allowance = (
            f"the gap {gap:.2g} is {times(gap / radius if radius else math.inf)} times what rounding explains"
            if math.isfinite(got_value)
            else "torch's run stays finite"
        )
        place_text = f"at {at} " if at else ""
        share = f" ({bad} of {total} elements are off)" if total > 1 else ""
        with np.errstate(all="ignore"):
            ulps = gap / float(np.spacing(np.abs(wanted[place])))
        return Comparison(
            "mismatch",
            gap=gap,
            radius=radius,
            ratio=gap / radius if radius else math.inf,
            ulps=ulps,
            bad=bad,
            total=total,
            where=at,
            got=got_value,
            want=want_value,
            step=step.number,
            problem=f"{place_text}is {got_text}, torch says {want_text}; {allowance}{share}",
            arrays=(np.asarray(own), wanted.copy(), np.full(wanted.shape, radius)),
        )

    def _blame(self, taken: _Taken, name: str) -> Any:
        """A function of the comparison that says whose step is further from the same step in higher precision.

        Each side is held against the step recomputed from its own weights before it; the submission's velocity is the
        change of weights that it made in the step before.
        """
        X, wanted, rate = taken.X.cpu().numpy(), taken.wanted, self.settings.rate
        kept = (taken.keep.cpu().numpy() != 0) * (1 if rate == 0 else 1 / (1 - np.longdouble(rate)))
        own_u = self._own(taken.seen, "L1 output", tuple(wanted["L1 output"].shape))
        torch_side = None if taken.side is None else taken.side.cpu().numpy()
        own_side = torch_side if own_u is None or torch_side is None else own_u > 0

        def off(weights: Mapping[str, Array], earlier: Mapping[str, Array], slope: Any, value: Array) -> float:
            state = {n: precise(np.asarray(weights[n], X.dtype)) for n in WEIGHT_NAMES}
            velocity = {n: state[n] - precise(np.asarray(earlier[n], X.dtype)) for n in WEIGHT_NAMES}
            high = precise(X)
            exact = formula.step(
                state, velocity, high, taken.y.cpu().numpy(), kept.astype(high.dtype),
                None if slope is None else slope.astype(high.dtype),
                activation=self.settings.activation, alpha=self.settings.alpha, lam=self.settings.lam,
                eta=taken.step.eta,
            )[name]  # fmt: skip
            with np.errstate(all="ignore"):
                return float(np.abs(value.astype(high.dtype) - exact).max())

        (before, own_before), (earlier, own_earlier) = taken.before, taken.earlier
        if self.settings.alpha <= 0:  # the weights before the last step do not matter
            earlier, own_earlier = before, own_before
        own_value = taken.own[name]
        assert own_value is not None
        theirs = off(own_before, own_earlier, own_side, own_value)
        last, last_but_one = ({n: w.cpu().numpy() for n, w in state.items()} for state in (before, earlier))
        ours = off(last, last_but_one, torch_side, wanted[name].cpu().numpy())
        blame = "reference" if ours > theirs else "submission"
        precision = "float64" if X.dtype == np.float32 else "long double"

        def said(comparison: Comparison) -> dict[str, Any]:
            text = f"{comparison.problem}; recomputed in {precision} from its own weights before the step, the "
            text += f"submission's is off by {theirs:.2g}, torch's by {ours:.2g}"
            return {"blame": blame, "problem": text}

        return said

    def _remember(self, own: Mapping[str, Array | None]) -> None:
        before = self._own_states[-1]
        if self.settings.alpha > 0:  # it is needed for longer than the arrays of a round stay valid
            self._own_states[-1] = {name: w.copy() for name, w in before.items()}
        found = {name: own[updated_name(name)] for name in WEIGHT_NAMES}
        self._own_states.append({n: before[n] if w is None else w for n, w in found.items()})


class Forced(Judge):
    """Each step starts from torch's weights, and is judged link by link from the submission's own last results."""

    def __init__(self, plan: Plan, dropout: bool) -> None:
        super().__init__(plan, dropout)
        s = plan.settings
        self._trainer = Trainer(plan.weights, activation=s.activation, alpha=s.alpha, lam=s.lam, device=s.device)
        self._random = np.random.RandomState([s.seed, 1])  # masks of torch's own run
        self._path: dict[int, dict[str, Array]] = {}
        self._eta_before = s.eta
        self._seen_before: Observation | None = None

    def weights_for(self, step: Step) -> dict[str, Array]:
        """torch's weights before this step; it takes the step at once, with a mask of its own."""
        weights = self._trainer.weights()
        self._path[step.number] = weights
        X, y = self.plan.data(step)
        s = self.settings
        kept = self._random.random_sample((len(y), s.hidden)) >= (s.rate if self.dropout else 0)
        u = self._trainer.hidden(torch.from_numpy(X).to(s.device))
        keep = torch.from_numpy(kept).to(s.device) * torch.tensor(1 / (1 - s.rate), dtype=u.dtype, device=s.device)
        side = None if s.activation == "tanh" else u > 0
        self._trainer.step(torch.from_numpy(y).to(s.device), keep, side, step.eta)
        return weights

    def logits(self, X: Array) -> Array:
        return np.asarray(self._trainer.logits(torch.from_numpy(X).to(self.settings.device)).cpu().numpy())

    def hold(self) -> None:
        if self._seen_before is None:
            return
        kept = {n: v for n, v in self._seen_before.values.items() if n.endswith("after the step")}
        copies = {n: v if v.array is None else replace(v, array=v.array.copy()) for n, v in kept.items()}
        self._seen_before = replace(self._seen_before, values=copies)

    def own_weights(self) -> Mapping[str, Array]:
        if self._seen_before is None:
            return self.plan.weights
        found = {}
        for name, start in self.plan.weights.items():
            value = self._seen_before.values[key_after_step(name)].array
            found[name] = start if value is None else value.reshape(start.shape)
        return found

    def take(self, step: Step, seen: Observation, following: Step | None) -> list[Judged]:
        s = self.settings
        clock = time.monotonic()
        X, y = self.plan.data(step)
        now = self._path[step.number]
        before = self._path.pop(step.number - 1, None)
        two = before is not None and self._seen_before is not None
        t = 1 if two else 0
        arrays = {
            name: np.stack([before[name], now[name]] if two and before is not None else [now[name]])
            for name in WEIGHT_NAMES
        }
        arrays |= {key: np.broadcast_to(array, (t + 1, *array.shape)) for key, array in (("X", X), ("Y", y))}
        params = {
            "activation": s.activation, "r": s.rate, "dropout": self.dropout, "alpha": s.alpha, "lam": s.lam,
            "etas": [self._eta_before, step.eta][-(t + 1) :], "N": len(y), "M": s.hidden, "K": now["L2_b"].size,
        }  # fmt: skip
        values = {f"{name}@{t}": value for name, value in seen.values.items()}
        failures = {f"{name}@{t}" if name else "": failure for name, failure in seen.failures.items()}
        if two and self._seen_before is not None:
            values |= {f"{n}@0": v for n, v in self._seen_before.values.items() if n.endswith("after the step")}
        again = Observation(seen.case, values, failures, seen.facts, seen.warnings, seen.seconds)
        case = Case(s.name, "trajectory", s.name, s.dtype, "network", params, ())
        found = judge_step(case, arrays, again, t, s.device)
        judged = Judged(step, submission_seconds=seen.seconds, torch_seconds=time.monotonic() - clock)
        for name, part in self.names:
            c = found[name]
            if c.verdict not in ("match", "undecided", "mismatch") or (c.verdict == "mismatch" and c.gap is None):
                judged.broken[name] = c
                continue
            judged.figures.append(Figures(name, part, c.verdict, c.gap, c.radius, c.ratio, got=c.got, want=c.want))
            if c.verdict == "mismatch" and self.first is None:
                judged.first = self._diverges(step, name, c.part or part, replace(c, step=step.number))
            if name == "loss":
                judged.loss, judged.torch_loss = c.got, c.want
        self._seen_before, self._eta_before = seen, step.eta
        return [judged]


def _timed(function: Callable[..., T], *arguments: Any, clock: Callable[[], float]) -> tuple[T, float]:
    """What a function returns, and the seconds that it took."""
    start = clock()
    result = function(*arguments)
    return result, clock() - start


def _ratio(gap: float, radius: float) -> float:
    """0/0 is 0, x/0 and what is not finite ∞; a radius that is not finite explains anything."""
    if math.isinf(radius):
        return 0.0
    if math.isnan(gap) or math.isinf(gap):
        return math.inf
    return 0.0 if gap == 0 else gap / radius if radius > 0 else math.inf


def judge_for(plan: Plan, dropout: bool, cores: AbstractSet[int] | None = None) -> Judge:
    """The judge that the settings ask for; `cores` are for copies of torch's run, where it has some."""
    return Forced(plan, dropout) if plan.settings.forced else Free(plan, dropout, cores=cores)
