"""Other honest answers to a case: its authors' numpy, float64 rounded back, or the operation in its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch._decomp import decomposition_table
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from parity_tests.pairs.returned import by_name
from parity_tests.proof.opinfo.cases import Case
from reference.flow import plain

NUMPY, WIDE, PARTS = "numpy", "float64 rounded back", "in its parts"
LAYOUT, AGAIN = "in another layout", "itself"
Arrays = dict[str, NDArray[Any]]


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs operations as they are; keeps their names and whether one draws random numbers."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: list[str] = []
        self.draws = False

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.names.append(str(func))
        self.draws |= torch.Tag.nondeterministic_seeded in func.tags
        return func(*args, **(kwargs or {}))


class InParts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs torch's own decomposition of each operation that has one."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.decomposed = False
        self._active: set[OpOverload] = set()

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        parts = decomposition_table.get(func)
        if parts is None or func in self._active or func._schema.is_mutable:
            return func(*args, **kwargs)
        self._active.add(func)
        try:
            with self:
                out = parts(*args, **kwargs)
        except Exception:  # torch's decompositions do not know every argument
            return func(*args, **kwargs)
        finally:
            self._active.discard(func)
        if out is NotImplemented:
            return func(*args, **kwargs)
        self.decomposed = True
        return out


def by_numpy(case: Case, names: list[str]) -> tuple[Arrays, str]:
    """The outputs by the authors' numpy, for as many of these names as it has, and why there are none."""
    if case.numpy is None:
        return {}, ""
    outputs = [name for name in names if name.startswith("output")]
    try:
        with np.errstate(all="ignore"):
            found = list(by_name(case.numpy()).values())
    except Exception as error:
        return {}, f"its numpy reference raises {type(error).__name__}: {error}"[:200]
    if len(found) != len(outputs):
        return {}, f"its numpy reference gives {len(found)} arrays, torch {len(outputs)}"
    return dict(zip(outputs, found, strict=True)), ""


def in_float64(reference: Callable[..., Any], inputs: Mapping[str, Any]) -> Arrays:
    """All results in float64."""
    return {name: x.numpy() for name, x in plain(reference, inputs, dtype=torch.float64).items()}


def in_parts(reference: Callable[..., Any], inputs: Mapping[str, Any], *, turned: bool) -> tuple[Arrays, str]:
    """All results by torch's decompositions, of operands in Fortran's order if `turned`; and what that is called."""
    mode = InParts()
    given = {name: _turned(x) if turned else x for name, x in inputs.items()}
    try:
        with mode:
            found = plain(reference, given)
    except RuntimeError:  # a view that only the usual layout has
        if not turned:
            raise
        return in_parts(reference, inputs, turned=False)
    arrays = {name: x.numpy() for name, x in found.items()}
    return arrays, PARTS if mode.decomposed else LAYOUT if turned else AGAIN


def _turned(x: Any) -> Any:
    """The same numbers, the last dimension's stride the largest."""
    if not isinstance(x, Tensor) or x.dim() < 2:
        return x
    order = list(range(x.dim()))[::-1]
    return x.permute(order).contiguous().permute(order)
