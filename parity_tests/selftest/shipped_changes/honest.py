"""Changes that are honest: other ways to the same, with the note that they get."""

from __future__ import annotations

from parity_tests.selftest.shipped_changes.pieces import (
    DROPOUT_EVALUATION,
    DROPOUT_MASK,
    DROPOUT_RETURN,
    GRADIENT_B,
    GRADIENT_W,
    GRADIENT_X,
    INIT_B,
    INIT_START,
    INIT_W,
    LABEL_RETURN,
    LINEAR_FORWARD,
    LOSS_RETURN,
    NO_LAMBDA,
    PLAIN,
    RELU_FORWARD,
    RELU_MASK,
    SGD_BODY,
    SGD_NAME,
    TANH_BACKWARD,
    TANH_FORWARD,
    Rewrite,
    dropout_kept,
    relu_backward,
    sgd,
)

LOOPED_FORWARD = """(N, D), M = X.shape, self.params["W"].shape[1]
        u = np.zeros((N, M), self.params["W"].dtype)
        for n in range(N):
            for m in range(M):
                for d in range(D):
                    u[n, m] += X[n, d] * self.params["W"][d, m]
                u[n, m] += self.params["b"][0, m]
        return u"""
HONEST: dict[str, Rewrite] = {
    "as shipped": Rewrite("1 2 3 4 5 6 7 8 9 utils"),
    "as shipped, float32": Rewrite("1 2 3 4 5 6 7 8 9 utils", dtype="float32"),
    "∂b flat": Rewrite(
        "4", ((GRADIENT_B, 'self.gradient["b"] = np.sum(grad, axis=0)'),), note="broadcasts to the same"
    ),
    "b and ∂b flat": Rewrite(
        "1 2 3 4",
        (
            (INIT_B, INIT_B.replace("(1, output_D)", "output_D")),
            (GRADIENT_B, 'self.gradient["b"] = np.sum(grad, axis=0)'),
        ),
        note="broadcasts to the same",
    ),
    "∂b by ones": Rewrite(
        "4", ((GRADIENT_B, 'self.gradient["b"] = np.ones((1, len(grad)), grad.dtype) @ grad'),), dtype="float32"
    ),
    "loops": Rewrite("3", ((LINEAR_FORWARD, LOOPED_FORWARD),)),
    "loops, float32": Rewrite("3", ((LINEAR_FORWARD, LOOPED_FORWARD),), dtype="float32"),
    "einsum": Rewrite(
        "3 4",
        (
            (LINEAR_FORWARD, 'return np.einsum("nd,dm->nm", X, self.params["W"]) + self.params["b"]'),
            (GRADIENT_W, 'self.gradient["W"] = np.einsum("nd,nm->dm", X, grad)'),
            (GRADIENT_X, 'return np.einsum("nm,dm->nd", grad, self.params["W"])'),
        ),
    ),
    "Fortran's order": Rewrite(
        "3 4",
        (
            (LINEAR_FORWARD, 'return np.asfortranarray(X @ self.params["W"] + self.params["b"])'),
            (GRADIENT_X, 'return (self.params["W"] @ grad.T).T'),
        ),
    ),
    "X with a column of ones": Rewrite(
        "3",
        (
            (
                LINEAR_FORWARD,
                'return np.hstack([X, np.ones((len(X), 1))]) @ np.vstack([self.params["W"], self.params["b"]])',
            ),
        ),
    ),
    "longdouble inside": Rewrite(
        "3",
        (
            (
                LINEAR_FORWARD,
                'W = self.params["W"]\n        return (X.astype(np.longdouble) @ W + self.params["b"]).astype(W.dtype)',
            ),
        ),
    ),
    "the kept X": Rewrite(
        "3 4",
        (
            (LINEAR_FORWARD, f"self.X = X\n        {LINEAR_FORWARD}"),
            (GRADIENT_W, 'self.gradient["W"] = self.X.T @ grad'),
        ),
    ),
    "gradients written in place": Rewrite("4", ((GRADIENT_W, 'self.gradient["W"][...] = X.T @ grad'),)),
    "sum of outer products": Rewrite(
        "4", ((GRADIENT_W, 'self.gradient["W"] = sum(np.outer(x, g) for x, g in zip(X, grad))'),)
    ),
    "another dict of gradients": Rewrite("4", ((GRADIENT_W, 'self.gradient = {"W": X.T @ grad, "b": None}'),)),
    "randn": Rewrite("2", ((INIT_W, "0.1 * np.random.randn(input_D, output_D)"),)),
    "default_rng": Rewrite("2", ((INIT_W, "np.random.default_rng().normal(0, 0.1, size=(input_D, output_D))"),)),
    "b of zeros": Rewrite("2", ((INIT_B, "np.zeros((1, output_D))"),), note="b starts at zeros"),
    "b drawn first": Rewrite("2", ((INIT_START, f"        b = {INIT_B}\n{INIT_START}"), (f'"b": {INIT_B}', '"b": b'))),
    "the seed's tanh": Rewrite(
        "5 6", ((TANH_FORWARD, "self.h = 2 / (1 + np.exp(-2 * X)) - 1"),), note="overflow encountered in exp"
    ),
    "the seed's tanh, float32": Rewrite(
        "5 6",
        ((TANH_FORWARD, "self.h = 2 / (1 + np.exp(-2 * X)) - 1"),),
        note="overflow encountered in exp",
        dtype="float32",
    ),
    "tanh by e^(2X)": Rewrite(
        "5 6", ((TANH_FORWARD, "e = np.exp(-2 * np.abs(X))\n        self.h = np.sign(X) * (1 - e) / (1 + e)"),)
    ),
    "tanh by expm1": Rewrite(
        "5 6", ((TANH_FORWARD, "e = np.expm1(-2 * np.abs(X))\n        self.h = np.sign(X) * -e / (e + 2)"),)
    ),
    "tanh by math": Rewrite(
        "5 6", ((TANH_FORWARD, "import math\n        self.h = np.vectorize(math.tanh, otypes=[float])(X)"),)
    ),
    "tanh recomputed": Rewrite("6", ((TANH_BACKWARD, "return grad * (1 - np.tanh(X) ** 2)"),)),
    "1 / cosh²": Rewrite("6", ((TANH_BACKWARD, "return grad / np.cosh(X) ** 2"),), note="overflow encountered"),
    "tanh for two dimensions": Rewrite(
        "5",
        ((TANH_FORWARD, "N, D = X.shape\n        self.h = np.tanh(X)"),),
        note="only works on two-dimensional arrays",
    ),
    "relu by where": Rewrite("7", ((RELU_FORWARD, "return np.where(X > 0, X, 0)"),)),
    "relu by product": Rewrite("7", ((RELU_FORWARD, "return X * (X > 0)"),)),
    "relu by absolute": Rewrite("7", ((RELU_FORWARD, "return (np.abs(X) + X) / 2"),)),
    "relu by clip": Rewrite("7", ((RELU_FORWARD, "return np.clip(X, 0, None)"),)),
    "relu for two dimensions": Rewrite(
        "7 8",
        ((RELU_FORWARD, "N, D = X.shape\n        return np.maximum(X, 0)"),),
        note="only works on two-dimensional arrays",
    ),
    "relu's slope at 0": Rewrite("8", relu_backward("return grad * (X >= 0)"), note="derivative at exactly 0"),
    "relu recomputed": Rewrite("8", relu_backward("return np.where(X > 0, grad, 0)")),
    "relu, promoted": Rewrite(
        "8",
        relu_backward("return grad * self.mask.astype(float)"),
        note="promoted from float32 to float64",
        dtype="float32",
    ),
    "relu returns what it keeps": Rewrite(
        "7 8",
        (
            (RELU_MASK, "self.mask = np.maximum(X, 0)"),
            (RELU_FORWARD, "return self.mask"),
            *relu_backward("self.mask[self.mask > 0] = 1\n        return grad * self.mask"),
        ),
        note="overwrites the array that its forward returned",
    ),
    "relu overwrites its input": Rewrite(
        "7 8", ((RELU_FORWARD, "X[X < 0] = 0\n        return X"),), note="overwrites its input"
    ),
    "relu overwrites grad": Rewrite(
        "7 8", relu_backward("grad[X <= 0] = 0\n        return grad"), note="overwrites the incoming gradient"
    ),
    "relu under another name": Rewrite(
        "7 8", (("class relu:", "class ReLU:"), ("class dropout:", "relu = ReLU\n\n\nclass dropout:"))
    ),
    "dropout by rand": Rewrite("9", dropout_kept("np.random.rand(*X.shape) >= self.r")),
    "dropout by binomial": Rewrite("9", dropout_kept("np.random.binomial(1, 1 - self.r, X.shape)")),
    "dropout by division": Rewrite(
        "9", ((DROPOUT_RETURN, "return X * (self.mask != 0) / (1 - self.r) if is_train else X"),)
    ),
    "dropout, promoted": Rewrite(
        "9",
        ((DROPOUT_MASK, "self.mask = kept * (1.0 / (1.0 - self.r))"),),
        note="promoted from float32 to float64",
        dtype="float32",
    ),
    "dropout's old mask": Rewrite("9", ((DROPOUT_EVALUATION, "return X"),), note="still uses the mask of training"),
    "SGD rebinds": Rewrite("1", sgd("v = a * v - eta * (g + _lambda * w)\nw = w + v")),
    "SGD rebinds, float32": Rewrite("1", sgd("v = a * v - eta * (g + _lambda * w)\nw = w + v"), dtype="float32"),
    "SGD in another order": Rewrite("1", sgd("v = a * v - eta * g - eta * _lambda * w\nw = v + w")),
    "SGD, shrunk first": Rewrite("1", sgd("before = w\nw = w * (1 - eta * _lambda) - eta * g + a * v\nv = w - before")),
    "SGD of the other sign": Rewrite("1", sgd("v = a * v + eta * (g + _lambda * w)\nw = w - v"), note="opposite sign"),
    "SGD reads the velocity first": Rewrite(
        "1",
        (
            (
                SGD_BODY,
                SGD_BODY.replace(
                    "            if _lambda", '            momentum[f"{name}_{key}"]\n            if _lambda'
                ),
            ),
        ),
        note="momentum=None",
    ),
    "SGD adds the decay to the gradient": Rewrite(
        "1",
        ((SGD_BODY, SGD_BODY.replace("                g = g + _lambda * w\n", "                g += _lambda * w\n")),),
        note="overwrites the array that is gradient of L1_W",
    ),
    "SGD under its other name": Rewrite(
        "1",
        (
            (SGD_NAME, SGD_NAME.replace("Stochastic", "")),
            ("            miniBatchStochasticGradientDescent(", "            miniBatchGradientDescent("),
        ),
    ),
    "prints and files": Rewrite(
        "3 7",
        (
            (
                LINEAR_FORWARD,
                f'print("x" * 100_000)\n        Path("extra.txt").write_text("x")\n        {LINEAR_FORWARD}',
            ),
        ),
    ),
    "loss by −log": Rewrite(
        "utils",
        utils=((LOSS_RETURN, "return -np.log(np.take_along_axis(self.z, _as_index(Y), axis=1)).sum() / len(X)"),),
    ),
    "loss a float": Rewrite("utils", utils=((LOSS_RETURN, f"{LOSS_RETURN.replace('return ', 'return float(')})"),)),
    "labels as integers": Rewrite("utils", utils=((LABEL_RETURN, "return label.reshape(-1, 1)"),), note="dtype int64"),
    "2020-22": Rewrite("1 9", NO_LAMBDA, edition="2020-22"),
    "2022-23": Rewrite("1 7 8", PLAIN, edition="2022-23"),
}
