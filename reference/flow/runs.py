"""The runs of one reference on one set of inputs: the plain call, the one along which radii flow, and replicas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reference.flow.bound import Bound, apart
from reference.flow.calls import Function, as_tensors, named, precision_of, settled
from reference.flow.errors import DataDependentError, UnknownOperationError
from reference.flow.operation import CURRENT, Context, plus
from reference.flow.sample import Replica
from reference.flow.shadows import Shadows
from reference.flow.student import factor


@dataclass
class Flow:
    """A run along which radii flowed: its outputs, which need not be the plain call's, and what is known of them."""

    outputs: dict[str, Tensor]
    mode: Bound

    @property
    def context(self) -> Context:
        """The run's context."""
        return self.mode.context

    @property
    def recorded(self) -> bool:
        """Whether replicas can repeat it."""
        return self.mode.record

    def radius(self, name: str, want: Tensor) -> Tensor:
        """The bound of an output around `want`: float64, infinite where the run cannot promise one."""
        output = self.outputs[name]
        if output.shape != want.shape:
            raise DataDependentError(f"{name} is of shape {tuple(want.shape)}, and {tuple(output.shape)} in its parts")
        radius = plus(self.context.shadows.get(output), apart(want, output))
        if radius is None:
            radius = torch.zeros(want.shape, dtype=torch.float64, device=want.device)
        if self.mode.void:
            radius = torch.full_like(radius, torch.inf)
        return radius.detach()


class Question:
    """A function and its inputs, as often as they are run; each run gets copies of all inputs and the same numbers."""

    def __init__(
        self, function: Function, inputs: Mapping[str, Any], device: str, seed: int, ulps: float | None
    ) -> None:
        self.function, self.inputs, self.device, self.seed, self.ulps = function, inputs, device, seed, ulps
        self.precision = precision_of(inputs)
        self._mkldnn = True

    def of(self, function: Function) -> Question:
        """The same question put to another function."""
        return Question(function, self.inputs, self.device, self.seed, self.ulps)

    def plain(self) -> dict[str, Tensor]:
        """The plain call's outputs by name."""
        with settled(self.seed):
            return _detached(named(self.function(**as_tensors(self.inputs, self.device))))

    def flow(
        self,
        *,
        forms: frozenset[str] = frozenset(),
        kinks: str = "torch",
        record: bool = False,
        lenient: bool = False,
    ) -> Flow:
        """A run along which radii flow; recurrent layers in their parts where torch has them as one operation."""
        try:
            return self._flow(forms, kinks, record, lenient)
        except UnknownOperationError as error:
            if not self._mkldnn or "mkldnn" not in error.name:
                raise
            self._mkldnn = False
            return self._flow(forms, kinks, record, lenient)

    def _flow(self, forms: frozenset[str], kinks: str, record: bool, lenient: bool) -> Flow:
        context = Context(self.precision, Shadows(), forms, kinks)
        mode = Bound(context, record=record, lenient=lenient, ulps=self.ulps)
        token = CURRENT.set(context)
        try:
            with settled(self.seed, unfused=True, mkldnn=self._mkldnn):
                given = as_tensors(self.inputs, self.device)
                with mode:
                    outputs = named(self.function(**given))
                return Flow(_detached(outputs), mode)
        finally:
            CURRENT.reset(token)

    def sampled(self, flow: Flow, want: Mapping[str, Tensor], names: Sequence[str], replicas: int) -> dict[str, Tensor]:
        """The sampled radius of each of these outputs: its own bound, and c root mean squares of the replicas' moves.

        c is Student's for the number of replicas (`student.factor`). The outward and the inward replica count as they
        are. Infinite where a replica is not finite although torch is.
        """
        own: dict[str, Tensor | None] = {}
        last: set[int] = set()
        for name in names:
            own[name], step = flow.mode.own(flow.outputs[name])
            if step is not None:
                last.add(step)
        generator = torch.Generator(device=self.device).manual_seed(self.seed)
        centre = self._replica(flow, frozenset(last), None, generator)
        squares = {name: torch.zeros(want[name].shape, dtype=torch.float64, device=self.device) for name in names}
        for _ in range(replicas):
            moved = self._replica(flow, frozenset(last), 0, generator)
            for name in names:
                gap = _gap(moved[name], centre[name])
                squares[name].addcmul_(gap, gap)
        c, _ = factor(replicas)
        radii = {name: squares[name].div_(replicas).sqrt_().mul_(c) for name in names}
        for sign in (1, -1):
            moved = self._replica(flow, frozenset(last), sign, generator)
            for name in names:
                torch.maximum(radii[name], _gap(moved[name], centre[name]).abs_(), out=radii[name])
        for name in names:
            tied = flow.context.rivals.get(flow.outputs[name])
            if tied is not None and tied[2].shape == radii[name].shape:
                radii[name].masked_fill_(tied[2], torch.inf)  # no replica tells
            total = plus(radii[name], own[name], apart(want[name], flow.outputs[name]))
            assert total is not None
            radii[name] = total.nan_to_num_(nan=torch.inf, posinf=torch.inf)
        return radii

    def _replica(
        self, flow: Flow, last: frozenset[int], sign: int | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        mode = Replica(flow.mode.steps, last, sign, generator)
        token = CURRENT.set(flow.context)
        try:
            with settled(self.seed, unfused=True, mkldnn=self._mkldnn), _default_double():
                given = as_tensors(self.inputs, self.device, torch.float64)
                with mode:
                    outputs = named(self.function(**given))
                mode.finish()
                return _detached(outputs)
        finally:
            CURRENT.reset(token)


@contextmanager
def _default_double() -> Iterator[None]:
    """New tensors are float64 where nothing else is said."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _detached(outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: output.detach() for name, output in outputs.items()}


def _gap(x: Tensor, y: Tensor) -> Tensor:
    """x − y in float64; 0 where both are the same infinity or not a number, infinite where truth or index differ."""
    if not y.is_floating_point():
        return (x != y).to(torch.float64).mul_(torch.inf).nan_to_num_(nan=0.0, posinf=torch.inf)
    gap = x.to(torch.float64) - y.to(torch.float64)
    if math.isfinite(float(gap.sum())):
        return gap
    same = (x == y) | (x.isnan() & y.isnan())
    return gap.masked_fill_(same, 0.0)
