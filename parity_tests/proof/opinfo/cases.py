"""PyTorch's lists of operations and modules as cases: named inputs, and the call that takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from reference.flow import gradients

GRADIENT = "upstream"
LARGEST = 20_000
"""Samples of which a tensor has more elements are left out where there are others."""


@dataclass(frozen=True)
class Case:
    """One sample: `call(**inputs)` is the operation, `numpy()` the same by its authors' numpy where there is one.

    `of` names the inputs that torch may differentiate by.
    """

    inputs: dict[str, Tensor]
    call: Callable[..., Any]
    numpy: Callable[[], Any] | None
    of: tuple[str, ...]

    def reference(self, outputs: Any) -> tuple[Callable[..., Any], dict[str, Any]]:
        """The call, with its gradients where `outputs`, which it gave, can be differentiated; and all its inputs."""
        found = [x for x in pytree.tree_leaves(outputs) if isinstance(x, Tensor)]
        if not self.of or not any(x.requires_grad for x in found):
            return self.call, dict(self.inputs)
        generator = torch.Generator().manual_seed(1)

        def drawn(x: Any) -> Any:
            if not isinstance(x, Tensor) or not x.is_floating_point():
                return x
            return torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x.dtype)

        upstream = pytree.tree_map(drawn, _plain_lists(outputs))
        return gradients(self.call, self.of, GRADIENT), {**self.inputs, GRADIENT: upstream}


@dataclass(frozen=True)
class Listed:
    """One entry of torch's lists, by the name that its authors gave it."""

    name: str
    info: Any
    is_module: bool

    def supports(self, dtype: torch.dtype) -> bool:
        """Whether it takes this type on the CPU."""
        if self.is_module:
            return dtype in self.info.dtypes
        return bool(self.info.supports_dtype(dtype, "cpu"))

    def cases(self, dtype: torch.dtype, count: int) -> list[Case]:
        """Up to `count` of its samples, evenly from its own order; the same ones each time."""
        torch.manual_seed(0)
        samples = _module_cases(self.info, dtype) if self.is_module else _operation_cases(self.info, dtype)
        made = list(samples)
        small = [case for case in made if max((x.numel() for x in case.inputs.values()), default=0) <= LARGEST]
        chosen = small or made
        return [chosen[i * len(chosen) // count] for i in range(count)] if len(chosen) > count else chosen


@cache
def listed() -> tuple[Listed, ...]:
    """All operations, then all modules."""
    from torch.testing._internal.common_methods_invocations import op_db
    from torch.testing._internal.common_modules import module_db

    operations = [
        Listed(info.name + (f" ({info.variant_test_name})" if info.variant_test_name else ""), info, False)
        for info in op_db
    ]
    return tuple(operations + [Listed(f"torch.{info.name}", info, True) for info in module_db])


def _operation_cases(info: Any, dtype: torch.dtype) -> Iterator[Case]:
    differentiable = info.supports_autograd and dtype in info.supported_backward_dtypes("cpu")
    for sample in info.sample_inputs("cpu", dtype, requires_grad=differentiable):
        leaves, layout = pytree.tree_flatten((sample.input, sample.args, sample.kwargs))
        by_numpy = None
        if info.ref is not None:
            by_numpy = _numpy_call(info.ref, sample)
        yield _case(info.op, leaves, layout, by_numpy)


def _numpy_call(reference: Callable[..., Any], sample: Any) -> Callable[[], Any]:
    def call() -> Any:
        given = sample.numpy()
        return reference(given.input, *given.args, **given.kwargs)

    return call


def _case(function: Callable[..., Any], leaves: Sequence[Any], layout: Any, by_numpy: Callable[[], Any] | None) -> Case:
    inputs = {f"x{i}": leaf.detach() for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)}
    of = tuple(f"x{i}" for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.requires_grad)
    single = any(x.dtype is torch.float32 for x in inputs.values())

    def call(**given: Tensor) -> Any:
        wide = single and not any(x.dtype is torch.float32 for x in given.values())
        filled = [given.get(f"x{i}", _wide(leaf) if wide else leaf) for i, leaf in enumerate(leaves)]
        first, args, kwargs = pytree.tree_unflatten(filled, layout)
        return _plain_lists(function(first, *args, **kwargs))

    return Case(inputs, call, by_numpy, of)


def _wide(leaf: Any) -> Any:
    return torch.float64 if leaf is torch.float32 else leaf


def _module_cases(info: Any, dtype: torch.dtype) -> Iterator[Case]:
    for training in (True, False) if info.train_and_eval_differ else (True,):
        for sample in info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=training):
            if sample.forward_input is None:
                continue
            made = sample.constructor_input
            module = info.module_cls(*made.args, **made.kwargs).to(dtype).train(training)
            if any(_is_lazy(x) for x in module.parameters()):
                module(*sample.forward_input.args, **sample.forward_input.kwargs)
            yield _module_case(module, sample.forward_input)


def _module_case(module: torch.nn.Module, given: Any) -> Case:
    leaves, layout = pytree.tree_flatten((given.args, given.kwargs))
    own = {name: x.detach() for name, x in module.named_parameters()}
    inputs = {f"x{i}": leaf.detach() for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)}
    of = tuple(f"x{i}" for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.requires_grad)
    by_parameter = {f"p{i}": name for i, name in enumerate(own)}

    def call(**given: Tensor) -> Any:
        filled = [given.get(f"x{i}", leaf) for i, leaf in enumerate(leaves)]
        args, kwargs = pytree.tree_unflatten(filled, layout)
        parameters = {name: given[key] for key, name in by_parameter.items()}
        dtypes = [x.dtype for x in given.values() if x.is_floating_point()]
        buffers = {
            name: x.clone().to(dtypes[0]) if dtypes and x.is_floating_point() else x.clone()
            for name, x in module.named_buffers()
        }
        return _plain_lists(torch.func.functional_call(module, {**parameters, **buffers}, args, kwargs))

    return Case(inputs | {key: own[name] for key, name in by_parameter.items()}, call, None, (*of, *by_parameter))


def _is_lazy(x: Any) -> bool:
    return isinstance(x, torch.nn.parameter.UninitializedParameter)


def _plain_lists(outputs: Any) -> Any:
    """Named tuples of torch's as lists."""
    if isinstance(outputs, (tuple, list)):
        return [_plain_lists(x) for x in outputs]
    return outputs
