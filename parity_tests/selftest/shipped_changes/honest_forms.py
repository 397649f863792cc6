"""Forms in which parts are honestly written, other than as plain classes and functions; several in each submission."""

from __future__ import annotations

Swap = tuple[str, str]
MAIN = "# TODO 10\n"
CALLS = """            u = model["L1"].forward(x)
            h = model["nonlinear1"].forward(u)
            s = model["drop1"].forward(h, is_train=True)
            a = model["L2"].forward(s)
"""
SGD_CALL = "miniBatchStochasticGradientDescent(model, momentum, lam, alpha, eta)\n"
BY_KEYWORD = "miniBatchStochasticGradientDescent(model, momentum, _lambda=lam, _alpha=alpha, _learning_rate=eta)\n"
SLOTS: list[Swap] = [
    ("class linear_layer:\n", 'class linear_layer:\n    __slots__ = ("params", "gradient")\n'),
    ("class tanh:\n", 'class tanh:\n    __slots__ = ("h",)\n'),
    ("class relu:\n", 'class relu:\n    __slots__ = ("mask",)\n'),
    ("class dropout:\n", 'class dropout:\n    __slots__ = ("r", "mask")\n'),
]
CALLED: list[Swap] = [
    (line, f"{line}\n    __call__ = forward\n")
    for line in (
        '        return X @ self.params["W"] + self.params["b"]\n',
        "        return self.h\n",
        "        return np.maximum(X, 0)\n",
        "            self.mask = np.ones_like(X)\n        return X * self.mask\n",
    )
]
IS_CALLED = (CALLS, CALLS.replace(".forward(", "("))
DATA_CLASSES = """from dataclasses import dataclass, field


@dataclass(slots=True)
class linear_layer:
    input_D: int
    output_D: int
    params: dict = field(init=False)
    gradient: dict = field(init=False)

    def __post_init__(self):
        W = np.random.normal(0.0, 0.1, (self.input_D, self.output_D))
        self.params = {"W": W, "b": np.random.normal(0.0, 0.1, (1, self.output_D))}
        self.gradient = {key: np.zeros_like(value) for key, value in self.params.items()}

    def forward(self, X):
        return X @ self.params["W"] + self.params["b"]

    def backward(self, X, grad):
        self.gradient["W"] = X.T @ grad
        self.gradient["b"] = grad.sum(axis=0, keepdims=True)
        return grad @ self.params["W"].T


@dataclass(frozen=True)
class dropout:
    r: float
    state: dict = field(default_factory=dict)

    def forward(self, X, is_train):
        self.state["mask"] = (np.random.uniform(0.0, 1.0, X.shape) >= self.r) / (1.0 - self.r) if is_train else 1.0
        return X * self.state["mask"]

    def backward(self, X, grad):
        return grad * self.state["mask"]


"""
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
FACTORIES = """Linear, Relu, Tanh, Dropout = linear_layer, relu, tanh, dropout


def linear_layer(input_D, output_D):
    return Linear(input_D, output_D)


def relu():
    return Relu()


def tanh():
    return Tanh()


def dropout(r):
    return Dropout(r)


"""
PARTIALS = """import functools

linear_layer, relu, tanh, dropout = map(functools.partial, (linear_layer, relu, tanh, dropout))


"""
WRAPPED = """import functools


def counted(function):
    count = 0

    {wraps}def wrapper(*args, **kwargs):
        nonlocal count
        count += 1
        return function(*args, **kwargs)

    return wrapper


miniBatchStochasticGradientDescent = counted(miniBatchStochasticGradientDescent)


"""
WITH_WRAPS, WITHOUT_WRAPS = WRAPPED.format(wraps="@functools.wraps(function)\n    "), WRAPPED.format(wraps="")
OBJECT = """class Optimizer:
    def __init__(self, step):
        self.step = step

    def __call__(self, model, momentum, _lambda, _alpha, _learning_rate):
        return self.step(model, momentum, _lambda, _alpha, _learning_rate)


miniBatchStochasticGradientDescent = Optimizer(miniBatchStochasticGradientDescent)


"""
DELEGATED = """step = miniBatchStochasticGradientDescent


def miniBatchStochasticGradientDescent(model, momentum, _lambda, _alpha, _learning_rate):
    return step(model, momentum, _lambda=_lambda, _alpha=_alpha, _learning_rate=_learning_rate)


"""
GUARDED = """class linear_layer:
    def __setattr__(self, name, value):
        if name not in ("params", "gradient"):
            raise AttributeError(name)
        object.__setattr__(self, name, value)

"""
ABSTRACT = """import abc


class Layer(abc.ABC):
    @abc.abstractmethod
    def forward(self, X): ...

    @abc.abstractmethod
    def backward(self, X, grad): ...


class relu(Layer):
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
SUBCLASS = """class Rectifier(relu):
    __slots__ = ()


"""
NOTHING_ADDED = """        known = {"params", "gradient", "mask", "h", "r", "z", "prob", "labels"}
        added = {name for module in model.values() for name in vars(module)} - known
        if added:
            raise AssertionError(f"somebody has added {added}")
        print(f"At epoch {t + 1}")
"""
FORMS: dict[str, list[Swap]] = {
    "slots, and __call__ = forward": [*SLOTS, *CALLED, IS_CALLED],
    "dataclasses with slots, or frozen, and SGD wrapped": [(MAIN, DATA_CLASSES + WITH_WRAPS + MAIN)],
    "properties over slots, and static methods": [(MAIN, PROPERTIES + STATIC + MAIN)],
    "properties over attributes": [(MAIN, PROPERTIES.replace('    __slots__ = ("W", "b", "dW", "db")\n\n', "") + MAIN)],
    "a class with static methods is a layer itself": [
        (MAIN, STATIC + MAIN),
        ('"nonlinear1": activation(),', '"nonlinear1": activation,'),
    ],
    "factories, and SGD wrapped and called by keyword": [
        (MAIN, FACTORIES + WITHOUT_WRAPS + MAIN),
        (SGD_CALL, BY_KEYWORD),
    ],
    "partials, and SGD an object": [(MAIN, PARTIALS + OBJECT + MAIN)],
    "guarded attributes, an abstract base, and SGD delegated": [
        ("class linear_layer:\n", GUARDED),
        ("class relu:\n", ABSTRACT),
        (MAIN, DELEGATED + MAIN),
    ],
    "one class for both activations, and layers that are dicts": [
        ("class linear_layer:\n", "class linear_layer(dict):\n"),
        (MAIN, ONE_CLASS + MAIN),
    ],
    "a subclass with slots, used in main": [
        *SLOTS,
        (MAIN, SUBCLASS + MAIN),
        ('{"relu": relu,', '{"relu": Rectifier,'),
    ],
    "SGD that tells layers by their class": [
        *SLOTS,
        ('        if not hasattr(module, "params"):', "        if not isinstance(module, linear_layer):"),
    ],
    "main that sees what is added to its layers": [('        print(f"At epoch {t + 1}")\n', NOTHING_ADDED)],
}
"""The changes to the shipped network by what it then is."""
