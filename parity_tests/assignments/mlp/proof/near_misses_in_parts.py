"""Wrong forms of the parts that lie near a known mistake and are another: each with the names that it must not get."""

from __future__ import annotations

from parity_tests.assignments.mlp.mistakes.sgd import DECAYED, UPDATE, plugged
from parity_tests.protocol.mistake import Body, NearMiss, Rewrite, Swap


def _part(name: str, function: str, statements: str, *false: str) -> NearMiss:
    return NearMiss(Rewrite(name, (Body(function, statements),)), false)


def _linear_backward(name: str, false: str, *, W: str = "X.T @ grad", b: str = "grad.sum(axis=0, keepdims=True)",
                     X: str = 'grad @ self.params["W"].T') -> NearMiss:  # fmt: skip
    """A backward with another gradient of W, b or X."""
    lines = f'self.gradient["W"] = {W}\nself.gradient["b"] = {b}\nreturn {X}'
    return _part(f"linear: {name}", "linear_layer.backward", lines, false)


def _relu(name: str, value: str, *false: str) -> NearMiss:
    return _part(f"relu: {name}", "relu.forward", f"self.mask = X > 0\nreturn {value}", *false)


def _dropout(name: str, *false: str, kept: str) -> NearMiss:
    """A forward with another mask."""
    lines = (
        "r, p = self.r, np.random.uniform(0.0, 1.0, X.shape)\n"
        f"self.mask = ({kept}) * np.ones_like(X) / (1 - r) if is_train else np.ones_like(X)\n"
        "return X * self.mask"
    )
    return _part(f"dropout: {name}", "dropout.forward", lines, *false)


def _utils(name: str, old: str, new: str, *false: str) -> NearMiss:
    return NearMiss(Rewrite(f"utils: {name}", (Swap(old, new),), "utils.py"), false)


def _sgd(name: str, statements: str, *false: str) -> NearMiss:
    return NearMiss(Rewrite(f"SGD: {name}", plugged(statements)), false)


LEAK = "0.01 stands for 0 for negative inputs in the mask X > 0"
LEAKS = ("0.01 X stands for 0 in relu's output", LEAK)

LAYERS = (
    _linear_backward(
        "the signs of W are added to its gradient", "0.02 times W is added to the gradient of W",
        W='X.T @ grad + 0.02 * np.sign(self.params["W"])',
    ),
    _relu("negative inputs leak through squared", "np.where(X > 0, X, -0.01 * X * X)", *LEAKS),
    _relu("what is above 1 is cut off", "np.clip(X, 0, 1)", "X is left out of relu's output",
          "the threshold is not 0", "1 stands for 0 in relu's output"),
    _part("relu: the derivative at exactly 0 is ½ in float64 alone", "relu.backward",
          "at_0 = 0.5 if X.dtype == np.float64 else 0.0\nreturn grad * np.where(X == 0, at_0, X > 0)",
          "the derivative at exactly 0 is ½"),
)  # fmt: skip

DROPOUT = (
    _dropout("kept with the smaller of r and 1 − r", "kept and dropped are exchanged: kept with probability r",
             "half is dropped, whatever r is", kept="p < min(r, 1 - r)"),
    _dropout("columns are dropped in pairs", "whole columns are dropped together", "whole rows are dropped together",
             kept="np.repeat(p, 2, axis=-1)[..., : X.shape[-1]] >= r"),
)  # fmt: skip

SUPPORT = (
    _utils("the largest in magnitude is predicted", "f.argmax(axis=1)", "np.abs(f).argmax(axis=1)",
           "the place of the least score of a row stands for the label",
           "the place of the largest score of a column stands for the label"),
)  # fmt: skip

SGD = (
    _sgd("the first step is twice as long",
         f"{DECAYED}if alpha > 0 and not v.any():\n    g = 2 * g\n{UPDATE}",
         "η is multiplied by 2"),
    _sgd("Nesterov's momentum for W alone",
         f"{DECAYED}{UPDATE.replace('w = w + v', 'w = w + (alpha * v - eta * g if key == chr(87) else v)')}",
         "Nesterov's momentum, where the classical form is asked for"),
)  # fmt: skip

IN_PARTS = (*LAYERS, *DROPOUT, *SUPPORT, *SGD)

OF_FALSE_EVIDENCE = (
    _dropout("as many columns as r says are dropped, the same in every forward",
             "the mask is not drawn anew in each forward",
             kept="np.broadcast_to(np.arange(X.shape[-1]) >= r * X.shape[-1], X.shape)"),
    _sgd("weight decay is left out without momentum, and no velocity is kept",
         "if alpha > 0:\n    v = -eta * (g + lam * w)\n    w = w + v\n    v = 0 * v\nelse:\n    w = w - eta * g",
         "0.5 stands for α in the velocity"),
    _dropout("every second forward has the mask of the one before", "the mask is not drawn anew in each forward",
             kept="(p := setattr(self, 'n', getattr(self, 'n', 0) + 1) or (p if self.n % 2 or "
             "getattr(self, 'p', p).shape != p.shape else self.p), setattr(self, 'p', p)) and p >= r"),
)  # fmt: skip
"""What shows the sentence of a known mistake and is another."""
