"""The right texts of CS231n's parts: which of them each part has, and what their names stand for in its cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from parity_tests.assignments.cs231n.mistakes.generated import Written
from parity_tests.assignments.cs231n.mistakes.windows_given import of_convolution, of_pooling
from parity_tests.parts import images_as_rows
from parity_tests.parts.linear import LINEAR_BACKWARD, LINEAR_FORWARD
from parity_tests.parts.norm_backward import AS_ONE, BY_MEANS, BY_SUMS, SCALED, SUMMED, norm_backward
from parity_tests.parts.norm_forward import norm_forward
from parity_tests.parts.relu import RELU_BACKWARD, RELU_FORWARD
from parity_tests.parts.right_text import RightText
from parity_tests.parts.softmax_loss import SOFTMAX_LOSS
from parity_tests.parts.svm_loss import SVM_LOSS
from parity_tests.parts.windows import CONV_BACKWARD, CONV_FORWARD, POOL_BACKWARD, POOL_FORWARD


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


def _backward_of(layout: str, text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
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


def _words(axes: Mapping[str, tuple[tuple[int, ...], str]]) -> dict[str, str]:
    return {name: words for name, (_, words) in axes.items()}


def _backward(part: str, layout: str, before: str = "") -> Written:
    forms = (BY_MEANS, BY_SUMS, SCALED if layout in ("batch", "spatial") else AS_ONE)
    own = LAYOUTS[layout]
    texts = [norm_backward(lines, own.counts, _words(own.axes)) for lines in forms]
    texts.append(norm_backward(SUMMED, own.counts, _words(own.sums)))
    texts += [images_as_rows.ROWS_BACKWARD] if layout == "spatial" else []
    return Written(part, texts, partial(_backward_of, layout), before)


def _forward(part: str, layout: str) -> Written:
    own = LAYOUTS[layout]
    texts = [norm_forward(own.counts, _words(own.statistics))]
    texts += [images_as_rows.ROWS_FORWARD] if layout == "spatial" else []
    return Written(part, texts, partial(_forward_of, layout))


def _of_rows(t: Any, s: Any) -> Mapping[str, Any]:
    """The names of spatial batch norm through rows of channels."""
    eps, further = s.get("eps", 1e-5), {name: value for name, value in vars(t).items() if name in ("beta", "dout")}
    through, normalised = partial(images_as_rows.through, eps), partial(images_as_rows.normalised, eps)
    turns = {"in_rows": images_as_rows.in_rows, "in_images": partial(images_as_rows.in_images, t.x.shape)}
    return {"x": t.x, "gamma": t.gamma, **further, **turns, "through": through, "normalised": normalised}


def _forward_of(layout: str, text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    """The names of a norm's forward."""
    if "rows" in text.targets:
        return _of_rows(t, s)
    own = _numbers(layout, t)
    axes = {name: axis for name, (axis, _) in LAYOUTS[layout].statistics.items()}
    count, beta = own["count"], t.beta.reshape(own["gamma"].shape)
    unbiased = count / (count - 1) if count > 1 else float("nan")
    return {**own, **axes, "beta": beta, "eps": s.get("eps", 1e-5), "usual": 1e-5, "unbiased": unbiased}


def _of_linear(text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    """The names of the linear layer: x as rows, as it should be flattened and as it should not."""
    x, N = t.x, len(t.x)
    turned = x.permute(0, *range(x.dim() - 1, 0, -1))
    arrays = {"rows": x.reshape(N, -1), "fortran": turned.reshape(N, -1), "mixed": x.reshape(-1, N).T}
    counts = {"count": float(N), "inputs": float(len(t.w)), "outputs": float(len(t.b))}
    axes = {"axis": (0,), "other": (1,), "everything": (0, 1)}
    return {**arrays, "w": t.w, "b": t.b, "dout": getattr(t, "dout", None), **counts, **axes}


def _of_relu(text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    return {"x": t.x, "dout": getattr(t, "dout", None), "zero": 0.0, "one": 1.0, "negatives": 0.0}


def _of_loss(text: RightText, t: Any, s: Any) -> Mapping[str, Any]:
    """The names of a loss: 1 at the classes of each example that one may take for the right one."""
    import torch

    N, C = t.x.shape
    right = (t.y.reshape(-1, 1) == torch.arange(C)).to(t.x.dtype)
    label = right.sum(0, keepdim=True) + 0 * right
    classes = {"right": right, "chosen": right, "others": 1 - right, "label": label, "column": label.clamp(max=1)}
    classes["likeliest"] = (t.x == t.x.amax(1, keepdim=True)).to(t.x.dtype)
    counts = {"count": float(N), "classes": float(C), "wrong": float(C - 1)}
    axes = {"axis": (1,), "other": (0,), "everything": (0, 1)}
    return {"x": t.x, **classes, **counts, **axes, "zero": 0.0, "one": 1.0}


WRITTEN: Mapping[tuple[str, str], Written] = {
    (one.part, one.kind): one
    for one in (
        Written("affine_forward", [LINEAR_FORWARD], _of_linear),
        Written("affine_backward", [LINEAR_BACKWARD], _of_linear),
        Written("relu_forward", RELU_FORWARD, _of_relu, numbers=True),
        Written("relu_backward", RELU_BACKWARD, _of_relu, numbers=True),
        Written("softmax_loss", SOFTMAX_LOSS, _of_loss, kind="loss"),
        Written("svm_loss", SVM_LOSS, _of_loss, kind="loss"),
        Written("conv_forward_naive", [CONV_FORWARD], of_convolution, may_fail=True),
        Written("conv_backward_naive", CONV_BACKWARD, of_convolution, may_fail=True),
        Written("max_pool_forward_naive", [POOL_FORWARD], of_pooling, may_fail=True),
        Written("max_pool_backward_naive", [POOL_BACKWARD], of_pooling, may_fail=True),
        _forward("batchnorm_forward", "batch"),
        _forward("layernorm_forward", "layer"),
        _forward("spatial_batchnorm_forward", "spatial"),
        _forward("spatial_groupnorm_forward", "group"),
        _backward("batchnorm_backward", "batch"),
        _backward("batchnorm_backward_alt", "batch", "alt "),
        _backward("layernorm_backward", "layer"),
        _backward("spatial_batchnorm_backward", "spatial"),
        _backward("spatial_groupnorm_backward", "group"),
    )
}
"""By part and kind of case."""
