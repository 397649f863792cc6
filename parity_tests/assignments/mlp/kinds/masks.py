"""Dropout's masks as random draws: the rows of their cases, the draw, and the judge; no formula is known of them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds.dropout import RATES, kept_mask
from parity_tests.assignments.mlp.kinds.elementwise import without_zeros
from parity_tests.harness.compare import compare
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched, mismatched
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Key, Quantity
from reference.answer import known

CALLS = 9
"""Forwards of one case, the last of them of another object."""
ROWS = tuple(Quantity(name, "9") for name in ("scale", "kept fraction", "independence", "re-drawn masks"))


def cases() -> Iterator[Case]:
    """Many masks at each rate but 0; they have no dtype."""
    for r in RATES[1:]:
        params = {"r": r, "calls": CALLS, "N": 100, "M": 100}
        yield Case(
            f"dropout/masks-{r}/float64", "dropout", f"dropout's masks at rate {r}", "float64", "masks", params, ROWS
        )


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """q, none of whose elements is near 0."""
    return {"q": without_zeros(rng, (params["N"], params["M"]))}


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """The scale of what is kept, and whether the masks are independent draws at the rate, made anew each time."""
    from parity_tests.harness import statistics
    from reference import dropout

    q, r = arrays["q"], case.params["r"]
    outputs = []
    for k in range(case.params["calls"]):
        s = array_of(observation, Key("output", k), q.shape)
        if s is None:
            return dict.fromkeys(
                (row.name for row in ROWS), compare(result_of(observation, Key("output", k)), known(q))
            )
        outputs.append(s)
    masks = np.stack([kept_mask(s) for s in outputs])
    scale = compare(Returned("array", outputs[0], ""), dropout.forward(q, masks[0], r, context.device))
    problems = {
        "kept fraction": statistics.kept_fraction_problem(masks, r),
        "independence": statistics.independence_problem(masks, r),
        "re-drawn masks": statistics.redrawn_problem(masks, r),
    }
    return {
        "scale": replace(scale, notes=()),
        **{name: mismatched(problem) if problem else matched() for name, problem in problems.items()},
    }


KIND = Kind(draw, judge)
