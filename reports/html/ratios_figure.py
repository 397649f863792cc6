"""The figure of a run: the ratio of every quantity on a logarithmic axis, with the line at 1 that rounding draws."""

from __future__ import annotations

from pathlib import Path

from reports.model.run import Results, parts_of

_COLOURS = {"float64": "#1f5fa8", "float32": "#d9741a"}
_LEAST, _MOST = 1e-4, 1e2


def draw_ratios(run: Results, path: Path) -> None:
    """Draws one dot for each quantity with a ratio, one row for each part, one colour for each dtype.

    Ratios of 0 (exact, or the same rounding on both sides) stand in a column at the left; those beyond the axis
    at its end. The file's ending tells the format. Raises ImportError where matplotlib is not installed.
    """
    import matplotlib  # type: ignore[import-not-found, unused-ignore]

    matplotlib.use("Agg")
    from matplotlib import pyplot  # type: ignore[import-not-found, unused-ignore]

    matplotlib.rcParams.update({"svg.hashsalt": "parity", "svg.fonttype": "none", "font.size": 9})
    parts = parts_of(run)
    shown = [record for record in run.records if record.ratio is not None]
    ids = parts.within(shown)
    figure, axes = pyplot.subplots(figsize=(8, 0.42 * len(ids) + 1.2), layout="constrained")
    axes.axvspan(1, _MOST, color="#f6d9d5", lw=0)
    axes.axvline(1, color="#b3261e", lw=1)
    for offset, (dtype, colour) in zip((0.16, -0.16), _COLOURS.items(), strict=True):
        ratios = [(record, record.ratio or 0.0) for record in shown if record.dtype == dtype]
        x = [min(max(ratio, _LEAST / 2 if ratio == 0 else _LEAST), _MOST) for _, ratio in ratios]
        y = [len(ids) - 1 - ids.index(record.part) + offset for record, _ in ratios]
        label = f"{dtype} ({len(ratios)} quantities)"
        axes.scatter(x, y, s=14, color=colour, alpha=0.35, linewidths=0, label=label)
    axes.set_xscale("log")
    axes.set_xlim(_LEAST / 3, _MOST)
    axes.set_xticks([_LEAST / 2, *(10.0**n for n in range(-3, 3))], ["0", "0.001", "0.01", "0.1", "1", "10", "100"])
    axes.minorticks_off()
    labels = [parts.heading(part) for part in ids]
    axes.set_yticks(range(len(ids) - 1, -1, -1), labels)
    axes.set_xlabel("ratio: the largest gap of a quantity, as a share of what rounding explains")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=150)
    pyplot.close(figure)
