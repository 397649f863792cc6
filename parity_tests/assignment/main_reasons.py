"""What a run of `main` may have done instead: sentences that explain numbers which are wrong, and never judge any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CLOSE = 1e-7
"""Numbers this near one another, relative to the larger, are taken for the same."""


def _same(one: Sequence[float] | Array, other: Sequence[float] | Array) -> bool:
    return bool(np.allclose(one, other, rtol=CLOSE, atol=0.0))


def exchanged(passed: Mapping[str, float], lam: float, alpha: float, eta: float) -> str:
    """Whether SGD was passed the right rates in another order; "" where it was not."""
    wanted = {"lam": lam, "alpha": alpha, "eta": eta}
    if set(passed) != set(wanted):
        return ""
    got, want = (np.array([rates[name] for name in ("lam", "alpha", "eta")]) for rates in (passed, wanted))
    if _same(got, want) or not _same(np.sort(got), np.sort(want)):
        return ""
    shown = ", ".join(f"{word} = {value:g}" for word, value in zip(("λ", "α", "η"), got, strict=True))
    return f"SGD is passed its rates in another order: {shown}"


def mean_loss(weights: Mapping[str, Array], X: Array, y: Array, mask: Array | None, activation: str) -> float | None:
    """The loss of some rows, N×D with labels (N,), in plain numpy; None where the mask does not fit."""
    u = X @ weights["L1_W"] + weights["L1_b"]
    h = np.tanh(u) if activation == "tanh" else np.maximum(u, 0)
    if mask is not None and mask.shape != h.shape:
        return None
    a = (h if mask is None else h * mask) @ weights["L2_W"] + weights["L2_b"]
    a = a - a.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(a).sum(axis=1)) - a[np.arange(len(a)), y.astype(int)]))


def multiple(got: Array, sums: Sequence[float]) -> str:
    """Whether a record is a constant multiple of the sums of losses."""
    ratios = got / np.array(sums)
    if not np.isfinite(ratios).all() or not _same(ratios, np.full(len(ratios), ratios[0])):
        return ""
    return f"the record holds {ratios[0]:.6g} times the sums of the mini-batch losses"


def accuracy(
    got: Array, correct: Sequence[int], counts: Sequence[int], last: Sequence[int], N: int, batch: int,
    other: Sequence[tuple[int, int]],
) -> str:  # fmt: skip
    """What a wrong record of accuracies holds instead.

    correct, counts: right predictions and examples of each epoch; last: right ones of the last mini-batch; N: the size
    of the whole set; other: the same two of the other set, empty where they are not known.
    """
    right, seen = np.array(correct, np.float64), np.array(counts, np.float64)
    candidates: list[tuple[str, Array]] = [
        ("it is the number of right predictions, not their share", right),
        ("it is the share of wrong predictions", 1 - right / seen),
        ("the count of right predictions is not set back to 0 at each epoch", np.cumsum(right) / seen),
        ("the counts are not set back to 0 at each epoch", np.cumsum(right) / np.cumsum(seen)),
        ("it is that of the last mini-batch", np.array(last, np.float64) / batch),
        ("it is divided by the number of mini-batches", right / (seen / batch)),
        ("it is divided by the mini-batch size", right / batch),
    ]
    if counts[0] != N:
        words = "it is divided by the number of all examples, where those of whole mini-batches are predicted"
        candidates.append((words, right / N))
    if len(other) == len(right):
        theirs = np.array(other, np.float64)
        candidates.append(("it is divided by the number of examples of the other set", right / theirs[:, 1]))
        candidates.append(("it is that of the other set", theirs[:, 0] / theirs[:, 1]))
    return next((words for words, values in candidates if len(values) == len(got) and _same(got, values)), "")


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
    found: dict[str, list[str]] = {}
    for name, g in gradient.items():
        w = weights[name]
        with np.errstate(all="ignore"):
            effective = (alpha * velocity[name] - change[name]) / eta  # what the step took for g + λ w
        text = _one_parameter(effective, g, w, lam)
        if text is None:
            return ""
        if text:
            found.setdefault(text, []).append(name)
    return " and ".join(text.replace("#", " and ".join(names)) for text, names in found.items())


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
        said = []
        if not np.isclose(factors[0], 1, rtol=1e-6):
            said.append(f"the gradient of # is {factors[0]:.6g} times what it should be")
        decay = float(factors[1])
        if lam and abs(decay) < 1e-6 * lam:
            said.append("weight decay is left out of #")
        elif abs(decay - lam) > 1e-5 * max(lam, 1e-3) and abs(decay - lam * factors[0]) > 1e-5 * max(lam, 1e-3):
            said.append(f"weight decay of # is made with λ = {decay:.6g}, where {lam:g} is asked for")
        return " and ".join(said) or None
    own = effective - lam * w
    most = float(np.abs(own).max())
    if explains(np.clip(g, -most, most) + lam * w):
        return f"the gradient of # is cut off beyond {most:.6g}"
    most = float(np.abs(effective).max())
    if explains(np.clip(g + lam * w, -most, most)):
        return f"the gradient of # with its weight decay is cut off beyond {most:.6g}"
    return "the sign of the gradient of # is taken" if explains(np.sign(g) + lam * w) else None
