"""Unit roundoff, γ_n and the documented errors of libraries: all constants that the rules use.

Notation and bounds: N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., ch. 2 and 3. u is the unit
roundoff; one unit in the last place (ulp) is at most 2u relative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch

EXP_ULPS = 2.52
LOG_ULPS = 3.83
"""numpy's documented largest errors for float32 exp and log (release notes of numpy 1.17); float64 is better."""
VECTOR_ULPS = 4.0
"""Of numpy's other functions: those of Intel's SVML, which numpy ships, have "a maximum error under 4 ulp"."""
TANH_ULPS = 7.0
"""The largest of JAX's table of tanh's errors on its back ends (float64, TPU); numpy's is under 4."""
TORCH_ULPS = 1.0
"""SLEEF's u10 functions, which torch vectorises with on the CPU: 1.0 ulp (sleef.org, "accuracy of functions")."""
TORCH_FAST_EXP_ULPS = 2.0
"""torch's faster exp inside softmax and sigmoid ("exp_u20": 2.0 ulp)."""
TORCH_CUDA_ULPS = 2.0
"""CUDA C++ Programming Guide, "Mathematical Functions": expf 2, tanhf 2, logf 1 and so on, for most functions."""

UNSHIFTED = "unshifted log-sum-exp"
SIGMOID_BY_TANH = "sigmoid by tanh"
TANH_BY_EXP = "tanh by exponentials"
ONE_PASS = "one-pass variance"
BY_FFT = "convolution by FFT"
BY_INVERSE = "solution by the inverse"
STORED_INSIDE = "parts stored in low precision"
FORMS = (UNSHIFTED, SIGMOID_BY_TANH, TANH_BY_EXP, ONE_PASS, BY_FFT, BY_INVERSE, STORED_INSIDE)
"""Names of other honest forms, which round more than the usual one."""


@dataclass(frozen=True)
class Precision:
    """The type that both sides compute in: u, and the smallest normal number (what an underflow may lose)."""

    u: float
    tiny: float
    integers: float
    """Integers up to it are held exactly."""
    dtype: torch.dtype

    def gamma(self, n: int) -> float:
        """γ_n = n·u/(1 − n·u) bounds the relative error of n successive roundings (Higham, lemma 3.1)."""
        nu = n * self.u
        return nu / (1 - nu) if nu < 1 else math.inf

    def holds(self, number: float) -> bool:
        """Whether the type has this number (or it is infinite or not a number)."""
        if not math.isfinite(number):
            return True
        return self.dtype is torch.float64 or _single(number) == number


@lru_cache(1024)
def _single(number: float) -> float:
    return float(torch.tensor(number, dtype=torch.float32))


def precision(dtype: torch.dtype) -> Precision:
    """The precision of float32 or float64."""
    info = torch.finfo(dtype)
    return Precision(info.eps / 2, info.smallest_normal, 1 / (info.eps / 2), dtype)


def is_power_of_two(number: float) -> bool:
    """Whether multiplying by it rounds nothing (0 and infinities included)."""
    return not math.isfinite(number) or abs(math.frexp(number)[0]) in (0.0, 0.5)
