"""How far two honest computations of the same element may differ: the radius, derived from unit roundoff.

Every function returns radii, float64 arrays ≥ 0 of the result's shape, for |numpy's result − torch's result|: the sum
of both sides' rounding errors, and of what the inputs' own radii (0 where both sides were given the same numbers)
make of them. Shapes are those of one computation; a leading dimension stands for several side by side. A product or sum
whose operands are all exactly 0 rounds nothing, and has no floor for underflow either. Notation and the bounds on sums
and products: N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., ch. 2 and 3.
u is the unit roundoff, γ_n = n·u/(1 − n·u); one ulp is at most 2u relative.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Radius = NDArray[np.float64]

NUMPY_EXP_ULPS = 2.52
NUMPY_LOG_ULPS = 3.83
"""numpy's documented largest errors for float32 exp and log (numpy's SIMD release notes, 1.17); float64 is better."""

TANH_FORM_FORWARD = 6.0
TANH_FORM_BACKWARD = 13.0
"""Absolute errors, in u, of h = tanh(x) written as 2/(1 + e^(−2x)) − 1, and of grad·(1 − h²) made of that h.

Forward: fl(−2x) is exact; exp brings 2·2.52 u relative, which e ↦ q = 2/(1 + e) turns into at most
5.04·2e/(1 + e)² u ≤ 2.52 u; the sum 1 + e brings at most u relative, the quotient at most u absolute, the difference
at most u/2: together under 6 u (the largest together is at e near 1, where each of q's two roundings is about u).
(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ) stays under it too: near 0 its numerator brings 2·5.04 u over 2.
Backward: 1 − h² moves by 2|h| times 6 u, plus half an ulp each of h², the difference and the product: under 13 u.
"""


@dataclass(frozen=True)
class Library:
    """Documented largest errors, in ulps, of the transcendental functions of torch on one kind of device."""

    exp: float
    log: float
    tanh: float


LIBRARIES = {
    # SLEEF's u10 functions, which torch vectorises with on the CPU: 1.0 ulp (sleef.org, "accuracy of functions").
    "cpu": Library(exp=1.0, log=1.0, tanh=1.0),
    # CUDA C++ Programming Guide, "Mathematical Functions": expf 2, logf 1, tanhf 2; exp 1, log 1, tanh 2.
    "cuda": Library(exp=2.0, log=1.0, tanh=2.0),
}


def library_of(device: str) -> Library:
    """The errors of torch's functions on a device: "cpu", "cuda" or "cuda:N"."""
    return LIBRARIES[device.partition(":")[0]]


def unit_roundoff(dtype: Any) -> float:
    """u: half the distance from 1 to the next number of `dtype`."""
    return _limits(np.dtype(dtype))[0]


@cache
def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    """u and the smallest normal number; kept, because numpy takes long to look them up."""
    info = np.finfo(dtype)
    return float(info.eps) / 2, float(info.smallest_normal)


def gamma(n: int, dtype: Any) -> float:
    """γ_n = n·u/(1 − n·u), which bounds the relative error of n successive roundings (Higham, lemma 3.1)."""
    nu = n * unit_roundoff(dtype)
    if nu >= 1:
        raise ValueError(f"γ_{n} is not defined in {np.dtype(dtype)}: n·u = {nu:g} is not below 1")
    return nu / (1 - nu)


def underflow(n: int, dtype: Any) -> float:
    """What n operations that underflow lose at most: n smallest normal numbers, also where subnormals are flushed."""
    return n * _limits(np.dtype(dtype))[1]


def underflow_of(operands: Array, n: int, dtype: Any) -> Radius:
    """The floor of both sides, 2·underflow(n), where a number made of these operands is not exactly 0; there 0."""
    return np.asarray((operands != 0) * (2 * underflow(n, dtype)))


def wide(array: Array) -> Radius:
    """`array` as float64, in which radii are computed."""
    return np.asarray(array, dtype=np.float64)


def zero_radius(array: Array) -> Radius:
    """The radius of an array that both sides know exactly: zeros of its shape."""
    return np.zeros(np.shape(array))


def product_of_matrices(
    A: Array,
    B: Array,
    dtype: Any,
    A_radius: Radius | None = None,
    B_radius: Radius | None = None,
) -> Radius:
    """A @ B, of sums of n terms, and one further rounding of each sum: both sides γ_(n+1)·|A||B|.

    Holds for any order of summation and for fused multiply-add (Higham, (3.5) and (3.13)).
    """
    A_size, B_size = np.abs(wide(A)), np.abs(wide(B))
    A_most = A_size if A_radius is None else A_size + A_radius
    B_most = B_size if B_radius is None else B_size + B_radius
    terms = A.shape[-1]
    most = A_most @ B_most
    carried: Any = 0.0
    if A_radius is not None:
        carried = carried + A_radius @ B_most
    if B_radius is not None:
        carried = carried + A_size @ B_radius
    floor = underflow_of(_reached(A_most, B_most, most), terms, dtype)
    return np.asarray(carried + 2 * gamma(terms + 1, dtype) * most + floor)


def _reached(A: Array, B: Array, product: Array) -> NDArray[np.bool_]:
    """Where a term of A @ B (all ≥ 0) is none of 0·anything, also where all of them underflow in `product`."""
    reached = product > 0
    if not reached.all():
        reached |= (A > 0).astype(np.float64) @ (B > 0).astype(np.float64) > 0
    return reached


def linear_forward(X: Array, W: Array, b: Array, X_radius: Radius | None = None) -> Radius:
    """u = X W + b (X N×D, W D×M, b 1×M): both sides γ_(D+1)·(|X||W| + |b|), and X's radius through |W|."""
    dtype = W.dtype
    return product_of_matrices(X, W, dtype, X_radius) + 2 * gamma(X.shape[-1] + 1, dtype) * np.abs(wide(b))


def sum_over_rows(grad: Array, grad_radius: Radius | None = None) -> Radius:
    """∂b = Σ_rows grad, 1×M: N − 1 additions, and two more roundings for forms that divide and multiply by N."""
    most = np.abs(wide(grad)) if grad_radius is None else np.abs(wide(grad)) + grad_radius
    local = 2 * gamma(grad.shape[-2] + 1, grad.dtype) * most.sum(axis=-2, keepdims=True)
    carried = 0.0 if grad_radius is None else grad_radius.sum(axis=-2, keepdims=True)
    return np.asarray(local + carried)


def tanh_forward(X: Array, h: Array, library: Library, X_radius: Radius | None = None) -> Radius:
    """h = tanh(X): numpy's side may be 2/(1 + e^(−2X)) − 1, 6u absolute; torch's is its library's, in ulps of h.

    An input's radius ρ moves tanh by at most ρ times the largest slope within ρ, 1 − max(0, |h| − ρ)².
    """
    u = unit_roundoff(h.dtype)
    size = np.abs(wide(h))
    local = TANH_FORM_FORWARD * u + 2 * library.tanh * u * size
    if X_radius is None:
        return np.asarray(local)
    slope = 1 - np.maximum(0.0, size - X_radius) ** 2
    return np.asarray(local + X_radius * slope)


def tanh_backward(
    h: Array, grad: Array, library: Library, h_radius: Radius | None = None, grad_radius: Radius | None = None
) -> Radius:
    """grad·(1 − h²): numpy's side 13u·|grad|; torch's side from its own h, |grad|·(2h²(2·ulps) + h² + 2(1 − h²))·u.

    Radii of h and grad come in through |∂/∂h| ≤ 2|h| + ρ_h and the slope.
    `h_radius` is what the *inputs* of the two sides bring; their own rounding of h is in the constants.
    """
    u = unit_roundoff(h.dtype)
    h_size, g_size = np.abs(wide(h)), np.abs(wide(grad))
    g_most = g_size if grad_radius is None else g_size + grad_radius
    squared = h_size**2
    local = (TANH_FORM_BACKWARD + squared * (4 * library.tanh + 1) + 2 * (1 - squared)) * u * g_most
    if h_radius is not None:
        local = local + g_most * (2 * h_size + h_radius) * h_radius
    if grad_radius is not None:
        local = local + grad_radius * np.maximum(1 - squared, 0.0)
    return np.asarray(local + underflow_of(g_most, 2, h.dtype))


def dropout(scaled: Array, r: float) -> Radius:
    """q·1[p ≥ r]/(1 − r): both sides 3u relative to the exact scale (1 − r, its inverse and the product round).

    `scaled` is torch's result. At r = 0 the scale is 1 and nothing rounds.
    """
    if r == 0:
        return zero_radius(scaled)
    u = unit_roundoff(scaled.dtype)
    return np.asarray((scaled != 0) * 6 * u * np.abs(wide(scaled)) + underflow_of(scaled, 1, scaled.dtype))


@dataclass(frozen=True)
class _Softmax:
    """What the loss and its gradient share, in float64: p = softmax(a), d = a − max, log Σ e^d, |log Σ e^a|."""

    p: Radius
    d: Radius
    log_sum: Radius
    shift: Radius
    p_relative: Radius


def _softmax(logits: Array, *ulps_of_exp: float) -> list[_Softmax]:
    """Relative errors, of each side: e^d has |d|·u from its argument and 2·ulps·u of its own; the sum γ_K of all.

    A form that takes e^(a − log Σ e^a) instead has the rounding of that logarithm, |log Σ e^a|·u, in its argument.
    """
    u = unit_roundoff(logits.dtype)
    a = wide(logits)
    d = a - a.max(axis=-1, keepdims=True)
    e = np.exp(d)
    total = e.sum(axis=-1, keepdims=True)
    p = e / total
    log_sum = np.log(total)
    shift = np.abs(a.max(axis=-1, keepdims=True) + log_sum)
    sides = []
    for exp_ulps in ulps_of_exp:
        e_relative = (np.abs(d) + shift + 2 * exp_ulps) * u
        sum_relative = (p * e_relative).sum(axis=-1, keepdims=True) + gamma(logits.shape[-1], logits.dtype)
        sides.append(_Softmax(p, d, log_sum, shift, e_relative + sum_relative + 2 * u))
    return sides


def _logit_shift(p: Radius, logits_radius: Radius) -> Radius:
    """How far log p_k moves when the logits move by their radii: ρ_k + Σ_j p_j ρ_j, the p_j those on the way."""
    mean = (p * logits_radius).sum(axis=-1, keepdims=True)
    return np.asarray(logits_radius + mean * np.exp(2 * logits_radius.max(axis=-1, keepdims=True)))


def at_labels(rows: Array, labels: NDArray[np.int64]) -> Array:
    """Of each row of N×K, the element of its label: N."""
    return np.take_along_axis(rows, labels[..., None], axis=-1)[..., 0]


def one_hot(rows: Array, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """N×K: whether an element is that of its row's label."""
    return np.equal(np.arange(rows.shape[-1]), labels[..., None])


def cross_entropy_forward(
    logits: Array, labels: NDArray[np.int64], library: Library, logits_radius: Radius | None = None
) -> Radius:
    """Mean over N rows of l = log Σ e^(a_k − a_y), 0-d for logits N×K.

    One side's error in a row, whatever the form (−log p_y, log Σ e^d − d_y, log Σ e^a − a_y): the relative error of
    p_y, and the log's own, 2·ulps·u times the largest of |l|, log Σ e^d and, where e^a itself does not overflow,
    log Σ e^a (an unshifted form); u·(|d_y| + |l| + |log Σ e^a|) for the differences; γ_(N+1) for the mean.
    """
    dtype = logits.dtype
    u = unit_roundoff(dtype)
    total: Any = 0.0
    sides = _softmax(logits, NUMPY_EXP_ULPS, library.exp)
    for s, log_ulps in zip(sides, (NUMPY_LOG_ULPS, library.log), strict=True):
        log_sum, shift = s.log_sum[..., 0], s.shift[..., 0]
        d = at_labels(s.d, labels)
        loss = log_sum - d
        largest = wide(logits).max(axis=-1)
        unshifted = np.where(np.abs(largest) < np.log(float(np.finfo(dtype).max)) / 2, shift, 0)
        row = (
            at_labels(s.p_relative, labels)
            + 2 * log_ulps * u * np.maximum(np.maximum(loss, log_sum), unshifted)
            + u * (np.abs(d) + loss + shift)
        )
        total = total + row.mean(axis=-1) + gamma(logits.shape[-2] + 1, dtype) * np.abs(loss).mean(axis=-1)
    if logits_radius is not None:
        total = total + at_labels(_logit_shift(s.p, logits_radius), labels).mean(axis=-1)
    return np.asarray(total + 2 * underflow(2, dtype))


def cross_entropy_backward(
    logits: Array, labels: NDArray[np.int64], library: Library, logits_radius: Radius | None = None
) -> Radius:
    """(z − onehot(y))/N: the relative error of z, then u for the difference and 2u for the division, on each side."""
    N = logits.shape[-2]
    dtype = logits.dtype
    right = one_hot(logits, labels)
    u = unit_roundoff(dtype)
    total: Any = 0.0
    for s in _softmax(logits, NUMPY_EXP_ULPS, library.exp):
        total = total + s.p * s.p_relative + 3 * u * np.abs(s.p - right) + underflow(logits.shape[-1], dtype)
    if logits_radius is not None:
        total = total + s.p * np.expm1(_logit_shift(s.p, logits_radius))
    return np.asarray(total / N + 2 * underflow(1, dtype))


def sgd_step(
    w: Array,
    g: Array,
    velocity: Array,
    *,
    alpha: float,
    lam: float,
    eta: float | Array,
    w_radius: Radius | None = None,
    g_radius: Radius | None = None,
    velocity_radius: Radius | None = None,
) -> tuple[Radius, Radius]:
    """Radii of w′ = w + αυ − η(g + λw) and of υ′ = w′ − w; both sides γ_5·(|w| + |αυ| + |ηg| + |ηλw|).

    η is a number, or what broadcasts to w. γ_5 covers every order of the up to four products and four sums on one
    path (w − ηg − ηλw + αυ among them).
    """
    dtype = w.dtype
    zero: Any = 0.0
    w_in, g_in, v_in = (zero if r is None else r for r in (w_radius, g_radius, velocity_radius))
    moved, moves = np.abs(eta * wide(g)), g != 0
    if alpha != 0:
        moved += np.abs(alpha * wide(velocity))
        moves |= velocity != 0
    if lam != 0:
        moved += np.abs(eta * lam * wide(w))
        moves |= w != 0
    carried = alpha * v_in + eta * g_in + eta * lam * w_in
    moves |= carried != 0
    rounding = 2 * gamma(5, dtype)
    floor = underflow_of(moves, 3, dtype)
    return (
        np.asarray(w_in + carried + rounding * (np.abs(wide(w)) + moved) + floor),
        np.asarray(carried + rounding * moved + floor),
    )
