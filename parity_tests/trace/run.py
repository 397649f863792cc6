"""Traces a training run: the submission trains in a process of its own, torch beside it, and every step is judged."""

import os
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.digits import DataError, Digits, load_data, load_digits
from parity_tests.assignments.mlp.parts import FUNCTIONS
from parity_tests.harness.check import ISOLATION
from parity_tests.harness.compare import compare
from parity_tests.harness.draw import seed_of
from parity_tests.harness.environment import versions
from parity_tests.harness.machine import cores, refuse_missing_device
from parity_tests.harness.make_records import Setting, import_record, record_of
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.submission import find_submission
from parity_tests.protocol.assignment import environment_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, failed
from parity_tests.protocol.errors import HarnessError, UsageError
from parity_tests.protocol.observation import Hello, Observation, Returned
from parity_tests.protocol.quantity import Quantity
from parity_tests.trace import lockstep
from parity_tests.trace.lockstep import Evaluation, Plan, Settings, Step, for_edition, quantities
from parity_tests.trace.wording import PANELS, advice, setting_text
from reports.model.numbers import exact_number
from reports.model.records import FAILING, Record

if TYPE_CHECKING:  # it brings torch in
    from parity_tests.trace.divergence import Judged

Progress = Callable[[int, int, str], None]
TITLE = "training in lockstep"
EVALUATION = "validation logits"
WIDE = 500
"""Hidden units from which on it pays to share the work out among the cores."""


class Sink(Protocol):
    """Takes rows as they come: `table` is "quantities", "steps" or "epochs". It is opened when training begins."""

    def open(self, environment: Mapping[str, Any]) -> None: ...
    def add(self, table: str, row: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class Trace:
    """A finished trace: records as of a check, and what the pages and the picture are made of.

    `steps` were taken whole; `divergence` is the first one's step and sentence, `undecided` the step from which on the
    radius tells nothing, and why. `totals` counts kinks, masks and seconds.
    """

    records: list[Record]
    environment: dict[str, Any]
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


def digits_of(data: Path | None) -> Digits:
    """The homework's digits, or those of a file or folder. Raises UsageError."""
    try:
        return load_digits() if data is None else load_data(data)
    except DataError as error:
        raise UsageError(str(error)) from error


def threads_for(settings: Settings) -> int:
    """Threads for torch's run, and as many for its copies beside it; in narrow networks they would only wait."""
    return max(1, (cores() - 1) // 2) if settings.hidden >= WIDE else 1


@contextmanager
def cores_apart(settings: Settings) -> Iterator[set[int] | None]:
    """On two cores, one for the copies of a wide network, and the other for this thread and what it starts.

    The copies take longest. They often wait for Python's lock, and must not wait for a core as well when they have it.
    Where there are more cores, or it cannot be done, None: the system sees to it.
    """
    if cores() != 2 or settings.hidden < WIDE or settings.forced or not hasattr(os, "sched_setaffinity"):
        yield None
        return
    both = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, both[:1])
    try:
        yield set(both[1:])
    finally:
        os.sched_setaffinity(0, both)


def trace(
    submission: Path,
    settings: Settings,
    sink: Sink,
    *,
    digits: Digits | None = None,
    edition: str | None = None,
    allow: Sequence[str] = (),
    isolation: str = ISOLATION,
    timeout: float = 10.0,
    progress: Progress | None = None,
) -> Trace:
    """Train the submission in this folder beside torch, and judge every step.

    `timeout` is in seconds a step. The rows of every step go to `sink`. After Ctrl-C what was traced until then comes
    back, `interrupted`. Raises UsageError for what cannot be started, HarnessError where Parity itself is at fault.
    """
    folder = find_submission(submission, ASSIGNMENT)
    refuse_missing_device(settings.device)
    digits = digits or load_digits()
    runner = Runner(
        folder,
        probe=ASSIGNMENT.inside.probes,
        layout=ASSIGNMENT.layout,
        editions=ASSIGNMENT.editions,
        edition=edition,
        allow=allow,
        fixture=ASSIGNMENT.solution / "utils.py",
        case_seconds=timeout,
        isolation=isolation,
        shared_memory=lockstep.bytes_of_a_step(settings, Plan(settings, digits).weights),
    )
    with cores_apart(settings) as for_copies, runner:
        runner.start()  # torch takes a second to import; the submission is imported meanwhile
        import torch

        from reference import device

        torch.set_num_threads(threads_for(settings))
        card = device.set_up(settings.device)
        hello = runner.hello
        settings = for_edition(settings, hello.edition)
        setting = Setting(str(submission), "mlp", hello.edition, settings.device, isolation)
        tracer = _Tracer(setting, settings, digits, hello, sink, card, for_copies)
        sink.open(tracer.environment())
        try:
            tracer.run(runner, timeout, progress)
        except KeyboardInterrupt:
            tracer.interrupted = True
        tracer.settle()
        return tracer.result(runner.output)


class _Tracer:
    def __init__(
        self,
        setting: Setting,
        settings: Settings,
        digits: Digits,
        hello: Hello,
        sink: Sink,
        card: dict[str, Any],
        for_copies: set[int] | None,
    ) -> None:
        from parity_tests.trace.divergence import judge_for

        self.settings, self.hello, self.sink = settings, hello, sink
        self.plan = Plan(settings, digits)
        self.dropout = hello.edition != "2022-23"
        self.judge = judge_for(self.plan, self.dropout, for_copies)
        self.setting = setting
        self.names = quantities(settings.activation, self.dropout)
        self.case = Case(settings.name, "trajectory", TITLE, settings.dtype, "train", {}, ())
        self.worst: dict[str, tuple[int, Any]] = {}
        self.mismatched: dict[str, tuple[int, Any]] = {}
        self.judged_steps = 0
        self.totals: dict[str, float] = defaultdict(float)
        self.epochs: list[dict[str, Any]] = []
        self.stopped: tuple[int, dict[str, Comparison]] | None = None
        self.evaluation: Comparison | None = None
        self.evaluated: dict[str, dict[str, float]] = {}
        self.notes: dict[str, None] = {}
        self.clock = time.monotonic()
        self.card = card
        self.interrupted = False

    def run(self, runner: Runner, timeout: float, progress: Progress | None) -> None:
        """Trains both sides to the end, or until the submission cannot go on."""
        given: deque[Step | Evaluation] = deque()

        def rounds() -> Iterator[tuple[dict[str, Any], dict[str, NDArray[Any]]]]:
            for item in self.plan:
                given.append(item)
                yield self.plan.round(item, self.judge.weights_for(item) if isinstance(item, Step) else None)

        s = self.settings
        params = {"activation": s.activation, "r": s.rate, "dropout": self.dropout, "alpha": s.alpha, "lam": s.lam}
        params["seed"] = s.seed % (1 << 32)
        seed = seed_of(s.seed, s.name)
        for seen in runner.ask_rounds(s.name, "train", params, self.plan.weights, rounds(), seed=seed, seconds=timeout):
            item = given.popleft() if given else None
            self.notes |= dict.fromkeys(f"warns: {text}".replace("; ", ", ") for text in seen.warnings[:3])
            if any(failure.kind == "harness_error" for failure in seen.failures.values()):
                raise HarnessError(next(iter(seen.failures.values())).text)
            if isinstance(item, Evaluation):
                self._evaluate(item, seen)
            else:
                following = given[0] if given and isinstance(given[0], Step) else None
                self._step(item, seen, following)
            if progress is not None and isinstance(item, Step):
                rate = self.judged_steps / max(time.monotonic() - self.clock, 1e-9)
                progress(item.number, self.plan.total, f"{rate:.1f} steps/s")
            if self.stopped is not None:
                break

    def settle(self) -> None:
        """Judge to the end what was taken."""
        self._add(self.judge.settle())

    # ---- a step

    def _step(self, step: Step | None, seen: Observation, following: Step | None) -> None:
        if seen.failures:
            self.settle()
            self.totals["submission_seconds"] += seen.seconds
            self.stopped = (1 if step is None else step.number, self._failures(seen))
            return
        assert step is not None
        self._add(self.judge.take(step, seen, following))

    def _add(self, steps: "Sequence[Judged]") -> None:
        for judged in steps:
            self._add_step(judged)

    def _add_step(self, judged: "Judged") -> None:
        number_ = judged.step.number
        if judged.broken:
            self.stopped = (number_, judged.broken)
        for figures in judged.figures:
            name = figures.quantity
            ratio = figures.ratio or 0.0
            if figures.verdict == "mismatch":
                self.mismatched.setdefault(name, (number_, figures))
            if figures.verdict != "undecided" and (
                name not in self.worst or ratio > (self.worst[name][1].ratio or 0.0)
            ):
                self.worst[name] = (number_, figures)
        self.judged_steps += not judged.broken
        self.totals["submission_seconds"] += judged.submission_seconds
        if self.settings.activation == "relu" and not self.settings.forced:
            self.totals["shared_kinks"] += judged.shared_kinks
            self.totals["other_kinks"] += judged.other_kinks
        self.totals["kept"] += judged.kept
        self.totals["masked"] += judged.seen
        self.totals["torch_seconds"] += judged.torch_seconds
        self.totals["replica_seconds"] += judged.replica_seconds
        special = judged.first is not None or bool(judged.broken) or self.judge.undecided == number_
        if self.plan.written(number_) or special:
            common = {"step": number_, "epoch": judged.step.epoch}
            for figures in judged.figures:
                self.sink.add("quantities", common | vars(figures))
            self.sink.add(
                "steps",
                common
                | {"eta": judged.step.eta, "loss": judged.loss, "torch_loss": judged.torch_loss}
                | {name: getattr(judged, name) for name in ("shared_kinks", "other_kinks", "kept", "seen")}
                | {f"{who}_seconds": getattr(judged, f"{who}_seconds") for who in ("submission", "torch", "replica")},
            )

    def _failures(self, seen: Observation) -> dict[str, Comparison]:
        """Why nothing more could be compared, by quantity: what first went wrong, and what follows from it.

        That is the call that failed, or a result before it that is no array of the right shape.
        """
        shapes = lockstep.shapes(self.settings, self.plan.weights)
        whole = seen.failures.get("")
        last = next(iter(seen.failures.values()))
        found: dict[str, Comparison] = {}
        owed = ""
        for name, part in self.names:
            key = lockstep.key_of(name)
            value = seen.values.get(key)
            if value is not None:
                structure = compare(value, _zeros(shapes[name], self.settings.dtype), flat_ok=True)
                if not owed and structure.verdict == "mismatch" and structure.gap is None:
                    found[name], owed = structure, part
                continue
            failure = seen.failures.get(key) or whole or last
            owed = owed or FUNCTIONS.get(failure.function, "")
            comparison = failed(failure)
            found[name] = replace(comparison, explained_by=owed) if owed not in ("", part) else comparison
        return found

    # ---- an evaluation

    def _evaluate(self, item: Evaluation, seen: Observation) -> None:
        if item.part == "train" and item.rows.start == 0:
            self.settle()
            self.judge.hold()
        if seen.failures:
            self.evaluation = failed(next(iter(seen.failures.values())))
            self.stopped = (item.step, {})
            return
        losses, logits = (seen.values[name].array for name in ("losses", "logits"))
        X, y = self.plan.data(item)
        if losses is None or logits is None or logits.shape != (len(X), self.plan.weights["L2_b"].size):
            what = "nothing" if logits is None else f"an array of shape {logits.shape}"
            self.evaluation = Comparison("mismatch", problem=f"gives {what} as the logits of {len(X)} rows")
            self.stopped = (item.step, {})
            return
        if item.part == "valid":
            self._judge_evaluation(item, X, seen.values["logits"])
        ours = self.judge.logits(X)
        sums = self.evaluated.setdefault(
            item.part, dict.fromkeys(("loss", "right", "torch_loss", "torch_right", "N"), 0.0)
        )
        sums["loss"] += float(losses.sum())
        sums["right"] += int((logits.argmax(axis=1) == y).sum())
        sums["torch_loss"] += float(_losses(ours, y).sum() / self.settings.batch)
        sums["torch_right"] += int((ours.argmax(axis=1) == y).sum())
        sums["N"] += len(y)
        if item.last and item.part == "valid":
            row: dict[str, Any] = {"epoch": item.epoch, "step": item.step}
            for part, word in (("train", "training"), ("valid", "validation")):
                found = self.evaluated[part]
                row |= {f"{word}_loss": found["loss"], f"torch_{word}_loss": found["torch_loss"]}
                row |= {f"{word}_accuracy": found["right"] / found["N"]}
                row |= {f"torch_{word}_accuracy": found["torch_right"] / found["N"]}
            self.evaluated = {}
            self.epochs.append(row)
            self.sink.add("epochs", row)

    def _judge_evaluation(self, item: Evaluation, X: NDArray[Any], logits: Returned) -> None:
        """Keep the first evaluation that is off, or else the one with the largest ratio."""
        comparison = replace(self.judge.judge_evaluation(X, logits), step=item.step)
        if self.evaluation is None or (
            self.evaluation.verdict == "match"
            and (comparison.verdict != "match" or (comparison.ratio or 0.0) > (self.evaluation.ratio or 0.0))
        ):
            where = f", in the evaluation after step {item.step}, where dropout is off" if comparison.problem else ""
            self.evaluation = replace(comparison, problem=comparison.problem + where, notes=())

    # ---- what it comes to

    def result(self, output: bytes) -> Trace:
        """The trace as far as it went."""
        first = self.judge.first
        undecided = None if self.judge.undecided is None else (self.judge.undecided, self.judge.undecided_because)
        message = ""
        if first is not None:
            message = self._first_sentence()
        elif self.stopped is not None:
            broken = self.stopped[1]
            cause = next((c for c in broken.values() if not c.explained_by), self.evaluation)
            name = next((n for n, c in broken.items() if c is cause), EVALUATION)
            if cause is not None:
                message = cause.problem if cause.sentence else f"{name} {cause.problem}"
        step = first.step if first is not None else self.stopped[0] if self.stopped is not None else 0
        quantity = "" if first is None else first.quantity
        if not message and self.evaluation is not None and self.evaluation.verdict in FAILING:
            message, quantity, step = f"{EVALUATION} {self.evaluation.problem}", EVALUATION, self.evaluation.step or 0
        return Trace(
            records=self._records(),
            environment=self.environment(),
            steps=self.judged_steps,
            planned=self.plan.total,
            epochs=list(self.epochs),
            divergence=None if not message else (step, quantity, message),
            undecided=undecided,
            totals=dict(self.totals),
            arrays=self._arrays(),
            inputs={self.case.name: {"title": TITLE, **asdict(self.settings)}},
            output=output,
            interrupted=self.interrupted,
        )

    def _first_sentence(self) -> str:
        first = self.judge.first
        assert first is not None
        epoch = (first.step - 1) // self.plan.steps_an_epoch + 1
        before = "everything before agrees" if first.step > 1 else "it is the first step of all"
        where = f"the first divergence is at step {first.step} (epoch {epoch}); {before}"
        return f"{first.quantity} {first.comparison.problem}; {where}"

    def _records(self) -> list[Record]:
        records = [
            import_record(self.setting, ASSIGNMENT.import_part, (self.hello.import_failure, self.hello.support_failure))
        ]
        seconds = round(time.monotonic() - self.clock, 3)
        for name, part in self.names:
            records.append(self._record(name, part, seconds))
        if self.evaluation is not None:
            records.append(self._of(EVALUATION, "9" if self.dropout else "3", self.evaluation, seconds))
        if self.notes and len(records) > 1:
            note = "; ".join(dict.fromkeys(filter(None, (records[1].note, *self.notes))))
            records[1] = replace(records[1], note=note)
        return records

    def _record(self, name: str, part: str, seconds: float) -> Record:
        first = self.judge.first
        if first is not None and first.quantity == name:
            comparison = replace(first.comparison, problem=self._first_sentence().removeprefix(f"{name} "))
            return self._of(name, first.part, comparison, seconds)
        if self.stopped is not None and name in self.stopped[1]:
            number_, broken = self.stopped[0], self.stopped[1][name]
            problem = (
                f"at step {number_}: {broken.problem}" if broken.sentence else f"{broken.problem}, at step {number_}"
            )
            kept = f"; the {self.judged_steps} steps before agree" if self.judged_steps and first is None else ""
            return self._of(name, broken.part or part, replace(broken, step=number_, problem=problem + kept), seconds)
        if name in self.mismatched and first is not None:
            number_, f = self.mismatched[name]
            after = f"from step {number_} on, after the first divergence in {first.quantity}"
            problem = f"is off by {exact_number(f.gap)} {after}"
            comparison = Comparison("mismatch", f.gap, f.radius, f.ratio, got=f.got, want=f.want, problem=problem)
            return self._of(name, part, replace(comparison, step=number_, explained_by=first.part), seconds)
        if self.judge.undecided is not None:
            number_ = self.judge.undecided
            worst = self.worst.get(name)
            until = f"; the {number_ - 1} steps before agree" if worst is not None else ""
            problem = f"is undecided from step {number_} on: {self.judge.undecided_because}{until}"
            f = None if worst is None else worst[1]
            comparison = Comparison("undecided", step=number_, problem=problem)
            if f is not None:
                comparison = replace(comparison, gap=f.gap, radius=f.radius, ratio=f.ratio, got=f.got, want=f.want)
            return self._of(name, part, comparison, seconds)
        if name not in self.worst:
            cause = self.evaluation or Comparison("harness_error", problem="was never compared")
            if self.hello.import_failure is not None:
                cause = failed(self.hello.import_failure)
            return self._of(name, part, cause, seconds)
        step, f = self.worst[name]
        comparison = Comparison("match", f.gap, f.radius, f.ratio, got=f.got, want=f.want, step=step)
        return self._of(name, part, comparison, seconds)

    def _of(self, name: str, part: str, comparison: Comparison, seconds: float) -> Record:
        return record_of(self.setting, self.case, Quantity(name, part, name), comparison, seconds)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        first = self.judge.first
        if first is None or first.comparison.arrays is None:
            return {}
        words = ("got", "want", "radius")
        return {
            f"{self.case.name}/{first.quantity}/{word}": np.asarray(array)
            for word, array in zip(words, first.comparison.arrays, strict=True)
        }

    def environment(self) -> dict[str, Any]:
        """What the trace runs on, and its settings, as JSON."""
        import torch

        from parity_tests.trace.divergence import FACTOR

        return {
            **environment_of(ASSIGNMENT),
            "setting": setting_text(self.settings, self.hello.edition),
            "advice": advice(self.settings),
            "panels": PANELS,
            "submission": self.setting.submission,
            "edition": self.hello.edition,
            "seed": self.settings.seed,
            "device": self.settings.device,
            "torch_device": self.card,
            "dtypes": [self.settings.dtype],
            "isolation": self.setting.isolation,
            "seconds": round(time.monotonic() - self.clock, 3),
            "finished": self.judged_steps == self.plan.total,
            "trace": asdict(self.settings) | {"factor": FACTOR, "steps_taken": self.judged_steps},
            "versions": versions(),
            "threads": {"torch": torch.get_num_threads(), "submission": 1},
            "submission_python": self.hello.python_version,
            "submission_numpy": self.hello.numpy_version,
        }


@dataclass(frozen=True)
class _Shape:
    """An answer whose shape alone is looked at."""

    value: NDArray[Any]
    radius: NDArray[Any]
    exact: NDArray[Any]
    alternatives: tuple[()] = ()
    radius_kind: str = ""


def _zeros(shape: tuple[int, ...], dtype: str) -> _Shape:
    zeros = np.zeros(shape, dtype)
    return _Shape(zeros, np.full(shape, np.inf), zeros)


def _losses(logits: NDArray[Any], y: NDArray[np.int64]) -> NDArray[Any]:
    """−log softmax of each row at its label, from torch's logits."""
    import torch

    rows = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(y), reduction="none")
    return np.asarray(rows.numpy(), np.float64)
