"""Weights across: there and back unchanged, transposed rightly, and refused with a sentence where they do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.assignments.mlp.names import WEIGHT_NAMES, weight_shapes
from parity_tests.assignments.mlp.network.model import MLP
from parity_tests.assignments.mlp.network.weights import WeightsError, from_torch, model_of, to_torch


def weights(d: int = 4, m: int = 3, k: int = 2, dtype: Any = np.float64, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in weight_shapes(d, m, k).items()}


def model(dtype: torch.dtype = torch.float64) -> MLP:
    return MLP(4, 3, 2, dtype=dtype)


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, 5)] * 3),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 999),
)
def test_there_and_back_is_unchanged_and_means_the_same(sizes: tuple[int, int, int], dtype: str, seed: int) -> None:
    want = weights(*sizes, dtype=dtype, seed=seed)
    net = MLP(*sizes, dtype=getattr(torch, dtype))
    to_torch(want, net)
    got = from_torch(net)
    assert list(got) == list(WEIGHT_NAMES)
    for name in WEIGHT_NAMES:
        assert got[name].dtype == dtype
        assert got[name].flags.c_contiguous
        assert np.array_equal(got[name], want[name])
    for row in range(sizes[0]):  # the picture of a unit vector is a row of W plus b: exact, and tells a transpose
        unit = torch.eye(sizes[0], dtype=getattr(torch, dtype))[row : row + 1]
        assert np.array_equal(net.L1(unit).detach().numpy()[0], want["L1_W"][row] + want["L1_b"][0])


def test_a_model_of_several_networks_has_the_weights_of_each() -> None:
    both = [weights(seed=1, dtype=np.float32), weights(seed=2, dtype=np.float32)]
    net = model_of({name: np.stack([one[name] for one in both]) for name in WEIGHT_NAMES}, activation="relu")
    taken = from_torch(net)
    X = torch.eye(4)
    for t, own in enumerate(both):
        assert all(np.array_equal(taken[name][t], own[name]) for name in WEIGHT_NAMES)
        alone = model_of(own, activation="relu")
        assert torch.allclose(net.eval()(X.expand(2, 4, 4))[t], alone.eval()(X), rtol=1e-5)


def test_what_is_taken_is_a_copy() -> None:
    net = model()
    given_ = weights()
    to_torch(given_, net)
    taken = from_torch(net)
    given_["L1_W"][:] = 7
    taken["L1_b"][:] = 7
    assert np.array_equal(from_torch(net)["L1_W"], weights()["L1_W"])
    assert np.array_equal(from_torch(net)["L1_b"], weights()["L1_b"])


def test_arrays_of_any_layout_are_taken() -> None:
    odd = weights()
    odd["L1_W"] = np.asfortranarray(odd["L1_W"])
    odd["L2_W"] = odd["L2_W"][::-1]
    odd["L2_b"].flags.writeable = False
    net = model()
    to_torch(odd, net)
    assert np.array_equal(from_torch(net)["L2_W"], odd["L2_W"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"L1_W": None}, "L1_W missing"),
        ({"L3_W": np.zeros((2, 2))}, "L3_W unknown"),
        ({"L1_W": np.zeros((3, 4))}, r"L1_W has shape \(3, 4\), but the model's is \(4, 3\)"),
        ({"L1_b": np.zeros(3)}, r"L1_b has shape \(3,\), but the model's is \(1, 3\)"),
        ({"L2_b": np.zeros((1, 2), np.float32)}, "L2_b is float32, but the model's is float64"),
        ({"L2_b": np.zeros((1, 2), ">f8")}, "L2_b is >f8, but the model's is float64"),
        ({"L2_b": [[0.0, 0.0]]}, "L2_b is a list, but a numpy array is expected"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(change: dict[str, Any], sentence: str) -> None:
    net = model()
    before = from_torch(net)
    wrong = {name: array for name, array in {**weights(), **change}.items() if array is not None}
    with pytest.raises(WeightsError, match=sentence):
        to_torch(wrong, net)
    assert all(np.array_equal(before[name], array) for name, array in from_torch(net).items())
