"""The pieces of the shipped network that tests change, and what a change of them is."""

from __future__ import annotations

from dataclasses import dataclass

Swap = tuple[str, str]


@dataclass(frozen=True)
class Slip:
    """What is changed, the TODO that must fail for it, and how it must fail."""

    part: str
    swaps: tuple[Swap, ...] = ()
    utils: tuple[Swap, ...] = ()
    verdict: str = "mismatch"
    words: str = ""
    """What the first sentence about it must hold."""
    edition: str | None = None
    timeout: float = 10.0
    dtype: str = "float64"


@dataclass(frozen=True)
class Rewrite:
    """What is changed, the TODOs whose cases are asked, and a part of the note that it must get ("" for none)."""

    parts: str
    swaps: tuple[Swap, ...] = ()
    utils: tuple[Swap, ...] = ()
    note: str = ""
    dtype: str = "float64"
    edition: str | None = None


# ---- the pieces of the shipped files that are changed ----

SGD_NAME = "miniBatchStochasticGradientDescent(\n    model: Model, momentum"
SGD_PARAMETERS = "momentum: dict[str, Array], _lambda: float, _alpha: float, _learning_rate: float"
SGD_BODY = """        for key, w in module.params.items():
            g = module.gradient[key]
            if _lambda != 0:
                g = g + _lambda * w
            if _alpha > 0:
                v = momentum[f"{name}_{key}"]
                v *= _alpha
                v -= _learning_rate * g
                w += v
            else:
                w -= _learning_rate * g
    return model
"""
INIT_W = "np.random.normal(0.0, 0.1, (input_D, output_D))"
INIT_B = "np.random.normal(0.0, 0.1, (1, output_D))"
INIT_GRADIENT = "{key: np.zeros_like(value) for key, value in self.params.items()}"
INIT_START = "        self.params: dict[str, Array] = {\n"
LINEAR_FORWARD = 'return X @ self.params["W"] + self.params["b"]'
GRADIENT_W = 'self.gradient["W"] = X.T @ grad'
GRADIENT_B = 'self.gradient["b"] = grad.sum(axis=0, keepdims=True)'
GRADIENT_X = 'return grad @ self.params["W"].T'
TANH_FORWARD = "self.h: Array = np.tanh(X)"
TANH_RETURN = "return self.h\n"
TANH_BACKWARD = "return grad * (1 - self.h * self.h)"
RELU_MASK = "self.mask = X > 0"
RELU_FORWARD = "return np.maximum(X, 0)"
RELU_BACKWARD = '''is taken."""
        return grad * self.mask
'''
DROPOUT_KEPT = "kept = np.random.uniform(0.0, 1.0, X.shape) >= self.r"
DROPOUT_MASK = "self.mask = kept * (np.ones_like(X) * (1.0 / (1.0 - self.r)))"
DROPOUT_EVALUATION = "self.mask = np.ones_like(X)"
DROPOUT_RETURN = "return X * self.mask"
DROPOUT_BACKWARD = '''forward."""
        return grad * self.mask
'''
LOSS_SHIFT = "shifted = X - X.max(axis=1, keepdims=True)"
LOSS_RETURN = "return np.mean(np.log(total) - np.take_along_axis(shifted, _as_index(Y), axis=1))"
LOSS_MEAN = "grad /= len(grad)"
LABEL = "label: NDArray[np.intp] = f.argmax(axis=1)"
LABEL_RETURN = "return label.astype(float).reshape(-1, 1)"


def sgd(step: str, *, end: str = "return model") -> tuple[Swap, ...]:
    """The loop over parameters with these lines for one step; w, g, v and eta are there, and `momentum[name]`."""
    lines = "\n".join(f"            {line}" for line in step.split("\n"))
    return (
        (
            SGD_BODY,
            f"""        for key in module.params:
            w, g, eta, at = module.params[key], module.gradient[key], _learning_rate, f"{{name}}_{{key}}"
            v = momentum[at] if _alpha > 0 else np.zeros_like(w)
            a = max(_alpha, 0)
{lines}
            module.params[key] = w
            if _alpha > 0:
                momentum[at] = v
    {end}
""",
        ),
    )


def relu_backward(body: str) -> tuple[Swap, ...]:
    return ((RELU_BACKWARD, f'is taken."""\n        {body}\n'),)


def dropout_backward(body: str) -> tuple[Swap, ...]:
    return ((DROPOUT_BACKWARD, f'forward."""\n        {body}\n'),)


def dropout_kept(expression: str, before: str = "") -> tuple[Swap, ...]:
    return ((DROPOUT_KEPT, f"{before}kept = {expression}"),)


LOOP = "while True:\n            pass"
GONE = "raise NotImplementedError"

# ---- the optimizer of later editions ----

NO_LAMBDA = (
    (SGD_PARAMETERS, SGD_PARAMETERS.replace("_lambda: float, ", "")),
    (SGD_BODY, SGD_BODY.replace("            if _lambda != 0:\n                g = g + _lambda * w\n", "")),
)
PLAIN = (
    (SGD_PARAMETERS, "_learning_rate: float"),
    (
        SGD_BODY,
        "        for key, w in module.params.items():\n            w -= _learning_rate * module.gradient[key]\n"
        "    return model\n",
    ),
)
