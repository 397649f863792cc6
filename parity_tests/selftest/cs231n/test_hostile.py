"""Hostile functions of the second assignment: each gets its honest verdict, and its neighbours are judged as ever.

Here is what is this assignment's own: the walls, and the judge, are the same for every one (test_hostile).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.kinds import networks
from parity_tests.harness.check import check, runner_of
from parity_tests.harness.draw import draw
from parity_tests.harness.exam import question_of
from parity_tests.harness.process.questions import Budget, ask_all
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Context
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Key
from parity_tests.selftest.cs231n.conftest import Changed
from reports.model.verdicts import FAILING

pytestmark = pytest.mark.usefixtures("one_thread")

RIGHT = "return np.maximum(x, 0), x"
ATTACKS = {
    "raises what nobody catches": ("raise KeyboardInterrupt", {"crashed"}),
    "asks for right layers in its own process": ("import layers\n    return layers.relu_forward(x)", {"crashed"}),
    "asks for torch, of which a stand-in is lent": (
        "import torch\n    return torch.relu(torch.from_numpy(x)).numpy(), x", {"crashed", "mismatch"}),
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


# ---- what a network's process says of itself is no evidence


EDITION = ASSIGNMENT.editions.default
CASE = next(c for c in ASSIGNMENT.cases(EDITION, ("float64",), seed=0) if c.name == "FullyConnectedNet/dropout/float64")


@cache
def right() -> Observation:
    """What the solution's network with dropout answers."""
    with runner_of(ASSIGNMENT, ASSIGNMENT.solution, CASE.process, EDITION) as runner:
        return next(iter(ask_all(runner, [question_of(ASSIGNMENT, CASE, 0)], Budget())))


def failing(seen: Observation, case: Case = CASE) -> set[str]:
    judged = networks.judge(case, draw(ASSIGNMENT, case, 0), seen, Context("cpu", EDITION))
    return {name for name, comparison in judged.items() if comparison.verdict in FAILING}


def without(fact: str, seen: Observation) -> Observation:
    return replace(seen, facts={name: value for name, value in seen.facts.items() if name != fact})


def with_parameter(seen: Observation, gradient: Any = None) -> Observation:
    """The same of a network with a parameter too many, whose gradient is this one."""
    values = dict(seen.values)
    if gradient is not None:
        values[Key("dgamma9", 0)] = Returned("array", gradient, "an array")
    return replace(seen, values=values, facts={**seen.facts, "names": [*seen.facts["names"], "gamma9"]})


def with_masks(fill: float, seen: Observation) -> Observation:
    """The same of a network whose masks hold this number everywhere."""
    values = dict(seen.values)
    for key, value in seen.values.items():
        if key.name.startswith("mask ") and value.array is not None:
            values[key] = replace(value, array=np.full_like(value.array, fill))
    return replace(seen, values=values)


def test_a_right_network_passes_and_so_does_a_further_parameter_with_a_gradient() -> None:
    assert failing(right()) == set()
    assert failing(with_parameter(right(), np.ones(3))) == set()


@pytest.mark.parametrize(
    "change",
    [partial(without, "names"), partial(without, "moved"), with_parameter],
    ids=["which there are", "which have moved", "a gradient"],
)
def test_silence_about_parameters_is_no_right_answer(change: Callable[[Observation], Observation]) -> None:
    assert failing(change(right())) == {"parameters"}


@pytest.mark.parametrize("fill", [0.0, 1 / CASE.params["settings"]["keep"]], ids=["nothing", "everything"])
def test_masks_that_chance_does_not_draw_are_not_believed(fill: float) -> None:
    """Whoever says that nothing was kept would know the scores without a network, and had no dropout otherwise."""
    told = with_masks(fill, right())
    known = networks.with_masks(CASE, draw(ASSIGNMENT, CASE, 0), told)
    assert not any(name.startswith("mask_") for name in known)
    assert "dropout" in failing(told)
    assert any(name.startswith("mask_") for name in networks.with_masks(CASE, draw(ASSIGNMENT, CASE, 0), right()))
