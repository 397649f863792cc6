"""Variants of the parts, asked alone: mistakes get their names, right forms pass, evasions fail.

`parity selftest` checks all of them, and those of `main`.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.proof.evasions_in_parts import IN_PARTS
from parity_tests.proof.editions import changed_parts
from parity_tests.proof.forms import correct_variants
from parity_tests.proof.judged_variants import failures
from parity_tests.proof.variants import Variant, rewritten
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.selftest.nightly import one_in
from parity_tests.selftest.records_of_cases import LARGE
from parity_tests.selftest.shipped_variants import alone, shipped
from parity_tests.selftest.wrong_forms import OF_PARTS
from reports.model.records import Record
from reports.model.verdicts import Verdict

pytestmark = pytest.mark.usefixtures("one_thread")
FAILED = (Verdict.MISSING, Verdict.MISMATCH, Verdict.CRASHED)


def wanted(parts: Collection[str], small: bool, case: Case) -> bool:
    own = case.check not in ASSIGNMENT.joint_checks and any(q.part in parts for q in case.quantities)
    return own and not (small and case.name.startswith(LARGE))


def records(variant: Variant, parts: Collection[str], *, small: bool = True) -> list[Record]:
    """The records of the cases that these parts have to themselves: of the smaller ones in float64, or of all."""
    return alone(variant, partial(wanted, parts, small), dtypes=DTYPES[: 1 if small else None])


def parts_of(variant: Variant) -> set[str]:
    """The parts that a variant changes, but for main."""
    lent = ASSIGNMENT.layout.support_file
    return changed_parts(ASSIGNMENT, variant) - {"10"} | (
        {"utils"} if variant.files[lent] != shipped().files[lent] else set()
    )


def names_at(variant: Variant, part: str) -> set[tuple[str, str]]:
    """The parts at which a variant is wrong, with the names that they have there, "" for none."""
    found = failures(records(variant, {part}))
    return {(one.part, name) for one in found for name in one.diagnosis.split("; ")}


@pytest.mark.parametrize("half", one_in(2, range(2)))
def test_wrong_forms_of_parts_get_their_names_at_their_parts(half: int) -> None:
    asked = [*OF_PARTS.items()][half::2]
    found = {name: names_at(wrong.variant(), wrong.part) for name, wrong in asked}
    assert [name for name, wrong in asked if (wrong.part, name) not in found[name]] == []
    elsewhere = {name: {said for part, said in found[name] if part != wrong.part} - {name} for name, wrong in asked}
    assert set().union(*elsewhere.values()) == set()


def test_a_wrong_form_has_not_the_name_of_another() -> None:
    one, other = [name for name, wrong in OF_PARTS.items() if wrong.part == "1"][:2]
    said = {name for _, name in names_at(OF_PARTS[one].variant(), "1")}
    assert one in said
    assert other not in said


@pytest.mark.parametrize("sixth", one_in(6, range(6)))
def test_right_forms_of_parts_pass(sixth: int) -> None:
    forms = [(variant, parts) for variant in correct_variants(ASSIGNMENT) if (parts := parts_of(variant))]
    assert len(forms) > 70
    wrong = {one.name: [r.message for r in failures(records(one, parts))] for one, parts in forms[sixth::6]}
    assert {name: messages for name, messages in wrong.items() if messages} == {}


@pytest.mark.parametrize("tenth", one_in(10, range(10)))
def test_evasions_in_parts_fail(tenth: int) -> None:
    asked = [(one, parts_of(one)) for one in (rewritten(ASSIGNMENT, form) for form in IN_PARTS[tenth::10])]
    assert len(asked) > 9
    passed = [one for one in asked if not failures(records(*one))]
    assert [one.name for one, parts in passed if not failures(records(one, parts, small=False))] == []


@pytest.mark.parametrize(("used", "blamed"), [("self.mask", set()), ("(X < 0)", {"8"})])
def test_a_backward_is_not_blamed_for_what_an_unwritten_forward_would_keep(used: str, blamed: set[str]) -> None:
    source = shipped().files["neural_networks.py"]
    kept = "        self.mask = X > 0\n        return np.maximum(X, 0)\n"
    before, after = source.split(kept)
    source = f"{before}        pass\n{after.replace('grad * self.mask', f'grad * {used}', 1)}"
    found = failures(records(Variant("", {**shipped().files, "neural_networks.py": source}), {"7", "8"}))
    wrong = {record.part for record in found if record.verdict in FAILED}
    assert wrong == {"7"} | blamed
