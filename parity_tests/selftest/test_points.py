"""Points: the rules of the rubric, each with a case in which it costs, and one in which it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.grading.class_table import ClassTable, mistakes_of
from parity_tests.grading.overrides import Override, load_overrides
from parity_tests.grading.rubric import Item, Rubric, RubricError, Vocabulary, parse_rubric, rubric_of_run
from parity_tests.grading.scoring import nothing_to_run, score, with_overrides
from parity_tests.protocol.assignment import environment_of
from parity_tests.selftest.fake_records import DESCRIBED, FakeRun, mismatch, record
from parity_tests.selftest.toy.assignment import TOY
from reports.files.feedback import feedback_page
from reports.model.environment import Environment
from reports.model.notes import Note, NoteKind
from reports.model.parts import Parts
from reports.model.points import ItemPoints, Points
from reports.model.reasons import not_counted, reason
from reports.model.records import Record

OF_THE_HOMEWORK = parse_rubric(ASSIGNMENT.rubric_text, "rubric.toml", Vocabulary.of(ASSIGNMENT))
USUAL = msgspec.structs.replace(OF_THE_HOMEWORK, null=frozenset())
"""The usual rubric, but for what null submissions get right: the quantities here have any names."""


def points(records: list[Record], rubric: Rubric = USUAL) -> dict[str, float | None]:
    return {item.name: item.points for item in score(records, rubric).items}


def rows(check: str, *quantities: str, **fields: Any) -> list[Record]:
    return [record(check=check, quantity=quantity, **fields) for quantity in quantities]


def test_the_usual_rubric_is_that_of_the_assignment() -> None:
    assert {item.name: item.points for item in USUAL.items} == {
        "linear": 15,
        "tanh": 15,
        "relu": 15,
        "dropout": 15,
        "sgd": 10,
        "network": 10,
        "main": 20,
    }
    assert sum(item.points for item in USUAL.items) == 100
    assert {check for item in USUAL.items for check in item.checks} | {"utils", "loss"} == set(ASSIGNMENT.checks)


def test_without_a_rubric_every_part_weighs_the_same() -> None:
    rubric = parse_rubric(TOY.rubric_text, "rubric.toml", Vocabulary.of(TOY))
    assert {item.name: item.points for item in rubric.items} == {"Task A": 50, "Task B": 50}
    records = [record(part="A", check="softplus"), mismatch(part="B", check="derivative")]
    imported = record(part="A", check="import", quantity="module")
    assert points([imported, *records], rubric) == {"Task A": 50, "Task B": 0}
    assert points([*records, mismatch(part="A", check="import", quantity="module")], rubric)["Task A"] == 50


def test_a_run_folder_brings_its_rubric() -> None:
    assert rubric_of_run(environment_of(ASSIGNMENT)) == OF_THE_HOMEWORK
    with pytest.raises(RubricError, match="keeps no rubric"):
        rubric_of_run(Environment())


def test_each_quantity_weighs_the_same_and_one_failing_record_loses_it() -> None:
    records = rows("linear", "a", "b", "c", "a", "a")
    assert points(records)["linear"] == 15
    assert points([*records, mismatch(quantity="a")])["linear"] == 10
    assert points([*records, mismatch(quantity="a"), mismatch(quantity="a", verdict="timeout")])["linear"] == 10


def test_without_partial_credit_a_part_is_all_or_nothing() -> None:
    strict = Rubric((Item("linear", 15, ("linear",)),), partial_credit=False)
    assert points(rows("linear", "a", "b"), strict) == {"linear": 15}
    assert points([*rows("linear", "a"), mismatch(quantity="b")], strict) == {"linear": 0}


def test_notes_cost_what_the_rubric_says() -> None:
    records = [record(quantity="a", note="overwrites X; warns"), record(quantity="b", note="warns")]
    assert points(records)["linear"] == 15
    assert points(records, Rubric(USUAL.items, note_cost=2))["linear"] == 11


def test_an_excuse_is_a_proof() -> None:
    wiring = rows("main", "weights", "losses", part="10")
    proved = mismatch(check="main", quantity="weights", part="4", explained_by="4", excuse="proved")
    assert points([*wiring, proved])["main"] == 20
    assert points([*wiring, replace(proved, excuse="")])["main"] == 10
    assert points([*wiring, mismatch(check="main", quantity="weights", part="10", explained_by="10")])["main"] == 10
    assert points([*wiring, mismatch(check="main", quantity="weights", part="10")])["main"] == 10


def test_a_part_that_is_missing_costs_its_own_points_and_no_others() -> None:
    sgd = rows("sgd", "updated W", part="1", verdict="missing")
    main = [
        *rows("main", "weights", "losses", part="10"),
        *rows("main", "weights", part="1", explained_by="1", verdict="missing", excuse="proved"),
    ]
    network = [
        *rows("network", "L1 output", part="3"),
        *rows("trajectory", "updated L1 W", part="1", explained_by="1", verdict="missing", excuse="echo"),
    ]
    assert points([*sgd, *main, *network]) | {"linear": None} == {
        **dict.fromkeys(("linear", "tanh", "relu", "dropout")),
        "sgd": 0,
        "network": 10,
        "main": 20,
    }
    (item,) = (item for item in score([*sgd, *main, *network], USUAL).items if item.name == "network")
    assert (item.right, item.excused, item.because) == (2, 1, ("1",))


def test_an_item_of_which_nothing_was_judged_earns_nothing_and_says_why() -> None:
    unreached = rows("network", "L1 output", "L2 output", part="3", explained_by="3", verdict="missing")
    (item,) = (item for item in score(unreached, USUAL).items if item.name == "network")
    assert (item.points, item.right, item.counted, item.because, item.judged) == (0, 0, 2, ("3",), False)
    judged = [*unreached, *rows("network", "L1 gradient of W", part="4")]
    assert points(judged)["network"] == 3.33


def test_of_what_fails_once_more_no_more_is_earned_than_is_right() -> None:
    echoes = rows("network", "a", "b", "c", part="3", explained_by="3", verdict="missing", excuse="echo")
    right = rows("network", "d", "e", "f", part="4")
    earned = [points([*echoes, *right[:number]])["network"] for number in range(4)]
    assert earned == [0, 5, 8, 10]


def test_what_a_null_submission_gets_right_is_not_counted() -> None:
    names = [f"quantity {number}" for number in range(40)]
    rubric = Rubric((Item("main", 20, ("main",), part="10"),), null=frozenset(("main", name) for name in names[:8]))
    wiring = rows("main", *names, part="10")
    proved = [mismatch(check="main", quantity=name, part="5", explained_by="5", excuse="proved") for name in names]
    assert points([*wiring, *proved], rubric) == {"main": 20}
    assert points([*wiring, *rows("main", *names[32:], part="10", verdict="mismatch")], rubric) == {"main": 15}
    for records, is_told in (
        (wiring, False),
        ([*wiring, *rows("main", "another", part="10", verdict="mismatch")], True),
    ):
        assert bool(not_counted(score(records, rubric))) == is_told
    zeros = [*rows("main", *names[:8], part="10"), *rows("main", *names[8:], part="10", verdict="unjudged")]
    assert points(zeros, rubric) == {"main": 0}


def test_what_another_part_keeps_from_being_judged_is_not_earned_until_a_human_has_looked() -> None:
    left_open = record(check="network", quantity="a", part="3", explained_by="3", verdict="unjudged")
    records = [left_open, *rows("network", "L1 output", part="4"), mismatch(check="linear", part="3")]
    run = FakeRun(records=records)
    assert points(records)["network"] == 5
    words = "1 cannot be judged because TODO 3 (linear, forward) does not agree and counts as wrong until a grader"
    assert words in feedback_page("ann", run, score(records, USUAL))
    seen = replace(left_open, excuse="proved")
    assert points([seen, *records[1:]])["network"] == 10


def test_the_reason_for_points_is_a_sentence_with_what_is_to_blame() -> None:
    sgd = rows("sgd", "updated W", part="1", verdict="missing")
    main = rows("main", "weights", part="1", explained_by="1", verdict="missing", excuse="proved")
    run = FakeRun(records=[*sgd, *main])
    page = feedback_page("ann", run, score(run.records, USUAL))
    assert "| sgd | 0 of 10 | nothing that counts is right in every case |" in page
    assert "| main | 20 of 20 | full points |" in page
    run.records.extend(rows("main", "losses", part="10"))
    assert "| main | 20 of 20 | full points |" in feedback_page("ann", run, score(run.records, USUAL))
    run.records.extend(rows("main", "start", part="10", verdict="mismatch"))
    page = feedback_page("ann", run, score(run.records, USUAL))
    assert (
        "1 of 3 quantities is right in every case; 1 more counts, which fails only because TODO 1 (SGD) is not" in page
    )


def test_what_fails_only_for_another_part_beside_what_is_wrong_is_told_without_nothing_right() -> None:
    relu = mismatch(check="relu", part="7", explained_by="4", excuse="proved")
    run = FakeRun(records=[mismatch(part="4"), relu, replace(relu, quantity="b", explained_by="", excuse="")])
    page = feedback_page("ann", run, score(run.records, USUAL))
    assert "1 of 2 quantities fails only because TODO 4 (linear, backward) does not agree, and counts" in page
    assert "nothing that counts is right in every case; " not in page


def test_breaking_what_others_need_earns_no_points_for_a_main_that_does_not_run() -> None:
    loader = [mismatch(check="utils", part="utils", verdict="crashed")]
    blamed = rows("main", "weights", "losses", part="utils", explained_by="utils", verdict="crashed")
    assert points([*loader, *blamed])["main"] == 0
    proved = [replace(one, excuse="proved") for one in blamed]
    assert points([*loader, *proved, *rows("main", "weights", part="10")])["main"] == 20


def test_a_main_that_is_missing_earns_nothing() -> None:
    wiring = rows("main", "weights", "losses", part="10", verdict="missing")
    whole = rows("main", "weights", "losses", part="10", explained_by="10", verdict="missing")
    assert points([*wiring, *whole])["main"] == 0


def test_utils_costs_nothing() -> None:
    records = [*rows("network", "L1 output", part="3"), mismatch(check="network", quantity="loss", part="utils")]
    assert (
        points([*records, mismatch(check="loss", part="utils"), mismatch(check="import", part="utils")])["network"]
        == 10
    )


def test_what_is_open_because_of_another_part_earns_nothing_unless_it_is_right_elsewhere() -> None:
    open_ = record(quantity="a", verdict="undecided", explained_by="4")
    records = [open_, *rows("linear", "b")]
    linear = score(records, USUAL).items[0]
    assert (linear.points, linear.right, linear.counted, linear.left_open) == (7.5, 1, 2, 1)
    assert points([*records, record(quantity="a")])["linear"] == 15
    assert points([open_])["linear"] == 0


def test_undecided_leaves_both_sides() -> None:
    open_ = record(quantity="a", verdict="undecided")
    graded = score([open_, *rows("linear", "b"), mismatch(quantity="c")], USUAL)
    (linear, *_) = graded.items
    assert (linear.points, linear.maximum, linear.right, linear.counted, linear.undecided) == (7.5, 15, 1, 2, 1)
    assert points([open_, record(quantity="a"), mismatch(quantity="c")])["linear"] == 7.5


def test_a_part_with_nothing_decided_leaves_the_maximum_and_is_listed() -> None:
    graded = score([record(verdict="undecided"), *rows("relu", "output")], USUAL)
    assert (graded.total, graded.maximum, graded.undecided) == (15, 15, ("linear",))


def test_what_an_edition_does_not_ask_leaves_the_maximum() -> None:
    graded = score([*rows("linear", "a"), *rows("relu", "a")], USUAL)
    assert (graded.total, graded.maximum, graded.undecided) == (30, 30, ())


def test_a_fault_of_the_harness_is_no_grade_and_never_a_zero() -> None:
    graded = score([*rows("linear", "a"), record(check="relu", verdict="harness_error")], USUAL)
    assert graded.total is None
    assert graded.faults == 1
    assert set(points([*rows("linear", "a"), record(check="relu", verdict="harness_error")]).values()) == {None}


def test_an_override_is_applied_last_and_shown() -> None:
    graded = with_overrides(
        score([mismatch(), *rows("relu", "a")], USUAL), [Override("ann", "linear", 12.5, "explained")]
    )
    assert graded.total == 27.5
    page = feedback_page("ann", FakeRun(records=[mismatch()]), graded)
    assert "| linear | 12.5 of 15 | given by hand in place of 0: explained. |" in page


@pytest.mark.parametrize(
    ("rows_", "words"),
    [
        ("ann,linear,x,why", "line 2: 'x' is not a number"),
        ("ann,linear,nan,why", "line 2: 'nan' is not a number"),
        ("ann,linear,inf,why", "line 2: 'inf' is not a number"),
        ("ann,linear,1e999,why", "line 2: linear has 0 to 15 points, so 1e999 cannot be given"),
        ("ann,linear,1_0,why", "line 2: '1_0' is not a number"),
        ('ann,linear,"7,5",why', "line 2: '7,5' is not a number"),
        ("ann,linear,,why", "line 2: '' is not a number"),
        ("ann,linear,-0.5,why", "line 2: linear has 0 to 15 points, so -0.5 cannot be given"),
        ("ann,linear,15.01,why", "line 2: linear has 0 to 15 points, so 15.01 cannot be given"),
        ("bob,linear,1,why", r"line 2: there is no submission 'bob'\.$"),
        ("Sam Roe,linear,1,why", r"line 2: there is no submission 'Sam Roe'"),
        ("Bee,linear,1,why", r"line 2: there is no submission 'Bee'; is bee_1 or bee_2 meant\?$"),
        ("ann,lineer,1,why", r"line 2: the rubric has no item 'lineer'; is linear meant\?$"),
        ("ann,linear,1,", "line 2: an override needs a reason"),
        ("ann,linear,1,late, and ill", "line 2: 'and ill' is in no column; a text with a comma needs quotes"),
        ("ann,linear,1,why\n\nann,linear,2,why", "line 4: this item of ann is overridden twice"),
    ],
)
def test_a_wrong_override_is_a_sentence_with_its_line(tmp_path: Path, rows_: str, words: str) -> None:
    path = tmp_path / "overrides.csv"
    path.write_text(f"Submission,item,points,reason\n{rows_}\n")
    with pytest.raises(RubricError, match=words):
        load_overrides(path, {"ann": (), "bee_1": {"samroe"}, "bee_2": {"samroe"}}, {"linear": 15})


@pytest.mark.parametrize("points_", ["0", "15", "+7.5", ".5", "15.", "1e1", "-0"])
def test_an_override_from_0_to_the_maximum_is_taken(tmp_path: Path, points_: str) -> None:
    path = tmp_path / "overrides.csv"
    path.write_text(f"\ufeffreason,points,item,submission\r\nwhy,{points_},linear,ann\r\n")
    (override,) = load_overrides(path, {"ann": ()}, {"linear": 15})
    assert override == Override("ann", "linear", float(points_), "why")


def test_overrides_of_before_are_told_what_to_write_now(tmp_path: Path) -> None:
    path = tmp_path / "overrides.csv"
    path.write_text("submission,part,points,reason\nann,linear,1,why\n")
    with pytest.raises(RubricError, match=r"line 1: .* write item in place of part"):
        load_overrides(path, {"ann": ()}, {"linear": 15})


VOCABULARY = Vocabulary(
    frozenset({"linear", "relu"}), ("1", "4"), frozenset({("linear", "3", "output"), ("relu", "7", "mask")})
)
PART = '[[item]]\nname = "linear"\npoints = 15\nchecks = ["linear"]\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("partial_credit = yes\n", "line 1"),
        (f"partial_credit = 1\n{PART}", "line 1: partial_credit must be true or false"),
        (f"\nnote_cost = -1\n{PART}", "line 2: note_cost must be a number of points, 0 or more, not -1"),
        (f"{PART}\n{PART.replace('15', 'inf').replace('linear', 'relu')}", "line 8: points must be a number"),
        (PART.replace('["linear"]', '["linaer"]'), "line 4: there is no check 'linaer'"),
        (PART + PART, "line 6: an item cannot be called 'linear'"),
        (PART + PART.replace('name = "linear"', 'name = "other"'), "line 8: the check 'linear' already gives points"),
        (PART.replace("name", "nmae"), "line 2: there is no setting 'nmae'"),
        (PART.replace("points = 15\n", ""), "line 1: this item has no points"),
        (PART.replace("15", '"15"'), "line 3: points must be a number"),
        (PART.replace('["linear"]', '"linear"'), "line 4: checks must be a list"),
        (PART.replace('["linear"]', "[1]"), "line 4: checks must be a list"),
        (PART.replace("[[item]]", "[[part]]"), r"line 1: .* write \[\[item\]\] in place of \[\[part\]\]"),
        (PART + 'todo = "4"\n', "line 5: .* write part in place of todo"),
        (PART + 'needs = ["1"]\n', "line 5: no item needs another part any more: leave needs out"),
        (PART + 'part = "3"\n', "line 5: there is no part '3'; there are 1, 4"),
        (PART.replace("checks", "parts"), "line 4: there is no part 'linear'"),
        (PART + 'parts = ["4"]\n', "line 1: the item linear must name either checks or parts"),
        (
            PART + PART.replace("checks", "parts").replace('"linear"', '"4"'),
            "line 5: the items of one rubric must all name checks, or all name parts",
        ),
        (PART.replace('"linear"\n', '"total"\n'), "line 2: an item cannot be called 'total'"),
        (PART.replace("15", "0"), "line 3: all items are worth 0 points"),
        (PART + 'without = ["otuput"]\n', "line 5: the item linear has no quantity 'otuput'; it has output"),
        (PART + 'without = ["mask"]\n', "line 5: the item linear has no quantity 'mask'; it has output"),
        ("note_cost = 0\n", r"no \[\[item\]\]"),
    ],
)
def test_a_wrong_rubric_is_a_sentence_with_its_line(text: str, words: str) -> None:
    with pytest.raises(RubricError, match=words):
        parse_rubric(text, "rubric.toml", VOCABULARY)


def test_the_table_of_a_class_counts_and_names_the_commonest_mistakes() -> None:
    table = ClassTable(USUAL)
    good, off = rows("linear", "a", "b"), [*rows("linear", "a"), mismatch(quantity="b", diagnosis="forgot to sum")]
    bad = [mismatch(quantity="a"), mismatch(quantity="b")]
    faulty = [record(verdict="harness_error")]
    for records in (good, off, off, bad, faulty):
        points = score(records, USUAL)
        table.add(points, mistakes_of(records, points, Parts.of(DESCRIBED.parts)))
    row = table.frame().set_index("item").loc["linear"]
    assert (row["asked"], row["right"], row["partly"], row["none"]) == (4, 1, 2, 1)
    assert row["mean_share"] == 0.5
    assert row["commonest"] == "forgot to sum (2); TODO 4: `a` is wrong (1); TODO 4: `b` is wrong (1)"
    both = [mismatch(quantity="b", diagnosis="forgot to sum"), mismatch(quantity="c")]
    assert mistakes_of(both, score(both, USUAL), Parts.of(DESCRIBED.parts))["linear"] == {"forgot to sum"}
    for right in (2, 0):  # all of it excused by proofs, and nothing
        table.add(Points((ItemPoints("linear", ("linear",), 15, 15, right, counted=2, judged=False),)), {})
    row = table.frame().set_index("item").loc["linear"]
    assert (row["right"], row["partly"], row["not_judged"]) == (2, 2, 1)


def test_feedback_says_what_is_wrong_and_nothing_as_markup() -> None:
    hostile = mismatch(
        message="linear: raised <img src=x> [click](http://x) `code` | * __init__",
        diagnosis="no sum",
        verdict="crashed",
    )
    records = [record(part="3", quantity="output"), hostile, record(part="7", check="relu", note="promoted <b>")]
    run = FakeRun(records=records, environment=replace(DESCRIBED, hints={"no sum": "Add up the rows."}))
    page = feedback_page("ann | <b>", run, score(records, USUAL))
    assert page.index("### TODO 4: linear, backward") < page.index("## Points")
    assert "Hint: Add up the rows." in page
    for markup in ("<img", "<b>", "[click](", " `code` ", "://"):
        assert markup not in page


def test_feedback_counts_in_the_points_alone() -> None:
    records = [*rows("linear", "a", "a", "b", part="4"), mismatch(part="4", quantity="b"), *rows("relu", "c", part="7")]
    page = feedback_page("ann", FakeRun(records=records), score(records, USUAL))
    assert "| linear | 7.5 of 15 | 1 of 2 quantities is right in every case |" in page
    assert "comparisons" not in page


def test_a_note_names_its_part_and_what_is_wrong_is_no_note() -> None:
    records = [
        record(part="7", check="relu", note="overwrites its input", note_kinds="overwrites"),
        record(
            part="3", quantity="output", note="is right for its own forward, which is wrong", note_kinds="own_forward"
        ),
        mismatch(part="4", note="overwrites the weights", note_kinds="overwrites"),
        record(part="4", check="import", note="there was no utils.py", note_kinds="lent"),
        record(part="6", check="tanh", note="wrong for whole numbers", note_kinds="unfed"),
        record(part="6", check="tanh", verdict="timeout", ratio=None, explained_by="5"),
    ]
    page = feedback_page("ann", FakeRun(records=records), score(records, USUAL))
    told = "- TODO 7: overwrites its input.\n- There was no utils.py.\n"
    assert page.endswith(f"## Worth knowing: costs no points\n\n{told}")


def test_what_rounding_explains_is_told_only_where_somebody_may_ask() -> None:
    words = "Up to 1 times the error bound is rounding"
    crashed = mismatch(verdict="crashed", gap=None, ratio=None, radius=None)
    for wrong, said in ((mismatch(ratio=30.0), True), (mismatch(ratio=2.5e15), False), (crashed, False)):
        records = [wrong, *rows("relu", "c", part="7")]
        assert (words in feedback_page("ann", FakeRun(records=records), score(records, USUAL))) is said


def test_where_there_was_nothing_to_run_nothing_is_said_to_be_wrong() -> None:
    records = rows("linear", "a", "b", verdict="missing")
    page = feedback_page("ann", FakeRun(records=[]), nothing_to_run(score(records, USUAL)), ["there is no file"])
    assert "| linear | 0 of 15 | not judged, because there is nothing to run |" in page
    assert "| linear | 0 of 15 | nothing that counts is right in every case |" in feedback_page(
        "ann", FakeRun(records=records), score(records, USUAL)
    )


def test_a_note_stays_one_whatever_stands_in_it() -> None:
    texts = {NoteKind.KINK: "relu's derivative at 0 is 1; either is right", NoteKind.FORM: "", NoteKind.WARNS: "warns"}
    kept = record().with_notes(Note(*each) for each in texts.items())
    assert kept.notes == (
        Note(NoteKind.KINK, "relu's derivative at 0 is 1, either is right"),
        Note(NoteKind.WARNS, "warns"),
    )
    assert (kept.note.count("; "), kept.note_kinds) == (1, "kink; warns")


def test_what_does_not_count_and_is_wrong_is_told_beside_a_full_item() -> None:
    rubric = Rubric((Item("main", 20, ("main",), part="10"),), null=frozenset({("main", "layers")}))
    records = [record(check="main", quantity=name, part="10") for name in ("weights", "losses")]
    right, wrong = (
        score([*records, make(check="main", quantity="layers", part="10")], rubric).items[0]
        for make in (record, mismatch)
    )
    assert (right.points, wrong.points) == (20, 20)
    assert "wrong" not in reason(right, {}, Parts())
    told = reason(wrong, {}, Parts())
    assert told == "both quantities are right; 1 more is wrong, which costs nothing"


def test_the_guide_counts_the_quantities_of_main_as_points_do() -> None:
    plan = ASSIGNMENT.cases(ASSIGNMENT.editions.default, ("float64",), seed=0)
    asked = {(case.check, quantity.name) for case in plan for quantity in case.quantities if case.check == "main"}
    known = asked & ASSIGNMENT.null_quantities
    guide = " ".join((Path(__file__).parents[2] / "docs" / "guide" / "class.md").read_text().split())
    assert f"`main`, 20 points, has {len(asked)} quantities, {len(known)} of which a `main` that knows nothing" in guide
    assert f"all {len(asked) - len(known)} others are right" in guide
