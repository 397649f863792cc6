"""Rules of operations that add or average elements at places: scattering, embeddings, average pools, interpolation.

They are linear with weights ≥ 0, so that the same operation carries radii and bounds the rounding.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reference.flow.operation import Operation, Radius, plus, rule, wide
from reference.flow.rounding import is_power_of_two
from reference.flow.rules.arithmetic import most, reach

aten = torch.ops.aten


@rule(aten.index_add.default, aten.scatter_add.default)
def added_into(op: Operation) -> Radius:
    """Adding into places: as many roundings as terms fall into the fullest one."""
    x, index, source = op["self"], op["index"], op["source" if "source" in op else "src"]
    alpha = float(op.arguments.get("alpha", 1))
    r, s = op.radius(x), op.radius(source)
    dim = op["dim"]
    ones = torch.ones_like(source, dtype=torch.float64)
    zeros = torch.zeros(x.shape, dtype=torch.float64, device=x.device)
    counts = op.func(zeros, dim, index, ones)
    counts = counts + op.not_zero(x)
    n = int(counts.max()) if counts.numel() else 0
    sizes = op.func(reach(wide(x), r), dim, index, reach(wide(source), s) * abs(alpha))
    local: Tensor = (sizes * op.sums(max(n - 1, 0) + (0 if is_power_of_two(alpha) else 1))).masked_fill(
        counts <= 1, 0.0
    )
    if r is None and s is None:
        return local
    added = torch.zeros_like(ones) if s is None else s * abs(alpha)
    return plus(local, op.func(zeros if r is None else r, dim, index, added))


@rule(aten.scatter_reduce.two, aten.index_reduce.default)
def reduced_into(op: Operation) -> Radius:
    """Sums, means, products, largest or smallest of what falls into each place, with what is there or without.

    Of n terms a sum or a product rounds n − 1 times, a mean once more; the largest moves by the largest radius at most.
    """
    x, dim, index, source, reduce = (op[name] for name in ("self", "dim", "index", _source(op), "reduce"))
    included = op["include_self"]
    r, s = op.radius(x), op.radius(source)

    def into(base: Tensor, added: Tensor, how: str = reduce) -> Tensor:
        found: Tensor = op.func(base, dim, index, added, how, include_self=included)
        return found

    zeros, none = torch.zeros_like(x, dtype=torch.float64), torch.zeros_like(source, dtype=torch.float64)
    r, s = zeros if r is None else r, none if s is None else s
    if reduce in ("amax", "amin"):
        return into(r, s, "amax")
    counted = torch.ones_like(none)
    base = _kept(op, included)
    counts = _added(op, base, counted)
    n = int(counts.max()) if counts.numel() else 0
    sizes = into(reach(wide(x), r), reach(wide(source), s))
    if reduce == "prod":
        several = sizes - into(wide(x).abs(), wide(source).abs()) + op.rounding(sizes, max(n - 1, 0))
        return torch.where(counts <= 1, into(r, s), several)
    local = (sizes * op.sums(max(n - 1, 0) + (reduce == "mean"))).masked_fill(counts <= 1, 0.0)
    return local + into(r, s)


def _kept(op: Operation, included: bool) -> Tensor:
    """How many terms each place has of its own: one, or none where something falls and it is not included."""
    ones = torch.ones_like(op["self"], dtype=torch.float64)
    if included:
        return ones
    if op.func is aten.index_reduce.default:
        return ones.index_fill(op["dim"], op["index"], 0.0)
    return ones.scatter(op["dim"], op["index"], 0.0)


def _added(op: Operation, base: Tensor, terms: Tensor) -> Tensor:
    if op.func is aten.index_reduce.default:
        return base.index_add(op["dim"], op["index"], terms)
    return base.scatter_add(op["dim"], op["index"], terms)


def _source(op: Operation) -> str:
    return "source" if "source" in op else "src"


@rule(aten.index_put.default)
def put_into(op: Operation) -> Radius:
    """Values put into places, or added into them with as many roundings as terms fall into the fullest."""
    x, places, source = op["self"], op["indices"], op["values"]
    r, s = op.radius(x), op.radius(source)
    zeros = torch.zeros(x.shape, dtype=torch.float64, device=x.device)
    before = zeros if r is None else r
    after = torch.zeros_like(source, dtype=torch.float64) if s is None else s
    carried: Tensor = aten.index_put(before, places, after, op["accumulate"])
    if not op["accumulate"]:
        return carried
    counts = aten.index_put(zeros, places, torch.ones_like(after), True) + op.not_zero(x)
    n = int(counts.max()) if counts.numel() else 0
    sizes = aten.index_put(reach(wide(x), r), places, reach(wide(source), s), True)
    return plus(carried, (sizes * op.sums(max(n - 1, 0))).masked_fill(counts <= 1, 0.0))


SUM, MEAN, LARGEST = 0, 1, 2
"""torch's numbers for what an embedding bag makes of its rows."""


@rule(aten._embedding_bag.default, aten._embedding_bag_forward_only.default)
def embedding_bag(op: Operation) -> tuple[Radius, ...]:
    """Rows of a table summed, averaged, or the largest taken, by bags; which rows, integers say."""
    given = dict(op.arguments)
    table, factors = given.pop("weight"), given.pop("per_sample_weights")
    r, s = op.radius(table), op.radius(factors)
    words, mode = given["indices"], int(given["mode"])

    def bags(table: Tensor, factors: Tensor | None) -> Tensor:
        found: Tensor = op.func(table, **given, per_sample_weights=factors)[0]
        return found

    rest = (None, None, None)
    if mode == LARGEST:
        return None if r is None else bags(r, None), *rest
    sizes = bags(reach(wide(table), r), None if factors is None else reach(wide(factors), s))
    begins = given["offsets"][: -1 if given["include_last_offset"] else None]
    most = int(torch.cat([begins, begins.new_tensor([len(words)])]).diff().max()) if len(begins) else 0
    extra = (factors is not None) + (mode == MEAN)
    local = sizes * op.sums(max(most - 1, 0) + extra)
    if r is None and s is None:
        return local, *rest
    exact = bags(wide(table).abs(), None if factors is None else wide(factors).abs())
    return plus(local, sizes - exact), *rest


@rule(aten._embedding_bag_dense_backward.default)
def embedding_bag_backward(op: Operation) -> Radius:
    """Gradients of bags added into the rows that they were made of, each times its factor or over its bag's size."""
    given = dict(op.arguments)
    g, factors = given.pop("grad"), given.pop("per_sample_weights")
    r, s = op.radius(g), op.radius(factors)
    words = given["indices"]
    n = int(words.flatten().bincount().max()) if words.numel() else 0

    def spread(g: Tensor, factors: Tensor | None) -> Tensor:
        found: Tensor = op.func(g, **given, per_sample_weights=factors)
        return found

    sizes = spread(reach(wide(g), r), None if factors is None else reach(wide(factors), s))
    extra = (factors is not None) + (int(given["mode"]) == MEAN) + 2 * bool(given["scale_grad_by_freq"])
    local = sizes * op.sums(max(n - 1, 0) + extra)
    if r is None and s is None:
        return local
    return plus(local, sizes - spread(wide(g).abs(), None if factors is None else wide(factors).abs()))


@rule(aten.embedding_dense_backward.default)
def embedding_backward(op: Operation) -> Radius:
    """Rows of gradients added into the rows that were looked up: as many roundings as the most frequent word has."""
    g, index = op["grad_output"], op["indices"]
    rest = [op[name] for name in ("num_weights", "padding_idx", "scale_grad_by_freq")]
    n = int(index.flatten().bincount().max()) if index.numel() else 0
    r = op.radius(g)

    def spread(x: Tensor) -> Tensor:
        found: Tensor = aten.embedding_dense_backward(x, index, *rest)
        return found

    more = 2 if op["scale_grad_by_freq"] else 0
    local = spread(reach(wide(g), r)) * op.sums(max(n - 1, 0) + more)
    return plus(local, None if r is None else spread(r))


@rule(
    aten.avg_pool2d.default,
    aten._adaptive_avg_pool2d.default,
    aten.avg_pool2d_backward.default,
    aten._adaptive_avg_pool2d_backward.default,
    aten.avg_pool1d.default,
    aten.avg_pool3d.default,
    aten.avg_pool3d_backward.default,
    aten._adaptive_avg_pool3d.default,
    aten._adaptive_avg_pool3d_backward.default,
)
def average_pool(op: Operation) -> Radius:
    """Means of windows, and the backward, which adds a share from each window: linear with weights of one sign.

    No more terms than a window or an input has elements, and two roundings of the division.
    """
    given = dict(op.arguments)
    name = next(iter(given))
    x = given.pop(name)
    r = op.radius(x)
    rest = [wide(y) if isinstance(y, Tensor) else y for y in given.values()]
    places = _places(op) if "kernel_size" in op else _window(op)
    # A divisor that is given may be below 0.
    local: Tensor = op.func(reach(wide(x), r), *rest).abs() * op.sums(places + 1)
    carried = None if r is None else op.func(r, *rest).abs()
    return plus(local, carried, op.stored_inside(lambda: most(op, carried).add_(local)))


def _dimensions(op: Operation) -> int:
    return next(n for n in (1, 2, 3) if f"pool{n}d" in str(op.func))


def _places(op: Operation) -> int:
    """How many elements a window has; torch writes a square's side once."""
    kernel = op["kernel_size"]
    return int(math.prod(kernel)) if len(kernel) > 1 else int(kernel[0]) ** _dimensions(op)


def _window(op: Operation) -> int:
    """The largest number of elements in a window of an adaptive pool, or of windows that one element lies in."""
    whole = op["self"]
    part = op.out if "output_size" in op else op["grad_output"]
    n = _dimensions(op)
    sides = zip(whole.shape[-n:], part.shape[-n:], strict=True)
    return math.prod(max(-(-big // small), -(-small // big)) + 1 for big, small in sides)


@rule(
    aten.upsample_bilinear2d_backward.default,
    aten.upsample_nearest2d_backward.default,
    aten.upsample_nearest1d_backward.default,
    aten.upsample_nearest3d_backward.default,
    aten.upsample_linear1d_backward.default,
    aten.upsample_trilinear3d_backward.default,
    aten._upsample_nearest_exact1d_backward.default,
    aten._upsample_nearest_exact2d_backward.default,
    aten._upsample_nearest_exact3d_backward.default,
    aten.replication_pad1d_backward.default,
    aten.replication_pad2d_backward.default,
    aten.reflection_pad1d_backward.default,
    aten.reflection_pad2d_backward.default,
    aten.replication_pad3d_backward.default,
    aten.reflection_pad3d_backward.default,
)
def gathered_back(op: Operation) -> Radius:
    """Gradients of padding and interpolation: each element adds up those of the places that it went to.

    Padding: as many as the fullest element has. Interpolation: four times the share of the result at most, with two
    roundings of a weight and one of its product a dimension; the weights of the nearest are 1.
    """
    given = dict(op.arguments)
    g = given.pop("grad_output")
    r = op.radius(g)
    rest = [wide(y) if isinstance(y, Tensor) else y for y in given.values()]
    name = str(op.func)
    if "linear" in name:
        roundings = math.ceil(g.numel() / max(op.out.numel(), 1)) * 8 + 9
    else:
        counts = op.func(torch.ones_like(g, dtype=torch.float64), *rest)
        roundings = max(int(counts.max()) - 1, 0) if counts.numel() else 0
    local: Tensor = op.func(reach(wide(g), r), *rest) * op.sums(roundings)
    return plus(local, None if r is None else op.func(r, *rest))
