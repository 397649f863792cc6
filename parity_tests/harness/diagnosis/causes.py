"""Gives what only follows from a mistake the name of its cause."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.diagnosis import Hidden
from reports.model.verdicts import PASSING, Verdict

Comparisons = dict[str, Comparison]
Verdicts = dict[str, Comparisons]


def fails(comparison: Comparison) -> bool:
    """Whether a comparison fails of a cause of its own that a name can be given to."""
    return comparison.verdict not in (*PASSING, Verdict.UNJUDGED, Verdict.HARNESS_ERROR) and not comparison.explained_by


def names_of(comparisons: Mapping[str, Comparison]) -> set[str]:
    """The names that some comparisons have."""
    return {comparison.diagnosis for comparison in comparisons.values()} - {""}


def of_one_crash(comparisons: Mapping[str, Comparison]) -> Comparisons:
    """The comparisons of one case, those of one crash, which has one file and line, with its name."""
    crashed = {name: c for name, c in comparisons.items() if c.verdict == Verdict.CRASHED and fails(c)}
    crashes = {
        (c.file, c.line): c.diagnosis for c in comparisons.values() if c.verdict == Verdict.CRASHED and c.diagnosis
    }
    told = {name: crashes.get((c.file, c.line), "") for name, c in crashed.items() if not c.diagnosis}
    return {**comparisons, **{name: replace(crashed[name], diagnosis=words) for name, words in told.items()}}


def with_causes(comparisons: Mapping[str, Comparison], hidden: Hidden, claimed: Collection[str]) -> Comparisons:
    """The comparisons, those that are called what follows from a claimed mistake with that one's name."""
    return {name: replace(c, diagnosis=_cause(c, hidden, claimed)) for name, c in comparisons.items()}


def _cause(comparison: Comparison, hidden: Hidden, claimed: Collection[str]) -> str:
    """The first claimed mistake from which follows what a comparison is called; that itself where there is none."""
    causes = (cause for cause, following in hidden.items() if cause in claimed and comparison.diagnosis in following)
    return next(causes, comparison.diagnosis)
