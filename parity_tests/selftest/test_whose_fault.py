"""No submission chooses to have no grade: a fault that it brings about, or makes up, is its own, and not Parity's."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli.status import DISCREPANCIES, OWN_FAULT, status_of
from parity_tests.harness.check import check
from parity_tests.protocol.assignment import Inside
from parity_tests.protocol.diagnosis import Diagnosis
from parity_tests.protocol.errors import HarnessError
from parity_tests.protocol.kind import Kind
from parity_tests.selftest.records_of_cases import FEWEST, changed
from parity_tests.selftest.runners import write
from parity_tests.selftest.shared import JUDGED
from parity_tests.selftest.toy.assignment import TOY
from reports.model.records import Record

pytestmark = pytest.mark.usefixtures("one_thread")

FINDS = """
import sys

def found(name):
    frame = sys._getframe()
    while frame is not None:
        for value in frame.f_locals.values():
            if type(value).__name__ == name:
                return value
        frame = frame.f_back

"""
MADE_UP = {
    "a fault": '{"kind": "fault", "text": "it broke"}',
    "the end of the case": '{"kind": "done"}',
    "a fault of the probe": (
        '{"kind": "failure", "name": "", "call": 0, "failure": "unjudged", "error": "", "text": "it broke", "file": "",'
        ' "line": 0, "function": "", "called": "", "said": "", "lacks": ""}'
    ),
    "a fault of the harness": (
        '{"kind": "failure", "name": "", "call": 0, "failure": "harness_error", "error": "", "text": "it broke",'
        ' "file": "", "line": 0, "function": "", "called": "", "said": "", "lacks": ""}'
    ),
}
RIGHT = {
    name: f"def {name}(X):\n    return {formula}\n"
    for name, formula in {
        "softplus": "np.logaddexp(X, 0)",
        "derivative": "np.exp(X) / (1 + np.exp(X))",
    }.items()
}


def of_toy(folder: Path, softplus: str) -> list[Record]:
    source = f"import numpy as np\n{FINDS}{softplus}\n{RIGHT['derivative']}"
    return check(TOY, write(folder, {"softplus.py": source}), dtypes=("float64",)).records


@pytest.mark.parametrize("message", MADE_UP)
def test_a_fault_that_a_submission_makes_up_is_its_own(message: str, tmp_path: Path) -> None:
    tells = f"    found('CallRecorder')._transmit({MADE_UP[message]}, {{}})\n    raise SystemExit\n"
    records = of_toy(tmp_path, f"def softplus(X):\n{tells}")
    verdicts = {record.quantity: record.verdict for record in records}
    assert verdicts["softplus"] in ("unjudged", "crashed")
    assert "harness_error" not in verdicts.values()
    assert status_of(records, strict=False) == DISCREPANCIES


def test_a_fault_that_is_made_up_at_import_is_the_submissions(tmp_path: Path) -> None:
    tells = "found('Worker')._channel.send({'kind': 'fault', 'text': 'it broke'}, {})\n"
    records = of_toy(tmp_path, tells + RIGHT["softplus"])
    assert records[0].verdict == "unjudged"
    assert "it broke" in records[0].message
    assert status_of(records, strict=False) == DISCREPANCIES


def test_what_breaks_the_judge_is_unjudged_where_the_solution_does_not(tmp_path: Path) -> None:
    end = '    print(f"The accuracies are in {result}")\n'
    forged = end + '    keep = found("CallRecorder").keep\n'
    forged += '    found("CallRecorder").keep = lambda name, *value: name == "L1_W" or keep(name, *value)\n'
    folder = changed(tmp_path, [("# TODO 10\n", FINDS), (end, forged)])
    records = check(FEWEST, folder, dtypes=("float64",), parts=frozenset({"10"}), cache=JUDGED).records
    assert {record.verdict for record in records if record.check == "main"} == {"unjudged"}
    assert (
        "cannot be judged: what was handed over is not whole (the judge of the assignment mlp raised IndexError"
        in records[-1].message
    )
    assert status_of(records, strict=False) == DISCREPANCIES


@pytest.mark.parametrize(
    ("swap", "parts"),
    [
        (("HIDDEN_UNITS = 1000", "HIDDEN_UNITS = 0"), {"10"}),
        (("class relu:\n", "class relu:\n    __slots__ = ()\n"), None),
        (("        self.mask = X > 0\n", "        del type(self).backward\n"), {"7", "8"}),
    ],
)
def test_whatever_it_makes_the_harness_do_has_a_verdict(
    swap: tuple[str, str], parts: set[str] | None, tmp_path: Path
) -> None:
    folder = changed(tmp_path, [swap])
    records = check(ASSIGNMENT, folder, dtypes=("float64",), parts=None if parts is None else frozenset(parts)).records
    assert "harness_error" not in {record.verdict for record in records}
    assert status_of(records, strict=False) == DISCREPANCIES


def test_verdicts_stand_where_names_of_mistakes_cannot_be_looked_for(tmp_path: Path) -> None:
    def broken() -> Diagnosis:
        return 1 / 0  # type: ignore[return-value]  # ZeroDivisionError

    wrong = write(tmp_path, {"softplus.py": "import numpy as np\n" + RIGHT["derivative"] + "softplus = derivative\n"})
    records = check(replace(TOY, diagnosis=broken), wrong, dtypes=("float64",)).records
    noted = {record.quantity: (record.verdict, "ZeroDivisionError" in record.note) for record in records[1:]}
    assert noted == {"softplus": ("mismatch", True), "derivative": ("match", False)}
    assert status_of(records, strict=False) == OWN_FAULT


# ---- Parity's own


def broken_probe(tmp_path: Path) -> Inside:
    probe = "def call(submission, recorder, params, arrays): return 1 / 0\n\nPROBES = {'call': call}\n"
    return Inside(write(tmp_path / "probes", {"probes.py": probe}) / "probes.py")


def test_a_probe_that_breaks_on_the_solution_too_is_paritys_fault(tmp_path: Path) -> None:
    toy = replace(TOY, inside=broken_probe(tmp_path))
    records = check(toy, TOY.solution, dtypes=("float64",)).records
    assert {record.verdict for record in records[1:]} == {"harness_error"}
    assert "ZeroDivisionError" in records[1].message
    assert status_of(records, strict=False) == OWN_FAULT


@pytest.mark.parametrize("judge", [lambda *_: 1 / 0])
def test_a_judge_that_breaks_on_the_solution_too_is_paritys_fault(judge: Callable[..., dict[str, object]]) -> None:
    kinds = {"call": Kind(TOY.kinds["call"].draw, judge)}  # type: ignore[arg-type]
    records = check(replace(TOY, kinds=kinds), TOY.solution, dtypes=("float64",)).records
    assert {record.verdict for record in records[1:]} == {"harness_error"}


def test_a_process_that_does_not_hold_the_solution_either_stops_parity(tmp_path: Path) -> None:
    solution = write(
        tmp_path, {"softplus.py": FINDS + "found('Worker')._channel.send({'kind': 'fault', 'text': 'it broke'}, {})\n"}
    )
    with pytest.raises(HarnessError, match="it broke"):
        check(replace(TOY, solution=solution), solution, dtypes=("float64",))


# ---- an assignment that somebody else wrote


Parity = Callable[..., tuple[int, str, str]]
FOREIGN = """
from dataclasses import replace

from parity_tests.protocol.kind import Kind
from parity_tests.selftest.toy.assignment import TOY


def broken(*args):
    raise KeyError("no such setting")


call = TOY.kinds["call"]
PLAN = replace(TOY, name="foreign", plan=broken)
DRAW = replace(TOY, name="foreign", kinds={"call": Kind(broken, call.judge)})
JUDGE = replace(TOY, name="foreign", kinds={"call": Kind(call.draw, broken)})
BLAME = replace(TOY, name="foreign", blame=broken)
"""
RAISED = "of the assignment foreign raised KeyError: 'no such setting'"
SAID = {
    "PLAN": f"this is the assignment's fault, not the submission's: the plan {RAISED}",
    "DRAW": "this is the assignment's fault, not the submission's: the draw for softplus/float64 ",
    "BLAME": f"this is the assignment's fault, not the submission's: the blame {RAISED}",
}


@pytest.fixture
def submission(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The toy's own solution, handed in for an assignment in a module of this test's own."""
    module = "".join(c for c in request.node.name if c.isalpha())
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / f"{module}.py").write_text(textwrap.dedent(FOREIGN), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "homework").mkdir()
    (tmp_path / "homework" / "softplus.py").write_bytes((TOY.solution / "softplus.py").read_bytes())
    (tmp_path / "module").write_text(module)
    return tmp_path / "homework"


@pytest.mark.parametrize("which", SAID)
def test_what_its_functions_raise_is_said_with_its_name(parity: Parity, submission: Path, which: str) -> None:
    named = f"{Path('module').read_text()}:{which}"
    status, _, err = parity("check", submission, "--assignment", named, "--out", "run")
    assert status == 3
    assert SAID[which] in err
    assert RAISED in err
    assert "it is for whoever wrote the assignment" in err
    assert not Path("run").exists()


def test_a_judge_that_raises_is_named_in_every_record(parity: Parity, submission: Path) -> None:
    named = f"{Path('module').read_text()}:JUDGE"
    status, out, err = parity("check", submission, "--assignment", named, "--out", "run")
    assert status == 3
    assert f"the judge {RAISED}" in " ".join((out + err).split())


def test_a_class_of_such_an_assignment_ends_the_same_way(parity: Parity, submission: Path) -> None:
    named = f"{Path('module').read_text()}:PLAN"
    status, _, err = parity("grade", submission, "--assignment", named, "--out", "out")
    assert status == 3
    assert f"the plan {RAISED}" in err


def test_one_that_raises_nothing_is_checked(parity: Parity, submission: Path) -> None:
    assert (
        parity("check", submission, "--assignment", "parity_tests.selftest.toy.assignment:TOY", "--out", "run")[0] == 0
    )


# ---- one parser


def test_nothing_is_drawn_before_torch_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def failing_import() -> None:
        raise SystemError("AST constructor recursion depth mismatch")

    def drawn(params: Mapping[str, Any], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        begun.append("a draw")
        return {"X": rng.uniform(-9, 9, (3, 5))}

    toy = replace(TOY, kinds={"call": replace(TOY.kinds["call"], draw=drawn)})
    monkeypatch.setattr("parity_tests.harness.check.import_torch", failing_import)
    monkeypatch.setattr("parity_tests.harness.check.ONE_PARSER", True)
    with pytest.raises(SystemError):
        check(toy, toy.solution, dtypes=("float64",))
    assert begun == []
