"""Right texts: each agrees with torch, its changes have names without code, other numbers than theirs have none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.kinds import layer, losses, steps
from parity_tests.assignments.cs231n.mistakes.generated import Written, fingerprints_of
from parity_tests.assignments.cs231n.mistakes.right_texts import WRITTEN
from parity_tests.assignments.cs231n.mistakes.rules import gives
from parity_tests.assignments.mlp.mistakes.main_steps import PASSED
from parity_tests.harness.draw import draw
from parity_tests.harness.flow_answers import predicted
from parity_tests.parts.changed_texts import ChangedTexts, changed_texts
from parity_tests.parts.fingerprints import Fingerprints, of_values
from parity_tests.parts.given.norms import of_call
from parity_tests.parts.right_text import RightText
from parity_tests.parts.running_norm import RUNNING_NORM, TESTED, TRAINED
from parity_tests.parts.tanh import TANH_BACKWARD
from parity_tests.parts.update_rules import OF_ADAM, RULES
from parity_tests.protocol.case import Case

pytestmark = pytest.mark.usefixtures("one_thread")
PARTS = sorted(WRITTEN)


def cases_of(written: Written) -> Iterator[Case]:
    for edition in (ASSIGNMENT.editions.default, "assignment-1-2025-26", "assignment-1"):
        for case in ASSIGNMENT.cases(edition, ("float64",)):
            own = case.probe == written.kind and any(q.part == written.part for q in case.quantities)
            if own and case.params["slug"] != "far-apart":  # right forms overflow there, too
                yield case


def of_case(written: Written, case: Case) -> list[Fingerprints]:
    arrays = draw(ASSIGNMENT, case, 0)
    return [fingerprints_of(written, number, case, arrays, None) for number in range(len(written.texts))]


@pytest.mark.parametrize(("part", "kind"), PARTS)
def test_each_text_gives_what_torch_gives_in_all_cases(part: str, kind: str) -> None:
    written, asking = WRITTEN[part, kind], layer if kind == "layer" else losses
    asked = 0
    for case in cases_of(written):
        (question, *_) = asking.questions(case, draw(ASSIGNMENT, case, 0))
        right = predicted(case, question.forms[0])
        for known in of_case(written, case):
            for q in question.quantities:
                result = q.key.name.removeprefix(written.before)
                if q.part == part and result in known.results:
                    off = 1e-6 * (1 + np.abs(right[q.name]).max())
                    assert known.is_right(result, right[q.name]), (case.name, q.name)
                    assert not known.is_right(result, right[q.name] + off), (case.name, q.name)
                    asked += 1
    assert asked >= 3


@pytest.mark.parametrize("rule", RULES)
def test_each_text_of_a_rule_gives_the_weights_of_one_of_its_right_forms(rule: str) -> None:
    cases = [c for c in ASSIGNMENT.cases(ASSIGNMENT.editions.default, ("float64",)) if c.params.get("rule") == rule]
    assert len(cases) == 3
    for case in cases:
        arrays = draw(ASSIGNMENT, case, 0)
        forms = steps.right_forms(rule, ASSIGNMENT.editions.default)  # the last may round otherwise what the first is
        for text, (update, note) in zip(RULES[rule], forms, strict=False):
            (question,) = steps.questions(case, arrays, [update], f"right {note}")
            weights = predicted(case, question.forms[0])
            right = [weights[f"w after step {t + 1}"] for t in range(3)]
            assert gives(rule, text.statements, case, arrays, right)
            assert not gives(rule, text.statements, case, arrays, [w + 1e-6 for w in right])


def test_the_text_of_one_call_of_batch_norm_gives_what_torch_gives_and_names_what_both_statistics_have_wrong() -> None:
    rng = torch.Generator().manual_seed(0)
    x, (gamma, beta, mean, variance) = (
        torch.randn(6, 3, generator=rng).double(),
        torch.rand(4, 3, generator=rng).double(),
    )
    names = {"x": x, "gamma": gamma, "beta": beta, "mean": mean, "variance": variance, "momentum": 0.7, "eps": 0.01}
    known = Fingerprints(RUNNING_NORM, of_call({k: v.numpy() if hasattr(v, "numpy") else v for k, v in names.items()}))
    trained = torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=0.01)
    tested = torch.nn.functional.batch_norm(x, mean, variance, gamma, beta, eps=0.01)
    moved = [0.7 * old + 0.3 * new for old, new in ((mean, x.mean(0)), (variance, x.var(0, unbiased=False)))]

    def numbers(*results: torch.Tensor) -> NDArray[Any]:
        return torch.cat([one.ravel() for one in results]).numpy()

    for results, right in ((TRAINED, numbers(trained, *moved)), (TESTED, numbers(tested, mean, variance))):
        assert known.is_right(results, right)
        assert not known.is_right(results, right + 1e-6)
    for results, wrong, name in (
        (TESTED, (tested, *moved), "the test mode updates the running statistics"),
        (TESTED, (tested, moved[0], variance), "the test mode updates the running mean"),
        (TRAINED, (trained, moved[0], variance), "the running variance is never updated"),
    ):
        assert next(known.matching(results, numbers(*wrong))).words == name
        assert list(known.matching(results, numbers(*wrong) + 1e-6)) == []


@cache
def of_batch_norm() -> tuple[list[Fingerprints], dict[str, NDArray[Any]]]:
    written = WRITTEN["batchnorm_backward", "layer"]
    case = next(case for case in cases_of(written) if case.params["slug"] == "eps")
    return of_case(written, case), draw(ASSIGNMENT, case, 0)


def named(result: str, got: NDArray[Any]) -> list[str]:
    """The names of what gives these numbers, the simplest first."""
    found = [one for known in of_batch_norm()[0] if result in known.results for one in known.matching(result, got)]
    return [one.words for one in sorted(found, key=lambda one: one.size)]


def terms(of_variance: float = 1.0) -> tuple[NDArray[Any], ...]:
    """dout, gamma, x̂, and the three terms of dx."""
    known, arrays = of_batch_norm()
    given = known[0].given
    g = arrays["dout_0"] * arrays["gamma_0"]
    normal, deviation = given["normal"], np.sqrt(given["variance"] + given["eps"])
    through = of_variance * normal * (g * normal).mean(axis=0) / deviation
    return arrays["dout_0"], arrays["gamma_0"], normal, g / deviation, g.mean(axis=0) / deviation, through


def test_what_a_change_gives_has_its_name() -> None:
    dout, gamma, normal, direct, mean, variance = terms()
    assert named("dx", direct / gamma - mean - variance)[0] == "gamma is left out of the direct gradient"
    assert named("dx", direct - variance)[0] == "the gradient through the mean is left out of dx"
    assert named("dx", direct - mean - variance / 2)[0] == "the gradient through the variance is halved"
    assert named("dx", -(direct - mean - variance))[0] == "dx has the wrong sign"
    assert named("dgamma", dout.sum(axis=0))[0] == "x̂ is left out of dgamma"
    assert named("dgamma", (dout * normal).mean(axis=0))[0] == "a mean in place of a sum in dgamma"
    assert named("dbeta", dout.sum(axis=1))[0] == "the sum in dbeta goes over the features, not the examples"


NORM = WRITTEN["batchnorm_backward", "layer"].texts[1]
SAID = [
    (OF_ADAM[0], "w_next", "the bias correction is left out"),
    (OF_ADAM[0], "w_next", "the second moment has no bias correction"),
    (OF_ADAM[0], "w_next", "β₁ is not raised to the power t in the first correction"),
    (OF_ADAM[0], "w_next", "the step is added, not subtracted"),
    (TANH_BACKWARD[0], "dx", "h is not squared in the derivative"),
    (PASSED, "eta", "η is dropped once too often"),
    (NORM, "dx", "the number of examples is one too small in the gradient through the variance"),
    (RightText("y = x / (1 - b)  # y", ("x", "b"), labels={"x": "x"}), "y", "a divisor is left out of y"),
    (RightText("y = x - b.sum()  # y", ("x", "b"), labels={"x": "x"}), "y", "a term is left out of y"),
]


@pytest.mark.parametrize(("text", "result", "words"), SAID, ids=[words for *_, words in SAID])
def test_names_are_plain_english(text: RightText, result: str, words: str) -> None:
    found = {changed.words for changed in changed_texts(text, result)}
    assert words in found, sorted(found)
    assert not any(" in place of it" in one for one in found)


def test_changes_are_found_in_the_order_of_their_sizes_although_they_are_made_rank_by_rank() -> None:
    text = RightText("twice = 2 * x  # the double\nout = twice * y + twice  # the output", ("x", "y", "z"))
    known = Fingerprints(text, {name: np.array([1.5, -2.5]) * k for name, k in (("x", 1), ("y", 3), ("z", 3))})
    found = [one for ones in known.matching_by_rank("out", np.zeros(2)) for one in ones]
    assert len({one.size[0] for one in found}) > 1
    assert found == sorted(found, key=lambda one: one.size)


def test_what_no_change_gives_has_no_name() -> None:
    dout, gamma, normal, direct, mean, variance = terms()
    assert named("dx", direct - mean - variance / 3) == []
    assert named("dx", direct - mean / 7 - variance) == []
    assert named("dgamma", (dout * (normal + 0.3)).sum(axis=0)) == []
    assert named("dbeta", np.abs(dout).sum(axis=0)) == []
    assert named("dbeta", np.full(len(gamma), np.nan)) == []


@pytest.mark.parametrize(
    ("part", "kind", "many"),
    [("batchnorm_backward", "layer", 5000), ("affine_backward", "layer", 300), ("relu_backward", "layer", 100),
     ("softmax_loss", "loss", 3000), ("svm_loss", "loss", 3000)],
)  # fmt: skip
def test_no_name_shows_code(part: str, kind: str, many: int) -> None:
    texts = [ChangedTexts(text) for text in WRITTEN[part, kind].texts]
    results = {result for text in WRITTEN[part, kind].texts for result in text.results}
    said = [one.words for changed in texts for result in results for one in changed.towards(result)]
    assert len(said) > many
    signs = ("`", "np.", "axis", "keepdims", "*", "(", "{", "@")
    assert [words for words in said if any(sign in words for sign in signs)] == []


def test_fingerprints_are_kept_by_all_values_of_their_names() -> None:
    text, x = RightText("out = 2 * x  # the output", ("x",)), np.array([[1.0, 2.0]])
    known = of_values(text, {"x": x})
    assert of_values(text, {"x": x.copy()}) is known
    for other in (2 * x, x.T, x.astype(np.float32)):
        assert of_values(text, {"x": other}) is not known
