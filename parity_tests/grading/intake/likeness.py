"""A fingerprint of a source that names, spaces and comments leave unchanged: equal ones are pointed out, not judged."""

from __future__ import annotations

import ast
import hashlib
import io
import keyword
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SKIPPED = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
SMALLEST = 200
"""Words of a source below which a likeness says nothing."""


def fingerprint(source: str) -> str:
    """Equal for sources that differ by the names they choose, spaces, comments and docstrings; "" for a tiny one.

    Every name is replaced by the number of its first appearance, so any consistent renaming is seen through. A source
    that does not parse is taken as far as it can be read.
    """
    try:
        words = list(_words(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        words = _tokens(source)
    if len(words) < SMALLEST:
        return ""
    numbers: dict[str, str] = {}
    numbered = [numbers.setdefault(word, f"#{len(numbers)}") if is_name else word for is_name, word in words]
    return hashlib.sha256("\0".join(numbered).encode("utf-8", "backslashreplace")).hexdigest()


def _words(tree: ast.Module) -> Iterator[tuple[bool, str]]:
    """What the syntax tree is made of, in its order: (whether it is a name, the word)."""
    unvisited: list[Any] = [tree]
    while unvisited:
        node = unvisited.pop()
        if isinstance(node, ast.AST):
            yield False, type(node).__name__
            constant = isinstance(node, ast.Constant)
            values = [getattr(node, field, None) for field in node._fields]
            unvisited += [_Literal(value) if constant else value for value in reversed(values)]
        elif isinstance(node, list):
            unvisited += [line for line in reversed(node) if not _is_text(line)]
            yield False, "]"
        elif isinstance(node, str):
            yield True, node
        else:
            yield False, repr(node)


@dataclass(frozen=True)
class _Literal:
    """A constant's value, which is no name."""

    value: Any


def _is_text(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _tokens(source: str) -> list[tuple[bool, str]]:
    words: list[tuple[bool, str]] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in _SKIPPED:
                words.append((token.type == tokenize.NAME and not keyword.iskeyword(token.string), token.string))
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        pass  # what came before the fault is compared
    return words
