"""A submission that works in float64 only matches with a note; one that crashes in both does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.check import check
from parity_tests.harness.float64_only import forgive_float64_only
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.comparison import failed, matched
from parity_tests.protocol.observation import Failure
from parity_tests.selftest.shared import JUDGED
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
    nameless = replace(ASSIGNMENT, diagnosis=None)  # no verdict hangs on the name of a mistake
    found = check(nameless, folder, parts=frozenset({"3"}), cache=JUDGED).records
    return [record for record in found if record.part == "3"]


def test_a_crash_over_float32_alone_is_a_note(tmp_path: Path) -> None:
    records = forwards(tmp_path, IN_A_BUFFER)
    assert not any(map(failing, records))
    noted = {record.dtype for record in records if "works in float64 only" in record.note}
    assert noted == {"float32"}


SAID = {
    "Cannot cast ufunc 'subtract' output from dtype('float64') to dtype('float32')": True,
    "operands could not be broadcast together with shapes (3,4) (5,)": False,
    "the forecast is wrong": False,
}


@pytest.mark.parametrize(("said", "is_over_it"), SAID.items())
def test_a_crash_is_over_the_dtype_by_what_the_exception_itself_says(said: str, is_over_it: bool) -> None:
    plan = [case for case in ASSIGNMENT.cases(ASSIGNMENT.editions.default, DTYPES, ("3",)) if case.check == "linear"]
    crash = failed(Failure("crashed", "ValueError", f"cast raised ValueError: {said} (dtype.py, line 3)", said=said))
    judged = {c.name: {q.name: crash if c.dtype == "float32" else matched() for q in c.quantities} for c in plan}
    found = [one for comparisons in forgive_float64_only(plan, judged).values() for one in comparisons.values()]
    assert all(one.verdict == "match" for one in found) == is_over_it


@pytest.mark.parametrize(
    "written",
    ["raise TypeError('dtype')", "assert X.dtype == np.float64\n        return X @ self.params['W']"],
    ids=["a crash in both", "wrong in float64"],
)
def test_a_forward_that_is_wrong_in_float64_too_is_not_forgiven(written: str, tmp_path: Path) -> None:
    records = forwards(tmp_path, written)
    assert {record.dtype for record in records if failing(record)} == {"float64", "float32"}
