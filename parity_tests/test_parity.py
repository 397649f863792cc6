"""The parity tests: the submission agrees with torch in every quantity of every case."""

import warnings

import pytest

from reports.model.records import Record, failing


def test_parity(case_name: str, records: list[Record]) -> None:
    """Each quantity of the case lies within what rounding explains; one that cannot be decided warns."""
    if not records:
        pytest.fail(f"nothing was compared for {case_name}", pytrace=False)
    for record in records:
        if record.verdict == "undecided":
            warnings.warn(record.message, stacklevel=1)
    wrong = [record.message for record in records if failing(record)]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
