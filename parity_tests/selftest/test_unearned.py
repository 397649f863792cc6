"""Nobody earns points by how a part fails: by ending the process, by cutting it off, or by names that are not true."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.grading.rubric import Vocabulary, parse_rubric
from parity_tests.grading.scoring import score
from parity_tests.harness.check import check
from parity_tests.harness.process.available_levels import choose
from parity_tests.selftest.records_of_cases import FEWEST
from parity_tests.selftest.runners import write
from parity_tests.selftest.shared import of_session
from reports.model.records import Record
from reports.model.verdicts import FAILING

RUBRIC = parse_rubric(ASSIGNMENT.rubric_text, "the usual rubric", Vocabulary.of(ASSIGNMENT))
RELU = frozenset({"7", "8"})
FORGED = """
def forward(self, X):
    raise ValueError("no")
forward.__code__ = forward.__code__.replace(co_qualname="{name}", co_name="{name}")
forward.__qualname__ = "{name}"
relu.forward = forward
def backward(self, X, grad):
    raise ValueError("no")
relu.backward = backward
"""
ENDED = """
def end(self, *_):
    import os
    os._exit(0)
for owner in (linear_layer, relu, tanh, dropout):
    owner.forward = end
    del owner.backward
"""
CUT_OFF = """
import os
known = {}
fstat = os.fstat
os.fstat = lambda descriptor: known.setdefault(descriptor, known.get(descriptor) or fstat(descriptor))
os._exit = lambda status: None
honest = relu.backward
def backward(self, X, grad):
    os.closerange(3, 1 << 20)
    return honest(self, X, grad)
relu.backward = backward
"""


def records(folder: Path, addition: str, parts: frozenset[str] | None = None) -> list[Record]:
    """What a check says of the shipped network with this at its end; processes are forked off, as in a class."""
    source = (ASSIGNMENT.solution / "neural_networks.py").read_text(encoding="utf-8")
    utils = (ASSIGNMENT.solution / "utils.py").read_bytes()
    write(folder, {"neural_networks.py": source + addition, "utils.py": utils})
    level, servers = choose("none").name, of_session()
    return check(FEWEST, folder, dtypes=("float64",), parts=parts, isolation=level, servers=servers).records


def earned(found: list[Record]) -> dict[str, float | None]:
    return {item.name: item.points for item in score(found, RUBRIC).items}


@pytest.mark.parametrize("name", ["forward", "tanh.forward", "relu.backward", "linear_layer.__init__", "main"])
def test_a_failure_under_another_functions_name_costs_what_it_costs_under_its_own(tmp_path: Path, name: str) -> None:
    assert earned(records(tmp_path / "forged", FORGED.format(name=name), RELU))["relu"] == 0


def test_whoever_ends_the_process_earns_nothing_that_comes_after(tmp_path: Path) -> None:
    found = records(tmp_path / "ended", ENDED)
    points = earned(found)
    assert {points[item] for item in ("tanh", "relu", "dropout")} == {0}
    # SGD moves the four weights as it should with correct parts before it: these, and no more of what fails again.
    assert points["network"] == pytest.approx(10 * 2 * 4 / 13, abs=0.005)
    linear = {q.name: q.part for case in ASSIGNMENT.cases("2019", ("float64",)) if case.check == "linear"
              for q in case.quantities if ("linear", q.name) not in RUBRIC.null}  # fmt: skip
    of_init = sum(part == "2" for part in linear.values())
    assert points["linear"] == pytest.approx(15 * of_init / len(linear), abs=0.005)  # init alone is right
    run = [record for record in found if record.check == "main" and not record.excuse]
    assert {record.quantity for record in run if record.verdict in FAILING} == set()
    assert points["main"] == 20  # its wiring is right, as a script too


def test_whoever_cuts_the_process_off_is_charged_and_nobody_else_each_time_alike(tmp_path: Path) -> None:
    found = records(tmp_path / "one", CUT_OFF)
    again = records(tmp_path / "two", CUT_OFF)
    told = [[(r.case, r.quantity, r.part, r.verdict, r.message, r.explained_by) for r in run] for run in (found, again)]
    assert told[0] == told[1]
    wrong = [record for record in found if record.verdict in FAILING]
    assert all("relu.backward closed the connection" in record.message for record in wrong if record.check == "relu")
    charged = {record.explained_by or record.part for record in wrong if record.check != "relu"}
    assert charged == {"8"}
    points = earned(found)
    assert points["relu"] is not None
    assert points["relu"] < 15
    assert [points[item] for item in ("linear", "tanh", "dropout", "sgd")] == [15, 15, 15, 10]
    assert points["main"] == pytest.approx(20 * 12 / 13, abs=0.005)  # a script cannot be asked again
