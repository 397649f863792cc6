"""Dropout's masks as random draws: the rows of their cases, the draw, and the judge; no formula is known of them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds import dropout as rates_of
from parity_tests.assignments.mlp.kinds.dropout import kept_mask
from parity_tests.assignments.mlp.kinds.elementwise import without_zeros
from parity_tests.assignments.mlp.names import words
from parity_tests.harness.compare import compare
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched, mismatched
from parity_tests.protocol.exam import settings_of
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Key, Quantity
from reference.answer import known

CALLS = 9
"""Forwards of one case, the last of them of another object."""
CALLS_SMALL = 300
"""The same of an array so small that only many masks together can be judged, and of which all is often dropped."""
OUTPUTS, ODD = Key("outputs"), Key("output")
"""What all forwards returned, calls×N×M; and what is kept in its place where one returned something else."""
ROWS = tuple(Quantity(name, "9", OUTPUTS) for name in ("scale", "kept fraction", "independence", "re-drawn masks"))


def cases(seed: int) -> Iterator[Case]:
    """Many masks at each rate but 0, and many more of one row and of one column at one of them; they have no dtype."""
    rates = {slug: r for slug, r in rates_of.rates(seed).items() if r > 0}
    for slug, r in rates.items():
        yield _case(slug, f"at {words(slug)}", {"r": r, "calls": CALLS, "N": 100, "M": 100})
    settings = settings_of(seed, "dropout", "small")
    for slug, title, (N, M) in (
        ("small", "of one short row", (1, settings.randint(2, 4))),
        ("one-column", "of one short column", (settings.randint(2, 3), 1)),
    ):
        yield _case(slug, title, {"r": rates["high-rate"], "calls": CALLS_SMALL, "N": N, "M": M})


def _case(slug: str, title: str, params: Params) -> Case:
    return Case(
        f"dropout/masks-{slug}/float64", "dropout", f"dropout's masks {title}", "float64", "masks", params, ROWS
    )


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """q, none of whose elements is near 0."""
    return {"q": without_zeros(rng, (params["N"], params["M"]))}


def outputs_of(case: Case, observation: Observation) -> NDArray[Any] | None:
    """What all forwards returned, calls×N×M; None where one returned something else."""
    return array_of(observation, OUTPUTS, tuple(case.params[name] for name in ("calls", "N", "M")))


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """The scale of what is kept, and whether the masks are independent draws at the rate, made anew each time."""
    from parity_tests.harness import statistics
    from reference import dropout

    q, r = arrays["q"], case.params["r"]
    outputs = outputs_of(case, observation)
    if outputs is None:
        odd = compare(result_of(observation, ODD), known(q))
        return dict.fromkeys((row.name for row in ROWS), odd)
    masks = kept_mask(outputs)
    scale = compare(Returned("array", outputs[0], ""), dropout.forward(q, masks[0], r, context.device))
    rate = statistics.rate_of(masks, r)
    problems = {
        "kept fraction": statistics.kept_fraction_problem(masks, r),
        "independence": statistics.independence_problem(masks, rate),
        "re-drawn masks": statistics.redrawn_problem(masks, rate),
    }
    return {
        "scale": replace(scale, notes=()),
        **{name: mismatched(problem) if problem else matched() for name, problem in problems.items()},
    }


KIND = Kind(draw, judge)
