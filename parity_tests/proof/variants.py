"""Variants of the shipped network: functions given new bodies, texts swapped."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.proof.honest import HONEST
from parity_tests.protocol.mistake import Body, Mistake, Swap

FILES = ("neural_networks.py", "utils.py")


@dataclass(frozen=True)
class Variant:
    """Two source files, by a name; `checks` are those that a change of it can show in."""

    name: str
    neural_networks: str
    utils: str

    def files(self) -> dict[str, str]:
        return dict(zip(FILES, (self.neural_networks, self.utils), strict=True))

    def write(self, folder: Path) -> None:
        """Write the files into a folder."""
        for name, source in self.files().items():
            (folder / name).write_text(source, encoding="utf-8")


def shipped() -> Variant:
    """The shipped network itself."""
    folder = ASSIGNMENT.solution
    return Variant("as shipped", *((folder / name).read_text(encoding="utf-8") for name in FILES))


def changed(name: str, changes: Sequence[Body | Swap], file: str = "neural_networks.py") -> Variant:
    """The shipped network with these changes of one file. Raises ValueError for one that cannot be made."""
    variant = shipped()
    sources = variant.files()
    source = sources[file]
    for change in changes:
        source = _with_body(source, change) if isinstance(change, Body) else _swapped(source, change)
    sources[file] = source
    return Variant(name, *sources.values())


def with_mistake(mistake: Mistake) -> Variant:
    """The shipped network with a known mistake plugged in."""
    return changed(f"TODO {mistake.part}: {mistake.name}", mistake.plug, mistake.file or FILES[0])


@cache
def forms() -> list[Variant]:
    """The shipped network and all its honest rewrites."""
    rewrites = (changed(rewrite.name, rewrite.changes, rewrite.file or FILES[0]) for rewrite in HONEST)
    return [shipped(), *rewrites]


def _swapped(source: str, swap: Swap) -> str:
    if source.count(swap.old) != 1:
        raise ValueError(f"{swap.old!r} stands {source.count(swap.old)} times in the shipped network, not once")
    return source.replace(swap.old, swap.new)


def _with_body(source: str, body: Body) -> str:
    node = _function(ast.parse(source), body.function.split("."))
    if node is None:
        raise ValueError(f"the shipped network has no function {body.function}")
    lines = source.splitlines(keepends=True)
    indent = " " * node.body[0].col_offset
    new = "".join(f"{indent}{line}\n" for line in body.statements.strip("\n").split("\n"))
    assert node.end_lineno is not None
    return "".join([*lines[: node.body[0].lineno - 1], new, *lines[node.end_lineno :]])


def _function(tree: ast.Module | ast.ClassDef, path: Sequence[str]) -> ast.FunctionDef | None:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == path[0]:
            if isinstance(node, ast.FunctionDef):
                return node
            return _function(node, path[1:])
    return None
