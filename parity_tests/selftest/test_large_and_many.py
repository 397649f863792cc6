"""Questions of many calls and of large arrays: what happens in one call, or to one number, is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.draw import draw, drawn, seed_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.mistake import Swap
from parity_tests.protocol.observation import Observation
from parity_tests.selftest.shipped_variants import changed, records, runner_of_parts

STEPS, LARGE = (
    next(case for case in ASSIGNMENT.cases("2019", ("float64",)) if case.name == f"{name}/float64")
    for name in ("sgd/many-steps", "sgd/full-size")
)
RETURN = "    return model\n"
GRADIENT = "            g = module.gradient[key]\n"


def observed(folder: Path, case: Case, *changes: Swap) -> Observation:
    """What is seen of the shipped network with these changes in one case."""
    changed("variant", changes).write(folder)
    with runner_of_parts(folder) as runner:
        arrays = drawn(ASSIGNMENT, case, 0)
        return runner.ask(case.name, case.probe, case.params, arrays, seed=seed_of(0, case.name))


def once(statement: str) -> Swap:
    """SGD that ends so in its third call."""
    counting = "    COUNTED.append(1)\n"
    return Swap(RETURN, f"{counting}    if len(COUNTED) == 3:\n        {statement}\n    return model\n")


COUNTED = Swap("class linear_layer:\n", "COUNTED: list[int] = []\n\n\nclass linear_layer:\n")


def test_what_all_calls_return_alike_is_said_once(tmp_path: Path) -> None:
    assert observed(tmp_path, STEPS).facts["returned"] == ["model"]


@pytest.mark.parametrize(
    ("statement", "kind", "said"),
    [("return None", "nothing", "nothing"), ("return {}", "dict", "a dict that is not the model")],
)
def test_what_one_of_many_calls_returns_otherwise_is_told(tmp_path: Path, statement: str, kind: str, said: str) -> None:
    changes = (COUNTED, once(statement))
    assert observed(tmp_path, STEPS, *changes).facts["returned"] == ["model", kind]
    (found,) = (
        record
        for record in records(changed("variant", changes), lambda case: case.name == STEPS.name)
        if record.quantity == "model returned"
    )
    assert found.verdict == "mismatch"
    assert said in found.message


@pytest.mark.parametrize("written", [True, False])
def test_a_number_written_into_a_large_array_is_seen(tmp_path: Path, written: bool) -> None:
    seen = observed(tmp_path, LARGE, Swap(GRADIENT, GRADIENT + "            g[-1, -1] += 1.0\n" * written))
    assert drawn(ASSIGNMENT, LARGE, 0)["L1_W_gradient"][0].nbytes > 1 << 16
    labels = [label for labels in seen.overwritten.values() for label in labels]
    assert ("gradient of L1_W" in labels) is written


def test_what_was_drawn_is_everybodys_and_a_copy_ones_own() -> None:
    everybodys, own = drawn(ASSIGNMENT, LARGE, 0)["L1_W"], draw(ASSIGNMENT, LARGE, 0)["L1_W"]
    with pytest.raises(ValueError, match="read-only"):
        everybodys[0, 0] = 1.0
    own[0, 0] = everybodys[0, 0] + 1.0
    assert draw(ASSIGNMENT, LARGE, 0)["L1_W"][0, 0] == everybodys[0, 0] != own[0, 0]
