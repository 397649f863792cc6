"""Ever smaller questions of the same kind as a case that fails, of which the first that fails alike is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds.layer import output_shape
from parity_tests.assignments.cs231n.kinds.networks import shapes_of
from parity_tests.harness.failing_case import Arrays, numbers
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Params
from parity_tests.protocol.quantity import Key

Trial = tuple[Case, Arrays]
Shapes = dict[str, list[int]]


def trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    """Smaller cases with their arrays, the smallest first; at last the case itself."""
    if case.probe == "layer":
        yield from _layers(case, drawn, key.call)
    elif case.probe == "loss":
        yield from _losses(case, key.call)
    elif case.probe == "steps":
        yield from _steps(case, drawn)
    elif case.probe == "network":
        yield _network(case, drawn)
    elif case.probe == "dropout":
        ones = np.ones(drawn["x"].shape, drawn["x"].dtype)
        yield case, {"x": ones, "dout": ones}
    yield case, drawn


def _layers(case: Case, drawn: Arrays, k: int) -> Iterator[Trial]:
    """One input alone, of a few elements and then as it was drawn."""
    params = case.params
    own = tuple(replace(q, key=replace(q.key, call=0)) for q in case.quantities if q.key.call == k)
    alone: dict[str, Any] = {
        name: [params[name][k]] for name in ("shapes", "modes", "memory", "suffixes") if name in params
    }
    alone |= {"calls": [["forward", 0], ["backward", 0]], "derivative": 0.0}
    alone["dicts"] = [{**params["dicts"][k], "of": 0}]
    one = replace(case, params={**params, **alone}, quantities=own)
    for shapes in _small_shapes(params, params["shapes"][k]):
        small = replace(one, params={**one.params, "shapes": [shapes]})
        arrays = {f"{name}_0": numbers(shape, i, case.dtype) for i, (name, shape) in enumerate(shapes.items())}
        arrays["dout_0"] = numbers(output_shape(params, shapes), len(shapes), case.dtype)
        yield small, arrays
    yield one, {f"{name}_0": drawn[f"{name}_{k}"] for name in [*params["arrays"], "dout"]}


def _small_shapes(params: Params, shapes: Shapes) -> Iterator[Shapes]:
    """Shapes of a few elements that the layer's setting allows."""
    layer, setting = params["layer"], params["setting"] or {}
    x = shapes["x"]
    if layer == "affine":
        for N, M, image in ((1, 1, [1]), (2, 1, [2]), (2, 3, [2]), (2, 3, [1, 2])):
            yield {"x": [N, *image], "w": [int(np.prod(image)), M], "b": [M]}
    elif layer == "relu":
        yield from ({"x": [n] * len(x)} for n in (1, 2))
    elif layer == "groupnorm":
        G = params["extra"][0]
        for N, per, places in ((1, 1, [1, 2]), (1, 2, [1, 2]), (2, 2, [2, 2])):
            yield {"x": [N, per * G, *places], "gamma": [1, per * G, 1, 1], "beta": [1, per * G, 1, 1]}
    elif layer in ("conv", "pool"):
        window = shapes["w"][2:] if layer == "conv" else [setting["pool_height"], setting["pool_width"]]
        pad, stride = setting.get("pad", 0), setting["stride"]
        least = [max(n - 2 * pad, 1) for n in window]
        images = [least, [n + stride for n in least], [least[0] + stride, least[1] + 2 * stride], x[2:]]
        for image in images:
            for n in (1, 2):
                found: Shapes = {"x": [n, n, *image]}
                if layer == "conv":
                    found |= {"w": [n, n, *window], "b": [n]}
                yield found
    else:
        for N, D in ((2, 1), (2, 2), (3, 2)):
            for places in ([],) if len(x) == 2 else ([1, 1], [1, 2], [2, 2]):
                yield {"x": [N, D, *places], "gamma": [D], "beta": [D]}


def _losses(case: Case, k: int) -> Iterator[Trial]:
    """One input of a few scores; what fails with a later input alone, or far apart, is shown as it is."""
    if k or case.params["slug"] == "far-apart":
        return
    own = tuple(q for q in case.quantities if q.key.call == 0)
    for N, C in ((1, 2), (2, 2), (2, 3)):
        params = {**case.params, "inputs": 1, "shapes": [[N, C]], "memory": [""]}
        arrays: Arrays = {"x_0": numbers((N, C), 0, case.dtype), "y_0": np.arange(N) % C}
        yield replace(case, params=params, quantities=own), arrays


def _steps(case: Case, drawn: Arrays) -> Iterator[Trial]:
    """Two weights of one element each."""
    arrays: dict[str, Any] = {}
    for name, array in drawn.items():
        first = array.reshape(len(array), -1)[:, :1] if name.startswith("dw_") else np.ravel(array)[:1]
        arrays[name] = np.round(first, 2)
    yield replace(case, params={**case.params, "shapes": [[1]] * case.params["weights"]}), arrays


def _network(case: Case, drawn: Arrays) -> Trial:
    """A network of two units a layer and two classes, on three examples a call."""
    params = case.params
    settings = {**params["settings"], "num_classes": 2}
    if params["class"] == "ThreeLayerConvNet":
        image = [1, 2, 4 if params["beyond"] else 2]
        settings |= {"input_dim": image, "num_filters": 1, "hidden_dim": 2}
    else:
        image = [1, 1, 2] if len(params["image"]) > 1 else [2]
        settings["input_dim"] = 2
        settings |= (
            {"hidden_dims": [2] * len(settings["hidden_dims"])} if "hidden_dims" in settings else {"hidden_dim": 2}
        )
    shapes, calls = shapes_of(params["class"], settings), range(len(params["labelled"]))
    small = {**params, "settings": settings, "image": image, "numbers": [3 for _ in calls], "parameters": shapes}
    arrays = {name: numbers(shape, i, case.dtype) for i, (name, shape) in enumerate(shapes.items())}
    arrays |= {f"X_{k}": numbers([3, *image], k, case.dtype) for k in calls}
    arrays |= {f"y_{k}": np.array([0, 1, 1]) for k in calls}
    return replace(case, params=small), {**drawn, **arrays}
