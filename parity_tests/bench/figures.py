"""Figures of benchmarks: comparisons, how time and memory grow, where time goes; as frames, tables and pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.model.write_whole import write_whole

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


@dataclass(frozen=True)
class Benchmarks:
    """All that was measured on one machine."""

    figures: Sequence[Figure] = ()
    sizes: Sequence[Size] = ()
    shares: Sequence[Share] = ()


_KINDS: dict[str, type[Any]] = {"figures": Figure, "sizes": Size, "shares": Share}


def to_frame(rows: Iterable[Any], kind: type[Any] = Figure) -> pd.DataFrame:
    """One row for each of these figures, sizes or shares."""
    import pandas as pd

    names = [field.name for field in fields(kind)]
    return pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=names)


def save(folder: Path, measured: Benchmarks, machine: Mapping[str, Any]) -> None:
    """Write figures, sizes and shares (.parquet), machine.json and the pictures into `folder`, made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {"machine.json": (json.dumps(machine, indent=2) + "\n").encode()}
    for name, kind in _KINDS.items():
        frame = to_frame(getattr(measured, name), kind)
        written[f"{name}.parquet"] = bytes(frame.to_parquet(engine="pyarrow", index=False))
    for name, data in written.items():
        write_whole(folder / name, data)
    if measured.figures:
        draw(measured.figures, folder / "figures.svg")
    if measured.sizes:
        draw_sizes(measured.sizes, folder / "sizes.svg")


def load(folder: Path) -> tuple[Benchmarks, dict[str, Any]]:
    """What a folder holds, and the machine. Raises OSError or ValueError for what is none."""
    import pandas as pd

    machine = json.loads((folder / "machine.json").read_text(encoding="utf-8"))
    found = {}
    for name, kind in _KINDS.items():
        frame = pd.read_parquet(folder / f"{name}.parquet", engine="pyarrow")
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        try:
            found[name] = [kind(**{str(key): value for key, value in row.items()}) for row in rows]
        except TypeError as error:
            raise ValueError(f"{name}.parquet has other columns: {error}") from error
    return Benchmarks(**found), machine


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
    return lines[1:] if lines and not lines[0] else lines


def table(figures: Sequence[Figure]) -> list[str]:
    """A Markdown table: what against what, the ratio with its quartiles, the seconds, the target."""
    lines = [
        "| what | against | ratio (quartiles) | time | asked |",
        "| --- | --- | --- | --- | --- |",
    ]
    for figure in figures:
        asked = "" if figure.target is None else f"≤ {figure.target:g}"
        lines.append(
            f"| {figure.subject}, {figure.case} | {figure.against} | {figure.ratio:.2f} "
            f"({figure.ratio_low:.2f}–{figure.ratio_high:.2f}) | {duration(figure.seconds)} | {asked} |"
        )
    return lines


def duration(seconds: float) -> str:
    """Seconds in a unit that fits: 1.7 ms, 2.4 s."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def draw(figures: Sequence[Figure], path: Path) -> None:
    """A picture of all ratios with their quartiles on a logarithmic axis, with the line at 1 and the targets."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    rows = list(reversed(figures))
    picture, axes = plt.subplots(figsize=(7.5, 1.2 + 0.26 * len(rows)), layout="constrained")
    places = range(len(rows))
    middle = [figure.ratio for figure in rows]
    spread = [[f.ratio - f.ratio_low for f in rows], [f.ratio_high - f.ratio for f in rows]]
    axes.errorbar(
        middle, places, xerr=spread, fmt="o", color="#0072b2", markersize=4, capsize=2, label="ratio, quartiles"
    )
    wanted = [(figure.target, place) for figure, place in zip(rows, places, strict=True) if figure.target is not None]
    if wanted:
        axes.plot(*zip(*wanted, strict=True), "|", color="#d55e00", markersize=10, markeredgewidth=2, label="asked")
    axes.axvline(1, color="#888888", linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(min(places) - 1, max(places) + 1)
    axes.set_yticks(list(places), [f"{f.subject} / {f.against}, {f.case}" for f in rows], fontsize=7)
    axes.set_xlabel("times as long (logarithmic)")
    axes.legend(fontsize=7, loc="lower right")
    picture.savefig(path, metadata={"Date": None})
    plt.close(picture)


def draw_sizes(sizes: Sequence[Size], path: Path) -> None:
    """Time and the most memory against the number of submissions, both axes logarithmic."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    picture, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    numbers = [size.submissions for size in sizes]
    left.plot(numbers, [size.seconds for size in sizes], "o-", color="#0072b2", label="measured")
    last = sizes[-1]
    through = [last.seconds * n / last.submissions for n in numbers]
    left.plot(numbers, through, "--", color="#888888", linewidth=0.8, label="in proportion to the last")
    left.set_ylabel("seconds")
    for name, label, colour in (
        ("parent_mib", "Parity", "#0072b2"),
        ("worker_mib", "its largest worker", "#d55e00"),
        ("sandbox_mib", "the largest sandboxed process", "#009e73"),
    ):
        right.plot(numbers, [getattr(size, name) for size in sizes], "o-", color=colour, label=label)
    right.set_ylabel("most memory, MiB")
    right.set_ylim(bottom=0)
    left.set_yscale("log")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("submissions")
        axes.legend(fontsize=7)
    picture.savefig(path, metadata={"Date": None})
    plt.close(picture)
