"""Scripts of random draws, a constructor's weights and dropout's masks: Parity's own test that they do not pass."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.kinds.init import STD
from parity_tests.harness import statistics
from parity_tests.harness.draft import Draft, equal, shaped
from parity_tests.harness.failing_case import FailingCase
from parity_tests.protocol.finding import Odd

TESTS = {
    "normal_problem": (Odd.NOT_FINITE, Odd.OTHER_MEAN, Odd.OTHER_SPREAD, Odd.NOT_NORMAL, Odd.NO_TAILS),
    "repeats_problem": (Odd.REPEATED,),
    "order_problem": (Odd.IN_AN_ORDER,),
    "moments_problem": (Odd.EXACT_MEAN, Odd.EXACT_SPREAD),
    "shared_problem": (Odd.SHARED,),
    "kept_fraction_problem": (Odd.OTHER_SHARE,),
    "independence_problem": (Odd.ROWS_ALIKE, Odd.COLUMNS_ALIKE, Odd.SAME_NUMBER, Odd.OTHER_NUMBERS),
    "redrawn_problem": (Odd.SAME_MASK, Odd.CALLS_ALIKE, Odd.TURNS_ALIKE),
}
"""The tests of `harness/statistics.py`, and what each finds."""
START = [
    "import math, unittest.mock",
    "from torch import special",
    "Said, Odd = (lambda words, found: words), unittest.mock.MagicMock()  # a test says in words what it finds",
    f"FALSE_ALARM, FEW = {statistics.FALSE_ALARM}, {statistics.FEW}",
]


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
            given = {"shared_problem": "draws, W", "order_problem": "draws", "repeats_problem": "np.abs(draws)"}
            yield _tested(failing, [*ask, 'W = layer.params["W"]'], given, f"draws, {STD}", "W")
            return
        end = shaped(flat=name[-1] == "b", dtype=attribute == "params") if failing.comparison.arrays is None else []
        yield failing.draft(ask, [f"expected = np.zeros({(D, M) if name[-1] == 'W' else (1, M)})"], end=end)


def masks(failing: FailingCase) -> Iterator[Draft]:
    """The masks of many calls, or a value that is neither 0 nor what is kept."""
    r, calls, N, M = (failing.case.params[name] for name in ("r", "calls", "N", "M"))
    ask = [f"q, layer = np.full(({N}, {M}), 2.0), nn.dropout({r})"]
    many = [*ask, f"actual = np.array([layer.forward(q.copy(), True) for _ in range({calls})])"]
    if failing.comparison.finding in set(Odd):
        rate = f"kept, {r}"
        if failing.quantity.name != "kept fraction":  # of another share it is asked as of what it is
            rate = f"kept, 1 - kept.mean() if abs(kept.mean() - 1 + {r}) > 0.01 else {r}"
        yield _tested(failing, many, {}, rate)
    elif failing.comparison.arrays is None:
        yield failing.draft([*ask, "actual = layer.forward(q.copy(), True)"], ["expected = q"], end=shaped())
    else:
        expected = [f"values, expected = np.unique(actual), np.array([0, 2.0 / (1 - {r})])"]
        expected += ["actual = values[np.abs(values[:, None] - expected).min(axis=1).argmax()]"]
        yield failing.draft(many, [*expected, "expected = expected[np.abs(expected - actual).argmin()]"])


def _tested(failing: FailingCase, ask: list[str], given: dict[str, str], usual: str, *keeps: str) -> Draft:
    """The draft that holds draws against the test that found them out, and what that is given."""
    name = next(test for test, finds in TESTS.items() if failing.comparison.finding in finds)
    lines = [*START, *_source(name), "draws, kept = actual, actual != 0"]
    lines += [f"actual = {name}({given.get(name, usual)})"]
    return failing.draft(ask, lines, *keeps, end=equal(f"None  # chance gives another once in {1e10:g} times"))


def _source(name: str) -> list[str]:
    """The lines of a test and of the functions that it calls, without their docstrings, hints and decorators."""
    wanted, lines = [name], list[str]()
    for one in wanted:
        function = ast.parse(inspect.getsource(inspect.unwrap(getattr(statistics, one)))).body[0]
        assert isinstance(function, ast.FunctionDef)
        function.body = function.body[ast.get_docstring(function) is not None :]
        function.decorator_list, function.returns = [], None
        for node in ast.walk(function):
            if isinstance(node, ast.arg):
                node.annotation = None
            own = getattr(vars(statistics).get(getattr(node, "id", "")), "__module__", "") == statistics.__name__
            wanted += [node.id] if isinstance(node, ast.Name) and own and node.id not in wanted else []
        lines = [*ast.unparse(function).split("\n"), *lines]
    return lines
