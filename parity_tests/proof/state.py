"""Moves what the objects of a class keep to the class itself, or to the module: then they share it."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import TypeGuard

MODULE = "_kept"


def moved_state(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    """For each attribute of each class the method that sets it first, and the file with the attribute moved."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for attribute, method in _attributes(node).items():
                for owner in (node.name, MODULE):
                    yield f"{node.name}.{method}", _moved(tree, node.name, attribute, owner)


def _is_of_self(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _attributes(node: ast.ClassDef) -> dict[str, str]:
    """What the methods of a class set on self, and which does so first."""
    found: dict[str, str] = {}
    for method in (inner for inner in node.body if isinstance(inner, ast.FunctionDef)):
        for inner in ast.walk(method):
            if _is_of_self(inner) and isinstance(inner.ctx, ast.Store):
                found.setdefault(inner.attr, method.name)
    return found


def _moved(tree: ast.Module, class_name: str, attribute: str, owner: str) -> ast.Module:
    moved = copy.deepcopy(tree)
    node = next(node for node in moved.body if isinstance(node, ast.ClassDef) and node.name == class_name)
    for inner in ast.walk(node):
        if _is_of_self(inner) and inner.attr == attribute:
            inner.value = ast.Name(owner, ast.Load())
    if owner == MODULE:
        moved.body.insert(moved.body.index(node), ast.parse(f'{MODULE} = type("Kept", (), {{}})()').body[0])
    return ast.fix_missing_locations(moved)
