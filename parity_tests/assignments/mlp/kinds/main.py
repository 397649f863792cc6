"""`main`, run on a few digits: the rows of its cases, the draw, and the judge, which lies in mlp/main."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.digits import small_digits
from parity_tests.assignments.mlp.main.configs import configs, main_quantities
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, Quantity

RUNS = (("wiring", "wiring", "with correct parts"), ("own", "parts", "with its own parts"))
"""The names of the runs, the processes that they are put to, and what titles say of them."""


def cases(edition: str) -> Iterator[Case]:
    """Each run with correct parts in place of the submission's, and with its own."""
    for config in configs(edition):
        rows = tuple(Quantity(name, "10", Key(name)) for name in main_quantities(config))
        for name, process, title in RUNS:
            yield Case(
                f"main/{config.name}-{name}/float64",
                "main",
                f"main with {config.activation}, {title}",
                "float64",
                "main",
                {
                    "stand_ins": process == "wiring",
                    "main_params": config.main_params(),
                    "config": config.name,
                    "edition": edition,
                },
                rows,
                process=process,
                whole=True,
                strikes=f"main with {config.activation}",
            )


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Digits of few pixels: multiples of the mini-batch of 5 for one run, one less than a multiple for the other.

    A loop that ends too early leaves out a whole batch where the number divides, one that ends too late makes a short
    one where it nearly does; and 34 are enough to tell examples that are never used from those left out by chance. A
    validation set of three mini-batches is more than a loop covers that takes the size of one for that of the set.
    """
    digits = small_digits(*((34, 19, 10) if params["config"] == "tanh" else (25, 15, 10)))
    arrays: dict[str, NDArray[Any]] = {}
    for split, X, y in digits.parts():
        arrays |= {f"{split}_X": X, f"{split}_y": y}
    return arrays


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """Each run by itself; to which part its failures belong, only all cases together show."""
    from parity_tests.assignments.mlp.main.verdicts import judge_main

    config = next(c for c in configs(case.params["edition"]) if c.name == case.params["config"])
    return judge_main(
        observation, config=config, digits=arrays, stand_ins=case.params["stand_ins"], device=context.device
    )


KIND = Kind(draw, judge, chained=True)
