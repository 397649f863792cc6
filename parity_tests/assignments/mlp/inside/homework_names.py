"""The names that the homework gives: of its editions, its weights and layers, and SGD's functions and parameters.

The submission's process loads this file by its path: the standard library only.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

FULL, WITHOUT_DECAY, PLAIN = "2019", "2020-22", "2022-23"
"""The editions: with all of it; without weight decay; and with neither weight decay, momentum, tanh nor dropout."""
WEIGHT_NAMES = ("L1_W", "L1_b", "L2_W", "L2_b")
"""The keys of a network's weights, of their gradients and of their velocities."""
PIXELS = 784
"""The columns of MNIST's images; the data of an exam have others."""
BESIDE = "beside"
"""How the name of a layer begins that `main` builds and that is none of its network's."""
SGD_NAMES = ("miniBatchStochasticGradientDescent", "miniBatchGradientDescent")
"""What the SGD function may be called, the default edition's name first."""
SGD_PARAMETERS = {
    FULL: ("model", "momentum", "lam", "alpha", "eta"),
    WITHOUT_DECAY: ("model", "momentum", "alpha", "eta"),
    PLAIN: ("model", "eta"),
}
"""The parameters of the SGD function in each edition; submissions may call them otherwise."""


def editions_of(tree: ast.Module, files: Mapping[str, str]) -> tuple[str, ...]:
    """The edition that the SGD function's number of parameters shows, none where it shows none.

    Where there are functions of both names, the one that is called shows it: that of the first.
    """
    defined = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name in SGD_NAMES}
    function = next((defined[name] for name in SGD_NAMES if name in defined), None)
    if function is None or function.args.vararg or function.args.kwarg or function.args.kwonlyargs:
        return ()
    most = len(function.args.posonlyargs + function.args.args)
    fitting = [
        edition
        for edition, parameters in SGD_PARAMETERS.items()
        if most - len(function.args.defaults) <= len(parameters) <= most
    ]
    return tuple(fitting[:1])
