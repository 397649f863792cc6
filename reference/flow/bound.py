"""One run in which the radius of every result flows along: the guaranteed bound, and the steps for replicas."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._ops import OpOverload

from reference.flow.dispatch import Kind, Plan
from reference.flow.errors import ComplexOperationError, DataDependentError, QuestionError, UnknownOperationError
from reference.flow.low_precision import Arithmetic
from reference.flow.nested import (
    any_complex,
    as_real,
    bound_arguments,
    changed,
    is_float_conversion,
    replaced,
    same_storage,
    tensors,
    written,
)
from reference.flow.operation import BLOCK, Context, Operation, Radius, Rule, plus, wide
from reference.flow.plain import doubled
from reference.flow.rounding import STORED_INSIDE
from reference.flow.shadows import Shadows, is_unknown, unknown
from reference.flow.shared import carried
from reference.flow.student import ONE_SIDE
from reference.flow.walk import Walk

aten = torch.ops.aten


@dataclass
class Step:
    """What a run did at one operation, for replicas to do again."""

    name: str
    shapes: list[tuple[int, ...]]
    strides: list[tuple[int, ...]] = field(default_factory=list)
    """How its results lie in memory, by which torch chooses the kernels of what follows; empty where nobody asks."""
    sigma: list[Radius] = field(default_factory=list)
    """Of each result, the standard deviation that stands for the rounding of both sides."""
    stretch: float = 1.0
    """How many times as large the guaranteed bound of the same rounding is."""
    own: list[Radius] = field(default_factory=list)
    """Of each result, the radius of its own rounding, where a law gave it and no multiple of `sigma` is it."""
    stored: list[Radius] = field(default_factory=list)
    """Of each result, how far storing it moves it near its value, which is in `sigma` as well."""
    drawn: list[Tensor] = field(default_factory=list)
    """The numbers that a random operation gave."""
    conditioned: float = 0.0
    """By how much of themselves the operands move as well, since nobody knows what the operation makes of rounding."""


Place = tuple[int, int]
"""A step's number, and which of its results."""


class Bound(Walk):  # type: ignore[no-untyped-call]
    """Runs every operation as it is and keeps, by storage, the radius of every result in `context.shadows`.

    With `record` the steps are kept for replicas, and with `lenient` a value that rounding may change may leave torch
    (the bound is then void: `void`). `ulps` is what an operation without a rule is allowed, in its operands and in its
    result; its radius is infinite all the same, since nobody knows what it makes of theirs. None refuses it. With
    `values` no radius is made: rules are asked which side to take at a kink alone, all numbers counting as exact.
    """

    def __init__(
        self,
        context: Context,
        *,
        record: bool = False,
        lenient: bool = False,
        ulps: float | None = None,
        values: bool = False,
    ) -> None:
        super().__init__()
        self.context, self.ulps, self.record, self.lenient = context, ulps, record, lenient
        self.values = values
        self.void = False
        self.without_rule = False
        """Whether an operation was allowed its ulps."""
        self.in_float64 = True
        """Whether all was, and nothing was done in its parts, so that a replica without moves would give the same."""
        self._roundings = 0
        """How many operations have rounded, those that others are made of included."""
        self._inside = 0
        """How deep the run is in the parts of an operation, which store nothing."""
        self.steps: list[Step] = []
        self.sigmas, self.owns = Shadows(), Shadows()
        self._origin: dict[int, Place] = {}
        self._read: set[int] = set()

    def prepare(
        self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Where low precision is declared, everything of fewer bits as float64, which a conversion to them stays."""
        declared = self.context.arithmetic
        if declared is None:
            return args, kwargs
        if func is aten._to_copy.default and not self.values:
            self._refuse_rounding(args[0], kwargs.get("dtype"), declared)
        for x in written(func, args, kwargs):
            if doubled(x) is not x:
                raise DataDependentError(
                    f"{func} writes into a tensor of {str(x.dtype).removeprefix('torch.')} that the function did not "
                    "get as an input; pass it as one"
                )
        return changed((args, kwargs), doubled)  # type: ignore[no-any-return]

    def planned(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan:
        """The same; complex numbers are refused where low precision is declared."""
        if self.context.arithmetic is not None and any_complex(args, kwargs):
            raise QuestionError(f"torch runs {func} on complex numbers, whose parts nothing follows in low precision")
        return super().planned(func, args, kwargs)

    def _refuse_rounding(self, x: Tensor, to: torch.dtype | None, declared: Arithmetic) -> None:
        """Refuse a conversion that rounds otherwise than results are stored: what is rounded before is an input."""
        if to is None or not to.is_floating_point or not x.is_floating_point():
            return
        name = str(to).removeprefix("torch.")
        fewer = torch.finfo(to).eps / 2 > declared.stored.u
        given = self.context.shadows.get(x) is None and not bool((doubled(x.to(to)) == doubled(x)).all())
        if fewer or given:
            where = (
                f"to {name}, of fewer bits than the {declared.store} that is stored" if fewer else f"an input to {name}"
            )
            raise QuestionError(
                f"the reference rounds {where}; give what is rounded as an input in {name}, taken exactly as it is"
            )

    def own(self, output: Tensor) -> tuple[Radius, Place | None]:
        """How far the last operation of an output rounds at most, and its place, where nothing read it."""
        key = output.untyped_storage()._cdata
        place = self._origin.get(key)
        sigma, own = self.sigmas.get_as_put(output), self.owns.get_as_put(output)
        if place is None or sigma is None:
            return own, None
        own = sigma * self.steps[place[0]].stretch if own is None else own
        return own, None if key in self._read else place

    def random(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What is drawn is data, known exactly; a probability that rounding may change would change it."""
        if any(
            self.context.shadows.get(x) is not None for x in tensors((args, kwargs)) if not _is_target(func, x, args)
        ):
            raise DataDependentError(f"{func} draws by values that rounding may change")
        out = func(*args, **kwargs)
        for x in tensors(out):
            self.context.shadows.put(x, None)
        if self.record:
            self.steps.append(Step(str(func), _shapes(out), drawn=[x.clone() for x in tensors(out)]))
        return out

    def item(self, func: OpOverload, x: Tensor) -> Any:
        """A number that leaves torch may steer the run, so that rounding must not be able to change it."""
        radius = self.context.shadows.get(x)
        if radius is not None and bool((radius != 0).any()):
            if not self.lenient:
                raise DataDependentError(
                    "the function takes a value out of torch (.item(), float(), a branch) that rounding may change; "
                    "no bound holds for what depends on it"
                )
            self.void = True
        return func(x)

    def ruled(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], planned: Plan) -> Any:
        """The operation, and its rule's radius."""
        out = func(*args, **kwargs)
        if self.values and not planned.chooses:
            return out
        out, radii, step = self._apply(func, args, kwargs, out, planned)
        self._keep(args, kwargs, tensors(out), radii, step)
        self._share(func, args, kwargs, out)
        return out

    def in_place(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], planned: Plan) -> Any:
        """The operation, with the radius that the one that returns its result has for the values before."""
        target: Tensor = bound_arguments(func, args, kwargs)[planned.written[0]]
        assert planned.functional is not None
        functional = self.planned(planned.functional, args, kwargs)
        if self.values and functional.kind is Kind.RULE and not functional.chooses:
            return func(*args, **kwargs)
        before = {id(x): self._copied(x) for x in tensors((args, kwargs)) if same_storage(x, target)}
        out = func(*args, **kwargs)
        args, kwargs = replaced((args, kwargs), before)
        for argument in func._schema.arguments:
            if argument.is_out:
                kwargs.pop(argument.name, None)
        step: Step | None = None
        if functional.kind is Kind.RULE:
            value, radii, step = self._apply(planned.functional, args, kwargs, target, functional)
            if value is not target:
                target.copy_(value)
        elif functional.kind is Kind.DECOMPOSED:
            radii, step = self._in_parts(functional, args, kwargs, [target], str(func))[1:]
        else:
            return self.unknown(func, args, kwargs)
        self._note(tensors((args, kwargs)))
        self.context.shadows.put(target, radii[0])
        self._share(planned.functional, args, kwargs, target)
        self._remember(target, step)
        return out

    def decomposed(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], planned: Plan) -> Any:
        """The operation's own result, with the radius of the one that is made of others and what lies between both."""
        assert planned.decomposition is not None
        given = bound_arguments(func, args, kwargs)
        targets = [given[name] for name in planned.written if given.get(name) is not None]
        copies = {id(x): self._copied(x) for x in targets}
        out = func(*args, **kwargs)
        args, kwargs = replaced((args, kwargs), copies)
        values = tensors(out)
        if self._at_once(func, args, kwargs, out, planned):
            self._put_written(targets, copies)
            return out
        try:
            other, radii, step = self._in_parts(planned, args, kwargs, values, str(func))
        except UnknownOperationError as error:
            # The name that a person knows: prims are what torch's own decompositions end in.
            raise UnknownOperationError(str(func)) if error.name.startswith("prims.") else error from None
        if self.context.kinks != "torch":
            return other  # the operation itself would take torch's side
        self._keep(args, kwargs, values, radii, step)
        self._put_written(targets, copies)
        return out

    def _at_once(self, func: OpOverload, args: Any, kwargs: dict[str, Any], out: Any, planned: Plan) -> bool:
        """Whether the radii of an operation that has parts came from its rule in closed form."""
        if planned.closed is None or self.record or self.context.arithmetic is not None:
            return False
        if self.values:
            return True
        operation = Operation(func, args, kwargs, out, self.context, local=False)
        radii = planned.closed(operation)
        if radii is NotImplemented:
            return False
        self.context.seen_closed = True
        of_values = _listed(radii, out)
        if all(self.context.shadows.get(x) is None for x in tensors((args, kwargs))):
            for x, radius in zip(tensors(out), of_values, strict=True):
                self.owns.put(x, radius)
        self._keep(args, kwargs, tensors(out), of_values, None)
        self.context.shadows.share(out[0], operation.shared)
        return True

    def _put_written(self, targets: list[Tensor], copies: dict[int, Tensor]) -> None:
        """The radii of what an operation wrote into besides, of which the copies were made in its parts."""
        for x in targets:
            copy = copies[id(x)]
            self.context.shadows.put(x, plus(self.context.shadows.get(copy), to_either_side(x, copy)))

    def unknown(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Refused, by name, or allowed so many ulps; integers and truth values made of exact ones are exact."""
        given = tensors((args, kwargs))
        known = all(not as_real(x).is_floating_point() and self.context.shadows.get(x) is None for x in given)
        out = func(*args, **kwargs)
        exact = known and not any(as_real(x).is_floating_point() for x in tensors(out))
        if exact:
            return out
        if any_complex(args, kwargs) or any(x.is_complex() for x in tensors(out)):
            raise ComplexOperationError(str(func))
        if self.ulps is None or func._schema.is_mutable:
            raise UnknownOperationError(str(func))
        values = tensors(out)
        self.without_rule, self.in_float64 = True, False
        moved = 2 * self.ulps * self.context.precision.u
        step = Step(str(func), _shapes(out), conditioned=moved)
        step.sigma += [wide(x).abs() * moved if x.is_floating_point() else None for x in values]
        radii: list[Radius] = [torch.full(x.shape, torch.inf, dtype=torch.float64, device=x.device) for x in values]
        self._keep(args, kwargs, values, radii, step)
        return out

    def _apply(
        self, func: OpOverload, args: Any, kwargs: dict[str, Any], out: Any, planned: Plan
    ) -> tuple[Any, list[Radius], Step | None]:
        """The result, as the rule leaves it, and its radii; the step where they are recorded."""
        assert planned.rule is not None
        operation = Operation(func, args, kwargs, out, self.context, local=False)
        radii = _asked(planned.rule, operation)
        if is_float_conversion(func, args[0], out):
            self.in_float64 = False
            return operation.out, radii, None
        if not self.record:
            return operation.out, self._stored(operation.out, radii, operation.rounds, operation.scales)[0], None
        step = Step(str(func), _shapes(out), _strides(out))
        self.in_float64 &= all(x.dtype is torch.float64 or not as_real(x).is_floating_point() for x in tensors(out))
        before = self.context.probable_calls
        own = Operation(func, args, kwargs, out, self.context, local=True)
        own.memo = operation.memo
        step.sigma, step.stretch = _asked(planned.rule, own), own.stretch
        radii, half = self._stored(operation.out, radii, operation.rounds, operation.scales)
        if operation.memo or any(one is not None for one in half):
            alone = Operation(func, args, kwargs, out, self.context, local=False, alone=True)
            alone.memo = operation.memo
            step.own = _asked(planned.rule, alone)
            self.context.probable_calls = before
            step.own = [plus(r, h) for r, h in zip(step.own, half, strict=True)]
        step.sigma, step.stored = _with_moves(step.sigma, half), half
        return operation.out, radii, step

    def _in_parts(
        self, planned: Plan, args: Any, kwargs: dict[str, Any], values: list[Tensor], name: str
    ) -> tuple[Any, list[Radius], Step | None]:
        """What the parts of an operation give together, the radii of its own results, and the step.

        Radii are those of the parts and what `to_either_side` gives. The parts store nothing, unless that
        form is allowed; the whole may.
        """
        assert planned.decomposition is not None
        before, self.in_float64 = self._roundings, False
        self._inside += 1
        try:
            with self:
                other = planned.decomposition(*args, **kwargs)
        finally:
            self._inside -= 1
        if self.context.kinks != "torch":
            return other, [], None
        others = tensors(other)
        if len(values) != len(others):
            raise UnknownOperationError(name)
        between = [to_either_side(x, y) for x, y in zip(values, others, strict=True)]
        radii = [plus(self.context.shadows.get(y), r) for y, r in zip(others, between, strict=True)]
        radii, half = self._stored(values, radii, self._roundings > before)
        if not self.record:
            return other, radii, None
        own = [plus(*each) for each in zip(between, half, strict=True)] if any(h is not None for h in half) else []
        step = Step(name, _shapes(values), _strides(values), _with_moves(between, half), own=own, stored=half)
        return other, radii, step

    def _stored(
        self, out: Any, radii: list[Radius], rounds: bool, scales: bool = False
    ) -> tuple[list[Radius], list[Radius]]:
        """The radii with the rounding of results that are stored once, where low precision is declared.

        Beside them that rounding for replicas, which move by it: near the value, however large the bound is by then.
        """
        self._roundings += rounds
        declared = self.context.arithmetic
        if self._inside and declared is not None:
            self.context.seen_forms.add(STORED_INSIDE)
        nothing: list[Radius] = [None] * len(radii)
        if declared is None or (self._inside and STORED_INSIDE not in self.context.forms):
            return radii, nothing
        half, near = nothing.copy(), nothing.copy()
        for i, (x, r) in enumerate(zip(tensors(out), radii, strict=True)):
            if not x.is_floating_point() or not declared.low:
                continue
            kept = None if rounds or r is None else kept_as_it_is(x, r, declared, scales)
            half[i] = near[i] = stored(x, r, declared, kept)
            if self.record and r is not None:
                near[i] = stored(x, torch.fmin(r, wide(x).abs() * NEAR), declared, kept)
        return [plus(*each) for each in zip(radii, half, strict=True)], near

    def _copied(self, x: Tensor) -> Tensor:
        """The tensor as it is now, with its radius."""
        copy = x.clone()
        self.context.shadows.put(copy, self.context.shadows.get(x))
        self.context.shadows.share(copy, self.context.shadows.shared(x))
        return copy

    def _share(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """What the elements of a result share is what those of its operand did."""
        if self.context.probable and isinstance(out, Tensor):
            self.context.shadows.share(out, carried(func, args, kwargs, out, self.context.shadows))

    def _keep(
        self, args: Any, kwargs: dict[str, Any], values: list[Tensor], radii: list[Radius], step: Step | None
    ) -> None:
        operands = tensors((args, kwargs))
        self._note(operands)
        for i, (x, radius) in enumerate(zip(values, radii, strict=True)):
            self.context.shadows.put(x, self._sound(radius, x, operands))
            self._remember(x, step, i, new=i == 0)

    def _sound(self, radius: Radius, x: Tensor, operands: list[Tensor]) -> Radius:
        """The radius with infinity where it is not a number; 0 where exact operands give an infinity, or no number."""
        if radius is None or x.numel() == 0:
            return None
        if is_unknown(radius):
            return radius
        whole = float(radius.sum())
        if math.isfinite(whole):
            return radius
        if math.isnan(whole):
            radius = radius.nan_to_num(nan=torch.inf, posinf=torch.inf)
        if self.ulps is None and all(self.context.shadows.get(y) is None for y in operands):
            return radius.masked_fill(~torch.isfinite(as_real(x)), 0.0)
        return unknown(radius) if float(radius.amin()) == math.inf else radius

    def _remember(self, x: Tensor, step: Step | None, i: int = 0, *, new: bool = True) -> None:
        """Which step's which result lies in a storage; with a record only."""
        if step is None:
            return
        if new:
            self.steps.append(step)
        key = x.untyped_storage()._cdata
        self.sigmas.put(x, step.sigma[i])
        self.owns.put(x, step.own[i] if step.own else None)
        self._origin[key] = len(self.steps) - 1, i
        self._read.discard(key)

    def _note(self, operands: list[Tensor]) -> None:
        if self.record:
            self._read.update(x.untyped_storage()._cdata for x in operands)


NEAR = 1 / 16
"""The part of a value by which replicas take it to move where its own rounding is asked for: enough to be beyond the
next power of two, where that rounding is twice as much."""


def stored(x: Tensor, r: Radius, declared: Arithmetic, kept: Tensor | None = None) -> Radius:
    """By how much storing x ± r moves it at most; not at all what is exact and of that type, and where it is `kept`."""
    exact = declared.stores(x)
    if declared.stored.flushes:
        exact &= (x == 0) | (x.abs() >= declared.stored.tiny)
    exact = exact if r is None else exact & (r == 0)
    exact = exact if kept is None else exact | kept
    if bool(exact.all()):
        return None
    return declared.half_ulp(x if r is None else wide(x).abs() + r).masked_fill_(exact, 0.0)


def kept_as_it_is(x: Tensor, r: Tensor, declared: Arithmetic, scales: bool) -> Tensor:
    """Where an operation that rounds nothing gives what storing its operands has rounded already.

    That is where they have a radius, unless it `scales` them by powers of two to below the smallest normal number.
    """
    return (r > 0) & (wide(x).abs() - r >= declared.stored.tiny) if scales else r > 0


def _with_moves(sigmas: list[Radius], half: list[Radius]) -> list[Radius]:
    """Standard deviations with that of moves for one side's rounding to nearest by up to `half`, as student.py asks."""
    return [s if h is None else plus(s, h * ONE_SIDE) for s, h in zip(sigmas, half, strict=True)]


def _is_target(func: OpOverload, x: Tensor, args: tuple[Any, ...]) -> bool:
    """Whether a random operation only writes into `x`."""
    return func._schema.is_mutable and x is args[0]


def _shapes(out: Any) -> list[tuple[int, ...]]:
    return [tuple(x.shape) for x in tensors(out)]


def _strides(out: Any) -> list[tuple[int, ...]]:
    return [x.stride() for x in tensors(out)]


def _asked(rule: Rule, operation: Operation) -> list[Radius]:
    """The radii that a rule gives; results without elements, of which few operations are defined, have none."""
    values = tensors(operation.out)
    if values and not sum(map(Tensor.numel, values)):
        return [None] * len(values)
    return _listed(rule(operation), operation.out)


def _listed(radii: Any, out: Any) -> list[Radius]:
    """The radii of those results that there are; a truth value of Python's has none."""
    if not isinstance(out, (Tensor, tuple, list)):
        return []
    if not isinstance(radii, (tuple, list)):
        return [radii]
    return [radius for radius, x in zip(radii, out, strict=True) if isinstance(x, Tensor)]


def apart(x: Tensor, y: Tensor) -> Radius:
    """|x − y|, 0 where both are the same infinity or not a number; None where all is 0."""
    x, y = as_real(x), as_real(y)
    if equal(x, y):
        return None
    if not x.is_floating_point() or x.dtype != y.dtype:
        return torch.where(x != y, torch.inf, 0.0).double()
    if not (x.is_contiguous() and y.is_contiguous()):
        return _distance(x, y)
    parts = zip(torch.split(x.flatten(), BLOCK), torch.split(y.flatten(), BLOCK), strict=True)
    return torch.cat([_distance(a, b) for a, b in parts]).view(x.shape)


def _distance(x: Tensor, y: Tensor) -> Tensor:
    distance = (wide(x) - wide(y)).abs_()
    return distance if math.isfinite(float(distance.sum())) else distance.masked_fill_(distance.isnan(), 0.0)


def equal(x: Tensor, y: Tensor) -> bool:
    """Whether all elements are; numpy is quicker about it than torch."""
    if x.device.type == y.device.type == "cpu":
        return np.array_equal(x.detach().numpy(), y.detach().numpy())
    return torch.equal(x, y)


def to_either_side(x: Tensor, y: Tensor) -> Radius:
    """Twice the distance of torch's result from the same in its parts.

    A candidate may compute as torch's kernel does, and be as far from its parts on the other side.
    """
    between = apart(x, y)
    return None if between is None else between.mul_(2)
