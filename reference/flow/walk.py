"""The mode that sees each of torch's operations, also those of its backward, and sorts them by kind."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from reference.flow.dispatch import Kind, Plan, plan, plan_of_complex
from reference.flow.nested import any_complex, holds_any, tensors

_IDLE = ("profiler::", "prim::device", "aten::is_same_size", "aten::_assert_")
"""Operations that compute nothing."""
_CALLS_WHEN_IMPORTED = tuple(map(int, torch.__version__.split(".")[:2])) < (2, 8)
"""Whether torch's compiler, which custom operations and optimizers import when first called, itself calls operations
at that moment, which fails under a mode."""


class Walk(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Hands each operation to the method for its kind; every run of one function comes by the same ones in turn.

    A backward on the CPU runs on the thread that called it, so that the mode sees it as well.
    """

    def __init__(self) -> None:
        if _CALLS_WHEN_IMPORTED:
            import torch._dynamo  # noqa: F401
        super().__init__()  # type: ignore[no-untyped-call]
        self.wrote: set[int] = set()
        """Addresses of the storages that something was written into."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled under the mode; torch's guard against it would cost more than most operations."""
        return False

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func._schema.name.startswith(_IDLE):
            return func(*args, **kwargs)
        args, kwargs = self.prepare(func, args, kwargs)
        planned = self.planned(func, args, kwargs)
        if planned.kind is Kind.VIEW:
            return func(*args, **kwargs)
        if func._schema.is_mutable:
            self.wrote.update(x.untyped_storage()._cdata for x in tensors((args, kwargs)))
        return self._of_kind(func, args, kwargs, planned)

    def planned(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan:
        """How to treat an operation, of complex numbers where it gets any."""
        return plan_of_complex(func) if any_complex(args, kwargs) else plan(func)

    def _of_kind(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], planned: Plan) -> Any:
        if planned.kind is Kind.RANDOM:
            return self.random(func, args, kwargs)
        if planned.kind is Kind.ITEM:
            return self.item(func, args[0])
        if planned.kind is Kind.RULE:
            return self.ruled(func, args, kwargs, planned)
        if not holds_any(args, kwargs):
            return func(*args, **kwargs)
        if planned.kind is Kind.IN_PLACE:
            return self.in_place(func, args, kwargs, planned)
        if planned.kind is Kind.LISTS:
            assert planned.decomposition is not None
            with self:
                return planned.decomposition(*args, **kwargs)
        if planned.kind is Kind.DECOMPOSED:
            return self.decomposed(func, args, kwargs, planned)
        return self.unknown(func, args, kwargs)

    def prepare(
        self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments as the operation shall get them."""
        return args, kwargs

    def random(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """An operation that draws numbers."""
        raise NotImplementedError

    def item(self, func: OpOverload, x: Tensor) -> Any:
        """A value that leaves torch, as Python's number."""
        raise NotImplementedError

    def ruled(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], planned: Plan) -> Any:
        """An operation that has a rule."""
        raise NotImplementedError

    def in_place(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], planned: Plan) -> Any:
        """An operation that writes its result into an argument."""
        raise NotImplementedError

    def decomposed(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], planned: Plan) -> Any:
        """An operation without a rule that is made of others."""
        raise NotImplementedError

    def unknown(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """An operation of which nothing is known."""
        raise NotImplementedError
