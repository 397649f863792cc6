"""PyTorch's lists of operations and modules as problems: named inputs, the call that takes them, other answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils import _pytree as pytree

from parity_tests.pairs.returned import by_name
from parity_tests.proof.jury import short
from parity_tests.proof.kernelbench.problems import Problem, Sums
from parity_tests.proof.kernelbench.trial import RefusedError
from reference.flow import gradients, plain

GRADIENT = "upstream"
LARGEST = 20_000
"""Samples of which a tensor has more elements are left out where there are others."""
_OF_THE_TYPE = ("nextafter",)
"""Those that are another function in a wider type."""
_UNINITIALIZED = ("aten.empty", "aten.new_empty")
_BY_PLACES = "as_strided"
"""What reads memory as it lies there."""


@dataclass(frozen=True)
class Case:
    """One sample: `call(**inputs)` is the operation, `numpy()` the same by its authors' numpy where there is one.

    `of` names the inputs that torch may differentiate by; `rounded` is as a Problem has it; `turned`: whether its
    inputs may lie in memory in another order.
    """

    inputs: dict[str, Tensor]
    call: Callable[..., Any]
    numpy: Callable[[], Any] | None
    of: tuple[str, ...]
    rounded: bool = True
    turned: bool = True

    def problem(self) -> Problem:
        """The same as the jury asks it, with gradients. Raises RefusedError for what no second program could give."""
        _refuse_unfit(self.inputs.values())
        inputs = {name: x.clone().requires_grad_() if name in self.of else x.clone() for name, x in self.inputs.items()}
        try:
            with torch.enable_grad(), Sums() as seen:
                outputs = self.call(**inputs)
        except Exception as error:
            raise RefusedError(f"torch itself raises {short(error)}") from None
        _refuse_unfit(pytree.tree_leaves(outputs))
        if not any(isinstance(x, Tensor) for x in pytree.tree_leaves(outputs)):
            raise RefusedError("it returns no tensors")
        if seen.draws:
            raise RefusedError("it draws random numbers of its own; a candidate hands its draws over as masks")
        if seen.found and all(name.startswith(_UNINITIALIZED) for name, _ in seen.found):
            raise RefusedError("it returns memory as it lies there")
        function, given = self.reference(outputs)

        def further(right: dict[str, Tensor]) -> Iterator[tuple[str, dict[str, Tensor]]]:
            """Those of operands in Fortran's order, and of the authors' numpy for as many results as that has."""
            with suppress(RuntimeError):  # a view that only the usual layout has
                if self.turned:
                    yield "in another layout", plain(function, {name: _turned(x) for name, x in given.items()})
            outputs = [name for name in right if name.startswith("output")]
            with suppress(Exception), np.errstate(all="ignore"):
                found = list(by_name(self.numpy()).values()) if self.numpy else []
                if found and len(found) == len(outputs):
                    yield "numpy", right | {name: _as(right[name], x) for name, x in zip(outputs, found, strict=True)}

        longest = max((terms for _, terms in seen.found), default=1)
        return Problem(function, given, longest, further, self.rounded)

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


def _refuse_unfit(values: Any) -> None:
    """Raises RefusedError where tensors cannot be held."""
    for x in (one for one in values if isinstance(one, Tensor)):
        if x.layout is not torch.strided or x.is_nested:
            raise RefusedError("sparse or nested tensors")
        if x.is_quantized:
            raise RefusedError("quantized tensors")
        if x.is_complex() or (x.is_floating_point() and x.dtype not in (torch.float32, torch.float64)):
            kind = "complex numbers" if x.is_complex() else str(x.dtype).removeprefix("torch.")
            raise RefusedError(f"{kind}; float32 and float64 alone are held")


def _turned(x: Any) -> Any:
    """The same numbers, the last dimension's stride the largest."""
    if not isinstance(x, Tensor) or x.dim() < 2:
        return x
    order = list(range(x.dim()))[::-1]
    return x.permute(order).contiguous().permute(order)


def _as(right: Tensor, got: NDArray[Any]) -> Tensor:
    """What numpy gave, as a tensor of the type and, where the numbers are as many, the shape of the right result."""
    x = torch.as_tensor(got).to(right.dtype)
    return x.reshape(right.shape) if x.numel() == right.numel() else x


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
        case = _case(info.op, leaves, layout, by_numpy)
        rounded = dtype is torch.float32 and info.name not in _OF_THE_TYPE
        yield replace(case, rounded=rounded, turned=_BY_PLACES not in info.name)


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

    inputs |= {key: own[name] for key, name in by_parameter.items()}
    rounded = any(x.dtype is torch.float32 for x in inputs.values())
    return Case(inputs, call, None, (*of, *by_parameter), rounded)


def _is_lazy(x: Any) -> bool:
    return isinstance(x, torch.nn.parameter.UninitializedParameter)


def _plain_lists(outputs: Any) -> Any:
    """Named tuples of torch's as lists."""
    if isinstance(outputs, (tuple, list)):
        return [_plain_lists(x) for x in outputs]
    return outputs
