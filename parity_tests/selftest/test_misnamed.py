"""What the homework names and a submission calls otherwise: said once, with the name that is meant; nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.main.configs import configs_of
from parity_tests.assignments.mlp.main.layers import NO_LINEAR_LAYER
from parity_tests.harness.check import check, runner_of
from parity_tests.harness.draw import draw
from parity_tests.protocol.assignment import Verdicts
from parity_tests.protocol.case import json_params
from parity_tests.protocol.comparison import Comparison, failed, matched, mismatched, unjudged
from parity_tests.protocol.observation import Failure
from parity_tests.protocol.quantity import WHOLE_CASE, Key
from parity_tests.selftest.main_pieces import RELU, TANH
from parity_tests.selftest.records_of_cases import changed
from parity_tests.selftest.runners import ask, running
from parity_tests.selftest.test_main import findings
from reports.terminal.run import run_page

PLAN = ASSIGNMENT.cases("2019", ("float64",))
UNDEFINED = "neural_networks.py defines no linear_layer"


@pytest.mark.parametrize(
    ("source", "asked", "meant"),
    [
        ("class Linear: pass", "linear_layer", "; it defines Linear: is that meant?"),
        ("class ReLU: pass\ndef main(): pass", "relu", "; it defines ReLU: is that meant?"),
        ("class relu:\n    def foward(self): pass", "relu.forward", "; it defines relu.foward: is that meant?"),
        ("class A: pass\ndef b(): pass", "relu", "; it defines A, b"),
        ("".join(f"def f{n}(): pass\n" for n in range(9)), "relu", "; it defines f0, f1, f2, f3, f4, f5 and 3 more"),
        ("from collections import OrderedDict as Relu\nx = 1", "relu", ""),
    ],
)
def test_what_is_not_defined_is_told_with_what_is(tmp_path: Path, source: str, asked: str, meant: str) -> None:
    with running(tmp_path, source) as runner:
        said = ask(runner, asked).failures[WHOLE_CASE]
    assert (said.kind, said.text) == ("missing", f"neural_networks.py defines no {asked}{meant}")


def blamed(undefined: bool, finding: str) -> Verdicts:
    """The blamed verdicts of a network without its linear layer, if `undefined`, and of whose main this is found."""
    lacking = failed(Failure("missing", "", f"{UNDEFINED}; it defines Linear: is that meant?", lacks="linear_layer"))
    verdicts: dict[str, dict[str, Comparison]] = {}
    for case in PLAN:
        for q in case.quantities:
            one = matched()
            if undefined and (case.check == "linear" or case.name == "utils/add-momentum/float64"):
                one = lacking
            if case.name == "main/relu-wiring/float64" and q is case.quantities[0]:
                one = unjudged("main (relu): it builds others", sentence=True, finding=finding)
            if case.name == "main/relu-wiring/float64" and q is case.quantities[1]:
                one = mismatched("η is 2e-8", ratio=9.0)
            verdicts.setdefault(case.name, {})[q.name] = one
    assert ASSIGNMENT.blame is not None
    return ASSIGNMENT.blame(PLAN, verdicts)


def test_where_a_class_has_another_name_main_is_said_not_to_be_seen_and_nothing_is_measured_of_it() -> None:
    found = blamed(undefined=True, finding=NO_LINEAR_LAYER)
    wiring = [one for one in found["main/relu-wiring/float64"].values() if one.verdict != "match"]
    assert [one.verdict for one in wiring] == ["unjudged", "unjudged"]
    assert {one.problem for one in wiring} == {f"what main does with its layers cannot be seen, because {UNDEFINED}"}
    assert {one.part for one in found["utils/add-momentum/float64"].values()} == {"2"}


@pytest.mark.parametrize(("undefined", "finding"), [(False, NO_LINEAR_LAYER), (True, "")])
def test_what_is_seen_of_main_is_told_where_every_class_is_there_or_main_builds_them(
    undefined: bool, finding: str
) -> None:
    wiring = blamed(undefined, finding)["main/relu-wiring/float64"]
    assert {"η is 2e-8", "main (relu): it builds others"} <= {one.problem for one in wiring.values()}


MISNAMED = [
    ("class tanh:", "class Tanh:"), ("class relu:", "class ReLU:"), ('"relu": relu, "tanh": tanh}',
    '"relu": ReLU, "tanh": Tanh}'), ("class linear_layer:", "class LinearLayer:"), ("linear_layer(train.d",
    "LinearLayer(train.d"), ("linear_layer(HIDDEN", "LinearLayer(HIDDEN"), ("class dropout:", "class Dropout:"),
    ('"drop1": dropout(', '"drop1": Dropout('), ("def miniBatchStochastic", "def minibatchStochastic"),
    ("            miniBatchStochastic", "            minibatchStochastic"),
]  # fmt: skip
NO_ACTIVATION = [
    ("class relu:", "class ReLU:"), ('"relu": relu', '"relu": ReLU'),
    ('            h = model["nonlinear1"].forward(u)\n            s', "            h = u\n            s"),
    ('        h = model["nonlinear1"].forward(u)\n        s', "        h = u\n        s"),
    ('model["nonlinear1"].backward(u, grad_h)', "grad_h"),
]  # fmt: skip


@pytest.mark.parametrize("stand_ins", [True, False])
@pytest.mark.usefixtures("one_thread")
def test_main_is_judged_by_what_it_makes_of_parts_that_are_nearly_called_so(
    stand_ins: bool, tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    found = findings(changed(tmp_path, MISNAMED), TANH, digits, stand_ins=stand_ins)
    assert {q: f.problem for q, f in found.items() if f.verdict != "match"} == {}


@pytest.mark.usefixtures("one_thread")
def test_a_main_that_uses_no_activation_is_told_so_whatever_they_are_called(
    tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    said = findings(changed(tmp_path, NO_ACTIVATION), RELU, digits, stand_ins=True)["layers"].problem
    assert "it uses neither relu nor tanh" in said


@pytest.mark.parametrize(("name", "asked_again"), [("Tanh", True), ("Other", False)])
def test_a_part_is_exchanged_in_the_class_that_is_nearly_called_so(
    name: str, asked_again: bool, tmp_path: Path
) -> None:
    swaps = [("class tanh:", f"class {name}:"), ('"tanh": tanh}', f'"tanh": {name}}}')]
    case = next(case for case in PLAN if case.check == "network" and case.params["activation"] == "tanh")
    with runner_of(ASSIGNMENT, changed(tmp_path, swaps), "wiring", None, (), 10.0, "none") as asked:
        params = {**case.params, "exchanged": ["5"]}
        seen = asked.ask(case.name, case.probe, json_params(params), draw(ASSIGNMENT, case, 0), seed=0)
    assert (Key("activation gradient") in seen.values) is asked_again


@pytest.mark.parametrize(("ended_by", "part"), [("tanh", "5"), ("tanhh", "")])
def test_a_main_that_a_class_not_defined_ends_fails_because_of_it_in_every_setting(ended_by: str, part: str) -> None:
    lacking = failed(Failure("missing", "", "neural_networks.py defines no tanh", lacks="tanh"))
    ended = failed(Failure("crashed", "NameError", f"main raised NameError: {ended_by!r}", lacks=ended_by))
    own = [case for case in PLAN if case.whole and case.process == "parts"]
    of_relu = [case.name for case in own if all(one.activation == "relu" for one in configs_of(case.params))]
    verdicts = {
        case.name: {
            q.name: lacking if case.check == "tanh" else ended if case.name in of_relu else matched()
            for q in case.quantities
        }
        for case in PLAN
    }
    assert ASSIGNMENT.blame is not None
    found = ASSIGNMENT.blame(PLAN, verdicts)
    assert {one.explained_by for name in of_relu for one in found[name].values()} == {part}


@pytest.mark.parametrize(("body", "said"), [("pass", True), ("self.kept = 1", False)])
def test_a_constructor_that_does_nothing_is_not_implemented(tmp_path: Path, body: str, said: bool) -> None:
    source = (ASSIGNMENT.solution / "neural_networks.py").read_text()
    head, rest = source.split("class linear_layer:", 1)
    signature, after = rest.split("    def forward", 1)
    opening = signature[: signature.index(":\n", signature.index("def __init__")) + 2]
    (tmp_path / "neural_networks.py").write_text(
        f"{head}class linear_layer:{opening}        {body}\n\n    def forward{after}"
    )
    run = check(ASSIGNMENT, tmp_path, dtypes=("float64",), parts=frozenset({"2"}))
    own = [record for record in run.records if record.check == "linear" and record.part == "2"]
    assert {record.verdict for record in own} == {"missing" if said else "crashed"}
    assert (
        "linear_layer.__init__ is not implemented: it does nothing" in " ".join(" ".join(run_page(run)).split())
    ) is said
