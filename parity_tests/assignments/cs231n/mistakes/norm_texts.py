"""Known mistakes of the norms in training: of which numbers share statistics, and of each term of the formula."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.as_written import Text, Words, after, body
from parity_tests.assignments.cs231n.mistakes.images import GROUPS, PLACES
from parity_tests.assignments.cs231n.mistakes.normalisation import AXES, EPS, NORMALISED
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong

SCALED = "gamma scales the normalised x, then beta shifts it."
CENTRED = "x is centred by its mean, and divided by the root of its variance + eps."
SPREAD = "The variance is the mean of the squares of x − mean."

BF, LF, SF, GF = (
    "batchnorm_forward",
    "layernorm_forward",
    "spatial_batchnorm_forward",
    "spatial_groupnorm_forward",
)
MEAN = "mean = X.mean(axis=axes, keepdims=True)"
VARIANCE = "variance = ((X - X.mean(axis=axes, keepdims=True)) ** 2).mean(axis=axes, keepdims=True)"
DEVIATION = "deviation = np.sqrt(variance + eps)"
NORMAL = "normal = (X - mean) / deviation"
OUT = "out = (scale * normal + shift).reshape(x.shape)"
FORMULA = f"{MEAN}\n{VARIANCE}\n{DEVIATION}\n{NORMAL}\n{OUT}"
OF_ROWS = "X, axes, scale, shift = x, %s, gamma, beta\n"
OF_IMAGES = "X, axes, scale, shift = x, (0, 2, 3), gamma.reshape(1, -1, 1, 1), beta.reshape(1, -1, 1, 1)\n"
OF_GROUPS = """N, C, H, W = x.shape
count, size, axes = G, C // G, (2, 3, 4)
X = x.reshape(N, count, size, H, W)
scale, shift = gamma.reshape(1, count, size, 1, 1), beta.reshape(1, count, size, 1, 1)
"""

BATCH = Text(BF, OF_ROWS % 0 + FORMULA, after(NORMALISED, 8))
LAYER = Text(
    LF,
    OF_ROWS % 1 + FORMULA,
    body(
        LF,
        'eps = ln_param.get("eps", 1e-5)\n'
        "own = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)\n"
        "_, cache = _normalised(x, *own, gamma, beta, eps, axis=1)\n",
        "return out, cache",
    ),
)
IMAGES = Text(
    SF,
    OF_IMAGES + FORMULA,
    body(
        SF,
        'eps = bn_param.get("eps", 1e-5)\n'
        "tested, cache = batchnorm_forward(_places_as_rows(x), gamma, beta, bn_param)\n"
        'if bn_param["mode"] == "test":\n    return _rows_as_places(tested, x.shape), cache\n',
        "return out, cache",
    ),
)
GROUP = Text(
    GF,
    OF_GROUPS + FORMULA,
    body(
        GF,
        'eps = gn_param.get("eps", 1e-5)\n'
        "own = x.reshape(len(x), G, -1)\n"
        "root = np.sqrt(own.var(axis=2, keepdims=True) + eps)\n"
        "cache = ((own - own.mean(axis=2, keepdims=True)) / root).reshape(x.shape), root, gamma, G\n",
        "return out, cache",
    ),
)
TEXTS = (BATCH, LAYER, IMAGES, GROUP)

OF_TERMS: tuple[tuple[str, str, tuple[Words, ...]], ...] = (
    ("gamma is left out", SCALED, (("scale * normal + shift", "normal + shift"),)),
    ("beta is left out", SCALED, (("scale * normal + shift", "scale * normal"),)),
    ("gamma and beta are left out", SCALED, (("scale * normal + shift", "1 * normal"),)),
    ("gamma and beta are exchanged", SCALED, (("scale * normal + shift", "shift * normal + scale"),)),
    ("gamma scales beta as well", SCALED, (("scale * normal + shift", "scale * (normal + shift)"),)),
    ("beta is subtracted", SCALED, (("scale * normal + shift", "scale * normal - shift"),)),
    ("the normalised x is divided by gamma", SCALED, (("scale * normal", "normal / scale"),)),
    ("gamma scales x in place of the normalised x", SCALED, (("scale * normal", "scale * X"),)),
    ("x is divided by its variance, the root is left out", CENTRED, ((DEVIATION, "deviation = variance + eps"),)),
    (
        "x is divided by the fourth root of its variance",
        CENTRED,
        ((DEVIATION, "deviation = np.sqrt(np.sqrt(variance) + eps)"),),
    ),
    ("x is not divided by its deviation", CENTRED, ((NORMAL, "normal = X - mean"),)),
    ("x is multiplied by its deviation", CENTRED, ((NORMAL, "normal = (X - mean) * deviation"),)),
    ("the mean is not taken off", CENTRED, ((NORMAL, "normal = X / deviation"),)),
    ("the mean is added, not taken off", CENTRED, ((NORMAL, "normal = (X + mean) / deviation"),)),
    ("x is taken from the mean: the sign is wrong", CENTRED, ((NORMAL, "normal = (mean - X) / deviation"),)),
    ("the mean alone is divided by the deviation", CENTRED, ((NORMAL, "normal = X - mean / deviation"),)),
    (
        "the variance is the mean of x², the mean is not taken off",
        SPREAD,
        ((VARIANCE, "variance = (X**2).mean(axis=axes, keepdims=True)"),),
    ),
    (
        "the mean is taken off nowhere",
        SPREAD,
        ((VARIANCE, "variance = (X**2).mean(axis=axes, keepdims=True)"), (NORMAL, "normal = X / deviation")),
    ),
    (
        "the variance is the sum of squares, not their mean",
        SPREAD,
        (
            (
                VARIANCE,
                VARIANCE.replace(".mean(axis=axes, keepdims=True)", ".sum(axis=axes, keepdims=True)").replace(
                    "X.sum(", "X.mean("
                ),
            ),
        ),
    ),
    ("the mean is a sum", SPREAD, ((MEAN, MEAN.replace("mean(", "sum(")),)),
    (
        "the variance is the mean magnitude of x − mean",
        SPREAD,
        ((VARIANCE, "variance = np.abs(X - X.mean(axis=axes, keepdims=True)).mean(axis=axes, keepdims=True)"),),
    ),
    ("eps is added twice", EPS, ((DEVIATION, "deviation = np.sqrt(variance + eps + eps)"),)),
    ("eps is subtracted", EPS, ((DEVIATION, "deviation = np.sqrt(variance - eps)"),)),
    ("eps is squared", EPS, ((DEVIATION, "deviation = np.sqrt(variance + eps**2)"),)),
    ("eps is added under the root and beside it", EPS, ((DEVIATION, "deviation = np.sqrt(variance + eps) + eps"),)),
)
"""Names, hints and words of what may be wrong in any of the norms."""


def _statistics(text: Text, wrong: str, along: str) -> list[Wrong]:
    """Of a norm on rows: one of the statistics along the other axis."""
    mean, own = MEAN.replace("axes", wrong), f"X.mean(axis={wrong}, keepdims=True)"
    both = VARIANCE.replace("X.mean(axis=axes, keepdims=True)", own)
    variance = VARIANCE.replace("axis=axes", f"axis={wrong}")
    return [
        text.wrong(f"the mean is over the {along}", AXES, "out", (MEAN, mean)),
        text.wrong(
            f"the mean is over the {along}, in the variance as well", AXES, "out", (MEAN, mean), (VARIANCE, both)
        ),
        text.wrong(f"the variance is over the {along}", AXES, "out", (VARIANCE, variance)),
    ]


IMAGE_AXES = (
    ("each example has statistics of its own: it is instance norm", "(2, 3)"),
    ("the statistics are over the channels as well", "(0, 1, 2, 3)"),
    ("each example has statistics of its own, over channels and places: it is layer norm", "(1, 2, 3)"),
    ("each place of each example has statistics of its own, over the channels", "1"),
    ("the statistics are over examples and rows alone", "(0, 2)"),
    ("the statistics are over examples and columns alone", "(0, 3)"),
    ("each place has statistics of its own, over examples and channels", "(0, 1)"),
)
GROUP_AXES = (
    ("each channel has statistics of its own: it is instance norm", "(3, 4)"),
    ("the statistics of a group are over all examples", "(0, 2, 3, 4)"),
    ("the statistics of a group are over its channels and rows alone", "(2, 3)"),
    ("the statistics of a group are over its channels and columns alone", "(2, 4)"),
    ("each place of a group has statistics over all examples", "(0, 2)"),
    ("all groups share their statistics over a channel's places", "(1, 3, 4)"),
)
SINGLE_AXES = (
    (IMAGES, "of each example alone", "(2, 3)"),
    (IMAGES, "over the channels as well", "(0, 1, 2, 3)"),
    (IMAGES, "of each place, over the examples alone", "0"),
    (GROUP, "of each channel alone", "(3, 4)"),
    (GROUP, "over all groups of an example", "(1, 2, 3, 4)"),
    (GROUP, "over all examples as well", "(0, 2, 3, 4)"),
    (GROUP, "of each place, over a group's channels alone", "2"),
)
"""Of norms on images: the axes of one of the statistics, beside the other one that is right."""
NORM_TEXTS = (
    *(
        text.wrong(f"the {name} alone is {words}", AXES, "out", (right, right.replace("axis=axes", f"axis={axes}")))
        for text, words, axes in SINGLE_AXES
        for name, right in (("mean", MEAN), ("variance", VARIANCE))
    ),
    *(
        text.wrong("the mean is that of all numbers", AXES, "out", (MEAN, "mean = X.mean()"))
        for text in (BATCH, LAYER, GROUP)  # on images the row of all axes above says it
    ),
    *(text.wrong(name, hint, "out", *words) for text in TEXTS for name, hint, words in OF_TERMS),
    BATCH.wrong(
        "the statistics are those of layer norm",
        AXES,
        "out",
        ("axes, scale, shift = x, 0,", "axes, scale, shift = x, 1,"),
    ),
    BATCH.wrong(
        "the statistics are over all examples and features",
        AXES,
        "out",
        ("axes, scale, shift = x, 0,", "axes, scale, shift = x, (0, 1),"),
    ),
    *_statistics(BATCH, "1", "features"),
    *_statistics(LAYER, "0", "examples"),
    *(
        IMAGES.wrong(name, PLACES, "out", ("axes, scale, shift = x, (0, 2, 3)", f"axes, scale, shift = x, {axes}"))
        for name, axes in IMAGE_AXES
    ),
    IMAGES.wrong(
        "x is reshaped to a row for each channel without a transpose",
        PLACES,
        "out",
        (
            "x, (0, 2, 3), gamma.reshape(1, -1, 1, 1), beta.reshape(1, -1, 1, 1)",
            "x.reshape(x.shape[1], -1), 1, gamma.reshape(-1, 1), beta.reshape(-1, 1)",
        ),
    ),
    IMAGES.wrong("eps is left out of the root", EPS, "out", ("variance + eps", "variance")),
    IMAGES.wrong("eps is always 1e-5, not the one that is given", EPS, "out", ("variance + eps", "variance + 1e-5")),
    *(
        GROUP.wrong(name, GROUPS, "out", ("axes = G, C // G, (2, 3, 4)", f"axes = G, C // G, {axes}"))
        for name, axes in GROUP_AXES
    ),
    GROUP.wrong("G is taken for the number of channels in a group", GROUPS, "out", ("G, C // G, (2", "C // G, G, (2")),
    GROUP.wrong("there is one group, whatever G is: it is layer norm", GROUPS, "out", ("G, C // G, (2", "1, C, (2")),
    GROUP.wrong("eps is always 1e-5, not the one that is given", EPS, "out", ("variance + eps", "variance + 1e-5")),
)
