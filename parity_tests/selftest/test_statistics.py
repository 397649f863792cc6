"""The statistical tests never convict honest draws, and always find what they are there for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from parity_tests.assignments.mlp.kinds import dropout, init
from parity_tests.assignments.mlp.kinds.dropout import CALLS, CALLS_SMALL
from parity_tests.harness import statistics
from parity_tests.protocol.finding import Odd, Said

Draw = Callable[[np.random.Generator, Any], NDArray[Any]]
STD = 0.1
RATES = (0.1, 0.3, 0.7, dropout.LARGEST)
SHAPE = (CALLS, 100, 100)
FEW, ALL = 10_000, int(np.prod([low for low, _ in init.SIZES["distribution"]]))


def normal(rng: np.random.Generator, shape: Any, mean: float = 0.0, std: float = STD) -> NDArray[Any]:
    return np.asarray(rng.normal(mean, std, shape))


def masks(rng: np.random.Generator, r: float) -> NDArray[np.bool_]:
    return rng.random(SHAPE) >= r


def problems(drawn: NDArray[np.bool_], r: float) -> dict[str, Said]:
    found = {
        "kept fraction": statistics.kept_fraction_problem(drawn, r),
        "independence": statistics.independence_problem(drawn, r),
        "re-drawn masks": statistics.redrawn_problem(drawn, r),
    }
    return {name: problem for name, problem in found.items() if problem}


def small_masks(rng: np.random.Generator, r: float, size: int) -> NDArray[np.bool_]:
    return rng.random((CALLS_SMALL, 1, size)) >= r


# ---- false alarms ----


def test_honest_normal_draws_are_never_convicted() -> None:
    for seed in range(500):
        assert statistics.normal_problem(normal(np.random.default_rng(seed), FEW), STD) is None
    for seed in range(20):
        drawn = normal(np.random.default_rng(seed), ALL)
        others = normal(np.random.default_rng(1000 + seed), ALL)
        assert statistics.normal_problem(drawn, STD) is None
        assert statistics.repeats_problem(drawn) is None
        assert statistics.shared_problem(drawn[:1000], others) is None


@pytest.mark.parametrize("r", RATES)
def test_honest_masks_are_never_convicted(r: float) -> None:
    for seed in range(30):
        assert problems(masks(np.random.default_rng(seed), r), r) == {}


@pytest.mark.parametrize("r", RATES)
def test_honest_masks_of_a_few_elements_are_never_convicted(r: float) -> None:
    for seed in range(100):
        assert problems(small_masks(np.random.default_rng(seed), r, 2 + seed % 3), r) == {}


def test_masks_that_keep_all_are_not_told_to_be_one_mask_as_others_are() -> None:
    """Where a mask is added to x nothing seems dropped, however it is drawn."""
    for shape in (SHAPE, (CALLS_SMALL, 1, 4)):
        kept, one = np.ones(shape, np.bool_), np.zeros(shape, np.bool_)
        one[..., 0] = True
        assert (problems(kept, 0.3)["re-drawn masks"].found, problems(one, 0.3)["re-drawn masks"].found) == (
            "",
            Odd.SAME_MASK,
        )


def test_bits_that_are_drawn_at_another_rate_are_independent_none_the_less() -> None:
    drawn = masks(np.random.default_rng(1), 0.3)
    assert {"kept fraction", "independence"} <= problems(drawn, 0.55).keys()
    rate = statistics.rate_of(drawn, 0.55)
    assert problems(drawn, rate) == {}
    again = np.repeat(drawn[:1], CALLS, axis=0)
    assert "re-drawn masks" in problems(again, statistics.rate_of(again, 0.55))
    everything = np.ones(SHAPE, np.bool_)
    assert statistics.rate_of(everything, 0.55) == 0.55


def test_the_false_alarm_of_each_test_is_what_it_says() -> None:
    """At a level of 1 % instead of 1e-10, honest draws must be convicted about as often: the p-values are uniform."""
    level, runs = 0.01, 1000
    convicted = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "FALSE_ALARM", level)
        for seed in range(runs):
            convicted += bool(statistics.normal_problem(normal(np.random.default_rng(seed), 1000), STD))
    # Four tests at 1 % each, not independent: between 1 % and 4 % of runs, and three standard deviations around.
    assert 0.01 * runs - 3 * np.sqrt(0.01 * runs) < convicted < 0.04 * runs + 3 * np.sqrt(0.04 * runs)


def test_the_binomial_test_is_exact() -> None:
    for k, n, p in ((0, 10, 0.5), (3, 10, 0.3), (10, 10, 0.9), (55, 100, 0.5), (450, 9000, 0.05)):
        lower, upper = stats.binom.cdf(k, n, p), stats.binom.sf(k - 1, n, p)
        assert statistics.binomial_two_sided(k, n, p) == pytest.approx(min(1.0, 2 * min(lower, upper)), rel=1e-9)


def test_the_chi_square_test_is_exact_to_its_far_tails() -> None:
    for n in (10, 1000, 10_000, 100_000):
        for quantile in (1e-12, 1e-10, 1e-3, 0.5, 1 - 1e-3):
            for x in (stats.chi2.ppf(quantile, n), stats.chi2.isf(quantile, n)):
                exact = 2 * min(stats.chi2.cdf(x, n), stats.chi2.sf(x, n))
                assert statistics.chi_square_two_sided(x, n) == pytest.approx(exact, rel=1e-6)


def test_the_kolmogorov_distribution_is_the_one_in_the_tables() -> None:
    for x in (0.0, 0.1, 0.3, 0.5, 1.0, 1.36, 2.0, 3.5, 5.0):
        assert statistics.kolmogorov(x) == pytest.approx(stats.kstwobign.sf(x), rel=1e-9)


# ---- power: what facts.md says must always be told ----

FOUND_AT_10_000: dict[str, tuple[Draw, Odd | None]] = {
    "std 0.11": (lambda rng, n: normal(rng, n, std=0.11), Odd.OTHER_SPREAD),
    "std 1": (lambda rng, n: normal(rng, n, std=1.0), Odd.OTHER_SPREAD),
    "std 0.09": (lambda rng, n: normal(rng, n, std=0.09), Odd.OTHER_SPREAD),
    "uniform of the same variance": (lambda rng, n: rng.uniform(-STD * 3**0.5, STD * 3**0.5, (n,)), Odd.NOT_NORMAL),
    "mean 0.01": (lambda rng, n: normal(rng, n, mean=0.01), Odd.OTHER_MEAN),
    "exponential of the same variance": (lambda rng, n: rng.exponential(STD, (n,)) - STD, None),
    "zeros": (lambda rng, n: np.zeros(n), Odd.OTHER_SPREAD),
    "not a number": (lambda rng, n: np.full(n, np.nan), Odd.NOT_FINITE),
}
FOUND_AT_100_000: dict[str, tuple[Draw, Odd | None]] = {
    "std 0.102": (lambda rng, n: normal(rng, n, std=0.102), Odd.OTHER_SPREAD),
    "clipped at 2σ": (lambda rng, n: np.clip(normal(rng, n), -2 * STD, 2 * STD), Odd.OTHER_SPREAD),
    "redrawn within 2σ": (
        lambda rng, n: stats.truncnorm.rvs(-2, 2, scale=STD / 0.8796, size=n, random_state=rng),
        None,
    ),
}


@pytest.mark.parametrize("name", FOUND_AT_10_000 | FOUND_AT_100_000)
def test_wrong_draws_are_always_found(name: str) -> None:
    n = FEW if name in FOUND_AT_10_000 else ALL
    draw, found = (FOUND_AT_10_000 | FOUND_AT_100_000)[name]
    for seed in range(100 if n == FEW else 20):
        problem = statistics.normal_problem(draw(np.random.default_rng(seed), n), STD)
        assert problem is not None
        assert found is None or problem.found == found


def test_values_that_repeat_or_are_shared_are_found() -> None:
    rng = np.random.default_rng(0)
    row = normal(rng, (1, 10_000))
    repeated = statistics.repeats_problem(np.tile(row, (10, 1)))
    assert repeated == ("repeats 90000 of 100000 values: they are not drawn one by one", Odd.REPEATED)
    assert statistics.repeats_problem(np.round(normal(rng, ALL), 3)) is not None
    shared = statistics.shared_problem(row, np.vstack([row, normal(rng, (9, 10_000))]))
    assert shared is not None
    assert shared.found == Odd.SHARED


MASKS: dict[str, tuple[Callable[[np.random.Generator, float], NDArray[Any]], str, str]] = {
    "one mask for all rows": (
        lambda rng, r: np.broadcast_to(rng.random((SHAPE[0], 1, 100)) >= r, SHAPE), "independence", "of rows fails"
    ),
    "one bit a row": (
        lambda rng, r: np.broadcast_to(rng.random((SHAPE[0], 100, 1)) >= r, SHAPE), "independence", "fails: "
    ),
    "two equal rows": (
        lambda rng, r: np.concatenate([(m := masks(rng, r))[:, :99], m[:, 40:41]], axis=1), "independence",
        "rows 40 and 99",
    ),
    "two opposite columns": (
        lambda rng, r: np.concatenate([(m := masks(rng, r))[:, :, :99], ~m[:, :, 3:4]], axis=2), "independence",
        "columns 3 and 99",
    ),
    "a fixed count": (
        lambda rng, r: np.stack([rng.permutation(10_000).reshape(100, 100) >= 10_000 * r for _ in range(SHAPE[0])]),
        "independence", "every call keeps exactly",
    ),
    "the same each call": (lambda rng, r: np.tile(rng.random((1, 100, 100)) >= r, (SHAPE[0], 1, 1)), "re-drawn masks",
        "calls 1 and 2 have the same mask"),
    "mostly the same": (
        lambda rng, r: np.where(rng.random(SHAPE) < 0.2, masks(rng, r), rng.random((1, 100, 100)) >= r),
        "re-drawn masks", "of the elements",
    ),
    "the other rate": (lambda rng, r: rng.random(SHAPE) >= 1.1 * r, "kept fraction", "over 90000 elements"),
    "kept with r": (lambda rng, r: rng.random(SHAPE) >= 1 - 0.9 * r, "kept fraction", "is expected"),
    "nothing dropped": (lambda rng, r: np.ones(SHAPE, np.bool_), "kept fraction", "is 1.0000"),
}  # fmt: skip


@pytest.mark.parametrize("r", RATES)
@pytest.mark.parametrize("name", MASKS)
def test_wrong_masks_are_always_found(name: str, r: float) -> None:
    draw, quantity, words = MASKS[name]
    for seed in range(5):
        drawn = draw(np.random.default_rng(seed), r)
        found = problems(np.ascontiguousarray(drawn), r)
        assert words in found[quantity].text, found


@pytest.mark.parametrize("r", [0.55, 0.7, 0.9])
def test_small_masks_that_always_keep_something_or_are_kept_too_long_are_convicted(r: float) -> None:
    for size in (2, 3, 4):
        rng = np.random.default_rng(size)
        rescued = small_masks(rng, r, size)
        rescued[~rescued.any(axis=(1, 2)), 0, 0] = True
        assert problems(rescued, r)
        twice = np.repeat(small_masks(rng, r, size)[::2], 2, axis=0)
        assert "re-drawn masks" in problems(twice, r)
        assert "re-drawn masks" in problems(np.repeat(twice[:1], CALLS_SMALL, axis=0), r)
