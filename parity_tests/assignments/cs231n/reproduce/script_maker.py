"""Makes the smallest script that shows a discrepancy.

Smaller cases are asked for as long as they fail in the same way. A script is given out once its own lines have shown
the failure on the submission, and nothing on our solution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.mistakes import WRONG
from parity_tests.assignments.cs231n.plan import plan
from parity_tests.assignments.cs231n.reproduce.calls import given_and_ask
from parity_tests.assignments.cs231n.reproduce.script_text import text
from parity_tests.assignments.cs231n.reproduce.smaller import trials
from parity_tests.assignments.cs231n.reproduce.torch_lines import want
from parity_tests.harness.draft import SEED, Draft, Results, Unfit, compared, equal, shaped
from parity_tests.harness.draw import draw
from parity_tests.harness.failing_case import Arrays, FailingCase
from parity_tests.harness.judge import judge
from parity_tests.harness.shown_draft import MEMORY, WORDS, shown
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.kind import Context
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Quantity
from parity_tests.protocol.reproduction import Networks, Script, ScriptSetting
from reports.model.records import Record
from reports.model.scripts import slug
from reports.model.verdicts import Verdict

DRAWN = "its numbers are drawn by the submission, so that no line of torch's can draw the same; the run's own case does"
NONE = "asked alone and by a few lines it does not fail in the same way again; the run's own case shows it"
OWN_LAYERS = "with its own layers in place of right ones it does not fail in the same way; the run's own case shows it"
DEVIATIONS = 6
"""A share or a scale that is off by more of its standard deviations is not by chance."""


class ScriptMaker:
    """Makes the scripts of one run."""

    def __init__(self, networks: Networks, setting: ScriptSetting, seed: int) -> None:
        self._networks, self._setting, self._seed = networks, setting, seed
        self._context = Context("cpu", setting.edition, setting.edition)
        self._plan = {case.name: case for case in plan(setting.edition, ("float64", "float32"), seed)}

    def script(self, record: Record) -> Script | str:
        """The smallest script that shows a record's failure; a sentence that says why where there is none."""
        if record.verdict == Verdict.MEMORY:
            return MEMORY
        words = record.diagnosis or WORDS.get(record.verdict, "it is not what torch says")
        if record.check == "import":
            draft = Draft([], ["from cs231n import layers"], verdict=Verdict.CRASHED)
            return self._script(draft, (), record, "the import fails")
        case = self._plan[record.case]
        quantity = next(q for q in case.quantities if q.name == record.quantity)
        if record.quantity in ("independence", "dropout") or "keep" in case.params.get("settings", {}):
            return DRAWN
        for failing in self._smaller(record, case, quantity):
            halves = shown(_draft(failing), record, self._networks)
            if halves is not None:
                return self._script(*halves, record, words)
        return OWN_LAYERS if case.probe == "network" else NONE

    def _script(self, draft: Draft, judged: Sequence[str], record: Record, words: str) -> Script:
        made = text(draft, judged, record, words, self._setting, str(ASSIGNMENT.solution))
        return Script(record, slug(record), made)

    def _smaller(self, record: Record, case: Case, quantity: Quantity) -> Iterator[FailingCase]:
        """Ever larger cases that fail in the same way; at last the one that failed."""
        for smaller, arrays in trials(case, draw(ASSIGNMENT, case, self._seed), quantity.key):
            own = next(q for q in smaller.quantities if q.name == quantity.name)
            seen = self._networks.submission(smaller, arrays, SEED)
            judged = judge(ASSIGNMENT, smaller, arrays, seen, self._context)
            comparison = judged[quantity.name]
            if _fails_alike(record, comparison) and _has_name(record, smaller, own, arrays, seen):
                yield FailingCase(smaller, own, arrays, comparison, seen, self._setting.edition)
            elif any(failure.kind == "timeout" for failure in seen.failures.values()):
                return


def _fails_alike(record: Record, comparison: Comparison) -> bool:
    if comparison.verdict != record.verdict:
        return False
    if record.verdict == Verdict.CRASHED:
        return (comparison.line or None) == (record.line or None)
    return record.verdict != Verdict.MISMATCH or (comparison.gap is None) == (record.gap is None)


def _has_name(record: Record, case: Case, quantity: Quantity, arrays: Arrays, seen: Observation) -> bool:
    """Whether a smaller case shows the mistakes that the record's name tells; always where it has none."""
    names = record.diagnosis.split("; ") if record.diagnosis else []
    told = [w for w in WRONG if w.part == record.part and w.kind == case.probe and w.name in names]
    return all(wrong.reproduces([case], quantity, {case.name: seen}, lambda _: arrays) for wrong in told)


def _draft(failing: FailingCase) -> Draft:
    given, ask = given_and_ask(failing)
    if failing.verdict != Verdict.MISMATCH:
        return Draft(given, ask, verdict=failing.verdict)
    known = _by_kind(failing)
    if known is not None:
        return replace(known, given=given, ask=[*known.ask, *ask])
    comparison = failing.comparison
    if comparison.arrays is None:
        shape = _shape(failing)
        return Draft(given, ask, shaped(shape))
    end = compared(comparison.arrays[2], comparison.gap)
    # One that has a dimension of one more or less is right too.
    lines = [*want(failing), "got = np.reshape(got, want.shape)", *end]
    if failing.case.probe != "network":
        return Draft(given, ask, lines)
    seen, radius = comparison.arrays[0], comparison.arrays[2]

    def judged(results: Results) -> Sequence[str]:
        """The case had right layers in place of its own, with which it must give the same here."""
        if not bool(np.all(np.abs(np.reshape(results["got"], np.shape(seen)) - seen) <= radius)):
            raise Unfit("its own layers are wrong as well")
        return lines

    return Draft(given, ask, judged)


def _shape(failing: FailingCase) -> Sequence[int]:
    name, arrays, k = failing.quantity.key.name, failing.arrays, failing.quantity.key.call
    plain = name.removeprefix("alt ")
    if failing.case.probe == "layer":
        return np.shape(arrays[f"dout_{k}" if plain == "out" else f"{plain[1:]}_{k}"])
    if failing.case.probe == "network" and name.startswith("d"):
        return np.shape(arrays[name[1:]])
    if failing.case.probe == "steps":
        return np.shape(arrays[name])
    if failing.case.probe == "dropout":
        return np.shape(arrays["x"])
    return np.shape(arrays[f"x_{k}"]) if name in ("dx", "out") else ()


def _by_kind(failing: FailingCase) -> Draft | None:
    """The draft of what is no array of numbers: shares, masks, names and shapes; None for all else."""
    name, params = failing.quantity.name, failing.case.params
    if name == "share kept":
        p, n = params["p"], failing.arrays["x"].size
        return Draft([], [], _near(repr(p), float(DEVIATIONS * np.sqrt(p * (1 - p) / n))))
    if name.startswith("mask"):
        return Draft([], [], equal(str(name == "mask of the same seed")))
    if name.startswith("parameters"):
        return Draft([], [], _same_shapes(params["parameters"]))
    if name.startswith("weight scale"):
        weights = {name: shape for name, shape in params["parameters"].items() if name[0] == "W"}
        n, scale = sum(int(np.prod(shape)) for shape in weights.values()), params["settings"]["weight_scale"]
        return Draft([], [f"names = {list(weights)!r}"], _near(repr(scale), DEVIATIONS * scale / float(np.sqrt(2 * n))))
    return None


def _near(want: str, allowance: float) -> list[str]:
    return [
        f"want, allowance = {want}, {allowance!r}  # six standard deviations",
        'print("got: ", got, "\\nwant:", want, "\\nallowance:", allowance)',
        "agrees = bool(abs(got - want) <= allowance)",
    ]


def _same_shapes(shapes: Any) -> Any:
    def judged(results: Results) -> Sequence[str]:
        if not isinstance(results.get("got"), dict):
            raise Unfit("no names and shapes")
        return equal(repr({name: list(shape) for name, shape in shapes.items()}))

    return judged
