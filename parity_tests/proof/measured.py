"""Measures why no case tells a mutant: its function is run beside the right one, on the inputs of several seeds."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from parity_tests.operators.change import Change, Edit
from parity_tests.operators.source import Source
from parity_tests.proof import beside
from reports.model.verdicts import FAILING, VERDICTS, Verdict

RULES = {
    "same": (True, "equivalent", "each call of four exams gives and leaves the same, to the bit"),
    "rounded": (True, "equivalent", "each call of four exams gives and leaves the same but for rounding, or axes of 1"),
    "unread": (False, "not asked", "in four exams nobody reads what it gives or leaves otherwise"),
}
"""How a function is watched beside the right one, whether by its own parts alone, and what it is if none fails."""
IN_TURN = "not asked", "what it keeps for all objects is never told, with two asked in turn"
NOT_RIGHT = frozenset(VERDICTS) - {Verdict.MATCH}
WATCH = Path(beside.__file__).read_text(encoding="utf-8")
Failing = Callable[[str, frozenset[str] | None, frozenset[Verdict]], frozenset[str]]


def measured(
    text: str, changed: str, function: str, edits: Sequence[Edit], own: frozenset[str] | None, failing: Failing
) -> tuple[str, str] | None:
    """Whether a function that is changed in a file is equivalent or not asked, and how that shows; None for neither.

    `failing(text, parts, verdicts)` are the parts, of these or of all, that get one of the verdicts with such a file.
    Some must fail where what is changed raises: these are asked, those of its `own` or else of all. Some must where a
    loop around it ends after two rounds; and where what an object keeps is moved, some that ask two objects in turn.
    """
    failing, owner = cache(failing), function.rpartition(".")[0]
    if not edits:
        in_turn = failing(f"{text}\n{WATCH}\nalone({owner})\n", None, FAILING)
        return IN_TURN if in_turn and not failing(changed, in_turn, NOT_RIGHT) else None
    source, other = Source(text), Source(changed)
    right = source.functions[function]
    raising = [_raising(source, edit) for edit in edits]
    twice = [text for edit in edits for text in _twice(source, right, edit)]
    right.name = f"right_{right.name}"
    holder = next((one for one in other.tree.body if isinstance(one, ast.ClassDef) and one.name == owner), other.tree)
    holder.body.append(right)
    both = f"{ast.unparse(other.tree)}\n{WATCH}\n{function} = beside({owner}{'.' * bool(owner)}{right.name}, {function}"
    for how, (is_own, *found) in RULES.items():
        parts = failing(raising[0], own if is_own else None, FAILING)
        is_asked = parts and all(failing(one, parts, FAILING) for one in (*raising[1:], *twice))
        if is_asked and not any(failing(one, parts, NOT_RIGHT) for one in (changed, f"{both}, '{how}')\n")):
            return found[0], found[1]
    return None


def _raising(source: Source, edit: Edit) -> str:
    """A text that raises where it is changed; the same where that cannot be written."""
    start, end, _ = edit
    found = _with(source, (start, end, "(1 / 0)"))
    with suppress(SyntaxError):
        compile(found, "", "exec")
        return source.text if source.bytes[start:].startswith(b"elif") else found
    return source.text


def _twice(source: Source, function: ast.AST, edit: Edit) -> Iterator[str]:
    """For each loop around what is changed, unless the text says how often it runs, one in which it ends after two.

    For one that runs while something holds it is the text as it stands, with which nothing fails.
    """

    def holds(node: ast.AST) -> bool:
        start, end = source.span(node) if isinstance(node, ast.expr | ast.stmt) else (0, 0)
        return start <= edit[0] and edit[1] <= end

    for node in filter(holds, ast.walk(function)):
        if isinstance(node, ast.While):
            yield source.text
        for loop in (node, *getattr(node, "generators", ())):
            over = getattr(loop, "iter", None)
            if isinstance(over, ast.expr) and not isinstance(over, ast.Tuple | ast.List) and not holds(over):
                start, end = source.span(over)
                yield _with(source, (start, start, "list("), (end, end, ")[:2]"))


def _with(source: Source, *edits: Edit) -> str:
    return Change("", 0, 0, edits, "", "").applied(source)
