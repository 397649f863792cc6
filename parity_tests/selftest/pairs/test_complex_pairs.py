"""Complex numbers through `hold`: the rotary embedding against its real form, and candidates that return complex."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from parity_tests import gradients, hold
from parity_tests.protocol.errors import UsageError
from reports.model.verdicts import Verdict

Array = NDArray[Any]
RNG = np.random.default_rng(0)
B, T, H, D = 2, 7, 3, 8
X, G = (RNG.standard_normal((B, T, H, D)).astype(np.float32) for _ in range(2))
ANGLES = np.outer(np.arange(T), 10000.0 ** -(np.arange(0, D, 2) / D)).astype(np.float32)
pytestmark = pytest.mark.usefixtures("one_thread")


def rotary(x: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    """As Llama's code has it: neighbours are the parts of a complex number, which is turned by an angle."""
    turn = torch.polar(torch.ones_like(a), a)[:, None]
    z = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(z * turn).flatten(3)


def in_real_numbers(x: Array, a: Array, sign: int = 1, neighbours: bool = True) -> Array:
    """The same in real numbers, N×T×H×D; pairs are neighbours, or an element and the one half a row on."""
    cos, sin = np.cos(a)[:, None], sign * np.sin(a)[:, None]
    half = x.shape[-1] // 2
    u, v = (x[..., ::2], x[..., 1::2]) if neighbours else (x[..., :half], x[..., half:])
    turned = u * cos - v * sin, u * sin + v * cos
    return np.stack(turned, -1).reshape(x.shape) if neighbours else np.concatenate(turned, -1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_rotary_embedding_agrees_with_its_real_form(dtype: str) -> None:
    """Forward, and the gradient, which turns back; no turn of another sign, size or pair does."""
    x, a, g = (y.astype(dtype) for y in (X, ANGLES, G))
    assert hold(in_real_numbers, rotary, x, a)
    found = hold(
        lambda x, a, g: {"output": in_real_numbers(x, a), "x": in_real_numbers(g, a, -1)},
        gradients(rotary, "x", "g"),
        inputs={"x": x, "a": a, "g": g},
    )
    assert found, str(found)
    assert not hold(lambda x, a: in_real_numbers(x, a, sign=-1), rotary, x, a)
    assert not hold(lambda x, a: in_real_numbers(x, a, neighbours=False), rotary, x, a)
    assert not hold(lambda x, a: in_real_numbers(x, a + 1e-4), rotary, x, a)


TRANSFORMS: dict[str, tuple[Callable[[Array], Array], bool]] = {
    "numpy's": (lambda x: np.fft.rfft(x), True),
    "numpy's, as pairs": (lambda x: np.stack([np.fft.rfft(x).real, np.fft.rfft(x).imag], -1), True),
    "the conjugate": (lambda x: np.fft.rfft(x).conj(), False),
    "over n": (lambda x: np.fft.rfft(x, norm="forward"), False),
    "of all frequencies": (lambda x: np.fft.fft(x), False),
    "its real part": (lambda x: np.fft.rfft(x).real, False),
    "one number off": (lambda x: np.fft.rfft(x) + 1e-3 * (np.arange(D // 2 + 1) == 2), False),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_candidate_returns_complex_numbers(name: str) -> None:
    """Compared part by part, along a last axis."""
    transform, right = TRANSFORMS[name]
    assert bool(hold(transform, lambda x: torch.fft.rfft(x), X)) is right


def test_inputs_may_be_complex() -> None:
    """Of either precision; a product of conjugates is told from the product."""
    z = X[..., 0] + 1j * X[..., 1]
    for kind in (np.complex64, np.complex128):
        assert hold(lambda z, w: z * w.conj(), lambda z, w: z * w.conj(), z.astype(kind), z[::-1].astype(kind))
        assert not hold(lambda z, w: z * w, lambda z, w: z * w.conj(), z.astype(kind), z[::-1].astype(kind))


def test_conjugates_that_torch_puts_off_are_inputs_and_results() -> None:
    """A tensor may be a conjugate, or have another sign, without its numbers being so yet."""
    z = torch.from_numpy(X[..., 0] + 1j * X[..., 1])
    turned: list[Callable[[torch.Tensor], torch.Tensor]] = [lambda z: z.conj(), lambda z: z.conj().imag]
    for lazy in turned:
        assert hold(lazy, lazy, z)
        assert hold(lambda z: z * 2, lambda z: z * 2, lazy(z))
        assert not hold(lambda z, lazy=lazy: lazy(z.conj()), lazy, z)


def test_on_which_side_of_the_negative_axis_rounding_puts_a_number_is_undecided() -> None:
    """The transform of an even signal is real, but for rounding of either sign; its angle is π or −π."""
    x = np.array([3, 2, 3, 4, 5, 4, 3, 2], np.float32) * np.float32(1.1)
    negative = np.fft.fft(x).real < 0
    for sign in (1, -1):
        turned = np.where(negative, sign * np.pi, 0.0).astype(np.float32) + 1
        record = hold(lambda x, y=turned: y, lambda x: torch.fft.fft(x).angle() + 1, x, radius="bound").run.records[0]
        assert (record.verdict, record.undecided) == (Verdict.UNDECIDED, 2)


@pytest.mark.parametrize("power", [lambda z: z**z, lambda z: 2**z, lambda z: z**0.5])
def test_a_power_of_complex_numbers_that_nothing_follows_is_refused_in_a_sentence(power: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="Write it in their real and imaginary parts"):
        hold(power, power, X[..., 0] + 1j * X[..., 1])
