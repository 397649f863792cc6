"""One operation in one type: held against other honest answers, and faults seeded in what was accepted."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils import _pytree as pytree

from parity_tests.harness.judge_flow import Held, judge
from parity_tests.pairs.freed import as_torch_has_them
from parity_tests.proof.jury import short
from parity_tests.proof.opinfo import faults, honest
from parity_tests.proof.opinfo.cases import Case, Listed
from reference.flow import DataDependentError, Flowed, UnknownOperationError, UnsupportedTypeError, evaluate
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING, Verdict

Array = NDArray[Any]
ACCEPTED, OVER, UNDECIDED, REFUSED, ABSENT = "accepted", "over", "undecided", "refused", "not in this type"
_UNINITIALIZED = ("aten.empty", "aten.new_empty")
_OF_THE_TYPE = ("nextafter",)
"""Those that are another function in a wider type."""
_NEAR_ROOTS = ("polygamma", "bessel_j", "bessel_y", "airy", "polynomial", "log_ndtr")
_UNDOCUMENTED = ("bessel", "zeta", "igamma", "i0", "i1", "ndtri", "erfinv", "erfcx")
_DECIDING = ("hist", "_histogram", "allclose")
_SOLVERS = ("linalg", "cholesky", "lu_", "svd", "qr", "triangular_solve", "_linalg", "ormqr", "geqrf", "inverse")


@dataclass
class Row:
    """What was found of one operation in one type."""

    operation: str
    dtype: str
    verdict: str
    reason: str = ""
    references: str = ""
    cases: int = 0
    refused: int = 0
    results: int = 0
    kinds: str = ""
    ratio: float = 0.0
    resolution: float | None = None
    where: str = ""
    seeded: int = 0
    unchanged: int = 0
    within: int = 0
    caught: int = 0
    missed: int = 0


class Trial:
    """The work on one row."""

    def __init__(self, listed: Listed, dtype: torch.dtype, samples: int, replicas: int) -> None:
        self.listed, self.dtype, self.samples, self.replicas = listed, dtype, samples, replicas
        name = str(dtype).removeprefix("torch.")
        self.row = Row(listed.name, name, REFUSED)
        self.reasons: Counter[str] = Counter()
        self.references: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.resolutions: list[float] = []
        self.undecided = 0
        self.rng = np.random.default_rng(zlib.crc32(f"{listed.name}, {name}".encode()))

    def run(self) -> Row:
        """Every sample, then the summary of them."""
        row = self.row
        if not self.listed.supports(self.dtype):
            row.verdict, row.reason = ABSENT, "torch has it in other types alone"
            return row
        try:
            cases = self.listed.cases(self.dtype, self.samples)
        except Exception as error:
            row.reason = f"its samples cannot be made: {short(error)}"
            return row
        row.cases = len(cases)
        for case in cases:
            refusal = self._case(case)
            if refusal:
                row.refused += 1
                self.reasons[refusal] += 1
        self._summarise()
        return row

    def _case(self, case: Case) -> str:
        """Holds one sample; returns why it cannot be held, or nothing."""
        if refusal := _unfit(case.inputs.values()):
            return refusal
        try:
            outputs, watch = _watched(case)
        except Exception as error:
            return f"torch itself raises {short(error)}"
        if refusal := _unfit(pytree.tree_leaves(outputs)) or _unpredictable(watch):
            return refusal
        try:
            reference, inputs = case.reference(outputs)
            flowed = evaluate(reference, inputs, replicas=self.replicas)
        except UnknownOperationError as error:
            return _without_a_rule(error.name)
        except (DataDependentError, UnsupportedTypeError) as error:
            return short(error)
        except Exception as error:
            return f"the flow raises {short(error)}"
        if not flowed:
            return "it returns no tensors"
        try:
            answers, wide = self._answers(case, reference, inputs, list(flowed))
        except Exception as error:
            return f"no other honest answer: {short(error)}"
        accepted = []
        answers |= as_torch_has_them(answers, flowed)[0]
        for name, answer in flowed.items():
            held = judge(answers.get(name), answer, wide.get(name), name)
            if self._judged(name, answers.get(name), held, answer):
                accepted.append(name)
        for name in accepted:
            self._seed(name, answers[name], flowed[name])
        return ""

    def _answers(
        self, case: Case, reference: Any, inputs: Mapping[str, Any], names: list[str]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """The candidate's results by name, and float64's where that is wider than the type."""
        wide: dict[str, Array] = {}
        if self.dtype is torch.float32:
            wide = honest.in_float64(reference, inputs)
            with np.errstate(all="ignore"):
                answers = {key: x.astype(np.float32) if x.dtype == np.float64 else x for key, x in wide.items()}
            used = honest.WIDE
        if self.dtype is torch.float64 or self.listed.name in _OF_THE_TYPE:
            answers, used = honest.in_parts(reference, inputs, turned="as_strided" not in self.listed.name)
        by_numpy, problem = honest.by_numpy(case, names)
        if problem:
            self.reasons[problem] += 1
        if len(by_numpy) < len(names):
            self.references[used] += 1
        if by_numpy:
            self.references[honest.NUMPY] += 1
        return {**answers, **by_numpy}, wide

    def _judged(self, name: str, got: Array | None, held: Held, answer: Flowed) -> bool:
        """Takes a verdict into the row; whether faults can be seeded."""
        row, comparison = self.row, held.comparison
        row.results += 1
        if comparison.verdict == Verdict.UNDECIDED and comparison.undecided == comparison.total:
            self.undecided += 1
            return False
        if comparison.verdict not in PASSING:
            ratio = float("inf") if comparison.ratio is None else comparison.ratio
            if row.verdict != OVER or ratio > row.ratio:
                row.ratio = ratio
                row.where = f"{name}{comparison.where}: {comparison.problem}"[:300]
            row.verdict = OVER
            return False
        self.kinds[answer.kind] += 1
        if row.verdict != OVER:
            row.verdict, row.ratio = ACCEPTED, max(row.ratio, comparison.ratio or 0.0)
        if held.resolution is not None and held.resolution.median is not None:
            self.resolutions.append(held.resolution.median)
        return got is not None and answer.value.is_floating_point() and answer.value.numel() > 0

    def _seed(self, name: str, got: Array, answer: Flowed) -> None:
        """The five faults in one accepted result, each judged as a candidate's."""
        row = self.row
        want, radius = answer.value.numpy(), answer.radius.numpy()
        got = got.reshape(want.shape).astype(want.dtype)
        unsettled = answer.undecided.numpy().copy()
        for other in answer.alternatives:
            unsettled |= other.where.numpy()
        for fault, faulty in faults.seeded(got, self.rng):
            row.seeded += 1
            if np.array_equal(faulty, got, equal_nan=True):
                row.unchanged += 1
                continue
            if not faults.over(faulty, got, want, radius, unsettled):
                row.within += 1
                continue
            comparison = judge(faulty, answer, None, name).comparison
            if comparison.verdict not in PASSING:
                row.caught += 1
            elif any(note.kind is NoteKind.FORM for note in comparison.notes):
                row.within += 1
            else:
                row.missed += 1
                self.reasons[f"missed: {fault} in {name}, judged {comparison.verdict}"] += 1

    def _summarise(self) -> None:
        row = self.row
        row.references = ", ".join(self.references)
        row.kinds = ", ".join(kind for kind in ("exact", "bound", "sample") if self.kinds[kind])
        row.resolution = float(np.median(self.resolutions)) if self.resolutions else None
        row.reason = "; ".join(
            f"{reason} ({count}×)" if row.cases > 1 else reason for reason, count in self.reasons.most_common(4)
        )
        if row.verdict == REFUSED and self.undecided:
            row.verdict = UNDECIDED
        if self.undecided:
            row.reason = "; ".join(filter(None, [f"{self.undecided} of {row.results} results undecided", row.reason]))
        if row.verdict == REFUSED and not row.cases:
            row.reason = "torch lists no sample of it"


def _watched(case: Case) -> tuple[Any, honest.Watch]:
    """What the call gives, differentiable where it is, and what it came by."""
    inputs = {name: x.clone().requires_grad_() if name in case.of else x.clone() for name, x in case.inputs.items()}
    with torch.enable_grad(), honest.Watch() as watch:
        outputs = case.call(**inputs)
    return outputs, watch


def _unfit(values: Any) -> str:
    """Why tensors cannot be held, or nothing."""
    for x in values:
        if not isinstance(x, Tensor):
            continue
        if x.layout is not torch.strided or x.is_nested:
            return "sparse or nested tensors"
        if x.is_quantized:
            return "quantized tensors"
        if x.is_complex():
            return "complex numbers; float32 and float64 alone are held"
        if x.is_floating_point() and x.dtype not in (torch.float32, torch.float64):
            return f"{str(x.dtype).removeprefix('torch.')}; float32 and float64 alone are held"
    return ""


def _unpredictable(watch: honest.Watch) -> str:
    """Why no second program could give the same, or nothing."""
    if watch.draws:
        return "it draws random numbers of its own; a candidate hands its draws over as masks"
    if watch.names and all(name.startswith(_UNINITIALIZED) for name in watch.names):
        return "it returns memory as it lies there"
    return ""


def _without_a_rule(name: str) -> str:
    """The operation, and what is known of why it has no rule."""
    plain = name.removeprefix("aten.").partition(".")[0]
    if any(word in plain for word in _NEAR_ROOTS):
        return f"{plain} has no rule: no ulp bound exists near its roots"
    if any(word in plain for word in _UNDOCUMENTED):
        return f"{plain} has no rule: neither torch nor other libraries document its error in ulps"
    if any(word in plain for word in _SOLVERS):
        return f"{plain} has no rule: its error grows with the matrix' condition, which no elementwise bound knows"
    if plain.startswith(_DECIDING):
        return f"{plain} has no rule: it counts or compares, which rounding decides at an edge"
    return f"{plain} has no rule"
