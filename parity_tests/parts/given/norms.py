"""The norms: how their numbers lie, with the words for axes and counts, and what the names of their texts stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from parity_tests.parts import images_as_rows
from parity_tests.parts.right_text import RightText


@dataclass(frozen=True)
class Layout:
    """How the numbers of a norm lie: the axes that share statistics, those of sums, and the counts, each in words.

    `further` are axes that its forward alone may take for those that share statistics.
    """

    axes: Mapping[str, tuple[tuple[int, ...], str]]
    sums: Mapping[str, tuple[tuple[int, ...], str]]
    counts: Mapping[str, str]
    further: Mapping[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)

    @property
    def statistics(self) -> Mapping[str, tuple[tuple[int, ...], str]]:
        """The axes of the forward's statistics."""
        return {**self.axes, **self.further}


_CHANNELS = {"channels": "the number of channels", "examples": "the number of examples"}
_ROWS = {"axis": ((0,), "the examples"), "other": ((1,), "the features"), "everything": ((0, 1), "everything")}
_SUMS = {
    "axis": ((0, 2, 3), "examples and places"),
    "everything": ((0, 1, 2, 3), "everything"),
    "first": ((0,), "the examples alone"),
    "inner": ((2, 3), "the places alone"),
    "crossed": ((1, 2, 3), "channels and places"),
    "across": ((1,), "the channels"),
}
LAYOUTS: Mapping[str, Layout] = {
    "batch": Layout(
        _ROWS,
        _ROWS,
        {"count": "the number of examples", "channels": "the number of features"},
    ),
    "layer": Layout(
        {"axis": ((1,), "the features"), "other": ((0,), "the examples"), "everything": ((0, 1), "everything")},
        _ROWS,
        {"count": "the number of features", "examples": "the number of examples"},
    ),
    "spatial": Layout(
        _SUMS,
        _SUMS,
        {"count": "the number of examples and places", **_CHANNELS, "places": "the number of places"},
        {
            "rows": ((0, 2), "examples and rows alone"),
            "columns": ((0, 3), "examples and columns alone"),
            "by_place": ((0, 1), "examples and channels, place by place"),
        },
    ),
    "group": Layout(
        {
            "axis": ((2, 3, 4), "a group"),
            "everything": ((0, 1, 2, 3, 4), "everything"),
            "inner": ((3, 4), "a channel's places alone"),
            "crossed": ((1, 2, 3, 4), "all groups as well"),
            "own": ((2,), "the channels of a group alone, place by place"),
            "with_examples": ((0, 2, 3, 4), "all examples as well"),
            "across": ((1, 2), "the channels"),
        },
        _SUMS,
        {
            "count": "the size of a group",
            **_CHANNELS,
            "places": "H · W",
            "size": "the number of channels in a group",
            "all": "C · H · W",
            "over": "N · H · W",
            "apart": "G · H · W",
        },
        {
            "rows": ((2, 3), "a group's channels and rows alone"),
            "columns": ((2, 4), "a group's channels and columns alone"),
            "by_place": ((0, 2), "examples and the channels of a group, place by place"),
            "by_channel": ((1, 3, 4), "a channel's places in all groups"),
            "batch": ((0, 3, 4), "examples and a channel's places, as in batch norm"),
        },
    ),
}


def words_of(axes: Mapping[str, tuple[tuple[int, ...], str]]) -> dict[str, str]:
    """The words for axes, by their names."""
    return {name: words for name, (_, words) in axes.items()}


def _numbers(layout: str, t: Any) -> dict[str, Any]:
    """x and gamma in the shape of a norm's groups, and its counts and axes."""
    N, C = t.x.shape[:2]
    shape = (N, t.extra[0], C // t.extra[0], *t.x.shape[2:]) if layout == "group" else tuple(t.x.shape)
    of_gamma = (1, *shape[1:3], 1, 1) if layout == "group" else (1, C, *(1,) * (t.x.dim() - 2))
    axes = {name: axis for name, (axis, _) in LAYOUTS[layout].axes.items()}
    x = t.x.reshape(shape)
    count = 1.0
    for axis in axes["axis"]:
        count *= shape[axis]
    counts = {"count": count, "examples": float(N), "channels": float(C)}
    if t.x.dim() == 4:
        counts |= {"places": float(t.x[0, 0].numel())}
    if layout == "group":
        H, W = t.x.shape[2:]
        counts |= {"groups": float(t.extra[0]), "size": float(C // t.extra[0])}
        counts |= {"all": float(C * H * W), "over": float(N * H * W), "apart": float(t.extra[0] * H * W)}
    return {"x": x, "gamma": t.gamma.reshape(of_gamma), **counts, **axes}


def _dealt(t: Any) -> dict[str, Any]:
    """The statistics of groups of every G-th channel, in the shape of a norm's groups."""
    N, C = t.x.shape[:2]
    G, size = t.extra[0], C // t.extra[0]
    x = t.x.reshape(N, size, G, *t.x.shape[2:])
    mean = x.mean((1, 3, 4), keepdim=True)
    variance = ((x - mean) ** 2).mean((1, 3, 4), keepdim=True)
    told = (("dealt_mean", mean), ("dealt_variance", variance))
    return {name: one.expand(N, size, G, 1, 1).reshape(N, G, size, 1, 1) for name, one in told}


def norm_backward_given(layout: str, text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    """The names of a norm's backward, for the deviation of the part's own forward where that is given."""
    if "rows" in text.targets:
        return _of_rows(t, s)
    own = _numbers(layout, t)
    x = own["x"]
    centred = x - x.mean(own["axis"], keepdim=True)
    variance = (centred**2).mean(own["axis"], keepdim=True)
    eps = 0 * variance + s.get("eps", 1e-5)
    deviation = (variance + eps).sqrt()
    if hasattr(t, "deviation"):
        deviation = t.deviation.reshape(x.shape)
        variance = deviation**2 - eps
    arrays = {"dout": t.dout.reshape(x.shape), "normal": centred / deviation, "centred": centred, "variance": variance}
    found = {**own, **arrays, "eps": eps, "deviation": deviation}
    if "dbeta" not in text.targets:
        return found
    # Sums run over x as it lies, whatever its groups are.
    whole = {name: (found[name] + 0 * x).reshape(t.x.shape) for name in text.arrays if name != "gamma"}
    sums = {name: axis for name, (axis, _) in LAYOUTS[layout].sums.items()}
    return {**found, **whole, **sums, "gamma": t.gamma.reshape(1, -1, *(1,) * (t.x.dim() - 2))}


def _of_rows(t: Any, s: Any) -> Mapping[str, Any]:
    """The names of spatial batch norm through rows of channels."""
    eps, further = s.get("eps", 1e-5), {name: value for name, value in vars(t).items() if name in ("beta", "dout")}
    through, normalised = partial(images_as_rows.through, eps), partial(images_as_rows.normalised, eps)
    turns = {"in_rows": images_as_rows.in_rows, "in_images": partial(images_as_rows.in_images, t.x.shape)}
    return {"x": t.x, "gamma": t.gamma, **further, **turns, "through": through, "normalised": normalised}


def norm_forward_given(layout: str, text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    """The names of a norm's forward."""
    if "rows" in text.targets:
        return _of_rows(t, s)
    own = _numbers(layout, t)
    axes = {name: axis for name, (axis, _) in LAYOUTS[layout].statistics.items()}
    count, beta = own["count"], t.beta.reshape(own["gamma"].shape)
    unbiased = count / (count - 1) if count > 1 else float("nan")
    own |= _dealt(t) if layout == "group" else {}
    return {**own, **axes, "beta": beta, "eps": s.get("eps", 1e-5), "usual": 1e-5, "unbiased": unbiased}


def of_call(names: Mapping[str, Any], lines: str | None = None) -> dict[str, Any]:
    """The names of the text, or of some lines of it, by those that a call has: arrays of numpy or of torch, of rows."""
    x = names["x"]
    found = {**names, "rest": 1 - names["momentum"], "usual": 0.9, "usual_rest": 1 - 0.9}
    if lines is None or "batch_" in lines or "unbiased" in lines:
        found["batch_mean"] = x.mean(0)
        found["batch_variance"] = ((x - found["batch_mean"]) ** 2).mean(0)
    if lines is None or "unbiased" in lines:
        found["unbiased"] = found["batch_variance"] * (len(x) / (len(x) - 1) if len(x) > 1 else float("nan"))
    if lines is None or "squares" in lines:
        found["squares"] = (x**2).mean(0)
    return found
