"""Correct variants of the shipped network: other forms of the same mathematics, which must all match; with notes."""

from __future__ import annotations

import textwrap

from parity_tests.protocol.mistake import Around, Body, Rewrite, Swap

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


def _forward(name: str, statements: str, note: str = "") -> Rewrite:
    return Rewrite(name, (Body("linear_layer.forward", statements),), note=note)


def _backward(name: str, note: str = "", **parts: str) -> Rewrite:
    return Rewrite(name, (Body("linear_layer.backward", LINEAR_BACK.format(**{**RIGHT, **parts})),), note=note)


def _tanh(name: str, forward: str, backward: str = "return grad * (1 - self.h * self.h)", note: str = "") -> Rewrite:
    forwards = Body("tanh.forward", f"self.h = {forward}\nreturn self.h")
    return Rewrite(name, (forwards, Body("tanh.backward", backward)), note=note)


def _relu(name: str, forward: str, backward: str = "return grad * self.mask", note: str = "") -> Rewrite:
    return Rewrite(name, (Body("relu.forward", forward), Body("relu.backward", backward)), note=note)


def _sgd(name: str, with_momentum: str, plain: str, note: str = "") -> Rewrite:
    with_momentum, plain = (textwrap.indent(text, "            ") for text in (with_momentum, plain))
    return Rewrite(name, (Body(SGD, SGD_LOOP.format(with_momentum=with_momentum, plain=plain)),), note=note)


def _dropout(name: str, train: str, value: str = "X * self.mask", note: str = "") -> Rewrite:
    lines = DROPOUT.format(train=train.replace("\n", "\n    "), value=value)
    return Rewrite(name, (Body("dropout.forward", lines),), note=note)


def _swapped(name: str, *swaps: tuple[str, str], note: str = "", file: str = "") -> Rewrite:
    return Rewrite(name, tuple(Swap(*swap) for swap in swaps), file, note)


def _loss(name: str, forward: str, backward: str = "", note: str = "") -> Rewrite:
    changes = [Body("softmax_cross_entropy.forward", forward)]
    if backward:
        changes.append(Body("softmax_cross_entropy.backward", backward))
    return Rewrite(name, tuple(changes), "utils.py", note)


AFFINE = 'return X @ self.params["W"] + self.params["b"]'
INIT_W, INIT_B = (f"np.random.normal(0.0, 0.1, ({rows}, output_D))" for rows in ("input_D", "1"))
SUMMED, READ = "grad.sum(axis=0, keepdims=True)", "            g = module.gradient[key]\n"
FLAT, OF_TWO = "broadcasts to the same", "only works on two-dimensional arrays"
PROMOTED, WHOLE = "promoted from float32 to float64", "of arrays of whole numbers, which the homework never feeds"

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
    _backward("linear backward: a flat gradient of b", FLAT, b="grad.sum(axis=0)"),
    _swapped("linear: b and its gradient flat", (INIT_B, INIT_B.replace("(1, output_D)", "output_D")),
             (SUMMED, "grad.sum(axis=0)"), note=FLAT),
    _backward("linear backward: a dict of its own", W="None; self.gradient = {'W': X.T @ grad, 'b': None}"),
    Rewrite("linear backward: zeroed and added to", (Body(
        "linear_layer.backward", 'self.gradient["W"] *= 0\nself.gradient["W"] += np.dot(X.T, grad)\n'
        'self.gradient["b"][...] = np.sum(grad, axis=0)\nreturn np.dot(grad, self.params["W"].T)'
    ),), note=PROMOTED),
    _swapped("linear backward: a contiguous X that is kept",
             (AFFINE, f"self.X = np.ascontiguousarray(X)\n        {AFFINE}"), ("X.T @ grad", "self.X.T @ grad")),
    _forward("linear: longdouble inside", 'W = self.params["W"]\n'
             'return (X.astype(np.longdouble) @ W + self.params["b"]).astype(W.dtype)'),
    _forward("linear: whole numbers stay whole", 'u = np.zeros((len(X), self.params["W"].shape[1]), X.dtype)\n'
             'u[...] = X @ self.params["W"] + self.params["b"]\nreturn u', WHOLE),
    _forward("linear: loops", 'u = np.zeros((len(X), self.params["W"].shape[1]), self.params["W"].dtype)\n'
             "for n in range(len(X)):\n    for m in range(u.shape[1]):\n"
             '        u[n, m] = X[n] @ self.params["W"][:, m] + self.params["b"][0, m]\nreturn u'),
    _forward("linear: prints and files",
             f'print("x" * 100_000)\nPath("extra.txt").write_text("x")\n{AFFINE}'),
    _swapped("linear init: b starts at zeros", (INIT_B, "np.zeros((1, output_D))"), note="b starts at zeros"),
    _swapped("linear init: default_rng",
             (INIT_W, "np.random.default_rng(np.random.randint(99)).normal(0, 0.1, (input_D, output_D))")),
    _swapped("linear init: b drawn first",
             ("        self.params: dict", f"        b = {INIT_B}\n        self.params: dict"),
             (f'"b": {INIT_B}', '"b": b')),
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
    _tanh("tanh: the assignment's formula", "2 / (1 + np.exp(-2 * X)) - 1", note="overflow encountered in exp"),
    _tanh("tanh: one exponential", "np.sign(X) * (1 - np.exp(-2 * np.abs(X))) / (1 + np.exp(-2 * np.abs(X)))"),
    _tanh("tanh: by expm1", "-np.sign(X) * np.expm1(-2 * np.abs(X)) / (np.expm1(-2 * np.abs(X)) + 2)"),
    _tanh("tanh: recomputed in backward", "np.tanh(X)", "return grad * (1 - np.tanh(X) ** 2)"),
    _tanh("tanh: the factored derivative", "np.tanh(X)", "return grad * (1 - self.h) * (1 + self.h)"),
    _tanh("tanh: grad minus grad h²", "np.tanh(X)", "return grad - grad * self.h ** 2"),
    _tanh(
        "tanh: the assignment's formula, both ways",
        "2 / (1 + np.exp(-2 * X)) - 1",
        "h = 2 / (1 + np.exp(-2 * X)) - 1\nreturn np.multiply(grad, 1 - h ** 2)",
        "overflow encountered in exp",
    ),
    _tanh("tanh: 1 / cosh²", "np.tanh(X)", "return grad / np.cosh(X) ** 2", "overflow encountered"),
    _tanh("tanh: for two dimensions", "(lambda N, D: np.tanh(X))(*X.shape)", note=OF_TWO),
    _tanh("tanh: row by row", "np.array([[__import__('math').tanh(x) for x in row] for row in X])", note=OF_TWO),
    _tanh("tanh: into its input", "np.tanh(X, out=X)", note="overwrites its input"),
    _relu(
        "relu: np.where", "self.mask = X > 0\nreturn np.where(self.mask, X, 0)", "return np.where(self.mask, grad, 0)"
    ),
    _relu("relu: X times its mask", "self.mask = (X > 0).astype(X.dtype)\nreturn X * self.mask"),
    _relu("relu: half of |X| + X", "self.mask = X > 0\nreturn (np.abs(X) + X) / 2"),
    _relu("relu: by the sign", "self.mask = (np.sign(X) + 1) // 2 * (X != 0)\nreturn np.clip(X, 0, None)"),
    _relu("relu: recomputed in backward", "return np.fmax(X, 0)", "back = grad.copy()\nback[X <= 0] = 0\nreturn back"),
    _relu("relu: 1 at exactly 0", "self.mask = X >= 0\nreturn np.maximum(X, 0)", note="derivative at exactly 0"),
    _relu("relu: for two dimensions", "N, D = X.shape\nself.mask = X > 0\nreturn X * self.mask", note=OF_TWO),
    _relu("relu: a mask of float64", "self.mask = (X > 0).astype(float)\nreturn np.maximum(X, 0)", note=PROMOTED),
    _relu("relu: an integer gradient for whole numbers", "return np.maximum(X, 0)",
          "back = np.zeros_like(X)\nback[X > 0] = grad[X > 0]\nreturn back", WHOLE),
    _relu("relu: returns what it keeps", "self.mask = np.maximum(X, 0)\nreturn self.mask",
          "self.mask[self.mask > 0] = 1\nreturn grad * self.mask", "overwrites the array that its forward returned"),
    _relu("relu: into its input", "X[X < 0] = 0\nself.h = X\nreturn X", "return grad * (self.h > 0)",
          "overwrites its input"),
    _relu("relu: into the incoming gradient", "return np.maximum(X, 0)", "grad[X <= 0] = 0\nreturn grad",
          "overwrites the incoming gradient"),
    _relu("relu: element by element",
          "h = np.zeros(X.shape)\nfor i in range(X.shape[0]):\n    for j in range(X.shape[1]):\n"
          "        h[i, j] = X[i, j] if X[i, j] > 0 else 0\nreturn h",
          "back = np.array(grad)\nback[X <= 0] = 0\nreturn back", OF_TWO),
    _swapped("relu: under another name", ("class relu:", "class ReLU:"),
             ("class dropout:", "relu = ReLU\n\n\nclass dropout:")),
    _dropout(
        "dropout: divided in place",
        "self.mask = (np.random.rand(*X.shape) >= self.r).astype(X.dtype)\nself.mask /= 1 - self.r",
    ),
    _dropout(
        "dropout: the seed's float64 mask",
        "p = np.random.uniform(0.0, 1.0, size=X.shape)\n"
        "self.mask = (p >= self.r).astype(float) * (1.0 / (1.0 - self.r))",
        "np.multiply(X, self.mask)",
        PROMOTED,
    ),
    _dropout("dropout: divided when it is used", "self.mask = np.random.rand(*X.shape) >= self.r\n"
             "self.mask = self.mask / (1 - self.r)", "X * (self.mask != 0) / (1 - self.r) if is_train else X",
             PROMOTED),
    _swapped("dropout: the old mask in evaluation", ("self.mask = np.ones_like(X)\n", "return X\n"),
             note="still uses the mask of training"),
    Rewrite("dropout: element by element", (Body(
        "dropout.forward", "if not is_train:\n    return X\nscale = 1 / (1 - self.r)\n"
        "self.mask = np.array([[0.0 if np.random.random() < self.r else scale for _ in row] for row in X])\n"
        "return self.mask * X"
    ),), note=PROMOTED),
    Rewrite("dropout: nothing at rate 0", (Body(
        "dropout.forward", "if not is_train or self.r == 0:\n    self.mask = 1.0\n    return X\n"
        "self.mask = (np.random.rand(*X.shape) > self.r) / (1 - self.r)\nreturn X * self.mask"
    ),), note=PROMOTED),
    _dropout(
        "dropout: by np.where",
        "self.mask = np.where(np.random.random_sample(X.shape) >= self.r, 1 / (1 - self.r), 0.0)",
        note=PROMOTED,
    ),
    _dropout("dropout: binomial draws", "self.mask = np.random.binomial(1, 1 - self.r, X.shape) / (1 - self.r)",
             note=PROMOTED),
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
        "opposite sign",
    ),
    _swapped("SGD: the decay is added to the gradient", ("g = g + _lambda * w", "g += _lambda * w"),
             note="overwrites the array that is gradient of L1_W"),
    _swapped("SGD: the velocity is read first", (READ, f'{READ}            momentum[f"{{name}}_{{key}}"]\n'),
             note="momentum=None"),
    _swapped("SGD: velocities made when they are needed",
             ('v = momentum[f"{name}_{key}"]', 'v = momentum.setdefault(f"{name}_{key}", np.zeros_like(w))')),
    _swapped("SGD: a velocity at any α", ("if _alpha > 0:", "if True:"), ("v *= _alpha", "v *= max(_alpha, 0)"),
             ('v = momentum[f"{name}_{key}"]', "v = 0 * w if _alpha <= 0 else momentum[f\"{name}_{key}\"]")),
    _swapped("SGD: another dict of weights", ("    return model\n\n\nclass linear",
             "        module.params = {**module.params}\n    return model\n\n\nclass linear")),
    _swapped("SGD: under its other name", (f"def {SGD}(", "def miniBatchGradientDescent("),
             (f"            {SGD}(", "            miniBatchGradientDescent(")),
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
        PROMOTED,
    ),
    _loss("loss: into the logits", "X -= X.max(axis=1, keepdims=True)\ne = np.exp(X)\n"
          "self.z = e / e.sum(axis=1, keepdims=True)\n"
          "return np.mean(np.log(e.sum(axis=1, keepdims=True)) - np.take_along_axis(X, _as_index(Y), axis=1))",
          note="overwrites its input"),
    Rewrite("loss: probabilities used up by its backward", (Body(
        "softmax_cross_entropy.backward",
        "self.z[np.arange(len(X)), Y.astype(int).ravel()] -= 1\nself.z /= len(X)\nreturn self.z",
    ),), "utils.py"),
    Rewrite("loss: a float", (Around("softmax_cross_entropy.forward", value="float(value)"),), "utils.py", PROMOTED),
    _swapped("labels: whole numbers", ("label.astype(float)", "label"), note="dtype int64", file="utils.py"),
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
)  # fmt: skip
