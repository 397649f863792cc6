"""Figures of benchmarks: comparisons, how time and memory grow, where time goes; as frames, tables and pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.model.numbers import duration
from reports.model.write_whole import write_whole
from reports.pictures.figure import figure
from reports.pictures.growth import growth_chart
from reports.pictures.intervals import Interval, intervals_chart

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Figure:
    """One subject held against another in the same rounds: quartiles of the round-by-round ratio, median seconds.

    `target` is the largest ratio asked for, None where none is.
    """

    benchmark: str
    case: str
    subject: str
    against: str
    ratio_low: float
    ratio: float
    ratio_high: float
    seconds: float
    seconds_against: float
    rounds: int
    target: float | None


@dataclass(frozen=True, slots=True)
class Size:
    """A class of so many submissions, graded once: seconds, and the most memory (MiB) that one process used.

    That is Parity's own, the largest of its workers, and the largest that ran a submission.
    """

    submissions: int
    seconds: float
    parent_mib: float
    worker_mib: float
    sandbox_mib: float


@dataclass(frozen=True, slots=True)
class Share:
    """Processor seconds of one part of the work on a "submission", or once for each "process" of Parity's."""

    part: str
    per: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Slope:
    """How seconds grow with what there is more of, from the size `low` to `high`: slopes on logarithmic axes.

    `slope` is that of the line through all sizes, `last_slope` that between the two largest; `seconds` are of `high`.
    """

    what: str
    low: int
    high: int
    slope: float
    last_slope: float
    seconds: float


@dataclass(frozen=True)
class Benchmarks:
    """All that was measured on one machine."""

    figures: Sequence[Figure] = ()
    sizes: Sequence[Size] = ()
    shares: Sequence[Share] = ()
    slopes: Sequence[Slope] = ()


_KINDS: dict[str, type[Any]] = {"figures": Figure, "sizes": Size, "shares": Share, "slopes": Slope}


def to_frame(rows: Iterable[Any], kind: type[Any] = Figure) -> pd.DataFrame:
    """One row for each of these figures, sizes or shares."""
    import pandas as pd

    names = [field.name for field in fields(kind)]
    return pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=names)


def save(folder: Path, measured: Benchmarks, machine: Mapping[str, Any]) -> None:
    """Write each kind of row (.parquet), machine.json and the pictures into `folder`, made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {"machine.json": (json.dumps(machine, indent=2) + "\n").encode()}
    for name, kind in _KINDS.items():
        frame = to_frame(getattr(measured, name), kind)
        written[f"{name}.parquet"] = bytes(frame.to_parquet(engine="pyarrow", index=False))
    if measured.figures:
        written["figures.svg"] = draw(measured.figures).encode()
    if measured.sizes:
        written["sizes.svg"] = draw_sizes(measured.sizes).encode()
    for name, data in written.items():
        write_whole(folder / name, data)


def load(folder: Path) -> tuple[Benchmarks, dict[str, Any]]:
    """What a folder holds, and the machine. Raises OSError or ValueError for what is none."""
    import pandas as pd

    machine = json.loads((folder / "machine.json").read_text(encoding="utf-8"))
    tables = {}
    for name, kind in _KINDS.items():
        if name == "slopes" and not (folder / f"{name}.parquet").exists():  # written before slopes were measured
            continue
        frame = pd.read_parquet(folder / f"{name}.parquet", engine="pyarrow")
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        try:
            tables[name] = [kind(**{str(key): value for key, value in row.items()}) for row in rows]
        except TypeError as error:
            raise ValueError(f"{name}.parquet has other columns: {error}") from error
    return Benchmarks(**tables), machine


def report(measured: Benchmarks) -> list[str]:
    """All of it as Markdown."""
    lines = table(measured.figures) if measured.figures else []
    if measured.shares:
        lines += ["", "| processor time of grading | once a | |", "| --- | --- | --- |"]
        lines += [f"| {share.part} | {share.per} | {duration(share.seconds)} |" for share in measured.shares]
    if measured.sizes:
        lines += [
            "",
            "| submissions | time | Parity | its largest worker | the largest sandboxed process |",
            "| ---: | ---: | ---: | ---: | ---: |",
        ]
        for size in measured.sizes:
            memory = (size.parent_mib, size.worker_mib, size.sandbox_mib)
            cells = " | ".join(f"{mib:.0f} MiB" for mib in memory)
            lines.append(f"| {size.submissions} | {duration(size.seconds)} | {cells} |")
        first, last = measured.sizes[0], measured.sizes[-1]
        if last.seconds > first.seconds:
            rate = (last.submissions - first.submissions) / (last.seconds - first.seconds)
            span = f"From {first.submissions} to {last.submissions}"
            lines += ["", f"{span}: {rate:.1f} submissions a second, once all is started."]
    if measured.slopes:
        lines += [
            "",
            "| more of | from … to | slope | at the end | time of the largest |",
            "| --- | --- | ---: | ---: | ---: |",
        ]
        for s in measured.slopes:
            span = f"{s.low:,} … {s.high:,}"
            lines.append(f"| {s.what} | {span} | {s.slope:.2f} | {s.last_slope:.2f} | {duration(s.seconds)} |")
    return lines[1:] if lines and not lines[0] else lines


def table(figures: Sequence[Figure]) -> list[str]:
    """A Markdown table: what against what, the ratio with its quartiles, the seconds, the target."""
    lines = [
        "| what | against | ratio (quartiles) | time | asked |",
        "| --- | --- | --- | --- | --- |",
    ]
    for f in figures:
        asked = "" if f.target is None else f"≤ {f.target:g}"
        lines.append(
            f"| {f.subject}, {f.case} | {f.against} | {f.ratio:.2f} "
            f"({f.ratio_low:.2f}–{f.ratio_high:.2f}) | {duration(f.seconds)} | {asked} |"
        )
    return lines


def draw(figures: Sequence[Figure]) -> str:
    """An SVG of all ratios with their quartiles on a logarithmic axis, with the line at 1 and the targets."""
    intervals = [
        Interval(f"{f.subject} / {f.against}, {f.case}", "", f.ratio_low, f.ratio, f.ratio_high, f.target)
        for f in figures
    ]
    title = "Times as long as what it is held against"
    chart = intervals_chart("targets", title, intervals, middle="ratio", mark="asked")
    return figure(title, [("", chart)], "A bar spans the quartiles of the rounds.")


def draw_sizes(sizes: Sequence[Size]) -> str:
    """An SVG of the time and the most memory that classes of these sizes took."""
    last = sizes[-1]
    seconds = {
        "measured": [(size.submissions, size.seconds) for size in sizes],
        "in proportion to the last": [(s.submissions, last.seconds * s.submissions / last.submissions) for s in sizes],
    }
    memory = {
        label: [(size.submissions, getattr(size, field)) for size in sizes]
        for label, field in (
            ("Parity", "parent_mib"),
            ("its largest worker", "worker_mib"),
            ("the largest sandboxed process", "sandbox_mib"),
        )
    }
    charts = [
        ("seconds", growth_chart("seconds", "Seconds of a class", seconds, logarithmic=True)),
        ("most memory, MiB", growth_chart("memory", "The most memory of a process", memory)),
    ]
    return figure("Time and memory by the number of submissions", charts)
