"""Simple relations between what was returned and what is right, said where no known mistake fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from parity_tests.harness.diagnosis.mistake import Asked
from parity_tests.protocol.observation import Failure
from reference.rounding import unit_roundoff

ELEMENTWISE = ("tanh", "relu", "dropout")
SLACK = 8
"""Roundings, in u of the value, that a wrong result may have beyond the radius of the right one."""
NEAR_ONE = 5e-6
"""A factor that prints as 1 in six digits says nothing."""


@np.errstate(all="ignore")
def relation(asked: Sequence[Asked]) -> str:
    """A sentence part such as "off by the constant factor 0.5", "" where no relation holds in every wrong call."""
    wrong = [a for a in asked if a.wrong]
    if wrong and wrong[0].operation == "sgd.weights":
        judged = all(a.comparison.arrays is not None for a in wrong)
        return (_digits(wrong, wrong) or _decimals(wrong) if judged else "") or _when(asked, wrong)
    if not wrong or any(isinstance(a.value, Failure) for a in wrong):
        return _where(asked, wrong)
    shaped = [a for a in wrong if a.comparison.arrays is not None]
    if len(shaped) == len(wrong):
        for found in (
            _sign(asked, wrong), _factor(asked, wrong), _constant(asked, wrong), _alike(wrong), _before(wrong),
            _digits(asked, wrong), _decimals(wrong), _cut(wrong),
        ):  # fmt: skip
            if found:
                return found
        for words, holds in _ORDERS:
            if all(holds(a) for a in wrong):
                return words
        if all(_finite_is_right(a) for a in wrong):
            return "NaN or infinite wherever it is wrong"
    elif all(_transposed(a) for a in wrong):
        return "transposed"
    return _where(asked, wrong)


def _wide(a: Asked) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """got, want and what may lie between them, of one wrong call."""
    got, want, radius = (np.asarray(array, np.float64) for array in a.comparison.arrays)
    return got, want, radius


def _proportional(a: Asked, factor: float) -> bool:
    got, want, radius = _wide(a)
    with np.errstate(all="ignore"):
        allowed = abs(factor) * radius + SLACK * unit_roundoff(a.dtype) * np.abs(got)
        return bool((np.abs(got - factor * want) <= allowed).all())


def _sign(asked: Sequence[Asked], wrong: Sequence[Asked]) -> str:
    return "right up to the sign" if all(_proportional(a, -1.0) for a in wrong) else ""


def _factor(asked: Sequence[Asked], wrong: Sequence[Asked]) -> str:
    if len(wrong) != len(asked):
        return ""
    pairs = [_wide(a)[:2] for a in wrong]
    if not all(np.isfinite(got).all() for got, _ in pairs):
        return ""
    size = sum(float((want * want).sum()) for _, want in pairs)
    if size == 0:
        return ""
    factor = sum(float((got * want).sum()) for got, want in pairs) / size
    precise = [a for a in wrong if a.dtype == np.float64]
    if factor and precise:
        a = precise[0]
        got, want, _ = _wide(a)
        factor = float((got * want).sum() / (want * want).sum()) if want.any() else factor
    if factor and abs(factor - 1) > NEAR_ONE and all(_proportional(a, factor) for a in wrong):
        return f"off by the constant factor {factor:.6g}"
    return ""


def _constant(asked: Sequence[Asked], wrong: Sequence[Asked]) -> str:
    if len(wrong) != len(asked):
        return ""
    got, want, _ = _wide(wrong[0])
    constant = float(np.median(got - want)) if np.isfinite(got).all() else 0.0
    for a in wrong if constant else ():
        got, want, radius = _wide(a)
        with np.errstate(all="ignore"):
            allowed = radius + SLACK * unit_roundoff(a.dtype) * (np.abs(got) + np.abs(want) + abs(constant))
            if not (np.abs(got - want - constant) <= allowed).all():
                return ""
    return f"off by the additive constant {constant:.6g}" if constant else ""


def _alike(wrong: Sequence[Asked]) -> str:
    """Results that do not depend on the place."""
    pairs = [_wide(a)[:2] for a in wrong]
    if all(not got.any() for got, _ in pairs):
        return "zero everywhere"
    if all(np.isnan(got).all() for got, _ in pairs):
        return "NaN everywhere"
    large = [(got, want) for got, want in pairs if got.size > 1]
    if large and all((got == got.flat[0]).all() for got, _ in pairs):
        return "the same number everywhere"
    for axis, words in ((0, "all rows are alike"), (1, "all columns are alike")):
        long = [(got, want) for got, want in pairs if got.ndim == 2 and got.shape[axis] > 1]
        if long and all(
            (got == got.take([0], axis)).all() and (want != want.take([0], axis)).any() for got, want in long
        ):
            return words
    return ""


def _before(wrong: Sequence[Asked]) -> str:
    """Results that were returned before, where they were right."""
    again = [a for a in wrong if a.past and a.past[-1].got is not None and not a.past[-1].wrong]
    same = len(again) == len(wrong) and all(np.array_equal(a.got, a.past[-1].got) for a in again)
    return "the result of the call before" if same else ""


def _cut(wrong: Sequence[Asked]) -> str:
    """Right up to a certain size, and that size beyond it."""
    most = max(float(np.abs(_wide(a)[0]).max()) for a in wrong)
    for a in wrong:
        got, want, radius = _wide(a)
        if not np.isfinite(got).all() or not (np.abs(got - np.clip(want, -most, most)) <= radius).all():
            return ""
    return f"right up to {most:.6g} in magnitude, and cut off beyond"


def _finite_is_right(a: Asked) -> bool:
    got, want, radius = _wide(a)
    finite = np.isfinite(got)
    return bool((np.abs(got - want)[finite] <= radius[finite]).all())


def _absolute(a: Asked) -> bool:
    got, want, radius = _wide(a)
    return bool((np.abs(got - np.abs(want)) <= radius).all())


def _reshaped(a: Asked) -> bool:
    """The right numbers, in the order that a transposed array has them in."""
    got, want, radius = _wide(a)
    if want.ndim != 2:
        return False
    turned, allowed = (x.T.reshape(want.shape) for x in (want, np.broadcast_to(radius, want.shape)))
    back, room = (x.reshape(want.T.shape).T for x in (want, np.broadcast_to(radius, want.shape)))
    return bool((np.abs(got - turned) <= allowed).all() or (np.abs(got - back) <= room).all())


def _square_transposed(a: Asked) -> bool:
    got, want, radius = _wide(a)
    square = want.ndim == 2 and want.shape[0] == want.shape[1]
    return square and bool((np.abs(got - want.T) <= np.broadcast_to(radius, want.shape).T).all())


def _transposed(a: Asked) -> bool:
    """Of the shape of the transposed result; where it is square, by its numbers."""
    if a.comparison.arrays is not None:
        return _square_transposed(a)
    shape = _SHAPES.get(a.operation)
    return shape is not None and a.got is not None and a.got.shape == shape(a)[::-1] and a.got.shape != shape(a)


_SHAPES: dict[str, Callable[[Asked], tuple[int, ...]]] = {
    "linear.output": lambda a: (a.N, a.M),
    "linear.gradient of W": lambda a: (a.D, a.M),
    "linear.gradient of X": lambda a: (a.N, a.D),
}


def _digits(asked: Sequence[Asked], wrong: Sequence[Asked]) -> str:
    """float64 results that are right as float32 ones would be."""
    narrow, wide = unit_roundoff(np.float32), unit_roundoff(np.float64)
    if any(a.dtype != np.float64 for a in wrong):
        return ""
    for a in wrong:
        got, want, radius = _wide(a)
        with np.errstate(all="ignore"):
            allowed = radius * (narrow / wide) + 2 * narrow * np.abs(want)
            if not (np.abs(got - want) <= allowed).all():
                return ""
    return "right to float32 digits only"


def _decimals(wrong: Sequence[Asked]) -> str:
    for places in range(9):
        if all(_rounded(a, places) for a in wrong):
            return f"rounded to {places} decimals" if places else "rounded to whole numbers"
    return ""


def _rounded(a: Asked, places: int) -> bool:
    got, want, radius = _wide(a)
    with np.errstate(all="ignore"):
        on_grid = np.abs(got - np.round(got, places)) <= 4 * unit_roundoff(a.dtype) * np.abs(got)
        near = np.abs(got - want) <= 10.0**-places * (0.5 if places else 1.0) + radius
    return bool((on_grid & near).all()) and bool(np.unique(got).size > 1)


def _permuted(a: Asked, axis: int) -> bool:
    got, want, radius = _wide(a)
    if got.shape != want.shape or got.ndim <= axis or got.shape[axis] < 2 or not np.isfinite(got).all():
        return False
    g, w, r = (
        np.moveaxis(np.broadcast_to(x, want.shape), axis, 0).reshape(want.shape[axis], -1) for x in (got, want, radius)
    )
    allowed = r.max(axis=0) + SLACK * unit_roundoff(a.dtype) * np.abs(w).max(axis=0)
    matches = (np.abs(g[:, None, :] - w[None, :, :]) <= allowed).all(axis=2)
    moved = bool((matches.argmax(axis=1) != np.arange(len(g))).any())
    return moved and bool((matches.sum(axis=0) == 1).all() and (matches.sum(axis=1) == 1).all())


_ORDERS: tuple[tuple[str, Callable[[Asked], bool]], ...] = (
    ("transposed", _square_transposed),
    ("reshaped, where it should be transposed: the right numbers at wrong places", _reshaped),
    ("the rows are right, but in another order", lambda a: _permuted(a, 0)),
    ("the columns are right, but in another order", lambda a: _permuted(a, 1)),
    ("the absolute value is taken", _absolute),
)


# ---- where it is wrong ----


def _bad(a: Asked) -> np.ndarray | None:
    """Which elements are off, None where that cannot be told."""
    if a.comparison.arrays is None:
        return None
    got, want, radius = _wide(a)
    with np.errstate(all="ignore"):
        return np.asarray(~(np.abs(got - want) <= radius))


def _where(asked: Sequence[Asked], wrong: Sequence[Asked]) -> str:
    right = [a for a in asked if not a.wrong]
    if not wrong:
        return ""
    if all(a.N == 1 for a in wrong) and any(a.N > 1 for a in right):
        return "wrong only at N = 1"
    for words, holds in _SIZES:
        if right and all(holds(a) for a in wrong) and not any(holds(a) for a in right):
            return words
    if all(a.past for a in wrong) and any(not a.past for a in right):
        return "right at the first call, wrong from the second on"
    bad = [_bad(a) for a in wrong]
    words = ""
    if not any(b is None or b.ndim == 0 for b in bad):
        words = _places(wrong, [b for b in bad if b is not None])
    single = all(a.N > 1 for a in wrong) and bool(right) and all(a.N == 1 for a in right)
    return words or ("right only at N = 1" if single else "")


def _places(wrong: Sequence[Asked], found: Sequence[np.ndarray]) -> str:
    """In which elements all wrong calls are off."""
    if wrong[0].operation.split(".")[0] in ELEMENTWISE:
        return _side(wrong, found)
    if all(not b[:-1].any() for b in found) and any(len(b) > 1 for b in found):
        return "wrong only in the last row"
    if all(not b[1:].any() for b in found) and any(len(b) > 1 for b in found):
        return "wrong only in the first row"
    if all(b.ndim > 1 and b.shape[1] > 1 and not b[:, :-1].any() for b in found):
        return "wrong only in the last column"
    if all(b.ndim > 1 and b.shape[1] > 1 and not b[:, 1:].any() for b in found):
        return "wrong only in the first column"
    if all(not b[0].any() for b in found) and all(len(b) > 1 for b in found):
        return "right only in the first row"
    return ""


_SIZES: tuple[tuple[str, Callable[[Asked], bool]], ...] = (
    ("wrong only where W is square", lambda a: "D" in vars(a) and "M" in vars(a) and a.D == a.M),
    ("wrong only at one input", lambda a: a.operation.startswith("linear") and a.D == 1),
    ("wrong only at one output", lambda a: a.operation.startswith("linear") and a.M == 1),
    ("wrong only in evaluation", lambda a: bool(a.evaluating)),
    ("wrong only at rate 0", lambda a: "r" in vars(a) and a.r == 0),
    ("wrong only at rates above 0", lambda a: "r" in vars(a) and a.r > 0 and not a.evaluating),
)


def _when(asked: Sequence[Asked], wrong: Sequence[Asked]) -> str:
    """For which rates and parameters SGD moves weights wrongly, and from which step on."""
    right = [a for a in asked if not a.wrong]
    found = [words for words, holds in _RATES if all(holds(a) for a in wrong) and any(not holds(a) for a in right)]
    said = [f"wrong only {' and '.join(found).replace(' and where ', ' and ')}"] if found else []
    first = min((a.comparison.step for a in wrong if a.comparison.step is not None), default=1)
    if first > 1:
        etas = wrong[0].etas
        dropped = next((t + 1 for t, eta in enumerate(etas) if eta != etas[0]), 0)
        said.append("right until η changes" if first == dropped else f"right up to step {first - 1}")
    return ", and ".join(said)


_RATES: tuple[tuple[str, Callable[[Asked], bool]], ...] = (
    ("where α > 0", lambda a: a.alpha > 0),
    ("where α = 0", lambda a: a.alpha <= 0),
    ("where λ > 0", lambda a: a.lam > 0),
    ("where λ = 0", lambda a: a.lam == 0),
    ("for W", lambda a: a.key == "W"),
    ("for b", lambda a: a.key == "b"),
    ("in the first layer", lambda a: a.layer == "L1"),
    ("in the last layer", lambda a: a.layer == "L2"),
)


def _side(wrong: Sequence[Asked], found: Sequence[np.ndarray]) -> str:
    """For which inputs an elementwise part is off."""
    if all("X" in vars(a) for a in wrong):
        for words, inside in _SIDES:
            inputs = [inside(np.asarray(a.X.value, np.float64)) for a in wrong]
            if all(i.shape == b.shape and i[b].all() for i, b in zip(inputs, found, strict=True)) and not all(
                i.all() for i in inputs
            ):
                return f"wrong only where the input is {words}"
    for words, where in _BESIDE:
        inside_of = [where(a) for a in wrong]
        within = all(i is not None and i.shape == b.shape and i[b].all() for i, b in zip(inside_of, found, strict=True))
        if within and not all(i is None or i.all() for i in inside_of):
            return f"wrong only where {words}"
    return ""


def _sign_of_grad(sign: int) -> Callable[[Asked], np.ndarray | None]:
    return lambda a: sign * np.asarray(a.grad.value) > 0 if a.operation.endswith("gradient of X") else None


_BESIDE: tuple[tuple[str, Callable[[Asked], np.ndarray | None]], ...] = (
    ("the incoming gradient is negative", _sign_of_grad(-1)),
    ("the incoming gradient is positive", _sign_of_grad(1)),
    ("the element is kept", lambda a: a.kept if "kept" in vars(a) else None),
    ("the element is dropped", lambda a: ~a.kept if "kept" in vars(a) else None),
)


_SIDES: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("exactly 0", lambda x: np.asarray(x == 0)),
    ("negative", lambda x: np.asarray(x < 0)),
    ("positive", lambda x: np.asarray(x > 0)),
    ("beyond 10 in magnitude", lambda x: np.asarray(np.abs(x) > 10)),
    ("beyond 1 in magnitude", lambda x: np.asarray(np.abs(x) > 1)),
    ("smaller than 0.1 in magnitude", lambda x: np.asarray(np.abs(x) < 0.1)),
)
