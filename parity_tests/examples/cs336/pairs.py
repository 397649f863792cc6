"""CS336's first assignment (2025, 2026) beside torch: `parity hold pairs.py`, where the folder `tests` is."""

import importlib
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor

from parity import gradients, labels, pair

sys.path.insert(0, str(Path(__file__).resolve().parent))
ADAPTERS: Any = importlib.import_module("tests.adapters")
THETA, EPS, HEADS = 10_000.0, 1e-5, 2
Inputs = dict[str, Any]


def held(name: str, reference: Callable[..., Any], sizes: Any, of: str = "", **asked: Any) -> Any:
    """An adapter beside torch: `sizes` are the arguments before its inputs, `of` is the input whose gradient is held.

    Adapters copy the weights that they are given into modules, so that no gradient reaches these.
    """

    def candidate(**inputs: Any) -> Any:
        given = {key: torch.tensor(x) if isinstance(x, np.ndarray) else x for key, x in inputs.items()}
        grad, x = given.pop("grad", None), given[of].requires_grad_() if of else None
        out = getattr(ADAPTERS, name)(*(sizes(given) if callable(sizes) else sizes), *given.values())
        if x is None:
            return out.detach()
        out.backward(grad)
        return {"output": out.detach(), of: x.grad}

    up = None if name == "run_cross_entropy" else "grad"  # the loss is one number
    candidate.__name__ = name
    torchs = gradients(reference, of=of, given=up) if of else reference
    return pair(reference=torchs, dtypes=["float32"], name=name.removeprefix("run_"), **asked)(candidate)


def draws(**shapes: Any) -> Callable[[np.random.Generator], Any]:
    """Draws inputs of these shapes, in dicts too; what is no shape stays as it is."""

    def made(rng: np.random.Generator, shape: Any) -> Any:
        if isinstance(shape, Mapping):
            return {name: made(rng, one) for name, one in shape.items()}
        return torch.tensor(rng.standard_normal(shape) / 2).float() if isinstance(shape, tuple) else shape

    return lambda rng: made(rng, shapes)


# Layers
def swiglus(w1: Tensor, w2: Tensor, w3: Tensor, input: Tensor) -> Tensor:
    return F.linear(F.silu(F.linear(input, w1)) * F.linear(input, w3), w2)


def norms(weight: Tensor, input: Tensor) -> Tensor:
    return F.rms_norm(input, weight.shape, weight, EPS)


X, ALIKE = "input", {"input": ("B", "N", "D"), "grad": ("B", "N", "D")}
TO, GATED = (
    {"weight": ("M", "D"), X: ("N", "D"), "grad": ("N", "M")},
    {"w1": ("M", "D"), "w2": ("D", "M"), "w3": ("M", "D")},
)
ROWS, LOGITS = {"weight": ("V", "D"), X: labels("N", "V")}, {X: ("N", "V"), "target": labels("N", "V")}
linear = held("run_linear", F.linear, lambda x: x["weight"].shape[::-1], X, shapes=TO)
embedding = held("run_embedding", F.embedding, lambda x: x["weight"].shape, shapes=ROWS)
silu = held("run_silu", F.silu, (), X, shapes=ALIKE)
softmax = held("run_softmax", F.softmax, (), X, shapes=ALIKE, fixed={"dim": -1})
swiglu = held("run_swiglu", swiglus, lambda x: x["w1"].shape[::-1], X, shapes={**GATED, **ALIKE})
rmsnorm = held("run_rmsnorm", norms, lambda x: (len(x["weight"]), EPS), X, shapes={"weight": "D", **ALIKE})
cross_entropy = held("run_cross_entropy", F.cross_entropy, (), X, shapes=LOGITS)


# Attention, the block and the model
def turned(input: Tensor, token_positions: Tensor) -> Tensor:
    """RoPE: neighbouring pairs as complex numbers, turned."""
    x = input
    angles = token_positions.unsqueeze(-1) * THETA ** (-torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    pairs = torch.view_as_complex(torch.unflatten(x, -1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2)


def attention(
    q: Tensor, k: Tensor, v: Tensor, o: Tensor, input: Tensor, token_positions: Tensor | None = None
) -> Tensor:
    q, k, v = (torch.unflatten(F.linear(input, w), -1, (HEADS, -1)).transpose(-2, -3) for w in (q, k, v))
    if token_positions is not None:
        q, k = turned(q, token_positions), turned(k, token_positions)
    return F.linear(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(-2, -3).flatten(-2), o)


def blocks(weights: Mapping[str, Tensor], input: Tensor) -> Tensor:
    x, at = input, torch.arange(input.shape[-2])
    q, k, v, o = (weights[f"attn.{name}_proj.weight"] for name in ("q", "k", "v", "output"))
    x = x + attention(q, k, v, o, norms(weights["ln1.weight"], x), at)
    w1, w2, w3 = (weights[f"ffn.w{n}.weight"] for n in (1, 2, 3))
    return x + swiglus(w1, w2, w3, norms(weights["ln2.weight"], x))


def models(weights: Mapping[str, Tensor], in_indices: Tensor) -> Tensor:
    x = F.embedding(in_indices, weights["token_embeddings.weight"])
    for start in ("layers.0.", "layers.1."):
        x = blocks({key.removeprefix(start): w for key, w in weights.items() if key.startswith(start)}, x)
    return F.linear(norms(weights["ln_final.weight"], x), weights["lm_head.weight"])


SEEN, AT = torch.arange(35).reshape(5, 7) % 3 != 1, torch.arange(3, 9)[None]  # no row is masked throughout
TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 5, 8]])
QKVO, SAME = dict.fromkeys("qkvo", (8, 8)), {X: (2, 6, 8), "grad": (2, 6, 8)}
BLOCK: Inputs = {f"attn.{name}_proj.weight": (8, 8) for name in ("q", "k", "v", "output")}
BLOCK |= {"ln1.weight": (8,), "ln2.weight": (8,)}
BLOCK |= {"ffn.w1.weight": (12, 8), "ffn.w2.weight": (8, 12), "ffn.w3.weight": (12, 8)}
MODEL: Inputs = {f"layers.{n}.{name}": shape for n in range(2) for name, shape in BLOCK.items()}
MODEL |= {"token_embeddings.weight": (20, 8), "ln_final.weight": (8,), "lm_head.weight": (20, 8)}
QKV = draws(query=(2, 5, 6), key=(2, 7, 6), value=(2, 7, 4), attn_mask=SEEN)
sdpa = held("run_scaled_dot_product_attention", F.scaled_dot_product_attention, (), inputs=QKV)
rope = held("run_rope", turned, (8, THETA, 16), X, inputs=draws(**SAME, token_positions=AT))
HEAD, ROTATED = "run_multihead_self_attention", draws(**QKVO, **SAME, token_positions=AT)
multihead = held(HEAD, attention, (8, HEADS), X, inputs=draws(**QKVO, **SAME))
with_rope = held(f"{HEAD}_with_rope", attention, (8, HEADS, 16, THETA), X, inputs=ROTATED)
block = held("run_transformer_block", blocks, (8, HEADS, 12, 16, THETA), X, inputs=draws(weights=BLOCK, **SAME))
SIZES = (20, 16, 8, 2, HEADS, 12, THETA)
model = held("run_transformer_lm", models, SIZES, inputs=draws(weights=MODEL, in_indices=TOKENS))


# Training
def schedule(rates: Tensor) -> Tensor:
    at = torch.arange(30, dtype=torch.float64)
    cosine = rates[1] + (1 + torch.cos(torch.pi * ((at - 7) / 14).clamp(0, 1))) / 2 * (rates[0] - rates[1])
    return torch.where(at < 7, at / 7 * rates[0], cosine)


@pair(reference=schedule, inputs=lambda rng: {"rates": np.sort(rng.random(2))[::-1]}, dtypes=["float64"])
def get_lr_cosine_schedule(rates: Any) -> Any:
    return np.array([ADAPTERS.run_get_lr_cosine_schedule(it, *map(float, rates), 7, 21) for it in range(30)])


def clipped(one: Tensor, two: Tensor, limit: float) -> dict[str, Tensor]:
    factor = (limit / (torch.linalg.vector_norm(torch.cat([one, two])) + 1e-6)).clamp(max=1.0)
    return {"one": one * factor, "two": two * factor}


def clipping(one: Any, two: Any, limit: float) -> Inputs:
    parameters = [torch.nn.Parameter(torch.zeros(len(x))) for x in (one, two, one)]  # the last is frozen
    parameters[0].grad, parameters[1].grad = torch.tensor(one), torch.tensor(two)
    ADAPTERS.run_gradient_clipping(parameters, limit)
    return {"one": parameters[0].grad, "two": parameters[1].grad}


def clips(limit: float, name: str) -> Any:
    lengths, fixed = {"one": "N", "two": "M"}, {"limit": limit}
    return pair(reference=clipped, shapes=lengths, dtypes=["float32"], fixed=fixed, name=name)(partial(clipping))


long, short = clips(1e-2, "gradient_clipping"), clips(1e6, "clipping nothing")
LR, DECAY = 1e-2, 0.1


def trained(optimizer: Any, w: Tensor, g: Tensor, decay: float = DECAY, after: float = 0.0) -> dict[str, Tensor]:
    w, found = w.clone().requires_grad_(), {}
    # The handout adds ε to another root than torch does: a tiny one, so that both are right.
    steps = optimizer([w], lr=LR, weight_decay=decay, betas=(0.9, 0.99), eps=1e-12)
    for t in range(len(g)):
        w.grad = g[t].clone()
        steps.step()
        if after:
            w.data.mul_(1 - after)
        if t + 1 in (1, 2, 10, 50, 100):
            found[f"w after {t + 1}"] = w.detach().clone()
    return found


def decays_after() -> bool:
    """Whether the student's decays after the step, as 2025's handout says, and not before it, as torch's and 2026's."""
    one = torch.ones(1, 1, dtype=torch.float64)
    try:
        w = trained(ADAPTERS.get_adamw_cls(), one[0], one)["w after 1"]
    except Exception:  # that is told when it is held
        return False
    return abs(float(w) - (1 - LR) * (1 - LR * DECAY)) < LR * LR * DECAY / 2


AFTER = {"decay": 0.0, "after": LR * DECAY} if decays_after() else {}
STEPS = draws(w=(5,), g=(100, 5))


def torchs(w: Tensor, g: Tensor) -> dict[str, Tensor]:
    return trained(torch.optim.AdamW, w, g, **AFTER)


@pair(reference=torchs, inputs=STEPS, dtypes=["float32"], radius="sample", replicas=8)
def get_adamw_cls(w: Tensor, g: Tensor) -> Any:
    return trained(ADAPTERS.get_adamw_cls(), w, g)
