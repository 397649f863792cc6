"""What the homework names and a submission calls otherwise: said once, with the name that is meant; nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.main.layers import NO_LINEAR_LAYER
from parity_tests.harness.check import check
from parity_tests.protocol.assignment import Verdicts
from parity_tests.protocol.comparison import Comparison, failed, matched, mismatched, unjudged
from parity_tests.protocol.observation import Failure
from parity_tests.protocol.quantity import WHOLE_CASE
from parity_tests.selftest.runners import running
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
    probe = f"""
        def probe(submission, recorder, params, arrays):
            submission.get({asked!r})

        PROBES = {{"probe": probe}}
        """
    with running(tmp_path, source, probe) as runner:
        said = runner.ask("case", "probe", {}, {}, seed=0).failures[WHOLE_CASE]
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
