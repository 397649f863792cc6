"""Answers to a problem: honest ones, and those with one of twelve faults that kernels have.

A fault is done in float32, as a kernel has it, and in float64, which shows whether it changes anything. It sits in what
the model is given, in one of its operations, or in how its results are written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch._decomp import decomposition_table
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from parity_tests.operators.of_steps import in_type, operand_of, rounded
from parity_tests.proof.kernelbench.problems import Sums, Tensors, terms_of
from reference.flow import plain

aten = torch.ops.aten
Function = Callable[..., Any]
ONE_OFF = "one element is off by a thousandth"
FAULTS = (
    "inputs in bfloat16",
    "inputs in TF32",
    "one input is not read",
    "the last weights are not read",
    "the last term of a sum is dropped",
    "partial sums in bfloat16",
    "a constant is off by a hundredth",
    "results in float16",
    ONE_OFF,
    "two neighbours are swapped",
    "the last row is not written",
    "a tile is written twice",
)
BFLOAT16, TF32 = 8, 11
"""Their significant bits."""
VISIBLE = 1e-6
"""A fault shows where it moves some element, in float64, by more than this part of it."""


def honest(
    function: Function, inputs: Mapping[str, Any], wide: Tensors, right: Tensors
) -> Iterator[tuple[str, Tensors]]:
    """Right answers by name: float64's rounded, torch's operations in their parts, sums from their other end.

    `wide` are the results in float64, none where these are no other answer; `right` are torch's own.
    """
    if wide:
        yield "float64 rounded back", {name: wide[name].to(x.dtype) for name, x in right.items()}
    for name, mode in (("in its parts", InParts()), ("sums from the other end", Backwards())):
        try:
            with mode:
                found = plain(function, inputs)
        except Exception:  # a view that another layout does not have
            continue
        yield name, found


def faulty(function: Function, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[bool], Tensors]]]:
    """The faults by name, each as what it makes in float64 (True) or float32."""
    with Longest() as longest:
        plain(function, inputs)
    weights = [name for name, x in inputs.items() if _floats(x)]
    first = weights[0] if weights else ""

    def given(change: Callable[[Tensor], Tensor], names: list[str]) -> Callable[[bool], Tensors]:
        changed = {name: change(x) if name in names else x for name, x in inputs.items()}
        return lambda wide: plain(function, changed, dtype=torch.float64 if wide else None)

    def within(make: Callable[[], TorchDispatchMode]) -> Callable[[bool], Tensors]:
        def answer(wide: bool) -> Tensors:
            mode = make()
            with mode if not wide else nullcontext():
                return plain(
                    _under(function, mode) if wide else function, inputs, dtype=torch.float64 if wide else None
                )

        return answer

    def written(change: Callable[[Tensor], Tensor]) -> Callable[[bool], Tensors]:
        def answer(wide: bool) -> Tensors:
            found = plain(function, inputs, dtype=torch.float64 if wide else None)
            return {name: change(x) if x.numel() else x for name, x in found.items()}

        return answer

    made = (
        given(lambda x: rounded(x, BFLOAT16), weights),
        given(lambda x: rounded(x, TF32), weights),
        given(_without_the_last, [first]),
        given(torch.zeros_like, weights[-1:] if len(weights) > 1 else []),
        within(lambda: Dropped(longest.name, longest.terms)),
        within(lambda: Rounded(longest.name, longest.terms)),
        within(Constant),
        written(lambda x: x.half().float() if x.dtype is torch.float32 else in_type(x, "float16")),
        written(_one_off),
        written(_swapped),
        written(_last_row),
        written(_tile_twice),
    )
    yield from zip(FAULTS, made, strict=True)


def shows(faulty: Tensors, right: Tensors) -> bool:
    """Whether a fault changes an answer in float64."""
    return any(x.shape != faulty[name].shape or bool(moved(faulty[name], x).any()) for name, x in right.items())


def moved(y: Tensor, x: Tensor) -> Tensor:
    """Where a fault makes y of what should be x, both in float64."""
    if not x.is_floating_point():
        return x != y
    by, size = (y - x).abs(), x.abs()
    typical = float(size[size.isfinite()].mean()) if bool(size.isfinite().any()) else 0.0
    return ((by > VISIBLE * size) & (by > 1e-3 * VISIBLE * typical)) | (y.isnan() & ~x.isnan())


def part_missed(said: Tensors, seeded: Tensors, right: Tensors) -> float:
    """How far what is said is from a fault, as a part of what the fault moves: roots of sums of squares, in float64."""
    off = by = 0.0
    for name, x in right.items():
        y, z = seeded[name], said.get(name)
        if z is None or z.shape != y.shape or (y.shape != x.shape):
            return float("inf")
        same, still = (z == y) | (z.isnan() & y.isnan()), (x == y) | (x.isnan() & y.isnan())
        off += float(torch.where(same, 0.0, z.double() - y.double()).square().sum())
        by += float(torch.where(still, 0.0, y.double() - x.double()).square().sum())
    return math.sqrt(off / by) if 0 < by < math.inf and math.isfinite(off) else 0.0 if off == 0 else math.inf


def _floats(x: Any) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point() and x.numel() > 0


def _under(function: Function, mode: TorchDispatchMode) -> Function:
    """The function run in a mode that sees what float64 makes of it."""

    def call(**inputs: Any) -> Any:
        with mode:
            return function(**inputs)

    return call


def _without_the_last(x: Tensor) -> Tensor:
    return _at(x, -1, 0.0)


def _at(x: Tensor, place: int, value: float | Tensor) -> Tensor:
    changed = x.clone().flatten()
    changed[place] = value
    return changed.view(x.shape)


def _middle(x: Tensor) -> int:
    """The place of an element of usual size: the largest of the middle hundred."""
    flat = x.detach().flatten()
    start = max(0, flat.numel() // 2 - 50)
    return start + int(flat[start : start + 100].abs().argmax())


def _one_off(x: Tensor) -> Tensor:
    place = _middle(x)
    value = x.flatten()[place]
    return _at(x, place, value * (1 + 1e-3) if x.is_floating_point() else value + 1)


def _swapped(x: Tensor) -> Tensor:
    if x.numel() < 2:
        return x
    changed, i = x.clone().flatten(), x.numel() // 2
    changed[[i - 1, i]] = changed[[i, i - 1]]
    return changed.view(x.shape)


def _last_row(x: Tensor) -> Tensor:
    axis = next((axis for axis, n in enumerate(x.shape) if n > 1), None)
    changed = x.clone()
    if axis is None:
        return torch.zeros_like(x)
    changed.select(axis, -1).zero_()
    return changed


def _tile_twice(x: Tensor) -> Tensor:
    """The last sixteenth holds what the one before it does."""
    tile = x.numel() // 16
    if not tile:
        return x
    changed = x.clone().flatten()
    changed[-tile:] = changed[-2 * tile : -tile]
    return changed.view(x.shape)


class _Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs operations as `changed` says, and as they are where it says None."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def changed(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What is returned instead; None leaves the operation as it is."""
        raise NotImplementedError

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        found = self.changed(func, args, kwargs or {})
        return func(*args, **(kwargs or {})) if found is None else found


class InParts(_Mode):  # type: ignore[no-untyped-call]
    """Runs torch's own decomposition of each operation that has one."""

    def __init__(self) -> None:
        super().__init__()
        self._active: set[OpOverload] = set()

    def changed(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What its parts give."""
        parts = decomposition_table.get(func)
        if parts is None or func in self._active or func._schema.is_mutable:
            return None
        self._active.add(func)
        try:
            with self:
                found = parts(*args, **kwargs)
        except Exception:  # torch's decompositions do not know every argument
            return None
        finally:
            self._active.discard(func)
        return None if found is NotImplemented else found


class Longest(Sums):  # type: ignore[no-untyped-call]
    """Finds the operation with the longest sum that `operand_of` knows."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.terms = "", 1

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = super().__torch_dispatch__(func, types, args, kwargs)
        terms = 1 if func.is_view else terms_of(func, args, out)
        if terms > self.terms and operand_of(func._schema.name.removeprefix("aten::"), args) is not None:
            self.name, self.terms = str(func._schema.name), terms
        return out


class Dropped(_Mode):  # type: ignore[no-untyped-call]
    """The first operation with the longest sum does not add the last term of it."""

    def __init__(self, name: str, terms: int) -> None:
        super().__init__()
        self.name, self.terms, self.done = name, terms, False

    def changed(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The operation of an operand of which the last slice is 0."""
        if self.done or func._schema.name != self.name:
            return None
        out = func(*args, **kwargs)
        where = operand_of(func._schema.name.removeprefix("aten::"), args)
        if terms_of(func, args, out) != self.terms or where is None:
            return out
        self.done = True
        return self.instead(func, args, kwargs, out, *where)

    def instead(self, func: OpOverload, args: Any, kwargs: Any, out: Any, operand: int, axis: int | None) -> Any:
        """What the operation gives without its last terms."""
        cut = args[operand].clone()
        (cut.view(-1)[-1:] if axis is None else cut.select(axis, -1)).zero_()
        return func(*args[:operand], cut, *args[operand + 1 :], **kwargs)


class Rounded(Dropped):  # type: ignore[no-untyped-call]
    """The first operation with the longest sum has two partial sums, which are kept in bfloat16."""

    def instead(self, func: OpOverload, args: Any, kwargs: Any, out: Any, operand: int, axis: int | None) -> Any:
        """Rounded results: of what is no plain sum of one result, the results themselves."""

        def low(x: Any) -> Any:
            return rounded(x, BFLOAT16) if _floats(x) else x

        if axis is None or not isinstance(out, Tensor) or "softmax" in self.name or args[operand].shape[axis] < 2:
            return tree_map(low, out)
        half = args[operand].clone()
        half.narrow(axis, half.shape[axis] // 2, half.shape[axis] - half.shape[axis] // 2).zero_()
        first = low(func(*args[:operand], half, *args[operand + 1 :], **kwargs))
        return low(first + low(out - first))


class Constant(_Mode):  # type: ignore[no-untyped-call]
    """The first number that a model gives to an operation, and that is no power of two, is off by a hundredth."""

    def __init__(self) -> None:
        super().__init__()
        self.done = False

    def changed(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The operation with the other number."""
        places = [i for i, x in enumerate(args) if isinstance(x, float) and x not in (0.0, 1.0)]
        if self.done or not places:
            return None
        self.done = True
        i = places[-1]
        return func(*args[:i], args[i] * 1.01, *args[i + 1 :], **kwargs)


class Backwards(_Mode):  # type: ignore[no-untyped-call]
    """Sums go from their other end: both operands of a product, or the one of a sum, are reversed along it."""

    def changed(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The same operation of reversed operands."""
        name = func._schema.name.removeprefix("aten::")
        if name in ("mm", "bmm"):
            return func(args[0].flip(-1), args[1].flip(-2))
        if name in ("addmm", "baddbmm"):
            return func(args[0], args[1].flip(-1), args[2].flip(-2), **kwargs)
        if name == "convolution" and args[8] == 1:
            return func(args[0].flip(1), args[1].flip(0 if args[6] else 1), *args[2:], **kwargs)
        if name in ("sum", "mean") and len(args) > 1 and isinstance(args[1], list):
            return func(args[0].flip(args[1]), *args[1:], **kwargs)
        return None
