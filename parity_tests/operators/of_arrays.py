"""Changes of what a torch function is given, and of what it returns: fewer bits, parts left out, moved or exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from parity_tests.operators.of_steps import TILES, TYPES, in_type
from parity_tests.operators.steps import Change, Made

_AXES = {(1, 0): "element", (2, 0): "row", (2, 1): "column"}
_FIRST = 1024
FEW = 4
"""A number that so few elements give says nothing."""
Map = Callable[[Tensor], Tensor]


class Seen(NamedTuple):
    """One wrong result: what was got, what is expected (both in float64), and at which elements that is wrong."""

    got: Tensor
    want: Tensor
    wrong: Tensor


def inputs_of(inputs: Mapping[str, Any]) -> Iterator[Change]:
    """The changes of the inputs that are tensors."""
    floats = {name: x for name, x in inputs.items() if isinstance(x, Tensor) and x.is_floating_point() and x.numel()}
    for kind in TYPES:
        low: Map = partial(in_type, kind=kind)
        yield Change(f"inputs rounded to {kind}", _given(dict.fromkeys(floats, low)))
        for name in floats if len(floats) > 1 else ():
            yield Change(f"{name} rounded to {kind}", _given({name: low}))
    for name, x in floats.items():
        yield Change(f"{name} is not read: 0 in its place", _given({name: torch.zeros_like}))
        yield Change(f"{name} is not read: 1 in its place", _given({name: torch.ones_like}))
        yield Change(f"{name} has the other sign", _given({name: torch.neg}))
        yield Change(
            f"the last element of {name} is not read: 0 in its place", _given({name: partial(_zeroed, None, 1)})
        )
        if x.dim() > 1 and x.shape[-1] == x.shape[-2]:
            yield Change(f"{name} transposed", _given({name: lambda y: y.mT}))
        for axis, n in enumerate(x.shape if x.dim() > 1 else ()):
            for many in sorted(many for many in {1, *(n % tile for tile in TILES)} if 0 < many < n):
                last = f"last {many} indices" if many > 1 else "last index"
                words = f"the {last} along axis {axis} of {name} not read: 0 there"
                yield Change(words, _given({name: partial(_zeroed, axis, many)}))
    for one, two in combinations(floats, 2):
        if floats[one].shape == floats[two].shape:
            exchanged = partial(lambda a, b, f: lambda **given: f(**{**given, a: given[b], b: given[a]}), one, two)
            yield Change(f"{one} and {two} exchanged", exchanged)


def _given(changes: Mapping[str, Map]) -> Made:
    def changed(inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {name: changes[name](x) if name in changes else x for name, x in inputs.items()}

    return lambda function: lambda **inputs: function(**changed(inputs))


def _zeroed(axis: int | None, last: int, x: Tensor) -> Tensor:
    y = x.clone()
    (y.view(-1) if axis is None else y.movedim(axis, 0))[-last:] = 0
    return y


def results_of(results: Mapping[str, Seen], named: Callable[[Any], dict[str, Tensor]]) -> Iterator[Change]:
    """The changes of the wrong results that these show; `named` gives results their names."""
    offered = [{words: (write, is_seen) for words, write, is_seen in _writings(*result)} for result in results.items()]
    for words in offered[0]:
        if all(words in other for other in offered):
            writes = partial(_written, {name: o[words][0] for name, o in zip(results, offered, strict=True)})
            yield Change(words, _returned(writes, named), all(o[words][1] for o in offered), writes)


def _written(changes: Mapping[str, Map], found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: changes[name](x) if name in changes else x for name, x in found.items()}


def _returned(writes: Callable[[Any], dict[str, Tensor]], named: Callable[[Any], dict[str, Tensor]]) -> Made:
    return lambda function: lambda **inputs: writes(named(function(**inputs)))


def _writings(name: str, seen: Seen) -> Iterator[tuple[str, Map, bool]]:
    """What may have been done with a result, as far as the wrong elements do not say otherwise; whether that is seen.

    Of two elements that are exchanged one may be over its bound alone, the other beside it.
    """
    got, want, wrong = seen
    place, many = place_in(name, wrong), int(wrong.sum())
    for one, two in _exchanged(wrong) if many <= 2 else ():
        order = torch.arange(want.numel())
        order[[one, two]] = order[[two, one]]
        here, there = (list(map(int, np.unravel_index(i, want.shape))) for i in (one, two))
        yield f"the elements {here} and {there} are exchanged", partial(_in_order, order), False
    if (place or many == wrong.numel()) and not bool(got[wrong].any()):
        words = f"0 in {place}, all else agrees" if place else "0 everywhere"
        yield words, lambda y: y.masked_fill(wrong.to(y.device), 0), got.numel() > 1
    for kind in (kind for kind in TYPES if kind != "TF32" and _is_in_type(got, kind)):
        told = not _is_in_type(got[wrong], "float8_e4m3")  # many a number is one of so few bits
        if told or want.numel() > FEW:
            yield f"results stored in {kind}", partial(in_type, kind=kind), told
    if want.numel() <= FEW:
        return
    if want.dim() > 1 and want.shape[-1] == want.shape[-2]:
        yield "the result is transposed", lambda y: y.mT, False
    for axis, n in enumerate(want.shape):
        if n > 1:
            yield f"the result is reversed along axis {axis}", partial(torch.flip, dims=(axis,)), False
            yield f"the result is one place on along axis {axis}", partial(torch.roll, shifts=1, dims=axis), False
            yield f"the result is one place back along axis {axis}", partial(torch.roll, shifts=-1, dims=axis), False
    at, flat, size = wrong.flatten().nonzero().flatten(), want.flatten(), want.numel()
    first, rows = int(at[0]), torch.tensor((1, *want.shape[::-1])).cumprod(0).tolist()
    for by in dict.fromkeys((*rows, int(at[-1]) - first + 1, *(size // parts for parts in (2, 4, 8, 16, 32)))):
        for start in {first, size - by}:
            near = 0 < by <= start <= first < int(at[-1]) and torch.allclose(got.flatten()[first], flat[first - by])
            if near and torch.allclose(got.flatten()[start:], flat[start - by : size - by], rtol=1e-5, atol=0):
                where = place or f"the elements from {start} on"
                yield (
                    f"{where}: the numbers of {by} elements before; all else agrees",
                    partial(_twice, start, by),
                    False,
                )
                return


def _exchanged(wrong: Tensor) -> Iterator[tuple[int, int]]:
    """Places of two elements that may be exchanged: of two wrong ones both, of one and those beside it."""
    at, size = wrong.flatten().nonzero().flatten().tolist(), wrong.numel()
    if len(at) == 2:
        yield at[0], at[1]
    else:
        yield from ((i, i + 1) for i in (at[0] - 1, at[0]) if 0 <= i < size - 1)


def _in_order(order: Tensor, y: Tensor) -> Tensor:
    return y.flatten()[order].view(y.shape)


def _is_in_type(x: Tensor, kind: str) -> bool:
    """Whether a type holds all numbers, of which a few are looked at first."""
    return all(torch.equal(in_type(some, kind), some) for some in (x.flatten()[:_FIRST], x))


def _twice(start: int, by: int, y: Tensor) -> Tensor:
    flat = y.flatten()
    return torch.cat([flat[:start], flat[start - by : len(flat) - by]]).view(y.shape)


def place_of(wrong: Tensor) -> str:
    """Where the wrong elements lie, as "rows from 64 on"; "" where they lie everywhere or in no plain pattern."""
    places, most = [], 1
    for axis, n in enumerate(wrong.shape):
        at = (wrong.movedim(axis, 0).flatten(1).any(1) if wrong.dim() > 1 else wrong).nonzero().flatten().tolist()
        place = _along(at, n, _AXES.get((wrong.dim(), axis), ""), axis) if len(at) < n else ""
        if not place and 2 * len(at) < n:
            return ""
        places += [place] if place else []
        most *= len(at) if place else n
    return ", ".join(places) if 2 * int(wrong.sum()) >= most else ""


def place_in(name: str, wrong: Tensor) -> str:
    """The same of a result of that name, in which a single element has its index."""
    return f"{name}{wrong.nonzero().tolist()[0]}" if int(wrong.sum()) == 1 < wrong.numel() else place_of(wrong)


def _along(at: list[int], n: int, what: str, axis: int) -> str:
    """Some of the indices along an axis in words; "" where they are in no plain pattern."""
    one, many, of = (what, f"{what}s", "") if what else ("index", "indices", f" along axis {axis}")
    if len(at) == 1:
        return f"the last {one}{of}" if at == [n - 1] and n > 2 else f"{one} {at[0]}{of}"
    if at == list(range(at[0], at[-1] + 1)):
        return f"{many} {at[0]} to {at[-1]}{of}" if at[-1] < n - 1 else f"{many} from {at[0]} on{of}"
    step = at[1] - at[0]
    which = {2: "second", 3: "third"}.get(step, f"{step}th")
    return f"every {which} {one}{of} from {at[0]} on" if at == list(range(at[0], n, step)) and len(at) > 2 else ""
