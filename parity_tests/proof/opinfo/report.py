"""What the jury found: a table as CSV and Markdown, and its counts in sentences."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from parity_tests.proof.jury import line, shown, write_csv
from parity_tests.proof.opinfo.trial import ABSENT, ACCEPTED, OVER, REFUSED, UNDECIDED, Row

COLUMNS = (
    "operation", "dtype", "verdict", "references", "cases", "refused", "results", "kinds", "ratio", "resolution",
    "where", "seeded", "unchanged", "within", "caught", "missed", "reason",
)  # fmt: skip

FINDINGS = {
    "erfc": "scipy errs by more ulps in the tail than any library documents",
    "nn.functional.softplus": "log(1 + eˣ) as numpy has it here cancels far below 0",
    "std": "numpy divides by n where nothing is said, torch by n − 1",
    "var": "numpy divides by n where nothing is said, torch by n − 1",
}
"""Where the reference that torch's authors wrote is another function, or a worse form, by name."""


def summary(rows: Sequence[Row]) -> str:
    """The counts, as one paragraph."""
    present = [row for row in rows if row.verdict != ABSENT]
    count = {
        verdict: sum(row.verdict == verdict for row in present) for verdict in (ACCEPTED, OVER, UNDECIDED, REFUSED)
    }
    seeded, unchanged, within, caught, missed = (
        sum(getattr(row, name) for row in rows) for name in ("seeded", "unchanged", "within", "caught", "missed")
    )
    return (
        f"Of PyTorch's own list of {len({row.operation for row in rows})} operations and modules, in float32 and "
        f"float64 {len(present)} in all, {count[ACCEPTED]} are accepted, {count[OVER]} differ from their reference, "
        f"{count[UNDECIDED]} are undecided and {count[REFUSED]} are refused, each with its reason. Of {seeded} faults "
        f"seeded in accepted answers {unchanged} change nothing, {within} stay within the radius, and of the others "
        f"{caught} of {caught + missed} are caught."
    )


def write(rows: Sequence[Row], folder: Path) -> None:
    """opinfo.csv in `folder`, made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "opinfo.csv", COLUMNS, ([getattr(row, name) for name in COLUMNS] for row in rows))


def read(folder: Path) -> list[Row]:
    """The rows that `write` wrote."""
    with (folder / "opinfo.csv").open(encoding="utf-8", newline="") as lines:
        return [Row(**{name: _value(name, text) for name, text in cells.items()}) for cells in csv.DictReader(lines)]


def _value(name: str, text: str) -> Any:
    kind = {field.name: field.type for field in fields(Row)}[name]
    return text if kind == "str" else int(text) if kind == "int" else float(text) if text else None


def markdown(rows: Sequence[Row]) -> Iterator[str]:
    """The summary; what differs; what is refused and undecided, by reason; what is accepted."""
    yield from ("# PyTorch's own list of operations as the jury", "", summary(rows), "")
    yield from ("## Over the radius", "", "| operation | type | reference | ratio | why | where |")
    yield "| --- | --- | --- | ---: | --- | --- |"
    for row in _of(rows, OVER):
        yield line(
            row.operation, row.dtype, row.references, shown(row.ratio), FINDINGS.get(row.operation, ""), row.where
        )
    yield from ("", "## Refused or undecided", "", "| operation | type | verdict | why |", "| --- | --- | --- | --- |")
    for row in (*_of(rows, REFUSED), *_of(rows, UNDECIDED)):
        yield line(row.operation, row.dtype, row.verdict, row.reason)
    yield from ("", "## Accepted", "")
    yield "| operation | type | reference | radius | largest gap ÷ radius | resolution | faults caught | and |"
    yield "| --- | --- | --- | --- | ---: | ---: | ---: | --- |"
    for row in _of(rows, ACCEPTED):
        caught = f"{row.caught} of {row.caught + row.missed}"
        figures = (shown(row.ratio), shown(row.resolution), caught)
        yield line(row.operation, row.dtype, row.references, row.kinds, *figures, row.reason)
    yield ""


def _of(rows: Sequence[Row], verdict: str) -> list[Row]:
    return [row for row in rows if row.verdict == verdict]
