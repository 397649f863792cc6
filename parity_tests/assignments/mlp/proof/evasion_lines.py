"""How an evasion is written: the shipped network with lines replaced, and the lines that many of them replace."""

from __future__ import annotations

from parity_tests.assignments.mlp.mistakes.main_lines import (
    SGD_CALL,
)
from parity_tests.protocol.mistake import Body, Rewrite, Swap

SGD = "miniBatchStochasticGradientDescent"
SGD_START = "    for name, module in model.items():\n        if not hasattr"
BACKWARD = "grad_a = model"
MODEL_BUILT = "    momentum = add_momentum(model)\n"
SEED = '    np.random.seed(int(main_params["random_seed"]))\n'
RESULT = '{"train": train_accuracy_record, "val": val_accuracy_record}'
RESULT_FILE = (
    '    result = Path(f"MLP_lr{eta_0}_m{alpha}_w{lam}_d{rate}_b{minibatch_size}_'
    "a{main_params['activation']}.json\")\n"
)
DRAWN_P = "np.random.uniform(0.0, 1.0, X.shape) >= self.r"
FORWARD_1 = 'return X @ self.params["W"] + self.params["b"]'
LINEAR = "linear_layer.forward"
LINEAR_BACK = "linear_layer.backward"


def main(name: str, *swaps: tuple[str, str]) -> Rewrite:
    return Rewrite(f"main: {name}", tuple(Swap(*swap) for swap in swaps))


def swapped(name: str, *swaps: tuple[str, str]) -> Rewrite:
    return Rewrite(name, tuple(Swap(*swap) for swap in swaps))


def body(name: str, function: str, statements: str) -> Rewrite:
    return Rewrite(name, (Body(function, statements),))


def utils(name: str, *swaps: tuple[str, str]) -> Rewrite:
    return Rewrite(f"utils: {name}", tuple(Swap(*swap) for swap in swaps), "utils.py")


def built(name: str, lines: str) -> Rewrite:
    """Lines after the layers are built."""
    return main(name, (MODEL_BUILT, f"{lines}{MODEL_BUILT}"))


def before_step(name: str, line: str) -> Rewrite:
    return main(name, (SGD_CALL, f"{line}\n            {SGD_CALL}"))
