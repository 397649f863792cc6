"""How gap/radius is distributed over honest comparisons: a table and a picture, by quantity and dtype."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from reports.pictures.figure import figure
from reports.pictures.intervals import Interval, intervals_chart

SHORT, LONG = 0.01, 3e-4
"""The least median of gap/radius, where sums have up to 32 terms, and at 784: bounds that are tight enough."""
LONG_SUMS = {("network, 784 pixels", "L1 output"), ("trajectory, 100 pixels", "L1 output")}
"""Those over pixels; main's losses come of such sums too."""


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


def draw(compared: pd.DataFrame) -> str:
    """An SVG of the ratios of each part and quantity that rounds: the middle half, the median, and the largest."""
    summary = table(compared).dropna(subset=["median"])
    pairs = dict.fromkeys(zip(summary["part"], summary["quantity"], strict=True))
    order = {pair: place for place, pair in enumerate(pairs)}
    frame = compared[(compared["gap"] != 0) & ~compared["promoted"]].assign(
        quantity=lambda f: [_plain(quantity) for quantity in f["quantity"]],
        check=lambda f: [_check(case, check) for case, check in zip(f["case"], f["check"], strict=True)],
    )
    intervals = []
    for (check, quantity, dtype), group in frame.groupby(["check", "quantity", "dtype"]):
        low, middle, high, largest = (float(group["ratio"].quantile(share)) for share in (0.25, 0.5, 0.75, 1.0))
        interval = Interval(f"{check}: {quantity}", str(dtype), low, middle, high, largest)
        intervals.append((order[check, quantity], dtype != "float64", interval))
    intervals.sort(key=lambda row: row[:2])
    title = "gap/radius over honest comparisons, by quantity and dtype"
    spreads = [row[-1] for row in intervals]
    chart = intervals_chart("spreads", title, spreads, middle="median (ring)", mark="largest (dot)")
    return figure(title, [("", chart)], "A bar is the middle half; right of the line at 1 would be a false alarm.")


def _plain(quantity: Any) -> str:
    """A quantity without which input it was of, and whether it was asked twice."""
    return re.sub(r", (second input|backward twice|evaluation)$", "", str(quantity))


def _check(case: str, check: str) -> str:
    if check == "network":
        return "network, 784 pixels"
    return "trajectory, 100 pixels" if check == "trajectory" else check
