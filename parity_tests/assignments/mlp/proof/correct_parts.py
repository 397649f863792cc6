"""Correct variants of the parts, which no form of all solutions gives: other algorithms, and such as get a note."""

from __future__ import annotations

from parity_tests.protocol.mistake import Around, Body, Rewrite, swapped

SGD = "miniBatchStochasticGradientDescent"
LOSS_FORWARD, LOSS_BACK = "softmax_cross_entropy.forward", "softmax_cross_entropy.backward"
AFFINE = 'return X @ self.params["W"] + self.params["b"]'
INIT_B = "np.random.normal(0.0, 0.1, (1, output_D))"
SUMMED, READ = "grad.sum(axis=0, keepdims=True)", "            g = module.gradient[key]\n"
OF_V = 'v = momentum[f"{name}_{key}"]'
FLAT, OF_TWO = "broadcasts: no harm", "only works on two-dimensional arrays"
PROMOTED, WHOLE = "promoted from float32 to float64", "wrong for arrays of integers, which the homework never feeds"


def _method(name: str, method: str, statements: str, note: str = "") -> Rewrite:
    return Rewrite(name, (Body(method, statements),), note=note)


def _forward(name: str, statements: str, note: str = "") -> Rewrite:
    return _method(f"linear: {name}", "linear_layer.forward", statements, note)


def _backward(name: str, statements: str, note: str = "") -> Rewrite:
    return _method(f"linear backward: {name}", "linear_layer.backward", statements, note)


def _tanh(name: str, h: str, backward: str = "return grad * (1 - self.h * self.h)", note: str = "") -> Rewrite:
    forward = Body("tanh.forward", f"self.h = {h}\nreturn self.h")
    return Rewrite(f"tanh: {name}", (forward, Body("tanh.backward", backward)), note=note)


def _relu(name: str, forward: str, backward: str = "return grad * self.mask", note: str = "") -> Rewrite:
    return Rewrite(f"relu: {name}", (Body("relu.forward", forward), Body("relu.backward", backward)), note=note)


def _dropout(name: str, mask: str, note: str = PROMOTED) -> Rewrite:
    statements = f"self.mask = {mask} if is_train else np.ones_like(X)\nreturn X * self.mask"
    return _method(f"dropout: {name}", "dropout.forward", statements, note)


def _loss(name: str, *statements: str, note: str = "") -> Rewrite:
    return Rewrite(f"loss: {name}", tuple(map(Body, (LOSS_FORWARD, LOSS_BACK), statements)), note=note)


LINEAR = (
    _forward(
        "whole numbers stay whole",
        "u = np.zeros((len(X), self.params['W'].shape[1]), X.dtype)\n"
        "u[...] = X @ self.params['W'] + self.params['b']\nreturn u",
        WHOLE,
    ),
    _forward("prints and files", f'print("x" * 100_000)\nPath("extra.txt").write_text("x")\n{AFFINE}'),
    _backward(
        "zeroed and added to",
        'self.gradient["W"] *= 0\nself.gradient["W"] += np.dot(X.T, grad)\n'
        'self.gradient["b"][...] = np.sum(grad, axis=0)\nreturn np.dot(grad, self.params["W"].T)',
        PROMOTED,
    ),
    swapped("linear backward: a flat gradient of b", (SUMMED, "grad.sum(axis=0)"), note=FLAT),
    swapped(
        "linear: b and its gradient flat",
        (INIT_B, INIT_B.replace("(1, output_D)", "output_D")),
        (SUMMED, "grad.sum(axis=0)"),
        note=FLAT,
    ),
    swapped(
        "linear backward: a contiguous X that is kept",
        (AFFINE, f"self.X = np.ascontiguousarray(X)\n        {AFFINE}"),
        ("X.T @ grad", "self.X.T @ grad"),
    ),
    swapped("linear init: b starts at zeros", (INIT_B, "np.zeros((1, output_D))"), note="b starts at zeros"),
    swapped(
        "linear init: b drawn first",
        ("        self.params: dict", f"        b = {INIT_B}\n        self.params: dict"),
        (f'"b": {INIT_B}', '"b": b'),
    ),
)
ELEMENTWISE = (
    _tanh(
        "the assignment's formula, both ways",
        "2 / (1 + np.exp(-2 * X)) - 1",
        "h = 2 / (1 + np.exp(-2 * X)) - 1\nreturn np.multiply(grad, 1 - h ** 2)",
        "overflow encountered in exp",
    ),
    _tanh("the factored derivative", "np.tanh(X)", "return grad * (1 - np.tanh(X)) * (1 + np.tanh(X))"),
    _tanh("grad minus grad h²", "np.tanh(X)", "return grad - grad * self.h ** 2"),
    _tanh("1 / cosh²", "np.tanh(X)", "return grad / np.cosh(X) ** 2", "overflow encountered"),
    _tanh("row by row", "np.array([[__import__('math').tanh(x) for x in row] for row in X])", note=OF_TWO),
    _tanh("into its input", "np.tanh(X, out=X)", note="overwrites its input"),
    _relu("by the sign", "self.mask = (np.sign(X) + 1) // 2 * (X != 0)\nreturn np.clip(X, 0, None)"),
    _relu("in one place", "return np.fmax(X, 0)", "back = grad.copy()\nback[X <= 0] = 0\nreturn back"),
    _relu("1 at exactly 0", "self.mask = X >= 0\nreturn np.maximum(X, 0)", note="derivative at exactly 0"),
    _relu("for two dimensions", "N, D = X.shape\nself.mask = X > 0\nreturn X * self.mask", note=OF_TWO),
    _relu("a mask of float64", "self.mask = (X > 0).astype(float)\nreturn np.maximum(X, 0)", note=PROMOTED),
    _relu(
        "an integer gradient for whole numbers",
        "return np.maximum(X, 0)",
        "back = np.zeros_like(X)\nback[X > 0] = grad[X > 0]\nreturn back",
        WHOLE,
    ),
    _relu(
        "returns what it keeps",
        "self.mask = np.maximum(X, 0)\nreturn self.mask",
        "self.mask[self.mask > 0] = 1\nreturn grad * self.mask",
        "overwrites the array that its forward returned",
    ),
    _relu("into its input", "X[X < 0] = 0\nself.h = X\nreturn X", "return grad * (self.h > 0)", "overwrites its input"),
    _relu(
        "into the incoming gradient",
        "return np.maximum(X, 0)",
        "grad[X <= 0] = 0\nreturn grad",
        "overwrites the incoming gradient",
    ),
    swapped(
        "relu: under another name",
        ("class relu:", "class ReLU:"),
        ("class dropout:", "relu = ReLU\n\n\nclass dropout:"),
    ),
)
DROPOUT = (
    _dropout(
        "scaled in X's dtype", "(np.random.rand(*X.shape) >= self.r).astype(X.dtype) / X.dtype.type(1 - self.r)", ""
    ),
    _dropout(
        "the seed's float64 mask",
        "(np.random.uniform(0.0, 1.0, size=X.shape) >= self.r).astype(float) * (1.0 / (1.0 - self.r))",
    ),
    swapped(
        "dropout: the old mask in evaluation",
        ("self.mask = np.ones_like(X)\n", "return X\n"),
        note="still uses the mask of training",
    ),
    Rewrite(
        "dropout: a mask without its scale",
        (Body("dropout.backward", "return np.where(self.mask > 0, grad / (1.0 - self.r), 0 * grad)"),),
        note="scales all by 1/(1 − r)",
    ),
    _method(
        "dropout: nothing at rate 0",
        "dropout.forward",
        "if not is_train or self.r == 0:\n    self.mask = 1.0\n    return X\n"
        "self.mask = (np.random.rand(*X.shape) > self.r) / (1 - self.r)\nreturn X * self.mask",
        PROMOTED,
    ),
)
STEPS = (
    swapped("SGD: everything rebound", ("                w += v\n", "                module.params[key] = w + v\n")),
    swapped(
        "SGD: the velocity with the other sign",
        ("v -= _learning_rate * g", "v += _learning_rate * g"),
        ("w += v", "w -= v"),
        note="opposite sign",
    ),
    swapped(
        "SGD: the decay is added to the gradient",
        ("g = g + _lambda * w", "g += _lambda * w"),
        note="overwrites the array that is gradient of L1_W",
    ),
    swapped("SGD: the velocity is read first", (READ, f"{READ}            {OF_V}\n"), note="momentum=None"),
    swapped(
        "SGD: velocities made when they are needed",
        (OF_V, 'v = momentum.setdefault(f"{name}_{key}", np.zeros_like(w))'),
    ),
    swapped(
        "SGD: a velocity at any α",
        ("if _alpha > 0:", "if True:"),
        ("v *= _alpha", "v *= max(_alpha, 0)"),
        (OF_V, 'v = 0 * w if _alpha <= 0 else momentum[f"{name}_{key}"]'),
    ),
    swapped(
        "SGD: another dict of weights",
        (
            "    return model\n\n\nclass linear",
            "        module.params = {**module.params}\n    return model\n\n\nclass linear",
        ),
    ),
    swapped(
        "SGD: under its other name",
        (f"def {SGD}(", "def miniBatchGradientDescent("),
        (f"            {SGD}(", "            miniBatchGradientDescent("),
    ),
    swapped("SGD: term by term", ("v -= _learning_rate * g", "v -= _learning_rate * module.gradient[key]\n"
         "                v -= _learning_rate * _lambda * w")),
)  # fmt: skip
LOSS = (
    _loss(
        "−log of the softmax",
        "e = np.exp(X - X.max(axis=1, keepdims=True))\nself.z = e / e.sum(axis=1, keepdims=True)\n"
        "return -np.mean(np.log(np.take_along_axis(self.z, _as_index(Y), axis=1)))",
    ),
    _loss(
        "through one-hot labels",
        "s = X - X.max(axis=1, keepdims=True)\nself.z = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)\n"
        "self.hot = np.eye(X.shape[1])[_as_index(Y)[:, 0]]\n"
        "return -np.sum(self.hot * (s - np.log(np.exp(s).sum(axis=1, keepdims=True)))) / len(X)",
        "return (self.z - self.hot) / len(X)",
        note=PROMOTED,
    ),
    _method(
        "loss: probabilities used up by its backward",
        LOSS_BACK,
        "self.z[np.arange(len(X)), Y.astype(int).ravel()] -= 1\nself.z /= len(X)\nreturn self.z",
    ),
    Rewrite(
        "loss: into the logits",
        (Around(LOSS_FORWARD, "X -= X.max(axis=1, keepdims=True)"),),
        note="overwrites its input",
    ),
    Rewrite("loss: a float", (Around(LOSS_FORWARD, value="float(value)"),), note=PROMOTED),
    swapped("labels: whole numbers", ("label.astype(float)", "label"), note="dtype int64"),
)
CORRECT_PARTS = (*LINEAR, *ELEMENTWISE, *DROPOUT, *STEPS, *LOSS)
