"""Records: their columns, to a DataFrame and back, what fails, and the summary."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from parity_tests import pytest_plugin
from parity_tests.selftest.fake_records import FakeRun, from_frame, mismatch, record
from reports.model.elements import arrays_of
from reports.model.records import COLUMNS, failing, from_table, read_table, to_frame
from reports.model.summary import summary_frame, worst
from reports.model.verdicts import FAILING, PASSING, VERDICTS


def test_columns_are_the_designs_in_its_order() -> None:
    assert " ".join(COLUMNS) == (
        "submission assignment edition part check case quantity device dtype isolation step verdict gap radius ratio "
        "ulps bad total where actual expected blame radius_kind undecided resolution diagnosis explained_by excuse "
        "message note note_kinds file line seconds"
    )


def test_records_survive_the_journey_through_a_frame() -> None:
    records = [
        record(step=3, line=41, note="a; b"),
        mismatch(ratio=math.inf, actual=-math.inf),
        record(gap=None, radius=None, ratio=None, ulps=None, bad=None, total=None, actual=None, expected=None),
    ]
    assert from_frame(to_frame(records)) == records


def test_a_text_that_is_missing_is_none() -> None:
    frame = to_frame([record(note="a"), record(note="b"), record(note="a")])
    assert [each.note for each in from_frame(frame.assign(note=frame["note"].where(frame["note"] == "a")))] == [
        "a",
        "",
        "a",
    ]
    assert [each.note for each in from_frame(frame.assign(note=None))] == ["", "", ""]


def test_frame_has_the_same_types_whatever_it_holds() -> None:
    full = to_frame([record(step=1, line=2)]).dtypes
    assert full.equals(to_frame([]).dtypes)
    assert full.equals(to_frame([record(ratio=None, seconds=None)]).dtypes)
    assert (str(full["step"]), str(full["ratio"]), str(full["case"])) == ("Int64", "float64", "string")


def test_text_that_no_file_can_hold_is_escaped() -> None:
    assert to_frame([record(submission="home\udcff")])["submission"][0] == "home\\udcff"


def test_frame_with_other_columns_is_refused_by_name() -> None:
    frame = to_frame([record()])
    with pytest.raises(ValueError, match="columns verdict are missing"):
        from_frame(frame.drop(columns="verdict"))
    with pytest.raises(ValueError, match="columns points are unknown"):
        from_frame(frame.assign(points=1))
    with pytest.raises(ValueError, match="another type"):
        from_frame(frame.assign(line="many"))
    for verdict in ("passed", "Match", "", None):
        with pytest.raises(ValueError, match="is no verdict"):
            from_frame(frame.assign(verdict=verdict))


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        record().verdict = "match"  # type: ignore[misc]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_everything_but_match_and_undecided_fails(verdict: str) -> None:
    assert failing(record(verdict=verdict)) == (verdict not in ("match", "undecided"))
    assert (verdict in FAILING) == failing(record(verdict=verdict))


def test_the_plugin_which_imports_nothing_of_parity_passes_the_same() -> None:
    assert pytest_plugin.PASSING == PASSING


def test_notes_fail_only_when_strict_and_promotion_never() -> None:
    flat = record(note="bias of shape (4,) where (1, 4) is expected")
    promoted = record(note="float32 became float64", note_kinds="promoted")
    both = record(note="float32 became float64; overwrites its input", note_kinds="promoted; overwrites")
    assert [failing(each) for each in (flat, promoted, both)] == [False, False, False]
    assert [failing(each, strict=True) for each in (flat, promoted, both)] == [True, False, True]
    assert not failing(record(), strict=True)


def test_words_alone_make_no_note_cost_nothing() -> None:
    assert failing(record(note="all is promoted", note_kinds="warns"), strict=True)
    assert failing(record(note="all is promoted"), strict=True)


def test_runs_before_schema_5_are_read_with_todays_names_of_columns_and_arrays(tmp_path: Path) -> None:
    today = mismatch(actual=0.5, expected=0.25)
    to_frame([today]).rename(columns={"actual": "got", "expected": "want"}).to_parquet(tmp_path / "records.parquet")
    assert from_table(read_table(tmp_path / "records.parquet")) == [today]
    name, arrays = f"{today.case}/{today.quantity}", {"got": np.array([0.5]), "want": np.array([0.25])}
    kept = arrays_of(FakeRun(arrays={f"{name}/{word}": array for word, array in arrays.items()}), today)
    assert kept is not None
    assert [float(array[0]) for array in kept] == [0.5, 0.25, 0.0]


def test_a_run_of_schema_2_is_read_with_the_kinds_that_its_words_had(tmp_path: Path) -> None:
    notes = ["promoted from float32 to float64; overwrites its input", "promoted from float32 to float64", ""]
    old = to_frame([record(note=note) for note in notes]).drop(columns="note_kinds")
    old.to_parquet(tmp_path / "records.parquet")
    read = from_table(read_table(tmp_path / "records.parquet"))
    assert [each.note for each in read] == notes
    assert [[note.kind for note in each.notes] for each in read] == [["promoted", ""], ["promoted"], []]
    assert [failing(each, strict=True) for each in read] == [True, False, False]


def test_summary_has_a_row_for_each_part_and_dtype() -> None:
    records = [
        record(part="10", dtype="float64"),
        record(part="3", dtype="float32", ratio=0.7, case="linear/tall/float32"),
        record(part="3", dtype="float32", ratio=0.2, note="n"),
        record(part="3", dtype="float64", ratio=None, verdict="crashed", case="linear/wide/float64"),
        record(part="3", dtype="float64", ratio=0.9),
        record(part="10", dtype="float64", ratio=None, verdict="missing", explained_by="3"),
    ]
    summary = summary_frame(FakeRun(records=records))
    assert list(zip(summary["part"], summary["dtype"], strict=True)) == [
        ("3", "float32"),
        ("3", "float64"),
        ("10", "float64"),
    ]
    assert summary["quantities"].tolist() == [2, 2, 2]
    assert (summary["not_judged"].tolist(), summary["missing"].tolist()) == ([0, 0, 1], [0, 0, 0])
    assert summary["match"].tolist() == [2, 1, 1]
    assert summary["crashed"].tolist() == [0, 1, 0]
    assert summary["notes"].tolist() == [1, 0, 0]
    assert summary["largest_ratio"].tolist() == [0.7, 0.9, 0.1]
    assert summary["worst_case"].tolist()[:2] == ["linear/tall/float32", "linear/wide/float64"]
    assert summary_frame(FakeRun(records=[])).dtypes.equals(summary.dtypes)


def test_worst_is_what_fails_and_then_the_largest_ratio() -> None:
    near, far, lost = record(ratio=0.9), mismatch(ratio=8.0), mismatch(ratio=math.nan)
    assert worst([near, lost, far]) is far
    assert worst([near, lost]) is lost
    assert worst([record(ratio=0.1), near]) is near
