"""Replicas: the same operations done again, each result moved by its own rounding; torch itself carries it along.

The moves are normal, with the standard deviation that stands for both sides' rounding of that operation. Two further
replicas are moved outward, and inward, throughout: rounding errors of one sign add up (a hundred equal steps). All are
in float64, since moves below one unit in the last place would be swallowed in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from reference.flow.bound import Place, Step
from reference.flow.dispatch import Plan
from reference.flow.errors import DataDependentError
from reference.flow.low_precision import Arithmetic
from reference.flow.nested import as_real, bound_arguments, changed, is_float_conversion, tensors
from reference.flow.operation import Radius
from reference.flow.plain import doubled
from reference.flow.rules.choices import in_backward
from reference.flow.shadows import Shadows
from reference.flow.student import ONE_SIDE
from reference.flow.walk import Walk

aten = torch.ops.aten
_DOMAINS: dict[Any, tuple[float | None, float | None]] = {
    aten.sqrt: (0.0, None),
    aten.rsqrt: (0.0, None),
    aten.log: (0.0, None),
    aten.log2: (0.0, None),
    aten.log10: (0.0, None),
    aten.log1p: (-1.0, None),
    aten.asin: (-1.0, 1.0),
    aten.acos: (-1.0, 1.0),
    aten.atanh: (-1.0, 1.0),
    aten.acosh: (1.0, None),
}
"""Where functions are defined: moved operands are brought back there."""
_PRODUCTS = {aten.mm.default, aten.bmm.default, aten.addmm.default, aten.convolution.default}


class Replica(Walk):  # type: ignore[no-untyped-call]
    """One run that repeats `steps`. `sign` is 0 for normal moves from `generator`, 1 outward, −1 inward, None for none.
    With `turned` normal moves go the other way. `products` keeps those of inputs alone, for further runs.

    Results in `last` are not moved: nothing reads them, and their own bound is added to the radius instead.
    What a backward reads of the forward's results is moved anew, because a candidate may compute it again and round
    otherwise: an error that torch shares between results would cancel.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        last: frozenset[Place],
        sign: int | None,
        generator: torch.Generator,
        *,
        declared: Arithmetic | None,
        turned: bool,
        products: dict[tuple[Any, ...], Tensor],
    ) -> None:
        super().__init__()
        self.declared, self.turned, self.products = declared, turned, products
        self.inputs: dict[int, int] = {}
        """The number of each input, by the address of its storage."""
        self.steps, self.last, self.sign, self.generator = steps, last, sign, generator
        self._at = 0
        self._forward = Shadows()

    def finish(self) -> None:
        """Refuse a run that stopped short of the recorded operations."""
        if self._at != len(self.steps):
            raise _other_way(self.steps[self._at].name, "nothing")

    def prepare(
        self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Everything of float32 as float64, operands within the function's domain, saved results moved anew."""
        if func._schema.is_mutable and _is_single(args[0] if args else None):
            raise DataDependentError(
                f"{func} writes into a float32 tensor that the function did not get as an input; pass it as one"
            )
        args, kwargs = changed((args, kwargs), doubled)
        domain = _DOMAINS.get(func.overloadpacket)
        if domain is not None and self.sign is not None and not args[0].is_complex():
            args = (args[0].clamp(*domain), *args[1:])
        return args, kwargs

    def random(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The numbers that were drawn in the recorded run."""
        out = func(*args, **kwargs)
        step = self._next(func, out)
        for x, drawn in zip(tensors(out), step.drawn, strict=True):
            x.copy_(drawn)
        return out

    def item(self, func: OpOverload, x: Tensor) -> Any:
        """The moved value."""
        return func(x)

    def ruled(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], planned: Plan) -> Any:
        """The operation, its result moved."""
        args, kwargs = self._anew(args, kwargs)
        out = self._product(func, args, kwargs) if func in _PRODUCTS else func(*args, **kwargs)
        if not is_float_conversion(func, args[0], out):
            out = self._laid_out(out)
            self._move(func, out)
        return out

    def _product(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """A product; of inputs, which are the same in each run, a copy of the first run's."""
        key: list[Any] = [self._at]
        for x in (x for x in args if isinstance(x, Tensor)):
            place = x.untyped_storage()._cdata
            key += [None if place in self.wrote else self.inputs.get(place), x.storage_offset(), x.stride()]
        if None in key:
            return func(*args, **kwargs)  # type: ignore[no-any-return]
        if tuple(key) not in self.products:
            self.products[tuple(key)] = func(*args, **kwargs)
        return self.products[tuple(key)].clone()

    def in_place(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], planned: Plan) -> Any:
        """The operation, what it wrote moved."""
        assert planned.functional is not None
        functional = self.planned(planned.functional, args, kwargs)
        if functional.decomposition is None:
            out = func(*args, **kwargs)
            self._move(func, [bound_arguments(func, args, kwargs)[planned.written[0]]], named=str(planned.functional))
            return out
        target: Tensor = bound_arguments(func, args, kwargs)[planned.written[0]]
        for a in func._schema.arguments:
            if a.is_out:
                kwargs.pop(a.name, None)
        with self:
            result = functional.decomposition(*args, **kwargs)
        target.copy_(result)
        self._move(func, [target])
        return target

    def decomposed(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], planned: Plan) -> Any:
        """The operations that this one is made of, and a move for what lies between them and its own result."""
        assert planned.decomposition is not None
        with self:
            out = planned.decomposition(*args, **kwargs)
        out = self._laid_out(out)
        self._move(func, out)
        return out

    def unknown(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The operation, operands and result moved by the ulps that it was allowed; not at all where it was exact.

        The operands, because a good algorithm is right for operands that are off by so much (it is backward stable),
        and what that makes of the result, its condition, is what nobody knows but the operation.
        """
        if self._at == len(self.steps) or self.steps[self._at].name != str(func):
            return func(*args, **kwargs)
        share = self.steps[self._at].conditioned
        if self.sign is not None:
            args, kwargs = changed((args, kwargs), lambda x: self._off_by(x, share))
        out = func(*args, **kwargs)
        self._move(func, out)
        return out

    def _off_by(self, x: Any, share: float) -> Any:
        """An operand, each number of it moved by so much of itself."""
        if not isinstance(x, Tensor) or not x.is_floating_point():
            return x
        if not self.sign:
            return torch.addcmul(x, self._normal(x), x, value=share)
        return x * (1 + self.sign * share)

    def _next(self, func: OpOverload | str, out: Any) -> Step:
        name, shapes = str(func), [x.shape for x in tensors(out)]
        if self._at >= len(self.steps):
            raise _other_way("nothing", name)
        step = self.steps[self._at]
        if step.name != name or step.shapes != shapes:
            raise _other_way(f"{step.name} of {step.shapes}", f"{name} of {shapes}")
        self._at += 1
        return step

    def _laid_out(self, out: Any) -> Any:
        """Results in memory as those of the recorded run lie, so that torch goes on with the same kernels."""
        found = tensors(out)
        step = self.steps[self._at] if self._at < len(self.steps) else None
        if step is None or not step.strides or step.shapes != [x.shape for x in found]:
            return out
        others = {id(x): s for x, s in zip(found, step.strides, strict=True) if x.stride() != s and 0 not in s}

        def laid(x: Any) -> Any:
            return x.new_empty_strided(x.shape, others[id(x)]).copy_(x) if id(x) in others else x

        return changed(out, laid) if others else out

    def _move(self, func: OpOverload, out: Any, named: str = "") -> None:
        values = tensors(out)
        if not values:
            return
        index = self._at
        step = self._next(named or func, out)
        if self.sign is None:
            return
        forward = not in_backward()
        for i, (x, sigma) in enumerate(zip(values, step.sigma, strict=True)):
            x = as_real(x)
            if not x.is_floating_point():
                continue
            if sigma is not None and (index, i) not in self.last:
                self._shift(x, self._where_it_is(x, sigma, step.stored[i] if step.stored else None))
            if forward and self.sign == 0:
                self._forward.put(x, sigma)

    def _where_it_is(self, x: Tensor, sigma: Tensor, half: Radius) -> Tensor:
        """The standard deviation with the rounding of what is stored here, where that is further from 0."""
        if half is None or self.declared is None:
            return sigma
        further = (self.declared.half_ulp(x) - half).clamp_(min=0.0).masked_fill_(half == 0, 0.0)
        return further.mul_(ONE_SIDE).add_(sigma)

    def _shift(self, x: Tensor, sigma: Tensor) -> None:
        if self.sign == 0:
            x.addcmul_(self._normal(x), sigma)
        else:
            assert self.sign is not None
            x.addcmul_(x.sign(), sigma, value=self.sign)

    def _complex_moved(self, x: Tensor, sigma: Tensor) -> Tensor:
        copy = x.resolve_conj().clone()
        as_real(copy).addcmul_(self._normal(sigma), sigma)
        return copy

    def _normal(self, x: Tensor) -> Tensor:
        """Normal numbers of the shape of x, drawn in float32, which takes a quarter of the time."""
        drawn = torch.randn(x.shape, generator=self.generator, dtype=torch.float32, device=x.device)
        return drawn.neg_() if self.turned else drawn

    def _anew(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self.sign != 0 or not in_backward():
            return args, kwargs

        def moved(x: Any) -> Any:
            sigma: Radius = self._forward.get(x) if isinstance(x, Tensor) else None
            if sigma is None:
                return x
            return torch.addcmul(x, self._normal(x), sigma) if x.is_floating_point() else self._complex_moved(x, sigma)

        moved_args, moved_kwargs = changed((args, kwargs), moved)
        return moved_args, moved_kwargs


def _is_single(x: Any) -> bool:
    return isinstance(x, Tensor) and x.dtype in (torch.float32, torch.complex64)


def _other_way(recorded: str, now: str) -> DataDependentError:
    return DataDependentError(
        f"what the function does depends on rounding: {recorded} became {now} when values were moved by theirs"
    )
