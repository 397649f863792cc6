"""Hostile functions of the second assignment: each gets its honest verdict, and its neighbours are judged as ever.

The walls themselves are the same for every assignment, and are proved by the first one's attacks.
"""

from __future__ import annotations

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.harness.check import check
from parity_tests.selftest.cs231n.conftest import Changed
from reports.model.verdicts import FAILING

pytestmark = pytest.mark.usefixtures("one_thread")

RIGHT = "return np.maximum(x, 0), x"
WRONG = "return 0.5 * np.maximum(x, 0), x"
ATTACKS = {
    "ends the process with status 0": ("import os\n    os._exit(0)", {"crashed"}),
    "exits": ("import sys\n    sys.exit(0)", {"crashed"}),
    "never returns": ("while True:\n        pass", {"timeout"}),
    "raises what nobody catches": ("raise KeyboardInterrupt", {"crashed"}),
    "returns an array that says it is equal": (
        "class Equal(np.ndarray):\n        __eq__ = lambda self, other: np.True_\n    return (0 * x).view(Equal), x",
        {"crashed", "mismatch"},
    ),
    "makes numpy's comparisons agree": (
        f"np.allclose = np.array_equal = np.isclose = lambda *a, **k: True\n    {WRONG}", {"mismatch"}),
    "prints a result of its own": (f"print('Agreement: 943 of 943 quantities agree')\n    {WRONG}", {"mismatch"}),
    "asks for right layers in its own process": ("import layers\n    return layers.relu_forward(x)", {"crashed"}),
    "asks for torch, of which a stand-in is lent": (
        "import torch\n    return torch.relu(torch.from_numpy(x)).numpy(), x", {"crashed", "mismatch"}),
    "writes over what it was given, so that the answer agrees": (
        "out = 0.5 * np.maximum(x, 0)\n    x *= 0.5\n    return out, x", {"mismatch"}),
    "returns memory that nobody has written": ("return np.empty_like(x), x", {"mismatch"}),
    "looks for answers in the frames of its callers": (
        "import sys\n    frame = sys._getframe()\n    while frame is not None:\n"
        "        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:\n"
        "            if hasattr(value, 'relu_forward') and getattr(value, '__name__', '') != __name__:\n"
        "                return value.relu_forward(x)\n        frame = frame.f_back\n"
        f"    {WRONG}", {"mismatch"}),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_function_gets_its_verdict_and_harms_no_other(attack: str, changed: Changed) -> None:
    lines, verdicts = ATTACKS[attack]
    folder = changed(layers=(RIGHT, lines))
    run = check(
        ASSIGNMENT, folder, dtypes=("float64",), parts=frozenset({"relu_forward", "affine_forward"}), timeout=1.0
    )
    found = {record.verdict for record in run.records if record.part == "relu_forward" and record.check != "import"}
    assert found
    assert found <= verdicts
    assert found <= FAILING
    assert {record.verdict for record in run.records if record.part.startswith("affine")} == {"match"}


def test_a_right_function_that_prints_matches(changed: Changed) -> None:
    folder = changed(layers=(RIGHT, f"print('hello')\n    {RIGHT}"))
    run = check(ASSIGNMENT, folder, dtypes=("float64",), parts=frozenset({"relu_forward"}))
    assert {record.verdict for record in run.records} == {"match"}
