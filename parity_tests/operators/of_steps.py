"""Changes of single steps of a torch function: other arguments, operations and operands, sums cut short, fewer bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from parity_tests.operators.steps import Change, Function, How, Made, Step, Unknown, bound, together

TYPES: Mapping[str, tuple[int, int]] = {
    "bfloat16": (8, -100), "TF32": (11, -100), "float16": (11, -13), "float8_e4m3": (4, -5), "float8_e5m2": (3, -13)
}  # fmt: skip
"""Their significant bits, and the exponent (as `frexp` has it) from which down they keep a fixed quantum."""
TILES = (2, 4, 8, 16, 32, 64, 128)
_EPSILONS = (0.0, 1e-3, 1e-5, 1e-6, 1e-8, 1e-12)
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "approximate": ("none", "tanh"),
    "reduction": ("none", "mean", "sum", "batchmean"),
    "mode": ("nearest", "nearest-exact", "bilinear", "bicubic", "reflect", "replicate", "circular", "constant"),
    "padding_mode": ("zeros", "border", "reflection"),
    "rounding_mode": (None, "floor", "trunc"),
    "indexing": ("ij", "xy"),
}
_INSTEAD = (
    ("sum", "mean", "prod"), ("amax", "amin"), ("max", "min"), ("maximum", "minimum"), ("var", "std"), ("sin", "cos"),
    ("exp", "expm1"), ("log", "log2", "log10", "log1p"), ("sqrt", "rsqrt", "square"), ("add", "sub"), ("mul", "div"),
    ("tanh", "sigmoid"), ("relu", "gelu", "silu", "relu6", "elu", "leaky_relu", "abs", "mish"), ("triu", "tril"),
    ("softmax", "log_softmax"), ("floor", "ceil", "round", "trunc"), ("cumsum", "cumprod"),
    ("l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss"), ("max_pool2d", "avg_pool2d"), ("max_pool1d", "avg_pool1d"),
    ("scatter_add", "scatter"), ("index_add", "index_copy"),
)  # fmt: skip
"""Operations that are taken for one another."""
_ROOTS = ("sqrt", "rsqrt")
_AXES = ("dim", "axis")
_LEFT_OUT = ("scale", "weight", "bias", "attn_mask", "mask")
_ALONG = ("sum", "mean", "cumsum", "linalg_vector_norm", "_softmax", "_log_softmax", "logsumexp", "var", "var_mean")


def changes_of(steps: Sequence[Step]) -> Iterator[Change]:
    """The changes that hold no number of their own: arguments first, then operations, then operands."""
    for step in steps:
        for name, value in step.values.items():
            for other in _others(step, name, value):
                words = f"{step.words} with {name}={_said(name, other)}, where the reference has {_said(name, value)}"
                yield Change(words, step.given(_putting(name, other)))
    for step in steps:
        yield from _operations(step)
        yield from _operands(step)


def _putting(name: str, other: Any) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    return lambda values: {name: other}


def _said(name: str, value: Any) -> str:
    """A value as people write it."""
    if name == "reduction" and type(value) is int:
        return repr(("none", "mean", "sum")[value])
    return "one" if isinstance(value, Tensor) else repr(value)


def _others(step: Step, name: str, value: Any) -> Iterator[Any]:
    """Other values of one argument."""
    if name == "reduction" and type(value) is int:
        yield from (x for x in range(3) if x != value)
    elif name in _CHOICES:
        yield from (x for x in _CHOICES[name] if x != value)
    elif step.trusts and name not in _AXES and _counts(value):
        return
    elif isinstance(value, bool):
        yield not value
    elif name in _LEFT_OUT and value is not None:
        yield None
    elif name == "scale":
        yield 1.0
    elif name == "eps" and value is not None:
        yield from (x for x in dict.fromkeys((value * 10, value / 10, *_EPSILONS)) if x != value)
    elif name in _AXES and value is not None:
        rank = max((x.dim() for x in step.tensors().values()), default=0)
        several = isinstance(value, list | tuple)
        own = {axis % rank for axis in (value if several else [value])} if rank else set()
        yield from ([axis] if several else axis for axis in range(rank) if {axis} != own)
        yield from [list(range(rank))] if several else []
    elif isinstance(value, int) and name != "alpha":  # without it is the step left out
        yield from (value + 1, value - 1)
    elif isinstance(value, list | tuple) and all(isinstance(x, int) for x in value) and len(value) < 4:
        yield from ([x + by for x in value] for by in (1, -1))
    elif name in ("correction", "divisor_override"):
        yield from (0, 1)


def _counts(value: Any) -> bool:
    """Whether it is a size, an index or a truth value, or some of these."""
    return isinstance(value, int) or (isinstance(value, list | tuple) and all(isinstance(x, int) for x in value))


def _operations(step: Step) -> Iterator[Change]:
    """The step left out, and other operations in its place."""
    same = next((key for key, x in step.tensors().items() if x.shape == step.shape), None)
    if same is not None:
        yield Change(f"without {step.words}", step.instead(_operand(same)))
    for group in (group for group in _INSTEAD if step.plain in group):
        for other in (name for name in group if name != step.plain):
            rooms = [room for room in (torch, torch.nn.functional, Tensor) if hasattr(room, other)]
            yield Change(f"{other} in place of {step.words}", step.instead(_put(getattr(rooms[0], other))))
    if step.plain == "embedding_dense_backward":
        yield Change(f"{step.words} in which the last of equal indices counts alone", step.instead(_put(_last_alone)))


def _operand(key: str) -> How:
    return lambda func, args, kwargs: bound(func, args, kwargs)[0][key]


def _last_alone(grad: Tensor, indices: Tensor, rows: int, *_: Any) -> Tensor:
    return grad.new_zeros(rows, grad.shape[-1]).index_put([indices.flatten()], grad.flatten(0, -2))


def _put(other: Callable[..., Any]) -> How:
    return lambda func, args, kwargs: other(*args, **kwargs)


def _operands(step: Step) -> Iterator[Change]:
    """Two operands exchanged, one transposed, one that runs along the other axis."""
    tensors = step.tensors()
    for one, two in combinations(tensors, 2):
        if tensors[one].shape == tensors[two].shape:
            exchanged = partial(lambda a, b, values: {a: values[b], b: values[a]}, one, two)
            yield Change(f"{step.words} of {one} and {two} exchanged", step.given(exchanged))
    for key, x in tensors.items():
        if x.dim() > 1 and x.shape[-1] == x.shape[-2]:
            transposed = partial(lambda a, values: {a: values[a].mT}, key)
            yield Change(f"{step.words} of {key} transposed", step.given(transposed))
        if "conv" in step.plain and key == "weight" and x.shape[2:].numel() > 1:
            turned = partial(lambda a, values: {a: values[a].flip(tuple(range(2, values[a].dim())))}, key)
            yield Change(f"{step.words} with its kernel flipped", step.given(turned))
        if x.dim() == 1 and len(step.shape) > 1 and len(tensors) > 1:
            upright = partial(lambda a, values: {a: values[a].unsqueeze(-1)}, key)
            yield Change(f"{step.words} of {key} along the other axis", step.given(upright))


def orders_of(calls: Sequence[Step]) -> Iterator[Change]:
    """What is taken apart, put together or grouped in blocks along an axis done in turns: every second, third, …."""
    found = [step for step in calls if step.plain in _IN_TURNS and (step.at is None or step.of == 1)]
    for steps in [*([step] for step in found), *([found] if len(found) > 1 else [])]:
        words = ", ".join(step.words for step in steps)
        made = together(*((step, _IN_TURNS[step.plain]) for step in steps))
        yield Change(f"{words} in turns (every second one, say), where the reference has blocks", made)


def _chunks_in_turns(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    out = func(*args, **kwargs)
    axis = next(i for i, n in enumerate(out[0].shape) if n != args[0].shape[i])
    return args[0].unflatten(axis, (-1, len(out))).unbind(axis + 1)


def _together_in_turns(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    out, first = func(*args, **kwargs), args[0][0]
    axis = next(i for i, n in enumerate(out.shape) if n != first.shape[i])
    return torch.stack(list(args[0]), axis + 1).flatten(axis, axis + 1)


def _groups_in_turns(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    values, call = bound(func, args, kwargs)
    x, groups, scales = values["input"], values["num_groups"], {"weight": values["weight"], "bias": values["bias"]}
    blocks = x.unflatten(1, (-1, groups)).transpose(1, 2)
    normed = call({**values, "input": blocks.flatten(1, 2), **dict.fromkeys(scales)})
    normed = normed.view(blocks.shape).transpose(1, 2).flatten(1, 2)
    weight, bias = (None if y is None else y.view(-1, *[1] * (x.dim() - 2)) for y in scales.values())
    normed = normed if weight is None else normed * weight
    return normed if bias is None else normed + bias


_IN_TURNS: Mapping[str, How] = {
    "chunk": _chunks_in_turns, "split": _chunks_in_turns, "cat": _together_in_turns, "group_norm": _groups_in_turns
}  # fmt: skip


def roots_of(steps: Sequence[Step]) -> Iterator[Change]:
    """A small number added to a root in place of under it, or the other way round, wherever this is done."""
    roots = [step for step in steps if step.plain.strip("_") in _ROOTS]
    for step in (step for step in steps if roots and step.plain.strip("_") == "add"):
        number = _small(step.values)
        if number is None and step.at is not None:
            continue
        what = "a small number" if number is None else f"{number:.10g}"
        words = f"{what} is added under the root, where the reference adds it to what {step.words} is given"
        yield Change(words, step.instead(_under_the_root))
        for root in (root for root in roots if root.at == step.at or None not in (root.at, step.at)):
            words = f"{what} is added to {root.words}, where the reference adds it under the root"
            yield Change(words, _beside_the_root(step, root))


def _small(values: Mapping[str, Any]) -> float | None:
    """The number that a sum adds, if it is a small one."""
    number = values.get("other")
    return float(number) if isinstance(number, float) and 0 < number < 0.1 else None


def _under_the_root(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    values = bound(func, args, kwargs)[0]
    number, x = _small(values), next(iter(values.values()))
    return func(*args, **kwargs) if number is None else (x * x + number).sqrt()


def _beside_the_root(add: Step, root: Step) -> Made:
    def made(function: Function) -> Function:
        sums: dict[int, tuple[Tensor, Tensor, float]] = {}  # a sum is kept, so that no other tensor has its place

        def sum_of(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            out, values = func(*args, **kwargs), bound(func, args, kwargs)[0]
            number = _small(values)
            if number is not None:
                sums[id(out)] = out, next(iter(values.values())), number
            return out

        def root_of(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if id(args[0]) not in sums:
                return func(*args, **kwargs)
            _, x, number = sums[id(args[0])]
            return x.sqrt() + number if root.plain == "sqrt" else 1 / (x.sqrt() + number)

        return together((add, sum_of), (root, root_of))(function)

    return made


def numbers_of(steps: Sequence[Step]) -> Iterator[Unknown]:
    """Each argument that is a number, with another."""
    for step in steps:
        for name, value in step.values.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and name not in (*_AXES, "correction"):
                words = f"{step.words} with {name}={{}}, where the reference has {value:.10g}"
                yield Unknown(words, float(value), partial(lambda s, n, x: s.given(_putting(n, x)), step, name))


def factors_of(steps: Sequence[Step]) -> Iterator[Unknown]:
    """What steps give, the last first, times a number."""
    for step in reversed(steps):
        yield Unknown(
            f"what {step.words} gives, times {{}}", 1.0, partial(lambda s, x: s.giving(lambda y: y * x), step)
        )


def operand_of(name: str, args: Sequence[Any]) -> tuple[int, int | None] | None:
    """Which argument of an operation has the terms of its sum, and along which axis (None: all); None if unknown."""
    if name in ("mm", "bmm", "mv", "dot"):
        return 0, -1
    if name in ("addmm", "baddbmm", "addmv"):
        return 1, -1
    if name == "convolution":
        return 1, 0 if args[6] else 1
    if name in _ALONG:
        axis = next((x for x in args[1:] if isinstance(x, (int, list)) and not isinstance(x, bool)), None)
        axis = axis[0] if isinstance(axis, list) and axis else axis
        return 0, axis if isinstance(axis, int) and name != "linalg_vector_norm" else None
    return (0, None) if name.startswith(("native_", "_native_")) and "norm" in name else None


def sums_of(ops: Sequence[Step]) -> Iterator[Change]:
    """Sums without their first or last terms."""
    for op, operand, axis in _sums(ops):
        x = list(op.values.values())[operand]
        n = x.numel() if axis is None else x.shape[axis]
        for many in sorted({1, *(n % tile for tile in TILES), *TILES}):
            if 0 < many < n:
                last = f"last {many}" if many > 1 else "last"
                words = f"{op.words} without the {last} of its {n} terms"
                yield Change(words, op.instead(_cut(operand, axis, slice(-many, None))))
        if n > 1:
            yield Change(f"{op.words} without the first of its {n} terms", op.instead(_cut(operand, axis, slice(1))))


def precisions_of(ops: Sequence[Step]) -> Iterator[Change]:
    """Operations with factors, partial sums or results of fewer bits."""
    for kind in TYPES:
        for op, operand, axis in _sums(ops):
            factors = (0, 1) if op.name == "convolution" else (operand, operand + op.name.endswith("mm"))
            yield Change(f"{op.words} of factors rounded to {kind}", op.instead(_of_factors(factors, kind)))
            for carried in (False, True) if axis is not None else ():
                words = f"{op.words} with partial sums rounded to {kind}"
                yield Change(words, op.instead(_in_halves(operand, axis or 0, kind, carried)))
            n = list(op.values.values())[operand].shape[axis or 0] if axis is not None else 0
            for tile in (tile for tile in TILES if 2 * tile < n <= 16 * tile):
                words = f"{op.words} with partial sums, of {tile} terms each, rounded to {kind}"
                yield Change(words, op.instead(_in_tiles(operand, axis or 0, kind, tile)))
        for op in ops:
            yield Change(f"{op.words} with results rounded to {kind}", op.giving(partial(in_type, kind=kind)))


def _sums(ops: Sequence[Step]) -> Iterator[tuple[Step, int, int | None]]:
    """The sums among operations, with the argument that has the terms and their axis."""
    for op in ops:
        where = operand_of(op.plain, list(op.values.values()))
        if where is not None:
            yield op, *where


def _cut(operand: int, axis: int | None, terms: slice) -> How:
    """The step with 0 in place of some of its terms; of a softmax, which has no 0, −∞."""

    def how(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        cut = args[operand].clone()
        (cut.view(-1) if axis is None else cut.movedim(axis, 0))[terms] = -torch.inf if "softmax" in str(func) else 0
        return func(*args[:operand], cut, *args[operand + 1 :], **kwargs)

    return how


def _of_factors(factors: Sequence[int], kind: str) -> How:
    return lambda func, args, kwargs: func(
        *(in_type(x, kind) if i in factors else x for i, x in enumerate(args)), **kwargs
    )


def _in_halves(operand: int, axis: int, kind: str, carried: bool) -> How:
    """The step with both halves of its sum, and their sum, rounded; what the first loses may be carried over."""

    def how(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        out, half, n = func(*args, **kwargs), args[operand].clone(), args[operand].shape[axis]
        half.narrow(axis, n // 2, n - n // 2).zero_()
        whole = func(*args[:operand], half, *args[operand + 1 :], **kwargs)
        first = in_type(whole, kind)
        return in_type(first + in_type(out - (first if carried else whole), kind), kind)

    return how


def _in_tiles(operand: int, axis: int, kind: str, tile: int) -> How:
    """The step with its sum rounded after every so many terms."""

    def how(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        n, total = args[operand].shape[axis], None
        for start in range(0, n, tile):
            part = torch.zeros_like(args[operand])
            part.narrow(axis, start, min(tile, n - start)).copy_(
                args[operand].narrow(axis, start, min(tile, n - start))
            )
            one = func(*args[:operand], part, *args[operand + 1 :], **kwargs)
            total = in_type(one if total is None else total + one, kind)
        return total

    return how


def rounded(x: Tensor, bits: int, least: int = -100) -> Tensor:
    """Rounded to so many significant bits, in its own type: a conversion would be undone where all is in float64.

    Of an exponent under `least` it keeps a fixed quantum. The quantum itself is no operation that a mode sees.
    """
    with torch._C.DisableTorchFunction(), _disable_current_modes():
        exponent = torch.frexp(x.detach())[1].clamp(min=least)
        quantum = torch.ldexp(torch.ones_like(x), exponent - bits)
        inverse = torch.ldexp(torch.ones_like(x), bits - exponent)
    return torch.round(x * inverse) * quantum


def in_type(x: Any, kind: str) -> Any:
    """A tensor of floating-point numbers rounded to one of TYPES; anything else, zeros without memory too, as it is."""
    numbers = isinstance(x, Tensor) and x.is_floating_point() and x.numel() and not x._is_zerotensor()
    return rounded(x, *TYPES[kind]) if numbers else x
