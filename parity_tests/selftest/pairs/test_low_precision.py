"""Low precision, as the caller declares it: what honest candidates may round, and what is told all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor

from parity_tests import hold, pair
from parity_tests.pairs.run_pairs import run_pairs
from parity_tests.proof.low_precision.faults import try_length
from parity_tests.proof.low_precision.honest import DECLARED, Tried, to_tf32, try_task
from parity_tests.protocol.errors import UsageError
from reference.flow import Arithmetic, gradients
from reference.flow.low_precision import half_ulp
from reports.model.notes import NoteKind
from reports.model.verdicts import Verdict

pytestmark = pytest.mark.usefixtures("one_thread")
BFLOAT16: dict[str, Any] = {"accumulate": "float32", "store": "bfloat16"}


def drawn(*shape: int, dtype: torch.dtype = torch.bfloat16, scale: float = 1.0, seed: int = 0) -> Tensor:
    """Normal numbers of a type."""
    return (torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scale).to(dtype)


def verdict(candidate: Callable[..., Any], reference: Callable[..., Any], *inputs: Any, **declared: Any) -> Any:
    """The verdict on the candidate's only result."""
    (record,) = hold(candidate, reference, *inputs, **declared).run.records
    return record


def truncated(x: Tensor) -> Tensor:
    """To bfloat16 by leaving bits out, as a careless kernel stores."""
    return (x.view(torch.int32) & -0x10000).view(torch.float32).bfloat16()


def test_what_is_declared_stands_in_the_records_the_table_and_the_words() -> None:
    a, b = drawn(5, 40), drawn(40, 6, seed=1)
    result = hold(lambda a, b: a @ b, torch.matmul, a, b, **BFLOAT16)
    assert result
    said = "bfloat16, sums in float32"
    assert [record.dtype for record in result.run.records] == [said]
    assert list(result.resolution["dtype"]) == [said]
    assert f"Declared: {said}." in repr(result)
    assert result.run.environment.dtypes == [said]


def test_the_expected_value_is_in_float64_of_the_inputs_as_they_are() -> None:
    a, b = drawn(5, 40), drawn(40, 6, seed=1)
    record = verdict(lambda a, b: a.double() @ b.double(), torch.matmul, a, b, **BFLOAT16)
    assert (record.verdict, record.gap) == (Verdict.MATCH, 0.0)


@pytest.mark.parametrize("reference", [torch.matmul, lambda a, b: 2 * (a @ b)])
def test_a_store_that_truncates_is_told_and_one_that_rounds_is_not(reference: Any) -> None:
    a, b = drawn(8, 300), drawn(300, 8, seed=1)
    assert verdict(lambda a, b: reference(a.float(), b.float()).bfloat16(), reference, a, b, **BFLOAT16).bad == 0
    assert verdict(lambda a, b: truncated(reference(a.float(), b.float())), reference, a, b, **BFLOAT16).bad > 9


@pytest.mark.parametrize("store", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_half_a_unit_in_the_last_place_is_allowed_and_no_more(store: str) -> None:
    x, dtype = drawn(64, dtype=torch.float16), getattr(torch, store)
    declared: dict[str, Any] = {"accumulate": "float32", "store": store}
    honest = verdict(lambda x: (x.float() * 0.7).to(dtype), lambda x: x * 0.7, x, **declared)
    assert honest.verdict == Verdict.MATCH
    assert 0.9 < honest.ratio <= 1
    assert 0.45 < honest.ulps <= 0.5 + 1e-6
    up = verdict(lambda x: (x.float() * 0.7 * (1 + torch.finfo(dtype).eps)).to(dtype), lambda x: x * 0.7, x, **declared)
    assert up.verdict == Verdict.MISMATCH


def test_sums_round_in_the_declared_type_of_accumulation() -> None:
    x = drawn(4, 64, dtype=torch.float16).abs()

    def in_halves(x: Tensor) -> Tensor:
        total = x[:, 0].clone()
        for column in x[:, 1:].unbind(1):
            total = total + column
        return total

    summed = lambda x: x.sum(1)  # noqa: E731
    assert verdict(in_halves, summed, x, accumulate="float32", store="float16").verdict == Verdict.MISMATCH
    assert verdict(in_halves, summed, x, accumulate="float16", store="float16").verdict == Verdict.MATCH


def test_a_sum_whose_terms_may_all_be_lost_is_undecided_and_nonsense_is_wrong_all_the_same() -> None:
    x = torch.ones(2, 600, dtype=torch.bfloat16)
    x[1, ::2] = -1
    declared: dict[str, Any] = {"accumulate": "bfloat16", "store": "bfloat16"}
    stagnated = verdict(lambda x: torch.tensor([256.0, 0.0]).bfloat16(), lambda x: x.sum(1), x, **declared)
    assert (stagnated.verdict, stagnated.undecided) == (Verdict.UNDECIDED, 2)
    assert verdict(lambda x: torch.tensor([1e5, 0.0]), lambda x: x.sum(1), x, **declared).verdict == Verdict.MISMATCH
    told = verdict(lambda x: torch.tensor([256.0, 0.0]).bfloat16(), lambda x: x.sum(1), x, **BFLOAT16)
    assert told.verdict == Verdict.MISMATCH


@pytest.mark.parametrize(
    ("store", "right", "wrong"),
    [
        ("float16", [torch.inf], [65504.0, torch.nan, -torch.inf]),
        ("float8_e5m2", [torch.inf, 57344.0], [torch.nan, -57344.0]),
        ("float8_e4m3fn", [448.0, torch.nan], [-448.0, torch.inf]),
    ],
)
def test_what_is_beyond_the_largest_number_may_be_what_the_type_makes_of_it(
    store: str, right: list[float], wrong: list[float]
) -> None:
    x = torch.tensor([3.0, 300.0], dtype=torch.float16)
    declared: dict[str, Any] = {"accumulate": "float32", "store": store}

    def returning(number: float) -> Any:
        return verdict(lambda x: torch.tensor([9.0, number]), torch.square, x, **declared)

    assert [returning(number).verdict for number in right] == [Verdict.MATCH] * len(right)
    assert all(NoteKind.UNSEEN in [note.kind for note in returning(number).notes] for number in right)
    assert [returning(number).verdict for number in wrong] == [Verdict.MISMATCH] * len(wrong)


def test_subnormal_numbers_are_stored_as_the_type_holds_them() -> None:
    x = torch.tensor([3 * 2.0**-20], dtype=torch.float32)
    declared: dict[str, Any] = {"accumulate": "float32", "store": "float16"}
    half = lambda x: x * 0.5  # noqa: E731
    assert verdict(lambda x: (x * 0.5).half(), half, x, **declared).verdict == Verdict.MATCH
    assert verdict(torch.zeros_like, half, x, **declared).verdict == Verdict.MISMATCH
    small = torch.tensor([3 * 2.0**-128, 1.0], dtype=torch.bfloat16)
    flushed = verdict(lambda x: torch.tensor([0.0, 0.5]), half, small, **BFLOAT16)  # as much hardware does
    assert flushed.verdict == Verdict.MATCH


def test_parts_that_are_stored_on_the_way_are_allowed_for_as_a_form() -> None:
    def in_steps(x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return centred * torch.rsqrt((centred * centred).mean(-1, keepdim=True) + 1e-5)

    x = drawn(8, 64)
    unfused = verdict(in_steps, lambda x: F.layer_norm(x, (64,)), x, **BFLOAT16)
    assert unfused.verdict == Verdict.MATCH
    assert [note.kind for note in unfused.notes] == [NoteKind.FORM]
    cut = verdict(lambda x: truncated(F.gelu(x.float())), F.gelu, x, **BFLOAT16)
    assert [note.kind for note in cut.notes] == [NoteKind.FORM]  # nothing tells it from parts that are stored
    written_so = verdict(in_steps, in_steps, x, **BFLOAT16)
    assert (written_so.verdict, written_so.note) == (Verdict.MATCH, "")
    assert verdict(lambda x: in_steps(x) * 1.05, in_steps, x, **BFLOAT16).verdict == Verdict.MISMATCH


Written = Callable[[Tensor, Callable[[Tensor], Tensor]], Tensor]
STORED_BETWEEN: dict[str, tuple[Written, Tensor, str]] = {
    "a whole number": (lambda x, keep: keep(x * 67) - 1000, torch.arange(15.0, 40).bfloat16(), "bfloat16"),
    "float32, doubled": (lambda x, keep: keep(x * 2) - x, drawn(30, dtype=torch.float32), "bfloat16"),
    "float32, chosen": (lambda x, keep: keep(x.relu()) - 0.5, drawn(30, dtype=torch.float32), "bfloat16"),
    "an eighth": (lambda x, keep: keep(keep(x * 0.3) * 0.125) * 8, drawn(90).to(torch.float8_e4m3fn), "float8_e4m3fn"),
    "sums of exponentials": (lambda x, keep: keep(x.logcumsumexp(-1)) - 1, drawn(30), "bfloat16"),
}
"""What rounds nothing until it is stored, or where no rule said that it rounds; inputs, and the type that is stored."""


@pytest.mark.parametrize("name", STORED_BETWEEN)
def test_each_result_may_have_been_stored_also_where_its_operation_rounds_nothing(name: str) -> None:
    written, x, store = STORED_BETWEEN[name]
    declared: dict[str, Any] = {"accumulate": "float32", "store": store}

    def stored(x: Tensor, off: float = 1.0) -> Tensor:
        def keep(y: Tensor) -> Tensor:
            return (y * off).to(getattr(torch, store)).double()

        return keep(written(x.double(), keep))

    def as_it_is(x: Tensor) -> Tensor:
        return written(x.float(), lambda y: y)

    assert verdict(stored, as_it_is, x, **declared).verdict == Verdict.MATCH
    assert verdict(lambda x: stored(x, 1.3), as_it_is, x, **declared).verdict == Verdict.MISMATCH


def test_a_deep_network_is_told_from_half_of_it() -> None:
    """Its sample goes by what each result itself may round, not by a bound that has grown beyond it."""
    weights = [drawn(32, 32, seed=n, scale=0.25) for n in range(12)]

    def network(x: Tensor, *weights: Tensor) -> Tensor:
        for w in weights:
            x = (x @ w.to(x.dtype)).relu()
            x = x.bfloat16().to(x.dtype)
        return x

    record = verdict(network, network, drawn(4, 32, seed=99), *weights, **BFLOAT16)
    assert (record.verdict, record.radius_kind) == (Verdict.MATCH, "sample")
    assert record.resolution < 0.2
    halved = verdict(lambda x, *w: network(x, *w) / 2, network, drawn(4, 32, seed=99), *weights, **BFLOAT16)
    assert halved.verdict == Verdict.MISMATCH


def test_what_relu_holds_back_one_way_is_allowed_for_the_other_way() -> None:
    """Five layers of 19,200 numbers, some beside 0: replicas that go one way alone call some of them wrong."""
    weights = [drawn(48, 48, seed=n, scale=48**-0.5 * 2**0.5) for n in range(5)]

    def network(x: Tensor, *weights: Tensor) -> Tensor:
        for w in weights:
            x = (x @ w).relu()
        return x

    def stored(x: Tensor, *weights: Tensor) -> Tensor:
        x = x.float()
        for w in weights:
            x = (x @ w.float()).bfloat16().float().relu()
        return x.bfloat16()

    for seed in (109, 140):
        x = drawn(400, 48, seed=seed)
        record = verdict(stored, network, x, *weights, **BFLOAT16)
        assert (record.verdict, record.radius_kind) == (Verdict.MATCH, "sample")
    off = verdict(lambda x, *w: stored(x, *w) * 1.3, network, x, *weights, **BFLOAT16)
    assert off.verdict == Verdict.MISMATCH


def test_products_that_are_subnormal_in_float16_round_as_it_holds_them() -> None:
    a, b = (drawn(4, 64, dtype=torch.float16, scale=3e-4, seed=seed) for seed in (0, 1))
    declared: dict[str, Any] = {"accumulate": "float16", "store": "float16"}

    def summed(a: Tensor, b: Tensor, off: float = 1.0) -> Tensor:
        total = torch.zeros(4, 4, dtype=torch.float16)
        for x, y in zip(a.T[:, :, None], b.T[:, None], strict=True):
            total = total + x * y * off
        return total

    def product(a: Tensor, b: Tensor) -> Tensor:
        return a @ b.T

    assert verdict(summed, product, a, b, **declared).verdict != Verdict.MISMATCH
    assert verdict(lambda a, b: summed(a, b, 4.0), product, a, b, **declared).verdict == Verdict.MISMATCH


def test_products_may_round_their_factors_where_that_is_declared() -> None:
    a, b = drawn(8, 300, dtype=torch.float32), drawn(300, 8, dtype=torch.float32, seed=1)
    declared: dict[str, Any] = {"accumulate": "float32", "store": "float32"}
    in_tf32 = lambda a, b: to_tf32(a) @ to_tf32(b)  # noqa: E731
    allowed = verdict(in_tf32, torch.matmul, a, b, **declared, products="tf32")
    assert (allowed.verdict, allowed.radius_kind) == (Verdict.MATCH, "probable")
    assert verdict(in_tf32, torch.matmul, a, b, **declared).verdict == Verdict.MISMATCH
    coarser = lambda a, b: (a.bfloat16() @ b.bfloat16()).float()  # noqa: E731
    assert verdict(coarser, torch.matmul, a, b, **declared, products="tf32").verdict == Verdict.MISMATCH


def test_scales_of_quantised_inputs_are_inputs() -> None:
    a, b = drawn(8, 64, dtype=torch.float8_e4m3fn), drawn(64, 8, dtype=torch.float8_e4m3fn, seed=1)
    scales = torch.rand(8, 1, generator=torch.Generator().manual_seed(2)) + 0.5

    def product(a: Tensor, b: Tensor, scales: Tensor) -> Tensor:
        return (a.float() @ b.float()) * scales

    assert verdict(lambda *x: product(*x).bfloat16(), product, a, b, scales, **BFLOAT16).verdict == Verdict.MATCH
    wrong = verdict(lambda a, b, s: product(a, b, s.roll(1, 0)).bfloat16(), product, a, b, scales, **BFLOAT16)
    assert wrong.verdict == Verdict.MISMATCH


def test_gradients_and_samples_go_the_same_way() -> None:
    def loss(x: Tensor, w: Tensor, v: Tensor) -> Tensor:
        return F.softmax(torch.tanh(x @ w) @ v, -1)

    reference = gradients(loss, ("w",), "g")
    given = {
        "x": drawn(6, 40),
        "w": drawn(40, 30, seed=1, scale=0.2),
        "v": drawn(30, 5, seed=2),
        "g": drawn(6, 5, seed=3),
    }
    result = hold(lambda **inputs: reference(**inputs), reference, inputs=given, **BFLOAT16)
    assert result
    assert {record.radius_kind for record in result.run.records} <= {"bound", "sample"}
    halves = lambda **inputs: {name: x / 2 for name, x in reference(**inputs).items()}  # noqa: E731
    halved = hold(halves, reference, inputs=given, **BFLOAT16)
    assert [record.verdict for record in halved.run.records] == [Verdict.MISMATCH] * 2


def test_masks_with_the_least_number_there_is_decide_as_much_as_others() -> None:
    def masked(x: Tensor, mask: Tensor) -> Tensor:
        scores = x.masked_fill(mask, torch.finfo(x.dtype).min)
        e = (scores - scores.amax(-1, keepdim=True)).exp()
        return e / e.sum(-1, keepdim=True)

    x, mask = drawn(4, 6), torch.ones(4, 6).triu(1).bool()
    record = verdict(masked, masked, x, mask, **BFLOAT16)
    assert (record.verdict, record.undecided) == (Verdict.MATCH, 0)


def test_numbers_that_the_declared_type_does_not_have_are_noted() -> None:
    x = drawn(5, 6)
    noted = verdict(lambda x: x.float() * 0.7, lambda x: x * 0.7, x, **BFLOAT16)
    assert (noted.verdict, [note.kind for note in noted.notes]) == (Verdict.MATCH, [NoteKind.DTYPE])


def test_arrays_of_numpys_float16_are_inputs_and_results() -> None:
    x = np.linspace(-2, 2, 50).astype(np.float16)
    declared: dict[str, Any] = {"accumulate": "float32", "store": "float16"}
    assert verdict(lambda x: x * np.float16(0.7), lambda x: x * float(np.float16(0.7)), x, **declared).bad == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, 'bfloat16.*declare what the candidate does: accumulate="float32", store="bfloat16"'),
        ({"store": "bfloat16"}, "accumulate= is None; it is one of float64, float32, float16, bfloat16"),
        ({"accumulate": "float8_e5m2", "store": "bfloat16"}, "accumulate= is 'float8_e5m2'"),
        ({"accumulate": "float32", "store": "tf32"}, "store= is 'tf32'; it is one of float64"),
        (BFLOAT16 | {"products": "float32"}, "products= is 'float32'; it is one of tf32"),
    ],
)
def test_what_is_not_declared_or_cannot_be_is_said_in_a_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        hold(torch.relu, torch.relu, drawn(3), **options)


def test_a_reference_that_rounds_its_inputs_is_told_to_take_them_rounded() -> None:
    x = drawn(3, dtype=torch.float32)
    with pytest.raises(UsageError, match="rounds an input to bfloat16; give what is rounded as an input in bfloat16"):
        hold(torch.relu, lambda x: x.bfloat16().relu(), x, **BFLOAT16)
    with pytest.raises(UsageError, match="rounds to float8_e5m2, of fewer bits than the bfloat16 that is stored"):
        hold(torch.relu, lambda x: (x * 2).to(torch.float8_e5m2), x, **BFLOAT16)
    assert verdict(lambda x: (x * 3).bfloat16(), lambda x: (x.float() * 3).bfloat16(), drawn(3), **BFLOAT16).bad == 0


def test_a_reference_that_writes_where_nothing_follows_is_refused() -> None:
    kept = torch.zeros(3)
    with pytest.raises(UsageError, match="writes into a tensor of float32 that the function did not get as an input"):
        hold(torch.relu, lambda x: torch.mul(x.float(), 3, out=kept), drawn(3), **BFLOAT16)


def test_a_nondifferentiable_point_has_two_sides_in_low_precision_too() -> None:
    gradient = gradients(lambda x: (x.relu() * 0.7).bfloat16(), "x", "g")
    x, g = torch.tensor([0.0, 1.0, -1.0]).bfloat16(), drawn(3)
    for slope in (0.0, 1.0):
        right = lambda x, g, slope=slope: {"output": x.relu() * 0.7, "x": torch.tensor([slope, 1, 0]) * g * 0.7}  # noqa: E731
        assert hold(right, gradient, x=x, g=g, **BFLOAT16)
    between = lambda x, g: {"output": x.relu() * 0.7, "x": torch.tensor([0.5, 1, 0]) * g * 0.7}  # noqa: E731
    assert not hold(between, gradient, x=x, g=g, **BFLOAT16)


def test_a_pair_draws_in_the_type_that_it_declares() -> None:
    seen: set[torch.dtype] = set()

    @pair(reference=torch.tanh, shapes={"input": ("N", 3)}, sizes={"N": [65]}, accumulate="float32", store="bfloat16")
    def mine(input: Tensor) -> Tensor:
        seen.add(input.dtype)
        return torch.tanh(input)

    result = run_pairs([mine.parity_pair])  # type: ignore[attr-defined]
    assert result
    assert seen == {torch.bfloat16}
    assert {record.dtype for record in result.run.records} == {"bfloat16, sums in float32", ""}
    with pytest.raises(UsageError, match="dtypes of a pair are among float32, float64, not bfloat16"):
        pair(reference=torch.tanh, shapes={"input": 3}, dtypes=["bfloat16"])


SLICE = (
    ("linear", "two values", 6),
    ("mean", "between 0 and 1", 1),
    ("softmax", "normal", 0),
    ("layer norm", "two values", 1),
    ("attention", "normal", 5),
)
"""A task of the proof, the kind of its inputs, and which declaration."""


def test_right_programs_agree_and_would_not_with_half_of_what_storing_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of the proof."""
    found = sum((try_task(name, kind, DECLARED[number], 0) for name, kind, number in SLICE), Tried())
    assert found.variants > 90
    assert found.said == []
    assert found.worst > 0.95
    monkeypatch.setattr(Arithmetic, "half_ulp", lambda self, x: half_ulp(self.stored, x) / 2)
    assert try_task("matmul of 64", "normal", DECLARED[0], 0).alarms == 17


def test_every_fault_of_a_long_product_is_told() -> None:
    found = try_length(4096, 1)
    assert (found.alarms, [name for name, told in found.told.items() if not told.hold]) == (0, [])
    assert found.resolution < 0.008
    assert found.told["the store truncates"].close == 0  # what a typed tolerance does not tell


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch reaches no GPU (CUDA) on this machine")
def test_torchs_own_kernels_on_a_gpu_agree() -> None:
    a, b = drawn(64, 4096).cuda(), drawn(4096, 64, seed=1).cuda()
    assert hold(torch.matmul, torch.matmul, a, b, **BFLOAT16, device="cuda")
