"""The pieces of the shipped `main` that tests change, and its forms in later editions."""

from __future__ import annotations

from parity_tests.assignments.mlp.main.configs import Config
from parity_tests.assignments.mlp.proof.correct_mains import ORDER as ORDER
from parity_tests.assignments.mlp.proof.correct_mains import RETURN as RETURN
from parity_tests.assignments.mlp.proof.correct_mains import SGD_CALL as SGD_CALL
from parity_tests.assignments.mlp.proof.correct_mains import STEPS as STEPS
from parity_tests.assignments.mlp.proof.correct_mains import TRAIN_CALLS as TRAIN_CALLS

RELU = Config("relu", alpha=0.9, rate=0.5, lam=0.01, epochs=3, eta=0.01)
TANH = Config("tanh", alpha=0.9, rate=0.25, lam=0.001, epochs=12, eta=0.01)
PLAIN_SGD = [
    ("momentum: dict[str, Array], _lambda: float, _alpha: float, _learning_rate", "_learning_rate"),
    ("            if _lambda != 0:\n                g = g + _lambda * w\n", ""),
    ("                v *= _alpha\n", ""),
    (
        '            if _alpha > 0:\n                v = momentum[f"{name}_{key}"]\n',
        "            if False:\n                v = g\n",
    ),
    (SGD_CALL, "miniBatchStochasticGradientDescent(model, eta)\n"),
    ('            s = model["drop1"].forward(h, is_train=True)\n', "            s = h\n"),
    ('            grad_h = model["drop1"].backward(h, grad_s)\n', "            grad_h = grad_s\n"),
    ('        s = model["drop1"].forward(h, is_train=False)\n', "        s = h\n"),
    ('        "drop1": dropout(rate),\n', ""),
]
NO_LAMBDA = [
    ("_lambda: float, _alpha", "_alpha"),
    ("            if _lambda != 0:\n                g = g + _lambda * w\n", ""),
    (SGD_CALL, "miniBatchStochasticGradientDescent(model, momentum, alpha, eta)\n"),
]
