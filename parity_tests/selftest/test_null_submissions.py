"""What knows nothing earns nothing, and an excuse that nothing bears out is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.inside.homework_names import FULL, PLAIN
from parity_tests.grading.rubric import RubricError, Vocabulary, parse_rubric
from parity_tests.grading.scoring import score
from parity_tests.harness.check import check
from parity_tests.harness.process.available_levels import choose
from parity_tests.harness.proofs import with_proofs
from parity_tests.proof.judged_variants import fork_servers
from parity_tests.proof.null_submissions import (
    MOST_PER_CENT,
    NullSubmission,
    null_submissions,
    points_of,
    records_of_null,
    right_in,
)
from parity_tests.proof.variants import Variant, changed
from parity_tests.protocol.assignment import Assignment, Verdicts
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import ECHO, PROVED, Comparison, failed, matched, mismatched
from parity_tests.protocol.mistake import Body, Swap
from parity_tests.protocol.observation import Failure
from parity_tests.protocol.quantity import Key, Quantity
from parity_tests.protocol.registry import find
from parity_tests.selftest.records_of_cases import FEWEST, QUICK
from parity_tests.selftest.runners import write
from parity_tests.selftest.shared import of_session
from reports.model.records import Record
from reports.model.verdicts import FAILING

ZEROS = Body("main", "n = int(main_params['num_epoch'])\nreturn [0.0] * n, [0.0] * n")
UTILS = (ASSIGNMENT.solution / "utils.py").read_text(encoding="utf-8")
RAISES = UTILS.replace("    try:\n        data = json", "    raise ValueError('no')\n    try:\n        data = json")


def checked(
    folder: Path,
    variant: Variant,
    edition: str | None = None,
    parts: frozenset[str] | None = None,
    asks: Assignment = QUICK,
) -> list[Record]:
    """The records of a check of this variant, in one precision."""
    variant.write(folder)
    dtypes = ("float64",)
    return check(asks, folder, dtypes=dtypes, edition=edition, parts=parts, servers=fork_servers()).records


def earned(records: list[Record]) -> dict[str, float | None]:
    rubric = parse_rubric(ASSIGNMENT.rubric_text, "the usual rubric", Vocabulary.of(ASSIGNMENT))
    return {item.name: item.points for item in score(records, rubric).items}


@cache
def nulls() -> Mapping[str, NullSubmission]:
    return {null.name: null for null in null_submissions(ASSIGNMENT)}


WHOLE = [
    name
    for name, null in nulls().items()
    if null.whole
    and (null.edition == FULL or name == f"zeros throughout ({PLAIN})")
    and not name.startswith(("ones ", "a constant "))
]
"""Each kind in one edition, of the constants only zeros, and one kind in another; `parity selftest` puts all to it."""
BUT_MAIN = frozenset(part.id for part in ASSIGNMENT.parts) - {"10"}


@pytest.mark.parametrize("name", WHOLE)
def test_a_submission_that_knows_nothing_earns_nothing(tmp_path: Path, name: str) -> None:
    null = nulls()[name]
    zeros = name == f"zeros throughout ({FULL})"
    records = checked(tmp_path, null.variant, null.edition, None if zeros else BUT_MAIN)  # main takes long
    assert points_of(ASSIGNMENT, records) <= MOST_PER_CENT
    assert right_in(null, records) <= ASSIGNMENT.null_quantities  # as the command that writes these down says
    without = replace(ASSIGNMENT, null=None)
    assert not zeros or points_of(without, records) > MOST_PER_CENT


@pytest.mark.parametrize(
    ("course", "name"),
    [
        ("mytorch", "ones throughout (HW1P1)"),
        ("mytorch", "None throughout (HW2P1)"),
        ("mytorch", "None throughout (HW3P1)"),
        ("dlai-c1w2", "zeros throughout ()"),
        ("dlai-c1w3", "zeros throughout ()"),
        ("dlai-c1w4", "NaN throughout (step by step)"),
        ("dlai-c2w1", "NaN throughout (regularization)"),
        ("dlai-c5w1", "ones throughout ()"),
    ],
)
def test_a_part_behind_wrong_ones_earns_nothing_by_what_cannot_be_decided(course: str, name: str) -> None:
    null = next(one for one in null_submissions(find(course)) if one.name == name)
    assert points_of(find(course), records_of_null(find(course), null)) <= MOST_PER_CENT


def test_gradients_that_are_zero_because_the_loss_is_spoilt_earn_nothing(tmp_path: Path) -> None:
    utils = UTILS.partition("    def backward(")
    assert utils[1]
    spoilt = utils[0] + utils[1] + utils[2].replace("return ", "return 0 * X  # ", 1)
    zeros = nulls()[f"zeros throughout ({FULL})"].variant
    network = partial(checked, parts=BUT_MAIN, asks=FEWEST)  # what hangs on the loss is of several parts
    null = earned(network(tmp_path / "zeros", Variant("spoilt", {**zeros.files, "utils.py": spoilt})))
    assert null["network"] == 0
    patched = f"{zeros.files['neural_networks.py']}\nsoftmax_cross_entropy.backward = lambda self, X, Y: 0 * X\n"
    files = {**zeros.files, "neural_networks.py": patched}
    assert earned(network(tmp_path / "patched", Variant("patched", files)))["network"] == 0
    right = changed(ASSIGNMENT, "right", []).files
    whole = earned(network(tmp_path / "right", Variant("spoilt", {**right, "utils.py": spoilt})))
    assert whole["network"] == 10


def test_a_dropout_that_keeps_nothing_earns_nothing(tmp_path: Path) -> None:
    bodies = [Body(f"dropout.{method}", "return np.zeros_like(X)") for method in ("forward", "backward")]
    records = checked(tmp_path, changed(ASSIGNMENT, "nothing kept", bodies), parts=frozenset({"9"}))
    assert earned(records)["dropout"] == 0


def test_a_null_main_beside_a_spoilt_loader_earns_nothing_and_a_right_one_all(tmp_path: Path) -> None:
    zeros = changed(ASSIGNMENT, "zeros", [ZEROS])
    spoilt = {**zeros.files, "utils.py": RAISES}
    main = frozenset({"10"})
    assert earned(checked(tmp_path / "zeros", Variant("spoilt", spoilt), parts=main))["main"] == 0
    right = {**changed(ASSIGNMENT, "right", []).files, "utils.py": RAISES}
    assert earned(checked(tmp_path / "right", Variant("spoilt", right), parts=main))["main"] == 20


def test_weights_that_decay_alone_are_no_training_so_that_layers_and_scripts_earn_something(tmp_path: Path) -> None:
    null = nulls()["main without the wiring"]
    assert right_in(null, checked(tmp_path, null.variant, parts=null.parts)) == {("main", "run")}
    assert {name for check, name in ASSIGNMENT.null_quantities if check == "main"} == {"run"}


def test_a_part_that_does_something_else_for_an_unwatched_main_is_to_blame_and_costs_something(tmp_path: Path) -> None:
    line = "        return grad * self.mask\n\n\nclass dropout"
    by_caller = f"        if sys._getframe(1).f_code.co_name == 'main':\n            return grad\n{line}"
    records = checked(tmp_path, changed(ASSIGNMENT, "by caller", [Swap(line, by_caller)]), parts=frozenset({"8", "10"}))
    wrong = [record for record in records if record.verdict != "match"]
    assert [(record.part, record.quantity) for record in wrong] == [("8", "as a script")]
    assert wrong[0].message.endswith("with Parity's own TODO 8 in place it is right")
    assert 18 < (earned(records)["main"] or 0) < 20


ONE_MISTAKE = {
    "tanh": [Swap("return self.h\n", "return 1.1 * self.h\n")],
    "linear": [  # of several things main takes the one that it needs
        Swap('return grad @ self.params["W"].T', 'return grad @ self.params["W"].T, self.gradient'),
        Swap('model["L2"].backward(s, grad_a)', 'model["L2"].backward(s, grad_a)[0]'),
    ],
}


@pytest.mark.parametrize("item", ONE_MISTAKE)
def test_one_mistake_costs_in_its_own_item_alone(item: str, tmp_path: Path) -> None:
    points = earned(checked(tmp_path, changed(ASSIGNMENT, item, ONE_MISTAKE[item]), asks=FEWEST))
    every = {"linear": 15, "tanh": 15, "relu": 15, "dropout": 15, "sgd": 10, "network": 10, "main": 20}
    assert {name for name in every if points[name] != every[name]} == {item}


@pytest.mark.parametrize("name", ["mlp", "cs231n"])
def test_every_item_of_the_usual_rubric_has_something_to_earn(name: str) -> None:
    from parity_tests.protocol.registry import find

    assignment = find(name)
    vocabulary = Vocabulary.of(assignment)
    rubric = parse_rubric(assignment.rubric_text, "rubric.toml", vocabulary)
    assert assignment.null_quantities
    assert all(vocabulary.earning_in(item) for item in rubric.items)


def test_an_item_with_nothing_to_earn_is_an_error_of_the_rubric() -> None:
    text = '[[item]]\nname = "main"\npoints = 20\nchecks = ["main"]\n'
    known = {("main", "10", "run"), ("main", "10", "weights")}
    vocabulary = Vocabulary(frozenset({"main"}), ("10",), frozenset(known), frozenset({("main", "run")}))
    assert parse_rubric(text, "rubric.toml", vocabulary)
    with pytest.raises(RubricError, match="line 1: the item main has nothing to earn"):
        parse_rubric(text, "rubric.toml", replace(vocabulary, null=frozenset({("main", "run"), ("main", "weights")})))


# ---- excuses

ALONE = Case("relu/a", "relu", "relu", "float64", "", {}, (Quantity("output", "7", Key("output")),))
LINKS = (Quantity("first", "7", Key("first")), Quantity("second", "3", Key("second")))
TOGETHER = Case("network/a", "network", "network", "float64", "", {}, LINKS)
WRONG, RIGHT = mismatched("is wrong"), matched()
UNREACHED = replace(WRONG, part="7", explained_by="7")


def settled(alone: Comparison, again: Mapping[str, Comparison]) -> Mapping[str, Comparison]:
    """What becomes of two links, of which the first fails and is said to explain the second."""
    verdicts: Verdicts = {ALONE.name: {"output": alone}, TOGETHER.name: {"first": WRONG, "second": UNREACHED}}
    return with_proofs(ASSIGNMENT, [ALONE, TOGETHER], verdicts, lambda case: again)[TOGETHER.name]


def test_what_is_right_with_paritys_own_part_is_proved_to_fail_because_of_the_other() -> None:
    found = settled(WRONG, {"first": RIGHT, "second": RIGHT})
    assert (found["second"].explained_by, found["second"].excuse) == ("7", PROVED)
    assert (found["first"].explained_by, found["first"].excuse) == ("7", ECHO)


def test_what_fails_with_paritys_own_part_too_is_wrong_by_itself() -> None:
    found = settled(RIGHT, {"first": RIGHT, "second": WRONG})
    assert (found["second"].part, found["second"].explained_by, found["second"].excuse) == ("3", "", "")
    assert found["first"] == WRONG  # its part fails nowhere else, so that it is paid for here


def test_a_part_that_has_ended_its_process_is_not_called_beside_paritys_own() -> None:
    asked: list[frozenset[str]] = []

    def exchanged(case: Case, parts: frozenset[str], ended: frozenset[str]) -> Case | None:
        asked.append(ended)
        return None

    for failure in (Failure("crashed", "", "ended the Python process"), Failure("crashed", "ValueError", "raised it")):
        alone = replace(failed(failure), part="7")
        verdicts: Verdicts = {ALONE.name: {"output": alone}, TOGETHER.name: {"first": WRONG, "second": UNREACHED}}
        with_proofs(replace(ASSIGNMENT, exchanged=exchanged), [ALONE, TOGETHER], verdicts, lambda case: {})
    assert asked == [{"7"}, set()]


def test_an_excuse_stays_open_where_nothing_can_be_asked_again() -> None:
    verdicts: Verdicts = {TOGETHER.name: {"first": WRONG, "second": UNREACHED}}
    found = with_proofs(replace(ASSIGNMENT, exchanged=None), [TOGETHER], verdicts, lambda case: {})
    assert (found[TOGETHER.name]["second"].explained_by, found[TOGETHER.name]["second"].excuse) == ("7", "")


# ---- what is not earned


RUBRIC = parse_rubric(ASSIGNMENT.rubric_text, "the usual rubric", Vocabulary.of(ASSIGNMENT))
RELU = frozenset({"7", "8"})
FORGED = """
def forward(self, X):
    raise ValueError("no")
forward.__code__ = forward.__code__.replace(co_qualname="{name}", co_name="{name}")
forward.__qualname__ = "{name}"
relu.forward = forward
def backward(self, X, grad):
    raise ValueError("no")
relu.backward = backward
"""
ENDED = """
def end(self, *_):
    import os
    os._exit(0)
for owner in (linear_layer, relu, tanh, dropout):
    owner.forward = end
    del owner.backward
"""
CUT_OFF = """
import os
known = {}
fstat = os.fstat
os.fstat = lambda descriptor: known.setdefault(descriptor, known.get(descriptor) or fstat(descriptor))
os._exit = lambda status: None
honest = relu.backward
def backward(self, X, grad):
    os.closerange(3, 1 << 20)
    return honest(self, X, grad)
relu.backward = backward
"""


def records(folder: Path, addition: str, parts: frozenset[str] | None = None) -> list[Record]:
    """What a check says of the shipped network with this at its end; processes are forked off, as in a class."""
    source = (ASSIGNMENT.solution / "neural_networks.py").read_text(encoding="utf-8")
    utils = (ASSIGNMENT.solution / "utils.py").read_bytes()
    write(folder, {"neural_networks.py": source + addition, "utils.py": utils})
    level, servers = choose("none").name, of_session()
    return check(FEWEST, folder, dtypes=("float64",), parts=parts, isolation=level, servers=servers).records


def points_earned(found: list[Record]) -> dict[str, float | None]:
    return {item.name: item.points for item in score(found, RUBRIC).items}


@pytest.mark.parametrize("name", ["forward", "tanh.forward", "relu.backward", "linear_layer.__init__", "main"])
def test_a_failure_under_another_functions_name_costs_what_it_costs_under_its_own(tmp_path: Path, name: str) -> None:
    assert points_earned(records(tmp_path / "forged", FORGED.format(name=name), RELU))["relu"] == 0


def test_whoever_ends_the_process_earns_nothing_that_comes_after(tmp_path: Path) -> None:
    found = records(tmp_path / "ended", ENDED)
    points = points_earned(found)
    assert {points[item] for item in ("tanh", "relu", "dropout")} == {0}
    # SGD moves the four weights as it should with correct parts before it: these, and no more of what fails again.
    assert points["network"] == pytest.approx(10 * 2 * 4 / 13, abs=0.005)
    linear = {q.name: q.part for case in ASSIGNMENT.cases("2019", ("float64",)) if case.check == "linear"
              for q in case.quantities if ("linear", q.name) not in RUBRIC.null}  # fmt: skip
    of_init = sum(part == "2" for part in linear.values())
    assert points["linear"] == pytest.approx(15 * of_init / len(linear), abs=0.005)  # init alone is right
    run = [record for record in found if record.check == "main" and not record.excuse]
    assert {record.quantity for record in run if record.verdict in FAILING} == set()
    assert points["main"] == 20  # its wiring is right, as a script too


def test_whoever_cuts_the_process_off_is_charged_and_nobody_else_each_time_alike(tmp_path: Path) -> None:
    found = records(tmp_path / "one", CUT_OFF)
    again = records(tmp_path / "two", CUT_OFF)
    told = [[(r.case, r.quantity, r.part, r.verdict, r.message, r.explained_by) for r in run] for run in (found, again)]
    assert told[0] == told[1]
    wrong = [record for record in found if record.verdict in FAILING]
    assert all("relu.backward closed the connection" in record.message for record in wrong if record.check == "relu")
    charged = {record.explained_by or record.part for record in wrong if record.check != "relu"}
    assert charged == {"8"}
    points = points_earned(found)
    assert points["relu"] is not None
    assert points["relu"] < 15
    assert [points[item] for item in ("linear", "tanh", "dropout", "sgd")] == [15, 15, 15, 10]
    assert points["main"] == pytest.approx(20 * 12 / 13, abs=0.005)  # a script cannot be asked again
