"""Faults of a matrix product in bfloat16 that sums in float32: which are told, at every length, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from parity_tests.harness.judge_flow import judge
from parity_tests.pairs.inputs import in_numpy
from reference.flow import Arithmetic, evaluate
from reports.model.verdicts import Verdict

LENGTHS = (256, 1024, 4096, 16384)
DECLARED = Arithmetic("float32", "bfloat16")
_ROWS, _COLUMNS = 16, 16
Fault = Callable[[Tensor, Tensor, Tensor], Tensor]


def right(a: Tensor, b: Tensor, scales: Tensor) -> Tensor:
    """(A·B)·s with s a scale of each row, summed in float32 and stored once."""
    return ((a.float() @ b.float()) * scales).bfloat16()


def _partial_sums(a: Tensor, b: Tensor, scales: Tensor) -> Tensor:
    total = torch.zeros(len(a), b.shape[1], dtype=torch.bfloat16)
    for x, y in zip(a.T, b, strict=True):
        total = total + x[:, None] * y
    return (total.float() * scales).bfloat16()


def _one_element(a: Tensor, b: Tensor, scales: Tensor) -> Tensor:
    """One of typical size: of an element that cancels to nearly nothing 3 % is less than its sum may round."""
    result = right(a, b, scales).flatten()
    result[result.abs().argsort()[result.numel() // 2]] *= 1.03
    return result.view(len(a), -1)


def _swapped(a: Tensor, b: Tensor, scales: Tensor) -> Tensor:
    result = right(a, b, scales)
    result[3, [5, 6]] = result[3, [6, 5]]
    return result


def _truncated(a: Tensor, b: Tensor, scales: Tensor) -> Tensor:
    return (((a.float() @ b.float()) * scales).view(torch.int32) & -0x10000).view(torch.float32).bfloat16()


FAULTS: Mapping[str, Fault] = {
    "partial sums in bfloat16": _partial_sums,
    "the last term is dropped": lambda a, b, s: right(a[:, :-1], b[:-1], s),
    "one element is 3 % off": _one_element,
    "two elements are swapped": _swapped,
    "inputs in float8": lambda a, b, s: right(a.to(torch.float8_e4m3fn), b.to(torch.float8_e4m3fn), s),
    "zeros": lambda a, b, s: torch.zeros(len(a), b.shape[1], dtype=torch.bfloat16),
    "a row has its neighbour's scale": lambda a, b, s: right(a, b, torch.cat([s[1:2], s[1:]])),
    "the store truncates": _truncated,
}


@dataclass
class Told:
    """Of so many draws how many a fault is told in: by `hold`, by assert_close's default, by a mean squared error."""

    draws: int = 0
    hold: int = 0
    close: int = 0
    mean: int = 0


@dataclass(frozen=True)
class Length:
    """What became of the faults of one length, and of the right product."""

    told: Mapping[str, Told]
    resolution: float
    """The median over the draws."""
    alarms: int


def try_length(terms: int, draws: int) -> Length:
    """Every fault in so many draws of normal numbers."""
    told, resolutions, alarms = {name: Told() for name in FAULTS}, [], 0
    for seed in range(draws):
        generator = torch.Generator().manual_seed(seed)
        a = torch.randn(_ROWS, terms, generator=generator).bfloat16()
        b = torch.randn(terms, _COLUMNS, generator=generator).bfloat16()
        scales = torch.rand(_ROWS, 1, generator=generator) + 0.5
        given = {"a": a, "b": b, "scales": scales}
        flowed = evaluate(lambda a, b, scales: (a @ b) * scales, given, arithmetic=DECLARED)["output"]
        usual = right(a, b, scales)
        held = judge(in_numpy(usual), flowed, None, "output").comparison
        alarms += held.verdict != Verdict.MATCH
        resolutions.append(held.resolution or 0.0)
        for name, fault in FAULTS.items():
            got, one = fault(a, b, scales), told[name]
            one.draws += 1
            one.hold += judge(in_numpy(got), flowed, None, "output").comparison.verdict == Verdict.MISMATCH
            one.close += not _close(got, usual)
            one.mean += _mean_square(got, usual) > MEAN_SQUARE
    return Length(told, sorted(resolutions)[len(resolutions) // 2], alarms)


MEAN_SQUARE = 5e-4
"""What llama.cpp's test of operations allows Σ(got − usual)² ÷ Σ usual²."""


def _close(got: Tensor, usual: Tensor) -> bool:
    try:
        torch.testing.assert_close(got, usual)
    except AssertionError:
        return False
    return True


def _mean_square(got: Tensor, usual: Tensor) -> float:
    return float((got.double() - usual.double()).square().sum() / usual.double().square().sum())
