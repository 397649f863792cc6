"""Whether a normalisation's gradients are right for what its own forward handed on, whatever is wrong with that.

The output shows it: (out − beta) / gamma is what the forward took for the normalised x. Where that is x, shifted and
scaled by one number each in every group, whichever the groups are, the scale is its deviation, and both give the
gradients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds.beside_root import is_beside
from parity_tests.harness.flow_answers import FAR, Answers, Form, answers, compared, may_agree
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Arrays, Judged
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, Quantity
from reports.model.notes import Note, NoteKind
from reports.model.verdicts import Verdict

if TYPE_CHECKING:
    from reference.flow import Flowed

HANDED_ON = Note(NoteKind.OWN_FORWARD, "is correct for your forward's output: the error is in the forward")
KEPT = {"batchnorm": (1,), "layernorm": (0,), "spatial_batchnorm": (1,), "groupnorm": (0, 1)}
"""The axes along which each norm has statistics of their own; with groups of channels the second axis is the group."""
RESULTS = {"dx": ("dx", "dx along the graph"), "dgamma": ("dgamma",)}
"""The references of each gradient: two right forms of dx are the same only where the normalised x has the mean 0."""


def noting_handed_on(case: Case, arrays: Arrays, seen: Observation, judged: Judged, device: str) -> Judged:
    """The same; of gradients that do not match it is noted where they are right for what their forward handed on."""
    noted = dict(judged)
    if case.params["layer"] not in KEPT:
        return noted
    failing = [
        q
        for q in case.quantities
        if _name(q) in RESULTS and judged[q.name].verdict == Verdict.MISMATCH and not is_beside(case, q, judged)
    ]
    for k in dict.fromkeys(q.key.call for q in failing):
        own = [q for q in failing if q.key.call == k]
        known = _handed_on(case, arrays, seen, k, device)
        if known is None:
            continue
        for q in own:
            got = result_of(seen, q.key)
            near = [form for form in RESULTS[_name(q)] if may_agree(got, known, form)]
            if any(compared(got, known, form).verdict == Verdict.MATCH for form in near):
                noted[q.name] = judged[q.name].noting(HANDED_ON)
    return noted


def _name(q: Quantity) -> str:
    return q.key.name.removeprefix("alt ")


def _handed_on(case: Case, arrays: Arrays, seen: Observation, k: int, device: str) -> Answers | None:
    """The gradients for what the forward of call k handed on, by the first grouping that its output fits."""
    x, gamma, beta = (arrays[f"{name}_{k}"] for name in ("x", "gamma", "beta"))
    out = array_of(seen, Key("out", k), x.shape)
    if out is None or not np.isfinite(out).all():
        return None
    inputs = {"x": x, "gamma": gamma, "beta": beta, "dout": arrays[f"dout_{k}"], "out": out.astype(x.dtype)}
    X = x.reshape(in_groups(x.shape, case.params))
    with np.errstate(all="ignore"):
        normal = ((out - by_channel(beta, x)) / by_channel(gamma, x)).reshape(X.shape)
    own = KEPT[case.params["layer"]]
    for kept in sorted(_groupings(X.ndim), key=lambda axes: (axes != own, len(axes), axes)):
        over = tuple(axis for axis in range(X.ndim) if axis not in kept)
        high, low = X.max(axis=over, keepdims=True), X.min(axis=over, keepdims=True)
        if (high == low).any():
            continue  # a group of one element
        if _is_far_from_a_line(X, normal, over):
            continue
        ends = {"high": (high == X).astype(x.dtype), "low": (low == X).astype(x.dtype)}
        form = Form(_reference(case.params, over), {**inputs, **ends}, f"handed on in call {k} along {kept}")
        known = answers(case, form, device)
        if _is_on_a_line(X, known.bounded):
            return known
    return None


def by_channel(array: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    return array.reshape(1, -1, 1, 1) if x.ndim == 4 else array


def _is_far_from_a_line(X: NDArray[Any], normal: NDArray[Any], over: tuple[int, ...]) -> bool:
    """Whether x is no scale and shift of what was taken for the normalised one, far beyond rounding, in some group."""
    ends = [X.max(axis=over, keepdims=True), X.min(axis=over, keepdims=True)]
    with np.errstate(all="ignore"):
        high, low = (np.where(end == X, normal, 0).sum(over, keepdims=True) / (end == X).sum(over, keepdims=True)
                     for end in ends)  # fmt: skip
        beside = X - ends[1] - (ends[0] - ends[1]) / (high - low) * (normal - low)
        return not bool((np.abs(beside) <= FAR[str(X.dtype)] * np.abs(X).max()).all())


def _is_on_a_line(X: NDArray[Any], found: Mapping[str, Flowed]) -> bool:
    line = found["on the line"]
    return bool((np.abs(X - line.value.double().cpu().numpy()) <= line.radius.cpu().numpy()).all())


def _groupings(n: int) -> Iterator[tuple[int, ...]]:
    """Which of n axes may be kept apart, all but one at the most."""
    for count in range(n):
        yield from combinations(range(n), count)


def in_groups(shape: Sequence[int], params: Mapping[str, Any]) -> tuple[int, ...]:
    """The shape of x, with an axis for the groups of channels where there are some."""
    if params["layer"] != "groupnorm":
        return tuple(shape)
    N, C, H, W = shape
    G = params["extra"][0]
    return N, G, C // G, H, W


def _reference(params: Mapping[str, Any], over: tuple[int, ...]) -> Any:
    """A torch function of what the forward was given, its output, and where x is largest and smallest in each group.

    Groups go along the axes `over`, as the forward has them; the backward sums along those that are right.
    """

    def reference(x: Any, gamma: Any, beta: Any, dout: Any, out: Any, high: Any, low: Any) -> dict[str, Any]:
        of_gamma = gamma.shape
        if x.dim() == 4:
            gamma, beta = gamma.reshape(1, -1, 1, 1), beta.reshape(1, -1, 1, 1)
        taken = (out - beta) / gamma
        taken = (gamma * taken + beta - beta) / gamma  # so that the rounding of the output counts
        shape = in_groups(x.shape, params)
        X, normal, g = x.reshape(shape), taken.reshape(shape), (dout * gamma).reshape(shape)
        lowest, lowest_x = (normal * low).sum(over, keepdim=True), (X * low).sum(over, keepdim=True)
        highest, highest_x = (normal * high).sum(over, keepdim=True), (X * high).sum(over, keepdim=True)
        deviation = (highest_x - lowest_x) / (highest - lowest)
        right = tuple(axis for axis in range(len(shape)) if axis not in KEPT[params["layer"]])
        along = (g * normal).mean(right, keepdim=True)
        dx = (g - g.mean(right, keepdim=True) - normal * along) / deviation
        graph = dx + normal.mean(right, keepdim=True) * along / deviation
        axes = (0, *range(2, x.dim()))
        return {
            "on the line": lowest_x + deviation * (normal - lowest),
            "dx": dx.reshape(x.shape),
            "dx along the graph": graph.reshape(x.shape),
            "dgamma": (dout * taken).sum(axes).reshape(of_gamma),
        }

    return reference
