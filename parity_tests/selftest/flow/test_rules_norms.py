"""Rules of layer, group and batch norm as a whole, against mpmath, against all corners, and against their parts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from mpmath import mpf
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from parity_tests.selftest.flow.long_sums import KINDS, Kind, summed
from parity_tests.selftest.flow.soundness import DTYPES, flowed
from reference.flow import evaluate, gradients
from reference.flow.bound import Bound
from reference.flow.evaluate import Answer
from reference.flow.rounding import ONE_PASS, precision
from reference.flow.rules import long_sums

pytestmark = pytest.mark.usefixtures("one_thread")
aten = torch.ops.aten
ROWS = [[0.3, -1.2, 2.7, 0.11], [100.3, 99.2, 101.0, 100.9], [1e-3, 2e-3, -3e-3, 0.0]]
W, B, EPS = [0.7, -1.3, 2.1, 0.9], [0.2, 5.0, -0.4, 0.0], 1e-5
G = torch.tensor([[0.4, -1.1, 0.6, 1.7], [-0.2, 0.9, 1.3, -0.8], [1.5, 0.3, -0.7, 0.2]])


def normalised(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """A layer norm over the last axis."""
    return functional.layer_norm(x, x.shape[-1:], w, b, EPS)


def gradient(g: Tensor, x: Tensor, w: Tensor) -> Tensor:
    """Its gradient in x, of statistics that the forward left."""
    _, mean, inverse = aten.native_layer_norm(x, x.shape[-1:], w, None, EPS)
    found: Tensor = aten.native_layer_norm_backward(g, x, x.shape[-1:], mean, inverse, w, w, [True, True, True])[0]
    return found


def corners(size: Tensor) -> Tensor:
    """All signs of one row, for all rows, of these sizes."""
    signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=size.shape[-1])), dtype=torch.float64)
    return signs[:, None, :] * size


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("moved", ["x", "w", "g"])
def test_radii_of_operands_come_in_whole_and_half_would_not_do(moved: str, dtype: torch.dtype) -> None:
    """In every corner of the neighbourhood the result is within the radius, and somewhere beyond half of it."""
    x, w, b = (torch.tensor(values, dtype=dtype) for values in (ROWS, W, B))
    size = {"x": (x - x.mean(-1, keepdim=True)).abs().double() * 1e-3 + 1e-7, "w": w.abs().double() * 1e-2}
    size["g"] = G.double().abs() * 1e-2
    for name, function, operands in (("y", normalised, (x, w, b)), ("x", gradient, (G.to(dtype), x, w))):
        at = {("y", "x"): 0, ("y", "w"): 1, ("x", "g"): 0, ("x", "x"): 1, ("x", "w"): 2}.get((name, moved))
        if at is None:
            continue
        radii = [size[moved] if i == at else None for i in range(3)]
        _, radius = flowed(function, operands, radii)
        wide = [y.double() for y in operands]
        there = [
            function(*[(y + d).view(y.shape) if i == at else y for i, y in enumerate(wide)])
            for d in corners(size[moved])
        ]
        shares = (torch.stack(there) - function(*wide)).abs() / radius
        assert float(shares.max()) <= 1
        assert float(shares.max()) > (0.5 if (name, moved) != ("x", "x") else 0.2)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_rounding_is_enough_and_half_of_it_is_not(dtype: torch.dtype) -> None:
    """Both sides' worst in opposite directions: the mean, the variance, the root, and each step of the result."""
    x, w, b = (torch.tensor(values, dtype=dtype) for values in (ROWS, W, B))
    _, radius = flowed(normalised, [x, w, b], [None] * 3)
    p, shares = precision(dtype), []
    u, n = mpf(p.u), x.shape[-1]
    for row, allowed in zip(x, radius, strict=True):
        exact = [mpf(float(v)) for v in row]
        size = sum(abs(v) for v in exact) / n
        for place, (a, c) in enumerate(zip(map(float, w), map(float, b), strict=True)):
            sides = []
            for towards, of_mean in itertools.product((1, -1), repeat=2):
                mean = sum(exact) / n + of_mean * mpf(p.gamma(n - 1)) * size
                centred = [v - mean for v in exact]
                variance = sum(v * v for v in centred) / n * (1 - towards * mpf(p.gamma(n + 2)))
                inverse = 1 / mpf((variance + mpf(EPS)) * (1 - towards * u)) ** mpf("0.5") * (1 + towards * 2 * u)
                z = centred[place] * (1 + towards * u) * inverse * (1 + towards * u)
                product = z * mpf(a) * (1 + towards * u)
                sides += [(product + mpf(c)) * (1 + side * u) for side in (1, -1)]
            shares.append(float((max(sides) - min(sides)) / mpf(float(allowed[place]))))
    assert max(shares) <= 1
    assert max(shares) > 0.5


NORMS: dict[str, tuple[Callable[..., Tensor], tuple[int, ...], int]] = {
    "layer": (lambda x, w, b: functional.layer_norm(x, x.shape[1:], w, b), (40, 48), 48),
    "batch": (lambda x, w, b: functional.batch_norm(x, None, None, w, b, training=True), (30, 6, 5), 6),
}


@pytest.mark.parametrize("name", NORMS)
def test_the_whole_says_no_less_than_its_parts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of numbers far from 0 a mean's error goes into the variance by its square."""
    function, shape, length = NORMS[name]
    rng = np.random.default_rng(0)
    inputs = {"x": rng.standard_normal(shape) + 30, "g": rng.standard_normal(shape)}
    inputs |= {key: rng.standard_normal(length) for key in ("w", "b")}
    asked = gradients(function, ("x", "w", "b"), "g")
    whole = evaluate(asked, inputs, radius="bound")
    monkeypatch.setattr(Bound, "_at_once", lambda *_: False)
    parts = evaluate(asked, inputs, radius="bound")
    for key in ("output", "x", "w"):
        share = whole[key].radius / parts[key].radius
        assert float(share.median()) < 1.1  # a variance may be one that each element updates
    assert float((whole["output"].radius / parts["output"].radius).median()) < 0.8


def test_a_group_of_all_channels_is_a_layer() -> None:
    """Of which the radii are no others, but for how far torch's two kernels are from the same in their parts."""
    rng = np.random.default_rng(0)
    inputs = {key: rng.standard_normal((3, 4, 5, 2)) for key in ("x", "g")}
    inputs["x"] *= np.arange(1, 4)[:, None, None, None]
    group, layer = (
        evaluate(gradients(function, ("x",), "g"), inputs, radius="bound")
        for function in (lambda x: functional.group_norm(x, 1), lambda x: functional.layer_norm(x, (4, 5, 2)))
    )
    for key, found in group.items():
        share = found.radius / layer[key].radius
        assert 0.9 < float(share.min()) <= float(share.max()) < 1.1


def updated(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], int]:
    """Each row's mean and sum of squares about it, updated by one element after another, and their number."""
    mean, squares = np.zeros((2, len(x)), np.float32)
    for k, each in enumerate(x.T, 1):
        apart = each - mean
        mean = mean + apart / np.float32(k)
        squares = squares + apart * (each - mean)
    return mean, squares, x.shape[1]


def merged(parts: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any], int]:
    """The same of all parts of the rows (T. F. Chan, G. H. Golub and R. J. LeVeque, 1979)."""
    mean, squares, count = updated(parts[0])
    for other, beside, more in map(updated, parts[1:]):
        apart, total = other - mean, count + more
        squares = squares + beside + apart * apart * np.float32(count * more / total)
        mean, count = mean + apart * np.float32(more / total), total
    return mean, squares, count


RUNNING: dict[str, tuple[Callable[[Tensor], Tensor], Callable[..., NDArray[Any]]]] = {
    "mean": (lambda x: x.mean(1), lambda x, mean, variance: mean),
    "deviation": (lambda x: x.std(1, correction=0), lambda x, mean, variance: np.sqrt(variance)),
    "layer": (
        lambda x: functional.layer_norm(x, x.shape[1:]),
        lambda x, mean, variance: (x - mean[:, None]) / np.sqrt(variance[:, None] + np.float32(EPS)),
    ),
}
RAMPS: dict[str, Kind] = {
    "two ramps": lambda rng, m, n: rng.uniform(0.3, 1, (m, 1)) * np.abs(np.arange(n) % 2 - np.arange(n) / n),
    "a ramp and noise": lambda rng, m, n: np.arange(n) / n + 1e-3 * rng.standard_normal((m, n)),
}


def shares_of_updates(n: int, kind: str, offset: float, *, probable: bool = True) -> list[float]:
    """How much of their radii `RUNNING` take up in the worst of five orders."""
    x = ({**KINDS, **RAMPS}[kind](np.random.default_rng(1), 4, n) + offset).astype(np.float32)
    orders = [x], [x[:, ::-1]], [x[:, np.random.default_rng(0).permutation(n)]], [x[:, i::4] for i in range(4)]
    made = [merged(parts) for parts in (*orders, np.array_split(x, 7, axis=1))]
    found = []
    for function, honest in RUNNING.values():
        value, radius = flowed(function, [torch.from_numpy(x)], [None], probable=probable)
        gaps = [np.abs(honest(x, m, s / np.float32(n)).astype(float) - value.double().numpy()) for m, s, _ in made]
        found.append(float((np.max(gaps, axis=0) / radius.numpy()).max()))
    return found


@pytest.mark.parametrize("kind", ["ramp", "sorted normal", "blocks of zeros", "one huge", "two values", *RAMPS])
def test_statistics_that_each_element_updates_are_within_their_radii(kind: str) -> None:
    """By the law, and by the bound, of rows near 0 and far from it; of short rows, too."""
    for offset in (0, 3, 100):
        assert max(shares_of_updates(700, kind, offset)) <= 1
        assert max(shares_of_updates(40, kind, offset * 9, probable=False)) <= 1


def test_updates_by_elements_that_grow_steadily_round_with_one_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """They exceed the law's radii, and keep the guaranteed ones; shuffled elements have the law's."""
    x = torch.arange(2048.0)[None] / 3001 + 3
    assert max(shares_of_updates(2048, "ramp", 3)) < 1 / 3
    ramp, shuffled = (
        flowed(lambda x: x.mean(1), [y], [None], probable=True)[1] for y in (x, x[:, torch.randperm(2048)])
    )
    assert float(ramp / shuffled) > 10
    monkeypatch.setattr(long_sums, "_alike", lambda x, allowed: torch.zeros_like(allowed, dtype=torch.bool))
    assert min(shares_of_updates(2048, "ramp", 3)) > 1


@pytest.mark.parametrize("kind", ["normal", "uniform", "ramp", "16 channels", "quantised image"])
def test_a_variance_by_one_pass_is_within_its_forms_radius_and_beyond_a_sixteenth_of_it(kind: str) -> None:
    """Of rows far from 0, where it is far beyond the radius of two passes."""
    x = (KINDS[kind](np.random.default_rng(0), 8, 700) + 30).astype(np.float32)
    value, plain, allowed = (
        *flowed(lambda x: functional.layer_norm(x, (700,)), [torch.from_numpy(x)], [None], probable=True),
        flowed(lambda x: functional.layer_norm(x, (700,)), [torch.from_numpy(x)], [None], ONE_PASS, probable=True)[1],
    )
    shares = []
    for order in ("one by one", "backwards", "shuffled", "16 lanes"):
        gap = np.abs(in_one_pass(x, order) - value.double().numpy())
        shares.append([(gap / radius.numpy()).max() for radius in (allowed, plain)])
    most, beyond = np.max(shares, axis=0)
    assert 1 / 16 < most <= 1
    assert beyond > 1


def in_one_pass(x: NDArray[Any], order: str) -> NDArray[Any]:
    """A layer norm whose variance is Σx²/n − μ²."""
    terms = np.ascontiguousarray(x.T)
    mean, squares = ((summed(y, order) / np.float32(len(y)))[:, None] for y in (terms, terms * terms))
    found: NDArray[Any] = (x - mean) / np.sqrt(squares - mean * mean + np.float32(EPS))
    return found


def test_a_form_needs_no_replicas_of_its_own_where_radii_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its bound has beyond the usual one's comes on top of the sample, which gives about what replicas give."""
    rng = np.random.default_rng(0)
    inputs = {"x": rng.standard_normal((8, 600)), "w": rng.standard_normal((600, 700)), "b": np.full(700, 60)}
    inputs = {key: value.astype(np.float32) for key, value in inputs.items()}

    def answered() -> Any:
        return evaluate(lambda x, w, b: functional.layer_norm(x @ w + b, (700,)), inputs)["output"]

    answer = answered()
    assert answer.kind == "sample"
    allowed = answer.forms[ONE_PASS].double().numpy()
    gap = np.abs(in_one_pass(inputs["x"] @ inputs["w"] + inputs["b"], "one by one") - answer.value.double().numpy())
    assert (gap <= allowed).all()
    assert (allowed <= answer.form_bounds[ONE_PASS].numpy()).all()
    monkeypatch.setattr(Answer, "_beside", lambda *_: {})
    assert 0.5 < np.median(allowed / answered().forms[ONE_PASS].double().numpy()) < 3


def test_running_statistics_have_their_radii_too() -> None:
    """Those of both sides' sums, by the share that goes in, and that of what was there before."""

    def averaged(x: Tensor, mean: Tensor, variance: Tensor) -> dict[str, Tensor]:
        mean, variance = mean * 1.1, variance * 1.1
        functional.batch_norm(x, mean, variance, training=True, momentum=0.3)
        return {"mean": mean, "variance": variance}

    rng = np.random.default_rng(0)
    inputs: dict[str, Any] = {"x": rng.standard_normal((50, 4)) + 3, "mean": np.ones(4), "variance": np.ones(4)}
    inputs = {key: value.astype(np.float32) for key, value in inputs.items()}
    answer = evaluate(averaged, inputs, radius="bound")
    x = inputs["x"].astype(np.longdouble)
    want = {"mean": 0.77 + 0.3 * x.mean(0), "variance": 0.77 + 0.3 * x.var(0, ddof=1)}
    for key, found in answer.items():
        gap = abs(found.value.double().numpy() - want[key])
        assert (gap <= found.radius.numpy()).all()
        assert (found.radius.numpy() < want[key] * 2.0**-24 * 300).all()
        assert (found.radius.numpy() > 0.77 * 2.0**-23).all()


def test_equal_rows_and_what_overflows_have_no_radius_that_is_too_small() -> None:
    """Where σ² + ε may be 0, or overflows beside a radius, nothing is known; zeros stay zeros."""
    x = torch.tensor([[1.1, 1.1, 1.1], [1e30, -1e30, 1e30], [0.0, 0.0, 0.0]])
    _, radius = flowed(lambda x: functional.layer_norm(x, (3,), eps=0.0), [x], [x.abs().double() * 1e-6])
    assert bool((radius[:2] == torch.inf).all())
    _, known = flowed(lambda x: functional.layer_norm(x, (3,), eps=1.0), [x], [None])
    assert 0 < float(known[0].max()) < 1e-6
    assert float(known[2].max()) < 1e-37


def test_a_radius_of_what_is_normalised_makes_the_radius_of_a_long_row_no_smaller() -> None:
    """What a mean rounds itself was known less what comes in, by more than came in: the radius fell, even below 0."""
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1 << 20)).astype(np.float32))

    def found(size: float) -> Tensor:
        return flowed(
            lambda x: functional.layer_norm(x, x.shape[1:]), [x], [torch.full(x.shape, size)], ONE_PASS, probable=True
        )[1]

    alone = found(0.0)
    for size in (1e-4, 0.1):
        assert bool((found(size) >= alone + size / 2).all())
