"""Makes the smallest script that shows a discrepancy.

Smaller cases are asked for as long as they fail in the same way: the same quantity, the same verdict and, where it has
a name, the same known mistake reproduces it. A script is given out once its own lines have shown the failure on the
submission, and nothing on the shipped network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.mistakes import MISTAKES
from parity_tests.assignments.mlp.plan import plan
from parity_tests.assignments.mlp.reproduce.kinds import KINDS
from parity_tests.assignments.mlp.reproduce.main.drafts import main_drafts
from parity_tests.assignments.mlp.reproduce.main.runs import RunCache
from parity_tests.assignments.mlp.reproduce.same_failure import BY_FINDING, fails_alike, reproduces
from parity_tests.assignments.mlp.reproduce.script_text import text
from parity_tests.harness.draft import SEED, Draft
from parity_tests.harness.draw import draw, seed_of
from parity_tests.harness.failing_case import Arrays, FailingCase
from parity_tests.harness.judge import judge
from parity_tests.harness.shown_draft import MEMORY, WORDS, shown
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Context
from parity_tests.protocol.mistake import Mistake
from parity_tests.protocol.quantity import Quantity
from parity_tests.protocol.reproduction import Networks, Script, ScriptSetting
from reports.model.records import Record
from reports.model.scripts import slug
from reports.model.verdicts import Verdict


class ScriptMaker:
    """Makes the scripts of one run; what `main` did when it was asked smaller is kept from one to the next."""

    def __init__(self, networks: Networks, setting: ScriptSetting, seed: int) -> None:
        self._networks, self._setting, self._seed = networks, setting, seed
        self._context = Context("cpu", setting.edition, setting.edition)
        self._plan = {case.name: case for case in plan(setting.edition, ("float64", "float32"), seed)}
        self._runs = RunCache(networks.submission)

    def script(self, record: Record) -> Script | str:
        """The smallest script that shows a record's failure; a sentence that says why where there is none."""
        if record.verdict == Verdict.MEMORY:
            return MEMORY
        if record.check == "import":
            return self._import(record)
        for draft, words in self._drafts(record):
            halves = shown(draft, record, self._networks)
            if halves is None and record.verdict in (Verdict.CRASHED, Verdict.MISSING) and _is_after_a_forward(draft):
                halves = shown(_past_the_forward(draft), record, self._networks)
            if halves is not None:
                return Script(record, slug(record), text(*halves, record, words, self._setting))
        return self._why_none(record)

    def _import(self, record: Record) -> Script:
        """The import alone: that it fails was seen when the submission was first asked."""
        plain = replace(self._setting, breaks_off=False)
        draft = Draft(
            [],
            ["import neural_networks, utils"],
            verdict=Verdict.TIMEOUT if record.verdict == Verdict.TIMEOUT else Verdict.CRASHED,
        )
        return Script(record, slug(record), text(draft, (), record, "the import fails", plain))

    def _why_none(self, record: Record) -> str:
        if self._setting.breaks_off and record.verdict in (Verdict.MISSING, Verdict.CRASHED):
            return "the import breaks off before it comes to that, which has a script of its own"
        if record.verdict == Verdict.TIMEOUT:
            return "asked alone, it comes back in time: what takes long is the whole of what was asked before"
        return "asked alone and by a few lines it does not fail in the same way again; the run's own case shows it"

    # ---- drafts of one record

    def _drafts(self, record: Record) -> Iterator[tuple[Draft, str]]:
        """Drafts that may show a record, with what is wrong in words."""
        words = record.diagnosis or WORDS.get(record.verdict, "")
        case = self._plan[record.case]
        if case.probe == "main":
            for draft, own_words in main_drafts(self._runs, record, case, self._setting.edition, self._seed):
                yield draft, words or own_words
            return
        quantity = next(q for q in case.quantities if q.name == record.quantity)
        for failing in self._smaller(record, case, quantity):
            for draft in KINDS[case.probe][1](failing):
                yield draft, words or _words(failing)

    def _smaller(self, record: Record, case: Case, quantity: Quantity) -> Iterator[FailingCase]:
        """Ever larger cases that fail in the same way; at last the one that failed."""
        drawn = draw(ASSIGNMENT, case, self._seed)
        timeouts = 0
        mistakes, found = self._told_by_its_case(record, case, drawn)
        for smaller, arrays in KINDS[case.probe][0](case, drawn, quantity.key):
            seen = self._networks.submission(smaller, arrays, SEED)
            judged = judge(ASSIGNMENT, smaller, arrays, seen, self._context)
            if quantity.name in judged and fails_alike(record, mistakes, found, smaller, arrays, seen, judged):
                comparison = judged[quantity.name]
                yield FailingCase(smaller, quantity, arrays, comparison, seen, self._setting.edition)
            timeouts += any(failure.kind == "timeout" for failure in seen.failures.values())
            if timeouts == 2:
                return

    def _told_by_its_case(self, record: Record, case: Case, drawn: Arrays) -> tuple[list[Mistake], str]:
        """Of the record's mistakes those that its own case is enough to tell, without the others of its part.

        Beside them what the case is found to be, where such cases are told apart by that.
        """
        names = record.diagnosis.split("; ") if record.diagnosis else []
        known = [mistake for mistake in MISTAKES if mistake.name in names and mistake.formula is not None]
        if not (known or case.probe in BY_FINDING) or record.verdict != Verdict.MISMATCH:
            return [], ""
        seen = self._networks.submission(case, drawn, seed_of(self._seed, case.name))
        judged = judge(ASSIGNMENT, case, drawn, seen, self._context)
        if case.probe in BY_FINDING:
            return [], judged[record.quantity].finding
        calls = list(ASSIGNMENT.kinds[case.probe].evidence(case, drawn, seen, judged))
        return [mistake for mistake in known if reproduces(mistake, calls, record.quantity)], ""


def _is_after_a_forward(draft: Draft) -> bool:
    """Whether the call that a draft is about comes after a forward."""
    return any(".forward(" in line for line in draft.ask[:-1])


def _past_the_forward(draft: Draft) -> Draft:
    """The draft for a backward that is reached after a forward that raises as well."""
    ask = []
    for line in draft.ask[:-1]:
        guarded = ["try:", f"    {line}", "except Exception:", "    pass  # which has a script of its own"]
        ask += guarded if ".forward(" in line and not line.startswith(" ") else [line]
    return replace(draft, ask=[*ask, draft.ask[-1]], verdict=Verdict.CRASHED)


def _words(failing: FailingCase) -> str:
    """What a script says is wrong where that has no name."""
    comparison = failing.comparison
    if comparison.arrays is not None:
        return "it is not what torch says"
    if comparison.sentence:
        return "it is not what is asked for"
    return f"{failing.quantity.name} {comparison.problem}"
