"""Honest rewrites of the shipped network: other forms of the same mathematics, which must all match."""

from __future__ import annotations

from functools import cache

from parity_tests.proof.variants import Variant, changed, shipped
from parity_tests.protocol.mistake import Body, Swap

Change = Body | Swap
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


def _forward(value: str) -> list[Change]:
    return [Body("linear_layer.forward", value)]


def _backward(**parts: str) -> list[Change]:
    return [Body("linear_layer.backward", LINEAR_BACK.format(**{**RIGHT, **parts}))]


def _tanh(forward: str, backward: str = "return grad * (1 - self.h * self.h)") -> list[Change]:
    return [Body("tanh.forward", f"self.h = {forward}\nreturn self.h"), Body("tanh.backward", backward)]


def _relu(forward: str, backward: str = "return grad * self.mask") -> list[Change]:
    return [Body("relu.forward", forward), Body("relu.backward", backward)]


def _sgd(with_momentum: str, plain: str) -> list[Change]:
    def shifted(text: str) -> str:
        return "\n".join(f"            {line}" for line in text.split("\n"))

    return [Body(SGD, SGD_LOOP.format(with_momentum=shifted(with_momentum), plain=shifted(plain)))]


def _dropout(train: str, value: str = "X * self.mask") -> list[Change]:
    return [Body("dropout.forward", DROPOUT.format(train=train.replace("\n", "\n    "), value=value))]


def _loss(forward: str, backward: str | None = None) -> list[Change]:
    found: list[Change] = [Body("softmax_cross_entropy.forward", forward)]
    return found if backward is None else [*found, Body("softmax_cross_entropy.backward", backward)]


FORMS: dict[str, tuple[str, list[Change]]] = {
    "linear: np.dot": ("neural_networks.py", _forward("return np.dot(X, self.params['W']) + self.params['b']")),
    "linear: einsum": (
        "neural_networks.py",
        _forward("return np.einsum('nd,dm->nm', X, self.params['W']) + self.params['b']"),
    ),
    "linear: the transposed product": (
        "neural_networks.py",
        _forward("return (self.params['W'].T @ X.T).T + self.params['b']"),
    ),
    "linear: the bias first": (
        "neural_networks.py",
        _forward(
            "u = np.repeat(self.params['b'], len(X), axis=0)\nfor d in range(X.shape[1]):\n"
            "    u = u + X[:, d : d + 1] * self.params['W'][d]\nreturn u"
        ),
    ),
    "linear: from the last input to the first": (
        "neural_networks.py",
        _forward("return X[:, ::-1] @ self.params['W'][::-1] + self.params['b']"),
    ),
    "linear: the bias as one more input": (
        "neural_networks.py",
        _forward(
            "ones = np.ones((len(X), 1), X.dtype)\n"
            "return np.hstack([X, ones]) @ np.vstack([self.params['W'], self.params['b']])"
        ),
    ),
    "linear: row by row": (
        "neural_networks.py",
        _forward("return np.array([x @ self.params['W'] + self.params['b'][0] for x in X])"),
    ),
    "linear: halves added up": (
        "neural_networks.py",
        _forward(
            "half = X.shape[1] // 2\nW = self.params['W']\n"
            "return (X[:, :half] @ W[:half] + X[:, half:] @ W[half:]) + self.params['b']"
        ),
    ),
    "linear: Fortran order": (
        "neural_networks.py",
        _forward("return np.asfortranarray(X @ self.params['W'] + self.params['b'])"),
    ),
    "linear: broadcast and summed": (
        "neural_networks.py",
        _forward("return (X[:, :, None] * self.params['W'][None]).sum(axis=1) + self.params['b']"),
    ),
    "linear backward: einsum": (
        "neural_networks.py",
        _backward(
            W="np.einsum('nd,nm->dm', X, grad)",
            b="np.einsum('nm->m', grad)[None]",
            X="np.einsum('nm,dm->nd', grad, self.params['W'])",
        ),
    ),
    "linear backward: outer products added up": (
        "neural_networks.py",
        _backward(W="sum(np.outer(x, g) for x, g in zip(X, grad))", b="sum(g[None] for g in grad)"),
    ),
    "linear backward: a product with ones": (
        "neural_networks.py",
        _backward(b="np.dot(np.ones((1, len(X)), X.dtype), grad)"),
    ),
    "linear backward: the mean times N": (
        "neural_networks.py",
        _backward(b="grad.mean(axis=0, keepdims=True) * len(grad)"),
    ),
    "linear backward: from the last row to the first": (
        "neural_networks.py",
        _backward(W="X[::-1].T @ grad[::-1]", b="grad[::-1].sum(axis=0, keepdims=True)"),
    ),
    "linear backward: the transposed products": (
        "neural_networks.py",
        _backward(W="(grad.T @ X).T", X='(self.params["W"] @ grad.T).T'),
    ),
    "linear backward: a flat gradient of b": ("neural_networks.py", _backward(b="grad.sum(axis=0)")),
    "linear backward: written into the arrays that are there": (
        "neural_networks.py",
        [
            Body(
                "linear_layer.backward",
                'self.gradient["W"] = np.zeros_like(self.params["W"])\nself.gradient["W"][...] = X.T @ grad\n'
                'self.gradient["b"] = grad.sum(axis=0, keepdims=True)\nreturn grad @ self.params["W"].T',
            )
        ],
    ),
    "linear init: standard normal times 0.1": (
        "neural_networks.py",
        [
            Body(
                "linear_layer.__init__",
                'self.params = {"W": np.random.standard_normal((input_D, output_D)) * 0.1,\n'
                '               "b": np.random.randn(1, output_D) * 0.1}\n'
                'self.gradient = {"W": np.zeros((input_D, output_D)), "b": np.zeros((1, output_D))}',
            )
        ],
    ),
    "tanh: the assignment's formula": ("neural_networks.py", _tanh("2 / (1 + np.exp(-2 * X)) - 1")),
    "tanh: one exponential": (
        "neural_networks.py",
        _tanh("np.sign(X) * (1 - np.exp(-2 * np.abs(X))) / (1 + np.exp(-2 * np.abs(X)))"),
    ),
    "tanh: by expm1": (
        "neural_networks.py",
        _tanh("-np.sign(X) * np.expm1(-2 * np.abs(X)) / (np.expm1(-2 * np.abs(X)) + 2)"),
    ),
    "tanh: recomputed in backward": ("neural_networks.py", _tanh("np.tanh(X)", "return grad * (1 - np.tanh(X) ** 2)")),
    "tanh: the factored derivative": (
        "neural_networks.py",
        _tanh("np.tanh(X)", "return grad * (1 - self.h) * (1 + self.h)"),
    ),
    "tanh: grad minus grad h²": ("neural_networks.py", _tanh("np.tanh(X)", "return grad - grad * self.h ** 2")),
    "tanh: the assignment's formula, both ways": (
        "neural_networks.py",
        _tanh("2 / (1 + np.exp(-2 * X)) - 1", "h = 2 / (1 + np.exp(-2 * X)) - 1\nreturn np.multiply(grad, 1 - h ** 2)"),
    ),
    "relu: np.where": (
        "neural_networks.py",
        _relu("self.mask = X > 0\nreturn np.where(self.mask, X, 0)", "return np.where(self.mask, grad, 0)"),
    ),
    "relu: X times its mask": (
        "neural_networks.py",
        _relu("self.mask = (X > 0).astype(X.dtype)\nreturn X * self.mask"),
    ),
    "relu: half of |X| + X": ("neural_networks.py", _relu("self.mask = X > 0\nreturn (np.abs(X) + X) / 2")),
    "relu: by the sign": (
        "neural_networks.py",
        _relu("self.mask = (np.sign(X) + 1) // 2 * (X != 0)\nreturn np.clip(X, 0, None)"),
    ),
    "relu: recomputed in backward": (
        "neural_networks.py",
        _relu("return np.fmax(X, 0)", "back = grad.copy()\nback[X <= 0] = 0\nreturn back"),
    ),
    "relu: 1 at exactly 0": ("neural_networks.py", _relu("self.mask = X >= 0\nreturn np.maximum(X, 0)")),
    "dropout: divided in place": (
        "neural_networks.py",
        _dropout("self.mask = (np.random.rand(*X.shape) >= self.r).astype(X.dtype)\nself.mask /= 1 - self.r"),
    ),
    "dropout: the seed's float64 mask": (
        "neural_networks.py",
        _dropout(
            "p = np.random.uniform(0.0, 1.0, size=X.shape)\n"
            "self.mask = (p >= self.r).astype(float) * (1.0 / (1.0 - self.r))",
            "np.multiply(X, self.mask)",
        ),
    ),
    "dropout: by np.where": (
        "neural_networks.py",
        _dropout("self.mask = np.where(np.random.random_sample(X.shape) >= self.r, 1 / (1 - self.r), 0.0)"),
    ),
    "dropout: binomial draws": (
        "neural_networks.py",
        _dropout("self.mask = np.random.binomial(1, 1 - self.r, X.shape) / (1 - self.r)"),
    ),
    "SGD: everything rebound": (
        "neural_networks.py",
        _sgd(
            'momentum[f"{name}_{key}"] = _alpha * v - _learning_rate * (g + _lambda * w)\n'
            'module.params[key] = w + momentum[f"{name}_{key}"]',
            "module.params[key] = w - _learning_rate * (g + _lambda * w)",
        ),
    ),
    "SGD: the velocity with the other sign": (
        "neural_networks.py",
        _sgd(
            "v = _alpha * v + _learning_rate * (g + _lambda * w)\n"
            'momentum[f"{name}_{key}"] = v\nmodule.params[key] = w - v',
            "module.params[key] -= _learning_rate * (g + _lambda * w)",
        ),
    ),
    "SGD: term by term": (
        "neural_networks.py",
        _sgd(
            'v = _alpha * v - _learning_rate * g - _learning_rate * _lambda * w\nmomentum[f"{name}_{key}"] = v\n'
            "module.params[key] = v + w",
            "module.params[key] = w - _learning_rate * g - _learning_rate * _lambda * w",
        ),
    ),
    "SGD: the weight shrunk first": (
        "neural_networks.py",
        _sgd(
            "new = _alpha * v - _learning_rate * g\nmodule.params[key] = (1 - _learning_rate * _lambda) * w + new\n"
            'momentum[f"{name}_{key}"] = new - _learning_rate * _lambda * w',
            "module.params[key] = (1 - _learning_rate * _lambda) * w - _learning_rate * g",
        ),
    ),
    "loss: −log of the softmax": (
        "utils.py",
        _loss(
            "e = np.exp(X - X.max(axis=1, keepdims=True))\nself.z = e / e.sum(axis=1, keepdims=True)\n"
            "return -np.mean(np.log(np.take_along_axis(self.z, _as_index(Y), axis=1)))"
        ),
    ),
    "loss: through one-hot labels": (
        "utils.py",
        _loss(
            "s = X - X.max(axis=1, keepdims=True)\nself.z = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)\n"
            "self.hot = np.eye(X.shape[1])[_as_index(Y)[:, 0]]\n"
            "return -np.sum(self.hot * (s - np.log(np.exp(s).sum(axis=1, keepdims=True)))) / len(X)",
            "return (self.z - self.hot) / len(X)",
        ),
    ),
    "main: by keyword": (
        "neural_networks.py",
        [
            Swap('model["drop1"].backward(h, grad_s)', 'model["drop1"].backward(grad=grad_s, X=h)'),
            Swap('model["L2"].backward(s, grad_a)', 'model["L2"].backward(grad=grad_a, X=s)'),
        ],
    ),
    "main: one order shuffled on": (
        "neural_networks.py",
        [
            Swap("order = np.random.permutation(train.N)", "np.random.shuffle(indices); order = indices"),
            Swap(
                "    momentum = add_momentum(model)\n",
                "    momentum = add_momentum(model)\n    indices = np.arange(train.N)\n",
            ),
        ],
    ),
    "main: η in closed form": (
        "neural_networks.py",
        [Swap("            eta *= 0.1\n", "            eta = eta_0 * 0.1 ** (t // 10)\n")],
    ),
}


@cache
def forms() -> list[Variant]:
    """Every honest variant, the shipped network itself first."""
    return [shipped(), *(changed(name, changes, file) for name, (file, changes) in FORMS.items())]
