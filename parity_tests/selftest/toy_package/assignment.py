"""The toy assignment of a package: its cases, and how the radius that flows along torch's operations judges them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parity_tests.protocol.assignment import Assignment, Inside
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind
from parity_tests.protocol.layout import Editions, Layout
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.part import Part
from parity_tests.protocol.quantity import Key, quantities

MODULES = {"square": "powers.basic", "fourth_root": "powers.roots.even"}


def plan(edition: str, dtypes: Sequence[str], seed: int) -> list[Case]:
    """Each function on a matrix."""
    return [
        Case(f"{q.name}/{dtype}", q.name, q.name, dtype, "call", {"function": q.name, "module": MODULES[q.name]}, (q,))
        for dtype in dtypes
        for q in quantities(("square", "A", Key("output")), ("fourth_root", "B", Key("output")))
    ]


def judge(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """The output against torch's."""
    import torch

    from parity_tests.harness.judge_flow import judge_returned
    from parity_tests.harness.returned import result_of
    from reference.flow import evaluate

    functions: dict[str, Any] = {"square": torch.square, "fourth_root": lambda x: torch.sqrt(torch.sqrt(x))}
    function = functions[case.check]
    flowed = evaluate(lambda X: function(X), {"X": arrays["X"]}, device=context.device)["output"]
    return {case.check: judge_returned(result_of(seen, Key("output")), flowed, None).comparison}


PACKAGE = Assignment(
    name="package",
    title="squares and fourth roots",
    layout=Layout("powers.basic", further=("powers.roots.even",), lent=("powers.given",)),
    solution=Path(__file__).with_name("solution"),
    parts=(Part("A", "Task A", "squares", ("square",)), Part("B", "Task B", "roots", ("fourth_root",))),
    inside=Inside(Path(__file__).with_name("probes.py")),
    plan=plan,
    kinds={"call": Kind(lambda params, rng: {"X": rng.uniform(1, 9, (3, 5))}, judge)},
    editions=Editions(inert_modules={"": ("powers.pictures", "past")}),
)
