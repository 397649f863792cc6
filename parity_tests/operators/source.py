"""The source: a module's text with its syntax tree, and what is needed to change single nodes and keep all else."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

LARGEST = 1 << 20
"""Bytes of a module that are parsed."""
DEEPEST = 60
"""Levels of nodes within a statement up to which a function is changed."""
Function = ast.FunctionDef
_ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.Tuple, ast.List)
_PARTS = (ast.Slice, ast.Starred, ast.JoinedStr, ast.FormattedValue)
"""What is no expression of its own."""
_BINDING = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Attribute, ast.Starred)
"""Parents in which an operation needs brackets."""


class UnreadableError(ValueError):
    """A text that is no Python, or too large or too deep to be looked at; the message says which."""


@dataclass(frozen=True)
class Site:
    """An expression in a function: the node, the one around it, the statement, and how it hangs there.

    `role` is the field of the parent that holds it, as "left" or "args".
    """

    node: ast.expr
    parent: ast.AST
    role: str
    statement: ast.stmt


class Source:
    """The text of a module. Raises UnreadableError."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.bytes = self.text.encode("utf-8", "surrogatepass")
        self._texts: dict[ast.AST, str] = {}
        if len(self.bytes) > LARGEST:
            raise UnreadableError(f"it has more than {LARGEST} bytes")
        try:
            self.tree = ast.parse(self.bytes)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise UnreadableError(f"it is no Python that can be read ({type(error).__name__})") from None

    @cached_property
    def _starts(self) -> list[int]:
        starts, at = [0], 0
        for line in self.bytes.split(b"\n"):
            at += len(line) + 1
            starts.append(at)
        return starts

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node begins and ends, in bytes."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def of(self, node: ast.expr | ast.stmt) -> str:
        """The text of a node, on one line."""
        if (text := self._texts.get(node)) is None:
            start, end = self.span(node)
            text = self._texts[node] = " ".join(self.bytes[start:end].decode("utf-8", "replace").split())
        return text

    def of_lines(self, node: ast.stmt) -> str:
        """The text of a statement as it stands."""
        start, end = self.span(node)
        return self.bytes[start:end].decode("utf-8", "surrogatepass")

    def operand(self, node: ast.expr) -> str:
        """The text of a node as an operand: in brackets, unless nothing can come between."""
        return self.of(node) if isinstance(node, _ATOMS) else f"({self.of(node)})"

    def bracketed(self, site: Site, text: str) -> str:
        """An operation that takes the place of a node, in brackets where its surroundings ask for them."""
        start, end = self.span(site.node)
        called = isinstance(site.parent, ast.Call) and site.role == "func"
        taken = isinstance(site.parent, ast.Subscript) and site.role == "value"
        inside = self.bytes[:start].rstrip()[-1:] == b"(" and self.bytes[end:].lstrip()[:1] == b")"
        return f"({text})" if (isinstance(site.parent, _BINDING) or called or taken) and not inside else text

    def line(self, number: int) -> str:
        """A line of the text, without what surrounds it."""
        lines = self.text.split("\n")
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""

    def definition(self, name: str, edits: Sequence[tuple[int, int, str]] = ()) -> str:
        """The text of a function or method by its qualified name, with edits in it, to be run by itself."""
        function = self.functions[name]
        start, end = self.span(function)
        text = self.bytes[start:end]
        for first, last, new in sorted(edits, reverse=True):
            if start <= first and last <= end:
                text = text[: first - start] + new.encode("utf-8", "surrogatepass") + text[last - start :]
        indented = f"if True:\n{' ' * function.col_offset}" if function.col_offset else ""
        return indented + text.decode("utf-8", "surrogatepass")

    def around(self, line: int) -> str:
        """The qualified name of the function that a line lies in; "" for none."""
        named = self.functions.items()
        return next((name for name, one in named if one.lineno <= line <= (one.end_lineno or 0)), "")

    @cached_property
    def functions(self) -> dict[str, Function]:
        """The functions of the module and of its classes, by their qualified names."""
        found: dict[str, Function] = {}
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef):
                found[node.name] = node
            elif isinstance(node, ast.ClassDef):
                found |= {f"{node.name}.{inner.name}": inner for inner in node.body if isinstance(inner, Function)}
        return found

    def called_by(self, name: str, but: Sequence[str] = ()) -> list[str]:
        """The function of this name and the module's own that it calls, one after another; not those in `but`."""
        order = [name]
        for one in order:
            for node in ast.walk(self.functions[one]):
                called = _name_of(node, one)
                if called in self.functions and called not in order and called not in but:
                    order.append(called)
        return order


def _name_of(node: ast.AST, within: str) -> str:
    """The qualified name of what a call calls, where the module may define it; "" for none."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return node.func.id
    owner, dot, _ = within.rpartition(".")
    own = (
        isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and node.func.value.id == "self"
    )
    return f"{owner}.{node.func.attr}" if dot and own and isinstance(node.func, ast.Attribute) else ""


def statements(function: Function) -> Iterator[tuple[ast.stmt, list[ast.stmt]]]:
    """The statements of a function, each with the list that it stands in; a docstring is none."""
    for holder in (node for node in ast.walk(function) if isinstance(node, ast.stmt | ast.ExceptHandler)):
        for block in ("body", "orelse", "finalbody"):
            for one in getattr(holder, block, []):
                if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)):
                    yield one, getattr(holder, block)


def sites(function: Function) -> Iterator[Site]:
    """The expressions of a function that are read, outermost first; none nested deeper than DEEPEST."""
    for statement, _ in statements(function):
        yield from _within(statement, statement, 0)


def _within(parent: ast.AST, statement: ast.stmt, depth: int) -> Iterator[Site]:
    for role, value in ast.iter_fields(parent) if depth < DEEPEST else ():
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.expr):
                if not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del) and not isinstance(node, _PARTS):
                    yield Site(node, parent, role, statement)
                yield from _within(node, statement, depth + 1)
            elif isinstance(node, ast.keyword | ast.comprehension | ast.withitem):
                yield from _within(node, statement, depth + 1)
