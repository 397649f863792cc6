"""Tells from a submission's source which family of the assignment it belongs to.

The submission's process loads this file by its path: the standard library only.
"""

from __future__ import annotations

import ast

OLDEST, MIDDLE, LATER, LATEST = "2016-17", "2018-20", "2021-24", "2025-26"
FIRST, LATEST_FIRST = "assignment-1", "assignment-1-2025-26"
"""The first of the year's assignments: layers and losses of a network of two layers; since 2025 with more beside."""
ONLY_SECOND = ("batchnorm_", "layernorm_", "dropout_", "conv_", "max_pool_", "spatial_")
"""How the names of functions begin that the second assignment alone asks for."""
SINCE_2018 = ("layernorm_", "spatial_groupnorm_")


def editions_of(tree: ast.Module) -> tuple[str, ...]:
    """The editions that all files of a submission, one after another, may be of; none where they tell nothing.

    Evidence is what only some handouts give and nobody writes anew: the parameters of FullyConnectedNet, or that the
    networks can `save` and `load`. Where there is no such network, it is what all handouts of an edition have and these
    files lack altogether. A function more than an edition asks for tells nothing: files go from one assignment to the
    next, and with them what an earlier one asked. So a second assignment holds all that a first one may ask for. The
    first one of some years has the functions of the second as empty ones: its files lack the convolutional network.
    """
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    methods = {(node.name, one.name): one for node in classes for one in node.body if isinstance(one, ast.FunctionDef)}
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    second = any(name.startswith(ONLY_SECOND) for name in functions)
    if any((node.name, "save") in methods and (node.name, "load") in methods for node in classes):
        names = {node.name for node in classes}
        second = second and not ("TwoLayerNet" in names and "ThreeLayerConvNet" not in names)
        return (LATEST, LATEST_FIRST) if second else (LATEST_FIRST, LATEST)
    made = methods.get(("FullyConnectedNet", "__init__"))
    parameters = {one.arg for one in made.args.args + made.args.kwonlyargs} if made else set()
    if "dropout_keep_ratio" in parameters:
        return (LATER, LATEST, FIRST, LATEST_FIRST)
    if "use_batchnorm" in parameters:
        return (OLDEST, FIRST)
    if {"dropout", "normalization"} <= parameters:
        return (MIDDLE, FIRST)
    if "affine_forward" in functions and not second:
        return (FIRST, LATEST_FIRST)
    if "batchnorm_forward" in functions and not any(name.startswith(SINCE_2018) for name in functions):
        return (OLDEST, FIRST)
    return ()
