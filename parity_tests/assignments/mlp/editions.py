"""The editions of the homework: the files that each asks for, and how a submission's source tells its own.

The standard library only: the submission's process loads this file by its path.
"""

from __future__ import annotations

import ast
import inspect
from types import CodeType

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
LENT = {"2022-23": ("tqdm", "matplotlib")}
"""Modules that an edition uses beyond numpy, and that are lent as inert stand-ins."""
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


def edition_of_code(code: CodeType, source: bytes) -> str | None:
    """What `edition_of` says of the tree of the same module; None where its code alone does not tell.

    Whoever has compiled a module need not have it parsed a second time, which takes two thirds as long.
    """
    found = [inner for inner in code.co_consts if isinstance(inner, CodeType) and inner.co_name in SGD_NAMES]
    if len(found) != 1:
        return None
    function = found[0]
    line = b"".join(source.splitlines()[function.co_firstlineno - 1 : function.co_firstlineno])
    flags = function.co_flags
    asynchronous = flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR)
    # At the margin, it is a statement of the module itself; a class has no local variables of its own.
    if not line.startswith((b"def ", b"@")) or asynchronous or not flags & inspect.CO_NEWLOCALS:
        return None
    fixed = not (flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS) or function.co_kwonlyargcount)
    return PARAMETERS.get(function.co_argcount, "") if fixed else ""
