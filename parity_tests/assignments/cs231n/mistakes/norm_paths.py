"""What may be wrong along the paths of a norm's backward, as names, hints and formulas of dx.

The direct gradient, that through the mean and that through the variance add up to dx. A code that goes back stage by
stage has the first two in one: the mean is taken off the numerator x − mean alone, so that a slip there is in both.
"""

from __future__ import annotations

from collections.abc import Iterator

THREE = "x reaches the output in three ways: directly, through the mean, and through the variance."
EPS = "eps stands in every root, once, in the backward too."
GAMMA = "gamma scales the normalised x: dout must be multiplied by it before it goes further back."
COUNT = "The sums are divided by how many numbers share one mean."
DEVIATION = "With x̂ normalised and σ its deviation, g = dout · gamma: dx = (g − mean(g) − x̂ · mean(g · x̂)) / σ."
SLOPE = "The derivative of σ = √(var + eps) is 1/(2σ), and that of the square (x − mean)² is 2 (x − mean)."
CENTRED = "What goes through the variance holds x − mean, not x, on both sides."

DIRECT, MEAN, VARIANCE = "the direct gradient", "the gradient through the mean", "the gradient through the variance"
TERMS_OF_DX = {DIRECT: "g", MEAN: "mean(g)", VARIANCE: "normal * mean(g * normal)"}
NUMERATOR, AVERAGED = "the gradient through the numerator x − mean", "the gradients through the mean and the variance"
PATHS = {DIRECT: (DIRECT,), MEAN: (MEAN,), VARIANCE: (VARIANCE,), NUMERATOR: (DIRECT, MEAN), AVERAGED: (MEAN, VARIANCE)}
"""The terms of each path that one slip may be in."""


def with_terms(**terms: str) -> str:
    """The formula of dx with other ones for some of its terms: `direct`, `mean`, `variance`."""
    own = {"direct": TERMS_OF_DX[DIRECT], "mean": TERMS_OF_DX[MEAN], "variance": TERMS_OF_DX[VARIANCE]} | terms
    return f"({own['direct']} - {own['mean']} - {own['variance']}) / deviation"


def along(path: str, words: str) -> str:
    """The formula of dx with `words`, which hold {}, about each term of a path."""
    keys = {DIRECT: "direct", MEAN: "mean", VARIANCE: "variance"}
    return with_terms(**{keys[term]: words.format(TERMS_OF_DX[term]) for term in PATHS[path]})


def further(of: str) -> Iterator[tuple[str, str, str]]:
    """Slips of factors; `of` is what there is one of for each term of a sum."""
    for path in (NUMERATOR, AVERAGED):
        verb = "are" if path == AVERAGED else "is"
        yield f"{path} {verb} not divided by the deviation", SLOPE, along(path, "{} * deviation")
        yield f"{path} {verb} multiplied by the deviation, not divided", SLOPE, along(path, "{} * deviation**2")
        yield f"{path} {verb} divided by the deviation once too often", SLOPE, along(path, "{} / deviation")
        yield f"{path} {verb} doubled", THREE, along(path, "2 * {}")
        yield f"{path} {verb} halved", THREE, along(path, "{} / 2")
    yield f"gamma is left out of {NUMERATOR}", GAMMA, with_terms(direct="d", mean="mean(d)")
    yield f"gamma is left out of {AVERAGED}", GAMMA, with_terms(mean="mean(d)", variance="normal * mean(d * normal)")
    yield f"gamma stands twice in {NUMERATOR}", GAMMA, with_terms(direct="g * scale", mean="mean(g * scale)")
    for path in (DIRECT, MEAN, NUMERATOR, AVERAGED):
        yield f"eps is left out of {path}", EPS, along(path, "{} * deviation / variance**0.5")
    by_var = "{} * deviation**2 / variance"
    yield f"{VARIANCE} is divided by var, not by var + eps", EPS, along(VARIANCE, by_var)
    yield f"{VARIANCE} is three times what it is", SLOPE, along(VARIANCE, "3 * {}")
    # Of one example alone that is a division by 0, of which nothing is told.
    for path in (MEAN, VARIANCE, AVERAGED) if of != "examples" else ():
        verb = "are" if path == AVERAGED else "is"
        less = "{} * (count / (count - 1))"
        yield f"{path} {verb} divided by one less than the number of {of}", COUNT, along(path, less)
    yield from _of_sums()
    yield (
        f"x stands for x − mean in {VARIANCE}, inside the mean",
        CENTRED,
        with_terms(variance="normal * mean(g * x) / deviation"),
    )
    yield (
        f"x stands for x − mean in {VARIANCE}, before the mean",
        CENTRED,
        with_terms(variance="x / deviation * mean(g * normal)"),
    )
    yield (
        f"x stands for x − mean in {VARIANCE} in both places",
        CENTRED,
        with_terms(variance="x / deviation * mean(g * x) / deviation"),
    )


def _of_sums() -> Iterator[tuple[str, str, str]]:
    """Slips of what is summed."""
    everything = (
        "(g / deviation).sum() / count * deviation",
        "normal * (g * normal * deviation).sum() / count / deviation",
    )
    yield f"{MEAN} is summed over everything", COUNT, with_terms(mean=everything[0])
    yield f"{VARIANCE} is summed over everything", COUNT, with_terms(variance=everything[1])
    of_dout = "scale * d.sum() / count", "scale * normal * (d * normal).sum() / count"
    yield f"{AVERAGED} are summed over everything", COUNT, with_terms(mean=of_dout[0], variance=of_dout[1])
    alone = "normal * (g * normal) / count"
    yield f"the sum is left out of {VARIANCE}", COUNT, with_terms(variance=alone)
    yield (
        f"the sum is left out of {VARIANCE}, of which the mean is then taken off",
        COUNT,
        with_terms(mean=f"mean(g - {alone})", variance=alone),
    )


GROUP_AXES = {
    (3, 4): "a channel's places alone",
    (2,): "the channels of a group alone, place by place",
    (0, 2, 3, 4): "all examples as well",
    (1, 2, 3, 4): "all groups as well",
}
"""The axes of N×G×C/G×H×W along which sums of a group norm may run by mistake."""


def of_groups() -> Iterator[tuple[str, str, str]]:
    """Slips of the axes of a group's sums, which are then divided by the right number."""
    for axes, words in GROUP_AXES.items():
        mean, variance = f"over(g, {axes})", f"normal * over(g * normal, {axes})"
        yield f"{MEAN} is summed over {words}", COUNT, with_terms(mean=mean)
        yield f"{VARIANCE} is summed over {words}", COUNT, with_terms(variance=variance)
        yield f"{AVERAGED} are summed over {words}", COUNT, with_terms(mean=mean, variance=variance)
    for number, words in (("count * d.shape[0] / off", "N · H · W"), ("count * d.shape[1] / off", "G · H · W")):
        yield (
            f"the sums are divided by {words}, not by the size of the group",
            COUNT,
            f"(g - (mean(g) + normal * mean(g * normal)) * count / ({number})) / deviation",
        )
