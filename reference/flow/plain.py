"""The plain call of a reference: what torch answers, in the inputs' type or in a wider one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from reference.flow.calls import Function, as_tensors, is_lower, named, settled
from reference.flow.nested import changed


def plain(
    function: Function,
    inputs: Mapping[str, Any],
    *,
    device: str = "cpu",
    seed: int = 0,
    dtype: torch.dtype | None = None,
    lower: bool = False,
    unfused: bool = False,
) -> dict[str, Tensor]:
    """The results of `function(**inputs)` by name; floating inputs are converted to `dtype` where one is given.

    In float64 all that the function makes or has beside its inputs is of that type too. `lower`: as in `as_tensors`;
    `unfused`: as in `settled`.
    """

    def called() -> dict[str, Tensor]:
        wide = AllDouble() if dtype is torch.float64 else nullcontext()
        with settled(seed, dtype=dtype, unfused=unfused), wide:
            results = named(function(**as_tensors(inputs, device, dtype, lower=lower)))
            return {name: result.detach() for name, result in results.items()}

    return in_one_type(called) if dtype is torch.float64 else called()


OF_TWO_TYPES = re.compile(r"same dtype|should be the same|expected scalar type", re.I)
"""What torch says where operands are of two types."""


def in_one_type(called: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """What a call in float64 gives; again with all arguments in float64 where torch refuses those of two types.

    Most operations get float64 as it is, but some functions (convolutions) look at types before any operation is seen.
    """
    try:
        return called()
    except RuntimeError as error:
        if not OF_TWO_TYPES.search(str(error)):
            raise
    with _Doubled():
        return called()


class _Doubled(TorchFunctionMode):
    """Gives each function that writes into nothing float64 in place of float32."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name.endswith("_") or "out" in (kwargs or {}):
            return func(*args, **(kwargs or {}))
        args, kwargs = changed((args, kwargs or {}), doubled)
        return func(*args, **kwargs)


_LARGEST = torch.finfo(torch.float64).max


def doubled(x: Any) -> Any:
    """A tensor of float32 or of fewer bits, or such a type itself, as float64; all else as it is.

    The largest number of float64, which a function asks for where its inputs were made that, as float32's.
    """
    if isinstance(x, Tensor):
        if x.dtype is torch.float64:
            return x
        if is_lower(x):
            x = x.to(torch.float32)
        if x.dtype is torch.complex64:
            return x.to(torch.complex128)
        return x.to(torch.float64) if x.dtype is torch.float32 else x
    if isinstance(x, float) and abs(x) == _LARGEST:
        return math.copysign(torch.finfo(torch.float32).max, x)
    if x is torch.complex64:
        return torch.complex128
    return torch.float64 if isinstance(x, torch.dtype) and x.is_floating_point else x


class AllDouble(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Gives each operation float64 in place of float32, which a function may hold beside its inputs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled under the mode; torch's guard against it imports its compiler, which takes a second."""
        return False

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        args, kwargs = changed((args, kwargs or {}), doubled)
        return func(*args, **kwargs)
