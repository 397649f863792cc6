"""The smaller runs of main: ever longer ones under ever more of its parameters, on examples of two pixels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.main.configs import DEFAULT_FILE, FEW_UNITS, Config, configs_of
from parity_tests.assignments.mlp.main.run import SPLITS
from parity_tests.assignments.mlp.main.verdicts import judge_main
from parity_tests.harness.draft import SEED
from parity_tests.harness.draw import draw
from parity_tests.harness.failing_case import sized
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.reproduction import Ask

FILE = DEFAULT_FILE
WIDTH = 110


@dataclass(frozen=True)
class SmallerRun:
    """A smaller run of main."""

    config: Config
    digits: dict[str, NDArray[Any]]

    def lines(self) -> list[str]:
        """The lines of a script that give `digits` and `params` their values."""
        examples = {
            split: [self.digits[f"{split}_X"].tolist(), self.digits[f"{split}_y"].reshape(-1).astype(int).tolist()]
            for split in SPLITS
        }
        lines = [f"digits = {json.dumps(examples)}"]
        if len(lines[0]) > 1.5 * WIDTH:
            lines, start = [*FORMULA], 0
            for split in SPLITS:
                end = start + len(examples[split][1])
                lines[-1] += f'"{split}": examples({start}, {end}), '
                start = end
            lines[-1] = lines[-1][:-2] + "}"
        params = [
            f"{json.dumps(key)}: {json.dumps(value) if isinstance(value, str) else repr(value)}"
            for key, value in self.config.main_params().items()
        ]
        return [*lines, f"params = {{{', '.join(params[:5])},", f"          {', '.join(params[5:])}}}"]


class RunCache:
    """What `main` did, each smaller run asked once."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[tuple[Any, ...], dict[str, Comparison]] = {}
        self._late = 0

    def judged(self, case: Case, small: SmallerRun) -> dict[str, Comparison]:
        """The comparisons of this run; none after `main` has twice not come back."""
        key = (case.process, small.config, len(small.digits["train_X"]))
        if key not in self._known:
            if self._late > 1:
                return {}
            seen = self._ask(sized(case, runs=[small.config.run()]), small.digits, SEED)
            self._late += any(failure.kind == "timeout" for failure in seen.failures.values())
            self._known[key] = judge_main(
                seen, configs=(small.config,), digits=small.digits, stand_ins=bool(case.params["stand_ins"])
            )
        return self._known[key]


# ---- their sizes ----

SIZES = (  # epochs, examples, mini-batch
    (1, 1, 1), (1, 2, 2), (1, 2, 1), (2, 1, 1), (2, 2, 2), (2, 2, 1), (1, 4, 2), (1, 5, 2), (2, 4, 2), (2, 5, 2),
    (3, 4, 2), (2, 8, 8), (1, 12, 2), (2, 12, 2), (6, 1, 1), (11, 1, 1), (11, 2, 1), (12, 4, 2), (12, 15, 13),
)  # fmt: skip
FOR_ACCURACY = ((2, 24, 2), (6, 24, 2), (12, 24, 2))
"""Sizes at which a few per cent of the examples are seen to change sides."""
DIFFERENT = 72
"""So many examples of two pixels are all different."""
LEFT_OUT = (("alpha", "lam", "rate"), ("alpha", "lam"), ("lam", "rate"), ("alpha", "rate"),
            ("lam",), ("alpha",), ("rate",), ())  # fmt: skip
"""Parameters that are set to zero, the plainest run first."""


def longer(case: Case, quantity: str, seed: int) -> Iterator[SmallerRun]:
    """Ever longer runs under the parameters of each run of a case, up to its own length."""
    for own in dict.fromkeys(configs_of(case.params)):
        yield from _longer(case, own, quantity, seed)


def _longer(case: Case, own: Config, quantity: str, seed: int) -> Iterator[SmallerRun]:
    config = replace(own, file=FILE, units=FEW_UNITS, digits="")
    for epochs, N, batch in (*SIZES, *(FOR_ACCURACY if quantity.endswith("accuracy") else ())):
        if quantity == "shuffle" and N < 12:  # of a few examples an honest order may be that of the file
            continue
        if quantity.endswith("losses") and epochs == 1:  # two records of one number look like one of two
            continue
        yield SmallerRun(replace(config, epochs=epochs, batch=batch), digits(N, N, 1))
    drawn = draw(ASSIGNMENT, case, seed)
    sizes = [len(drawn[f"{own.digits}{split}_y"]) for split in SPLITS]
    if sum(sizes) <= DIFFERENT:
        yield SmallerRun(config, digits(*sizes))


def plainer(small: SmallerRun, quantity: str) -> list[SmallerRun]:
    """The same run without dropout, momentum or weight decay, as far as it can be; the plainest first."""
    plainer_configs = [replace(small.config, **dict.fromkeys(names, 0.0)) for names in LEFT_OUT]  # type: ignore[arg-type]
    return [
        SmallerRun(config, small.digits)
        for config in dict.fromkeys(plainer_configs)
        if quantity != "dropout" or config.rate
    ]


# ---- their examples ----

FORMULA = (
    "def examples(start, end):  # two pixels and a label each, no two of the same pixels",
    "    i = np.arange(start, end)",
    "    X = np.stack([(2 * i + 4) % 9 / 8, (5 * i + 7) % 8 / 8], axis=1)",
    "    return X.tolist(), ((3 * i + 2) % 10).tolist()",
    "digits = {",
)
"""The lines that make the same examples as `digits`."""


def digits(train: int, valid: int, test: int) -> dict[str, NDArray[Any]]:
    """Examples of two pixels, all of them different, with labels."""
    examples: dict[str, NDArray[Any]] = {}
    start = 0
    for split, N in zip(SPLITS, (train, valid, test), strict=True):
        i = np.arange(start, start + N)
        examples[f"{split}_X"] = np.stack([(2 * i + 4) % 9 / 8, (5 * i + 7) % 8 / 8], axis=1)
        examples[f"{split}_y"] = (3 * i + 2) % 10
        start += N
    return examples
