"""One problem asked: its honest answers and its faults, judged by `hold` and by tolerances that people type."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from parity_tests.harness.judge_flow import judge
from parity_tests.operators.of_arrays import place_in
from parity_tests.pairs.causes import SECONDS, Asked, cause_of
from parity_tests.pairs.freed import as_torch_has_them
from parity_tests.proof.jury import short
from parity_tests.proof.kernelbench import answers
from parity_tests.proof.kernelbench.problems import Problem, Tensors, TooLargeError, opened
from parity_tests.protocol.comparison import Comparison
from reference.flow import Flowed, evaluate, plain
from reports.model.verdicts import PASSING, Verdict

ACCEPTED, ALARM, UNDECIDED, REFUSED, TIME, UNASKED = (
    "accepted", "false alarm", "undecided", "refused", "too long", "not asked",
)  # fmt: skip
TYPED = {"1e-4": (1e-4, 1e-4), "1e-2": (1e-2, 1e-2), "default": (1.3e-6, 1e-5)}
"""rtol and atol: KernelBench's today, its earlier ones, and those of `torch.testing.assert_close` for float32."""
NAMED, PLACED, OTHERWISE = "named", "placed", "otherwise"
"""What `hold` says of the cause of a fault that it tells: what was seeded, where it is, or something else.

It is what was seeded if the change that is said, made in float64, gives what the fault gives in float64, but for a part
of what the fault moves; where one element is off there is no more to be said than which.
"""
PART = 0.01
"""That part: a number in a cause has the few digits that float32 shows."""


@dataclass
class Row:
    """What was found of one problem. Faults count as told by `hold` only where it was asked and decided."""

    level: str
    problem: str
    verdict: str = UNASKED
    reason: str = ""
    longest: int = 0
    kinds: str = ""
    resolution: float | None = None
    seconds: float = 0.0
    honest: int = 0
    alarms: dict[str, int] = field(default_factory=dict)
    """False alarms by who judges: "hold", and the names of TYPED."""
    faults: dict[str, list[str]] = field(default_factory=dict)
    """Of each fault that shows, who tells it; and NAMED, PLACED or OTHERWISE where a cause was said."""
    said: dict[str, str] = field(default_factory=dict)
    """The causes' words, with what they miss. They are shown, and not kept in the table."""


class RefusedError(Exception):
    """Nothing can be held against a problem; the message says why."""


def of_file(path: Path, own: bool, scale: float = 1.0, causes: bool = False) -> Trial:
    """The work on one of KernelBench's problems."""
    return Trial(Row(path.parent.name, path.stem), partial(opened, path, own=own, scale=scale), causes)


class Trial:
    """The work on one problem. `keep` gets the row whenever it says more, for who may have to stop the work.

    With `causes` a cause is looked for of each fault that is told.
    """

    def __init__(self, row: Row, made: Callable[[], Problem], causes: bool = False) -> None:
        self.row, self.made, self.causes = row, made, causes
        self.keep: Callable[[Row], None] = lambda row: None

    def run(self) -> Row:
        """Answers first, which need no judge; then `hold`'s verdicts on them."""
        warnings.simplefilter("ignore")
        row = self.row
        try:
            with torch.no_grad():
                problem = self.made()
                function, inputs = problem.function, problem.inputs
                right, wide = plain(function, inputs), plain(function, inputs, dtype=torch.float64)
                good = list(answers.honest(function, inputs, wide if problem.rounded else {}, right))
                good += problem.further(right)
                seeded = self._faults(function, inputs, wide)
                bad = {name: narrow for name, (_, narrow) in seeded.items()}
        except TooLargeError as error:
            row.reason = f"too large: {error}"
            return row
        except RefusedError as error:
            row.verdict, row.reason = REFUSED, str(error)
            return row
        except Exception as error:
            row.reason = f"the problem raises {short(error)}"
            return row
        row.longest, row.honest = problem.longest, len(good)
        row.alarms = {who: sum(not agrees(x, right, *typed) for _, x in good) for who, typed in TYPED.items()}
        row.faults = {
            name: [who for who, typed in TYPED.items() if not agrees(x, right, *typed)] for name, x in bad.items()
        }
        row.verdict = TIME
        self.keep(row)
        began = time.process_time()
        try:
            with torch.no_grad():
                flowed = evaluate(function, inputs)
        except Exception as error:
            row.verdict, row.reason = REFUSED, short(error)
            return row
        judged = time.process_time() - began
        self._held(flowed, wide, good, bad)
        row.seconds = time.process_time() - began
        self.keep(row)
        if self.causes:
            self._named(function, inputs, flowed, wide, seeded, max(SECONDS, judged))
        return row

    def _faults(self, function: Any, inputs: Mapping[str, Any], wide: Tensors) -> dict[str, tuple[Tensors, Tensors]]:
        """The faulty answers of those faults that show, in float32, and in float64 where causes are looked for."""
        found = {}
        for name, answer in answers.faulty(function, inputs):
            try:
                seeded = answer(True)
                if answers.shows(seeded, wide):
                    found[name] = seeded if self.causes else {}, answer(False)
            except Exception:
                continue
        return found

    def _held(
        self,
        flowed: Mapping[str, Flowed],
        wide: Mapping[str, Tensor],
        good: list[tuple[str, Tensors]],
        bad: Mapping[str, Tensors],
    ) -> None:
        row = self.row

        def judged(answer: Tensors) -> list[Comparison]:
            arrays = as_torch_has_them({name: x.numpy() for name, x in answer.items()}, flowed)[0]
            return [judge(arrays[name], one, wide[name].numpy(), name).comparison for name, one in flowed.items()]

        found = {name: judged(answer) for name, answer in good}
        odd = [f"{name}: {one.problem}" for name, each in found.items() for one in each if _is_odd(one)]
        row.alarms = {"hold": sum(any(map(_is_told, each)) for each in found.values()), **row.alarms}
        row.reason = "; ".join(odd)[:300]
        undecided = any(one.verdict == Verdict.UNDECIDED for each in found.values() for one in each)
        row.verdict = ALARM if row.alarms["hold"] else UNDECIDED if undecided else ACCEPTED
        row.kinds = ", ".join(sorted({one.kind for one in flowed.values()}))
        known = [judge(right_of(one), one, None, name).resolution for name, one in flowed.items()]
        medians = [one.median for one in known if one is not None and one.median is not None]
        row.resolution = float(np.median(medians)) if medians else None
        for name, answer in bad.items():
            if any(map(_is_told, judged(answer))):
                row.faults[name].insert(0, "hold")

    def _named(
        self,
        function: Any,
        inputs: Mapping[str, Any],
        flowed: Mapping[str, Flowed],
        right: Tensors,
        seeded: Mapping[str, tuple[Tensors, Tensors]],
        seconds: float,
    ) -> None:
        for name in (name for name in seeded if "hold" in self.row.faults[name]):
            wide, narrow = seeded[name]
            returned = {key: x.numpy() for key, x in narrow.items()}
            asked = Asked(
                function, inputs, flowed, returned, True,
                lambda changed: evaluate(changed, inputs), lambda changed: plain(changed, inputs, unfused=True),
            )  # fmt: skip
            if not asked.wrong():  # what is told beside its row alone has no cause looked for
                continue
            with torch.no_grad():
                cause = cause_of([asked], seconds)
                missed = min(
                    (
                        answers.part_missed(
                            plain(change.made(function), inputs, dtype=torch.float64, unfused=True), wide, right
                        )
                        for change in cause.changes
                    ),
                    default=0.0,
                )
            if cause.changes:
                verdict = NAMED if missed <= PART else OTHERWISE
            else:
                moved = {key: answers.moved(wide[key], x) for key, x in right.items()}
                still = any(bool((seen.wrong & ~moved[key]).any()) for key, seen in asked.wrong().items())
                alone = {cause.place} == {place_in(key, x) for key, x in moved.items()} - {""}
                right_place = NAMED if name == answers.ONE_OFF else PLACED
                verdict = right_place if alone else OTHERWISE if still and cause.place else ""
            if verdict:
                self.row.faults[name].append(verdict)
            said = f"{verdict or 'no cause'}, missed by {missed:.2g}: {cause.words}"
            self.row.said[name] = said if cause.words else cause.ended
            self.keep(self.row)


def _is_told(one: Comparison) -> bool:
    return one.verdict not in PASSING


def _is_odd(one: Comparison) -> bool:
    return _is_told(one) or one.verdict == Verdict.UNDECIDED


def right_of(flowed: Flowed) -> Any:
    """torch's own value, as an array."""
    return flowed.value.detach().numpy()


def agrees(answer: Mapping[str, Tensor], right: Mapping[str, Tensor], rtol: float, atol: float) -> bool:
    """What a typed tolerance says; of integers and truth values it asks equality."""
    for name, x in right.items():
        y = answer[name]
        if x.shape != y.shape:
            return False
        if not (torch.allclose(y, x, rtol, atol, equal_nan=True) if x.is_floating_point() else torch.equal(x, y)):
            return False
    return True
