"""The networks as torch computes them: the scores, loss and gradients of one call; torch is imported when asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parity_tests.protocol.kind import Params

Tensors = Mapping[str, Any]
Running = dict[int, tuple[Any, Any]]
"""The running mean and variance of each layer's batch norm."""


@dataclass(frozen=True)
class Step:
    """What a network does at one place of a layer, in which modes, and whether its backward goes back through it."""

    does: str
    layer: int
    goes_back: bool = True
    training: bool = True
    testing: bool = True


Steps = tuple[Step, ...]


@dataclass(frozen=True)
class Changed:
    """What a mistake makes of a network: other steps, another end of its loss, other parameters' gradients.

    `steps` makes the steps from the right ones, `ends` the loss and the gradients by their names from the parameters,
    the right ones, and the number of examples. `never_tests` and `keeps_nothing` are of batch norm.
    """

    steps: Callable[[Steps, Params], Steps] = lambda steps, params: steps
    ends: Callable[[Params, Tensors, Tensors, int], Tensors] | None = None
    never_tests: bool = False
    keeps_nothing: bool = False

    def unused(self, params: Params) -> list[str]:
        """The gradients of norms that are left out, which may be missing then."""
        normalised = {step.layer for step in self.steps(steps_of(params), params) if step.does in NORMS}
        scales = [name for name in params["parameters"] if kind_of(name) in ("gamma", "beta")]
        return [f"d{name}" for name in scales if number_of(name) not in normalised]


def kind_of(name: str) -> str:
    """What a parameter is called without the number of its layer."""
    return name.rstrip("0123456789")


def number_of(name: str) -> int:
    """The number of a parameter's layer."""
    return int(name.removeprefix(kind_of(name)))


RIGHT = Changed()
NORMS = ("batchnorm", "layernorm")


def steps_of(params: Params) -> Steps:
    """The steps of a right network, in their order."""
    if params["class"] == "ThreeLayerConvNet":
        return (
            *(Step(does, 1) for does in ("conv", "relu", "pool")),
            Step("affine", 2),
            Step("relu", 2),
            Step("affine", 3),
        )
    depth, settings = sum(name[0] == "W" for name in params["parameters"]), params["settings"]
    steps: list[Step] = []
    for layer in range(1, depth):
        steps.append(Step("affine", layer))
        steps += [Step(settings["normalization"], layer)] if settings.get("normalization") else []
        steps.append(Step("relu", layer))
        steps += [Step("dropout", layer, testing=False)] if "keep" in settings else []
    return (*steps, Step("affine", depth))


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


def reference_of(params: Params, k: int, names: Mapping[str, str], changed: Changed = RIGHT) -> Any:
    """A torch function of the arrays that gives call k's results, of a network with a mistake where it is `changed`.

    `names` are what they are to be called, by "scores", "loss", "dW1" and so on; others are not computed.
    """
    from reference.flow import gradients

    graded_by = tuple(name for name in params["parameters"] if f"d{name}" in names)
    steps = changed.steps(steps_of(params), params)

    def reference(**arrays: Any) -> dict[str, Any]:
        own = {name: arrays[name] for name in params["parameters"]}
        if not params["labelled"][k]:
            running: Running = {}
            for before in range(k):
                if params["labelled"][before] and f"X_{before}" in arrays and not changed.keeps_nothing:
                    _scores(arrays[f"X_{before}"], own, _masks(arrays, before), running, steps, training=True)
            masks: dict[int, Any] = {}
            mode = changed.never_tests
            return {names["scores"]: _scores(arrays[f"X_{k}"], own, masks, running, steps, mode, training=False)}

        def loss(**own: Any) -> Any:
            return _loss(params, arrays[f"X_{k}"], arrays[f"y_{k}"], own, _masks(arrays, k), steps)

        graded = gradients(loss, of=graded_by, given=None)(**own)
        found = {"loss": graded["output"], **{f"d{name}": graded[name] for name in graded_by}}
        if changed.ends:
            found |= changed.ends(params, own, found, len(arrays[f"X_{k}"]))
        return {called: found[name] for name, called in names.items()}

    return reference


def _masks(arrays: Tensors, k: int) -> dict[int, Any]:
    """The masks of call k by the number of their layer."""
    begin = f"mask_{k}_"
    return {int(name.removeprefix(begin)): mask for name, mask in arrays.items() if name.startswith(begin)}


def _loss(params: Params, X: Any, y: Any, own: Tensors, masks: Mapping[int, Any], steps: Steps) -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    loss = F.cross_entropy(_scores(X, own, masks, None, steps, training=True), y)
    for name, value in own.items():
        if steps != steps_of(params):
            loss = loss + 0 * value.sum()  # some mistakes leave parameters out
        if name[0] == "W" and params["reg"]:
            loss = loss + 0.5 * params["reg"] * (value * value).sum()
    return loss


def _scores(
    X: Any,
    own: Tensors,
    masks: Mapping[int, Any],
    running: Running | None,
    steps: Sequence[Step],
    norms_train: bool = False,
    *,
    training: bool,
) -> Any:
    """The scores. In training the running statistics move on, where there are any; in testing they are used.

    Where `norms_train`, norms do so in testing, too.
    """
    h, drawn = X, 0
    for step in steps:
        if not (step.training if training else step.testing):
            continue
        if step.does == "dropout":
            after, drawn = h * masks[drawn] if drawn in masks else h, drawn + 1
        elif step.does in NORMS:
            g, b = own[f"gamma{step.layer}"], own[f"beta{step.layer}"]
            after = _normalised(step.does, h, g, b, running, step.layer, training or norms_train)
        else:
            after = DOES[step.does](h, own.get(f"W{step.layer}"), own.get(f"b{step.layer}"))
        h = after if step.goes_back else h + (after - h).detach()
    return h


def _conv(h: Any, W: Any, b: Any) -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    return F.conv2d(h, W, b, padding=(W.shape[2] - 1) // 2)


def _pool(h: Any, W: Any, b: Any) -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    return F.max_pool2d(h, 2)


def _affine(h: Any, W: Any, b: Any) -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    return F.linear(h.flatten(1), W.T, b)


def _leaky(h: Any, W: Any, b: Any) -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    return F.leaky_relu(h, 0.01)


DOES: Mapping[str, Callable[[Any, Any, Any], Any]] = {
    "conv": _conv,
    "pool": _pool,
    "affine": _affine,
    "unbiased": lambda h, W, b: _affine(h, W, b - b.detach()),
    "relu": lambda h, W, b: h.relu(),
    "tanh": lambda h, W, b: h.tanh(),
    "sigmoid": lambda h, W, b: h.sigmoid(),
    "leaky": _leaky,
    "softmax": lambda h, W, b: h.softmax(1),
}
"""What steps do, beside norms and dropout, of what comes in and of their layer's weights and bias."""


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
