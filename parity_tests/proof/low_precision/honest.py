"""Right programs in low precision, as many as are asked for: none of them may be called wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor

from parity_tests.harness.judge_flow import judge
from parity_tests.pairs.inputs import in_numpy
from parity_tests.proof.low_precision import kernels
from parity_tests.proof.low_precision.kernels import ORDERS, Kernel, Program
from reference.flow import Arithmetic, evaluate
from reports.model.notes import NoteKind
from reports.model.verdicts import FAILING, Verdict

Draw = Callable[[torch.Generator], dict[str, Tensor]]


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator)


def _positive(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator)


def _few(generator: torch.Generator, *shape: int) -> Tensor:
    """Two values: sums of them round with one sign, and stored ones too."""
    return torch.randint(0, 2, shape, generator=generator) * 0.4 + 0.3


KINDS: Mapping[str, Callable[..., Tensor]] = {"normal": _normal, "between 0 and 1": _positive, "two values": _few}


def _product(terms: int, *more: str) -> Mapping[str, tuple[int, ...]]:
    shapes = {"a": (4, terms), "b": (terms, 5), "c": (5,), "s": (4, 1)}
    return {name: shapes[name] for name in ("a", "b", *more)}


DECLARED = (
    Arithmetic("float32", "bfloat16"),
    Arithmetic("float32", "float16"),
    Arithmetic("float32", "float8_e4m3fn"),
    Arithmetic("float32", "float8_e5m2"),
    Arithmetic("float16", "float16"),
    Arithmetic("bfloat16", "bfloat16"),
    Arithmetic("float32", "float32", "tf32"),
)
WITHOUT_TF32 = DECLARED[:-1]


@dataclass(frozen=True)
class Task:
    """A torch function, the shapes of its inputs, and the programs that compute the same."""

    reference: Callable[..., Any]
    shapes: Mapping[str, tuple[int, ...]]
    programs: Sequence[Program]
    declared: Sequence[Arithmetic] = WITHOUT_TF32
    kept: Sequence[str] = ()
    """Inputs that stay in float32, such as scales."""


TASKS: Mapping[str, Task] = {
    "matmul of 64": Task(lambda a, b: a @ b, _product(64), (kernels.matmul,), DECLARED),
    "matmul of 700": Task(lambda a, b: a @ b, _product(700), (kernels.matmul,), DECLARED),
    "matmul of 16,384": Task(lambda a, b: a @ b, _product(1 << 14), (kernels.matmul,), DECLARED[:1]),
    "linear": Task(lambda a, b, c: a @ b + c, _product(300, "c"), (kernels.linear,), DECLARED),
    "linear and gelu": Task(lambda a, b: F.gelu(a @ b), _product(300), (kernels.linear_gelu,)),
    "scaled matmul": Task(lambda a, b, s: (a @ b) * s, _product(300, "s"), (kernels.scaled,), DECLARED, ("s",)),
    "sum": Task(lambda x: x.sum(-1), {"x": (8, 500)}, (kernels.total,)),
    "mean": Task(lambda x: x.mean(-1), {"x": (8, 500)}, (kernels.mean,)),
    "gelu": Task(lambda x: F.gelu(x), {"x": (8, 60)}, (kernels.gelu,)),
    "silu": Task(lambda x: F.silu(x), {"x": (8, 60)}, (kernels.silu,)),
    "softmax": Task(lambda x: torch.softmax(x, -1), {"x": (8, 60)}, (kernels.softmax,)),
    "layer norm": Task(lambda x, w: F.layer_norm(x, (60,), w), {"x": (8, 60), "w": (60,)}, (kernels.layer_norm,)),
    "rms norm": Task(lambda x, w: F.rms_norm(x, (60,), w, 1e-5), {"x": (8, 60), "w": (60,)}, (kernels.rms_norm,)),
    "attention": Task(
        lambda q, k, v: F.scaled_dot_product_attention(q[None], k[None], v[None])[0],
        {"q": (6, 16), "k": (48, 16), "v": (48, 8)},
        (kernels.attention, kernels.flash_attention),
    ),
}


def to_tf32(x: Tensor) -> Tensor:
    """The nearest number of TF32."""
    return ((x.view(torch.int32) + 0x1000) & -0x2000).view(torch.float32)


def kernels_of(declared: Arithmetic) -> Iterator[tuple[str, Kernel]]:
    """Every way of computing that a declaration allows, by name."""
    accumulate, store = getattr(torch, declared.accumulate), getattr(torch, declared.store)
    factors = to_tf32 if declared.products == "tf32" else Tensor.clone
    for order in ORDERS:
        for fused in (True, False):
            named = f"{order}, {'fused' if fused else 'in steps'}"
            yield named, Kernel(accumulate, store, order, fused, factors=factors)
    if accumulate is torch.float32:
        yield "one by one, with FMA", Kernel(accumulate, store, "one by one", fma=True, factors=factors)


@dataclass
class Tried:
    """What became of the right programs of one task: alarms above all, of which there may be none."""

    variants: int = 0
    elements: int = 0
    alarms: int = 0
    forms: int = 0
    undecided: int = 0
    worst: float = 0.0
    said: list[str] = field(default_factory=list)

    def __add__(self, other: Tried) -> Tried:
        sums = {
            n: getattr(self, n) + getattr(other, n) for n in ("variants", "elements", "alarms", "forms", "undecided")
        }
        return replace(self, **sums, worst=max(self.worst, other.worst), said=self.said + other.said)


def try_task(name: str, kind: str, declared: Arithmetic, seed: int) -> Tried:
    """All right programs of one task for inputs of one kind, drawn once."""
    task, tried = TASKS[name], Tried()
    generator = torch.Generator().manual_seed(seed)
    store = getattr(torch, declared.store)
    drawn = {key: KINDS[kind](generator, *shape) for key, shape in task.shapes.items()}
    given = {key: x if key in task.kept else x.to(store) for key, x in drawn.items()}
    flowed = evaluate(task.reference, given, arithmetic=declared)["output"]
    for how, kernel in kernels_of(declared):
        for program in task.programs:
            got = in_numpy(program(kernel, given))
            found = judge(got, flowed, None, "output").comparison
            tried.variants += 1
            tried.elements += got.size
            tried.undecided += found.verdict == Verdict.UNDECIDED
            tried.forms += any(note.kind is NoteKind.FORM for note in found.notes)
            tried.worst = max(tried.worst, found.ratio or 0.0)
            if found.verdict in FAILING:
                tried.alarms += 1
                tried.said.append(
                    f"{program.__name__} of {name}, {kind}, {declared}, {how}, seed {seed}: {found.problem}"
                )
    return tried


def rounds(seed: int) -> Iterator[tuple[str, str, Arithmetic, int]]:
    """Every task with every declaration that is of use to it, its kind of inputs another in each round."""
    for number, name in enumerate(TASKS):
        for declared in TASKS[name].declared:
            yield name, list(KINDS)[(number + seed) % len(KINDS)], declared, seed


def tried(variants: int) -> dict[str, Tried]:
    """So many right programs, by task."""
    found: dict[str, Tried] = {}
    so_far = 0
    for seed in count():
        for name, kind, declared, of in rounds(seed):
            one = try_task(name, kind, declared, of)
            found[name] = found.get(name, Tried()) + one
            so_far += one.variants
            if so_far >= variants:
                return found
    raise AssertionError("seeds do not end")
