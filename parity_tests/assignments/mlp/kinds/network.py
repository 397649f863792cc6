"""The network, alone and along a trajectory: the rows of its cases, the draw, the judge, and the calls as evidence.

The judge proper lies in network_links.py, which imports torch.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.digits import CLASSES, Digits, shipped_digits, small_digits
from parity_tests.assignments.mlp.inside.homework_names import FULL, PLAIN
from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.kinds.dropout import dropout_call
from parity_tests.assignments.mlp.kinds.elementwise import activation_call
from parity_tests.assignments.mlp.kinds.linear import linear_call
from parity_tests.assignments.mlp.kinds.loss import loss_call
from parity_tests.assignments.mlp.names import (
    LABELS,
    WEIGHT_NAMES,
    gradient_name,
    key_after_step,
    updated_name,
    weight_shapes,
)
from parity_tests.assignments.mlp.parts import FUNCTIONS
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.exam import settings_of
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Key, Quantity

Array = NDArray[Any]

PIXELS = 784
"""Those of real digits, which a network of one step is given; a trajectory is given smaller ones."""
DROPPED = ("dropout output", "activation output")
"""What L2 is given: the second, where there is no dropout."""


@dataclass(frozen=True)
class Link:
    """A call of a training step: its function, the links whose results it is given as X and as grad.

    And those of which its layer may have kept something.
    """

    function: str
    given: tuple[str, ...]
    upstream: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def inputs(self) -> frozenset[str]:
        """All that its result may come of."""
        return frozenset({*self.given, *self.upstream, *self.kept})


_L2_BACK = Link("linear_layer.backward", DROPPED, ("gradient of logits",))
_L1_BACK = Link("linear_layer.backward", ("X",), ("activation gradient",))
LINKS: Mapping[str, Link] = {
    "L1 output": Link("linear_layer.forward", ("X",)),
    "activation output": Link("{activation}.forward", ("L1 output",)),
    "dropout output": Link("dropout.forward", ("activation output",)),
    "L2 output": Link("linear_layer.forward", DROPPED),
    "loss": Link("the loss's forward", ("L2 output",)),
    "gradient of logits": Link("the loss's backward", ("L2 output",)),
    **{f"L2 gradient of {key}": _L2_BACK for key in "WbX"},
    "dropout gradient": Link("dropout.backward", ("activation output",), ("L2 gradient of X",), ("dropout output",)),
    "activation gradient": Link(
        "{activation}.backward", ("L1 output",), ("dropout gradient", "L2 gradient of X"), ("activation output",)
    ),
    **{f"L1 gradient of {key}": _L1_BACK for key in "WbX"},
}
"""The quantities of a training step, in the order of computation, each with the call that gives it."""
BACKWARDS = {f"{name} output": f"{name} gradient" for name in ("activation", "dropout")}
BACKWARDS |= {f"{name} output": f"{name} gradient of X" for name in ("L1", "L2")}
"""The backward of each forward that is given a gradient."""
OF_CLASSES = ("L2 output", "gradient of logits")
"""The links whose results have a column for each class."""
STEPS, STEPS_AFTER = 12, 8
"""Those of a trajectory, before and after η falls."""


def cases(edition: str, dtype: str, seed: int) -> Iterator[Case]:
    """One step of each activation with and without dropout, and a trajectory of each with SGD's updates."""
    dropout = edition != PLAIN
    for activation, drops in product(("relu", "tanh"), (False, True)):
        if not dropout and (activation == "tanh" or drops):
            continue
        with_or_without = "with" if drops else "without"
        settings = settings_of(seed, "network", activation, with_or_without)
        yield Case(
            f"network/{activation}-{with_or_without}-dropout/{dtype}",
            "network",
            f"network with {activation}, {with_or_without} dropout, on 784 pixels",
            dtype,
            "network",
            {
                "activation": activation,
                "r": settings.randint(20, 80) / 100 if drops else 0.0,
                "dropout": dropout,
                "N": settings.randint(3, 8),
                "D": PIXELS,
                "M": settings.randint(11, 24),
                "K": CLASSES,
                "steps": 1,
            },
            _rows(activation, dropout),
        )
    for activation, moves in (("relu", True), ("tanh", False)) if dropout else (("relu", False),):
        settings = settings_of(seed, "trajectory", activation)
        eta = settings.randint(2, 9) / 100
        yield Case(
            f"trajectory/{activation}-{'with' if moves else 'without'}-momentum/{dtype}",
            "trajectory",
            f"trajectory with {activation}, {'momentum and dropout' if moves else 'without momentum'}",
            dtype,
            "network",
            {
                "activation": activation,
                "r": settings.randint(20, 80) / 100 if moves else 0.0,
                "dropout": dropout,
                "alpha": settings.randint(55, 95) / 100 if moves else 0.0,
                "lam": settings.randint(1, 9) / 1000 if edition == FULL else 0.0,
                "etas": [eta] * STEPS + [eta / 10] * STEPS_AFTER,
                "N": settings.randint(3, 8),
                "D": 100,
                "M": settings.randint(11, 24),
                "K": CLASSES,
                "steps": STEPS + STEPS_AFTER,
            },
            (
                *_rows(activation, dropout),
                *(Quantity(updated_name(name), "1", key_after_step(name)) for name in WEIGHT_NAMES),
            ),
        )


def _rows(activation: str, dropout: bool) -> tuple[Quantity, ...]:
    return tuple(Quantity(name, part, Key(name)) for name, part in links(activation, dropout))


def links(activation: str, dropout: bool) -> list[tuple[str, str]]:
    """The links of a network with this activation, in the order of computation: name and part."""
    return [
        (name, FUNCTIONS.get(link.function.format(activation=activation), "utils"))
        for name, link in LINKS.items()
        if dropout or not name.startswith("dropout")
    ]


def draw(params: Params, rng: np.random.Generator) -> dict[str, Array]:
    """Real digits X and labels Y of each step, and the weights before it: all of them T×….

    The weights of the first step are drawn as the assignment does, those of a trajectory are a plain training run's.
    """
    steps, N, D, M, K = (params[key] for key in ("steps", "N", "D", "M", "K"))
    digits = shipped_digits() if D == PIXELS else _smaller_digits()
    rows = np.stack([rng.permutation(len(digits.train_y))[:N] for _ in range(steps)])
    rows[-1] = rows[0]  # what remembers results by its input alone shows: the weights are others by then
    start = {name: 0.1 * rng.standard_normal(shape) for name, shape in weight_shapes(D, M, K).items()}
    X, y = digits.train_X[rows], digits.train_y[rows]
    path = [start] if steps == 1 else _training_path(start, X, y, params, rng)
    return {
        "X": X,
        "Y": y[..., None].astype(np.float64),
        **{name: np.stack([weights[name] for weights in path]) for name in WEIGHT_NAMES},
    }


@cache
def _smaller_digits() -> Digits:
    return small_digits(200, 1, 1)


def _training_path(
    start: dict[str, Array], X: Array, y: Array, params: Params, rng: np.random.Generator
) -> list[dict[str, Array]]:
    """The weights before each step of a training in numpy with masks of its own: inputs, held against nothing."""
    M, r, is_relu = params["M"], params["r"], params["activation"] == "relu"
    velocities, path = dict.fromkeys(start, np.zeros(())), [start]
    for t, eta in enumerate(params["etas"][:-1]):
        W1, b1, W2, b2 = (path[-1][name] for name in WEIGHT_NAMES)
        mask = (rng.random((X.shape[1], M)) >= r) / (1 - r)
        u = X[t] @ W1 + b1
        h = np.maximum(u, 0) if is_relu else np.tanh(u)
        e = np.exp((h * mask) @ W2 + b2)
        da = (e / e.sum(axis=1, keepdims=True) - np.eye(W2.shape[1])[y[t]]) / len(u)
        du = da @ W2.T * mask * ((u > 0) if is_relu else 1 - h**2)
        gradients = X[t].T @ du, du.sum(axis=0, keepdims=True), (h * mask).T @ da, da.sum(axis=0, keepdims=True)
        for name, g in zip(WEIGHT_NAMES, gradients, strict=True):
            velocities[name] = params["alpha"] * velocities[name] - eta * (g + params["lam"] * path[-1][name])
        path.append({name: path[-1][name] + velocities[name] for name in start})
    return path


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """Each link against torch's of the submission's own results before it, over all steps."""
    from parity_tests.assignments.mlp.kinds.network_links import judge_network

    return judge_network(case, arrays, observation, context.device)


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """The calls of each link whose inputs, which are the submission's own results, can be used; then the updates."""
    calls = Calls(case, judged)
    for t in range(case.params["steps"]):
        yield from _Step(calls, case, arrays, observation, t).calls()
    if "etas" in case.params:
        yield from _updates(calls, case, arrays, observation)


class _Step:
    """The calls of one step."""

    def __init__(self, calls: Calls, case: Case, arrays: Arrays, observation: Observation, t: int) -> None:
        self._calls, self._params, self._arrays, self._observation, self._t = calls, case.params, arrays, observation, t

    def calls(self) -> Iterator[Call]:
        """Those of the layers, the activation, dropout and the loss."""
        asked = [name for name, _ in links(self._params["activation"], self._params["dropout"])]
        for part in ("L1 ", "L2 ", "activation", "dropout", "loss", "gradient of logits"):
            for name in (one for one in asked if one.startswith(part)):
                call = self._call(name, LINKS[name], LINKS[BACKWARDS.get(name, name)])
                if call is not None:
                    yield call

    def _call(self, name: str, link: Link, back: Link) -> Call | None:
        """The call of a link, whose backward is `back`; None where what it works on is not known."""
        p, result = self._params, result_of(self._observation, Key(name, self._t))
        X, grad = self._first(link.given), self._first(back.upstream) if back.upstream else None
        is_back = link.function.endswith("backward")
        if X is None or (is_back and back.upstream and grad is None):
            return None
        layer, _, word = name.partition(" ")
        if layer in ("L1", "L2"):
            W, b = (self._arrays[f"{layer}_{key}"][self._t] for key in ("W", "b"))
            grad = np.zeros((len(X), W.shape[1])) if grad is None else grad
            return linear_call(self._calls, layer, word, name, result, X, grad, W, b)
        word = "gradient of X" if is_back else "output"
        if name.startswith(("activation", "dropout")):
            grad, own = np.zeros_like(X) if grad is None else grad, self._own(f"{layer} output")
            if layer == "dropout":
                return dropout_call(self._calls, word, name, result, X, grad, own, p["r"])
            return activation_call(self._calls, p["activation"], word, name, result, X, grad, own)
        return loss_call(self._calls, word, name, result, X, self._arrays["Y"][self._t].reshape(-1).astype(int))

    def _first(self, names: tuple[str, ...]) -> Array | None:
        """The submission's own result of the first of these links that the network has."""
        return self._own(next(one for one in names if self._params["dropout"] or not one.startswith("dropout")))

    def _own(self, name: str) -> Array | None:
        if name == "X":
            return np.asarray(self._arrays["X"][self._t])
        N, M, K = (self._params[key] for key in "NMK")
        return array_of(self._observation, Key(name, self._t), (N, K if name in OF_CLASSES else M))


def _updates(calls: Calls, case: Case, arrays: Arrays, observation: Observation) -> Iterator[Call]:
    """The updates of each weight, from the given weights and the submission's own gradients, as one call."""
    p = case.params
    for name in WEIGHT_NAMES:
        layer, key = name.split("_")
        shape = arrays[name][0].shape
        gradients, after = [], []
        for t in range(p["steps"]):
            gradients.append(array_of(observation, Key(gradient_name(name), t), shape, flat_ok=True))
            after.append(array_of(observation, key_after_step(name, t), shape, flat_ok=True))
        g, moved = [x for x in gradients if x is not None], [x for x in after if x is not None]
        if len(g) < len(gradients) or len(moved) < len(after):
            continue
        yield calls.add(
            "sgd.weights",
            updated_name(name),
            Returned("array", np.stack(moved), ""),
            w=calls.running(arrays[name][0]),
            starts=[calls.running(w) for w in arrays[name]],
            g=[calls.running(x) for x in g],
            etas=p["etas"],
            alpha=p["alpha"],
            lam=p["lam"],
            key=key,
            layer=layer,
            N=0,
        )


KIND = Kind(draw, judge, evidence, labels=LABELS, kept_wide=frozenset({"Y"}), chained=True)
