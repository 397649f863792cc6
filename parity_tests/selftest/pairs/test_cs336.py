"""The pairs of CS336's first assignment: the right solution agrees, and what its official tests let pass is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from parity_tests.pairs.cases import cases
from parity_tests.pairs.hold import hold
from parity_tests.pairs.pair import Pair
from parity_tests.pairs.result import HoldResult
from parity_tests.pairs.run_pairs import pairs_in, run_pairs

FILE = Path(__file__).parents[2] / "examples" / "cs336" / "pairs.py"


@pytest.fixture(autouse=True)
def _search() -> None:
    """Here causes are looked for."""


@pytest.fixture(scope="module")
def pairs() -> dict[str, Pair]:
    return {pair.name: pair for pair in pairs_in(FILE)}


@pytest.fixture(scope="module")
def adapters(pairs: dict[str, Pair]) -> Any:
    return sys.modules["tests.adapters"]


def first(pair: Pair) -> HoldResult:
    """What the first case of a pair shows."""
    case, options = next(cases(pair, 0)), pair.options
    inputs = {**case.calls[-1], **({"g": case.calls[-1]["g"][:10]} if "g" in case.calls[-1] else {})}
    return hold(pair.candidate, pair.reference, inputs=inputs, radius=options.radius, replicas=8, search=0)


def test_the_right_solution_agrees_in_all_that_is_numbers(pairs: dict[str, Pair]) -> None:
    assert len(pairs) == 17
    assert len(FILE.read_text(encoding="utf-8").splitlines()) <= 200
    found = {name: first(pair) for name, pair in pairs.items()}
    assert {name: str(result) for name, result in found.items() if not result} == {}
    assert {"output", "input"} <= {record.quantity for record in found["transformer_block"].run.records}


def test_an_epsilon_outside_the_root_is_told_that_a_typed_tolerance_lets_pass(
    pairs: dict[str, Pair], adapters: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def outside(d_model: int, eps: float, weights: Tensor, x: Tensor) -> Tensor:
        return x / (x.pow(2).mean(-1, keepdim=True).sqrt() + eps) * weights

    x, weights = torch.randn(4, 12, 64, generator=torch.Generator().manual_seed(0)), torch.ones(64)
    right = adapters.run_rmsnorm(64, 1e-5, weights, x)
    assert torch.allclose(outside(64, 1e-5, weights, x), right, rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(adapters, "run_rmsnorm", outside)
    records = [record for record in run_pairs([pairs["rmsnorm"]]).run.records if record.verdict == "mismatch"]
    assert {record.diagnosis for record in records} == {
        "1e-05 is added to rms_norm's rsqrt, where the reference adds it under the root"
    }


def test_what_the_official_tests_do_not_see_is_told(
    pairs: dict[str, Pair], adapters: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def uncapped(parameters: Any, limit: float) -> None:
        grads = [p.grad for p in parameters if p.grad is not None]
        norm = torch.cat(grads).norm()
        for grad in grads:
            grad *= limit / (norm + 1e-6)

    def halves(d_k: int, theta: float, longest: int, x: Tensor, positions: Tensor) -> Tensor:
        angles = positions[..., None] * theta ** (-torch.arange(0, d_k, 2) / d_k)
        a, b = x.chunk(2, -1)
        return torch.cat([a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()], -1)

    monkeypatch.setattr(adapters, "run_gradient_clipping", uncapped)
    monkeypatch.setattr(adapters, "run_rope", halves)
    agrees = {name: bool(first(pairs[name])) for name in ("gradient_clipping", "clipping nothing", "rope")}
    assert agrees == {"gradient_clipping": True, "clipping nothing": False, "rope": False}


def test_what_is_not_handed_in_is_missing_and_not_wrong(
    pairs: dict[str, Pair], adapters: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left(*_: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr(adapters, "run_silu", left)
    (record, *_) = first(pairs["silu"]).run.records
    assert record.verdict == "missing"
    assert "run_silu is not implemented" in record.message
