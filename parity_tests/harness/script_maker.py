"""Makes the smallest script that shows a discrepancy, for any assignment.

Sizes, calls and numbers are made smaller as long as the case fails in the same way: the same quantity, the same verdict
and, where it has a name, the same known mistake. What a script calls is what the case's own probe calls on the
solution, line by line. A script is given out once its own lines have shown the failure on the submission, and nothing
on the solution.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.draft import (
    AS_THE_SOLUTION,
    SEED,
    SEEDED,
    Draft,
    equal,
    imports_of,
    run,
    shaped,
)
from parity_tests.harness.draw import draw, seed_of
from parity_tests.harness.failing_case import Arrays, FailingCase, fewer_calls, literal
from parity_tests.harness.judge import judge
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.protocol.comparison import Comparison, failed
from parity_tests.protocol.errors import AssignmentError, UsageError
from parity_tests.protocol.kind import Context, Params
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import WHOLE_CASE, Key, Quantity
from parity_tests.protocol.reproduction import Networks, Script, ScriptSetting
from reports.model.escape import docstring
from reports.model.records import Record
from reports.model.scripts import slug
from reports.model.verdicts import Verdict

Judged = Mapping[str, Comparison]
Trial = tuple[Params, Arrays]
WORDS: dict[str, str] = {Verdict.CRASHED: "it crashes", Verdict.TIMEOUT: "it does not come back"}
MEMORY = "it needs more memory than a submission may have, and a script would take that from the machine it runs on"
BREAKS_OFF = "the import breaks off before it comes to that, which has a script of its own"
IN_TIME = "asked alone, it comes back in time: what takes long is the whole of what was asked before"
NONE = "asked alone and by a few lines it does not fail in the same way again; the run's own case shows it"
MOST_DRAFTS = 16
"""Drafts after which no larger one is tried: what they leave out is none of the sizes."""
TIMEOUTS = 2
"""After so many smaller cases that do not come back no further one is asked."""
IMPOSSIBLE = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError, AssignmentError, UsageError)
"""What a case of sizes that do not fit one another may raise where it is drawn or judged: no fault of Parity's own."""
BIAS = re.compile(r"(^|[ _])b( kept)?$")
"""The names of results that may be flat."""
UP_TO = (1, 2)
"""What sizes are made first."""


@dataclass(frozen=True)
class Call:
    """A call of the solution's, as it was traced: its function, its arguments as expressions, and its result's name.

    `params` are the expressions of the arrays in the params of the object that was called. `before` is the call before
    of the same object, or the one whose result this one was given.
    """

    function: str
    arguments: Sequence[str]
    result: str
    on: str
    params: Mapping[str, str]
    before: Sequence[Mapping[str, Any]]

    @property
    def forward(self) -> Call:
        """The call before, of a backward its forward; itself where there is none."""
        return Call(**self.before[0]) if self.before else self


@dataclass(frozen=True)
class Shown:
    """How what fails in the cases of a kind is shown.

    `sizes` are the names of the parameters that hold sizes, however deep; `fitting` makes parameters fit one another
    whose sizes were changed, and `until` are those of a case that ends with a step. `smaller(params, drawn, key)` gives
    smaller cases, the smallest first, with all their arrays; they come first. `fewer_calls` says whether a call means
    the same without those before it. `draw(params, drawn)` gives the arrays of other sizes, where the kind's own draw
    cannot. `actual` are expressions of what a call returned, and of its arguments, by the names of what is no value
    that was returned itself. `drafts` come before that of the `traced` calls.
    """

    sizes: Sequence[str] = ()
    fitting: Callable[[Params], Params] = lambda params: params
    until: Callable[[Params, int], Params] = lambda params, step: params
    smaller: Callable[[Params, Arrays, Key], Iterable[Trial]] = lambda params, drawn, key: ()
    fewer_calls: bool = True
    draw: Callable[[Params, Arrays], Arrays] = lambda params, drawn: {}
    actual: Mapping[str, str] = field(default_factory=dict)
    drafts: Callable[[FailingCase], Iterable[Draft]] = lambda failing: ()
    traced: bool = True


@dataclass(frozen=True)
class Scripts:
    """What an assignment says of its scripts.

    `torch(failing, call, actual)` are torch's lines for an expression of what a call returns, where it has some; else a
    script has torch's numbers. `modules` are the submission's, with what scripts call them, and the line that imports
    them, "" where `start(draft, setting)` does: that gives the modules of the standard library, the lines before the
    submission can be imported, and those that import what all scripts use. `folder_of` is what lies in the FOLDER that
    a script is given, and `imported` the line that imports all. `adapted(lines, edition)` are
    the solution's calls as the submissions of an edition take them. `why_none` says why a record
    has no script, "" where it may have one, and `none` why where none was found.
    """

    kinds: Mapping[str, Shown]
    torch: Callable[[FailingCase, Call, str], list[str] | None]
    modules: Mapping[str, tuple[str, str]]
    start: Callable[[Draft, ScriptSetting], tuple[Sequence[str], Sequence[str], Sequence[str]]]
    folder_of: str
    imported: str
    adapted: Callable[[list[str], str], list[str]] = lambda lines, edition: lines
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
        self._labels = {part.id: part.label for part in assignment.parts}
        self._seen: dict[tuple[Any, ...], Observation] = {}
        self._judged: dict[tuple[Any, ...], Judged] = {}

    def script(self, record: Record) -> Script | str:
        """The smallest script that shows a record's failure; a sentence that says why where there is none."""
        if record.verdict == Verdict.MEMORY:
            return MEMORY
        if record.check == "import":  # that it fails was seen when the submission was first asked
            verdict = Verdict.TIMEOUT if record.verdict == Verdict.TIMEOUT else Verdict.CRASHED
            draft = Draft([], [self._scripts.imported], verdict=verdict)
            return Script(record, slug(record), self._text(draft, (), record, "the import fails"))
        case = self._plan[record.case]
        why = self._scripts.why_none(record, case)
        if why:
            return why
        drafts = ((failing, draft) for failing in self._failing(record, case) for draft in self._drafts(failing))
        for failing, draft in islice(drafts, MOST_DRAFTS):
            halves = shown(draft, record, self._networks)
            if halves is not None:
                numbers = failing.comparison.arrays is not None
                words = record.diagnosis or WORDS.get(record.verdict, "")
                words = words or ("it is not what torch says" if numbers else "it is not what is expected")
                return Script(record, slug(record), self._text(*halves, record, words))
        if self._setting.breaks_off and record.verdict == Verdict.CRASHED:
            return BREAKS_OFF
        return IN_TIME if record.verdict == Verdict.TIMEOUT else self._scripts.none.get(case.probe, NONE)

    # ---- cases that fail in the same way

    def _failing(self, record: Record, case: Case) -> Iterator[FailingCase]:
        """Ever larger cases that fail in the same way; at last the one that failed."""
        quantity = next(q for q in case.quantities if q.name == record.quantity)
        kind, drawn = self._scripts.kinds[case.probe], draw(self._assignment, case, self._seed)
        timeouts = 0

        @cache
        def alone() -> Comparison:
            """What the record's case says where it is judged by itself: a cause that others disprove is there again."""
            return self._asked(case, quantity, drawn, seed_of(self._seed, case.name))[2][quantity.name]

        def failing(params: Params, arrays: Arrays | None = None) -> FailingCase | None:
            """The case of these parameters, where it fails in the same way."""
            nonlocal timeouts
            if timeouts == TIMEOUTS:
                return None
            trial = replace(case, params=params)
            try:
                if arrays is None:
                    arrays = kind.draw(params, drawn) or {**drawn, **draw(self._assignment, trial, self._seed)}
                seen, small, judged = self._asked(trial, quantity, arrays, SEED)
                comparison = judged[quantity.name]
                timeouts += any(failure.kind == "timeout" for failure in seen.failures.values())
                if _fails_alike(record, alone, comparison):
                    return FailingCase(small, quantity, arrays, comparison, self._setting.edition)
            except IMPOSSIBLE:
                pass
            return None

        for params, arrays in kind.smaller(case.params, drawn, quantity.key):
            if (small := failing(params, arrays)) is not None:
                yield small
        if not kind.sizes:
            return
        whole = params = kind.until(case.params, record.step) if record.step else case.params
        found: list[FailingCase] = []
        for move in (_with_fewer_calls, _laid_as_usual):
            for fewer in move(params, quantity.key, kind):
                if (small := failing(fewer)) is not None:
                    found, params = [*found, small], fewer
                    break
        sizes, calls = sizes_of(params, kind.sizes), params
        tables = [
            *({n: min(n, most) for n in sizes} for most in UP_TO),
            {n: min(n, 2 + i) for i, n in enumerate(sizes)},
        ]
        table = {n: n for n in sizes}
        for trials in (tables, *([{n: size} for size in UP_TO] for n in sizes)):
            for trial in trials:
                if any(size < table[n] for n, size in trial.items()):
                    small = failing(kind.fitting(_resized(calls, kind.sizes, table | trial)))
                    if small is not None:
                        found, table = [*found, small], table | trial
                        break
        for one in (one for ever_larger in (reversed(found), map(failing, [whole])) for one in ever_larger if one):
            for easier in EASIER:
                small = failing(one.case.params, {name: easier(array) for name, array in one.arrays.items()})
                if small is not None:
                    yield small
            yield one

    def _asked(self, case: Case, own: Quantity, arrays: Arrays, seed: int) -> tuple[Observation, Case, Judged]:
        """What the submission gives, the case with what was asked of it alone, and how that is judged."""
        key = case.probe, case.process, seed, json.dumps(case.params), *(one.tobytes() for one in arrays.values())
        if key not in self._seen:
            self._seen[key] = self._networks.submission(case, arrays, seed)
        seen = self._seen[key]
        came = {WHOLE_CASE, own.key, *seen.values, *seen.failures}
        case = replace(case, quantities=tuple(q for q in case.quantities if q.key in came))
        asked = (case.name, *key, *(q.name for q in case.quantities))
        failure = seen.failures.get(own.key)
        if failure is not None and failure.kind == Verdict.CRASHED:  # which no answer of torch's changes
            return seen, case, {own.name: failed(failure)}
        if asked not in self._judged:
            self._judged[asked] = judge(self._assignment, case, arrays, seen, self._context)
        return seen, case, self._judged[asked]

    # ---- drafts of one of them

    def _drafts(self, failing: FailingCase) -> Iterator[Draft]:
        """The kind's own, and the calls that the result comes of, then all that were made, on the solution."""
        kind, case, key = self._scripts.kinds[failing.case.probe], failing.case, failing.key
        yield from kind.drafts(failing)
        if not kind.traced:
            return
        asked = {"probe": case.probe, "params": case.params, "name": key.name, "call": key.call}
        asked["modules"] = [*self._scripts.modules]
        rng = np.random.default_rng(SEED)
        told_apart = {
            name: rng.uniform(0.5, 1.5, one.shape).astype(one.dtype) if one.dtype.kind == "f" else one
            for name, one in failing.arrays.items()
        }
        seen = self._networks.solution(replace(case, probe="trace", params=asked, quantities=()), told_apart, SEED)
        trace = seen.facts.get("trace")
        if not isinstance(trace, dict) or not trace["by"]:
            return
        call = Call(**trace["by"][0])
        actual = kind.actual.get(key.name, trace["actual"]).format(call.result, *call.arguments)
        if failing.comparison.arrays is not None and trace["last"] not in (None, [*failing.comparison.arrays[1].shape]):
            last = tuple(one[-1] for one in failing.comparison.arrays)
            failing = replace(failing, comparison=replace(failing.comparison, arrays=last))
        for lines in (_leading_to(actual, trace["lines"]), trace["lines"]) if actual else ():
            texts = [*(line["text"] for line in lines), f"actual = {actual}"]
            main, support = self._assignment.layout.module, self._assignment.layout.support
            if support:
                yield self._draft(failing, call, [text.replace(f"{support}.", f"{main}.") for text in texts], actual)
            yield self._draft(failing, call, texts, actual)

    def _draft(self, failing: FailingCase, call: Call, texts: Sequence[str], actual: str) -> Draft:
        """The lines that leave `actual`, and torch's lines, or torch's numbers, or what the solution leaves."""
        ask = [line for text in texts for line in text.split("\n")]
        expected = self._scripts.torch(failing, call, actual) or []
        for one, of_several in dict.fromkeys(re.findall(r"\b([A-Za-z_]+_\d+)\b(\[\d+\])?", "\n".join(expected))):
            made = next((i for i, line in enumerate(ask) if line.startswith(f"{one} = ")), None)
            if made is not None:  # a copy at once: a later call may write into the array
                ask.insert(made + 1, f"{one}_then = np.array({one}{of_several})")
                expected = [re.sub(rf"\b{one}\b{re.escape(of_several)}", f"{one}_then", line) for line in expected]
        imports = []
        for name, (called, line) in self._scripts.modules.items():
            used = any(f"{name}." in one for one in ask)
            imports += [line] if used and line else []
            ask = [one.replace(f"{name}.", f"{called}.") for one in ask]
        ask = self._scripts.adapted(ask, failing.edition)
        ask, expected = _plainly_named([*imports, *ask], failing.arrays), _plainly_named(expected, failing.arrays, ask)
        keeps = sorted({word for line in expected for word in re.findall(r"\w+_then", line)})
        in_a_folder = any("open(" in line for line in ask)
        options: dict[str, Any] = {"in_a_folder": in_a_folder, "flat": bool(BIAS.search(failing.key.name))}
        if expected or failing.verdict != Verdict.MISMATCH:
            return failing.draft(ask, expected, *keeps, **options)
        arrays = failing.comparison.arrays
        if arrays is not None:
            line = literal("expected", arrays[1])
            return failing.draft(ask, [f"{line}  # PyTorch's, of these numbers"], **options)
        return replace(failing.draft(ask, [], **options), judge=AS_THE_SOLUTION)

    # ---- the text

    def _text(self, draft: Draft, judge: Sequence[str], record: Record, words: str) -> str:
        """The script, with what is wrong in words."""
        setting, words = self._setting, docstring(words)
        is_import, is_late = record.check == "import", draft.verdict == Verdict.TIMEOUT
        setting = replace(setting, breaks_off=setting.breaks_off and not is_import)
        modules, start, imports = self._scripts.start(draft, setting)
        what = f"{self._labels.get(record.part, record.part)}, {record.check}, {docstring(record.quantity)}"
        names = {"sys", *draft.imports, *modules, *(["os", "signal"] if is_late else [])}
        lines = [
            f'"""{what}: {words}.',
            "",
            f"Run it as `python FILE [FOLDER]`, FOLDER that of {self._scripts.folder_of}: status 1 where it fails.",
            '"""',
            "",
            f"import {', '.join(sorted(names))}",
            "",
            "import numpy as np",
            *imports_of(judge),
            "",
        ]
        if is_late:
            whole = int(np.ceil(setting.seconds))
            lines += [
                "def late(signum, frame):",
                f'    print("It fails: after {whole} seconds it has not come back.", flush=True)',
                "    os._exit(1)",
                "signal.signal(signal.SIGALRM, late)",
                f"signal.alarm({whole})",
            ]
        lines += [*start, *([] if is_import else [*imports, *SEEDED]), "", *draft.given]
        if draft.verdict == Verdict.CRASHED:
            lines += ["# Here it raises: what Python prints is the failure.", "try:"]
            lines += [f"    {line}" for line in draft.ask]
            lines += ["except SystemExit:", '    sys.exit("It fails: it ends the program.")']
            lines += ['print("It agrees: nothing is raised.")']
        elif is_late:
            lines += [*draft.ask, "signal.alarm(0)", 'print("It agrees: it comes back.")']
        else:
            lines += [*draft.ask, "", *judge, f'print("It agrees." if agrees else {f"It fails: {words}."!r})']
            lines += ["sys.exit(0 if agrees else 1)"]
        return "\n".join(lines) + "\n"


# ---- smaller cases


def _fails_alike(record: Record, alone: Callable[[], Comparison], other: Comparison) -> bool:
    """Whether a record, whose case says this where it is judged `alone`, and another case fail in the same way.

    What has a name is wrong in the same way in all of its calls.
    """
    if other.verdict != record.verdict or (other.explained_by and other.explained_by != alone().explained_by):
        return False
    if record.verdict == Verdict.CRASHED:
        return (other.line or None) == (record.line or None)
    if record.verdict != Verdict.MISMATCH:
        return True
    if record.gap is not None:
        return other.gap is not None
    return other.gap is None and other.finding == alone().finding  # of what has no numbers the finding tells


def _with_fewer_calls(params: Params, key: Key, kind: Shown) -> Iterator[Params]:
    """With a forward alone, the calls with the input, those of its object, and those until then."""
    calls = params.get("calls") if kind.fewer_calls else None
    if not isinstance(calls, list) or not isinstance(calls[0], list):
        return
    same = {key.call, params["inputs"][key.call].get("as", key.call)} if "inputs" in params else {key.call}
    alone = [call for call in calls if call[-1] in same]
    objects = {call[1] for call in alone}
    last = max((i for i, call in enumerate(calls) if call[-1] in same), default=0)
    forward, of_object = [call for call in alone if call[0] == "forward"], [c for c in calls if c[1] in objects]
    for fewer in fewer_calls(calls, forward, alone, of_object, calls[: last + 1]):
        yield {**params, "calls": fewer}


def _laid_as_usual(params: Params, key: Key, kind: Shown) -> Iterator[Params]:
    """With all inputs as numpy lays them in memory."""
    if isinstance(params.get("memory"), list):
        yield {**params, "memory": [""] * len(params["memory"])}
    elif params.get("inputs") and isinstance(params["inputs"], list):
        inputs = [{**one, "memory": one["memory"] if one["memory"] == "one" else "usual"} for one in params["inputs"]]
        yield {**params, "inputs": inputs}


def sizes_of(value: Any, names: Sequence[str], *, within: bool = False) -> list[int]:
    """The different numbers in the parameters of these names, however deep, the smallest first."""
    if isinstance(value, int) and not isinstance(value, bool):
        return [value] if within else []
    parts = [(one, within or name in names) for name, one in value.items()] if isinstance(value, Mapping) else []
    parts += [(one, within) for one in value] if isinstance(value, (list, tuple)) else []
    return sorted({n for one, inside in parts for n in sizes_of(one, names, within=inside)})


def _resized(value: Any, names: Sequence[str], table: Mapping[int, int], *, within: bool = False) -> Any:
    """The same parameters with other sizes."""
    if isinstance(value, Mapping):
        return {name: _resized(one, names, table, within=within or name in names) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_resized(one, names, table, within=within) for one in value]
    return table.get(value, value) if within and isinstance(value, int) and not isinstance(value, bool) else value


# ---- lines


def _leading_to(actual: str, lines: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The lines that what is wanted comes of: those that make, change or call what it names, and so on."""
    needed, kept = set(re.findall(r"\w+", actual)), []
    variables = {line["on"] for line in lines if line["on"]}
    for line in reversed(lines):
        words = set(re.findall(r"\w+", line["text"])) & variables
        if not line["on"] or words & needed:
            kept.append(line)
            needed |= words
    return kept[::-1]


def _plainly_named(lines: Sequence[str], arrays: Arrays, among: Sequence[str] = ()) -> list[str]:
    """The same, in which the only variable of its sort has no number."""
    names = set(re.findall(r"\b[a-z_]+_\d+(?=\b|_then)", "\n".join(among or lines))) - set(arrays)
    bases = [name.rpartition("_")[0] for name in names]
    for name in names:
        if bases.count(base := name.rpartition("_")[0]) == 1:
            lines = [re.sub(rf"\b{name}(?=\b|_then)", base, line) for line in lines]
    return [*lines]


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
    if draft.judge == AS_THE_SOLUTION:
        own = run(draft, networks.solution, []).results.get("actual")
        end = [literal("expected", own), *shaped()] if isinstance(own, np.ndarray) else equal(repr(own))
        draft = replace(draft, judge=end)
    outcome = run(draft, networks.submission)
    failure, judge = outcome.failure, list[str]()
    if failure is None:
        if draft.verdict != Verdict.MISMATCH or outcome.agrees:
            return None
        judge = [*draft.judge]
    elif draft.verdict != Verdict.TIMEOUT:
        raises = record.verdict == Verdict.CRASHED and failure.kind == Verdict.CRASHED and not outcome.results
        if not raises or (failure.line or None) != (record.line or None):
            return None
        draft = replace(draft, verdict=Verdict.CRASHED)
    elif failure.kind != Verdict.TIMEOUT:
        return None
    silent = run(draft, networks.solution, judge)
    return (draft, judge) if silent.agrees and silent.failure is None else None
