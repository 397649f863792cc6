"""Repairs: which one change of a submission's own source makes a wrong part right, and with it the line and the fix.

The changed functions run in the submission's own sandbox. What they return is judged here, as any answer is, and no
right answer enters that process. A repair is claimed only where with it every quantity of the part agrees everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from parity_tests.harness.check import ISOLATION, runner_of
from parity_tests.harness.draw import draw, drawn
from parity_tests.harness.exam import question_of
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.submission import asked_before
from parity_tests.harness.whose_fault import judge_anything
from parity_tests.operators.change import Change
from parity_tests.operators.changes import changes_of
from parity_tests.operators.source import Source, UnreadableError
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.protocol.kind import Context
from parity_tests.protocol.layout import file_of
from parity_tests.protocol.observation import Observation
from reports.model.environment import Environment
from reports.model.escape import printable
from reports.model.fixes import Fix
from reports.model.phrases import listed
from reports.model.records import Record
from reports.model.verdicts import FAILING, PASSING, Verdict

SECONDS = 3.0
"""What the search for a part's repair may take."""
SECONDS_A_CASE = 1.0
MOST_MISTAKES = 2
"""So many changes, one after the other, may make up a repair."""
Progress = Callable[[int, int, str], None]
_NOT_WRITTEN = {Verdict.MISSING, Verdict.HARNESS_ERROR}
Failures = frozenset[tuple[str, str]]
"""Quantities that fail, by case and name."""


@dataclass(frozen=True)
class Repair:
    """The changes after which everything of a part agrees; `tried` counts those that were tried."""

    part: str
    fixes: tuple[Fix, ...]
    tried: int
    seconds: float


def repairs(
    assignment: Assignment,
    records: Sequence[Record],
    environment: Environment,
    *,
    seconds: float = SECONDS,
    allow: Sequence[str] = (),
    servers: ForkServers | None = None,
    progress: Progress | None = None,
) -> list[Repair]:
    """The repair of each part that has one, of those that fail by themselves and were asked apart.

    `environment` is a run's: it names the submission, the edition, the seed and the isolation. `seconds` is what each
    part may take. `progress` is told (done, parts, part). Raises UsageError where the submission is not there any more.
    """
    wrong = wrong_parts(assignment, records)
    if not wrong:
        return []
    folder, edition, seed = asked_before(environment, assignment)
    plan = [case for case in assignment.cases(edition, environment.dtypes or DTYPES, seed=seed) if not case.whole]
    context = Context(environment.device or "cpu", edition, environment.edition_seen or "")
    found = []
    with ExitStack() as stack:
        own = assignment.inside.own
        arguments = (own, edition, allow, SECONDS_A_CASE, environment.isolation or ISOLATION, servers)
        runner = stack.enter_context(runner_of(assignment, folder, *arguments))
        for done, part in enumerate(wrong):
            if progress is not None:
                progress(done, len(wrong), part)
            bench = _Bench(assignment, folder, runner, plan, context, seed, part)
            repair = bench.repair(time.monotonic() + seconds)
            if repair is not None:
                found.append(repair)
    return found


def wrong_parts(assignment: Assignment, records: Sequence[Record]) -> list[str]:
    """The parts that are written and fail by themselves, in the assignment's order."""
    wrong = {
        r.part for r in records if r.verdict in FAILING - _NOT_WRITTEN and not r.explained_by and r.check != "import"
    }
    return [part.id for part in assignment.parts if part.id in wrong and part.functions]


def lines(found: Sequence[Repair], assignment: Assignment, records: Sequence[Record]) -> list[str]:
    """What is said of the repairs that were found, and of the wrong parts that have none."""
    labels = {part.id: part.label for part in assignment.parts}
    said = []
    for repair in found:
        several = len(repair.fixes) > 1
        said.append(
            f"{labels[repair.part]}: with {'these changes' if several else 'this change'} everything of it agrees."
        )
        for fix in repair.fixes:
            said.append(f"  {fix.place}: {printable(fix.words)}")
            said += [f"    - {printable(fix.before)}", f"    + {printable(fix.after)}"]
    repaired = {repair.part for repair in found}
    left = [labels[part] for part in wrong_parts(assignment, records) if part not in repaired]
    if left:
        said.append(f"No change was found in time that makes {listed(left)} agree.")
    return said


@dataclass(frozen=True)
class _Text:
    """A module as it stands after some changes: its name, its file, its source, the functions that were changed."""

    module: str
    file: str
    source: Source
    changed: frozenset[str] = frozenset()

    def edited(self, change: Change | None = None) -> list[dict[str, str]]:
        """The functions that are changed, with one change more, as a question carries them."""
        changed = self.changed if change is None else self.changed | {self.source.around(change.line)}
        edits = () if change is None else change.edits
        return [
            {"module": self.module, "function": name, "source": self.source.definition(name, edits)}
            for name in sorted(changed)
        ]

    def with_change(self, change: Change) -> _Text:
        """The module with one change more. Raises UnreadableError where that is no Python."""
        changed = self.changed | {self.source.around(change.line)}
        return replace(self, source=Source(change.applied(self.source)), changed=changed)


class _Bench:
    """Tries changes of one part's functions."""

    def __init__(
        self,
        assignment: Assignment,
        folder: Path,
        runner: Runner,
        plan: Sequence[Case],
        context: Context,
        seed: int,
        part: str,
    ) -> None:
        self._assignment, self._runner, self._context, self._seed, self._part = assignment, runner, context, seed, part
        self._folder = folder
        asked = [case for case in plan if any(q.part == part for q in case.quantities)]
        joint = assignment.joint_checks
        self._cases = [case for case in asked if case.check not in joint] or asked
        self._own = frozenset((case.name, q.name) for case in self._cases for q in case.quantities if q.part == part)
        self.tried = 0

    def repair(self, deadline: float) -> Repair | None:
        """The changes that make everything right, None where none were found in time."""
        started = time.monotonic()
        text = self._text()
        fixes: list[Fix] = []
        if text is None:
            return None
        failing = self._failures(text.edited(), self._cases)
        while failing & self._own and len(fixes) < MOST_MISTAKES:
            step = self._better(text, failing, deadline)
            if step is None:
                return None
            change, failing = step
            before, text = text, text.with_change(change)
            fixes.append(_fix(self._part, before, text, change))
        if failing & self._own or not fixes:
            return None
        return Repair(self._part, tuple(fixes), self.tried, time.monotonic() - started)

    def _text(self) -> _Text | None:
        """The module in which the part's first function stands."""
        layout, functions = self._assignment.layout, self._functions()
        for module in (layout.module, *layout.further):
            place = layout.place(self._folder, file_of(module))
            if place is None or (self._folder / place).is_symlink():
                continue
            try:
                source = Source((self._folder / place).read_bytes().decode("utf-8"))
            except (OSError, UnicodeDecodeError, UnreadableError):
                continue
            if functions & source.functions.keys():
                return _Text(module, place, source)
        return None

    def _functions(self) -> set[str]:
        return {name for name, part in self._assignment.by_function.items() if part == self._part}

    def _better(self, text: _Text, failing: Failures, deadline: float) -> tuple[Change, Failures] | None:
        """The first change that makes all of the part right, or else the best of those that mend some; what fails then.

        What another part makes of it may fail after a change only where it failed before.
        """
        cases = sorted({name for name, _ in failing & self._own}, key=self._size)
        smallest = next(case for case in self._cases if case.name == cases[0])
        here = frozenset(one for one in failing if one[0] == smallest.name)
        was = self._observed(smallest, text.edited())
        others = [name for name, part in self._assignment.by_function.items() if part != self._part]
        names = [
            n
            for one in sorted(self._functions() & text.source.functions.keys())
            for n in text.source.called_by(one, others)
        ]
        best: tuple[Change, Failures] | None = None
        for change in changes_of(text.source, dict.fromkeys(names)):
            if time.monotonic() > deadline:
                break
            self.tried += 1
            edited = text.edited(change)
            seen = self._observed(smallest, edited)
            if _alike(seen, was) or not self._is_better(self._judged(smallest, seen), here):
                continue
            after = self._failures(edited, self._cases)
            if self._is_better(after, failing) and (best is None or len(after) < len(best[1])):
                best = change, after
                if not after & self._own:
                    break
        return best

    def _size(self, name: str) -> tuple[bool, int]:
        case = next(case for case in self._cases if case.name == name)
        return case.dtype != "float64", sum(a.size for a in drawn(self._assignment, case, self._seed).values())

    def _observed(self, case: Case, edited: Sequence[Mapping[str, str]]) -> Observation:
        asked = question_of(self._assignment, case, self._seed)
        return self._runner.ask(asked.case, asked.probe, asked.params, asked.draw(), seed=asked.seed, edited=edited)

    def _judged(self, case: Case, seen: Observation) -> Failures:
        judged = judge_anything(self._assignment, case, draw(self._assignment, case, self._seed), seen, self._context)
        return frozenset((case.name, q.name) for q in case.quantities if judged[q.name].verdict not in PASSING)

    def _is_better(self, after: Failures, before: Failures) -> bool:
        return after & self._own < before & self._own and after - self._own <= before

    def _failures(self, edited: Sequence[Mapping[str, str]], cases: Sequence[Case]) -> Failures:
        """What fails in the cases."""
        return frozenset(one for case in cases for one in self._judged(case, self._observed(case, edited)))


def _alike(one: Observation, other: Observation) -> bool:
    """Whether the same came back: such a change does nothing here."""
    if one.values.keys() != other.values.keys() or one.failures.keys() != other.failures.keys():
        return False
    pairs = ((one.values[key].array, other.values[key].array) for key in one.values)
    return all(
        a is b if a is None or b is None else np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs
    )


def _fix(part: str, before: _Text, after: _Text, change: Change) -> Fix:
    lines = before.source.line(change.line), after.source.line(change.line)
    return Fix(part, before.file, change.line, change.mends, *lines)
