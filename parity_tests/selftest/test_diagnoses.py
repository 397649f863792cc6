"""Every known mistake, plugged into the shipped network, is a mismatch at its TODO with its name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.mistakes.diagnosis import DIAGNOSIS
from parity_tests.assignments.mlp.mistakes.kept_rows import KEPT as KEPT_ROWS
from parity_tests.assignments.mlp.mistakes.kept_rows import OF_PARTS
from parity_tests.assignments.mlp.mistakes.steps import RIGHT, Steps
from parity_tests.harness.diagnosis.name_mistakes import all_hints
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.parts.readable_numbers import likeliest
from parity_tests.proof.judged_variants import failures
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.mistake import Body, Call, Swap
from parity_tests.selftest.nightly import one_of_each
from parity_tests.selftest.shipped_variants import alone, changed, records, shipped
from reports.model.records import Record
from reports.model.verdicts import FAILING

pytestmark = pytest.mark.usefixtures("one_thread")


def test_mistakes_are_known_beside_those_of_texts_and_names_are_unique() -> None:
    assert Counter((part, name) for part, *_, name, _ in OF_PARTS).most_common(1)[0][1] == 1
    assert len(KEPT_ROWS) > 40
    assert not [name for name, hint in KEPT_ROWS.items() if not hint.endswith((".", "?"))]


def test_the_shipped_network_has_no_diagnosis() -> None:
    found = records(shipped(), lambda case: case.check != "main")
    assert {record.verdict for record in found} == {"match"}
    assert {record.diagnosis for record in found} == {""}


LARGE = re.compile("/(full-size|many-rows|many-steps)/")


def bad(changes: Sequence[Body | Swap], part: str, dtypes: Sequence[str] = DTYPES) -> list[Record]:
    """The failing records of a change of the shipped network, in the smaller cases that a TODO has to itself."""

    def wanted(case: Case) -> bool:
        small = case.check not in ASSIGNMENT.joint_checks and not LARGE.search(case.name)
        return small and case.dtype in dtypes and any(q.part == part for q in case.quantities)

    return failures(alone(changed("test", changes), wanted))


U = "X @ self.params['W'] + self.params['b']"
NARROW = "np.float32(X) @ np.float32(self.params['W']) + np.float32(self.params['b'])"
RELATIONS = {
    "differs by the constant factor 1.5": f"return 1.5 * ({U})",
    "the rows are right, but in another order": f"return ({U})[::-1].copy()",
    "wrong only in the last row": f"u = {U}\nu[-1] += 1\nreturn u",
    "right to float32 digits only": f"return ({NARROW}).astype(self.params['W'].dtype)",
    "rounded to 3 decimals": f"return np.round({U}, 3)",
    "right at the first call, wrong from the second on": (
        f"self.n = getattr(self, 'n', 0) + 1\nreturn {U} + (self.n > 1) * np.arange(len(X))[:, None]"
    ),
    "zero everywhere": f"return ({U}) * (len(X) == 1)",
    "NaN everywhere": f"return np.nan * ({U})",
    "the same number everywhere": f"u = {U}\nreturn np.full(u.shape, u.mean())",
    "all rows are alike": f"u = {U}\nreturn u[:1] * 0.5 + 0 * u",
    "the absolute value is taken": f"return np.abs({U})",
    "right up to 0.75 in magnitude, and cut off beyond": f"return np.clip({U}, -0.75, 0.75)",
    "reshaped, where it should be transposed: the right numbers at wrong places": (
        f"u = {U}\nreturn u.T.reshape(u.shape)"
    ),
    "NaN or infinite wherever it is wrong": f"u = {U}\nreturn np.where(u > 0, u, np.nan)",
    "right only in the first row": f"u = {U}\nreturn u * (1 + (np.arange(len(X)) > 0)[:, None])",
}


@pytest.mark.parametrize("name", RELATIONS)
def test_where_no_mistake_fits_a_simple_relation_is_said(name: str) -> None:
    own = bad([Body("linear_layer.forward", RELATIONS[name])], "3", ["float64"])
    assert own
    assert {record.diagnosis for record in own} == {name}


SGD_RELATIONS = {
    "wrong only for layers of other names than L1 and L2": "g = (g + _lambda * w) * (1 + w * (name[0] != 'L'))",
    "wrong only where α > 0 and λ > 0": "g = g + _lambda * w * (1 if _alpha <= 0 else 50 + w)",
}


def with_body(gradient: str) -> str:
    return (
        f"self.gradient['W'] = {gradient}\nself.gradient['b'] = grad.sum(axis=0, keepdims=True)\n"
        "return grad @ self.params['W'].T"
    )


WHAT_THE_CASES_HOLD: dict[str, list[Body | Swap]] = {
    "3": [Body("linear_layer.forward", f"return {U} + (len(X) == 1)")],  # the one case with N = 1
    "4": [Body("linear_layer.backward", with_body("X.T @ grad * (1 + (grad.shape[1] == 1))"))],
    "1": [Swap("g = g + _lambda * w\n", "g = g + _lambda * w * (1 + (abs(w) > 100))\n")],  # one of the cases
    "7": [Body("relu.forward", "self.mask = X > 0\nreturn np.maximum(X, 0) * (1 + (X.shape[0] == 1))")],
}
"""Changes that show in one case, or in cases that differ in more than one way."""


@pytest.mark.parametrize("part", WHAT_THE_CASES_HOLD)
def test_no_border_is_said_that_the_cases_merely_happen_to_show(part: str) -> None:
    found = bad(WHAT_THE_CASES_HOLD[part], part)
    assert found
    assert not any("only" in record.diagnosis for record in found)


def test_of_an_elementwise_part_the_size_is_said_from_which_it_was_measured_to_be_wrong() -> None:
    found = bad([Body("relu.forward", "self.mask = X > 0\nreturn np.maximum(X, 0) + 0.01 * (np.abs(X) > 7)")], "7")
    said = {record.diagnosis for record in found if record.quantity == "output"}
    assert len(said) == 1
    up_to, from_on = re.findall(r"[\d.]+", said.pop())
    assert 5 < float(up_to) <= 7 <= float(from_on) < 10


@pytest.mark.parametrize("name", SGD_RELATIONS)
def test_of_sgd_it_is_said_for_which_rates_and_from_which_step_on_it_is_wrong(name: str) -> None:
    found = bad(
        [Swap("if _lambda != 0:\n                g = g + _lambda * w\n", f"{SGD_RELATIONS[name]}\n")], "1", DTYPES[:1]
    )
    assert {record.diagnosis for record in found} == {name}


STEP = ("v -= _learning_rate * g\n", "w += v\n", "w -= _learning_rate * g\n")
NO_OPERATOR_GIVES = {
    "the velocity is torch's, without η": ("v += g\n", "w -= _learning_rate * v\n", STEP[2]),
    "it is Nesterov's momentum": (
        STEP[0], "w += _alpha * v - _learning_rate * g\n", STEP[2],
    ),
    "weight decay is applied after the step": (
        STEP[0].replace("* g", "* (g - _lambda * w)"), "w += v\n                w *= 1 - _learning_rate * _lambda\n",
        "w -= _learning_rate * (g - _lambda * w)\n                w *= 1 - _learning_rate * _lambda\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_OPERATOR_GIVES)
def test_what_no_operator_gives_is_a_row_of_the_rule(name: str) -> None:
    found = bad([*map(Swap, STEP, NO_OPERATOR_GIVES[name])], "1", DTYPES[:1])
    assert {record.diagnosis for record in found} == {name}


def test_the_result_of_the_call_before_is_told() -> None:
    body = (
        "kept = getattr(self, 'kept', None)\nself.kept = grad * self.mask\n"
        "return self.kept if kept is None or kept.shape != grad.shape else kept"
    )
    found = bad([Body("dropout.backward", body)], "9")
    assert "the result of the call before" in {record.diagnosis for record in found}


KEPT = "globals().setdefault('kept', {})"
OUTLIVING: Mapping[str, tuple[str, Body | Swap]] = {
    "what the latest forward of any object gave in place of h in the derivative": (
        "6", Body("tanh.forward", "type(self).h = np.tanh(X)\nreturn self.h"),
    ),
    "the mask of the latest forward of any object in place of the mask X > 0 in relu's gradient": (
        "8", Body("relu.forward", "type(self).mask = X > 0\nreturn np.maximum(X, 0)"),
    ),
    "1 − r of the last object made in place of 1 − r in the scale": ("9", Swap("self.r = r", "type(self).r = r")),
    "wrong only where several models take turns: what is kept of one must not go on with another": (
        "1", Swap('momentum[f"{name}_{key}"]', f"{KEPT}.setdefault((name, key, w.shape), 0 * w)"),
    ),
    "all layers share their gradients": (
        "2", Swap("self.gradient: dict[str, Array] =", "type(self).gradient ="),
    ),
}  # fmt: skip


def test_state_that_outlives_its_object_is_named() -> None:
    def in_turn(case: Case) -> bool:
        return case.dtype == "float64" and ("/in-turn/" in case.name or "/init-small/" in case.name)

    changes = [change for _, change in OUTLIVING.values()]
    found = {(record.diagnosis, record.part) for record in failures(alone(changed("test", changes), in_turn))}
    assert found == {(name, part) for name, (part, _) in OUTLIVING.items()}


def test_overwriting_is_named_where_it_spoils_the_network_alone() -> None:
    swap = [Swap("return X * self.mask", "X *= self.mask\n        return X")]
    found = records(changed("test", swap), lambda case: case.name.startswith(("network/", "dropout/rate")))
    spoilt = {record.case: record.diagnosis for record in found if record.verdict in FAILING}
    # relu's backward goes by its mask and lets that be; tanh keeps what dropout writes over.
    assert set(spoilt) == {f"network/tanh-with-dropout/{dtype}" for dtype in ("float64", "float32")}
    assert set(spoilt.values()) == {"dropout.forward overwrites its input, which is still needed"}


def test_a_relation_of_a_part_that_fails_on_its_own_is_not_looked_for_beside_it() -> None:
    # tanh(u/4) is right to float32 digits where tanh is 1 or −1; that is not what is wrong with it.
    found = bad([Body("tanh.forward", "self.h = np.tanh(X / 4) + X * X\nreturn self.h")], "5")
    assert not any("digits" in record.diagnosis for record in found)


def test_what_is_cut_off_is_called_so_where_float32_digits_would_hold_too() -> None:
    cut = [Body("tanh.forward", "self.h = np.tanh(np.clip(X, -9, 9))\nreturn self.h")]
    found = records(changed("test", cut), lambda case: case.name == "tanh/large-inputs/float64")
    said = {record.diagnosis for record in found if record.part == "5"}
    assert said == {"right up to 0.9999999695 in magnitude, and cut off beyond"}


def test_no_formula_is_claimed_that_is_not_reproduced_everywhere() -> None:
    # Without a transpose where the shapes allow it, and right elsewhere: no formula does both.
    body = (
        "W = self.params['W']\nself.gradient['W'] = X.T @ grad\nself.gradient['b'] = grad.sum(axis=0, keepdims=True)\n"
        "return grad @ W if len(W) == W.shape[1] else grad @ W.T"
    )
    found = bad([Body("linear_layer.backward", body)], "4")
    assert {record.case.split("/")[1] for record in found} == {"square", "in-turn"}  # those of square weights
    assert {record.diagnosis for record in found} == {"wrong only where W is square"}


def test_of_mistakes_that_give_the_same_the_simplest_is_named() -> None:
    # Times 0 everywhere is simpler than all else that gives zeros.
    found = bad([Body("linear_layer.backward", with_body("0 * X.T @ grad"))], "4")
    names = {record.diagnosis for record in found}
    assert names == {"the gradient of W is 0 everywhere"}


def test_a_crash_that_the_formula_foretells_is_named() -> None:
    found = bad([Body("linear_layer.backward", with_body("X @ grad"))], "4")
    crashed = [record for record in found if record.verdict == "crashed"]
    assert crashed
    assert {record.diagnosis for record in crashed} == {"X is not transposed in the gradient of W"}


# ---- numbers that are looked for, and what explains a wrong run of main


TOLD = {
    "not_defined": "a name is used that is not defined, or not yet",
    "None + X": "None is used where an array is needed",
    "X.not_there": "an attribute is used that its object does not have",
    "np.zeros((2, 3)) @ np.zeros((2, 3))": "shapes do not fit together",
    "np.zeros(3)[3]": "an index lies outside its array",
    "{}['W']": "an entry is looked up under a name that it does not have",
    "None": "nothing is returned",
    "(X, X)": "several things are returned",
}


@pytest.mark.parametrize("returned", TOLD)
def test_what_an_exception_says_and_what_else_than_an_array_is_returned_have_names(returned: str) -> None:
    for function, part in (("relu.forward", "7"), ("linear_layer.backward", "4")):
        own = bad([Body(function, f"X = X + 0\nreturn {returned}")], part)
        assert TOLD[returned] in {record.diagnosis for record in own}
    assert TOLD[returned] in all_hints(DIAGNOSIS)


@pytest.mark.parametrize(
    ("name", "gone"), [("float_", True), ("product", True), ("maximun", False), ("tahn", False), ("no_such", False)]
)
def test_a_name_that_numpy_had_is_told_from_one_that_it_never_had(name: str, gone: bool) -> None:
    own = bad([Body("relu.forward", f"return np.{name}(X)")], "7")
    named = {record.diagnosis for record in own if "relu.forward raised" in record.message}
    assert named == {"a name is used that NumPy 2 removed" if gone else ""}


@pytest.mark.parametrize("number", [0.0, 0.9, -0.01, 1 / 3, 1 / 784, 5 / 7, 2**0.5, 1 / 1000**0.5, 1.7159])
def test_a_readable_number_is_found_beside_what_was_measured(number: float) -> None:
    found = likeliest(number * (1 + 1e-13))
    assert found is not None
    assert found == pytest.approx(number, rel=1e-12)


NO_NUMBERS = ("return np.inf * np.ones_like(X)", "return np.nan * X", "return np.zeros(0)")
LAYERS = ("tanh", "relu", "dropout")


@pytest.mark.parametrize(
    "which",  # at once each layer, and each result
    one_of_each(itemgetter(0), [(LAYERS[n], NO_NUMBERS[(n + k) % 3]) for k in range(3) for n in range(3)]),
    ids=": ".join,
)
def test_what_is_infinite_or_of_another_shape_breaks_no_diagnosis(which: tuple[str, str]) -> None:
    layer, body = which
    found = alone(changed("test", [Body(f"{layer}.forward", body)]), lambda case: case.check == layer)
    assert any(record.verdict in FAILING for record in found)
    assert "right up to the sign" not in {record.diagnosis for record in found}


def test_weights_that_are_no_numbers_break_no_diagnosis(capfd: pytest.CaptureFixture[str]) -> None:
    found = bad([Swap("w -= _learning_rate * g", "w *= np.nan")], "1")
    assert any(record.verdict in FAILING for record in found)
    assert capfd.readouterr().err == ""


ABOVE = "the mask compares X with a number other than 0 in relu's {}"


@pytest.mark.parametrize("threshold", [0.5, -0.1, 1.7])
def test_of_relu_that_lets_through_from_another_number_on_it_is_said_so(threshold: float) -> None:
    forward = bad([Body("relu.forward", f"return np.where(X > {threshold}, X, 0)")], "7")
    assert {r.diagnosis for r in forward if r.quantity.startswith("output")} == {ABOVE.format("output")}
    backward = bad([Body("relu.backward", f"return np.where(X > {threshold}, grad, 0)")], "8")
    assert {record.diagnosis for record in backward} == {ABOVE.format("gradient")}


def test_no_readable_number_is_found_beside_others() -> None:
    assert likeliest(np.inf) is likeliest(np.nan) is None
    measured = np.random.default_rng(0).random(2000)
    assert sum(likeliest(float(x)) is not None for x in measured) < 20


def test_a_number_is_looked_for_only_where_no_formula_without_one_fits() -> None:
    doubled = bad([Swap("g = g + _lambda * w", "g = g + 2 * _lambda * w")], "1", DTYPES[:1])
    assert {record.diagnosis for record in doubled} == {"the weight decay is doubled"}
    other = bad([Swap("g = g + _lambda * w", "g = g + 1.3 * _lambda * w")], "1", DTYPES[:1])
    assert {record.diagnosis for record in other} == {"the weight decay is multiplied by 1.3"}


def test_a_changed_step_that_divides_by_a_rate_of_0_fits_nothing_and_breaks_nothing() -> None:
    w = Running(np.ones(3), np.float64)
    inputs = {"w": w, "g": [w, 2 * w], "etas": [0.5, 0.25], "alpha": 0.0, "layer": "L1", "key": "W"}
    wrong = Steps(RIGHT.replace("weight_decay * w", "(learning_rate / weight_decay) * w"))
    calls = [Call("sgd.weights", "", np.dtype(float), "", None, Comparison("match"), inputs | {"lam": lam})
             for lam in (0.0, 0.5)]  # fmt: skip
    with pytest.raises(ValueError, match="cannot be run"):
        wrong(calls[0])
    assert wrong(calls[1]).value[:, 0].tolist() == [0.0, -0.5]


# ---- the bound that a wrong formula carries


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_running_bound_holds_for_honest_computations(dtype: type) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        X: NDArray[Any] = rng.standard_normal((5, 7)).astype(dtype)
        W: NDArray[Any] = rng.standard_normal((7, 3)).astype(dtype)
        x, w = Running(X, dtype), Running(W, dtype)
        for got, want in (
            (X @ W, x @ w),
            (np.tanh(X) * X - 0.1, np.tanh(x) * x - 0.1),
            (2 / (1 + np.exp(-X)) - 1, 2 / (1 + np.exp(-x)) - 1),
            (X.mean(axis=0, keepdims=True) / 3, x.mean(axis=0, keepdims=True) / 3),
            (X * (X > 0), x * (x.value > 0)),
            (np.log(1 + X * X), np.log(1 + x * x)),
        ):
            gap = np.abs(got.astype(np.longdouble) - want.value)
            assert (gap <= want.allowance()).all()
            assert float(np.max(want.allowance())) < 1e3 * np.finfo(dtype).eps * max(
                1.0, float(np.abs(want.value).max())
            )
