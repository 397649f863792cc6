"""A fingerprint of a source that names, spaces and comments leave unchanged: equal ones are pointed out, not judged."""

from __future__ import annotations

import ast
import hashlib
import io
import keyword
import tokenize

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
"""Tokens below which a likeness says nothing."""


def fingerprint(source: str) -> str:
    """Equal for sources that differ by the names they choose, spaces, comments and docstrings; "" for a tiny one.

    Every name is replaced by the number of its first appearance, so any consistent renaming is seen through.
    """
    tokens = _tokens(_plain(source))
    if len(tokens) < SMALLEST:
        return ""
    numbers: dict[str, str] = {}
    words = [numbers.setdefault(word, f"#{len(numbers)}") if is_name else word for is_name, word in tokens]
    return hashlib.sha256("\0".join(words).encode("utf-8", "backslashreplace")).hexdigest()


def _plain(source: str) -> str:
    """The source as Python itself would write it, without docstrings; as it stands where it does not parse."""
    try:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                kept = [line for line in body if not _is_text(line)]
                node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
        return ast.unparse(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source


def _is_text(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _tokens(source: str) -> list[tuple[bool, str]]:
    found: list[tuple[bool, str]] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in _SKIPPED:
                found.append((token.type == tokenize.NAME and not keyword.iskeyword(token.string), token.string))
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        pass  # what came before the fault is compared
    return found
