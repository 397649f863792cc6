"""The networks as torch computes them: the scores, loss and gradients of one call; torch is imported when asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parity_tests.protocol.kind import Params

Tensors = Mapping[str, Any]
Running = dict[int, tuple[Any, Any]]
"""The running mean and variance of each layer's batch norm."""


def is_for_call(name: str, k: int, params: Params) -> bool:
    """Whether call k needs this array: parameters, its own, and in testing what the calls before were given.

    Of those the running statistics of batch norm come.
    """
    kind, _, rest = name.partition("_")
    if kind not in ("X", "y", "mask"):
        return True
    call = rest.partition("_")[0]
    if not call.isdigit():
        return False
    before = not params["labelled"][k] and params["settings"].get("normalization") == "batchnorm"
    return int(call) == k or (before and int(call) < k and kind != "y")


def reference_of(params: Params, k: int, names: Mapping[str, str], change: str) -> Any:
    """A torch function of the arrays that gives call k's results; with a `change` with the mistake that it names.

    `names` are what they are to be called, by "scores", "loss", "dW1" and so on; others are not computed.
    """
    from reference.flow import gradients

    never_tests = change.endswith(NEVER)
    change = change.removesuffix(NEVER)
    graded_by = tuple(name for name in params["parameters"] if f"d{name}" in names)

    def reference(**arrays: Any) -> dict[str, Any]:
        own = {name: arrays[name] for name in params["parameters"]}
        if not params["labelled"][k]:
            running: Running = {}
            for before in range(k):
                if params["labelled"][before] and f"X_{before}" in arrays:
                    drawn = _masks(arrays, before)
                    _scores(params, arrays[f"X_{before}"], own, drawn, running, change, training=True)
            if change == "running statistics are not kept":
                running = {}
            trains = never_tests or change == "never tests"
            scores = _scores(params, arrays[f"X_{k}"], own, {}, running, change, training=trains)
            if change == "probabilities":
                scores = scores.softmax(1)
            return {names["scores"]: scores}

        def loss(**own: Any) -> Any:
            return _loss(params, arrays[f"X_{k}"], arrays[f"y_{k}"], own, _masks(arrays, k), change)

        graded = gradients(loss, of=graded_by, given=None)(**own)
        found = {"loss": graded["output"], **{f"d{name}": graded[name] for name in graded_by}}
        found |= _with_mistake(params, own, graded, change, len(arrays[f"X_{k}"]))
        return {called: found[name] for name, called in names.items()}

    return reference


def _masks(arrays: Tensors, k: int) -> dict[int, Any]:
    """The masks of call k by the number of their layer."""
    begin = f"mask_{k}_"
    return {int(name.removeprefix(begin)): mask for name, mask in arrays.items() if name.startswith(begin)}


NEVER = ", and batch norm never tests"
"""What ends a change of a network whose batch norm never comes to its test mode."""
TEXT = "text: "
"""What begins a change that is a text: it may change `loss` and `grads`, by `data`, `p`, `W`, `b`, `reg` and `N`."""


def _with_text(params: Params, own: Tensors, graded: Tensors, lines: str, N: int) -> dict[str, Any]:
    """The results that a text of the end of loss gives, in which `data` is the loss without its penalty."""
    weights = [name for name in params["parameters"] if name[0] == "W"]
    grads = {name: graded[name] for name in params["parameters"] if name in graded}
    absent = {name: 0 * value for name, value in own.items() if name not in grads}
    penalty = 0.5 * params["reg"] * sum((own[name] ** 2).sum() for name in weights)
    names: dict[str, Any] = {
        "loss": graded["output"],
        "data": graded["output"] - penalty,
        "grads": grads | absent,
        "p": own,
        "W": weights,
        "b": [name for name in params["parameters"] if name[0] == "b" and not name.startswith("beta")],
        "reg": params["reg"],
        "N": N,
    }
    exec(lines, names)
    return {"loss": names["loss"], **{f"d{name}": names["grads"][name] for name in grads}}


def _with_mistake(params: Params, own: Tensors, graded: Tensors, change: str, N: int) -> dict[str, Any]:
    """The results that a mistake in the penalty, or in which gradient is whose, changes."""
    if change.startswith(TEXT):
        return _with_text(params, own, graded, change.removeprefix(TEXT), N)
    weights = [name for name in params["parameters"] if name[0] == "W"]
    reg, last, loss = params["reg"], weights[-1], graded["output"]

    def squares(names: list[str]) -> Any:
        return sum(((own[name] ** 2).sum() for name in names), 0 * loss)

    def moved(names: list[str], by: float) -> dict[str, Any]:
        return {f"d{name}": graded[name] + by * reg * own[name] for name in names if name in graded}

    if change == "no half":
        return {"loss": loss + 0.5 * reg * squares(weights)} | moved(weights, 1)
    if change == "no half in the loss":
        return {"loss": loss + 0.5 * reg * squares(weights)}
    if change == "not in the gradients":
        return moved(weights, -1)
    if change == "not in the loss":
        return {"loss": loss - 0.5 * reg * squares(weights)}
    if change == "half in the gradients":
        return moved(weights, -0.5)
    if change == "not of the last weights":
        return {"loss": loss - 0.5 * reg * squares([last])} | moved([last], -1)
    if change == "sums in the gradients":
        sums = {name: reg * (own[name].sum() - own[name]) for name in weights}
        return {f"d{name}": graded[name] + sums[name] for name in weights if name in graded}
    if change == "not at all":
        return {"loss": loss - 0.5 * reg * squares(weights)} | moved(weights, -1)
    if change == "half in the gradients, whole in the loss":
        return {"loss": loss + 0.5 * reg * squares(weights)} | moved(weights, -0.5)
    if change == "twice in the gradients":
        return moved(weights, 1)
    if change == "first weights not in the gradients":
        return moved(weights[:1], -1)
    if change == "last weights not in the gradients":
        return moved([last], -1)
    if change == "not of the first weights":
        return {"loss": loss - 0.5 * reg * squares(weights[:1])} | moved(weights[:1], -1)
    if change == "last weights not in the loss":
        return {"loss": loss - 0.5 * reg * squares([last])}
    if change == "first weights not in the loss":
        return {"loss": loss - 0.5 * reg * squares(weights[:1])}
    if change == "gammas are betas":
        pairs = [name for name in params["parameters"] if name.startswith("gamma")]
        swapped = {f"d{name}": graded[name.replace("gamma", "beta")] for name in pairs}
        return swapped | {f"d{name.replace('gamma', 'beta')}": graded[name] for name in pairs}
    biases = [name for name in params["parameters"] if name[0] == "b" and not name.startswith("beta")]
    if change == "biases too":
        return {"loss": loss + 0.5 * reg * squares(biases)} | moved(biases, 1)
    if change == "biases in the gradients":
        return moved(biases, 1)
    if change == "biases in the loss":
        return {"loss": loss + 0.5 * reg * squares(biases)}
    return {}


def _loss(params: Params, X: Any, y: Any, own: Tensors, masks: Mapping[int, Any], change: str) -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    loss = F.cross_entropy(_scores(params, X, own, masks, None, change, training=True), y)
    for name, value in own.items():
        if change:
            loss = loss + 0 * value.sum()  # some mistakes leave parameters out
        if name[0] == "W" and params["reg"]:
            loss = loss + 0.5 * params["reg"] * (value * value).sum()
    return loss


def _scores(
    params: Params,
    X: Any,
    own: Tensors,
    masks: Mapping[int, Any],
    running: Running | None,
    change: str,
    *,
    training: bool,
) -> Any:
    """The scores. In training the running statistics move on, where there are any; in testing they are used."""
    import torch.nn.functional as F  # noqa: N812 - its usual name

    def relu(h: Any, left_out: str = "no relu") -> Any:
        if change in ("no relu", left_out):
            return 1 * h
        if change == "tanh":
            return h.tanh()
        if change == "sigmoid":
            return h.sigmoid()
        if change == "leaky":
            return F.leaky_relu(h, 0.01)
        if change in ("no relu in the backward", left_out.replace("no relu", "no relu in the backward")):
            return h + (F.relu(h) - h).detach()
        return F.relu(h)

    if params["class"] == "ThreeLayerConvNet":
        h = F.conv2d(X, own["W1"], own["b1"], padding=(own["W1"].shape[2] - 1) // 2)
        h = F.max_pool2d(relu(h, "no relu after the convolution"), 2)
        h = relu(F.linear(h.flatten(1), own["W2"].T, own["b2"]), "no relu after the affine layer")
        return _ended(F.linear(h, own["W3"].T, own["b3"]), change)
    depth = sum(name[0] == "W" for name in own)
    norm = params["settings"].get("normalization")
    left_out = {f"no {norm}", *([f"no {norm} beside dropout"] if "keep" in params["settings"] else [])}
    norm = "" if norm and change in left_out else norm
    linear = {
        "no relu in the last hidden layer": [depth - 1],
        "no relu in the first hidden layer": [1],
        "relu in the first hidden layer alone": range(2, depth),
    }.get(change, ())
    unnormalised = {
        "norm in the first hidden layer alone": range(2, depth),
        "no norm in the last hidden layer": [depth - 1],
    }.get(change, ())
    h = X.flatten(1)
    for layer in range(1, depth + 1):
        b = own[f"b{layer}"]
        unbiased = change == {1: "no bias in the first layer", depth: "no bias in the last layer"}.get(layer, "-")
        h = F.linear(h, own[f"W{layer}"].T, b - b.detach() if unbiased else b)
        if layer == depth:
            break
        if change == "norm after relu":
            h = F.relu(h)
        if change == "dropout before the norm" and layer - 1 in masks:
            h = h * masks[layer - 1]
        if norm and layer not in unnormalised:
            h = _normalised(norm, h, own[f"gamma{layer}"], own[f"beta{layer}"], running, layer, training)
        if change != "norm after relu" and layer not in linear:
            ends = {1: "first"} if change.endswith("the first hidden layer") else {depth - 1: "last"}
            passed_on = change == f"no relu in the backward of the {ends.get(layer)} hidden layer"
            h = h + (F.relu(h) - h).detach() if passed_on else relu(h)
        if layer - 1 in masks and change != "dropout before the norm":
            dropped = h * masks[layer - 1]
            h = h + (dropped - h).detach() if change == "masks not in the backward" else dropped
    return _ended(h, change)


def _ended(scores: Any, change: str) -> Any:
    """The scores, as a mistake leaves them."""
    import torch.nn.functional as F  # noqa: N812 - its usual name

    if change == "relu on the scores":
        return F.relu(scores)
    if change == "relu on the scores, not in the backward":
        return scores + (F.relu(scores) - scores).detach()
    return scores


def _normalised(norm: str, h: Any, gamma: Any, beta: Any, running: Running | None, layer: int, training: bool) -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    if norm == "layernorm":
        return F.layer_norm(h, h.shape[1:], gamma, beta)
    mean, variance = (running or {}).get(layer) or (0 * gamma, 0 * gamma)
    if not training:
        return F.batch_norm(h, mean, variance, gamma, beta, training=False)
    if running is not None:
        moved_mean, moved_variance = (1 - 0.9) * h.mean(0), (1 - 0.9) * h.var(0, unbiased=False)
        running[layer] = (0.9 * mean + moved_mean, 0.9 * variance + moved_variance)
    return F.batch_norm(h, None, None, gamma, beta, training=True)
