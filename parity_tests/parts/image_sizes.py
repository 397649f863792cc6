"""How many numbers of an image a convolution and a pool hand on to the next layer, side by side."""

from __future__ import annotations

from parity_tests.parts.right_text import RightText

FLAT = "The convolution is padded such that it keeps the size of an image, and the pool halves both of its sides."
LINES = """
pad = (size - one) // two  # the padding of the convolution
width = two  # the width of the pool
stride = two  # the stride of the pool
image = sides + two * pad - size + one  # the image after the convolution
pooled = (image - width) // stride + one  # the image after the pool
high = pooled[0]  # the image's height after the pool
wide = pooled[1]  # the image's width after the pool
flat = filters * high * wide  # the number of pooled numbers
"""
SETTINGS = {
    "filters": "the number of filters",
    "channels": "the number of channels",
    "size": "the size of the filters",
    "hidden": "the number of hidden units",
    "none": "0",
    "one": "1",
    "two": "2",
    "three": "3",
}
NUMERALS = {"none", "one", "two", "three"}
SIDES = ("sides", "image", "pooled", "high", "wide")
"""What is a side of an image: no setting stands for one."""
WITHOUT = frozenset(("exchanged", "factor", "inner factor", "operation", "term", "power", "complement", "brackets"))
WITHOUT |= {"of a name", "rows", "nothing", "sign", "activation", "base", "whole"}
IMAGE_SIZES = RightText(
    LINES,
    ("sides",),
    tuple(SETTINGS),
    (),
    {**SETTINGS, "sides": "the image", "two * pad": "the padding on both sides"},
    groups={("width", "stride"): "the pool's width and stride"},
    hints={"": FLAT},
    without=WITHOUT,
)
