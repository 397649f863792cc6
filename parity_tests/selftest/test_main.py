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
from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.batches import judge_shuffle
from parity_tests.assignments.mlp.main.configs import Config, main_quantities
from parity_tests.assignments.mlp.main.verdicts import judge_main
from parity_tests.assignments.mlp.proof.correct_mains import OTHERWISE
from parity_tests.harness.diagnosis.name_mistakes import name_mistakes
from parity_tests.proof import variants
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, mismatched
from parity_tests.protocol.mistake import Body, Rewrite, Swap
from parity_tests.protocol.quantity import Key, Quantity
from parity_tests.selftest.main_pieces import (
    NO_LAMBDA,
    ORDER,
    PLAIN_SGD,
    RELU,
    RETURN,
    SGD_CALL,
    STEPS,
    TANH,
    TRAIN_CALLS,
)
from parity_tests.selftest.records_of_cases import changed
from parity_tests.selftest.shared import runner
from parity_tests.selftest.wrong_forms import IN_MAIN

SHIPPED = ASSIGNMENT.solution


pytestmark = pytest.mark.usefixtures("one_thread")


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
    found = name_mistakes(ASSIGNMENT, [case], {seen.case: found}, {seen.case: seen}, lambda case: digits).verdicts[
        seen.case
    ]
    for comparison in found.values():
        assert (comparison.verdict == "match") or comparison.problem.startswith("main ("), comparison
    return found


MAINS = {form.name.removeprefix("main: "): form for form in (Rewrite("as shipped", ()), *OTHERWISE)}


def written(folder: Path, name: str) -> Path:
    """A folder with this correct main."""
    variants.rewritten(ASSIGNMENT, MAINS[name]).write(folder)
    return folder


@pytest.mark.parametrize("name", MAINS)
def test_an_honest_main_matches_by_its_wiring(name: str, tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    note = MAINS[name].note
    config = TANH if name in ("as shipped", "η in closed form", "backwards of elementwise parts exchanged") else RELU
    found = findings(written(tmp_path, name), config, digits, stand_ins=True)
    assert {q: f.problem for q, f in found.items() if f.verdict != "match"} == {}
    notes = "; ".join(note.text for comparison in found.values() for note in comparison.notes)
    assert note in notes
    assert bool(notes) == bool(note)


@pytest.mark.parametrize("name", ["as shipped", "SGD inside main", "loop over layers", "extra forward passes"])
@pytest.mark.parametrize("config", [RELU, TANH], ids=lambda config: config.activation)
def test_an_honest_main_matches_with_its_own_parts(
    name: str, config: Config, tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    found = findings(written(tmp_path, name), config, digits, stand_ins=False)
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
    edition: str, swaps: list[tuple[str, str]], stand_ins: bool, tmp_path: Path, digits: dict[str, NDArray[Any]]
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


NAMED: tuple[tuple[str, Config, str, str], ...] = (
    ("dropout is left out in training", RELU, "dropout", ""),
    ("dropout is off in training", RELU, "dropout", ""),
    ("the same dropout mask in several steps", TANH, "dropout", "the same dropout mask"),
    ("a mini-batch or an example is used twice in an epoch", RELU, "batches", "a mini-batch is used twice in epoch 1"),
    ("some training examples are never used", TANH, "batches",
     "training examples 20, 21 are never used in 12 epochs"),
    ("the labels are not those of the rows", RELU, "batches", "labels that are not those of the mini-batch's rows"),
    ("it trains on another set", RELU, "batches", "trains on rows of the validation set"),
    ("the pixels are changed", RELU, "batches", "not rows of the training set"),
    ("the examples are not shuffled", RELU, "shuffle", "in the order of the file"),
    ("several epochs have the same order", RELU, "shuffle",
     "epochs 1 and 2 take the training examples in the same order"),
    ("too many or too few epochs", RELU, "number of steps",
     "it trains for 2 epochs of 4 steps, where 3 epochs are expected"),
    ("η is dropped too early: every 5 epochs", TANH, "learning rate", ""),
    ("0.3 in place of 0.1 in the drop of η", TANH, "learning rate", ""),
    ("η is not dropped at t = 10", TANH, "learning rate", ""),
    ("λ is not passed on", RELU, "weights", ""),
    ("λ is doubled", RELU, "weights", ""),
    ("α is not passed on", RELU, "weights", ""),
    ("the rates are passed to SGD in another order", RELU, "weights", ""),
    ("the hidden layer has another size", RELU, "layers", "it builds 500 hidden units, where 1000 are expected"),
    ("the activation is not the one asked for", TANH, "layers",
     "it uses relu, where main_params['activation'] is 'tanh'"),
    ("dropout is built with another rate", RELU, "layers", "r = 0.25, where main_params['dropout_rate'] is 0.5"),
    ("main returns nothing", RELU, "validation losses", "it returns nothing"),
    ("a loss record is not returned", RELU, "validation losses", "it does not return val_loss_record"),
    ("a set is not evaluated after the epoch, or not all of it", RELU, "validation losses",
     "no pass of the network over the validation set is seen after epoch 1"),
    ("the weights are never changed", RELU, "weights", "it never changes the weights"),
)  # fmt: skip
"""Of known mistakes in `main` the run, the quantity that must be wrong, and words of its sentence beside the name."""
NAMELESS: tuple[tuple[str, str, str, str], ...] = (
    ('grad_h = model["drop1"].backward(h, grad_s)', "grad_h = grad_s",
     "weights", "; drop1.backward is never called before the weights are updated"),
    ('            model["L1"].backward(x, grad_u)\n', '            model["L1"].backward(np.roll(x, 1, 0), grad_u)\n',
     "weights", "to L1.backward as X, where the mini-batch belongs"),
    ('model["L2"].backward(s, grad_a)', 'model["L2"].backward(x, grad_a)', "run",
     "L2.backward was given X of shape (5, 100), where (N, 1000) belongs"),
    (f"{TRAIN_CALLS}\n            {SGD_CALL}", TRAIN_CALLS.replace("\n\n", f"\n            {SGD_CALL}", 1), "weights",
     "loss.backward is never called before the weights are updated (step 1)"),
    (ORDER, "order = np.random.choice(train.N, train.N)", "batches", "is used twice"),
    (ORDER, "order = (5 * np.random.permutation(4)[:, None] + np.arange(5)).reshape(-1)", "shuffle",
     "the same mini-batches in another order"),
    (STEPS, "range(0, train.N, minibatch_size)", "number of steps",
     "it makes 5 steps in each of 3 epochs, where ⌊22/5⌋ = 4 steps"),
    (STEPS, "range(0, train.N, minibatch_size)", "batches", "is made on 2 rows, not 5"),
    ("if t % 10 == 0 and t != 0", "if t % 10 == 0", "learning rate", "η is 0.001 in epoch 1"),
    (SGD_CALL, f"momentum = add_momentum(model)\n            {SGD_CALL}", "weights",
     "the velocity is not kept, or α is not used"),
    ("range(0, data.N - minibatch_size + 1, minibatch_size)", "range(0, 10, minibatch_size)", "training losses",
     "only 10 of the 22 examples"),
    ("return loss, correct / count\n", "return loss, correct / (count + 3)\n", "validation accuracy",
     "of 10 examples are right"),
    ("is_train=False", "is_train=True", "validation losses", "the loss with dropout on in place of the loss record"),
    ("loss += float", "loss = float", "training losses",
     "the sum of the losses is of the last mini-batch alone"),
    ("append(train_loss)", "append(train_loss + sum(train_loss_record[-1:]))", "training losses",
     "the sum over all epochs so far in place of the loss record"),
    (RETURN, "    return val_loss_record, train_loss_record\n", "training losses",
     "the other set's loss record in place of the loss record"),
    (SGD_CALL, "model['L3'].forward(x)\n", "run", "main raised KeyError"),
    ("def main(", "def train(", "run", "neural_networks.py defines no main"),
)  # fmt: skip
"""Of other changes of `main` the quantity that must be wrong, and words of its sentence or name."""


def changed_main(folder: Path, changes: Sequence[Body | Swap]) -> Path:
    variants.changed(ASSIGNMENT, "main", changes).write(folder)
    return folder


@pytest.mark.parametrize(
    ("name", "config", "quantity", "words"), NAMED, ids=lambda one: one if type(one) is str else ""
)
def test_a_wrong_main_is_named_by_its_wiring(
    name: str, config: Config, quantity: str, words: str, tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    found = findings(changed_main(tmp_path, IN_MAIN[name].changes), config, digits, stand_ins=True)
    assert found[quantity].verdict not in ("match", "undecided"), {q: f.problem for q, f in found.items() if f.problem}
    assert name in {comparison.diagnosis for comparison in found.values()}
    assert (words or name) in f"{found[quantity].problem}; {found[quantity].diagnosis}"


@pytest.mark.parametrize(("old", "new", "quantity", "words"), NAMELESS)
def test_what_is_wrong_in_main_is_said(
    old: str, new: str, quantity: str, words: str, tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    source = (SHIPPED / "neural_networks.py").read_text()
    assert old in source
    (tmp_path / "neural_networks.py").write_text(source.replace(old, new))
    (tmp_path / "utils.py").write_text((SHIPPED / "utils.py").read_text())
    found = findings(tmp_path, RELU, digits, stand_ins=True)
    assert found[quantity].verdict not in ("match", "undecided"), {q: f.problem for q, f in found.items() if f.problem}
    assert words in f"{found[quantity].problem}; {found[quantity].diagnosis}"


@pytest.mark.nightly
def test_a_main_that_skips_sgd_in_one_epoch_is_not_said_to_drop_its_rate_early(
    tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    folder = changed(tmp_path, [(SGD_CALL, f"if t != 1: {SGD_CALL}")])
    found = findings(folder, TANH, digits, stand_ins=True)
    assert found["number of steps"].verdict == "mismatch"
    assert not any("η is dropped" in comparison.diagnosis for comparison in found.values())


@pytest.mark.parametrize("broken", [True, False])
def test_a_main_that_crashed_in_sgd_is_not_said_to_leave_it_out(
    broken: bool, tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    half = [("w += v\n", "w += v if len(w) > 1 else momentum\n")]
    step = "model[n].params[k] -= 0.1 * model[n].gradient[k]"
    own = [(SGD_CALL, f"for n, k in (('L1', 'W'), ('L1', 'b'), ('L2', 'W'), ('L2', 'b')): {step}\n")]
    found = findings(changed(tmp_path, half if broken else own), RELU, digits, stand_ins=False)
    assert (found["run"].verdict == "crashed") == broken
    assert any("SGD is not called" in note.text for note in found["learning rate"].notes) != broken


OWN = (
    ("dropout.forward is called before the activation's forward: the activation belongs before dropout", "weights",
     [Swap('h = model["nonlinear1"].forward(u)\n            s = model["drop1"].forward(h, is_train=True)',
           'h = model["drop1"].forward(u, is_train=True)\n            s = model["nonlinear1"].forward(h)')]),
    ("main passes nonlinear1.forward's output to L2.forward as X, where drop1.forward's output belongs", "dropout",
     [Swap('a = model["L2"].forward(s)\n            model', 'a = model["L2"].forward(h)\n            model')]),
    ("the velocity is thrown away between epochs", "weights",
     [Swap(f"        {ORDER}", f"        momentum = add_momentum(model)\n        {ORDER}")]),
    ("the step is made with the gradient of the step before", "weights",
     [Swap(SGD_CALL, "now = [dict(model[n].gradient) for n in ('L1', 'L2')]\n"
           "            for n, g in zip(('L1', 'L2'), last if start or t else now):\n"
           f"                model[n].gradient = dict(g)\n            {SGD_CALL}            last = now\n")]),
)  # fmt: skip


@pytest.mark.parametrize(("name", "quantity", "changes"), OWN)
def test_a_wrong_main_is_named_with_its_own_parts(
    name: str, quantity: str, changes: Sequence[Swap], tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    config = TANH if "activation" in name else RELU  # relu and dropout may change places
    found = findings(changed_main(tmp_path, changes), config, digits, stand_ins=False)
    assert found[quantity].verdict == "mismatch", {q: f.problem for q, f in found.items() if f.problem}
    assert name in {comparison.diagnosis for comparison in found.values()}


def test_what_main_did_before_its_time_ran_out_is_still_judged(tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    swaps = [(ORDER, "order = np.arange(train.N)"), (RETURN, "    while True:\n        pass\n")]
    found = findings(changed(tmp_path, swaps), RELU, digits, stand_ins=True, seconds=0.5)
    assert found["run"].verdict == "timeout"
    assert (found["run"].line or 0) > 0
    assert found["shuffle"].verdict == "mismatch"
    assert found["weights"].total == 12 * 1786


def test_what_the_orders_of_epochs_have_in_common_is_told_also_of_few_examples_and_of_thousands() -> None:
    rng = np.random.default_rng(0)
    large = [tuple(range(start, start + 1005)) for start in range(0, 5025, 1005)]  # more orders than a float can count
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
    assert found(5025, [large] * 2) == Found.ALL_IN_FILE_ORDER
    assert found(12, [fixed[:: -1 if epoch % 2 else 1] for epoch in range(10)]) == Found.SAME_BATCHES
