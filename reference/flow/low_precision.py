"""What a caller declares of a candidate in low precision: the types that it sums, stores and multiplies in.

The reference is then run in float64 on the inputs as they are, decoded exactly, and what rounds is the candidate alone:

- the result of every operation of the reference may have been stored once, rounded to nearest: half a unit in the last
  place of the type that results are stored in. It need not be: fused kernels are as right. What torch has as one
  operation (layer norm, softmax, gelu) stores once; a candidate that stores its parts, or rounds numbers such as 0.1
  to that type, is allowed for as a form.
- sums round in the type of accumulation. That of float32 and of float64 goes as ever (rules/products.py and, of long
  sums, rules/long_sums.py). Of bfloat16's 8 bits and float16's 11 long sums stagnate, with one sign, so that no
  square root holds: n·u·Σ|x| does, for every n and any order (C.-P. Jeannerod and S. M. Rump, "Improved error bounds
  for inner products in floating-point arithmetic", 2013). Where that reaches the value itself, nothing is decided.
- all else that happens within an operation happens in float32 or better.
- operands of products (matrices, convolutions) may be rounded beforehand, once, to the type of products, such as TF32.

What is smaller than the smallest normal number is rounded as the type holds it, by half of its smallest subnormal
number; bfloat16 and float32 may take 0 for it, as much hardware does. What is larger than the largest number is
infinite in float16 and bfloat16, infinite or that largest number in e5m2, and 448 or not a number in e4m3, which has no
infinity; an operation in between that overflows is the candidate's fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from reference.flow.errors import QuestionError


class Format(NamedTuple):
    """A floating type: u, the unit roundoff; its smallest normal and its largest number; what numbers beyond become."""

    u: float
    tiny: float
    largest: float
    flushes: bool = False
    """Whether 0 may stand for what is below the smallest normal number."""
    infinite: bool = True
    saturates: bool = False


FORMATS = {
    "float64": Format(2.0**-53, 2.0**-1022, torch.finfo(torch.float64).max, flushes=True),
    "float32": Format(2.0**-24, 2.0**-126, torch.finfo(torch.float32).max, flushes=True),
    "tf32": Format(2.0**-11, 2.0**-126, 2.0**128 * (1 - 2.0**-11), flushes=True),
    "bfloat16": Format(2.0**-8, 2.0**-126, torch.finfo(torch.bfloat16).max, flushes=True),
    "float16": Format(2.0**-11, 2.0**-14, 65504.0),
    "float8_e5m2": Format(2.0**-3, 2.0**-14, 57344.0, saturates=True),
    "float8_e4m3fn": Format(2.0**-4, 2.0**-6, 448.0, infinite=False, saturates=True),
}
ACCUMULATE = ("float64", "float32", "float16", "bfloat16")
STORE = ("float64", "float32", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn")
PRODUCTS = ("tf32", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn")
_STAGNATES = 2.0**-11
"""The unit roundoff from which on sums have one sign's rounding, so that the bound of Jeannerod and Rump is theirs."""
_USEFUL, _COARSE = 1e-3, 1e-2
_ROUNDINGS = 4
"""A radius of so many roundings of the type that is stored says enough of a result."""


@dataclass(frozen=True)
class Arithmetic:
    """The types, by torch's names for them (and tf32), in which a candidate sums, stores, and takes operands.

    Raises QuestionError for a type that it cannot be.
    """

    accumulate: str
    store: str
    products: str | None = None

    def __post_init__(self) -> None:
        for option, value, known in (
            ("accumulate", self.accumulate, ACCUMULATE),
            ("store", self.store, STORE),
            ("products", self.products, (*PRODUCTS, None)),
        ):
            if value not in known:
                types = ", ".join(str(one) for one in known if one is not None)
                missing = " beside the other" if value is None else ""
                raise QuestionError(f"{option}= is {value!r}; it is one of {types}{missing}")

    def __str__(self) -> str:
        """As records have it: `bfloat16, sums in float32`."""
        products = "" if self.products is None else f", products of {self.products}"
        return f"{self.store}, sums in {self.accumulate}{products}"

    @property
    def stored(self) -> Format:
        """The format of what is stored."""
        return FORMATS[self.store]

    @property
    def summed(self) -> Format:
        """The format of sums."""
        return FORMATS[self.accumulate]

    @property
    def stagnates(self) -> bool:
        """Whether sums are in so few bits that their rounding has one sign."""
        return self.summed.u >= _STAGNATES

    @property
    def useful(self) -> float:
        """The part of the value up to which a radius says enough."""
        return max(_USEFUL, _ROUNDINGS * self.stored.u)

    @property
    def coarse(self) -> float:
        """The part of the value over which only large changes are noticed."""
        return max(_COARSE, 2 * self.useful)

    def sums(self, n: int) -> float:
        """The factor of Σ|terms| for n roundings of one sum, on the candidate's side alone.

        n·u, by Jeannerod and Rump; what is rounded after the sum comes on top, which is the second factor.
        """
        u = self.summed.u
        return n * u * (1 + 8 * u)

    @property
    def tiny(self) -> float:
        """What storing a number near 0 moves it by at most."""
        return self.stored.tiny * (1.0 if self.stored.flushes else self.stored.u)

    def half_ulp(self, x: Tensor) -> Tensor:
        """How far rounding to nearest moves numbers of up to these sizes as they are stored; float64."""
        return half_ulp(self.stored, x)

    def stores(self, x: Tensor) -> Tensor:
        """Where the type that is stored has the number."""
        kept: Tensor = x.to(getattr(torch, self.store)).to(torch.float32).to(torch.float64) if self.low else x
        return (kept == x) | x.isnan()

    def rounds(self, number: float) -> bool:
        """Whether the type that is stored has not this number, such as 0.1."""
        return not bool(self.stores(torch.tensor(number, dtype=torch.float64)))

    @property
    def low(self) -> bool:
        """Whether what is stored has fewer bits than float64."""
        return self.store != "float64"

    def overflows(self, x: Tensor, radius: Tensor) -> Tensor:
        """Where what is stored may be beyond the largest number."""
        largest = self.stored.largest
        return ~(x.abs() + radius < largest * (1 + self.stored.u / 2))

    def is_overflow(self, got: Tensor, x: Tensor) -> Tensor:
        """Where `got` is what honest programs store of an x that is beyond the largest number."""
        stored = self.stored
        right = got == x.sign() * torch.inf if stored.infinite else got.isnan()
        return right | (got == x.sign() * stored.largest) if stored.saturates else right


def rounded(of: Format, x: Tensor) -> Tensor:
    """The nearest numbers of this format, of two that are as near the even one; float64."""
    step = 2 * half_ulp(of, x)
    return (x / step).round_().mul_(step)


def half_ulp(of: Format, x: Tensor) -> Tensor:
    """Half of the distance between neighbours of this format at these sizes: how far rounding to nearest moves them."""
    size = x.to(torch.float64).abs().clamp_(of.tiny, of.largest)
    half = size / torch.frexp(size)[0] * (of.u / 2)
    return torch.where(x.abs() < of.tiny, of.tiny, half) if of.flushes else half
