"""The exam of main: its settings are drawn, what is right at some alone is caught, and odd honest mains match."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.inside.homework_names import FULL, PLAIN, WITHOUT_DECAY
from parity_tests.assignments.mlp.main.configs import Config, configs_of
from parity_tests.assignments.mlp.main.settings import OTHER, OWN, WIRING, settings
from parity_tests.assignments.mlp.proof.correct_mains import BESIDES
from parity_tests.assignments.mlp.proof.evasions_in_main import IN_MAIN
from parity_tests.harness.draw import draw
from parity_tests.protocol.case import Case
from parity_tests.protocol.mistake import Around, Body, Rewrite, Swap
from parity_tests.selftest.main_pieces import SGD_CALL
from parity_tests.selftest.nightly import one_in, one_of_each
from parity_tests.selftest.records_of_cases import ask_and_judge
from parity_tests.selftest.shipped_variants import changed, records, shipped
from reports.model.records import Record
from reports.model.verdicts import FAILING

pytestmark = pytest.mark.usefixtures("one_thread")
Swaps = tuple[str, str] | Body | Swap | Around
EDITIONS = (FULL, WITHOUT_DECAY, PLAIN)


def main_cases(edition: str = FULL, seed: int = 0) -> list[Case]:
    return [case for case in ASSIGNMENT.cases(edition, ("float64",), seed=seed) if case.check == "main"]


def corners(config: Config) -> dict[str, bool]:
    """Where a run stands, of each thing that is crossed with the others."""
    return {
        "tanh": config.activation == "tanh",
        "momentum": config.alpha > 0,
        "decay": config.lam > 0,
        "dropout": config.rate > 0,
        "two drops": config.epochs > 20,
    }


# ---- what is drawn ----


def test_a_script_is_of_as_many_epochs_as_the_run_that_it_is_held_against() -> None:
    """Who draws the orders of all epochs first draws other masks in a shorter run."""
    scripts = [(one.as_script, one.runs[0].epochs) for one in settings(FULL, 0) if one.as_script]
    assert scripts == [(3, 3)]


def test_another_seed_draws_other_settings_and_the_same_one_the_same() -> None:
    params = [[case.params for case in main_cases(seed=seed)] for seed in (5, 5, 6)]
    assert params[0] == params[1]
    drawn = [one != other for one, other in zip(params[0], params[2], strict=True)]
    assert sum(drawn) >= len(drawn) - 2  # the defaults have few numbers to draw


def test_any_two_corners_meet_at_some_setting() -> None:
    for seed in range(5):
        runs = [corners(config) for setting in settings(FULL, seed) for config in setting.runs]
        for one, other in itertools.combinations(runs[0], 2):
            assert {(run[one], run[other]) for run in runs} == set(itertools.product((False, True), repeat=2))


@pytest.mark.parametrize("parts", [WIRING, OWN])
def test_each_corner_is_met_with_correct_parts_and_with_its_own(parts: str) -> None:
    runs = [corners(config) for setting in settings(FULL, 3) if parts in setting.parts for config in setting.runs]
    assert all({run[name] for run in runs} == {False, True} for name in runs[0])


def test_one_setting_is_the_default_with_all_hidden_units_and_ten_steps() -> None:
    default = Config("relu", alpha=0.0, rate=0.5, lam=0.0, epochs=10, eta=0.01, units=1000)
    for seed in range(10):
        chosen = [setting for setting in settings(FULL, seed) if setting.runs == (default,)]
        assert [setting.parts for setting in chosen] == [(WIRING, OWN)]
        assert default.epochs * (chosen[0].lot.sizes[0] // default.batch) == 10


def test_some_settings_have_sizes_that_no_batch_divides_other_files_and_another_lot_of_digits() -> None:
    for seed in range(10):
        all_settings = list(settings(FULL, seed))
        sizes = [
            (c.batch, lot.sizes[:2])
            for s in all_settings
            for c in s.runs
            for lot in (s.other if c.digits else s.lot,)
            if lot
        ]
        assert len(sizes) == sum(len(s.runs) for s in all_settings)
        assert any(train % batch and valid % batch for batch, (train, valid) in sizes)
        assert any(c.file != "mnist_subset.json" for s in all_settings for c in s.runs)
        assert all(min(both) >= batch for batch, both in sizes)
    case = next(case for case in main_cases() if case.name == "main/relu-wiring/float64")
    first, again, other = configs_of(case.params)
    assert first == again
    assert first.seed != other.seed
    digits = draw(ASSIGNMENT, case, 0)
    assert (digits["train_X"] != digits[f"{OTHER}train_X"]).any()


def test_the_digits_are_drawn_from_the_seed() -> None:
    one, other = (draw(ASSIGNMENT, main_cases(seed=seed)[0], seed)["train_X"] for seed in (0, 1))
    assert one.shape != other.shape or (one != other).any()


# ---- what is judged ----


@pytest.mark.parametrize("seed", one_in(2, (11, 12)))
def test_the_shipped_main_matches_whatever_the_seed(seed: int) -> None:
    found = records(shipped(), lambda case: case.check == "main", seed=seed)
    assert {record.verdict for record in found} == {"match"}
    assert {record.note for record in found} == {""}


def evasion(part_of_its_name: str) -> tuple[Body | Swap | Around, ...]:
    """The changes of the one evasion in `main` whose name holds this."""
    (found,) = (form.changes for form in IN_MAIN if part_of_its_name in form.name)
    return found


def of_main(swaps: Sequence[Swaps], *cases: str, seed: int = 0) -> list[Record]:
    """The records of these cases alone, of a changed main."""
    with tempfile.TemporaryDirectory() as folder:
        changed("main", [one if isinstance(one, Body | Swap | Around) else Swap(*one) for one in swaps]).write(
            Path(folder)
        )
        return ask_and_judge(Path(folder), lambda case: case.name in cases, seed=seed, whole=True)


def failing(swaps: Sequence[Swaps], *cases: str) -> Iterator[tuple[str, str, str]]:
    """The case, quantity and message of each failing record of a changed main in these cases."""
    for record in of_main(swaps, *cases):
        if record.verdict in FAILING:
            yield record.case, record.quantity, record.message


SHOWN = (
    ("0.9 if main_params", "relu-wiring", "weights"),
    ('int(main_params["random_seed"]) or None', "relu-wiring", "random seed"),
    ('result = Path("results.json")', "relu-wiring", "training accuracy"),
    ("if t == 10", "tanh-own", "learning rate"),
    ("range(0, train.N, minibatch_size)", "tanh-own", "batches"),
    ("if t < 5 else np.arange(train.N)", "tanh-own", "shuffle"),
    ("… momentum = add_momentum(model)", "tanh-own", "weights"),
    ("min(30,", "many-epochs-wiring", "number of steps"),
    ("if t in (10, 20)", "many-epochs-wiring", "learning rate"),
    ('__name__ != "__main__"', "relu-own", "as a script"),
    ("co_name", "relu-own", "as a script"),
    ("import atexit", "relu-own", "as a script"),
    ("min(64, int", "large-steps-wiring", "batches"),
    ("Xtrain[:4000]", "large-steps-wiring", "number of steps"),
    ("{k: np.clip(g, -5, 5)", "large-steps-wiring", "weights"),
    ("np.random.normal(0.0, 0.1, model['L1']", "defaults-wiring", "layers"),
    ('{"train": [], "val": []}', "defaults-wiring", "validation accuracy"),
    ("… [:-3]", "defaults-wiring", "training accuracy"),
    ("t >= 1 and", "decay-own", "number of steps"),
    ("no dropout late", "decay-own", "dropout"),
)
"""Of evasions the case that shows them, and the quantity; `parity selftest` puts all of them to it."""


@pytest.mark.parametrize(("name", "case", "quantity"), SHOWN)
def test_a_main_that_is_right_at_some_settings_alone_is_caught(name: str, case: str, quantity: str) -> None:
    assert quantity in {failed for _, failed, _ in failing(evasion(name), f"main/{case}/float64")}


@pytest.mark.parametrize("form", one_of_each(lambda form: form.note, BESIDES), ids=lambda form: form.name)
def test_an_odd_main_that_leaves_the_training_what_it_is_matches(form: Rewrite) -> None:
    found = of_main(form.changes, "main/defaults-wiring/float64", "main/relu-wiring/float64", "main/tanh-own/float64")
    assert [(r.case, r.quantity, r.message) for r in found if r.verdict != "match"] == []
    assert form.note in "; ".join(record.note for record in found)


def test_a_typed_number_of_pixels_is_wrong_of_the_layers_alone() -> None:
    typed = [("linear_layer(train.d, HIDDEN_UNITS)", "linear_layer(784, HIDDEN_UNITS)")]
    found = of_main(typed, "main/defaults-wiring/float64", "main/relu-own/float64")
    assert {r.quantity for r in found if r.verdict != "match"} == {"layers"}
    assert all("it builds L1 for 784 pixels" in r.message for r in found if r.verdict != "match")


SCRIPTS = {
    "a larger η than its option says": ("given | {'learning_rate': 2 * given['learning_rate']}", True),
    "settings of its own, options unread": ("settings", False),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_that_reads_its_options_passes_them_on(name: str) -> None:
    expression, is_wrong = SCRIPTS[name]
    lines = f"given = read_command_line()\n        main({expression})"
    if not is_wrong:
        settings = dict(Config("relu", alpha=0.9, rate=0.0, lam=0.0, epochs=3, eta=0.5).main_params())
        lines = lines.replace("given = read_command_line()", f"settings = {settings!r}")
    found = list(failing([("main(read_command_line())", lines)], "main/relu-own/float64"))
    assert [quantity for _, quantity, _ in found] == ["as a script"] * is_wrong
    assert all("as learning_rate, where the command line says --learning_rate 0.0" in text for *_, text in found)


@pytest.mark.parametrize("seed", [24, 38])
def test_early_stopping_is_caught_where_no_validation_loss_would_rise_by_chance(seed: int) -> None:
    found = of_main(evasion("t >= 5 and"), "main/many-epochs-wiring/float64", seed=seed)
    assert "number of steps" in {record.quantity for record in found if record.verdict in FAILING}


def test_a_leak_is_said_of_the_run_in_which_it_shows() -> None:
    kept = [
        ("# TODO 10\n", "KEPT = {}\n\n\n# TODO 10\n"),
        ("momentum = add_momentum(model)", "momentum = KEPT or (KEPT.update(add_momentum(model)) or KEPT)"),
    ]
    found = failing(kept, "main/relu-wiring/float64")
    messages = [message for _, quantity, message in found if quantity == "weights"]
    assert "run 2 of 3 in one process): " in messages[0]
    assert "after step 1 (epoch 1)" in messages[0]


def test_a_run_that_goes_on_with_the_layers_of_the_one_before_is_said_to_use_others() -> None:
    kept = "    momentum = add_momentum(model)\n"
    swaps = [(kept, f"    model['L2'] = KEPT.setdefault(model['L2'].params['W'].shape, model['L2'])\n{kept}"),
             ("# TODO 10\n", "KEPT = {}\n\n\n# TODO 10\n")]  # fmt: skip
    messages = [message for _, quantity, message in failing(swaps, "main/relu-wiring/float64") if quantity == "weights"]
    assert "run 2 of 3 in one process): L2 of this run is never used: main goes on with another one" in messages[0]


def test_masks_that_do_not_follow_from_the_seed_are_dropouts_and_no_fault_of_the_script() -> None:
    swaps = [("kept = np.random.uniform(", "kept = np.random.default_rng().uniform(")]
    found = records(changed("main", [Swap(*swap) for swap in swaps]), lambda case: case.name == "main/relu-own/float64")
    wrong = [record for record in found if record.verdict in FAILING]
    assert [(record.part, record.quantity) for record in wrong] == [("9", "as a script")]
    assert "it drops other elements in step 1, as a script too: the masks do not follow" in wrong[0].message
    assert wrong[0].message.endswith("(are they drawn by np.random, as main seeds it?)")


def test_an_η_that_has_dropped_and_stays_so_in_the_next_run_is_caught() -> None:
    swaps = [
        (
            'eta = eta_0 = float(main_params["learning_rate"])',
            'eta = ETAS.get(eta_0 := float(main_params["learning_rate"]), eta_0)',
        ),
        ("            eta *= 0.1\n", "            eta *= 0.1\n            ETAS[eta_0] = eta\n"),
        ("# TODO 10\n", "ETAS = {}\n\n\n# TODO 10\n"),
    ]
    assert "learning rate" in {quantity for _, quantity, _ in failing(swaps, "main/many-epochs-wiring/float64")}


def test_a_part_that_is_wrong_after_many_calls_alone_is_said_to_be_one_of_its_parts() -> None:
    line = "        return grad * self.mask\n\n\nclass dropout"
    count = "        self.calls = getattr(self, 'calls', 0) + 1\n"
    late = (line, count + line.replace("self.mask", "(self.mask if self.calls <= 20 else 1)"))
    own, wiring = "main/many-epochs-own/float64", "main/many-epochs-wiring/float64"
    found = of_main([late], own, wiring)
    wrong = {record.case: record.message for record in found if record.verdict in FAILING}
    assert list(wrong) == [own]
    assert "with correct parts in place of its own main is right here" in wrong[own]


STEPS = "    for name, module in model.items():\n        if not"
COPIED = [(STEPS, f"    model = deepcopy(model)\n{STEPS}"), ("import sys\n", "import sys\nfrom copy import deepcopy\n")]


@pytest.mark.parametrize(("call", "wrong"), [(f"model = {SGD_CALL}", set()), (SGD_CALL, {"sgd", "main"})])
def test_sgd_that_returns_an_updated_copy_is_right_where_main_goes_on_with_it(call: str, wrong: set[str]) -> None:
    found = of_main([*COPIED, (SGD_CALL, call)], "sgd/in-turn/float64", "main/decay-own/float64")
    assert {record.check for record in found if record.verdict in FAILING} == wrong
    assert any("main goes on with the copy" in record.note for record in found) == (not wrong)
