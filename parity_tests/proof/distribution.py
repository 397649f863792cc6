"""How gap/radius is distributed over honest comparisons: a table and a picture, by quantity and dtype."""

from __future__ import annotations

import pandas as pd

from reports.pictures.figure import figure
from reports.pictures.intervals import Interval, intervals_chart


def table(compared: pd.DataFrame) -> pd.DataFrame:
    """One row a part, quantity and dtype: records, elements, share of gaps of 0, median of the others, and the largest.

    `compared` has a row a record: part, quantity, dtype, gap, radius, ratio, elements, the least median that is asked
    for, and whether the result was promoted: then it has the errors of a wider dtype, and says nothing of how tight the
    bound is. `asked` is that least median; it is NaN where nothing rounds.
    """
    rows = []
    for (part, quantity, dtype), group in compared.groupby(["part", "quantity", "dtype"], sort=False):
        rounding = group[(group["gap"] != 0) & ~group["promoted"]]["ratio"]
        rows.append(
            {
                "part": part,
                "quantity": quantity,
                "dtype": dtype,
                "records": len(group),
                "elements": int(group["elements"].sum()),
                "exact": float((group["gap"] == 0).mean()),
                "median": float(rounding.median()) if len(rounding) else float("nan"),
                "largest": float(group["ratio"].max()),
                "asked": float(group["least_median"].iloc[0]) if len(rounding) else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def loose(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of a `table` whose median is under what is asked: bounds that are needlessly wide."""
    return summary[summary["median"] < summary["asked"]]


def draw(compared: pd.DataFrame) -> str:
    """An SVG of the ratios of each part and quantity that rounds: the middle half, the median, and the largest."""
    summary = table(compared).dropna(subset=["median"])
    pairs = dict.fromkeys(zip(summary["part"], summary["quantity"], strict=True))
    order = {pair: place for place, pair in enumerate(pairs)}
    rounding = compared[(compared["gap"] != 0) & ~compared["promoted"]]
    intervals = []
    for (part, quantity, dtype), group in rounding.groupby(["part", "quantity", "dtype"]):
        low, middle, high, largest = (float(group["ratio"].quantile(share)) for share in (0.25, 0.5, 0.75, 1.0))
        interval = Interval(f"{part}: {quantity}", str(dtype), low, middle, high, largest)
        intervals.append((order[part, quantity], dtype != "float64", interval))
    intervals.sort(key=lambda row: row[:2])
    title = "gap/radius over honest comparisons, by quantity and dtype"
    spreads = [row[-1] for row in intervals]
    chart = intervals_chart("spreads", title, spreads, middle="median (ring)", mark="largest (dot)")
    return figure(title, [("", chart)], "A bar is the middle half; right of the line at 1 would be a false alarm.")
