"""The editions of the homework: the files that each asks for, and how a submission's source tells its own.

The standard library only: the submission's process loads this file by its path.
"""

from __future__ import annotations

import ast

MODULE = "neural_networks"
"""The file a submission consists of, without its `.py`."""
UTILS = "utils"
"""The file that students are given, which may be absent: Parity lends its own."""
DEFAULT = "2019"
PARAMETERS = {5: "2019", 4: "2020-22", 2: "2022-23"}
"""How many parameters the SGD function has in each edition."""
EDITIONS = tuple(PARAMETERS.values())
SGD_NAMES = ("miniBatchStochasticGradientDescent", "miniBatchGradientDescent")
EXPECTED_SIGNATURES = {
    "2019": "(model, momentum, _lambda, _alpha, _learning_rate)",
    "2020-22": "(model, momentum, _alpha, _learning_rate)",
    "2022-23": "(model, _learning_rate)",
}
INERT_MODULES = {"2022-23": ("tqdm", "matplotlib")}
"""Modules that an edition uses beyond numpy, and that do nothing here."""
UNSUPPORTED = {"dnn_misc.py": "2017-18"}
"""A file that only an edition has whose layout Parity does not know."""


def edition_of(tree: ast.Module) -> str:
    """The edition that the SGD function's number of parameters shows, or "" where it shows none."""
    seen = ""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name in SGD_NAMES:
            signature = statement.args
            fixed = not (signature.vararg or signature.kwarg or signature.kwonlyargs)
            seen = PARAMETERS.get(len(signature.posonlyargs + signature.args), "") if fixed else ""
    return seen
