"""References made of other things: a function with its gradients, a module with its parameters, a mask to replay."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reference.flow.backward import gradients_from
from reference.flow.calls import merged, named
from reference.flow.errors import QuestionError


def gradients(
    function: Callable[..., Any], of: tuple[str, ...] | str, given: str | None = None
) -> Callable[..., dict[str, Tensor]]:
    """A reference that returns what `function` does and, for each input named in `of`, the gradient in that input.

    The reference takes `function`'s inputs by name and `given`, the gradient in the output (of the output's structure
    where there are several). With `given=None` the output has to be of no dimensions. Results are "output" (or
    "output[0]", "output.key") and the names in `of`; of a module these may be those of its parameters,
    such as "weight": its own, where no input has that name. Raises ClashError where two results would have one name.
    """
    names = (of,) if isinstance(of, str) else tuple(of)
    own: Mapping[str, Tensor] = {}
    if isinstance(function, torch.nn.Module):
        own, function = dict(function.named_parameters()), module_reference(function)

    @torch.enable_grad()
    def reference(**inputs: Any) -> dict[str, Tensor]:
        if given is not None and given not in inputs:
            there = f"there are {', '.join(inputs)}: add it (in a pair, to shapes=)"
            raise QuestionError(f"there is no input {given!r}, which given= names; {there}")
        upstream: Any = inputs.pop(given) if given is not None else None
        for name in names:
            if name not in inputs and name in own:
                inputs[name] = own[name].detach().to(_floating(inputs))
            if name not in inputs:
                raise QuestionError(
                    f"there is no input {name!r} to differentiate by; there are {', '.join([*inputs, *own])}"
                )
            if not isinstance(inputs[name], Tensor) or not inputs[name].is_floating_point():
                raise QuestionError(f"the input {name!r} is not of floating-point numbers, in which gradients are")
            inputs[name] = inputs[name].detach().requires_grad_()
        returned = function(**inputs)
        outputs = _named_outputs(returned)
        upstreams = {} if given is None else _named_outputs(upstream)
        if given is not None and set(upstreams) != set(outputs):
            raise QuestionError(
                f"the outputs are {', '.join(outputs)}, and {given} has {', '.join(upstreams)}; "
                "both have to be of the same structure"
            )
        for name, y in outputs.items():
            if given is not None and upstreams[name].shape != y.shape:
                shapes = tuple(upstreams[name].shape), tuple(y.shape)
                raise QuestionError(
                    f"{given} has the shape {shapes[0]}, and {name}, of which it is the gradient, {shapes[1]}"
                )
        used = {name: y for name, y in outputs.items() if y.requires_grad}
        if given is None:
            for name, y in used.items():
                if y.dim():
                    raise QuestionError(
                        f"{name} has {y.dim()} dimensions; say with given=… which input is its gradient"
                    )
        leaves = [inputs[name] for name in names]
        found = gradients_from(
            list(used.values()), None if given is None else [upstreams[name] for name in used], leaves
        )
        entries = {
            name: torch.zeros_like(inputs[name]) if gradient is None else gradient
            for name, gradient in zip(names, found, strict=True)
        }
        return merged({name: y.detach() for name, y in outputs.items()}, entries)

    reference.gradients = names  # type: ignore[attr-defined]  # which of its results explain no other
    return reference


def _named_outputs(returned: Any) -> dict[str, Tensor]:
    """A dict's entries are called "output.key" here, beside gradients."""
    return named({"output": returned}) if isinstance(returned, Mapping) else named(returned)


def replay(mask: Tensor) -> Callable[[Tensor], Tensor]:
    """A dropout that multiplies by `mask` as it is, scale included: `replay(mask)(x)` = x·mask.

    The mask is what the candidate drew, so that no generators have to match.
    """
    return lambda x: x * mask


def module_reference(module: torch.nn.Module, parameters: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """A reference that calls the module with `parameters` (by their names in it) and the inputs.

    What `parameters` does not name is the module's own. An input that has the name of a parameter takes its place, so
    that `gradients` can differentiate by it; the others go to the module's `forward` by name, or in their order where
    it has other names. Buffers, and tensors that are attributes alone, are copied anew for each call, so that what a
    call writes into them starts from the same values.
    """
    own = {name for name, _ in module.named_parameters()}
    if parameters is not None and not isinstance(parameters, Mapping):
        raise QuestionError("parameters= are arrays by their names in the module, such as {'weight': W}")
    shapes = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    unknown = sorted(set(parameters or {}) - own)
    if unknown:
        raise QuestionError(f"the module has no parameter {', '.join(unknown)}; it has {', '.join(sorted(own))}")
    for name, value in (parameters or {}).items():
        if np.shape(value) != shapes[name]:
            raise QuestionError(f"the parameter {name} has the shape {np.shape(value)}; the module's is {shapes[name]}")
    accepted = inspect.signature(module.forward).parameters
    kinds = {parameter.kind for parameter in accepted.values()}
    any_name = inspect.Parameter.VAR_KEYWORD in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds

    def reference(**inputs: Any) -> Any:
        dtype = _floating(inputs)
        held = {name: parameter.detach() for name, parameter in module.named_parameters()}
        held |= {name: torch.as_tensor(value) for name, value in (parameters or {}).items()}
        held |= {name: buffer.detach().clone() for name, buffer in module.named_buffers()}
        held = {name: x.to(dtype) if x.is_floating_point() and dtype is not None else x for name, x in held.items()}
        held |= {name: inputs.pop(name) for name in list(inputs) if name in own}
        by_name = any_name or set(inputs) <= accepted.keys()
        args, kwargs = ((), inputs) if by_name else (tuple(inputs.values()), {})
        with _attributes_anew(module, dtype):
            return torch.func.functional_call(module, held, args, kwargs)

    return reference


@contextmanager
def _attributes_anew(module: torch.nn.Module, dtype: torch.dtype | None) -> Iterator[None]:
    """Copies in place of the tensors that are attributes of a module or of one within it, and no buffers."""
    before = [(vars(one), key, x) for one in module.modules() for key, x in vars(one).items() if isinstance(x, Tensor)]
    try:
        for attributes, key, x in before:
            copy = x.detach().clone()
            attributes[key] = copy.to(dtype) if x.is_floating_point() and dtype is not None else copy
        yield
    finally:
        for attributes, key, x in before:
            attributes[key] = x


def _floating(inputs: Mapping[str, Any]) -> torch.dtype | None:
    """The type of the floating inputs, in which parameters have to be too (replicas are in float64); None without."""
    found = [x.dtype for x in inputs.values() if isinstance(x, Tensor) and x.is_floating_point()]
    if found:
        return found[0]
    return torch.float64 if torch.get_default_dtype() is torch.float64 else None
