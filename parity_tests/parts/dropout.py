"""Dropout, forward and backward, for what is kept of an input; in evaluation it is the identity."""

from __future__ import annotations

from parity_tests.parts.right_text import RightText

SCALE = "The mean must stay what it was before elements were dropped: what undoes the loss of a share?"
SAME = "The backward must let through exactly what the forward let through, scaled alike."
DRAWN = "Each training forward draws its own numbers for every element, and keeps what it dropped for its backward."
EVALUATION = "Scaling in training is there so that evaluation needs none."

FORWARD = """
scale = one / share  # the scale
mask = kept * scale  # the mask
out = x * mask  # out
"""
BACKWARD = """
scale = one / share  # the scale
mask = kept * scale  # the mask
dx = dout * mask  # dx
"""
IN_EVALUATION = "out = x  # out"
NAMES = {
    "one": "1",
    "kept": "what is kept",
    "dropped": "what is dropped",
    "earlier": "what an earlier call kept",
    "by_size": "what lies above the rate in x",
    "share": "the share that is kept",
    "rate": "the share that is dropped",
}
IN_MODES = {"share": NAMES["share"], "rate": NAMES["rate"], "of_training": "the result of training"}
HINTS = {"earlier": DRAWN, "lies above": DRAWN}
SAID = {
    "1 in place of what is kept in the mask": "the mask drops nothing, and scales",
    "1 − what is kept in place of": "what is dropped in place of",
    "1 − the share that is kept in place of": "the share that is dropped in place of",
    "the mask is squared in out": "out is divided by the share that is kept once too often",
    "the mask is squared in dx": "dx is divided by the share that is kept once too often",
}
BY_CHANCE = ("the share that happened to be kept in place of the share that is kept", {"scale": "one / kept.mean()"})
"""What is right on average alone."""
ON = {"the result of training in place of out": "dropout is on"}
DROPOUT_FORWARD = RightText(
    FORWARD, ("x", *NAMES), labels=NAMES, hints={**HINTS, "": SCALE}, said=SAID, rows=(BY_CHANCE,)
)
DROPOUT_BACKWARD = RightText(
    BACKWARD, ("dout", "x", *NAMES), labels=NAMES, hints={**HINTS, "": SAME}, said=SAID, rows=(BY_CHANCE,)
)
DROPOUT_IN_EVALUATION = RightText(IN_EVALUATION, ("x", *IN_MODES), labels=IN_MODES, hints={"": EVALUATION}, said=ON)
