"""Fake records and runs, so that what shows them is tested without running anything."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.protocol.assignment import environment_of
from reports.model.environment import Environment
from reports.model.records import Record, from_table


def record(**fields: Any) -> Record:
    """A record that matches, but for the fields given."""
    usual: dict[str, Any] = {
        "submission": "homework",
        "assignment": "mlp",
        "edition": "2019",
        "part": "4",
        "check": "linear",
        "case": "linear/one-row/float64",
        "quantity": "gradient of W",
        "device": "cpu",
        "dtype": "float64",
        "isolation": "none",
        "step": None,
        "verdict": "match",
        "gap": 1e-17,
        "radius": 1e-16,
        "ratio": 0.1,
        "ulps": 0.5,
        "bad": 0,
        "total": 8,
        "where": "[0, 3]",
        "actual": 0.25,
        "expected": 0.25,
        "blame": "",
        "radius_kind": "derived",
        "undecided": 0,
        "resolution": 1e-15,
        "diagnosis": "",
        "explained_by": "",
        "excuse": "",
        "message": "",
        "note": "",
        "note_kinds": "",
        "file": "",
        "line": None,
        "seconds": 0.01,
    }
    return Record(**{**usual, **fields})


def mismatch(**fields: Any) -> Record:
    """A gradient that is twice what it should be."""
    usual = {
        "verdict": "mismatch",
        "gap": 0.25,
        "radius": 1e-16,
        "ratio": 2.5e15,
        "bad": 1,
        "actual": 0.5,
        "message": "linear backward, one row: gradient of W at [0, 3] is 0.5, torch says 0.25; "
        "the difference 0.25 is 2.5e+15 times the error bound",
    }
    return record(**{**usual, **fields})


DESCRIBED = environment_of(ASSIGNMENT)
"""What the environment of a run says of its assignment."""
_USUAL = replace(DESCRIBED, seed=0, versions={"numpy": "2.4.6"})


@dataclass(frozen=True)
class FakeRun:
    """What `parity_tests.harness.check.check` returns, without the checking."""

    records: list[Record] = field(default_factory=lambda: [record(), mismatch(case="linear/wide/float64")])
    environment: Environment = _USUAL
    arrays: dict[str, np.ndarray[Any, Any]] = field(
        default_factory=lambda: {
            "linear/wide/float64/gradient of W/actual": np.array([[0.5, 0.125, 1.0, 0.5], [2.0, 3.0, 4.0, 5.0]]),
            "linear/wide/float64/gradient of W/expected": np.array([[0.5, 0.125, 1.0, 0.25], [2.0, 3.0, 4.0, 5.0]]),
            "linear/wide/float64/gradient of W/radius": np.full((2, 4), 1e-16),
        }
    )
    inputs: dict[str, Any] = field(
        default_factory=lambda: {"linear/wide/float64": {"X": [3, 2], "W": [2, 4], "scale": 0.5}}
    )
    output: bytes = b"hello\n"


def from_frame(frame: pd.DataFrame) -> list[Record]:
    """The records of a DataFrame that `to_frame` has made."""
    return from_table(pa.Table.from_pandas(frame, preserve_index=False))
