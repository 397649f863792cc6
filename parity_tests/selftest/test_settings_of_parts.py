"""What the parts are asked is drawn from the seed: no network passes that is right only at some settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.kinds import sgd
from parity_tests.harness.draw import draw
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.protocol.mistake import Body
from parity_tests.selftest.nightly import one_in, one_of_each
from parity_tests.selftest.shipped_changes.by_setting import HONEST, ROWS_OR_STALE, WRONG, Change
from parity_tests.selftest.shipped_variants import alone, changed, shipped
from reports.model.verdicts import FAILING

SEEDS = (0, 1)
pytestmark = pytest.mark.usefixtures("one_thread")


def failing(change: Change, seed: int, dtypes: Sequence[str] = ("float64",)) -> dict[str, str]:
    """The parts that fail of their own in the check of a change, each with the first sentence that says so."""
    variant = changed("variant", change.changes, file=change.file)
    found: dict[str, str] = {}
    for record in alone(variant, lambda case: case.check == change.check, seed, dtypes):
        if record.verdict in FAILING and not record.explained_by:
            found.setdefault(record.part, record.message)
    return found


@pytest.mark.parametrize("seed", one_in(2, SEEDS))
@pytest.mark.parametrize("name", one_of_each(lambda name: (WRONG[name].part, WRONG[name].check), WRONG))
def test_what_is_right_only_at_some_settings_fails_at_its_part(name: str, seed: int) -> None:
    found = failing(WRONG[name], seed)
    assert WRONG[name].part in found, found


@pytest.mark.parametrize("name", ROWS_OR_STALE)
def test_what_is_right_for_few_rows_or_large_gradients_or_until_the_weights_change_fails_at_its_part(name: str) -> None:
    change = ROWS_OR_STALE[name]
    found = failing(change, 0)
    assert list(found) == [change.part], found


@pytest.mark.parametrize("seed", one_in(2, SEEDS))
@pytest.mark.parametrize("name", HONEST)
def test_what_is_odd_but_right_at_any_settings_matches(name: str, seed: int) -> None:
    assert failing(HONEST[name], seed, DTYPES) == {}


def test_weights_that_grow_beyond_all_bounds_are_a_mismatch_and_no_crash() -> None:
    diverging = Change("1", "sgd", WRONG["SGD: gradients up to 5"].changes)
    (body,) = diverging.changes
    assert isinstance(body, Body)
    statements = body.statements.replace("np.clip(g, -5, 5)", "g - w * w")
    found = failing(replace(diverging, changes=(body._replace(statements=statements),)), 0)
    assert "torch says" in found["1"]


def test_an_exam_of_another_seed_asks_the_same_of_other_sizes() -> None:
    one, other = (ASSIGNMENT.cases("2019", ("float64",), seed=seed) for seed in SEEDS)
    asked = [(case.name, case.title, [q.name for q in case.quantities]) for case in one]
    assert asked == [(case.name, case.title, [q.name for q in case.quantities]) for case in other]
    assert sum(dict(a.params) != dict(b.params) for a, b in zip(one, other, strict=True)) > 0.9 * len(one)


def test_both_dtypes_are_asked_at_the_same_sizes() -> None:
    cases = {case.name: case for case in ASSIGNMENT.cases("2019", ("float64", "float32"), seed=5)}
    for name, case in cases.items():
        twin = cases.get(name.replace("float64", "float32"), case)
        assert dict(twin.params) == dict(case.params)


def test_the_labels_of_several_rows_are_never_all_alike() -> None:
    for seed in range(8):
        for case in (case for case in ASSIGNMENT.cases("2019", DTYPES, seed=seed) if case.check == "loss"):
            labels = [Y for name, Y in draw(ASSIGNMENT, case, seed).items() if name.startswith("Y") and len(Y) > 1]
            assert all(len(np.unique(Y)) > 1 for Y in labels), (seed, case.name)


def rates(seed: int, name: str) -> tuple[float, float, list[float]]:
    case = next(c for c in ASSIGNMENT.cases("2019", ("float64",), seed=seed) if c.name == f"sgd/{name}/float64")
    return case.params["alpha"], case.params["lam"], sgd.etas(case.params)


def test_every_exam_has_each_corner_of_sgd() -> None:
    for seed in range(50):
        of = {
            name: rates(seed, name) for name in ("plain", "decay", "momentum", "momentum-and-decay", "negative-alpha")
        }
        assert of["plain"][:2] == (0, 0)
        assert 0 < of["decay"][1] <= 0.01 < of["momentum-and-decay"][1] < 1
        assert of["momentum"][0] > 0.9 > 0.5 > of["momentum-and-decay"][0] > 0
        assert of["negative-alpha"][0] < 0
        for _, _, etas in of.values():
            changes = [b / a for a, b in pairwise(etas) if a != b]
            assert changes[0] == pytest.approx(0.1)
            assert len(changes) == 2
        assert len(rates(seed, "many-steps")[2]) >= 180


def is_right(case: Case) -> bool:
    return not case.whole and case.check not in ("network", "trajectory")


@pytest.mark.parametrize("seed", one_in(2, (7, 11)))
def test_the_shipped_network_agrees_at_another_seed(seed: int) -> None:
    found = alone(shipped(), is_right, seed)
    assert {record.verdict for record in found} == {"match"}
    assert {record.note for record in found} == {""}
