"""Attacks on `hold`: wrong candidates that once passed or nearly do, and honest ones that look odd."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from parity_tests import gradients, hold, replay

Array = NDArray[Any]
RNG = np.random.default_rng(7)
X: Array = RNG.standard_normal((6, 5))
SINGLE: Array = X.astype(np.float32)
SQUARE: Array = RNG.standard_normal((5, 5))
G: Array = RNG.standard_normal((6, 5))
ROWS: Array = RNG.standard_normal((64, 5))


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def torchs_softmax(x: torch.Tensor) -> torch.Tensor:
    return torch.softmax(x, -1)


def changed_at(place: tuple[int, int], value: Callable[[float], float]) -> Callable[[Array], Array]:
    """softmax with one element replaced."""

    def candidate(x: Array) -> Array:
        result = softmax(x)
        result[place] = value(result[place])
        return result

    return candidate


class EqualToEverything:
    """Whatever is asked of it, it agrees."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]  # it equals things of every hash

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self


class Agreeable(np.ndarray[Any, Any]):
    """An array whose arithmetic says that nothing differs."""

    def __array_ufunc__(self, *args: Any, **kwargs: Any) -> Any:
        return np.zeros(self.shape)


def wrong_only_once(call: int) -> Callable[[Array], Array]:
    """A candidate that is wrong at its first call, or at its second."""
    calls = []

    def candidate(x: Array) -> Array:
        calls.append(x.shape)
        return softmax(x) * (1 + 1e-6 * (len(calls) == call))

    return candidate


def corrected_afterwards() -> Callable[[Array], Array]:
    """A candidate whose second call writes the right answer into what the first returned."""
    returned: list[Array] = []

    def candidate(x: Array) -> Array:
        if not returned:
            returned.append(np.zeros_like(x))
        else:
            returned[0][...] = softmax(x)
            return returned[0].copy()
        return returned[0]

    return candidate


def accumulating() -> Callable[[Array], Array]:
    total = np.zeros_like(X)

    def candidate(x: Array) -> Array:
        np.add(total, softmax(x), out=total)
        return total

    return candidate


WRONG_SOFTMAX: dict[str, Callable[[Array], Any]] = {
    "one element is off by 1e-9": changed_at((2, 3), lambda value: value * (1 + 1e-9)),
    "one element is NaN": changed_at((0, 0), lambda value: np.nan),
    "one element is infinite": changed_at((5, 4), lambda value: np.inf),
    "the last row comes from a neighbouring input": lambda x: np.vstack(
        [softmax(x)[:-1], softmax(x[-1:] + x[:1] / 1e8)]
    ),
    "float32 inside": lambda x: softmax(x.astype(np.float32)).astype(np.float64),
    "longer than it says": lambda x: softmax(x.astype(np.longdouble)) * (1 + np.longdouble(1e-12)),
    "zeros": np.zeros_like,
    "a constant": lambda x: np.full_like(x, 0.2),
    "wrong at the first call": wrong_only_once(1),
    "wrong at the second call": wrong_only_once(2),
    "the second call corrects the first's array": corrected_afterwards(),
    "a sum over all calls": accumulating(),
    "an array that calls everything equal": lambda x: np.zeros_like(x).view(Agreeable),
    "an object equal to everything": lambda x: EqualToEverything(),
    "an array of objects": lambda x: np.full(x.shape, EqualToEverything(), object),
    "complex numbers": lambda x: softmax(x) + 1j,
    "text": lambda x: "softmax",
    "a generator": lambda x: (row for row in softmax(x)),
    "ragged lists": lambda x: [[1.0, 2.0], [3.0]],
    "nothing": lambda x: None,
    "an empty dict": lambda x: {},
    "an empty array": lambda x: x[:0],
    "one column to be broadcast": lambda x: softmax(x)[:, :1],
    "the end of the process": lambda x: sys.exit(0),
}


@pytest.mark.parametrize("name", WRONG_SOFTMAX)
def test_wrong_softmax_is_told_from_torchs(name: str) -> None:
    assert not hold(WRONG_SOFTMAX[name], torchs_softmax, x=X)


KINKS = np.array([0.0, 1.0, -1.0, 0.0])
RELU = gradients(lambda x: torch.relu(x), of="x", given="g")


@pytest.mark.parametrize(
    ("candidate", "reference", "inputs"),
    [
        pytest.param(lambda x: (x @ x).T, lambda x: x @ x, {"x": SQUARE}, id="a transposed square"),
        pytest.param(
            lambda x: (x.min(0), x.max(0)), lambda x: (x.amax(0), x.amin(0)), {"x": X}, id="results in another order"
        ),
        pytest.param(lambda x: x > 0.1, lambda x: x > 0, {"x": X}, id="truth values"),
        pytest.param(lambda n: n + 1 - n % 2, lambda n: n + 1, {"n": np.arange(6)}, id="whole numbers"),
        pytest.param(
            lambda n: n.astype(np.float64).astype(np.int64),
            lambda n: n * 1,
            {"n": np.array([2**53 + 1, 2**60 + 3])},
            id="whole numbers that float64 rounds",
        ),
        pytest.param(
            lambda x: softmax(x.astype(np.float16)).astype(np.float32), torchs_softmax, {"x": SINGLE}, id="half inside"
        ),
        pytest.param(
            lambda x, g: {"output": softmax(x), "x": softmax(x) * g},
            gradients(torchs_softmax, of="x", given="g"),
            {"x": X, "g": G},
            id="a right forward with a wrong gradient",
        ),
        pytest.param(
            lambda x: {"hidden": 2 * x + 1, "output": 3 * x},
            lambda x: {"hidden": 2 * x, "output": 3 * x},
            {"x": X},
            id="a wrong link before a right result",
        ),
        pytest.param(
            lambda x: (x**2).mean(0) - x.mean(0) ** 2,
            lambda x: x.var(0, unbiased=False),
            {"x": SINGLE + 1000},
            id="one pass, where zeros would agree with that form",
        ),
        pytest.param(lambda x: x + 1e-12 * x, lambda x: x, {"x": X}, id="a copy that is none"),
    ],
)
def test_wrong_results_are_told_from_torchs(
    candidate: Callable[..., Any], reference: Callable[..., Any], inputs: dict[str, Array]
) -> None:
    assert not hold(candidate, reference, inputs=inputs)


TIES = np.array([[1.0, 1.0, 0.0], [2.0, 0.0, 2.0], [1.0, 1.0, 1.0]])
LARGEST = gradients(lambda x: x.max(1).values, of="x", given="g")


@pytest.mark.parametrize(
    ("taken", "agrees"),
    [
        pytest.param([[1, 0, 0], [1, 0, 0], [1, 0, 0]], True, id="the first"),
        pytest.param([[0, 1, 0], [0, 0, 1], [0, 0, 1]], True, id="the last"),
        pytest.param([[0, 1, 0], [1, 0, 0], [0, 1, 0]], True, id="any one"),
        pytest.param([[1, 1, 0], [1, 0, 1], [1, 1, 1]], False, id="each of them"),
        pytest.param([[0, 0, 0], [0, 0, 0], [0, 0, 0]], False, id="none of them"),
    ],
)
def test_one_of_the_elements_tied_for_a_maximum_gets_its_gradient(taken: list[list[int]], agrees: bool) -> None:
    def candidate(x: Array, g: Array) -> dict[str, Array]:
        return {"output": x.max(1), "x": np.array(taken) * g[:, None]}

    assert bool(hold(candidate, LARGEST, x=TIES, g=np.array([1.0, -2.0, 4.0]))) == agrees


POOL = gradients(lambda x: torch.nn.functional.max_pool2d(x, 2), of="x", given="g")


@pytest.mark.parametrize(("last", "all_of_them", "agrees"), [(0, 0, True), (1, 0, True), (0, 1, False)])
def test_one_of_the_elements_tied_in_a_window_gets_its_gradient(last: int, all_of_them: int, agrees: bool) -> None:
    def candidate(x: Array, g: Array) -> dict[str, Array]:
        windows = x.reshape(2, 2, 2, 2).swapaxes(1, 2).reshape(4, 4)
        tied = windows == windows.max(1, keepdims=True)
        index = 3 - tied[:, ::-1].argmax(1) if last else tied.argmax(1)
        taken = tied if all_of_them else np.eye(4)[index]
        back = (taken * g.reshape(4, 1)).reshape(2, 2, 2, 2).swapaxes(1, 2).reshape(1, 1, 4, 4)
        return {"output": windows.max(1).reshape(1, 1, 2, 2), "x": back}

    x = np.array([[1.0, 1, 0, 0], [0, 0, 2, 0], [3, 1, 0, 5], [1, 3, 5, 5]]).reshape(1, 1, 4, 4)
    assert bool(hold(candidate, POOL, x=x, g=np.array([1.0, -2.0, 4.0, 3.0]).reshape(1, 1, 2, 2))) == agrees


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(lambda x: 1 / x, id="turns the inputs into ones"),
        pytest.param(lambda x: np.full_like(x, np.nan), id="NaN"),
        pytest.param(lambda x: np.full_like(x, 5.0), id="keeps all, with the factor of a fifth"),
        pytest.param(np.zeros_like, id="keeps none"),
        pytest.param(lambda x: np.where(x > 0, 1.0, -1.0), id="takes the absolute value"),
    ],
)
def test_masks_that_no_dropout_draws_are_refused(mask: Callable[[Array], Array]) -> None:
    rows = np.concatenate([ROWS, ROWS + 1, ROWS - 1])

    def candidate(x: Array) -> dict[str, Array]:
        return {"output": x * mask(x), "masks": mask(x)}

    result = hold(candidate, lambda x, masks: {"output": replay(masks)(x)}, x=rows)
    assert not result
    assert "the candidate's masks" in str(result)


def test_a_candidate_that_raises_before_it_drew_its_masks_has_crashed() -> None:
    def candidate(x: Array) -> Array:
        raise RuntimeError("no generator")

    result = hold(candidate, lambda x, masks: {"output": replay(masks)(x)}, x=X)
    assert not result
    assert "raised RuntimeError: no generator" in str(result)


class Dropout:
    """Draws each mask into the same array."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.mask = np.empty(shape)

    def __call__(self, x: Array) -> dict[str, Array]:
        self.mask[...] = np.broadcast_to(
            np.random.default_rng().random((*x.shape[:2], *[1] * (x.ndim - 2))) < 0.5, x.shape
        )
        self.mask *= 2
        return {"output": x * self.mask, "masks": self.mask}


@pytest.mark.parametrize("shape", [(6, 5), (64, 50), (8, 4, 8, 8)])
def test_dropout_may_draw_each_mask_into_one_array_and_drop_whole_channels(shape: tuple[int, ...]) -> None:
    assert hold(Dropout(shape), lambda x, masks: {"output": replay(masks)(x)}, x=RNG.standard_normal(shape))


@pytest.mark.parametrize(
    ("candidate", "reference", "inputs"),
    [
        pytest.param(
            lambda x: x[::-1].sum(0), lambda x: x.sum(0), {"x": RNG.standard_normal((999, 3))}, id="another order"
        ),
        pytest.param(
            lambda x: np.cumsum(x[::-1], 0)[-1],
            lambda x: x.sum(0),
            {"x": RNG.standard_normal((9999, 2)).astype(np.float32)},
            id="one after the other in float32",
        ),
        pytest.param(
            lambda x: softmax(x.astype(np.float64)).astype(np.float32), torchs_softmax, {"x": SINGLE}, id="wider inside"
        ),
        pytest.param(
            lambda a: [
                [sum(p * q for p, q in zip(row, column, strict=True)) for column in a.T.tolist()] for row in a.tolist()
            ],
            lambda a: a @ a,
            {"a": SQUARE},
            id="lists of lists of Python's numbers",
        ),
        pytest.param(lambda a: np.einsum("ik,kj->ij", a, a), lambda a: a @ a, {"a": SQUARE}, id="einsum"),
        pytest.param(lambda a: np.asfortranarray(2 * a), lambda a: 2 * a, {"a": X}, id="Fortran order"),
        pytest.param(lambda a: float((a**2).sum()), lambda a: (a**2).sum(), {"a": SINGLE}, id="Python's float"),
        pytest.param(lambda a: [a * 2, a * 3], lambda a: (a * 2, a * 3), {"a": X}, id="a list for a tuple"),
        pytest.param(lambda a: torch.tensor(a, requires_grad=True) * 2, lambda a: a * 2, {"a": X}, id="a torch tensor"),
        pytest.param(
            lambda x, g: {"output": np.maximum(x, 0), "x": g * (x >= 0)},
            RELU,
            {"x": KINKS, "g": np.full(4, 1.5)},
            id="the other slope at relu's kink",
        ),
        pytest.param(
            lambda x: 2 - x[:, ::-1].argmax(1),
            lambda x: x.argmax(1),
            {"x": np.array([[1.0, 1.0, 0.0], [2.0, 0.0, 1.0]])},
            id="the last of two largest",
        ),
        pytest.param(
            lambda x: 0.5 * (1 + np.tanh(x / 2)), lambda x: torch.sigmoid(x), {"x": 10 * X}, id="sigmoid by tanh"
        ),
        pytest.param(lambda a: a.sum(0), lambda a: a.sum(0), {"a": np.zeros((0, 3))}, id="no rows"),
        pytest.param(softmax, torchs_softmax, {"x": np.ones((1, 1))}, id="one element"),
        pytest.param(lambda a: a * 2 + 1, lambda a: a * 2 + 1, {"a": np.float64(1.5)}, id="no dimensions"),
        pytest.param(lambda a: a * a + 1, lambda a: a * a + 1, {"a": RNG.standard_normal(10**6)}, id="a million"),
        pytest.param(lambda a: a.sum(0), lambda a: a.sum(0), {"a": ROWS[::2, ::-3]}, id="strides"),
        pytest.param(
            lambda x: np.broadcast_to(x.sum(), (3,)), lambda x: x.sum().expand(3), {"x": X}, id="a broadcast result"
        ),
        pytest.param(
            lambda x: (x**2).mean(0) - x.mean(0) ** 2,
            lambda x: x.var(0, unbiased=False),
            {"x": SINGLE + 10},
            id="a variance in one pass",
        ),
        pytest.param(
            lambda n: n * 1, lambda n: n * 1, {"n": np.array([2**53 + 1, -(2**62)])}, id="large whole numbers"
        ),
    ],
)
def test_odd_but_honest_candidates_agree(
    candidate: Callable[..., Any], reference: Callable[..., Any], inputs: dict[str, Array]
) -> None:
    result = hold(candidate, reference, inputs=inputs)
    assert result, str(result)


def test_what_is_noticed_besides_is_printed() -> None:
    def in_place(x: Array) -> Array:
        x[x < 0] = 0
        return x

    assert "Note: overwrites its input x." in str(hold(in_place, lambda x: torch.relu(x), x=X))
    assert "Note: overwrites its input xs." in str(
        hold(lambda xs: in_place(xs[0]), lambda xs: torch.relu(xs[0]), xs=[X])
    )
