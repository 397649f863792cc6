"""Single slips in the shipped network are charged to the part that has them, and to no other; honest rewrites match."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.editions import EDITIONS
from parity_tests.assignments.mlp.plan import plan
from parity_tests.harness.check import Run, check
from parity_tests.harness.make_records import check_plan
from parity_tests.proof import variants
from parity_tests.protocol.case import Case
from parity_tests.protocol.errors import HarnessError
from parity_tests.protocol.mistake import Around, Body, Swap
from parity_tests.selftest.main_pieces import NO_LAMBDA, PLAIN_SGD
from parity_tests.selftest.nightly import one_of_each
from parity_tests.selftest.records_of_cases import LARGE, QUICK, ask_and_judge, at_fault, changed, charged
from parity_tests.selftest.shared import JUDGED
from reports.model.records import Record
from reports.model.verdicts import FAILING, Verdict

SGD, INIT, LINEAR, LINEAR_BACK = (
    "miniBatchStochasticGradientDescent", "linear_layer.__init__", "linear_layer.forward", "linear_layer.backward"
)  # fmt: skip
TANH, TANH_BACK, RELU, RELU_BACK = "tanh.forward", "tanh.backward", "relu.forward", "relu.backward"
DROPOUT, DROPOUT_BACK = "dropout.forward", "dropout.backward"
FUNCTIONS = (SGD, INIT, LINEAR, LINEAR_BACK, TANH, TANH_BACK, RELU, RELU_BACK, DROPOUT_BACK)
GONE, LOOP = "raise NotImplementedError", "while True:\n    pass"
LINEAR_FORWARD = 'return X @ self.params["W"] + self.params["b"]'
GRADIENT_W, GRADIENT_B = 'self.gradient["W"] = X.T @ grad', 'self.gradient["b"] = grad.sum(axis=0, keepdims=True)'
TANH_FORWARD, TANH_BACKWARD = "self.h: Array = np.tanh(X)", "return grad * (1 - self.h * self.h)"
RELU_FORWARD, LOSS_MEAN = "return np.maximum(X, 0)", "grad /= len(grad)"
W, B = (f"np.random.normal(0.0, 0.1, ({rows}, output_D))" for rows in ("input_D", "1"))
ROWS, KEPT = "(input_D, output_D)", "np.random.uniform(0.0, 1.0, X.shape) >= self.r"
PARAMETERS = "momentum: dict[str, Array], _lambda: float, _alpha: float, _learning_rate: float"


def body(statements: str) -> Callable[[str], Body]:
    return lambda function: Body(function, statements)


def around(before: str = "", value: str = "value") -> Callable[[str], Around]:
    return lambda function: Around(function, before, value)


Way = tuple[str, Callable[[str], Body | Around], Verdict, str, Sequence[str]]
WAYS: tuple[Way, ...] = (
    ("is not implemented", body(GONE), Verdict.MISSING, "is not implemented", FUNCTIONS),
    ("does nothing", body("pass"), Verdict.MISSING, "does nothing", FUNCTIONS),
    ("crashes", around("np.zeros(3) @ np.zeros(4)"), Verdict.CRASHED, "neural_networks.py, line", FUNCTIONS),
    ("asks for what numpy has not", around("np.nosuch"), Verdict.CRASHED, "numpy is", (TANH, RELU_BACK)),
    ("never ends", body(LOOP), Verdict.TIMEOUT, "did not end", (SGD, *FUNCTIONS[2:])),  # without INIT no case begins
    ("ends the process", body("import os\nos._exit(0)"), Verdict.CRASHED, "ended the Python process", (LINEAR,)),
    ("waits for the keyboard", around("breakpoint()"), Verdict.CRASHED, "", (RELU,)),
    ("gives None", around(value="None"), Verdict.MISMATCH, "is None", FUNCTIONS[2:]),
    ("gives a list", around(value="value.tolist()"), Verdict.MISMATCH, "is a list", (LINEAR, LINEAR_BACK)),
    ("gives a matrix", around(value="np.asmatrix(value)"), Verdict.MISMATCH, "matrix", (LINEAR,)),
    ("gives two", around(value="(value, value)"), Verdict.MISMATCH, "tuple", (LINEAR_BACK,)),
    ("squeezes one row", around(value="np.squeeze(value)"), Verdict.MISMATCH, "has shape", (LINEAR,)),
    ("gives NaN", around(value="value * np.nan"), Verdict.MISMATCH, "is nan", (LINEAR, DROPOUT_BACK)),
    ("gives whole numbers", around(value="value.astype(int)"), Verdict.MISMATCH, "", (RELU, TANH)),
    ("returns nothing", around(value="None"), Verdict.MISMATCH, "nothing", (SGD,)),
    ("returns the velocities", around(value="momentum"), Verdict.MISMATCH, "", (SGD,)),
    ("returns a copy", around(value="dict(model)"), Verdict.MISMATCH, "", (SGD,)),
    ("updates a copy", around("import copy\nmodel = copy.deepcopy(model)"), Verdict.MISMATCH, "", (SGD,)),
)
"""The ways in which any function fails: what is changed, the verdict, words of its sentence, and of which functions."""
TOLD: Mapping[str, tuple[tuple[Body | Swap, ...], str]] = {
    "2: std 0.11": ((Swap(W, W.replace("0.1", "0.11")),), "standard deviation 0.1"),
    "2: b of std 0.11": ((Swap(B, B.replace("0.1", "0.11")),), "distribution of b"),
    "2: mean 0.01": ((Swap(W, W.replace("0.0", "0.01")),), "has mean"),
    "2: W in float32": ((Swap(W, f"{W}.astype(np.float32)"),), "dtype float32"),
    "4: ∂W a mean": ((Swap("X.T @ grad", "X.T @ grad / len(X)"),), "gradient of W"),
    "4: ∂b not summed": ((Swap(GRADIENT_B, 'self.gradient["b"] = grad'),), "has shape"),
    "4: gradients add up": ((Swap(GRADIENT_W, GRADIENT_W.replace("=", '= self.gradient["W"] +')),), "gradient of W"),
    "6: overwrites its input": (
        (
            Body(TANH, "np.tanh(X, out=X)\nself.h = X\nreturn X"),
            Body(TANH_BACK, "return grad * (1 - np.tanh(X) ** 2)"),
        ),
        "network",
    ),
    "6: a stale h": ((Body(TANH, "h = np.tanh(X)\nself.h = getattr(self, 'h', h)\nreturn h"),), "second input"),
    "8: a stale mask": ((Swap("self.mask = X > 0", 'self.mask = getattr(self, "mask", X > 0)'),), "second input"),
    "9: another rate": ((Swap(KEPT, KEPT.replace("self.r", "0.9 * self.r")),), "kept fraction"),
    "9: one bit a row": (
        (Swap(KEPT, "np.random.uniform(0.0, 1.0, (len(X), 1)) >= self.r + np.zeros(X.shape)"),),
        "independence",
    ),
    "9: the same mask each time": (
        (Swap(KEPT, KEPT.replace("random.uniform", "random.default_rng(3).uniform")),),
        "same mask",
    ),
    "9: a fresh mask": ((Body(DROPOUT_BACK, f"return grad * ({KEPT}) / (1 - self.r)"),), ""),
    "9: also in evaluation": ((Swap("if is_train:", "if True:"),), ""),
    "1: torch's momentum": (
        (Swap("v -= _learning_rate * g", "v += g"), Swap("w += v", "w -= _learning_rate * v")),
        "after step 5",
    ),
    "1: velocity not stored": ((Swap("v *= _alpha", "v = v * _alpha"),), "after step 2"),
    "1: no decay of b": ((Swap("if _lambda != 0:", 'if _lambda != 0 and key == "W":'),), "b after step 1"),
    "1: momentum from 0.6 on": (
        (Swap("v *= _alpha", "v *= _alpha * (_alpha > 0.6)"),),
        "SGD, momentum and weight decay",
    ),
    "1: weights to lists": (
        (
            Swap(
                "                w -= _learning_rate * g",
                "                module.params[key] = (w - _learning_rate * g).tolist()",
            ),
        ),
        "is a list",
    ),
    "1: six parameters": ((Swap(PARAMETERS, f"{PARAMETERS}, more: int"),), "_learning_rate) is expected"),
    "1: four parameters where five are expected": (
        (
            Swap(PARAMETERS, PARAMETERS.replace("_lambda: float, ", "")),
            Swap("_lambda != 0", "0"),
            Swap("_lambda * w", "w"),
        ),
        "is expected",
    ),
}
"""What is changed in a part, and words of what must be said of it; what has a name is in wrong_forms."""
LENT: Mapping[str, tuple[tuple[Swap, ...], str]] = {
    "the loss is not shifted": ((Swap("shifted = X - X.max(axis=1, keepdims=True)", "shifted = X"),), "offset"),
    "labels along the wrong axis": ((Swap("f.argmax(axis=1)", "f.argmax(axis=0)"),), "has shape"),
    "labels flat": ((Swap(".astype(float).reshape(-1, 1)", ".astype(float)"),), "has shape"),
    "velocities under other keys": ((Swap('f"{name}_{key}": np.z', 'f"{name}{key}": np.z'),), ""),
    "velocities of ones": ((Swap("np.zeros_like(gradient)", "np.ones_like(gradient)"),), ""),
    "the test set as validation": ((Swap('data["valid"])', 'data["test"])'),), ""),
    "the first rows": ((Swap("return self.X[rows], self", "return self.X[: len(rows)], self"),), ""),
}
"""The same of what is lent."""
CASES = {
    "sgd": ("sgd/", "trajectory/relu"),
    "linear_layer": ("linear/", "network/relu-with-dropout"),
    "tanh": ("tanh/", "network/tanh-with-dropout"),
    "relu": ("relu/", "network/relu-"),
    "dropout": ("dropout/", "network/tanh-with-dropout"),
    "utils": ("loss/", "utils/", "network/tanh-with-dropout"),
}
"""The cases of what is changed, and those of a network with it."""


pytestmark = pytest.mark.usefixtures("one_thread")


def asked_about(
    part: str, changes: Sequence[Body | Swap | Around], folder: Path, file: str = "", timeout: float = 10.0
) -> list[Record]:
    """The records of the small cases of a part, and of a network with it."""
    variants.changed(ASSIGNMENT, "changed", changes, file).write(folder)
    owners = {number: name.partition(".")[0] for name, number in ASSIGNMENT.by_function.items()}
    asked = CASES.get(owners.get(part, "utils"), CASES["sgd"])
    return ask_and_judge(
        folder, lambda case: case.name.startswith(asked) and not case.name.startswith(LARGE), timeout=timeout
    )


def sentences(records: Sequence[Record]) -> list[str]:
    return [f"{r.part} ({r.explained_by}) {r.message}" for r in records if r.verdict in FAILING]


def is_charged_alone(part: str, records: Sequence[Record], words: str, verdict: str = "mismatch") -> None:
    """Asserts that a part fails of its own and no other, in this way and with these words."""
    assert set(at_fault(records)) == charged(records) == {part}, sentences(records)
    own = [r for r in records if r.verdict in FAILING and not r.explained_by]
    assert verdict in {r.verdict for r in own}
    assert any(words in r.message for r in own), sentences(own)
    joint = [r for r in records if r.verdict in FAILING and r.check in ("network", "trajectory")]
    assert {r.part for r in joint} <= {part}


@pytest.mark.parametrize(
    "failed",
    one_of_each(lambda failed: failed[1], [(function, way) for way in WAYS for function in way[-1]]),
    ids=lambda failed: f"{failed[0]} {failed[1][0]}",
)
def test_a_function_that_fails_in_any_way_fails_its_own_part_alone(failed: tuple[str, Way], tmp_path: Path) -> None:
    function, way = failed
    part, (_, change, verdict, words, _) = ASSIGNMENT.by_function[function], way
    found = asked_about(part, [change(function)], tmp_path, timeout=1.0 if verdict == "timeout" else 10.0)
    is_charged_alone(part, found, words, verdict)


@pytest.mark.parametrize("function", [function for function in FUNCTIONS if function != INIT])
def test_what_is_not_there_is_missing(function: str, tmp_path: Path) -> None:
    part, method = ASSIGNMENT.by_function[function], function.rpartition(".")[2]
    head = f"# TODO {part}\n{'    ' * ('.' in function)}def {{}}("
    swap = Swap(head.format(method), head.format("other"))
    is_charged_alone(part, asked_about(part, [swap], tmp_path), f"defines no {function}", Verdict.MISSING)


@pytest.mark.parametrize("name", TOLD)
def test_a_slip_fails_its_own_part_alone_and_is_told(name: str, tmp_path: Path) -> None:
    part = name.partition(":")[0]
    is_charged_alone(part, asked_about(part, TOLD[name][0], tmp_path), TOLD[name][1])


@pytest.mark.parametrize("name", LENT)
def test_a_slip_in_what_is_lent_is_told(name: str, tmp_path: Path) -> None:
    is_charged_alone("utils", asked_about("utils", LENT[name][0], tmp_path, "utils.py"), LENT[name][1])


@pytest.mark.parametrize(
    ("edition", "form", "slip"),
    [
        ("2020-22", NO_LAMBDA, ("v *= _alpha", "v *= 0")),
        ("2022-23", PLAIN_SGD, ("w -= _learning_rate * g", "w += _learning_rate * g")),
    ],
)
def test_a_slip_in_the_step_of_another_edition_is_charged_to_it(
    edition: str, form: list[tuple[str, str]], slip: tuple[str, str], tmp_path: Path
) -> None:
    def asked(case: Case) -> bool:
        return case.name.startswith(("sgd/plain", "sgd/momentum"))

    found = ask_and_judge(changed(tmp_path, [*form, slip]), asked, edition=edition)
    assert set(at_fault(found)) == charged(found) == {"1"}


def test_an_activation_that_is_wrong_everywhere_is_not_said_to_want_two_dimensions(tmp_path: Path) -> None:
    for swaps in ([(RELU_FORWARD, "return np.abs(X)")], [(RELU_FORWARD, GONE)], [("class relu:", "class re_lu:")]):
        folder = changed(tmp_path, [*swaps, *([('"relu": relu', '"relu": None')] if "re_lu" in swaps[0][1] else [])])
        records = ask_and_judge(folder, lambda case: case.check == "relu")
        assert not any("two-dimensional" in r.note for r in records)
        assert {
            r.verdict for r in records if r.case == "relu/one-dimension/float64" and r.quantity == "output"
        } <= FAILING


def test_a_tanh_that_overflows_fails_for_large_inputs_alone(tmp_path: Path) -> None:
    swaps = [(TANH_FORWARD, "self.h = (np.exp(X) - np.exp(-X)) / (np.exp(X) + np.exp(-X))")]
    records = ask_and_judge(changed(tmp_path, swaps), lambda case: case.check in ("tanh", "network"))
    failing = [r for r in records if r.verdict in FAILING]
    assert {r.quantity for r in failing} == {"tanh, large inputs", "gradient of tanh, large inputs"}
    assert {r.explained_by for r in failing if r.part == "6"} == {"5"}


def test_a_submission_that_does_not_parse_has_no_notes(tmp_path: Path) -> None:
    folder = changed(tmp_path, [("# TODO 1\n", "def f(:\n")])
    records = ask_and_judge(folder, lambda case: case.name.startswith(("relu/", "linear/", "network/")))
    assert {r.verdict for r in records} <= FAILING
    assert {r.note for r in records} == {""}


@pytest.mark.parametrize("layer", ["relu", "tanh"])
def test_a_crash_in_a_backward_is_charged_to_it_through_the_network(layer: str, tmp_path: Path) -> None:
    variants.changed(ASSIGNMENT, "gone", [Body(f"{layer}.backward", GONE)]).write(tmp_path)
    records = ask_and_judge(tmp_path, lambda case: case.name.startswith((f"network/{layer}", f"trajectory/{layer}")))
    part = "8" if layer == "relu" else "6"
    failing = [r for r in records if r.verdict in FAILING]
    assert {r.part for r in failing} == {part}
    assert {r.quantity for r in failing if not r.explained_by} == {"activation gradient"}
    assert {"L1 gradient of W", "updated L1 W"} <= {r.quantity for r in failing if r.explained_by == part}
    assert {r.verdict for r in records if r.quantity in ("L1 output", "activation output", "loss")} == {"match"}


# ---- the whole check, through its own door ----


def run(folder: Path, *parts: str) -> Run:
    return check(QUICK, folder, dtypes=("float64",), parts=frozenset(parts) or None, cache=JUDGED)


def test_the_shipped_network_matches_in_both_precisions() -> None:
    assert {record.verdict for record in check(ASSIGNMENT, ASSIGNMENT.solution).records} == {"match"}


def without_seconds(records: Sequence[Record]) -> list[Record]:
    return [replace(record, seconds=None) for record in records]


def test_mains_failures_are_credited_to_the_part_that_is_wrong(tmp_path: Path) -> None:
    found = run(changed(tmp_path, [(TANH_BACKWARD, "return grad * (1 - X * X)")]), "6", "10").records
    main = [r for r in found if r.check == "main" and r.verdict in FAILING]
    with_tanh = ("main/tanh-own/float64", "main/decay-own/float64", "main/relu-own/float64")
    assert {(r.case, r.part, r.explained_by) for r in main} == {(case, "6", "6") for case in with_tanh}
    assert all(r.message.endswith("caused by TODO 6") for r in main)
    assert set(at_fault(found)) == {"6"}


def test_a_wrong_part_is_the_same_to_main_asked_alone(tmp_path: Path) -> None:
    found = run(changed(tmp_path, [(TANH_BACKWARD, "return grad * (1 - X * X)")]), "10").records
    assert at_fault(found) == {}
    assert charged(found) == {"6"}


def test_wrong_wiring_is_ten_and_what_follows_from_it_is_explained(tmp_path: Path) -> None:
    swap = ('grad_u = model["nonlinear1"].backward(u, grad_h)', 'grad_u = model["nonlinear1"].backward(h, grad_h)')
    found = run(changed(tmp_path, [swap]), "10").records
    assert set(at_fault(found)) == {"10"}
    assert charged(found) == {"10"}


def test_each_half_of_a_half_done_submission_is_judged(tmp_path: Path) -> None:
    swaps = [
        (LINEAR_FORWARD, GONE),
        (GRADIENT_W, GONE),
        (TANH_FORWARD, "self.h = np.tanh(X)\n        # done"),
    ]
    found = run(changed(tmp_path, swaps)).records
    assert set(at_fault(found)) == {"3", "4"}
    assert charged(found) == {"3", "4"}
    whole = {r.case for r in found if r.check in ("tanh", "relu", "dropout", "sgd", "loss", "utils")}
    assert {r.verdict for r in found if r.case in whole} == {"match"}
    assert {r.verdict for r in found if r.case.endswith("-wiring/float64")} == {"match"}


def test_utils_are_charged_to_utils(tmp_path: Path) -> None:
    found = run(changed(tmp_path, [], [(LOSS_MEAN, "pass")])).records
    assert set(at_fault(found)) == {"utils"}
    assert charged(found) == {"utils"}


def test_records_are_exactly_the_plan_and_the_same_each_time(tmp_path: Path) -> None:
    folder = changed(tmp_path, [(RELU_FORWARD, "return np.where(X > 0, X, 0.01 * X)")])
    first = run(folder).records
    planned = QUICK.cases("2019", ("float64",))
    assert [(r.case, r.quantity) for r in first] == [("import", "module")] + [
        (case.name, q.name) for case in planned for q in case.quantities
    ]
    alone = run(folder, "7").records
    names = {r.case for r in alone}
    assert without_seconds(alone) == [r for r in without_seconds(first) if r.case in names]
    assert {case.name for case in planned if any(q.part == "7" for q in case.quantities)} == names - {"import"}


def test_a_comparison_of_nothing_fails(tmp_path: Path) -> None:
    case = plan("2019", ("float64",))[0]
    with pytest.raises(HarnessError, match="a comparison of nothing is no agreement"):
        check_plan([], [])
    with pytest.raises(HarnessError, match="not those planned"):
        check_plan([case], [])
    records = ask_and_judge(changed(tmp_path, []), lambda c: c.name == case.name)
    check_plan([case], records)
    with pytest.raises(HarnessError, match="not those planned"):
        check_plan([case], [*records, records[0]])
    with pytest.raises(HarnessError, match="not those planned"):
        check_plan([case], records[1:])


def test_every_edition_asks_for_what_it_has() -> None:
    parts = {edition: {q.part for c in plan(edition, ("float64",)) for q in c.quantities} for edition in EDITIONS}
    everything = {*map(str, range(1, 11)), "utils"}
    assert parts == {"2019": everything, "2020-22": everything, "2022-23": everything - {"5", "6", "9"}}
    assert not any(lam(case) for edition in ("2020-22", "2022-23") for case in plan(edition, ("float64",)))


def lam(case: Case) -> float:
    return float(case.params.get("lam", 0.0))
