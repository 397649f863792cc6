"""How gap/radius is distributed over honest comparisons: a table and a picture, by quantity and dtype."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

SHORT, LONG = 0.01, 3e-4
"""The least median of gap/radius, where sums have up to 32 terms, and at 784: bounds that are tight enough."""
LONG_SUMS = {("network, 784 pixels", "L1 output"), ("trajectory, 100 pixels", "L1 output")}
"""Those over pixels; main's losses come of such sums too."""
_COLOURS = {"float64": "#1f5fa8", "float32": "#d9741a"}


def table(compared: pd.DataFrame) -> pd.DataFrame:
    """One row a part, quantity and dtype: records, elements, share of gaps of 0, median of the others, and the largest.

    `compared` has a row a record: check, case, quantity, dtype, gap, radius, ratio, elements, and whether the result
    was promoted: then it has the errors of a wider dtype, and says nothing of how tight the bound is. `asked` is the
    least that the median should be; it is NaN where nothing rounds.
    """
    frame = compared.assign(
        quantity=[_plain(quantity) for quantity in compared["quantity"]],
        check=[_check(case, check) for case, check in zip(compared["case"], compared["check"], strict=True)],
    )
    rows = []
    for (check, quantity, dtype), group in frame.groupby(["check", "quantity", "dtype"], sort=False):
        rounding = group[(group["gap"] != 0) & ~group["promoted"]]["ratio"]
        asked = LONG if (check, quantity) in LONG_SUMS or check == "main" else SHORT
        rows.append(
            {
                "part": check,
                "quantity": quantity,
                "dtype": dtype,
                "records": len(group),
                "elements": int(group["elements"].sum()),
                "exact": float((group["gap"] == 0).mean()),
                "median": float(rounding.median()) if len(rounding) else float("nan"),
                "largest": float(group["ratio"].max()),
                "asked": asked if len(rounding) else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def loose(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of a `table` whose median is under what is asked: bounds that are needlessly wide."""
    return summary[summary["median"] < summary["asked"]]


def draw(compared: pd.DataFrame, path: Path) -> None:
    """Draws, for each part and quantity that rounds, its ratios: the middle half, the median, and the largest.

    Raises ImportError where matplotlib is not installed.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    matplotlib.rcParams.update({"svg.hashsalt": "parity", "svg.fonttype": "none", "font.size": 8})
    summary = table(compared).dropna(subset=["median"])
    labels = list(dict.fromkeys(zip(summary["part"], summary["quantity"], strict=True)))
    figure, axes = pyplot.subplots(figsize=(9, 0.22 * len(labels) + 1.2), layout="constrained")
    axes.axvline(1, color="#b3261e", lw=1)
    frame = compared[(compared["gap"] != 0) & ~compared["promoted"]].assign(
        quantity=lambda f: [_plain(q) for q in f["quantity"]],
        check=lambda f: [_check(case, check) for case, check in zip(f["case"], f["check"], strict=True)],
    )
    for (check, quantity, dtype), group in frame.groupby(["check", "quantity", "dtype"]):
        offset = 0.16 if dtype == "float64" else -0.16
        y = len(labels) - 1 - labels.index((check, quantity)) + offset
        low, middle, high = (float(group["ratio"].quantile(share)) for share in (0.25, 0.5, 0.75))
        colour = _COLOURS[str(dtype)]
        axes.plot([low, high], [y, y], color=colour, lw=3, alpha=0.4, solid_capstyle="butt")
        axes.plot([middle], [y], "|", color=colour, ms=6)
        axes.plot([float(group["ratio"].max())], [y], ".", color=colour, ms=4)
    axes.set_xscale("log")
    axes.set_yticks(range(len(labels) - 1, -1, -1), [f"{part}: {quantity}" for part, quantity in labels])
    axes.set_xlabel(
        "gap/radius over honest comparisons: middle half, median (|), largest (·); blue float64, orange float32"
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=150)
    pyplot.close(figure)


def _plain(quantity: Any) -> str:
    """A quantity without which input it was of, and whether it was asked twice."""
    return re.sub(r", (second input|backward twice|evaluation)$", "", str(quantity))


def _check(case: str, check: str) -> str:
    if check == "network":
        return "network, 784 pixels"
    return "trajectory, 100 pixels" if check == "trajectory" else check
