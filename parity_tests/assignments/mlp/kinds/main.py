"""`main`, run on a few digits: the rows of its cases, the draw, and the judge, which lies in mlp/main."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.digits import CLASSES, Digits, small_digits
from parity_tests.assignments.mlp.inside.homework_names import PLAIN
from parity_tests.assignments.mlp.kinds.calls import Judged
from parity_tests.assignments.mlp.main.configs import AS_SCRIPT, DEFAULT_FILE, configs_of, main_quantities
from parity_tests.assignments.mlp.main.settings import OTHER, OWN, WIRING, settings
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, Quantity

PART = "10"
"""The TODO that `main` is."""
THOUSANDS = 1_000
"""How many training examples are too many to be digits of few pixels that all differ."""
BYTES = 256
PARTS = {WIRING: ("wiring", "with correct parts"), OWN: ("parts", "with its own parts")}
"""The processes that runs are put to by the parts that they are made with, and what titles say of these."""


def cases(edition: str, seed: int) -> Iterator[Case]:
    """Each setting with correct parts in place of the submission's, with its own, or both."""
    for setting in settings(edition, seed):
        for parts in setting.parts:
            process, title = PARTS[parts]
            as_script = setting.as_script if parts == OWN else 0
            names = main_quantities(setting.runs, as_script=bool(as_script))
            rows = tuple(Quantity(name, PART, Key(name)) for name in names)
            yield Case(
                f"main/{setting.name}-{parts}/float64",
                "main",
                f"{setting.title}, {title}",
                "float64",
                "main",
                {
                    "stand_ins": process == "wiring",
                    "config": setting.name,
                    "runs": [config.run() for config in setting.runs],
                    "lots": {prefix: asdict(lot) for prefix, lot in (("", setting.lot), (OTHER, setting.other)) if lot},
                    "labels_apart": setting.labels_apart,
                    "one_folder": setting.one_folder,
                    "decoy": DEFAULT_FILE if setting.decoy else "",
                    "as_script": as_script,
                    "bytes": edition == PLAIN,
                },
                rows,
                process=process,
                whole=True,
            )


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Digits of few pixels: the lots, each under its prefix; grey values at random where there are thousands
    of them, or where a file holds them in bytes.

    Where labels are to be apart, two digits share each label: the sets that are not for training have the upper half.
    """
    arrays: dict[str, NDArray[Any]] = {}
    labels = CLASSES // 2 if params["labels_apart"] else CLASSES
    for prefix, lot in params["lots"].items():
        train, valid, test = lot["sizes"]
        few = train < THOUSANDS and not params["bytes"]
        digits = (
            small_digits(train, valid, test, lot["pixels"], rng) if few else _grey(lot["sizes"], lot["pixels"], rng)
        )
        for split, X, y in digits.parts():
            first = CLASSES - labels if split != "train" else 0
            arrays |= {f"{prefix}{split}_X": X, f"{prefix}{split}_y": first + y % labels}
    return arrays


def _grey(sizes: tuple[int, int, int], pixels: int, rng: np.random.Generator) -> Digits:
    """Examples of pixels×pixels grey values at random, in bytes, no two of them alike, with labels at random."""
    grey = rng.integers(0, BYTES, (sum(sizes), pixels**2))
    grey[:, 0], grey[:, 1] = np.divmod(rng.permutation(sum(sizes)), BYTES)  # the first two pixels are a number
    X = grey / (BYTES - 1)
    y, ends = rng.integers(0, CLASSES, sum(sizes)), np.cumsum(sizes)[:2]
    (X1, X2, X3), (y1, y2, y3) = np.split(X, ends), np.split(y, ends)
    return Digits(X1, y1, X2, y2, X3, y3)


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """Each case by itself; to which part its failures belong, only all cases together show."""
    from parity_tests.assignments.mlp.main.verdicts import judge_main

    judged = judge_main(
        observation,
        configs=configs_of(case.params),
        digits=arrays,
        stand_ins=case.params["stand_ins"],
        as_script=case.params["as_script"],
        device=context.device,
    )
    # Of edited functions it is left open: no record is made of them, and no excuse may come of it.
    return {**judged, AS_SCRIPT: matched()} if case.params.get("edited") else judged


def edited(params: Params) -> Params:
    """Without the run as a script, which is made of the file as it is."""
    return {**params, "as_script": 0, "edited": True}


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterable[Call]:
    """The steps and records of runs; not of those that fail because of the submission's own parts."""
    from parity_tests.assignments.mlp.main.evidence import calls_of_runs
    from parity_tests.assignments.mlp.main.verdicts import main_runs

    if any(comparison.explained_by not in ("", PART) for comparison in judged.values()):
        return ()
    stand_ins = case.params["stand_ins"]
    return calls_of_runs(case, main_runs(observation, configs_of(case.params), arrays, stand_ins=stand_ins), judged)


def smaller(params: Params, arrays: Arrays, key: Key) -> Iterable[tuple[Params, Arrays]]:
    """The runs that scripts show: of few examples of two pixels, and as few epochs as may do."""
    from parity_tests.assignments.mlp.scripts import main

    return main.smaller(params, arrays, key)


KIND = Kind(draw, judge, evidence, chained=True, smaller=smaller, edited=edited)
