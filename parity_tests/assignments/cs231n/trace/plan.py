"""What both sides of a trace of FullyConnectedNet are given: parameters, data, and the rate of every step."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds.networks import shapes_of
from parity_tests.assignments.cs231n.trace.settings import Settings
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.quantity import Key
from parity_tests.trace.plan import Array, Evaluation, Plan, Round, Step

NETWORK = "FullyConnectedNet"
SOLVER = "Solver"
BATCH, RATE, LOSS, SCORES = "batch", "learning rate", "loss", "validation scores"
_KEYS = {BATCH: Key("X"), SCORES: Key("scores")}
_TRAINING, _VALIDATION, _IMAGE, _CLASSES = 500, 100, (3, 8, 8), 10
SCORED = 100
"""Examples that a Solver puts to the network at a time where it measures an accuracy."""


@dataclass(frozen=True)
class Examples:
    """Images and their labels, by the names that a Solver takes them under."""

    X_train: Array
    y_train: NDArray[np.int64]
    X_val: Array
    y_val: NDArray[np.int64]

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return int(max(self.y_train.max(), self.y_val.max())) + 1


def drawn_examples(seed: int) -> Examples:
    """Small images: each the image of its class, and noise of the same size."""
    rng = np.random.default_rng(seed)
    of_class = rng.standard_normal((_CLASSES, *_IMAGE))
    y = rng.integers(0, _CLASSES, _TRAINING + _VALIDATION)
    X = of_class[y] + rng.standard_normal((len(y), *_IMAGE))
    return Examples(X[:_TRAINING], y[:_TRAINING], X[_TRAINING:], y[_TRAINING:])


def load_examples(path: Path) -> Examples:
    """Those of an .npz with X_train, y_train, X_val and y_val. Raises UsageError for what is none."""
    names = ("X_train", "y_train", "X_val", "y_val")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in names}
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise UsageError(f"{path} is no .npz with {', '.join(names)}: {error}.") from error
    for split in ("train", "val"):
        X, y = arrays[f"X_{split}"], arrays[f"y_{split}"]
        if X.ndim < 2 or not len(X) or y.shape != (len(X),) or y.dtype.kind not in "iu" or y.min() < 0:
            raise UsageError(
                f"{path}: X_{split} of shape {X.shape} and y_{split} of shape {y.shape} must be rows of numbers, and a "
                "label from 0 on of each."
            )
    if arrays["X_train"].shape[1:] != arrays["X_val"].shape[1:]:
        raise UsageError(f"{path}: X_train and X_val must hold images of one shape.")
    X_train, X_val = (arrays[name].astype(np.float64) for name in ("X_train", "X_val"))
    y_train, y_val = (arrays[name].astype(np.int64) for name in ("y_train", "y_val"))
    return Examples(X_train, y_train, X_val, y_val)


def updated_name(parameter: str) -> str:
    """What a parameter is called after a step's update."""
    return f"updated {parameter}"


class NetPlan(Plan):
    """Parameters and rates for both sides; which batch a step is made of, the submission's own Solver draws.

    `shapes_by_name` are the shapes of all parameters. Of `compared` both sides are held against each other: a bias that
    a batch norm takes away again has no effect, and nothing but rounding for a gradient. Raises UsageError where the
    training set does not fill a mini-batch.
    """

    def __init__(self, settings: Settings, examples: Examples) -> None:
        self.settings: Settings = settings
        s = settings
        X = (examples.X_train.astype(s.dtype), examples.X_val.astype(s.dtype))
        self.examples = Examples(X[0], examples.y_train, X[1], examples.y_val)
        least = 2 if s.normalization == "batchnorm" else 1
        if not least <= s.batch <= len(X[0]):
            raise UsageError(
                f"--batch is {s.batch}; it must lie in {least}..{len(X[0])}, the size of the training set."
            )
        self.steps_an_epoch = len(X[0]) // s.batch
        self.epochs = s.epochs if s.steps is None else math.ceil(s.steps / self.steps_an_epoch)
        whole = self.epochs * self.steps_an_epoch
        self.total = whole if s.steps is None else s.steps
        self.shapes_by_name = {
            name: tuple(shape)
            for name, shape in shapes_of(
                NETWORK,
                {
                    "input_dim": math.prod(X[0].shape[1:]),
                    "hidden_dims": list(s.hidden),
                    "num_classes": examples.classes,
                    "normalization": s.normalization,
                },
            ).items()
        }
        rng = np.random.default_rng([s.seed, 1])
        self.weights: dict[str, Array] = {
            name: self._first(name, shape, rng).astype(s.dtype) for name, shape in self.shapes_by_name.items()
        }
        lost = {f"b{layer}" for layer in range(1, len(s.hidden) + 1)} if s.normalization == "batchnorm" else set()
        self.compared = tuple(name for name in self.shapes_by_name if name not in lost)

    @staticmethod
    def _first(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Weights that keep the size of what goes through them; scales of 1, all else 0, as the network begins."""
        if name.startswith("W"):
            return np.asarray(rng.standard_normal(shape) * np.sqrt(2 / shape[0]))
        return np.ones(shape) if name.startswith("gamma") else np.zeros(shape)

    def quantities(self) -> list[tuple[str, str]]:
        """Name and part of what is compared at each step, in the order of computation."""
        s = self.settings
        names = [(BATCH, SOLVER), (RATE, SOLVER)]
        names += [(name, "batchnorm_forward") for name in self.averages()]
        names.append((LOSS, NETWORK))
        order = sorted(self.compared, key=lambda name: -_layer_of(name))  # a backward goes from the last layer on
        names += [(f"d{name}", NETWORK) for name in order]
        names += [(updated_name(name), s.rule) for name in self.compared]
        return [*names, (SCORES, NETWORK)]

    def averages(self) -> list[str]:
        """The running averages of each layer's batch norm."""
        layers = range(1, len(self.settings.hidden) + 1) if self.settings.normalization == "batchnorm" else ()
        return [f"running {what} {layer}" for layer in layers for what in ("mean", "var")]

    def __iter__(self) -> Iterator[Step | Evaluation]:
        eta = self.settings.first_eta
        for number in range(1, self.total + 1):
            yield Step(number, (number - 1) // self.steps_an_epoch + 1, eta)
            if number % self.steps_an_epoch == 0:
                eta *= self.settings.decay

    def round(self, item: Step | Evaluation, weights: Mapping[str, Array] | None = None) -> Round:
        return {"kind": "step"}, {}

    def key_of(self, quantity: str) -> Key:
        name = quantity.removeprefix("updated ")
        return Key(f"{name} after the step") if name != quantity else _KEYS.get(quantity, Key(quantity))

    def inputs_of(self, quantity: str) -> frozenset[str] | None:
        name = quantity.removeprefix("updated ")
        return None if name == quantity else frozenset({RATE, f"d{name}"})

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        s, e = self.settings, self.examples
        shapes: dict[str, tuple[int, ...]] = {
            BATCH: (s.batch, *e.X_train.shape[1:]),
            RATE: (),
            LOSS: (),
            SCORES: (min(SCORED, len(e.X_val)), e.classes),
        }
        for name in self.averages():
            shapes[name] = (s.hidden[_layer_of(name) - 1],)
        for name, shape in self.shapes_by_name.items():
            shapes[f"d{name}"] = shapes[updated_name(name)] = shape
        return shapes


def _layer_of(name: str) -> int:
    """The number of a layer, with which the names of all that belongs to it end."""
    return int(name.lstrip("abcdefghijklmnopqrstuvwxyzW "))
