"""Known mistakes of the normalisations."""

from __future__ import annotations

from typing import Any

from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.mistake import Body, Swap

SUMS = "dgamma is the sum of dout · x̂, dbeta that of dout, over all that share them."
THREE = "x reaches the output in three ways: directly, through the mean, and through the variance."
EPS = "eps stands in every root, in the backward too."
GAMMA = "gamma scales the normalised x: dout must be multiplied by it before it goes further back."
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


def _without_gamma(part: str) -> Any:
    def wrong(t: Any, s: Any) -> Any:
        normal, deviation = _normal(part, t, s)
        axes = _axes(part, t.x)
        along = t.dout.mean(axes, keepdim=True) + normal * (t.dout * normal).mean(axes, keepdim=True)
        return (t.dout - along) / deviation

    return wrong


def _direct(part: str) -> Any:
    def wrong(t: Any, s: Any) -> Any:
        return t.dout * t.gamma / _normal(part, t, s)[1]

    return wrong


def _without_eps(part: str) -> Any:
    def wrong(t: Any, s: Any) -> Any:
        deviation = t.x.var(_axes(part, t.x), unbiased=False, keepdim=True)
        return t.right.dx * _normal(part, t, s)[1] / deviation.sqrt()

    return wrong


def _backwards(part: str, alt: str = "") -> tuple[Wrong, ...]:
    """The mistakes that are made in the backward of either norm."""
    head = "normal, deviation, gamma, axis = cache\ng = dout * gamma\n"
    sums = "(dout * normal).sum(axis=0), dout.sum(axis=0)"
    mean = "mean(axis=axis, keepdims=True)"
    right = f"(g - g.{mean} - normal * (g * normal).{mean}) / deviation"
    return (
        Wrong(part, "layer", "gamma is left out of dx", GAMMA, {f"{alt}dx": _without_gamma(part)},
              (Body(part, f"{head}g = dout\nreturn {right}, {sums}"),)),
        Wrong(part, "layer", "dx does not go through the mean and the variance", THREE, {f"{alt}dx": _direct(part)},
              (Body(part, f"{head}return g / deviation, {sums}"),)),
        Wrong(part, "layer", "eps is left out of dx", EPS, {f"{alt}dx": _without_eps(part)},
              (Body(part, f"{head}variance = (normal * deviation).var(axis=axis, keepdims=True)\n"
                          f"return {right.replace('/ deviation', '/ np.sqrt(variance)')}, {sums}"),)),
        Wrong(part, "layer", "dgamma is the mean in place of the sum", SUMS,
              {f"{alt}dgamma": lambda t, s: t.right.dgamma / len(t.x)},
              (Body(part, f"{head}return {right}, (dout * normal).mean(axis=0), dout.sum(axis=0)"),)),
        Wrong(part, "layer", "dbeta is the mean in place of the sum", SUMS,
              {f"{alt}dbeta": lambda t, s: t.right.dbeta / len(t.x)},
              (Body(part, f"{head}return {right}, (dout * normal).sum(axis=0), dout.mean(axis=0)"),)),
        Wrong(part, "layer", "dgamma and dbeta are exchanged", SUMS,
              {f"{alt}dgamma": lambda t, s: t.right.dbeta, f"{alt}dbeta": lambda t, s: t.right.dgamma},
              (Body(part, f"{head}return {right}, dout.sum(axis=0), (dout * normal).sum(axis=0)"),)),
    )  # fmt: skip


def _batch_in_layer(t: Any, s: Any) -> Any:
    """Layer norm with the statistics of batch norm."""
    normal, _ = _normal("batchnorm", t, s)
    return normal * t.gamma + t.beta


def _divided_by_examples(t: Any, s: Any) -> Any:
    """Layer norm's dx with 1/N where 1/D belongs."""
    normal, deviation = _normal("layernorm", t, s)
    g, N = t.dout * t.gamma, len(t.x)
    along = g.sum(1, keepdim=True) / N + normal * (g * normal).sum(1, keepdim=True) / N
    return (g - along) / deviation


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
    *_backwards("batchnorm_backward"),
    *_backwards("batchnorm_backward_alt", "alt "),
    *_backwards("layernorm_backward"),
    Wrong("layernorm_backward", "layer", "the sums are divided by the number of examples, not of features", AXES,
          {"dx": _divided_by_examples},
          (Body("layernorm_backward",
                "normal, deviation, gamma, axis = cache\ng, N = dout * gamma, len(dout)\n"
                "along = g.sum(axis=1, keepdims=True) / N + normal * (g * normal).sum(axis=1, keepdims=True) / N\n"
                "return (g - along) / deviation, (dout * normal).sum(axis=0), dout.sum(axis=0)"),)),
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
