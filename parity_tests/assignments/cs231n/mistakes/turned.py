"""Known mistakes of spatial batch norm: of how images are turned into rows of channels, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import permutations
from typing import Any

from parity_tests.assignments.cs231n.mistakes.images import PLACES, SB, SF
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.mistake import Body

Order = tuple[int, ...]
ORDER = "Row i of dout belongs to row i of x: one transpose for both."
IN, BACK, AS_IT_IS = (0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 2, 3)
"""The orders of N×C×H×W that make rows of channels of images, and images of N×H×W×C."""
MIXED = (AS_IT_IS, (1, 0, 2, 3), (0, 3, 1, 2), (1, 2, 3, 0))
"""The orders that mix channels in each row; others that end in the same axis give the same where sizes are alike."""


def _rows(x: Any, order: Order) -> Any:
    return x.permute(order).reshape(-1, x.shape[1])


def _inverse(order: Order) -> Order:
    return tuple(order.index(axis) for axis in range(len(order)))


def _put_back(rows: Any, x: Any, order: Order) -> Any:
    """Rows that were made by an order as images again."""
    shape = [x.shape[axis] for axis in order]
    return rows.reshape(shape).permute(_inverse(order))


def _normal(rows: Any, s: Any) -> tuple[Any, Any]:
    deviation = (rows.var(0, unbiased=False) + s.get("eps", 1e-5)).sqrt()
    return (rows - rows.mean(0)) / deviation, deviation


def _out(order: Order, back: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda t, s: back(_normal(_rows(t.x, order), s)[0] * t.gamma + t.beta, t.x)


def _gradients(order: Order, back: Callable[[Any, Any], Any], of_x: Order = IN) -> dict[str, Callable[[Any, Any], Any]]:
    """dx, dgamma and dbeta for rows of dout in another order than those of x."""

    def of(name: str) -> Callable[[Any, Any], Any]:
        def wrong(t: Any, s: Any) -> Any:
            dout, (normal, deviation) = _rows(t.dout, order), _normal(_rows(t.x, of_x), s)
            if name != "dx":
                return (dout * normal if name == "dgamma" else dout).sum(0)
            g = dout * t.gamma
            return back((g - g.mean(0) - normal * (g * normal).mean(0)) / deviation, t.x)

        return wrong

    return {name: of(name) for name in ("dx", "dgamma", "dbeta")}


FORWARD = """N, C, H, W = x.shape
rows = {rows}
rows, cache = batchnorm_forward(rows, gamma, beta, bn_param)
return {back}, cache"""
BACKWARD = """N, C, H, W = dout.shape
x = dout
rows = {rows}
rows, dgamma, dbeta = batchnorm_backward_alt(rows, cache)
return {back}, dgamma, dbeta"""
USUAL_BACK = "rows.reshape(N, H, W, C).transpose(0, 3, 1, 2)"


def _sizes(order: Sequence[int]) -> str:
    return ", ".join("NCHW"[axis] for axis in order)


def _as_text(order: Order) -> tuple[str, str]:
    """How rows are made by an order, and how they are put back by its inverse."""
    return f"x.transpose{order}.reshape(-1, C)", f"rows.reshape({_sizes(order)}).transpose{_inverse(order)}"


def _both(name: str, order: Order, rows: str, back: str, put: Callable[[Any, Any], Any]) -> list[Wrong]:
    """The same mistake in the forward and in the backward; where rows are right, dgamma and dbeta are."""
    change = _gradients(order, put)
    if order == IN:
        change = {"dx": change["dx"]}
    texts = {"rows": rows, "back": back}
    found = [Wrong(SB, "layer", name.format("dout", "dx"), PLACES, change, (Body(SB, BACKWARD.format(**texts)),))]
    plug = (Body(SF, FORWARD.format(**texts)),)
    own = {"out": _out(order, put)}
    return [*found, Wrong(SF, "layer", name.format("x", "out"), PLACES, own, plug, mixes=order[-1] != 1)]


def _found() -> list[Wrong]:
    found: list[Wrong] = []
    usual, right = _as_text(IN)
    for order in permutations(range(4)):
        rows, back = _as_text(order)
        turned = "reshaped without a transpose" if order == AS_IT_IS else f"turned into rows by transpose{order}"
        if order != IN:
            found += _both(
                f"{{}} is {turned}, {{}} is put back as if by {IN}",
                order, rows, USUAL_BACK, partial(_put_back, order=IN),
            )  # fmt: skip
        if order in MIXED:
            also = "so is {}" if order == AS_IT_IS else "{} is put back from these"
            found += _both(f"{{}} is {turned}, and {also}", order, rows, back, partial(_put_back, order=order))
        if order != BACK:
            found += _both(
                "{1} is left as N × H × W × C, without the transpose back"
                if order == AS_IT_IS
                else f"{{1}} is put back by transpose{order}, not by {BACK}",
                IN, usual, right.replace(f"{BACK}", f"{order}"),
                partial(_put_back_wrongly, order=order),
            )  # fmt: skip
    return [
        *found,
        *_both(
            "{1} is put back from rows of W × H places, not H × W",
            IN, usual, "rows.reshape(N, W, H, C).transpose(0, 3, 2, 1)",
            partial(_put_back, order=(0, 3, 2, 1)),
        ),
        *_both(
            "{1} is reshaped without the transpose back",
            IN, usual, "rows.reshape(N, C, H, W)",
            lambda r, x: r.reshape(x.shape),
        ),
        *_both(
            "{1} is put back from N × C × H × W by the order of N × H × W × C",
            IN, usual, "rows.reshape(N, C, H, W).transpose(0, 3, 1, 2)",
            lambda r, x: r.reshape(x.shape).permute(BACK),
        ),
    ]  # fmt: skip


def _apart() -> list[Wrong]:
    """Rows of dout in another order of N, H and W than those of x, which the forward made rightly.

    Two neighbours that are exchanged give the same wherever the third one stands.
    """
    found: dict[str, Wrong] = {}
    for of_x, of_dout in permutations([(*places, 1) for places in permutations((0, 2, 3))], 2):
        x, dout = ([f"{'NCHW'[axis]}" for axis in order[:-1]] for order in (of_x, of_dout))
        kept = [axis for axis, other in zip(x, dout, strict=True) if axis == other]
        if kept and kept[0] != x[1]:
            x, dout = ([axis for axis in order if axis not in kept] for order in (x, dout))
        runs = [f"{', '.join(axes[:-1])} and {axes[-1]}" for axes in (dout, x)]
        name = f"the rows of dout run along {runs[0]} in this order, those of x in the cache along {runs[1]}"
        change = _gradients(of_dout, partial(_put_back, order=of_dout), of_x)
        forward, backward = (dict(zip(("rows", "back"), _as_text(order), strict=True)) for order in (of_x, of_dout))
        plug = Body(SF, FORWARD.format(**forward)), Body(SB, BACKWARD.format(**backward))
        wrong = {name_: change[name_] for name_ in ("dx", "dgamma")}  # dbeta is a sum in whatever order
        found.setdefault(name, Wrong(SB, "layer", name, ORDER, wrong, plug, of_right=True))
    return list(found.values())


def _put_back_wrongly(rows: Any, x: Any, order: Order) -> Any:
    N, C, H, W = x.shape
    return rows.reshape(N, H, W, C).permute(order)


TURNED = (*_found(), *_apart())
