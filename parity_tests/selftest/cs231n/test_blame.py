"""A function is blamed for its own mistakes: not a backward for its forward's, nor one for those that it calls."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.grading.rubric import Vocabulary, parse_rubric
from parity_tests.grading.scoring import score
from parity_tests.proof.judged_variants import failures
from parity_tests.proof.variants import rewritten
from parity_tests.protocol.mistake import Body, Rewrite, Swap
from parity_tests.selftest.cs231n.judging import judged, records
from parity_tests.selftest.nightly import one_in, one_of_each
from reports.model.records import Record
from reports.model.verdicts import FAILING

pytestmark = pytest.mark.usefixtures("one_thread")

FORWARDS = (
    Body("affine_forward", "return np.maximum(x.reshape(len(x), -1) @ w + b, 0), (x, w, b)"),
    Body("relu_forward", "return np.tanh(x), x"),
)


def blamed(found: Sequence[Record]) -> set[str]:
    return {record.part for record in failures(found)}


@pytest.mark.parametrize("wrong", FORWARDS, ids=lambda wrong: wrong.function)
def test_a_wrong_forward_is_blamed_alone(wrong: Body) -> None:
    both = {wrong.function, wrong.function.replace("forward", "backward")}
    assert blamed(judged(wrong, parts=both, named=False)) == {wrong.function}


UNBIASED = Swap("batch_mean, batch_variance = x.mean(axis=0), x.var(axis=0)",
                "batch_mean, batch_variance = x.mean(axis=0), x.var(axis=0, ddof=1)")  # fmt: skip
BATCHNORM = {"batchnorm_forward", "batchnorm_backward"}


NORMS = {"batchnorm_forward", "batchnorm_backward", "batchnorm_backward_alt"}
SPATIAL = {"batchnorm_forward", "spatial_batchnorm_forward"}


@pytest.fixture(scope="module")
def unbiased() -> list[Record]:
    """The records of all that batch norm goes into, where the variance is that of samples."""
    return judged(UNBIASED, parts={*NORMS, *SPATIAL, "spatial_batchnorm_backward"})


GRAPH = "dx = dcentred - dcentred.mean(axis=0)\n    return dx, (dout * normal).sum(axis=0), dout"
OF_NUMBERS = {"batchnorm_backward": (4.67, 6), "batchnorm_backward_alt": (3.11, 4)}
"""Seven of nine quantities: what a forward without a number for a single row hands on leaves two open."""
HANDED_ON = "is correct for your forward's output: the error is in the forward"


def points(found: Sequence[Record]) -> dict[str, tuple[float | None, float | None]]:
    """The points of each item, and those there were to earn."""
    rubric = parse_rubric(ASSIGNMENT.rubric_text, "the rubric", Vocabulary.of(ASSIGNMENT))
    return {item.name: (item.points, item.maximum) for item in score(found, rubric).items if item.asked}


def test_a_norms_backward_that_is_right_for_what_its_wrong_forward_hands_on_earns_its_points(
    unbiased: list[Record],
) -> None:
    assert blamed(unbiased) == {"batchnorm_forward"}
    assert any(r.note == HANDED_ON for r in unbiased if r.part == "batchnorm_backward")
    earned = points(unbiased)
    assert earned["batchnorm_backward"] == OF_NUMBERS["batchnorm_backward"]
    assert earned["batchnorm_backward_alt"] == OF_NUMBERS["batchnorm_backward_alt"]
    assert 0 < (earned["batchnorm_forward"][0] or 0) < 7


@pytest.mark.parametrize(
    ("new", "most"),
    [
        (GRAPH.replace("dcentred - dcentred.mean", "dcentred - 2 * dcentred.mean"), 4),
        (GRAPH.replace("(dout * normal).sum", "(dout * centred).sum"), 4),
        (GRAPH.replace("dout * normal", "2 * dout * normal").replace("dx = ", "dx = 2 * "), 2),
    ],
    ids=["dx", "dgamma", "both"],
)
def test_a_wrong_backward_beside_a_wrong_forward_does_not_earn_what_is_wrong(new: str, most: float) -> None:
    found = judged(UNBIASED, Swap(GRAPH, new), parts=NORMS)
    assert "batchnorm_forward" in blamed(found)
    assert "batchnorm_backward_alt" not in blamed(found)
    earned = points(found)
    assert (earned["batchnorm_backward"][0] or 0) <= most
    assert earned["batchnorm_backward"][1] == 6
    assert earned["batchnorm_backward_alt"] == OF_NUMBERS["batchnorm_backward_alt"]
    assert HANDED_ON not in {r.note for r in found if r.part == "batchnorm_backward" and r.verdict in FAILING}


def test_what_is_wrong_beside_a_wrong_forward_is_open_until_a_human_has_looked() -> None:
    unknown = Swap(GRAPH, GRAPH.replace("dx = ", "dx = 1.37 * "))
    found = judged(UNBIASED, unknown, parts=NORMS)
    assert {r.explained_by for r in found if r.verdict == "unjudged"} == {"batchnorm_forward"}
    for message in (r.message for r in found if r.verdict == "unjudged"):
        assert "is not judged, because batchnorm_forward is wrong: its input is that one's output" in message
        assert "no agreement until a grader reviews it" in message


@pytest.mark.parametrize("part", ["layernorm", "spatial_groupnorm", "spatial_batchnorm"])
def test_what_was_handed_on_is_seen_whichever_norm_and_whichever_axes(part: str, unbiased: list[Record]) -> None:
    wrong = {
        "layernorm": Swap("mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)",
                          "mean, variance = x.mean(axis=0, keepdims=True), x.var(axis=0, keepdims=True)"),
        "spatial_groupnorm": Swap("groups.var(axis=2, keepdims=True)", "groups.var(axis=2, keepdims=True, ddof=1)"),
    }  # fmt: skip
    parts = {f"{part}_forward", f"{part}_backward"}
    found = judged(wrong[part], parts=parts, named=False) if part in wrong else unbiased
    backward = [record for record in found if record.part == f"{part}_backward"]
    right = [record for record in backward if record.quantity in ("dx", "dgamma")]
    assert right
    assert {record.note for record in right} == {HANDED_ON}


def test_a_backward_whose_cache_cannot_be_spoiled_is_judged_beside_a_wrong_forward() -> None:
    forward = Swap("return x.reshape(len(x), -1) @ w + b, (x, w, b)", "return x.reshape(len(x), -1) @ w - b, (x, w, b)")
    backward = Swap("x.reshape(len(x), -1).T @ dout, dout", "2 * x.reshape(len(x), -1).T @ dout, dout")
    found = judged(forward, backward, parts={"affine_forward"}, named=False)
    assert blamed(found) == {"affine_forward", "affine_backward"}
    assert blamed(judged(forward, parts={"affine_forward"}, named=False)) == {"affine_forward"}


def test_a_norm_whose_dx_is_right_had_a_right_cache() -> None:
    forward = Swap("out, cache = _normalised(x, batch_mean, batch_variance, gamma, beta, eps, axis=0)",
                   "out, cache = _normalised(x, batch_mean, batch_variance, gamma, 0 * beta, eps, axis=0)")  # fmt: skip
    backward = Swap("return dx, (dout * normal).sum(axis=0), dout", "return dx, (dout * normal).mean(axis=0), dout")
    assert blamed(judged(forward, backward, parts=BATCHNORM, named=False)) == BATCHNORM
    assert blamed(judged(forward, parts=BATCHNORM, named=False)) == {"batchnorm_forward"}


REVERSED = Swap("mean = momentum * mean + (1 - momentum) * batch_mean",
                "mean = (1 - momentum) * mean + momentum * batch_mean")  # fmt: skip


ANOTHER_EPS = Swap('eps, momentum = bn_param.get("eps", 1e-5), bn', "eps, momentum = 1e-5, bn")


@pytest.mark.parametrize("wrong", [UNBIASED, REVERSED, ANOTHER_EPS], ids=["statistics", "running", "eps"])
def test_who_calls_a_wrong_function_is_not_blamed_for_it(wrong: Swap, unbiased: list[Record]) -> None:
    found = unbiased if wrong is UNBIASED else judged(wrong, parts=SPATIAL)
    assert blamed(found) == {"batchnorm_forward"}
    note = "is what the submission's batchnorm_forward makes of the same places, which is what is wrong"
    assert note in {record.note for record in found if record.part == "spatial_batchnorm_forward"}
    assert points(found)["spatial_batchnorm_forward"] == (3, 3)


@pytest.mark.parametrize("wrong", [UNBIASED, REVERSED], ids=["statistics", "running"])
def test_who_calls_a_wrong_function_is_blamed_for_what_it_does_beside(wrong: Swap) -> None:
    places = Swap("return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])", "return x.reshape(-1, x.shape[1])")
    back = Swap("return rows.reshape(N, H, W, C).transpose(0, 3, 1, 2)", "return rows.reshape(shape)")
    assert "spatial_batchnorm_forward" in blamed(judged(wrong, places, back, parts=SPATIAL, named=False))


def test_who_calls_a_wrong_function_with_rows_in_another_order_is_not_blamed_for_its_rounding() -> None:
    tested = "normal = (x - mean) / np.sqrt(variance + eps)\n        out, cache = gamma"
    own = (
        "centred = x - np.einsum('nd->d', x) / len(x)\n"
        "        normal = centred * (np.einsum('nd,nd->d', centred, centred) / len(x) + eps) ** -0.5\n"
        "        out, cache = gamma"
    )
    by_channel = Swap("return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])",
                      "return x.swapaxes(0, 1).reshape(x.shape[1], -1).T")  # fmt: skip
    back = Swap("return rows.reshape(N, H, W, C).transpose(0, 3, 1, 2)",
                "return rows.T.reshape(C, N, H, W).swapaxes(0, 1)")  # fmt: skip
    found = judged(Swap(tested, own), by_channel, back, parts=SPATIAL, named=False)
    assert blamed(found) == {"batchnorm_forward"}
    nearly = Swap("return _rows_as_places(out, x.shape), cache", "return _rows_as_places(out + 1e-9, x.shape), cache")
    found = judged(Swap(tested, own), by_channel, back, nearly, parts=SPATIAL, named=False)
    assert blamed(found) == SPATIAL


def test_who_calls_a_right_function_is_blamed_for_its_own_mistakes() -> None:
    own = Swap("return _rows_as_places(out, x.shape), cache", "return 2 * _rows_as_places(out, x.shape), cache")
    assert blamed(judged(own, parts=SPATIAL, named=False)) == {"spatial_batchnorm_forward"}


@pytest.mark.parametrize(
    ("mask", "verdict"),
    [
        ("(np.random.rand(*x.shape) < p)", "match"),
        ("3 * (np.random.rand(*x.shape) < p)", "unjudged"),
        ("np.ones(x.shape)", "unjudged"),
    ],
    ids=["not-inverted", "in-no-way-that-is-known", "nothing-dropped"],
)
def test_dropouts_backward_is_judged_by_its_forwards_own_mask(mask: str, verdict: str) -> None:
    forward = Swap("((np.random.rand(*x.shape) < p) / p)", mask)
    found = judged(forward, parts={"dropout_forward"})
    assert "dropout_forward" in blamed(found)
    assert {record.verdict for record in found if record.quantity == "dx"} == {verdict}
    wrong = Swap("return dout if mask is None else dout * mask", "return dout if mask is None else 2 * dout * mask")
    assert "dropout_backward" in blamed(judged(forward, wrong, parts={"dropout_forward"}, named=False))


GROUPED = {"spatial_groupnorm_forward", "spatial_groupnorm_backward"}
WITHOUT_EPS = Swap('np.sqrt(variance + gn_param.get("eps", 1e-5))', "np.sqrt(variance)")


def test_a_backward_is_not_blamed_where_its_wrong_forward_is_within_its_radius() -> None:
    """In float32 the output of one case does not show that eps is missing, but the gradient does."""
    found = records(rewritten(ASSIGNMENT, Rewrite("changed", (WITHOUT_EPS,))), parts=GROUPED, dtypes=("float32",))
    wrong = {record.case for record in failures(found) if record.quantity == "out"}
    assert {record.case for record in found if record.quantity == "out"} - wrong
    assert blamed(found) == {"spatial_groupnorm_forward"}


def test_a_gap_that_is_too_wide_for_its_forward_is_the_backwards_own() -> None:
    twice = Swap("return dx.reshape(dout.shape), (dout * normal)", "return dx.reshape(dout.shape), (2 * dout * normal)")
    assert blamed(judged(WITHOUT_EPS, twice, parts=GROUPED, named=False)) == GROUPED


FLAT = 'x.reshape(len(x), -1, order="F")'
COLUMN_BY_COLUMN = Body("affine_forward", f"return {FLAT} @ w + b, (x, w, b)")
COLUMNS_BACK = f"x, w, _ = cache\nreturn (dout @ w.T).reshape(x.shape, order='F'), {FLAT}.T @ dout, dout.sum(axis=0)"
LEAKS = Body("relu_forward", "return np.where(x > 0, x, 0.1 * x), x")
POOLS_MEANS = Body(
    "max_pool_forward_naive",
    'height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]\n'
    "return _windows(x, height, width, stride).mean(axis=(4, 5)), (x.shape, pool_param)",
)
MEANS_BACK = """shape, pool_param = cache
height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
dx = np.zeros(shape, dout.dtype)
for i in range(height):
    for j in range(width):
        dx[:, :, i : i + stride * dout.shape[2] : stride, j : j + stride * dout.shape[3] : stride] += dout
return dx / (height * width)"""
SCALED = Swap("out = w.reshape(F, -1) @ columns", "out = 0.37 * w.reshape(F, -1) @ columns")
SCALED_BACK = (
    Swap("dw = (flat @ columns", "dw = 0.37 * (flat @ columns"),
    Swap("dcolumns = (w.reshape(F, -1).T @ flat)", "dcolumns = (0.37 * w.reshape(F, -1).T @ flat)"),
)
OF_THEIR_OWN: dict[str, tuple[tuple[Body | Swap, ...], tuple[Body | Swap, ...]]] = {
    "affine_forward": ((COLUMN_BY_COLUMN,), (Body("affine_backward", COLUMNS_BACK),)),
    "relu_forward": ((LEAKS,), (Body("relu_backward", "return np.where(cache > 0, dout, 0.1 * dout)"),)),
    "max_pool_forward_naive": ((POOLS_MEANS,), (Body("max_pool_backward_naive", MEANS_BACK),)),
    "conv_forward_naive": ((SCALED,), SCALED_BACK),
}
SPOILED = {
    "affine_forward": (".T @ dout,", ".T @ dout * 2,"),
    "relu_forward": ("0.1 * dout", "0.2 * dout"),
    "max_pool_forward_naive": ("(height * width)", "height"),
    "conv_forward_naive": ("dw = 0.37", "dw = 2"),
}
"""How each of these backwards is made wrong for its forward, too."""
UNPAID = ("max_pool_forward_naive", "conv_forward_naive")
"""One whose derivative asks less than a maximum's, and one that Parity has no name for."""


def verdicts_on(part: str, found: Sequence[Record]) -> set[str]:
    """On its results; what a bias gets is of no forward's making."""
    return {record.verdict for record in found if record.part == part and not record.quantity.startswith("db")}


@pytest.mark.parametrize("forward", OF_THEIR_OWN)
def test_a_backward_that_is_right_for_its_own_wrong_forward_is_not_blamed_and_right_if_that_is_known(
    forward: str,
) -> None:
    wrong, own = OF_THEIR_OWN[forward]
    backward = forward.replace("forward", "backward")
    found = judged(*wrong, *own, parts={forward, backward})
    assert blamed(found) == {forward}
    assert verdicts_on(backward, found) == {"unjudged" if forward in UNPAID else "match"}
    old, new = SPOILED[forward]
    spoiled = tuple(type(one)(one[0], one[1].replace(old, new)) for one in own)
    assert spoiled != own
    found = judged(*wrong, *spoiled, parts={forward, backward})
    assert {"mismatch", "unjudged"} & {record.verdict for record in found if record.part == backward}


def test_a_backward_that_is_right_for_its_wrong_forward_in_some_cases_is_blamed() -> None:
    own = COLUMNS_BACK.replace(".T @ dout,", ".T @ dout * (1 + (x.ndim == 4)),")
    found = judged(COLUMN_BY_COLUMN, Body("affine_backward", own), parts={"affine_forward"})
    assert blamed(found) == {"affine_forward", "affine_backward"}


def test_a_backward_of_a_forward_that_is_nothing_of_what_is_asked_is_neither_blamed_nor_right() -> None:
    forward = Body("affine_forward", "return np.cos(x.reshape(len(x), -1) @ w * 3), (x, w, b)")
    lines = (
        "x, w, b = cache\nflat = x.reshape(len(x), -1)\ng = -3 * np.sin(flat @ w * 3) * dout\n"
        "return (g @ w.T).reshape(x.shape), flat.T @ g, 0 * b"
    )
    found = judged(forward, Body("affine_backward", lines), parts={"affine_forward"})
    assert blamed(found) == {"affine_forward"}
    assert {r.verdict for r in found if r.part == "affine_backward"} == {"unjudged"}
    spoiled = Body("affine_backward", lines.replace("-3 *", "-2 *"))
    assert blamed(judged(forward, spoiled, parts={"affine_forward"})) == {"affine_forward", "affine_backward"}


CONV_SETTING = """N, C, H, W = x.shape
F, _, HH, WW = w.shape
stride, pad = conv_param["stride"], conv_param["pad"]
height, width = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
wide = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
"""
CONVOLVES = f"""{CONV_SETTING}k = {{turned}}
out = np.zeros((N, F, height, width), x.dtype)
for i in range(height):
    for j in range(width):
        window = wide[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
        out[:, :, i, j] = {{sign}}np.tensordot(window, k, ((1, 2, 3), (1, 2, 3))) + b
return out, (x, w, b, conv_param)"""
CONVOLVES_BACK = f"""x, w, b, conv_param = cache
{CONV_SETTING}k = {{turned}}
dwide, dk = np.zeros_like(wide), np.zeros_like(w)
for i in range(height):
    for j in range(width):
        here = np.s_[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
        g = {{sign}}dout[:, :, i, j]
        dk += np.tensordot(g, wide[here], (0, 0))
        dwide[here] += np.tensordot(g, k, (1, 0))
dw = {{back}}
return dwide[:, :, pad : pad + H, pad : pad + W], dw, dout.sum(axis=(0, 2, 3))"""
POOLS = """height, width, stride = (pool_param[n] for n in ("pool_height", "pool_width", "stride"))
windows = _windows(x, height, width, stride)
"""
POOLS_BACK = f"""x, pool_param = cache
{POOLS}dx = np.zeros_like(x)
for i in range(dout.shape[2]):
    for j in range(dout.shape[3]):
        here = np.s_[:, :, i * stride : i * stride + height, j * stride : j * stride + width]
        dx[here] += {{share}} * dout[:, :, i : i + 1, j : j + 1]
return dx"""
LEAST = "(x[here] == x[here].min(axis=(2, 3), keepdims=True))"
MAGNITUDE = "(np.abs(x[here]) == np.abs(x[here]).max(axis=(2, 3), keepdims=True))"
UNLIKE: dict[str, tuple[str, str, str, tuple[str, str]]] = {
    **{
        name: ("conv", CONVOLVES.format(turned=turned, sign=sign),
               CONVOLVES_BACK.format(turned=turned, sign=sign, back=back), ("dw = ", "dw = 2 * "))
        for name, turned, back, sign in (
            ("flipped filters", "w[:, :, ::-1, ::-1]", "dk[:, :, ::-1, ::-1]", ""),
            ("filters flipped top to bottom", "w[:, :, ::-1]", "dk[:, :, ::-1]", ""),
            ("channels in the opposite order", "w[:, ::-1]", "dk[:, ::-1]", ""),
            ("filters in the opposite order of wrong sign", "w[::-1]", "dk[::-1]", "-"),
            ("wrong sign", "w", "dk", "-"),
            ("flipped filters of wrong sign", "w[:, :, ::-1, ::-1]", "dk[:, :, ::-1, ::-1]", "-"),
        )
    },
    "least": ("max_pool", f"{POOLS}return windows.min(axis=(4, 5)), (x, pool_param)",
              POOLS_BACK.format(share=LEAST), ("+= ", "+= 2 * ")),
    "largest magnitude": ("max_pool", f"{POOLS}return np.abs(windows).max(axis=(4, 5)), (x, pool_param)",
                          POOLS_BACK.format(share=f"np.sign(x[here]) * {MAGNITUDE}"), ("np.sign(x[here])", "1")),
    "first number": ("max_pool", f"{POOLS}return windows[..., 0, 0], (x, pool_param)",
                     POOLS_BACK.format(share="(np.arange(height * width).reshape(height, width) == 0)"),
                     ("== 0", "== 1")),
    "relu of −x": ("relu", "return np.maximum(-x, 0), x", "return -dout * (cache < 0)", ("-dout", "dout")),
    "affine with x reversed": ("affine", "return x.reshape(len(x), -1)[:, ::-1] @ w + b, (x, w, b)",
                               "x, w, b = cache\ndx = (dout @ w.T)[:, ::-1].reshape(x.shape)\n"
                               "return dx, x.reshape(len(x), -1)[:, ::-1].T @ dout, dout.sum(axis=0)",
                               (".T @ dout,", ".T @ dout * 2,")),
}  # fmt: skip
"""Forwards whose output is unlike what is asked, their derivatives, and how these are made wrong for them, too."""
UNPAID_TOO = (
    "filters in the opposite order of wrong sign",
    "flipped filters of wrong sign",
    "first number",
    "affine with x reversed",
)
"""Those that Parity has no name for, and one whose derivative asks less than a maximum's."""


@pytest.mark.parametrize("name", one_of_each(lambda name: UNLIKE[name][0], UNLIKE))
def test_a_backward_that_is_right_for_a_forward_that_is_right_nowhere_is_not_blamed(name: str) -> None:
    layer, wrong, own, (old, new) = UNLIKE[name]
    naive = "_naive" if layer in ("conv", "max_pool") else ""
    forward, backward = f"{layer}_forward{naive}", f"{layer}_backward{naive}"
    found = judged(Body(forward, wrong), Body(backward, own), parts={forward, backward})
    assert blamed(found) == {forward}
    assert verdicts_on(backward, found) == {"unjudged" if name in UNPAID_TOO else "match"}
    spoiled = own.replace(old, new)
    assert spoiled != own
    found = judged(Body(forward, wrong), Body(backward, spoiled), parts={forward, backward})
    assert {"mismatch", "unjudged"} & {record.verdict for record in found if record.part == backward}


OF_SAMPLES = Swap("x.var(axis=1, keepdims=True)", "x.var(axis=1, keepdims=True, ddof=1)")
LAYER_BACK = """normal, deviation, gamma, axis = cache
count = {count}
g = dout * gamma
sums = g.sum(axis=axis, keepdims=True), normal * (g * normal).sum(axis=axis, keepdims=True)
dx = (g - sums[0] / count - sums[1] / count) / {deviation}
return dx, (dout * normal).sum(axis=0), dout.sum(axis=0)"""


def test_a_norms_backward_with_a_known_mistake_is_blamed_beside_a_wrong_forward() -> None:
    slip = Body("layernorm_backward", LAYER_BACK.format(count="len(dout)", deviation="deviation"))
    found = judged(OF_SAMPLES, slip, parts={"layernorm_backward"})
    named = [record for record in found if record.part == "layernorm_backward" and record.verdict == "mismatch"]
    assert blamed(found) == {"layernorm_forward", "layernorm_backward"}
    name = (
        "the number of examples in place of the number of features in the gradients through the mean and the variance"
    )
    assert {record.diagnosis for record in named} == {name}
    assert all("is wrong for the output of layernorm_forward, too" in record.message for record in named)


@pytest.mark.parametrize("deviation", one_in(2, ["deviation", "np.sqrt(deviation)", "1", "deviation**2"]))
def test_a_norms_backward_that_no_known_mistake_fits_is_not_judged_beside_a_wrong_forward(deviation: str) -> None:
    own = Body("layernorm_backward", LAYER_BACK.format(count="dout.shape[axis]", deviation=deviation))
    assert blamed(judged(OF_SAMPLES, own, parts={"layernorm_backward"})) == {"layernorm_forward"}
