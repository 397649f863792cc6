"""The verdicts: one table says what each is called, whether it fails, how it is shown and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What is found of a quantity, from the best to the worst."""

    MATCH = "match"
    UNDECIDED = "undecided"
    MISMATCH = "mismatch"
    UNJUDGED = "unjudged"
    UNASKED = "unasked"
    MISSING = "missing"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    HARNESS_ERROR = "harness_error"


MATCH, UNDECIDED, MISMATCH, MISSING = Verdict.MATCH, Verdict.UNDECIDED, Verdict.MISMATCH, Verdict.MISSING
"""For loops over all records: to look a member up in its class takes five times as long as to compare it."""
NOT_JUDGED = "not judged"
"""What is said in place of a verdict where other parts left nothing to judge."""
NOTE = "note"
"""What is said in place of a verdict of something that is worth knowing and not wrong."""


@dataclass(frozen=True)
class Row:
    """What holds of a verdict, or of what stands in place of one.

    `word` is what people are told, where that is not the verdict. `sign` stands beside the word, so that nobody has to
    tell colours apart, and `emoji` in Markdown; `style` is that of a terminal. `gloss` says what the word means. `one`
    and `several` are said of a part with it, and of parts. `told` is the predicate that a student hears of a quantity,
    where no more is told.
    """

    fails: bool
    gloss: str
    sign: str = "✗"
    emoji: str = "❌"
    style: str = "bad"
    one: str = "fails"
    several: str = "fail"
    told: str = ""
    word: str = ""


TABLE: Mapping[str, Row] = {
    Verdict.MATCH: Row(False, "every element of the quantity has a ratio of at most 1", "✓", "✅", "good"),
    Verdict.MISMATCH: Row(
        True,
        "another value, shape or type than asked for",
        one="does not agree",
        several="do not agree",
        told="did not come out as expected",
    ),
    Verdict.MISSING: Row(
        True,
        "there is no such function, it does nothing, or it says that it is not implemented",
        one="is not implemented",
        several="are not implemented",
        told="is not implemented: there is no such function, or it does nothing",
        word="not implemented",
    ),
    Verdict.CRASHED: Row(
        True,
        "an error was raised instead of an answer",
        one="crashes",
        several="crash",
        told="was not computed",
    ),
    Verdict.TIMEOUT: Row(
        True,
        "no answer came in time",
        one="takes too long",
        several="take too long",
        told="did not come in time",
    ),
    Verdict.MEMORY: Row(
        True,
        "more memory was asked for than a submission may have",
        one="needs too much memory",
        several="need too much memory",
        told="needs more memory than it may have",
    ),
    Verdict.UNJUDGED: Row(
        True,
        "we cannot tell what the right value would be; it fails",
        one="cannot be judged",
        several="cannot be judged",
        told="cannot be judged: we cannot tell what the right value would be",
    ),
    Verdict.UNASKED: Row(
        True,
        "the time for the submission in all was used up before: nothing is known of it, and it fails",
        "–",
        "⚪",
        "dim",
        one="could not be checked",
        several="could not be checked",
        told="could not be checked: the time for the submission in all was used up before",
        word="not asked",
    ),
    NOT_JUDGED: Row(
        True,
        "it fails only because something else does, which leaves nothing to judge; no mistake of its own",
        "–",
        "⚪",
        "dim",
    ),
    Verdict.UNDECIDED: Row(
        False,
        "too close to a nondifferentiable point, or too far into a chaotic run, for rounding to tell right from wrong; "
        "it costs nothing, unless it is more than a tenth of a part's elements, which fails as unjudged",
        "?",
        "⚠️",
        "warn",
        told="is undecided: rounding explains too much there",
    ),
    Verdict.HARNESS_ERROR: Row(
        True,
        "Parity's own fault, for which nobody loses points",
        "!",
        one="could not be asked",
        several="could not be asked",
        told="could not be judged, which is Parity's own fault",
    ),
    NOTE: Row(False, "worth knowing, but not wrong; it costs nothing unless --strict", "!", "⚠️", "warn"),
}
"""Every verdict, and what stands in place of one, in the order in which they are explained."""

VERDICTS = tuple(map(str, Verdict))
"""Every verdict there is, from the best to the worst."""
FAILING = frozenset(verdict for verdict in VERDICTS if TABLE[verdict].fails)
"""Verdicts that fail a run."""
PASSING = tuple(verdict for verdict in VERDICTS if verdict not in FAILING)
"""Verdicts that fail nobody; `undecided` warns."""
NOTHING_SHOWN = frozenset({Verdict.UNASKED, Verdict.HARNESS_ERROR})
"""Verdicts that fail, and show nothing of the submission."""
UNSEEN = FAILING - {Verdict.MISMATCH, Verdict.HARNESS_ERROR}
"""Verdicts on what failed without anything that was compared, through no fault of Parity's."""


def row_of(verdict: str) -> Row:
    """What holds of a verdict, or of what stands in place of one; of a word of another version, that it fails."""
    return TABLE.get(verdict, Row(True, ""))


def word_of(verdict: str) -> str:
    """What people are told in place of a verdict's name."""
    return row_of(verdict).word or verdict
