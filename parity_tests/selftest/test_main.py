"""Honest mains of many shapes match; wrong ones are named in a sentence, by wiring alone and with their own parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.digits import small_digits
from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.batches import judge_shuffle
from parity_tests.assignments.mlp.main.configs import Config, main_quantities
from parity_tests.assignments.mlp.main.verdicts import judge_main
from parity_tests.harness.diagnosis.name_mistakes import name_mistakes
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, mismatched
from parity_tests.protocol.quantity import Key, Quantity
from parity_tests.selftest.records_of_cases import changed
from parity_tests.selftest.shared import runner
from parity_tests.selftest.shipped_changes.honest_mains import HONEST
from parity_tests.selftest.shipped_changes.main_pieces import (
    NO_LAMBDA,
    ORDER,
    PLAIN_SGD,
    RELU,
    RETURN,
    TANH,
)
from parity_tests.selftest.shipped_changes.wrong_mains import WRONG

SHIPPED = ASSIGNMENT.solution
Swap = tuple[str, str]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def digits() -> dict[str, NDArray[Any]]:
    """22 / 11 / 10 real digits of 10×10 pixels."""
    few = small_digits(22, 11, 10)
    return {name: getattr(few, name) for name in ("train_X", "train_y", "valid_X", "valid_y", "test_X", "test_y")}


def findings(
    folder: Path, config: Config, digits: Mapping[str, NDArray[Any]], *, stand_ins: bool, seconds: float = 10.0
) -> dict[str, Comparison]:
    """What is found when the `main` in `folder` runs in a worker of its own."""
    inside = ASSIGNMENT.inside
    params = {"stand_ins": stand_ins, "one_folder": False, "decoy": "", "as_script": 0, "runs": [config.run()]}
    with runner(
        folder, probe=inside.probes, layout=ASSIGNMENT.layout, editions=ASSIGNMENT.editions,
        companions=inside.processes["wiring" if stand_ins else "parts"], fixture=SHIPPED / "utils.py",
    ) as asked:  # fmt: skip
        seen = asked.ask(f"main/{config.activation}", "main", params, digits, seed=1, seconds=seconds)
    found = judge_main(seen, configs=(config,), digits=digits, stand_ins=stand_ins)
    assert tuple(found) == main_quantities((config,))
    rows = tuple(Quantity(name, "10", Key(name)) for name in found)
    case = Case(seen.case, "main", "main", "float64", "main", params, rows, process="wiring")
    found = name_mistakes(
        ASSIGNMENT, [case], {seen.case: found}, {seen.case: seen}, lambda case: digits, "2019"
    ).verdicts[seen.case]
    for comparison in found.values():
        assert (comparison.verdict == "match") or comparison.problem.startswith("main ("), comparison
    return found


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_main_matches_by_its_wiring(name: str, tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    swaps, note = HONEST[name]
    config = TANH if name in ("as shipped", "η in closed form", "backwards of elementwise parts exchanged") else RELU
    found = findings(changed(tmp_path, swaps), config, digits, stand_ins=True)
    assert {q: f.problem for q, f in found.items() if f.verdict != "match"} == {}
    notes = "; ".join(note.text for comparison in found.values() for note in comparison.notes)
    assert note in notes
    assert bool(notes) == bool(note)


@pytest.mark.parametrize("name", ["as shipped", "SGD inside main", "loop over layers", "extra forward passes"])
@pytest.mark.parametrize("config", [RELU, TANH], ids=lambda config: config.activation)
def test_an_honest_main_matches_with_its_own_parts(
    name: str, config: Config, tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    found = findings(changed(tmp_path, HONEST[name][0]), config, digits, stand_ins=False)
    assert {q: f.problem for q, f in found.items() if f.verdict != "match"} == {}
    assert 0.01 < (found["weights"].ratio or 0) <= 1


@pytest.mark.parametrize("stand_ins", [True, False])
def test_momentum_may_be_none_without_alpha(stand_ins: bool, tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    folder = changed(tmp_path, [("momentum = add_momentum(model)", "momentum = None")])
    found = findings(folder, replace(RELU, alpha=0.0), digits, stand_ins=stand_ins)
    assert {q: f.problem for q, f in found.items() if f.verdict != "match"} == {}


@pytest.mark.parametrize("stand_ins", [True, False])
@pytest.mark.parametrize(("edition", "swaps"), [("2020-22", NO_LAMBDA), ("2022-23", PLAIN_SGD)])
def test_the_mains_of_other_editions_match(
    edition: str, swaps: list[Swap], stand_ins: bool, tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    found = findings(
        changed(tmp_path, swaps),
        replace(RELU, alpha=0.0 if edition == "2022-23" else 0.9, lam=0.0, rate=0.0),
        digits,
        stand_ins=stand_ins,
    )
    assert {q: f.problem for q, f in found.items() if f.verdict != "match"} == {}


def test_wiring_is_right_though_every_part_is_missing(tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    source = (SHIPPED / "neural_networks.py").read_text()
    head, main = source[: source.index("# TODO 1\n")], source[source.index("def evaluate") :]
    (tmp_path / "neural_networks.py").write_text(head + main)
    (tmp_path / "utils.py").write_text((SHIPPED / "utils.py").read_text())
    found = findings(tmp_path, RELU, digits, stand_ins=True)
    assert {q: f.problem for q, f in found.items() if f.verdict != "match"} == {}
    own = findings(tmp_path, RELU, digits, stand_ins=False)
    assert {f.verdict for f in own.values()} == {"crashed"}
    assert "is not defined" in own["run"].problem
    assert own["run"].file == "neural_networks.py"
    assert (own["run"].line or 0) > 0


def test_wrong_parts_show_with_its_own_parts_alone(tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    folder = changed(tmp_path, [("return grad * (1 - self.h * self.h)", "return grad * (1 - X * X)")])
    assert {f.verdict for f in findings(folder, TANH, digits, stand_ins=True).values()} == {"match"}
    assert findings(folder, TANH, digits, stand_ins=False)["weights"].verdict == "mismatch"


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_main_is_named_by_its_wiring(name: str, tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    config, swaps, quantity, words = WRONG[name]
    found = findings(changed(tmp_path, swaps), config, digits, stand_ins=True)
    assert found[quantity].verdict not in ("match", "undecided"), {q: f.problem for q, f in found.items() if f.problem}
    assert words in f"{found[quantity].problem}; {found[quantity].diagnosis}"


OWN = ["dropout computed and not used", "velocity thrown away", "η dropped too early", "evaluation with dropout on"]


@pytest.mark.parametrize("name", OWN)
def test_a_wrong_main_is_named_with_its_own_parts(name: str, tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    config, swaps, quantity, words = WRONG[name]
    found = findings(changed(tmp_path, swaps), config, digits, stand_ins=False)
    assert found[quantity].verdict == "mismatch", {q: f.problem for q, f in found.items() if f.problem}
    assert words in f"{found[quantity].problem}; {found[quantity].diagnosis}"


def test_what_main_did_before_its_time_ran_out_is_still_judged(tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    swaps = [(ORDER, "order = np.arange(train.N)"), (RETURN, "    while True:\n        pass\n")]
    found = findings(changed(tmp_path, swaps), RELU, digits, stand_ins=True, seconds=0.5)
    assert found["run"].verdict == "timeout"
    assert (found["run"].line or 0) > 0
    assert found["shuffle"].verdict == "mismatch"
    assert found["weights"].total == 12 * 1786


def test_epochs_that_draw_from_a_part_of_the_examples_are_not_said_to_have_their_order_in_common() -> None:
    rng = np.random.default_rng(0)
    fixed = (3, 1, 9, 0, 7), (11, 2, 10, 4, 8)

    def found(N: int, epochs: Sequence[Sequence[tuple[int, ...]]]) -> str:
        passes = [(number, rows) for number, batches in enumerate(epochs) for rows in batches]
        updates = [SimpleNamespace(epoch=e, pass_=SimpleNamespace(split="train", rows=rows)) for e, rows in passes]
        main: Any = SimpleNamespace(
            run=SimpleNamespace(updates=updates), failure=None, size=lambda split: N, bad=lambda said: mismatched(said)
        )
        return judge_shuffle(main).finding

    assert found(6, [[tuple(rng.permutation(4).tolist())] for _ in range(10)]) == Found.NEVER_USED
    assert found(4, [[tuple(rng.permutation(2).tolist())] for _ in range(40)]) == Found.NEVER_USED
    assert found(12, [fixed] * 10) == Found.SAME_ORDER
    assert found(12, [fixed[:: -1 if epoch % 2 else 1] for epoch in range(10)]) == Found.SAME_BATCHES
