"""The homework's kinds of cases: each has its cases and its probe, and none takes torch before it judges."""

from __future__ import annotations

import re
import subprocess
import sys

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.inside.worker import Preloaded
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.kind import Context
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import WHOLE_CASE

CASES = [case for edition in ASSIGNMENT.editions.names for case in ASSIGNMENT.cases(edition, DTYPES)]


WITHOUT_TORCH = """
import sys
from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.draw import draw
for case in ASSIGNMENT.cases("2019", ("float64", "float32")):
    if case.check != "trajectory":  # which lies along torch's own training
        draw(ASSIGNMENT, case, 0)
sys.exit("torch" in sys.modules)
"""


def test_a_plan_and_its_inputs_are_made_without_torch() -> None:
    assert subprocess.run([sys.executable, "-c", WITHOUT_TORCH], check=False).returncode == 0


def test_every_kind_has_cases_and_every_case_a_kind() -> None:
    assert {case.probe for case in CASES} == set(ASSIGNMENT.kinds)


def test_every_kind_has_a_probe_in_every_process_of_its_cases() -> None:
    for process, companions in ASSIGNMENT.inside.processes.items():
        told_by = ASSIGNMENT.editions.told_by
        loaded = Preloaded(str(told_by), list(map(str, companions)), str(ASSIGNMENT.inside.probes))
        assert {case.probe for case in CASES if case.process == process} <= set(loaded.probes)


def test_no_two_cases_of_a_plan_have_one_name() -> None:
    for edition in ASSIGNMENT.editions.names:
        names = [case.name for case in ASSIGNMENT.cases(edition, DTYPES)]
        assert len(set(names)) == len(names)


def test_the_names_and_quantities_of_cases_hold_nothing_that_is_drawn() -> None:
    for edition in ASSIGNMENT.editions.names:
        plans = [ASSIGNMENT.cases(edition, DTYPES, seed=seed) for seed in (0, 1, 2, 77777)]
        asked = [[(case.name, case.title, case.quantities) for case in plan] for plan in plans]
        assert asked == asked[:1] * 4
        names = [re.sub("float(32|64)$", "", case.name) for case in plans[0] if case.check == "main"]
        assert not re.search(r"\d", "".join(names))


def test_steps_of_sgd_that_did_not_come_back_are_held_against_no_answer() -> None:
    case = next(case for case in CASES if case.name == "sgd/full-size/float64")
    failures = {WHOLE_CASE: Failure("crashed", "ValueError", "it raised ValueError")}
    seen = Observation(case.name, {}, failures, {}, (), 0.0)
    judged = ASSIGNMENT.kinds[case.probe].judge(case, {}, seen, Context("cpu", "2019", "2019"))
    assert {name: comparison.verdict for name, comparison in judged.items()} == {
        q.name: "crashed" for q in case.quantities
    }
