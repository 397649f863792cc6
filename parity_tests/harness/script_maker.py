"""Makes the smallest script that shows a discrepancy, for any assignment.

Smaller cases are asked for as long as they fail in the same way: the same quantity, the same verdict and, where it has
a name, the same known mistake. A script is given out once its own lines have shown the failure on the submission, and
nothing on the solution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.draft import SEED, SEEDED, Draft, Outcome, Unfit, imports_of, lines_for, run
from parity_tests.harness.draw import draw, seed_of
from parity_tests.harness.failing_case import Arrays, FailingCase
from parity_tests.harness.judge import judge
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.kind import Context, Params
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import WHOLE_CASE, Key, Quantity
from parity_tests.protocol.reproduction import Networks, Script, ScriptSetting
from reports.model.escape import docstring
from reports.model.records import Record
from reports.model.scripts import slug
from reports.model.verdicts import Verdict

Judged = Mapping[str, Comparison]
Told = Iterator[tuple[Draft, str]]
"""Drafts, each with what is wrong in words."""
WORDS: dict[str, str] = {
    Verdict.CRASHED: "it crashes",
    Verdict.MISSING: "it is missing",
    Verdict.TIMEOUT: "it does not come back",
}
MEMORY = "it needs more memory than a submission may have, and a script would take that from the machine it runs on"
BREAKS_OFF = "the import breaks off before it comes to that, which has a script of its own"
IN_TIME = "asked alone, it comes back in time: what takes long is the whole of what was asked before"
NONE = "asked alone and by a few lines it does not fail in the same way again; the run's own case shows it"
RAISING = (Verdict.CRASHED, Verdict.MISSING)
TIMEOUTS = 2
"""After so many smaller cases that do not come back no further one is asked."""


def no_smaller(params: Params, drawn: Arrays, key: Key) -> Iterable[tuple[Params, Arrays]]:
    """No smaller cases: of a kind whose cases are small."""
    return ()


@dataclass(frozen=True)
class Shown:
    """How a script shows what fails in the cases of a kind.

    `drafts` makes drafts of a failing case, the plainest first. `smaller(params, drawn, key)` gives the parameters of
    smaller cases, the smallest first, for those of a case, the arrays that were drawn for it, and the key of what
    fails; and all arrays that go with them, where they are not to be drawn.
    """

    drafts: Callable[[FailingCase], Iterator[Draft]]
    smaller: Callable[[Params, Arrays, Key], Iterable[tuple[Params, Arrays]]] = no_smaller


@dataclass(frozen=True)
class Scripts:
    """What an assignment says of its scripts.

    `start(draft, setting)` gives the modules of the standard library, the lines before the submission can be
    imported, and those that import what all scripts use. `folder_of` is what lies in the FOLDER that a script is
    given, and `imported` the line that imports all. `names` are the record's names that a case shows, of those that
    can be told. `alike` are findings that others may stand for in other sizes. `whole` makes the drafts of kinds that
    have no smaller cases of this sort. `why_none` says why a record has no script, "" where it may have one, and
    `none` why where none was found.
    """

    kinds: Mapping[str, Shown]
    start: Callable[[Draft, ScriptSetting], tuple[Sequence[str], Sequence[str], Sequence[str]]]
    folder_of: str
    imported: str
    names: Callable[[Record, Case, Arrays, Observation, Judged], frozenset[str]]
    alike: Mapping[str, str] = field(default_factory=dict)
    whole: Mapping[str, Callable[[Networks, str, int], Callable[[Record, Case], Told]]] = field(default_factory=dict)
    why_none: Callable[[Record, Case], str] = lambda record, case: ""
    none: Mapping[str, str] = field(default_factory=dict)


class ScriptMaker:
    """Makes the scripts of one run."""

    def __init__(
        self, assignment: Assignment, scripts: Scripts, networks: Networks, setting: ScriptSetting, seed: int
    ) -> None:
        self._assignment, self._scripts = assignment, scripts
        self._networks, self._setting, self._seed = networks, setting, seed
        self._context = Context("cpu", setting.edition, setting.edition)
        self._plan = {case.name: case for case in assignment.cases(setting.edition, DTYPES, seed=seed)}
        self._whole = {kind: make(networks, setting.edition, seed) for kind, make in scripts.whole.items()}
        self._labels = {part.id: part.label for part in assignment.parts}

    def script(self, record: Record) -> Script | str:
        """The smallest script that shows a record's failure; a sentence that says why where there is none."""
        if record.verdict == Verdict.MEMORY:
            return MEMORY
        if record.check == "import":
            return self._import(record)
        case = self._plan[record.case]
        why = self._scripts.why_none(record, case)
        if why:
            return why
        for draft, words in self._drafts(record, case):
            halves = shown(draft, record, self._networks)
            if halves is None and record.verdict in RAISING:
                halves = shown(_past_the_forward(draft), record, self._networks)
            if halves is not None:
                return Script(record, slug(record), self._text(*halves, record, words))
        if self._setting.breaks_off and record.verdict in RAISING:
            return BREAKS_OFF
        return IN_TIME if record.verdict == Verdict.TIMEOUT else self._scripts.none.get(case.probe, NONE)

    def _import(self, record: Record) -> Script:
        """The import alone: that it fails was seen when the submission was first asked."""
        verdict = Verdict.TIMEOUT if record.verdict == Verdict.TIMEOUT else Verdict.CRASHED
        draft = Draft([], [self._scripts.imported], verdict=verdict)
        return Script(record, slug(record), self._text(draft, (), record, "the import fails"))

    # ---- drafts of one record

    def _drafts(self, record: Record, case: Case) -> Told:
        words = record.diagnosis or WORDS.get(record.verdict, "")
        if case.probe in self._whole:
            for draft, own_words in self._whole[case.probe](record, case):
                yield draft, words or own_words
            return
        for failing in self._failing(record, case):
            numbers = failing.comparison.arrays is not None
            for draft in self._scripts.kinds[case.probe].drafts(failing):
                yield draft, words or ("it is not what torch says" if numbers else "it is not what is asked for")

    def _failing(self, record: Record, case: Case) -> Iterator[FailingCase]:
        """Ever larger cases that fail in the same way; at last the one that failed."""
        quantity = next(q for q in case.quantities if q.name == record.quantity)
        drawn = draw(self._assignment, case, self._seed)
        names: frozenset[str] = frozenset()
        own, timeouts = Comparison(record.verdict), 0
        if record.verdict == Verdict.MISMATCH:
            seen, asked, judged = self._asked(case, quantity, drawn, seed_of(self._seed, case.name))
            names = self._scripts.names(record, asked, drawn, seen, judged)
            own = judged[quantity.name]
        for params, arrays in self._trials(case, drawn, quantity.key):
            seen, small, judged = self._asked(replace(case, params=params), quantity, arrays, SEED)
            comparison = judged[quantity.name]
            if self._fails_alike(record, own, comparison) and names <= self._scripts.names(
                record, small, arrays, seen, judged
            ):
                yield FailingCase(small, quantity, arrays, comparison, self._setting.edition)
            timeouts += any(failure.kind == "timeout" for failure in seen.failures.values())
            if timeouts == TIMEOUTS:
                return

    def _fails_alike(self, record: Record, own: Comparison, other: Comparison) -> bool:
        """Whether a record, as its `own` case was judged anew, and another case fail in the same way."""
        if other.verdict != record.verdict or other.explained_by not in ("", own.explained_by):
            return False
        if record.verdict == Verdict.CRASHED:
            return (other.line or None) == (record.line or None)
        one, two = (self._scripts.alike.get(found, found) for found in (own.finding, other.finding))
        return record.verdict != Verdict.MISMATCH or (one == two and (other.gap is None) == (record.gap is None))

    def _asked(self, case: Case, own: Quantity, arrays: Arrays, seed: int) -> tuple[Observation, Case, Judged]:
        """What the submission gives, the case with what was asked of it alone, and how that is judged."""
        seen = self._networks.submission(case, arrays, seed)
        came = {WHOLE_CASE, own.key, *seen.values, *seen.failures}
        case = replace(case, quantities=tuple(q for q in case.quantities if q.key in came))
        return seen, case, judge(self._assignment, case, arrays, seen, self._context)

    def _trials(self, case: Case, drawn: Arrays, key: Key) -> Iterator[tuple[Params, Arrays]]:
        """Smaller cases, each with numbers that are read at a glance before those drawn; at last the case itself."""
        for params, given in self._scripts.kinds[case.probe].smaller(case.params, drawn, key):
            if given:
                yield params, given
                continue
            own = draw(self._assignment, replace(case, params=params), self._seed)
            for easier in (*EASIER, _unchanged):
                yield params, {**drawn, **{name: easier(array) for name, array in own.items()}}
        for easier in (*EASIER[1:], _unchanged):
            yield case.params, {name: easier(array) for name, array in drawn.items()}

    # ---- the text

    def _text(self, draft: Draft, judge: Sequence[str], record: Record, words: str) -> str:
        """The script, with what is wrong in words."""
        setting, words = self._setting, docstring(words)
        is_import = record.check == "import"
        setting = replace(setting, breaks_off=setting.breaks_off and not is_import)
        modules, start, imports = self._scripts.start(draft, setting)
        late = ["os", "signal"] if draft.verdict == Verdict.TIMEOUT else []
        what = f"{self._labels.get(record.part, record.part)}, {record.check}, {docstring(record.quantity)}"
        lines = [f'"""{what}: {words}.', ""]
        lines += [
            f"Run it as `python FILE [FOLDER]`, FOLDER that of {self._scripts.folder_of}: status 1 where it fails."
        ]
        lines += ['"""', ""]
        lines += [f"import {', '.join(sorted({'sys', *draft.imports, *modules, *late}))}", "", "import numpy as np"]
        lines += [*imports_of(judge), ""]
        if late:
            whole = int(np.ceil(setting.seconds))
            lines += ["def late(signum, frame):"]
            lines += [
                f'    print("It fails: after {whole} seconds it has not come back.", flush=True)',
                "    os._exit(1)",
            ]
            lines += ["signal.signal(signal.SIGALRM, late)", f"signal.alarm({whole})"]
        lines += [*start, *([] if is_import else [*imports, *SEEDED]), "", *draft.given]
        if draft.verdict == Verdict.CRASHED:
            lines += ["# Here it raises: what Python prints is the failure.", "try:"]
            lines += [f"    {line}" for line in draft.ask]
            lines += ["except SystemExit:", '    sys.exit("It fails: it ends the program.")']
            lines += ['print("It agrees: nothing is raised.")']
        elif draft.verdict == Verdict.TIMEOUT:
            lines += [*draft.ask, "signal.alarm(0)", 'print("It agrees: it comes back.")']
        else:
            lines += [*draft.ask, "", *judge, f'print("It agrees." if agrees else {f"It fails: {words}."!r})']
            lines += ["sys.exit(0 if agrees else 1)"]
        return "\n".join(lines) + "\n"


def _past_the_forward(draft: Draft) -> Draft:
    """The draft for a call that is reached after a forward that raises as well."""
    ask = []
    for line in draft.ask[:-1]:
        guarded = ["try:", f"    {line}", "except Exception:", "    pass  # which has a script of its own"]
        ask += guarded if "forward(" in line and not line.startswith(" ") else [line]
    return replace(draft, ask=[*ask, *draft.ask[-1:]], verdict=Verdict.CRASHED)


# ---- numbers that are read at a glance


def _halves(array: NDArray[Any]) -> NDArray[Any]:
    """To halves, at least one, where numbers are neither tiny nor huge."""
    size = np.abs(array)
    even = np.sign(array) * np.maximum(0.5, np.round(2 * size) / 2)
    return np.where((size > 1e-5) & (size < 1e4), even, array).astype(array.dtype) if array.dtype.kind == "f" else array


def _rounded(array: NDArray[Any]) -> NDArray[Any]:
    """To one decimal, or one digit of what is less."""
    if array.dtype.kind != "f" or array.size > 1e4:
        return array
    even = [round(x, 1) if not np.isfinite(x) or abs(x) >= 1 else float(f"{x:.1g}") for x in array.ravel().tolist()]
    return np.array(even, array.dtype).reshape(array.shape)


def _unchanged(array: NDArray[Any]) -> NDArray[Any]:
    return array


EASIER = (_halves, _rounded)


# ---- whether a draft shows a record


def shown(draft: Draft, record: Record, networks: Networks) -> tuple[Draft, Sequence[str]] | None:
    """The draft, if need be with another verdict, and its second half, where both sides do as they should."""
    try:
        outcome = run(draft, networks.submission)
        final: tuple[Draft, Sequence[str]] | None = None
        if outcome.failure is None:
            if draft.verdict == Verdict.MISMATCH and not outcome.agrees:
                final = draft, lines_for(draft, outcome.results)
        elif outcome.failure.kind == draft.verdict == Verdict.TIMEOUT:
            final = draft, ()
        elif draft.verdict != Verdict.TIMEOUT and _raised(outcome, record):
            final = replace(draft, verdict=Verdict.CRASHED), ()
        if final is None:
            return None
        silent = run(final[0], networks.solution, final[1])
    except Unfit:
        return None
    return final if silent.agrees and silent.failure is None else None


def _raised(outcome: Outcome, record: Record) -> bool:
    """Whether the first half raised as the record does, and in the same place."""
    failure = outcome.failure
    assert failure is not None
    raises = record.verdict in RAISING and failure.kind in RAISING and not outcome.results
    return raises and (failure.line or None) == (record.line or None)
