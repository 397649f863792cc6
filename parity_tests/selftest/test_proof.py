"""A part of `parity selftest`: honest rewrites match, single slips are caught, bounds are tight."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from parity_tests.proof.forms import correct_variants
from parity_tests.proof.judged_variants import Row, records
from parity_tests.proof.measured import IN_TURN, measured
from parity_tests.proof.measured import RULES as MEASURED
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
    same = next(mutant for mutant in slips if mutant.after == "return np.maximum(0, X)")
    assert trial(ASSIGNMENT, same, dtypes=["float64"]).outcome == "equivalent"


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
    assert "  1 equivalent: the same values\n" in result.output
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


MEAN = """import numpy as np

class Mean:
    def __init__(self, size):
        self.size, self.spare = size, 0.0

    def forward(self, rows):
        sums = np.zeros(self.size)
        for row in rows:
            sums = sums + row.T
        self.mean = sums / len(rows)
        return self.mean
"""
SAME, ROUNDED, UNREAD = (why for *_, why in MEASURED.values())
RULES = (
    ("forward", "row.T", "row", SAME),
    ("forward", "np.zeros(self.size)", "np.zeros(self.size) + 1e-30", SAME),
    ("forward", "sums / len(rows)", "(sums + 1) / len(rows) - 1 / len(rows)", ROUNDED),
    ("__init__", "0.0", "1.0", UNREAD),
    ("__init__", "self.spare", "Mean.spare", IN_TURN[1]),
    ("forward", "np.zeros(self.size)", "np.ones(self.size)", None),
    ("forward", "sums + row.T", "sums - row.T", None),
    ("forward", "sums / len(rows)", "sums / (len(rows) + 1e-9)", None),
    ("__init__", "self.size, self.spare = size", "Mean.size, self.spare = size", None),
    ("__init__", "size, 0.0", "size + 1, 0.0", None),
)


def failing_with(rounds: int, turns: int) -> Callable[[str, object, object], frozenset[str]]:
    """What fails of the mean of so many rows, of so many objects made before any is called, in place of exams."""

    def failing(text: str, _parts: object, _verdicts: object) -> frozenset[str]:
        names: dict[str, Any] = {"__name__": "mean"}
        rng = np.random.default_rng(0)
        try:
            exec(text, names)
            given = [rng.standard_normal((rounds + k, 3 + k)) for k in range(turns)]
            objects = [names["Mean"](rows.shape[1]) for rows in given]
            for one, rows in zip(objects, given, strict=True):
                np.testing.assert_allclose(one.forward(rows), rows.mean(0), 1e-12, 1e-14)
        except Exception:
            return frozenset({"mean"})
        return frozenset()

    return failing


@pytest.mark.parametrize(("function", "before", "after", "why"), RULES)
def test_a_mutant_is_excused_by_what_its_function_is_measured_to_do(
    function: str, before: str, after: str, why: str | None
) -> None:
    """Changes that are wrong are excused by none; and no change is by what ends after two rounds or has one object."""
    moved = after.startswith("Mean.")
    changed = MEAN.replace(before, after).replace("self.size)", "Mean.size)" if "Mean.size" in after else "self.size)")
    edits = [] if moved else [(at := MEAN.index(before), at + len(before), after)]
    found = measured(MEAN, changed, f"Mean.{function}", edits, None, failing_with(3, 2))
    assert (found and found[1]) == why
    if moved or before == "row.T":
        few = failing_with(2, 1) if before == "row.T" else failing_with(3, 1)
        assert measured(MEAN, changed, f"Mean.{function}", edits, None, few) is None


def test_what_is_never_reached_is_not_excused() -> None:
    text = MEAN.replace("        return self.mean", "        return self.mean if len(rows) else sums")
    edit = (at := text.index("else sums") + 5, at + 4, "-sums")
    changed = text.replace("else sums", "else -sums")
    assert measured(text, changed, "Mean.forward", [edit], None, failing_with(3, 2)) is None
