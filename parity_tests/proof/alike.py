"""Which slips write the same in another way, whatever the numbers are."""

from __future__ import annotations

import ast

SYMMETRIC = ("maximum", "minimum", "max", "min")
"""Functions that give the same of two things in either order."""


def alike(before: str, after: str) -> bool:
    """Whether two lines write the same: a symmetric function, a length to be found, a first axis kept.

    An assertion that is left out writes the same for whatever it holds of. What is summed
    along its first axis is put beside other arrays in the same way with that axis as without it.
    """
    try:
        one, other = (ast.unparse(_Plain().visit(ast.parse(line))) for line in (before, after))
    except SyntaxError:
        return False
    return one == other


class _Plain(ast.NodeTransformer):
    """Gives what may be written in several ways one form."""

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Nothing, which is what an assertion does."""
        return ast.Pass()

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A call without what changes nothing in it."""
        self.generic_visit(node)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        if any(ast.unparse(one) == "axis=0" for one in node.keywords):
            node.keywords = [one for one in node.keywords if one.arg != "keepdims"]
        if name in SYMMETRIC and not node.keywords:
            node.args.sort(key=ast.dump)
        if name == "reshape":
            node.args = [ast.Constant(-1) if ast.unparse(one) in ("-1", "-2") else one for one in node.args]
        return node
