"""Complex numbers: a radius for each part, enough for every honest way to compute, half of it for not all moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.selftest.flow.soundness import flowed
from reference.flow import UnknownOperationError, evaluate, gradients

Array = NDArray[Any]
pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (6, 15)  # of which 15 has the factor 5; transforms of 11 are others


def drawn(seed: int, shape: tuple[int, ...] = SHAPE) -> Array:
    """Numbers of sizes far apart, some of them real or imaginary alone."""
    rng = np.random.default_rng(seed)
    z = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * 10.0 ** rng.integers(-2, 3, shape)
    z.real[0, :3], z.imag[1, :3] = 0.0, 0.0
    single: Array = z.astype(np.complex64)
    return single


def in_pairs(z: Array) -> Array:
    return np.asarray(np.stack([z.real, z.imag], -1)) if np.iscomplexobj(z) else z


def smith(z: Array, w: Array) -> Array:
    """A quotient by R. L. Smith's algorithm in float32."""
    a, b, c, d = z.real, z.imag, w.real, w.imag
    wide = np.abs(c) >= np.abs(d)
    with np.errstate(all="ignore"):
        r = np.where(wide, d / c, c / d)
        scale = np.float32(1) / np.where(wide, c + d * r, d + c * r)
    real = np.where(wide, a + b * r, a * r + b) * scale
    quotient: Array = real + 1j * (np.where(wide, b - a * r, b * r - a) * scale)
    return quotient


def by_squares(z: Array, w: Array) -> Array:
    """A quotient by the conjugate over |w|²."""
    m = w.real * w.real + w.imag * w.imag
    real, imaginary = z.real * w.real + z.imag * w.imag, z.imag * w.real - z.real * w.imag
    quotient: Array = real / m + 1j * (imaginary / m)
    return quotient


def interleaved(z: Array, w: Array) -> Array:
    """z·wᵀ, products added one after another, the real and the imaginary ones by turns."""
    out = np.zeros((len(z), len(w)), np.complex64)
    for k in range(z.shape[1]):
        a, b, c, d = z[:, k].real[:, None], z[:, k].imag[:, None], w[:, k].real, w[:, k].imag
        out.real += a * c
        out.real -= b * d
        out.imag += b * c
        out.imag += a * d
    return out


def halved(x: Array) -> Array:
    """A transform of powers of two by halves, in float32."""
    n = x.shape[-1]
    if n == 1:
        return x.astype(np.complex64)
    even, odd = halved(x[..., ::2]), halved(x[..., 1::2])
    turned = odd * np.exp(-2j * np.pi * np.arange(n // 2) / n).astype(np.complex64)
    return np.concatenate([even + turned, even - turned], -1)


def chirped(x: Array) -> Array:
    """A transform of any length by three of a power of two (L. Bluestein's)."""
    n = x.shape[-1]
    m = 1 << (2 * n - 1).bit_length()
    k = np.arange(n)
    chirp = np.exp(-1j * np.pi * (k * k % (2 * n)) / n).astype(np.complex64)
    around = np.zeros(m, np.complex64)
    around[:n], around[m - n + 1 :] = chirp.conj(), chirp.conj()[:0:-1]
    padded = np.zeros((*x.shape[:-1], m), np.complex64)
    padded[..., :n] = x * chirp
    both = halved(padded) * halved(around)
    turned: Array = (halved(both.conj()).conj() / np.float32(m))[..., :n] * chirp
    return turned


Variants = list[Callable[..., Array]]
OPERATIONS: dict[str, tuple[Callable[..., Tensor], Variants]] = {
    "z + w": (lambda z, w: z + w, [lambda z, w: z + w]),
    "z + iw": (lambda z, w: torch.add(z, w, alpha=1j), [lambda z, w: z + 1j * w]),
    "z·w": (lambda z, w: z * w, [lambda z, w: z * w, lambda z, w: (z.astype(complex) * w).astype(np.complex64)]),
    "z/w": (lambda z, w: z / w, [lambda z, w: z / w, smith, by_squares]),
    "|z|": (lambda z, w: z.abs(), [lambda z, w: np.abs(z), lambda z, w: np.sqrt(z.real**2 + z.imag**2)]),
    "angle": (lambda z, w: z.angle(), [lambda z, w: np.angle(z), lambda z, w: np.arctan2(z.imag, z.real)]),
    "exp": (
        lambda z, w: (z / 500).exp(),
        [lambda z, w: np.exp(z / np.float32(500)), lambda z, w: np.exp(z * np.float32(0.002))],
    ),
    "log": (lambda z, w: z.log(), [lambda z, w: np.log(z)]),
    "polar": (
        lambda z, w: torch.polar(z.real.abs(), w.imag),
        [lambda z, w: np.abs(z.real) * (np.cos(w.imag) + 1j * np.sin(w.imag))],
    ),
    "conjugate": (lambda z, w: z.conj() * w.imag, [lambda z, w: z.conj() * w.imag]),
    "matmul": (lambda z, w: z @ w.mT, [lambda z, w: z @ w.T, interleaved]),
    "matmul of a conjugate": (lambda z, w: z @ w.mH, [lambda z, w: interleaved(z, w.conj())]),
    "a mean": (lambda z, w: z.mean(0), [lambda z, w: z.mean(0), lambda z, w: z[::-1].sum(0) * np.float32(1 / 6)]),
    "fft": (lambda z, w: torch.fft.fft(z), [lambda z, w: np.fft.fft(z).astype(np.complex64), lambda z, w: chirped(z)]),
    "fft of a prime": (lambda z, w: torch.fft.fft(z[:, :11]), [lambda z, w: chirped(z[:, :11])]),
    "fft of 8": (lambda z, w: torch.fft.fft(z[:, :8]), [lambda z, w: halved(z[:, :8])]),
    "ifft": (
        lambda z, w: torch.fft.ifft(z[:, :8], norm="ortho"),
        [lambda z, w: halved(z[:, :8].conj()).conj() * np.float32(8**-0.5)],
    ),
    "rfft": (lambda z, w: torch.fft.rfft(z.real[:, :8]), [lambda z, w: halved(z.real[:, :8])[:, :5]]),
    "irfft": (lambda z, w: torch.fft.irfft(z, 28), [lambda z, w: np.fft.irfft(z, 28).astype(np.float32)]),
    "fft in two directions": (lambda z, w: torch.fft.fft2(z), [lambda z, w: chirped(chirped(z).T).T]),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_honest_programs_stay_within_the_radius(name: str) -> None:
    """Of four draws; and the radius is small: a thousandth part of the largest number would be noticed."""
    operation, variants = OPERATIONS[name]
    for seed in range(4):
        z, w = drawn(seed), drawn(seed + 100)
        one = evaluate(operation, {"z": z, "w": w}, radius="bound")["output"]
        value, radius = one.value.numpy(), one.radius.numpy()
        for variant in variants:
            assert (np.abs(in_pairs(variant(z, w)).astype(float) - value) <= radius).all(), (name, seed)
        assert np.median(radius) < 1e-3 * np.abs(value).max()


@pytest.mark.parametrize("name", OPERATIONS)
def test_moved_operands_stay_within_the_radius_and_not_within_half_of_it(name: str) -> None:
    """Each part of an operand moves by its radius, one way or the other, all alike or each as drawn."""
    operation = OPERATIONS[name][0]
    z, w = (torch.from_numpy(drawn(seed)).to(torch.complex128) for seed in (1, 2))
    r, s = torch.view_as_real(z).abs() * 1e-4, torch.view_as_real(w).abs() * 1e-4
    out, radius = flowed(operation, [z, w], [r, s])
    out, most = torch.view_as_real(out) if out.is_complex() else out, torch.zeros(radius.shape)
    generator = torch.Generator().manual_seed(0)
    for trial in range(60):
        signs = [torch.randint(0, 2, (2,) if trial < 20 else x.shape, generator=generator) * 2 - 1 for x in (r, s)]
        moved = [
            torch.view_as_complex(torch.view_as_real(x) + y * q) for x, y, q in zip((z, w), (r, s), signs, strict=True)
        ]
        there = operation(*moved)
        there = torch.view_as_real(there.resolve_conj()) if there.is_complex() else there
        most = torch.maximum(most, (there - out).abs())
    if "fft" in name:  # whose sums of all radii are reached where all operands have one sign
        ones = torch.ones(SHAPE, dtype=torch.complex128)
        moved_by = torch.zeros(*SHAPE, 2, dtype=torch.float64)
        moved_by[..., 0] = 1e-4
        _, radius_of_ones = flowed(operation, [ones, ones], [moved_by, moved_by])
        change = operation(ones * 1.0001, ones * 1.0001) - operation(ones, ones)
        change = torch.view_as_real(change) if change.is_complex() else change
        assert bool((change.abs() <= radius_of_ones * (1 + 1e-9)).all())
        assert bool((change.abs() > radius_of_ones / 2).any())
    else:
        assert bool((most > radius / 2).any())
    assert bool((most <= radius * (1 + 1e-9)).all())


def test_what_moves_parts_alone_is_exact() -> None:
    """And a part that rounds keeps its radius wherever it goes."""
    z = drawn(0)
    moves: list[Callable[[Tensor], Tensor]] = [
        lambda z: torch.cat([z, z.flip(0)])[1:].conj(),
        lambda z: torch.view_as_complex(torch.view_as_real(z)).mT,
        lambda z: torch.stack([z.real, -z.conj().imag]),
        lambda z: torch.where(z.real > 0, z, 0.0),
        lambda z: torch.fft.fftshift(z),
        lambda z: z.clone().copy_(z * 2),
    ]
    for move in moves:
        assert evaluate(move, {"z": z})["output"].kind == "exact"
        assert evaluate(lambda z, move=move: move(z * z), {"z": z}, radius="bound")["output"].kind == "bound"


def test_products_by_a_complex_number_of_pythons_round_as_those_by_a_tensor_do() -> None:
    """They counted as exact, since no operand is a complex tensor."""
    x = torch.linspace(0.1, 2, 40)
    by_number, by_tensor = (
        evaluate(lambda x, factor=factor: torch.exp(x) * factor, {"x": x})["output"].radius
        for factor in (0.3 + 0.7j, torch.tensor(0.3 + 0.7j))
    )
    assert float(by_number.amin()) > 0
    assert bool((by_number >= by_tensor / 2).all())


def test_gradients_go_through_complex_numbers() -> None:
    """As torch's autograd has them in real inputs; within the radius of those in float64, and not a hundredth off."""
    x = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    functions: list[Callable[[Tensor], Tensor]] = [
        lambda x: torch.fft.irfft(torch.fft.rfft(x) * torch.fft.rfft(x.flip(-1)), x.shape[-1]).square().sum(),
        lambda x: (torch.polar(x, x / 100) @ torch.complex(x, -x).mT).abs().sum(),
        lambda x: (torch.exp(torch.complex(x / 100, x)) / torch.complex(x, x + 1)).angle().square().sum(),
    ]
    for function in functions:
        reference = gradients(function, "x", None)
        for radius in ("bound", "sample"):
            one = evaluate(reference, {"x": x}, radius=radius, replicas=4)["x"]
            exact = reference(x=torch.from_numpy(x).double())["x"]
            assert bool(((one.value - exact).abs() <= one.radius).all())
            assert bool(((one.value * 1.01 - exact).abs() > one.radius).any())


def test_what_no_rule_of_complex_numbers_describes_is_refused_by_name() -> None:
    """Also where real numbers have a rule of that operation."""
    with pytest.raises(UnknownOperationError, match=r"aten\.sqrt\.default of complex numbers"):
        evaluate(lambda z: z.sqrt(), {"z": drawn(0)})
