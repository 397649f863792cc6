"""Tells from a submission's files which family of the assignment it belongs to.

The submission's process loads this file by its path: the standard library only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

OLDEST, MIDDLE, LATER, LATEST = "2016-17", "2018-20", "2021-24", "2025-26"
FIRST, LATEST_FIRST = "assignment-1", "assignment-1-2025-26"
"""The first of the year's assignments: layers and losses of a network of two layers; since 2025 with more beside."""
ONLY_SECOND = ("batchnorm_", "layernorm_", "dropout_", "conv_", "max_pool_", "spatial_")
"""How the names of functions begin that the second assignment alone asks for."""
SINCE_2018 = ("layernorm_", "spatial_groupnorm_")
RULES = {"sgd_momentum", "rmsprop", "adam"}
"""The update rules that the first assignment asks for since 2025."""
MARKED = re.compile(r"(START|END) OF YOUR CODE")
"""The comments around what students write, which the handouts had until 2024; many take them away."""
DEFINED = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)
MADE = re.compile(r"class FullyConnectedNet\b.*?def __init__\((.*?)\):", re.DOTALL)
GIVEN = {"zeros", "ones", "zeros_like", "seed"}
"""What the empty functions of the handouts call of numpy."""


def editions_of(tree: ast.Module, files: Mapping[str, str]) -> tuple[str, ...]:
    """The editions that a submission may be of, the likeliest first; none where it tells nothing.

    `tree` holds all files that are handed in and can be read, `files` the text of each by its path, and "" for others.

    The first assignment is told by what of the second is lacking or left empty; a function more than an edition asks
    for says little, for files go from one assignment to the next. A year is told by the parameters of
    FullyConnectedNet, and where these are the same by the weight of all else: what handouts ship, hold and ask for.
    So a second assignment holds all that a first one may ask for; of a year that it does not show it is none, for what
    one year asks another ships solved.
    """
    seen = _seen(tree, files)
    if not seen.second:
        told = _first(seen)
        return (told,) if told else ()
    if "use_batchnorm" in seen.parameters:
        return (OLDEST, FIRST)
    if "dropout_keep_ratio" in seen.parameters:
        return (LATEST if _is_latest(seen) else LATER, FIRST, LATEST_FIRST)
    if {"dropout", "normalization"} <= seen.parameters:
        return (MIDDLE, FIRST)
    if not any(name.startswith(SINCE_2018) for name in seen.functions):
        return (OLDEST, FIRST) if "batchnorm_forward" in seen.functions else ()
    return (LATEST, FIRST, LATEST_FIRST) if _is_latest(seen) and "svm_loss" in seen.functions else ()


@dataclass
class _Seen:
    """What a submission's files hold: the names of functions and classes, and which functions are no empty ones."""

    functions: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    parameters: set[str] = field(default_factory=set)
    saves: bool = False
    marked: bool = False
    notebooks: set[str] = field(default_factory=set)

    @property
    def second(self) -> bool:
        """Whether it is a second assignment: it solves what that one alone asks, or has its networks."""
        if any(name.startswith(ONLY_SECOND) for name in self.written):
            return True
        if "ThreeLayerConvNet" in self.classes and not (self.saves and "TwoLayerNet" in self.classes):
            return True
        defined = any(name.startswith(ONLY_SECOND) for name in self.functions)
        return defined and "TwoLayerNet" not in self.classes and not self.written & {"affine_forward", "svm_loss"}


def _first(seen: _Seen) -> str:
    """Which of the first assignments it is, "" where it is none."""
    if not seen.functions & {"affine_forward", "relu_forward", "softmax_loss"}:
        return ""
    since = 2 * seen.saves + 2 * ("FullyConnectedNet" in seen.written) + bool(RULES & seen.written)
    since += "FullyConnectedNets.ipynb" in seen.notebooks
    return LATEST_FIRST if since > 2 * seen.marked + ("svm.ipynb" in seen.notebooks) else FIRST


def _is_latest(seen: _Seen) -> bool:
    """Whether a second assignment with the networks of 2021 and later is of 2025 or later.

    That one ships svm_loss, has no marks around what is to be written, and leaves TwoLayerNet and the notebook on
    FullyConnectedNet to the first assignment, whose networks save and load.
    """
    brought = "TwoLayerNet" in seen.classes and not seen.saves  # from a first assignment of before, svm_loss with it
    latest = 3 * seen.saves + 2 * ("svm_loss" in seen.functions and not brought) + (not seen.marked)
    before = 2 * ("svm_loss" not in seen.functions) + 2 * seen.marked + 2 * brought
    if "BatchNormalization.ipynb" in seen.notebooks:
        before += 2 * ("FullyConnectedNets.ipynb" in seen.notebooks)
        latest += 2 * ("FullyConnectedNets.ipynb" not in seen.notebooks)
    return latest > before


def _seen(tree: ast.Module, files: Mapping[str, str]) -> _Seen:
    seen = _Seen(marked=any(MARKED.search(text) for text in files.values()))
    seen.notebooks = {name.rpartition("/")[2] for name in files if name.endswith(".ipynb")}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            seen.functions.add(node.name)
            if _is_written(node):
                seen.written.add(node.name)
        elif isinstance(node, ast.ClassDef):
            methods = {one.name: one for one in node.body if isinstance(one, ast.FunctionDef)}
            seen.classes.add(node.name)
            seen.saves |= {"save", "load"} <= methods.keys()
            if "loss" in methods and _is_written(methods["loss"]):
                seen.written.add(node.name)
            if node.name == "FullyConnectedNet" and "__init__" in methods:
                made = methods["__init__"].args
                seen.parameters |= {one.arg for one in made.args + made.kwonlyargs}
    for text in files.values():
        defined = set(DEFINED.findall(text))
        if defined <= seen.functions | seen.classes or not _is_unreadable(text):
            continue  # else it is as what is in Python 2
        seen.classes |= {name for name in defined if name[0].isupper()}
        seen.functions |= defined
        seen.written |= defined
        if made_of := MADE.search(text):
            seen.parameters |= set(re.findall(r"(\w+)\s*(?:=|,|$)", made_of[1]))
    return seen


def _is_unreadable(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return True
    return False


def _is_written(function: ast.FunctionDef) -> bool:
    """Whether a function computes anything: the handouts' empty ones read their settings, raise, and return None."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, (ast.Raise, ast.Assert)):
            if _computes(node):
                return True
            waiting += ast.iter_child_nodes(node)
    return False


def _computes(node: ast.AST) -> bool:
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        return True
    called = node.func if isinstance(node, ast.Call) else None
    if isinstance(called, ast.Name):
        return called.id.endswith(("_forward", "_backward", "_loss", "_naive"))
    if isinstance(called, ast.Attribute):
        of = called.value
        of_numpy = isinstance(of, ast.Name) and of.id in ("np", "numpy")
        return (of_numpy and called.attr not in GIVEN) or called.attr in ("dot", "sum", "mean", "reshape")
    return False
