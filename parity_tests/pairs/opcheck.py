"""`opcheck`: an operation of one's own, with the backward that it brings, held against a torch function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from parity_tests.pairs.door import door
from parity_tests.pairs.hold import RESERVED, hold
from parity_tests.pairs.inputs import is_array
from parity_tests.pairs.positions import name_of, named
from parity_tests.pairs.result import HoldResult
from parity_tests.protocol.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

ORDERS = 2
"""Derivatives that are asked for."""


@door
def opcheck(
    operation: Callable[..., Any],
    reference: Callable[..., Any],
    /,
    *positional: Any,
    orders: int = ORDERS,
    **options: Any,
) -> HoldResult:
    """Holds an operation and its derivatives against `reference`'s: first ones by its backward, second ones by that's.

    `operation` takes tensors, and is differentiated by torch: `apply` of a torch.autograd.Function, or what
    torch.library registered with a backward. Inputs, and the options of `hold`, are given as there. Gradients in the
    results are drawn from `seed`. Results are "output", "d x" by the input x and "d x d y" by both; a derivative that
    the operation cannot give is missing. `orders=1` asks for the first alone. Raises UsageError as `hold` does.
    """
    import torch

    if orders not in (1, 2):
        raise UsageError(f"orders is {orders!r}; 1 asks for first derivatives, 2 for second ones too.")
    chosen = {key: options.pop(key) for key in RESERVED if key in options}
    title = chosen.pop("name", "") or name_of(operation)
    operation, reference, given, _ = named(operation, reference, positional, options, chosen.pop("inputs", None))
    by = [name for name, x in given.items() if is_array(x) and _is_floating(x)]
    if not by:
        raise UsageError("no input is of floating-point numbers, in which derivatives are.")
    seed = chosen.get("seed", 0)

    def of(function: Callable[..., Any]) -> Callable[..., dict[str, Tensor]]:
        def derived(**inputs: Any) -> dict[str, Tensor]:
            given = {name: torch.as_tensor(x) if is_array(x) else x for name, x in inputs.items()}
            return _derivatives(function, given, by, orders, seed)

        derived.gradients = ()  # type: ignore[attr-defined]
        return derived

    return hold(of(operation), of(reference), inputs=given, name=title, **chosen)


def _is_floating(x: Any) -> bool:
    return str(x.dtype).removeprefix("torch.").startswith("float")


def _derivatives(
    function: Callable[..., Any], inputs: dict[str, Any], by: list[str], orders: int, seed: int
) -> dict[str, Tensor]:
    """The results, and the derivatives of their sums with drawn factors; those that are not given left out."""
    import torch

    from reference.flow.calls import named as by_name

    leaves = {name: inputs[name].detach().clone().requires_grad_() for name in by}
    rng = np.random.default_rng(seed)

    def summed(results: dict[str, Tensor]) -> Tensor:
        terms = [
            (x * torch.tensor(rng.standard_normal(x.shape), dtype=x.dtype, device=x.device)).sum()
            for x in results.values()
            if x.is_floating_point()
        ]
        return torch.stack(terms).sum()

    with torch.enable_grad():
        outputs = by_name(function(**inputs | leaves))
        found = {name: x.detach() for name, x in outputs.items()}
        first = _gradients(summed(outputs), leaves, create_graph=orders > 1)
        found |= {f"d {name}": x.detach() for name, x in first.items()}
        for name, x in first.items() if orders > 1 else ():
            try:
                second = _gradients(summed({name: x}), leaves, create_graph=False)
            except RuntimeError:  # "once_differentiable", and whatever else an operation says
                continue
            found |= {f"d {name} d {other}": y.detach() for other, y in second.items()}
    return found


def _gradients(of: Tensor, leaves: dict[str, Tensor], *, create_graph: bool) -> dict[str, Tensor]:
    """By each of the leaves, 0 by one that nothing comes of."""
    import torch

    if not of.requires_grad:
        return {name: torch.zeros_like(x) for name, x in leaves.items()}
    found = torch.autograd.grad(of, list(leaves.values()), create_graph=create_graph, allow_unused=True)
    pairs = zip(leaves.items(), found, strict=True)
    return {name: torch.zeros_like(x) if gradient is None else gradient for (name, x), gradient in pairs}
