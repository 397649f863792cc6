"""The cards of a page: each says one thing that does not match, with what was asked and the numbers beneath."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reports.html.heat import Heat, heat_of
from reports.html.template import SIGNS, WRONG
from reports.model.folding import Entry, Kind, entries, label_of, where_seen
from reports.model.numbers import number
from reports.model.phrases import shortened
from reports.model.records import Record
from reports.model.run import Results, hints_of, inputs_of, joint_checks, parts_of
from reports.model.words import inputs_text, mistakes

LONGEST = 1500
"""The most characters of a sentence on a page."""

_HEADINGS = {Kind.AGAIN: "the same again, where parts meet", Kind.UNJUDGED: "not judged"}


@dataclass(frozen=True)
class Card:
    """One thing that does not match: `name` is its place on the page, `part` the label of its parts.

    `folded` says whether what was asked and the numbers are folded away at first.
    """

    name: str
    part: str
    title: str
    verdict: str
    sign: str
    heading: str
    sentence: str
    cases: str
    asked: str = ""
    diagnosis: str = ""
    hint: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    heat: Heat | None = None
    script: str = ""
    command: str = ""
    folded: bool = False


class CardMaker:
    """Makes the cards of one page, and numbers them through.

    `scripts` has a reproduction for "<case>/<quantity>"; `folder` is that of the run, for the commands on the cards.
    """

    def __init__(self, run: Results, scripts: Mapping[str, str], folder: str) -> None:
        self._run, self._scripts, self._folder = run, scripts, folder
        self._parts, self._hints = parts_of(run), hints_of(run)
        self._count = 0
        self._with_a_card: set[str] = set()

    def cards(self, records: Sequence[Record]) -> list[Card]:
        """A card for each thing that these records say: causes first, and a part's own cases before joint ones."""
        joint = joint_checks(self._run)

        def order(entry: Entry) -> tuple[bool, bool]:
            return entry.kind is not Kind.CAUSE, all(record.check in joint for record in entry.records)

        return [self._card(entry) for entry in sorted(entries(records, self._run), key=order)]

    def _card(self, entry: Entry) -> Card:
        self._count += 1
        ids = self._parts.within(entry.records)
        first = entry.records[0]
        verdict = first.verdict if first.quantity else "note"
        title = self._parts.title(ids[0]) if len(ids) == 1 else ""
        common = (f"discrepancy-{self._count}", label_of(entry, self._run), title, verdict, SIGNS.get(verdict, WRONG))
        if entry.kind is Kind.CAUSE:
            return self._cause(entry, common)
        return Card(*common, _HEADINGS[entry.kind], entry.sentence, where_seen(entry, self._run))

    def _cause(self, entry: Entry, common: tuple[str, str, str, str, str]) -> Card:
        first, label = entry.records[0], common[1]
        title, inputs = inputs_of(self._run, first.case)
        title = title or ("import" if first.check == "import" else "")
        folded = label in self._with_a_card
        self._with_a_card.add(label)
        key = f"{first.case}/{first.quantity}"
        return Card(
            *common,
            heading=f"{title}: {first.quantity}" if title and first.quantity else title or first.quantity or first.case,
            sentence=shortened((first.message or entry.sentence).removeprefix(f"{title}: "), LONGEST),
            cases=where_seen(entry, self._run),
            asked=shortened(inputs_text(inputs), LONGEST) if inputs else "",
            diagnosis=mistakes(first),
            hint=self._hints.get(first.diagnosis, ""),
            facts=_facts(first),
            heat=heat_of(self._run, first),
            script=self._scripts.get(key, self._scripts.get(first.case, "")),
            command=f"parity show {shlex.quote(self._folder)} {shlex.quote(first.case)}",
            folded=folded,
        )


def _facts(record: Record) -> list[tuple[str, str]]:
    facts = []
    if record.ratio is not None and record.gap is not None and record.verdict != "match":
        endless = "where rounding explains none at all"
        times = f"{number(record.ratio)} times the radius of {number(record.radius)}"
        facts.append(("Gap", f"{number(record.gap)}, {endless if math.isinf(record.ratio) else times}"))
    if record.file:
        facts.append(("Where", f"{record.file}, line {record.line}" if record.line else record.file))
    if record.step is not None:
        facts.append(("Step", str(record.step)))
    if record.bad and record.total and record.total > 1:
        facts.append(("Beyond their radius", f"{record.bad} of {record.total} elements"))
    if record.ulps is not None and record.verdict == "mismatch":
        facts.append(("Units in the last place", number(record.ulps)))
    if record.blame:
        facts.append(("Whose side is off", f"{record.blame} (held against higher precision)"))
    return facts
