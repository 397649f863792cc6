"""Whether a smaller run of main fails in the same way: its quantity, its verdict, and what it is called."""

from __future__ import annotations

import re
from collections.abc import Mapping

from parity_tests.assignments.mlp.mistakes import MISTAKES
from parity_tests.assignments.mlp.mistakes.main import HIDDEN
from parity_tests.protocol.comparison import Comparison
from reports.model.records import Record
from reports.model.verdicts import Verdict

Judged = Mapping[str, Comparison]


def fails_alike(record: Record, judged: Judged) -> bool:
    """Whether the verdicts on a smaller run show the failure of a record."""
    comparison = judged.get(record.quantity)
    if comparison is None or comparison.verdict != record.verdict:
        return False
    if record.verdict in (Verdict.CRASHED, Verdict.MISSING, Verdict.TIMEOUT):
        return record.verdict == Verdict.TIMEOUT or comparison.line == (record.line or None)
    names = set(record.diagnosis.split("; ")) if record.diagnosis else set()
    known = names & {m.name for m in MISTAKES if m.sentence and m.part == "10"}
    alike = _skeleton(comparison.problem) == _skeleton(record.message)
    if not known:
        return alike
    # A row that only follows from another mistake of the run has that one's name.
    wrong = [one for one in judged.values() if one.verdict == Verdict.MISMATCH]
    of_this, of_all = _names(comparison.problem), {name for one in wrong for name in _names(one.problem)}
    hidden = {name for cause in known for name in HIDDEN.get(cause, ())}
    follows = alike or bool(of_this & hidden)
    return known <= of_this or (follows and (known <= of_all or of_this <= hidden))


def causes(record: Record, judged: Judged) -> list[str]:
    """Of a row that only follows from another mistake of the run: the quantities that this one shows itself in."""
    known = set(record.diagnosis.split("; ")) & set(HIDDEN)
    return [
        quantity
        for quantity, one in judged.items()
        if one.verdict == Verdict.MISMATCH and quantity != record.quantity and known & _names(one.problem)
    ]


def _names(sentence: str) -> set[str]:
    return {m.name for m in MISTAKES if m.sentence and m.part == "10" and re.search(m.sentence, sentence)}


def _skeleton(sentence: str) -> str:
    """The beginning of a sentence without its numbers, and whichever parameter it names."""
    without = re.sub(r"L\d_[Wb]|[\d.,+\-e\[\]()]*\d[\d.,+\-e\[\]()]*", "#", _beginning(sentence))
    return re.sub(r"#(\s*#)+", "#", without)


def _beginning(sentence: str) -> str:
    """What a sentence says first, without the run that it is about."""
    return sentence.partition("): ")[2].partition("; ")[0]


def words(quantity: str, comparison: Comparison) -> str:
    """What is wrong with a quantity, in few words."""
    if comparison.verdict == Verdict.CRASHED:
        return "main crashes"
    problem = _beginning(comparison.problem)
    numbers = comparison.got is not None and quantity.split()[-1] in ("weights", "losses", "accuracy")
    return "it is not what torch says" if numbers or len(problem) > 100 else problem
