"""However a right network is written, it matches: with slots, data classes, properties, factories, wrappers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.proof.correct_forms import CORRECT_FORMS
from parity_tests.harness.check import check
from parity_tests.proof.forms import FORMS, correct_variants
from parity_tests.proof.variants import Variant
from parity_tests.selftest.nightly import one_in
from parity_tests.selftest.records_of_cases import QUICK, at_fault

pytestmark = pytest.mark.usefixtures("one_thread")


@cache
def written() -> dict[str, Variant]:
    return {one.name: one for one in correct_variants(ASSIGNMENT)}


WRITTEN = [*(name for name in FORMS if "square" not in name), *(form.name for form in CORRECT_FORMS)]
"""The forms of whole networks; this one has no squares."""


@pytest.mark.parametrize("form", one_in(4, WRITTEN))
def test_a_right_network_matches_in_any_form(form: str, tmp_path: Path) -> None:
    written()[form].write(tmp_path)
    records = check(QUICK, tmp_path, dtypes=("float64",)).records
    assert {record.verdict for record in records} == {"match"}, at_fault(records)
    notes = {record.note for record in records if record.check == "main"} - {""}
    assert notes <= {"linear_layer is no class, so that main was not run as a script"}


CALL = "            a = model['L2'].forward(s)\n            model['loss']"


@pytest.mark.parametrize(
    ("form", "wrong", "parts"),
    [
        ("classes with slots in subclasses", ("self.mask = X > 0", "self.mask = X > -1"), {"8"}),
        ("objects made by functions", ("self.mask = X > 0", "self.mask = X > -1"), {"8"}),
        ("network: a class with static methods is a layer itself", ("return grad * (X > 0)", "return grad"), {"8"}),
        (
            "network: properties over slots, and static methods",
            ("return grad @ self.W.T", "return grad @ self.W.T * 2"),
            {"4"},
        ),
        ("objects made by partials", (CALL, CALL.replace("(s)", "(h)")), {"10"}),
    ],
)
def test_a_wrong_one_does_not(form: str, wrong: tuple[str, str], parts: set[str], tmp_path: Path) -> None:
    written()[form].write(tmp_path)
    source = (tmp_path / "neural_networks.py").read_text(encoding="utf-8")
    assert source.count(wrong[0]) == 1
    (tmp_path / "neural_networks.py").write_text(source.replace(*wrong), encoding="utf-8")
    records = check(QUICK, tmp_path, dtypes=("float64",), parts=frozenset(parts)).records
    assert set(at_fault(records)) == parts
