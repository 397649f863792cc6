"""Known mistakes of the running statistics, and of the test mode by them."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.mistake import Swap

RUNNING = "running = momentum · running + (1 − momentum) · the batch's, in training alone."
TEST = "In the test mode x is normalised by the running statistics, then scaled and shifted as ever."
BIASED = "The variance is np.var's, which divides by N: torch's running variance alone divides by N − 1."


def _running(change: str, name: str, hint: str, *plug: Swap) -> Wrong:
    return Wrong("batchnorm_forward", "running", name, hint, change, plug)


MEAN_LINE = "mean = momentum * mean + (1 - momentum) * batch_mean"
TESTED = "out, cache = gamma * normal + beta, None"
VARIANCE_LINE = "variance = momentum * variance + (1 - momentum) * batch_variance"

NORMALISATION = (
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
)  # fmt: skip
