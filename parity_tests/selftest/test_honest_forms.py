"""However a right network is written, it matches: with slots, data classes, properties, factories, wrappers."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity_tests.harness.check import check
from parity_tests.selftest.records_of_cases import QUICK, at_fault, changed
from parity_tests.selftest.shipped_changes.honest_forms import FORMS

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("form", FORMS)
def test_a_right_network_matches_in_any_form(form: str, tmp_path: Path) -> None:
    records = check(QUICK, changed(tmp_path, FORMS[form]), dtypes=("float64",)).records
    assert {record.verdict for record in records} == {"match"}, at_fault(records)
    notes = {record.note for record in records if record.check == "main"} - {""}
    assert notes <= {"linear_layer is no class, so that main was not run as a script"}


BYPASSED = (
    '            a = model["L2"].forward(s)\n            model["loss"]',
    '            a = model["L2"].forward(h)\n            model["loss"]',
)


@pytest.mark.parametrize(
    ("form", "wrong", "parts"),
    [
        ("slots, and __call__ = forward", ("self.mask = X > 0", "self.mask = X > -1"), {"8"}),
        ("factories, and SGD wrapped and called by keyword", ("self.mask = X > 0", "self.mask = X > -1"), {"8"}),
        ("a class with static methods is a layer itself", ("return grad * (X > 0)", "return grad"), {"8"}),
        ("properties over slots, and static methods", ("return grad @ self.W.T", "return grad @ self.W.T * 2"), {"4"}),
        ("partials, and SGD an object", BYPASSED, {"10"}),
    ],
)
def test_a_wrong_one_does_not(form: str, wrong: tuple[str, str], parts: set[str], tmp_path: Path) -> None:
    folder = changed(tmp_path, FORMS[form])
    source = (folder / "neural_networks.py").read_text()
    assert source.count(wrong[0]) == 1
    (folder / "neural_networks.py").write_text(source.replace(*wrong))
    records = check(QUICK, folder, dtypes=("float64",), parts=frozenset(parts)).records
    assert set(at_fault(records)) == parts
