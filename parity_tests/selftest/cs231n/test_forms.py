"""Right solutions match however they are written, and wrong functions are told apart from the others and named."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import cycle
from typing import Any

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.names import OPTIM_FILE
from parity_tests.assignments.cs231n.proof.honest import HONEST
from parity_tests.harness.check import check
from parity_tests.proof.editions import changed_parts, edition_for
from parity_tests.proof.variants import rewritten
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.mistake import Body, Rewrite, Swap
from parity_tests.selftest.cs231n import judging
from parity_tests.selftest.cs231n.judging import records
from parity_tests.selftest.nightly import first_of_each
from reports.model.records import Record
from reports.model.verdicts import FAILING

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("edition", ASSIGNMENT.editions.names)
def test_our_solution_agrees_in_every_family(edition: str) -> None:
    found = check(ASSIGNMENT, ASSIGNMENT.solution, dtypes=("float64",), edition=edition).records
    assert {record.verdict for record in found} == {"match"}


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_our_solution_agrees_at_the_sizes_of_other_seeds(seed: int) -> None:
    run = check(ASSIGNMENT, ASSIGNMENT.solution, dtypes=("float32",), seed=seed)
    assert {record.verdict for record in run.records} == {"match"}
    before = {case.name: case.params for case in ASSIGNMENT.cases("2021-24", ("float32",), seed=0)}
    after = {case.name: case.params for case in ASSIGNMENT.cases("2021-24", ("float32",), seed=seed)}
    assert before.keys() == after.keys()
    assert sum(before[name] != after[name] for name in before) > len(before) / 2


NETS = {"FullyConnectedNet", "ThreeLayerConvNet"}
"""They call the layers, and see what these round otherwise."""


def changed_part(rewrite: Rewrite) -> str:
    """The file that a form changes, and the kind of its first function."""
    first = rewrite.changes[0]
    return f"{rewrite.file} {first.function.partition('_')[0] if isinstance(first, Body) else ''}"


FORMS = first_of_each(changed_part, HONEST)


@pytest.mark.parametrize(
    ("rewrite", "dtype"),
    list(zip(FORMS, cycle(DTYPES[::-1]), strict=False)),
    ids=[rewrite.name for rewrite in FORMS],
)
def test_an_honest_form_matches(rewrite: Rewrite, dtype: str) -> None:
    variant = rewritten(ASSIGNMENT, rewrite)
    edition = edition_for(ASSIGNMENT, variant)
    own = changed_parts(ASSIGNMENT, variant)
    in_nets = dtype == "float32" and own and not edition and rewrite.file != OPTIM_FILE
    asked = own | NETS if in_nets else own
    found = records(variant, parts=asked or None, edition=edition, dtypes=(dtype,))
    assert [record.message for record in found if record.verdict != "match"] == []


def judged(*changes: Body | Swap, parts: Collection[str] = (), **asked: Any) -> list[Record]:
    """The records of our solution with these changes, of these parts and of those whose bodies they are; no names."""
    parts = {*parts, *(change.function for change in changes if isinstance(change, Body))}
    return judging.judged(*changes, parts=parts, **{"named": False, **asked})


def wrong_parts(found: Sequence[Record]) -> set[str]:
    return {record.part for record in found if record.verdict in FAILING and not record.explained_by}


def test_a_backward_that_is_right_for_its_own_wrong_forward_is_not_blamed() -> None:
    forward = Body("affine_forward", "return 2.5 * (x.reshape(len(x), -1) @ w) + b, (x, w, b)")
    backward = "x, w, _ = cache\nflat = x.reshape(len(x), -1)\nreturn {}, {} * flat.T @ dout, dout.sum(axis=0)"
    right = Body("affine_backward", backward.format("2.5 * (dout @ w.T).reshape(x.shape)", 2.5))
    found = judged(forward, right, named=True)
    assert wrong_parts(found) == {"affine_forward"}
    assert any("it seems to be the derivative of that one" in record.message for record in found)
    wrong = Body("affine_backward", backward.format("2.5 * (dout @ w.T).reshape(x.shape)", 3))
    assert wrong_parts(judged(forward, wrong, named=True)) == {"affine_forward", "affine_backward"}


def test_a_layer_that_does_nothing_does_not_earn_its_backward() -> None:
    nothing = Body("relu_forward", "return x + 0, x"), Body("relu_backward", "return dout + 0")
    assert wrong_parts(judged(*nothing, named=True)) == {"relu_forward", "relu_backward"}
    zeros = Body("relu_forward", "return 0 * x, x"), Body("relu_backward", "return 0 * dout")
    assert wrong_parts(judged(*zeros, named=True)) == {"relu_forward", "relu_backward"}


NOTHING = {
    "relu_forward": "return 2 * x, x",
    "relu_backward": "return 2 * dout",
    "layernorm_forward": "return gamma * x + beta, (x, gamma)",
    "layernorm_backward": "x, gamma = cache\nreturn dout * gamma, (dout * x).sum(axis=0), dout.sum(axis=0)",
    "dropout_forward": "return 2 * x, None",
    "dropout_backward": "return 2 * dout",
}
"""Layers that do nothing of what is asked, each with the derivative of that."""


def test_the_derivative_of_nothing_earns_nothing_and_is_not_blamed() -> None:
    found = judged(*(Body(part, lines) for part, lines in NOTHING.items()), named=True)
    of_x = [record for record in found if record.part.endswith("backward") and "dx" in record.quantity]
    assert {record.verdict for record in of_x} == {"unjudged"}
    assert wrong_parts(found) == {"relu_forward", "layernorm_forward", "dropout_forward"}


HIDDEN: dict[str, Body | Swap] = {
    "affine_backward": Body(
        "affine_backward",
        "x, w, _ = cache\ndw = globals().setdefault('BUFFERS', {}).setdefault(w.shape, np.zeros_like(w))\n"
        "dw[...] = x.reshape(len(x), -1).T @ dout\nreturn (dout @ w.T).reshape(x.shape), dw, dout.sum(axis=0)",
    ),
    "conv_backward_naive": Swap("dw = (flat @ columns", "dw = (w[0, 0].size > 1 or 2) * (flat @ columns"),
    "batchnorm_forward": Swap(
        "_normalised(x, batch_mean, batch_variance, gamma",
        "_normalised(x, batch_mean, (np.sqrt(batch_variance) + eps) ** 2 - eps, gamma",
    ),
    "dropout_backward": Swap("(dropout_param, mask)", "(dropout_param, dropout_param.setdefault('first', mask))"),
}
"""A buffer by shape, filters of one place, eps in another place in the test mode, and one mask for all layers."""


def test_what_few_settings_show_is_caught() -> None:
    found = judged(*HIDDEN.values(), parts=HIDDEN)
    assert wrong_parts(found) == set(HIDDEN)
    assert any("dw is changed by a later call of affine_backward" in record.message for record in found)


@pytest.mark.parametrize(
    ("part", "file", "old", "new", "case"),
    [
        ("rmsprop", "cs231n/optim.py", 'np.sqrt(cache) + config["epsilon"]', "np.sqrt(cache) + 1e-8", "rmsprop/fresh"),
        ("TwoLayerNet", "cs231n/classifiers/fc_net.py", "    return 0.5 * reg *",
         "    return (reg >= 0.01) * 0.5 * reg *", "TwoLayerNet/plain"),
        ("FullyConnectedNet", "cs231n/classifiers/fc_net.py", "return loss + penalty(self.params, self.reg), grads",
         "first = {g.shape: g for g in reversed(grads.values()) if g.ndim == 2}\n"
         "        return loss + penalty(self.params, self.reg), {n: first.get(g.shape, g) for n, g in grads.items()}",
         "FullyConnectedNet/reg"),
        ("batchnorm_forward", "cs231n/layers.py", "        mean = momentum * mean",
         "        bn_param['calls'] = bn_param.get('calls', 0) + 1\n"
         "        momentum = 1 if bn_param['calls'] > 12 else momentum\n        mean = momentum * mean",
         "batchnorm/running"),
        ("adam", "cs231n/optim.py", 'config["t"] + 1', 'min(config["t"] + 1, 10)', "adam/usual"),
    ],
    ids=["epsilon", "small penalty", "gradients by shape", "statistics that stop", "a count that stops"],
)  # fmt: skip
def test_what_one_setting_shows_is_caught(part: str, file: str, old: str, new: str, case: str) -> None:
    edition = "2018-20" if part == "TwoLayerNet" else None
    found = judged(Swap(old, new), file=file, parts={part}, edition=edition)
    cases = {record.case.rpartition("/")[0].replace("rows-", "") for record in found if record.verdict in FAILING}
    assert cases == {case}


def test_state_at_module_level_is_told_by_two_inputs_in_turn() -> None:
    kept = Body("relu_forward", "globals()['kept'] = x\nreturn np.maximum(x, 0), None")
    used = Body("relu_backward", "return dout * (kept > 0)[: len(dout)] if len(dout) <= len(kept) else dout")
    found = judged(kept, used)
    assert wrong_parts(found) == {"relu_backward"}
    assert {record.case for record in found if record.verdict in FAILING} == {"relu/turns/float64"}


def test_what_the_notebooks_do_not_ask_is_a_check_of_its_own() -> None:
    right = "return dx[:, :, pad : pad + H, pad : pad + W], dw"
    no_pad = Swap(right, right.replace("pad : pad + H, pad : pad + W", "pad:-pad, pad:-pad"))
    found = judged(no_pad, parts={"conv_backward_naive"}, named=True)
    failing = [record for record in found if record.verdict in FAILING]
    assert {record.check for record in failing} == {"conv_beyond"}
    assert all(record.quantity.endswith("(beyond)") for record in failing)
    assert {record.diagnosis for record in failing} == {"a padding of 0 slices all of dx away"}


CROPPED = "dx = np.zeros((N, C, {room}), dcolumns.dtype)"


def test_a_gradient_that_ends_where_the_windows_end_is_wrong() -> None:
    whole = CROPPED.format(room="H + 2 * pad, W + 2 * pad")
    reached = CROPPED.format(room="(height - 1) * stride + HH, (width - 1) * stride + WW")
    assert wrong_parts(judged(parts={"conv_backward_naive"})) == set()
    found = judged(Swap(whole, reached), parts={"conv_backward_naive"})
    assert {(r.case.split("/")[1], r.verdict) for r in found if r.verdict in FAILING} == {("floor", "mismatch")}


DROPOUT = """p, mode = dropout_param["p"], dropout_param["mode"]
{seed}
if mode == "test":
    return {test}, (dropout_param, None)
mask = {mask}
return x * mask, (dropout_param, mask)"""


@pytest.mark.parametrize(
    ("mask", "test", "seed", "quantities"),
    [
        ("(np.random.rand(*x.shape) > p) / p", "x", True, {"share kept"}),
        ("(np.random.rand(*x.shape) > p) / (1 - p)", "x", True, {"out", "share kept", "dx"}),
        ("(np.random.rand(*x.shape) < p)", "x", True, {"out", "dx"}),
        ("(np.random.randn(*x.shape) < p) / p", "x", True, {"share kept"}),
        ("(np.random.rand(*x.shape) < p) / p", "x * p", True, {"out in test mode"}),
        ("(np.random.rand(*x.shape) < p) / p", "x", False, {"mask of the same seed"}),
        ("(np.random.rand(x.shape[1]) < p) / p", "x", True, {"independence"}),
    ],
    ids=["p-reversed", "p-dropped", "not-inverted", "randn", "scaled-in-test", "seed-ignored", "one-row-for-all"],
)
def test_dropout_is_judged_by_its_effect(mask: str, test: str, seed: bool, quantities: set[str]) -> None:
    seeded = "np.random.seed(dropout_param['seed']) if 'seed' in dropout_param else None" if seed else "pass"
    found = judged(Body("dropout_forward", DROPOUT.format(seed=seeded, mask=mask, test=test)))
    assert quantities & {record.quantity for record in found if record.verdict in FAILING}


def test_a_mask_that_comes_again_is_said_to_come_again_and_not_that_its_rows_hang_together() -> None:
    mask = "(np.random.RandomState(0).rand(*x.shape) < p) / p"
    found = judged(Body("dropout_forward", DROPOUT.format(seed="pass", mask=mask, test="x")))
    failing = {record.quantity for record in found if record.verdict in FAILING}
    assert failing == {"mask of another seed", "mask without a seed"}
