"""The record: one frozen row per compared quantity, and lists of them to and from a DataFrame."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.model.escape import encodable

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Kept with every saved run; raised whenever a column is added, dropped, renamed or means something else.
SCHEMA_VERSION = 2

#: Every verdict there is, from the best to the worst.
VERDICTS = (
    "match",
    "undecided",
    "mismatch",
    "unjudged",
    "missing",
    "crashed",
    "timeout",
    "memory",
    "harness_error",
)

#: Verdicts that fail a run. `undecided` fails nobody: it warns.
FAILING = frozenset(VERDICTS) - {"match", "undecided"}


@dataclass(frozen=True, slots=True)
class Record:
    """The verdict and the figures of one quantity of one case. The fields are the columns, in this order.

    `gap` is the absolute difference at the worst element, `radius` how far two honest computations of that
    element may differ, `ratio` the largest gap/radius; `got` and `want` are the two values there and `where`
    its index. `radius_kind` says where the radius comes from: "derived" by hand, or a "bound" or "sample" of what flows
    along torch's own operations. `undecided` elements could not be told right from wrong; `resolution` is the relative
    change that would be noticed, the median over the elements. `note` holds what is worth knowing and not wrong,
    several joined by "; ".
    """

    submission: str
    assignment: str
    edition: str
    part: str
    check: str
    case: str
    quantity: str
    device: str
    dtype: str
    isolation: str
    step: int | None
    verdict: str
    gap: float | None
    radius: float | None
    ratio: float | None
    ulps: float | None
    bad: int | None
    total: int | None
    where: str
    got: float | None
    want: float | None
    blame: str
    radius_kind: str
    undecided: int | None
    resolution: float | None
    diagnosis: str
    explained_by: str
    message: str
    note: str
    file: str
    line: int | None
    seconds: float | None


COLUMNS = tuple(field.name for field in fields(Record))

_SETTERS = tuple(vars(Record)[name].__set__ for name in COLUMNS)


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
    field.name: {"str": "string", "int | None": "Int64", "float | None": "float64"}[str(field.type)]
    for field in fields(Record)
}


def joined_notes(notes: Iterable[str]) -> str:
    """The notes as a record keeps them, each of which `note_parts` gives back as one."""
    return "; ".join(note.replace("; ", ", ") for note in notes if note)


def note_parts(record: Record) -> tuple[str, ...]:
    """The notes of a record, one by one."""
    return tuple(part for part in record.note.split("; ") if part) if record.note else ()


def costs_when_strict(note: str) -> bool:
    """Whether a note is a discrepancy under `--strict`: all are, but promotion of the dtype."""
    return "promoted" not in note


def failing(record: Record, strict: bool = False) -> bool:
    """Whether a record fails the run; with `strict`, notes do too (promotion of the dtype aside)."""
    return record.verdict in FAILING or (strict and any(map(costs_when_strict, note_parts(record))))


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


def from_frame(frame: pd.DataFrame) -> list[Record]:
    """The records of a DataFrame made by `to_frame`. Raises ValueError as `from_table` does."""
    import pyarrow as pa

    return from_table(pa.Table.from_pandas(frame, preserve_index=False))


def read_table(path: Path) -> pa.Table:
    """The records in a file of Parquet, as a table. Raises whatever pyarrow stumbles over."""
    import pyarrow.parquet as pq

    # Handed over open: pyarrow takes no name in an odd encoding. The file is small: threads would only wait.
    with path.open("rb") as file:
        return pq.ParquetFile(file, pre_buffer=False).read(use_threads=False)


def from_table(table: pa.Table) -> list[Record]:
    """The records of a table of Arrow's, as a file holds it that was written of such a DataFrame.

    A `float64` that is NaN becomes None. Raises ValueError where columns are missing or unknown, or hold
    something else than they should.
    """
    missing = [name for name in COLUMNS if name not in table.column_names]
    unknown = [name for name in table.column_names if name not in COLUMNS]
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
    coded = column.combine_chunks().dictionary_encode()
    known = coded.dictionary.to_pylist()
    if column.null_count:
        known, places = [*known, ""], coded.indices.fill_null(len(known))
    else:
        places = coded.indices
    return [known[place] for place in places.to_numpy().tolist()]
