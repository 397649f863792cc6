"""A submission that works in float64 only matches with a note; one that crashes in both does not."""

from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.check import check
from reports.model.records import Record, failing

FORWARD = 'return X @ self.params["W"] + self.params["b"]'
IN_A_BUFFER = """self.buffer = np.empty((len(X), self.params["W"].shape[1]))
        np.dot(X, self.params["W"], out=self.buffer)
        return self.buffer + self.params["b"]"""


def forwards(folder: Path, written: str) -> list[Record]:
    """The records of TODO 3 for the shipped network with another linear forward."""
    for name in ("neural_networks.py", "utils.py"):
        source = (ASSIGNMENT.solution / name).read_text(encoding="utf-8")
        if name == "neural_networks.py":
            assert FORWARD in source
            source = source.replace(FORWARD, written)
        (folder / name).write_text(source, encoding="utf-8")
    return [record for record in check(ASSIGNMENT, folder, parts=frozenset({"3"})).records if record.part == "3"]


def test_a_crash_over_float32_alone_is_a_note(tmp_path: Path) -> None:
    records = forwards(tmp_path, IN_A_BUFFER)
    assert not any(map(failing, records))
    noted = {record.dtype for record in records if "works in float64 only" in record.note}
    assert noted == {"float32"}


@pytest.mark.parametrize(
    "written",
    ["raise TypeError('dtype')", "assert X.dtype == np.float64\n        return X @ self.params['W']"],
    ids=["a crash in both", "wrong in float64"],
)
def test_a_forward_that_is_wrong_in_float64_too_is_not_forgiven(written: str, tmp_path: Path) -> None:
    records = forwards(tmp_path, written)
    assert {record.dtype for record in records if failing(record)} == {"float64", "float32"}
