"""One call of batch norm in each of its modes, and what it makes of the running statistics."""

from __future__ import annotations

from parity_tests.operators.of_texts import OF_SHORT
from parity_tests.parts.right_text import RightText

RUNNING = "running = momentum · running + (1 − momentum) · the batch's, in training alone."
TEST = "In the test mode x is normalised by the running statistics, then scaled and shifted as ever."
BIASED = "The variance is np.var's, which divides by N: torch's running variance alone divides by N − 1."

TRAINED, TESTED = "trained moved_mean moved_variance", "tested left_mean left_variance"
"""The results of a call in training, and of one in the test mode: the output and what is kept."""
LINES = """
batch_deviation = np.sqrt(batch_variance + eps)  # the batch's deviation
moved_mean = momentum * mean + rest * batch_mean  # the new running mean
moved_variance = momentum * variance + rest * batch_variance  # the new running variance
trained = gamma * (x - batch_mean) / np.sqrt(batch_variance + eps) + beta  # the output in training
deviation = np.sqrt(variance + eps)  # the deviation in the test mode
normal = (x - mean) / deviation  # the normalised x in the test mode
tested = gamma * normal + beta  # the output in the test mode
left_mean = mean  # the running mean after the test mode
left_variance = variance  # the running variance after the test mode
"""
GIVEN = ("x", "gamma", "beta", "eps", "momentum")
FURTHER = {
    "rest": "1 − momentum",
    "usual": "0.9",
    "usual_rest": "0.1",
    "mean": "the running mean",
    "variance": "the running variance",
    "batch_mean": "the batch's mean",
    "batch_variance": "the batch's variance",
    "unbiased": "the unbiased variance",
    "squares": "the mean of x²",
}
LABELS = {**FURTHER, "np.sqrt": "the root", "x - mean": "x − mean", "x - batch_mean": "x − mean"}
TWINS = {
    ("mean", "variance"): "the running statistics",
    ("batch_mean", "batch_variance"): "the batch's statistics",
    ("moved_mean", "moved_variance"): "the new running statistics",
    ("momentum", "rest"): "momentum and 1 − momentum",
    ("usual", "usual_rest"): "0.9 and 0.1",
}
GROUPS: dict[tuple[str, ...], str] = {
    ("moved_mean", "moved_variance"): "the new running statistics",
    ("left_mean", "left_variance"): "the running statistics after the test mode",
    ("deviation", "normal"): "the normalised x in the test mode",
}
HINTS = {"test": TEST, "unbiased": BIASED, "": RUNNING}


def _kept(word: str) -> dict[str, str]:
    """Plainer words for the running mean, variance or both."""
    are, has = ("are", "have") if word.endswith("s") else ("is", "has")
    running, new = f"the running {word}", f"the new running {word}"
    return {
        f"{running} in place of {new}": f"{running} {are} never updated",
        f"{running} in place of the batch's {word} in {new}": f"{running} {are} never updated",
        f"{new} in place of {running} after the test mode": f"the test mode updates {running}",
        f"the batch's {word} and {running} are exchanged in {new}": f"{running} {has} momentum the other way round",
        f"momentum and 1 − momentum are exchanged in {new}": f"{running} {has} momentum the other way round",
    }


SAID = {
    **_kept("mean"),
    **_kept("variance"),
    **_kept("statistics"),
    "the deviation in the test mode is squared": "the root is left out of the deviation",
    "beta is in brackets with the normalised x": "gamma scales beta as well",
    "x in the test mode in place of the output": "x in place of the output, without gamma and beta,",
    "the batch's statistics in place of the running statistics in the new": (
        "the batch's statistics in place of the new"
    ),
    " in the test mode in the ": " in the ",
}
ROWS = {
    "the test mode updates the running statistics before it uses them": {
        "deviation": "np.sqrt(moved_variance + eps)",
        "normal": "(x - moved_mean) / deviation",
        "left_mean": "moved_mean",
        "left_variance": "moved_variance",
    },
    "every call is training": {"tested": "trained", "left_mean": "moved_mean", "left_variance": "moved_variance"},
    "the running statistics are exchanged where they are kept": {
        "moved_mean": "momentum * variance + rest * batch_variance",
        "moved_variance": "momentum * mean + rest * batch_mean",
    },
    "the running mean is not scaled where scale and shift are one product and one sum": {
        "tested": "gamma / deviation * x + (beta - mean)",
    },
    "the running statistics move twice in each call": {
        "moved_mean": "momentum**2 * mean + (1 - momentum**2) * batch_mean",
        "moved_variance": "momentum**2 * variance + (1 - momentum**2) * batch_variance",
    },
}
RUNNING_NORM = RightText(
    LINES,
    (*GIVEN, *FURTHER),
    labels=LABELS,
    groups=GROUPS,
    hints=HINTS,
    without=OF_SHORT | {"reduction", "rows", "complement"},
    said=SAID,
    twins=TWINS,
    rows=tuple(ROWS.items()),
)
