"""Single slips are called by their names in whatever code they stand; a formula that gives no numbers names nothing."""

from __future__ import annotations

import warnings
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.kinds import networks
from parity_tests.assignments.cs231n.kinds.torch_networks import Changed
from parity_tests.assignments.cs231n.mistakes.diagnosis import experiments
from parity_tests.assignments.cs231n.mistakes.network_ends import ending
from parity_tests.assignments.cs231n.names import CNN_FILE, FC_FILE, OPTIM_FILE
from parity_tests.harness import flow_answers
from parity_tests.harness.diagnosis.name_mistakes import all_hints
from parity_tests.harness.draw import draw
from parity_tests.harness.flow_answers import predicted
from parity_tests.parts.changed_texts import ChangedTexts
from parity_tests.parts.penalty import GRADIENT, LOSS, UNPENALISED
from parity_tests.proof.judged_variants import failures
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.protocol.diagnosis import Diagnosis
from parity_tests.protocol.mistake import Body, Swap
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE
from parity_tests.selftest.cs231n.judging import judged
from parity_tests.selftest.nightly import one_in, one_of_each

pytestmark = pytest.mark.usefixtures("one_thread")


GRAPH = """normal, deviation, gamma, _ = cache
N = len(dout)
xmu, ivar = normal * deviation, 1 / deviation
dxhat = dout * gamma
dvar = np.sum(dxhat * xmu, axis=0) * -0.5 * {power}
dmu = np.sum(dxhat * -ivar, axis=0) + dvar * np.mean(-2.0 * xmu, axis=0)
dx = dxhat * ivar + dvar * 2.0 * xmu / N + dmu / N
return dx, np.sum(dout * normal, axis=0), np.sum(dout, axis=0)"""
FILTER_BY_FILTER = """(N, C, H, W), w, conv_param, columns = cache
S, P = conv_param["stride"], conv_param["pad"]
F, _, HH, WW = w.shape
_, _, Hout, Wout = dout.shape
columns = columns.reshape(N, C, HH, WW, Hout, Wout)
dxp, dw = np.zeros((N, C, H + 2 * P, W + 2 * P), dout.dtype), np.zeros_like(w)
for n in range(N):
    for f in range(F):
        total = np.zeros_like(w[f])
        for i in range(Hout):
            for j in range(Wout):
                total += columns[n, :, :, :, i, j] * dout[n, f, i, j]
                dxp[n, :, i * S : i * S + HH, j * S : j * S + WW] += w[f] * dout[n, f, i, j]
        dw[f] {writes} total
return dxp[:, :, P : P + H, P : P + W], dw, dout.sum((0, 2, 3))"""
ALTERNATIVE = """xhat, std, gamma, _ = cache
N = len(dout)
dbeta, dgamma = dout.sum(axis=0), (dout * xhat).sum(axis=0)
dx = gamma / std {by} * (N * dout - dbeta - xhat * dgamma)
return dx, dgamma, dbeta"""
ONE_TERM = """xhat, std, gamma, _ = cache
dgamma, dbeta = (dout * xhat).sum(axis=0), dout.sum(axis=0)
return (gamma * dout - dout.mean(axis=0) - xhat * (dout * xhat).mean(axis=0)) / std, dgamma, dbeta"""
TURNED = """N, C, H, W = x.shape
out, cache = batchnorm_forward(np.moveaxis(x, 1, 3).reshape(N * H * W, C), gamma, beta, bn_param)
return out.reshape(N, H, W, C).transpose({out}), cache"""
DESCENT = """config = {} if config is None else config
config.setdefault("learning_rate", 1e-2)
w = w - config["learning_rate"] * dw
config["learning_rate"] *= 0.9
return w, config"""
ADAM = """given = config or {{}}
config = {{"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "t": 0, **given}}
m, v = config.get("m", np.zeros_like(w)), config.get("v", np.zeros_like(w))
config["t"] += 1
b1, b2, t = config["beta1"], config["beta2"], config["t"]
m, v = b1 * m + (1 - b1) * dw, b2 * v + (1 - b2) * dw * dw
mt, vt = m / (1 - b1**t), v / (1 - b2**t)
config["m"], config["v"] = {kept}
return w - config["learning_rate"] * mt / (np.sqrt(vt) + config["epsilon"]), config"""

FORWARD = """x_wide = np.pad(x, ((0, 0), (0, 0), (conv_param["pad"],) * 2, (conv_param["pad"],) * 2))
S = conv_param["stride"]
{filters} = w.shape
{images} = x_wide.shape
Hout, Wout = 1 + (H - HH) // S, 1 + (W - WW) // S
out = np.zeros((N, F, Hout, Wout), x.dtype)
for i in range(Hout):
    for j in range(Wout):
        window = x_wide[:, :, i * S : i * S + HH, j * S : j * S + WW]
        out[:, :, i, j] = {product} + b
columns = _windows(x_wide, *w.shape[2:], S).transpose(0, 1, 4, 5, 2, 3).reshape(N, w[0].size, -1)
return out, (x.shape, w, conv_param, columns)"""
DOT, FLAT = "np.tensordot(window, w, axes=([1, 2, 3], [1, 2, 3]))", "window.reshape(N, -1) @ w.reshape(F, -1).T"
RIGHT_SIDES = {"images": "N, C, H, W", "filters": "F, C, HH, WW", "product": DOT}

POOLED = """height, width, S = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
N, C, H, W = x.shape
out = np.zeros((N, C, 1 + (H - height) // S, 1 + (W - width) // S), x.dtype)
for n, c, i, j in np.ndindex(*out.shape):
    out[n, c, i, j] = x[n, c, i * S : i * S + {height}, j * S : j * S + {width}].max()
return out, (x.shape, pool_param, _windows(x, height, width, S).reshape(*out.shape, -1).argmax(axis=-1))"""
UNPOOLED = """shape, pool_param, first = cache
height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
dx = np.zeros(shape, dout.dtype)
for n, c, i, j in np.ndindex(*dout.shape):
    r, q = divmod(int(first[n, c, i, j]), width)
    dx[n, c, {row} + r, {column} + q] += dout[n, c, i, j]
return dx"""

MOMENTUM = """config = {{"learning_rate": 1e-2, "momentum": 0.9, **(config or {{}})}}
v = config.get("velocity", np.zeros_like(w))
v = {old} - config["learning_rate"] * dw
config["velocity"] = v
return w + v, config"""

OF_ROWS = """N, C, H, W = dout.shape
dx, dgamma, dbeta = batchnorm_backward(dout.transpose({rows}).reshape(-1, C), cache)
return dx.reshape({sizes}, C).transpose({back}), dgamma, dbeta"""
WIDTH_FIRST = {"rows": "0, 3, 2, 1", "sizes": "N, W, H", "back": "0, 3, 2, 1"}
HEIGHT_FIRST = {"rows": "0, 2, 3, 1", "sizes": "N, H, W", "back": "0, 3, 1, 2"}
STORING = """mode, eps, momentum = bn_param["mode"], bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
old = bn_param.get("running_mean", np.zeros_like(gamma)), bn_param.get("running_var", np.zeros_like(gamma))
mu, var = (x.mean(axis=0), x.var(axis=0)) if mode == "train" else old
out, cache = _normalised(x, mu, var, gamma, beta, eps, axis=0)
if mode == "train":
    new = [momentum * one + (1 - momentum) * batch for one, batch in zip(old, (mu, var))]
    bn_param["{mean}"], bn_param["{variance}"] = new
return out, cache"""

SLIPS = (
    ("spatial_batchnorm_backward", OF_ROWS.format(**WIDTH_FIRST), "",
     "the rows of dout run along W and H in this order, those of x in the cache along H and W"),
    ("conv_forward_naive", FORWARD.format(**{**RIGHT_SIDES, "images": "N, C, W, H"}), "",
     "the image's height and the image's width are exchanged in the size of the output, or in a part of it"),
    ("conv_forward_naive", FORWARD.format(**{**RIGHT_SIDES, "filters": "F, C, WW, HH"}), "",
     "the filters' sides are exchanged, or one is used for the other"),
    ("max_pool_forward_naive", POOLED.format(height="width", width="height"), "",
     "the pool's height and the pool's width are exchanged in the windows"),
    ("max_pool_backward_naive", UNPOOLED.format(row="i * width", column="j * stride"), "",
     "the pool's width in place of the stride in where their gradients go, down the image"),
    ("batchnorm_backward", GRAPH.format(power="ivar"), "",
     "the gradient through the variance is multiplied by the deviation, not divided"),
    ("batchnorm_backward_alt", ONE_TERM, "",
     "gamma is left out of the gradients through the mean and the variance"),
    ("conv_backward_naive", FILTER_BY_FILTER.format(writes="="), "", "dw is of the last example alone"),
    ("relu_backward", "return dout * np.maximum(cache, 0)", "",
     "dx is multiplied by ReLU's output once too often"),
    ("adam", ADAM.format(kept="mt, vt"), OPTIM_FILE, "the corrected moments are kept"),
    ("adam", ADAM.format(kept="m, v").replace('config["beta2"]', 'config["beta1"]'), OPTIM_FILE,
     "β₁ in place of β₂ throughout"),
    ("sgd_momentum", MOMENTUM.format(old="v"), OPTIM_FILE, "μ is left out of the velocity"),
)  # fmt: skip
"""Parts, their code as somebody writes it, the file, and the name."""


@pytest.mark.parametrize("slip", one_of_each(itemgetter(0), SLIPS), ids=[f"{one[0]}: {one[-1]}" for one in SLIPS])
def test_a_slip_in_other_code_is_called_by_its_name(slip: tuple[str, str, str, str]) -> None:
    part, code, file, name = slip
    failing = failures(judged(Body(part, code), file=file, parts={part}))
    assert {record.diagnosis for record in failing} == {name}


BESIDE_FORWARD = Swap(
    "deviation = np.sqrt(variance + eps)\n    normal", "deviation = np.sqrt(variance) + eps\n    normal"
)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("dvar * 2.0", "dvar", "the gradient through the variance is halved"),
        ("dx = dxhat * ivar", "dx = dout * ivar", "gamma is left out of the direct gradient"),
    ],
    ids=["halved", "gamma"],
)
def test_a_slip_beside_a_forward_with_eps_beside_the_root_is_called_by_its_name(old: str, new: str, name: str) -> None:
    code = GRAPH.format(power="ivar**3").replace(old, new)
    found = failures(judged(BESIDE_FORWARD, Body("batchnorm_backward", code), parts={"batchnorm_backward"}))
    assert {(record.part, record.diagnosis) for record in found} == {("batchnorm_backward", name)}


def test_a_masks_further_division_by_p_is_called_so_beside_a_wrong_scale_too() -> None:
    once = "dx is divided by the share that is kept once too often"
    for scale, name in (("p", once), ("(1 - p)", "the share that is kept is squared in the scale")):
        forward = Swap("((np.random.rand(*x.shape) < p) / p)", f"((np.random.rand(*x.shape) < p) / {scale})")
        further = Swap("else dout * mask", "else dout * mask / cache[0]['p']")
        changes = (forward, further) if scale != "p" else (further,)
        found = failures(judged(*changes, parts={"dropout_forward", "dropout_backward"}))
        names = {record.diagnosis for record in found if record.part == "dropout_backward"}
        assert names == {name}


def test_images_that_are_put_back_in_a_wrong_order_are_called_by_that_order() -> None:
    turned = Body("spatial_batchnorm_forward", TURNED.format(out="0, 3, 2, 1"))
    found = failures(judged(turned, parts={turned.function}))
    names = {record.diagnosis for record in found}
    assert names == {"out is transposed back by (0, 3, 2, 1), not by (0, 3, 1, 2)"}


RESHAPED = "rows, cache = batchnorm_forward(x.reshape(-1, x.shape[1]), gamma, beta, bn_param)\nreturn {}, cache"
VARIANCE = "variance = momentum * variance + (1 - momentum) * batch_variance"


@pytest.mark.parametrize("beside", ["", " + eps", "**0.5"], ids=["right", "with eps", "of deviations"])
def test_what_many_calls_on_images_fail_of_has_the_name_that_single_calls_have(beside: str) -> None:
    reshaped = Body("spatial_batchnorm_forward", RESHAPED.format("rows.reshape(x.shape)"))
    swaps = (Swap(VARIANCE, VARIANCE.replace("batch_variance", f"batch_variance{beside}")),) if beside else ()
    found = failures(judged(reshaped, *swaps, parts={reshaped.function}))
    images = [record for record in found if record.part == reshaped.function]
    assert {record.diagnosis for record in images} == {"x is reshaped without a transpose, and so is out"}
    assert any(record.quantity.startswith("running_var") for record in images)


def test_running_statistics_that_single_calls_do_not_explain_have_no_name_of_theirs() -> None:
    """Where an output is put back wrongly its statistics are right: what is wrong of these has another cause."""
    code = """rows, cache = batchnorm_forward(_places_as_rows(x), gamma, beta, bn_param)
bn_param["running_var"] = 1.5 * bn_param["running_var"]
return rows.reshape(x.shape), cache"""
    part, name = "spatial_batchnorm_forward", "out is reshaped without the transpose back"
    found = failures(judged(Body(part, code), parts={part}))
    named = {record.quantity.partition(" ")[0]: record.diagnosis for record in found}
    assert named == {"out": name, "running_var": ""}


def test_rows_of_a_wrong_forward_in_another_order_are_no_mistake_of_its_backward() -> None:
    back = "the transpose back of out, as if by (0, 2, 3, 1), does not match it"
    name = f"x is turned into rows by transpose(0, 3, 2, 1), and {back}"
    part, code = "spatial_batchnorm_forward", TURNED.format(out="0, 3, 1, 2")
    ordered = Body(
        part, code.replace("np.moveaxis(x, 1, 3).reshape(N * H * W, C)", "x.transpose(0, 3, 2, 1).reshape(-1, C)")
    )
    found = failures(judged(ordered, parts={part}))
    assert {(record.part, record.diagnosis) for record in found} == {(part, name)}


IN_PLACE = Body("relu_forward", "np.maximum(x, 0, out=x)\nreturn x, x")


@pytest.mark.parametrize(("mask", "wrong"), [("cache >= 0", True), ("cache > 0", False)])
def test_a_mask_that_a_forward_in_place_has_emptied_is_not_said_to_be_left_out(mask: str, wrong: bool) -> None:
    backward = Body("relu_backward", f"return dout * ({mask})")
    found = failures(judged(IN_PLACE, backward, parts={"relu_forward", "relu_backward"}))
    assert {(record.part, record.diagnosis) for record in found} == ({("relu_backward", "")} if wrong else set())


RIGHT = (
    ("spatial_batchnorm_backward", OF_ROWS.format(**HEIGHT_FIRST), ""),
    ("batchnorm_forward", STORING.format(mean="running_mean", variance="running_var"), ""),
    ("conv_forward_naive", FORWARD.format(**RIGHT_SIDES), ""),
    ("conv_forward_naive", FORWARD.format(**{**RIGHT_SIDES, "product": FLAT}), ""),
    ("batchnorm_backward", GRAPH.format(power="ivar**3"), ""),
    ("conv_backward_naive", FILTER_BY_FILTER.format(writes="+="), ""),
    ("batchnorm_backward_alt", ALTERNATIVE.format(by="/ N"), ""),
    ("spatial_batchnorm_forward", TURNED.format(out="0, 3, 1, 2"), ""),
    ("adam", ADAM.format(kept="m, v"), OPTIM_FILE),
    ("sgd", DESCENT.replace("*= 0.9", "*= 1.0"), OPTIM_FILE),
)


@pytest.mark.parametrize(("part", "code", "file"), RIGHT, ids=[part for part, _, _ in RIGHT])
def test_the_same_code_without_the_slip_agrees(part: str, code: str, file: str) -> None:
    found = judged(Body(part, code), file=file, parts={part})
    assert {record.verdict for record in found} == {"match"}


IN_TEST_MODE = "bn_param[mode] = mode"
"""What the handouts of 2016 and 2017 have: batch norm never tests."""


@pytest.mark.parametrize("named", one_in(2, [True, False]), ids=["2016-17", "2018-20"])
def test_a_slip_beside_the_oldest_handouts_own_fault_is_called_by_its_name(named: bool) -> None:
    slip = Swap(
        "for layer in range(1, last + 1):\n            grads", "for layer in range(1, last):\n            grads"
    )
    handout = Swap('bn_param["mode"] = mode', IN_TEST_MODE)
    failing = failures(
        judged(slip, handout, file=FC_FILE, parts={"FullyConnectedNet"}, edition="2016-17" if named else "2018-20")
    )
    called = {(record.quantity.startswith("dW"), record.diagnosis) for record in failing}
    # Batch norm never tests: in another edition the scores are wrong by that, and have no share in the slip's name.
    of_scores: set[tuple[bool, str]] = set() if named else {(False, "")}
    assert called == {(True, "the gradient is without the penalty"), *of_scores}


def test_a_network_that_never_trains_again_after_it_gave_scores_is_told() -> None:
    stays = Swap('self.dropout_param["mode"] = mode', 'self.dropout_param["mode"] = mode if y is None else self.mode')
    kept = Swap(
        'mode = "test" if y is None else "train"',
        """mode = "test" if y is None else "train"
        self.mode = "test" if y is None else getattr(self, "mode", "train")""",
    )
    failing = failures(judged(stays, kept, file=FC_FILE, parts={"FullyConnectedNet"}))
    assert {record.case for record in failing} == {"FullyConnectedNet/both/float64"}
    said = {record.diagnosis for record in failing if record.quantity == "dropout"}
    assert said == {"dropout stays in its test mode once scores were asked for"}


def test_weights_at_another_scale_that_comes_near_in_one_network_are_wrong_in_another() -> None:
    scale = Swap('"W1": weight_scale *', '"W1": np.sqrt(2 / (C * filter_size)) *')
    failing = failures(judged(scale, file=CNN_FILE, parts={"ThreeLayerConvNet"}))
    assert {record.quantity for record in failing} >= {"weight scale"}


@pytest.mark.parametrize("start", [-2.0, -1.0])
def test_a_maximum_that_begins_below_0_is_told(start: float) -> None:
    found = Swap("axis=-1)[..., 0], (x.shape", f"axis=-1)[..., 0].clip({start}), (x.shape")
    assert failures(judged(found, parts={"max_pool_forward_naive"}))


def test_a_formula_that_gives_no_numbers_names_nothing_that_is_a_number() -> None:
    kept = Body("adam", ADAM.format(kept="m * 1.5, v"))  # β t as the correction would take roots of negative numbers
    failing = failures(judged(kept, file=OPTIM_FILE, parts={"adam"}))
    assert failing
    assert {record.diagnosis for record in failing} == {""}


DRAWN = "((np.random.rand(*x.shape) < p) / p)"
DROPPED = "((np.random.rand(*x.shape) > p) / (1 - p))"
TESTED, TIMES = "        return x, (dropout_param, None)", "        return x * (1 - p), (dropout_param, None)"


@pytest.mark.parametrize(
    ("swaps", "part", "name"),
    [
        ([(DRAWN, "(np.random.rand(*x.shape) > p)")], "dropout_forward", "the scale is left out of the mask"),
        (
            [(DRAWN, "(np.random.rand(*x.shape) > p)"), (TESTED, TIMES)],
            "dropout_forward",
            "the scale is left out of the mask, and out is multiplied by the share that is kept once too often, "
            "in the test mode",
        ),
        (
            [(DRAWN, DROPPED.replace("(1 - p)", "p"))],
            "dropout_forward",
            "the share that is dropped in place of the share that is kept in the scale",
        ),
        (
            [(DRAWN, DROPPED), ("else dout * mask", "else dout * (mask > 0) / cache[0]['p']")],
            "dropout_backward",
            "the share that is dropped in place of the share that is kept in the scale",
        ),
        (
            [(DRAWN, DROPPED), (TESTED, TIMES)],
            "dropout_forward",
            "out is multiplied by the share that is kept once too often, in the test mode",
        ),
    ],
)
def test_dropout_is_named_by_the_share_that_is_kept_whatever_the_oldest_handouts_p_means(
    swaps: list[tuple[str, str]], part: str, name: str
) -> None:
    parts = {"dropout_forward", "dropout_backward"}
    found = failures(judged(*(Swap(*swap) for swap in swaps), parts=parts, edition="2016-17"))
    assert {record.part for record in found} == {part}
    assert {claimed for record in found for claimed in record.diagnosis.split("; ")} == {name}


CONV_BY_WINDOWS = """N, C, H, W = x.shape
F, _, HH, WW = w.shape
stride, pad = conv_param["stride"], conv_param["pad"]
height, width = 1 + (H + 2 * pad - {down}) // stride, 1 + (W + 2 * pad - {across}) // stride
wide = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
out = np.zeros((N, F, height, width), x.dtype)
for i in range(height):
    for j in range(width):
        patch = wide[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
        for f in range(F):
            out[:, f, i, j] = (patch * w[f]).sum(axis=(1, 2, 3)) + b[f]
columns = _windows(wide, HH, WW, stride).transpose(0, 1, 4, 5, 2, 3).reshape(N, C * HH * WW, -1)
return out, (x.shape, w, conv_param, columns)"""
BY_ONE_SIDE = {
    ("HH", "HH"): "the filters' height in place of the filters' width in the number of columns",
    ("WW", "WW"): "the filters' width in place of the filters' height in the number of rows",
}


@pytest.mark.parametrize(
    "asked",  # at once each side, and either longer
    one_of_each(itemgetter(1), [(side, (n + k) % 2) for k in range(2) for n, side in enumerate(BY_ONE_SIDE)]),
)
def test_a_side_of_filters_that_stands_for_the_other_is_told_whichever_is_longer(
    asked: tuple[tuple[str, str], int],
) -> None:
    (sides, seed), part = asked, "conv_forward_naive"
    lines = CONV_BY_WINDOWS.format(down=sides[0], across=sides[1])
    found = failures(judged(Body(part, lines), parts={part}, seed=seed))
    assert {record.diagnosis for record in found if record.part == part} == {BY_ONE_SIDE[sides]}
    assert "filters that are not square" in found[0].message


SLID = """(N, C, H, W), w, conv_param, columns = cache
stride, pad = conv_param["stride"], conv_param["pad"]
F, _, HH, WW = w.shape
_, _, height, width = dout.shape
spread = np.zeros((N, F, H + 2 * pad + HH - 1, W + 2 * pad + WW - 1), dout.dtype)
spread[:, :, HH - 1 : HH - 1 + height * stride : stride, WW - 1 : WW - 1 + width * stride : stride] = dout
k = w{turned}
dx = np.einsum("nfijkl,fckl->ncij", _windows(spread, HH, WW, 1), k)[:, :, pad : pad + H, pad : pad + W]
flat = dout.reshape(N, F, -1)
return dx, (flat @ columns.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape), dout.sum(axis=(0, 2, 3))"""


@pytest.mark.parametrize("turned", ["", "[:, :, ::-1, ::-1]"], ids=["as they are", "turned"])
def test_filters_that_slide_over_dout_unturned_are_told_by_what_they_give(turned: str) -> None:
    part = "conv_backward_naive"
    found = failures(judged(Body(part, SLID.format(turned=turned)), parts={part}))
    names = set() if turned else {"the filters with both axes reversed in place of the filters"}
    assert {record.diagnosis for record in found} == names


def test_zeros_are_named_by_their_numbers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who returns zeros everywhere is held against every formula there is: that must take no radius of any.

    Nor is any other change of a right text looked for, which takes longer than all else of such a submission.
    """

    def never(*_: object) -> None:
        raise AssertionError("a radius is expected, or what else gives zeros")

    monkeypatch.setattr(flow_answers, "answers", never)
    monkeypatch.setattr(ChangedTexts, "towards", never)
    part = "relu_backward"
    plan = [case for case in ASSIGNMENT.cases("2021-24", DTYPES, {part}) if case.probe == "layer"]
    zeros = {
        case.name: {
            q.key: Returned("array", np.zeros(case.params["shapes"][q.key.call]["x"], case.dtype), "an array")
            for q in case.quantities
        }
        for case in plan
    }
    seen = {name: Observation(name, values, {}, {}, (), 0.0) for name, values in zeros.items()}
    dx = next(q for q in plan[0].quantities if q.part == part)
    assert experiments(plan, plan[0], dx, seen, partial(draw, ASSIGNMENT, seed=0)) == ("dx is 0 everywhere",)


def test_no_formula_is_computed_where_nothing_came_back() -> None:
    raised = Failure("crashed", "NotImplementedError", "it raised NotImplementedError")
    plan = ASSIGNMENT.cases("2021-24", ("float64",))
    seen = {case.name: Observation(case.name, {}, {WHOLE_CASE: raised}, {}, (), 0.0) for case in plan}

    def draw(case: Case) -> dict[str, Any]:
        raise AssertionError(f"{case.name} is drawn, to compute what a mistake gives")

    results = {(q.part, case.probe, q.name): q for case in plan for q in case.quantities}
    cases = {(q.part, case.probe): case for case in plan for q in case.quantities}
    tried = [
        experiments(plan, cases[part, probe], quantity, seen, draw) for (part, probe, _), quantity in results.items()
    ]
    assert len(tried) > 200
    assert not any(tried)


def test_the_right_text_of_a_penalty_gives_torchs_loss_and_gradients_and_another_does_not() -> None:
    cases = ASSIGNMENT.cases("2021-24", ("float64",), {"FullyConnectedNet"})
    case = next(one for one in cases if one.name == "FullyConnectedNet/batchnorm/float64")

    def results(note: str, changed: Changed) -> dict[str, Any]:
        question = networks.questions(case, draw(ASSIGNMENT, case, 0), changed, note)[0]
        return dict(predicted(case, question.forms[0]))

    told = results("", Changed())
    texts = {"loss": LOSS, "dW": GRADIENT, **dict.fromkeys(("db", "dgamma", "dbeta"), UNPENALISED)}
    for kind, text in texts.items():
        same = results(f"the right text of {kind}", ending(kind, text.whole(())))
        assert all(np.allclose(same[name], value, rtol=1e-12) for name, value in told.items())
        other = results(f"another text of {kind}", ending(kind, f"{text.whole(())} + w.sum()"))
        changed = [name.partition(" ")[0] for name in told if not np.allclose(other[name], told[name])]
        assert changed == [name for name in changed if name.rstrip("0123456789") == kind]
        assert changed


def test_nothing_is_printed_of_what_wrong_formulas_divide_by(monkeypatch: pytest.MonkeyPatch) -> None:
    def dividing(diagnosis: Diagnosis) -> dict[str, str]:
        assert np.isinf(np.ones(1) / np.zeros(1))
        return all_hints(diagnosis)

    monkeypatch.setattr("parity_tests.harness.diagnosis.name_mistakes.all_hints", dividing)
    with warnings.catch_warnings(action="error"):
        found = failures(judged(Body("relu_forward", "return np.maximum(0, x) / 2, x"), parts=["relu_forward"]))
    assert any(record.diagnosis for record in found)
