"""The toy assignment: its cases, how they are drawn and judged, and all that the rooms must know of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from parity_tests.protocol.assignment import Assignment, Inside
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind
from parity_tests.protocol.layout import Layout
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.part import Part
from parity_tests.protocol.quantity import Key, quantities


def plan(edition: str, dtypes: Sequence[str], seed: int) -> list[Case]:
    """Each function on a matrix."""
    return [
        Case(f"{q.name}/{dtype}", q.name, q.name, dtype, "call", {"function": q.name}, (q,))
        for dtype in dtypes
        for q in quantities(("softplus", "A", Key("output")), ("derivative", "B", Key("output")))
    ]


def judge(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """The output against torch's; it may be 16 u off, of 1 + its size, which every usual form keeps to."""
    import torch

    from parity_tests.harness.compare import compare
    from parity_tests.harness.returned import result_of
    from reference.answer import Answer, precise
    from reference.rounding import unit_roundoff
    from reference.tensors import to_array, to_tensor

    X, e = to_tensor(arrays["X"], context.device), np.exp(precise(arrays["X"]))
    if case.check == "softplus":
        value, exact = to_array(torch.logaddexp(X, torch.zeros_like(X))), np.log1p(e)
    else:
        value, exact = to_array(torch.sigmoid(X)), e / (1 + e)
    radius = 16 * unit_roundoff(case.dtype) * (1 + value)
    return {case.check: compare(result_of(seen, Key("output")), Answer(value, radius, lambda: exact))}


TOY = Assignment(
    name="toy",
    title="softplus and its derivative",
    layout=Layout("softplus"),
    solution=Path(__file__).with_name("solution"),
    parts=(Part("A", "Task A", "softplus", ("softplus",)), Part("B", "Task B", "its derivative", ("derivative",))),
    inside=Inside(Path(__file__).with_name("probes.py")),
    plan=plan,
    # Drawn on both sides of 0, where no usual form overflows.
    kinds={"call": Kind(lambda params, rng: {"X": rng.uniform(-9, 9, (3, 5))}, judge)},
)
