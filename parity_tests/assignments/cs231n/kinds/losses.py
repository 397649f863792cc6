"""Losses: their cases, the draw, and the judge."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds.layer import AGAIN, Change, changed
from parity_tests.assignments.cs231n.kinds.torch_layers import loss_of
from parity_tests.assignments.cs231n.names import LABELS
from parity_tests.harness.flow_answers import Form, Question, judge_all
from parity_tests.harness.given import Given
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.exam import distinct, settings_of
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind, Params
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Key, Quantity
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING, Verdict

TITLES = {"softmax_loss": "softmax loss", "svm_loss": "SVM loss"}
SCALES = {"far-apart": 2000.0}
"""How far apart scores are drawn: past what an exponential holds."""
OVERFLOWS = "overflows where scores lie far apart: take off each row's maximum first"
LOG_OF_0 = (
    "takes the log of a probability that has become 0 where scores lie far apart: "
    "take log of the sum off the scores instead"
)


def cases(edition: str, asked: frozenset[str], dtype: str, seed: int) -> Iterator[Case]:
    """Scores of several sizes, one row, two inputs in turn; and for softmax, scores that lie far apart."""
    for function, title in TITLES.items():
        if function not in asked:
            continue
        settings = settings_of(seed, function)
        N, other, C = distinct(settings, 3, 9, 3)
        rows = {
            "scores": ("on scores", [[N, C]]),
            "one-row": ("on one row", [[1, C]]),
            "turns": ("on three inputs in turn", [[N, C], [other, C], [N, C]]),
        }
        if function == "softmax_loss":
            rows["far-apart"] = ("on scores that lie far apart", [[N, C]])
        for slug, (words, shapes) in rows.items():
            yield _case(function, slug, f"{title} {words}", shapes, dtype)


def _case(function: str, slug: str, title: str, shapes: list[list[int]], dtype: str) -> Case:
    n = len(shapes)
    params = {"function": function, "slug": slug, "inputs": n, "shapes": shapes, "memory": [""] * n}
    rows = [Quantity(f"{name}{AGAIN[k]}", function, Key(name, k)) for k in range(n) for name in ("loss", "dx")]
    return Case(f"{function}/{slug}/{dtype}", function, title, dtype, "loss", params, tuple(rows))


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Scores x_k (N×C) and labels y_k (N,)."""
    arrays: dict[str, NDArray[Any]] = {}
    for k, (N, C) in enumerate(params["shapes"]):
        arrays[f"x_{k}"] = SCALES.get(params["slug"], 2.0) * rng.standard_normal((N, C))
        arrays[f"y_{k}"] = rng.integers(0, C, N)
    return arrays


def judge(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """The loss and its gradient against torch's; one that overflows where scores lie far apart is noted only."""
    judged = judge_all(case, seen, questions(case, arrays), context.device)
    if case.params["slug"] != "far-apart":
        return judged
    results = [result_of(seen, q.key) for q in case.quantities]
    infinite = [isinstance(r, Returned) and r.array is not None and not np.isfinite(r.array).all() for r in results]
    for q, overflows in zip(case.quantities, infinite, strict=True):
        if judged[q.name].verdict not in PASSING and overflows:
            # An exponential that overflows leaves no gradient: ∞ divided by ∞.
            alone = infinite == [one.key.name == "loss" for one in case.quantities]
            judged[q.name] = matched(LOG_OF_0 if alone else OVERFLOWS, kind=NoteKind.READING)
    dx = next(q.name for q in case.quantities if q.key.name == "dx")
    if any(infinite) and _has_lost_probabilities(judged[dx], arrays["x_0"], arrays["y_0"]):
        judged |= {q.name: matched(OVERFLOWS, kind=NoteKind.READING) for q in case.quantities}
    return judged


def _has_lost_probabilities(dx: Comparison, x: NDArray[Any], y: NDArray[Any]) -> bool:
    """Whether a gradient is wrong only in rows whose exponentials overflow, where each probability became 0.

    There the scores less the log of an infinite sum are −∞.
    """
    if dx.verdict != Verdict.MISMATCH or dx.arrays is None:
        return False
    got, want, radius = dx.arrays
    overflows = x.max(axis=1) > np.log(np.finfo(x.dtype).max)
    without = np.where(np.arange(x.shape[1]) == y[:, None], -1 / len(x), 0)
    right = np.abs(got - want) <= radius
    return bool((right | (overflows[:, None] & np.isclose(got, without))).all())


def questions(case: Case, arrays: Arrays) -> list[Question]:
    """What is expected of each input."""
    found = []
    for k, inputs in _inputs(case, arrays):
        own = [q for q in case.quantities if q.key.call == k]
        found.append(Question(own, [Form(of_loss(case.params["function"], AGAIN[k]), inputs)]))
    return found


def mistaken(case: Case, arrays: Arrays, change: Change, note: str, asked: Collection[Quantity]) -> list[Question]:
    """What is expected of the quantities that are asked, of who makes a mistake."""
    found = []
    for k, inputs in _inputs(case, arrays):
        if own := [q for q in asked if q.key.call == k]:
            found.append(Question(own, [Form(_mistaken(case.params["function"], change, own), inputs, note)]))
    return found


def _inputs(case: Case, arrays: Arrays) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number of each input, and its arrays by their names."""
    for k in range(case.params["inputs"]):
        yield k, {"x": arrays[f"x_{k}"], "y": arrays[f"y_{k}"]}


def of_loss(function: str, suffix: str = "") -> Any:
    """The torch function of scores x and labels y that gives "loss" and its gradient "dx", with a suffix each."""
    from reference.flow import gradients

    inner = gradients(loss_of(function), of="x", given=None)

    def reference(x: Any, y: Any) -> dict[str, Any]:
        found = inner(x=x, y=y)
        return {f"loss{suffix}": found["output"], f"dx{suffix}": found["x"]}

    return reference


def _mistaken(function: str, change: Change, asked: Sequence[Quantity]) -> Any:
    """A torch function of scores and labels that gives these quantities as who makes the mistake returns them."""
    right = of_loss(function)

    def reference(x: Any, y: Any) -> dict[str, Any]:
        return changed(Given(lambda: right(x=x, y=y), x=x, y=y), change, {}, asked)

    return reference


KIND = Kind(draw, judge, labels=LABELS)
