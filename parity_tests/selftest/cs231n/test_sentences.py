"""What is said beside the verdicts of CS231n's functions is true of them: what is not written, what warns, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.names import FC_FILE
from parity_tests.assignments.cs231n.proof.honest import HONEST
from parity_tests.harness.check import check
from parity_tests.protocol.mistake import Around, Body, Swap
from parity_tests.selftest.cs231n import judging
from parity_tests.selftest.cs231n.conftest import Changed
from reports.model.records import Record
from reports.model.verdicts import FAILING
from reports.terminal.run import run_page

pytestmark = pytest.mark.usefixtures("one_thread")


def judged(*changes: Body | Swap | Around, **asked: Any) -> list[Record]:
    return [record for record in judging.judged(*changes, **asked) if record.check != "import"]


def verdicts(found: Sequence[Record], part: str) -> set[str]:
    return {record.verdict for record in found if record.part == part}


# ---- what is not written

STUB = """p, mode = dropout_param["p"], dropout_param["mode"]
mask = None
out = None
if mode == "train":
    {train}
elif mode == "test":
    pass
cache = (dropout_param, mask)
out = out.astype(x.dtype, copy=False)
return out, cache"""
BACK_STUB = """dropout_param, mask = cache
dx = None
if dropout_param["mode"] == "test":
    dx = dout
return dx"""
DROPOUT = {"dropout_forward", "dropout_backward"}


def test_a_stub_that_crashes_in_its_handouts_own_last_line_is_not_implemented() -> None:
    stub = Body("dropout_forward", STUB.format(train="pass"))
    both = judged(stub, Body("dropout_backward", BACK_STUB), parts=DROPOUT)
    assert {record.verdict for record in both} == {"missing"}
    for part in DROPOUT:
        assert all(f"{part} is not implemented" in record.message for record in both if record.part == part)
    forward = judged(stub, parts=DROPOUT)
    assert verdicts(forward, "dropout_forward") == {"missing"}
    assert verdicts(forward, "dropout_backward") == {"unjudged"}
    because = "because dropout_forward is not implemented"
    assert all(because in record.message for record in forward if record.part == "dropout_backward")


@pytest.mark.parametrize(
    "line", ["out = x * mask", "mask = None\n    out = sorted(x, key=None).nothing", "out = p + None"]
)
def test_what_crashes_behind_what_was_written_has_crashed(line: str) -> None:
    found = judged(Body("dropout_forward", STUB.format(train=line)), parts=DROPOUT)
    assert "crashed" in verdicts(found, "dropout_forward")


def test_a_norm_that_is_not_written_is_told_once() -> None:
    nothing = Body("batchnorm_forward", "bn_param['running_mean'] = np.zeros(x.shape[1])\nreturn None, None")
    found = judged(nothing, parts={"batchnorm_forward", "batchnorm_backward"})
    assert verdicts(found, "batchnorm_forward") == {"missing"}
    assert verdicts(found, "batchnorm_backward") == {"unjudged"}
    because = "because batchnorm_forward is not implemented"
    assert all(because in record.message for record in found if record.part == "batchnorm_backward")


@pytest.mark.nightly
def test_a_network_that_is_not_written_is_not_implemented(changed: Changed) -> None:
    made = "        self.params = {name: value.astype(dtype) for name, value in params.items()}\n"
    folder = changed(fc_net=(made, "        self.params = {}\n"))
    run = check(ASSIGNMENT, folder, dtypes=("float64",), parts=frozenset({"FullyConnectedNet"}))
    found = [record for record in run.records if record.check != "import"]
    assert {record.verdict for record in found} == {"missing"}
    assert "FullyConnectedNet is not implemented: it makes no parameters" in found[0].message


STUB_OF_LOSS = """scores = None
if y is None:
    return scores
loss, grads = 0.0, {}
return loss, grads"""


def test_a_loss_of_a_network_that_is_not_written_is_not_implemented() -> None:
    asked: dict[str, Any] = {"file": FC_FILE, "parts": {"FullyConnectedNet"}, "named": False}
    found = [r for r in judged(Body("FullyConnectedNet.loss", STUB_OF_LOSS), **asked) if r.quantity[0] in "dls"]
    assert {r.verdict for r in found if not r.quantity.startswith("dropout")} == {"missing"}
    assert all("FullyConnectedNet.loss is not implemented" in r.message for r in found if r.verdict == "missing")
    some = STUB_OF_LOSS.replace("grads = 0.0, {}", "grads = 0.0, {'W1': self.params['W1']}")
    losses = [r for r in judged(Body("FullyConnectedNet.loss", some), **asked) if r.quantity.startswith("loss")]
    assert {r.verdict for r in losses} == {"mismatch"}


def test_a_network_that_lacks_some_parameters_is_wrong(changed: Changed) -> None:
    made = "        self.params = {name: value.astype(dtype) for name, value in params.items()}\n"
    folder = changed(fc_net=(made, made + "        self.params.pop('W1')\n"))
    run = check(ASSIGNMENT, folder, dtypes=("float64",), parts=frozenset({"FullyConnectedNet"}))
    assert {record.verdict for record in run.records if record.quantity == "parameters"} == {"mismatch"}


# ---- notes

LOSS = (
    "N = len(x)\n{shift}\np = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)\n"
    "loss = -np.log(p[np.arange(N), y]).mean()\np[np.arange(N), y] -= 1\nreturn loss, p / N"
)
OF_LOGS = LOSS.replace("p = np.exp(s) / np.exp(s)", "p = s - np.log(np.exp(s)").replace(
    "keepdims=True)\n", "keepdims=True))\n").replace("-np.log(p[np.arange(N), y])", "-p[np.arange(N), y]").replace(
    "\np[np.arange(N), y] -= 1", "\np = np.exp(p)\np[np.arange(N), y] -= 1")  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "shift", "said", "unsaid"),
    [
        (LOSS, "x - x.max(axis=1, keepdims=True)", "takes the log of a probability that has become 0", "overflows"),
        (LOSS, "x", "overflows where scores lie far apart", "takes the log"),
        (OF_LOGS, "x", "overflows where scores lie far apart", "takes the log"),
    ],
    ids=["shifted", "unshifted", "unshifted, by logs"],
)
def test_what_overflows_is_told_from_the_log_of_0(loss: str, shift: str, said: str, unsaid: str) -> None:
    body = Body("softmax_loss", loss.format(shift=f"s = {shift}"))
    found = judged(body, parts={"softmax_loss"}, edition="assignment-1")
    assert not {record.verdict for record in found} & FAILING
    notes = " ".join(record.note for record in found)
    assert said in notes
    assert unsaid not in notes


def test_a_gradient_that_is_wrong_beside_what_overflows_is_wrong() -> None:
    twice = OF_LOGS.format(shift="s = x").replace("return loss, p / N", "return loss, p / N * (1 + np.isinf(loss))")
    found = judged(Body("softmax_loss", twice), parts={"softmax_loss"}, edition="assignment-1")
    assert {record.quantity for record in found if record.verdict in FAILING} == {"dx"}


def test_a_warning_is_noted_at_the_function_whose_line_it_is() -> None:
    warns = "dcentred = dnormal / deviation + 2 * centred * dvariance / len(dout)"
    found = judged(Swap(warns, f"_ = np.zeros(1) / np.zeros(1)\n    {warns}"), parts={"batchnorm_forward"})
    warned = [record for record in found if "invalid value" in record.note]
    assert {record.part for record in warned} == {"batchnorm_backward"}


def test_what_a_submission_was_lent_is_said_of_the_submission(changed: Changed) -> None:
    folder = changed()
    (folder / "cs231n" / "fast_layers.py").unlink()
    run = check(ASSIGNMENT, folder, dtypes=("float64",), parts=frozenset({"sgd"}))
    page = " ".join(" ".join(run_page(run)).split())
    assert "submission: no cs231n/fast_layers.py that runs was handed in" in page
    assert "affine_forward no cs231n" not in page


def test_nothing_is_said_of_kinks_where_a_slope_is_wrong() -> None:
    found = judged(Body("relu_backward", "return np.maximum(dout, 0)"), parts={"relu_backward"})
    assert verdicts(found, "relu_backward") == {"mismatch"}
    assert not any("kink" in record.note for record in found if record.part == "relu_backward")
    at_0 = judged(Body("relu_backward", "return np.where(cache >= 0, dout, 0)"), parts={"relu_backward"})
    assert any("the other side of each nondifferentiable point" in record.note for record in at_0)


def test_what_is_right_for_what_a_wrong_forward_handed_on_is_said_of_the_gradient_that_is() -> None:
    samples = Swap("x.var(axis=1, keepdims=True)", "x.var(axis=1, keepdims=True, ddof=1)")
    along = "along: Array = g.mean(axis=axis, keepdims=True) + normal * (g * normal).mean(axis=axis, keepdims=True)"
    for change in ((samples,), (samples, Swap(along, f"{along} / 2"))):
        found = judged(*change, parts={"layernorm_backward"})
        notes = " ".join({record.note for record in found if record.part == "layernorm_backward"})
        assert "correct for your forward's output" in notes
        assert ("gives a dgamma that is correct" in notes) == (len(change) == 2)


WITHOUT_EPS = """normal, deviation, gamma, axis = cache
g, centred, power = dout * gamma / deviation, normal * deviation, (deviation**2 - 1e-5) ** -1.5
products = (dout * gamma * centred).mean(axis=axis, keepdims=True)
dx = g - g.mean(axis=axis, keepdims=True) - centred * products * power
return dx, (dout * normal).sum(axis=0), dout.sum(axis=0)"""


def test_a_forms_rounding_explains_nothing_of_what_is_wrong() -> None:
    """Without eps in one term dx of large rows is within another form's radius in float32."""
    wrong = (Body("batchnorm_backward", WITHOUT_EPS),)
    (right,) = [form for form in HONEST if form.name == "norms as one scale and one shift of x"]
    for part, changes, said in (("batchnorm_backward", wrong, False), ("batchnorm_forward", right.changes, True)):
        found = [record for record in judged(*changes, parts={part}) if record.part == part]
        assert any("which “" in record.note for record in found if record.verdict == "match") is said


# ---- networks


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Swap("[dict(mode) for _ in hidden_dims]", "[mode] * len(hidden_dims)"), "FullyConnectedNet.loss raised"),
        (
            Swap(
                "        if self.use_dropout:\n            h,",
                "        if self.use_dropout and layer < 2:\n            h,",
            ),
            "is applied 1 times in training, where 2 are expected",
        ),
    ],
    ids=["raises", "leaves out"],
)
def test_how_often_dropout_is_applied_is_said_of_calls_that_return_alone(change: Swap, said: str) -> None:
    back = Swap("        if self.use_dropout:\n            dh", "        if dropout:\n            dh")
    found = [
        r
        for r in judged(change, back, file=FC_FILE, parts={"FullyConnectedNet"}, named=False)
        if r.quantity == "dropout"
    ]
    told = [r.message for r in found if r.verdict in FAILING]
    assert told
    assert all(said in message for message in told)


def test_a_backward_is_not_said_to_refuse_a_stride_that_its_forward_refuses() -> None:
    line = "    F, C, HH, WW = w.shape\n    windows = _windows(_padded(x, pad), HH"
    strict = line.replace("windows =", "assert (x.shape[2] + 2 * pad - HH) % stride == 0\n    windows =", 1)
    found = judged(Swap(line, strict), parts={"conv_forward_naive"})
    assert {record.verdict for record in found} == {"match"}
    notes = {(record.part, record.note) for record in found if "refuses" in record.note}
    refuses = "refuses a stride that does not divide, which is right too"
    assert notes == {
        ("conv_forward_naive", refuses),
        ("conv_backward_naive", f"is not asked where conv_forward_naive {refuses}"),
    }


def test_parameters_that_are_no_dict_are_said_to_be_none() -> None:
    made = "self.params = {name: value.astype(dtype) for name, value in params.items()}"
    listed = Swap(made, "self.params = list(params.values())")
    found = judged(listed, file=FC_FILE, parts={"FullyConnectedNet"}, named=False)
    failing = [record for record in found if record.verdict in FAILING]
    assert failing
    assert all("params is a list, where a dict of arrays by their names is expected" in r.message for r in failing)
