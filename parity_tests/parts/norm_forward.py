"""The forward of a normalisation in training: the statistics, the normalised x, scale and shift."""

from __future__ import annotations

from collections.abc import Mapping

from parity_tests.operators.of_texts import OF_SHORT
from parity_tests.parts.right_text import RightText

AXES = "Which numbers share one mean and one variance?"
EPS = "eps is added to the variance, under the root."
BIASED = "The variance is np.var's, which divides by N: torch's running variance alone divides by N − 1."
SCALED = "gamma scales the normalised x, then beta shifts it."
CENTRED = "x is centred by its mean, and divided by the root of its variance + eps."
SPREAD = "The variance is the mean of the squares of x − mean."

LINES = """
mean = x.mean(axis=axis, keepdims=True)  # the mean
square = (x - x.mean(axis=axis, keepdims=True)) ** 2  # the squares in the variance
variance = square.mean(axis=axis, keepdims=True)  # the variance
deviation = np.sqrt(variance + eps)  # the deviation
normal = (x - mean) / deviation  # the normalised x
out = gamma * normal + beta  # the output
"""
LABELS = {"np.sqrt": "the root", "x - mean": "x − mean", "usual": "1e-5", "unbiased": "N / (N − 1)"}
GROUPS = {
    ("mean", "square", "variance"): "the statistics",
    ("mean", "square"): "the mean, in the variance as well,",
    ("square", "variance"): "the variance",
}
HINTS = {
    "eps": EPS,
    "1e-5": EPS,
    " over ": AXES,
    "N − 1": BIASED,
    "gamma": SCALED,
    "beta": SCALED,
    "variance": SPREAD,
    "": CENTRED,
}
SAID = {
    "the mean in the statistics goes": "the statistics go",
    "the mean in the variance goes": "the variance goes",
    "a sum in place of a mean in the mean": "the mean is a sum",
    "the deviation is squared in the normalised x": "x is divided by its variance, the root is left out",
    "the deviation is in brackets with the mean": "the mean alone is divided by the deviation",
    "beta is in brackets with the normalised x": "gamma scales beta as well",
    "the normalised x in place of the output": "gamma and beta are left out",
    "the variance is multiplied by N / (N − 1) once too often": "the variance divides by N − 1, not by N",
    " before the mean": "",
    " in both places": "",
}


ROWS = (
    (
        "the mean is not scaled where scale and shift are one product and one sum",
        {"out": "gamma / deviation * x + (beta - mean)"},
    ),
)
DEALT = (
    "the channels are dealt out to the groups in turn, not side by side",
    {"mean": "dealt_mean", "variance": "dealt_variance"},
)
"""What is wrong of groups alone."""


def norm_forward(counts: Mapping[str, str], axes: Mapping[str, str]) -> RightText:
    """The text for some counts and axes, which are given with their words."""
    arrays, labels = ("x", "gamma", "beta", "eps", "usual", "unbiased"), {**LABELS, **counts, **axes}
    return RightText(
        LINES,
        arrays,
        tuple(counts),
        tuple(axes),
        labels,
        GROUPS,
        hints=HINTS,
        without=OF_SHORT | {"reduction"},
        said=SAID,
        rows=(*ROWS, DEALT) if "groups" in counts or "apart" in counts else ROWS,
    )
