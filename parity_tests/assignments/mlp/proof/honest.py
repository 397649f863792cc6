"""Honest rewrites of the shipped network: other forms of the same mathematics, which must all match."""

from __future__ import annotations

import textwrap

from parity_tests.protocol.mistake import Body, Rewrite, Swap

LINEAR_BACK = """self.gradient["W"] = {W}
self.gradient["b"] = {b}
return {X}
"""
RIGHT = {"W": "X.T @ grad", "b": "grad.sum(axis=0, keepdims=True)", "X": 'grad @ self.params["W"].T'}
SGD = "miniBatchStochasticGradientDescent"
SGD_LOOP = """for name, module in model.items():
    if not hasattr(module, "params"):
        continue
    for key in module.params:
        w, g = module.params[key], module.gradient[key]
        if _alpha > 0:
            v = momentum[f"{{name}}_{{key}}"]
{with_momentum}
        else:
{plain}
return model
"""
DROPOUT = """if is_train:
    {train}
else:
    self.mask = np.ones_like(X)
return {value}
"""


def _forward(name: str, statements: str) -> Rewrite:
    return Rewrite(name, (Body("linear_layer.forward", statements),))


def _backward(name: str, **parts: str) -> Rewrite:
    return Rewrite(name, (Body("linear_layer.backward", LINEAR_BACK.format(**{**RIGHT, **parts})),))


def _tanh(name: str, forward: str, backward: str = "return grad * (1 - self.h * self.h)") -> Rewrite:
    return Rewrite(name, (Body("tanh.forward", f"self.h = {forward}\nreturn self.h"), Body("tanh.backward", backward)))


def _relu(name: str, forward: str, backward: str = "return grad * self.mask") -> Rewrite:
    return Rewrite(name, (Body("relu.forward", forward), Body("relu.backward", backward)))


def _sgd(name: str, with_momentum: str, plain: str) -> Rewrite:
    with_momentum, plain = (textwrap.indent(text, "            ") for text in (with_momentum, plain))
    return Rewrite(name, (Body(SGD, SGD_LOOP.format(with_momentum=with_momentum, plain=plain)),))


def _dropout(name: str, train: str, value: str = "X * self.mask") -> Rewrite:
    lines = DROPOUT.format(train=train.replace("\n", "\n    "), value=value)
    return Rewrite(name, (Body("dropout.forward", lines),))


def _loss(name: str, forward: str, backward: str = "") -> Rewrite:
    changes = [Body("softmax_cross_entropy.forward", forward)]
    if backward:
        changes.append(Body("softmax_cross_entropy.backward", backward))
    return Rewrite(name, tuple(changes), "utils.py")


HONEST: tuple[Rewrite, ...] = (
    _forward("linear: np.dot", "return np.dot(X, self.params['W']) + self.params['b']"),
    _forward("linear: einsum", "return np.einsum('nd,dm->nm', X, self.params['W']) + self.params['b']"),
    _forward("linear: the transposed product", "return (self.params['W'].T @ X.T).T + self.params['b']"),
    _forward(
        "linear: the bias first",
        "u = np.repeat(self.params['b'], len(X), axis=0)\nfor d in range(X.shape[1]):\n"
        "    u = u + X[:, d : d + 1] * self.params['W'][d]\nreturn u",
    ),
    _forward(
        "linear: from the last input to the first", "return X[:, ::-1] @ self.params['W'][::-1] + self.params['b']"
    ),
    _forward(
        "linear: the bias as one more input",
        "ones = np.ones((len(X), 1), X.dtype)\n"
        "return np.hstack([X, ones]) @ np.vstack([self.params['W'], self.params['b']])",
    ),
    _forward("linear: row by row", "return np.array([x @ self.params['W'] + self.params['b'][0] for x in X])"),
    _forward(
        "linear: halves added up",
        "half = X.shape[1] // 2\nW = self.params['W']\n"
        "return (X[:, :half] @ W[:half] + X[:, half:] @ W[half:]) + self.params['b']",
    ),
    _forward("linear: Fortran order", "return np.asfortranarray(X @ self.params['W'] + self.params['b'])"),
    _forward(
        "linear: broadcast and summed", "return (X[:, :, None] * self.params['W'][None]).sum(axis=1) + self.params['b']"
    ),
    _backward(
        "linear backward: einsum",
        W="np.einsum('nd,nm->dm', X, grad)",
        b="np.einsum('nm->m', grad)[None]",
        X="np.einsum('nm,dm->nd', grad, self.params['W'])",
    ),
    _backward(
        "linear backward: outer products added up",
        W="sum(np.outer(x, g) for x, g in zip(X, grad))",
        b="sum(g[None] for g in grad)",
    ),
    _backward("linear backward: a product with ones", b="np.dot(np.ones((1, len(X)), X.dtype), grad)"),
    _backward("linear backward: the mean times N", b="grad.mean(axis=0, keepdims=True) * len(grad)"),
    _backward(
        "linear backward: from the last row to the first",
        W="X[::-1].T @ grad[::-1]",
        b="grad[::-1].sum(axis=0, keepdims=True)",
    ),
    _backward("linear backward: the transposed products", W="(grad.T @ X).T", X='(self.params["W"] @ grad.T).T'),
    _backward("linear backward: a flat gradient of b", b="grad.sum(axis=0)"),
    Rewrite(
        "linear backward: written into the arrays that are there",
        (
            Body(
                "linear_layer.backward",
                'self.gradient["W"] = np.zeros_like(self.params["W"])\nself.gradient["W"][...] = X.T @ grad\n'
                'self.gradient["b"] = grad.sum(axis=0, keepdims=True)\nreturn grad @ self.params["W"].T',
            ),
        ),
    ),
    Rewrite(
        "linear init: standard normal times 0.1",
        (
            Body(
                "linear_layer.__init__",
                'self.params = {"W": np.random.standard_normal((input_D, output_D)) * 0.1,\n'
                '               "b": np.random.randn(1, output_D) * 0.1}\n'
                'self.gradient = {"W": np.zeros((input_D, output_D)), "b": np.zeros((1, output_D))}',
            ),
        ),
    ),
    _tanh("tanh: the assignment's formula", "2 / (1 + np.exp(-2 * X)) - 1"),
    _tanh("tanh: one exponential", "np.sign(X) * (1 - np.exp(-2 * np.abs(X))) / (1 + np.exp(-2 * np.abs(X)))"),
    _tanh("tanh: by expm1", "-np.sign(X) * np.expm1(-2 * np.abs(X)) / (np.expm1(-2 * np.abs(X)) + 2)"),
    _tanh("tanh: recomputed in backward", "np.tanh(X)", "return grad * (1 - np.tanh(X) ** 2)"),
    _tanh("tanh: the factored derivative", "np.tanh(X)", "return grad * (1 - self.h) * (1 + self.h)"),
    _tanh("tanh: grad minus grad h²", "np.tanh(X)", "return grad - grad * self.h ** 2"),
    _tanh(
        "tanh: the assignment's formula, both ways",
        "2 / (1 + np.exp(-2 * X)) - 1",
        "h = 2 / (1 + np.exp(-2 * X)) - 1\nreturn np.multiply(grad, 1 - h ** 2)",
    ),
    _relu(
        "relu: np.where", "self.mask = X > 0\nreturn np.where(self.mask, X, 0)", "return np.where(self.mask, grad, 0)"
    ),
    _relu("relu: X times its mask", "self.mask = (X > 0).astype(X.dtype)\nreturn X * self.mask"),
    _relu("relu: half of |X| + X", "self.mask = X > 0\nreturn (np.abs(X) + X) / 2"),
    _relu("relu: by the sign", "self.mask = (np.sign(X) + 1) // 2 * (X != 0)\nreturn np.clip(X, 0, None)"),
    _relu("relu: recomputed in backward", "return np.fmax(X, 0)", "back = grad.copy()\nback[X <= 0] = 0\nreturn back"),
    _relu("relu: 1 at exactly 0", "self.mask = X >= 0\nreturn np.maximum(X, 0)"),
    _dropout(
        "dropout: divided in place",
        "self.mask = (np.random.rand(*X.shape) >= self.r).astype(X.dtype)\nself.mask /= 1 - self.r",
    ),
    _dropout(
        "dropout: the seed's float64 mask",
        "p = np.random.uniform(0.0, 1.0, size=X.shape)\n"
        "self.mask = (p >= self.r).astype(float) * (1.0 / (1.0 - self.r))",
        "np.multiply(X, self.mask)",
    ),
    _dropout(
        "dropout: by np.where",
        "self.mask = np.where(np.random.random_sample(X.shape) >= self.r, 1 / (1 - self.r), 0.0)",
    ),
    _dropout("dropout: binomial draws", "self.mask = np.random.binomial(1, 1 - self.r, X.shape) / (1 - self.r)"),
    _sgd(
        "SGD: everything rebound",
        'momentum[f"{name}_{key}"] = _alpha * v - _learning_rate * (g + _lambda * w)\n'
        'module.params[key] = w + momentum[f"{name}_{key}"]',
        "module.params[key] = w - _learning_rate * (g + _lambda * w)",
    ),
    _sgd(
        "SGD: the velocity with the other sign",
        "v = _alpha * v + _learning_rate * (g + _lambda * w)\n"
        'momentum[f"{name}_{key}"] = v\nmodule.params[key] = w - v',
        "module.params[key] -= _learning_rate * (g + _lambda * w)",
    ),
    _sgd(
        "SGD: term by term",
        'v = _alpha * v - _learning_rate * g - _learning_rate * _lambda * w\nmomentum[f"{name}_{key}"] = v\n'
        "module.params[key] = v + w",
        "module.params[key] = w - _learning_rate * g - _learning_rate * _lambda * w",
    ),
    _sgd(
        "SGD: the weight shrunk first",
        "new = _alpha * v - _learning_rate * g\nmodule.params[key] = (1 - _learning_rate * _lambda) * w + new\n"
        'momentum[f"{name}_{key}"] = new - _learning_rate * _lambda * w',
        "module.params[key] = (1 - _learning_rate * _lambda) * w - _learning_rate * g",
    ),
    _loss(
        "loss: −log of the softmax",
        "e = np.exp(X - X.max(axis=1, keepdims=True))\nself.z = e / e.sum(axis=1, keepdims=True)\n"
        "return -np.mean(np.log(np.take_along_axis(self.z, _as_index(Y), axis=1)))",
    ),
    _loss(
        "loss: through one-hot labels",
        "s = X - X.max(axis=1, keepdims=True)\nself.z = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)\n"
        "self.hot = np.eye(X.shape[1])[_as_index(Y)[:, 0]]\n"
        "return -np.sum(self.hot * (s - np.log(np.exp(s).sum(axis=1, keepdims=True)))) / len(X)",
        "return (self.z - self.hot) / len(X)",
    ),
    Rewrite(
        "main: by keyword",
        (
            Swap('model["drop1"].backward(h, grad_s)', 'model["drop1"].backward(grad=grad_s, X=h)'),
            Swap('model["L2"].backward(s, grad_a)', 'model["L2"].backward(grad=grad_a, X=s)'),
        ),
    ),
    Rewrite(
        "main: one order shuffled on",
        (
            Swap("order = np.random.permutation(train.N)", "np.random.shuffle(indices); order = indices"),
            Swap(
                "    momentum = add_momentum(model)\n",
                "    momentum = add_momentum(model)\n    indices = np.arange(train.N)\n",
            ),
        ),
    ),
    Rewrite(
        "main: η in closed form",
        (Swap("            eta *= 0.1\n", "            eta = eta_0 * 0.1 ** (t // 10)\n"),),
    ),
)
