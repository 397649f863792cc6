"""Changes that hold a number of their own, which stands in them as `number` and in their words as NUMBER."""

from __future__ import annotations

import ast

from parity_tests.operators.expressions import Found, Place

NUMBER = "NUMBER"
UNKNOWN = "unknown"


def unknown(place: Place) -> Found:
    """A number that multiplies a name, or is added to it, or stands for it; a multiple of a name that is added."""
    node = place.site.node
    if isinstance(node, ast.Name) and node.id != "np" and place.site.role != "func":
        name = node.id
        for rank, new, makes in (
            (1, f"(number * {name})", f"`{name}` is multiplied by {NUMBER}"),
            (2, "number", f"{NUMBER} in place of `{name}`"),
            (3, f"({name} + number)", f"{NUMBER} is added to `{name}`"),
        ):
            yield place.change(UNKNOWN, rank, new, makes, "", operation=False)
    if isinstance(place.site.parent, ast.Assign) and place.site.role == "value":
        text = place.text(node)
        yield place.change(UNKNOWN, 0, f"number * {place.operand(node)}", f"`{text}` is multiplied by {NUMBER}", "")
        for name in place.scope.names:
            makes = f"{NUMBER} times `{name}` is added to `{text}`"
            yield place.change(UNKNOWN, 2, f"{text} + number * {name}", makes, "")
