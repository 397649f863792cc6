"""What every report says in the same words: what ran, the verdict on all of it, and each record as a sentence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from reports.model.escape import printable
from reports.model.numbers import number
from reports.model.phrases import ended, listed, quantities, quantity_name, shortened
from reports.model.records import Record, failing
from reports.model.run import Results, parts_of, title_of
from reports.model.summary import (
    import_fails,
    largest_ratio,
    left_by_import,
    not_judged,
    nothing_judged,
    nothing_to_run,
    unwritten,
)
from reports.model.verdicts import TABLE, Verdict, word_of

GLOSSARY = {
    "quantity": "something that is compared: an array or a number that the submission computes, such as an output",
    "case": "one question that is put to the submission, with its own inputs; it may have several quantities",
    "error bound": "how far rounding may take two correct computations of an element apart; derived, not chosen",
    "ratio": "the difference from torch's value divided by the error bound: up to 1 is rounding, a mistake is usually "
    "thousands or more",
    **{verdict: row.gloss for verdict, row in TABLE.items()},
}
"""What each word means that reports use."""


def glossary(verdicts: Collection[str]) -> list[tuple[str, str]]:
    """What the words mean of a report that shows these verdicts."""
    told = [(word, meaning) for word, meaning in GLOSSARY.items() if word not in TABLE or word in verdicts]
    return [(word_of(word), meaning) for word, meaning in told]


_OWN_PROCESS = ("none", "in_process", "")
"""Sandbox levels that are none; the page of what this ran on has them."""
LIKELY = "Likely cause"
"""Of a pair of functions, which has no known mistakes."""
_LONGEST_VALUE = 200
_MOST_NOT_ASKED = 12
"""Parts that are named where a check was of some alone; more are counted."""
_OF_SETTINGS = ("inputs", "shapes", "setting", "settings", "config")
"""What holds the sizes and settings of a question; of several calls those of the first are told."""
_SHAPES = ("shape", "image")
_LONGEST_SYMBOL = 5
"""Letters of a number's name in a formula; what is longer is how the question is put."""
_GREEK = {"alpha": "α", "lam": "λ", "eta": "η"}


def headline(run: Results) -> str:
    """What ran, against what, on what and how: a line without its full stop."""

    def distinct(column: str) -> str:
        words = dict.fromkeys(map(attrgetter(column), run.records))
        return listed(word for word in words if word)

    edition, seed = distinct("edition"), run.environment.seed
    facts = [f"edition {edition}"] if edition else []
    facts.append(f"compared with torch on {distinct('device')} in {distinct('dtype')}")
    facts += [f"isolation {level}" for level in (distinct("isolation"),) if level not in _OWN_PROCESS]
    facts += [f"seed {seed}"] if seed else []
    return printable(f"{distinct('submission')}: {', '.join(facts)}")


def verdict_sentence(run: Results, strict: bool = False, where: str = ": see the warning above") -> str:
    """The verdict on the whole run, in a sentence or two; `where` says where more is told of what is undecided."""
    said = verdict_of(run, strict)
    warning = f"{said.undecided} undecided{where}." if said.undecided else ""
    return " ".join(filter(None, (said.verdict, said.more, warning)))


class RunVerdict(NamedTuple):
    """The verdict on a whole run: a sentence, what is said behind it, and how many quantities are undecided."""

    verdict: str
    more: str
    undecided: int


def verdict_of(run: Results, strict: bool = False) -> RunVerdict:
    """The verdict on the whole run."""
    records = run.records
    if not records:
        return RunVerdict("Nothing was compared.", "", 0)
    undecided = [record.verdict for record in records].count(Verdict.UNDECIDED)
    bad = [record for record in records if failing(record, strict)]
    verdict, more = _disagreement(run, bad) if bad else (_agreement(run, undecided), "")
    return RunVerdict(verdict, " ".join(filter(None, (more, _not_asked(run)))), undecided)


def _not_asked(run: Results) -> str:
    """Which parts were left out of a check of some parts alone, "" where it was of all."""
    asked, known = run.environment.asked, run.environment.parts or ()
    left = [] if asked is None else [row["id"] for row in known if row.get("id") not in (None, *asked)]
    if len(left) > _MOST_NOT_ASKED:
        return f"Not asked: {len(left)} other parts."
    return f"Not asked: {parts_of(run).listed(left)}." if left else ""


def _disagreement(run: Results, bad: Sequence[Record]) -> tuple[str, str]:
    """What was not asked, is off, is missing, or could not be judged because of that: never the same record twice."""
    if why := nothing_to_run(run.records):
        return f"Nothing to run: {ended(printable(why))}", ""
    parts, total = parts_of(run), len(run.records)
    broken = import_fails(bad)
    if broken and not left_by_import(bad):
        unseen = [record for record in bad if record.check != "import"]
        some = not nothing_judged(run.records)
        left = f"{quantities(len(unseen))} could not be judged because of that." if some else "Nothing could be judged."
        left = left if unseen else "Only this counts as wrong."
        return f"Does not import: {import_sentence(run)}", left
    unasked, waiting, absent, late, off = [], [], [], [], []
    is_unwritten = unwritten(run.records)
    for record in bad:
        if record.verdict == Verdict.UNASKED:
            unasked.append(record)
        elif not_judged(record) or (broken and record.verdict != Verdict.MISMATCH):
            waiting.append(record)
        elif is_unwritten(record):
            absent.append(record)
        elif record.verdict == Verdict.TIMEOUT:
            late.append(record)
        else:
            off.append(record)
    clauses = []
    if unasked:
        clauses.append(f"{len(unasked)} of {total} quantities could not be checked ({told_of_case(unasked[0], run)})")
    if broken:
        waiting = [record for record in waiting if record.check != "import"]
        clauses.append(f"the files cannot be imported ({import_sentence(run).rstrip('.')})")
    if off:
        clauses.append(
            f"{len(off)} of {total} quantities do not agree with torch, in {parts.listed(parts.within(off))}"
        )
    if late:
        clauses.append(f"{quantities(len(late))} did not come in time, in {parts.listed(parts.within(late))}")
    if absent:
        ids = parts.within(absent)
        be = "is" if len(ids) == 1 else "are"
        which = "" if len(ids) == len(parts.alike(ids, run.records)) else f" ({parts.listed(ids)})"
        clauses.append(f"{parts.counted(ids, run.records)} {be} not implemented{which}")
    if waiting and not (absent and len(clauses) == 1 and len(ids) == len(parts.alike(ids, run.records))):
        clauses.append(f"{quantities(len(waiting))} could not be judged because of that")
    faults = sum(record.verdict == Verdict.HARNESS_ERROR for record in bad)
    more = f"Of these {faults} are Parity's own fault." if faults else ""
    head = "Not finished" if len(unasked) == len(bad) else "Disagreement"
    return f"{head}: {'; '.join(clauses)}.", more


def import_sentence(run: Results) -> str:
    """Why the files of a submission cannot be imported, "" where they can."""
    failures = (record for record in run.records if record.check == "import" and failing(record))
    return next((ended(printable(record.message)) for record in failures), "")


def _agreement(run: Results, undecided: int) -> str:
    records, asked = run.records, run.environment.asked
    who = f"{parts_of(run).listed(asked)} agree{'s' if len(asked) == 1 else ''}; " if asked else ""
    text = f"Agreement: {who}{len(records) - undecided} of {len(records)} quantities agree with torch"
    ratio = largest_ratio(records)
    return text + (f"; the largest difference is {number(ratio)} of the error bound." if ratio else ".")


def sentence(record: Record) -> str:
    """What a record says: its message, which tells the place where there is one, and the mistake that it looks like."""
    return f"{ended(printable(record.message))} {likely(record)}".rstrip()


def likely(record: Record) -> str:
    """The mistake that a record looks like, as a sentence; "" for none, and where its message says it."""
    said = mistakes(record) in record.message
    return "" if said else f"{LIKELY}: {printable(mistakes(record))}."


def told_of_case(record: Record, run: Results) -> str:
    """What a record says beyond the title of its case."""
    return record.message.removeprefix(f"{title_of(run, record.case)}: ").rstrip(".")


def radius_text(record: Record) -> str:
    """The radius in a few digits, and that it is probable where honest rounding may exceed it, if hardly ever."""
    return number(record.radius) + (", probable" if record.certainty == "probable" else "")


def mistakes(record: Record) -> str:
    """The names of the mistakes that a record looks like: "a" or "a, or b"; "" for none."""
    return ", or ".join(name for name in record.diagnosis.split("; ") if name)


def mistake_or_verdict(quantity: str, verdict: str, diagnosis: str) -> str:
    """The name of a mistake or, where it has none, what is seen of it in a few words."""
    if diagnosis or verdict != Verdict.MISMATCH:
        return diagnosis or word_of(verdict)
    head = quantity.partition(" of ")[0]
    several = head.endswith("s") and not head.endswith(("ss", "as"))  # "weights", but not "loss" or "bias"
    return f"{quantity_name(quantity)} {'are' if several else 'is'} wrong"


def inputs_text(inputs: Mapping[str, Any]) -> str:
    """The sizes and settings of a question, in a line: "N = 6, X of 3×2, α = 0.5"; "" where it has none to tell.

    How else it is put is in the run's inputs: whoever mends a mistake needs what shapes there are, and which numbers.
    """
    told: dict[str, str] = {}
    for key, value in inputs.items():
        first = value[0] if isinstance(value, list) and value and isinstance(value[0], Mapping) else value
        if isinstance(first, Mapping) and key in _OF_SETTINGS:
            told |= {name: _setting(name, inner) for name, inner in first.items()}
        elif len(key) == 1 or key in _SHAPES or (isinstance(value, float) and len(key) <= _LONGEST_SYMBOL):
            told[key] = _setting(key, value)
    return printable(shortened(", ".join(filter(None, told.values())), _LONGEST_VALUE))


def _setting(name: str, value: Any) -> str:
    """A size, a shape or a setting; "" for what is none."""
    if isinstance(value, list) and value and all(type(size) is int for size in value):
        shape = "×".join(map(str, value))
        return shape if name in _SHAPES else f"{name} of {shape}"
    if isinstance(value, bool) or not isinstance(value, int | float | str) or name == "memory":
        return ""
    return f"{_GREEK.get(name, name)} = {value:g}" if isinstance(value, float) else f"{name} = {value}"


def cases_text(cases: Sequence[str]) -> str:
    """Names of cases in a line: the first, how many more there are, and a few of those."""
    first, *others = map(printable, dict.fromkeys(cases))
    if not others:
        return first
    left = len(others) - 3
    rest = f", and {left} other{'s' if left > 1 else ''}" if left > 0 else ""
    return f"{first}, and {len(others)} more case{'s' if len(others) > 1 else ''}: {', '.join(others[:3])}{rest}"
