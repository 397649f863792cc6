"""The backward of a normalisation: dx by its three paths, dgamma and dbeta."""

from __future__ import annotations

from collections.abc import Mapping

from parity_tests.operators.of_texts import OF_SHORT
from parity_tests.parts.right_text import RightText

THREE = "x reaches the output in three ways: directly, through the mean, and through the variance."
EPS = "eps belongs in every root, once, in the backward too."
GAMMA = "gamma scales the normalised x: dout must be multiplied by it before it goes further back."
COUNT = "The sums are divided by how many numbers share one mean."
DEVIATION = "With x̂ normalised and σ its deviation, g = dout · gamma: dx = (g − mean(g) − x̂ · mean(g · x̂)) / σ."
SLOPE = "The derivative of σ = √(var + eps) is 1/(2σ), and that of the square (x − mean)² is 2 (x − mean)."
CENTRED = "What goes through the variance holds x − mean, not x, on both sides."
SUMS = "dgamma is the sum of dout · x̂, dbeta that of dout, over all that share them."

BY_MEANS = """
direct = dout * gamma / np.sqrt(variance + eps)  # the direct gradient
through_mean = (dout * gamma).mean(axis=axis, keepdims=True) / np.sqrt(variance + eps)  # MEAN
products = (dout * gamma * normal).mean(axis=axis, keepdims=True)  # the mean in VARIANCE
through_variance = normal * products / np.sqrt(variance + eps)  # VARIANCE
averaged = through_mean + through_variance  # BOTH
dx = direct - averaged  # dx
"""
BY_SUMS = """
direct = dout * gamma / np.sqrt(variance + eps)  # the direct gradient
through_mean = (dout * gamma / np.sqrt(variance + eps)).sum(axis=axis, keepdims=True) / count  # MEAN
products = (dout * gamma * centred).sum(axis=axis, keepdims=True)  # the sum in VARIANCE
through_variance = centred * products / count * (variance + eps) ** -1.5  # VARIANCE
averaged = through_mean + through_variance  # BOTH
dx = direct - averaged  # dx
"""
AS_ONE = """
through_mean = (dout * gamma).sum(axis=axis, keepdims=True)  # MEAN
through_variance = normal * (dout * gamma * normal).sum(axis=axis, keepdims=True)  # VARIANCE
averaged = through_mean + through_variance  # BOTH
direct = count * dout * gamma  # the direct gradient
dx = (direct - averaged) / count / np.sqrt(variance + eps)  # dx
"""
SCALED = """
through_mean = dout.sum(axis=axis, keepdims=True)  # MEAN
through_variance = centred * (dout * centred).sum(axis=axis, keepdims=True) / (variance + eps)  # VARIANCE
averaged = through_mean + through_variance  # BOTH
direct = count * dout  # the direct gradient
dx = gamma * (direct - averaged) / count / np.sqrt(variance + eps)  # dx
"""
"""Three ways to write dx, and the last where gamma is one number for all that share a mean."""
SUMMED = """
product = dout * normal  # dgamma
dgamma = product.sum(axis=axis)  # dgamma
dbeta = dout.sum(axis=axis)  # dbeta
"""
PATHS = {
    "MEAN": "the gradient through the mean",
    "VARIANCE": "the gradient through the variance",
    "BOTH": "the gradients through the mean and the variance",
}
LABELS = {
    "variance": "var",
    "centred": "x − mean",
    "normal": "x̂",
    "deviation": "the deviation",
    "np.sqrt(variance + eps)": "the deviation",
    "np.sqrt": "the root",
    "variance + eps": "var + eps",
    "(variance + eps) ** -1.5": "the power −3/2 of var + eps",
}
GROUPS = {
    ("direct", "through_mean"): "the gradient through the numerator x − mean",
    ("through_mean", "direct"): "the gradient through the numerator x − mean",
    ("through_mean", "through_variance"): PATHS["BOTH"],
    ("through_mean", "products"): PATHS["BOTH"],
    ("products", "through_variance"): PATHS["VARIANCE"],
    ("direct", "through_mean", "through_variance"): "dx",
    ("direct", "through_mean", "products"): "dx",
    ("through_mean", "through_variance", "direct"): "dx",
    ("product", "dgamma"): "dgamma",
}
HINTS = {
    "dgamma": SUMS,
    "dbeta": SUMS,
    "eps": EPS,
    "gamma": GAMMA,
    "x in place of": CENTRED,
    "deviation": DEVIATION,
    "power": SLOPE,
    "number of": COUNT,
    "sum": COUNT,
    "x̂": THREE,
    "through the variance is": SLOPE,
    "": THREE,
}
SAID = {
    "1.5 has the wrong sign": "the power −3/2 has the wrong sign",
    "in place of -1.5": "in place of −3/2",
    "dgamma in place of dout in dbeta": "dbeta holds x̂: it is dgamma",
}
LATE = {
    "gamma is applied after the means, not before": {
        "through_mean": "dout.sum(axis=axis, keepdims=True)",
        "through_variance": "normal * (dout * normal).sum(axis=axis, keepdims=True)",
        "direct": "count * dout",
        "dx": "gamma * (direct - averaged) / count / np.sqrt(variance + eps)",
    }
}
"""A row of the text that has all of gamma inside, in AS_ONE."""
ARRAYS = ("dout", "gamma", "normal", "centred", "x", "variance", "eps", "deviation")


def norm_backward(lines: str, counts: Mapping[str, str], axes: Mapping[str, str]) -> RightText:
    """One of the texts, for some counts and axes, which are given with their words."""
    rows = LATE if lines == AS_ONE else {}
    for word, label in PATHS.items():
        lines = lines.replace(word, label)
    at, without = {"averaged": "dx"}, OF_SHORT | ({"function"} if ".mean(" not in lines and "dx" in lines else set())
    labels = {**LABELS, **counts, **axes}
    return RightText(
        lines, ARRAYS, tuple(counts), tuple(axes), labels, GROUPS, at, HINTS, without, SAID, rows=tuple(rows.items())
    )
