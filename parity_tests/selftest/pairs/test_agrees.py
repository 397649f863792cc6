"""`assert_agrees`: in place of a typed rtol and atol."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from parity_tests import pytest_plugin
from parity_tests.pairs import result
from parity_tests.pairs.agrees import assert_agrees
from parity_tests.pairs.hold import hold
from parity_tests.pairs.radius import radius
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.pairs.layers import softmax

X = np.random.default_rng(0).standard_normal((4, 7))


def test_what_agrees_says_nothing_by_position_and_by_name() -> None:
    assert_agrees(softmax(X), lambda x: torch.softmax(x, -1), X)
    assert_agrees(softmax(X), lambda x: torch.softmax(x, -1), x=X)
    assert_agrees(X @ X.T, lambda a, b: a @ b.T, X, b=X)
    assert_agrees(softmax(X), torch.nn.Softmax(-1), X)


def test_what_does_not_agree_is_told_with_its_place_and_numbers() -> None:
    wrong = softmax(X)
    wrong[2, 3] += 1e-12
    with pytest.raises(AssertionError) as caught:
        assert_agrees(wrong, lambda x: torch.softmax(x, -1), X)
    # Where a line ends depends on how many digits this processor's numbers have.
    said = " ".join(str(caught.value).split())
    assert re.search(r"at \[2, 3\] is \S+ torch says \S+ the difference \S+ is \d+ times the error bound", said), said


@pytest.mark.parametrize("short", ["1", ""], ids=["", "-v"])
@pytest.mark.parametrize(
    ("actual", "reference", "x", "said"),
    [
        (
            np.array([2]),
            lambda x: x.argmax(-1),
            np.array([[1.0, 3.0, 3.0]]),
            "output is undecided at 1 of 1 elements: no",
        ),
        (X[:0], lambda x: x * 2, X[:0], "output has no elements, so nothing was compared"),
        (X[:0], lambda x: x[:0], X, "output has no elements, so nothing was compared"),
    ],
    ids=["a tie", "no inputs", "no results"],
)
def test_what_is_not_decided_is_no_agreement_and_is_said(
    monkeypatch: pytest.MonkeyPatch, short: str, actual: Any, reference: Callable[..., Any], x: Any, said: str
) -> None:
    monkeypatch.setenv(pytest_plugin.SHORT, short)
    with pytest.raises(AssertionError) as caught:
        assert_agrees(actual, reference, x)
    told = " ".join(str(caught.value).split())
    assert told.startswith("" if not short else said)
    assert said in told
    assert not told.startswith("Agreement")
    assert "above" not in told
    assert not hold(lambda x: actual, reference, x)


def test_no_elements_of_one_result_beside_another_are_compared_by_their_shape() -> None:
    assert_agrees((X[:0], X), lambda x: (x[:0], x), X)
    with pytest.raises(AssertionError):
        assert_agrees((X[:0], X + 1), lambda x: (x[:0], x), X)


def test_forms_take_inputs_by_position_as_the_reference_does() -> None:
    cancels = {"forms": [lambda z: torch.log(1 + torch.exp(z))]}
    for reference in (torch.nn.functional.softplus, lambda x: torch.nn.functional.softplus(x)):
        assert_agrees(np.log(1 + np.exp(10 * X)), reference, 10 * X, **cancels)
        with pytest.raises(AssertionError):
            assert_agrees(np.log(1 + np.exp(10 * X)), reference, 10 * X)


def test_more_inputs_than_the_reference_takes_are_a_sentence_and_any_others_need_no_names() -> None:
    with pytest.raises(UsageError, match="takes 1 inputs; 2 were given"):
        assert_agrees(X, lambda x: x, X, X)
    assert_agrees(np.exp(X), torch.exp, X)  # which does not say what it calls its input


def test_the_public_names_are_there_under_the_name_that_is_installed_and_import_nothing_slow() -> None:
    program = "import sys, parity\nassert not {'torch', 'numpy', 'pandas'} & set(sys.modules), 'slow'\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    import parity
    import parity_tests

    assert set(parity.__all__) == set(dir(parity)) == set(dir(parity_tests))
    assert all(getattr(parity, name) is getattr(parity_tests, name) for name in parity.__all__)
    assert parity.hold is hold


@pytest.mark.parametrize(("short", "said"), [(True, "softmax: output at [2, 3] is"), (False, "Disagreement: 1 of 1")])
def test_in_pytest_the_message_is_a_sentence_and_all_of_it_with_v_beside_its_margin(
    monkeypatch: pytest.MonkeyPatch, short: bool, said: str
) -> None:
    monkeypatch.setenv(pytest_plugin.SHORT, "1" if short else "")
    wrong = softmax(X)
    wrong[2, 3] += 1e-12
    with pytest.raises(AssertionError) as raised:
        assert_agrees(wrong, lambda x: torch.softmax(x, -1), X, name="softmax")
    assert str(raised.value).startswith(said)
    first, *others = str(raised.value).split("\n")
    assert max(len(f"AssertionError: {first}"), *map(len, others)) <= 72
    assert ("(softmax): mismatch" in str(raised.value)) is not short
    assert result.SHORT == pytest_plugin.SHORT


@pytest.mark.parametrize("short", [True, False], ids=["", "-v"])
def test_a_result_that_is_asserted_says_the_same_in_lines(monkeypatch: pytest.MonkeyPatch, short: bool) -> None:
    """Also where another result in that frame agrees, and where the assertion has words of its own."""
    monkeypatch.setenv(pytest_plugin.SHORT, "1" if short else "")
    right = hold(softmax, lambda x: torch.softmax(x, -1), X)
    wrong = hold(softmax, lambda x: -torch.softmax(x, -1), X)

    def fails() -> None:
        assert right
        assert wrong, "of mine"

    call = pytest.CallInfo.from_call(fails, "call")
    assert call.excinfo is not None
    assert "\\n" in str(call.excinfo.value)
    pytest_plugin.pytest_runtest_makereport(call)
    assert str(call.excinfo.value) == f"of mine\n{wrong.message}"
    assert ("Disagreement: 1 of 1" in wrong.message) is not short


def fails_within(x: torch.Tensor) -> torch.Tensor:
    raise KeyError("of the reference's own")


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (lambda: assert_agrees(2 * X, lambda x: torch.softmax(x, -1), X), ["<lambda>"]),
        (lambda: assert_agrees(X, lambda x: x, X, rtol=1e-3), ["<lambda>"]),
        (lambda: hold(softmax, lambda x: torch.linalg.matrix_exp(x[:, :4]), X), ["<lambda>"]),
        (lambda: radius(fails_within, X), ["<lambda>", "fails_within"]),
    ],
    ids=["what disagrees", "a tolerance", "an operation without a rule", "a reference that raises"],
)
def test_what_is_raised_shows_the_callers_lines_alone(call: Callable[[], object], shown: list[str]) -> None:
    with pytest.raises((AssertionError, UsageError, KeyError)) as raised:
        call()
    entries = [entry.name for entry in raised.traceback if not entry.ishidden(raised)]
    assert [name for name in entries if not name.startswith("test_")] == shown
    assert raised.value.__cause__ is None


def test_a_fault_of_paritys_own_keeps_all_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parity_tests.pairs.hold.hold_case", None)
    with pytest.raises(TypeError) as raised:
        hold(softmax, torch.exp, X)
    assert raised.traceback[-1].frame.f_globals["__name__"] == "parity_tests.pairs.hold"
