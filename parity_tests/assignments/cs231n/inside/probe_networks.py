"""Puts a network to a submission, with right layers in place of the submission's own.

The submission's process loads this file by its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from parity_tests.harness.inside.asking import plain

if TYPE_CHECKING:
    from parity_tests.harness.inside.asking import Arrays, Params
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission

FAST = {
    "conv_forward_fast": "conv_forward_naive",
    "conv_backward_fast": "conv_backward_naive",
    "max_pool_forward_fast": "max_pool_forward_naive",
    "max_pool_backward_fast": "max_pool_backward_naive",
}
"""The fast layers by the names of the layers that compute the same."""
KEEP = ("dropout_keep_ratio", "dropout")
"""What the networks of the various years call the setting of dropout."""


def network(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """A network with given parameters: its scores without labels, its loss and gradients with them.

    Before, what it was made with is kept: "made W1" and so on. `labelled` says of each input whether labels go with
    it. Another network, the `other`, is made and used beside; what comes of that is not kept. Of a `wide` one the
    weights are, as "wide W1" and so on. The submission's own `own_losses` are asked as well.
    """
    cls = submission.get(params["class"], params["module"])
    for name in params["own_losses"]:
        _keep_own_loss(submission, recorder, arrays, name)
    masks = _with_right_layers(submission, params["package"])
    model = made_of(cls, recorder, params)
    if model is recorder.FAILED:
        return
    made = dict(getattr(model, "params", {}) or {})
    if not made:
        said = f"{params['class']} is not implemented: it makes no parameters"
        recorder.fail(None, said, "missing", called=params["class"])
        return
    recorder.add_fact("names", sorted(map(str, made)))
    for name in params["parameters"]:
        recorder.keep(f"made {name}", made.get(name))
    for name in params["parameters"]:
        model.params[name] = arrays[name].copy()
    if params["reg_set"]:
        model.reg = params["reg"]
    wide = getattr(_made_other(cls, params["wide"]), "params", None)
    for name in params["parameters"]:
        if name.startswith("W") and isinstance(wide, dict):
            recorder.keep(f"wide {name}", wide.get(name))
    # The other one is made last: the wide one has the asked one's depth and dtype, and hides that they are shared.
    other = _made_other(cls, params["other"])
    if isinstance(getattr(other, "params", None), dict):
        recorder.keep("other W1", other.params.get("W1"))
    moved: set[str] = set()
    for k, labelled in enumerate(params["labelled"]):
        _use(other, arrays)
        masks.clear()
        given = [arrays[f"X_{k}"].copy(), *([arrays[f"y_{k}"].copy()] if labelled else [])]
        returned = recorder.call(f"what {k} came with", model.loss, *given)
        moved |= {name for name in params["parameters"] if not _is_same(model.params.get(name), arrays[name])}
        for number, mask in enumerate(masks):
            recorder.keep(f"mask {number}", mask, k)
        if not labelled:
            recorder.keep("scores", returned, k)
            if returned is None:
                loss = f"{params['class']}.loss"
                recorder.fail("scores", f"{loss} is not implemented: it returns None", "missing", k, loss)
            continue
        pair = isinstance(returned, (tuple, list)) and len(returned) == 2 and isinstance(returned[1], dict)
        if pair and not returned[1]:
            loss = f"{params['class']}.loss"
            for name in ("loss", *(f"d{name}" for name in params["parameters"])):
                recorder.fail(name, f"{loss} is not implemented: it returns no gradients", "missing", k, loss)
            continue
        failed = returned is recorder.FAILED
        recorder.keep("loss", returned[0] if pair else returned, k)
        for name in dict.fromkeys([*params["parameters"], *made]):
            grads = returned[1] if pair else {}
            recorder.keep(f"d{name}", returned if failed else grads.get(name), k)
    recorder.add_fact("moved", sorted(moved))


def _keep_own_loss(submission: Submission, recorder: CallRecorder, arrays: Arrays, name: str) -> None:
    """Keep what the submission's own loss gives, if it gives something, as "loss of NAME" and "dx of NAME"."""
    with contextlib.suppress(Exception), np.errstate(all="ignore"):
        loss, dx = submission.get(name)(arrays["X_scores"].copy(), arrays["y_0"].copy())
        recorder.keep(f"loss of {name}", plain(loss))
        recorder.keep(f"dx of {name}", dx)


def _is_same(own: Any, given: np.ndarray) -> bool:
    return isinstance(own, np.ndarray) and np.ndarray.tobytes(own) == given.tobytes()


def _without_labels(loss: Any) -> Any:
    """A loss that takes None for labels, as the handouts' does: whoever returns scores alone may ask for it before."""

    def with_or_without(x: Any, y: Any) -> Any:
        return (float("nan"), np.zeros_like(x)) if y is None else loss(x, y)

    with_or_without.__name__ = loss.__name__
    return with_or_without


def _redirect(own: Any, right: Any) -> None:
    """Make a function of the submission call the right one, wherever else it is kept under another name."""
    own.__globals__[f"_right_{right.__name__}"] = right
    source = f"def redirected(*args, **kwargs):\n    return _right_{right.__name__}(*args, **kwargs)\n"
    made: dict[str, Any] = {}
    exec(source, made)
    if not own.__code__.co_freevars:  # one that is wrapped calls its own, whatever that is
        own.__code__, own.__defaults__, own.__kwdefaults__ = made["redirected"].__code__, None, None


def making(cls: Any, settings: dict[str, Any]) -> Any:
    """What makes one of a class, under its name."""

    def make() -> Any:
        return cls(**settings)

    make.__name__ = str(getattr(cls, "__name__", "network"))
    return make


def made_of(cls: Any, recorder: CallRecorder, params: Params) -> Any:
    """The network that is asked for; FAILED, and why is recorded, where it cannot be made.

    Which of the lists that it was given it has changed is kept as a fact.
    """
    settings, problem = settings_of(cls, params)
    if problem:
        recorder.fail(None, f"{params['class']} {problem}", "missing", called=params["class"])
        return recorder.FAILED
    given = {name: list(value) for name, value in settings.items() if isinstance(value, list)}
    model = recorder.call(None, making(cls, settings))
    recorder.add_fact("changed settings", [name for name, value in given.items() if settings[name] != value])
    kept = getattr(model, "params", None)
    if kept is None or isinstance(kept, dict):
        return model
    kind = type(kept).__name__
    said = f"{params['class']}.params is a {kind}, where a dict of arrays by their names is expected"
    recorder.fail(None, said, called=f"{params['class']}.params")
    return recorder.FAILED


def settings_of(cls: Any, params: Params) -> tuple[dict[str, Any], str]:
    """What the network is made with, by the names that its __init__ has for it; a problem where it has none."""
    known = inspect.signature(cls).parameters
    settings = {
        name: (tuple(value) if name == "input_dim" else list(value)) if isinstance(value, list) else value
        for name, value in params["settings"].items()
    }
    keep = settings.pop("keep", 1)
    norm = settings.pop("normalization", None)
    if norm is not None and "normalization" in known:
        settings["normalization"] = norm
    elif norm == "batchnorm" and "use_batchnorm" in known:
        settings["use_batchnorm"] = True
    elif norm is not None:
        return {}, f"takes no normalization: it has {', '.join(known)}"
    if keep != 1:
        name = next((name for name in KEEP if name in known), "")
        if not name:
            return {}, f"takes no dropout: it has {', '.join(known)}"
        settings[name] = keep  # whatever p means: the layer that stands in takes it as the network passes it on
    if "dtype" in known:
        settings["dtype"] = getattr(np, params["dtype"])
    return settings, ""


def _made_other(cls: Any, params: Params) -> Any:
    """Another network of the class, None where it cannot be made: that is no concern here."""
    with contextlib.suppress(Exception):
        return cls(**settings_of(cls, params)[0])
    return None


def _use(other: Any, arrays: Arrays) -> None:
    """Train and test another network, whatever comes of it."""
    with contextlib.suppress(Exception):
        other.loss(arrays["X_other"].copy(), arrays["y_other"].copy())
        other.loss(arrays["X_other"].copy())


def _with_right_layers(submission: Submission, package: str) -> list[np.ndarray]:
    """Put right layers in place of the submission's in all its modules; returns where dropout's masks are noted."""
    right = importlib.import_module("layers")  # ours, beside this file

    masks: list[np.ndarray] = []

    def dropout_forward(x: np.ndarray, dropout_param: Any) -> Any:
        out, cache = right.dropout_forward(x, dropout_param)
        if dropout_param.get("mode") == "train":
            masks.append(np.array(cache[1]))
        return out, cache

    functions: dict[str, Any] = {
        name: function
        for name, function in vars(right).items()
        if inspect.isfunction(function) and not name.startswith("_")
    }
    functions["dropout_forward"] = dropout_forward
    functions |= {name: _without_labels(functions[name]) for name in ("softmax_loss", "svm_loss")}
    functions |= {fast: functions[naive] for fast, naive in FAST.items()}
    # Who writes another forward has its cache go to the usual backward, which is the right one here.
    functions |= {f"{name}_alt": function for name, function in functions.items() if f"{name}_alt" not in functions}
    for module_name, module in list(sys.modules.items()):
        if module_name == package or module_name.startswith(f"{package}."):
            uses_fast = module_name.rpartition(".")[2] in ("layer_utils", "cnn", "fast_layers")
            for name, function in functions.items():
                own = vars(module).get(name)
                if inspect.isfunction(own) and own not in functions.values():
                    _redirect(own, function)
                if own is not None or (uses_fast and name in FAST):
                    setattr(module, name, function)
    return masks
