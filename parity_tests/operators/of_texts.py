"""Further changes of right texts: powers, factors and terms, of all and of each name, rows of sums, other counts."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import combinations

from parity_tests.operators.change import Change
from parity_tests.operators.changes import Operator
from parity_tests.operators.expressions import REDUCTIONS, Found, Place

POWERS = (-3.0, -2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0)
FACTORS = {
    "0": "0 everywhere",
    "1 + 0": "1 everywhere",
    "3": "three times what it is",
    "4": "four times what it is",
    "-2": "doubled, with the wrong sign",
    "-0.5": "halved, with the wrong sign",
}
ROWS = {"[:1]": "of the first {} alone", "[-1:]": "of the last {} alone", "[1:]": "without the first {}"}
ROWS |= {"[:-1]": "without the last {}"}


def powers(place: Place) -> Found:
    """A name squared; another power."""
    node = place.site.node
    is_read = place.site.role != "value" or isinstance(place.site.parent, ast.Assign | ast.Return)
    if isinstance(node, ast.Name) and is_read and place.site.role in ("left", "right", "value", "operand"):
        yield place.change("power", 3, f"{node.id}**2", f"`{node.id}` is squared", f"`{node.id}` is not squared")
    if isinstance(node, ast.Name) and place.site.role in ("left", "right"):
        said = f"the root of `{node.id}` in place of `{node.id}`"
        yield place.change("power", 4, f"np.sqrt({node.id})", said, "", operation=False)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        magnitude = f"np.abs({place.text(node.left)})"
        yield place.change("power", 3, magnitude, "a magnitude in place of the square", "", operation=False)
        base, own = place.operand(node.left), place.text(node.right)
        if own == "2":
            yield place.change("power", 4, f"2 * {base}", f"`{place.text(node.left)}` is doubled, not squared", "")
        for power in POWERS:
            if repr(power) != own:
                words = f"the power {power:g} in place of {f'`{own}`' if own.isidentifier() else own}"
                yield place.change("power", 3, f"{base} ** {power}", words, words)


def whole_factors(place: Place) -> Found:
    """A number that multiplies the whole of a statement."""
    node = place.site.node
    if isinstance(place.site.parent, ast.Assign) and place.site.role == "value":
        for factor, words in FACTORS.items():
            text = place.operand(node)
            operator, rank = ("nothing", 0 if factor == "0" else 3) if factor in ("0", "1 + 0") else ("factor", 4)
            yield place.change(operator, rank, f"{factor} * {text}", f"`{place.text(node)}` is {words}", words)
        yield from named_factors(place, text, 5, "**2", "twice")


def named_factors(place: Place, text: str, rank: int, power: str = "", times: str = "once") -> Found:
    """Each name more as a factor or divisor of a text."""
    for name in place.scope.names:
        for sign, words in (("*", "multiplied"), ("/", "divided")):
            said = f"`{place.text(place.site.node)}` is {words} by `{name}` {times} too often"
            yield place.change("factor", rank, f"{text} {sign} {name}{power}", said, said)


def wholes(place: Place) -> Found:
    """A name alone in place of the whole of a statement; two names exchanged throughout; a quotient the other way."""
    node = place.site.node
    if isinstance(place.site.parent, ast.Assign) and place.site.role == "value":
        text = place.text(node)
        for name in place.scope.names:
            if name != text:
                yield place.change("whole", 5, name, f"`{name}` in place of `{text}`", "", operation=False)
        read = [one for one in ast.walk(node) if isinstance(one, ast.Name) and one.id in place.scope.names]
        for one, two in combinations(sorted({name.id for name in read}), 2):
            spans = [(*place.source.span(n), two if n.id == one else one) for n in read if n.id in (one, two)]
            yield Change("exchanged", 2, node.lineno, tuple(spans), f"`{one}` and `{two}` are exchanged", "")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = place.operand(node.left), place.operand(node.right)
        said = f"`{place.text(node.right)}` is divided by `{place.text(node.left)}`, not multiplied"
        yield place.change("operation", 2, f"{right} / {left}", said, "")


def inner_factors(place: Place) -> Found:
    """A name more as a factor or divisor of a name."""
    node = place.site.node
    if isinstance(node, ast.Name) and place.site.role in ("left", "right", "value") and node.id != "np":
        for name in place.scope.names:
            if name != node.id:
                for sign, words in (("*", "multiplied"), ("/", "divided")):
                    said = f"`{node.id}` is {words} by `{name}` once too often"
                    yield place.change("inner factor", 5, f"({node.id} {sign} {name})", said, said, operation=False)


def rows(place: Place) -> Found:
    """The first or last row alone, or all but it, of what is summed; the sum left out."""
    node = place.site.node
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return
    owner, word = node.func.value, node.func.attr
    if word not in REDUCTIONS or (isinstance(owner, ast.Name) and owner.id == "np"):
        return
    inner, text = place.operand(owner), place.text(node)
    tail = text[text.rindex(f".{word}(") :]
    yield place.change("reduction", 3, place.text(owner), f"the {word} is left out", f"a {word} should not be there")
    for key, words in ROWS.items():
        said = f"the {word} is {words.format('example')}"
        yield place.change("rows", 4, f"{inner}{key}{tail}", said, said, operation=False)


def counts(place: Place) -> Found:
    """One more or less than a count, or than what a function of the text's own is given; a quotient rounded up."""
    node, parent = place.site.node, place.site.parent
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
        up = f"-(-{place.operand(node.left)} // {place.operand(node.right)})"
        yield place.change("rounding", 3, up, "the quotient is rounded up", "")
    given = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and place.site.role == "args"
    if isinstance(node, ast.Name) and (given or (place.site.role == "right" and isinstance(parent, ast.BinOp))):
        for sign, words in (("-", "small"), ("+", "large")):
            said = f"`{node.id}` is one too {words}"
            yield place.change("count", 4, f"({node.id} {sign} 1)", said, said, operation=False)


def terms(place: Place) -> Found:
    """A name more as a term, of a whole or of a name; a product for a sum."""
    node = place.site.node
    whole = isinstance(place.site.parent, ast.Assign) and place.site.role == "value"
    if whole or (isinstance(node, ast.Name) and node.id != "np" and place.site.role in ("left", "right")):
        for name in place.scope.names:
            makes = f"`{name}` is added to `{place.text(node)}`"
            yield place.change("term", 5, f"({place.text(node)} + {name})", makes, "", operation=False)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        makes = f"`{place.text(node.right)}` multiplies, it is not added,"
        yield place.change("term", 4, place.joined(node.left, "*", node.right), makes, "")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        makes = f"`{place.text(node.right)}` is added, not multiplied"
        yield place.change("term", 4, place.joined(node.left, "+", node.right), makes, "")


def activations(place: Place) -> Found:
    """An activation of the whole of a statement."""
    node = place.site.node
    if isinstance(place.site.parent, ast.Assign) and place.site.role == "value":
        for words, new in (("ReLU", "np.maximum({}, 0)"), ("tanh", "np.tanh({})")):
            makes = f"{words} is applied to `{place.text(node)}`"
            yield place.change("activation", 4, new.format(place.text(node)), makes, "", operation=False)


def of_names(place: Place) -> Found:
    """1, the magnitude, the negative or the sum of a name in its place."""
    node = place.site.node
    if isinstance(node, ast.Name) and node.id != "np" and place.site.role != "func":
        name = node.id
        for rank, new, makes in (
            (4, f"(0 * {name} + 1)", f"1 in place of `{name}`"),
            (4, f"np.abs({name})", f"the magnitude of `{name}` in place of `{name}`"),
            (4, f"(-{name})", f"`{name}` has the wrong sign"),
            (4, f"np.log({name})", f"the logarithm of `{name}` in place of `{name}`"),
            (5, f"{name}.sum()", f"the sum of all of `{name}` in place of `{name}`"),
        ):
            yield place.change("of a name", rank, new, makes, "", operation=False)


def bases(place: Place) -> Found:
    """Powers and logarithms to another base."""
    node = place.site.node
    if isinstance(node, ast.Call) and (function := place.text(node.func)) in ("np.exp", "np.log"):
        inner = place.text(node.args[0])
        found = {"2": f"2 ** ({inner})"} if function == "np.exp" else {k: f"np.log{k}({inner})" for k in ("2", "10")}
        kind = "power has" if function == "np.exp" else "logarithm is to"
        for base, new in found.items():
            yield place.change("base", 4, new, f"the {kind} the base {base}", "")


def products_of_rows(place: Place) -> Found:
    """The first or last row alone, or all but it, of what a product of matrices sums over."""
    node = place.site.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) and place.text(node.left).endswith(".T"):
        left, right = place.text(node.left)[:-2], place.operand(node.right)
        for key, words in ROWS.items():
            said = f"the product is {words.format('example')}"
            yield place.change("rows", 4, f"{left}{key}.T @ {right}{key}", said, said)


def of_alike(groups: Sequence[Sequence[str]]) -> Operator:
    """Another name for one that it is like, of functions as well: what stands for nothing else."""

    def alike(place: Place) -> Found:
        node = place.site.node
        if isinstance(node, ast.Name):
            for name in dict.fromkeys(name for group in groups if node.id in group for name in group):
                makes, mends = (f"`{b}` in place of `{a}`" for a, b in ((node.id, name), (name, node.id)))
                yield place.change("name", 4, name, makes, mends, operation=False)

    return alike


OF_SHORT = frozenset(("term", "of a name", "base", "activation"))
"""The operators that are asked of short texts alone."""
FURTHER: tuple[Operator, ...] = (
    powers, rows, wholes, whole_factors, inner_factors, counts, terms, of_names, bases,
    products_of_rows, activations,
)  # fmt: skip
