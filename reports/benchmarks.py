"""Figures of a benchmark: one row a comparison, as a frame, a table and a picture."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


def to_frame(figures: Iterable[Figure]) -> pd.DataFrame:
    """One row a figure."""
    import pandas as pd

    names = [field.name for field in fields(Figure)]
    return pd.DataFrame([[getattr(figure, name) for name in names] for figure in figures], columns=names)


def save(folder: Path, figures: Sequence[Figure], machine: Mapping[str, Any]) -> None:
    """Write figures.csv, machine.json and figures.svg into `folder`, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {
        "figures.csv": to_frame(figures).to_csv(index=False),
        "machine.json": json.dumps(machine, indent=2) + "\n",
    }
    for name, text in written.items():
        part = folder / f".{name}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(folder / name)
    draw(figures, folder / "figures.svg")


def load(folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The frame and the machine of a saved benchmark. Raises OSError or ValueError for what is none."""
    import pandas as pd

    return pd.read_csv(folder / "figures.csv"), json.loads((folder / "machine.json").read_text(encoding="utf-8"))


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
    axes.set_yticks(list(places), [f"{f.subject} / {f.against}, {f.case}" for f in rows], fontsize=7)
    axes.set_xlabel("times as long (logarithmic)")
    axes.legend(fontsize=7, loc="lower right")
    picture.savefig(path, metadata={"Date": None})
    plt.close(picture)
