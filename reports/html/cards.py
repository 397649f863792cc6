"""The cards of a page: each says one mistake, with what was asked, the code, the numbers and every case beneath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reports.html.heat import Heat, Whole, heat_of, whole_of
from reports.model.elements import told_apart
from reports.model.fixes import from_rows
from reports.model.folding import Entry, Kind, entries, label_of, what_follows
from reports.model.numbers import number
from reports.model.numbers import times as times_text
from reports.model.phrases import ended, quantities, shortened
from reports.model.records import Record
from reports.model.relation import relation_of
from reports.model.run import Results, inputs_of, parts_of, title_of
from reports.model.summary import import_fails
from reports.model.verdicts import NOT_JUDGED, NOTE, UNSEEN, Verdict, row_of
from reports.model.words import inputs_text, mistakes, radius_text


@dataclass(frozen=True)
class CodeLine:
    """A line of code: its number, None where lines are left out, its text, and whether it is the place."""

    number: int | None
    text: str
    here: bool


_AROUND, _MOST_LINES = 5, 28
"""Lines of a long function that stand open before and after the place; the most of one that is shown whole."""


@dataclass(frozen=True)
class Code:
    """Lines of one file of the submission."""

    file: str
    lines: list[CodeLine]

    @property
    def open(self) -> list[CodeLine]:
        """Those to begin with: all of a few, else those around the places; where none is known, no long docstring."""
        if len(self.lines) <= _MOST_LINES:
            return self.lines if any(line.here for line in self.lines) else _without_docstring(self.lines)
        here = [at for at, line in enumerate(self.lines) if line.here]
        near = {n for at in here for n in range(at - _AROUND, at + _AROUND + 1)}
        shown: list[CodeLine] = []
        for at, line in enumerate(self.lines):
            if at in near:
                shown.append(line)
            elif near and (not shown or shown[-1].number is not None):
                shown.append(CodeLine(None, "", here=False))
        return shown


def code_of(run: Results, records: Sequence[Record]) -> list[Code]:
    """The lines that the run kept of the parts of these records, by file; the places that they name are marked.

    So is what a fix that was found changes.
    """
    kept: dict[str, dict[int, str]] = {}
    for part in dict.fromkeys(record.part for record in records):
        for file, lines in (run.environment.excerpts or {}).get(part, {}).items():
            kept.setdefault(file, {}).update(lines)
    places = {(record.file, record.line) for record in records}
    parts = {record.part for record in records}
    places |= {(fix.file, fix.line) for fix in from_rows(run.environment.fixes) if fix.part in parts}
    return [Code(file, _lines(file, numbered, places)) for file, numbered in kept.items() if numbered]


def _lines(file: str, numbered: dict[int, str], places: set[tuple[str, int | None]]) -> list[CodeLine]:
    """The lines in order, a mark where some are left out; empty ones only between others."""
    lines: list[CodeLine] = []
    written = sorted(at for at, text in numbered.items() if text.strip())
    for before, at in zip([None, *written], written, strict=False):
        between = range((before or at) + 1, at)
        if all(empty in numbered for empty in between):
            lines += [CodeLine(empty, "", here=False) for empty in between]
        else:
            lines.append(CodeLine(None, "", here=False))
        lines.append(CodeLine(at, numbered[at], here=(file, at) in places))
    return lines


def _without_docstring(lines: Sequence[CodeLine]) -> list[CodeLine]:
    """The lines but for the first docstring of several."""
    edges = [at for at, line in enumerate(lines) if line.text.count('"""') == 1][:2]
    return [*lines[: edges[0]], CodeLine(None, "", here=False), *lines[edges[1] + 1 :]] if edges[1:] else [*lines]


LONGEST = 1500
"""The most characters of a sentence on a page."""
_MOST_CASES = 200

_HEADINGS = {Kind.AGAIN: "the same again, where parts meet", Kind.UNJUDGED: "kept from being judged"}


@dataclass(frozen=True)
class Numbers:
    """The worst element: where it is, and both numbers, each as what they have in common and what tells them apart."""

    where: str
    expected: tuple[str, str]
    actual: tuple[str, str]
    difference: str
    bound: str


@dataclass(frozen=True)
class Card:
    """One mistake: `name` is its place on the page, `part` the label of its parts, `heading` what it is about.

    `relation` says in plain words how the numbers are off, `sentence` what was seen first, `shows` how often. `cases`
    are where it was seen, as (case, quantity, what was seen), of `count` in all. `folded` says whether the details are
    folded away at first; `parts` are the ids of those that it is about.
    """

    name: str
    part: str
    title: str
    verdict: str
    sign: str
    heading: str
    sentence: str
    shows: str
    cases: list[tuple[str, str, str]]
    relation: str = ""
    asked: str = ""
    diagnosis: str = ""
    hint: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    numbers: Numbers | None = None
    code: list[Code] = field(default_factory=list)
    heat: Heat | None = None
    whole: Whole | None = None
    script: str = ""
    folded: bool = False
    parts: tuple[str, ...] = ()
    count: int = 0

    @property
    def summary(self) -> str:
        """What it says in one sentence."""
        return self.relation or self.sentence


class CardMaker:
    """Makes the cards of one page, and numbers them through.

    `scripts` has a reproduction for "<case>/<quantity>".
    """

    def __init__(self, run: Results, scripts: Mapping[str, str]) -> None:
        self._run, self._scripts = run, scripts
        self._parts, self._hints = parts_of(run), run.environment.hints or {}
        self._count = 0
        self._with_a_card: set[str] = set()

    def cards(self, records: Sequence[Record]) -> list[Card]:
        """A card for each thing that these records say."""
        return [self._card(entry) for entry in entries(records, self._run)]

    def _card(self, entry: Entry) -> Card:
        self._count += 1
        ids = self._parts.within(entry.records)
        first = entry.records[0]
        verdict = NOT_JUDGED if entry.kind is Kind.UNJUDGED else first.verdict if first.quantity else NOTE
        common = (
            f"discrepancy-{self._count}",
            label_of(entry, self._run),
            self._parts.title(ids[0]) if len(ids) == 1 else "",
            verdict,
            row_of(verdict).sign,
        )
        if entry.kind is Kind.CAUSE:
            return self._cause(entry, common, several=len(ids) > 1)
        cases = self._cases(entry.records)
        return Card(
            *common,
            heading=_HEADINGS[entry.kind],
            sentence=entry.sentence,
            shows="",
            cases=cases,
            parts=tuple(ids),
            count=len(entry.records),
        )

    def _cause(self, entry: Entry, common: tuple[str, str, str, str, str], *, several: bool) -> Card:
        first, label = self._shown(entry), common[1]
        title, inputs = inputs_of(self._run, first.case)
        folded = label in self._with_a_card
        self._with_a_card.add(label)
        relation, numbers, broken = relation_of(self._run, first), _numbers(first), import_fails([first])
        plain = several or first.verdict == Verdict.MISSING  # the sentence says all that there is to say
        told = entry.sentence if plain or not first.message else first.message
        asked = " with ".join(filter(None, (title, inputs_text(inputs))))
        return Card(
            *common,
            heading=self._heading(entry, common[2]),
            sentence="" if relation and numbers else shortened(ended(told), LONGEST),
            shows="" if broken else _shows(entry),
            cases=[] if broken or entry.unwritten else self._cases([*entry.records, *entry.again, *entry.unjudged]),
            relation=relation,
            asked=shortened(asked, LONGEST) if not plain else "",
            diagnosis=mistakes(first),
            hint=self._hints.get(first.diagnosis, ""),
            facts=[] if plain else _facts(first, counted=bool(relation)),
            numbers=numbers,
            code=[] if entry.unwritten else code_of(self._run, entry.records),
            heat=heat_of(self._run, first),
            whole=whole_of(self._run, entry.records, first),
            script="" if broken else self._script(first),
            folded=folded,
            parts=tuple(self._parts.within(entry.records)),
            count=len(entry.records) + len(entry.again) + len(entry.unjudged),
        )

    def _shown(self, entry: Entry) -> Record:
        """The record that a card shows: the first, or else the first that a script shows."""
        return next((record for record in entry.records if self._script(record)), entry.records[0])

    def _script(self, record: Record) -> str:
        return self._scripts.get(f"{record.case}/{record.quantity}", self._scripts.get(record.case, ""))

    def _heading(self, entry: Entry, title: str) -> str:
        """What the card is about: the part or, where that says nothing, the quantity or the case."""
        first = entry.records[0]
        if first.check == "import":
            return f"import of {first.file}, line {first.line}" if first.line else "import"
        if len(self._parts.within(entry.records)) > 1 and first.verdict in UNSEEN:
            return ""
        case = title_of(self._run, first.case) or first.case.removeprefix(f"{first.part}/")
        return title or ": ".join(filter(None, (case, first.quantity)))

    def _cases(self, records: Sequence[Record]) -> list[tuple[str, str, str]]:
        rows = []
        for record in records[:_MOST_CASES]:
            title = title_of(self._run, record.case)
            said = record.message.removeprefix(f"{title}: ")
            rows.append((record.case, record.quantity, shortened(said or record.verdict, LONGEST)))
        if len(records) > _MOST_CASES:
            rows.append((f"and {len(records) - _MOST_CASES} more", "", ""))
        return rows


def _shows(entry: Entry) -> str:
    """In how many quantities a mistake shows, and what follows from it."""
    shows, followed = f"It shows in {quantities(len(entry.records) + len(entry.again))}", what_follows(entry)
    return f"{shows}{'; ' * bool(followed)}{followed}."


def _numbers(record: Record) -> Numbers | None:
    """The numbers of a mismatch; None where no values were compared."""
    got, want = record.actual, record.expected
    if got is None or want is None or record.gap is None or record.verdict != Verdict.MISMATCH:
        return None
    actual, expected = told_apart(got, want)
    times = f"the difference is {times_text(record.ratio)} times that" if record.ratio is not None else ""
    return Numbers(
        where=record.where,
        expected=expected,
        actual=actual,
        difference=number(got - want).replace("-", "−"),
        bound="; ".join(filter(None, (radius_text(record), times))),
    )


def _facts(record: Record, *, counted: bool) -> list[tuple[str, str]]:
    """What else is known; of what is `counted` already it is not said again how much is wrong."""
    facts = []
    if record.file:
        facts.append(("Where", f"{record.file}, line {record.line}" if record.line else record.file))
    if record.step is not None:
        facts.append(("Step", str(record.step)))
    if record.bad and record.total and record.total > 1 and not counted:
        facts.append(("Wrong", f"{record.bad} of {record.total} elements"))
    if record.blame == "reference":
        facts.append(("In higher precision", "torch's value is the one that is further off"))
    return facts
