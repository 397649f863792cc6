"""Whether random draws are what the assignment asks: exact or classical tests, each with a false alarm of 1e-10.

A quantity is at most nine of these tests, so that its false alarm stays under 1e-9. The special functions are torch's,
which is here anyway: scipy.special takes a sixth of torch's own time to import.
"""

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import special

from parity_tests.protocol.finding import Odd, Said

FALSE_ALARM = 1e-10
UNLIKELY = 1e-4
"""A distribution is not named for draws that it gives less often: costs a name in 1e4 runs, never a verdict."""
SPREAD = 0.02
"""Of so small a share of bits that are kept, or dropped, their own rate is not taken for that of the draw."""
FEW = 20
"""Of so few elements it is counted how many a call keeps."""
KEEPS_NOTHING = "cannot be judged, because dropout keeps nothing in training"
"""What is said of the results of a dropout whose masks were `never_drawn`: any zeros would agree with them."""
Bits = NDArray[np.bool_]


def binomial_two_sided(k: int, n: int, p: float) -> float:
    """Twice the smaller exact tail probability of k successes among n, each of probability p."""
    chances = _binomial(n, p)
    below, above = chances[: k + 1].sum(), chances[k:].sum()
    return float(min(1.0, 2 * min(below, above)))


def chi_square_two_sided(x: float, n: int) -> float:
    """Twice the smaller tail probability of a sum x of n squares of standard normal draws."""
    half = torch.tensor((n / 2, x / 2), dtype=torch.float64)
    return 2 * min(float(special.gammainc(*half)), float(special.gammaincc(*half)))


def kolmogorov(x: float) -> float:
    """P(√n·D > x) as n grows: 2 Σ (−1)^(k−1) e^(−2k²x²) (Kolmogorov, 1933), 1 where that converges too slowly."""
    k = np.arange(1, 101)
    return 1.0 if x < 0.2 else float(2 * ((-1.0) ** (k - 1) * np.exp(-2 * (k * x) ** 2)).sum())


def normal_shares(x: NDArray[Any]) -> NDArray[Any]:
    """The standard normal distribution function of each draw."""
    return np.asarray(special.ndtr(torch.from_numpy(np.asarray(x, np.float64))).numpy())


def kolmogorov_smirnov(shares: NDArray[Any]) -> float:
    """How likely n draws are at least as far from a distribution; `shares` is its own at each draw, in order.

    With Stephens' correction for finite n (1970).
    """
    n = shares.size
    steps = np.arange(n + 1) / n
    distance = float(max((steps[1:] - shares).max(), (shares - steps[:-1]).max()))
    return kolmogorov(distance * (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)))


def normal_problem(draws: NDArray[Any], std: float, *, among: int = 1) -> Said | None:
    """What is wrong with draws that should be normal with mean 0 and standard deviation `std`; None for nothing.

    So many draws `among` which these are asked have one false alarm together.

    A z-test of the mean (by the draws' own spread where that is wider), a chi-square test of the variance about 0, a
    Kolmogorov–Smirnov test of the whole, and a test of the largest magnitude: no one covers what the others see.
    """
    x = np.asarray(draws, np.float64).ravel() / std
    n, least = x.size, FALSE_ALARM / among
    if not np.isfinite(x).all():
        return Said("is not finite everywhere", Odd.NOT_FINITE)
    mean = float(x.mean())
    spread = max(float(x.std()), 1.0)  # a mean that a wider spread explains is none of its own
    if math.erfc(abs(mean) / spread * math.sqrt(n / 2)) < least:
        return Said(f"has mean {mean * std:.4g} over {n} draws, where 0 is expected", Odd.OTHER_MEAN)
    squares = float((x**2).sum())
    if chi_square_two_sided(squares, n) < least:
        return Said(
            f"has standard deviation {np.sqrt(squares / n) * std:.4g} over {n} draws, where {std} is expected",
            Odd.OTHER_SPREAD,
        )
    if kolmogorov_smirnov(normal_shares(np.sort(x))) < least:
        return Said(f"has the right mean and spread over {n} draws, but is not normal", Odd.NOT_NORMAL)
    largest = float(np.abs(x).max())
    if n * np.log(math.erf(largest / math.sqrt(2))) < np.log(least):
        return Said(
            f"never exceeds {largest * std:.3g} in magnitude over {n} draws: its tails are cut off", Odd.NO_TAILS
        )
    return None


def may_be_normal(draws: NDArray[Any], mean: float, std: float) -> bool:
    """Whether draws may come from this normal distribution: a chi-square test, and a Kolmogorov–Smirnov test."""
    z = np.sort((np.asarray(draws, np.float64).ravel() - mean) / std)
    is_likely = chi_square_two_sided(float((z * z).sum()), z.size) > UNLIKELY
    return bool(is_likely and kolmogorov_smirnov(normal_shares(z)) > UNLIKELY)


def may_be_uniform(draws: NDArray[Any], low: float, high: float) -> bool:
    """Whether draws may be uniform between two numbers: a Kolmogorov–Smirnov test."""
    shares = np.sort((np.asarray(draws, np.float64).ravel() - low) / (high - low))
    return bool(shares[0] >= 0 and shares[-1] <= 1 and kolmogorov_smirnov(shares) > UNLIKELY)


def order_problem(draws: NDArray[Any]) -> Said | None:
    """Whether as many draws from a continuum exceed the one before them as chance has it; None if so.

    Of n independent draws (n − 1)/2 do, with variance (n + 1)/12 (Moore and Wallis, 1943).
    """
    x = np.asarray(draws, np.float64).ravel()
    n = x.size
    ascents = int((x[1:] > x[:-1]).sum())
    if math.erfc(abs(ascents - (n - 1) / 2) / math.sqrt((n + 1) / 6)) < FALSE_ALARM:
        return Said(
            f"exceeds the number before it {ascents} times in {n - 1}, where about half is expected: it is in an order",
            Odd.IN_AN_ORDER,
        )
    return None


def moments_problem(draws: NDArray[Any], std: float) -> Said | None:
    """Whether the mean, or the mean square, of normal draws is the asked one more exactly than chance has it.

    A standard normal number is within ε of 0 with probability ε·√(2/π).
    """
    x = np.asarray(draws, np.float64).ravel() / std
    n = x.size
    least = FALSE_ALARM / math.sqrt(2 / math.pi)
    if abs(float(x.mean())) * math.sqrt(n) < least:
        return Said(f"has a mean of exactly 0 over {n} draws: it was taken off them", Odd.EXACT_MEAN)
    if abs(float((x**2).sum()) - n) / math.sqrt(2 * n) < least:
        return Said(
            f"has a standard deviation of exactly {std} over {n} draws: they were scaled to it", Odd.EXACT_SPREAD
        )
    return None


def repeats_problem(draws: NDArray[Any]) -> Said | None:
    """Whether values repeat among draws from a continuum: of 100,000 float64 draws two agree once in 1e5 runs."""
    flat = np.asarray(draws).ravel()
    repeated = flat.size - np.unique(flat).size
    if repeated > max(10, flat.size // 1000):
        return Said(f"repeats {repeated} of {flat.size} values: they are not drawn one by one", Odd.REPEATED)
    return None


def shared_problem(draws: NDArray[Any], others: NDArray[Any]) -> Said | None:
    """Whether draws from a continuum are values that stand among other draws."""
    shared = int(np.isin(draws, others).sum())
    if shared > max(10, draws.size // 1000):
        return Said(f"has {shared} of {draws.size} values in common with W: they are not drawn anew", Odd.SHARED)
    return None


def never_drawn(masks: Iterable[tuple[Bits, float]]) -> bool:
    """Whether masks of dropout that keep nothing, each with its rate, are none that chance would draw together."""
    return sum(mask.size * math.log(r) if r > 0 else -math.inf for mask, r in masks) < math.log(FALSE_ALARM)


def kept_fraction_problem(masks: Bits, r: float) -> Said | None:
    """Whether bits (calls×N×M) are kept with probability 1 − r: an exact binomial test over all of them."""
    kept, n = int(masks.sum()), masks.size
    if binomial_two_sided(kept, n, 1 - r) < FALSE_ALARM:
        return Said(f"is {kept / n:.4f} over {n} elements, where 1 − r = {1 - r:.4g} is expected", Odd.OTHER_SHARE)
    return None


def rate_of(masks: Bits, r: float) -> float:
    """The rate at which bits are drawn, for what is said of them beside it: r, or that of the share really kept.

    Where it is another one, `kept_fraction_problem` says so; whether the bits are independent is a question of its own.
    Bits that are nearly all kept, or nearly all dropped, say too little of that.
    """
    kept = float(masks.mean())
    return 1 - kept if kept_fraction_problem(masks, r) and SPREAD < kept < 1 - SPREAD else r


def independence_problem(masks: Bits, r: float) -> Said | None:
    """Whether bits of one call are independent: any two rows, and any two columns, agree as often as chance has it.

    Two bits agree with probability r² + (1 − r)²; the false alarm is shared among all pairs. A mask that comes again,
    where that is no chance, is looked at once: it says nothing of the bits of one call (`redrawn_problem` tells of it).
    """
    agree = r**2 + (1 - r) ** 2
    if agree ** masks[0].size <= FALSE_ALARM:
        masks = np.array(list({one.tobytes(): one for one in masks}.values()))
    for axis, word, found in ((1, "rows", Odd.ROWS_ALIKE), (2, "columns", Odd.COLUMNS_ALIKE)):
        bits = np.moveaxis(masks, axis, -1).reshape(-1, masks.shape[axis]).astype(np.float64)
        both = bits.T @ bits + (1 - bits).T @ (1 - bits)
        first, second = np.triu_indices(bits.shape[1], k=1)
        counts = both[first, second]
        if not counts.size:
            continue
        for pair in (int(counts.argmin()), int(counts.argmax())):
            if binomial_two_sided(int(counts[pair]), len(bits), agree) * counts.size < FALSE_ALARM:
                share = f"agree in {counts[pair] / len(bits):.4f} of the elements, chance gives {agree:.4f}"
                return Said(f"of {word} fails: {word} {first[pair]} and {second[pair]} {share}", found)
    counts = masks.sum(axis=(1, 2))
    n = masks[0].size
    likeliest = float(_binomial(n, 1 - r)[round(n * (1 - r))])
    if np.unique(counts).size == 1 and likeliest ** (len(counts) - 1) < FALSE_ALARM:
        return Said(f"of elements fails: every call keeps exactly {counts[0]} of {n} elements", Odd.SAME_NUMBER)
    return _numbers_kept_problem(counts, n, r) if n <= FEW else None


def _numbers_kept_problem(counts: NDArray[Any], n: int, r: float) -> Said | None:
    """Whether as many calls keep 0, 1, …, n of n elements as chance has it: an exact binomial test of each number."""
    chances = _binomial(n, 1 - r)
    for kept, chance in enumerate(chances.tolist()):
        calls = int((counts == kept).sum())
        if binomial_two_sided(calls, len(counts), chance) * (n + 1) < FALSE_ALARM:
            share = f"in {calls / len(counts):.4f} of the calls, chance gives {chance:.4f}"
            return Said(f"of elements fails: {kept} of {n} elements are kept {share}", Odd.OTHER_NUMBERS)
    return None


def redrawn_problem(masks: Bits, r: float) -> Said | None:
    """Whether each call draws its mask anew: successive calls agree with probability r² + (1 − r)² an element.

    Masks so small that two may be the same by chance are counted together, in pairs that have no call in common.
    """
    agree = r**2 + (1 - r) ** 2
    if agree ** masks[0].size > FALSE_ALARM:
        return _redrawn_together(masks, agree)
    for k in range(len(masks) - 1):
        same = masks[k] == masks[k + 1]
        if same.all():
            return _of_one_mask(masks[k], f"calls {k + 1} and {k + 2}")
        if binomial_two_sided(int(same.sum()), same.size, agree) < FALSE_ALARM:
            return Said(f"fails: calls {k + 1} and {k + 2} {_agreement(same, agree)}", Odd.CALLS_ALIKE)
    return None


def _redrawn_together(masks: Bits, agree: float) -> Said | None:
    for start in (0, 1):
        first = masks[start : len(masks) - 1 : 2]
        same = first == masks[start + 1 :: 2][: len(first)]
        if binomial_two_sided(int(same.sum()), same.size, agree) < FALSE_ALARM:
            if same.all():
                return _of_one_mask(masks, "all calls")
            return Said(f"fails: calls in turn {_agreement(same, agree)}", Odd.TURNS_ALIKE)
    return None


def _of_one_mask(masks: Bits, calls: str) -> Said:
    """Where nothing seems dropped, as where the mask is added to x, it may be another one in each call."""
    if masks.all():
        return Said(f"fails: {calls} keep every element")
    return Said(f"fails: {calls} have the same mask", Odd.SAME_MASK)


def _agreement(same: Bits, chance: float) -> str:
    return f"agree in {same.mean():.4f} of the elements, chance gives {chance:.4f}"


@lru_cache(maxsize=16)
def _binomial(n: int, p: float) -> NDArray[np.float64]:
    """The probabilities of 0, 1, …, n successes among n, each of probability p in (0, 1); kept, as masks are alike."""
    k = torch.arange(n + 1, dtype=torch.float64)
    choose = math.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    return np.asarray(np.exp((choose + k * math.log(p) + (n - k) * math.log1p(-p)).numpy()))
