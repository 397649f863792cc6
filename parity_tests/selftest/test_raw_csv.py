"""A table whose single cells are changed: read as CSV reads it, and written byte for byte."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.grading.course_tables import read_table
from parity_tests.grading.raw_csv import NoCsvError, RawCsv
from parity_tests.grading.roster import load_roster
from parity_tests.protocol.errors import UsageError


@given(
    rows=st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=6), min_size=1, max_size=4), max_size=5),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    last=st.booleans(),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
@settings(max_examples=100, deadline=None)
def test_a_table_is_read_as_csv_reads_it_and_written_byte_for_byte(
    rows: list[list[str]], delimiter: str, end: str, quoting: Any, last: bool, mark: bytes
) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    text = stream.getvalue() if last else stream.getvalue().removesuffix(end)
    data = mark + text.encode()
    table = RawCsv.of(data, delimiter)
    assert table.to_bytes() == data
    read = [[table.value(row, column) for column in range(len(found))] for row, found in enumerate(table.rows)]
    assert read == [row or [""] for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]


@given(st.binary(max_size=60), st.sampled_from(",;\t"))
@settings(max_examples=100, deadline=None)
def test_bytes_that_are_taken_come_back_as_they_were(data: bytes, delimiter: str) -> None:
    try:
        table = RawCsv.of(data, delimiter)
    except NoCsvError:
        return
    assert table.to_bytes() == data


@given(st.text(st.characters(codec="utf-8"), max_size=8), st.integers(0, 3))
def test_a_cell_that_is_set_says_so_and_no_other_changes(value: str, column: int) -> None:
    table = RawCsv.of(b'a,"b",c\r\n1,"2""",\r\n', ",")
    table.set(1, column, value)
    again = RawCsv.of(table.to_bytes(), ",")
    assert again.value(1, column) == value
    assert [again.value(0, place) for place in range(3)] == ["a", "b", "c"]
    assert [again.value(1, place) for place in range(3) if place != column] == [
        cell for place, cell in enumerate(["1", '2"', ""]) if place != column
    ]


@pytest.mark.parametrize(
    "table",
    [
        'Student,ID,SIS Login ID,Section,HW (1)\nPoints Possible,,,,100\n"Bo\nRay",2,b,s,\nLee, Ann,1,a,s,\n',
        'Identifier,Full name,Email address,Status,Grade,Maximum Grade\nParticipant 1,"A\n\nB",a@x,ok,,100,late\n',
    ],
)
def test_a_row_with_more_cells_than_the_header_is_a_sentence_with_its_line(table: str, tmp_path: Path) -> None:
    path, roster = tmp_path / "t.csv", tmp_path / "roster.csv"
    path.write_text(table)
    with pytest.raises(UsageError, match=r"t.csv, line [25]: there are \d cells, and line 1 has \d"):
        read_table(path, None)
    right = table.replace("Lee, ", "").replace(",late", "")
    path.write_text(right)
    assert read_table(path, None).rows
    roster.write_text(right.replace(",s,", ",s,,late").replace(",100", ",100,late"))
    with pytest.raises(UsageError, match=r"line \d: 'late' is in no column"):
        load_roster(roster)
