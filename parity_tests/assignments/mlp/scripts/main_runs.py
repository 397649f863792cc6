"""The smaller runs of main that fail as a record does: ever longer ones under ever more of its parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.main.configs import DEFAULT_FILE, FEW_UNITS, Config, configs_of
from parity_tests.assignments.mlp.main.run import SPLITS
from parity_tests.assignments.mlp.main.verdicts import judge_main
from parity_tests.assignments.mlp.mistakes.main import HIDDEN, NAMES
from parity_tests.harness.draft import SEED
from parity_tests.harness.draw import draw
from parity_tests.harness.failing_case import sized
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.reproduction import Ask
from reports.model.records import Record
from reports.model.verdicts import Verdict

WIDTH = 165
"""Characters of a line of examples, beyond which they are made by a formula."""
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
FORMULA = (
    "def examples(start, end):  # two pixels and a label each, no two of the same pixels",
    "    i = np.arange(start, end)",
    "    X = np.stack([(2 * i + 4) % 9 / 8, (5 * i + 7) % 8 / 8], axis=1)",
    "    return X.tolist(), ((3 * i + 2) % 10).tolist()",
)
"""The lines that make the same examples as `_digits`."""


@dataclass(frozen=True)
class SmallerRun:
    """A smaller run of main: its settings, and train_X, train_y, valid_X …"""

    config: Config
    digits: dict[str, NDArray[Any]]

    def lines(self) -> list[str]:
        """The lines of a script that give `digits` and `params` their values."""
        counts = [len(self.digits[f"{split}_y"]) for split in SPLITS]
        ends = np.cumsum(counts).tolist()
        examples = {s: [self.digits[f"{s}_X"].tolist(), self.digits[f"{s}_y"].astype(int).tolist()] for s in SPLITS}
        lines = [f"digits = {json.dumps(examples)}"]
        if len(lines[0]) > WIDTH:
            made = (f'"{s}": examples({end - n}, {end})' for s, end, n in zip(SPLITS, ends, counts, strict=True))
            lines = [*FORMULA, f"digits = {{{', '.join(made)}}}"]
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
            stand_ins = bool(case.params["stand_ins"])
            self._known[key] = judge_main(seen, configs=(small.config,), digits=small.digits, stand_ins=stand_ins)
        return self._known[key]


def longer(case: Case, quantity: str, seed: int) -> Iterator[SmallerRun]:
    """Ever longer runs under the parameters of each run of a case, up to its own length."""
    for own in dict.fromkeys(configs_of(case.params)):
        config = replace(own, file=DEFAULT_FILE, units=FEW_UNITS, digits="")
        for epochs, N, batch in (*SIZES, *(FOR_ACCURACY if quantity.endswith("accuracy") else ())):
            if quantity == "shuffle" and N < 12:  # of a few examples a right order may be that of the file
                continue
            if quantity.endswith("losses") and epochs == 1:  # two records of one number look like one of two
                continue
            yield SmallerRun(replace(config, epochs=epochs, batch=batch), _digits(N, N, 1))
        drawn = draw(ASSIGNMENT, case, seed)
        sizes = [len(drawn[f"{own.digits}{split}_y"]) for split in SPLITS]
        if sum(sizes) <= DIFFERENT:
            yield SmallerRun(config, _digits(*sizes))


def plainer(small: SmallerRun, quantity: str) -> list[SmallerRun]:
    """The same run without dropout, momentum or weight decay, as far as it can be; the plainest first."""
    plain = [replace(small.config, **dict.fromkeys(names, 0.0)) for names in LEFT_OUT]  # type: ignore[arg-type]
    asked = (config for config in dict.fromkeys(plain) if quantity != "dropout" or config.rate)
    return [SmallerRun(config, small.digits) for config in asked]


def _digits(*counts: int) -> dict[str, NDArray[Any]]:
    """Examples of two pixels, all of them different, with labels: so many of each split."""
    examples: dict[str, NDArray[Any]] = {}
    start = 0
    for split, N in zip(SPLITS, counts, strict=True):
        i = np.arange(start, start + N)
        examples[f"{split}_X"] = np.stack([(2 * i + 4) % 9 / 8, (5 * i + 7) % 8 / 8], axis=1)
        examples[f"{split}_y"] = (3 * i + 2) % 10
        start += N
    return examples


# ---- whether a run fails in the same way as a record: its quantity, its verdict, and what it is called

Judged = Mapping[str, Comparison]


def fails_alike(record: Record, judged: Judged) -> bool:
    """Whether the verdicts on a smaller run show the failure of a record."""
    comparison = judged.get(record.quantity)
    if comparison is None or comparison.verdict != record.verdict:
        return False
    if record.verdict in (Verdict.CRASHED, Verdict.MISSING, Verdict.TIMEOUT):
        return record.verdict == Verdict.TIMEOUT or comparison.line == (record.line or None)
    known = set(record.diagnosis.split("; ")) & set().union(*NAMES.values())
    of_this, alike = _names(comparison), _figures(comparison) == _figures(record)
    if not known:
        return alike and (bool(record.diagnosis) or not of_this)  # another way of naming may have come first
    # A row that only follows from another mistake of the run has that one's name.
    of_all = {name for one in judged.values() if one.verdict == Verdict.MISMATCH for name in _names(one)}
    hidden = {name for cause in known for name in HIDDEN.get(cause, ())}
    follows = alike or bool(of_this & hidden)
    return known <= of_this or (follows and (known <= of_all or of_this <= hidden))


def causes(record: Record, judged: Judged) -> list[str]:
    """Of a row that only follows from another mistake of the run: the quantities that this one shows itself in."""
    known = set(record.diagnosis.split("; ")) & set(HIDDEN)
    wrong = {quantity: one for quantity, one in judged.items() if one.verdict == Verdict.MISMATCH}
    return [quantity for quantity, one in wrong.items() if quantity != record.quantity and known & _names(one)]


def _names(comparison: Comparison) -> frozenset[str]:
    """The names of the mistakes that what was found shows; of several none is true of it alone."""
    names = NAMES.get(comparison.finding, frozenset())
    return names if len(names) == 1 else frozenset()


def _figures(one: Record | Comparison) -> tuple[bool, ...]:
    """Which figures a failure has: a record has no finding, and these tell a wrong number from a wrong way."""
    return one.gap is None, one.step is None, one.got is None
