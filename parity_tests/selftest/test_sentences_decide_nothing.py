"""Sentences decide nothing: with every one of them another, verdicts, points, blame, flags and colours are the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import pytest
from msgspec import structs

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT as CS231N
from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli.status import status_of
from parity_tests.grading.class_table import mistakes_of
from parity_tests.grading.flags import record_flags
from parity_tests.grading.rubric import Vocabulary, parse_rubric
from parity_tests.grading.scoring import score
from parity_tests.harness.diagnosis.name_mistakes import all_hints
from parity_tests.operators.change import Change
from parity_tests.parts.changed_texts import ChangedTexts
from parity_tests.parts.right_text import RightText
from parity_tests.protocol.mistake import Mistake
from parity_tests.selftest.fake_records import DESCRIBED, FakeRun, mismatch, record
from reports.files.feedback import feedback_page
from reports.html.class_page import mistakes_by_submission
from reports.html.run_page import report_page
from reports.model.environment import Environment, ForStudents
from reports.model.folding import entries
from reports.model.for_student import for_student
from reports.model.groups import grouped
from reports.model.notes import Note, NoteKind
from reports.model.reasons import causes_of
from reports.model.records import COLUMNS, Column, Record, failing, to_frame
from reports.model.run import parts_of
from reports.model.scripts import by_quantity, marked, slug
from reports.model.summary import part_summaries
from reports.model.verdicts import VERDICTS
from reports.terminal.lines import style_of

RUBRIC = structs.replace(parse_rubric(ASSIGNMENT.rubric_text, "rubric.toml", Vocabulary.of(ASSIGNMENT)), note_cost=1.0)


def other(text: str) -> str:
    """Another sentence in place of this one: nothing of its words is left, and different ones stay different."""
    return f"§{hashlib.blake2s(text.encode()).hexdigest()[:12]}" if text and not text.startswith("§") else text


def retold(one: Record) -> Record:
    notes = [Note(note.kind, other(note.text)) for note in one.notes]
    return replace(one, message=other(one.message)).with_notes(notes)


def decided(records: Sequence[Record]) -> dict[str, Any]:
    """All that reports and grading make of records, but for sentences."""
    run = FakeRun(records=[*records])
    parts, points = parts_of(run), score(records, RUBRIC)
    frame = to_frame(records)
    return {
        "verdicts": [(r.case, r.quantity, r.part, r.verdict, r.explained_by, r.diagnosis) for r in records],
        "kinds": [[note.kind for note in r.notes] for r in records],
        "fails": [[failing(r, strict) for r in records] for strict in (False, True)],
        "exit": [status_of(records, strict) for strict in (False, True)],
        "points": points,
        "causes": causes_of(records),
        "flags": [(flag.submission, flag.kind) for flag in record_flags("ann", records, parts)],
        "mistakes": (mistakes_of(records, points, parts), mistakes_by_submission(frame, parts)),
        "groups": [[len(some) for some in _groups(records, strict)] for strict in (False, True)],
        "styles": [style_of(records, strict) for strict in (False, True)],
        "summaries": [(s.id, s.verdict, s.agree, s.waiting) for s in part_summaries(run)],
        "folded": [_folded(some, run) for strict in (False, True) for some in _groups(records, strict)],
        "feedback": len(feedback_page("ann", run, points).splitlines()),
        "colours": [re.findall(r'<li class="([^"]*)"|<td class="(word [^"]*)"', report_page(run))],
    }


def _groups(records: Sequence[Record], strict: bool) -> list[list[Record]]:
    found = grouped(records, strict)
    return [found.discrepancies, found.costly_notes, found.faults, found.undecided, found.free_notes]


def _folded(records: Sequence[Record], run: FakeRun) -> list[Any]:
    """What there is to say of records, but for the sentences."""
    return [
        (entry.kind, [[(r.case, r.quantity) for r in of] for of in (entry.records, entry.again, entry.unjudged)])
        for entry in entries(records, run)
    ]


def notes(*kinds: NoteKind) -> list[Note]:
    return [Note(kind, f"{kind} says: promoted, warns and overwrites") for kind in kinds]


ODD = [
    *(record(part="4", quantity=verdict, verdict=verdict, message=f"{verdict} of part 3") for verdict in VERDICTS),
    record(part="3", quantity="output").with_notes(notes(NoteKind.PROMOTED)),
    record(part="5", quantity="output").with_notes(notes(NoteKind.WARNS, NoteKind.PROMOTED, NoteKind.FORM)),
    mismatch(part="6", quantity="output", message="is undecided, missing and crashed", diagnosis="mean instead of sum"),
    record(part="7", quantity="dx", verdict="unjudged", undecided=3, explained_by="6", message="import: promoted"),
    record(part="8", quantity="dx", verdict="undecided", undecided=8, message="harness_error"),
    # Of the same part, the same case, or the same place in it, and notes of the same numbers and of others.
    *(record(part="2", quantity=f"q{n}", verdict="crashed", message=f"it ended in step {n}") for n in (1, 2)),
    *(record(part=part, case="b/c/d", verdict="crashed", message="it ended") for part in ("4", "9")),
    *(record(part=p, verdict="crashed", file="utils.py", line=7, message=f"line 7 of {p}") for p in ("3", "6")),
    *(record(part="9", case=f"e/{n}/f").with_notes([Note(NoteKind.FORM, f"{n} times as far")]) for n in (3, 4)),
    *(record(part="9", case=f"g/{n}/h").with_notes([Note(NoteKind.READING, f"reading {n}")]) for n in (3, 4)),
]


@pytest.mark.parametrize("verdicts", [VERDICTS, set(VERDICTS) - {"harness_error"}], ids=["with a fault", "without"])
def test_what_is_made_of_records_hangs_on_no_sentence(verdicts: Collection[str]) -> None:
    odd = [one for one in ODD if one.verdict in verdicts]
    before, after = decided(odd), decided([*map(retold, odd)])
    assert before == after
    assert all(retold(one).message != one.message for one in odd if one.message)
    assert before["fails"][0] != before["fails"][1], "no note costs when strict: nothing is shown of them"


def backwards(self: Any, *args: Any, **kwargs: Any) -> None:
    """A constructor of changes that writes each word of what they say backwards, but for the code in it."""
    plainly(self, *args, **kwargs)
    pieces = self.makes.split("`")
    words = [piece if n % 2 else re.sub(r"\w+", lambda word: word[0][::-1], piece) for n, piece in enumerate(pieces)]
    object.__setattr__(self, "makes", "`".join(words))


plainly = Change.__init__
SMALL = RightText("p = x @ w  # p\ntwice = p * p  # the square\nout = twice * s + s * t  # out", ("x", "w", "s", "t"))


def test_which_changes_of_a_right_text_are_tried_and_how_simple_they_are_hangs_on_no_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found() -> dict[Any, Any]:
        return {one.statements: one.size for one in ChangedTexts(SMALL).towards("out")}

    def words() -> set[str]:
        return {one.words for one in ChangedTexts(SMALL).towards("out")}

    before, said = found(), words()
    monkeypatch.setattr(Change, "__init__", backwards)
    assert found() == before
    assert "p is doubled" in said - words()
    assert any(len(statements) > 1 for statements in before)


def test_no_mistake_has_a_name_that_reads_as_two() -> None:
    with pytest.raises(ValueError, match="'a sum; a mean'"):
        Mistake("a sum; a mean", "", lambda call: None)
    for assignment in (ASSIGNMENT, CS231N):
        assert assignment.diagnosis is not None
        names = all_hints(assignment.diagnosis())
        assert len(names) > 8
        assert not [name for name in names if "; " in name]


def test_which_script_shows_a_record_hangs_on_no_words_of_its_title() -> None:
    one, two = (mismatch(case=f"a/{name}/b", quantity="dx", diagnosis=name) for name in ("a sum", "a mean"))
    titles = (f'"""It: {name}."""\n' for name in (two.diagnosis, one.diagnosis))  # each that of the other
    texts = [marked(title, of) for title, of in zip(titles, (one, two), strict=True)]
    scripts = dict(zip((f"repro-{slug(one)}.py", f"repro-{slug(two)}-2.py"), texts, strict=True))
    assert by_quantity(scripts, [one, two]) == {f"{one.case}/dx": texts[0], f"{two.case}/dx": texts[1]}


@dataclass(frozen=True, slots=True)
class Wider(Record):
    """A record of a later schema."""

    secret: Annotated[str, Column("What the process with right parts said.")]
    open: Annotated[str, Column("What anybody may see.", student=True)]


def test_a_new_column_is_hidden_from_students_until_it_is_allowed() -> None:
    one = Wider(**{name: getattr(record(), name) for name in COLUMNS}, secret="W = 3", open="seen")
    guarded = replace(DESCRIBED, for_students=ForStudents({one.case: {}}, printed=0))
    run = FakeRun(records=[one], environment=guarded)
    shown = for_student(run)
    told: Any = shown.records[0]
    assert (told.secret, told.open) == ("", "seen")
    assert (told.case, told.verdict, told.actual, told.note) == (one.case, one.verdict, None, "")


def test_of_an_environment_a_student_sees_what_its_declaration_allows_and_nothing_of_another_version() -> None:
    secret = {"seed": 7, "submission": "/home/ann/homework", "null": [["sgd", "keys"]], "new": "secret"}
    told = {"device": "cpu", "seconds": 1.5, "hints": {"a mean": "Count."}, **replace(DESCRIBED, null=None).to_json()}
    shown = for_student(FakeRun(environment=Environment.from_json({**told, **secret}))).environment
    assert shown.to_json() == told
