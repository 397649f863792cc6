"""Known mistakes of the normalisations' forwards, and of the running statistics."""

from __future__ import annotations

from typing import Any

from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.mistake import Swap

EPS = "eps is added to the variance, under the root."
AXES = "Which numbers share one mean and one variance?"
RUNNING = "running = momentum · running + (1 − momentum) · the batch's, in training alone."
TEST = "In the test mode x is normalised by the running statistics, then scaled and shifted as ever."
BIASED = "The variance is np.var's, which divides by N: torch's running variance alone divides by N − 1."


def _axes(part: str, x: Any) -> tuple[int, ...]:
    if part.startswith("layernorm"):
        return (1,)
    return (0, *range(2, x.dim()))


def _normal(part: str, t: Any, s: Any, eps: float | None = None) -> tuple[Any, Any]:
    """x̂ and σ, over the axes of the part."""
    axes = _axes(part, t.x)
    variance = t.x.var(axes, unbiased=False, keepdim=True)
    deviation = (variance + (s.get("eps", 1e-5) if eps is None else eps)).sqrt()
    return (t.x - t.x.mean(axes, keepdim=True)) / deviation, deviation


def _batch_in_layer(t: Any, s: Any) -> Any:
    """Layer norm with the statistics of batch norm."""
    normal, _ = _normal("batchnorm", t, s)
    return normal * t.gamma + t.beta


def _fixed_eps(t: Any, s: Any) -> Any:
    normal, _ = _normal("layernorm" if "mode" not in s else "batchnorm", t, s, 1e-5)
    return normal * t.gamma + t.beta


def _unbiased(t: Any, s: Any) -> Any:
    axes = _axes("batchnorm", t.x)
    deviation = (t.x.var(axes, unbiased=True, keepdim=True) + s.get("eps", 1e-5)).sqrt()
    return (t.x - t.x.mean(axes, keepdim=True)) / deviation * t.gamma + t.beta


def _running(change: str, name: str, hint: str, *plug: Swap) -> Wrong:
    return Wrong("batchnorm_forward", "running", name, hint, change, plug)


MEAN_LINE = "mean = momentum * mean + (1 - momentum) * batch_mean"
VARIANCE_LINE = "variance = momentum * variance + (1 - momentum) * batch_variance"

NORMALISATION = (
    Wrong("layernorm_forward", "layer", "the statistics are those of batch norm", AXES, {"out": _batch_in_layer},
          (Swap("mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)",
                "mean, variance = x.mean(axis=0, keepdims=True), x.var(axis=0, keepdims=True)"),)),
    Wrong("layernorm_forward", "layer", "eps is not the one that is given", EPS, {"out": _fixed_eps},
          (Swap('variance, gamma, beta, ln_param.get("eps", 1e-5), axis=1)',
                "variance, gamma, beta, 1e-5, axis=1)"),)),
    Wrong("batchnorm_forward", "layer", "eps is not the one that is given", EPS, {"out": _fixed_eps},
          (Swap('eps, momentum = bn_param.get("eps", 1e-5), bn', "eps, momentum = 1e-5, bn"),)),
    Wrong("batchnorm_forward", "layer", "the variance divides by N − 1", BIASED, {"out": _unbiased},
          (Swap("x.mean(axis=0), x.var(axis=0)", "x.mean(axis=0), x.var(axis=0, ddof=1)"),)),
    _running("reversed", "the running statistics have momentum the other way round", RUNNING,
             Swap(MEAN_LINE, "mean = (1 - momentum) * mean + momentum * batch_mean"),
             Swap(VARIANCE_LINE, "variance = (1 - momentum) * variance + momentum * batch_variance")),
    _running("never", "the running statistics are never updated", RUNNING,
             Swap(MEAN_LINE, "pass"), Swap(VARIANCE_LINE, "pass")),
    _running("unbiased", "the running variance is the unbiased one", BIASED,
             Swap(VARIANCE_LINE, VARIANCE_LINE.replace("batch_variance", "x.var(axis=0, ddof=1)"))),
    _running("tests too", "the test mode updates the running statistics", RUNNING,
             Swap("out, cache = gamma * normal + beta, None",
                  "out, cache = gamma * normal + beta, None\n"
                  "        mean = momentum * mean + (1 - momentum) * x.mean(axis=0)\n"
                  "        variance = momentum * variance + (1 - momentum) * x.var(axis=0)")),
    _running("bare", "the test mode leaves gamma and beta out", TEST,
             Swap("out, cache = gamma * normal + beta, None", "out, cache = normal, None")),
    _running("batch", "the test mode uses the batch's own statistics", TEST,
             Swap("normal = (x - mean) / np.sqrt(variance + eps)\n",
                  "normal = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)\n")),
)  # fmt: skip
