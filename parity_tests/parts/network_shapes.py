"""The shapes of a network's parameters, and how many numbers of an image a convolution and a pool hand on to W2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from parity_tests.parts.right_text import RightText

FLAT = "The convolution is padded such that it keeps the size of an image, and the pool halves both of its sides."
SHAPES = "W is inputs × outputs, b, gamma and beta have as many numbers as a layer has outputs."
GIVEN = "The settings of a network are those that it is made with."
WITHOUT = frozenset(("exchanged", "operation", "brackets"))
OF_LAYERS = """
rows = 1 * inputs  # the shape of the weights
columns = 1 * outputs  # the shape of the weights
bias = 1 * outputs  # the shape of the biases
scale = 1 * outputs[:-1]  # the shape of gammas and betas
"""
SIZES = {"inputs": "the number of inputs", "outputs": "the number of outputs"}
LAYER_SHAPES = RightText(
    OF_LAYERS,
    (),
    tuple(SIZES),
    (),
    SIZES,
    hints={"whatever": GIVEN, "": SHAPES},
    without=WITHOUT,
    alike=(tuple(SIZES),),
    places=frozenset(("rows", "columns", "bias", "scale")),
    rows=(
        (
            "the number of outputs and the number of inputs are exchanged in the shape of the weights",
            {"rows": "outputs", "columns": "inputs"},
        ),
    ),
)
OF_IMAGES = """
pad = (filter_size - one) // two  # the padding of the convolution
width = two  # the width of the pool
stride = two  # the stride of the pool
image = sides + two * pad - filter_size + one  # the image after the convolution
pooled = (image - width) // stride + one  # the image after the pool
high = pooled[0]  # the image's height after the pool
wide = pooled[1]  # the image's width after the pool
flat = filters * high * wide  # the number of pooled numbers
maps = 1 * num_filters  # the shape of W1
depth = 1 * channels  # the shape of W1
side = 1 * filter_size  # the shape of W1
bias1 = 1 * num_filters  # the shape of b1
units = 1 * hidden_dim  # the shape of W2
bias2 = 1 * hidden_dim  # the shape of b2
inner = 1 * hidden_dim  # the shape of W3
scores = 1 * num_classes  # the shape of W3
bias3 = 1 * num_classes  # the shape of b3
"""
SETTINGS = ("num_filters", "channels", "filter_size", "hidden_dim", "num_classes", "flat")
NUMERALS = {"none": "0", "one": "1", "two": "2", "three": "3"}
OF_SIZES = {
    "filters": "the number of filters",
    "size": "the size of the filters",
    "hidden": "the number of hidden units",
}
_LINES = [line.partition(" = ")[0] for line in OF_IMAGES.strip().splitlines()]
IMAGE_SHAPES = RightText(
    OF_IMAGES,
    ("sides",),
    (*SETTINGS[:-1], *OF_SIZES, *NUMERALS),
    (),
    {
        **NUMERALS,
        **OF_SIZES,
        "sides": "the image",
        "channels": "the number of channels",
        "two * pad": "the padding on both sides",
    },
    groups={("width", "stride"): "the pool's width and stride"},
    hints={"whatever": GIVEN, "shape": SHAPES, "": FLAT},
    without=WITHOUT,
    alike=(
        ("sides", "image", "pooled", "high", "wide"),
        (*NUMERALS, "pad"),
        (*NUMERALS, "width", "stride"),
        SETTINGS,
        (*OF_SIZES, "channels"),
    ),
    places=frozenset(_LINES),
    rows=(
        (
            "the number of channels and num_filters are exchanged in the shape of W1",
            {"maps": "channels", "depth": "num_filters"},
        ),
        (
            "num_classes and hidden_dim are exchanged in the shape of W3",
            {"inner": "num_classes", "scores": "hidden_dim"},
        ),
        (
            "flat and hidden_dim are exchanged in the shape of W2",
            {"flat": "hidden_dim", "units": "filters * high * wide"},
        ),
    ),
)
RESULTS: Mapping[str, str] = {
    **{"W": "rows columns", "b": "bias", "gamma": "scale", "beta": "scale"},
    **{"W1": "maps depth side side", "b1": "bias1", "W2": "flat units", "b2": "bias2"},
    **{"W3": "inner scores", "b3": "bias3"},
}
"""What the texts call the shape of a parameter: of a convolutional network of each, else of those of a kind."""


def of_layers(shapes: Sequence[Sequence[int]]) -> dict[str, Any]:
    """The names of the text of layers, by the shapes of their weights."""
    inputs, outputs = np.array(shapes).T
    return {"inputs": inputs, "outputs": outputs}


def of_images(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The names of the text of images, by what a network is made with."""
    channels, *sides = settings["input_dim"]
    short = {"filters": "num_filters", "size": "filter_size", "hidden": "hidden_dim"}
    names = {name: settings[name] for name in (*short.values(), "num_classes")}
    names |= {one: settings[name] for one, name in short.items()}
    return {**names, **dict(zip(NUMERALS, range(4), strict=True)), "sides": np.array(sides), "channels": channels}
