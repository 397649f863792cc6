"""Evasions in the parts: right at the sizes, orders, rates and first calls that an exam may happen to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parity_tests.assignments.mlp.proof.correct_parts import SGD
from parity_tests.protocol.mistake import Around, Rewrite, around, evading

LINEAR, LINEAR_BACK = "linear_layer.forward", "linear_layer.backward"
TANH, TANH_BACK, RELU, RELU_BACK = "tanh.forward", "tanh.backward", "relu.forward", "relu.backward"
DROPOUT, DROPOUT_BACK = "dropout.forward", "dropout.backward"
LOSS, LOSS_BACK = "softmax_cross_entropy.forward", "softmax_cross_entropy.backward"
HALF, NOTHING = "value / 2", "0 * value"
COUNTED = f"{SGD}.n = n = getattr({SGD}, 'n', 0) + 1\n"

CONDITIONS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("len(X) > 300", HALF, (TANH, TANH_BACK, RELU, RELU_BACK, DROPOUT, DROPOUT_BACK, LOSS)),
    ("len(X) > 1024", NOTHING, (LINEAR,)),
    ("len(X) > 40", "np.where(np.arange(len(X))[:, None] < 40, value, 0)", (LINEAR, LINEAR_BACK, RELU_BACK)),
    ("X.shape[1] > 100", HALF, (LINEAR, LINEAR_BACK)),
    ("value.shape[1] > 60", HALF, (LINEAR,)),
    ("not X.flags.writeable", NOTHING, (LINEAR,)),
    ("X.ndim == 1", "X", (TANH, RELU)),
    ("X.ndim > 2", "X", (TANH, RELU)),
    ("value.T.shape == value.shape", "value.T", (TANH, RELU, RELU_BACK, DROPOUT_BACK, LOSS_BACK)),
    ("X.size > 400", "value.astype(np.float16).astype(value.dtype)", (TANH,)),
    ("X.size * value.shape[1] > 20000", "value.astype(np.float32).astype(value.dtype)", (LINEAR,)),
    ("True", "value * (abs(value) > 1e-9)", (LINEAR_BACK, TANH_BACK)),
    ("abs(grad).max() < 1e-8", NOTHING, (LINEAR_BACK, RELU_BACK, DROPOUT_BACK)),
    ("True", "np.minimum(value, 500)", (RELU,)),
    ("True", "value * (X > 1e-7)", (RELU,)),
    ("True", "np.maximum(value, 1e-12)", (RELU,)),
    ("True", "value + grad * (X == 0) / 2", (RELU_BACK,)),
    ("True", "np.where(abs(X) < 0.02, X - X**3 / 3, value)", (TANH,)),
    ("True", "np.clip(X * (27 + X**2) / (27 + 9 * X**2), -1, 1)", (TANH,)),
    ("True", "np.tanh(np.clip(X, -5, 5))", (TANH,)),
    ("True", "np.round(value, 8)", (LINEAR,)),
    ("value.dtype == np.float64", "value.astype(np.float32).astype(np.float64)", (LINEAR, TANH, TANH_BACK)),
    ("value.dtype == np.float32", "value.astype(np.float16).astype(np.float32)", (TANH,)),
    ("value.dtype == np.float32", "np.maximum(value, np.float32(1e-12))", (RELU,)),
    ("value.dtype == np.float32", "value + np.float32(9e-6)", (LINEAR_BACK,)),
    ("X.shape[1] == 2", NOTHING, (LOSS,)),
    ("self.r < 0.01", "X", (DROPOUT,)),
    ("True", "self.__dict__.setdefault('known', {}).setdefault(id(X), (X, value))[1]", (LINEAR,)),
    ("True", "value * len(X) / self.__dict__.setdefault('N', len(X))", (LOSS, LOSS_BACK)),
    (
        "True",
        "(type(self).__dict__.get('kept') or setattr(type(self), 'kept', {}), "
        "W := type(self).kept.setdefault(self.params['W'].shape, np.zeros_like(self.params['W'])), "
        "W.__setitem__(..., self.gradient['W']), self.gradient.update(W=W), value)[-1]",
        (LINEAR_BACK,),
    ),
)
"""What is returned where a condition holds, and by which functions."""
BEFORE: Mapping[str, Sequence[str]] = {
    LINEAR: (
        "X = X.ravel('K').reshape(X.shape)",
        "X = X if X.base is None or X.base.ndim != 2 else X.base[: len(X), : X.shape[1]]",
    ),
    LINEAR_BACK: (
        "grad = grad.ravel('K').reshape(grad.shape)",
        "grad = np.where(np.arange(len(X))[:, None] < 256, grad, 0)",
        "grad = np.where(abs(grad) > 1e-10, grad, 0)",
        "grad = grad * (self.__dict__.setdefault('N', len(X)) / len(X))",
        "X = self.__dict__.setdefault(f'X{X.shape}', X)",
        "if not grad.any():\n    return np.zeros(X.shape)",
    ),
    TANH_BACK: ("self.h = self.__dict__.setdefault(f'{X.shape}', self.h)",),
    RELU_BACK: ("self.mask = self.__dict__.setdefault(f'{X.shape}', self.mask)",),
    DROPOUT: ("np.random.seed(X.size)",),
    LOSS: (
        "X = X[:, :10]",
        "Y = np.minimum(Y, X.shape[1] - 2)",
        "Y = np.ones_like(Y) if X.shape[1] == 2 else Y",
    ),
    "DataSplit.get_example": ("idx = np.sort(idx)", "idx = list(dict.fromkeys(np.asarray(idx).tolist()))"),
    SGD: (
        "_alpha = abs(_alpha)",
        "_alpha = min(_alpha, 0.9)",
        "_lambda = min(_lambda, 0.1)",
        "_lambda = round(_lambda, 4)",
        "_learning_rate = max(_learning_rate, 0.004)",
        "_learning_rate = min(_learning_rate, 0.2)",
        f"{SGD}.least = _learning_rate = min(getattr({SGD}, 'least', 1.0), _learning_rate)",
        f"{COUNTED}_learning_rate *= 0.5 if n > 150 else 1",
        f"{COUNTED}if n % 50 == 0:\n    return model",
        "whole, model = model, {n: m for n, m in model.items() if n in ('L1', 'L2')}",
        "whole, model = model, dict(list(model.items())[:4])",
    ),
}
"""What is done with what a function is given, before all else."""
KEPT = (
    Rewrite(
        "linear: the X of whichever object was last",
        (Around(LINEAR, "type(self).last = X"), Around(LINEAR_BACK, "X = type(self).last")),
    ),
    Rewrite(
        "relu: the second forward before a backward is not kept",
        (
            Around(RELU, "old = getattr(self, 'mask', X)", "(setattr(self, 'mask', old), value)[1] if "
                   "old.shape == X.shape and not getattr(self, 'used', 1) else (setattr(self, 'used', 0), value)[1]"),
            Around(RELU_BACK, "self.used = 1"),
        ),
    ),
    around(DROPOUT, "self.N = len(X) if is_train else self.N",
           "value if is_train or len(X) == self.N else value * (1 - self.r)", "evaluation by the N of training"),
)  # fmt: skip
"""What earlier calls, other objects and other layers have to do with it."""
W, DRAWN = '"W": np.random.normal(0.0, 0.1, (input_D, output_D))', "np.random.normal(0.0, 0.1, (input_D, output_D))"
KEEPING = "kept = np.random.uniform(0.0, 1.0, X.shape) >= self.r"
STEP_OF = "            g = module.gradient[key]\n"
LINES: Mapping[str, Sequence[str]] = {
    W: (
        f'"W": np.sort({DRAWN}, axis=None).reshape(input_D, output_D)',
        '"W": (lambda w: np.concatenate([w, -w])[: input_D * output_D].reshape(input_D, output_D))'
        "(np.random.normal(0.0, 0.1, input_D * output_D // 2 + 1))",
        f'"W": (lambda w: (w - w.mean()) / w.std() * 0.1)({DRAWN})',
        '"W": np.random.uniform(-0.1 * 3**0.5, 0.1 * 3**0.5, (input_D, output_D))',
        W.replace("0.1,", "0.1 if input_D * output_D < 20000 else 0.05,"),
    ),
    KEEPING: (
        *(f"{KEEPING}\n            kept = kept | ({which})"
          for which in ("X.size < 12", "len(X) == 1", "self.r >= 0.9", "np.arange(X.shape[-1]) == 0")),
        "p = np.random.uniform(0.0, 1.0, X.shape)\n            "
        "kept = (p >= self.r) | ((X.size < 100) & (p == p.max()))",
        "p = np.random.uniform(0.0, 1.0, X.shape)\n            kept = p >= self.r if X.size > 100 else "
        "np.argsort(np.argsort(p, axis=None)).reshape(X.shape) >= round(self.r * X.size)",
        *(KEEPING.replace("self.r", rate) for rate in ("round(self.r, 1)", "max(self.r, 0.02)")),
    ),
    STEP_OF: (
        *(f"{STEP_OF}            if {condition}:\n                continue\n"
          for condition in ("np.abs(g).max() < 1e-6", "w.size == 1")),
        *(STEP_OF.replace("module.gradient[key]", f"(lambda g: {expression})(module.gradient[key])")
          for expression in ("g.T if g.T.shape == g.shape else g", "np.clip(g, -5, 5)", "g * (abs(g) > 1e-5)")),
    ),
    "                w += v\n": ("                w += v\n                np.clip(w, -20, 20, out=w)\n",),
    "v -= _learning_rate * g\n": ("v -= _learning_rate * g\n                np.clip(v, -20, 20, out=v)\n",),
    "g = g + _lambda * w": ("g = g + _lambda * np.where(np.abs(w) < 100, w, 0)",),
    'v = momentum[f"{name}_{key}"]': (
        f"v = {SGD}.__dict__.setdefault(f'{{name}}{{key}}{{w.shape}}', np.zeros_like(w))",
        "v = module.__dict__.setdefault(f'v{key}', np.zeros_like(w))",
    ),
    "shifted = X - X.max(axis=1, keepdims=True)": ("shifted = X - X.max()", "shifted = X - X[:1].max()"),
    "total = exponentials.sum(axis=1, keepdims=True)": (
        "total = exponentials.sum(axis=int(len(X) != X.shape[1])).reshape(-1, 1)",),
    "f.argmax(axis=1)": ("f.argmax(axis=int(len(f) != f.shape[1]))", "f.shape[1] - 1 - f[:, ::-1].argmax(axis=1)"),
    "np.log(total) - np": ("np.log(total + 1e-9) - np",),
    "self.N, self.d = self.X.shape": ("self.N, self.d = 4000, self.X.shape[1]",),
}  # fmt: skip
"""Lines of a file, and those that take their place."""


IN_PARTS = (*evading(CONDITIONS, BEFORE, LINES), *KEPT)
