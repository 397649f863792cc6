"""The correct parts that take the place of a submission's own: of all when `main`'s wiring is judged alone, or of some.

This file is bound into one worker only: the one that judges wiring. It holds the parts and not a `main`. It is
numpy alone, and its backwards recompute everything from the X that they are passed, so that a wrong X shows.
The parts check shapes and say which call was wrong, in the words of the assignment (L1, nonlinear1, drop1, L2, loss).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.inside.homework_names import SGD_NAMES, SGD_PARAMETERS

if TYPE_CHECKING:
    from parity_tests.harness.inside.submission import Submission

Array = NDArray[Any]


class WiringError(ValueError):
    """A part was called with something that cannot belong there; the text says which call and what."""


def _matrix(name: str, what: str, value: Any, columns: int | None = None, like: Any = None) -> Array:
    """`value` as a two-dimensional array, or a WiringError that says which argument of which call is wrong."""
    if not isinstance(value, np.ndarray):
        raise WiringError(f"{name} was given a {type(value).__name__} as {what}, not an array")
    if value.ndim != 2:
        raise WiringError(f"{name} was given {what} of shape {value.shape}, which is not two-dimensional")
    if columns is not None and value.shape[1] != columns:
        raise WiringError(f"{name} was given {what} of shape {value.shape}, where (N, {columns}) belongs")
    if like is not None and value.shape != like.shape:
        raise WiringError(f"{name} was given {what} of shape {value.shape}, where {like.shape} belongs")
    return value


NAMES: dict[int, str] = {}
"""The names by which sentences call parts, by their ids: the hooks of main know them, and keep the parts alive."""


def _name(part: Any, fallback: str) -> str:
    """The name of a part, which may be an instance of the submission's own class."""
    return NAMES.get(id(part), fallback)


class linear_layer:
    """u = XW + b; W is D×M and b is 1×M."""

    def __init__(self, input_D: int, output_D: int) -> None:
        self.params = {
            "W": np.random.normal(0, 0.1, (input_D, output_D)),
            "b": np.random.normal(0, 0.1, (1, output_D)),
        }
        self.gradient = {"W": np.zeros((input_D, output_D)), "b": np.zeros((1, output_D))}

    def forward(self, X: Any) -> Array:
        """N×D in, N×M out."""
        X = _matrix(f"{_name(self, 'linear_layer')}.forward", "X", X, self.params["W"].shape[0])
        return np.asarray(X @ self.params["W"] + self.params["b"])

    def backward(self, X: Any, grad: Any) -> Array:
        """Stores Xᵀ grad and the sum of grad's rows; returns grad Wᵀ."""
        name, (D, M) = f"{_name(self, 'linear_layer')}.backward", self.params["W"].shape
        X, grad = _matrix(name, "X", X, D), _matrix(name, "grad", grad, M)
        if len(X) != len(grad):
            raise WiringError(f"{name} was given {len(X)} rows of X and {len(grad)} rows of grad")
        self.gradient["W"] = X.T @ grad
        self.gradient["b"] = grad.sum(axis=0, keepdims=True)
        return np.asarray(grad @ self.params["W"].T)


class relu:
    """h = max(0, u)."""

    def __init__(self) -> None:
        self.mask = None

    def forward(self, X: Any) -> Array:
        """N×M in and out."""
        return np.maximum(_matrix(f"{_name(self, 'relu')}.forward", "X", X), 0.0)

    def backward(self, X: Any, grad: Any) -> Array:
        """grad where X > 0."""
        name = f"{_name(self, 'relu')}.backward"
        X = _matrix(name, "X", X)
        return np.asarray(_matrix(name, "grad", grad, like=X) * (X > 0))


class tanh:
    """h = tanh(u)."""

    def __init__(self) -> None:
        pass

    def forward(self, X: Any) -> Array:
        """N×M in and out."""
        return np.asarray(np.tanh(_matrix(f"{_name(self, 'tanh')}.forward", "X", X)))

    def backward(self, X: Any, grad: Any) -> Array:
        """grad (1 − tanh²(X))."""
        name = f"{_name(self, 'tanh')}.backward"
        X = _matrix(name, "X", X)
        return np.asarray(_matrix(name, "grad", grad, like=X) * (1.0 - np.tanh(X) ** 2))


class dropout:
    """Zeroes elements at rate r and divides the others by 1 − r; the backward replays the kept mask."""

    def __init__(self, r: float) -> None:
        self.r = float(r)
        self.mask: Any = None

    def forward(self, X: Any, is_train: Any = True) -> Array:
        """The identity where `is_train` is false."""
        X = _matrix(f"{_name(self, 'dropout')}.forward", "X", X)
        if not is_train:
            return np.array(X)
        self.mask = (np.random.uniform(0.0, 1.0, X.shape) >= self.r) / (1.0 - self.r)
        return np.asarray(X * self.mask)

    def backward(self, X: Any, grad: Any) -> Array:
        """grad times the mask that the last training forward drew; X is not looked at."""
        name = f"{_name(self, 'dropout')}.backward"
        if self.mask is None:
            raise WiringError(f"{name} was called before any {_name(self, 'dropout')}.forward in training")
        return np.asarray(_matrix(name, "grad", grad, like=self.mask) * self.mask)


class softmax_cross_entropy:
    """Mean of −log softmax at the labels; the backward uses what the forward kept, as the usual utils does."""

    def __init__(self) -> None:
        self.prob: Any = None
        self.labels: Any = None

    def forward(self, X: Any, Y: Any) -> Any:
        """X N×K logits, Y N labels (N×1 or flat) → mean loss."""
        X = _matrix("loss.forward", "X", X)
        labels = np.asarray(Y)
        if labels.size != len(X) or labels.ndim > 2:
            raise WiringError(f"loss.forward was given labels of shape {labels.shape} for {len(X)} rows of logits")
        labels = labels.reshape(-1).astype(int)
        if labels.min() < 0 or labels.max() >= X.shape[1]:
            raise WiringError(f"loss.forward was given labels outside 0 to {X.shape[1] - 1}")
        shifted = X - X.max(axis=1, keepdims=True)
        total = np.exp(shifted).sum(axis=1, keepdims=True)
        self.prob, self.labels = np.exp(shifted) / total, labels
        return np.mean(np.log(total[:, 0]) - shifted[np.arange(len(X)), labels])

    def backward(self, X: Any, Y: Any) -> Array:
        """(z − onehot(y)) / N of the last forward; the arguments are not looked at."""
        if self.prob is None:
            raise WiringError("loss.backward was called before loss.forward")
        grad = self.prob.copy()
        grad[np.arange(len(grad)), self.labels] -= 1.0
        return np.asarray(grad / len(grad))


def _modules(model: Any) -> Iterable[tuple[Any, Any]]:
    """(name, module) of every module with parameters, of a dict or a plain sequence."""
    pairs = model.items() if hasattr(model, "items") else enumerate(model)
    return [(name, module) for name, module in pairs if hasattr(module, "params")]


def sgd(model: Any, momentum: Any, lam: float, alpha: float, eta: float) -> Any:
    """One step of g = ∂l/∂w + λw; α > 0: υ ← αυ − ηg, w ← w + υ; else w ← w − ηg. Returns the model."""
    if alpha > 0 and not hasattr(momentum, "get"):
        raise WiringError(f"SGD was given {momentum!r:.40} as momentum while alpha is {alpha}")
    for name, module in _modules(model):
        for key in module.params:
            g = module.gradient[key] + lam * module.params[key]
            if alpha > 0:
                # A `main` that names its velocities otherwise starts from zero under our name, as its own SGD would.
                velocity = alpha * momentum.get(f"{name}_{key}", 0.0) - eta * g
                momentum[f"{name}_{key}"] = velocity
                module.params[key] = module.params[key] + velocity
            else:
                module.params[key] = module.params[key] - eta * g
    return model


def add_momentum(model: Any) -> dict[str, Array]:
    """'<module>_<param>' → zeros of the gradient's shape."""
    return {
        f"{name}_{key}": np.zeros(module.gradient[key].shape)
        for name, module in _modules(model)
        for key in module.gradient
    }


def predict_label(f: Any) -> Array:
    """N×K logits → N×1 float argmax; N×1 → (f > 0) as float."""
    f = _matrix("predict_label", "f", f)
    if f.shape[1] == 1:
        return np.asarray(f > 0, dtype=float)
    return np.asarray(np.argmax(f, axis=1), dtype=float).reshape(-1, 1)


class DataSplit:
    """One set of examples: X (N×D) with labels Y (N of them, kept as an N×1 column of floats)."""

    def __init__(self, X: Any, Y: Any) -> None:
        self.X = np.asarray(X)
        self.Y = np.asarray(Y, dtype=float).reshape(-1, 1)
        self.N, self.d = self.X.shape

    def get_example(self, idx: Any) -> tuple[Array, Array]:
        """Copies of the examples numbered idx, in that order: X (len(idx)×D) and Y (len(idx)×1)."""
        rows = np.asarray(idx, dtype=np.intp)
        return self.X[rows], self.Y[rows]


def data_loader_mnist(dataset: Any) -> tuple[Array, ...]:
    """The sets of the JSON file {'train': [X, y], 'valid': [X, y], 'test': [X, y]}, or of the one in a folder."""
    place = Path(dataset)
    file = next(iter(sorted(place.glob("*.json"))), place) if place.is_dir() else place
    data = json.loads(file.read_text(encoding="utf-8"))
    return tuple(np.array(half) for name in ("train", "valid", "test") for half in data[name])


# ---- put in place of some of a submission's own, to see whether what fails is right then

METHODS = {
    "2": (("linear_layer", "__init__"),),
    "3": (("linear_layer", "forward"),),
    "4": (("linear_layer", "backward"),),
    "5": (("tanh", "forward"),),
    "6": (("tanh", "backward"),),
    "7": (("relu", "forward"),),
    "8": (("relu", "backward"),),
    "9": tuple(("dropout", method) for method in ("__init__", "forward", "backward")),
    "utils": tuple(("softmax_cross_entropy", method) for method in ("__init__", "forward", "backward")),
}
"""The methods of each part. SGD, which is no method, is part 1."""
SUPPORT = ("add_momentum", "predict_label", "DataSplit", "data_loader_mnist")
"""What brings `main` its data, velocities and predictions."""
LEAVES_BEHIND = ("3", "5", "7")
"""The parts whose forward may keep what a backward of another part works on."""


def exchange(submission: Submission, parts: Sequence[str], ended: Sequence[str] = ()) -> None:
    """Puts the correct ones in place of these parts, where there is a class for them; `ended` are never called again.

    Those have ended their process, or did not come to their end, so that nothing is left behind that a backward needs.
    """
    for part in parts:
        for name, method in METHODS.get(part, ()):
            keeping = part in LEAVES_BEHIND and part not in ended
            _exchange_method(_class(submission, name), name, method, keeping=keeping)
        if part == "1":
            _exchange_sgd(submission)
        if part == "utils":
            _exchange_support(submission)


def _exchange_support(submission: Submission) -> None:
    for module in (own for own in (submission.module, submission.support) if own is not None):
        for name in SUPPORT:
            if name in vars(module):
                setattr(module, name, globals()[name])


def _class(submission: Submission, name: str) -> type:
    """The submission's class of this name, or of a near one in its place; an empty one, where it has none."""
    made = type(name, (), {})
    with contextlib.suppress(Exception):
        found = submission.get(submission.meant_as(name, type))
        made = found if isinstance(found, type) else made
    setattr(submission.module, name, made)
    return made


def _exchange_method(cls: type, name: str, method: str, *, keeping: bool) -> None:
    right: Callable[..., Any] = vars(globals()[name])[method]
    own: Any = getattr(cls, method, None)
    if getattr(own, "is_exchanged", False):  # as in a script, of which this is done again after each definition
        return

    def exchanged(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = right(self, *args, **kwargs)
        if keeping and own is not None:
            _leave_behind(self, own, args, kwargs, result)
        return result

    exchanged.is_exchanged = True  # type: ignore[attr-defined]  # a mark
    type.__setattr__(cls, method, exchanged)


def _leave_behind(layer: Any, own: Any, args: Any, kwargs: Any, right: np.ndarray) -> None:
    """Have a layer keep what its own forward keeps for its backward, with the right result in place of its own one."""
    with contextlib.suppress(Exception, SystemExit):
        result = own(layer, *(np.array(arg) if isinstance(arg, np.ndarray) else arg for arg in args), **kwargs)
        for key, kept in list(vars(layer).items()):
            if isinstance(kept, np.ndarray) and kept.dtype.kind == "f" and np.array_equal(kept, result, equal_nan=True):
                setattr(layer, key, right.copy())


def _exchange_sgd(submission: Submission) -> None:
    names = SGD_PARAMETERS[submission.edition]

    def exchanged(*args: Any) -> Any:
        given = {"momentum": None, "lam": 0.0, "alpha": 0.0, **dict(zip(names, args, strict=True))}
        return sgd(given["model"], given["momentum"], given["lam"], given["alpha"], given["eta"])

    for name in SGD_NAMES:
        setattr(submission.module, name, exchanged)
