"""Correct variants of the whole network: forms in which its parts are honestly written, and no form of all gives."""

from __future__ import annotations

from parity_tests.protocol.mistake import swapped

MAIN = "# TODO 10\n"
PROPERTIES = """class linear_layer:
    __slots__ = ("W", "b", "dW", "db")

    def __init__(self, input_D, output_D):
        self.W = np.random.normal(0.0, 0.1, (input_D, output_D))
        self.b = np.random.normal(0.0, 0.1, (1, output_D))
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)

    @property
    def params(self):
        return {"W": self.W, "b": self.b}

    @property
    def gradient(self):
        return {"W": self.dW, "b": self.db}

    def forward(self, X):
        return X @ self.W + self.b

    def backward(self, X, grad):
        self.dW, self.db = X.T @ grad, grad.sum(axis=0, keepdims=True)
        return grad @ self.W.T


"""
STATIC = """class relu:
    @staticmethod
    def forward(X):
        return np.maximum(X, 0)

    @staticmethod
    def backward(X, grad):
        return grad * (X > 0)


class tanh:
    @classmethod
    def forward(cls, X):
        return np.tanh(X)

    @classmethod
    def backward(cls, X, grad):
        return grad * (1 - np.tanh(X) ** 2)


"""
ONE_CLASS = """class Activation:
    def __init__(self, kind):
        self.kind = kind

    def forward(self, X):
        return np.tanh(X) if self.kind == "tanh" else np.maximum(X, 0)

    def backward(self, X, grad):
        return grad * (1 - np.tanh(X) ** 2) if self.kind == "tanh" else grad * (X > 0)


def relu():
    return Activation("relu")


tanh = lambda: Activation("tanh")


"""
GUARDED = """class linear_layer:
    def __setattr__(self, name, value):
        if name not in ("params", "gradient"):
            raise AttributeError(name)
        object.__setattr__(self, name, value)

"""
NOTHING_ADDED = """        known = {"params", "gradient", "mask", "h", "r", "z", "prob", "labels"}
        added = {name for module in model.values() for name in vars(module)} - known
        if added:
            raise AssertionError(f"somebody has added {added}")
        print(f"At epoch {t + 1}")
"""


CORRECT_FORMS = (
    swapped("network: properties over slots, and static methods", (MAIN, PROPERTIES + STATIC + MAIN)),
    swapped(
        "network: a class with static methods is a layer itself",
        (MAIN, STATIC + MAIN),
        ('"nonlinear1": activation(),', '"nonlinear1": activation,'),
    ),
    swapped(
        "network: guarded attributes, and SGD called by keyword",
        ("class linear_layer:\n", GUARDED),
        ("(model, momentum, lam, alpha, eta)", "(model, momentum, _lambda=lam, _alpha=alpha, _learning_rate=eta)"),
    ),
    swapped(
        "network: one class for both activations, and layers that are dicts",
        ("class linear_layer:\n", "class linear_layer(dict):\n"),
        (MAIN, ONE_CLASS + MAIN),
    ),
    swapped(
        "network: SGD that tells layers by their class",
        ('        if not hasattr(module, "params"):', "        if not isinstance(module, linear_layer):"),
    ),
    swapped(
        "network: main that sees what is added to its layers", ('        print(f"At epoch {t + 1}")\n', NOTHING_ADDED)
    ),
)
