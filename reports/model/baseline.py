"""The baseline: the ratio of each quantity, kept in a file, and how far the ratios of later runs have moved from it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reports.model.environment import Environment
from reports.model.escape import printable
from reports.model.numbers import number
from reports.model.records import Record
from reports.model.verdicts import Verdict

FORMAT = "parity baseline"
VERSION = 2

#: A ratio that changes by more than a tenth of the error bound has moved. It decides no verdict.
MOVE = 0.1

#: What makes the questions of a run: the ratios of another exam are other numbers.
_EXAM = ("assignment", "edition", "exam", "seed")

#: What a change is put down to, of the versions that a run knows.
_VERSIONS = ("parity", "python", "numpy", "torch")
_PROCESSOR = "processor"
_UNKNOWN = "unknown"
_DIGITS = 2
_SHOWN = 5


class BaselineError(Exception):
    """A baseline that cannot be read; the message is a sentence without its full stop."""


@dataclass(frozen=True)
class Baseline:
    """What a file holds: the ratio of each (case, quantity), the exam that asked, and the versions it was made with."""

    ratios: Mapping[tuple[str, str], float]
    versions: Mapping[str, str]
    exam: Mapping[str, str]


@dataclass(frozen=True)
class Moved:
    """A quantity that is still a match, or not, but whose ratio has moved."""

    case: str
    quantity: str
    was: float
    now: float

    @property
    def by(self) -> float:
        """How far."""
        return abs(self.now - self.was)


@dataclass(frozen=True)
class Drift:
    """What is different from the baseline: `moved` with the farthest first; `versions` as (was, is)."""

    compared: int
    moved: list[Moved] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    versions: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything moved, came or went. Other versions alone are no drift."""
        return bool(self.moved or self.new or self.gone)


def baseline_text(records: Sequence[Record], environment: Environment) -> str:
    """The baseline that a run makes: JSON, sorted, one line for each quantity, ratios to two digits."""
    ratios: dict[str, dict[str, float]] = {}
    for (case, quantity), ratio in ratios_of(records).items():
        ratios.setdefault(printable(case), {})[printable(quantity)] = float(f"{ratio:.{_DIGITS}g}")
    document = {
        "format": FORMAT,
        "version": VERSION,
        "exam": exam_of(environment),
        "versions": versions_of(environment),
        "ratios": ratios,
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_baseline(text: str) -> Baseline:
    """The baseline in a file's text. Raises BaselineError that says what is wrong with it."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"it is no JSON ({error})") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BaselineError('it does not say "format": "parity baseline"')
    if document.get("version") != VERSION:
        raise BaselineError(f"it is of version {document.get('version')}, and this Parity reads {VERSION}")
    ratios, versions, exam = document.get("ratios"), document.get("versions"), document.get("exam")
    if not isinstance(ratios, dict) or not isinstance(versions, dict) or not isinstance(exam, dict):
        raise BaselineError('it lacks one of the tables "ratios", "versions" and "exam"')
    known: dict[tuple[str, str], float] = {}
    for case, quantities in ratios.items():
        for quantity, ratio in (quantities if isinstance(quantities, dict) else {"": None}).items():
            if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 <= ratio < math.inf:
                raise BaselineError(f"the ratio of {case}, {quantity} is no number from 0 up")
            known[case, quantity] = float(ratio)
    return Baseline(
        known,
        {str(name): str(version) for name, version in versions.items()},
        {str(name): str(value) for name, value in exam.items()},
    )


def other_exam(was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What two exams differ in, as a piece of a sentence; "" where they ask the same."""
    for word in _EXAM:
        if was.get(word, "") != now.get(word, ""):
            return f"it was made with {word} {was.get(word, '')!r}, and this run has {now.get(word, '')!r}"
    return ""


def drift_from(baseline: Baseline, records: Sequence[Record], environment: Environment, *, whole: bool = True) -> Drift:
    """What has moved. `whole` says that the run asked for everything, so that what it lacks is gone.

    Raises BaselineError where the baseline is of another exam: its numbers answer other questions.
    """
    other = other_exam(baseline.exam, exam_of(environment))
    if other:
        raise BaselineError(other)
    ratios = {(printable(case), printable(quantity)): ratio for (case, quantity), ratio in ratios_of(records).items()}
    asked = {(printable(record.case), printable(record.quantity)) for record in records}
    both = ratios.keys() & baseline.ratios.keys()
    moved = [Moved(*key, was=baseline.ratios[key], now=ratios[key]) for key in both]
    versions = versions_of(environment)
    return Drift(
        compared=len(both),
        moved=sorted((m for m in moved if m.by > MOVE), key=lambda m: (-m.by, m.case, m.quantity)),
        new=sorted(", ".join(key) for key in ratios.keys() - baseline.ratios.keys()),
        gone=sorted(", ".join(key) for key in baseline.ratios.keys() - asked) if whole else [],
        versions={
            name: (baseline.versions.get(name, _UNKNOWN), versions.get(name, _UNKNOWN))
            for name in sorted(baseline.versions.keys() | versions.keys())
            if baseline.versions.get(name) != versions.get(name)
        },
    )


def drifted(document: Mapping[str, Any] | None) -> str:
    """What has moved, come and gone by a document of `drift_document`, in a sentence; "" where nothing has."""
    known = document or {}
    moved, new, gone = (
        len(rows) if isinstance(rows := known.get(key), list) else 0 for key in ("moved", "new", "gone")
    )
    have = "1 ratio has" if moved == 1 else f"{moved} ratios have"
    told = [
        *([f"{have} moved by more than {MOVE} against {known.get('baseline', '')}"] if moved else []),
        *([f"{new} {'is' if new == 1 else 'are'} not in {known.get('baseline', '')}"] if new else []),
        *([f"{gone} {'is' if gone == 1 else 'are'} gone since"] if gone else []),
    ]
    return f"Drift: {'; '.join(told)}." if told else ""


def drift_level(document: Mapping[str, Any] | None) -> str:
    """What a drift is for a CI: an "error" where the run was to fail on it."""
    return "error" if (document or {}).get("fails") is True else "warning"


def drift_lines(drift: Drift, name: str) -> list[str]:
    """What has moved, as lines of text: how many, the farthest five, what came and went, since which versions."""
    if not drift:
        return [f"No drift: all {drift.compared} ratios are within {MOVE} of those in {printable(name)}."]
    counts = f"{len(drift.moved)} of {drift.compared} ratios have moved by more than {MOVE}"
    agreeing = [m for m in drift.moved if m.now <= 1]
    wrong = len(drift.moved) - len(agreeing)
    told = f"; of these {wrong} {'is a discrepancy' if wrong == 1 else 'are discrepancies'}" if wrong else ""
    most = f"; {'of the others ' if wrong else ''}those that moved most:" if agreeing else "."
    lines = [f"Drift: {counts} against {printable(name)}{told}{most}"]
    lines += [
        f"  {number(m.was):>8} → {number(m.now):<8} {printable(m.case)}, {printable(m.quantity)}"
        for m in agreeing[:_SHOWN]
    ]
    for word, names in (("not in the baseline", drift.new), ("gone since", drift.gone)):
        if names:
            more = f", and {len(names) - 3} more" if len(names) > 3 else ""
            lines.append(f"  {len(names)} {word}: {'; '.join(map(printable, names[:3]))}{more}")
    lines += [f"  {text}" for text in since(drift.versions)]
    return [*lines, "If that was meant, the same command with --update-baseline makes the baseline anew."]


def since(versions: Mapping[str, tuple[str, str]]) -> list[str]:
    """Which versions are others than the baseline's, and whether the processor is: sentences."""
    changed = {name: (printable(was), printable(now)) for name, (was, now) in versions.items()}
    was, now = changed.pop(_PROCESSOR, ("", ""))
    others = ", ".join(f"{name} {before} → {after}" for name, (before, after) in changed.items())
    sentences = [f"Since then: {others or 'the same versions of ' + ', '.join(_VERSIONS)}."]
    if was == _UNKNOWN:
        sentences.append("On which processor the baseline was made it does not say; another one alone can move ratios.")
    elif now:
        sentences.append(
            f"But the baseline was made on another processor ({was}, and this is {now}), which alone can move ratios: "
            "make it on the machine that holds it, with --update-baseline."
        )
    return sentences


def drift_document(drift: Drift, name: str, *, fails: bool = False) -> dict[str, Any]:
    """The same for `--json`, and whether the run fails by it."""
    return {
        "baseline": name,
        "fails": fails,
        "moved": [{"case": m.case, "quantity": m.quantity, "was": m.was, "is": m.now} for m in drift.moved],
        "new": drift.new,
        "gone": drift.gone,
        "versions": {key: list(pair) for key, pair in drift.versions.items()},
    }


def ratios_of(records: Sequence[Record]) -> dict[tuple[str, str], float]:
    """The ratio of every quantity that has one."""
    ratios: dict[tuple[str, str], float] = {}
    for record in records:
        if record.ratio is not None and record.ratio == record.ratio and record.verdict != Verdict.UNDECIDED:
            key = (record.case, record.quantity)
            ratios[key] = max(record.ratio, ratios.get(key, 0.0))
    return ratios


def exam_of(environment: Environment) -> dict[str, str]:
    """What makes the questions of a run, by name: the assignment, the edition, the exam and the seed."""
    said = {word: getattr(environment, word) for word in _EXAM}
    return {word: str(value) for word, value in said.items() if value is not None}


def versions_of(environment: Environment) -> dict[str, str]:
    """The versions that a change may be put down to, and the processor, as far as the run knows them."""
    versions = environment.versions or {}
    found = {name: versions[name] for name in _VERSIONS if name in versions}
    return found | ({_PROCESSOR: environment.processor} if environment.processor else {})
