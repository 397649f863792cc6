"""Variants of the parts, asked in this process: mistakes get their names, right forms pass, evasions fail.

`parity selftest` puts all of them, and those of `main`, to real processes.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.mistakes import MISTAKES
from parity_tests.assignments.mlp.proof.evasions_in_parts import IN_PARTS
from parity_tests.proof.editions import changed_parts
from parity_tests.proof.forms import correct_variants
from parity_tests.proof.judged_variants import failures
from parity_tests.proof.mistakes import Outcome, of_records
from parity_tests.proof.variants import Variant, rewritten
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.selftest.nightly import one_in
from parity_tests.selftest.records_of_cases import LARGE
from parity_tests.selftest.shipped_variants import alone, shipped, with_mistake
from reports.model.records import Record
from reports.model.verdicts import Verdict

pytestmark = pytest.mark.usefixtures("one_thread")
FAILED = (Verdict.MISSING, Verdict.MISMATCH, Verdict.CRASHED)
OF_PARTS = [one for one in MISTAKES if one.part != "10" and not one.spoils]


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


@pytest.mark.parametrize("half", one_in(2, range(2)))
def test_known_mistakes_of_parts_get_their_names_at_their_parts(half: int) -> None:
    judged = ((one, records(with_mistake(one), {one.part})) for one in OF_PARTS[half::2])
    others = [one.name for one, found in judged if of_records(ASSIGNMENT, one, found).outcome is not Outcome.NAMED]
    assert others == []


def test_a_mistake_has_not_the_name_of_another() -> None:
    one, other = [one for one in OF_PARTS if one.part == "1"][:2]
    found = records(with_mistake(one), {"1"})
    assert of_records(ASSIGNMENT, one, found).outcome is Outcome.NAMED
    assert of_records(ASSIGNMENT, other, found).outcome is Outcome.MISNAMED


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
