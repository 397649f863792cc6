"""What a trace came to: its first divergence in words, and a record of every quantity."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.environment import versions
from parity_tests.harness.import_record import import_record
from parity_tests.harness.make_records import Setting, record_of
from parity_tests.protocol.assignment import Assignment, environment_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, failed, unjudged
from parity_tests.protocol.observation import Hello
from parity_tests.protocol.quantity import Quantity
from parity_tests.trace.judge import Divergence
from parity_tests.trace.radius import factor_for
from parity_tests.trace.session import Session
from parity_tests.trace.training import Lockstep
from reports.model.elements import ARRAYS
from reports.model.environment import Environment
from reports.model.numbers import exact_number
from reports.model.records import Record
from reports.model.verdicts import FAILING, Verdict

TITLE = "training in lockstep"


@dataclass(frozen=True)
class Trace:
    """A finished trace: records as of a check, and what the pages and the picture are made of.

    `steps` were judged whole, of `planned`. `divergence` is the step, the quantity and the sentence of the first one;
    `undecided` the step from which on the radius tells nothing, and why. `totals` counts kinks, masks and seconds.
    """

    records: list[Record]
    environment: Environment
    steps: int
    planned: int
    epochs: list[dict[str, Any]]
    divergence: tuple[int, str, str] | None
    undecided: tuple[int, str] | None
    totals: dict[str, float]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    output: bytes = b""
    interrupted: bool = False


@dataclass(frozen=True)
class Account:
    """What there is to tell of a session: with which submission of which assignment, and where; `card` is the device's.

    Its environment is the same before and after, but for what the session came to.
    """

    assignment: Assignment
    lockstep: Lockstep
    session: Session
    setting: Setting
    hello: Hello
    card: Mapping[str, Any]

    def result(self, output: bytes) -> Trace:
        """The trace, as far as the session went; `output` is what the submission printed."""
        session = self.session
        judge, settings = session.judge, session.plan.settings
        case = Case(settings.name, "trajectory", TITLE, settings.dtype, "train", {}, ())
        return Trace(
            records=_Records(self, case).all(),
            environment=self.environment(),
            steps=session.tally.steps,
            planned=session.plan.total,
            epochs=[] if session.evaluations is None else list(session.evaluations.epochs),
            divergence=_divergence(session),
            undecided=None if judge.undecided is None else (judge.undecided, judge.undecided_because),
            totals=dict(session.tally.totals),
            arrays=_arrays(session, case),
            inputs={case.name: {"title": TITLE, **_as_dict(settings)}},
            output=output,
            interrupted=session.interrupted,
        )

    def environment(self) -> Environment:
        """What the trace runs on, and its settings."""
        import torch

        session, hello, lockstep = self.session, self.hello, self.lockstep
        settings, steps = session.plan.settings, session.tally.steps
        return replace(
            environment_of(self.assignment),
            setting=lockstep.text,
            advice=lockstep.advice,
            panels=lockstep.panels,
            submission=self.setting.submission,
            edition=hello.edition,
            seed=settings.seed,
            device=settings.device,
            torch_device=self.card,
            dtypes=[settings.dtype],
            isolation=self.setting.isolation,
            seconds=_seconds(session),
            finished=steps == session.plan.total,
            trace=_as_dict(settings) | {"factor": factor_for(settings.replicas), "steps_taken": steps},
            versions=versions(),
            threads={"torch": torch.get_num_threads(), "submission": 1},
            submission_python=hello.python_version,
            submission_numpy=hello.numpy_version,
        )


def _as_dict(settings: Any) -> dict[str, Any]:
    return asdict(settings)


def _seconds(session: Session) -> float:
    return round(time.monotonic() - session.began, 3)


def _divergence(session: Session) -> tuple[int, str, str] | None:
    """The step, the quantity and the sentence of the first divergence; the quantity is "" where the run stopped."""
    first, evaluations = session.judge.divergence, session.evaluations
    evaluation = None if evaluations is None else evaluations.comparison
    if first is not None:
        return first.step, first.quantity, f"{first.quantity} {_diverges(session, first)}"
    if session.stopped_at is not None:
        causes = {name: c for name, c in session.broken.items() if not c.explained_by}
        name, cause = next(iter(causes.items()), ("" if evaluations is None else evaluations.quantity, evaluation))
        message = "" if cause is None else cause.problem if cause.sentence else f"{name} {cause.problem}"
        if message:
            return session.stopped_at, "", message
    if evaluations is not None and evaluation is not None and evaluation.verdict in FAILING:
        return evaluation.step or 0, evaluations.quantity, f"{evaluations.quantity} {evaluation.problem}"
    return None


def _diverges(session: Session, one: Divergence) -> str:
    """A divergence in words, behind the name of its quantity."""
    epoch = (one.step - 1) // session.plan.steps_an_epoch + 1
    if one is not session.judge.divergence:
        where = f"at step {one.step} (epoch {epoch}), where what it is computed from agrees"
    elif one.step > 1:
        where = f"from step {one.step} (epoch {epoch}) on; everything before agrees"
    else:
        where = f"from step 1 (epoch {epoch}) on"
    return f"{one.comparison.problem}; {where}"


def _arrays(session: Session, case: Case) -> dict[str, NDArray[Any]]:
    """Both sides' values of what first diverged, and the radii."""
    first = session.judge.divergence
    if first is None or first.comparison.arrays is None:
        return {}
    names = [f"{case.name}/{first.quantity}/{word}" for word in ARRAYS]
    return {name: np.asarray(array) for name, array in zip(names, first.comparison.arrays, strict=True)}


class _Records:
    """Makes the records of a session."""

    def __init__(self, account: Account, case: Case) -> None:
        self._session, self._setting, self._hello = account.session, account.setting, account.hello
        self._assignment, self._case = account.assignment, case
        self._seconds = _seconds(account.session)

    def all(self) -> list[Record]:
        """That of the import, of every quantity of a step, and of the evaluations."""
        session = self._session
        records = [import_record(self._setting, self._assignment, self._hello)]
        records += [self._record(name, *self._of_quantity(name, part)) for name, part in session.judge.names]
        evaluations = session.evaluations
        if evaluations is not None and evaluations.comparison is not None:
            records.append(self._record(evaluations.quantity, evaluations.part, evaluations.comparison))
        notes = (*session.judge.notes, *session.notes)
        if notes and len(records) > 1:
            known = dict.fromkeys((*records[1].notes, *notes))
            records[1] = records[1].with_notes(known)
        return records

    def _record(self, name: str, part: str, comparison: Comparison) -> Record:
        return record_of(self._setting, self._case, Quantity(name, part), comparison, self._seconds)

    def _of_quantity(self, name: str, part: str) -> tuple[str, Comparison]:
        """The part that a quantity's record belongs to, and what the session came to in it."""
        session = self._session
        divergences, tally = session.judge.divergences, session.tally
        if name in divergences:
            own = divergences[name]
            return own.part, replace(own.comparison, problem=_diverges(session, own))
        if name in session.broken:
            broken = session.broken[name]
            return broken.part or part, self._broken(broken)
        if name in tally.mismatched and divergences:
            return part, self._following(name)
        if session.judge.undecided is not None:
            return part, self._undecided(name, session.judge.undecided)
        if name in tally.worst:
            step, f = tally.worst[name]
            return part, Comparison(Verdict.MATCH, f.gap, f.radius, f.ratio, got=f.got, want=f.want, step=step)
        return part, self._never_compared()

    def _broken(self, broken: Comparison) -> Comparison:
        session = self._session
        at = f"at step {session.stopped_at}"
        problem = f"{at}: {broken.problem}" if broken.sentence else f"{broken.problem}, {at}"
        if session.tally.steps and session.judge.divergence is None:
            problem += f"; the {session.tally.steps} steps before agree"
        return replace(broken, step=session.stopped_at, problem=problem)

    def _following(self, name: str) -> Comparison:
        """A mismatch after a divergence, of something that was computed from what is off."""
        step, f = self._session.tally.mismatched[name]
        first = self._cause(name, step)
        after = f"from step {step} on, after the divergence in {first.quantity}"
        problem = f"differs by {exact_number(f.gap or 0.0)} {after}"
        comparison = Comparison(Verdict.MISMATCH, f.gap, f.radius, f.ratio, got=f.got, want=f.want, problem=problem)
        return replace(comparison, step=step, explained_by=first.part)

    def _cause(self, name: str, step: int) -> Divergence:
        """The divergence that a quantity, off from this step on, follows: on its way in the step, or the first one."""
        judge, mismatched = self._session.judge, self._session.tally.mismatched
        inputs = self._session.plan.inputs_of(name) or frozenset()
        for source in (source for source, _ in judge.names if source in inputs):
            if source in judge.divergences:
                return judge.divergences[source]
            if source in mismatched and mismatched[source][0] == step:
                return self._cause(source, step)
        return next(iter(judge.divergences.values()))

    def _undecided(self, name: str, step: int) -> Comparison:
        because = self._session.judge.undecided_because
        problem = f"is undecided from step {step} on: {because}"
        if name not in self._session.tally.worst:
            return Comparison(Verdict.UNDECIDED, step=step, problem=problem)
        _, f = self._session.tally.worst[name]
        problem += f"; the {step - 1} steps before agree"
        return Comparison(
            Verdict.UNDECIDED, f.gap, f.radius, f.ratio, got=f.got, want=f.want, step=step, problem=problem
        )

    def _never_compared(self) -> Comparison:
        """It was judged in no step: because the import failed, or an evaluation, or nothing of it was seen."""
        if self._hello.import_failure is not None:
            return failed(self._hello.import_failure)
        if self._session.evaluations is not None and self._session.evaluations.comparison is not None:
            return self._session.evaluations.comparison
        if self._session.stopped_at is not None:
            broken, parts = self._session.broken, dict(self._session.judge.names)
            causes = (name for name, comparison in broken.items() if not comparison.explained_by)
            part = next((broken[name].part or parts.get(name, "") for name in causes), "")
            at = self._session.stopped_at
            return unjudged(f"could be compared in no step: the run cannot go on at step {at}", explained_by=part)
        if self._session.tally.steps:
            return unjudged(f"was never seen in {self._session.tally.steps} steps")
        return Comparison(Verdict.HARNESS_ERROR, problem="was never compared")
