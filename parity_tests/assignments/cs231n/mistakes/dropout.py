"""Known mistakes of dropout: of the mask that is drawn, of its scale, and of the test mode."""

from __future__ import annotations

from math import erf, sqrt
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.mistake import Swap

MEANING = "p is the share that is kept, in 2016 and 2017 the one that is dropped: rand < p comes with probability p."
INVERTED = (
    "In training what is kept is divided by the share that is kept, so that nothing is to be done in the test mode."
)
TESTED = "In the test mode dropout hands x on as it is."
UNIFORM = "rand gives numbers from 0 to 1, which are under p with probability p; randn's are normal."
SEED = "A seed in dropout_param makes each call draw the same mask: np.random.seed(seed)."
EACH = "Each number of each example is kept or dropped on its own."
BACK = "The gradient goes back through the mask of the forward, which is in the cache, scale and all."

F, B = "dropout_forward", "dropout_backward"
DRAWN = "((np.random.rand(*x.shape) < p) / p)"
GIVEN_BACK = "return x * mask, (dropout_param, mask)"
BACKWARD = "return dout if mask is None else dout * mask"
TEST = 'if mode == "test":\n        return x, (dropout_param, None)'


def _forward(name: str, hint: str, change: Any, *plug: Swap) -> Wrong:
    return Wrong(F, "dropout", name, hint, change, plug)


def _backward(name: str, hint: str, change: Any, new: str) -> Wrong:
    return Wrong(B, "dropout", name, hint, change, (Swap(BACKWARD, new),))


def _normal_share(p: float) -> float:
    """The probability that a standard normal number is under p."""
    return (1 + erf(p / sqrt(2))) / 2


def _alike_along(axis: int) -> Any:
    def alike(mask: Any) -> bool:
        first = mask[:1] if axis == 0 else mask[:, :1]
        return bool((mask == first).all()) and bool(np.unique(mask).size == 2)

    return alike


def _keeps_all(mask: Any) -> bool:
    return bool(mask.all())


NOTHING = {name: lambda alike: True for name in ("mask of another seed", "mask without a seed")}
"""What is the same from call to call where nothing is dropped."""

DROPOUT = (
    _forward("p is the share that is dropped, the scale is 1/p", MEANING, {"share kept": lambda p: 1 - p},
             Swap(DRAWN, "((np.random.rand(*x.shape) > p) / p)")),
    _forward("p is the share that is dropped, the scale is 1/(1 − p)", MEANING,
             {"share kept": lambda p: 1 - p, "out": lambda t: t.x * t.mask / (1 - t.p)},
             Swap(DRAWN, "((np.random.rand(*x.shape) >= p) / (1 - p))")),
    _forward("the scale is 1 over the share that is dropped", INVERTED, {"out": lambda t: t.x * t.mask / (1 - t.p)},
             Swap(DRAWN, "((np.random.rand(*x.shape) < p) / (1 - p))")),
    _forward("what is kept is not divided by its share", INVERTED, {"out": lambda t: t.x * t.mask},
             Swap(DRAWN, "(np.random.rand(*x.shape) < p)")),
    _forward("the scale comes in the test mode, not in training", INVERTED,
             {"out": lambda t: t.x * t.mask, "out in test mode": lambda t: t.x / t.p},
             Swap(DRAWN, "(np.random.rand(*x.shape) < p)"), Swap(TEST, TEST.replace("return x", "return x / p"))),
    _forward("what is kept is multiplied by its share", INVERTED, {"out": lambda t: t.x * t.mask * t.p},
             Swap(DRAWN, "((np.random.rand(*x.shape) < p) * p)")),
    _forward("not inverted: the test mode multiplies by the share that is kept", INVERTED,
             {"out": lambda t: t.x * t.mask, "out in test mode": lambda t: t.x * t.p},
             Swap(DRAWN, "(np.random.rand(*x.shape) < p)"), Swap(TEST, TEST.replace("return x", "return x * p"))),
    _forward("the test mode multiplies x by the share that is kept", TESTED, {"out in test mode": lambda t: t.x * t.p},
             Swap(TEST, TEST.replace("return x", "return x * p"))),
    _forward("the test mode drops as well", TESTED, {"out in test mode": lambda t: t.x * t.tested / t.p},
             Swap(TEST, 'if mode == "test":\n        mode = "train"')),
    _forward("normal numbers are drawn, not uniform ones", UNIFORM, {"share kept": _normal_share},
             Swap(DRAWN, "((np.random.randn(*x.shape) < p) / p)")),
    _forward("the seed is not used", SEED,
             {name: lambda alike: not alike for name in ("mask of the same seed", "mask of another seed")},
             Swap('    if "seed" in dropout_param:\n        np.random.seed(dropout_param["seed"])\n', "")),
    _forward("half of the numbers are kept, whatever p is", MEANING, {"share kept": lambda p: 0.5},
             Swap(DRAWN, "((np.random.rand(*x.shape) < 0.5) / p)")),
    _forward("one row is drawn for all examples", EACH, {"independence": _alike_along(0)},
             Swap(DRAWN, "((np.random.rand(*x.shape[1:]) < p) / p * np.ones(x.shape))")),
    _forward("one number is drawn for each example", EACH,
             {"independence": _alike_along(1)},
             Swap(DRAWN, "((np.random.rand(len(x)) < p) / p).reshape(-1, *[1] * (x.ndim - 1)) * np.ones(x.shape)")),
    _forward("what is kept is divided by its share twice", INVERTED, {"out": lambda t: t.x * t.mask / t.p**2},
             Swap(DRAWN, "((np.random.rand(*x.shape) < p) / p**2)")),
    _forward("what is kept is divided by the root of its share", INVERTED, {"out": lambda t: t.x * t.mask / t.p**0.5},
             Swap(DRAWN, "((np.random.rand(*x.shape) < p) / np.sqrt(p))")),
    _forward("p is the share that is dropped, and what is kept is not divided", MEANING,
             {"share kept": lambda p: 1 - p, "out": lambda t: t.x * t.mask},
             Swap(DRAWN, "(np.random.rand(*x.shape) > p)")),
    _forward("the mask is returned, not x times the mask", MEANING, {"out": lambda t: t.mask / t.p},
             Swap(GIVEN_BACK, "return 1 * mask, (dropout_param, mask)")),
    _forward("nothing is dropped in training", MEANING,
             {"out": lambda t: 1 * t.x, "independence": _keeps_all, **NOTHING},
             Swap(GIVEN_BACK, "return x + 0, (dropout_param, np.ones_like(x) / p)")),
    _forward("nothing is dropped in training, but all divided by the share to keep", MEANING,
             {"out": lambda t: t.x / t.p, "independence": _keeps_all, **NOTHING},
             Swap(DRAWN, "((np.random.rand(*x.shape) < 1) / p)")),
    _forward("the modes are exchanged: the test mode drops, training does not", TESTED,
             {"out": lambda t: 1 * t.x, "out in test mode": lambda t: t.x * t.tested / t.p, "independence": _keeps_all,
              **NOTHING},
             Swap(GIVEN_BACK, "return x + 0, (dropout_param, np.ones_like(x) / p)"),
             Swap(TEST, f'if mode == "test":\n        return x * {DRAWN}, (dropout_param, None)')),
    _forward("the test mode divides x by the share that is kept", TESTED, {"out in test mode": lambda t: t.x / t.p},
             Swap(TEST, TEST.replace("return x", "return x / p"))),
    _forward("the test mode gives zeros", TESTED, {"out in test mode": lambda t: 0 * t.x},
             Swap(TEST, TEST.replace("return x", "return 0 * x"))),
    _backward("dout is divided by the share that is kept, nothing is dropped from it", BACK,
              {"dx": lambda t: t.dout / t.p},
              "return dout if mask is None else dout / cache[0]['p']"),
    _backward("the gradient is multiplied by the share that is kept, not divided", BACK,
              {"dx": lambda t: t.dout * t.mask * t.p},
              "return dout if mask is None else dout * (mask > 0) * cache[0]['p']"),
    _backward("the mask is returned, dout is not used", BACK, {"dx": lambda t: t.mask / t.p},
              "return dout if mask is None else 1 * mask"),
    _backward("what was dropped gets the gradient, what was kept gets none", BACK,
              {"dx": lambda t: t.dout * (1 - t.mask) / t.p},
              "return dout if mask is None else dout * (mask == 0) / cache[0]['p']"),
    _backward("what was dropped gets the gradient, not divided", BACK, {"dx": lambda t: t.dout * (1 - t.mask)},
              "return dout if mask is None else dout * (mask == 0)"),
    _backward("dx has the wrong sign", BACK, {"dx": lambda t: -t.dout * t.mask / t.p},
              "return dout if mask is None else -dout * mask"),
    _backward("dx is 0 everywhere in training", BACK, {"dx": lambda t: 0 * t.dout},
              "return dout if mask is None else 0 * dout"),
    _backward("dout is passed on as it is", BACK, {"dx": lambda t: 1 * t.dout}, "return dout + 0"),
    _backward("the gradient is not divided by the share that is kept", BACK, {"dx": lambda t: t.dout * t.mask},
              "return dout if mask is None else dout * (mask > 0)"),
    _backward("the gradient is divided by the share that is kept once more than the output", BACK,
              {"dx": lambda t: t.dout * t.mask * t.scale / t.p},
              "return dout if mask is None else dout * mask / cache[0]['p']"),
    _backward("the gradient is divided by the share that is dropped once more than the output", BACK,
              {"dx": lambda t: t.dout * t.mask * t.scale / (1 - t.p)},
              "return dout if mask is None else dout * mask / (1 - cache[0]['p'])"),
    _backward("the gradient is divided by the share that is dropped, not the one that is kept", BACK,
              {"dx": lambda t: t.dout * t.mask / (1 - t.p)},
              "return dout if mask is None else dout * (mask > 0) / (1 - cache[0]['p'])"),
    _backward("the test mode gives zeros", TESTED, {"dx in test mode": lambda t: 0 * t.dout},
              "return 0 * dout if mask is None else dout * mask"),
    _backward("the test mode multiplies dout by the share that is kept", TESTED,
              {"dx in test mode": lambda t: t.dout * t.p},
              "return dout * cache[0]['p'] if mask is None else dout * mask"),
    _backward("the test mode divides dout by the share that is kept", TESTED,
              {"dx in test mode": lambda t: t.dout / t.p},
              "return dout / cache[0]['p'] if mask is None else dout * mask"),
)  # fmt: skip
