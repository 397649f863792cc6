"""Tells from a submission's source which family of the assignment it belongs to.

The submission's process loads this file by its path: the standard library only.
"""

from __future__ import annotations

import ast

OLDEST, MIDDLE, LATER, LATEST = "2016-17", "2018-20", "2021-24", "2025-26"
FIRST = "assignment-1"
"""The first of the year's assignments, in any year: the layers and losses of a network of two layers."""


def edition_of(tree: ast.Module) -> str:
    """The family of a module of layers; "" where it defines none of those that tell them apart.

    The last two families ask for the same layers.
    """
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "batchnorm_forward" not in names:
        return FIRST if "svm_loss" in names else ""
    if "layernorm_forward" not in names:
        return OLDEST
    return MIDDLE if "svm_loss" in names else LATER
