"""Spatial batch norm's questions, put to batch norm as well: the places of the same images as rows.

Where spatial batch norm calls batch norm, this tells whose mistake it is, without any right part beside the
submission's: who turns images into rows and back returns what its own batch norm returned, whatever that is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Params
from parity_tests.protocol.quantity import Quantity

CALLED = {
    "spatial_batchnorm_forward": ("batchnorm_forward",),
    "spatial_batchnorm_backward": ("batchnorm_backward", "batchnorm_backward_alt"),
}
"""What the functions on images call, by their names; the names of the second one's results begin with "alt"."""


def as_rows(case: Case) -> Case:
    """The question to batch norm in a question to spatial batch norm, which draws its arrays from their own seed."""
    params = case.params
    images = params["shapes"]
    backward = [called for function in params["backward"] for called in CALLED[function]]
    shapes = [{**shape, "x": [_count(shape["x"]), shape["x"][1]]} for shape in images]
    _, slug, dtype = case.name.split("/")
    rows = []
    for q in case.quantities:
        for number, called in enumerate(CALLED[q.part]):
            alt = "alt " * number
            rows.append(Quantity(f"{alt}{q.name}", called, replace(q.key, name=f"{alt}{q.key.name}")))
    own = {
        **params,
        "layer": "batchnorm",
        "forward": CALLED[params["forward"]][0],
        "backward": backward,
        "shapes": shapes,
        "images": images,
        "derivative": 0.0,
        "rows_of": case.name,
    }
    title = f"batch norm on the places of images as rows, {case.title.partition(' norm ')[2]}"
    return Case(f"batchnorm/rows-{slug}/{dtype}", "batchnorm", title, dtype, case.probe, own, tuple(rows))


def _count(image: list[int]) -> int:
    N, _, H, W = image
    return N * H * W


def arrays_as_rows(params: Params, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays of a case, the images among them as rows where the case asks for rows."""
    if "rows_of" not in params:
        return arrays
    return {name: to_rows(array) if array.ndim == 4 else array for name, array in arrays.items()}


def to_rows(images: NDArray[Any]) -> NDArray[Any]:
    """N×C×H×W as (N·H·W)×C."""
    return images.transpose(0, 2, 3, 1).reshape(-1, images.shape[1])
