"""Student's t: how many root mean squares of K replicas an honest element stays within."""

from __future__ import annotations

import math
from functools import cache

HONEST_OVER_MOVES = 0.41
"""The largest standard deviation of an honest gap over that of the moves: roundings uniform within u on both sides have
√(2/3)·u together, the moves 2u."""
ONE_SIDE = 2**0.5
"""The moves' standard deviation where one side alone rounds: uniform within u, u/√3, it is 0.41 of √2·u as well."""
TARGET = 1e-8
"""The stated probability that an honest element exceeds its sampled radius is at most this."""


def exceeding(t: float, k: int) -> float:
    """P(|T| > t) for Student's t with k degrees of freedom, by its finite series (Abramowitz and Stegun, 26.7.3–4).

    For large t by the tail's own series in k/(k + t²), since the finite one cancels there.
    """
    x = k / (k + t * t)
    # I_x(k/2, 1/2), the regularised incomplete beta function, by the power series of the integrand.
    a, b = k / 2, 0.5
    term = x**a / (a * math.exp(math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)))
    total: float = term
    n = 0
    factor = 1.0
    while n < 10_000:
        n += 1
        factor *= (n - b) / n * x
        more = term * a * factor / (a + n)
        total += more
        if more < total * 1e-15:
            break
    return total


@cache
def factor(k: int) -> tuple[float, float]:
    """The factor c of the root mean square for K replicas, and the probability that it states."""
    low, high = 0.0, 1.0
    while exceeding(high / HONEST_OVER_MOVES, k) > TARGET:
        high *= 2
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        if exceeding(middle / HONEST_OVER_MOVES, k) > TARGET:
            low = middle
        else:
            high = middle
    return high, exceeding(high / HONEST_OVER_MOVES, k)
