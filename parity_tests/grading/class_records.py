"""The records of a class in one file: written submission by submission, as they are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP = 32
"""Submissions in a row group of records.parquet: what is known of each group stays in memory to the end."""


@contextmanager
def class_records(target: Path) -> Iterator[ClassRecords]:
    """Takes the records of all submissions, and writes them to `target`, if there are any."""
    with ExitStack() as stack:
        records = ClassRecords(target, stack)
        yield records
        records.flush()


class ClassRecords:
    """Writes the records of one submission after the other into one file."""

    def __init__(self, target: Path, stack: ExitStack) -> None:
        self._target = target
        self._stack = stack
        self._writer: Any = None
        self._unwritten: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        """Take the records of one submission."""
        self._unwritten.append(table)
        if len(self._unwritten) == _GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what is not written yet."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._unwritten:
            return
        if self._writer is None:
            self._writer = self._stack.enter_context(pq.ParquetWriter(self._target, self._unwritten[0].schema))
        self._writer.write_table(pa.concat_tables(table.cast(self._writer.schema) for table in self._unwritten))
        self._unwritten.clear()
