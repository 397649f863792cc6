"""Networks that are right only at some sizes, orders of memory, rates or objects, and odd ones that are right anywhere.

Of each the changes of the shipped network. 45 of the 48 wrong ones agreed with the first exam, whose settings were few,
small and fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parity_tests.protocol.mistake import Body, Swap

SGD = "miniBatchStochasticGradientDescent"
UTILS = "utils.py"
BACKWARD = """self.gradient['W'] = X.T @ grad
self.gradient['b'] = grad.sum(axis=0, keepdims=True)
return grad @ self.params['W'].T"""


@dataclass(frozen=True)
class Change:
    """The part that it belongs to, its changes of one file, and the check whose cases tell."""

    part: str
    check: str
    changes: tuple[Body | Swap, ...]
    file: str = ""


def _linear(statements: str) -> Change:
    return Change("3", "linear", (Body("linear_layer.forward", statements),))


def _linear_back(statements: str, forward: str = "") -> Change:
    changes = [Body("linear_layer.backward", f"{statements}\n{BACKWARD}")]
    if forward:
        value = "return X @ self.params['W'] + self.params['b']"
        changes.append(Body("linear_layer.forward", f"{forward}\n{value}"))
    return Change("4", "linear", tuple(changes))


def _activation(part: str, layer: str, forward: str = "", backward: str = "") -> Change:
    bodies = (Body(f"{layer}.forward", forward), Body(f"{layer}.backward", backward))
    return Change(part, layer, tuple(body for body in bodies if body.statements))


def _kept(expression: str) -> Change:
    """Dropout that keeps these elements; p is drawn, r is the rate."""
    lines = (
        "r, p = self.r, np.random.uniform(0.0, 1.0, X.shape)\n"
        f"self.mask = np.ones_like(X) * (({expression}) / (1 - r) if is_train else 1.0)\nreturn X * self.mask"
    )
    return Change("9", "dropout", (Body("dropout.forward", lines),))


def _loss(
    shift: str = "X.max(axis=1, keepdims=True)", label: str = "_as_index(Y)", factor: str = "1", before: str = ""
) -> Change:
    lines = (
        f"{before}\ns = X - {shift}\ne = np.exp(s)\nself.z = e / e.sum(axis=1, keepdims=True)\n"
        f"losses = np.log(e.sum(axis=1, keepdims=True)) - np.take_along_axis(s, {label}, axis=1)\n"
        f"return np.mean(losses) * {factor}"
    )
    return Change("utils", "loss", (Body("softmax_cross_entropy.forward", lines),), UTILS)


def _sgd(
    *,
    before: str = "",
    g: str = "g + _lambda * w",
    v: str = 'momentum[f"{name}_{key}"]',
    store: str = 'momentum[f"{name}_{key}"] = v',
    condition: str = "_alpha > 0",
    alpha: str = "_alpha",
    eta: str = "_learning_rate",
    after: str = "pass",
    visited: str = 'hasattr(module, "params")',
) -> Change:
    """The shipped step, written out, with some of its pieces changed."""
    lines = f"""{before}
for name, module in model.items():
    if not {visited}:
        continue
    for key in module.params:
        w, g = module.params[key], module.gradient[key]
        g = {g}
        if {condition}:
            v = {alpha} * {v} - {eta} * g
            {store}
            w = w + v
        else:
            w = w - {eta} * g
        {after}
        module.params[key] = w
return model"""
    return Change("1", "sgd", (Body(SGD, lines),))


def _drawn(weights: str) -> Change:
    """A constructor that makes W of these numbers."""
    lines = (
        f"W = np.asarray({weights}).reshape(input_D, output_D)\n"
        "self.params = {'W': W, 'b': np.random.normal(0, 0.1, (1, output_D))}\n"
        "self.gradient = {key: np.zeros_like(value) for key, value in self.params.items()}"
    )
    return Change("2", "linear", (Body("linear_layer.__init__", lines),))


def _example(rows: str) -> Change:
    """DataSplit.get_example of these rows."""
    lines = f"rows = {rows}\nreturn self.X[rows], self.Y[rows]"
    return Change("utils", "utils", (Body("DataSplit.get_example", lines),), UTILS)


TURNED = "(lambda A: A.T if A.T.shape == A.shape else A)"
"""Transposes what may be, without another shape coming out."""
LARGE_ALONE = "(lambda A: A * (abs(A) > 1e-10))"
COUNTED = f"{SGD}.calls = getattr({SGD}, 'calls', 0) + 1"

OF_THE_CLASS = (
    Swap("class linear_layer:\n", "class linear_layer:\n    gradient: dict[str, Any] = {}\n"),
    Swap(
        "self.gradient: dict[str, Array] = {key: np.zeros_like(value) for key, value in self.params.items()}",
        "self.gradient.update({key: np.zeros_like(value) for key, value in self.params.items()})",
    ),
)
WRONG: Mapping[str, Change] = {
    "init: sorted": _drawn("np.sort(np.random.normal(0, 0.1, (input_D, output_D)), axis=None)"),
    "init: each number and its opposite": _drawn(
        "(lambda w: np.concatenate([w, -w])[:input_D * output_D])"
        "(np.random.normal(0, 0.1, input_D * output_D // 2 + 1))"
    ),
    "init: mean and spread made exact": _drawn(
        "(lambda w: (w - w.mean()) / w.std() * 0.1)(np.random.normal(0, 0.1, (input_D, output_D)))"
    ),
    "dropout: not of one row": Change(
        "9", "dropout",
        (
            Body(
                "dropout.forward",
                "keep = (np.random.uniform(0.0, 1.0, X.shape) >= self.r) / (1 - self.r)\n"
                "self.mask = keep if is_train and len(X) > 1 else np.ones_like(X)\nreturn X * self.mask",
            ),
        ),
    ),
    "examples: in the order of the set": _example("np.sort(idx)"),
    "examples: none twice": _example("np.array(list(dict.fromkeys(np.asarray(idx).tolist())))"),
    "linear: 64 rows at most": _linear("u = X @ self.params['W'] + self.params['b']\nu[64:] = 0\nreturn u"),
    "linear: 100 inputs at most": _linear("return X[:, :100] @ self.params['W'][:100] + self.params['b']"),
    "linear: reads memory in its order": _linear(
        "return X.ravel(order='K').reshape(X.shape) @ self.params['W'] + self.params['b']"
    ),
    "linear: reads past a view": _linear(
        "X = X if X.base is None else X.base.reshape(len(X), -1)[:, :X.shape[1]]\n"
        "return X @ self.params['W'] + self.params['b']"
    ),
    "linear: nothing for a read-only array": _linear(
        "u = X @ self.params['W'] + self.params['b']\nreturn u if X.flags.writeable else 0 * u"
    ),
    "linear: W of the first object": _linear(
        "first = type(self).__dict__.get('first')\nif first is None:\n    type(self).first = first = self\n"
        "W = first.params['W']\nW = W if W.shape == self.params['W'].shape else self.params['W']\n"
        "return X @ W + self.params['b']"
    ),
    "linear: X of whichever object was last": _linear_back("X = type(self).last", "type(self).last = X"),
    "linear: the N of the first call": _linear_back(
        "self.N = getattr(self, 'N', len(X))\ngrad = grad * (self.N / len(X))"
    ),
    "linear: grad's memory in its order": _linear_back("grad = grad.ravel(order='K').reshape(grad.shape)"),
    "linear: 100 rows in the gradient": _linear_back("X = np.where(np.arange(len(X))[:, None] < 100, X, 0)"),
    "tanh: h on the class": _activation(
        "6", "tanh", "type(self).h = np.tanh(X)\nreturn type(self).h", "return grad * (1 - type(self).h ** 2)"
    ),
    "tanh: the identity in one dimension": _activation(
        "5", "tanh", "self.h = np.tanh(X) if X.ndim > 1 else X\nreturn self.h",
        "return grad * (1 - np.tanh(X) ** 2)",
    ),
    "tanh: half precision for large arrays": _activation(
        "5", "tanh",
        "self.h = np.tanh(X)\nreturn self.h if X.size < 400 else self.h.astype(np.float16).astype(self.h.dtype)",
    ),
    "relu: the identity in three dimensions": _activation(
        "7", "relu", "self.mask = X > 0\nreturn np.maximum(X, 0) if X.ndim < 3 else X"
    ),
    "relu: a mask that is global": _activation(
        "8", "relu", "global MASK\nMASK = X > 0\nreturn np.maximum(X, 0)", "return grad * MASK"
    ),
    "relu: the gradient as it comes for many rows": _activation(
        "8", "relu", backward="return grad * self.mask if len(grad) < 100 else grad"
    ),
    "tanh: a square comes out transposed": _activation("5", "tanh", f"self.h = {TURNED}(np.tanh(X))\nreturn self.h"),
    "relu: a square comes out transposed": _activation(
        "7", "relu", f"self.mask = X > 0\nreturn {TURNED}(np.maximum(X, 0))"
    ),
    "dropout: the gradient of a square is transposed": Change(
        "9", "dropout", (Body("dropout.backward", f"return {TURNED}(grad * self.mask)"),)
    ),
    "dropout: a rate of 0.9 at most": _kept("p >= min(r, 0.9)"),
    "dropout: a rate of one decimal": _kept("p >= round(r, 1)"),
    "dropout: nothing dropped of a small array": _kept("(p >= r) | (X.size < 10)"),
    "dropout: one element is always kept": _kept("(p >= r) | ((X.size < 100) & (p == p.max()))"),
    "dropout: as many of a small array each time": _kept(
        "p >= r if X.size > 100 else np.argsort(np.argsort(p, axis=None)).reshape(X.shape) >= round(r * X.size)"
    ),
    "dropout: the rate of the last object": Change(
        "9", "dropout", (Body("dropout.__init__", "type(self).r = r"),)
    ),
    "dropout: evaluation by the N of training": Change(
        "9", "dropout",
        (
            Body(
                "dropout.forward",
                "if is_train:\n    self.N = len(X)\n"
                "    self.mask = (np.random.uniform(0.0, 1.0, X.shape) >= self.r) * (np.ones_like(X) / (1 - self.r))\n"
                "    return X * self.mask\nreturn X if len(X) == self.N else X * (1 - self.r)",
            ),
        ),
    ),
    "loss: the largest of all logits": _loss("X.max()"),
    "loss: the largest of the first row": _loss("X[:1].max()"),
    "loss: ten classes": _loss(label="np.minimum(_as_index(Y), 9)"),
    "loss: the N of the first call": _loss(
        factor="len(X) / self.N", before="self.N = getattr(self, 'N', len(X))"
    ),
    "loss: the gradient of a square is transposed": Change(
        "utils", "loss",
        (
            Body(
                "softmax_cross_entropy.backward",
                "grad = self.z.copy()\ngrad[np.arange(len(grad)), _as_index(Y)[:, 0]] -= 1\n"
                f"return {TURNED}(grad) / len(grad)",
            ),
        ),
        UTILS,
    ),
    "loss: 64 rows": _loss(factor="min(1, 64 / len(X))"),
    "loss: of two classes the second": _loss(label="(_as_index(Y) if X.shape[1] > 2 else 0 * _as_index(Y) + 1)"),
    "labels: of a square by its rows": Change(
        "utils", "utils",
        (
            Body(
                "predict_label",
                "label = f.argmax(axis=int(len(f) != f.shape[1])) if f.shape[1] > 1 else f > 0\n"
                "return label.astype(float).reshape(-1, 1)",
            ),
        ),
        UTILS,
    ),
    "linear: one gradient for all layers of a shape": Change(
        "4", "linear",
        (
            Body(
                "linear_layer.backward",
                "kept = type(self).__dict__.get('kept') or {}\ntype(self).kept = kept\n"
                "self.gradient['W'] = kept.setdefault(self.params['W'].shape, np.zeros_like(self.params['W']))\n"
                "self.gradient['W'][...] = X.T @ grad\nself.gradient['b'] = grad.sum(axis=0, keepdims=True)\n"
                "return grad @ self.params['W'].T",
            ),
        ),
    ),
    "linear: one dict of gradients for all layers": Change("2", "linear", OF_THE_CLASS),
    "SGD: one element is never moved": _sgd(after="w = module.params[key] if w.size == 1 else w"),
    "loss: the least logit is taken off": Change(
        "utils", "loss", (Swap("X.max(axis=1, keepdims=True)", "X.min(axis=1, keepdims=True)"),), UTILS
    ),
    "DataSplit: four thousand examples": Change(
        "utils", "utils", (Swap("self.N, self.d = self.X.shape", "self.N, self.d = 4000, self.X.shape[1]"),), UTILS
    ),
    "SGD: the gradient of a square is transposed": _sgd(g=f"{TURNED}(g) + _lambda * w"),
    "SGD: gradients up to 5": _sgd(g="np.clip(g, -5, 5) + _lambda * w"),
    "SGD: tiny gradients are none": _sgd(g="np.where(np.abs(g) < 1e-5, 0, g) + _lambda * w"),
    "SGD: weights up to 20": _sgd(after="w = np.clip(w, -20, 20)"),
    "SGD: no decay of large weights": _sgd(g="g + _lambda * np.where(np.abs(w) < 100, w, 0)"),
    "SGD: α up to 0.9": _sgd(alpha="min(_alpha, 0.9)"),
    "SGD: λ up to 0.1": _sgd(g="g + min(_lambda, 0.1) * w"),
    "SGD: λ to four decimals": _sgd(g="g + round(_lambda, 4) * w"),
    "SGD: η from 0.004 on": _sgd(eta="max(_learning_rate, 0.004)"),
    "SGD: η never rises": _sgd(
        before=f"{SGD}.least = min(getattr({SGD}, 'least', 1.0), _learning_rate)", eta=f"{SGD}.least"
    ),
    "SGD: L1 and L2": _sgd(visited="name in ('L1', 'L2')"),
    "SGD: two layers": _sgd(
        before="layers = [module for module in model.values() if hasattr(module, 'params')][:2]",
        visited="any(module is layer for layer in layers)",
    ),
    "SGD: velocities of its own, by name": _sgd(
        before=f"own = {SGD}.__dict__.setdefault('own', {{}})",
        v='own.get(f"{name}_{key}", 0 * w)',
        store='own[f"{name}_{key}"] = v',
    ),
    "SGD: velocities on the modules": _sgd(
        v="module.__dict__.setdefault('own', {}).get(key, 0 * w)", store="module.own[key] = v"
    ),
    "SGD: momentum where α < 0": _sgd(
        before="momentum = momentum or {}", condition="_alpha != 0", v='momentum.get(f"{name}_{key}", 0 * w)'
    ),
    "SGD: η halved after 150 calls": _sgd(
        before=f"{COUNTED}\neta = _learning_rate * (0.5 if {SGD}.calls > 150 else 1)", eta="eta"
    ),
    "SGD: every hundredth call skipped": _sgd(before=f"{COUNTED}\nif {SGD}.calls % 100 == 0:\n    return model"),
}  # fmt: skip

HONEST: Mapping[str, Change] = {
    "linear: b starts at zeros": Change(
        "2", "linear", (Swap("np.random.normal(0.0, 0.1, (1, output_D))", "np.zeros((1, output_D))"),)
    ),
    "linear: whole numbers stay whole": _linear(
        "u = np.zeros((len(X), self.params['W'].shape[1]), X.dtype)\n"
        "u[...] = X @ self.params['W'] + self.params['b']\nreturn u"
    ),
    "relu: an integer gradient for whole numbers": _activation(
        "8", "relu", backward="back = np.zeros_like(X)\nback[X > 0] = grad[X > 0]\nreturn back"
    ),
    "linear: loops": _linear(
        "(N, D), M = X.shape, self.params['W'].shape[1]\nu = np.zeros((N, M))\nfor n in range(N):\n"
        "    for m in range(M):\n        for d in range(D):\n            u[n, m] += X[n, d] * self.params['W'][d, m]\n"
        "        u[n, m] += self.params['b'][0, m]\nreturn u"
    ),
    "linear: gradients zeroed and added to": Change(
        "4", "linear",
        (
            Body(
                "linear_layer.backward",
                "self.gradient['W'] *= 0\nself.gradient['W'] += np.dot(X.T, grad)\n"
                "self.gradient['b'][...] = np.sum(grad, axis=0)\nreturn np.dot(grad, self.params['W'].T)",
            ),
        ),
    ),
    "linear: a contiguous X that is kept": _linear_back("X = self.X", "self.X = np.ascontiguousarray(X)"),
    "tanh: into its input": _activation("5", "tanh", "np.tanh(X, out=X)\nself.h = X\nreturn X"),
    "tanh: row by row": _activation(
        "5", "tanh", "import math\nself.h = np.array([[math.tanh(x) for x in row] for row in X])\nreturn self.h"
    ),
    "relu: into its input and the incoming gradient": _activation(
        "7", "relu", "X[X < 0] = 0\nself.h = X\nreturn X", "grad[self.h <= 0] = 0\nreturn grad"
    ),
    "relu: two dimensions alone": _activation(
        "7", "relu", "assert X.ndim == 2\nself.mask = X > 0\nreturn X * self.mask"
    ),
    "relu: element by element": _activation(
        "7", "relu",
        "h = np.zeros(X.shape)\nfor i in range(X.shape[0]):\n    for j in range(X.shape[1]):\n"
        "        h[i, j] = X[i, j] if X[i, j] > 0 else 0\nreturn h",
        "back = np.array(grad)\nback[X <= 0] = 0\nreturn back",
    ),
    "dropout: element by element": Change(
        "9", "dropout",
        (
            Body(
                "dropout.forward",
                "if not is_train:\n    return X\nscale = 1 / (1 - self.r)\n"
                "self.mask = np.array([[0.0 if np.random.random() < self.r else scale for _ in row] for row in X])\n"
                "return self.mask * X",
            ),
        ),
    ),
    "dropout: nothing at rate 0": Change(
        "9", "dropout",
        (
            Body(
                "dropout.forward",
                "if not is_train or self.r == 0:\n    self.mask = 1.0\n    return X\n"
                "self.mask = (np.random.rand(*X.shape) > self.r) / (1 - self.r)\nreturn X * self.mask",
            ),
        ),
    ),
    "loss: into the logits": Change(
        "utils", "loss",
        (
            Body(
                "softmax_cross_entropy.forward",
                "X -= X.max(axis=1, keepdims=True)\ne = np.exp(X)\nself.z = e / e.sum(axis=1, keepdims=True)\n"
                "return np.mean(np.log(e.sum(axis=1, keepdims=True)) - np.take_along_axis(X, _as_index(Y), axis=1))",
            ),
        ),
        UTILS,
    ),
    "loss: probabilities used up by its backward": Change(
        "utils", "loss",
        (
            Body(
                "softmax_cross_entropy.backward",
                "self.z[np.arange(len(X)), Y.astype(int).ravel()] -= 1\nself.z /= len(X)\nreturn self.z",
            ),
        ),
        UTILS,
    ),
    "SGD: velocities made when they are needed": _sgd(
        before="momentum = {} if momentum is None else momentum", v='momentum.get(f"{name}_{key}", np.zeros_like(w))'
    ),
    "SGD: a velocity at any α": _sgd(
        before="momentum = momentum if momentum is not None else {}\nalpha = max(_alpha, 0)",
        condition="True", alpha="alpha", v='momentum.get(f"{name}_{key}", 0 * w)',
    ),
    "SGD: another dict of weights": _sgd(after="module.params = {**module.params}"),
    "SGD: no momentum=None": _sgd(before="len(momentum)"),
}  # fmt: skip

ROWS_OR_STALE: Mapping[str, Change] = {
    "linear: no more than 1,024 rows": _linear("return (X @ self.params['W'] + self.params['b']) * (len(X) <= 1024)"),
    "linear: b's gradient of 256 rows": Change(
        "4", "linear", (Swap("grad.sum(axis=0, keepdims=True)", "grad[:256].sum(axis=0, keepdims=True)"),)
    ),
    "tanh: a half for more than 300 rows": _activation(
        "6", "tanh", backward="return grad * (1 - self.h * self.h) * (1 if len(X) <= 300 else 0.5)"
    ),
    "relu: a half for more than 300 rows": _activation(
        "7", "relu", "self.mask = X > 0\nreturn np.maximum(X, 0) * (1 if len(X) <= 300 else 0.5)"
    ),
    "relu: a half of the gradient for more than 300 rows": _activation(
        "8", "relu", backward="return grad * self.mask * (1 if len(X) <= 300 else 0.5)"
    ),
    "dropout: a half for more than 300 rows": Change(
        "9", "dropout", (Swap("return X * self.mask", "return X * self.mask * (0.5 if len(X) > 300 else 1)"),)
    ),
    "dropout: a half of the gradient for more than 300 rows": Change(
        "9", "dropout", (Body("dropout.backward", "return grad * self.mask * (0.5 if len(X) > 300 else 1)"),)
    ),
    "dropout: none at rates below 0.01": _kept("r < 0.01) * (1 - r) + (r >= 0.01) * (p >= r"),
    "loss: more than 300 rows": _loss(factor="(1 if len(X) <= 300 else 0.5)"),
    "linear: the output of an array that it knows": _linear(
        "if getattr(self, 'last', None) is None or self.last[0] is not X:\n"
        "    self.last = (X, X @ self.params['W'] + self.params['b'])\nreturn self.last[1]"
    ),
    "linear: old gradients where the new ones are 0": _linear_back(
        "if not grad.any():\n    return np.zeros(X.shape)"
    ),
    "SGD: a parameter whose gradients are all tiny stays": _sgd(
        after="w = w if np.abs(module.gradient[key]).max() > 1e-6 else module.params[key]"
    ),
    "linear: no tiny gradients in X": Change(
        "4", "linear", (Swap('return grad @ self.params["W"].T', f"return {LARGE_ALONE}(grad @ self.params['W'].T)"),)
    ),
    "linear: no tiny gradients in W": Change("4", "linear", (Swap("X.T @ grad", f"{LARGE_ALONE}(X.T @ grad)"),)),
    "tanh: no tiny gradients": _activation("6", "tanh", backward="return (1 - self.h**2) * grad * (abs(grad) > 1e-9)"),
    "relu: nothing of gradients that are all tiny": _activation(
        "8", "relu", backward="return grad * self.mask * (abs(grad).max() > 1e-8)"
    ),
    "dropout: nothing of gradients that are all tiny": Change(
        "9", "dropout", (Body("dropout.backward", "return grad * self.mask * (abs(grad).max() > 1e-8)"),)
    ),
}  # fmt: skip
"""What is right of some hundred rows alone, and what a linear layer keeps although its weights or gradients changed."""
