"""The likely cause of a disagreement: the change of the reference that gives all numbers, and none where none does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor

import parity
import parity_tests.pairs.hold
from parity_tests.pairs.agrees import assert_agrees
from parity_tests.pairs.hold import hold
from parity_tests.pairs.pair import Pair, pair
from parity_tests.pairs.result import SHORT
from parity_tests.pairs.run_pairs import run_pairs
from parity_tests.protocol.errors import UsageError
from reference.flow import gradients

Function = Callable[..., Tensor]


@pytest.fixture(autouse=True)
def _search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here causes are looked for, among the changes of the reference alone, however slow the machine is."""
    monkeypatch.setattr("parity_tests.pairs.causes.SECONDS", 60.0)
    monkeypatch.setattr("parity_tests.pairs.mend.mended", lambda *_: None)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape), dtype=torch.float32)


X, W, B = drawn(8, 40), drawn(16, 40, seed=1), drawn(16, seed=2)
SQUARE = drawn(6, 6)


def layer(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return F.gelu(F.linear(x, w, b))


def norm(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return F.leaky_relu(F.layer_norm(F.linear(x, w, b) / 30, (16,)), 0.01)


def lower(x: Tensor, kind: torch.dtype) -> Tensor:
    return x.to(kind).float()


def in_halves(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """Twice a product, both halves of whose sums are kept in bfloat16."""
    halves = [lower(x[:, part] @ w[:, part].T, torch.bfloat16) for part in (slice(20), slice(20, 40))]
    return lower(halves[0] + halves[1], torch.bfloat16) * 2


def written(change: Callable[[Tensor], None]) -> Function:
    """The layer whose result is written over afterwards."""

    def candidate(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        y = layer(x, w, b)
        change(y)
        return y

    return candidate


def zero_rows(y: Tensor) -> None:
    y[5:] = 0


def spoil_lanes(y: Tensor) -> None:
    y[:, ::4] += torch.arange(1.0, 5.0)


def write_twice(y: Tensor) -> None:
    y[4:] = y[:4].clone()


def spoil_one(y: Tensor) -> None:
    y[3, 4] += 1


def grouped(y: Tensor) -> Tensor:
    """A group norm of every fourth channel."""
    return F.layer_norm(y.view(8, 4, 4).mT, (4,)).mT.flatten(1)


def turned(y: Tensor) -> Tensor:
    """Neighbours turned, not halves."""
    return torch.stack((-y[:, 1::2], y[:, ::2]), -1).flatten(1)


def rotated(y: Tensor) -> Tensor:
    """Halves turned."""
    one, two = y.chunk(2, -1)
    return torch.cat((-two, one), -1)


def clear_one(y: Tensor) -> None:
    y[3, 4] = 0


WRONG: dict[str, tuple[Function, Function, str]] = {
    "an argument": (
        lambda x, w, b: F.gelu(F.linear(x, w, b), approximate="tanh"),
        layer,
        "gelu with approximate='tanh', where the reference has 'none'",
    ),
    "epsilon": (
        lambda x, w, b: F.leaky_relu(F.layer_norm(F.linear(x, w, b) / 30, (16,), eps=1e-3), 0.01),
        norm,
        "layer_norm with eps=0.001, where the reference has 1e-05",
    ),
    "an argument's number": (
        lambda x, w, b: F.leaky_relu(F.layer_norm(F.linear(x, w, b) / 30, (16,)), 0.013),
        norm,
        "leaky_relu with negative_slope=0.013, where the reference has 0.01",
    ),
    "no bias": (lambda x, w, b: F.gelu(F.linear(x, w)), layer, "linear with bias=None, where the reference has one"),
    "another function": (lambda x, w, b: F.silu(F.linear(x, w, b)), layer, "silu in place of gelu"),
    "left out": (lambda x, w, b: F.linear(x, w, b), layer, "without gelu"),
    "a factor": (lambda x, w, b: F.gelu(0.3 * F.linear(x, w, b)), layer, "what linear gives, times 0.3"),
    "the last term": (
        lambda x, w, b: F.gelu(F.linear(x[:, :-1], w[:, :-1], b)),
        layer,
        "addmm without the last of its 40 terms",
    ),
    "the last tile": (
        lambda x, w, b: F.gelu(F.linear(x[:, :32], w[:, :32], b)),
        layer,
        "addmm without the last 8 of its 40 terms",
    ),
    "inputs of fewer bits": (
        lambda x, w, b: layer(*(lower(y, torch.bfloat16) for y in (x, w, b))),
        layer,
        "inputs rounded to bfloat16",
    ),
    "results of fewer bits": (
        lambda x, w, b: lower(layer(x, w, b), torch.float16),
        layer,
        "results stored in float16",
    ),
    "sums of fewer bits": (in_halves, lambda x, w, b: (x @ w.T) * 2, "mm with partial sums rounded to bfloat16"),
    "groups in turns": (
        lambda x, w, b: grouped(F.linear(x, w, b)),
        lambda x, w, b: F.group_norm(F.linear(x, w, b), 4),
        "group_norm in turns (every second one, say), where the reference has blocks",
    ),
    "halves in turns": (
        lambda x, w, b: turned(F.linear(x, w, b)),
        lambda x, w, b: rotated(F.linear(x, w, b)),
        "chunk, cat in turns (every second one, say), where the reference has blocks",
    ),
    "rows not written": (written(zero_rows), layer, "0 in rows from 5 on, all else agrees"),
    "rows written twice": (written(write_twice), layer, "rows from 4 on: the numbers of 64 elements before"),
    "lanes": (written(spoil_lanes), layer, "something that touches every 4th column from 0 on: nothing else is"),
    "one element": (written(spoil_one), layer, "something that touches output[3, 4]: nothing else is over its error"),
    "one element of 0": (written(clear_one), layer, "0 in output[3, 4], all else agrees"),
    "two numbers of 0": (lambda x, w, b: torch.zeros(2), lambda x, w, b: x[:2] @ w[0], "0 everywhere"),
    "a number of fewer bits": (
        lambda x, w, b: lower((x[0] @ w[0]).sum(), torch.float16),
        lambda x, w, b: (x[0] @ w[0]).sum(),
        "results stored in float16",
    ),
}


@pytest.mark.parametrize(("candidate", "reference", "words"), WRONG.values(), ids=WRONG)
def test_the_change_of_the_reference_that_gives_all_numbers_is_said(
    candidate: Function, reference: Function, words: str
) -> None:
    result = hold(candidate, reference, X, W, B)
    assert not result
    assert result.run.records[0].diagnosis.startswith(words)
    assert f" Likely cause: {words}" in " ".join(str(result).split())
    assert max(map(len, str(result).split("\n"))) <= 80


def by_hand(mask: int) -> Function:
    """Attention as kernels write it out; it sees so many keys after its own."""
    seen = torch.ones(6, 6, dtype=torch.bool).tril(mask)
    return lambda q, k, v: torch.softmax((q @ k.mT / 6**0.5).masked_fill(~seen, -torch.inf), -1) @ v


def tile_by_tile(a: Tensor, b: Tensor) -> Tensor:
    """A product whose accumulator is kept in bfloat16."""
    out = torch.zeros(len(a), b.shape[1])
    for start in range(0, 64, 16):
        out = lower(out + a[:, start : start + 16] @ b[start : start + 16], torch.bfloat16)
    return out


def centred(x: Tensor) -> Tensor:
    return x - x.mean(-1, keepdim=True)


KERNELS: dict[str, tuple[Function, Function, tuple[Tensor, ...], str]] = {
    "epsilon outside the root of a fused norm": (
        lambda x: centred(x) / (x.var(-1, correction=0, keepdim=True).sqrt() + 1e-5),
        lambda x: F.layer_norm(x, (40,)),
        (X / 30,),
        "1e-05 is added to layer_norm's rsqrt, where the reference adds it under the root",
    ),
    "epsilon inside a root": (
        lambda x, v: x / (v * v + 1e-3).sqrt(),
        lambda x, v: x / ((v * v).sqrt() + 1e-3),
        (X, X / 30),
        "0.001 is added under the root, where the reference adds it to what add is given",
    ),
    "the sample's variance": (
        lambda x: centred(x) / (x.var(-1, keepdim=True) + 1e-5).sqrt(),
        lambda x: F.layer_norm(x, (40,)),
        (X,),
        "layer_norm's var with correction=1, where the reference has 0",
    ),
    "a causal mask off by one": (
        by_hand(1),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        (SQUARE, drawn(6, 6, seed=3), drawn(6, 6, seed=4)),
        "scaled_dot_product_attention's tril with diagonal=1, where the reference has 0",
    ),
    "a kernel flipped": (
        lambda x, w: F.conv2d(x, w.flip(2, 3)),
        F.conv2d,
        (drawn(1, 2, 5, 5), drawn(2, 2, 3, 3, seed=1)),
        "with its kernel flipped",
    ),
    "an accumulator of fewer bits": (
        tile_by_tile,
        torch.matmul,
        (drawn(8, 64), drawn(64, 8, seed=1)),
        "mm with partial sums, of 16 terms each, rounded to bfloat16",
    ),
}


@pytest.mark.parametrize(("candidate", "reference", "inputs", "words"), KERNELS.values(), ids=KERNELS)
def test_what_kernels_get_wrong_is_said_of_fused_functions_too(
    candidate: Function, reference: Function, inputs: tuple[Tensor, ...], words: str
) -> None:
    (record,) = hold(candidate, reference, *inputs).run.records
    assert words in record.diagnosis


def test_a_step_of_a_backward_that_is_left_out_is_said() -> None:
    def without_density(x: Tensor, grad: Tensor) -> dict[str, Tensor]:
        normal = 0.5 * (1 + torch.erf(x / 2**0.5))
        return {"output": x * normal, "x": grad * normal}

    held = gradients(lambda x: F.gelu(x), of="x", given="grad")
    causes = list(hold(without_density, held, x=X, grad=drawn(8, 40, seed=6)).frame["diagnosis"])
    assert causes == ["", "without gelu_backward's add (number 2 of 2)"]


UNNAMED: dict[str, tuple[Function, Function]] = {
    "two changes at once": (
        lambda x, w, b: F.leaky_relu(F.layer_norm(F.linear(x, w) / 30, (16,), eps=1e-3), 0.01),
        norm,
    ),
    "an argument, and one element": (
        lambda x, w, b: F.gelu(F.linear(x, w, b), approximate="tanh") + F.pad(torch.ones(1, 1), (3, 12, 2, 5)),
        layer,
    ),
    "noise": (lambda x, w, b: layer(x, w, b) + 1e-2 * drawn(8, 16, seed=7), layer),
}


LONG = drawn(16, 4096).abs(), drawn(4096, 8, seed=1).abs()


def tf32(x: Tensor) -> Tensor:
    """Rounded to the eleven bits that a tensor core reads, ties to even."""
    bits = x.view(torch.int32)
    return ((bits + 0xFFF + ((bits >> 13) & 1)) & -0x2000).view(torch.float32)


def test_where_little_is_over_its_bound_a_cause_is_told_by_how_much_it_explains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 128 elements a few are over; what explains a part of the gaps alone is not even judged."""
    evaluated = Mock(wraps=parity_tests.pairs.hold.evaluated)
    monkeypatch.setattr("parity_tests.pairs.hold.evaluated", evaluated)
    [record] = hold(lambda a, b: tf32(a) @ tf32(b), torch.matmul, *LONG).run.records
    assert record.diagnosis == "inputs rounded to TF32; inputs rounded to float16"
    assert record.bad is not None
    assert record.bad < 64
    assert evaluated.call_count == 3, "the reference, and these two"


def test_a_change_that_leaves_a_part_of_the_same_is_no_cause() -> None:
    """All elements are off by one factor, which correction=0 has but for a twentieth; its bound is as wide as that."""
    x, factors = drawn(16, 8192), (1 - 1 / 8192, 1 - 0.95 / 8192)
    found = [hold(lambda x, by: x.var(1) * by, lambda x, by: x.var(1), x=x, by=by).run.records[0] for by in factors]
    assert found[0].diagnosis == "var with correction=0, where the reference has 1"
    assert found[1].verdict == "mismatch"
    assert "correction" not in found[1].diagnosis


def test_a_place_is_named_only_where_the_rest_is_right() -> None:
    """All is moved, three columns of small sums so that it is seen: nothing is said of where."""
    a, b = LONG[0].clone(), LONG[1] + 0.5
    a[3:], noise = a[3:] * 1e4, 1e-3 * drawn(16, 8, seed=5)
    [record] = hold(lambda a, b: a @ b + noise * (a @ b).abs().clamp(max=500), torch.matmul, a, b).run.records
    assert record.diagnosis == ""
    spoilt = (torch.arange(16) < 3).float()[:, None] * (5 + noise)  # of the rows as they were: it would show in each
    [record] = hold(lambda a, b: a @ b + spoilt, torch.matmul, LONG[0], b).run.records
    assert record.diagnosis == "something that touches rows 0 to 2: nothing else is over its error bound"


def test_no_rows_are_named_where_others_are_within_their_bounds_by_chance() -> None:
    """The mean of the last row is near 0, and not subtracted it says nothing."""
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((5, 40)).astype("float32"))
    wrong = x / (x.var(1, correction=0, keepdim=True) + 1e-6).sqrt()
    result = hold(lambda x: wrong, lambda x: F.rms_norm(x, (40,), eps=1e-6), x)
    assert (result.run.records[0].bad, result.run.records[0].diagnosis) == (160, "")


@pytest.mark.parametrize(("number", "first"), [(torch.nan, 0), (torch.nan, 5), (torch.inf, 5), (-torch.inf, 0)])
def test_of_numbers_that_are_not_finite_nothing_is_said_of_an_error_of_the_search(number: float, first: int) -> None:
    """A number that gives them is looked for among the arguments of a reference that gives some as well."""
    wrong = layer(X, W, B)
    wrong[first:] = number
    [record] = hold(lambda x, w, b: wrong, norm, X, W, B).run.records
    assert [note.text for note in record.notes] == []


def test_two_elements_are_exchanged_of_which_one_is_over_its_bound_alone() -> None:
    x = 0.01 * torch.arange(1.0, 7).repeat(64, 1).T.contiguous()
    x[3] = torch.tensor([3e5, -3e5]).repeat(32)
    x[3, -1] += 0.75
    swapped = [0, 1, 3, 2, 4, 5]
    [record] = hold(lambda x: x.sum(1)[swapped], lambda x: x.sum(1), x).run.records
    assert (record.bad, record.diagnosis) == (1, "the elements [2] and [3] are exchanged")


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        (lambda a, b: (a.bfloat16().float() @ b.bfloat16().float()).half(), "inputs rounded to bfloat16"),
        (lambda a, b: (a.float() @ b.float()).bfloat16().half(), "results stored in bfloat16"),
        (lambda a, b: (a[:, 1:].float() @ b[1:].float()).half(), "mm without the first of its 256 terms"),
    ],
)
def test_a_cause_is_said_of_float16_too(candidate: Function, words: str) -> None:
    a, b = drawn(32, 256).half(), drawn(256, 16, seed=1).half()
    declared: dict[str, Any] = {"accumulate": "float32", "store": "float16"}
    assert hold(candidate, torch.matmul, a, b, **declared).run.records[0].diagnosis == words
    assert hold(lambda a, b: (a.float() @ b.float()).half(), torch.matmul, a, b, **declared)


def test_a_number_is_looked_for_before_what_is_dear(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("inputs are rounded")

    monkeypatch.setattr("parity_tests.pairs.causes.inputs_of", refuse)
    [record] = hold(lambda x: x.tanh() * 3.1714, lambda x: x.tanh() * 3.14, X).run.records
    assert record.diagnosis == "mul with other=3.1714, where the reference has 3.14"


def test_no_change_makes_far_more_numbers_than_the_reference() -> None:
    """A column times a matrix, of which the vector along yet another axis would make a cube."""
    largest = []

    def scaled(x: Tensor, y: Tensor) -> Tensor:
        found = x.unsqueeze(1) * y
        largest.append(found.dim())
        return found

    assert not hold(lambda x, y: x * y + 0.1 * y.sin(), scaled, SQUARE[0], SQUARE)
    assert max(largest) == 2


@pytest.mark.parametrize(("candidate", "reference"), UNNAMED.values(), ids=UNNAMED)
def test_what_no_single_change_gives_has_no_cause(candidate: Function, reference: Function) -> None:
    result = hold(candidate, reference, X, W, B)
    assert not result
    assert result.run.records[0].diagnosis == ""
    assert "Likely cause" not in str(result)


def test_a_result_of_another_shape_has_a_cause_too_and_two_that_give_the_same_are_both_said() -> None:
    kept = hold(lambda x: x.mean(-1, keepdim=True), lambda x: x.mean(-1), X)
    assert kept.run.records[0].diagnosis == "mean with keepdim=True, where the reference has False"
    alike = hold(lambda x, y: y @ x, lambda x, y: x @ y, SQUARE, drawn(6, 6, seed=3))
    assert alike.run.records[0].diagnosis.startswith("matmul of self and other exchanged")
    both = hold(lambda x, y: x * y * 2.5, lambda x, y: x * y, SQUARE, drawn(6, 6, seed=3))
    assert "times 2.5" in both.run.records[0].diagnosis


def test_one_number_has_a_cause_only_where_no_change_would_be_expected_to_meet_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A product of many small numbers is 0 in float32, as a result that is not written."""

    def cause(actual: float | Tensor) -> str:
        result = hold(lambda x, y: torch.as_tensor(actual), lambda x, y: ((x - y) ** 2).mean(), X, X * 1.1)
        return result.run.records[0].diagnosis

    assert cause(((X - X * 1.1) ** 2).sum()) == "sum in place of mean"
    assert cause(0.0) == ""
    monkeypatch.setattr("parity_tests.pairs.causes._CHANCE", float("inf"))
    assert cause(0.0) != ""


def test_a_change_counts_only_where_forward_and_gradients_are_all_given() -> None:
    def reference(x: Tensor, w: Tensor) -> Tensor:
        return F.gelu(x @ w)

    def candidate(forward: str, backward: str) -> Callable[..., dict[str, Tensor]]:
        def both(x: Tensor, w: Tensor, grad: Tensor) -> dict[str, Tensor]:
            found = {}
            for form in (forward, backward):
                leaf = x.clone().requires_grad_()
                y = F.gelu(leaf @ w, approximate=form)
                y.backward(grad)  # type: ignore[no-untyped-call]
                found[form] = y.detach(), leaf.grad
            return {"output": found[forward][0], "x": found[backward][1]}  # type: ignore[dict-item]

        return both

    inputs: dict[str, Any] = {"x": X, "w": W.T.contiguous(), "grad": drawn(8, 16, seed=5)}
    held = gradients(reference, of=("x",), given="grad")
    causes = [
        hold(candidate(*forms), held, **inputs).frame["diagnosis"] for forms in (("tanh", "tanh"), ("none", "tanh"))
    ]
    assert set(causes[0]) == {"gelu with approximate='tanh', where the reference has 'none'"}
    assert list(causes[1]) == ["", "gelu_backward with approximate='tanh', where the reference has 'none'"]


def made(candidate: Callable[..., Any], reference: Callable[..., Any]) -> Pair:
    def draw(rng: np.random.Generator) -> dict[str, Any]:
        return {"x": rng.standard_normal((int(rng.integers(2, 7)), 5))}

    decorated: Any = pair(reference=reference, inputs=draw, dtypes=["float64"], name="var")(candidate)
    return decorated.parity_pair  # type: ignore[no-any-return]


def test_a_cause_of_a_pair_gives_the_numbers_of_all_its_cases() -> None:
    def sometimes(x: Any) -> Any:
        return x.var(0, ddof=1 if len(x) > 3 else 0)

    def causes(candidate: Callable[..., Any]) -> set[str]:
        records = run_pairs([made(candidate, lambda x: x.var(0))]).run.records
        return {record.diagnosis for record in records if record.verdict == "mismatch"}

    assert causes(lambda x: x.var(0)) == {"var with correction=0, where the reference has 1"}
    assert causes(sometimes) == {""}


def test_nothing_is_looked_for_where_all_agrees_or_no_time_is_given_and_a_search_cut_short_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = WRONG["left out"][0]
    short = hold(wrong, layer, X, W, B, search=1e-6).run.records[0]
    assert short.diagnosis == ""
    assert short.note == "the search for a cause ended after 1e-06 s of processor time"

    def refuse(*_: Any) -> None:
        raise AssertionError("a cause is looked for")

    monkeypatch.setattr("parity_tests.pairs.causes.cause_of", refuse)
    assert hold(layer, layer, X, W, B)
    [record] = hold(wrong, layer, X, W, B).run.records
    assert record.verdict == "mismatch", "the verdict stands whatever a search meets"
    assert record.note == "the search for a cause stopped at an error, AssertionError: a cause is looked for"


def test_changes_that_kernels_would_not_survive_and_sparse_gradients_are_no_causes() -> None:
    """Of a norm without running statistics that it should take, say."""
    table, at = np.random.default_rng(5).standard_normal((5, 4)), torch.tensor([0, 1, 1])
    torchs = gradients(lambda table: F.embedding(at, table).sum(), of="table")
    assert not hold(lambda table: {"output": table[at].sum(), "table": np.minimum(table, 1)}, torchs, table=table)
    images = np.random.default_rng(5).standard_normal((2, 3, 4, 4))
    assert not hold(lambda x: x * 3, F.instance_norm, images)


def test_equal_indices_of_which_one_counts_and_a_number_off_by_a_ratio_of_sizes_are_said() -> None:
    def overwritten(table: Tensor, at: Tensor, g: Tensor) -> dict[str, Tensor]:
        return {"output": table[at], "table": torch.zeros_like(table).index_put([at], g)}

    at, table = (
        torch.tensor([0, 3, 3, 1, 3]),
        gradients(lambda table, at: F.embedding(at, table), of="table", given="g"),
    )
    found = hold(overwritten, table, table=X, at=at, g=X[:5] * 3)
    assert "in which the last of equal indices counts alone" in found.run.records[-1].diagnosis

    def unbiased(x: Tensor) -> Tensor:
        return 0.1 * 40 / 39 * x.double().tanh()

    found = hold(unbiased, lambda x: torch.add(torch.zeros_like(x), x.tanh(), alpha=0.1), X.double())
    assert "alpha=0.1025641026, where the reference has 0.1" in found.run.records[0].diagnosis


def test_a_changed_reference_that_never_ends_is_given_up() -> None:
    def halved(x: Tensor, n: Tensor) -> Tensor:
        while bool(n > 1):
            n = n / 2
            x = x.tanh()
        return x

    result = hold(lambda x, n: x * n, halved, X, torch.tensor(8.0), search=0.1)
    assert "the search for a cause ended" in result.run.records[0].note


def test_assert_agrees_says_the_cause_in_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHORT, "")
    with pytest.raises(AssertionError, match=r"\n  Likely cause: softmax with dim=0, where the reference has -1\."):
        assert_agrees(torch.softmax(X, 0), lambda x: torch.softmax(x, -1), X)


def test_radius_gives_values_and_error_bounds_against_which_many_candidates_are_judged() -> None:
    known = parity.radius(layer, X, W, B)["output"]
    assert known.value.shape == known.radius.shape == (8, 16)
    assert known.kind == "sample"
    assert bool(((layer(X, W, B) - known.value).abs() <= known.radius).all())
    assert not bool(((layer(X, W, B) * 1.01 - known.value).abs() <= known.radius).all())
    assert parity.radius(torch.nn.Tanh(), input=X, radius="bound")["output"].kind == "bound"
    with pytest.raises(UsageError, match="given twice"):
        parity.radius(layer, X, W, B, b=B)
    with pytest.raises(UsageError, match="has no input z"):
        parity.radius(layer, X, W, z=B)


def test_an_argument_of_a_function_that_gets_its_input_by_name_is_named() -> None:
    result = hold(lambda input: F.gelu(input, approximate="tanh"), F.gelu, input=X)
    assert "gelu with approximate='tanh', where the reference has 'none'" in " ".join(str(result).split())


def test_a_gradient_of_zeros_without_memory_is_looked_through() -> None:
    """torch gives such for the sign; rounding one to other types would end the process."""
    x, g = np.array([1, -2, 3], np.float32), np.array([1, 2, 3], np.float32)
    held = hold(
        lambda x, g: {"output": np.sign(x) * np.float32(1.01), "x": 0 * x}, gradients(torch.sgn, "x", "g"), x=x, g=g
    )
    assert "output at [2] is 1.01, torch says 1" in str(held)
