"""What a wrong step did instead: a sentence that a formula confirms, or that the calls show."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from parity_tests.assignments.mlp.main.closeness import EXPLAINS, FITTED, near, same
from parity_tests.assignments.mlp.main.fits import Fit, explained, fitted, velocity
from parity_tests.assignments.mlp.main.learning_rate import rate_text
from parity_tests.assignments.mlp.main.main_run import Array, MainRun, wrong_argument
from parity_tests.assignments.mlp.main.steps import Replayed, Steps
from parity_tests.assignments.mlp.main.wiring import SLIPS, Wiring, gradients
from parity_tests.assignments.mlp.names import WEIGHT_NAMES


def step_reason(main: MainRun, steps: Steps) -> str:
    """What the first wrong step did, "" where nothing explains it."""
    first, config = steps.wrong[0], main.config
    right = explained(main, first)
    idle = abs(right.b) <= EXPLAINS * config.eta
    return (
        exchanged(first.update.rates, config.lam, config.alpha, config.eta_of(first.update.epoch))
        or (_rates_reason(main, steps, right) if right.explains and not idle else "")
        or _order_reason(main, first)
        or _wiring_reason(main, first, right)
        or _redrawn_reason(main, first)
        or _parameters_reason(main, first)
        or _state_reason(main, steps)
        or ("the gradient has no effect on the step" if right.explains and idle else "")
    )


# ---- rates ----


def exchanged(passed: Mapping[str, float], lam: float, alpha: float, eta: float) -> str:
    """Whether SGD was passed the right rates in another order; "" where it was not."""
    wanted = {"lam": lam, "alpha": alpha, "eta": eta}
    if set(passed) != set(wanted):
        return ""
    got, want = (np.array([rates[name] for name in ("lam", "alpha", "eta")]) for rates in (passed, wanted))
    if same(got, want) or not same(np.sort(got), np.sort(want)):
        return ""
    shown = ", ".join(f"{word} = {value:g}" for word, value in zip(("λ", "α", "η"), got, strict=True))
    return f"SGD is passed its rates in another order: {shown}"


def _rates_reason(main: MainRun, steps: Steps, fit: Fit) -> str:
    """The gradient is right; one of α, η, λ, or the velocity, is not."""
    first, config = steps.wrong[0], main.config
    eta = config.eta_of(first.update.epoch)
    if first.index and config.alpha > 0 and not near(fit.a, config.alpha):
        return _velocity_reason(main, steps, fit)
    if not near(fit.b, eta):
        factor = fit.b / eta
        passed = first.update.rates.get("eta")
        if near(factor, config.batch) and first.index == 0:
            return "the gradient is the sum over the mini-batch, where the mean is asked for"
        if passed is not None and near(passed, eta):
            return f"the gradient is {factor:.6g} times what it should be"
        return rate_text(config, fit.b, first.update.epoch)
    if abs(fit.c - eta * config.lam) > FITTED * eta * max(config.lam, 1e-3):
        if config.lam > 0 and abs(fit.c) < FITTED * eta * config.lam:
            return f"weight decay is left out: λ is {config.lam:g}, and the step is that of λ = 0"
        return f"weight decay is made with λ = {fit.c / eta:.6g}, where {config.lam:g} is asked for"
    return ""


def _velocity_reason(main: MainRun, steps: Steps, fit: Fit) -> str:
    """The velocity is carried on with another α, or not at all: at each start of an epoch, or at all steps."""
    alpha = main.config.alpha
    if abs(fit.a) >= EXPLAINS:
        return f"the velocity is carried on with α = {fit.a:.6g}, where {alpha:g} is asked for"
    pairs = enumerate(itertools.pairwise(main.run.updates), 1)
    starts = {index for index, (before, update) in pairs if update.epoch != before.epoch}
    if steps.wrong_indices <= starts:
        return "the velocity is thrown away at the start of each epoch, where it is kept between epochs"
    every = len(steps.wrong) >= len(steps.known) - 1
    where = "at every step" if every else f"at step {steps.wrong[0].index + 1}"
    return f"the velocity is thrown away {where}: the step is made without momentum (α = {alpha:g})"


# ---- the order of calls ----


def _order_reason(main: MainRun, first: Replayed) -> str:
    """A backward that was not called before the update, or calls in another order."""
    update, number = first.update, first.index + 1
    if update.pass_ is None:
        return ""
    names = [call.name for call in update.calls]
    drop = ["drop"] if main.config.rate != 0 else []
    missing = [
        part if part.endswith(".backward") else f"{part}1.backward"
        for part in ("loss.backward", "L2.backward", *drop, "nonlinear", "L1.backward")
        if not any(name.startswith(part) and name.endswith(".backward") for name in names)
    ]
    if not missing:
        return _forward_reason([name for name in names if name.endswith(".forward")])
    later = {call.name for one in main.run.passes for call in one.calls}
    if all(name in later for name in missing):
        return f"the weights are updated before {missing[-1]} is called (step {number})"
    return f"{missing[0]} is never called before the weights are updated (step {number})"


def _forward_reason(names: Sequence[str]) -> str:
    if "L2.forward" in names and _late(names, "nonlinear", "L2.forward"):
        return "L2.forward is called before the activation's forward"
    if _late(names, "nonlinear", "drop"):
        return "dropout.forward is called before the activation's forward: the activation belongs before dropout"
    if "L2.forward" in names and _late(names, "drop", "L2.forward"):
        return "L2.forward is called before dropout.forward"
    return ""


def _late(names: Sequence[str], early: str, late: str) -> bool:
    """Whether the first call of `early` comes after the first one of `late`."""
    first = next((i for i, name in enumerate(names) if name.startswith(early)), None)
    second = next((i for i, name in enumerate(names) if name.startswith(late)), None)
    return first is not None and second is not None and first > second


# ---- arrays on a wrong way ----


def _wiring_reason(main: MainRun, first: Replayed, right: Fit) -> str:
    """A wrong array on the way, that a formula confirms or the calls show."""
    passed = next((wrong_argument(call) for call in first.update.calls if call.wrong), "")
    shown = f"{passed} (step {first.index + 1})" if passed else ""
    if right.explains:
        return shown
    for count in (1, 2):
        for chosen in itertools.combinations(SLIPS, count):
            wiring = Wiring(**{key: value for changes, _ in chosen for key, value in changes.items()})
            if wiring.activation == main.config.activation:
                continue
            fit = explained(main, first, wiring)
            # Two slips and another η would explain too much.
            if fit.explains and (count == 1 or near(fit.b, main.config.eta_of(first.update.epoch))):
                reason = " and ".join(text for _, text in chosen)
                return f"{reason} ({passed})" if passed else reason
    return shown


def _redrawn_reason(main: MainRun, first: Replayed) -> str:
    """A backward of dropout with another mask than the one of the forward that counts."""
    inputs = main.inputs(first.update)
    if inputs is None or first.update.pass_ is None:
        return ""
    X, y, _ = inputs
    weights = main.run.at(first.update.before)
    drops = [drop.kept for drop in first.update.pass_.drops if drop.train and drop.kept is not None]
    for forward, back in itertools.permutations([main.scaled(kept) for kept in drops[:3]], 2):
        gradient = gradients(weights, X, y, forward, main.config.activation, back=back)
        if fitted(main, first, gradient).explains:
            return "dropout.forward is called again before its backward, which then uses another mask"
    return ""


# ---- some parameters ----


def _parameters_reason(main: MainRun, first: Replayed) -> str:
    """The gradient is right, and changed before it is used: not for all parameters alike."""
    inputs = main.inputs(first.update)
    if inputs is None:
        return ""
    X, y, mask = inputs
    config = main.config
    before, after = main.run.at(first.update.before), main.run.at(first.update.after)
    return by_parameter(
        {name: after[name] - before[name] for name in WEIGHT_NAMES},
        velocity(main, first),
        gradients(before, X, y, mask, config.activation),
        before,
        max(config.alpha, 0.0),
        config.eta_of(first.update.epoch),
        config.lam,
    )


def by_parameter(
    change: Mapping[str, Array],
    velocity: Mapping[str, Array],
    gradient: Mapping[str, Array],
    weights: Mapping[str, Array],
    alpha: float,
    eta: float,
    lam: float,
) -> str:
    """What a step did to the right gradient of some of the parameters; "" where no simple change of it explains all."""
    names_by_change: dict[str, list[str]] = {}
    for name, g in gradient.items():
        w = weights[name]
        with np.errstate(all="ignore"):
            effective = (alpha * velocity[name] - change[name]) / eta  # what the step took for g + λ w
        text = _one_parameter(effective, g, w, lam)
        if text is None:
            return ""
        if text:
            names_by_change.setdefault(text, []).append(name)
    return " and ".join(text.replace("#", " and ".join(names)) for text, names in names_by_change.items())


def _one_parameter(effective: Array, g: Array, w: Array, lam: float) -> str | None:
    """The same of one parameter, "#" for its name; None where nothing explains it."""
    noise = 1e-9 * float(np.abs(effective).max())
    if not np.isfinite(effective).all() or not effective.any() or not g.any():
        return None

    def explains(values: Array) -> bool:
        return bool(np.allclose(effective, values, rtol=1e-6, atol=noise))

    if explains(g + lam * w):
        return ""
    factors = np.linalg.lstsq(np.stack([g.ravel(), w.ravel()], axis=1), effective.ravel(), rcond=None)[0]
    if explains(factors[0] * g + factors[1] * w):
        changes = []
        if not np.isclose(factors[0], 1, rtol=1e-6):
            changes.append(f"the gradient of # is {factors[0]:.6g} times what it should be")
        decay = float(factors[1])
        if lam and abs(decay) < 1e-6 * lam:
            changes.append("weight decay is left out of #")
        elif abs(decay - lam) > 1e-5 * max(lam, 1e-3) and abs(decay - lam * factors[0]) > 1e-5 * max(lam, 1e-3):
            changes.append(f"weight decay of # is made with λ = {decay:.6g}, where {lam:g} is asked for")
        return " and ".join(changes) or None
    own = effective - lam * w
    most = float(np.abs(own).max())
    if explains(np.clip(g, -most, most) + lam * w):
        return f"the gradient of # is cut off beyond {most:.6g}"
    most = float(np.abs(effective).max())
    if explains(np.clip(g + lam * w, -most, most)):
        return f"the gradient of # with its weight decay is cut off beyond {most:.6g}"
    return "the sign of the gradient of # is taken" if explains(np.sign(g) + lam * w) else None


# ---- what is left over ----


def _state_reason(main: MainRun, steps: Steps) -> str:
    """Something left over from an earlier step."""
    first = steps.wrong[0]
    if first.index == 0 and first.update.momentum == "nonzero":
        return "the velocities that SGD is given at the first step are not zero"
    before = steps.at(first.index - 1)
    if (
        before is not None
        and before.update.pass_ is not first.update.pass_
        and explained(main, first, of=before).explains
    ):
        return f"step {first.index + 1} is made with the gradient of the mini-batch before"
    got, had = main.run.at(first.update.after), main.run.at(first.update.before)
    still = [name for name in WEIGHT_NAMES if np.array_equal(got[name], had[name])]
    if still:
        return f"{' and '.join(still)} {'does' if len(still) == 1 else 'do'} not move"
    return ""
