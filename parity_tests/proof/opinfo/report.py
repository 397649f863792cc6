"""What the jury found: a table as CSV and Markdown, its counts in sentences, the curve as numbers and a picture."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from parity_tests.proof.jury import line, shown, write_csv
from parity_tests.proof.opinfo.faults import SIZES
from parity_tests.proof.opinfo.trial import ABSENT, ACCEPTED, OVER, REFUSED, UNDECIDED, Row
from reports.pictures.figure import figure
from reports.pictures.growth import growth_chart

COLUMNS = (
    "operation", "dtype", "verdict", "references", "cases", "refused", "results", "kinds", "ratio", "resolution",
    "where", "right", "seeded", "unchanged", "within", "caught", "missed", "reason",
)  # fmt: skip

CURVE = ("kind", "dtype", "size", "caught", "operations")
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
    """opinfo.csv and opinfo-curve.csv in `folder`, made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "opinfo.csv", COLUMNS, ([getattr(row, name) for name in COLUMNS] for row in rows))
    write_csv(folder / "opinfo-curve.csv", CURVE, curves(rows))


def read(folder: Path) -> tuple[list[Row], list[tuple[str, ...]]]:
    """The rows that `write` wrote, without their curves, and the lines of these."""
    with (folder / "opinfo.csv").open(encoding="utf-8", newline="") as lines:
        rows = [Row(**{name: _value(name, text) for name, text in cells.items()}) for cells in csv.DictReader(lines)]
    with (folder / "opinfo-curve.csv").open(encoding="utf-8", newline="") as lines:
        return rows, [tuple(cells) for cells in csv.reader(lines)][1:]


def _value(name: str, text: str) -> Any:
    kind = {field.name: field.type for field in fields(Row)}[name]
    return text if kind == "str" else int(text) if kind == "int" else float(text) if text else None


def markdown(rows: Sequence[Row]) -> Iterator[str]:
    """The summary; what differs; what is refused and undecided, by reason; what is accepted."""
    yield from ("# PyTorch's own list of operations as the jury", "", summary(rows), "")
    yield from ("![share of faults caught against their size](opinfo-curve.svg)", "")
    yield from ("## Over the radius", "", "| operation | type | reference | ratio | right | why | where |")
    yield "| --- | --- | --- | ---: | --- | --- | --- |"
    for row in _of(rows, OVER):
        figures = (row.references, shown(row.ratio), row.right)
        yield line(row.operation, row.dtype, *figures, FINDINGS.get(row.operation, ""), row.where)
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


def curves(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """By kind of radius, type and size of the fault: the share caught, each operation counting alike."""
    found: list[tuple[str, ...]] = []
    for kind in ("bound", "sample"):
        for dtype, sizes in SIZES.items():
            shares = [row.curves[kind] for row in rows if row.dtype == dtype and kind in row.curves]
            if shares:
                means = np.mean(shares, axis=0)
                for size, mean in zip(sizes, means, strict=True):
                    found.append((kind, dtype, f"{size:.3g}", f"{mean:.4f}", str(len(shares))))
    return found


def draw(lines: Sequence[tuple[str, ...]]) -> str:
    """An SVG of the share caught against the size of the fault, a line for each kind of radius and type."""
    series: dict[str, list[tuple[float, float]]] = {}
    for kind, dtype, size, share, _ in lines:
        series.setdefault(f"{kind}, {dtype}", []).append((float(size), float(share)))
    title = "The share of faults that is caught, by the relative change of one element"
    return figure(title, [("", growth_chart("caught", title, series))])
