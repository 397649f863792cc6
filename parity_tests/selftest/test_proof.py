"""A part of `parity selftest`: honest rewrites match, single slips are caught, bounds are tight."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT as CS231N
from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.kinds.turns import plain
from parity_tests.assignments.mlp.proof.equivalent import equivalent, not_asked
from parity_tests.cli.selftest import selftest
from parity_tests.proof import proof
from parity_tests.proof.alike import alike
from parity_tests.proof.forms import correct_variants
from parity_tests.proof.judged_variants import Row, records
from parity_tests.proof.mutants import Mutant, mutants, trial
from parity_tests.proof.variants import rewritten, unchanged
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.mistake import Body, Swap
from parity_tests.selftest.shipped_variants import changed, shipped
from reports.model.notes import NoteKind

pytestmark = pytest.mark.usefixtures("one_thread")


def test_correct_variants_are_a_hundred_and_each_differs_from_the_shipped_network() -> None:
    found = list(correct_variants(ASSIGNMENT))
    assert len({"".join(variant.files.values()) for variant in found}) == len(found) > 100
    assert found[0] == shipped()


@pytest.fixture(scope="module")
def slips() -> list[Mutant]:
    return mutants(ASSIGNMENT)


def test_slips_are_many_compile_and_are_all_different(slips: list[Mutant]) -> None:
    assert len(slips) > 300
    assert len({"".join(mutant.variant.files.values()) for mutant in slips}) == len(slips)
    for mutant in slips[::5]:
        compile(mutant.variant.files[mutant.file], mutant.file, "exec")
    functions = {mutant.function for mutant in slips}
    assert {"miniBatchStochasticGradientDescent", "linear_layer.backward", "dropout.forward", "main"} <= functions


def test_single_slips_are_caught_or_excused_with_a_reason(slips: list[Mutant]) -> None:
    """Of a part, of a function that parts call, and of each excuse: test_verdicts has slips of every part."""
    outcomes = {"relu.forward": "not asked", "predict_label": "caught"}
    first = {mutant.function: mutant for mutant in reversed(slips)}
    assert {name: trial(ASSIGNMENT, first[name]).outcome for name in outcomes} == outcomes
    same = next(mutant for mutant in slips if alike(mutant.before, mutant.after))
    assert trial(ASSIGNMENT, same).outcome == "equivalent"


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("return np.maximum(X, 0)", "return np.maximum(0, X)", True),
        ("return np.subtract(X, 0)", "return np.subtract(0, X)", False),
        ("db = d.sum(axis=0)", "db = d.sum(axis=0, keepdims=True)", True),
        ("db = d.sum(axis=1)", "db = d.sum(axis=1, keepdims=True)", False),
        ("x = x.reshape(-1, 1)", "x = x.reshape(-2, 1)", True),
        ("x = x.reshape(-1, 1)", "x = x.reshape(1, -1)", False),
        ("if x:", "(dropped)", False),
    ],
)
def test_lines_are_alike_where_they_give_the_same_for_all_numbers(before: str, after: str, same: bool) -> None:
    assert alike(before, after) == same


def test_equivalent_slips_and_those_not_asked_for_have_reasons_and_are_few(slips: list[Mutant]) -> None:
    for excuse in (equivalent, not_asked):
        excused = [m for m in slips if excuse(m.function, m.before, m.after)]
        assert 0 < len(excused) < len(slips) / 12
        assert all(len(excuse(m.function, m.before, m.after)) > 12 for m in excused)
        assert excuse("linear_layer.forward", "return X @ W + b", "return X @ W - b") == ""


def test_a_change_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(ValueError, match="not once"):
        changed("none", [Swap("no such text", "")])
    with pytest.raises(ValueError, match="no function linear_layer\\.no_such"):
        changed("none", [Body("linear_layer.no_such", "pass")])
    body = changed("a", [Body("relu.forward", "return X")]).files["neural_networks.py"]
    assert "return np.maximum(X, 0)" not in body
    ast.parse(body)


LEAST = 0.01
"""The least median of normalised errors of sums of a few dozen terms: such a bound is tight enough."""
LEAST_OF_MANY = 3e-4
"""That of sums over hundreds of pixels, and of losses, which are sums of logarithms of sums."""


def test_the_bounds_are_tight_and_no_honest_comparison_is_over_one() -> None:
    ratios: dict[tuple[str, str, str], list[float]] = {}
    for one in records(ASSIGNMENT, shipped(), seed=1, named=False):
        is_narrow = one.dtype == "float32" and one.actual is not None and float(np.float32(one.actual)) != one.actual
        is_promoted = is_narrow or any(note.kind is NoteKind.PROMOTED for note in one.notes)
        if one.ratio and not is_promoted:
            ratios.setdefault((one.check, plain(one.quantity), one.dtype), []).append(one.ratio)
    assert {dtype for *_, dtype in ratios} == {"float64", "float32"}
    assert max(map(max, ratios.values())) <= 1
    for (check, quantity, dtype), several in ratios.items():
        of_many = quantity == "L1 output" or quantity.endswith(("loss", "losses"))
        assert np.median(several) > (LEAST_OF_MANY if of_many else LEAST), (check, quantity, dtype)


def test_the_command_fails_for_a_survivor_and_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row("slips", "", "f: a → b", "survived", False, "")]
    rows += [Row("slips", "", "g: a → b", "equivalent", True, "the same values")]

    def prove(tasks: object, **_: object) -> Iterator[tuple[proof.Task, Row]]:
        yield from ((proof.Task("mlp", "slips", n), row) for n, row in enumerate(rows))

    monkeypatch.setattr(proof, "prove", prove)
    asked = ["--only", "slips", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(selftest, asked, standalone_mode=False)
    assert result.return_value == 1
    assert "survived: f: a → b" in result.output
    assert "equivalent: g: a → b: the same values" in result.output
    assert len(pd.read_csv(tmp_path / "out" / "selftest.csv")) == 2
    rows[0] = replace(rows[0], outcome="caught", good=True)
    assert CliRunner().invoke(selftest, asked, standalone_mode=False).return_value == 0


@pytest.mark.parametrize("assignment", [ASSIGNMENT, CS231N], ids=lambda assignment: assignment.name)
def test_every_evasion_can_be_made_and_compiles(assignment: Assignment) -> None:
    forms, own = assignment.proof().evasions, unchanged(assignment).files.items()
    assert len({form.name for form in forms}) == len(forms) > 60
    for form in forms:
        for file, source in rewritten(assignment, form).files.items() - own:
            compile(source, file, "exec")
