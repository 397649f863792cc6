"""Says whether one run of a submission's `main` did what the assignment asks, and if not, what it did instead.

Verdicts come from the replay alone: each step from the weights recorded before it, each loss from the weights it was
measured with, both within derived radii. What explains a wrong step is looked for afterwards.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignment.main_configs import Config, main_quantities
from parity_tests.assignment.main_reasons import accuracy, by_parameter, exchanged, mean_loss, multiple
from parity_tests.assignment.replay import PARAMETERS, Built, Call, Pass, Run, Update, replay
from parity_tests.harness.compare import Comparison, compare, compare_each, times
from parity_tests.harness.observation import Failure, Observation, Returned
from reference.answers import Answer, Evaluation, Step, evaluation, training_step
from reference.rounding import gamma, unit_roundoff

Array = NDArray[Any]

HIDDEN = 1000
CLASSES = 10
FALSE_ALARM = 1e-9
MOST_KINKS = 4
# A formula explains a step if it leaves less than half of the digits of the change unexplained. Verdicts never use it.
EXPLAINS = float(np.sqrt(unit_roundoff(np.dtype(np.float64))))


@dataclass(frozen=True)
class Finding:
    """One judged quantity of one run: the figures of its worst element, and a sentence."""

    quantity: str
    verdict: str
    gap: float | None = None
    radius: float | None = None
    ratio: float | None = None
    ulps: float | None = None
    bad: int | None = None
    total: int | None = None
    where: str = ""
    got: float | None = None
    want: float | None = None
    blame: str = ""
    message: str = ""
    note: str = ""
    step: int | None = None
    file: str = ""
    line: int = 0


def judge_main(
    observation: Observation, *, config: Config, digits: Mapping[str, Array], stand_ins: bool, device: str = "cpu"
) -> list[Finding]:
    """One Finding for each of main_quantities(config), from what `record_main` wrote down.

    digits: train_X, train_y, valid_X, … as in the request. `stand_ins` says whether correct parts were swapped in.
    """
    run = replay(observation, digits, epochs=config.epochs, batch=config.batch)
    return _Judge(observation, run, config, digits, stand_ins, device).judge()


# ---- a step's formula in plain numpy, with everything that can go wrong in it as a choice ----


@dataclass(frozen=True)
class Wiring:
    """How a step was wired; the defaults are right. Sentences are in `SLIPS`."""

    forward_mask: bool = True
    backward_mask: bool = True
    second_layer: str = "s"  # X of L2.backward: s (drop1's output), h (nonlinear1's), or u
    slope_at: str = "u"  # X of the activation's backward
    activation: str = ""  # "" is the one asked for
    given_labels: bool = False  # the labels that the loss was given, where they are not the rows' own
    summed: bool = False


SLIPS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"forward_mask": False, "backward_mask": False}, "dropout is bypassed, forward and backward"),
    ({"forward_mask": False}, "dropout is bypassed in the forward: L2 is given what dropout has not touched"),
    ({"backward_mask": False}, "the gradient does not go through dropout's backward"),
    ({"second_layer": "h"}, "L2.backward is given nonlinear1's output as X, where drop1's output belongs"),
    ({"second_layer": "u"}, "L2.backward is given L1's output as X, where drop1's output belongs"),
    ({"slope_at": "h"}, "nonlinear1.backward is given nonlinear1's output as X, where L1's output belongs"),
    ({"slope_at": "s"}, "nonlinear1.backward is given drop1's output as X, where L1's output belongs"),
    ({"slope_at": "none"}, "the gradient does not go through the activation's backward"),
    ({"activation": "relu"}, "relu is used, where tanh is asked for"),
    ({"activation": "tanh"}, "tanh is used, where relu is asked for"),
    ({"activation": "none"}, "no activation is used"),
    ({"given_labels": True}, "the loss is given labels that are not those of the mini-batch's rows"),
)


def gradients(
    weights: Mapping[str, Array],
    X: Array,
    y: Array,
    mask: Array | None,
    activation: str,
    wiring: Wiring,
    back: Array | None = None,
) -> dict[str, Array]:
    """∂l/∂w of the four parameters in float64, wired as `wiring` says. For explanations only.

    back: the mask of dropout's backward, where that is another.
    """
    one = np.ones(())
    keep = one if mask is None else mask
    name = wiring.activation or activation
    u = X @ weights["L1_W"] + weights["L1_b"]
    h = {"relu": np.maximum(u, 0), "tanh": np.tanh(u), "none": u}[name]
    s = h * (keep if wiring.forward_mask else one)
    a = s @ weights["L2_W"] + weights["L2_b"]
    z = np.exp(a - a.max(axis=1, keepdims=True))
    z /= z.sum(axis=1, keepdims=True)
    da = (z - np.eye(a.shape[1])[y.astype(int)]) / len(X)
    dh = (da @ weights["L2_W"].T) * ((keep if back is None else back) if wiring.backward_mask else one)
    at = {"u": u, "h": h, "s": s, "none": u}[wiring.slope_at]
    slope = {"relu": (at > 0).astype(float), "tanh": 1 - np.tanh(at) ** 2, "none": np.ones(at.shape)}[name]
    du = dh if wiring.slope_at == "none" else dh * slope
    x2 = {"s": s, "h": h, "u": u}[wiring.second_layer]
    return {
        "L1_W": X.T @ du,
        "L1_b": du.sum(axis=0, keepdims=True),
        "L2_W": x2.T @ da,
        "L2_b": da.sum(axis=0, keepdims=True),
    }


def _flat(tensors: Mapping[str, Array]) -> Array:
    return np.concatenate([np.asarray(tensors[name], np.float64).reshape(-1) for name in PARAMETERS])


@dataclass(frozen=True)
class Fit:
    """The change of weights as a·υ − b·g − c·w, and whether that explains it."""

    a: float
    b: float
    c: float
    explains: bool


def fit(change: Array, velocity: Array, gradient: Array, weights: Array) -> Fit:
    """Least squares over all parameters; a coefficient whose regressor is zero is 0."""
    regressors = np.stack([velocity, -gradient, -weights], axis=1)
    norms = np.sqrt((regressors**2).sum(axis=0))
    used = norms > 0
    coefficients = np.zeros(3)
    if used.any() and np.isfinite(regressors).all() and np.isfinite(change).all():
        solved = np.linalg.lstsq(regressors[:, used] / norms[used], change, rcond=None)[0]
        coefficients[used] = solved / norms[used]
    left = float(np.linalg.norm(change - regressors @ coefficients))
    a, b, c = (float(value) for value in coefficients)
    return Fit(a, b, c, bool(left <= EXPLAINS * float(np.linalg.norm(change))))


def _near(one: float, other: float) -> bool:
    """Equal but for what a fit leaves open."""
    return abs(one - other) <= 1e-5 * max(abs(one), abs(other), 1e-12)


def _rate(value: float) -> str:
    return f"{value:.6g}"


@dataclass(frozen=True)
class _Replayed:
    """One update held against the step that the assignment asks for."""

    index: int
    update: Update
    verdict: str  # "match", "mismatch", "undecided", "unknown" (cannot be replayed)
    worst: Any = None  # the Comparison of the worst parameter
    parameter: str = ""
    bad: int = 0
    total: int = 0


@dataclass(frozen=True)
class _Asked:
    """What torch is asked for an update, and the weights after it; or the same of many, with a leading dimension."""

    index: int
    update: Update
    weights: Mapping[str, Array]
    X: Array
    y: Array
    mask: Array | None
    eta: Array
    velocity: Mapping[str, Array]
    previous: Mapping[str, Array]
    got: Mapping[str, Array]


def _stacked(group: Sequence[_Asked]) -> _Asked:
    def tensors(field: str) -> dict[str, Array]:
        return {name: np.stack([getattr(one, field)[name] for one in group]) for name in PARAMETERS}

    masks = [one.mask for one in group if one.mask is not None]
    return replace(
        group[0],
        X=np.stack([one.X for one in group]),
        y=np.stack([one.y for one in group]),
        eta=np.stack([one.eta for one in group]),
        mask=np.stack(masks) if masks else None,
        weights=tensors("weights"),
        velocity=tensors("velocity"),
        previous=tensors("previous"),
    )


class _Judge:
    """Judges one run."""

    def __init__(
        self,
        observation: Observation,
        run: Run,
        config: Config,
        digits: Mapping[str, Array],
        stand_ins: bool,
        device: str,
    ) -> None:
        self.observation = observation
        self.run = run
        self.config = config
        self.digits = digits
        self.stand_ins = stand_ins
        self.device = device
        self.N = len(digits["train_X"])
        self.steps = self.N // config.batch
        self.failure: Failure | None = observation.failures.get("main") or observation.failures.get("")
        # A `main` that does not stop is judged by its first steps; their number is a quantity of its own.
        judged = run.updates[: 2 * config.epochs * self.steps]
        self.steps_replayed: list[_Replayed] = self._replay(judged)
        self._evaluations: dict[int, Evaluation] = {}
        self.wrong_steps = [step for step in self.steps_replayed if step.verdict == "mismatch"]

    def judge(self) -> list[Finding]:
        judges: dict[str, Callable[[], Finding]] = {
            "run": self._run,
            "layers": self._layers,
            "batches": self._batches,
            "shuffle": self._shuffle,
            "number of steps": self._number_of_steps,
            "dropout": self._dropout,
            "learning rate": self._learning_rate,
            "weights": self._weights,
            "training losses": lambda: self._losses("train", 0),
            "validation losses": lambda: self._losses("valid", 1),
            "training accuracy": lambda: self._accuracy("train", 0),
            "validation accuracy": lambda: self._accuracy("valid", 1),
        }
        return [self._finished(judges[quantity]()) for quantity in main_quantities(self.config)]

    # -- making findings -----------------------------------------------------------------------------------

    def _say(self, text: str) -> str:
        """A sentence about this run."""
        return f"main ({self.config.activation}, {self.config.epochs} epochs): {text}"

    def _ok(self, quantity: str, *notes: str) -> Finding:
        return Finding(quantity, "match", note="; ".join(note for note in notes if note))

    def _bad(self, quantity: str, text: str, **figures: Any) -> Finding:
        return Finding(quantity, "mismatch", message=self._say(text), blame="submission", **figures)

    def _finished(self, finding: Finding) -> Finding:
        """What was in order as far as `main` got is not in order where it failed."""
        failure = self.failure
        if failure is None or finding.verdict not in ("match", "undecided"):
            return finding
        text = failure.text if finding.quantity == "run" else f"not seen to its end, since {failure.text}"
        return replace(
            finding,
            verdict=failure.kind,
            message=self._say(text),
            blame="" if failure.kind == "harness_error" else "submission",
            file=failure.file,
            line=failure.line,
        )

    def _run(self) -> Finding:
        if self.run.endless:
            return self._bad("run", "it goes on training long after the epochs that were asked for")
        return self._ok("run", *self.observation.warnings)

    # -- layers --------------------------------------------------------------------------------------------

    def _layers(self) -> Finding:
        width = self.digits["train_X"].shape[1]
        asked = [(width, HIDDEN), (HIDDEN, CLASSES)]
        linear = [built for built in self.run.built if built.cls == "linear_layer"]
        sizes = [built.sizes for built in linear]
        if self.failure is not None and len(self.run.built) < 4:
            return self._ok("layers")
        if not linear:
            return self._bad("layers", "it builds no linear_layer")
        if sorted(map(str, set(sizes))) != sorted(map(str, asked)):
            shown = " and ".join("×".join(map(str, size)) for size in sizes[:4])
            return self._bad(
                "layers",
                f"it builds linear layers of {shown}, where {width}×{HIDDEN} and {HIDDEN}×{CLASSES} are asked for",
            )
        used = [built for built in self.run.built if built.name in self.run.used]
        others = {built.cls for built in used if built.name.startswith("nonlinear")}
        if others and others != {self.config.activation}:
            shown = " and ".join(sorted(others))
            return self._bad(
                "layers", f"it uses {shown}, where main_params['activation'] is {self.config.activation!r}"
            )
        if not others and self.run.updates:
            return self._bad("layers", "it uses neither relu nor tanh: no activation is called")
        anew = [built.name for built in linear if built.name in self.run.used and built.name not in ("L1", "L2")]
        if anew:
            return self._bad("layers", "it builds its layers anew and goes on with these: what was learnt is lost")
        return self._rates_of_dropout(used)

    def _rates_of_dropout(self, used: Sequence[Built]) -> Finding:
        rates = [built.rate for built in used if built.cls == "dropout" and built.rate is not None]
        for rate in rates:
            if rate != self.config.rate:
                return self._bad(
                    "layers",
                    f"it builds dropout with r = {rate:g}, where main_params['dropout_rate'] is {self.config.rate:g}",
                )
        rebuilt = sum(built.cls == "linear_layer" for built in self.run.built) > 2
        return self._ok(
            "layers",
            "main builds its linear layers more than once" if rebuilt else "",
            "a bias of shape (M,) was taken for 1×M" if self.run.flat_bias else "",
        )

    # -- batches, order, number ----------------------------------------------------------------------------

    def _batches(self) -> Finding:
        B = self.config.batch
        epochs: dict[int, list[tuple[int, int]]] = {}
        for number, update in enumerate(self.run.updates, 1):
            step = update.pass_
            if step is None:
                return self._bad("batches", f"step {number} changes the weights before any forward", step=number)
            if step.split != "train":
                return self._bad("batches", f"step {number} {self._foreign(step)}", step=number)
            if len(step.rows) != B:
                return self._bad(
                    "batches",
                    f"step {number} (epoch {update.epoch + 1}) is made on {len(step.rows)} rows, not {B}",
                    step=number,
                )
            if number > 1 and step is self.run.updates[number - 2].pass_:
                text = f"step {number} changes the weights again, without a new forward"
                return self._bad("batches", text, step=number)
            seen = epochs.setdefault(update.epoch, [])
            before = dict(seen)
            again = next((row for row in step.rows if row in before or step.rows.count(row) > 1), None)
            if again is not None:
                at = before.get(again, number)
                where = f"in step {at} and again in step {number}" if at != number else f"twice in step {number}"
                whole = set(step.rows) <= set(before)
                what = "a mini-batch" if whole else f"training example {again}"
                return self._bad(
                    "batches",
                    f"{what} is used twice in epoch {update.epoch + 1}: {where}",
                    step=number,
                    where=f"[{again}]",
                )
            seen += [(row, number) for row in step.rows]
            labels = self.digits["train_y"].reshape(-1)[list(step.rows)]
            if step.labels is not None and not np.array_equal(np.array(step.labels), labels.astype(np.float64)):
                return self._bad(
                    "batches",
                    f"in step {number} loss.forward is given labels that are not those of the mini-batch's rows "
                    f"({_labels(step.labels)} where {_labels(tuple(labels))} belong)",
                    step=number,
                )
        return self._unseen(epochs)

    def _foreign(self, step: Pass) -> str:
        if step.split:
            return f"trains on rows of the {'validation' if step.split == 'valid' else 'test'} set"
        width = self.digits["train_X"].shape[1]
        if step.shape is None or len(step.shape) != 2 or step.shape[1] != width:
            return f"gives L1.forward X of shape {step.shape}, where ({self.config.batch}, {width}) is asked for"
        return "gives L1.forward rows that are not rows of the training set (were the pixels changed?)"

    def _unseen(self, epochs: Mapping[int, list[tuple[int, int]]]) -> Finding:
        """Examples that are never drawn, where an honest order would leave one out with less than FALSE_ALARM."""
        if self.failure is not None or len(self.run.updates) < self.config.epochs * self.steps:
            return self._ok("batches")
        left_out = (self.N - self.steps * self.config.batch) / self.N
        if self.N * left_out ** len(epochs) < FALSE_ALARM:
            never = sorted(set(range(self.N)) - {row for seen in epochs.values() for row, _ in seen})
            if never:
                shown = ", ".join(map(str, never[:10]))
                return self._bad(
                    "batches",
                    f"training examples {shown} are never used in {len(epochs)} epochs",
                    where=f"[{never[0]}]",
                )
        return self._ok("batches")

    def _orders(self) -> list[list[tuple[int, ...]]]:
        """For each epoch, the rows of its batches in order."""
        found: dict[int, list[tuple[int, ...]]] = {}
        for update in self.run.updates:
            if update.pass_ is not None and update.pass_.split == "train":
                found.setdefault(update.epoch, []).append(update.pass_.rows)
        return list(found.values())

    def _shuffle(self) -> Finding:
        orders = self._orders()
        if not orders and self.failure is None:
            return self._bad("shuffle", "no step was made on rows of the training set, so that there is no order")
        flat = [[row for batch in order for row in batch] for order in orders]
        for epoch, rows in enumerate(flat):
            steps = {(after - before) % self.N for before, after in itertools.pairwise(rows)}
            if len(rows) > self.config.batch and steps in ({1}, {self.N - 1}):
                return self._bad(
                    "shuffle",
                    f"epoch {epoch + 1} takes the training examples in the order of the file: nothing is shuffled",
                )
        for first, second in itertools.combinations(range(len(flat)), 2):
            if len(flat[first]) <= self.config.batch:
                continue
            if flat[first] == flat[second]:
                text = f"epochs {first + 1} and {second + 1} take the training examples in the same order"
                return self._bad("shuffle", f"{text}: each epoch needs a fresh one")
            # Chance of the same partition into 4 batches of 5 out of 22: 22!/(5!⁴ 4! 2!) ways, 2e-12 for a pair.
            if {frozenset(batch) for batch in orders[first]} == {frozenset(batch) for batch in orders[second]}:
                text = f"epochs {first + 1} and {second + 1} are made of the same mini-batches"
                return self._bad("shuffle", f"{text}: batches are shuffled, where examples are to be")
        return self._ok("shuffle")

    def _number_of_steps(self) -> Finding:
        want, got = self.config.epochs * self.steps, len(self.run.updates)
        figures = {"got": float(got), "want": float(want), "gap": float(abs(got - want)), "total": 1}
        if got == want or (self.failure is not None and got < want):
            return Finding("number of steps", "match", **{**figures, "bad": 0, "ratio": 0.0})  # type: ignore[arg-type]
        counts: dict[int, int] = {}
        for update in self.run.updates:
            counts[update.epoch] = counts.get(update.epoch, 0) + 1
        each = set(counts.values())
        shown = f"{each.pop()} steps in each of {len(counts)} epochs" if len(each) == 1 else f"{got} steps in all"
        if got == 0:
            shown = "no step that changes the weights"
        text = (
            f"it makes {shown}, where ⌊{self.N}/{self.config.batch}⌋ = {self.steps} steps in each of "
            f"{self.config.epochs} epochs are asked for"
        )
        return self._bad("number of steps", text, **figures, bad=1)

    # -- dropout -------------------------------------------------------------------------------------------

    def _dropout(self) -> Finding:
        wrong = {step.index for step in self.wrong_steps}
        for index, update in enumerate(self.run.updates):
            step, number = update.pass_, index + 1
            if step is None:
                continue
            if not step.drops:
                return self._bad(
                    "dropout", f"dropout.forward is not called in step {number}: dropout is skipped", step=number
                )
            if not step.training:
                text = f"in step {number} dropout.forward is called with is_train=False: dropout is off in training"
                return self._bad("dropout", text, step=number)
            for call in step.calls:
                bypassed = any(got != want and want.startswith("drop") for _, got, want in call.wrong)
                if call.name == "L2.forward" and bypassed and index in wrong:
                    return self._bad("dropout", f"{_wrong(call)} (step {number}): dropout is bypassed", step=number)
        repeated = self._repeated_mask()
        if repeated:
            return self._bad("dropout", repeated)
        return self._ok("dropout")

    def _repeated_mask(self) -> str:
        """Whether two steps drew the same mask, where chance would do that with less than FALSE_ALARM."""
        drops = [(i + 1, u.pass_.dropped) for i, u in enumerate(self.run.updates) if u.pass_ is not None]
        pairs = max(len(drops) * (len(drops) - 1) / 2, 1)
        agree = self.config.rate**2 + (1 - self.config.rate) ** 2
        alike: dict[tuple[int, ...], dict[int, tuple[int, Array, Array]]] = {}
        for number, drop in drops:
            if drop is not None and drop.kept is not None and drop.seen is not None:
                alike.setdefault(drop.kept.shape, {}).setdefault(id(drop), (number, drop.kept, drop.seen))
        for group in alike.values():
            numbers, kept, seen = (list(field) for field in zip(*group.values(), strict=True))
            seen_of = np.stack(seen).reshape(len(group), -1)
            kept_of = np.stack(kept).reshape(len(group), -1) & seen_of
            seen_by_both, kept_by_both, dropped_by_both = (
                marks.astype(float) @ marks.T for marks in (seen_of, kept_of, seen_of & ~kept_of)
            )
            same = (kept_by_both + dropped_by_both == seen_by_both) & (pairs * agree**seen_by_both < FALSE_ALARM)
            for one, other in np.argwhere(np.triu(same, 1)):
                steps = f"steps {numbers[one]} and {numbers[other]}"
                return f"{steps} draw the same dropout mask, where each forward draws a fresh one"
        return ""

    # -- the learning rate ---------------------------------------------------------------------------------

    def _learning_rate(self) -> Finding:
        wrong = {step.index for step in self.wrong_steps}
        u = unit_roundoff(np.dtype(np.float64))
        passed = [(i, update) for i, update in enumerate(self.run.updates) if "eta" in update.rates]
        if not passed:
            if self.run.updates or self.failure is not None:
                note = "SGD is not called: the learning rate is judged by the weights" if self.run.updates else ""
                return self._fitted_rate(note)
            return self._bad("learning rate", "SGD is never called")
        worst = Finding("learning rate", "match", ratio=0.0, bad=0, total=len(passed), step=1)
        unused = False
        for index, update in passed:
            got, want = update.rates["eta"], self.config.eta_of(update.epoch)
            radius = 4 * u * want * (1 + update.epoch // 10)
            ratio = abs(got - want) / radius
            if not ratio <= 1 and not (self.stand_ins or index in wrong):
                unused = True
                continue
            if not ratio <= 1:
                return self._bad(
                    "learning rate",
                    self._rate_text(got, want, update.epoch),
                    step=index + 1,
                    gap=abs(got - want),
                    radius=radius,
                    ratio=ratio,
                    bad=sum(not _near(v.rates["eta"], self.config.eta_of(v.epoch)) for _, v in passed),
                    total=len(passed),
                    got=got,
                    want=want,
                )
            if ratio >= (worst.ratio or 0):
                worst = replace(
                    worst, gap=abs(got - want), radius=radius, ratio=ratio, got=got, want=want, step=index + 1
                )
        return replace(worst, note="SGD is passed another learning rate, and uses the right one" if unused else "")

    def _rate_text(self, got: float, want: float, epoch: int) -> str:
        text = f"η is {_rate(got)} in epoch {epoch + 1} (counted from 1), where {_rate(want)} is asked for"
        if epoch < 10 and got < want:
            return f"{text}: it is dropped too early (only when t, from 0, is a non-zero multiple of 10)"
        if epoch >= 10 and _near(got, self.config.eta):
            return f"{text}: it is not dropped at the tenth epoch (t = 10)"
        return text

    def _fitted_rate(self, note: str) -> Finding:
        for step in self.wrong_steps:
            found = self._explained(step, Wiring())
            want = self.config.eta_of(step.update.epoch)
            if found.explains and not _near(found.b, want):
                return self._bad(
                    "learning rate",
                    self._rate_text(found.b, want, step.update.epoch),
                    step=step.index + 1,
                    got=found.b,
                    want=want,
                )
        return self._ok("learning rate", note)

    # -- weights -------------------------------------------------------------------------------------------

    def _before(self, index: int) -> tuple[dict[str, Array] | None, dict[str, Array] | None]:
        """(velocity, previous) at a step: the change of weights at the step before, and what they were before that."""
        if index == 0:
            return None, None
        last = self.run.updates[index - 1]
        if last.before < 0 or last.after < 0:
            return None, None
        before, after = self.run.at(last.before), self.run.at(last.after)
        return {name: after[name] - before[name] for name in PARAMETERS}, before

    def _sound(self, index: int) -> bool:
        """Whether the weights at an index of the tape are finite and of the shapes that a network of this kind has."""
        if index < 0:
            return False
        w = self.run.at(index)
        D, M = self.digits["train_X"].shape[1], w["L1_W"].shape[1]
        shapes = {"L1_W": (D, M), "L1_b": (1, M), "L2_W": (M, CLASSES), "L2_b": (1, CLASSES)}
        return all(w[name].shape == shapes[name] and bool(np.isfinite(w[name]).all()) for name in PARAMETERS)

    def _inputs(self, update: Update) -> tuple[Array, Array, Array | None] | None:
        """X, the rows' own labels and the mask of a step, or None where its rows are not known."""
        step = update.pass_
        if step is None or step.split != "train" or not step.rows:
            return None
        rows = list(step.rows)
        mask = step.mask
        scaled = None if mask is None or self.config.rate == 0 else mask / (1.0 - self.config.rate)
        return self.digits["train_X"][rows], self.digits["train_y"].reshape(-1)[rows], scaled

    def _replay(self, updates: Sequence[Update]) -> list[_Replayed]:
        """Every update held against torch's step, those of one shape side by side."""
        replayed = [_Replayed(index, update, "unknown") for index, update in enumerate(updates)]
        alike: dict[tuple[Any, ...], list[_Asked]] = {}
        for index, update in enumerate(updates):
            asked = self._asked(index, update)
            if asked is not None:
                alike.setdefault((asked.X.shape, asked.mask is None, asked.weights["L1_W"].shape), []).append(asked)
        for group in alike.values():
            step = self._step(_stacked(group), None)
            by_name = {
                name: compare_each([Returned("array", asked.got[name], "") for asked in group], step.weights[name])
                for name in PARAMETERS
            }
            for t, asked in enumerate(group):
                held = self._held(asked, {name: by_name[name][t] for name in PARAMETERS})
                if held.verdict == "mismatch" and step.kinks[t].any():
                    held = self._on_some_side(asked, step.kinks[t], held)
                replayed[asked.index] = held
        return replayed

    def _asked(self, index: int, update: Update) -> _Asked | None:
        """What torch is asked for an update, None where that is not known."""
        inputs = self._inputs(update)
        velocity, previous = self._before(index)
        if inputs is None or not self._sound(update.before) or update.after < 0 or (index and velocity is None):
            return None
        X, y, mask = inputs
        weights = self.run.at(update.before)
        if mask is not None and mask.shape != (len(X), weights["L1_W"].shape[1]):
            return None
        zeros = {name: np.zeros_like(w) for name, w in weights.items()}
        return _Asked(
            index,
            update,
            weights,
            X,
            y,
            mask,
            np.array(self.config.eta_of(update.epoch)),
            velocity or zeros,
            previous or zeros,
            self.run.at(update.after),
        )

    def _step(self, asked: _Asked, side: NDArray[np.bool_] | None) -> Step:
        eta = asked.eta
        return training_step(
            asked.weights,
            asked.X,
            asked.y,
            asked.mask,
            activation=self.config.activation,
            alpha=self.config.alpha,
            lam=self.config.lam,
            eta=eta if eta.ndim else float(eta),
            velocity=asked.velocity,
            previous=asked.previous,
            side=side,
            device=self.device,
        )

    def _on_some_side(self, asked: _Asked, kinks: NDArray[np.bool_], held: _Replayed) -> _Replayed:
        """The same update held against torch's step on either side of each kink, where one side of each fits."""
        places = np.argwhere(kinks)
        if len(places) > MOST_KINKS:
            return replace(held, verdict="undecided")
        for sides in itertools.product((False, True), repeat=len(places)):
            side = np.zeros(kinks.shape, np.bool_)
            side[tuple(places.T)] = sides
            step = self._step(asked, side)
            found = {n: compare(Returned("array", asked.got[n], ""), step.weights[n]) for n in PARAMETERS}
            tried = self._held(asked, found)
            if tried.verdict == "match":
                return tried
        return held

    def _held(self, asked: _Asked, found: Mapping[str, Comparison]) -> _Replayed:
        """The four parameters compared; the worst of them stands for all."""
        parameter = max(found, key=lambda name: (found[name].verdict != "match", _size(found[name].ratio)))
        return _Replayed(
            asked.index,
            asked.update,
            "match" if all(one.verdict == "match" for one in found.values()) else "mismatch",
            found[parameter],
            parameter,
            sum(one.bad or 0 for one in found.values()),
            sum(value.size for value in asked.got.values()),
        )

    def _weights(self) -> Finding:
        if self.run.malformed:
            return self._bad("weights", self.run.malformed)
        known = [step for step in self.steps_replayed if step.worst is not None]
        if not known:
            if self.run.updates or self.failure is not None:
                why = "its steps cannot be replayed: see the layers and the batches" if self.run.updates else ""
                return Finding("weights", "undecided", message=self._say(why) if why else "")
            return self._bad("weights", "it never changes the weights")
        undecided = [step for step in known if step.verdict == "undecided"]
        shown = (self.wrong_steps or undecided or [max(known, key=lambda step: _size(step.worst.ratio))])[0]
        worst = shown.worst
        figures: dict[str, Any] = {
            "gap": worst.gap,
            "radius": worst.radius,
            "ratio": worst.ratio,
            "ulps": worst.ulps,
            "got": worst.got,
            "want": worst.want,
            "where": f"{shown.parameter}{worst.where}",
            "step": shown.index + 1,
            "bad": sum(step.bad for step in known),
            "total": sum(step.total for step in known),
        }
        if self.wrong_steps:
            place = f"after step {shown.index + 1} (epoch {shown.update.epoch + 1}) {shown.parameter}"
            if worst.got is None or worst.ratio is None:
                text = f"{place} {worst.problem}"
            else:
                text = (
                    f"{place} at {worst.where} is {worst.got:.9g}, torch says {worst.want:.9g}; "
                    f"the gap {worst.gap:.2g} is {times(worst.ratio)} times what rounding explains"
                )
            reason = self._reason()
            return self._bad("weights", f"{reason}; {text}" if reason else text, **figures)
        if undecided:
            text = f"in step {shown.index + 1} more than {MOST_KINKS} pre-activations lie within their radius of 0"
            return Finding("weights", "undecided", message=self._say(text), **figures)
        return Finding("weights", "match", note="; ".join(self._harmless()), **figures)

    def _harmless(self) -> Iterator[str]:
        """What looked wrong, and moved no weight."""
        if any(not update.momentum for update in self.run.updates):
            yield "main updates the weights itself, without calling SGD"
        seen: set[str] = set()
        for update in self.run.updates:
            for call in update.calls:
                for text in (_wrong(call),) if call.wrong else ():
                    if text not in seen:
                        seen.add(text)
                        yield f"{text}, which moves no weight"

    # -- what explains wrong weights -----------------------------------------------------------------------

    def _explained(self, step: _Replayed, wiring: Wiring, of: _Replayed | None = None) -> Fit:
        """The fit of a step's change, its gradient wired as `wiring` says (`of`: the gradient of another step)."""
        inputs = self._inputs((of or step).update)
        if inputs is None:
            return Fit(0, 0, 0, False)
        X, y, mask = inputs
        labels = (of or step).update.pass_.labels if wiring.given_labels else None  # type: ignore[union-attr]
        if labels is not None:
            if len(labels) != len(X) or not all(0 <= label < CLASSES for label in labels):
                return Fit(0, 0, 0, False)
            y = np.array(labels)
        before, after = self.run.at(step.update.before), self.run.at(step.update.after)
        velocity, _ = self._before(step.index)
        weights = self.run.at((of or step).update.before)
        with np.errstate(all="ignore"):
            g = gradients(weights, X, y, mask, self.config.activation, wiring)
            return fit(
                _flat(after) - _flat(before),
                np.zeros(_flat(before).shape) if velocity is None or self.config.alpha <= 0 else _flat(velocity),
                _flat(g),
                _flat(before),
            )

    def _reason(self) -> str:
        """A sentence that says what the first wrong step did, "" where nothing explains it."""
        first = self.wrong_steps[0]
        config = self.config
        if order := exchanged(first.update.rates, config.lam, config.alpha, config.eta_of(first.update.epoch)):
            return order
        right = self._explained(first, Wiring())
        idle = abs(right.b) <= EXPLAINS * self.config.eta
        reason = self._rates_reason(first, right) if right.explains and not idle else ""
        reason = reason or self._order_reason(first) or self._wiring_reason(first) or self._redrawn_reason(first)
        reason = reason or self._parameters_reason(first) or self._state_reason(first)
        return reason or ("the gradient has no effect on the step" if right.explains and idle else "")

    def _rates_reason(self, first: _Replayed, found: Fit) -> str:
        """The gradient is right; one of α, η, λ, or the velocity, is not."""
        config, eta = self.config, self.config.eta_of(first.update.epoch)
        every = len(self.wrong_steps) >= len([s for s in self.steps_replayed if s.worst is not None]) - 1
        if first.index and config.alpha > 0 and not _near(found.a, config.alpha):
            starts = {
                index
                for index, u in enumerate(self.run.updates)
                if index and u.epoch != self.run.updates[index - 1].epoch
            }
            wrong = {step.index for step in self.wrong_steps}
            if abs(found.a) < EXPLAINS and wrong <= starts:
                return "the velocity is thrown away at the start of each epoch, where it is kept between epochs"
            if abs(found.a) < EXPLAINS:
                always = "at every step" if every else f"at step {first.index + 1}"
                return f"the velocity is thrown away {always}: the step is made without momentum (α = {config.alpha:g})"
            return f"the velocity is carried on with α = {_rate(found.a)}, where {config.alpha:g} is asked for"
        if not _near(found.b, eta):
            factor = found.b / eta
            passed = first.update.rates.get("eta")
            if _near(factor, config.batch) and first.index == 0:
                return "the gradient is the sum over the mini-batch, where the mean is asked for"
            if passed is not None and _near(passed, eta):
                return f"the gradient is {_rate(factor)} times what it should be"
            return self._rate_text(found.b, eta, first.update.epoch)
        if abs(found.c - eta * config.lam) > 1e-5 * eta * max(config.lam, 1e-3):
            if config.lam > 0 and abs(found.c) < 1e-5 * eta * config.lam:
                return f"weight decay is left out: λ is {config.lam:g}, and the step is that of λ = 0"
            return f"weight decay is made with λ = {_rate(found.c / eta)}, where {config.lam:g} is asked for"
        return ""

    def _order_reason(self, first: _Replayed) -> str:
        """A backward that was not called before the update, or calls in another order."""
        update = first.update
        if update.pass_ is None:
            return ""
        names = [call.name for call in update.calls]
        asked = ["loss.backward", "L2.backward", "drop", "nonlinear", "L1.backward"]
        if self.config.rate == 0:
            asked.remove("drop")
        missing = [
            part if part.endswith(".backward") else f"{part}1.backward"
            for part in asked
            if not any(name.startswith(part) and name.endswith(".backward") for name in names)
        ]
        later = {call.name for other in self.run.updates[first.index + 1 :] for call in other.calls}
        if missing and all(name in later for name in missing):
            return f"the weights are updated before {missing[-1]} is called (step {first.index + 1})"
        if missing:
            return f"{missing[0]} is never called before the weights are updated (step {first.index + 1})"
        forward = [name for name in names if name.endswith(".forward")]
        if "L2.forward" in forward and self._late(forward, "nonlinear", "L2.forward"):
            return "L2.forward is called before the activation's forward"
        if self._late(forward, "nonlinear", "drop"):
            return "dropout.forward is called before the activation's forward: the activation belongs before dropout"
        if "L2.forward" in forward and self._late(forward, "drop", "L2.forward"):
            return "L2.forward is called before dropout.forward"
        return ""

    @staticmethod
    def _late(names: Sequence[str], early: str, late: str) -> bool:
        """Whether the first call of `early` comes after the first one of `late`."""
        first = next((i for i, name in enumerate(names) if name.startswith(early)), None)
        second = next((i for i, name in enumerate(names) if name.startswith(late)), None)
        return first is not None and second is not None and first > second

    def _wiring_reason(self, first: _Replayed) -> str:
        """A wrong array on the way, that a formula confirms or the calls show."""
        passed = [_wrong(call) for call in first.update.calls if call.wrong]
        if self._explained(first, Wiring()).explains:
            return f"{passed[0]} (step {first.index + 1})" if passed else ""
        for count in (1, 2):
            for chosen in itertools.combinations(SLIPS, count):
                wiring = Wiring(**{key: value for changes, _ in chosen for key, value in changes.items()})
                if wiring.activation == self.config.activation:
                    continue
                found = self._explained(first, wiring)
                # Two slips and another η would explain too much.
                if found.explains and (count == 1 or _near(found.b, self.config.eta_of(first.update.epoch))):
                    reason = " and ".join(text for _, text in chosen)
                    return f"{reason} ({passed[0]})" if passed else reason
        return f"{passed[0]} (step {first.index + 1})" if passed else ""

    def _redrawn_reason(self, first: _Replayed) -> str:
        """A backward of dropout with another mask than the one of the forward that counts."""
        inputs = self._inputs(first.update)
        if inputs is None or first.update.pass_ is None:
            return ""
        X, y, _ = inputs
        drops = [drop.kept for drop in first.update.pass_.drops if drop.train and drop.kept is not None]
        masks = [kept / (1.0 - self.config.rate) for kept in drops]
        before, after = self.run.at(first.update.before), self.run.at(first.update.after)
        velocity, _ = self._before(first.index)
        moved = np.zeros(_flat(before).shape) if velocity is None or self.config.alpha <= 0 else _flat(velocity)
        for forward, back in itertools.permutations(masks[:3], 2):
            g = gradients(before, X, y, forward, self.config.activation, Wiring(), back)
            if fit(_flat(after) - _flat(before), moved, _flat(g), _flat(before)).explains:
                return "dropout.forward is called again before its backward, which then uses another mask"
        return ""

    def _parameters_reason(self, first: _Replayed) -> str:
        """The gradient is right, and changed before it is used: not for all parameters alike."""
        inputs = self._inputs(first.update)
        if inputs is None:
            return ""
        X, y, mask = inputs
        before, after = self.run.at(first.update.before), self.run.at(first.update.after)
        velocity, _ = self._before(first.index)
        zeros = {name: np.zeros_like(before[name]) for name in PARAMETERS}
        return by_parameter(
            {name: after[name] - before[name] for name in PARAMETERS},
            zeros if velocity is None else velocity,
            gradients(before, X, y, mask, self.config.activation, Wiring()),
            before,
            max(self.config.alpha, 0.0),
            self.config.eta_of(first.update.epoch),
            self.config.lam,
        )

    def _state_reason(self, first: _Replayed) -> str:
        """Something left over from an earlier step."""
        if first.index == 0 and first.update.momentum == "nonzero":
            return "the velocities that SGD is given at the first step are not zero"
        if first.index:
            before = self.steps_replayed[first.index - 1]
            if (
                before.worst is not None
                and before.update.pass_ is not first.update.pass_
                and self._explained(first, Wiring(), of=before).explains
            ):
                return f"step {first.index + 1} is made with the gradient of the mini-batch before"
        got, before_ = self.run.at(first.update.after), self.run.at(first.update.before)
        still = [name for name in PARAMETERS if np.array_equal(got[name], before_[name])]
        if still:
            return f"{' and '.join(still)} {'does' if len(still) == 1 else 'do'} not move"
        return ""

    # -- losses and accuracies -----------------------------------------------------------------------------

    def _evaluated(self, split: str) -> list[list[Pass]]:
        """For each epoch, the passes over `split` after its updates, whatever dropout was told in them."""
        epochs = [[one for one in passes if one.split == split] for passes in self.run.evaluations]
        return epochs[: self.config.epochs]

    def _unmeasured(self, quantity: str, split: str) -> Finding | None:
        """Undecided where the weights of an evaluation are not known, or none that torch can take: see the weights."""
        if all(self._sound(one.weights) for passes in self._evaluated(split) for one in passes):
            return None
        text = (
            "cannot be replayed: the weights that it is measured with are not known, or not finite, or of wrong shapes"
        )
        return Finding(quantity, "undecided", message=self._say(f"the {quantity} {text}"))

    def _sweeps(self, split: str, passes: Sequence[Pass]) -> list[list[Pass]]:
        """The runs of passes that cover the set with no example twice: extra passes may stand before or after."""
        least = len(self.digits[f"{split}_X"]) // self.config.batch * self.config.batch
        found = []
        for start in range(len(passes)):
            seen: set[int] = set()
            sweep = []
            for one in passes[start:]:
                if seen & set(one.rows):
                    break
                seen |= set(one.rows)
                sweep.append(one)
            if len(seen) >= least:
                found.append(sweep)
        return found

    def _answer(self, one: Pass) -> Evaluation:
        """evaluation(...) of one recorded pass: asked once, together with all that are alike."""
        if id(one) not in self._evaluations:
            others = itertools.chain(*self.run.evaluations) if self._sound(one.weights) else ()
            alike = [one, *(other for other in others if other is not one and self._alike(other, one))]
            rows = np.array([other.rows for other in alike])
            at = [self.run.at(other.weights) for other in alike]
            evaluations = evaluation(
                {name: np.stack([weights[name] for weights in at]) for name in PARAMETERS},
                self.digits[f"{one.split}_X"][rows],
                self.digits[f"{one.split}_y"].reshape(-1)[rows],
                activation=self.config.activation,
                device=self.device,
            )
            self._evaluations |= {id(other): evaluations.of(t) for t, other in enumerate(alike)}
        return self._evaluations[id(one)]

    def _alike(self, other: Pass, one: Pass) -> bool:
        """Whether torch can be asked for both at once."""
        same = other.split == one.split and len(other.rows) == len(one.rows)
        return same and self._sound(other.weights) and self._width(other.weights) == self._width(one.weights)

    def _width(self, index: int) -> int:
        return int(self.run.at(index)["L1_W"].shape[1])

    def _coverage(self, split: str, epochs: Sequence[Sequence[Pass]]) -> str:
        """What an evaluation leaves out, "" where it covers the set."""
        name, N = _SET[split], len(self.digits[f"{split}_X"])
        least = N // self.config.batch * self.config.batch
        if len(epochs) < self.config.epochs or not all(epochs):
            at = next((i for i, passes in enumerate(epochs) if not passes), len(epochs)) + 1
            return f"the {name} set is not evaluated after epoch {at}"
        for epoch, passes in enumerate(epochs, 1):
            seen = {row for one in passes for row in one.rows}
            if len(seen) < least:
                return f"after epoch {epoch} only {len(seen)} of the {N} examples of the {name} set are evaluated"
            if not self._sweeps(split, passes):
                return f"after epoch {epoch} some examples of the {name} set are evaluated twice in one sweep over it"
        return ""

    def _losses(self, split: str, position: int) -> Finding:
        quantity = f"{_SET[split]} losses"
        returned = self.observation.values.get("main")
        record = "train_loss_record" if split == "train" else "val_loss_record"
        if self.failure is not None:
            return self._ok(quantity)
        if returned is not None and returned.kind == "none":
            return self._bad(quantity, "it returns nothing, where train_loss_record and val_loss_record are asked for")
        unmeasured = self._unmeasured(quantity, split)
        if unmeasured is not None:
            return unmeasured
        records = self.run.returned
        if len(records) <= position:
            return self._bad(quantity, f"it does not return {record}: records of numbers returned: {len(records)}")
        epochs = self._evaluated(split)
        uncovered = self._coverage(split, epochs)
        choices = [] if uncovered else self._loss_choices(split, epochs)
        places = [position, *(range(len(records)) if len(records) > 2 else ())]
        for kind in _KINDS if choices else ():
            for place in places:
                got = records[place][1]
                if len(got) != len(choices):
                    continue
                found = compare(Returned("array", got, ""), _nearest(got, [choice[kind] for choice in choices]))
                if found.verdict == "match":
                    notes = [kind, *(["main returns more than the two loss records"] if len(records) > 2 else [])]
                    if place != position:
                        notes.append(f"{record} is returned as number {place + 1}")
                    return replace(self._ok(quantity, *notes), **_figures(found))
        return self._wrong_losses(quantity, split, records[position][1], choices, uncovered)

    def _loss_choices(self, split: str, epochs: Sequence[Sequence[Pass]]) -> list[dict[str, list[Answer]]]:
        """For each epoch and each form of the record that is right, the answer of each sweep over the set."""
        found = []
        for passes in epochs:
            forms: dict[str, list[Answer]] = {kind: [] for kind in _KINDS}
            for sweep in self._sweeps(split, passes):
                losses = [self._answer(one).loss for one in sweep]
                values = np.array([float(loss.value) for loss in losses])
                # Both sides add up n numbers, and scale them.
                rounding = 2 * gamma(len(losses) + 3, np.dtype(np.float64))
                radii = np.array([float(loss.radius) for loss in losses]) + rounding * np.abs(values)
                sizes = np.array([len(one.rows) for one in sweep], dtype=np.float64)
                weights = np.ones(len(sweep)), np.full(len(sweep), 1 / len(sweep)), sizes / sizes.sum()
                for kind, w in zip(_KINDS, weights, strict=True):
                    exactly = partial(_weighted_exact, w, losses)
                    forms[kind].append(Answer(np.sum(w * values), np.sum(w * radii), exactly))
            found.append(forms)
        return found

    def _wrong_losses(
        self,
        quantity: str,
        split: str,
        got: Array,
        choices: Sequence[Mapping[str, Sequence[Answer]]],
        uncovered: str,
    ) -> Finding:
        if len(got) != self.config.epochs:
            text = f"the {_SET[split]} loss record has {len(got)} numbers, where one an epoch ({self.config.epochs})"
            return self._bad(quantity, f"{text} is asked for", got=float(len(got)), want=float(self.config.epochs))
        reason = self._loss_reason(split, got)
        if not choices:
            return self._bad(quantity, f"{reason}; {uncovered}" if reason else uncovered)
        answer = _nearest(got, [choice[_KINDS[0]] for choice in choices])
        found = compare(Returned("array", got, ""), answer)
        epoch = int(np.argmax(~(np.abs(got - answer.value) <= answer.radius)))
        text = (
            f"the {_SET[split]} loss after epoch {epoch + 1} is {got[epoch]:.9g}, where the mini-batch losses add up "
            f"to {answer.value[epoch]:.9g}"
        )
        return self._bad(quantity, f"{reason}; {text}" if reason else text, **_figures(found))

    def _loss_reason(self, split: str, got: Array) -> str:
        """What a wrong loss record holds instead, "" where nothing explains it."""
        epochs = self._evaluated(split)
        if any(one.training for passes in epochs for one in passes):
            return f"the {_SET[split]} set is evaluated with dropout on (is_train=True), where it is off"
        labels = self.digits[f"{split}_y"].reshape(-1)
        for one in (one for passes in epochs for one in passes):
            if one.labels is not None and not np.array_equal(np.array(one.labels), labels[list(one.rows)]):
                return f"in the evaluation of the {_SET[split]} set the loss is given labels that are not its rows' own"
        training: dict[int, list[float]] = {}
        for update in self.run.updates:
            value = self._training_loss(update)
            if value is not None:
                training.setdefault(update.epoch, []).append(value)
        inside = [training.get(epoch, [0.0]) for epoch in range(self.config.epochs)]
        candidates: list[tuple[str, list[float]]] = []
        sums: list[float] = []
        if all(epochs) and len(epochs) == self.config.epochs:
            losses = [[float(self._answer(one).loss.value) for one in passes] for passes in epochs]
            sums = [sum(values) for values in losses]
            candidates += [
                ("the mini-batch losses are not added up: the record holds the last one", [v[-1] for v in losses]),
                ("the mini-batch losses are not added up: the record holds the first one", [v[0] for v in losses]),
                ("the sum of the losses is not set back to 0 at each epoch", list(np.cumsum(sums))),
                (
                    "the losses met while training are added in as well",
                    [a + sum(b) for a, b in zip(sums, inside, strict=True)],
                ),
                *(
                    ("the set is evaluated with weights from before the epoch", self._stale_losses(split, epochs, old))
                    for old in (PARAMETERS, PARAMETERS[:2], PARAMETERS[2:])
                ),
                *(("the record holds accuracies, not losses", list(rates)) for rates in self._shares(split, epochs)),
            ]
        other = "valid" if split == "train" else "train"
        passes_of_other = self._evaluated(other)
        if all(passes_of_other) and len(passes_of_other) == self.config.epochs:
            swapped = [sum(float(self._answer(one).loss.value) for one in passes) for passes in passes_of_other]
            candidates.append((f"the {_SET[split]} loss record holds the losses of the {_SET[other]} set", swapped))
        candidates += [
            (
                "the losses met while training are added up, where the set is evaluated after the epoch",
                [sum(v) for v in inside],
            ),
            ("the record holds the losses met while training", [float(np.mean(v)) for v in inside]),
            ("the record holds the last loss met while training", [v[-1] for v in inside]),
        ]
        for reason, values in candidates:
            if len(values) == len(got) and np.allclose(got, values, rtol=EXPLAINS, atol=0.0):
                return reason
        return multiple(got, sums) if sums else ""

    def _shares(self, split: str, epochs: Sequence[Sequence[Pass]]) -> list[Array]:
        """The accuracy of each epoch, by the least and by the most that may be right."""
        counts = np.array([self._counts(passes) for passes in epochs], np.float64)
        return [counts[:, 0] / counts[:, 2], counts[:, 1] / counts[:, 2]]

    def _stale_losses(self, split: str, epochs: Sequence[Sequence[Pass]], old: Sequence[str]) -> list[float]:
        """The sum of the losses of each epoch, the `old` ones of its weights those from before its first step."""
        first: dict[int, int] = {}
        for update in self.run.updates:
            first.setdefault(update.epoch, update.before)
        found = []
        for epoch, passes in enumerate(epochs):
            if not self._sound(first.get(epoch, -1)):
                return []
            stale = self.run.at(first[epoch])
            X, y = self.digits[f"{split}_X"], self.digits[f"{split}_y"].reshape(-1)
            losses = [
                mean_loss(
                    {**self.run.at(p.weights), **{name: stale[name] for name in old}},
                    X[list(p.rows)], y[list(p.rows)], None, self.config.activation,
                )
                for p in passes
            ]  # fmt: skip
            found.append(sum(loss for loss in losses if loss is not None))
        return found

    def _training_loss(self, update: Update) -> float | None:
        inputs = self._inputs(update)
        if inputs is None or not self._sound(update.before):
            return None
        X, y, mask = inputs
        return mean_loss(self.run.at(update.before), X, y, mask, self.config.activation)

    def _accuracy(self, split: str, position: int) -> Finding:
        quantity = f"{_SET[split]} accuracy"
        unmeasured = self._unmeasured(quantity, split)
        if self.failure is not None or unmeasured is not None:
            return unmeasured or self._ok(quantity)
        other = "val" if split == "train" else "train"
        records = [(f"{file}, {key!r}", v) for file, key, v in self.run.written if other not in key.lower()]
        extra = [(f"what main returns, number {i + 1}", v) for i, (_, v) in enumerate(self.run.returned) if i > 1]
        losses = [v for _, v in self.run.returned[:2]]
        records = [(key, v) for key, v in records if not any(np.array_equal(v, loss) for loss in losses)]
        epochs = self._evaluated(split)
        uncovered = self._coverage(split, epochs)
        if not records and not extra:
            return self._ok(quantity, "main wrote no result file, so that accuracies were not seen")
        if uncovered:
            return self._bad(quantity, uncovered)
        bounds = [[self._counts(sweep) for sweep in self._sweeps(split, passes)] for passes in epochs]
        for _, got in [*records, *extra]:
            for scale, note in ((1.0, ""), (100.0, "the accuracies are written in per cent")):
                if len(got) == len(bounds) and all(
                    any(_counted(value / scale, *bound) for bound in sweeps)
                    for value, sweeps in zip(got, bounds, strict=True)
                ):
                    return replace(self._ok(quantity, note), total=len(got), bad=0)
        if not records:
            return self._ok(quantity, "main wrote no result file, so that accuracies were not seen")
        key, got = records[position] if len(records) > position and len(records) > 1 else records[0]
        if len(got) != len(bounds):
            text = f"the {quantity} record ({key}) has {len(got)} numbers, where one for each of {len(bounds)} epochs"
            return self._bad(quantity, f"{text} is asked for", got=float(len(got)), want=float(len(bounds)))
        epoch = next(
            i for i, sweeps in enumerate(bounds) if not any(_counted(float(got[i]), *bound) for bound in sweeps)
        )
        low, high, count = bounds[epoch][-1]
        shown = f"{low}" if low == high else f"{low} to {high}"
        reason = ""
        if any(one.training for passes in epochs for one in passes):
            reason = f"the {_SET[split]} set is evaluated with dropout on (is_train=True), where it is off; "
        elif words := self._accuracy_reason(split, got, epochs):
            reason = f"{words}; "
        text = (
            f"{reason}the {quantity} after epoch {epoch + 1} ({key}) is {got[epoch]:.6g}, where {shown} of {count} "
            f"examples are right"
        )
        return self._bad(
            quantity, text, got=float(got[epoch]), want=low / count, gap=abs(float(got[epoch]) - low / count)
        )

    def _accuracy_reason(self, split: str, got: Array, epochs: Sequence[Sequence[Pass]]) -> str:
        """What a wrong record of accuracies holds instead, "" where nothing explains it."""
        counts = [self._counts(passes) for passes in epochs]
        last = [self._counts(passes[-1:])[0] for passes in epochs]
        theirs = self._evaluated("valid" if split == "train" else "train")
        others = [self._counts(passes)[::2] for passes in theirs if passes]
        right, _, seen = (list(column) for column in zip(*counts, strict=True))
        return accuracy(got, right, seen, last, len(self.digits[f"{split}_X"]), self.config.batch, others)

    def _counts(self, passes: Sequence[Pass]) -> tuple[int, int, int]:
        """(at least, at most, of how many) predictions are right in these passes."""
        found = [self._answer(one) for one in passes]
        return (
            sum(int(answer.correct_at_least) for answer in found),
            sum(int(answer.correct_at_most) for answer in found),
            sum(len(one.rows) for one in passes),
        )


_SET = {"train": "training", "valid": "validation"}
# The forms of a loss record that are right, the usual one first, by the note that they get.
_KINDS = (
    "",
    "the loss record holds means of the mini-batch losses, where their sum is usual",
    "the loss record holds means over the examples, where the sum of the mini-batch losses is usual",
)


def _nearest(got: Array, choices: Sequence[Sequence[Answer]]) -> Answer:
    """For each number the answer that is nearest to it, of those that are all right, as one answer."""
    chosen = [
        min(answers, key=lambda answer: abs(value - float(answer.value)) if np.isfinite(value) else 0.0)
        for value, answers in zip(got.tolist(), choices, strict=True)
    ]
    value, radius = (np.array([getattr(one, name) for one in chosen]) for name in ("value", "radius"))
    return Answer(value, radius, lambda: np.array([one.exact for one in chosen]))


def _weighted_exact(weights: Array, losses: Sequence[Answer]) -> Array:
    return np.asarray(np.sum(weights * np.array([loss.exact for loss in losses])))


def _counted(value: float, low: int, high: int, count: int) -> bool:
    """Whether a rate is k/count for a k between low and high, within the rounding of a few operations."""
    k = round(float(value) * count) if np.isfinite(value) else -1
    return low <= k <= high and abs(value - k / count) <= gamma(count + 2, np.dtype(np.float64))


def _size(ratio: float | None) -> float:
    """A ratio for comparing: NaN and None are the largest."""
    return float("inf") if ratio is None or not np.isfinite(ratio) else ratio


def _figures(found: Any) -> dict[str, Any]:
    names = ("gap", "radius", "ratio", "ulps", "bad", "total", "where", "got", "want")
    return {name: getattr(found, name) for name in names}


def _labels(labels: Sequence[float]) -> str:
    return "[" + ", ".join(f"{label:g}" for label in labels[:10]) + "]"


def _wrong(call: Call) -> str:
    """main passes nonlinear1.forward's output to L2.forward as X, where drop1.forward's output belongs."""
    what, got, want = call.wrong[0]
    return f"main passes {got} to {call.name} as {what}, where {want} belongs"
