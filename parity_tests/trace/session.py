"""One training session: both sides take every step and evaluation of a plan, until the end or a failure."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.compare import compare
from parity_tests.harness.draw import seed_of
from parity_tests.harness.process.runner import Runner
from parity_tests.protocol.comparison import Comparison, failed
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import WHOLE_CASE
from parity_tests.trace.judge import JudgedStep, Sink, Tally
from parity_tests.trace.plan import Evaluation, Step
from parity_tests.trace.training import Lockstep
from reference.answer import Answer
from reports.model.notes import Note, NoteKind
from reports.model.verdicts import Verdict

Progress = Callable[[int, int, str], None]
"""Is told the number of the step, how many there are, and the pace in words."""


class Session:
    """What both sides did.

    `stopped_at` is the step at which the run could not go on, None where it came to its end, and `broken` says why, by
    quantity; of an evaluation its own comparison says it. `notes` are the submission's warnings.
    """

    def __init__(self, lockstep: Lockstep, by_function: Mapping[str, str], sink: Sink) -> None:
        """`by_function` is the part that each function of a submission belongs to."""
        self.plan, self.judge, self.evaluations = lockstep.plan, lockstep.judge, lockstep.evaluations
        self._lockstep, self._by_function = lockstep, by_function
        self.tally = Tally(self.plan, self.judge, sink)
        self.stopped_at: int | None = None
        self.broken: dict[str, Comparison] = {}
        self.notes: dict[Note, None] = {}
        self.began = time.monotonic()
        self.interrupted = False

    def train(self, runner: Runner, timeout: float, progress: Progress | None) -> None:
        """Train to the end, until the submission cannot go on, or until Ctrl-C; judge whatever was taken."""
        try:
            self._train(runner, timeout, progress)
        except KeyboardInterrupt:
            self.interrupted = True
        self._finish()

    def _train(self, runner: Runner, timeout: float, progress: Progress | None) -> None:
        asked: deque[Step | Evaluation] = deque()
        s = self.plan.settings
        for observation in runner.ask_rounds(
            s.name, "train", self._lockstep.params, self._lockstep.arrays, self._rounds(asked),
            seed=seed_of(s.seed, s.name), seconds=timeout,
        ):  # fmt: skip
            item = asked.popleft() if asked else None
            self.notes |= dict.fromkeys(
                Note(NoteKind.WARNS, f"warns: {text}".replace("; ", ", ")) for text in observation.warnings[:3]
            )
            if isinstance(item, Evaluation):
                self._evaluate(item, observation)
            elif item is None or observation.failures:
                self._fail(1 if item is None else item.number, observation)
            else:
                following = asked[0] if asked and isinstance(asked[0], Step) else None
                self._add(self.judge.take(item, observation, following))
            if progress is not None and isinstance(item, Step):
                rate = self.tally.steps / max(time.monotonic() - self.began, 1e-9)
                progress(item.number, self.plan.total, f"{rate:.1f} steps/s")
            if self.stopped_at is not None:
                break

    def _rounds(self, asked: deque[Step | Evaluation]) -> Iterator[tuple[dict[str, Any], dict[str, NDArray[Any]]]]:
        """What the submission's process is sent, item by item; each is noted in `asked`."""
        for item in self.plan:
            asked.append(item)
            yield self.plan.round(item, self.judge.weights_for(item) if isinstance(item, Step) else None)

    def _finish(self) -> None:
        self._add(self.judge.finish())

    def _add(self, steps: list[JudgedStep]) -> None:
        for judged in steps:
            if judged.broken:
                self.stopped_at, self.broken = judged.step.number, judged.broken
            self.tally.add(judged)

    def _evaluate(self, item: Evaluation, observation: Observation) -> None:
        assert self.evaluations is not None
        self.evaluations.add(item, observation)
        if self.evaluations.ended_at is not None:
            self.stopped_at, self.broken = self.evaluations.ended_at, {}

    def _fail(self, number: int, observation: Observation) -> None:
        """The step in which the submission failed: what came back of it tells why the run cannot go on."""
        self._finish()
        self.tally.totals["submission_seconds"] += observation.seconds
        self.stopped_at, self.broken = number, self._why_broken(observation)

    def _why_broken(self, observation: Observation) -> dict[str, Comparison]:
        """Why quantities could not be compared: what first went wrong, and what follows from it.

        That is the call that failed, or a result before it that is no array of the right shape.
        """
        shape_of = self.plan.shapes()
        last = next(iter(observation.failures.values()))
        broken: dict[str, Comparison] = {}
        culprit = ""
        for name, part in self.judge.names:
            key = self.plan.key_of(name)
            value = observation.values.get(key)
            if value is not None:
                structure = compare(value, _of_shape(shape_of[name], self.plan.settings.dtype), flat_ok=True)
                if not culprit and structure.verdict == Verdict.MISMATCH and structure.gap is None:
                    broken[name], culprit = structure, part
                continue
            failure = observation.failures.get(key) or observation.failures.get(WHOLE_CASE) or last
            culprit = culprit or self._by_function.get(failure.function, "")
            broken[name] = failed(failure)
            if culprit not in ("", part):
                broken[name] = replace(broken[name], explained_by=culprit)
        return broken


def _of_shape(shape: tuple[int, ...], dtype: str) -> Answer:
    """An answer of which the shape and dtype alone are looked at."""
    zeros = np.zeros(shape, dtype)
    return Answer(zeros, np.full(shape, np.inf), lambda: zeros, radius_kind="")
