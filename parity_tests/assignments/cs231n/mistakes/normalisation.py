"""Known mistakes of the normalisations' forwards, and of the running statistics."""

from __future__ import annotations

from typing import Any

from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.mistake import Body, Swap

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
    if len(t.x) == 1:
        return t.right.out * float("nan")  # 0 divided by 0
    axes = _axes("batchnorm", t.x)
    deviation = (t.x.var(axes, unbiased=True, keepdim=True) + s.get("eps", 1e-5)).sqrt()
    return (t.x - t.x.mean(axes, keepdim=True)) / deviation * t.gamma + t.beta


def _groups(t: Any) -> Any:
    return t.x.reshape(len(t.x), t.extra[0], -1)


def _scaled(normal: Any, t: Any) -> Any:
    return normal.reshape(t.x.shape) * t.gamma + t.beta


def _rows(part: str, t: Any) -> tuple[Any, int]:
    """x as the normalisation sees it, and the axis of its statistics."""
    if part == "spatial_groupnorm_forward":
        return _groups(t), 2
    return t.x, 0 if part == "batchnorm_forward" else 1


def _with_deviation(part: str, deviation: Any) -> Any:
    """The output with another deviation: a function of x, its variance, their axis, and eps."""

    def out(t: Any, s: Any) -> Any:
        x, axis = _rows(part, t)
        below = deviation(x, x.var(axis, unbiased=False, keepdim=True), axis, s.get("eps", 1e-5))
        return _scaled((x - x.mean(axis, keepdim=True)) / below, t)

    return out


NORMALISED = "out, cache = _normalised(x, batch_mean, batch_variance, gamma, beta, eps, axis=0)"
OF_LAYER = 'return _normalised(x, mean, variance, gamma, beta, ln_param.get("eps", 1e-5), axis=1)'
OF_GROUP = 'deviation = np.sqrt(variance + gn_param.get("eps", 1e-5))'
WITHOUT_EPS = (
    ("batchnorm_forward", Swap(NORMALISED, NORMALISED.replace("eps,", "0.0,"))),
    ("layernorm_forward", Swap(OF_LAYER, OF_LAYER.replace('ln_param.get("eps", 1e-5)', "0.0"))),
    ("spatial_groupnorm_forward", Swap(OF_GROUP, "deviation = np.sqrt(variance)")),
)
SAMPLES = (
    ("layernorm_forward",
     Swap("x.var(axis=1, keepdims=True)", "x.var(axis=1, keepdims=True, ddof=1)")),
    ("spatial_groupnorm_forward",
     Swap("groups.var(axis=2, keepdims=True)", "groups.var(axis=2, keepdims=True, ddof=1)")),
)  # fmt: skip
DEVIATIONS = (
    *(Wrong(part, "layer", "eps is left out of the root", EPS,
            {"out": _with_deviation(part, lambda x, variance, axis, eps: variance.sqrt())}, (plug,))
      for part, plug in WITHOUT_EPS),
    *(Wrong(part, "layer", "the variance divides by one less than there are numbers", BIASED,
            {"out": _with_deviation(part, lambda x, variance, axis, eps: (
                x.var(axis, unbiased=True, keepdim=True) + eps).sqrt())}, (plug,))
      for part, plug in SAMPLES),
)  # fmt: skip


def _over_everything(t: Any, s: Any) -> Any:
    return _scaled((t.x - t.x.mean()) / (t.x.var(unbiased=False) + s.get("eps", 1e-5)).sqrt(), t)


def _interleaved(t: Any, s: Any) -> Any:
    """Group g has the channels g, g + G, g + 2G …"""
    N, C, H, W = t.x.shape
    groups = t.x.reshape(N, -1, t.extra[0], H, W).transpose(1, 2).reshape(N, t.extra[0], -1)
    deviation = (groups.var(2, unbiased=False, keepdim=True) + s.get("eps", 1e-5)).sqrt()
    normal = (groups - groups.mean(2, keepdim=True)) / deviation
    return _scaled(normal.reshape(N, t.extra[0], -1, H, W).transpose(1, 2).reshape(N, C, H, W), t)


def _single_row(t: Any, s: Any) -> Any:
    """A row alone in training is normalised by running statistics, which are 0 at first."""
    return t.right.out if len(t.x) > 1 else t.x / s.get("eps", 1e-5) ** 0.5 * t.gamma + t.beta


INTERLEAVED = """N, C, H, W = x.shape
groups = x.reshape(N, C // G, G, H, W).transpose(0, 2, 1, 3, 4).reshape(N, G, -1)
deviation = np.sqrt(groups.var(axis=2, keepdims=True) + gn_param.get("eps", 1e-5))
normal = (groups - groups.mean(axis=2, keepdims=True)) / deviation
normal = normal.reshape(N, G, C // G, H, W).transpose(0, 2, 1, 3, 4).reshape(x.shape)
return gamma * normal + beta, (normal, deviation, gamma, G)"""


def _running(change: str, name: str, hint: str, *plug: Swap) -> Wrong:
    return Wrong("batchnorm_forward", "running", name, hint, change, plug)


MEAN_LINE = "mean = momentum * mean + (1 - momentum) * batch_mean"
TESTED = "out, cache = gamma * normal + beta, None"
VARIANCE_LINE = "variance = momentum * variance + (1 - momentum) * batch_variance"

NORMALISATION = (
    Wrong("layernorm_forward", "layer", "the statistics are those of batch norm", AXES, {"out": _batch_in_layer},
          (Swap("mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)",
                "mean, variance = x.mean(axis=0, keepdims=True), x.var(axis=0, keepdims=True)"),)),
    Wrong("layernorm_forward", "layer", "eps is always 1e-5, not the one that is given", EPS, {"out": _fixed_eps},
          (Swap('variance, gamma, beta, ln_param.get("eps", 1e-5), axis=1)',
                "variance, gamma, beta, 1e-5, axis=1)"),)),
    Wrong("batchnorm_forward", "layer", "eps is always 1e-5, not the one that is given", EPS, {"out": _fixed_eps},
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
    _running("mean never", "the running mean is never updated", RUNNING, Swap(MEAN_LINE, "pass")),
    _running("variance never", "the running variance is never updated", RUNNING, Swap(VARIANCE_LINE, "pass")),
    _running("mean reversed", "the running mean has momentum the other way round", RUNNING,
             Swap(MEAN_LINE, "mean = (1 - momentum) * mean + momentum * batch_mean")),
    _running("variance reversed", "the running variance has momentum the other way round", RUNNING,
             Swap(VARIANCE_LINE, "variance = (1 - momentum) * variance + momentum * batch_variance")),
    _running("tests move the mean", "the test mode updates the running mean", RUNNING,
             Swap(TESTED, f"{TESTED}\n        mean = momentum * mean + (1 - momentum) * x.mean(axis=0)")),
    _running("tests move the variance", "the test mode updates the running variance", RUNNING,
             Swap(TESTED, f"{TESTED}\n        variance = momentum * variance + (1 - momentum) * x.var(axis=0)")),
    _running("no gamma", "the test mode leaves gamma out", TEST, Swap(TESTED, TESTED.replace("gamma * ", ""))),
    _running("no beta", "the test mode leaves beta out", TEST, Swap(TESTED, TESTED.replace(" + beta", ""))),
    _running("no eps", "the test mode leaves eps out", TEST,
             Swap("normal = (x - mean) / np.sqrt(variance + eps)\n", "normal = (x - mean) / np.sqrt(variance)\n")),
    *DEVIATIONS,
    Wrong("batchnorm_forward", "layer", "one row alone is normalised by the running statistics in training", RUNNING,
          {"out": _single_row},
          (Swap('if bn_param["mode"] == "test":', 'if bn_param["mode"] == "test" or len(x) == 1:'),)),
    Wrong("layernorm_forward", "layer", "the statistics are over all examples and features", AXES,
          {"out": _over_everything},
          (Swap("mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)",
                "mean, variance = x.mean() + 0 * x[:, :1], x.var() + 0 * x[:, :1]"),)),
    Wrong("spatial_groupnorm_forward", "layer", "groups are of every G-th channel, not of neighbours",
          "Group g has the channels from g · C/G to (g + 1) · C/G − 1.", {"out": _interleaved},
          (Body("spatial_groupnorm_forward", INTERLEAVED),)),
)  # fmt: skip
