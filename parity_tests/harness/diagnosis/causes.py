"""Gives what only follows from a mistake the name of its cause."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.diagnosis import Diagnosis, Hidden
from reports.model.verdicts import PASSING, Verdict

Verdicts = dict[str, dict[str, Comparison]]


def fails(comparison: Comparison) -> bool:
    """Whether a comparison fails of a cause of its own that a name can be given to."""
    return comparison.verdict not in (*PASSING, Verdict.UNJUDGED, Verdict.HARNESS_ERROR) and not comparison.explained_by


def with_causes_in_case(comparisons: Mapping[str, Comparison], hidden: Hidden) -> dict[str, Comparison]:
    """The comparisons of one case: those of one crash with its name, those that follow from a mistake with that one's.

    A crash is the same where it has the same file and line.
    """
    crashes = {
        (c.file, c.line): c.diagnosis for c in comparisons.values() if c.verdict == Verdict.CRASHED and c.diagnosis
    }
    claimed = {name for c in comparisons.values() for name in c.diagnosis.split("; ")}
    named = dict(comparisons)
    for quantity, comparison in comparisons.items():
        if not fails(comparison):
            continue
        if comparison.verdict == Verdict.CRASHED and not comparison.diagnosis:
            named[quantity] = replace(comparison, diagnosis=crashes.get((comparison.file, comparison.line), ""))
        if cause := _cause(comparison, hidden, claimed):
            named[quantity] = replace(comparison, diagnosis=cause)
    return named


def with_causes_in_checks(diagnosis: Diagnosis, plan: Sequence[Case], verdicts: Verdicts) -> Verdicts:
    """The verdicts, those that follow from a mistake in any case of their check with that one's name."""
    claimed = {c.diagnosis for comparisons in verdicts.values() for c in comparisons.values() if c.diagnosis}
    named = {case: dict(comparisons) for case, comparisons in verdicts.items()}
    for case in plan:
        hidden = diagnosis.hidden_in_check.get(case.check)
        for quantity, comparison in verdicts[case.name].items() if hidden else ():
            if hidden and (cause := _cause(comparison, hidden, claimed)):
                named[case.name][quantity] = replace(comparison, diagnosis=cause)
    return named


def _cause(comparison: Comparison, hidden: Hidden, claimed: Iterable[str]) -> str:
    """The first claimed mistake from which all others that are named here follow, "" for none."""
    names = set(comparison.diagnosis.split("; ")) - {""}
    for cause, following in hidden.items():
        others = names - {cause}
        if cause in claimed and others and others <= set(following):
            return cause
    return ""
