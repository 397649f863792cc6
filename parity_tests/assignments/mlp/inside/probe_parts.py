"""How cases of a single part are put to a submission: a layer, the loss, SGD, or a function of the support file.

A probe calls the submission and keeps what comes back, under a name and the number of the call: 0, 1, … for the first,
second, … call on the same object. It knows no answers and judges nothing. The submission's process loads this file by
its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

import inspect
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from parity_tests.assignments.mlp.inside import probe_layers
from parity_tests.assignments.mlp.inside.homework_names import WEIGHT_NAMES
from parity_tests.assignments.mlp.inside.probe_layers import goes_on, put, set_weights, shared

if TYPE_CHECKING:
    from parity_tests.assignments.mlp.inside.probe_layers import Arrays, Params
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission


def linear(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Forwards and backwards of linear layers in turn; at last, what a layer holds whose turn was over long before.

    With `one_layer` all are one, which is given the weights of each before its calls.
    """
    count = _objects(params)
    _make_others(params, submission.get("linear_layer"), params["D"], params["M"])
    weights = [(arrays[f"W_{i}"], arrays[f"b_{i}"]) for i in range(count)]
    if "one_layer" in params:
        layers = count * [probe_layers.linear_with(submission, *weights[0])]
    else:
        layers = [probe_layers.linear_with(submission, *one) for one in weights]

    def given(method: str, k: int) -> tuple[Arrays, tuple[Any, ...]]:
        if "one_layer" in params and method == "forward":
            set_weights(layers[0], *next(weights[i] for _, i, of in params["calls"] if of == k))
        return _X_and_grad(arrays, method, k)

    keep = partial(probe_layers.keep_gradients, recorder)
    if "kept" in params:
        recorder.add_fact("shared", shared(layers[0], layers[1], "gradient"))
    probe_layers.take_turns(submission, recorder, params, layers, given, keep)
    if "kept" in params:
        i, k = params["kept"]
        for key in ("W", "b"):
            recorder.call(f"gradient of {key} kept", lambda layer, key=key: layer.gradient[key], layers[i], call=k)


def _objects(params: Params) -> int:
    return 1 + max(int(i) for _, i, _ in params["calls"])


def _make_others(params: Params, cls: Any, *sizes: Any) -> None:
    """Make as many objects that nobody calls as a case asks for, so that its own are not the first of their class."""
    for _ in range(params.get("others", 0)):
        probe_layers.construct(cls, *sizes)


def _X_and_grad(arrays: Arrays, method: str, k: int) -> tuple[Arrays, tuple[Any, ...]]:  # noqa: N802 - the input's name
    """What a layer's method is called with, of input k."""
    names = ("X", "grad") if method == "backward" else ("X",)
    return {name: arrays[f"{name}_{k}"] for name in names}, ()


def init(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Two fresh linear layers, as their constructor makes them."""
    cls = submission.get("linear_layer")
    layers = []
    for k in range(2):
        layer = recorder.call(None, cls, params["D"], params["M"])
        bare = layer is not recorder.FAILED and getattr(layer, "__dict__", None) == {}
        if bare and recorder.fail_if_empty(cls.__init__, "linear_layer.__init__"):
            return
        for attribute, word in (("params", ""), ("gradient", "gradient of ")):
            for key in ("W", "b"):
                recorder.call(f"{word}{key}", lambda layer, a=attribute, key=key: getattr(layer, a)[key], layer, call=k)
        layers.append(layer)
    for attribute in ("params", "gradient"):
        recorder.call(f"{attribute} apart", lambda one, two, a=attribute: np.array(not shared(one, two, a)), *layers)


def elementwise(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Forwards and backwards of activations in turn."""
    _make_others(params, submission.get(params["layer"]))
    layers = [probe_layers.construct(submission.get(params["layer"])) for _ in range(_objects(params))]
    probe_layers.take_turns(submission, recorder, params, layers, partial(_X_and_grad, arrays))


def dropout(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Forwards, of training and of evaluation, and backwards of dropouts in turn, each with a rate of its own."""
    _make_others(params, submission.get("dropout"), params["rates"][0])
    layers = [_dropout(submission, r) for r in params["rates"]]
    for layer, r in zip(layers, params["rates"], strict=True):
        if not hasattr(layer, "r"):
            probe_layers.set_attribute(layer, "r", r)

    def given(method: str, k: int) -> tuple[Arrays, tuple[Any, ...]]:
        if method == "backward":
            return {"X": arrays[f"q_{k}"], "grad": arrays[f"grad_{k}"]}, ()
        return {"X": arrays[f"q_{k}"]}, (method == "forward",)

    probe_layers.take_turns(submission, recorder, params, layers, given)


def masks(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Several training forwards of one array without zeros: as many draws of the mask; the last on a new object.

    They are kept together, but for a result of another shape or type, which is kept alone.
    """
    layer, q = _dropout(submission, params["r"]), arrays["q"]
    outputs = []
    for k in range(params["calls"]):
        if k == params["calls"] - 1:
            layer = _dropout(submission, params["r"])
        s = recorder.call(None, probe_layers.method_of(submission, layer, "forward"), q.copy(), True)
        if type(s) is not np.ndarray or s.shape != q.shape or s.dtype.kind not in "fiub":
            recorder.keep("output", s)
            return
        outputs.append(s.copy())
    recorder.keep("outputs", np.stack(outputs))


def _dropout(submission: Submission, r: float) -> Any:
    return probe_layers.construct(submission.get("dropout"), r)


def loss(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Forwards and backwards of losses in turn."""
    layers = [probe_layers.construct(submission.get("softmax_cross_entropy")) for _ in range(_objects(params))]

    def given(method: str, k: int) -> tuple[Arrays, tuple[Any, ...]]:
        return {"X": arrays[f"X_{k}"], "Y": arrays[f"Y_{k}"]}, ()

    probe_layers.take_turns(submission, recorder, params, layers, given, output="loss")


# ---- SGD


def sgd(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Several steps from zero velocity, the submission keeping its own; gradients and learning rates are given.

    With several trainings a second model is moved in turn with the first, and then the first once more, from new
    weights and velocities.
    """
    function = probe_layers.sgd_function(submission)
    recorder.add_fact("signature", _signature(function))
    trainings = [_Training(submission, recorder, params, arrays, t) for t in range(min(2, params["trainings"]))]
    etas = [eta for eta, count in params["etas"] for _ in range(count)]
    told: dict[str, list[Any]] = {"returned": [], "velocity_along": []}
    for t, eta in enumerate(etas):
        if not all(training.step(function, t, eta, told) for training in trainings):
            return
    if params["trainings"] == len(TRAININGS):
        anew = _Training(submission, recorder, params, arrays, 2, trainings[0])
        for t, eta in enumerate(etas):
            if not anew.step(function, t, eta, told):
                return
        trainings.append(anew)
    for training in trainings:
        training.keep()


COPY = "copy"
"""What is told of a function that returns another model, with which training goes on."""
AGAINST = -1
"""What tells that a velocity points against the change of weights; one that does not is enough to be seen once."""
TRAININGS = ("", "_second", "_anew")
"""What the arrays of each training end with."""
WHEN_RAISED = "_when_raised"
"""What the arrays of weights end with that were seen when the first call raised an exception."""
WITHOUT_PARAMETERS = ("relu", "dropout", "softmax_cross_entropy")


class _Training:
    """A model whose gradients are given, its velocities, and its weights after each step."""

    def __init__(
        self,
        submission: Submission,
        recorder: CallRecorder,
        params: Params,
        arrays: Arrays,
        number: int,
        before: _Training | None = None,
    ) -> None:
        """`before` is a training whose model goes on, with these weights."""
        self.edition, self.recorder, self.params, self.arrays = submission.edition, recorder, params, arrays
        self.layers = {name: (layer, TRAININGS[number]) for layer, name, *_ in params["layers"]}
        if before is None:
            self.model: dict[str, Any] = _bare_model(submission, params, self._given())
        else:
            self.model = before.model
            self._set_weights()
        self.momentum = None if params["momentum"] == "none" and params["alpha"] <= 0 else self._zeros()
        self.path: dict[str, list[Any]] = {self._array(*weight): [] for weight in self._weights()}
        self.watch = probe_layers.Watch(submission, recorder)

    def _given(self) -> dict[str, list[np.ndarray]]:
        """Copies of the weights to start from: W and b of each layer."""
        return {name: [self.arrays[self._array(name, key)].copy() for key in ("W", "b")] for name in self.layers}

    def _set_weights(self) -> None:
        for name, given in self._given().items():
            set_weights(self.model[name], *given)

    def step(self, function: Any, t: int, eta: float, told: dict[str, list[Any]]) -> bool:
        """Give the gradients of step t, call SGD, and copy the weights; False where that fails."""
        for name, key in self._weights():
            array = self._array(name, key)
            gradient = self.arrays[f"{array}_gradient"][t].copy()
            put(self.model[name], "gradient", key, self.watch.add(f"gradient of {array}", gradient))
        first = self._array(*next(self._weights()))
        before = self.path[first][-1] if self.path[first] else self.arrays[first]
        result = self._call(function, eta)
        self.watch.look(first, t)
        FAILED = self.recorder.FAILED
        if result is not FAILED:
            copied = goes_on(self.model, result)
            other = COPY if copied else "nothing" if result is None else type(result).__name__
            self._tell(told, "returned", "model" if result is self.model else other)
            self.model = result if copied else self.model
        after = self.recorder.call(None, lambda _: [self._copy(*weight) for weight in self._weights()], result)
        if after is FAILED:
            if t == 0:
                self._keep_when_raised()
            return False
        for path, value in zip(self.path.values(), after, strict=True):
            path.append(value)
        if self.params["alpha"] > 0 and all(sign == AGAINST for sign in told["velocity_along"]):
            name, key = next(self._weights())
            velocity = self.momentum.get(f"{name}_{key}") if isinstance(self.momentum, dict) else None
            self._tell(told, "velocity_along", _direction(velocity, before, after[0]))
        return True

    def _tell(self, told: dict[str, list[Any]], key: str, seen: Any) -> None:
        """Add the fact `key` of all that was seen so far; what was seen before is not said again."""
        if seen not in told[key]:
            told[key].append(seen)
            self.recorder.add_fact(key, told[key])

    def keep(self) -> None:
        """Keep each weight over all steps, at once where they are alike."""
        for array, path in self.path.items():
            if len({(type(w), getattr(w, "shape", None), getattr(w, "dtype", None)) for w in path}) == 1 and (
                type(path[0]) is np.ndarray and path[0].dtype.kind in "fiub"
            ):
                self.recorder.keep(array, np.stack(path))
                continue
            for t, value in enumerate(path):
                self.recorder.keep(array, value, t + 1)

    def _keep_when_raised(self) -> None:
        """Keep the weights as the first call, which failed, has left them: it may have moved them before."""
        for weight in self._weights():
            self.recorder.call(f"{self._array(*weight)}{WHEN_RAISED}", self._copy, *weight)

    def _call(self, function: Any, eta: float) -> Any:
        """One call; where it fails on velocities of None, another with zeros, a first one from the weights given."""
        result = self._ask(function, eta)
        if result is self.recorder.FAILED and self.momentum is None:
            self.momentum = self._zeros()
            if not any(self.path.values()):
                self._set_weights()
            result = self._ask(function, eta)
            if result is not self.recorder.FAILED:
                self.recorder.add_fact("momentum_none", True)
                self.recorder.withdraw_failure()
        return result

    def _ask(self, function: Any, eta: float) -> Any:
        arguments = probe_layers.sgd_arguments(self.edition, self.momentum, self.params, eta)
        return self.recorder.call(None, function, self.model, *arguments)

    def _weights(self) -> Iterator[tuple[str, str]]:
        return ((name, key) for name in self.layers for key in ("W", "b"))

    def _array(self, name: str, key: str) -> str:
        layer, training = self.layers[name]
        return f"{layer}_{key}{training}"

    def _zeros(self) -> dict[str, np.ndarray]:
        return {f"{name}_{key}": np.zeros_like(self.arrays[self._array(name, key)]) for name, key in self._weights()}

    def _copy(self, name: str, key: str) -> Any:
        """A copy of a weight as it is now; itself where it is no array."""
        value = self.model[name].params[key]
        return value.copy() if type(value) is np.ndarray else value


def _bare_model(submission: Submission, params: Params, weights: Mapping[str, list[np.ndarray]]) -> dict[str, Any]:
    """A model of layers with these weights and of modules without parameters, if possible without constructors."""
    model: dict[str, Any] = {}
    for i, name in enumerate(params["modules"]):
        if name in weights:
            model[name] = probe_layers.bare_linear(submission, *weights[name])
            continue
        model[name] = probe_layers.bare(submission, WITHOUT_PARAMETERS[i % len(WITHOUT_PARAMETERS)])
        for attribute in ("params", "gradient"):
            if attribute in getattr(model[name], "__dict__", {}):
                delattr(model[name], attribute)
    return model


def _signature(function: Any) -> str:
    """The parameters of a function as its author wrote them, "?" where they cannot be told."""
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "?"


def _direction(velocity: Any, before: Any, after: Any) -> int:
    """Whether a velocity points along the change of weights (1) or against it (−1); 0: it cannot be told."""
    if any(type(array) is not np.ndarray or array.dtype.kind != "f" for array in (velocity, before, after)):
        return 0
    if not velocity.shape == before.shape == after.shape:
        return 0
    along = float(np.sum(velocity * (after - before)))
    return int(np.sign(along)) if math.isfinite(along) else 0


# ---- the support file


def labels(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """predict_label of each array."""
    for k in range(len(arrays)):
        recorder.call("labels", submission.get("predict_label"), arrays[f"f_{k}"], call=k)


def split(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """DataSplit: its sizes, a few examples by index, and one; another of other sizes has been made meanwhile."""
    data = recorder.call(None, submission.get("DataSplit"), arrays["X"], arrays["Y"])
    recorder.call(None, submission.get("DataSplit"), arrays["X"][1:, 1:], arrays["Y"][1:])
    recorder.call("N", lambda data: data.N, data)
    recorder.call("d", lambda data: data.d, data)
    for k, idx in enumerate((arrays["idx"], arrays["idx"][:1])):
        examples = recorder.call(None, lambda data, idx=idx: data.get_example(idx), data)
        recorder.call("examples", lambda pair: pair[0], examples, call=k)
        recorder.call("labels", lambda pair: pair[1], examples, call=k)


def velocities(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """add_momentum on a model of two linear layers and a module without parameters; then on layers that are alike."""
    layers = {
        name: probe_layers.linear_with(submission, arrays[f"{name}_W"], arrays[f"{name}_b"]) for name in ("L1", "L2")
    }
    for name, layer in layers.items():
        for key in ("W", "b"):
            put(layer, "gradient", key, arrays[f"{name}_{key}"].copy())
    model = {"L1": layers["L1"], "nonlinear1": probe_layers.bare(submission, "relu"), "L2": layers["L2"]}
    made = recorder.call(None, submission.get("add_momentum"), model)
    recorder.call("keys", lambda made: np.array(sorted(made) == sorted(WEIGHT_NAMES)), made)
    for name in WEIGHT_NAMES:
        recorder.call(f"velocity {name}", lambda made, name=name: made[name], made)
    alike = {name: probe_layers.linear_with(submission, arrays["L1_W"], arrays["L1_b"]) for name in params["alike"]}
    for layer in alike.values():
        for key in ("W", "b"):
            put(layer, "gradient", key, arrays[f"L1_{key}"].copy())
    made = recorder.call(None, submission.get("add_momentum"), dict(alike))
    asked = sorted(f"{name}_{key}" for name in alike for key in ("W", "b"))
    recorder.call("keys", lambda made: np.array(sorted(made) == asked), made, call=1)
    recorder.call("apart", lambda made: np.array(not _share_memory(made.values())), made)


def _share_memory(arrays: Iterable[Any]) -> bool:
    return any(np.shares_memory(one, other) for one, other in itertools.combinations(arrays, 2))


def loader(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """data_loader_mnist on a small JSON file."""
    splits = ("train", "valid", "test")
    content = {split: [arrays[f"X{split}"].tolist(), arrays[f"Y{split}"].tolist()] for split in splits}
    Path("digits.json").write_text(json.dumps(content))
    parts = recorder.call(None, submission.get("data_loader_mnist"), "digits.json")
    for i, split in enumerate(splits):
        recorder.call(f"X{split}", lambda parts, i=i: np.asarray(parts[2 * i]), parts)
        recorder.call(f"Y{split}", lambda parts, i=i: np.asarray(parts[2 * i + 1]).reshape(-1), parts)
