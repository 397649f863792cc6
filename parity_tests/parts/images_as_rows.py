"""Spatial batch norm through rows of channels: how images are turned into rows, and back, in a wrong order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

from parity_tests.parts.changed_texts import OF_PLACES
from parity_tests.parts.in_torch import numpy_of
from parity_tests.parts.right_text import RightText

PLACES = "Each channel is normalised over examples and places: transpose the channels to the end before a reshape."
ORDER = "Row i of dout belongs to row i of x: one transpose for both."
Order = tuple[int, ...]
IN, BACK, AS_IT_IS = (0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 2, 3)
"""The orders of N×C×H×W that make rows of channels of images, and images of N×H×W×C."""
MIXED = (AS_IT_IS, (1, 0, 2, 3), (0, 3, 1, 2), (1, 2, 3, 0))
"""The orders that mix channels in each row; others that end in the same axis give the same where sizes are alike."""
DGAMMA, DBETA = "(rows * normalised(cached)).sum(0)", "rows.sum(0)"
FORWARD = f"""
rows = in_rows(x, {IN})  # the rows of x
scaled = gamma * normalised(rows) + beta  # the rows of out
out = in_images(scaled, {IN})  # out
"""
BACKWARD = f"""
cached = in_rows(x, {IN})  # the rows of x
rows = in_rows(dout, {IN})  # the rows of dout
dgamma = {DGAMMA}  # dgamma
dbeta = {DBETA}  # dbeta
within = through(gamma * rows, cached)  # the rows of dx
dx = in_images(within, {IN})  # dx
"""


def in_rows(x: Any, order: Order) -> Any:
    """Images as rows of channels."""
    return numpy_of(x).transpose(x, order).reshape(-1, x.shape[1])


def in_images(shape: Order, rows: Any, order: Order, back: Order | None = None) -> Any:
    """Rows as images again that were made of images of a shape by an order; or put back by another."""
    inverse = tuple(order.index(axis) for axis in range(4))
    return numpy_of(rows).transpose(rows.reshape([shape[axis] for axis in order]), back or inverse)


def normalised(eps: float, rows: Any) -> Any:
    """Each column of rows normalised."""
    return (rows - rows.mean(0)) / _deviation(eps, rows)


def through(eps: float, g: Any, rows: Any) -> Any:
    """A gradient through the normalisation of rows."""
    normal = normalised(eps, rows)
    return (g - g.mean(0) - normal * (g * normal).mean(0)) / _deviation(eps, rows)


def _deviation(eps: float, rows: Any) -> Any:
    return (((rows - rows.mean(0)) ** 2).mean(0) + eps) ** 0.5


Row = tuple[str, Mapping[str, str]]


def _rows(x: str, out: str, of_out: str) -> Iterator[Row]:
    """What is said of images that are turned, and of those that are put back, in another order."""

    def images(*orders: Order) -> str:
        return f"in_images({of_out}, {', '.join(map(str, orders))})"

    for order in permutations(range(4)):
        rows = f"in_rows({x}, {order})"
        turned = "reshaped without a transpose" if order == AS_IT_IS else f"turned into rows by transpose{order}"
        if order != IN:
            back = f"the transpose back of {out}, as if by {IN}, does not match it"
            yield f"{x} is {turned}, and {back}", {"rows": rows, out: images(IN)}
        if order in MIXED:
            also = f"so is {out}" if order == AS_IT_IS else f"{out} is made back from these"
            yield f"{x} is {turned}, and {also}", {"rows": rows, out: images(order)}
        if order == AS_IT_IS:
            yield f"{out} is left as N × H × W × C, without the transpose back", {out: images(IN, order)}
        elif order != BACK:
            yield f"{out} is transposed back by {order}, not by {BACK}", {out: images(IN, order)}
        if order[-1] != 1 and x == "dout":
            yield f"{x} is {turned}", {"rows": rows, "dgamma": DGAMMA}
            yield f"{x} is turned into rows that hold several channels", {"rows": rows, "dbeta": DBETA}
    yield f"{out} is reshaped back from rows of W × H places, not H × W", {out: images((0, 3, 2, 1))}
    yield f"{out} is reshaped without the transpose back", {out: images(AS_IT_IS)}
    yield f"{out} is transposed back as if it were N × H × W × C", {out: images(AS_IT_IS, BACK)}


def _apart() -> Iterator[Row]:
    """Rows of dout in another order of N, H and W than those of x, which the forward made rightly.

    Two neighbours that are exchanged give the same wherever the third one stands.
    """
    said = set()
    for of_x, of_dout in permutations([(*places, 1) for places in permutations((0, 2, 3))], 2):
        x, dout = (["NCHW"[axis] for axis in order[:-1]] for order in (of_x, of_dout))
        kept = [axis for axis, other in zip(x, dout, strict=True) if axis == other]
        if kept and kept[0] != x[1]:
            x, dout = ([axis for axis in order if axis not in kept] for order in (x, dout))
        runs = [f"{', '.join(axes[:-1])} and {axes[-1]}" for axes in (dout, x)]
        words = f"the rows of dout run along {runs[0]} in this order, those of x in the cache along {runs[1]}"
        if words not in said:
            rows = {"cached": f"in_rows(x, {of_x})", "rows": f"in_rows(dout, {of_dout})"}
            yield words, rows
            yield words, {**rows, "dx": f"in_images(within, {of_dout})"}
        said.add(words)


def _text(lines: str, *arrays: str, rows: Iterator[Row]) -> RightText:
    places = frozenset(line.partition(" = ")[0] for line in lines.strip().splitlines())
    hints = {"run along": ORDER, "": PLACES}
    return RightText(lines, arrays, hints=hints, without=OF_PLACES, places=places, rows=tuple(rows))


ROWS_FORWARD = _text(FORWARD, "x", "gamma", "beta", rows=_rows("x", "out", "scaled"))
ROWS_BACKWARD = _text(BACKWARD, "x", "dout", "gamma", rows=iter((*_rows("dout", "dx", "within"), *_apart())))
