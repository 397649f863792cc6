"""However a right network is written, it matches: with slots, data classes, properties, factories, wrappers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.proof.correct_forms import CORRECT_FORMS
from parity_tests.harness.check import check
from parity_tests.proof.forms import FORMS, PRODUCTS, correct_variants
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.variants import Variant
from parity_tests.protocol.registry import find
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


@cache
def of_classes() -> dict[str, Variant]:
    return {one.name: one for one in correct_variants(find("mytorch"))}


def wrong_parts(form: str, parts: tuple[str, ...], edition: str, old: str = "", new: str = "") -> set[str]:
    """The parts that are wrong in a form of MyTorch, with other words in the place of some that stand there once."""
    files = dict(of_classes()[form].files)
    if old:
        assert sum(text.count(old) for text in files.values()) == 1
        files = {name: text.replace(old, new) for name, text in files.items()}
    found = records(find("mytorch"), Variant("", files), parts=parts, edition=edition, dtypes=["float64"], named=False)
    assert {record.part for record in found} >= {*parts}
    return {record.part for record in failures(found)}


@pytest.mark.parametrize("how", one_in(3, list(PRODUCTS)))
def test_a_product_in_another_form_is_one_of_vectors_too(how: str) -> None:
    gates, form = ("GRUCell.forward", "GRUCell.backward"), f"products {how}"
    assert wrong_parts(form, gates, "HW3P1") == set()
    assert wrong_parts(form, gates, "HW3P1", "(1 - self.z) * self.n +", "self.z * self.n +") == {gates[0]}


@pytest.mark.parametrize("form", ["objects made by functions", "objects made by partials"])
def test_a_class_made_by_something_else_has_subclasses(form: str) -> None:
    """And where its name is assigned, the file that assigns it is that of the class."""
    networks = "MLP0.forward", "MLP4.forward"
    assert wrong_parts(form, networks, "HW1P1") == set()
    assert wrong_parts(form, networks, "HW1P1", "sizes = (2, 4, 8, 8, 4, 2)", "sizes = (2, 4, 8, 2)") == {networks[1]}
