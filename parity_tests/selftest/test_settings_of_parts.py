"""What the parts are asked is drawn from the seed: no network passes that is right only at some settings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.kinds import sgd
from parity_tests.assignments.mlp.proof.correct_parts import CORRECT_PARTS, SGD
from parity_tests.assignments.mlp.proof.evasions_in_parts import IN_PARTS
from parity_tests.harness.draw import draw
from parity_tests.proof.editions import changed_functions, changed_parts
from parity_tests.proof.judged_variants import failures
from parity_tests.proof.variants import Variant, rewritten
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.protocol.mistake import Rewrite, Swap
from parity_tests.selftest.nightly import one_in, one_of_each
from parity_tests.selftest.records_of_cases import LARGE
from parity_tests.selftest.shipped_variants import alone, shipped
from parity_tests.selftest.wrong_forms import OF_PARTS as WRONG_FORMS
from reports.model.records import Record
from reports.model.verdicts import FAILING, Verdict

SEEDS = (0, 1)
pytestmark = pytest.mark.usefixtures("one_thread")


CHECKS = {"linear_layer": "linear", "miniBatchStochasticGradientDescent": "sgd", "miniBatchGradientDescent": "sgd",
          "softmax_cross_entropy": "loss", "DataSplit": "utils", "predict_label": "utils"}  # fmt: skip
"""The checks of what is not called as its check is."""


@cache
def checks(form: Rewrite) -> set[str]:
    """The checks that look at what a form changes."""
    owners = {name.partition(".")[0] for name in changed_functions(ASSIGNMENT, rewritten(ASSIGNMENT, form))}
    return {CHECKS.get(owner, owner.lower()) for owner in owners - {"main"}}


def asked(form: Rewrite, seed: int, dtypes: Sequence[str], large: bool = False) -> list[Record]:
    """The records of the checks that look at what a form changes: of their small cases, or of the large ones."""
    own = checks(form)
    return alone(
        rewritten(ASSIGNMENT, form),
        lambda case: case.check in own and case.name.startswith(LARGE) is large,
        seed,
        dtypes,
    )


def failing(form: Rewrite, seed: int) -> dict[str, str]:
    """The parts that fail of their own, each with a sentence that says so; in large cases where no small one tells."""
    dtypes = DTYPES if "float32" in form.name else ("float64",)
    for large in (False, True) if checks(form) & {"sgd", "linear"} else (False,):
        wrong = [r for r in asked(form, seed, dtypes, large) if r.verdict in FAILING and not r.explained_by]
        if wrong:
            return {record.part: record.message for record in reversed(wrong)}
    return {}


def parts_changed(form: Rewrite) -> set[str]:
    return changed_parts(ASSIGNMENT, rewritten(ASSIGNMENT, form)) or {"utils"}


OF_EACH_FUNCTION = ("len(X)", "abs(grad).max()", "value.dtype", "self.r")
"""What conditions are about that are met by each function apart."""


def kind(form: Rewrite) -> tuple[str, ...]:
    """What a condition is about; of lines that are changed which; of what takes long, the function; else the form."""
    first = form.changes[0]
    if isinstance(first, Swap):
        return SGD if checks(form) == {"sgd"} else first.old, str(first.new.count("continue"))
    about = form.name.partition(" where ")[2].partition(" ")[0]
    if about or first.function == SGD:
        return about, first.function * (not about or about in OF_EACH_FUNCTION)
    return (form.name,)


@pytest.mark.parametrize("seed", one_in(2, SEEDS))
@pytest.mark.parametrize("form", one_of_each(kind, IN_PARTS), ids=lambda form: form.name)
def test_what_is_right_only_at_some_settings_fails_at_its_part_alone(form: Rewrite, seed: int) -> None:
    found = failing(form, seed)
    assert found
    assert found.keys() <= parts_changed(form), found


OF_PARTS = [form for form in CORRECT_PARTS if checks(form)]


@pytest.mark.parametrize("seed", one_in(2, SEEDS))
@pytest.mark.parametrize("form", OF_PARTS, ids=lambda form: form.name)
def test_a_correct_variant_matches_at_any_settings_and_gets_its_note_alone(form: Rewrite, seed: int) -> None:
    by_turns = DTYPES[(OF_PARTS.index(form) + seed) % 2]
    records = asked(form, seed, DTYPES if form.note else (by_turns,))
    assert [(record.case, record.message) for record in records if record.verdict != "match"] == []
    notes = {note.text for record in records for note in record.notes}
    assert any(form.note in note for note in notes) if form.note else not notes, notes


def test_weights_that_grow_beyond_all_bounds_are_a_mismatch_and_no_crash() -> None:
    step = "            g = module.gradient[key]\n"
    found = failing(Rewrite("diverging", (Swap(step, f"{step}            g = g - w * w\n"),)), 0)
    assert "torch says" in found["1"]


def test_an_exam_of_another_seed_asks_the_same_of_other_sizes() -> None:
    one, other = (ASSIGNMENT.cases("2019", ("float64",), seed=seed) for seed in SEEDS)
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


# ---- wrong forms have their names


FAILED = (Verdict.MISSING, Verdict.MISMATCH, Verdict.CRASHED)


def of_parts(variant: Variant, *parts: str) -> list[Record]:
    """The records of the smaller cases that these parts have to themselves, in float64."""

    def wanted(case: Case) -> bool:
        own = case.check not in ASSIGNMENT.joint_checks and any(q.part in parts for q in case.quantities)
        return own and not case.name.startswith(LARGE)

    return alone(variant, wanted, dtypes=DTYPES[:1])


def names_at(variant: Variant, part: str) -> set[tuple[str, str]]:
    """The parts at which a variant is wrong, with the names that they have there, "" for none."""
    found = failures(of_parts(variant, part))
    return {(one.part, name) for one in found for name in one.diagnosis.split("; ")}


def test_wrong_forms_of_parts_get_their_names_at_their_parts() -> None:
    """And that of no other: not at another part, and of the rule not that of the next."""
    found = {name: names_at(wrong.variant(), wrong.part) for name, wrong in WRONG_FORMS.items()}
    assert [name for name, wrong in WRONG_FORMS.items() if (wrong.part, name) not in found[name]] == []
    elsewhere = {
        name: {said for part, said in found[name] if part != wrong.part} - {name} for name, wrong in WRONG_FORMS.items()
    }
    assert set().union(*elsewhere.values()) == set()
    one, other = [name for name, wrong in WRONG_FORMS.items() if wrong.part == "1"][:2]
    assert ("1", other) not in found[one]
    drawn = [name for name in WRONG_FORMS if name.startswith("drawn")]
    assert [found[name] for name in drawn] == [{("2", name)} for name in drawn], "of many inputs the same"


@pytest.mark.parametrize(("used", "blamed"), [("self.mask", set()), ("(X < 0)", {"8"})])
def test_a_backward_is_not_blamed_for_what_an_unwritten_forward_would_keep(used: str, blamed: set[str]) -> None:
    source = shipped().files["neural_networks.py"]
    kept = "        self.mask = X > 0\n        return np.maximum(X, 0)\n"
    before, after = source.split(kept)
    source = f"{before}        pass\n{after.replace('grad * self.mask', f'grad * {used}', 1)}"
    found = failures(of_parts(Variant("", {**shipped().files, "neural_networks.py": source}), "7", "8"))
    wrong = {record.part for record in found if record.verdict in FAILED}
    assert wrong == {"7"} | blamed
