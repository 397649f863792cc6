"""Evasions in the parts: right at the sizes, orders, rates and first calls that an exam may happen to ask."""

from __future__ import annotations

from parity_tests.assignments.mlp.proof.evasion_lines import (
    DRAWN_P,
    LINEAR,
    LINEAR_BACK,
    SGD_START,
    body,
    swapped,
    utils,
)

TURNED = "X.T if X.T.shape == X.shape else X"

PARTS = (
    body("linear: wrong from 100 inputs on", LINEAR, 'return X[:, :100] @ self.params["W"][:100] + self.params["b"]'),
    body(
        "linear: wrong from 60 outputs on",
        LINEAR,
        'u = X @ self.params["W"] + self.params["b"]\nu[:, 60:] *= 0.5\nreturn u',
    ),
    body("linear: wrong beyond 40 rows", LINEAR, 'u = X @ self.params["W"] + self.params["b"]\nu[40:] = 0\nreturn u'),
    body(
        "linear: reads memory in the order in which it lies",
        LINEAR,
        'return X.ravel("K").reshape(X.shape) @ self.params["W"] + self.params["b"]',
    ),
    body(
        "linear: reads past the strides of a view",
        LINEAR,
        "base = X if X.base is None or X.base.ndim != 2 else X.base[: len(X), : X.shape[1]]\n"
        'return base @ self.params["W"] + self.params["b"]',
    ),
    body(
        "linear: read-only input is taken for zeros",
        LINEAR,
        'return (X if X.flags.writeable else 0 * X) @ self.params["W"] + self.params["b"]',
    ),
    body(
        "linear: keeps the X of its first forward of a shape",
        LINEAR_BACK,
        'X = self.__dict__.setdefault(f"X{X.shape}", X)\n'
        'self.gradient["W"] = X.T @ grad\n'
        'self.gradient["b"] = grad.sum(axis=0, keepdims=True)\n'
        'return grad @ self.params["W"].T',
    ),
    body(
        "linear: divides by the rows of its first forward",
        LINEAR_BACK,
        'n = self.__dict__.setdefault("n", len(X))\n'
        'self.gradient["W"] = X.T @ grad * (n / len(X))\n'
        'self.gradient["b"] = grad.sum(axis=0, keepdims=True)\n'
        'return grad @ self.params["W"].T',
    ),
    body(
        "tanh: a series near 0",
        "tanh.forward",
        "self.h = np.where(np.abs(X) < 0.02, X - X**3 / 3, np.tanh(X))\nreturn self.h",
    ),
    body(
        "tanh: wrong in three dimensions",
        "tanh.forward",
        "self.h = np.tanh(X) if X.ndim < 3 else np.sin(X)\nreturn self.h",
    ),
    body(
        "relu: wrong in one dimension",
        "relu.forward",
        "self.mask = X > 0\nreturn np.maximum(X, 0) if X.ndim > 1 else np.abs(X)",
    ),
    body(
        "relu: the second forward before a backward is not kept",
        "relu.forward",
        'if getattr(self, "mask", np.ones(0)).shape != X.shape or getattr(self, "used", True):\n'
        "    self.mask, self.used = X > 0, False\n"
        "return np.maximum(X, 0)",
    ),
    body("relu: beyond 1e6 everything is 1e6", "relu.forward", "self.mask = X > 0\nreturn np.clip(X, 0, 500)"),
    body("relu: tiny inputs are 0", "relu.forward", "self.mask = X > 1e-7\nreturn X * self.mask"),
    body(
        "linear: large arrays are summed in float32",
        LINEAR,
        'if X.size * self.params["W"].shape[1] > 20000:\n'
        '    return (X.astype(np.float32) @ self.params["W"].astype(np.float32) + '
        'self.params["b"]).astype(X.dtype)\n'
        'return X @ self.params["W"] + self.params["b"]',
    ),
    swapped(
        "init: uniform numbers of the same spread",
        (
            '"W": np.random.normal(0.0, 0.1, (input_D, output_D))',
            '"W": np.random.uniform(-0.1 * 3**0.5, 0.1 * 3**0.5, (input_D, output_D))',
        ),
    ),
    swapped(
        "init: large layers are drawn narrower",
        (
            '"W": np.random.normal(0.0, 0.1, (input_D, output_D))',
            '"W": np.random.normal(0.0, 0.1 if input_D * output_D < 20000 else 0.05, (input_D, output_D))',
        ),
    ),
)

LOSS = (
    utils(
        "the softmax is shifted by the largest of all logits",
        ("shifted = X - X.max(axis=1, keepdims=True)", "shifted = X - X.max()"),
    ),
    utils(
        "ten classes",
        ("shifted = X - X.max(axis=1, keepdims=True)", "shifted = X[:, :10] - X[:, :10].max(axis=1, keepdims=True)"),
    ),
    utils(
        "the last class is never the label",
        (
            "return np.mean(np.log(total) - np.take_along_axis(shifted, _as_index(Y), axis=1))",
            "return np.mean(np.log(total) - np.take_along_axis(shifted, np.minimum(_as_index(Y), X.shape[1] "
            "- 2), axis=1))",
        ),
    ),
    utils(
        "the mean is over the rows of the first call",
        ("grad /= len(grad)", "self.n = getattr(self, 'n', len(grad))\n        grad /= self.n"),
    ),
    utils(
        "two classes are taken for one",
        ("return np.mean(np.log(total)", "return (X.shape[1] != 2) * np.mean(np.log(total)"),
    ),
    utils(
        "losses are cut off at 50",
        (
            "return np.mean(np.log(total) - np.take_along_axis(shifted, _as_index(Y), axis=1))",
            "return np.mean(np.minimum(np.log(total) - np.take_along_axis(shifted, _as_index(Y), axis=1), 50))",
        ),
    ),
)

STEPPING = (
    swapped(
        "SGD: L1 and L2 alone",
        (
            SGD_START,
            "    for name, module in model.items():\n"
            '        if name not in ("L1", "L2"):\n'
            "            continue\n"
            "        if not hasattr",
        ),
    ),
    swapped(
        "SGD: two layers at most",
        (SGD_START, "    for name, module in list(model.items())[:4]:\n        if not hasattr"),
    ),
    swapped(
        "SGD: large gradients are cut off",
        ("            g = module.gradient[key]\n", "            g = np.clip(module.gradient[key], -100, 100)\n"),
    ),
    swapped(
        "SGD: tiny gradients are skipped",
        (
            "            g = module.gradient[key]\n",
            "            g = module.gradient[key] * (np.abs(module.gradient[key]) > 1e-5)\n",
        ),
    ),
    swapped("SGD: small λ is taken for none", ("if _lambda != 0:", "if _lambda > 1e-4:")),
    swapped("SGD: a negative α is momentum too", ("if _alpha > 0:", "if _alpha != 0:")),
    swapped(
        "SGD: large weights are held back",
        ("                w += v\n", "                w += v\n                np.clip(w, -50, 50, out=w)\n"),
    ),
    swapped(
        "SGD: a step is left out now and then",
        ("    return model\n\n\nclass linear_layer", "    global CALLS\n    return model\n\n\nclass linear_layer"),
        (
            SGD_START,
            "    global CALLS\n"
            '    CALLS = globals().get("CALLS", 0) + 1\n'
            "    if CALLS % 50 == 0:\n"
            "        return model\n"
            f"{SGD_START}",
        ),
        ("    global CALLS\n    return model", "    return model"),
    ),
    swapped(
        "SGD: the velocity is capped",
        (
            "                v -= _learning_rate * g\n",
            "                v -= _learning_rate * g\n                np.clip(v, -20, 20, out=v)\n",
        ),
    ),
    swapped(
        "SGD: large η is cut",
        ("                w -= _learning_rate * g\n", "                w -= min(_learning_rate, 0.2) * g\n"),
    ),
)

MASKS = (
    swapped("dropout: small arrays are left alone", (DRAWN_P, f"({DRAWN_P}) | (X.size < 12)")),
    swapped("dropout: at 0.9 and above nothing is dropped", (DRAWN_P, f"({DRAWN_P}) | (self.r >= 0.9)")),
    swapped(
        "dropout: rates are rounded to tenths", (DRAWN_P, "np.random.uniform(0.0, 1.0, X.shape) >= round(self.r, 1)")
    ),
    swapped(
        "dropout: one of a row is always kept",
        ("            self.mask = kept", "            kept[..., 0] = True\n            self.mask = kept"),
    ),
    swapped(
        "dropout: at rate 0 something is dropped",
        (DRAWN_P, "np.random.uniform(0.0, 1.0, X.shape) >= max(self.r, 0.02)"),
    ),
    swapped(
        "dropout: the generator is seeded in each forward",
        (
            "        if is_train:\n            kept",
            "        if is_train:\n            np.random.seed(X.size)\n            kept",
        ),
    ),
)

SQUARES = (
    body("tanh: a square comes out transposed", "tanh.forward", f"X = {TURNED}\nself.h = np.tanh(X)\nreturn self.h"),
    body(
        "relu: the gradient of a square is transposed",
        "relu.backward",
        f"grad = grad * self.mask\nX = grad\nreturn {TURNED}",
    ),
    swapped(
        "dropout: the mask of a square is transposed",
        (
            "return grad * self.mask\n\n\ndef evaluate",
            "return grad * (self.mask.T if self.mask.T.shape == grad.shape else self.mask)\n\n\ndef evaluate",
        ),
    ),
    utils(
        "the logits of a square are summed over its rows",
        (
            "total = exponentials.sum(axis=1, keepdims=True)",
            "over_rows = len(X) == X.shape[1]\n"
            "        total = exponentials.sum(axis=int(not over_rows)).reshape(-1, 1)",
        ),
    ),
    utils(
        "the labels of a square are looked for over its rows",
        ("f.argmax(axis=1)", "f.argmax(axis=int(len(f) != f.shape[1]))"),
    ),
    swapped(
        "SGD: the gradient of a square is transposed",
        (
            "            g = module.gradient[key]\n",
            "            X = module.gradient[key]\n            g = " + TURNED + "\n",
        ),
    ),
)

IN_PARTS = (*PARTS, *LOSS, *STEPPING, *MASKS, *SQUARES)
