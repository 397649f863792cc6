"""The picture of a training trace: gap and radius over the steps on a logarithmic axis, the losses beneath."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

PANELS = {
    "weights": ("updated L1 W", "updated L2 W"),
    "gradients": ("L1 gradient of W", "L2 gradient of W"),
    "activations": ("L1 output", "L2 output"),
}
_COLOURS = ("#1f5fa8", "#d9741a")
_RED, _PALE = "#b3261e", "#c9c9c9"


def draw_trace(
    quantities: pd.DataFrame,
    steps: pd.DataFrame,
    path: Path,
    *,
    title: str,
    divergence: tuple[int, str] | None = None,
    undecided: int | None = None,
) -> None:
    """Draws the tables of a trace into an SVG or PNG, as the ending says.

    `divergence` is the first one's step and quantity, `undecided` the step from which on the radius tells nothing.
    Solid lines are gaps, dashed ones radii; a gap of 0 is not drawn.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "parity", "font.size": 8, "axes.titlesize": 9, "lines.linewidth": 1}):
        figure, axes = pyplot.subplots(
            len(PANELS) + 1, 1, figsize=(7, 8), sharex=True, layout="constrained", height_ratios=[3, 3, 3, 2]
        )
        for axis, (panel, names) in zip(axes, PANELS.items(), strict=False):
            _panel(axis, panel, names, quantities)
        _losses(axes[-1], steps)
        last = int(steps["step"].max()) if len(steps) else 1
        for axis in axes:
            _marks(axis, divergence, undecided, last)
            axis.spines[["top", "right"]].set_visible(False)
            axis.margins(x=0.01)
        axes[-1].set_xlabel("training step")
        _legend(figure, title, divergence, undecided)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=200)
        pyplot.close(figure)


def _panel(axis: Any, panel: str, names: tuple[str, ...], quantities: pd.DataFrame) -> None:
    """One panel: gap and radius of a few quantities."""
    drawn = False
    for name, colour in zip(names, _COLOURS, strict=True):
        rows = quantities[quantities["quantity"] == name] if len(quantities) else quantities
        if not len(rows):
            continue
        gap, radius = rows["gap"].where(rows["gap"] > 0), rows["radius"].where(rows["radius"] > 0)
        style = {"marker": ".", "markersize": 3} if len(rows) < 40 else {}
        axis.plot(rows["step"], gap, color=colour, label=name.removeprefix("updated "), **style)
        axis.plot(rows["step"], radius, color=colour, linestyle=(0, (4, 2)))
        drawn = drawn or bool(gap.notna().any() or radius.notna().any())
    if drawn:
        axis.set_yscale("log")
    axis.set_ylabel(panel)
    _names(axis)
    axis.grid(axis="y", color="#e3e3e3", linewidth=0.5)
    axis.set_axisbelow(True)


def _losses(axis: Any, steps: pd.DataFrame) -> None:
    """Both sides' losses of the mini-batches, and their moving means where there are many."""
    if not len(steps):
        return
    window = max(1, len(steps) // 50)
    for column, label, colour, thick in (("torch_loss", "torch", _PALE, 2.5), ("loss", "submission", _COLOURS[0], 0.8)):
        values = steps[column].astype(float).rolling(window, min_periods=1).mean()
        axis.plot(steps["step"], values, color=colour, linewidth=thick, label=label)
    axis.set_ylabel("loss" if window == 1 else f"loss, mean of {window}")
    axis.set_ylim(bottom=0)
    _names(axis)
    axis.grid(axis="y", color="#e3e3e3", linewidth=0.5)


def _names(axis: Any) -> None:
    """The names of a panel's lines, above it: inside they would lie on some line or other."""
    if axis.get_legend_handles_labels()[0]:
        axis.legend(loc="lower right", bbox_to_anchor=(1, 0.98), borderaxespad=0, frameon=False, ncols=2, fontsize=7)


def _marks(axis: Any, divergence: tuple[int, str] | None, undecided: int | None, last: int) -> None:
    if undecided is not None:
        axis.axvspan(undecided, max(last, undecided + 1), color="#f1ecd9", lw=0, zorder=0)
        axis.axvline(undecided, color="#9a7b0a", linestyle=":")
    if divergence is not None:
        axis.axvline(divergence[0], color=_RED)


def _legend(figure: Any, title: str, divergence: tuple[int, str] | None, undecided: int | None) -> None:
    """The title, and what the kinds of lines and the marks mean."""
    from matplotlib.lines import Line2D

    keys = [
        Line2D([], [], color="#333333", label="gap between submission and torch"),
        Line2D([], [], color="#333333", linestyle=(0, (4, 2)), label="radius: what rounding explains"),
    ]
    if divergence is not None:
        keys.append(Line2D([], [], color=_RED, label=f"first divergence: step {divergence[0]}, {divergence[1]}"))
    if undecided is not None:
        keys.append(Line2D([], [], color="#9a7b0a", linestyle=":", label=f"undecided from step {undecided} on"))
    place: dict[str, Any] = {"loc": "outside upper center", "frameon": False, "ncols": 2}
    figure.legend(handles=keys, title=title, title_fontsize=8.5, fontsize=7, **place)
