"""A right solution of what CS336's first assignment asks, in the adapters themselves, as small as it can be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor


def run_linear(d_in: int, d_out: int, weights: Tensor, in_features: Tensor) -> Tensor:
    return in_features @ weights.T


def run_embedding(vocab_size: int, d_model: int, weights: Tensor, token_ids: Tensor) -> Tensor:
    return weights[token_ids]


def run_silu(in_features: Tensor) -> Tensor:
    return in_features * torch.sigmoid(in_features)


def run_swiglu(d_model: int, d_ff: int, w1: Tensor, w2: Tensor, w3: Tensor, in_features: Tensor) -> Tensor:
    return (run_silu(in_features @ w1.T) * (in_features @ w3.T)) @ w2.T


def run_rmsnorm(d_model: int, eps: float, weights: Tensor, in_features: Tensor) -> Tensor:
    x = in_features.float()
    return (x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weights).to(in_features.dtype)


def run_softmax(in_features: Tensor, dim: int) -> Tensor:
    e = torch.exp(in_features - in_features.amax(dim, keepdim=True))
    return e / e.sum(dim, keepdim=True)


def run_scaled_dot_product_attention(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = Q @ K.mT / math.sqrt(Q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return run_softmax(scores, -1) @ V


def run_rope(d_k: int, theta: float, max_seq_len: int, in_query_or_key: Tensor, token_positions: Tensor) -> Tensor:
    angles = token_positions[..., None] / theta ** (torch.arange(0, d_k, 2) / d_k)
    even, odd = in_query_or_key[..., ::2], in_query_or_key[..., 1::2]
    cos, sin = angles.cos(), angles.sin()
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


def run_multihead_self_attention(
    d_model: int, num_heads: int, q: Tensor, k: Tensor, v: Tensor, o: Tensor, in_features: Tensor
) -> Tensor:
    return _attention(num_heads, q, k, v, o, in_features, None, 0.0)


def run_multihead_self_attention_with_rope(
    d_model: int,
    num_heads: int,
    max_seq_len: int,
    theta: float,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    o: Tensor,
    in_features: Tensor,
    token_positions: Tensor | None = None,
) -> Tensor:
    positions = torch.arange(in_features.shape[-2]) if token_positions is None else token_positions
    return _attention(num_heads, q, k, v, o, in_features, positions, theta)


def _attention(
    heads: int, q: Tensor, k: Tensor, v: Tensor, o: Tensor, x: Tensor, positions: Tensor | None, theta: float
) -> Tensor:
    size, n = len(q) // heads, x.shape[-2]
    q, k, v = (torch.unflatten(x @ w.T, -1, (heads, size)).transpose(-2, -3) for w in (q, k, v))
    if positions is not None:
        at = positions.unsqueeze(-2) if positions.dim() > 1 else positions
        q, k = run_rope(size, theta, n, q, at), run_rope(size, theta, n, k, at)
    causal = torch.ones(n, n, dtype=torch.bool).tril()
    return run_scaled_dot_product_attention(q, k, v, causal).transpose(-2, -3).flatten(-2) @ o.T


def run_transformer_block(
    d_model: int,
    num_heads: int,
    d_ff: int,
    max_seq_len: int,
    theta: float,
    weights: Mapping[str, Tensor],
    in_features: Tensor,
) -> Tensor:
    w, x = weights, in_features
    q, k, v, o = (w[f"attn.{name}_proj.weight"] for name in ("q", "k", "v", "output"))
    x = x + run_multihead_self_attention_with_rope(
        d_model, num_heads, max_seq_len, theta, q, k, v, o, run_rmsnorm(d_model, 1e-5, w["ln1.weight"], x)
    )
    w1, w2, w3 = (w[f"ffn.w{number}.weight"] for number in (1, 2, 3))
    return x + run_swiglu(d_model, d_ff, w1, w2, w3, run_rmsnorm(d_model, 1e-5, w["ln2.weight"], x))


def run_transformer_lm(
    vocab_size: int,
    context_length: int,
    d_model: int,
    num_layers: int,
    num_heads: int,
    d_ff: int,
    rope_theta: float,
    weights: Mapping[str, Tensor],
    in_indices: Tensor,
) -> Tensor:
    x = weights["token_embeddings.weight"][in_indices]
    for layer in range(num_layers):
        start = f"layers.{layer}."
        own = {key.removeprefix(start): w for key, w in weights.items() if key.startswith(start)}
        x = run_transformer_block(d_model, num_heads, d_ff, context_length, rope_theta, own, x)
    return run_rmsnorm(d_model, 1e-5, weights["ln_final.weight"], x) @ weights["lm_head.weight"].T


def run_cross_entropy(inputs: Tensor, targets: Tensor) -> Tensor:
    shifted = inputs - inputs.amax(-1, keepdim=True)
    chosen = shifted.gather(-1, targets[..., None])[..., 0]
    return (shifted.exp().sum(-1).log() - chosen).mean()


def run_get_lr_cosine_schedule(
    it: int, max_learning_rate: float, min_learning_rate: float, warmup_iters: int, cosine_cycle_iters: int
) -> float:
    if it < warmup_iters:
        return it / warmup_iters * max_learning_rate
    if it > cosine_cycle_iters:
        return min_learning_rate
    part = (it - warmup_iters) / (cosine_cycle_iters - warmup_iters)
    return min_learning_rate + (1 + math.cos(math.pi * part)) / 2 * (max_learning_rate - min_learning_rate)


def run_gradient_clipping(parameters: Iterable[torch.nn.Parameter], max_l2_norm: float) -> None:
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum(float(grad.pow(2).sum()) for grad in grads))
    if norm > max_l2_norm:
        for grad in grads:
            grad *= max_l2_norm / (norm + 1e-6)


class AdamW(torch.optim.Optimizer):
    def __init__(self, params: Any, lr: float, weight_decay: float, betas: tuple[float, float], eps: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            one, two = group["betas"]
            for p in (p for p in group["params"] if p.grad is not None):
                state = self.state[p]
                t = state["t"] = state.get("t", 0) + 1
                m = state["m"] = one * state.get("m", 0) + (1 - one) * p.grad
                v = state["v"] = two * state.get("v", 0) + (1 - two) * p.grad**2
                rate = group["lr"] * math.sqrt(1 - two**t) / (1 - one**t)
                p -= rate * m / (v.sqrt() + group["eps"])
                p -= group["lr"] * group["weight_decay"] * p


def get_adamw_cls() -> type[torch.optim.Optimizer]:
    return AdamW
