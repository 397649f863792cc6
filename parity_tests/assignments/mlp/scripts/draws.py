"""Scripts of random draws: a constructor's weights, and dropout's masks.

Each holds the statistic that gave the draws away against what is asked, give or take what chance explains.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import special

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.kinds.init import STD
from parity_tests.harness.draft import Draft, equal, near, shaped
from parity_tests.harness.failing_case import Arrays, FailingCase
from parity_tests.harness.script_maker import Shown
from parity_tests.harness.statistics import FALSE_ALARM
from parity_tests.protocol.finding import Odd
from parity_tests.protocol.kind import Params
from parity_tests.protocol.quantity import Key

CHANCE = f"chance goes farther once in {1 / FALSE_ALARM:g} times"
Q = 2.0
"""What dropout is given everywhere: not 1, at which a mask and what it leaves are the same."""
Z = float(special.ndtri(1 - FALSE_ALARM / 2))


def _few_weights(params: Params, drawn: Arrays, key: Key) -> Iterator[tuple[Params, Arrays]]:
    sizes = [(2, 3), (30, 20)]
    if params["test"] != "small":
        sizes = [(5, 20), (10, 100), (100, 100), (10, 10_000)]
    yield from (({**params, "D": D, "M": M}, {}) for D, M in sizes)


def _weights(failing: FailingCase) -> Iterator[Draft]:
    found, (D, M) = failing.comparison.finding, (failing.case.params[name] for name in "DM")
    name = failing.key.name
    attribute = "gradient" if name.startswith("gradient") else "params"
    if name.endswith("apart"):
        ask = [f"one, two = (nn.linear_layer({D}, {M}) for _ in range(2))"]
        ask += [f'one.{attribute}["W"] = np.ones(({D}, {M}))', f'actual = np.all(two.{attribute}["W"] == 1)']
        yield failing.draft(ask, [], end=equal("False  # what is put into one layer is not in another"))
        return
    ask = [f"layer = nn.linear_layer({D}, {M})", f'actual = layer.{attribute}["{name[-1]}"]']
    zeros = [f"expected = np.zeros({(D, M) if name[-1] == 'W' else (1, M)})"]
    if found == Found.SAME_DRAWS:
        ask = [f'first, second = (nn.linear_layer({D}, {M}).params["W"] for _ in range(2))']
        end = equal(f"0  # numbers of {D * M} are the same in two layers")
        yield failing.draft([*ask, "actual = int(np.sum(first == second))"], [], end=end)
    elif found in set(Odd):
        statistic, expected, allowance = _statistic(found, D * M if name[-1] == "W" else M)
        lines = ["draws = np.ravel(actual)", f"actual = {statistic}"]
        ask += ['W = layer.params["W"]']
        yield failing.draft(ask, lines, "W", end=near(expected, allowance, CHANCE))
    else:
        end = shaped(flat=name[-1] == "b", dtype=attribute == "params") if failing.comparison.arrays is None else []
        yield failing.draft(ask, zeros, end=end)


def _statistic(found: str, n: int) -> tuple[str, str, float]:
    """The statistic of n draws that gave them away, what is expected of it, and how far chance takes it."""
    low, high = (float(special.chdtri(n, p)) for p in (1 - FALSE_ALARM / 2, FALSE_ALARM / 2))
    root, exact = float(np.sqrt(n)), FALSE_ALARM / float(np.sqrt(2 / np.pi))
    spread = STD * max(np.sqrt(high / n) - 1, 1 - np.sqrt(low / n))
    least = float(special.ndtri((1 + FALSE_ALARM ** (1 / n)) / 2))
    shares = "np.arange(len(draws)) / len(draws) - torch.special.ndtr(torch.tensor(np.sort(draws) / 0.1)).numpy()"
    distance = float(special.kolmogi(FALSE_ALARM)) / (root + 0.12 + 0.11 / root) + 1 / n
    rows = {
        Odd.NOT_FINITE: ("int(np.sum(~np.isfinite(draws)))", "0", 0),
        Odd.OTHER_MEAN: ("draws.mean()", "0", Z * STD / root),
        Odd.OTHER_SPREAD: ("np.sqrt(np.mean(draws**2))", str(STD), spread),
        Odd.NOT_NORMAL: (f"np.abs({shares}).max()  # the largest gap of the shares below each", "0", distance),
        Odd.NO_TAILS: (f"min(np.abs(draws).max() / {STD} - {least!r}, 0)  # the largest of these draws", "0", 0),
        Odd.IN_AN_ORDER: ("np.sum(draws[1:] > draws[:-1])", f"{(n - 1) / 2}", Z * np.sqrt((n + 1) / 12)),
        Odd.EXACT_MEAN: (
            f"int(abs(draws.mean()) / {STD} * {root} < {exact})  # to more digits than chance has",
            "0",
            0,
        ),
        Odd.EXACT_SPREAD: (
            f"int(abs(np.sum((draws / {STD}) ** 2) - {n}) / {np.sqrt(2 * n)} < {exact})  # likewise",
            "0",
            0,
        ),
        Odd.REPEATED: ("draws.size - np.unique(np.abs(draws)).size  # numbers that stood there before", "0", 0),
        Odd.SHARED: ("np.isin(draws, W).sum()  # numbers that stand in W, too", "0", 0),
    }
    return rows[Odd(found)]


# ---- masks ----


def _few_masks(params: Params, drawn: Arrays, key: Key) -> Iterator[tuple[Params, Arrays]]:
    for calls, N, M in ((2, 5, 8), (2, 20, 20), (3, 30, 40), (9, 20, 20), (9, 100, 100)):
        yield {**params, "calls": calls, "N": N, "M": M}, {"q": np.full((N, M), Q)}


def _masks(failing: FailingCase) -> Iterator[Draft]:
    found, arrays = failing.comparison.finding, failing.comparison.arrays
    r, calls, N, M = (failing.case.params[name] for name in ("r", "calls", "N", "M"))
    ask = [f"q, layer = np.full(({N}, {M}), {Q}), nn.dropout({r})"]
    many = [*ask, f"actual = np.array([layer.forward(q.copy(), True) for _ in range({calls})])"]
    kept = f"kept = actual != 0  # {calls} masks of {N}×{M}"
    if not found and (failing.quantity.name != "scale" or arrays is None):
        yield failing.draft([*ask, "actual = layer.forward(q.copy(), True)"], ["expected = q"], end=shaped())
    elif failing.quantity.name == "scale" and arrays is not None:
        expected = [f"values, expected = np.unique(actual), np.array([0, {Q} / (1 - {r})])"]
        expected += ["actual = values[np.abs(values[:, None] - expected).min(axis=1).argmax()]"]
        expected += ["expected = expected[np.abs(expected - actual).argmin()]"]
        yield failing.draft(many, expected)
    else:
        statistic, expected_share, allowance = _of_masks(found, r, calls, N, M)
        yield failing.draft(many, [kept, *statistic], end=near(expected_share, allowance, CHANCE))


def _of_masks(found: str, r: float, calls: int, N: int, M: int) -> tuple[list[str], str, float]:
    """The lines that leave the statistic that gave masks away, what is expected of it, and how far chance takes it."""
    agree = r**2 + (1 - r) ** 2
    by_chance = f"{r}**2 + (1 - {r})**2"
    farthest = f"actual = max(shares, key=lambda share: abs(share - ({by_chance})))  # in which two agree"
    if found in (Odd.ROWS_ALIKE, Odd.COLUMNS_ALIKE):
        axis = 1 if found == Odd.ROWS_ALIKE else 2
        count, size = ((N, M), (M, N))[axis - 1]
        lines = [f"rows = np.moveaxis(kept, {axis}, 0).reshape({count}, -1)  # its {('rows', 'columns')[axis - 1]}"]
        lines += [f"shares = [np.mean(rows[i] == rows[j]) for i in range({count}) for j in range(i)]", farthest]
        return lines, by_chance, _binomial(calls * size, agree, count * (count - 1) // 2)
    if found == Odd.TURNS_ALIKE:
        pairs = "kept[k : k + len(kept[k + 1 :: 2]) * 2 : 2] == kept[k + 1 :: 2]"
        lines = [f"shares = [np.mean({pairs}) for k in (0, 1)]  # of calls in turn", farthest]
        return lines, by_chance, _binomial((calls - 1) // 2 * N * M, agree)
    if found in (Odd.CALLS_ALIKE, Odd.SAME_MASK):
        lines = ["shares = [np.mean(one == other) for one, other in zip(kept, kept[1:])]", farthest]
        return lines, by_chance, _binomial(N * M, agree)
    if found == Odd.SAME_NUMBER:
        return ["actual = len(set(kept.sum(axis=(1, 2)).tolist())) == 1  # as many kept in each call"], "False", 0
    if found == Odd.OTHER_NUMBERS:
        lines = [f"counts = np.bincount(kept.sum(axis=(1, 2)), minlength={N * M + 1}) / {calls}"]
        chances = special.binom(N * M, np.arange(N * M + 1)) * (1 - r) ** np.arange(N * M + 1)
        chances = (chances * r ** (N * M - np.arange(N * M + 1))).tolist()
        lines += [f"actual = np.abs(counts - {chances}).max()  # of the shares of calls that keep 0, 1, … elements"]
        return lines, "0", max(_binomial(calls, chance, N * M + 1) for chance in chances)
    return ["actual = kept.mean()"], f"1 - {r}", _binomial(calls * N * M, 1 - r)


def _binomial(n: int, p: float, tests: int = 1) -> float:
    """How far a share of n may lie from p, in a test that is one of several."""
    counts = np.arange(n + 1)
    alarm = FALSE_ALARM / tests
    inside = 2 * np.minimum(special.bdtr(counts, n, p), 1 - special.bdtr(counts - 1, n, p)) >= alarm
    return float(np.abs(counts[inside] / n - p).max())


KINDS = {"init": Shown(_weights, _few_weights), "masks": Shown(_masks, _few_masks)}
