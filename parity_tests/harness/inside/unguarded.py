"""Finds what a module does when it is imported that only running it as a program should do, and leaves that out.

The submission's process loads this file by its path: it may import the standard library only.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def without_runs(tree: ast.Module, entry: str) -> tuple[ast.Module, int]:
    """Return the module without what calls the function `entry` at its top level, and the first such line, or 0.

    What uses anything that the left out statements use or make is left out with them. Definitions, imports and what
    stands under a test of `__name__` are kept.
    """
    callers = _callers(tree, entry)
    defined = {name for statement in tree.body for name in _defined(statement)} | set(dir(builtins))
    tainted: set[str] = set()
    kept: list[ast.stmt] = []
    line = 0
    for statement in tree.body:
        if isinstance(statement, _DEFINITIONS) or _is_guard(statement):
            kept.append(statement)
            continue
        names = {node.id for node in _own_nodes(statement) if isinstance(node, ast.Name)} - defined
        if _calls(statement, callers) or names & tainted:
            line = line or statement.lineno
            tainted |= names
        else:
            kept.append(statement)
    return (ast.Module(kept, tree.type_ignores) if line else tree), line


def _callers(tree: ast.Module, entry: str) -> set[str]:
    """The functions of the module that call `entry`, directly or through one another, and `entry` if it is one."""
    functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    callers = {entry} & set(functions)
    while callers:
        further = {
            name for name, one in functions.items() if name not in callers and any(_calls(s, callers) for s in one.body)
        }
        if not further:
            break
        callers |= further
    return callers


def _calls(statement: ast.stmt, functions: set[str]) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions
        for node in _own_nodes(statement)
    )


def _own_nodes(statement: ast.AST) -> Iterator[ast.AST]:
    """What a statement consists of, but for the functions and classes that are defined in it."""
    yield statement
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, (*_DEFINITIONS, ast.Lambda)):
            yield from _own_nodes(child)


def _is_guard(statement: ast.stmt) -> bool:
    """Whether it is an `if` that asks how the module is run."""
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test)
    )


def _defined(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            yield alias.asname or alias.name.partition(".")[0]
