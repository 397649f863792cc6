"""The record: one frozen row per compared quantity, and lists of them to and from a DataFrame."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_args, get_type_hints

from reports.model.escape import encodable
from reports.model.notes import Note, NoteKind, kinds_of_schema_2, noted, notes_in
from reports.model.verdicts import FAILING, VERDICTS, Verdict

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Kept with every saved run; raised whenever a column is added, dropped, renamed or means something else.
SCHEMA_VERSION = 5
#: The versions that are read; the columns that an earlier one lacks are filled in on reading.
READ_VERSIONS = (2, 3, 4, 5)
#: What was called otherwise before schema 5: columns, and the words that end the names of arrays.
RENAMED = {"got": "actual", "want": "expected"}


class Column(NamedTuple):
    """What a column means, and which values it has where these are few.

    `student` says whether a student may see it of a case that was put to a process with right parts: a new column is
    hidden until that is allowed. `since` is the schema that it came with.
    """

    means: str
    student: bool = False
    one_of: tuple[str, ...] = ()
    since: int = 2


def _seen(means: str, one_of: tuple[str, ...] = ()) -> Column:
    return Column(means, student=True, one_of=one_of)


CERTAINTY = {"": "", "derived": "guaranteed", "bound": "guaranteed", "probable": "probable", "sample": "probable"}
"""What each kind of radius is: one that honest rounding never exceeds, or hardly ever."""


@dataclass(frozen=True, slots=True)
class Record:
    """The verdict and the figures of one quantity of one case.

    The fields are the columns, in this order; schema, frames, documentation and what students may see follow from here.
    A number is None and a text "" where there is none.
    """

    submission: Annotated[str, _seen("The submission's folder, as it was given.")]
    assignment: Annotated[str, _seen('The assignment that the submission answers; "" for a pair of functions.')]
    edition: Annotated[str, _seen("The year's form of the assignment.")]
    part: Annotated[str, _seen("The assignment's own id of the part; environment.parts has its label and title.")]
    check: Annotated[str, _seen("The assignment's own name for a kind of case, or import.")]
    case: Annotated[str, _seen("The name of the case, which is also the test id.")]
    quantity: Annotated[str, _seen("What was compared.")]
    device: Annotated[str, _seen("Where torch computed.")]
    dtype: Annotated[str, _seen("The precision of the inputs, or what was declared of the candidate's.")]
    isolation: Annotated[str, _seen("How the submission was run.")]
    step: Annotated[int | None, Column("The training step, where there are several.")]
    verdict: Annotated[str, _seen("What was found.", VERDICTS)]
    gap: Annotated[float | None, Column("The absolute difference at the worst element.")]
    radius: Annotated[float | None, Column("How far two correct computations of that element may differ.")]
    ratio: Annotated[
        float | None, Column("The largest difference divided by its error bound; up to 1 is within the error bound.")
    ]
    ulps: Annotated[float | None, Column("The difference in units in the last place.")]
    bad: Annotated[int | None, Column("How many elements have a ratio over 1.")]
    total: Annotated[int | None, Column("How many elements there are.")]
    where: Annotated[str, Column("The index of the worst element, as [row, column].")]
    actual: Annotated[float | None, Column("The submission's number there.")]
    expected: Annotated[float | None, Column("torch's number there.")]
    blame: Annotated[str, Column("Which side is wrong by higher precision: submission or reference.")]
    radius_kind: Annotated[
        str,
        _seen(
            "Where the error bound comes from: derived by hand, or a bound or a sample of what flows along torch's own "
            "operations. The first two are guaranteed; a sample is probable, and so is what is called that, a bound in "
            "which long sums go by their law.",
            tuple(CERTAINTY),
        ),
    ]
    undecided: Annotated[int | None, Column("How many elements cannot be decided: rounding explains too much there.")]
    resolution: Annotated[float | None, Column("The relative change of an element that would be noticed: the median.")]
    diagnosis: Annotated[
        str,
        Column(
            "Names of known mistakes, or changes of a pair's reference, that reproduce what was returned, joined by "
            "'; ', the simplest first."
        ),
    ]
    explained_by: Annotated[str, _seen("The part that this row follows from, if it is not a cause of its own.")]
    excuse: Annotated[
        str,
        Column(
            "What bears that out: proved where it is right with Parity's own part in place of that one, echo where the "
            "part fails its own cases too.",
            student=True,
            one_of=("", "proved", "echo"),
            since=4,
        ),
    ]
    message: Annotated[str, Column("A sentence; empty for a match.")]
    note: Annotated[str, Column("Notes: what is worth knowing and not wrong, joined by '; '.")]
    note_kinds: Annotated[str, Column("The kinds of these notes, joined by '; ' in their order.", since=3)]
    file: Annotated[str, Column("The file of the submission where it failed.")]
    line: Annotated[int | None, Column("The line there.")]
    seconds: Annotated[float | None, Column("What the case took; the same in all rows of a case.")]

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes, one by one, each with its kind."""
        return notes_in(self.note, self.note_kinds)

    @property
    def certainty(self) -> str:
        """Whether the radius is "guaranteed" or "probable"; "" where there is none, or of a kind that nobody knows."""
        return CERTAINTY.get(self.radius_kind, "")

    @property
    def of_harness(self) -> bool:
        """Whether something of Parity's own broke: it could not be judged, or not be named."""
        return self.verdict == Verdict.HARNESS_ERROR or any(note.kind is NoteKind.FAULT for note in self.notes)

    def with_notes(self, notes: Iterable[Note]) -> Record:
        """The same with these notes in place of its own."""
        note, note_kinds = noted(notes)
        return replace(self, note=note, note_kinds=note_kinds)


COLUMNS = tuple(field.name for field in fields(Record))

_SETTERS = tuple(vars(Record)[name].__set__ for name in COLUMNS)


_columns: dict[type[Record], dict[str, tuple[Any, Column]]] = {}


def columns_of(record: type[Record] = Record) -> dict[str, tuple[Any, Column]]:
    """The type and the meaning of each column of such records, by its name."""
    if record not in _columns:
        hints = get_type_hints(record, include_extras=True)
        declared = {field.name: get_args(hints[field.name]) for field in fields(record)}
        _columns[record] = {name: (of, column) for name, (of, column) in declared.items()}
    return _columns[record]


def records_of(columns: Sequence[Sequence[Any]]) -> list[Record]:
    """A record for each row of these columns, which are those of COLUMNS, all as long as the first.

    Field by field rather than record by record: a frozen record that is made by a call takes three times as long.
    """
    records = [Record.__new__(Record) for _ in columns[0]]
    for put, column in zip(_SETTERS, columns, strict=True):
        deque(map(put, records, column), maxlen=0)
    return records


# A DataFrame keeps these types even when it is empty or a whole column has no value.
_DTYPES = {
    name: {str: "string", int | None: "Int64", float | None: "float64"}[of] for name, (of, _) in columns_of().items()
}


def failing(record: Record, strict: bool = False) -> bool:
    """Whether a record fails the run; with `strict`, notes do too (promotion of the dtype aside)."""
    return record.verdict in FAILING or (strict and any(note.kind.costs for note in record.notes))


def to_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Records as a DataFrame: one row each, the columns of `COLUMNS`, the same dtypes whatever they hold.

    Text is `string`, escaped where no file could hold it; whole numbers are nullable `Int64`, the others `float64`,
    where None becomes NaN: a value that is NaN and one that is absent are told apart by `verdict` and `message`, not by
    the column.
    """
    import pandas as pd

    rows = list(records)
    columns = {}
    for name, dtype in _DTYPES.items():
        values = [getattr(row, name) for row in rows]
        columns[name] = pd.Series(map(encodable, values) if dtype == "string" else values, dtype=dtype)
    return pd.DataFrame(columns)


def read_table(path: Path) -> pa.Table:
    """The records in a file of Parquet, as a table of today's columns. Raises whatever pyarrow stumbles over."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Read whole: pyarrow takes no name in an odd encoding, and the file is small: threads would only wait.
    return _of_today(pq.ParquetFile(pa.BufferReader(path.read_bytes()), pre_buffer=False).read(use_threads=False))


def _of_today(table: pa.Table) -> pa.Table:
    """The table of an earlier schema with today's names and the columns that it lacks."""
    import pyarrow as pa

    names = [RENAMED.get(name, name) for name in table.column_names]
    table = table if names == table.column_names else table.rename_columns(names)  # which drops pandas' own words
    if "explained_by" in table.column_names and "excuse" not in table.column_names:
        empty = pa.array([""] * table.num_rows, pa.string())  # nothing was borne out then
        table = table.add_column(min(COLUMNS.index("excuse"), table.num_columns), "excuse", empty)
    if "note" in table.column_names and "note_kinds" not in table.column_names:
        kinds = [kinds_of_schema_2(note) for note in _plain(table["note"], "note")]
        place = COLUMNS.index("note_kinds")
        return table.add_column(min(place, table.num_columns), "note_kinds", pa.array(kinds, table["note"].type))
    return table


def from_table(table: pa.Table) -> list[Record]:
    """The records of a table of Arrow's, as a file holds it that was written of such a DataFrame.

    A `float64` that is NaN becomes None. Raises ValueError where columns are missing or unknown, or hold
    something else than they should.
    """
    names = table.column_names
    missing = [name for name in COLUMNS if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    if missing or unknown:
        parts = [f"the columns {', '.join(missing)} are missing"] if missing else []
        parts += [f"the columns {', '.join(unknown)} are unknown"] if unknown else []
        raise ValueError("; ".join(parts))
    columns = {name: _plain(table[name], name) for name in COLUMNS}
    no_verdicts = {*columns["verdict"]} - {*VERDICTS}
    if no_verdicts:
        raise ValueError(f"{min(no_verdicts)!r} is no verdict")
    return records_of([*columns.values()])


def _plain(column: pa.ChunkedArray, name: str) -> list[Any]:
    """The values of a column as a record has them: "" for no text, None for no number."""
    import pyarrow as pa

    types, kind = pa.types, _DTYPES[name]
    if kind == "string" and (types.is_large_string(column.type) or types.is_string(column.type)):
        return _texts(column)
    values: list[Any] = column.to_pylist()
    if kind == "float64" and types.is_floating(column.type):
        return [None if value != value else value for value in values]
    if kind == "Int64" and types.is_integer(column.type):
        return values
    if types.is_null(column.type):
        return [""] * len(values) if kind == "string" else values
    raise ValueError(f"a column holds values of another type: {name} is of {column.type}")


def _texts(column: pa.ChunkedArray) -> list[Any]:
    """The texts of a column; the same text is the same object in all rows, so that its hash is computed once."""
    coded = (column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()).dictionary_encode()
    known, places = [*coded.dictionary.to_pylist(), ""], coded.indices
    if column.null_count:
        places = places.fill_null(len(known) - 1)
    return [*map(known.__getitem__, places.to_numpy().tolist())]
