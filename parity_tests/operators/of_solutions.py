"""Further changes of a solution, as somebody writes it who takes one thing for another: powers, order, denominators."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

from parity_tests.operators.change import Change
from parity_tests.operators.changes import Operator
from parity_tests.operators.expressions import Found, Place
from parity_tests.operators.of_texts import POWERS, named_factors, rows, whole_factors
from parity_tests.operators.scope import is_own
from parity_tests.operators.source import Function, Source, statements

REVERSED = {"[..., ::-1]": "its last axis", "[..., ::-1, ::-1]": "its last two axes"}


def powers(place: Place) -> Found:
    """Another power."""
    node = place.site.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base, own = place.operand(node.left), place.text(node.right)
        for power in POWERS:
            words = f"the power {power:g} in place of {own}"
            yield place.change("power", 3, f"{base} ** {power}", words, "")


def sizes_of_numbers(place: Place) -> Found:
    """Another size of a whole number."""
    node = place.site.node
    if isinstance(node, ast.Constant) and type(node.value) is int:
        for other in (10 * node.value, node.value // 10, 2 * node.value, node.value // 2):
            yield place.change("number", 2, str(other), f"{other} in place of {node.value}", "", operation=False)


def of_names(place: Place) -> Found:
    """A name with its last axes the other way round; zeros in its place where it is handed on."""
    node = place.site.node
    if (isinstance(node, ast.Name) or is_own(node)) and place.site.role != "func":
        text = place.text(node)
        for key, axes in REVERSED.items():
            yield place.change("reversed", 4, f"{text}{key}", f"`{text}` is reversed along {axes}", "", operation=False)
        if place.site.role == "args":
            yield place.change("nothing", 4, f"0 * {text}", f"zeros in place of `{text}`", "", operation=False)


def denominators(place: Place) -> Found:
    """A variance that is divided by one example less."""
    node = place.site.node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("var", "std"):
        text = place.text(node)
        words = f"the {node.func.attr} divides by the number of examples less 1"
        yield place.change("denominator", 1, f"{text[:-1]}, ddof=1)", words, "", operation=False)


def exchanged(place: Place) -> Found:
    """Two names in one another's place, all over what is assigned or returned."""
    node = place.site.node
    if isinstance(place.site.parent, ast.Assign | ast.Return) and place.site.role == "value":
        read: dict[str, list[tuple[int, int]]] = {}
        for one in (one for one in ast.walk(node) if isinstance(one, ast.Name | ast.Attribute)):
            if (isinstance(one, ast.Name) and one.id in place.scope.names) or is_own(one):
                read.setdefault(place.text(one), []).append(place.source.span(one))
        for first, second in combinations(read, 2):
            edits = [*((*span, second) for span in read[first]), *((*span, first) for span in read[second])]
            yield Change("exchanged", 3, node.lineno, tuple(edits), f"`{first}` and `{second}` are exchanged", "")


def added_at(place: Place) -> Found:
    """What is added at places that may be the same is assigned."""
    node = place.site.node
    if isinstance(node, ast.Call) and place.text(node.func) == "np.add.at" and len(node.args) == 3:
        array, at, values = map(place.text, node.args)
        words = f"`=` is used where `+=` belongs, at `{array}`"
        yield place.change("assignment", 1, f"{array}[{at}] = {values}", words, "", operation=False)


def factors(place: Place) -> Found:
    """A name more as a factor or divisor of what is assigned or returned."""
    node = place.site.node
    if isinstance(place.site.parent, ast.Assign | ast.Return) and place.site.role == "value":
        yield from named_factors(place, place.operand(node), 4)


def leaks(place: Place) -> Found:
    """What is cut off at 0 goes through in part."""
    node = place.site.node
    if isinstance(node, ast.Call) and place.text(node.func).endswith("maximum") and len(node.args) == 2:
        for one, other in (node.args, node.args[::-1]):
            if place.text(one) in ("0", "0.0"):
                cut = place.operand(other)
                said = f"what is less than 0 in `{cut}` goes through in part"
                yield place.change("leak", 4, f"np.maximum({cut}, 0.01 * {cut})", said, "", operation=False)


def of_blocks(source: Source, function: Function) -> Iterator[Change]:
    """The changes of several places at once."""
    yield from _assigned_in_loops(source, function)
    yield from _left_out_throughout(source, function)


def _left_out_throughout(source: Source, function: Function) -> Iterator[Change]:
    """A factor left out wherever a statement has the same product, as in both ends of a slice."""
    for statement, _ in statements(function):
        places: dict[str, list[ast.BinOp]] = {}
        for node in ast.walk(statement) if isinstance(statement, ast.Assign | ast.AugAssign | ast.Return) else ():
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                places.setdefault(source.of(node), []).append(node)
        for nodes in (one for one in places.values() if len(one) > 1):
            for kept, left in ((nodes[0].left, nodes[0].right), (nodes[0].right, nodes[0].left)):
                words = f"`{source.of(left)}` is left out beside `{source.of(kept)}`"
                edits = tuple((*source.span(node), source.of(kept)) for node in nodes)
                yield Change("left out", 3, statement.lineno, edits, words, "")


def _assigned_in_loops(source: Source, function: Function) -> Iterator[Change]:
    """What a loop adds up is assigned, by loops that go the other way as well: each place has one of its summands."""
    for loop in (node for node in ast.walk(function) if isinstance(node, ast.For)):
        for one in (node for node in ast.walk(loop) if isinstance(node, ast.AugAssign)):
            target, value = source.of(one.target), source.of(one.value)
            edits = (
                (*source.span(loop.iter), f"reversed([*{source.of(loop.iter)}])"),
                (*source.span(one), f"{target} = {value}"),
            )
            yield Change("assignment", 1, one.lineno, edits, f"`=` is used where `+=` belongs, at `{target}`", "")


OF_SOLUTIONS: tuple[Operator, ...] = (
    powers,
    sizes_of_numbers,
    rows,
    whole_factors,
    of_names,
    denominators,
    exchanged,
    added_at,
    factors,
    leaks,
)
