"""Single slips in the shipped network are charged to the part that has them, and to no other; honest rewrites match."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.editions import EDITIONS
from parity_tests.assignments.mlp.plan import plan
from parity_tests.harness.check import Run, check
from parity_tests.harness.make_records import check_plan
from parity_tests.protocol.case import Case
from parity_tests.protocol.errors import HarnessError
from parity_tests.selftest.nightly import one_of_each
from parity_tests.selftest.records_of_cases import LARGE, QUICK, ask_and_judge, at_fault, changed, charged
from parity_tests.selftest.shared import JUDGED
from parity_tests.selftest.shipped_changes.honest import HONEST
from parity_tests.selftest.shipped_changes.pieces import (
    GONE,
    GRADIENT_W,
    LINEAR_FORWARD,
    LOSS_MEAN,
    RELU_FORWARD,
    TANH_BACKWARD,
    TANH_FORWARD,
    Rewrite,
    Slip,
    Swap,
    relu_backward,
)
from parity_tests.selftest.shipped_changes.wrong import WRONG
from reports.model.records import Record
from reports.model.verdicts import FAILING

PARTS = {
    "sgd": ("sgd/",),
    "init": ("linear/init", "linear/one-row"),
    "linear": ("linear/", "network/relu-with-dropout"),
    "tanh": ("tanh/", "network/tanh-with-dropout"),
    "relu": ("relu/", "network/relu-"),
    "dropout": ("dropout/", "network/tanh-with-dropout"),
    "loss": ("loss/", "network/relu-with-dropout"),
    "2020-22": ("sgd/",),
    "2022-23": ("sgd/", "relu/", "network/"),
}
"""The cases that are asked about a slip, by the first word of its name; of the rest, all of utils."""
TRAINED = (
    "sgd: never ends",
    "sgd: torch's momentum",
    "linear: ∂b not summed",
    "relu: backward crashes",
    "relu: not there",
    "as shipped",
    "b and ∂b flat",
    "SGD reads the velocity first",
    "2020-22",
)
"""Those that are put to a trajectory as well."""
OF_TODO = {
    "1": ("sgd/",),
    "2": ("linear/init",),
    "3": ("linear/",),
    "4": ("linear/",),
    "5": ("tanh/",),
    "6": ("tanh/",),
    "7": ("relu/",),
    "8": ("relu/",),
    "9": ("dropout/",),
    "utils": ("loss/", "utils/"),
}
"""The cases that are asked about a rewrite of a TODO."""


pytestmark = pytest.mark.usefixtures("one_thread")


def asked_about(name: str, change: Slip | Rewrite, folder: Path) -> list[Record]:
    """The records of the cases that concern one slip or rewrite."""
    if isinstance(change, Slip):
        asked = PARTS.get(name.split(":")[0], ("utils/",))
        timeout = change.timeout
    else:
        asked = tuple(prefix for part in change.parts.split() for prefix in OF_TODO[part])
        asked += ("network/relu-with-dropout",) if asked[0] in ("relu/", "linear/") else ("network/tanh-with-dropout",)
        timeout = 10.0
    asked += ("trajectory/relu",) if name in TRAINED else ()
    # A slip shows in small cases; whether what is right passes depends on the size.
    large = () if isinstance(change, Rewrite) and name != "loops" else LARGE
    return ask_and_judge(
        changed(folder, change.swaps, change.utils),
        lambda case: case.name.startswith(asked) and not case.name.startswith(large),
        dtype=change.dtype,
        edition=change.edition,
        timeout=timeout,
    )


def sentences(records: Sequence[Record]) -> list[str]:
    return [f"{r.part} ({r.explained_by}) {r.message}" for r in records if r.verdict in FAILING]


def kind_of(name: str) -> tuple[object, ...]:
    """What is told of a slip, and how; each that is wrong in few elements, or by little, is a kind of its own."""
    slip = WRONG[name]
    told = (slip.verdict, slip.words, slip.dtype, slip.edition)
    if slip.verdict == "timeout":
        return told  # time runs out for every part alike
    return (name.partition(":")[0], slip.part, *told, name if SUBTLE.search(name) else "")


SUBTLE = re.compile(
    "float32|float16|epsilon|stale|½ at 0|b is left|one module|rounded|Padé|equals|add up|capped|clipped|evaluation|"
    "fresh|recomputes|overwrites"
)
"""Words in the names of such slips."""


@pytest.mark.parametrize("name", one_of_each(kind_of, WRONG))
def test_a_slip_fails_its_own_part_alone(name: str, tmp_path: Path) -> None:
    slip, records = WRONG[name], asked_about(name, WRONG[name], tmp_path)
    parts = set(slip.part.split())
    assert set(at_fault(records)) == parts, sentences(records)
    assert charged(records) == parts, sentences(records)
    own = [r for r in records if r.verdict in FAILING and not r.explained_by]
    assert slip.verdict in {r.verdict for r in own}
    assert any(slip.words in r.message for r in own), sentences(own)
    for record in records:
        if record.verdict in FAILING and record.check in ("network", "trajectory"):
            assert record.part in parts, record


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_rewrite_matches(name: str, tmp_path: Path) -> None:
    rewrite, records = HONEST[name], asked_about(name, HONEST[name], tmp_path)
    assert sentences(records) == []
    assert {r.verdict for r in records} == {"match"}
    notes = {note.text for r in records for note in r.notes}
    assert any(rewrite.note in note for note in notes) or not rewrite.note, notes
    assert rewrite.note or not notes, notes


def test_the_tables_are_as_large_as_they_should_be() -> None:
    parts = {part for slip in WRONG.values() for part in slip.part.split()}
    assert len(WRONG) >= 60
    assert len(HONEST) >= 35
    assert parts == {*map(str, range(1, 10)), "utils"}


def test_an_activation_that_is_wrong_everywhere_is_not_said_to_want_two_dimensions(tmp_path: Path) -> None:
    for swaps in ([(RELU_FORWARD, "return np.abs(X)")], [(RELU_FORWARD, GONE)], [("class relu:", "class re_lu:")]):
        folder = changed(tmp_path, [*swaps, *([('"relu": relu', '"relu": None')] if "re_lu" in swaps[0][1] else [])])
        records = ask_and_judge(folder, lambda case: case.check == "relu")
        assert not any("two-dimensional" in r.note for r in records)
        assert {
            r.verdict for r in records if r.case == "relu/one-dimension/float64" and r.quantity == "output"
        } <= FAILING


def test_a_tanh_that_overflows_fails_for_large_inputs_alone(tmp_path: Path) -> None:
    swaps = [(TANH_FORWARD, "self.h = (np.exp(X) - np.exp(-X)) / (np.exp(X) + np.exp(-X))")]
    records = ask_and_judge(changed(tmp_path, swaps), lambda case: case.check in ("tanh", "network"))
    failing = [r for r in records if r.verdict in FAILING]
    assert {r.quantity for r in failing} == {"tanh, large inputs", "gradient of tanh, large inputs"}
    assert {r.explained_by for r in failing if r.part == "6"} == {"5"}


def test_a_submission_that_does_not_parse_has_no_notes(tmp_path: Path) -> None:
    folder = changed(tmp_path, [("# TODO 1\n", "def f(:\n")])
    records = ask_and_judge(folder, lambda case: case.name.startswith(("relu/", "linear/", "network/")))
    assert {r.verdict for r in records} <= FAILING
    assert {r.note for r in records} == {""}


@pytest.mark.parametrize("layer", ["relu", "tanh"])
def test_a_crash_in_a_backward_is_charged_to_it_through_the_network(layer: str, tmp_path: Path) -> None:
    swaps = relu_backward(GONE) if layer == "relu" else ((TANH_BACKWARD, GONE),)
    records = ask_and_judge(
        changed(tmp_path, swaps), lambda case: case.name.startswith((f"network/{layer}", f"trajectory/{layer}"))
    )
    part = "8" if layer == "relu" else "6"
    failing = [r for r in records if r.verdict in FAILING]
    assert {r.part for r in failing} == {part}
    assert {r.quantity for r in failing if not r.explained_by} == {"activation gradient"}
    assert {"L1 gradient of W", "updated L1 W"} <= {r.quantity for r in failing if r.explained_by == part}
    assert {r.verdict for r in records if r.quantity in ("L1 output", "activation output", "loss")} == {"match"}


# ---- the whole check, through its own door ----


def run(folder: Path, *parts: str) -> Run:
    return check(QUICK, folder, dtypes=("float64",), parts=frozenset(parts) or None, cache=JUDGED)


def test_the_shipped_network_matches_in_both_precisions() -> None:
    assert {record.verdict for record in check(ASSIGNMENT, ASSIGNMENT.solution).records} == {"match"}


def without_seconds(records: Sequence[Record]) -> list[Record]:
    return [replace(record, seconds=None) for record in records]


def test_mains_failures_are_credited_to_the_part_that_is_wrong(tmp_path: Path) -> None:
    found = run(changed(tmp_path, [(TANH_BACKWARD, "return grad * (1 - X * X)")]), "6", "10").records
    main = [r for r in found if r.check == "main" and r.verdict in FAILING]
    with_tanh = ("main/tanh-own/float64", "main/decay-own/float64", "main/relu-own/float64")
    assert {(r.case, r.part, r.explained_by) for r in main} == {(case, "6", "6") for case in with_tanh}
    assert all(r.message.endswith("this comes of TODO 6") for r in main)
    assert set(at_fault(found)) == {"6"}


def test_a_wrong_part_is_the_same_to_main_asked_alone(tmp_path: Path) -> None:
    found = run(changed(tmp_path, [(TANH_BACKWARD, "return grad * (1 - X * X)")]), "10").records
    assert at_fault(found) == {}
    assert charged(found) == {"6"}


def test_wrong_wiring_is_ten_and_what_follows_from_it_is_explained(tmp_path: Path) -> None:
    swap = ('grad_u = model["nonlinear1"].backward(u, grad_h)', 'grad_u = model["nonlinear1"].backward(h, grad_h)')
    found = run(changed(tmp_path, [swap]), "10").records
    assert set(at_fault(found)) == {"10"}
    assert charged(found) == {"10"}


def test_each_half_of_a_half_done_submission_is_judged(tmp_path: Path) -> None:
    swaps: list[Swap] = [
        (LINEAR_FORWARD, GONE),
        (GRADIENT_W, GONE),
        (TANH_FORWARD, "self.h = np.tanh(X)\n        # done"),
    ]
    found = run(changed(tmp_path, swaps)).records
    assert set(at_fault(found)) == {"3", "4"}
    assert charged(found) == {"3", "4"}
    whole = {r.case for r in found if r.check in ("tanh", "relu", "dropout", "sgd", "loss", "utils")}
    assert {r.verdict for r in found if r.case in whole} == {"match"}
    assert {r.verdict for r in found if r.case.endswith("-wiring/float64")} == {"match"}


def test_utils_are_charged_to_utils(tmp_path: Path) -> None:
    found = run(changed(tmp_path, [], [(LOSS_MEAN, "pass")])).records
    assert set(at_fault(found)) == {"utils"}
    assert charged(found) == {"utils"}


def test_records_are_exactly_the_plan_and_the_same_each_time(tmp_path: Path) -> None:
    folder = changed(tmp_path, [(RELU_FORWARD, "return np.where(X > 0, X, 0.01 * X)")])
    first = run(folder).records
    planned = QUICK.cases("2019", ("float64",))
    assert [(r.case, r.quantity) for r in first] == [("import", "module")] + [
        (case.name, q.name) for case in planned for q in case.quantities
    ]
    alone = run(folder, "7").records
    names = {r.case for r in alone}
    assert without_seconds(alone) == [r for r in without_seconds(first) if r.case in names]
    assert {case.name for case in planned if any(q.part == "7" for q in case.quantities)} == names - {"import"}


def test_a_comparison_of_nothing_fails(tmp_path: Path) -> None:
    case = plan("2019", ("float64",))[0]
    with pytest.raises(HarnessError, match="a comparison of nothing is no agreement"):
        check_plan([], [])
    with pytest.raises(HarnessError, match="not those planned"):
        check_plan([case], [])
    records = ask_and_judge(changed(tmp_path, []), lambda c: c.name == case.name)
    check_plan([case], records)
    with pytest.raises(HarnessError, match="not those planned"):
        check_plan([case], [*records, records[0]])
    with pytest.raises(HarnessError, match="not those planned"):
        check_plan([case], records[1:])


def test_every_edition_asks_for_what_it_has() -> None:
    parts = {edition: {q.part for c in plan(edition, ("float64",)) for q in c.quantities} for edition in EDITIONS}
    everything = {*map(str, range(1, 11)), "utils"}
    assert parts == {"2019": everything, "2020-22": everything, "2022-23": everything - {"5", "6", "9"}}
    assert not any(lam(case) for edition in ("2020-22", "2022-23") for case in plan(edition, ("float64",)))


def lam(case: Case) -> float:
    return float(case.params.get("lam", 0.0))
