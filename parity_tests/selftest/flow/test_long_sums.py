"""Long sums: honest ones stay within their probable radius, which tells what the guaranteed bound does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from numpy.typing import NDArray
from torch import Tensor

from parity_tests import hold
from parity_tests.operators import of_steps
from parity_tests.proof.low_precision.kernels import in_lanes
from parity_tests.selftest.flow.long_sums import (
    KINDS,
    Tried,
    radius_of,
    summed,
    try_halves,
    try_products,
    try_sums,
)
from reference.flow import evaluate, gradients, plain
from reference.flow.operation import LONG
from reference.flow.rounding import BY_FFT
from reference.flow.rules import long_sums, windows

pytestmark = pytest.mark.usefixtures("one_thread")
TYPICAL = 0.6745
"""The median of |x| of a normal number, in its standard deviations."""


def normal(*shape: int, seed: int = 0, dtype: type = np.float32) -> Any:
    """Normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def product(a: Tensor, b: Tensor) -> Tensor:
    """A·B."""
    return a @ b


@pytest.fixture(scope="module")
def tried() -> Tried:
    """A small share of the night's sweep: each kind of data in each order, as sums and as products."""
    tried = Tried()
    for seed, kind in enumerate(KINDS):
        try_sums(kind, 16, 700, seed, tried)
        try_products(kind, 4, 1500, seed, tried)
    return tried


def test_honest_sums_of_every_kind_and_order_stay_within_their_radius(tried: Tried) -> None:
    assert tried.elements > 5000
    assert tried.over == 0, f"{tried.worst:.3g} radii: {tried.at}"


def test_honest_sums_in_float16_stay_within_theirs_and_not_within_a_tenth_of_it() -> None:
    """Which is the worst case, n·u·Σ|x|: equal numbers come near it."""
    tried = Tried()
    for kind in ("one value", "normal", "quantised image"):
        try_halves(kind, 8, 400, 0, tried, ("one by one", "16 lanes"))
    assert tried.over == 0
    assert tried.worst > 1 / 10


def test_a_quarter_of_the_radius_is_not_enough(tried: Tried) -> None:
    """Where the law is scaled: sums that round with one sign err by a third of their radius."""
    assert tried.worst > 1 / 4
    assert max(ratio for named, ratio in tried.ratios.items() if "of normal," in named) > 1 / 20


def test_equal_terms_exceed_the_law_unless_it_is_checked_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a binade they round with one sign."""
    checked, unchecked = Tried(), Tried()
    try_sums("one value", 16, 20_000, 0, checked, ("one by one",))
    monkeypatch.setattr(long_sums, "_scale", lambda ratio: 1.0)
    try_sums("one value", 16, 20_000, 0, unchecked, ("one by one",))
    assert checked.over == 0
    assert unchecked.over > 0


@pytest.mark.parametrize("kind", ["one value", "two values"])
def test_a_sample_of_what_rounds_with_one_sign_moves_by_as_much(kind: str) -> None:
    """Also where an operation follows the sum, whose own bound is then no part of the radius."""
    x = np.ascontiguousarray(KINDS[kind](np.random.default_rng(0), 2, 131_072)).astype(np.float32)
    answer = evaluate(lambda x: x.sum(1) * 1.1, {"x": x})["output"]
    assert answer.kind == "sample"
    got = summed(np.ascontiguousarray(x.T), "one by one") * np.float32(1.1)
    share = np.abs(got - answer.value.double().numpy()) / answer.radius.numpy()
    assert 1 / 10 < share.max() <= 1


@pytest.mark.parametrize("shape", ["equal terms", "up and down"])
def test_one_element_that_rounds_with_one_sign_is_among_those_that_are_checked(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row and column are ordinary elsewhere; how far its partial sums run gives it away, even if they end at 0."""
    a, b = normal(12, 40_000), normal(40_000, 12, seed=1)
    a[5], b[:, 2] = 0.7123, 0.3377
    if shape == "up and down":
        b[30_000:, 2] *= -3
    terms = (a[5] * b[:, 2])[:, None]

    def ratio() -> float:
        value, radius = radius_of(product, torch.from_numpy(a), torch.from_numpy(b))
        return float(abs(summed(terms, "one by one")[0] - float(value[5, 2])) / float(radius[5, 2]))

    assert ratio() <= 1
    monkeypatch.setattr(long_sums, "_CHECKED", 0)
    assert ratio() > 1


def test_a_large_number_that_equal_terms_are_added_to_is_among_what_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """C + A·B may begin with C, and then each term rounds as C does."""
    rng = np.random.default_rng(0)
    a = np.ones((8, 4096), np.float32) * rng.uniform(0.1, 1, (8, 1)).astype(np.float32)
    b = np.ones((4096, 6), np.float32) * rng.uniform(0.1, 1, (1, 6)).astype(np.float32)
    c = rng.uniform(5e4, 1e5, (8, 6)).astype(np.float32)
    terms = np.concatenate([c.reshape(1, -1), np.repeat(a.T, 6, axis=1) * np.tile(b, 8)])
    got = summed(terms, "one by one")

    def ratio() -> float:
        value, radius = radius_of(torch.addmm, *map(torch.from_numpy, (c, a, b)))
        return float((np.abs(got.reshape(8, 6) - value.double().numpy()) / radius.numpy()).max())

    assert ratio() <= 1
    monkeypatch.setattr(long_sums, "_scale", lambda ratio: 1.0)
    assert ratio() > 1


def test_a_product_whose_terms_have_one_sign_is_known_as_well_as_the_sum_of_its_terms() -> None:
    """Partial sums that only grow are no further from 0 than the next; of other products the furthest of all counts."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0, 1, (2, 4, 2048)).astype(np.float32)
    one_sign, both = (
        float((radius_of(product, torch.from_numpy(left), torch.from_numpy(b.T))[1]).mean())
        for left in (a, np.where(np.arange(2048) == 5, -a, a))
    )
    terms = torch.from_numpy((a[:, None] * b).reshape(16, 2048))
    alone = float(radius_of(lambda x: x.sum(1), terms)[1].mean())
    assert one_sign == pytest.approx(alone, rel=0.03)
    assert both > 1.25 * alone


def test_terms_of_few_bits_have_half_as_much_more_since_every_other_rounding_is_a_tie() -> None:
    """Beside a term of another size, so that each sum just leaves out the last bit of the others."""
    rng = np.random.default_rng(0)
    few = (2 * rng.integers(-1024, 1024, (4, 4096)) + 1) * 2.0**-14
    many = rng.standard_normal((4, 4096)) * few.std()
    squares, radii = [], []
    for terms in (few, many):
        x = np.concatenate([np.full((4, 1), 1030.0), terms], axis=1).astype(np.float32)
        partial = np.add.accumulate(x, axis=1)
        rounded = partial[:, :-1].astype(float) + x[:, 1:] - partial[:, 1:]
        squares.append(float(np.square(rounded / 2.0**-14).mean()))
        radii.append(float(radius_of(lambda x: x.sum(1), torch.from_numpy(x))[1].median()))
    assert squares[0] > 0.45 > 0.36 > squares[1] > 0.31
    assert 1.15 < radii[0] / radii[1] < 1.3


def test_interleaved_channels_exceed_the_law_without_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their sum is 0 at all times, and each lane of eight runs away."""
    with_lanes, unchecked, without = Tried(), Tried(), Tried()
    try_sums("8 channels", 16, 20_000, 0, with_lanes, ("8 lanes",))
    monkeypatch.setattr(long_sums, "_scale", lambda ratio: 1.0)
    try_sums("8 channels", 16, 20_000, 0, unchecked, ("8 lanes",))
    monkeypatch.setattr(long_sums, "LANES", ())
    try_sums("8 channels", 16, 20_000, 0, without, ("8 lanes",))
    assert unchecked.worst < without.worst / 10
    assert with_lanes.over == 0


def test_a_product_of_8192_terms_resolves_a_ten_thousandth_of_the_typical_value() -> None:
    """The guaranteed bound only nine hundredths of it."""
    a, b = normal(64, 8192), normal(8192, 64, seed=1)
    typical = TYPICAL * 8192**0.5
    answer = evaluate(product, {"a": a, "b": b})["output"]
    assert answer.kind == "probable"
    assert answer.probability == long_sums.CHANCE
    assert answer.guaranteed == 0
    assert float(answer.radius.median()) < 1e-4 * typical
    bound = evaluate(product, {"a": a, "b": b}, radius="bound")["output"]
    assert bound.kind == "bound"
    assert float(bound.radius.median()) > 5e-2 * typical
    assert bool((answer.radius <= bound.radius).all())


def test_a_slip_of_a_two_thousandth_in_one_element_is_told_and_called_improbable() -> None:
    a, b = normal(16, 4096), normal(4096, 16, seed=1)

    def slipped(a: Any, b: Any) -> Any:
        out = a @ b
        out[3, 5] += 5e-4 * TYPICAL * 64
        return out

    assert hold(lambda a, b: a @ b, product, a=a, b=b)
    result = hold(slipped, product, a=a, b=b)
    assert list(result.frame["radius_kind"]) == ["probable"]
    assert "improbable (1e-09 for all elements together)" in result.frame["message"][0]
    assert result.frame["note"].tolist() == [""]
    assert hold(slipped, product, radius="bound", a=a, b=b)


def test_a_record_says_how_many_elements_keep_the_guaranteed_bound() -> None:
    """Where squares might underflow beside those of the largest, no law is relied on."""
    a, b = normal(16, 4096), normal(4096, 16, seed=1)
    a[:4] *= 1e-25
    answer = evaluate(product, {"a": a, "b": b})["output"]
    assert answer.kind == "probable"
    assert answer.guaranteed == 0.25
    note = hold(lambda a, b: a @ b, product, a=a, b=b).frame["note"][0]
    assert "0.25 of its elements keep the guaranteed bound" in note


def test_short_sums_keep_their_radius() -> None:
    for terms, changes in ((LONG - 1, False), (LONG, True)):
        a, b = torch.from_numpy(normal(3, terms)), torch.from_numpy(normal(terms, 3, seed=1))
        for function, operands in ((product, (a, b)), (lambda x: x.sum(1), (a,)), (lambda x: x.mean(1), (a,))):
            plain, narrow = (radius_of(function, *operands, probable=probable)[1] for probable in (False, True))
            assert bool((narrow < plain).all()) == changes
            assert bool((narrow == plain).all()) != changes


FUNCTIONS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "bmm": lambda a, b, c: torch.bmm(a.view(2, 3, -1), torch.stack([b, b * 0.5])),
    "mv": lambda a, b, c: a @ b[:, 0],
    "dot": lambda a, b, c: a[0] @ b[:, 0],
    "addmm": lambda a, b, c: torch.addmm(c * 30, a, b),
    "addmm with factors": lambda a, b, c: torch.addmm(c, a, b, alpha=0.3, beta=3),
    "baddbmm": lambda a, b, c: torch.baddbmm(c[None, :3], a.view(2, 3, -1), torch.stack([b, b])),
    "sum": lambda a, b, c: a.sum(1),
    "sum over several axes": lambda a, b, c: a.view(6, 10, 64).sum((0, 2)),
    "mean": lambda a, b, c: a.mean(1, keepdim=True),
    "mean of all": lambda a, b, c: a.mean(),
    "norm": lambda a, b, c: torch.linalg.vector_norm(a, 2, 1),
    "log-sum-exp": lambda a, b, c: a.logsumexp(1),
    "softmax": lambda a, b, c: a.softmax(1).amax(1),
    "log-softmax": lambda a, b, c: (a[:1] / 100).log_softmax(1).amax(1),
    "cross-entropy": lambda a, b, c: F.nll_loss(a.t(), torch.zeros(640, dtype=torch.long)),
    "running sum": lambda a, b, c: a[:1].cumsum(1)[:, -1],
    "norm of order 1": lambda a, b, c: torch.linalg.vector_norm(a, 1, 1),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_operation_in_another_order_is_within_a_radius_that_is_smaller_than_the_bound(
    name: str, dtype: type
) -> None:
    a, b, c = (torch.from_numpy(normal(*shape, dtype=dtype)) for shape in ((6, 640), (640, 4), (6, 4)))
    function = FUNCTIONS[name]
    value, narrow = radius_of(function, a, b, c)
    _, plain = radius_of(function, a, b, c, probable=False)
    within, drawn = torch.arange(640).view(-1, 64), torch.Generator().manual_seed(0)
    orders = [within[:, torch.randperm(64, generator=drawn)].flatten() for _ in range(8)]
    gaps = [(function(a[:, places], b[places], c).double() - value.double()).abs() for places in orders]
    gap = torch.stack(gaps).amax(0)
    assert value.numel() == 1 or bool((gap > 0).any())
    assert bool((gap <= narrow).all())
    assert bool((narrow <= plain).all())
    assert bool((narrow < plain / 2).any())


CONVOLUTIONS: dict[str, tuple[Callable[..., Tensor], tuple[int, ...], tuple[int, ...], int]] = {
    "in groups, with strides": (
        lambda x, w, b: F.conv2d(x, w, b, (1, 2), (1, 0), groups=2), (2, 192, 10, 28), (192, 96, 1, 3), 192,
    ),
    "of one axis": (lambda x, w, b: F.conv1d(x, w, b, padding=2, dilation=2), (3, 96, 96), (96, 96, 3), 96),
    "transposed": (
        lambda x, w, b: F.conv_transpose2d(x, w, b, (2, 3), (1, 2), (1, 1), 2, (1, 2)),
        (2, 128, 14, 12), (128, 32, 3, 3), 64,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_and_all_its_gradients_have_the_law_of_their_sums(name: str) -> None:
    """Whatever its layout: a term in the wrong place would be far from torch's result, which the radius shows."""
    convolve, shape, kernel, channels = CONVOLUTIONS[name]
    x, w, b = normal(*shape), normal(*kernel, seed=1), normal(channels, seed=3)
    upstream = normal(*convolve(*map(torch.from_numpy, (x, w, b))).shape, seed=2)
    inputs = {"x": x, "w": w, "b": b, "g": upstream}
    function = gradients(convolve, ("x", "w", "b"), "g")
    found = evaluate(function, inputs)
    right = {key: x.numpy() for key, x in plain(function, inputs, dtype=torch.float64).items()}
    bound = evaluate(function, inputs, radius="bound")
    for key, answer in found.items():
        typical = float(np.median(np.abs(right[key])))
        assert answer.kind == "probable", key
        assert float(answer.radius.median()) < 1e-4 * typical < float(bound[key].radius.median()), key
        assert (np.abs(answer.value.numpy() - right[key]) <= answer.radius.numpy()).all()


def test_running_sums_one_after_another_and_in_blocks_stay_within_their_radius(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Equal terms, too, since the law is checked on them."""
    x = np.concatenate([normal(3, 20_000), np.full((1, 20_000), 0.7123, np.float32)])

    def worst() -> float:
        value, radius = radius_of(lambda x: x.cumsum(1), torch.from_numpy(x))
        blocks = np.add.accumulate(x.reshape(4, 25, 800), axis=2)
        blocks[:, 1:] += np.add.accumulate(blocks[:, :-1, -1], axis=1)[:, :, None]
        both = np.add.accumulate(x, axis=1), blocks.reshape(4, -1)
        return max(float((np.abs(y - value.numpy().astype(float)) / radius.numpy()).max()) for y in both)

    assert 1 / 5 < worst() < 1 / 2
    monkeypatch.setattr(long_sums, "_scale", lambda ratio: 1.0)
    assert worst() > 1


TRANSFORMS = (
    np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
              [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]], np.float32),
    np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], np.float32) / np.float32(24),
    np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float32),
)  # fmt: skip
"""Of a patch, of a kernel and of a result (Lavin and Gray, "Fast algorithms for convolutional networks", 2016)."""


def one_after_another(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """A·B in which each sum is a single float32 number."""
    found = np.zeros((*a.shape[:-1], b.shape[-1]), np.float32)
    for i in range(a.shape[-1]):
        found += a[..., i : i + 1] * b[..., i : i + 1, :]
    return found


@pytest.mark.parametrize("summed", [np.matmul, one_after_another])
@pytest.mark.parametrize("weights", [0.0, 5.0])
def test_a_convolution_by_winograds_algorithm_stays_within_its_radius(
    weights: float, summed: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
) -> None:
    """It errs by more than the law of its sums has, of weights about 5 by nearly four times as much."""
    x, w = normal(2, 64, 18, 18), normal(16, 64, 3, 3, seed=1) + np.float32(weights)
    of_patch, of_kernel, of_result = TRANSFORMS
    kernels = np.einsum("ij,kcjl,ml->imkc", of_kernel, w, of_kernel)
    answer = evaluate(F.conv2d, {"input": x, "weight": w})["output"]
    worst = 0.0
    for i in range(0, 16, 4):
        for j in range(0, 16, 4):
            patches = np.einsum("ij,ncjl,ml->imcn", of_patch, x[:, :, i : i + 6, j : j + 6], of_patch)
            got = np.einsum("ij,jlkn,ml->nkim", of_result, summed(kernels, patches), of_result)
            here = (slice(None), slice(None), slice(i, i + 4), slice(j, j + 4))
            worst = max(worst, float((np.abs(got - answer.value[here].numpy()) / answer.radius[here].numpy()).max()))
    assert answer.kind == "probable"
    assert 1 / 10 < worst < 3 / 4


@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (3, 5), (4, 4)])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("point", [2.0, 0.5])
def test_winograds_algorithm_is_a_convolution_for_each_kernel_that_it_is_asked_of(
    kernel: tuple[int, int], groups: int, point: float
) -> None:
    x = torch.from_numpy(normal(2, 4, 17, 12, dtype=np.float64))
    w = torch.from_numpy(normal(6, 4 // groups, *kernel, dtype=np.float64))
    want = F.conv2d(x, w, groups=groups)
    points = (0.0, 1.0, -1.0, point, -point)
    got = windows.by_winograd(x, w, groups, points)[..., : want.shape[2], : want.shape[3]]
    torch.testing.assert_close(got, want)


def test_the_radius_of_a_convolution_is_its_sums_alone_where_a_kernel_has_one_place() -> None:
    """Of larger ones Winograd's algorithm is known: in two dimensions it is done on the data, else a scale is usual."""

    def times(x: NDArray[np.float32], *shape: int, **layout: Any) -> float:
        w = normal(4, x.shape[1], *shape, seed=1)
        function = F.conv2d if len(shape) == 2 else F.conv3d
        answer = evaluate(lambda input, weight: function(input, weight, **layout), {"input": x, "weight": w})["output"]
        return float(answer.radius.double().median() / answer.value.double().std() / (6e-8 * np.sqrt(w[0].size)))

    of_one_place = times(normal(1, 512, 6, 6), 1, 1)
    for larger in (times(normal(1, 16, 6, 6, 6), 3, 3, 3), times(normal(1, 64, 12, 12), 3, 3, stride=2)):
        assert 2 * of_one_place < larger < 5 * of_one_place
    assert times(normal(2, 64, 18, 18), 3, 3) > 5 * of_one_place


@pytest.mark.parametrize("data", ["normal", "equal numbers"])
def test_a_convolution_by_transforms_is_allowed_what_these_round_and_little_more(data: str) -> None:
    """Before it was two hundred times the usual radius, by which results in float16 passed."""
    x, w = normal(2, 64, 18, 18), normal(8, 64, 3, 3, seed=1)
    x = x if data == "normal" else np.full_like(x, 0.7)
    answer = evaluate(F.conv2d, {"input": x, "weight": w})["output"]
    allowed = answer.forms[BY_FFT].double()
    of_x, of_w = torch.fft.rfft2(torch.from_numpy(x)), torch.fft.rfft2(torch.from_numpy(w), (18, 18))
    got = torch.fft.irfft2(torch.einsum("nchw,ochw->nohw", of_x, of_w.conj()), (18, 18))[..., :16, :16]
    ratio = float(((got - answer.value).double().abs() / allowed).max())
    assert 1e-3 < ratio < 1 / 3
    assert float((allowed / answer.radius).median()) < 5


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", ["x", "w"])
def test_gradients_of_a_convolution_by_transforms_are_allowed_what_these_round_and_no_inputs_in_tf32(
    name: str, stride: int
) -> None:
    """The transforms are done in float32 on a grid of the padded images; by the worst case TF32 passed."""
    arrays = {"x": normal(4, 64, 13, 13), "w": normal(64, 64, 3, 3, seed=1)}
    arrays["g"] = normal(4, 64, *[12 // stride + 1] * 2, seed=2)
    function = gradients(lambda x, w: F.conv2d(x, w, None, stride, 1), (name,), "g")
    answer = evaluate(function, arrays)[name]
    given = {key: torch.from_numpy(x) for key, x in arrays.items()}
    sparse = torch.zeros(4, 64, 15, 15)
    sparse[..., :13:stride, :13:stride] = given["g"]
    of_g, size = torch.fft.rfft2(sparse), (15, 15)
    if name == "x":
        by_transforms = torch.einsum("nohw,ochw->nchw", of_g, torch.fft.rfft2(given["w"], size))
        got = torch.fft.irfft2(by_transforms, size)[..., 1:14, 1:14]
    else:
        of_x = torch.fft.rfft2(F.pad(given["x"], (1, 1, 1, 1)))
        got = torch.fft.irfft2(torch.einsum("nohw,nchw->ochw", of_g.conj(), of_x), size)[..., :3, :3]
    allowed = answer.forms[BY_FFT].double()
    assert 1e-3 < float(((got - answer.value).double().abs() / allowed).max()) < 2 / 3
    low = function(**{key: of_steps.rounded(x, 11) for key, x in given.items()})[name]
    assert bool(((low - answer.value).double().abs() > allowed).any())


def test_inputs_in_a_few_bits_are_told_of_a_convolution_though_transforms_at_worst_would_explain_them() -> None:
    """What transforms probably round is a twentieth of their worst case, also where sums are too short for a law."""
    inputs = {"input": np.abs(normal(16, 16, 16, 16)), "weight": np.abs(normal(64, 16, 3, 3, seed=1))}
    answer = evaluate(F.conv2d, inputs)["output"]
    assert answer.kind == "bound"
    x, w = (of_steps.rounded(torch.from_numpy(given), 14) for given in inputs.values())
    rounded = F.conv2d(x, w)
    error = (rounded - answer.value).abs().double()
    assert bool((error <= answer.form_bounds[BY_FFT]).all())
    assert not bool((error <= answer.forms[BY_FFT]).all())


def test_radii_of_operands_come_linearly() -> None:
    """They may have one sign; those of both sides' products, too."""
    x, w = normal(2, 512), normal(512, 2, seed=1)
    a, b = torch.from_numpy(x), torch.from_numpy(w)
    scaled = radius_of(lambda a, b: (a * 1.1) @ b, a, b)[1]
    direct = radius_of(product, a, b)[1]
    brought = 2.0**-24 * 2 * ((a * 1.1).abs() @ b.abs()).double()
    assert bool((scaled >= brought).all())
    assert bool((scaled < direct * 1.2 + 3 * brought).all())


def test_zeros_stay_exact_and_what_is_out_of_range_keeps_the_guaranteed_bound() -> None:
    a, b = torch.from_numpy(normal(4, 600)), torch.from_numpy(normal(600, 3, seed=1))
    a[0], a[1], a[2] = 0, a[1] * 1e-25, a[2] * 1e30
    narrow, plain = (radius_of(product, a, b, probable=probable)[1] for probable in (True, False))
    assert bool((narrow[0] == 0).all())
    assert bool((narrow[1] == plain[1]).all())
    assert bool(torch.isfinite(narrow).all())
    assert bool((narrow[2] < plain[2]).all())
    b[5, 0] = torch.inf
    assert bool(radius_of(product, a[1:], b)[1][:, 0].isfinite().logical_not().any()) == bool(
        radius_of(product, a[1:], b, probable=False)[1][:, 0].isfinite().logical_not().any()
    )


def test_the_orders_that_the_law_is_checked_in_add_one_term_after_another() -> None:
    """By numpy's sum over the first axis, against plain loops."""
    terms = normal(1024, 3)
    assert (long_sums.ORDERS["the terms in order"](terms) == summed(terms, "one by one")).all()
    assert (long_sums.ORDERS["the terms in order"](terms[:, :1]) == summed(terms[:, :1].copy(), "one by one")).all()
    assert (long_sums.ORDERS["backwards"](terms) == summed(terms, "backwards")).all()
    assert (long_sums.ORDERS["16 blocks"](terms) == summed(terms, "split-K of 16")).all()
    for lanes in long_sums.LANES:
        assert (long_sums._in_lanes(lanes)(terms) == in_lanes(lanes)(torch.from_numpy(terms)).numpy()).all()
    pairs = terms.sum(axis=0) != np.ascontiguousarray(terms.T).sum(axis=1)
    assert pairs.any()  # along the last axis numpy sums pairwise
