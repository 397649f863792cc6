"""The homework: what is asked, how it is drawn, and what torch says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.assignment import Assignment, Inside
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind, Params
from parity_tests.protocol.layout import Layout
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.part import Part
from parity_tests.protocol.quantity import Key, Quantity, quantities

HERE = Path(__file__).parent
CASES = {"a matrix": ((7, 5), 0.0), "one row": ((1, 4), 0.0), "a square": ((5, 5), 0.0), "far from 0": ((3, 5), 1e3)}


def plan(edition: str, dtypes: Sequence[str], seed: int) -> list[Case]:
    """Both functions on matrices of several shapes, and of scores whose exponentials are no numbers any more."""
    return [
        Case(f"{title}/{dtype}", "softmax", title, dtype, "softmax", {"shape": shape, "mean": mean}, asked(title))
        for dtype in dtypes
        for title, (shape, mean) in CASES.items()
    ]


def asked(title: str) -> tuple[Quantity, ...]:
    """What is compared in a case. Each case's have names of their own, so that each earns its share of the points."""
    return quantities(
        (f"output, {title}", "forward", Key("output")), (f"gradient, {title}", "backward", Key("gradient"))
    )


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """The arrays of a case."""
    shape: list[int] = params["shape"]
    return {"X": params["mean"] + rng.standard_normal(shape), "grad": rng.standard_normal(shape)}


def judge(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """Both results against torch's: value ± radius, which flows along torch's own operations."""
    import torch

    from parity_tests.harness.judge_flow import judge_returned
    from parity_tests.harness.returned import result_of
    from reference.flow import evaluate, gradients

    reference = gradients(lambda X: torch.softmax(X, -1), of="X", given="grad")
    answers = evaluate(reference, arrays, device=context.device).values()
    return {
        quantity.name: judge_returned(result_of(seen, quantity.key), answer, None).comparison
        for quantity, answer in zip(case.quantities, answers, strict=True)
    }


ASSIGNMENT = Assignment(
    name="softmax",
    title="softmax and its gradient",
    layout=Layout("softmax"),
    solution=HERE / "solution",
    parts=(
        Part("forward", "Task 1", "softmax", ("softmax",)),
        Part("backward", "Task 2", "its gradient", ("softmax_backward",)),
    ),
    inside=Inside(HERE / "probes.py"),
    plan=plan,
    kinds={"softmax": Kind(draw, judge)},
    rubric=HERE / "rubric.toml",
)
