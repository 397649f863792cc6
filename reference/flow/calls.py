"""Calling a reference: inputs made into tensors, generators reset, results named."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reference.flow.errors import ClashError, QuestionError, UnsupportedTypeError
from reference.flow.rounding import Precision, precision

Function = Callable[..., Any]


_LOWER = {"float16", *(name for name in dir(torch) if re.match("bfloat16$|float8_", name))}
"""Types of fewer bits than float32, which float64 holds exactly."""


_SPARSE = {kind for kind in vars(torch).values() if isinstance(kind, torch.layout) and "sparse" in str(kind)}
_HELD = (torch.float32, torch.float64, torch.complex64, torch.complex128)


def is_lower(x: Any) -> bool:
    """Whether a tensor or an array, also of a type that another library adds to numpy, has fewer bits than float32."""
    return _name(x.dtype) in _LOWER


@cache
def _name(dtype: Any) -> str:
    """Of numpy's types and of torch's; numpy puts its own together each time."""
    return str(dtype).removeprefix("torch.")


def as_tensors(
    inputs: Mapping[str, Any], device: str, dtype: torch.dtype | None = None, *, lower: bool = False
) -> dict[str, Any]:
    """Copies of the arrays among the inputs as tensors, floating ones in `dtype` where one is given; the rest as is.

    Lists, tuples and dicts are looked into, and what is sparse is made dense. Raises UnsupportedTypeError for floats
    other than float32 and float64, but for lower ones where these are declared (`lower`).
    """

    def refused(name: str, x: Any) -> UnsupportedTypeError:
        kind = _name(x.dtype)
        declared = f', or declare what the candidate does: accumulate="float32", store="{kind}"' if is_lower(x) else ""
        return UnsupportedTypeError(f"{name} is {kind}; float32 and float64 can be compared with torch{declared}")

    def one(name: str, x: Any) -> Any:
        if isinstance(x, dict):
            return {key: one(f"{name}[{key!r}]", value) for key, value in x.items()}
        if isinstance(x, (list, tuple)) and any(isinstance(y, (np.ndarray, Tensor)) for y in x):
            return type(x)(one(f"{name}[{i}]", y) for i, y in enumerate(x))
        if isinstance(x, (np.ndarray, np.generic)):
            if lower and is_lower(x):
                x = np.asarray(x, np.float32)
            elif is_lower(x) or x.dtype in (np.longdouble, np.clongdouble):
                raise refused(name, x)
            if x.dtype.kind not in "fiubc":
                raise UnsupportedTypeError(f"{name} is of type {x.dtype}; inputs are numbers or truth values")
            x = torch.from_numpy(np.array(x, dtype=x.dtype.newbyteorder("="), copy=True, order="K"))
            return placed(x)
        if not isinstance(x, Tensor) and hasattr(x, "toarray"):  # scipy's sparse matrices
            return one(name, x.toarray())
        if not isinstance(x, Tensor):
            if hasattr(x, "__array__") or hasattr(x, "__dlpack__"):
                kind = f"{type(x).__module__.partition('.')[0]}'s {type(x).__name__}"
                raise UnsupportedTypeError(
                    f"{name} is {kind}; inputs are numpy arrays or tensors: numpy.asarray makes one"
                )
            return x
        if x.layout in _SPARSE and not x.is_meta:
            x = x.detach().to_dense()
        if x.layout is not torch.strided or x.is_quantized or x.is_meta or x.is_nested:
            kind = (
                "nested"
                if x.is_nested
                else "quantized"
                if x.is_quantized
                else "on the device meta"
                if x.is_meta
                else str(x.layout)
            )
            raise UnsupportedTypeError(
                f"{name} is {kind.removeprefix('torch.')}; inputs are dense tensors with numbers"
            )
        if (x.is_floating_point() or x.is_complex()) and x.dtype not in _HELD:
            if not (lower and is_lower(x)):
                raise refused(name, x)
            x = x.to(torch.float32)
        return placed(x.detach().clone())

    def placed(x: Tensor) -> Tensor:
        if dtype is torch.float64 and x.is_complex():
            return x.to(device, torch.complex128)
        return x.to(device, dtype if dtype is not None and x.is_floating_point() else x.dtype)

    return {name: one(name, x) for name, x in inputs.items()}


def precision_of(values: Mapping[str, Any]) -> Precision | None:
    """The precision that both sides have: float32's where anything is float32, else float64's; None without floats."""

    def types(x: Any) -> Iterator[Any]:
        if isinstance(x, dict):
            x = list(x.values())
        if isinstance(x, (list, tuple)):
            for y in x:
                yield from types(y)
        elif isinstance(x, (np.ndarray, np.generic, Tensor)):
            yield _name(x.dtype)

    found = set(types(list(values.values())))
    if found & {"float32", "complex64"}:
        return precision(torch.float32)
    return precision(torch.float64) if found & {"float64", "complex128"} else None


@contextmanager
def settled(
    seed: int, *, unfused: bool = False, mkldnn: bool = True, dtype: torch.dtype | None = None
) -> Iterator[None]:
    """Generators reset, deterministic kernels; with `unfused`, attention and encoders in their parts.

    New tensors are of `dtype`, where nothing else is said and one is given.
    """
    usual = torch.get_default_dtype()
    before = torch.get_deterministic_debug_mode()
    deterministic: Any = torch.utils.deterministic
    filled = deterministic.fill_uninitialized_memory
    fast = torch.backends.mha.get_fastpath_enabled()
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices):
        _seed(seed)
        deterministic.fill_uninitialized_memory = False
        # use_deterministic_algorithms() does the same, but first imports torch's whole compiler: 1.5 s.
        torch.set_deterministic_debug_mode("warn")
        torch.set_default_dtype(dtype or usual)
        try:
            if not unfused:
                yield
                return
            torch.backends.mha.set_fastpath_enabled(False)
            kernels = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)
            with kernels, nullcontext() if mkldnn else _without_onednn():
                yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
            torch.set_deterministic_debug_mode(before)
            torch.set_default_dtype(usual)
            deterministic.fill_uninitialized_memory = filled


@contextmanager
def _without_onednn() -> Iterator[None]:
    """torch's own kernels in place of oneDNN's."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="TF32 acceleration on top of oneDNN"
        )  # it sets TF32 back, on Intel GPUs
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def _seed(seed: int) -> None:
    """Seed torch's generators; CUDA's only where it is in use, since torch would keep a traceback of each call."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def named(result: Any, name: str = "output") -> dict[str, Tensor]:
    """The tensors of a result by name: "output", "output[0]", "output.key"; a dict's own keys at the top.

    Complex ones are given as their parts, real and imaginary along a last axis.
    """
    if isinstance(result, Mapping):
        found: dict[str, Tensor] = {}
        for key, value in result.items():
            inner = str(key) if name == "output" else f"{name}.{key}"
            found = merged(found, _named(value, inner))
        return found
    return _named(result, name)


def _named(result: Any, name: str) -> dict[str, Tensor]:
    if result is None:
        return {}
    if isinstance(result, Tensor):
        result = torch.zeros_like(result) if result._is_zerotensor() else result.resolve_conj().resolve_neg()
        return {name: torch.view_as_real(result) if result.is_complex() else result}
    if isinstance(result, Mapping):
        parts = [_named(value, f"{name}.{key}") for key, value in result.items()]
    elif isinstance(result, (list, tuple)):
        parts = [_named(value, f"{name}[{i}]") for i, value in enumerate(result)]
    elif isinstance(result, (bool, int, float, np.generic, np.ndarray)):
        return {name: torch.as_tensor(np.asarray(result))}  # a Python float is one of float64, whatever torch's default
    else:
        raise QuestionError(f"the reference returned {type(result).__name__} as {name}; it returns tensors")
    found: dict[str, Tensor] = {}
    for part in parts:
        found = merged(found, part)
    return found


def merged(one: dict[str, Tensor], other: dict[str, Tensor]) -> dict[str, Tensor]:
    """Both; a clash of names is a ClashError."""
    for name in other:
        if name in one:
            raise ClashError(f"two results are called {name!r}; name the reference's results or inputs otherwise")
    return one | other
