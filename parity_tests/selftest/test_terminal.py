"""The terminal's pages: what a reader of them must find, and what a submission must not be able to put there."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from parity_tests.cli.class_printing import print_class
from parity_tests.cli.grading_progress import GradingProgress
from parity_tests.cli.printing import run_lines
from parity_tests.cli.terminal import complain
from parity_tests.grading.gradebook import changed_totals
from parity_tests.grading.tables import Tables
from parity_tests.selftest.fake_records import DESCRIBED, FakeRun, mismatch, record
from reports.html.run_page import report_page
from reports.model.escape import printable
from reports.model.fixes import Fix, to_rows
from reports.model.folding import entries
from reports.model.notes import Note, NoteKind
from reports.model.numbers import number
from reports.model.records import Record
from reports.model.summary import part_summaries
from reports.model.words import verdict_sentence
from reports.terminal.case import case_page
from reports.terminal.run import first_to_show, mistakes_page, run_page


def page(run: FakeRun, *, strict: bool = False, width: int = 80) -> str:
    return "\n".join(run_page(run, strict=strict, width=width))


def test_each_part_has_one_line_with_verdict_count_and_largest_ratio() -> None:
    records = [
        record(part="3", quantity="u", ratio=0.31, case="linear/tall/float32"),
        record(part="3", ratio=0.02),
        mismatch(),
        record(),
        record(part="utils", ratio=None),
    ]
    lines = page(FakeRun(records=records), width=100).splitlines()
    (forward,) = [line for line in lines if line.startswith("TODO 3 ")]
    (backward,) = [line for line in lines if line.startswith("TODO 4 ")]
    (utils,) = [line for line in lines if line.startswith("utils")]
    assert " ".join(forward.split()) == "TODO 3 linear, forward match 2/2 0.31"
    assert backward.split()[4:7] == ["mismatch", "1/2", "2.5e+15"]
    assert utils.split() == ["utils.py", "match", "1/1", "-"]


def test_no_ratio_that_is_as_it_should_be_stands_beside_a_mismatch() -> None:
    shape = mismatch(ratio=None, gap=None, message="output has shape (2, 3), where (2, 4) is expected")
    run = FakeRun(records=[record(part="4", ratio=0.499), shape])
    (backward,) = [line for line in page(run, width=100).splitlines() if line.startswith("TODO 4 ")]
    assert backward.split()[4:] == ["mismatch", "1/2", "-"]
    assert "Mismatches without a ratio, such as a wrong shape: 1." in report_page(run)
    assert "without a ratio" not in report_page(FakeRun(records=[record(), mismatch()]))


def test_a_long_label_is_told_from_its_sentence_and_moves_no_other_line() -> None:
    parts = [{"id": name, "label": name, "title": ""} for name in ("conv_backward_naive", "relu")]
    records = [mismatch(part=one["id"], case=one["id"], message="dx is wrong " * 9) for one in parts]
    lines = page(FakeRun(records=records, environment=replace(DESCRIBED, parts=parts))).splitlines()
    assert any(line.startswith("  conv_backward_naive: dx is wrong") for line in lines)
    assert any(line.startswith("  relu     dx is wrong") for line in lines)
    assert {len(line) - len(line.lstrip()) for line in lines if line.startswith("   ")} == {11}


@pytest.mark.parametrize("width", [80, 120])
def test_the_page_fits_its_width(width: int) -> None:
    records = [
        mismatch(case=f"linear/{'long-' * 6}name-{n}/float64", note="overwrites its input, harmlessly " * 4)
        for n in range(9)
    ]
    run = FakeRun(records=[record(submission="home/of/" * 6), *records])
    for lines in (
        run_page(run, width=width),
        mistakes_page(run, "parity-run", width=width),
        case_page(run, records[0].case, width=width),
    ):
        assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [80, 100])
def test_however_narrow_the_terminal_verdicts_and_counts_are_whole(width: int) -> None:
    waiting = record(part="10", verdict="missing", ratio=None, explained_by="4")
    names = {"4": "a_long_name_of_a_part_4", "10": "another_long_name_of_one"}
    parts = [{"id": key, "label": name, "title": "what this part computes, in words"} for key, name in names.items()]
    run = FakeRun(records=[mismatch(), waiting], environment=replace(DESCRIBED, parts=parts))
    lines = page(run, width=width).splitlines()
    for name, verdict, agree in ((names["4"], "mismatch", "0/1"), (names["10"], "not judged", "  1 ")):
        (line,) = [line for line in lines if line.startswith(name)]
        assert verdict in line
        assert agree in line
        assert len(line) <= width
    assert "what this part" in page(run, width=100)


def test_a_long_title_is_cut_and_the_others_stand_beside_it() -> None:
    titles = {"4": "the gradient of the loss in the scores, in one long sentence", "10": "relu"}
    parts = [{"id": key, "label": f"Task {key}", "title": title} for key, title in titles.items()]
    run = FakeRun(records=[mismatch(), mismatch(part="10")], environment=replace(DESCRIBED, parts=parts))
    told = {width: page(run, width=width) for width in (80, 140)}
    assert ("Task 4   the gradient of the loss in" in told[80], titles["4"] in told[80], "…" in told[80]) == (1, 0, 1)
    assert (titles["4"] in told[140], "…" in told[140]) == (True, False)
    assert all("Task 10  relu" in text for text in told.values())


def test_the_same_discrepancy_is_said_once_with_its_cases() -> None:
    records = [mismatch(case=f"linear/{name}/float64", message=f"W of {name} is wrong") for name in "abcdef"]
    text = page(FakeRun(records=records))
    assert "W of a is wrong." in text
    assert "W of b is wrong" not in text
    assert "in 6 quantities, such as linear/a/float64" in text


def test_different_diagnoses_verdicts_and_parts_are_not_folded() -> None:
    records = [
        mismatch(message="one"),
        mismatch(message="two", diagnosis="mean instead of sum"),
        mismatch(message="three", verdict="crashed"),
        mismatch(message="four", part="3"),
    ]
    text = page(FakeRun(records=records))
    assert all(f"{word}." in text for word in ("one", "two", "three", "four"))
    assert "mean instead of sum" in text


def test_a_mistake_is_told_once_with_every_quantity_in_which_it_shows() -> None:
    records = [
        mismatch(message=f"{name} is off", quantity=name, case=f"linear/{name}/float64", diagnosis="mean")
        for name in "abcdef"
    ]
    text = " ".join(page(FakeRun(records=records)).split())
    assert text.count("is off") == 1
    assert "a is off. Likely cause: mean. in 6 quantities, such as linear/a/float64" in text


def test_several_parts_that_are_missing_are_listed_with_their_lines_and_the_one_to_begin_with() -> None:
    records = [
        record(part=part, verdict="missing", ratio=None, message=f"f{part} is not implemented", file="n.py", line=line)
        for part, line in (("4", 9), ("3", 7), ("10", 3))
    ]
    known = {"3": ("n.py", 7), "4": ("n.py", 9), "10": ("m.py", 3), "7": ("n.py", 12)}
    run = FakeRun([*records, record(part="7"), record(part="utils")], replace(DESCRIBED, source_lines=known))
    text = " ".join(page(run).split())
    assert "3 of 4 TODOs are not implemented: TODO 3 (n.py, line 7), 4 (line 9) and 10 (m.py, line 3)." in text
    assert "Begin with TODO 3." in text
    assert "f4" not in text
    run = replace(run, environment=replace(DESCRIBED, source_lines={"3": ("n.py", 1)}))
    assert "TODO 3, 4 and 10. Begin with TODO 3." in " ".join(page(run).split())


def test_the_line_is_that_of_the_one_change_that_mends_a_part_or_else_where_the_part_begins() -> None:
    run = FakeRun([mismatch(part="4")], replace(DESCRIBED, source_lines={"4": ("n.py", 7)}))
    assert "n.py, from line 7 on: in linear" in page(run)
    fixes = [Fix("4", "n.py", 9), Fix("4", "n.py", 10)]
    for found, place in ((fixes[:1], "n.py, line 9:"), (fixes, "n.py, from line 7 on:")):
        assert place in page(replace(run, environment=replace(run.environment, fixes=to_rows(found))))


def test_many_that_match_are_counted_beside_what_does_not() -> None:
    right = [record(part=part) for part in ("3", "5", "6", "7")]
    assert "\n4 others match.\n" in page(FakeRun([*right, mismatch(part="4")]))
    assert page(FakeRun(right)).endswith("\n4 parts match.")
    for records in (right[1:], [*right[1:], mismatch(part="4")]):
        assert "match." not in page(FakeRun(records))


def test_of_what_is_missing_no_case_is_proposed_to_look_at(tmp_path: Path) -> None:
    missing = record(verdict="missing", ratio=None, message="f is not implemented", file="n.py", line=3)
    last = run_lines(FakeRun(records=[missing]), tmp_path, strict=False, quiet=False)[-1]
    assert last == f"The run is saved in {tmp_path}."
    crashed = dataclasses.replace(missing, verdict="crashed")
    assert "parity show" in run_lines(FakeRun(records=[crashed]), tmp_path, strict=False, quiet=False)[-1]
    for left in ([], ["6"]):  # what has a fix needs no numbers
        mended = replace(DESCRIBED, fixes=to_rows([Fix("4", "n.py", 9)]), without_fix=left)
        last = run_lines(FakeRun([crashed], mended), tmp_path, strict=False, quiet=False)[-1]
        assert ("parity show" in last) == bool(left)


def test_of_what_is_not_even_defined_that_is_said_once() -> None:
    said = "n.py defines no f; it defines F: is that meant?"
    records = [record(part=part, verdict="missing", ratio=None, message=said) for part in ("3", "4")]
    assert verdict_sentence(FakeRun(records=records)) == f"Nothing to run: {said}"
    records.append(record(part="5"))
    text = " ".join(page(FakeRun(records=records)).split())
    assert f"2 of 3 TODOs are not implemented: TODO 3 and 4. {said}" in text
    assert "Begin" not in text
    empty = [record(part=p, verdict="missing", ratio=None, message=f"n.py defines no f{p}") for p in ("3", "4", "5")]
    text = " ".join(page(FakeRun(records=[*empty, record(part="utils")])).split())
    assert "3 of 3 TODOs are not implemented: nothing defines them. 3 quantities" in text
    assert "defines no" not in text


def test_where_the_import_alone_is_wrong_that_is_said() -> None:
    broken = record(
        check="import", part="utils", verdict="crashed", ratio=None, message="n.py wants to end the program"
    )
    assert verdict_sentence(FakeRun(records=[broken, record(part="3")])).endswith("Only this counts as wrong.")
    absent = record(part="4", verdict="missing", ratio=None, message="n.py wants to end the program")
    assert "1 quantity could not be judged" in verdict_sentence(FakeRun(records=[broken, absent, record(part="3")]))


def test_causes_stand_in_the_order_of_the_parts_their_own_cases_first_and_the_import_before_all() -> None:
    whole = mismatch(part="1", check="network", message="whole", case="network/a/float64")
    records = [whole, mismatch(part="10", message="ten"), mismatch(part="2", message="two")]
    text = page(FakeRun(records=records))
    assert text.index("two.") < text.index("ten.") < text.index("whole.")
    broken = record(check="import", part="utils", verdict="crashed", ratio=None, message="no import")
    text = page(FakeRun(records=[*records, broken]))
    assert text.index("no import.") < text.index("two.")


def test_how_the_numbers_relate_is_said_before_the_worst_of_them() -> None:
    case, want = "linear/wide/float64", np.arange(1.0, 7.0)
    arrays = {f"{case}/gradient of W/actual": want / 5, f"{case}/gradient of W/expected": want}
    run = FakeRun(records=[mismatch(case=case, message="W is off")], arrays=arrays)
    assert "Gradient of W is 0.2 × torch's, at every element. W is off." in " ".join(page(run).split())
    arrays[f"{case}/gradient of W/actual"] = np.array([1.0, 2.5, 3.1, 4.7, 5.0, 6.2])
    assert "× torch's" not in page(run)
    assert "Gradient of W" not in page(run), "how many elements differ is said anyway"


def test_a_file_that_does_not_parse_is_said_once() -> None:
    said = "neural_networks.py does not parse: '(' was never closed (line 7)"
    records = [
        record(part=part, case=f"{part}/{n}/float64", verdict="missing", ratio=None, message=said)
        for part in ("3", "4", "utils")
        for n in range(5)
    ]
    run = FakeRun(records=records)
    assert "never closed" not in page(run)
    assert verdict_sentence(run) == f"Nothing to run: {said}."


def test_what_is_not_written_is_one_sentence_and_one_list() -> None:
    missing = [
        record(part=part, case=f"{part}/a/float64", verdict="missing", ratio=None, file="n.py")
        for part in ("1", "4", "6")
    ]
    left_at_0 = mismatch(part="4", case="4/a/float64", quantity="gradient of b", actual=0.0)
    run = FakeRun(records=[*missing, left_at_0, record(part="utils")])
    text = " ".join(page(run).split())
    assert [text.count(f"TODO {part}") for part in (1, 4, 6)] == [2, 0, 0], "in the list, and where to begin"
    assert "3 of 3 TODOs are not implemented: TODO 1, 4 and 6. Begin with TODO 1." in text
    assert "utils.py match 1/1" in text
    assert verdict_sentence(run) == "Disagreement: 3 of 3 TODOs are not implemented."
    wrong = dataclasses.replace(left_at_0, actual=0.5)
    assert "1 of 5 quantities do not agree with torch, in TODO 4" in verdict_sentence(
        FakeRun(records=[*missing, wrong, record(part="utils")])
    )


def test_what_follows_from_a_crash_is_counted_with_it() -> None:
    crash = {"verdict": "crashed", "ratio": None, "file": "neural_networks.py", "line": 7}
    records = [
        record(case="dropout/a/float64", part="9", message="dropout raised ValueError", **crash),
        record(case="network/b/float64", part="9", check="network", message="network: dropout raised", **crash),
        record(case="network/b/float64", part="9", verdict="crashed", explained_by="9", message="x was not judged"),
        record(case="network/c/float64", part="9", verdict="crashed", explained_by="9", message="y was not judged"),
    ]
    text = " ".join(page(FakeRun(records=records)).split())
    assert text.count("raised") == 1
    assert re.search(r"crashed 0/2 2 .* 2 more could not be judged because of it", text)
    assert "2 quantities, such as dropout/a/float64; 2 more could not be judged because of it" in text


def test_consequences_of_something_else_are_counted_in_one_line() -> None:
    records = [
        record(part="8", verdict="crashed", explained_by="7", message=f"{name} was not judged") for name in "abc"
    ]
    assert "Not judged because of TODO 7: 3 quantities." in page(FakeRun(records=records))
    own = [replace(one, part="7") for one in records]
    assert "TODO 7   3 quantities depend on it, and were not judged." in page(FakeRun(records=own))


def test_the_whole_network_repeats_a_part_in_one_line_but_is_told_in_full_alone() -> None:
    own = mismatch(message="own case")
    whole = [
        mismatch(check="network", case=f"network/{name}/float64", quantity=name, message=f"link {name}")
        for name in "ab"
    ]
    together = page(FakeRun(records=[own, *whole]))
    assert "own case." in together
    assert "link" not in together
    assert "in 3 quantities, such as" in " ".join(together.split())
    alone = page(FakeRun(records=whole))
    assert "link a." in alone
    assert "in 2 quantities, such as network/a/float64" in alone


def test_words_are_compared_without_the_title_of_the_case() -> None:
    records = [
        record(part=part, case=f"tanh/{part}/float64", verdict="missing", message=f"tanh {part}: no class tanh")
        for part in ("5", "6")
    ]
    inputs = {f"tanh/{part}/float64": {"title": f"tanh {part}"} for part in ("5", "6")}
    text = page(FakeRun(records=records, inputs=inputs))
    assert text.count("no class tanh") == 1
    assert "TODO 5/6" in text


def test_notes_are_free_and_costly_only_when_strict() -> None:
    note = "bias of shape (4,) where (1, 4) is expected"
    run = FakeRun(records=[record(note=f"{note}; float32 was promoted to float64", note_kinds="; promoted")])
    free, strict = page(run), page(run, strict=True)
    assert free.index("Notes (cost nothing)") < free.index(note)
    assert strict.index("count as discrepancies") < strict.index(note) < strict.index("Notes (cost nothing)")
    assert strict.index("Notes (cost nothing)") < strict.index("promoted")
    assert " match " in free
    assert " note " in strict


def test_what_was_not_asked_for_want_of_time_is_one_sentence_and_no_disagreement() -> None:
    message = "not asked: the 120 seconds were used up"
    late = [
        record(part=part, case=case, verdict="timeout", ratio=None, message=f"{case}: {message}")
        for part, case in (("3", "linear"), ("7", "relu"))
    ]
    run = FakeRun(records=late, inputs={case: {"title": case} for case in ("linear", "relu")})
    assert page(run).count(message) == 1
    assert verdict_sentence(run) == "Disagreement: 2 quantities did not come in time, in TODO 3 and 7."
    *_, last = run_lines(run, Path("out"), strict=False, quiet=False, again="parity check mine")
    assert last == "  parity check mine --timeout 60"


def test_what_is_noted_where_something_is_not_implemented_is_not_told() -> None:
    absent = record(part="7", verdict="missing", ratio=None, message="relu, one row: f is not implemented")
    beside = record(part="8", quantity="gradient of X", note="wrong for arrays of integers", note_kinds="unfed")
    elsewhere = replace(beside, case="relu/wide/float64")
    inputs = {absent.case: {"title": "relu, one row"}}
    assert "Notes" not in (told := page(FakeRun(records=[absent, beside], inputs=inputs)))
    assert told.endswith("TODO 7   f is not implemented.\n           1 quantity")
    assert "wrong for arrays" in page(FakeRun(records=[absent, elsewhere], inputs=inputs))


def test_undecided_warns_and_parity_owns_its_faults() -> None:
    records = [
        record(verdict="undecided", message="past the horizon at step 12"),
        record(verdict="harness_error", message="the worker could not start"),
    ]
    text = page(FakeRun(records=records))
    assert "Undecided (a warning; costs nothing)" in text
    assert "Parity's own faults" in text
    assert "Discrepancies" not in text


def test_what_is_missing_or_was_not_judged_is_not_counted_as_off() -> None:
    off = mismatch(part="4")
    absent = record(part="1", verdict="missing", ratio=None, message="no SGD")
    waiting = record(part="10", verdict="missing", ratio=None, explained_by="1")
    echo = mismatch(part="4", check="network", explained_by="4")
    assert verdict_sentence(FakeRun(records=[off, echo, absent, waiting, record(part="7")])) == (
        "Disagreement: 2 of 5 quantities do not agree with torch, in TODO 4; 1 of 4 TODOs is not implemented (TODO 1); "
        "1 quantity could not be judged because of that."
    )
    assert verdict_sentence(FakeRun(records=[absent, record(part="utils")])) == (
        "Disagreement: 1 of 1 TODO is not implemented."
    )


def test_what_was_not_asked_is_told_first_with_what_to_do_and_is_no_discrepancy_of_a_part() -> None:
    late = "not asked: the 120 seconds for the submission in all were used up; --timeout 20 gives twice"
    left = [record(part=part, case=f"c/{part}", verdict="unasked", ratio=None, message=late) for part in ("1", "4")]
    told = f"2 of 4 quantities could not be checked ({late})"
    alone = FakeRun(records=[*left, record(part="4"), record(part="7")])
    assert verdict_sentence(alone) == f"Not finished: {told}."
    assert [(one.id, one.verdict, one.agreed) for one in part_summaries(alone)] == [
        ("1", "unasked", ""),
        ("4", "unasked", "1/1"),
        ("7", "match", "1/1"),
    ]
    beside = FakeRun(records=[*left, mismatch(part="4", ratio=3.0), record(part="7")])
    said = f"Disagreement: {told}; 1 of 4 quantities do not agree with torch, in TODO 4."
    assert verdict_sentence(beside) == said
    shown = " ".join(page(beside).split())
    assert shown.count("ot asked: the 120 seconds") == 1, "one entry, not one for each part"
    assert shown.index("ot asked: the 120") < shown.index("times the error bound")


def test_a_submission_that_cannot_be_imported_has_no_mismatches() -> None:
    broken = record(check="import", part="utils", verdict="crashed", ratio=None, message="n.py raised E")
    rest = [record(part=part, verdict="missing", ratio=None) for part in ("3", "4")]
    assert verdict_sentence(FakeRun(records=[broken, *rest, record(part="7")])) == (
        "Does not import: n.py raised E. 2 quantities could not be judged because of that."
    )


def test_where_nothing_could_be_judged_one_sentence_says_why_and_no_table_is_shown() -> None:
    broken = record(check="import", part="utils", verdict="crashed", ratio=None, message="n.py, line 3 is not Python")
    rest = [record(part=part, verdict="missing", ratio=None) for part in ("3", "4")]
    run = FakeRun(records=[broken, *rest])
    verdict = "Does not import: n.py, line 3 is not Python. Nothing could be judged."
    assert verdict_sentence(run) == verdict
    assert "TODO" not in page(run)
    assert "\n".join(mistakes_page(run, "parity-run", width=200)).endswith(verdict)
    some = FakeRun(records=[broken, *rest, record(part="7")])
    assert "TODO 7" in page(some)
    assert "linear/" in "\n".join(mistakes_page(some, "parity-run"))


def test_a_failing_import_is_counted_as_no_parts_quantity() -> None:
    broken = record(check="import", part="utils", verdict="crashed", ratio=None, message="n.py raised E")
    waiting = record(part="10", verdict="missing", ratio=None)
    text = page(FakeRun(records=[broken, waiting, record(part="utils")]))
    assert re.search(r"utils.py +match +1/1", text)
    assert "TODO 10" not in text, "the verdict says why nothing of it was judged"


def test_a_part_that_was_not_judged_says_so_in_its_row() -> None:
    waiting = record(part="10", verdict="missing", ratio=None, explained_by="1")
    text = page(FakeRun(records=[record(part="1", verdict="missing", ratio=None), waiting, record(part="10")]))
    assert re.search(r"TODO 10 +main +not judged +1/1 +1 ", text)
    assert re.search(r"TODO 1 +SGD +not implemented +0/1", text)


def test_verdict_sentences() -> None:
    good, bad = record(ratio=0.62), mismatch()
    assert verdict_sentence(FakeRun(records=[good, record()])) == (
        "Agreement: 2 of 2 quantities agree with torch; the largest difference is 0.62 of the error bound."
    )
    assert verdict_sentence(FakeRun(records=[good, bad, dataclasses.replace(bad, part="10")])) == (
        "Disagreement: 2 of 3 quantities do not agree with torch, in TODO 4 and 10."
    )
    assert "1 undecided" in verdict_sentence(FakeRun(records=[good, record(verdict="undecided")]))
    assert verdict_sentence(FakeRun(records=[])) == "Nothing was compared."


def test_case_to_look_at_is_the_first_of_those_told_that_has_numbers() -> None:
    crashed = record(part="2", verdict="crashed", ratio=None)
    near, far = mismatch(ratio=3.0, case="linear/near/float64"), mismatch(ratio=math.inf, case="linear/far/float64")
    assert first_to_show(FakeRun(records=[record(), crashed, near, far])) is near
    assert first_to_show(FakeRun(records=[record(), crashed])) is crashed
    whole = mismatch(ratio=9.0, check="network", part="10", message="the whole is off")
    assert first_to_show(FakeRun(records=[whole, near])) is near
    assert first_to_show(FakeRun(records=[whole, crashed])) is whole
    follows = record(verdict="crashed", ratio=None, explained_by="7")
    assert first_to_show(FakeRun(records=[follows, crashed])) is crashed
    assert first_to_show(FakeRun(records=[follows])) is follows
    assert first_to_show(FakeRun(records=[record()])) is None


def test_an_accident_told_again_is_one() -> None:
    """At the same place, in one part, or in one case, where what ends the process ends all that was asked."""

    def crashed(part: str, case: str, said: str, line: int | None = None) -> Record:
        file = "utils.py" if line else ""
        return record(part=part, case=case, verdict="crashed", ratio=None, message=said, file=file, line=line)

    records = [
        crashed("6", "tanh/a/float64", "its line 7 raised", line=7),
        crashed("5", "t/a/float64", "after step 1 that line raised", line=7),
        crashed("7", "relu/a/float64", "the process ended"),
        crashed("8", "relu/a/float64", "the process ended"),
        crashed("7", "t/b/float64", "after step 1 it was over, and later"),
        crashed("8", "relu/b/float64", "another accident"),
    ]
    told = entries(records, FakeRun(records=records))
    assert [[(r.part, r.case) for r in entry.records] for entry in told] == [
        [("6", "tanh/a/float64"), ("5", "t/a/float64")],
        [("7", "relu/a/float64"), ("8", "relu/a/float64"), ("7", "t/b/float64")],
        [("8", "relu/b/float64")],
    ]


def test_notes_that_measure_the_same_of_a_part_are_one() -> None:
    def noted(kind: NoteKind, *numbers: int) -> str:
        records = [record(case=f"c/{n}/f").with_notes([Note(kind, f"it is {n} off")]) for n in numbers]
        return page(FakeRun(records=records))

    assert noted(NoteKind.SHAPE, 3, 4).count("it is") == 1
    assert noted(NoteKind.READING, 3, 4).count("it is") == 2


def test_a_case_shows_sizes_and_the_numbers_around_the_worst_element() -> None:
    lines = case_page(FakeRun(), "linear/wide/float64")
    text = "\n".join(lines)
    assert "X of 3×2, W of 2×4, scale = 0.5" in text
    (worst,) = [line for line in lines if line.lstrip().startswith(">")]
    assert worst.split() == [">", "[0,", "3]", "0.5", "0.25", "0.25", "1e-16", "2.5e+15"]
    assert sum("[" in line and "]" in line for line in lines) >= 7
    assert "7 of 8 elements: the worst and its neighbours" in text
    assert all(f"\n{word}  " in text for word in ("ratio", "error bound"))
    assert "undecided" not in text
    beside = [*FakeRun().records, record(case="linear/wide/float64", quantity="another", verdict="undecided")]
    assert "\nundecided    too close" in "\n".join(case_page(FakeRun(records=beside), "linear/wide/float64"))


def test_numbers_are_given_the_digits_that_tell_them_apart() -> None:
    want = np.array([0.1])
    run = FakeRun(
        records=[mismatch(case="c/float64", where="[0]")],
        arrays={
            "c/float64/gradient of W/actual": want + 2e-15,
            "c/float64/gradient of W/expected": want,
            "c/float64/gradient of W/radius": np.array([1e-17]),
        },
    )
    (worst,) = [line for line in case_page(run, "c/float64") if line.lstrip().startswith(">")]
    got, expected = worst.split()[2:4]
    assert got != expected
    assert len(worst) <= 80
    assert "elements: the worst" not in "\n".join(case_page(run, "c/float64")), "all are shown"


def test_not_a_number_infinity_and_shapes_that_differ_are_shown() -> None:
    case, name = "c/float64", "c/float64/gradient of W"
    shown = FakeRun(
        records=[mismatch(case=case, where="[0]")],
        arrays={f"{name}/actual": np.array([math.nan, math.inf]), f"{name}/expected": np.zeros(2)},
    )
    lines = case_page(shown, case)
    (worst,) = [line for line in lines if line.lstrip().startswith(">")]
    assert "nan" in worst
    assert "inf" in "\n".join(lines)
    other = dataclasses.replace(shown, arrays={f"{name}/actual": np.zeros(3), f"{name}/expected": np.zeros((1, 3))})
    assert "the shape is (3,), and (1, 3) is expected" in "\n".join(case_page(other, case))


@pytest.mark.parametrize("where", ["", "[9, 9]", "[0]", "somewhere", "[,]", "[0 1]"])
def test_a_place_that_is_none_is_no_obstacle(where: str) -> None:
    run = FakeRun(records=[mismatch(case="linear/wide/float64", where=where)])
    assert case_page(run, "linear/wide/float64")


def test_unmatched_cases_are_listed_and_the_others_pointed_at() -> None:
    text = "\n".join(mistakes_page(FakeRun(), "parity-run"))
    assert "mismatch" in text
    assert "in linear/wide\n" in text
    assert "parity show parity-run linear/wide`" in text
    assert "1 more case matches; it is in parity-run/records.csv" in text
    assert "parity show parity-run linear/one-row/float64" in text
    text = "\n".join(mistakes_page(FakeRun(records=[record()]), "parity-run"))
    assert "Every quantity matches.\n1 case matches; it is in parity-run/records.csv" in text


def test_a_submission_moves_no_cursor() -> None:
    run = FakeRun(records=[mismatch(message="evil \x1b[2J\x07\x9b31m\u202e text\nnew \udcff", note="\x1b[31mred")])
    for text in (page(run), "\n".join(case_page(run, "linear/one-row/float64"))):
        assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e", "\udcff"}
        assert "\\x1b[2J" in text
    assert printable("a\nb\tc") == "a b c"


def test_numbers_are_short() -> None:
    assert [number(value) for value in (None, 0.0, 0.3149, 8.2e6, math.inf)] == ["-", "0", "0.315", "8.2e+06", "inf"]


def test_a_complaint_fits_the_terminal_and_is_one_line_in_a_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    complain("word " * 40)
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    complain("word " * 40 + "\n  f: more")
    assert [len(line) <= 80 for line in capsys.readouterr().err.splitlines()] == [True] * 4


@pytest.mark.parametrize(("changed", "listed"), [(3, 3), (4, 4), (30, 4)])
def test_of_many_changed_totals_the_largest_are_listed(
    changed: int, listed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    totals = {f"student{number}": float(number) for number in range(changed)}
    rows = [
        {"submission": name, "student": f"Ann {name}", "total": total, "status": "graded"}
        for name, total in totals.items()
    ]
    changes = changed_totals(dict.fromkeys(totals, -1.0), totals)
    print_class(Tables(totals, (), 0, 0, rows=rows), Path("my-class"), as_json=False, quiet=False, changes=changes)
    said, _, rest = capsys.readouterr().out.partition(f"{changed} of {changed} totals change.\n")
    assert said.startswith(f"Ann student{changed - 1}: -1 → {changed - 1} (+{changed}.00)\n")
    assert (said.count("\n"), "more: my-class/changes.csv\n" in said) == (listed, changed > 3)
    assert rest.startswith("Mean ")


def test_how_long_a_class_takes_is_told_when_a_few_are_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parity_tests.cli.grading_progress.EVERY", -1.0)
    with GradingProgress() as progress:
        progress.begin(5, "isolation none", [], {f"student{number}": "" for number in range(5)})
        for number in range(5):
            progress.finished(f"student{number}", new=True)
    told = [line for line in capsys.readouterr().err.splitlines() if " of 5 graded" in line]
    assert [" left" in line for line in told] == [False, False, True, True, False]
