"""Repairs: which one change of a submission's own source makes a wrong part right, and with it the line and the fix.

The changed functions run in the submission's own sandbox, where Parity's own may stand in for others that are wrong.
What they return is judged here, as any answer is, and no right answer of theirs enters that process. A repair is
claimed only where with it every quantity of the part agrees everywhere, and no case warns that did not; where one of
several results does, its line is told. Lines that wrong results hang on, and no right one, come first. Of two mistakes
that show in one result, those are tried whose effects add up, or multiply, to what is wanted; else the first is looked
for by what is left: results that are then off by the same everywhere, or right in more places, are followed up before
others, and so is what makes one result right and leaves the others as they were.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain, combinations, pairwise, product
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.check import ISOLATION, runner_of
from parity_tests.harness.draw import drawn
from parity_tests.harness.exam import question_of
from parity_tests.harness.notebook_cells import Cells
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.submission import asked_before
from parity_tests.harness.suspects import same, slices
from parity_tests.harness.told_lines import lines_handed_out, told_lines, words_told
from parity_tests.harness.whose_fault import judge_anything
from parity_tests.operators.change import Change
from parity_tests.operators.changes import changes_of
from parity_tests.operators.of_sources import OF_SOURCES, of_blocks
from parity_tests.operators.source import Source, UnreadableError, statements
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.protocol.kind import Arrays, Context, Judged
from parity_tests.protocol.layout import file_of
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import WHOLE_CASE, Key, Quantity
from reports.model.environment import Environment
from reports.model.escape import printable
from reports.model.fixes import Fix
from reports.model.notes import NoteKind
from reports.model.phrases import listed
from reports.model.records import Record
from reports.model.run import Results
from reports.model.summary import left_by_import, unwritten
from reports.model.verdicts import FAILING, NOTHING_SHOWN, PASSING, Verdict

SECONDS = 1.5
"""How long this process may work on a part's repair: with what the sandbox works meanwhile some 3 s."""
WHOLE = 3
"""So many times as long it may work on a part that only whole runs show, which take longer."""
PATIENCE = 20
"""So many times as long it may take on a busy machine, or where changed functions do not end."""
SECONDS_A_CASE = 1.0
MOST_CASES = 2
"""In so many failing cases the first change is looked for, the smallest first."""
FEW = 4
"""Of fewer numbers nothing is told by what they have in common."""
ALONE = 3
"""By so many ranks a change is likelier in a line that wrong results alone hang on."""
LIKELY = 3
"""Up to this rank a change is likely to mend something."""
MOST_FIRSTS = 4
"""So many changes after which what is off is so by the same everywhere are followed up first."""
STEADY = 8
"""So many answers must be alike, whatever came back, before results are held against them alone."""
_ORDER = {"lookalike": 0, "factor": 2}
"""Which operators come before and after others that are as likely."""
_OWN = re.compile(r"\bself\.(\w+)")
_DECIMAL = re.compile(r"(?<![\w.])\d+\.\d*(e-?\d+)?|(?<![\w.])\d+e-?\d+")
_NEVER = 1 << 30
NEAR = 1e-6
"""What part of the largest number of a result two right ones of it surely stay below, in any right form."""
MOST_MISTAKES = 2
"""So many changes, one after the other, may make up a repair."""
Progress = Callable[[int, int, str], None]
_NOT_WRITTEN = {Verdict.MISSING, *NOTHING_SHOWN}
Failures = frozenset[tuple[str, str]]
"""Quantities that fail, by case and name, and what a case warns of."""
Array = NDArray[np.float64]


class _Budget:
    """How long a search may go on, by the processor time of this process: on a busy machine others take the rest."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._work, self._wait = time.process_time() + seconds, time.monotonic() + PATIENCE * seconds

    @property
    def spent(self) -> bool:
        return time.process_time() > self._work or time.monotonic() > self._wait

    @property
    def half_spent(self) -> bool:
        """Whether what is left is wanted for another change beside the best one."""
        waited = time.monotonic() > self._wait - PATIENCE * self._seconds / 2
        return waited or time.process_time() > self._work - self._seconds / 2


@dataclass(frozen=True)
class Repair:
    """The changes after which everything of a part agrees; `tried` counts those that were tried.

    Where some of its results agree then, and not all, the fixes have no code.
    """

    part: str
    fixes: tuple[Fix, ...]
    tried: int
    seconds: float

    @property
    def is_whole(self) -> bool:
        """Whether everything agrees then."""
        return any(fix.after or fix.before for fix in self.fixes)


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
    """The repair of each part that has one, of those that fail by themselves.

    `environment` is a run's: it names the submission, the edition, the seed and the isolation. `seconds` is how long
    this process may work on each part. `progress` is told (done, parts, part). Raises UsageError where the submission
    is not there any more.
    """
    wrong = wrong_parts(assignment, records)
    if not wrong:
        return []
    folder, edition, seed = asked_before(environment, assignment)
    assignment = assignment.in_folder(folder)
    own = assignment.inside.own
    failed = {r.case for r in records if r.verdict in FAILING}
    cases = assignment.cases(edition, environment.dtypes or DTYPES, seed=seed)
    every = [case for case in cases if not case.whole or case.name in failed]
    context = Context(environment.device or "cpu", edition, environment.edition_seen or "")
    found, runners = [], dict[str, Runner]()
    with ExitStack() as stack:
        arguments = (edition, allow, SECONDS_A_CASE, environment.isolation or ISOLATION, servers)
        for done, part in enumerate(wrong):
            if progress is not None:
                progress(done, len(wrong), part)
            asked = [case for case in every if any(q.part == part for q in case.quantities)]
            if len(wrong) > 1 and assignment.beside_right_ones is not None:  # others would keep it from being right
                asked = [assignment.beside_right_ones(case, wrong, part) or case for case in asked]
            # What is asked beside right parts alone, as a network, is repaired there.
            plan = [case for case in asked if not case.whole or case.process == own] or asked
            if len(wrong) > 1 and all(case.whole for case in plan):  # its own parts are wrong too
                plan = [case for case in asked if case.process != own] or plan
            process = plan[0].process if plan else own
            if process not in runners:
                runners[process] = stack.enter_context(runner_of(assignment, folder, process, *arguments))
            told = words_told(record for record in records if record.part == part and record.verdict in FAILING)
            bench = _Bench(assignment, folder, runners[process], plan, context, seed, part, told)
            repair = bench.repair(seconds)
            if repair is not None:
                found.append(repair)
    return found


def wrong_parts(assignment: Assignment, records: Sequence[Record]) -> list[str]:
    """The parts that are written and fail by themselves, graded or not, in the assignment's order."""
    own = [r for r in records if r.check != "import" and not r.explained_by]
    written = {r.part for r in own if r.verdict in PASSING}  # of which something that is missing may be mended
    wrong = {r.part for r in own if r.verdict in FAILING - (NOTHING_SHOWN if r.part in written else _NOT_WRITTEN)}
    wrong |= {r.part for r in records if any(note.kind is NoteKind.UNGRADED_WRONG for note in r.notes)}
    wrong -= {r.part for r in records if r.verdict == Verdict.MISSING} - written
    return [part.id for part in assignment.parts if part.id in wrong and part.functions]


def lines(found: Sequence[Repair], assignment: Assignment, run: Results) -> list[str]:
    """What is said of the repairs that were found, and of each wrong part with functions that has none.

    Of a mistake that has a name the lines before and after say the rest.
    """
    labels = {part.id: part.label for part in assignment.parts}
    named = {record.part for record in run.records if record.diagnosis}
    whole, said = [repair for repair in found if repair.is_whole], list[str]()
    for alike in (*([one] for one in found if not one.is_whole), whole):
        fixes = [fix for one in alike for fix in one.fixes]
        changes = "these changes" if len(fixes) > 1 else "this change"
        more, end = ("all", ":") if alike is whole else ("more", ", and not yet all:")
        said += [f"With {changes} {more} of {listed(labels[one.part] for one in alike)} agrees{end}"] if fixes else []
        for fix in fixes:
            marked = fix.marked() if alike is whole else []
            said.append(f"  {fix.place}" if marked and fix.part in named else f"  {fix.place}: {printable(fix.words)}")
            said += [f"    {line}" for line in marked]
    left = without_fix(found, assignment, run.records)
    none = f"No fix was found for {listed(labels[part] for part in left)}; see above."
    return [*said, none] if left else said


def without_fix(found: Sequence[Repair], assignment: Assignment, records: Sequence[Record]) -> list[str]:
    """The wrong parts for which no repair was found, by their ids, but those of which something is not written yet."""
    done, is_unwritten = {repair.part for repair in found if repair.is_whole}, unwritten(records)
    fails = (one for one in left_by_import(records) if one.verdict in FAILING - _NOT_WRITTEN and not one.explained_by)
    seen = {record.part for record in fails if not is_unwritten(record)}
    done |= {record.part for record in records if record.verdict == Verdict.MISSING} - seen
    return [part for part in wrong_parts(assignment, records) if part not in done]


@dataclass(frozen=True)
class _Text:
    """A module as it stands after some changes: its name, its file, its source, the functions that were changed."""

    module: str
    file: str
    source: Source
    changed: frozenset[str] = frozenset()

    def edited(self, *changes: Change) -> list[dict[str, str]]:
        """The functions that are changed, with some changes more, as a question carries them."""
        edits = [edit for change in changes for edit in change.edits]
        changed = self.changed | {self.source.around(change.line) for change in changes}
        return [
            {"module": self.module, "function": name, "source": self.source.definition(name, edits)}
            for name in sorted(changed)
        ]

    def with_changes(self, *changes: Change) -> _Text:
        """The module with some changes more. Raises UnreadableError where that is no Python."""
        changed = self.changed | {self.source.around(change.line) for change in changes}
        both = replace(changes[0], edits=tuple(edit for change in changes for edit in change.edits))
        return replace(self, source=Source(both.applied(self.source)), changed=changed)


@dataclass(frozen=True)
class _Tried:
    """A change that makes something else of the smallest case: what is left to mend, and the numbers that came."""

    change: Change
    left: int
    came: Array | None = None


_Made = tuple[_Text, Sequence[Change]]
"""Changes, and the text that they are of."""
_Step = tuple[Sequence[Change], Failures, int]
"""Changes, what fails after them, and how many of the results that do are others than before, or new notes if none."""


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
        told: frozenset[str],
    ) -> None:
        self._told = told
        self._assignment, self._runner, self._context, self._seed, self._part = assignment, runner, context, seed, part
        self._folder = folder
        asked = [
            replace(case, params=assignment.kinds[case.probe].edited(case.params))
            for case in plan
            if any(q.part == part for q in case.quantities)
        ]
        joint = assignment.joint_checks
        alone = [case for case in asked if not case.whole]
        self._beside = [case for case in asked if case.whole]
        self._cases = [case for case in alone if case.check not in joint] or alone or self._beside
        self.tried = 0
        self.compared = set[str]()  # the wrong results that are compared number by number, as nothing drawn is

    @property
    def _own(self) -> Failures:
        return frozenset((case.name, q.name) for case in self._cases for q in case.quantities if q.part == self._part)

    def _names(self, failing: Failures) -> set[str]:
        """What the part's results that fail are called, in whatever call."""
        return {q.key.name for case in self._cases for q in self.own(case) if (case.name, q.name) in failing}

    def repair(self, seconds: float) -> Repair | None:
        """The changes that make everything right, None where none were found in so many seconds of work."""
        started = time.monotonic()
        text = self._text()
        steps: list[_Made] = []
        sure: list[_Made] = []  # after which one result is right everywhere
        promising: set[tuple[int, str]] = set()
        if text is None:
            return None
        failing = self._failures(text.edited(), self._cases)
        if not failing & self._own and self._beside:
            self._cases = self._beside
            failing = self._failures(text.edited(), self._cases)
        budget = _Budget(seconds * WHOLE if self._cases == self._beside else seconds)
        before, self._noted = failing, self.notes
        while failing & self._own and len(steps) < MOST_MISTAKES:
            step = self._better(text, failing, budget, promising, pairs=not steps)
            if step is None:
                break
            changes, after, strays = step
            steps.append((text, changes))
            mended = self.compared & (self._names(failing) - self._names(after))
            sure += steps[-1:] if mended and not strays else []
            failing, text = after, text.with_changes(*changes)
        is_whole = bool(steps) and not failing & self._own
        made = self._needed(steps, before) if is_whole else sure
        fixes = [fix for one in made for fix in _fixes(self._part, *one)]
        if not fixes:
            return None
        if not is_whole:
            fixes = [replace(fix, before="", after="") for fix in fixes]
        return Repair(self._part, tuple(fixes), self.tried, time.monotonic() - started)

    def _needed(self, steps: list[_Made], failing: Failures) -> list[_Made]:
        """The steps but a first one that only looked like a part of the mistake: the second alone does as well."""
        (text, first), (after, last) = steps[0], steps[-1]
        if after is text:
            return steps
        alone = [change for one in last if (change := _before(one, first, text.source)) is not None]
        if len(alone) < len(last):
            return steps
        left = self._failures(text.edited(*alone), self._cases)
        return [(text, alone)] if self.is_better(left, failing) and not left & self._own else steps

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

    def _better(
        self, text: _Text, failing: Failures, budget: _Budget, promising: set[tuple[int, str]], *, pairs: bool
    ) -> _Step | None:
        """The first change that makes all of the part right, or else the best of those that mend some; what fails then.

        Where no likely one mends any, it may be two. What another part makes of it may fail after a change only where
        it failed before. Those that are `promising`, by line and words, come first; others that mend some join them.
        """
        names = self._called(text.source)
        found_of = changes_of(text.source, dict.fromkeys(names), OF_SOURCES, blocks=of_blocks)
        kept = self._kept_for(text.source, names)
        of_kept = changes_of(text.source, kept, OF_SOURCES, blocks=of_blocks)
        found_of += [one for one in of_kept if one.line in kept[text.source.around(one.line)]]
        sized = sorted((c for c in self._cases if any(one[0] == c.name for one in failing & self._own)), key=self._size)
        others = [c for c in sized if c.check != sized[0].check] or sized[1:]
        picked = [sized[0], *others[: MOST_CASES - 1]]
        trials = (_Trial(self, *self._smaller(case, text, failing), text, failing, promising) for case in picked)
        trial = next(trials)
        # A change of a line that the mistake's name tells of, or that wrong results alone hang on, comes before others.
        near = told_lines(text.source, names, self._told)
        alone = trial.lines_of_wrong_alone([*names, *kept])
        handed_out = lines_handed_out(text.source.text)
        most = _NEVER if self._cases == self._beside else LIKELY

        def ranked(one: Change) -> Change:
            less = 2 * (one.line in near and one.rank <= most) + ALONE * (one.line in alone)
            more = (LIKELY + 1) * (not less and one.line in handed_out)
            return replace(one, rank=one.rank - less + more)

        changes = sorted(
            map(ranked, (*_numbers(text.source, names, self._right_numbers()), *found_of)),
            key=lambda one: (
                (one.line, one.mends) not in promising,
                one.line not in alone,
                one.rank,
                _ORDER.get(one.operator, 1),
            ),
        )
        firsts: list[_Tried] = []
        first_tried = [change for change in changes if change.rank <= LIKELY]
        found = self._one(trial, first_tried, firsts, budget)
        likely = sorted(firsts, key=lambda one: (one.left, one.change.rank))
        if found is None and pairs:
            few = [one for one in likely if one.left == 1][:MOST_FIRSTS]
            found = self._two(trial, chain(trial.together(likely), product(few, likely)), budget)
        while found is None and (other := next(trials, None)) is not None:
            is_alike = others[0].check == sized[0].check  # another check may show what this one does not
            found = self._one(other, [one.change for one in likely] if is_alike else first_tried, [], budget)
        found = found or self._one(trial, [change for change in changes if change.rank > LIKELY], firsts, budget)
        two = chain(trial.together(firsts), combinations(likely, 2))
        return found or (self._two(trial, two, budget) if pairs else None)

    def _one(self, trial: _Trial, changes: Sequence[Change], firsts: list[_Tried], budget: _Budget) -> _Step | None:
        """The first change that makes all right, or else the best; what else comes of others goes to `firsts`.

        It is looked for no longer than until others mend the rest, so that these may follow.
        """
        best: _Step | None = None
        least = (_NEVER, 0)
        left_to_mend = trial.all_failing & self._own
        for change in changes:
            if budget.spent or (best is not None and (budget.half_spent or not left_to_mend)):
                break
            left = trial.left_after(change)
            if left == 0:
                step = self._step(trial, (change,))
                if step is None:  # it mends this case, and another one needs one more
                    firsts.append(_Tried(change.trimmed(trial.text.source), 1, trial.came))
                if step is not None and (len(step[1]), step[2]) < least:
                    best, least = step, (len(step[1]), step[2])
                if step is not None and step[2] == 0:
                    left_to_mend &= step[1]
            elif left is not None:
                firsts.append(_Tried(change.trimmed(trial.text.source), left, trial.came))
        return best

    def _two(self, trial: _Trial, pairs: Iterable[tuple[_Tried, _Tried]], budget: _Budget) -> _Step | None:
        """The first two changes that make all right together."""
        for pair in pairs:
            if budget.spent:
                return None
            changes = sorted((one.change for one in pair), key=lambda change: change.line)
            if not _overlap(changes) and trial.left_after(*changes) == 0:
                found = self._step(trial, changes)
                if found is not None and not found[1] & self._own:
                    return found
        return None

    def _step(self, trial: _Trial, changes: Sequence[Change]) -> _Step | None:
        """The step that changes are, where less fails after them in all cases, and more with a number beside theirs."""
        after = self._failures(trial.text.edited(*changes), self._cases)
        if not self.is_better(after, trial.all_failing):
            return None
        less_liked = trial.strays or (0 if after & self._own else len(self.notes - self._noted))
        beside = [_beside(change) for change in changes]
        if beside != list(changes) and self._failures(trial.text.edited(*beside), self._cases) == after:
            return None
        return changes, after, less_liked

    def _size(self, case: Case) -> tuple[bool, int]:
        return case.dtype != "float64", sum(a.size for a in drawn(self._assignment, case, self._seed).values())

    def _smaller(self, case: Case, text: _Text, failing: Failures) -> tuple[Case, Arrays]:
        """A cheaper case that fails at the same quantity, with its arrays; the case itself where there is none."""
        drawn_for = drawn(self._assignment, case, self._seed)
        wrong = next(q for q in self.own(case) if (case.name, q.name) in failing)
        for params, arrays in self._assignment.kinds[case.probe].smaller(case.params, drawn_for, wrong.key):
            seen = self.observed(replace(case, params=params), arrays, text.edited())
            came = {WHOLE_CASE, *seen.values, *seen.failures}
            one = replace(case, params=params, quantities=tuple(q for q in case.quantities if q.key in came))
            if wrong in one.quantities and self.judged(one, arrays, seen)[wrong.name].verdict not in PASSING:
                return one, arrays
        return case, drawn_for

    def _called(self, source: Source) -> list[str]:
        """The part's functions in a source, with those that they call there and that are of no other part."""
        others = [name for name, part in self._assignment.by_function.items() if part != self._part]
        own = sorted(self._functions() & source.functions.keys())
        return list(dict.fromkeys(n for one in own for n in source.called_by(one, others)))

    def _kept_for(self, source: Source, names: Sequence[str]) -> dict[str, set[int]]:
        """The lines that keep on the object what these functions read there, by the function that they are of."""
        found: dict[str, set[int]] = {}
        for name, function in source.functions.items():
            like = [one for one in names if one.rpartition(".")[0] == name.rpartition(".")[0] != ""]
            read = {word for one in like for word in _OWN.findall(source.of(source.functions[one]))}
            for statement, _ in statements(function) if name not in names else ():
                text = source.of(statement) if isinstance(statement, ast.Assign | ast.AugAssign) else ""
                if read & {*_OWN.findall(text.partition("=")[0])}:
                    found.setdefault(name, set()).update(range(statement.lineno, (statement.end_lineno or 0) + 1))
        return found

    def _right_numbers(self) -> set[float]:
        """The numbers that the solution has in the part's functions."""
        layout, solution = self._assignment.layout, self._assignment.solution
        place = layout.place(solution, file_of(layout.module))
        source = Source((solution / place).read_text(encoding="utf-8")) if place else Source("")
        functions = (source.functions[name] for name in self._called(source))
        return {number for one in functions for _, number in _numbers_in(one)}

    def observed(self, case: Case, arrays: Arrays, edited: Sequence[Mapping[str, str]]) -> Observation:
        """What a case gives with some functions edited."""
        asked = question_of(self._assignment, case, self._seed)
        return self._runner.ask(asked.case, asked.probe, asked.params, arrays, seed=asked.seed, edited=edited)

    def judged(self, case: Case, arrays: Arrays, seen: Observation) -> Judged:
        """The comparisons of a case."""
        copies = {name: array.copy() for name, array in arrays.items()}
        return judge_anything(self._assignment, case, copies, seen, self._context)

    def own(self, case: Case) -> list[Quantity]:
        """The quantities of a case that are the part's."""
        return [q for q in case.quantities if q.part == self._part]

    def is_better(self, after: Failures, before: Failures) -> bool:
        return after & self._own < before & self._own and after - self._own <= before

    def _failures(self, edited: Sequence[Mapping[str, str]], cases: Sequence[Case]) -> Failures:
        """What fails in the cases; what they are noted for stands in `notes`, by case and kind."""
        found: set[tuple[str, str]] = set()
        self.notes = set[tuple[str, str]]()
        for case in cases:
            arrays = drawn(self._assignment, case, self._seed)
            seen = self.observed(case, arrays, edited)
            judged = self.judged(case, arrays, seen)
            found |= failures_of(case, judged, seen)
            noted = (note.kind for q in self.own(case) for note in judged[q.name].notes)
            self.notes |= {(case.name, kind) for kind in noted if kind.costs}
        return frozenset(found)


class _Trial:
    """One failing case, to which changes are put: what is left to mend after each."""

    def __init__(
        self,
        bench: _Bench,
        case: Case,
        arrays: Arrays,
        text: _Text,
        failing: Failures,
        promising: set[tuple[int, str]],
    ) -> None:
        self._bench, self._case, self._arrays, self.text, self.all_failing = bench, case, arrays, text, failing
        self._promising, self.strays = promising, 0
        self._was = was = bench.observed(case, arrays, text.edited())
        judged = bench.judged(case, arrays, was)
        self._failing = failures_of(case, judged, was)
        self._known, self._fails = {_digest(was)}, bool(was.failures)
        self._wrong = self._expected(was, judged)
        bench.compared |= {key.name for key in self._wrong}
        self._steady = 0

    def lines_of_wrong_alone(self, names: Sequence[str]) -> set[int]:
        """The lines of functions that wrong results of the case hang on, and no right one.

        There are no such lines where all results are wrong, nor where what is wrong is drawn.
        """
        own = {q.key: (self._case.name, q.name) in self._failing for q in self._bench.own(self._case)}
        if all(own.values()) or not self._wrong:
            return set()

        def ask(change: Change) -> Observation:
            return self._bench.observed(self._case, self._arrays, self.text.edited(change))

        known = slices(self.text.source, names, ask, self._was, list(own))
        return {line for line, hangs in known.items() if hangs and all(own[key] for key in hangs)}

    def left_after(self, *changes: Change) -> int | None:
        """How much there is to mend after changes, 0 where they make the case better.

        1 where what is off is so by the same everywhere, 2 where less is off, else 3. None where nothing comes of them
        that did not come of others, or nothing at all.
        """
        self._bench.tried += 1
        seen = self._bench.observed(self._case, self._arrays, self.text.edited(*changes))
        self.came = self._numbers(seen)
        digest = _digest(seen)
        if digest in self._known or (seen.failures and not self._fails):
            return None
        self._known.add(digest)
        left = min((_left(seen, key, *one) for key, one in self._wrong.items()), default=0)
        if left and self._steady >= STEADY:
            return left
        judged = self._bench.judged(self._case, self._arrays, seen)
        after = failures_of(self._case, judged, seen)
        if self._bench.is_better(after, self._failing):
            self._known.discard(digest)  # others that do the same here may be right elsewhere too
            self._promising |= {(change.line, change.mends) for change in changes}
            wrong = [q.key for q in self._bench.own(self._case) if (self._case.name, q.name) in after]
            self.strays = sum(not same(seen, self._was, key) for key in wrong)
            return 0
        expected = self._expected(seen, judged)
        for key, (want, _) in expected.items():
            self._steady += 1 if np.array_equal(want, self._wrong.get(key, expected[key])[0]) else -_NEVER
        return left or 3

    def _numbers(self, seen: Observation) -> Array | None:
        """All numbers of the results that are wrong, where as many came as belong there."""
        arrays = [seen.values[key].array for key in self._wrong if key in seen.values]
        found = [one for one in arrays if one is not None and one.dtype.kind in "fiub"]
        if [one.size for one in found] != [want.size for want, _ in self._wrong.values()]:
            return None
        return np.concatenate([np.ravel(one) for one in found]).astype(np.float64) if found else None

    def together(self, tried: Sequence[_Tried]) -> Iterator[tuple[_Tried, _Tried]]:
        """Each two of what was tried whose effects add up, or multiply, to what is wanted, the likeliest first."""
        was = self._numbers(self._was)
        known = [one for one in tried if one.came is not None]
        if was is None or len(known) < 2:
            return
        want = np.concatenate([want.ravel() for want, _ in self._wrong.values()])
        came, found = np.stack([one.came for one in known if one.came is not None]), set[tuple[int, int]]()
        with np.errstate(all="ignore"):
            for moved, wanted in (
                (came - was, want - was),
                (np.log(np.abs(came / was)), np.log(np.abs(want / was))),
            ):
                kept = np.flatnonzero(np.isfinite(moved).all(axis=1))
                if not np.isfinite(wanted).all():
                    continue
                near = NEAR * np.abs(wanted).max(initial=0.0)
                weights = np.random.default_rng(0).random(wanted.size)  # one sum tells most of them apart
                sums, whole = moved[kept] @ weights, float(wanted @ weights)
                for i, own in zip(map(int, kept), sums, strict=True):
                    others = kept[np.abs(sums - (whole - own)) <= near * wanted.size]
                    fits = (np.abs(moved[others] - (wanted - moved[i])) <= near).all(axis=1)
                    found |= {(min(i, j), max(i, j)) for j in map(int, others[fits]) if i != j}
        for i, j in sorted(found, key=lambda pair: known[pair[0]].change.rank + known[pair[1]].change.rank):
            yield known[i], known[j]

    def _expected(self, seen: Observation, judged: Judged) -> dict[Key, tuple[Array, float]]:
        """What is right of the part's quantities that are wrong, where it is numbers, and the share that is right."""
        found = {}
        for q in self._bench.own(self._case):
            arrays, value = judged[q.name].arrays, seen.values.get(q.key)
            if (self._case.name, q.name) in self._failing and arrays is not None and value is not None:
                want = np.asarray(arrays[1], np.float64)
                if value.array is not None and value.array.size == want.size:
                    found[q.key] = want, float(_near(value.array, want).mean())
        return found


def failures_of(case: Case, judged: Judged, seen: Observation) -> Failures:
    """What fails in a case, and the warnings in it, without their places."""
    fails = [q.name for q in case.quantities if judged[q.name].verdict not in PASSING]
    return frozenset((case.name, one) for one in (*fails, *(text.partition(" (")[0] for text in seen.warnings)))


def _near(got: NDArray[Any], want: Array) -> NDArray[np.bool_]:
    """Where numbers are as good as right."""
    with np.errstate(all="ignore"):
        off = np.abs(got.reshape(want.shape) - want)
        return np.asarray(off <= NEAR * np.nanmax(np.abs(want), initial=0.0))


def _left(seen: Observation, key: Key, want: Array, before: float) -> int:
    """How much of a quantity is still to be mended, as `left_after` says it; `before` is the share that was right."""
    value = seen.values.get(key)
    if value is None or value.array is None or value.array.size != want.size or value.array.dtype.kind not in "fiub":
        return 3
    right = float(_near(value.array, want).mean())
    if right == 1:
        return 0
    if _is_simple(np.asarray(value.array, np.float64).reshape(want.shape), want):
        return 1
    return 2 if right > before else 3


def _is_simple(got: Array, want: Array) -> bool:
    """Whether numbers that differ are off by the same factor, or by the same, everywhere or along all but one axis."""
    if got.size < FEW or not np.isfinite(got).all() or np.ptp(got) == 0:
        return False
    with np.errstate(all="ignore"):
        for off in (got / want, got - want):
            for axis in range(off.ndim) if np.isfinite(off).all() else ():
                lines = np.moveaxis(off, axis, 0).reshape(off.shape[axis], -1)
                if lines.shape[1] > 1 and (np.ptp(lines, axis=1) <= NEAR * np.abs(off).max()).all():
                    return True
    return False


def _digest(seen: Observation) -> bytes:
    """What tells observations apart: one that came before says nothing new."""
    told = sha256()
    for key in sorted(seen.values, key=repr):
        array = seen.values[key].array
        told.update(repr((key, seen.values[key].kind, None if array is None else (array.shape, array.dtype))).encode())
        told.update(b"" if array is None else array.tobytes())
    told.update(repr(sorted((repr(key), one.kind) for key, one in seen.failures.items())).encode())
    return told.digest()


def _numbers_in(function: ast.AST) -> Iterator[tuple[ast.Constant, float]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
            yield node, node.value


def _beside(change: Change) -> Change:
    """The same with a quarter more than the number that it puts in, which a threshold that nothing came near allows."""
    if change.operator != "number":
        return change
    return replace(change, edits=tuple((start, end, _DECIMAL.sub(_longer, new)) for start, end, new in change.edits))


def _longer(number: re.Match[str]) -> str:
    return repr(1.25 * float(number[0]))


def _numbers(source: Source, names: Sequence[str], right: Iterable[float]) -> Iterator[Change]:
    """Each number of these functions replaced by one that is right in the part; a condition of every n-th round."""
    nodes = [node for name in names for node in ast.walk(source.functions[name])]
    within = {id(one.args[0]) for one in nodes if isinstance(one, ast.Call) and len(one.args) == 1}
    times = {id(one) for node in nodes if isinstance(node, ast.BinOp) for one in (node.left, node.right)}
    found = [found for name in names for found in _numbers_in(source.functions[name])]
    for node, number in sorted(found, key=lambda one: isinstance(one[1], int)):  # of whole numbers there are more
        for other in (one for one in right if one != number and type(one) in (float, type(number))):
            words = f"`{source.of(node)}` is used where `{other!r}` belongs"
            # What the number is in may be what is too much.
            rank = 4 if id(node) in within or (other == 0 and id(node) in times) else 0
            yield Change("number", rank, node.lineno, ((*source.span(node), repr(other)),), "", words)
    values = [node.value for node in nodes if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)]
    for value in values:  # what is drawn, say, and not scaled
        for number in sorted(one for one in right if isinstance(one, float)):
            words = f"the factor `{number!r}` is missing at `{source.of(value)}`"
            edit = (*source.span(value), f"{number!r} * {source.of(value)}")
            yield Change("factor", LIKELY, value.lineno, (edit,), "", words)
    counted = {node.target.id for node in nodes if isinstance(node, ast.For) and isinstance(node.target, ast.Name)}
    for test in (one.test for one in nodes if isinstance(one, ast.If)):
        for name in {one.id for one in ast.walk(test) if isinstance(one, ast.Name)} & counted:
            for count in (one for one in right if isinstance(one, int) and one > 2 and "%" not in source.of(test)):
                rounds = f"{name} % {count} == 0"
                edit = (*source.span(test), f"{rounds} and {source.operand(test)}")
                yield Change("rounds", 0, test.lineno, (edit,), "", f"the condition `{rounds}` is missing")


def _before(change: Change, earlier: Sequence[Change], source: Source) -> Change | None:
    """A change of a text in which others were made, as one of the source before them; None where it touches them."""
    edits, lines = [], 0
    for start, end, new in change.edits:
        shift = lines = 0
        for first, last, text in sorted(edit for one in earlier for edit in one.edits):
            come, gone = text.encode("utf-8", "surrogatepass"), source.bytes[first:last]
            if end <= first + shift:
                break
            if start < first + shift + len(come):
                return None
            shift += len(come) - len(gone)
            lines += come.count(b"\n") - gone.count(b"\n")
        edits.append((start - shift, end - shift, new))
    return replace(change, line=change.line - lines, edits=tuple(edits))


def _overlap(changes: Sequence[Change]) -> bool:
    """Whether changes meet in the same text."""
    spans = sorted(edit[:2] for change in changes for edit in change.edits)
    return any(two[0] < one[1] or one == two for one, two in pairwise(spans))


def _fixes(part: str, text: _Text, changes: Sequence[Change]) -> list[Fix]:
    """The fixes that changes are; of one line one fix."""
    found = []
    for line in dict.fromkeys(change.line for change in changes):
        here = [change for change in changes if change.line == line]
        words = "; ".join(change.mends for change in here)
        place = Cells(text.file, text.source.text).place(text.file, line)
        after = _bare(text.with_changes(*here).source.text, [edit[2] for change in here for edit in change.edits])
        found.append(Fix(part, *place, words, *_differing(text.source.text, after)))
    return found


def _bare(text: str, put_in: Sequence[str]) -> str:
    """A source without parentheses around what was put in that change nothing."""
    for new in put_in:
        bare = text.replace(new, new[1:-1]) if new[:1] + new[-1:] == "()" and text.count(new) == 1 else text
        try:
            same = bare != text and ast.dump(ast.parse(bare)) == ast.dump(ast.parse(text))
        except SyntaxError:
            continue
        text = bare if same else text
    return text


def _differing(before: str, after: str) -> tuple[str, str]:
    """The lines of two texts that differ; of lines that are only added, with the one that they follow."""
    old, new = before.split("\n"), after.split("\n")
    first = next((k for k, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    if first > 0 and old[first:] == new[first + len(new) - len(old) :]:
        first -= 1
    last = 0
    while last < min(len(old), len(new)) - first - 1 and old[-1 - last] == new[-1 - last]:
        last += 1
    gone, come = (lines[first : len(lines) - last] for lines in (old, new))
    both = dedent("\n".join((*gone, *come))).split("\n")
    return "\n".join(both[: len(gone)]).rstrip(), "\n".join(both[len(gone) :]).rstrip()
