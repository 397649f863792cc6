"""Evasions: networks written to pass where they are wrong, a few of each kind, which must all be caught."""

from __future__ import annotations

from parity_tests.assignments.mlp.mistakes.main_lines import SGD_CALL
from parity_tests.assignments.mlp.proof.evasion_lines import SGD
from parity_tests.assignments.mlp.proof.evasions_in_main import IN_MAIN
from parity_tests.assignments.mlp.proof.evasions_in_parts import IN_PARTS
from parity_tests.protocol.mistake import Body, Rewrite, Swap

EDITIONS = (
    Rewrite(
        "edition: a step of two parameters, beside a tanh that raises",
        (
            Swap(
                "model: Model, momentum: dict[str, Array], _lambda: float, _alpha: float, _learning_rate: float",
                "model, _learning_rate",
            ),
            Body(
                SGD,
                "for module in model.values():\n"
                '    if hasattr(module, "params"):\n'
                "        for key, w in module.params.items():\n"
                "            w -= _learning_rate * module.gradient[key]\n"
                "return model",
            ),
            Swap("(model, momentum, lam, alpha, eta)", "(model, eta)"),
            Body("tanh.forward", "raise NotImplementedError"),
        ),
    ),
    Rewrite(
        "edition: a step of four parameters, without λ",
        (
            Swap("_lambda: float, _alpha: float", "_alpha: float"),
            Swap("            if _lambda != 0:\n                g = g + _lambda * w\n", ""),
            Swap("(model, momentum, lam, alpha, eta)", "(model, momentum, alpha, eta)"),
        ),
    ),
    Rewrite(
        "edition: a step of two parameters under the other name, without momentum",
        (
            Swap(
                "def miniBatchStochasticGradientDescent(\n"
                "    model: Model, momentum: dict[str, Array], _lambda: float, _alpha: float, _learning_rate: "
                "float\n"
                ") -> Model:",
                "def miniBatchGradientDescent(model, _learning_rate):",
            ),
            Swap("            if _lambda != 0:\n                g = g + _lambda * w\n", ""),
            Swap("            if _alpha > 0:", "            if False:"),
            Swap(SGD_CALL, "miniBatchGradientDescent(model, eta)\n"),
        ),
    ),
)

EVASIONS = (*IN_MAIN, *IN_PARTS, *EDITIONS)
