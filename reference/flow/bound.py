"""One run in which the radius of every result flows along: the guaranteed bound, and the steps for replicas."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._ops import OpOverload

from reference.flow.dispatch import Kind, Plan, plan
from reference.flow.errors import DataDependentError, UnknownOperationError
from reference.flow.nested import bound_arguments, is_float_conversion, replaced, same_storage, tensors
from reference.flow.operation import Context, Operation, Radius, plus, wide
from reference.flow.shadows import Shadows
from reference.flow.walk import Walk, real


@dataclass
class Step:
    """What a run did at one operation, for replicas to do again."""

    name: str
    shapes: list[tuple[int, ...]]
    sigma: list[Radius] = field(default_factory=list)
    """Of each result, the standard deviation that stands for the rounding of both sides."""
    stretch: float = 1.0
    """How many times as large the guaranteed bound of the same rounding is."""
    own: list[Radius] = field(default_factory=list)
    """Of each result, the radius of its own rounding, where a law gave it and no multiple of `sigma` is it."""
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
    result; its radius is infinite all the same, since nobody knows what it makes of theirs. None refuses it.
    """

    def __init__(
        self, context: Context, *, record: bool = False, lenient: bool = False, ulps: float | None = None
    ) -> None:
        super().__init__()
        self.context, self.ulps, self.record, self.lenient = context, ulps, record, lenient
        self.void = False
        self.without_rule = False
        """Whether an operation was allowed its ulps."""
        self.steps: list[Step] = []
        self.sigmas, self.owns = Shadows(), Shadows()
        self._origin: dict[int, Place] = {}
        self._read: set[int] = set()

    def own(self, output: Tensor) -> tuple[Radius, Place | None]:
        """How far the last operation of an output rounds at most, and its place, where nothing read it."""
        key = output.untyped_storage()._cdata
        place = self._origin.get(key)
        sigma = self.sigmas.get_as_put(output)
        if place is None or sigma is None:
            return None, None
        own = self.owns.get_as_put(output)
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
        out, radii, step = self._apply(func, args, kwargs, out, planned)
        if is_float_conversion(func, args[0], out):
            step = None
        self._keep(args, kwargs, tensors(out), radii, step)
        return out

    def in_place(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], planned: Plan) -> Any:
        """The operation, with the radius that the one that returns its result has for the values before."""
        target: Tensor = bound_arguments(func, args, kwargs)[planned.written[0]]
        before = {id(x): self._copied(x) for x in tensors((args, kwargs)) if same_storage(x, target)}
        out = func(*args, **kwargs)
        assert planned.functional is not None
        args, kwargs = replaced((args, kwargs), before)
        for argument in func._schema.arguments:
            if argument.is_out:
                kwargs.pop(argument.name, None)
        functional = plan(planned.functional)
        step: Step | None = None
        if functional.kind is Kind.RULE:
            value, radii, step = self._apply(planned.functional, args, kwargs, target, functional)
            if value is not target:
                target.copy_(value)
        elif functional.kind is Kind.DECOMPOSED:
            assert functional.decomposition is not None
            with self:
                other = functional.decomposition(*args, **kwargs)
            radii, step = self._beside([target], [other], str(func))
        else:
            return self.unknown(func, args, kwargs)
        self._note(tensors((args, kwargs)))
        self.context.shadows.put(target, radii[0])
        self._remember(target, step)
        return out

    def decomposed(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], planned: Plan) -> Any:
        """The operation's own result, with the radius of the one that is made of others and what lies between both."""
        assert planned.decomposition is not None
        given = bound_arguments(func, args, kwargs)
        written = [given[name] for name in planned.written if given.get(name) is not None]
        copies = {id(x): self._copied(x) for x in written}
        out = real(func, func(*args, **kwargs))
        args, kwargs = replaced((args, kwargs), copies)
        try:
            with self:
                other = planned.decomposition(*args, **kwargs)
        except UnknownOperationError as error:
            # The name that a person knows: prims are what torch's own decompositions end in.
            raise UnknownOperationError(str(func)) if error.name.startswith("prims.") else error from None
        if self.context.kinks != "torch":
            return other  # the operation itself would take torch's side
        values, others = tensors(out), tensors(other)
        if len(values) != len(others):
            raise UnknownOperationError(str(func))
        radii, step = self._beside(values, others, str(func))
        self._keep(args, kwargs, values, radii, step)
        for x in written:
            copy = copies[id(x)]
            self.context.shadows.put(x, plus(self.context.shadows.get(copy), to_either_side(x, copy)))
        return out

    def unknown(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Refused, by name, or allowed so many ulps; integers and truth values made of exact ones are exact."""
        given = tensors((args, kwargs))
        known = all(not x.is_floating_point() and self.context.shadows.get(x) is None for x in given)
        out = real(func, func(*args, **kwargs))
        exact = known and not any(x.is_floating_point() for x in tensors(out))
        if exact:
            return out
        if self.ulps is None or func._schema.is_mutable:
            raise UnknownOperationError(str(func))
        values = tensors(out)
        self.without_rule = True
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
        radii = _listed(planned.rule(operation), operation.out)
        if not self.record:
            return operation.out, radii, None
        step = Step(str(func), _shapes(out))
        before = self.context.probable_calls
        own = Operation(func, args, kwargs, out, self.context, local=True)
        own.memo = operation.memo
        step.sigma, step.stretch = _listed(planned.rule(own), own.out), own.stretch
        if operation.memo:
            alone = Operation(func, args, kwargs, out, self.context, local=False, alone=True)
            alone.memo = operation.memo
            step.own = _listed(planned.rule(alone), alone.out)
            self.context.probable_calls = before
        return operation.out, radii, step

    def _beside(self, values: list[Tensor], others: list[Tensor], name: str) -> tuple[list[Radius], Step | None]:
        """Radii of results that were computed in another way as well: the other's, and what `to_either_side` gives."""
        between = [to_either_side(x, y) for x, y in zip(values, others, strict=True)]
        radii = [plus(self.context.shadows.get(y), r) for y, r in zip(others, between, strict=True)]
        step = Step(name, [tuple(x.shape) for x in values], sigma=between) if self.record else None
        return radii, step

    def _copied(self, x: Tensor) -> Tensor:
        """The tensor as it is now, with its radius."""
        copy = x.clone()
        self.context.shadows.put(copy, self.context.shadows.get(x))
        return copy

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
        if math.isfinite(float(radius.sum())):
            return radius
        radius = radius.nan_to_num(nan=torch.inf, posinf=torch.inf)
        if self.ulps is None and all(self.context.shadows.get(y) is None for y in operands):
            return radius.masked_fill(~torch.isfinite(x), 0.0)
        return radius

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


def _is_target(func: OpOverload, x: Tensor, args: tuple[Any, ...]) -> bool:
    """Whether a random operation only writes into `x`."""
    return func._schema.is_mutable and x is args[0]


def _shapes(out: Any) -> list[tuple[int, ...]]:
    return [tuple(x.shape) for x in tensors(out)]


def _listed(radii: Any, out: Any) -> list[Radius]:
    """The radii of those results that there are; a truth value of Python's has none."""
    if not isinstance(out, (Tensor, tuple, list)):
        return []
    if not isinstance(radii, (tuple, list)):
        return [radii]
    return [radius for radius, x in zip(radii, out, strict=True) if isinstance(x, Tensor)]


def apart(x: Tensor, y: Tensor) -> Radius:
    """|x − y|, 0 where both are the same infinity or not a number; None where all is 0."""
    if _equal(x, y):
        return None
    if not x.is_floating_point() or x.dtype != y.dtype:
        return torch.where(x != y, torch.inf, 0.0).double()
    distance = (wide(x) - wide(y)).abs()
    return distance.masked_fill(distance.isnan(), 0.0)


def _equal(x: Tensor, y: Tensor) -> bool:
    """Whether all elements are; numpy is quicker about it than torch."""
    if x.device.type == y.device.type == "cpu":
        return np.array_equal(x.detach().numpy(), y.detach().numpy())
    return torch.equal(x, y)


def to_either_side(x: Tensor, y: Tensor) -> Radius:
    """Twice the distance of torch's result from the same in its parts.

    A candidate may compute as torch's kernel does, and be as far from its parts on the other side.
    """
    between = apart(x, y)
    return None if between is None else 2 * between
