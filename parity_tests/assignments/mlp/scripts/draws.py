"""Scripts of random draws, a constructor's weights and dropout's masks: what is off by more than chance explains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.kinds.init import STD
from parity_tests.harness.draft import Draft, by_chance, equal, shaped
from parity_tests.harness.failing_case import FailingCase
from parity_tests.protocol.finding import Odd


def weights(failing: FailingCase) -> Iterator[Draft]:
    """A layer's weights or gradients as its constructor makes them."""
    (D, M), name, found = (failing.case.params[n] for n in "DM"), failing.key.name, failing.comparison.finding
    attribute = "gradient" if name.startswith("gradient") else "params"
    two = f"one, two = (nn.linear_layer({D}, {M}) for _ in range(2))"
    if name.endswith("apart"):
        ask = [two, f'one.{attribute}["W"] = np.ones(({D}, {M}))', f'actual = np.all(two.{attribute}["W"] == 1)']
        yield failing.draft(ask, [], end=equal("False  # what is put into one layer is not in another"))
    elif found == Found.SAME_DRAWS:
        ask = [two, 'actual = int(np.sum(one.params["W"] == two.params["W"]))']
        yield failing.draft(ask, [], end=equal(f"0  # numbers of {D * M} are the same in two layers"))
    else:
        ask = [f"layer = nn.linear_layer({D}, {M})", f'actual = layer.{attribute}["{name[-1]}"]']
        if found in set(Odd):
            n = D * M if name[-1] == "W" else M
            for measure, expected, deviation in (("std", STD, STD / np.sqrt(2 * n)), ("mean", 0.0, STD / np.sqrt(n))):
                end = by_chance(repr(expected), deviation)
                yield failing.draft([*ask, f"actual = np.{measure}(actual)"], [], end=end)
            return
        end = shaped(flat=name[-1] == "b", dtype=attribute == "params") if failing.comparison.arrays is None else []
        yield failing.draft(ask, [f"expected = np.zeros({(D, M) if name[-1] == 'W' else (1, M)})"], end=end)


def masks(failing: FailingCase) -> Iterator[Draft]:
    """The masks of many calls, or a value that is neither 0 nor what is kept."""
    r, calls, N, M = (failing.case.params[name] for name in ("r", "calls", "N", "M"))
    ask = [f"q, layer = np.full(({N}, {M}), 2.0), nn.dropout({r})"]
    many = [*ask, f"actual = np.array([layer.forward(q.copy(), True) for _ in range({calls})])"]
    if failing.comparison.finding == Odd.OTHER_SHARE:
        share = by_chance(repr(1 - r), np.sqrt(r * (1 - r) / (calls * N * M)))
        yield failing.draft([*many, "actual = np.mean(actual != 0)  # the share that is kept"], [], end=share)
    elif failing.comparison.finding in set(Odd):
        again = f"actual = len({{one.tobytes() for one in actual}})  # different ones in {calls} calls"
        yield failing.draft([*many, again], [], end=equal(str(calls)))
    elif failing.comparison.arrays is None:
        yield failing.draft([*ask, "actual = layer.forward(q.copy(), True)"], ["expected = q"], end=shaped())
    else:
        expected = [f"values, expected = np.unique(actual), np.array([0, 2.0 / (1 - {r})])"]
        expected += ["actual = values[np.abs(values[:, None] - expected).min(axis=1).argmax()]"]
        yield failing.draft(many, [*expected, "expected = expected[np.abs(expected - actual).argmin()]"])
