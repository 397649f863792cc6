"""The runs of one reference on one set of inputs: the plain call, the one along which radii flow, and replicas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reference.flow.bound import Bound, Place, stored, to_either_side
from reference.flow.calls import Function, as_tensors, named, precision_of, settled
from reference.flow.errors import DataDependentError, QuestionError, UnknownOperationError
from reference.flow.in_torch import InTorch
from reference.flow.low_precision import Arithmetic
from reference.flow.nested import tensors
from reference.flow.operation import BLOCK, CURRENT, Context, Radius, plus
from reference.flow.plain import OF_TWO_TYPES, in_one_type, plain
from reference.flow.rounding import precision
from reference.flow.sample import Replica
from reference.flow.shadows import Shadows
from reference.flow.student import factor

USEFUL = {torch.float32: 1e-3, torch.float64: 1e-9}
"""The part of |want| up to which a bound says enough, by the type of the inputs."""

# Freed at once: glibc hands free memory beyond twice the largest block that was given back so far to the system, page
# by page, and a run would get it anew at each operation, for a quarter of the time of replicas.
torch.empty(31 << 20, dtype=torch.uint8)


def _of_functions() -> QuestionError:
    return QuestionError(
        "the reference hands functions to torch to run (torch.cond, flex_attention), and nothing looks into these; "
        "write it without them"
    )


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

    def stored(self, name: str) -> Radius:
        """What storing an output moves it by where no operation has rounded it, as a declaration has it."""
        output, declared = self.outputs[name], self.context.arithmetic
        if declared is None or not output.is_floating_point():
            return None
        radius = self.context.shadows.get_as_put(output)
        return stored(output, radius, declared, None if radius is None else radius > 0)

    def radius(self, name: str, want: Tensor) -> Tensor:
        """The bound of an output around `want`, infinite where the run cannot promise one."""
        output = self.outputs[name]
        if output.shape != want.shape:
            raise DataDependentError(f"{name} is of shape {tuple(want.shape)}, and {tuple(output.shape)} in its parts")
        radius = plus(self.context.shadows.get_as_put(output), to_either_side(want, output), self.stored(name))
        if radius is None:
            radius = torch.zeros(want.shape, dtype=torch.float64, device=want.device)
        if radius.numel() and float(radius.amin()) < 0:
            raise AssertionError(f"a rule gave {name} a radius below 0, which would accept anything")
        if self.mode.void:
            radius = torch.full_like(radius, torch.inf)
        return radius.detach().contiguous()  # what nothing is known of too


class Question:
    """A function and its inputs, as often as they are run; each run gets copies of all inputs and the same numbers.

    The copies of a run are those of the next one, where it left them as they were.
    """

    def __init__(
        self,
        function: Function,
        inputs: Mapping[str, Any],
        device: str,
        seed: int,
        ulps: float | None,
        arithmetic: Arithmetic | None = None,
        library: Mapping[str, float] | None = None,
    ) -> None:
        self.library = library or {}
        self.function, self.inputs, self.device, self.seed, self.ulps = function, inputs, device, seed, ulps
        self._copies: dict[str, Any] | None = None
        self.arithmetic = arithmetic
        if arithmetic is not None:  # once, for all runs
            self.inputs = as_tensors(inputs, device, torch.float64, lower=True)
            self.precision = precision(torch.float32)
            self.mkldnn = True
            return
        self.precision = precision_of(inputs) or precision(torch.float32)
        self.mkldnn = True

    def of(self, function: Function) -> Question:
        """The same question put to another function."""
        return Question(function, self.inputs, self.device, self.seed, self.ulps, self.arithmetic, self.library)

    def plain(self) -> dict[str, Tensor]:
        """The plain call's outputs by name."""
        if self.arithmetic is not None:
            return plain(self.function, self.inputs, device=self.device, seed=self.seed, dtype=torch.float64)
        with settled(self.seed, dtype=self._default):
            given = self._given()
            try:
                outputs = _detached(named(self.function(**given)))
            except Exception as error:
                if type(error).__module__.startswith("torch._dynamo"):
                    raise _of_functions() from error
                if (
                    not isinstance(error, RuntimeError)
                    or self.precision.dtype is torch.float32
                    or not OF_TWO_TYPES.search(str(error))
                ):
                    raise
                raise QuestionError(
                    "the reference has tensors of its own in float32, and its inputs are float64 "
                    f"({str(error).splitlines()[0]}); give the inputs in float32, or the reference in float64"
                ) from error
        self._keep(given)
        if precision_of(self.inputs) is None:  # indices into a table, say: then the results tell
            self.precision = precision_of(outputs) or self.precision
        return outputs

    def _given(self) -> dict[str, Any]:
        """Copies of the inputs; a run that fails does not give them on."""
        given, self._copies = self._copies, None
        return given or as_tensors(self.inputs, self.device)

    def _keep(self, given: dict[str, Any]) -> None:
        """Keeps copies for the next run, unless this one may have changed them, as lists, by writing or a graph."""
        if not any(
            isinstance(x, (list, dict, tuple)) or (isinstance(x, Tensor) and _touched(x)) for x in given.values()
        ):
            self._copies = given

    @property
    def _default(self) -> torch.dtype | None:
        """The type of what a function makes without saying of which: that of its inputs, where they are float64."""
        return torch.float64 if self.arithmetic is not None or self.precision.dtype is torch.float64 else None

    @property
    def useful(self) -> float:
        """The part of |want| up to which a bound says enough."""
        return USEFUL[self.precision.dtype] if self.arithmetic is None else self.arithmetic.useful

    def flow(
        self,
        *,
        forms: frozenset[str] = frozenset(),
        kinks: str = "torch",
        record: bool = False,
        lenient: bool = False,
        probable: bool = False,
        values: bool = False,
    ) -> Flow:
        """A run along which radii flow; recurrent layers in their parts where torch has them as one operation."""
        try:
            return self._flow(forms, kinks, record, lenient, probable, values)
        except UnknownOperationError as error:
            if not self.mkldnn or "mkldnn" not in error.name:
                raise
            self.mkldnn = False
            return self._flow(forms, kinks, record, lenient, probable, values)

    def _flow(
        self, forms: frozenset[str], kinks: str, record: bool, lenient: bool, probable: bool, values: bool
    ) -> Flow:
        context = Context(self.precision, Shadows(), forms, kinks, self.arithmetic, probable, library=self.library)
        mode = Bound(context, record=record, lenient=lenient, ulps=self.ulps, values=values)
        token = CURRENT.set(context)
        try:
            with settled(self.seed, unfused=True, mkldnn=self.mkldnn, dtype=self._default):
                given = self._given()
                with InTorch(), mode:
                    outputs = named(self.function(**given))
                self._keep(given)
                return Flow(_detached(outputs), mode)
        except NotImplementedError as error:
            if "HigherOrderOperator" not in str(error):
                raise
            raise _of_functions() from error
        finally:
            CURRENT.reset(token)

    def sampled(self, flow: Flow, want: Mapping[str, Tensor], names: Sequence[str], replicas: int) -> dict[str, Tensor]:
        """The sampled radius of each of these outputs: its own bound, and c root mean squares of the replicas' moves.

        c is Student's for the number of replicas (`student.factor`). The outward and the inward replica count as they
        are. Infinite where a replica is not finite although torch is. In low precision, whose moves reach over many a
        kink, each replica is run with the opposite moves too, and the larger gap of both counts.
        """
        own: dict[str, Tensor | None] = {}
        last: set[Place] = set()
        for name in names:
            own[name], place = flow.mode.own(flow.outputs[name])
            if place is not None:
                last.add(place)
        runs = _Replicas(self, flow, frozenset(last))
        centre = flow.outputs if flow.mode.in_float64 else runs.run(None)
        finite = {name: _all_finite(centre[name]) for name in names}
        squares = {name: torch.zeros(want[name].shape, dtype=torch.float64, device=self.device) for name in names}
        turns = 1 if self.arithmetic is None else 2
        for first in range(0, replicas, 2):  # two at a time: what both add to is read and written once
            # Where a choice (relu) holds back what goes one way, only a replica that goes the other way tells how far.
            moved = [runs.run(0, turned=bool(i % turns)) for i in range(turns * min(2, replicas - first))]
            for name in names:
                for square, middle, *others in _parts(squares[name], centre[name], *[each[name] for each in moved]):
                    gaps = [_gap(other, middle, finite[name]) for other in others]
                    if turns > 1:
                        gaps = [torch.maximum(x.abs_(), y.abs_()) for x, y in zip(gaps[::2], gaps[1::2], strict=True)]
                    for gap in gaps:
                        square.addcmul_(gap, gap)
            del moved
        c, _ = factor(replicas)
        moved = [runs.run(sign) for sign in (1, -1)]
        for name in names:
            for radius, middle, *others in _parts(squares[name], centre[name], *[each[name] for each in moved]):
                radius.div_(replicas).sqrt_().mul_(c)
                for other in others:
                    torch.maximum(radius, _gap(other, middle, finite[name]).abs_(), out=radius)
        radii = squares
        for name in names:
            tied = flow.context.rivals.get(flow.outputs[name])
            if tied is not None and tied[2].shape == radii[name].shape:
                radii[name].masked_fill_(tied[2], torch.inf)  # no replica tells
            for further in (own[name], to_either_side(want[name], flow.outputs[name]), flow.stored(name)):
                if further is not None:
                    radii[name] += further
            if not _all_finite(radii[name]):
                radii[name].nan_to_num_(nan=torch.inf, posinf=torch.inf)
        return radii


class _Replicas:
    """Replicas of a recorded run, one after the other; inputs are copied again only where a run wrote into them."""

    def __init__(self, question: Question, flow: Flow, last: frozenset[Place]) -> None:
        self.question, self.flow, self.last = question, flow, last
        self.generator = torch.Generator(device=question.device).manual_seed(question.seed)
        self._before = self.generator.get_state()
        self._given: dict[str, Any] | None = None
        self._products: dict[tuple[Any, ...], Tensor] = {}

    def run(self, sign: int | None, *, turned: bool = False) -> dict[str, Tensor]:
        """The outputs of one, moved as `Replica` says; with `turned` as the one before, the other way."""
        if turned:
            self.generator.set_state(self._before)
        self._before = self.generator.get_state()
        return in_one_type(lambda: self._run(sign, turned))

    def _run(self, sign: int | None, turned: bool) -> dict[str, Tensor]:
        question = self.question
        self.generator.set_state(self._before)
        mode = Replica(
            self.flow.mode.steps, self.last, sign, self.generator,
            declared=question.arithmetic, turned=turned, products=self._products,
        )  # fmt: skip
        token = CURRENT.set(self.flow.context)
        try:
            with settled(question.seed, unfused=True, mkldnn=question.mkldnn, dtype=torch.float64):
                given = self._given or as_tensors(question.inputs, question.device, torch.float64)
                mode.inputs = {x.untyped_storage()._cdata: i for i, x in enumerate(tensors(given))}
                with mode:
                    outputs = named(question.function(**given))
                mode.finish()
        finally:
            CURRENT.reset(token)
        self._given = None if mode.wrote & mode.inputs.keys() else given
        return _detached(outputs)


def _touched(x: Tensor) -> bool:
    return x._version > 0 or x.requires_grad or x.grad is not None


def _detached(outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: output.detach() for name, output in outputs.items()}


def _all_finite(x: Tensor) -> bool:
    return bool(x.is_floating_point()) and math.isfinite(float(x.sum()))


def _parts(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Of tensors of one shape the elements of a block after another, which stay near the processor."""
    return zip(*(torch.split(x.reshape(-1), BLOCK // 2) for x in tensors), strict=True)


def _gap(x: Tensor, y: Tensor, finite: bool) -> Tensor:
    """x − y; 0 where both are the same infinity or not a number, infinite where truth or index differ.

    `finite` says that all of y is finite.
    """
    if not y.is_floating_point():
        return torch.where(x != y, torch.inf, 0.0).to(torch.float64)
    out = x - y
    return out if finite else out.masked_fill_((x == y) | (x.isnan() & y.isnan()), 0.0)
