"""Tables as CSV."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from reports.model.escape import csv_cells

if TYPE_CHECKING:
    import pandas as pd


def csv_text(frame: pd.DataFrame) -> str:
    """A frame as CSV that spreadsheets and terminals show as it is: no formula runs, no control character acts."""
    # All text is quoted: the csv module leaves a lone carriage return bare, and it would begin a row.
    return str(csv_cells(frame).to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n"))
