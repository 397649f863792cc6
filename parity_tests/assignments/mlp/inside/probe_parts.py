"""How cases of a single part are put to a submission: a layer, the loss, SGD, or a function of the support file.

A probe calls the submission and keeps what comes back, under a name and the number of the call: 0, 1, … for the first,
second, … call on the same object. It knows no answers and judges nothing. The submission's process loads this file by
its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from parity_tests.assignments.mlp.inside import probe_layers
    from parity_tests.assignments.mlp.inside.homework_names import WEIGHT_NAMES
    from parity_tests.assignments.mlp.inside.probe_layers import Arrays, Params
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission
else:
    import probe_layers
    from homework_names import WEIGHT_NAMES


def linear(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Forward–backward pairs on one linear layer; with `again`, a second backward after the last."""
    layer = probe_layers.linear_with(submission, arrays["W"], arrays["b"])
    watch = probe_layers.Watch(submission, recorder)
    pairs = list(enumerate(zip(arrays["X"], arrays["grad"], strict=True)))
    for k, (X, grad) in pairs:
        watch.forward(layer, X, k)
        back = watch.backward(layer, X, grad, k)
        probe_layers.keep_gradients(recorder, layer, back, k)
    if params.get("again"):
        k, (X, grad) = pairs[-1]
        back = watch.backward(layer, X, grad, k + 1)
        probe_layers.keep_gradients(recorder, layer, back, k + 1)


def init(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Two fresh linear layers, as their constructor makes them."""
    cls = submission.get("linear_layer")
    for k in range(2):
        layer = recorder.call(None, cls, params["D"], params["M"])
        for attribute, word in (("params", ""), ("gradient", "gradient of ")):
            for key in ("W", "b"):
                recorder.call(f"{word}{key}", lambda layer, a=attribute, key=key: getattr(layer, a)[key], layer, call=k)


def elementwise(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Forward–backward pairs on one activation object."""
    layer = probe_layers.construct(submission.get(params["layer"]))
    watch = probe_layers.Watch(submission, recorder)
    for k, (X, grad) in enumerate(zip(arrays["X"], arrays["grad"], strict=True)):
        watch.forward(layer, X, k)
        watch.backward(layer, X, grad, k)


def dropout(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Training forward–backward pairs on one dropout object; with `evaluate`, the last one has is_train=False."""
    layer = _dropout(submission, params["r"])
    if not hasattr(layer, "r"):
        layer.r = params["r"]
    watch = probe_layers.Watch(submission, recorder)
    last = len(arrays["q"]) - 1
    for k, (q, grad) in enumerate(zip(arrays["q"], arrays["grad"], strict=True)):
        is_train = not (params.get("evaluate") and k == last)
        watch.forward(layer, q, k, is_train)
        watch.backward(layer, q, grad, k)


def masks(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Several training forwards of one array without zeros: as many draws of the mask; the last on a new object."""
    layer = _dropout(submission, params["r"])
    for k in range(params["calls"]):
        if k == params["calls"] - 1:
            layer = _dropout(submission, params["r"])
        recorder.call("output", probe_layers.method_of(submission, layer, "forward"), arrays["q"].copy(), True, call=k)


def _dropout(submission: Submission, r: float) -> Any:
    return probe_layers.construct(submission.get("dropout"), r)


def loss(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """softmax_cross_entropy: one forward and one backward."""
    layer = probe_layers.construct(submission.get("softmax_cross_entropy"))
    watch = probe_layers.Watch(submission, recorder)
    X, Y = watch.add("X", arrays["X"].copy()), watch.add("Y", arrays["Y"].copy())
    recorder.call("loss", probe_layers.method_of(submission, layer, "forward"), X, Y)
    watch.look("loss")
    recorder.call(
        "gradient of X", probe_layers.method_of(submission, layer, "backward"), arrays["X"].copy(), arrays["Y"].copy()
    )


# ---- SGD


def sgd(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Several steps from zero velocity, the submission keeping its own; gradients and learning rates are given."""
    function = probe_layers.sgd_function(submission)
    recorder.add_fact("signature", _signature(function))
    layers, model = _bare_model(submission, arrays)
    momentum = None if params["alpha"] <= 0 else _zeros(arrays)
    returned: list[str] = []
    directions: list[int] = []
    watch = probe_layers.Watch(submission, recorder)
    for t, eta in enumerate(params["etas"]):
        for name in WEIGHT_NAMES:
            layer, key = name.split("_")
            gradient = arrays[f"{name}_gradient"][t].copy()
            layers[layer].gradient[key] = watch.add(f"gradient of {name}", gradient)
        before = _copy_of_W(layers["L1"])
        result = recorder.call(
            None, function, model, *probe_layers.sgd_arguments(submission.edition, momentum, params, eta)
        )
        if result is recorder.FAILED and momentum is None:
            momentum = _zeros(arrays)
            recorder.add_fact("momentum_none", True)
            result = recorder.call(
                None, function, model, *probe_layers.sgd_arguments(submission.edition, momentum, params, eta)
            )
            if result is not recorder.FAILED:
                recorder.withdraw_failure()
        watch.look("L1_W", t)
        if result is not recorder.FAILED:
            returned.append("model" if result is model else "nothing" if result is None else type(result).__name__)
        for name in WEIGHT_NAMES:
            layer, key = name.split("_")
            recorder.call(name, lambda _, layer=layer, key=key: layers[layer].params[key], result, call=t)
        recorder.add_fact("returned", returned)
        if result is recorder.FAILED:
            return
        if params["alpha"] > 0:
            directions.append(_direction(momentum, before, _copy_of_W(layers["L1"])))
            recorder.add_fact("velocity_along", directions)


def _bare_model(submission: Submission, arrays: Arrays) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two layers with these weights, made without the submission's constructors; and the model that they are in."""
    layers = {}
    for name in ("L1", "L2"):
        layers[name] = probe_layers.bare(submission, "linear_layer")
        layers[name].params = {key: arrays[f"{name}_{key}"].copy() for key in ("W", "b")}
        layers[name].gradient = {key: np.zeros_like(layers[name].params[key]) for key in ("W", "b")}
    activation = probe_layers.bare(submission, "relu")
    for attribute in ("params", "gradient"):
        if attribute in getattr(activation, "__dict__", {}):
            delattr(activation, attribute)
    return layers, {"L1": layers["L1"], "nonlinear1": activation, "L2": layers["L2"]}


def _zeros(arrays: Arrays) -> dict[str, np.ndarray]:
    return {name: np.zeros_like(arrays[name]) for name in WEIGHT_NAMES}


def _signature(function: Any) -> str:
    """The parameters of a function as its author wrote them, "?" where they cannot be told."""
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "?"


def _copy_of_W(layer: Any) -> np.ndarray | None:  # noqa: N802 - the weight's name
    """A copy of the layer's W; None where what it keeps is no array any more."""
    W = probe_layers.parameter(layer, "W")
    return W.copy() if type(W) is np.ndarray and W.dtype.kind == "f" else None


def _direction(momentum: Any, before: np.ndarray | None, after: np.ndarray | None) -> int:
    """Whether the velocity of L1_W points along the change of weights (1) or against it (−1); 0: it cannot be told."""
    velocity = momentum.get("L1_W") if isinstance(momentum, dict) else None
    if before is None or after is None or type(velocity) is not np.ndarray or velocity.dtype.kind != "f":
        return 0
    return int(np.sign(np.sum(velocity * (after - before)))) if velocity.shape == before.shape == after.shape else 0


# ---- the support file


def labels(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """predict_label."""
    recorder.call("labels", submission.get("predict_label"), arrays["f"])


def split(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """DataSplit: its sizes, and a few examples by index."""
    data = recorder.call(None, submission.get("DataSplit"), arrays["X"], arrays["Y"])
    recorder.call("N", lambda data: data.N, data)
    recorder.call("d", lambda data: data.d, data)
    examples = recorder.call(None, lambda data: data.get_example(arrays["idx"]), data)
    recorder.call("examples", lambda pair: pair[0], examples)
    recorder.call("labels", lambda pair: pair[1], examples)


def velocities(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """add_momentum on a model of two linear layers and a module without parameters."""
    layers = {
        name: probe_layers.linear_with(submission, arrays[f"{name}_W"], arrays[f"{name}_b"]) for name in ("L1", "L2")
    }
    for name, layer in layers.items():
        layer.gradient = {key: arrays[f"{name}_{key}"].copy() for key in ("W", "b")}
    model = {"L1": layers["L1"], "nonlinear1": probe_layers.bare(submission, "relu"), "L2": layers["L2"]}
    made = recorder.call(None, submission.get("add_momentum"), model)
    recorder.call("keys", lambda made: np.array(sorted(made) == sorted(WEIGHT_NAMES)), made)
    for name in WEIGHT_NAMES:
        recorder.call(f"velocity {name}", lambda made, name=name: made[name], made)


def loader(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """data_loader_mnist on a small JSON file."""
    splits = ("train", "valid", "test")
    content = {split: [arrays[f"X{split}"].tolist(), arrays[f"Y{split}"].tolist()] for split in splits}
    Path("digits.json").write_text(json.dumps(content))
    parts = recorder.call(None, submission.get("data_loader_mnist"), "digits.json")
    for i, split in enumerate(splits):
        recorder.call(f"X{split}", lambda parts, i=i: np.asarray(parts[2 * i]), parts)
        recorder.call(f"Y{split}", lambda parts, i=i: np.asarray(parts[2 * i + 1]).reshape(-1), parts)
