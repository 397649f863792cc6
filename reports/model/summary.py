"""The summary of a run: one row per TODO and dtype, as a DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.model.records import FAILING, VERDICTS, Record, part_order

if TYPE_CHECKING:
    import pandas as pd


def worst(records: Sequence[Record]) -> Record:
    """The record to look at first: what fails before what does not, then the largest ratio, then the first.

    A ratio that is absent or NaN counts as none. Raises ValueError where there are no records.
    """
    return max(records, key=lambda record: (record.verdict in FAILING, _ratio(record)))


def largest_ratio(records: Sequence[Record]) -> float | None:
    """The largest gap as a share of what rounding explains; None where no values were compared."""
    return max((_ratio(record) for record in records if record.ratio is not None), default=None)


def summary_frame(records: Sequence[Record]) -> pd.DataFrame:
    """One row per TODO and dtype: how many quantities have each verdict, how many a note, and the worst one.

    Columns: part, dtype, quantities, one for each verdict, notes, largest_ratio, worst_case, worst_quantity.
    """
    import pandas as pd

    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.part, record.dtype), []).append(record)
    rows = []
    for part, dtype in sorted(groups, key=lambda key: (part_order(key[0]), key[1])):
        group = groups[part, dtype]
        first = worst(group)
        rows.append(
            {
                "part": part,
                "dtype": dtype,
                "quantities": len(group),
                **{verdict: sum(record.verdict == verdict for record in group) for verdict in VERDICTS},
                "notes": sum(bool(record.note) for record in group),
                "largest_ratio": largest_ratio(group),
                "worst_case": first.case,
                "worst_quantity": first.quantity,
            }
        )
    counts = ("quantities", *VERDICTS, "notes")
    columns = ["part", "dtype", *counts, "largest_ratio", "worst_case", "worst_quantity"]
    text = ("part", "dtype", "worst_case", "worst_quantity")
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    return frame.astype({**dict.fromkeys(text, "string"), **dict.fromkeys(counts, "Int64"), "largest_ratio": "float64"})


def _ratio(record: Record) -> float:
    return -1.0 if record.ratio is None or record.ratio != record.ratio else record.ratio
