"""How each kind of case is put to a submission. Runs beside it in the worker: numpy and the standard library only.

A probe calls the submission and keeps what comes back, under a name and the number of the call: 0, 1, … for the first,
second, … round of calls on the same object. It knows no answers and judges nothing.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
Params = Mapping[str, Any]
WEIGHTS = ("L1_W", "L1_b", "L2_W", "L2_b")
SGD_NAMES = ("miniBatchStochasticGradientDescent", "miniBatchGradientDescent")


class Watched:
    """Arrays that a call was given or had returned, to be found out when a later call overwrites them."""

    def __init__(self, recorder: Any) -> None:
        self.recorder = recorder
        self.arrays: dict[str, tuple[Any, Any, Any, bytes]] = {}

    def watch(self, label: str, array: Any) -> Any:
        """Remember how `array` looks now; returns it."""
        if isinstance(array, np.ndarray) and array.dtype != object:
            self.arrays[label] = (array, array.shape, array.dtype, array.tobytes())
        return array

    def look(self, name: str, call: int = 0) -> None:
        """Say which of the watched arrays the call of this name and number changed; remember them as they are now."""
        changed = []
        for label, (array, shape, dtype, content) in list(self.arrays.items()):
            same = array.shape == shape and array.dtype == dtype
            if not (same and (array.tobytes() == content or _alike(array, np.ndarray(shape, dtype, content)))):
                changed.append(label)
                self.watch(label, array)
        if changed:
            self.recorder.add_overwritten(name, call, changed)


def _alike(array: np.ndarray, before: np.ndarray) -> bool:
    """Whether all elements are the same, whatever their bytes: zeros of either sign, and any NaN."""
    return np.array_equal(array, before, equal_nan=array.dtype.kind == "f")


def construct(cls: Any, *sizes: Any) -> Any:
    """An object of `cls`; one without its constructor's work where that raises (init is a case of its own)."""
    is_class = isinstance(cls, type)
    try:
        return cls(*sizes)
    except Exception:
        if not is_class:
            raise
        return cls.__new__(cls)


def method_of(submission: Any, layer: Any, name: str) -> Any:
    """The layer's method; where its class defines none, a function that says so when it is called."""
    found = getattr(layer, name, None)
    return found if found is not None else lambda *_: submission.get(f"{type(layer).__name__}.{name}")


def set_entry(layer: Any, attribute: str, key: str, array: np.ndarray) -> None:
    """Put `array` where the layer keeps params[key] or gradient[key], and where it keeps the very same array else."""
    entries = getattr(layer, attribute, None)
    if not isinstance(entries, dict):
        entries = {}
        setattr(layer, attribute, entries)
    old = entries.get(key)
    entries[key] = array
    for name, value in list(getattr(layer, "__dict__", {}).items()):
        if old is not None and value is old:
            setattr(layer, name, array)


def set_weights(layer: Any, W: np.ndarray, b: np.ndarray) -> None:
    """Give the layer these weights (b 1×M, or flat where its own constructor made a flat one)."""
    params = getattr(layer, "params", None)
    own = params.get("b") if isinstance(params, dict) else None
    flat = isinstance(own, np.ndarray) and own.shape == (b.size,)
    set_entry(layer, "params", "W", W)
    set_entry(layer, "params", "b", b.reshape(-1) if flat else b)


def linear_with(submission: Any, W: np.ndarray, b: np.ndarray) -> Any:
    """The submission's linear layer with the given weights."""
    layer = construct(submission.get("linear_layer"), *W.shape)
    set_weights(layer, W, b)
    if not isinstance(getattr(layer, "gradient", None), dict):
        layer.gradient = {"W": np.zeros_like(W), "b": np.zeros_like(b)}
    return layer


def back_or_none(recorder: Any, result: Any) -> Any:
    """An argument that makes the recorder skip a call which only makes sense after `result` was returned."""
    return result if result is recorder.FAILED else None


def keep_gradients(recorder: Any, layer: Any, back: Any, call: int, prefix: str = "") -> None:
    """Keep gradient['W'] and gradient['b'] after a backward that returned `back` (FAILED: it did not return)."""
    for key in ("W", "b"):
        recorder.call(
            f"{prefix}gradient of {key}",
            lambda _, key=key: layer.gradient[key],
            back_or_none(recorder, back),
            call=call,
        )


def linear(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """Forward–backward pairs on one linear layer; with `again`, a second backward after the last."""
    layer = linear_with(submission, arrays["W"], arrays["b"])
    watched = Watched(recorder)
    pairs = len(arrays["X"])
    for k in range(pairs):
        X, grad = (watched.watch(n, arrays[n][k].copy()) for n in ("X", "grad"))
        watched.watch("output", recorder.call("output", method_of(submission, layer, "forward"), X, call=k))
        watched.look("output", k)
        _linear_backward(submission, recorder, layer, watched, arrays["X"][k].copy(), grad, k)
    if params.get("again"):
        _linear_backward(submission, recorder, layer, watched, arrays["X"][-1].copy(), arrays["grad"][-1].copy(), pairs)


def _linear_backward(
    submission: Any, recorder: Any, layer: Any, watched: Watched, X: Any, grad: Any, call: int
) -> None:
    watched.watch("X", X)
    watched.watch("grad", grad)
    back = recorder.call("gradient of X", method_of(submission, layer, "backward"), X, grad, call=call)
    watched.look("gradient of X", call)
    keep_gradients(recorder, layer, back, call)


def init(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """Two fresh linear layers, as their constructor makes them."""
    cls = submission.get("linear_layer")
    D, M = params["D"], params["M"]
    for k in range(2):
        layer = recorder.call(None, cls, D, M)
        for attribute, word in (("params", ""), ("gradient", "gradient of ")):
            for key in ("W", "b"):
                recorder.call(f"{word}{key}", lambda layer, a=attribute, key=key: getattr(layer, a)[key], layer, call=k)


def elementwise(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """Forward–backward pairs on one activation object."""
    layer = construct(submission.get(params["layer"]))
    watched = Watched(recorder)
    for k in range(len(arrays["X"])):
        X = watched.watch("X", arrays["X"][k].copy())
        watched.watch("output", recorder.call("output", method_of(submission, layer, "forward"), X, call=k))
        watched.look("output", k)
        X, grad = watched.watch("X", arrays["X"][k].copy()), watched.watch("grad", arrays["grad"][k].copy())
        recorder.call("gradient of X", method_of(submission, layer, "backward"), X, grad, call=k)
        watched.look("gradient of X", k)


def dropout(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """Training forward–backward pairs on one dropout object; then, with `evaluate`, one pair with is_train=False."""
    layer = construct(submission.get("dropout"), params["r"])
    if not hasattr(layer, "r"):
        layer.r = params["r"]
    watched = Watched(recorder)
    for k in range(len(arrays["q"])):
        is_train = not (params.get("evaluate") and k == len(arrays["q"]) - 1)
        q = watched.watch("X", arrays["q"][k].copy())
        watched.watch("output", recorder.call("output", method_of(submission, layer, "forward"), q, is_train, call=k))
        watched.look("output", k)
        q, grad = watched.watch("X", arrays["q"][k].copy()), watched.watch("grad", arrays["grad"][k].copy())
        recorder.call("gradient of X", method_of(submission, layer, "backward"), q, grad, call=k)
        watched.look("gradient of X", k)


def masks(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """Several training forwards of one array without zeros: as many draws of the mask; the last on a new object."""
    cls = submission.get("dropout")
    layer = construct(cls, params["r"])
    for k in range(params["calls"]):
        if k == params["calls"] - 1:
            layer = construct(cls, params["r"])
        recorder.call("output", method_of(submission, layer, "forward"), arrays["q"].copy(), True, call=k)


class Module:
    """A module with parameters, for a submission without a linear_layer."""


class Plain:
    """A module without parameters, for a submission without a relu."""


def bare(submission: Any, name: str, default: type) -> Any:
    """An object of the submission's class `name`, its constructor not run; of `default` where there is none."""
    cls: Any = getattr(submission.module, name, default)
    try:
        return cls.__new__(cls)
    except Exception:
        return default()


def sgd_function(submission: Any) -> Callable[..., Any]:
    """The submission's SGD function, under either name."""
    for name in SGD_NAMES:
        if hasattr(submission.module, name):
            found: Callable[..., Any] = getattr(submission.module, name)
            return found
    missing: Callable[..., Any] = submission.get(SGD_NAMES[0])
    return missing


def sgd_arguments(edition: str, momentum: Any, params: Params, eta: float) -> tuple[Any, ...]:
    """What follows `model` in a call, in the order that the edition's signature has."""
    return {
        "2019": (momentum, params["lam"], params["alpha"], eta),
        "2020-22": (momentum, params["alpha"], eta),
        "2022-23": (eta,),
    }[edition]


def signature(function: Any) -> str:
    """The parameters of a function as its author wrote them, "?" where they cannot be told."""
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "?"


def sgd(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """Several steps from zero velocity, the submission keeping its own; gradients and learning rates are given."""
    function = sgd_function(submission)
    recorder.add_fact("signature", signature(function))
    layers = {"L1": bare(submission, "linear_layer", Module), "L2": bare(submission, "linear_layer", Module)}
    for name, layer in layers.items():
        layer.params = {key: arrays[f"{name}_{key}"].copy() for key in ("W", "b")}
        layer.gradient = {key: np.zeros_like(layer.params[key]) for key in ("W", "b")}
    model = {"L1": layers["L1"], "nonlinear1": bare(submission, "relu", Plain), "L2": layers["L2"]}
    for attribute in ("params", "gradient"):
        if attribute in getattr(model["nonlinear1"], "__dict__", {}):
            delattr(model["nonlinear1"], attribute)
    momentum: Any = {name: np.zeros_like(arrays[name]) for name in WEIGHTS}
    if params["alpha"] <= 0:
        momentum = None
    returned, along = [], []
    watched = Watched(recorder)
    for t, eta in enumerate(params["etas"]):
        for name in WEIGHTS:
            layer, key = layers[name[:2]], name[3:]
            layer.gradient[key] = watched.watch(f"gradient of {name}", arrays[f"{name}_gradient"][t].copy())
        before = copy_of_weights(layers["L1"])
        result = _sgd_call(submission, recorder, function, model, momentum, params, eta)
        if result is recorder.FAILED and momentum is None:
            momentum = {name: np.zeros_like(arrays[name]) for name in WEIGHTS}
            recorder.add_fact("momentum_none", True)
            result = _sgd_call(submission, recorder, function, model, momentum, params, eta)
            if result is not recorder.FAILED:
                recorder.withdraw_failure()
        watched.look("L1_W", t)
        if result is not recorder.FAILED:
            returned.append("model" if result is model else "nothing" if result is None else type(result).__name__)
        for name in WEIGHTS:
            recorder.call(
                name,
                lambda _, name=name: layers[name[:2]].params[name[3:]],
                back_or_none(recorder, result),
                call=t,
            )
        recorder.add_fact("returned", returned)
        if result is recorder.FAILED:
            return
        if params["alpha"] > 0:
            along.append(direction(momentum, before, copy_of_weights(layers["L1"])))
            recorder.add_fact("velocity_along", along)


def copy_of_weights(layer: Any) -> np.ndarray | None:
    """A copy of the layer's W; None where what it keeps is no array any more."""
    params = getattr(layer, "params", None)
    W = params.get("W") if isinstance(params, dict) else None
    return W.copy() if type(W) is np.ndarray and W.dtype.kind == "f" else None


def direction(momentum: Any, before: np.ndarray | None, after: np.ndarray | None) -> int:
    """Whether the velocity of L1_W points along the change of weights (1) or against it (−1); 0: it cannot be told."""
    velocity = momentum.get("L1_W") if isinstance(momentum, dict) else None
    if before is None or after is None or type(velocity) is not np.ndarray or velocity.dtype.kind != "f":
        return 0
    return int(np.sign(np.sum(velocity * (after - before)))) if velocity.shape == before.shape == after.shape else 0


def _sgd_call(
    submission: Any, recorder: Any, function: Any, model: Any, momentum: Any, params: Params, eta: float
) -> Any:
    return recorder.call(None, function, model, *sgd_arguments(submission.edition, momentum, params, eta))


def loss(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """softmax_cross_entropy: one forward and one backward."""
    layer = construct(submission.get("softmax_cross_entropy"))
    watched = Watched(recorder)
    X, Y = watched.watch("X", arrays["X"].copy()), watched.watch("Y", arrays["Y"].copy())
    recorder.call("loss", method_of(submission, layer, "forward"), X, Y)
    watched.look("loss")
    recorder.call("gradient of X", method_of(submission, layer, "backward"), arrays["X"].copy(), arrays["Y"].copy())


def labels(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """predict_label."""
    recorder.call("labels", submission.get("predict_label"), arrays["f"])


def split(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """DataSplit: its sizes, and a few examples by index."""
    data = recorder.call(None, submission.get("DataSplit"), arrays["X"], arrays["Y"])
    recorder.call("N", lambda data: data.N, data)
    recorder.call("d", lambda data: data.d, data)
    examples = recorder.call(None, lambda data: data.get_example(arrays["idx"]), data)
    recorder.call("examples", lambda pair: pair[0], examples)
    recorder.call("labels", lambda pair: pair[1], examples)


def momentum(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """add_momentum on a model of two linear layers and a module without parameters."""
    layers = {name: linear_with(submission, arrays[f"{name}_W"], arrays[f"{name}_b"]) for name in ("L1", "L2")}
    for name, layer in layers.items():
        layer.gradient = {key: arrays[f"{name}_{key}"].copy() for key in ("W", "b")}
    model = {"L1": layers["L1"], "nonlinear1": bare(submission, "relu", Plain), "L2": layers["L2"]}
    velocities = recorder.call(None, submission.get("add_momentum"), model)
    recorder.call("keys", lambda v: np.array(sorted(v) == sorted(WEIGHTS)), velocities)
    for name in WEIGHTS:
        recorder.call(f"velocity {name}", lambda v, name=name: v[name], velocities)


def loader(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """data_loader_mnist on a small JSON file."""
    from pathlib import Path

    Path("digits.json").write_text(
        json.dumps(
            {part: [arrays[f"X{part}"].tolist(), arrays[f"Y{part}"].tolist()] for part in ("train", "valid", "test")}
        )
    )
    parts = recorder.call(None, submission.get("data_loader_mnist"), "digits.json")
    for i, part in enumerate(("train", "valid", "test")):
        recorder.call(f"X{part}", lambda parts, i=i: np.asarray(parts[2 * i]), parts)
        recorder.call(f"Y{part}", lambda parts, i=i: np.asarray(parts[2 * i + 1]).reshape(-1), parts)


def network(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """The whole network, link by link, for one or more steps; with `etas`, an SGD update after each.

    Every step starts from given weights, and each link is fed what the submission's own last link returned, the very
    array, as its `main` would. What each returned is copied at once.
    """
    net = Network(submission, recorder, params, {name: arrays[name][0] for name in WEIGHTS})
    watched = Watched(recorder)
    for t in range(len(arrays["X"])):
        net.set_weights({name: arrays[name][t].copy() for name in WEIGHTS})
        X, Y = watched.watch("X", arrays["X"][t].copy()), arrays["Y"][t].copy()

        def call(name: str, function: Any, *args: Any, t: int = t) -> Any:
            result = recorder.call(name, function, *args, call=t)
            watched.look(name, t)
            return watched.watch(name, result)

        grad_x = net.forward_and_backward(call, X, Y, t)
        if "etas" in params:
            net.update(grad_x, params["etas"][t], t)


class Network:
    """The submission's parts, wired as the assignment asks; it keeps them and their velocities from step to step."""

    def __init__(self, submission: Any, recorder: Any, params: Params, weights: Arrays) -> None:
        self.submission, self.recorder, self.params = submission, recorder, params

        def make(name: str, *sizes: Any) -> Any:
            return recorder.call(None, lambda: construct(submission.get(name), *sizes))

        self.layers = {
            name: recorder.call(None, linear_with, submission, weights[f"{name}_W"], weights[f"{name}_b"])
            for name in ("L1", "L2")
        }
        self.nonlinear, self.head = make(params["activation"]), make("softmax_cross_entropy")
        self.drop = make("dropout", params["r"]) if params["dropout"] else None
        self.model = {"L1": self.layers["L1"], "nonlinear1": self.nonlinear}
        if self.drop is not None:
            self.model["drop1"] = self.drop
        self.model |= {"L2": self.layers["L2"], "loss": self.head}
        self.zeros = {name: np.zeros_like(weights[name]) for name in WEIGHTS}
        self.velocity = self._no_velocity() if params.get("alpha", 0) > 0 else None

    def set_weights(self, weights: Arrays) -> None:
        """Go on from these weights."""
        for name, layer in self.layers.items():
            if layer is not self.recorder.FAILED:
                set_weights(layer, weights[f"{name}_W"], weights[f"{name}_b"])

    def forward_and_backward(self, call: Any, X: Any, Y: Any, step: int = 0) -> Any:
        """Every link of a training step, by call(name, function, *arguments); the gradient of X."""
        layers, nonlinear, drop, head = self.layers, self.nonlinear, self.drop, self.head
        method = partial(method_of, self.submission)
        u = call("L1 output", method(layers["L1"], "forward"), X)
        h = call("activation output", method(nonlinear, "forward"), u)
        s = call("dropout output", method(drop, "forward"), h, True) if drop is not None else h
        a = call("L2 output", method(layers["L2"], "forward"), s)
        call("loss", method(head, "forward"), a, Y)
        grad_a = call("gradient of logits", method(head, "backward"), a, Y)
        grad_s = call("L2 gradient of X", method(layers["L2"], "backward"), s, grad_a)
        keep_gradients(self.recorder, layers["L2"], grad_s, step, "L2 ")
        grad_h = call("dropout gradient", method(drop, "backward"), h, grad_s) if drop is not None else grad_s
        grad_u = call("activation gradient", method(nonlinear, "backward"), u, grad_h)
        grad_x = call("L1 gradient of X", method(layers["L1"], "backward"), X, grad_u)
        keep_gradients(self.recorder, layers["L1"], grad_x, step, "L1 ")
        return grad_x

    def update(self, grad_x: Any, eta: float, step: int = 0) -> None:
        """One call of the submission's SGD, once the backwards are done; keeps the weights after it."""
        result = self._sgd(grad_x, eta)
        if result is self.recorder.FAILED and self.velocity is None and grad_x is not self.recorder.FAILED:
            self.velocity = self._no_velocity()
            result = self._sgd(grad_x, eta)
            if result is not self.recorder.FAILED:
                self.recorder.withdraw_failure()
        for name in WEIGHTS:
            self.recorder.call(
                f"{name} after the step",
                lambda _, name=name: self.layers[name[:2]].params[name[3:]],
                back_or_none(self.recorder, result),
                call=step,
            )

    def _no_velocity(self) -> dict[str, Any]:
        """Zeros in the shapes of the layers' own parameters: to a flat b belongs a flat velocity."""
        velocities = {}
        for name, zeros in self.zeros.items():
            params = getattr(self.layers[name[:2]], "params", None)
            own = params.get(name[3:]) if isinstance(params, dict) else None
            velocities[name] = np.zeros_like(own if isinstance(own, np.ndarray) else zeros)
        return velocities

    def _sgd(self, grad_x: Any, eta: float) -> Any:
        arguments = sgd_arguments(self.submission.edition, self.velocity, self.params, eta)
        return self.recorder.call(None, lambda _: sgd_function(self.submission)(self.model, *arguments), grad_x)

    def evaluate(self, X: Any, Y: Any, batch: int) -> None:
        """Keeps the logits of X and the loss of each mini-batch, dropout off."""
        logits, losses = [], []
        for start in range(0, len(X), batch):
            x, y = X[start : start + batch].copy(), Y[start : start + batch].copy()
            h = self.nonlinear.forward(self.layers["L1"].forward(x))
            a = self.layers["L2"].forward(h if self.drop is None else self.drop.forward(h, False))
            logits.append(np.array(a))
            losses.append(float(self.head.forward(a, y)))
        self.recorder.keep("logits", np.concatenate(logits))
        self.recorder.keep("losses", np.array(losses))


def train(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """Training in rounds, each one step on a given batch or an evaluation, with the same objects and velocities.

    The weights are given, and so are the batches; their random numbers are drawn all the same, in the homework's order
    (W and b of each layer, a permutation for each epoch), so that the masks that follow are the homework's.
    """
    net = Network(submission, recorder, params, {name: arrays[name].copy() for name in WEIGHTS})
    np.random.seed(params["seed"])
    for name in WEIGHTS:
        np.random.normal(0.0, 0.1, arrays[name].shape)
    while not recorder.failures and (given := recorder.next_round()) is not None:
        order, own = given
        if order["kind"] == "evaluation":
            recorder.call(None, net.evaluate, own["X"], own["Y"], order["batch"])
            continue
        if order["permute"]:
            np.random.permutation(order["permute"])
        if "L1_W" in own:
            net.set_weights(own)
        net.update(net.forward_and_backward(recorder.call, own["X"], own["Y"]), order["eta"])


def script(submission: Any, recorder: Any, params: Params, arrays: Arrays) -> None:
    """The lines of a reproduction that call the submission, as `nn`; keeps what they leave under the names given."""
    room: dict[str, Any] = {"__name__": "reproduction", "nn": submission.module, "np": np}
    code = compile(params["source"], "<reproduction>", "exec")
    done = recorder.call(None, exec, code, room)
    texts = []
    for name in params["names"] if done is not recorder.FAILED else ():
        value = room.get(name)
        if isinstance(value, (str, list, dict)):
            with suppress(TypeError, ValueError):
                value = np.frombuffer(json.dumps(value).encode(), np.uint8)
                texts.append(name)
        recorder.keep(name, value)
    recorder.add_fact("texts", texts)


PROBES: dict[str, Callable[[Any, Any, Params, Arrays], None]] = {
    "linear": linear,
    "init": init,
    "elementwise": elementwise,
    "dropout": dropout,
    "masks": masks,
    "sgd": sgd,
    "loss": loss,
    "labels": labels,
    "split": split,
    "momentum": momentum,
    "loader": loader,
    "network": network,
    "train": train,
    "script": script,
}

with suppress(ModuleNotFoundError):  # bound for main's workers alone
    PROBES["main"] = import_module("recorder").record_main
