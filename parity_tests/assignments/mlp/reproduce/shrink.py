"""Makes the smallest script that shows a discrepancy: smaller cases are asked for as long as they fail in the same way.

The same way is: the same quantity, the same verdict and, where it has a name, the same known mistake reproduces it. A
script is given out once its own lines have shown the failure on the submission, and nothing on the shipped network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.cases import plan
from parity_tests.assignments.mlp.evidence import evidence
from parity_tests.assignments.mlp.mistakes import MISTAKES
from parity_tests.assignments.mlp.mistakes.relations import RELATIONS
from parity_tests.assignments.mlp.reproduce import draws, network, optimizer, parts, utils
from parity_tests.assignments.mlp.reproduce.draft import SEED, Draft, Outcome, Unfit, lines_for, run, text
from parity_tests.assignments.mlp.reproduce.main.drafts import main_drafts
from parity_tests.assignments.mlp.reproduce.main.runs import RunCache
from parity_tests.harness.diagnosis.formulas import fits
from parity_tests.harness.diagnosis.relations import relation
from parity_tests.harness.draw import draw, seed_of
from parity_tests.harness.judge import judge
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.kind import Context
from parity_tests.protocol.mistake import Call, Mistake
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Quantity
from parity_tests.protocol.reproduction import Networks, Script, ScriptSetting
from parity_tests.protocol.sentence import sentence_of
from reports.model.records import Record
from reports.model.scripts import slug

WORDS = {
    "crashed": "it crashes",
    "missing": "it is missing",
    "timeout": "it does not come back",
}
MEMORY = "it needs more memory than a submission may have, and a script would take that from the machine it runs on"


def same_failure(record: Record) -> tuple[str, ...]:
    """The part, name and quantity of a failure: records that share them are one discrepancy.

    A call of `main` that does not come to its end fails all its quantities at once, and is one discrepancy; so is a
    function that does not come back.
    """
    word = re.sub(r", (second input|backward twice|evaluation)$", "", record.quantity)
    if record.check == "sgd" and record.quantity != "model returned":
        word = "weights"
    if record.verdict == "timeout" or (record.check == "main" and record.verdict in ("crashed", "missing")):
        word = f"{record.check} {record.verdict}"
    return record.part, record.diagnosis, word


class ScriptMaker:
    """Makes the scripts of one run; what `main` did when it was asked smaller is kept from one to the next."""

    def __init__(self, networks: Networks, setting: ScriptSetting, seed: int) -> None:
        self._networks, self._setting, self._seed = networks, setting, seed
        self._context = Context("cpu", setting.edition, setting.edition)
        self._plan = {case.name: case for case in plan(setting.edition, ("float64", "float32"))}
        self._runs = RunCache(networks.submission)

    def script(self, record: Record) -> Script | str:
        """The smallest script that shows a record's failure; a sentence that says why where there is none."""
        if record.verdict == "memory":
            return MEMORY
        if record.check == "import":
            return self._import(record)
        for draft, words in self._drafts(record):
            made = self._shown(draft, record)
            if (
                made is None
                and record.verdict in ("crashed", "missing")
                and any(".forward(" in line for line in draft.ask[:-1])
            ):
                made = self._shown(_past_the_forward(draft), record)
            if made is not None:
                final, judged = made
                return Script(record, slug(record), text(final, judged, record, words, self._setting))
        return self._why_none(record)

    def _import(self, record: Record) -> Script:
        """The import alone: that it fails was seen when the submission was first asked."""
        plain = replace(self._setting, breaks_off=False)
        draft = Draft(
            [], ["import neural_networks, utils"], verdict="timeout" if record.verdict == "timeout" else "crashed"
        )
        return Script(record, slug(record), text(draft, (), record, "the import fails", plain))

    def _why_none(self, record: Record) -> str:
        if self._setting.breaks_off and record.verdict in ("missing", "crashed"):
            return "the import breaks off before it comes to that, which has a script of its own"
        if record.verdict == "timeout":
            return "asked alone, it comes back in time: what takes long is the whole of what was asked before"
        return "asked alone and by a few lines it does not fail in the same way again; the run's own case shows it"

    # ---- whether a draft shows it

    def _shown(self, draft: Draft, record: Record) -> tuple[Draft, Sequence[str]] | None:
        """The draft, if need be with another verdict, and its second half, where both networks do as they should."""
        try:
            outcome = run(draft, self._networks.submission)
        except Unfit:
            return None
        if outcome.failure is not None:
            kind = outcome.failure.kind
            raised = record.verdict in ("crashed", "missing") and kind in ("crashed", "missing") and not outcome.results
            if raised and draft.verdict in ("crashed", "mismatch") and _same_place(outcome, record):
                final: Draft = replace(draft, verdict="crashed")
                judged: Sequence[str] = ()
            elif kind == "timeout" and draft.verdict == "timeout":
                final, judged = draft, ()
            else:
                return None
        elif draft.verdict == "mismatch" and not outcome.agrees:
            final, judged = draft, lines_for(draft, outcome.results)
        else:
            return None
        try:
            silent = run(final, self._networks.solution, judged)
        except Unfit:
            return None
        return (final, judged) if silent.agrees and silent.failure is None else None

    # ---- drafts of one record

    def _drafts(self, record: Record) -> Iterator[tuple[Draft, str]]:
        words = record.diagnosis or WORDS.get(record.verdict, "")
        case = self._plan[record.case]
        quantity = next(q for q in case.quantities if q.name == record.quantity)
        if case.probe == "main":
            for draft, said in main_drafts(self._runs, record, case, self._setting.edition, self._seed):
                yield draft, words or said
            return
        for smaller, arrays, comparison, seen in self._smaller(record, case, quantity):
            said = words or _said(smaller, quantity, comparison)
            for draft in self._of_part(smaller, quantity, arrays, comparison, seen):
                yield draft, said

    def _smaller(
        self, record: Record, case: Case, quantity: Quantity
    ) -> Iterator[tuple[Case, parts.Arrays, Comparison, Observation]]:
        """Ever larger cases that fail in the same way; at last the one that failed."""
        drawn = draw(ASSIGNMENT, case, self._seed)
        late = 0
        told = self._told(record, case, drawn)
        for smaller, arrays in self._trials(case, drawn):
            seen = self._networks.submission(smaller, arrays, SEED)
            judged = judge(ASSIGNMENT, smaller, arrays, seen, self._context)
            if quantity.name in judged and same(record, told, smaller, arrays, seen, judged):
                yield smaller, arrays, judged[quantity.name], seen
            late += any(failure.kind == "timeout" for failure in seen.failures.values())
            if late == 2:
                return

    def _told(self, record: Record, case: Case, drawn: parts.Arrays) -> list[Mistake]:
        """Those of the record's names that its own case is enough to tell, without the others of its part."""
        names = record.diagnosis.split("; ") if record.diagnosis else []
        known = [mistake for mistake in MISTAKES if mistake.name in names and mistake.formula is not None]
        if not known or record.verdict != "mismatch":
            return []
        seen = self._networks.submission(case, drawn, seed_of(self._seed, case.name))
        judged = judge(ASSIGNMENT, case, drawn, seen, self._context)
        calls = list(evidence(case, drawn, seen, judged))
        return [mistake for mistake in known if _fits(mistake, calls, record.quantity)]

    def _trials(self, case: Case, drawn: parts.Arrays) -> Iterator[parts.Trial]:
        if case.probe in parts.KINDS:
            return parts.KINDS[case.probe][0](case, drawn)
        trials: Mapping[str, parts.Trials] = {
            "sgd": optimizer.trials, "network": network.trials, **draws.TRIALS, **utils.TRIALS
        }  # fmt: skip
        return trials[case.probe](case, drawn)

    def _of_part(
        self, case: Case, quantity: Quantity, arrays: parts.Arrays, comparison: Comparison, seen: Observation
    ) -> Iterator[Draft]:
        if case.probe in parts.KINDS:
            return parts.KINDS[case.probe][1](case, quantity.key, arrays, comparison)
        if case.probe == "sgd":
            return optimizer.drafts(case, quantity.key.name, arrays, comparison, self._setting.edition)
        if case.probe == "network":
            return network.drafts(case, quantity, arrays, comparison, self._setting.edition)
        if case.probe in draws.DRAFTS:
            return draws.DRAFTS[case.probe](case, quantity, arrays, comparison, seen)
        return utils.DRAFTS[case.probe](case, quantity, arrays, comparison)


def _past_the_forward(draft: Draft) -> Draft:
    """The draft for a backward that is reached after a forward that raises as well."""
    ask = []
    for line in draft.ask[:-1]:
        guarded = ["try:", f"    {line}", "except Exception:", "    pass  # which has a script of its own"]
        ask += guarded if ".forward(" in line and not line.startswith(" ") else [line]
    return replace(draft, ask=[*ask, draft.ask[-1]], verdict="crashed")


def _same_place(outcome: Outcome, record: Record) -> bool:
    failure = outcome.failure
    return failure is not None and (failure.line or None) == (record.line or None)


def same(
    record: Record,
    told: Sequence[Mistake],
    case: Case,
    arrays: parts.Arrays,
    seen: Observation,
    judged: Mapping[str, Comparison],
) -> bool:
    """Whether a smaller case fails in the same way: quantity, verdict, and what it is called."""
    comparison = judged[record.quantity]
    if comparison.verdict != record.verdict or comparison.explained_by:
        return False
    if record.verdict == "crashed":
        return bool((comparison.line or None) == (record.line or None))
    if record.verdict != "mismatch":
        return True
    if (comparison.gap is None) != (record.gap is None):
        return False
    if case.probe in ("init", "masks", "labels", "split", "momentum", "loader"):
        return _kind(comparison.problem) == _kind(record.message)
    calls = list(evidence(case, arrays, seen, judged))
    if told:
        return all(_fits(mistake, calls, record.quantity) for mistake in told)
    related = relation([call for call in calls if call.quantity == record.quantity], RELATIONS)
    return record.diagnosis not in SHOWN_BY_SMALL_NUMBERS or related == record.diagnosis


SHOWN_BY_SMALL_NUMBERS = ("right up to the sign", "right to float32 digits only")
"""Relations that small readable numbers show as well as those of the case do."""


def _fits(mistake: Mistake, calls: Sequence[Call], quantity: str) -> bool:
    """Whether a formula gives what was returned: of this quantity, or of all that its part was asked."""
    own = [call for call in calls if call.quantity == quantity]
    if not own or own[0].operation != mistake.operation:
        return False
    return fits(mistake, own) or fits(mistake, [call for call in calls if call.operation == mistake.operation])


KINDS = (
    "has shape", "has dtype", "has mean", "standard deviation", "is not normal", "never exceeds", "repeats",
    "in common with W", "are the same", "not finite", "have the same mask", "agree in", "every call keeps",
)  # fmt: skip
"""What tells the failures of a random draw apart, in their sentences."""


def _kind(sentence: str) -> str:
    return next((word for word in KINDS if word in sentence), "")


def _said(case: Case, quantity: Quantity, comparison: Comparison) -> str:
    """What a script says is wrong where that has no name."""
    if comparison.arrays is not None:
        return "it is not what torch says"
    sentence = sentence_of(case, quantity, replace(comparison, file=""))
    return "it is not what is asked for" if comparison.sentence else sentence.removeprefix(f"{case.title}: ")
