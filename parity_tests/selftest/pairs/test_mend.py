"""What one change of a candidate's own source makes agree, with its line; nothing where none does."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from parity_tests.cli import main
from parity_tests.pairs.causes import Cause
from parity_tests.pairs.hold import CaseHeld, Options, hold_case, with_cause
from parity_tests.pairs.mend import mended
from parity_tests.pairs.positions import named

X = np.random.default_rng(0).standard_normal((4, 6))


@pytest.fixture(autouse=True)
def _search() -> None:
    """The real thing, in place of the one of this name for all other tests."""


def rms(x, eps=1e-3):  # type: ignore[no-untyped-def]
    mean = (x * x).mean(axis=1, keepdims=True)
    return x / np.sqrt(mean - eps)


def barely_wrong(x):  # type: ignore[no-untyped-def]
    return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 2e-15)


def clearly_wrong(x):  # type: ignore[no-untyped-def]
    return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 2e-3)


def normed(x, eps=1e-3):  # type: ignore[no-untyped-def]
    centred = x - x.mean(axis=0, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + eps)


def unbiased(x):  # type: ignore[no-untyped-def]
    return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, ddof=1, keepdims=True) + 1e-5)


def online(x, block=3):  # type: ignore[no-untyped-def]
    top, total = np.full((len(x), 1), -np.inf), np.zeros((len(x), 1))
    for start in range(0, x.shape[1], block):
        part = x[:, start : start + block]
        higher = np.maximum(top, part.max(1, keepdims=True))
        total = total + np.exp(part - higher).sum(1, keepdims=True)
        top = higher
    return total * np.exp(top)


def attention(q, k, v):  # type: ignore[no-untyped-def]
    out, total = np.zeros_like(v), np.zeros((len(q), 1))
    top = np.full((len(q), 1), -np.inf)
    for start in range(0, len(k), 2):
        scores = q @ k[start : start + 2].T
        higher = np.maximum(top, scores.max(axis=1, keepdims=True))
        p = np.exp(scores - higher)
        total = total + p.sum(axis=1, keepdims=True)
        out = out * np.exp(top - higher) + p @ v[start : start + 2]
        top = higher
    return out / total


def by_columns(x):  # type: ignore[no-untyped-def]
    return np.stack([x[:, j] - x[:, 0] for j in range(x.shape[1])], 1)


def endless(x):  # type: ignore[no-untyped-def]
    n = 3
    while n > 0:
        n = n - 1
        x = x + 1
    return x


def twice_wrong(x):  # type: ignore[no-untyped-def]
    return np.exp(np.sinh(x)) + x * 17


def into_a_file(x):  # type: ignore[no-untyped-def]
    Path("nowhere").exists()
    return x - 1


def said(candidate: Callable[..., Any], reference: Callable[..., Any], seconds: float = 2.0, inputs: Any = (X,)) -> str:
    """By position, each side calling the input as it likes."""
    taken = named(candidate, reference, inputs)
    held: CaseHeld = hold_case(taken.candidate, taken.reference, taken.inputs, Options(), pair="p", case="c")
    assert held.asked is not None
    return Cause(mend=mended([held.asked], seconds)).words


def torchs_rms(x: torch.Tensor) -> torch.Tensor:
    return x / torch.sqrt((x * x).mean(1, keepdim=True) + 1e-3)


def test_a_change_of_the_candidates_source_that_makes_all_agree_is_said_with_its_line() -> None:
    line = inspect.getsourcelines(rms)[1] + 2
    found = said(rms, torchs_rms)
    assert found == f"line {line} of test_mend.py: `-` is used where `+` belongs"
    assert "`ddof=1` should not be there" in said(unbiased, lambda x: torch.nn.functional.layer_norm(x, (6,)))
    assert "`-` is used where `+` belongs" in said(by_columns, lambda x: x + x[:, :1])
    assert "axis" in said(normed, lambda x: torch.nn.functional.layer_norm(x, (6,), eps=1e-3))


def test_no_number_is_taken_for_the_cause_where_rounding_hides_what_is() -> None:
    """The difference is twice the error bound, which many a change would bring within it."""
    assert said(barely_wrong, lambda x: x / torch.sqrt((x * x).mean(1, keepdim=True) + 1e-15)) == ""
    assert "`2e-3` is used where" in said(clearly_wrong, torchs_rms)


def test_what_makes_these_numbers_right_by_accident_is_not_said() -> None:
    """With `block`, 3, in place of `top` no sum is ever scaled, which is right of numbers up to 3."""
    found = said(online, lambda x: torch.exp(x).sum(1, keepdim=True))
    assert "`part` is used where `x` belongs" in found, "the maximum of all is taken at once"


def test_a_change_must_agree_also_of_inputs_that_make_it_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """A maximum that never changes hides that the sum is not scaled, as long as numbers are small."""
    draws = np.random.default_rng(0)
    inputs = [draws.standard_normal((8, 3)) for _ in range(3)]

    def found() -> str:
        return said(attention, lambda q, k, v: torch.softmax(q @ k.mT, -1) @ v, 10.0, inputs)

    assert found() == ""
    monkeypatch.setattr("parity_tests.pairs.mend._OTHERS", ())
    assert "`scores" in found(), "these inputs alone bear it out"


def test_it_is_said_in_place_of_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parity_tests.pairs.causes.cause_of", lambda *_: Cause(place="row 3"))
    held = hold_case(rms, torchs_rms, {"x": X}, Options(), pair="p", case="c")
    [told] = with_cause([held], Options(search=1.0), 0.0)
    [record] = told.records
    assert record.diagnosis.startswith(f"line {record.line} of ")
    assert Path(record.file).resolve() == Path(__file__).resolve()


def test_nothing_is_said_where_no_change_mends_it_or_all_agrees_or_no_time_is_given() -> None:
    assert said(twice_wrong, torch.tanh, 0.3) == ""
    assert said(rms, torchs_rms, 0) == ""
    assert said(normed, lambda x: torch.nn.functional.layer_norm(x, (6,), eps=1e-3), 0) == ""
    assert said(np.exp, torch.tanh) == "", "it has no source"


def test_a_changed_loop_that_does_not_end_is_ended() -> None:
    """`n = n - 1` becomes `n = n + 1` among others; the change that is looked for comes later."""
    found = said(endless, lambda x: x - 3)
    assert "`+` is used where `-` belongs" in found


def test_what_does_more_than_compute_is_not_run_with_changes() -> None:
    assert said(into_a_file, lambda x: x + 1) == ""


MODEL = """\
import numpy as np


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)
"""
PAIRS = """\
import torch
from parity_tests import pair
from a_model_of_ours import softmax


@pair(reference=lambda x: torch.softmax(x, -1), shapes={"x": ("N", 6)})
def ours(x):
    return {"output": softmax(x)}
"""


@pytest.mark.parametrize(("more", "is_found"), [("", True), ("    open('seen', 'a')\n", False)])
def test_the_change_is_found_in_a_function_of_another_file_that_only_computes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, more: str, is_found: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("parity_tests.pairs.causes.cause_of", lambda *_: Cause())
    monkeypatch.delitem(sys.modules, "a_model_of_ours", raising=False)
    (tmp_path / "a_model_of_ours.py").write_text(MODEL.replace("    return", f"{more}    return"))
    (tmp_path / "pairs.py").write_text(PAIRS)
    assert main(["hold", "pairs.py"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    found = (
        "Likely cause: line 6 of a_model_of_ours.py: `e.sum(axis=0, keepdims=True)` goes along 0, where it should go"
    )
    assert (found in said) == is_found
