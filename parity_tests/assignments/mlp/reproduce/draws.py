"""Reproductions of random draws: a constructor's weights (TODO 2), and dropout's masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from scipy import special

from parity_tests.assignments.mlp.findings import Found
from parity_tests.harness import statistics
from parity_tests.harness.draft import Draft, shaped
from parity_tests.harness.failing_case import Arrays, Drafts, FailingCase, Trial, Trials, sized
from parity_tests.protocol.case import Case
from parity_tests.protocol.finding import Odd
from parity_tests.protocol.quantity import Key
from reports.model.verdicts import Verdict

STD = 0.1
CHANCE = f"# chance goes farther once in {1 / statistics.FALSE_ALARM:g} times"
Q = 2.0
"""What dropout is given everywhere: not 1, at which a mask and what it leaves are the same."""


def _init_trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    sizes = [(2, 3), (30, 20)]
    if case.params["test"] == "distribution":
        sizes = [(5, 20), (10, 100), (100, 100), (10, 10_000)]
    for D, M in sizes:
        yield sized(case, D=D, M=M), {}


def _init_drafts(failing: FailingCase) -> Iterator[Draft]:
    case, quantity, comparison = failing.case, failing.quantity, failing.comparison
    D, M = case.params["D"], case.params["M"]
    key = quantity.key.name
    attribute, name = ("gradient" if key.startswith("gradient") else "params"), key[-1]
    shape = (D, M) if name == "W" else (1, M)
    ask = [f"layer = nn.linear_layer({D}, {M})", f'got = layer.{attribute}["{name}"]']
    if comparison.verdict != Verdict.MISMATCH:
        yield Draft([], ask, verdict=Verdict.TIMEOUT if comparison.verdict == Verdict.TIMEOUT else Verdict.CRASHED)
        if comparison.verdict == Verdict.MISSING:
            yield Draft([], ask, shaped(shape, flat=name == "b"))
        return
    if comparison.arrays is not None:
        end = [f"want = np.zeros({shape})", 'print("got: ", got, "\\nwant:", want)', "agrees = not np.any(got)"]
        yield Draft([], ask, end)
    elif comparison.finding == Found.SAME_DRAWS:
        ask = [
            f'first, second = (nn.linear_layer({D}, {M}).params["W"] for _ in range(2))',
            "got = int(np.sum(first == second))",
        ]
        end = [
            f"want = 0  # of {D * M}, since each number is drawn anew",
            'print("equal numbers in two layers:", got, "\\nwant:", want)',
            "agrees = got == want",
        ]
        yield Draft([], ask, end)
    elif comparison.finding in set(Odd):
        yield from _distributions(ask, comparison.finding, D * M if name == "W" else M)
    else:
        dtype = "float64" if attribute == "params" else ""
        yield Draft([], ask, shaped(shape, flat=name == "b", dtype=dtype))


def _distributions(ask: list[str], found: str, n: int) -> Iterator[Draft]:
    """The statistic of n draws that gave them away, and how far chance takes it."""
    z = float(special.ndtri(1 - statistics.FALSE_ALARM / 2))
    if found == Odd.OTHER_MEAN:
        what, got, want, allowance = "mean", "got.mean()", 0.0, z * STD / np.sqrt(n)
    elif found == Odd.OTHER_SPREAD:
        low, high = (float(special.chdtri(n, p)) for p in (1 - statistics.FALSE_ALARM / 2, statistics.FALSE_ALARM / 2))
        allowance = STD * max(np.sqrt(high / n) - 1, 1 - np.sqrt(low / n))
        what, got, want = "root of the mean square", "np.sqrt(np.mean(got**2))", STD
    elif found in (Odd.SHARED, Odd.REPEATED):
        shared = found == Odd.SHARED
        own = 'np.isin(got, layer.params["W"]).sum()' if shared else "got.size - np.unique(got).size"
        what = "numbers of b that stand in W, too" if shared else "numbers that stood there before"
        end = [f'print("{what}:", got, "of {n}\\nwant: 0")', "agrees = got == 0"]
        yield Draft([], [*ask, f"got = int({own})"], end)
        return
    elif found == Odd.NOT_FINITE:
        end = ['print("got: ", got, "\\nwant: finite numbers")', "agrees = bool(np.isfinite(got).all())"]
        yield Draft([], ask, end)
        return
    else:
        yield _tails(ask, found, n)
        return
    end = [
        f"value, want, allowance = float({got}), {want}, {float(allowance)!r}  {CHANCE}",
        f'print("{what} of {n} draws:", value, "\\nwant:", want, "\\nallowance:", allowance)',
        "agrees = abs(value - want) <= allowance",
    ]
    yield Draft([], ask, end)


def _tails(ask: list[str], found: str, n: int) -> Draft:
    """Draws of the right mean and spread that are not normal: their distribution function, or their largest."""
    if found == Odd.NO_TAILS:
        least = float(STD * special.ndtri((1 + statistics.FALSE_ALARM ** (1 / n)) / 2))
        end = [
            f"most, want = float(np.abs(got).max()), {least!r}  {CHANCE}",
            f'print("largest magnitude of {n} draws:", most, "\\nwant: at least", want)',
            "agrees = most >= want",
        ]
        return Draft([], ask, end)
    root = np.sqrt(n)
    distance = float(special.kolmogi(statistics.FALSE_ALARM) / (root + 0.12 + 0.11 / root))
    end = [
        "x = torch.tensor(np.sort(got.reshape(-1)) / 0.1)",
        "want = torch.special.ndtr(x).numpy()  # the share of normal draws below each",
        "share = np.arange(len(x)) / len(x)  # the share of these draws below it",
        f"gap, allowance = float(np.abs(share - want).max()), {distance + 1 / n!r}  {CHANCE}",
        'print("largest gap of the shares:", gap, "\\nwant: 0\\nallowance:", allowance)',
        "agrees = gap <= allowance",
    ]
    return Draft([], ask, end)


# ---- masks ----


def _mask_trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    for calls, N, M in ((2, 5, 8), (2, 20, 20), (3, 30, 40), (9, 20, 20), (9, 100, 100)):
        yield sized(case, calls=calls, N=N, M=M), {"q": np.full((N, M), Q)}
    yield case, drawn


def _mask_drafts(failing: FailingCase) -> Iterator[Draft]:
    quantity, comparison = failing.quantity, failing.comparison
    p, found = failing.case.params, comparison.finding
    r, calls, N, M = p["r"], p["calls"], p["N"], p["M"]
    ask = [
        f"q = np.full(({N}, {M}), {Q})",
        f"layer = nn.dropout({r})",
        f"s = np.array([layer.forward(q.copy(), True) for _ in range({calls})])",
    ]
    kept = f"kept = s != 0  # {calls} masks of {N}×{M}"
    if comparison.verdict != Verdict.MISMATCH or (comparison.arrays is None and quantity.name == "scale"):
        ask = [*ask[:2], "got = layer.forward(q.copy(), True)"]
        if comparison.verdict in (Verdict.CRASHED, Verdict.TIMEOUT):
            yield Draft([], ask, verdict=comparison.verdict)
        yield Draft([], ask, shaped((N, M)))
        return
    if quantity.name == "scale" and comparison.arrays is not None:
        radius = float(np.max(comparison.arrays[2]))
        lines = [
            "got = np.unique(s)",
            f"want, allowance = np.array([0, {Q} / (1 - {r})]), {radius!r}  # what rounding explains",
            'print("the values afterwards:", got, "\\nwant:", want, "\\nallowance:", allowance)',
            "agrees = all(np.abs(value - want).min() <= allowance for value in got)",
        ]
    elif quantity.name == "kept fraction":
        n = calls * N * M
        allowance = _binomial(n, 1 - r)
        lines = [
            kept,
            f"got, want, allowance = float(kept.mean()), 1 - {r}, {allowance!r}  {CHANCE}",
            f'print("kept, of {n} elements:", got, "\\nwant:", want, "\\nallowance:", allowance)',
            "agrees = abs(got - want) <= allowance",
        ]
    elif found == Odd.SAME_NUMBER:
        lines = [
            kept,
            "got = kept.sum(axis=(1, 2)).tolist()",
            'print("kept in each call:", got, "\\nwant: numbers that differ by chance")',
            "agrees = len(set(got)) > 1",
        ]
    elif found in (Odd.ROWS_ALIKE, Odd.COLUMNS_ALIKE):
        axis = 1 if found == Odd.ROWS_ALIKE else 2
        count = (N, M)[axis - 1]
        allowance = _binomial(calls * (M, N)[axis - 1], r**2 + (1 - r) ** 2, count * (count - 1) // 2)
        word = ("rows", "columns")[axis - 1]
        lines = [
            kept,
            f"lines = np.moveaxis(kept, {axis}, 0).reshape({count}, -1)  # its {word}",
            f"got = [float(np.mean(lines[i] == lines[j])) for i in range({count}) for j in range(i)]",
            f"want = {r}**2 + (1 - {r})**2  # how often two of them agree by chance",
            f"allowance = {allowance!r}  {CHANCE}",
            f'print("two {word} agree in", min(got), "to", max(got), "\\nwant:", want, "\\nallowance:", allowance)',
            "agrees = max(abs(share - want) for share in got) <= allowance",
        ]
    elif found == Odd.TURNS_ALIKE:
        allowance = _binomial(calls // 2 * N * M, r**2 + (1 - r) ** 2)
        lines = [
            kept,
            "pairs = [kept[k : k + len(kept) // 2 * 2 : 2] for k in (0, 1)]  # every other call, and those after them",
            f"got = [float(np.mean(pairs[0][: {calls // 2}] == pairs[1][: {calls // 2}]))]",
            "got += [float(np.mean(pairs[0][1:] == pairs[1][: len(pairs[0]) - 1]))]",
            f"want, allowance = {r}**2 + (1 - {r})**2, {allowance!r}  {CHANCE}",
            'print("two calls in turn agree in", got, "\\nwant:", want, "\\nallowance:", allowance)',
            "agrees = max(abs(share - want) for share in got) <= allowance",
        ]
    else:
        allowance = _binomial(N * M, r**2 + (1 - r) ** 2)
        lines = [
            kept,
            "got = [float(np.mean(one == other)) for one, other in zip(kept, kept[1:])]",
            f"want, allowance = {r}**2 + (1 - {r})**2, {allowance!r}  {CHANCE}",
            'print("two calls in turn agree in", got, "\\nwant:", want, "\\nallowance:", allowance)',
            "agrees = max(abs(share - want) for share in got) <= allowance",
        ]
    yield Draft([], ask, lines, keeps=("s",))


def _binomial(n: int, p: float, tests: int = 1) -> float:
    """How far a share of n may lie from p, in a test that is one of several."""
    counts = np.arange(n + 1)
    alarm = statistics.FALSE_ALARM / tests
    inside = 2 * np.minimum(special.bdtr(counts, n, p), 1 - special.bdtr(counts - 1, n, p)) >= alarm
    return float(np.abs(counts[inside] / n - p).max())


KINDS: Mapping[str, tuple[Trials, Drafts]] = {
    "init": (_init_trials, _init_drafts),
    "masks": (_mask_trials, _mask_drafts),
}
