"""Further changes of a solution, as somebody writes it who takes one thing for another: order, denominators, rounds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations
from typing import TypeGuard

from parity_tests.operators.change import Change
from parity_tests.operators.changes import Operator
from parity_tests.operators.expressions import Found, Place
from parity_tests.operators.of_likes import OF_LIKES
from parity_tests.operators.of_sources import across_calls
from parity_tests.operators.of_texts import named_factors, powers, rows, whole_factors
from parity_tests.operators.scope import is_own
from parity_tests.operators.source import Function, Source, statements

CURVES = ("np.tanh", "np.exp", "np.log", "np.sqrt", "sigmoid")
REVERSED = {
    "[..., ::-1]": "its last axis",
    "[..., ::-1, :]": "its last axis but one",
    "[..., ::-1, ::-1]": "its last two axes",
}


def sizes_of_numbers(place: Place) -> Found:
    """Another size of a whole number."""
    node = place.site.node
    if isinstance(node, ast.Constant) and type(node.value) is int:
        for other in (10 * node.value, node.value // 10, 2 * node.value, node.value // 2, 0.01):
            yield place.change("number", 2, str(other), f"{other} in place of {node.value}", "", operation=False)


def of_names(place: Place) -> Found:
    """A name with its last axes the other way round; zeros in its place where it is handed on."""
    node = place.site.node
    if isinstance(node, ast.Name | ast.Attribute) and (text := place.text(node)) in place.scope.names:
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


def shares(place: Place) -> Found:
    """A mean of the old and the new in place of their sum."""
    node = place.site.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and isinstance(node.left, ast.BinOp):
        share, new = node.left.left, place.operand(node.right)
        if isinstance(node.left.op, ast.Mult) and (isinstance(share, ast.Name) or is_own(share)):
            said = f"`{place.text(node.right)}` is multiplied by the share that `{place.text(share)}` leaves"
            yield place.change("share", 2, f"{place.text(node.left)} + (1 - {place.text(share)}) * {new}", said, "")


def orders(place: Place) -> Found:
    """Two axes in one another's place: of sizes, of pairs to pad by, of what is reshaped or reversed; one left out."""
    node = place.site.node
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and place.site.role != "slice":
        entries = [place.text(one) for one in node.elts]
        for i, j in combinations(range(len(entries)), 2):
            swapped = [*entries]
            swapped[i], swapped[j] = swapped[j], swapped[i]
            new = f"({', '.join(swapped)})"
            yield place.change("exchanged", 3, new, "two axes, or entries, are exchanged", "", operation=False)
        for k in [
            k for k, one in enumerate(entries) if "(0, 0)" in entries and entries.count(one) > 1 and "(0" not in one
        ]:
            new = f"({', '.join([*entries[:k], '(0, 0)', *entries[k + 1 :]])})"
            yield place.change("order", 2, new, f"nothing is padded along axis {k}", "", operation=False)
        padded = [one for one in entries if one.startswith("(") and one != "(0, 0)"]
        for k in [k for k, one in enumerate(entries) if padded and one == "(0, 0)"]:
            new = f"({', '.join([*entries[:k], padded[0], *entries[k + 1 :]])})"
            yield place.change("order", 2, new, f"axis {k} is padded as well", "", operation=False)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        entries = [place.text(one) for one in node.slice.elts]
        for k in [k for k, one in enumerate(entries) if one == "::-1"] if entries.count("::-1") > 1 else ():
            new, array = ", ".join(":" if m == k else one for m, one in enumerate(entries)), place.text(node.value)
            said = f"`{array}` is reversed along one axis too few"
            yield place.change("reversed", 2, f"{array}[{new}]", said, "", operation=False)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        inner, arguments = node.func.value, [place.text(one) for one in node.args]
        if node.func.attr == "reshape":
            new = f"np.moveaxis({place.text(inner)}, 1, -1).reshape({', '.join(arguments)})"
            yield place.change("order", 3, new, "it is reshaped with its axes in another order", "", operation=False)
        if node.func.attr == "reshape" and len(node.args) == 1 and isinstance(node.args[0], ast.Name | ast.Attribute):
            shape = arguments[0]
            new = f"np.moveaxis({place.text(inner)}.reshape({shape}[0], *{shape}[2:], {shape}[1]), -1, 1)"
            yield place.change("order", 3, new, "it is reshaped with its axes in another order", "", operation=False)
        is_reshaped = isinstance(inner, ast.Call) and place.text(inner.func).endswith(".reshape")
        if node.func.attr == "transpose" and is_reshaped and isinstance(inner, ast.Call):
            sizes = [place.text(one) for one in inner.args]
            new = ", ".join(sizes[int(one)] for one in arguments if one.isdigit() and int(one) < len(sizes))
            said = "it is reshaped into the order that it should be transposed to"
            yield place.change("order", 3, f"{place.text(inner.func)}({new})", said, "", operation=False)


def rounds(place: Place) -> Found:
    """A loop without its first or last round, or without a last one that is shorter."""
    node = place.site.node
    if isinstance(place.site.parent, ast.For) and place.site.role == "iter":
        text = place.text(node)
        if isinstance(node, ast.Call) and len(node.args) == 3:
            first, end, step = map(place.operand, node.args)
            said = "what is left over at the end, and is smaller, is left out"
            yield place.change("rounds", 2, f"range({first}, {end} - {step} + 1, {step})", said, "", operation=False)
        for key, which in (("[1:]", "first"), ("[:-1]", "last")):
            said = f"the {which} round of the loop is left out"
            yield place.change("rounds", 3, f"[*{text}]{key}", said, "", operation=False)


def conditions(place: Place) -> Found:
    """What is true everywhere in place of a comparison of arrays; one of several conditions that is not asked."""
    node = place.site.node
    if isinstance(node, ast.BoolOp):
        for one in node.values:
            rest = f" {'and' if isinstance(node.op, ast.And) else 'or'} ".join(
                place.operand(v) for v in node.values if v is not one
            )
            yield place.change("condition", 1, rest, f"`{place.text(one)}` is not asked", "", operation=False)
    if isinstance(node, ast.Compare) and place.site.role not in ("test", "ifs"):
        left = place.operand(node.left)
        said = f"`{place.text(node)}` is taken to be true everywhere"
        yield place.change("condition", 1, f"{left} == {left}", said, "")


def sums(place: Place) -> Found:
    """A sum in place of a product; a factor of a product of matrices on what it multiplies."""
    node = place.site.node
    for factor, rest in ((node.left, node.right), (node.right, node.left)) if _is_product(node) else ():
        for matrix, inner, added in _products_in(place, rest):
            new = f"{place.operand(matrix)} @ ({place.operand(factor)} * {place.operand(inner)}){added}"
            said = (
                f"`{place.text(factor)}` multiplies `{place.text(inner)}`, not its product with `{place.text(matrix)}`"
            )
            yield place.change("brackets", 3, new, said, "")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        left, right = place.text(node.left), place.text(node.right)
        said = f"`{right}` divided by `{left}`, with the wrong sign, in place of their difference"
        yield place.change("operation", 3, f"-{place.operand(node.right)} / {place.operand(node.left)}", said, "")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        said = f"`{place.text(node.left)}` and `{place.text(node.right)}` are added, not multiplied"
        yield place.change("term", 3, place.joined(node.left, "+", node.right), said, "")


def unbracketed(place: Place) -> Found:
    """What stands in brackets without them, as operations then bind."""
    (start, end), text = place.source.span(place.site.node), place.source.bytes
    is_inner = isinstance(place.site.node, ast.BinOp) and isinstance(place.site.parent, ast.BinOp)
    if is_inner and text[start - 1 : start] == b"(" and text[end : end + 1] == b")":
        edits = ((start - 1, start, ""), (end, end + 1, ""))
        said = f"the brackets around `{place.text(place.site.node)}` are left out"
        yield Change("unbracketed", 4, place.site.node.lineno, edits, said, "")


def operands(place: Place) -> Found:
    """An entry or attribute in the place of another that the same statement reads."""
    node, statement = place.site.node, place.site.statement
    is_one = isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Load)
    if is_one and place.site.role in ("left", "right") and isinstance(statement, ast.Assign):
        inner = [one for one in ast.walk(statement.value) if isinstance(one, ast.BinOp)]
        both = [side for one in inner for side in (one.left, one.right)]
        read = [place.text(one) for one in both if isinstance(one, ast.Subscript | ast.Attribute)]
        for other in dict.fromkeys(read):
            said = f"`{other}` in place of `{place.text(node)}`"
            yield place.change("operand", 4, other, said, "", operation=False)


def kept(place: Place) -> Found:
    """What is made of an array that is kept is kept in its place."""
    node, parent = place.site.node, place.site.parent
    if isinstance(node, ast.BinOp) and isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        left, target = place.text(node.left), parent.targets[0].id
        if isinstance(node.left, ast.Subscript) or is_own(node.left):
            said = f"`{target}` is kept in place of `{left}`"
            yield place.change("kept", 3, f"{left} = {place.text(node)}", said, "", operation=False)


def groups(place: Place) -> Found:
    """Each group of elements summed, or another than its first, where every so many-th is taken."""
    node, entries = place.site.node, []
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        entries = [one.step for one in node.slice.elts if isinstance(one, ast.Slice) and one.lower is one.upper is None]
    steps = [place.operand(one) for one in entries if one is not None]
    if steps and isinstance(node, ast.Subscript):
        array, axes = place.text(node.value), range(-len(steps), 0)
        new = array
        for axis, step in zip(axes, steps, strict=True):
            new = f"np.add.reduceat({new}, np.arange(0, {array}.shape[{axis}], {step}), {axis})"
        said = f"`{array}` is summed over each `{steps[0]}` elements, where one is taken"
        yield place.change("group", 2, new, said, "", operation=False)
        for first, which in ((f"{steps[0]} - 1", "last"), ("1", "second")):
            new = f"{array}[..., {', '.join(f'{first}::{step}' for step in steps)}]"
            yield place.change(
                "group", 3, new, f"the {which} of each `{steps[0]}` elements of `{array}` is taken", "", operation=False
            )


def wrapped(place: Place) -> Found:
    """A function that the module calls, of a name that it is not called of: a value, and not what is written into."""
    node, parent = place.site.node, place.site.parent
    if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store):
        return
    if isinstance(node, ast.Name | ast.Attribute) and (text := place.text(node)) in place.scope.names:
        for function in CURVES:
            if f"{function}(" in place.source.text:
                said = f"`{function}` is taken of `{text}` once too often"
                yield place.change("wrapped", 3, f"{function}({text})", said, "", operation=False)


def counts(place: Place) -> Found:
    """Another count as the divisor: of an array's rows, its last axes or all of its elements."""
    node = place.site.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        for one in ast.walk(node.left):
            if isinstance(one, ast.Name) and one.id in place.scope.names:
                name = one.id
                for count, said in (
                    (f"len({name})", f"the number of rows of `{name}`"),
                    (f"{name}.size", f"the number of elements of `{name}`"),
                    (f"({name}.size // len({name}))", f"the number of elements of a row of `{name}`"),
                    (f"np.prod({name}.shape[-2:])", f"the number of elements of the last two axes of `{name}`"),
                ):
                    words = f"`{place.text(node.left)}` is divided by {said}"
                    yield place.change("count", 3, f"{place.operand(node.left)} / {count}", words, "")


def _is_product(node: ast.AST) -> TypeGuard[ast.BinOp]:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)


def _products_in(place: Place, node: ast.expr) -> Iterator[tuple[ast.expr, ast.expr, str]]:
    """The product of matrices that a node is, or adds something to."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        yield node.left, node.right, ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        for matrix, inner, _ in _products_in(place, node.left):
            yield matrix, inner, f" + {place.operand(node.right)}"


def of_blocks(source: Source, function: Function) -> Iterator[Change]:
    """The changes of several places at once."""
    yield from _ends_throughout(source, function)
    yield from _means_of_examples(source, function)
    yield from _assigned_in_loops(source, function)
    yield from _left_out_throughout(source, function)
    yield from _on_one_side(source, function)
    yield from _too_late(source, function)
    yield from _repeated(source, function)
    yield from _into_gradients(source, function)


def _ends_throughout(source: Source, function: Function) -> Iterator[Change]:
    """The same end of several slices of a statement one less or more."""
    for statement, _ in statements(function):
        places: dict[str, list[ast.expr]] = {}
        for node in ast.walk(statement) if isinstance(statement, ast.Assign | ast.AugAssign) else ():
            if isinstance(node, ast.Slice) and node.upper is not None:
                places.setdefault(source.of(node.upper), []).append(node.upper)
        for text, ends in places.items():
            for sign, word in (("-", "less"), ("+", "more")) if len(ends) > 1 else ():
                edits = tuple((*source.span(one), f"{text} {sign} 1") for one in ends)
                words = f"the end of a slice is one {word} than `{text}` throughout"
                yield Change("slice", 3, statement.lineno, edits, words, "")


def _means_of_examples(source: Source, function: Function) -> Iterator[Change]:
    """Means along several axes that divide by the number of examples alone."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    means = [
        one for one in calls if source.of(one.func).endswith(".mean") and not source.of(one.func).startswith("np.")
    ]
    if means:
        edits = tuple((*source.span(one), _divided(source, one)) for one in means)
        said = "the sums of the means are divided by the number of examples alone"
        yield Change("denominator", 3, means[0].lineno, edits, said, "")


def _divided(source: Source, mean: ast.Call) -> str:
    owner = source.of(mean.func).removesuffix(".mean")
    arguments = source.of(mean)[len(source.of(mean.func)) :]
    return f"({owner}.sum{arguments} / len({owner}))"


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


def _on_one_side(source: Source, function: Function) -> Iterator[Change]:
    """All that is padded by, or cut off, on both sides of an axis on one of them."""
    for statement, _ in statements(function):
        inner = list(ast.walk(statement)) if isinstance(statement, ast.Assign | ast.Return) else []
        pairs = [one for one in inner if isinstance(one, ast.Tuple) and len(one.elts) == 2]
        named = [(one, source.of(one.elts[0])) for one in pairs if source.of(one.elts[0]) == source.of(one.elts[1])]
        padded = [(one, name) for one, name in named if not name.isdigit()]
        cut = [(one, source.of(one.lower)) for one in inner if isinstance(one, ast.Slice) and one.lower is not None]
        cut = [(one, name) for one, name in cut if one.upper is not None and source.of(one.upper).endswith(f"- {name}")]
        for nodes, said, ways in (
            (padded, "it is padded", {"end": "(0, 2 * {0})", "beginning": "(2 * {0}, 0)"}),
            (cut, "it is cut", {"beginning": "2 * {0}:", "end": ": -2 * {0} or None"}),
        ):
            for side, new in ways.items() if nodes else ():
                edits = tuple((*source.span(one), new.format(name)) for one, name in nodes)
                yield Change("side", 3, statement.lineno, edits, f"{said} at the {side} alone, by twice as much", "")


def _too_late(source: Source, function: Function) -> Iterator[Change]:
    """What a statement makes is made after another that reads it, or changes what it reads."""
    blocks = {id(block): block for _, block in statements(function)}.values()
    for block in blocks:
        for one, two in combinations([made for made in block if isinstance(made, ast.Assign | ast.AugAssign)], 2):
            first, second = (
                source.of(one.targets[0] if isinstance(one, ast.Assign) else one.target) for one in (one, two)
            )
            if first != second and (_has(source, two.value, first) or _has(source, one.value, second)):
                start, end = source.span(one)
                indent = f"\n{' ' * one.col_offset}"
                edits = ((start, end, "pass"), (source.span(two)[1],) * 2 + (indent + source.of_lines(one),))
                yield Change("too late", 3, one.lineno, edits, f"`{second}` is changed before `{first}`", "")


def _has(source: Source, node: ast.expr, text: str) -> bool:
    inner = [one for one in ast.walk(node) if isinstance(one, ast.Name | ast.Attribute | ast.Subscript)]
    return any(source.of(one) == text for one in inner)


def _repeated(source: Source, function: Function) -> Iterator[Change]:
    """What is put at every so many-th place is put at those between, too; what is updated is updated again in use."""
    for one, _ in statements(function):
        if not isinstance(one, ast.Assign) or not isinstance(one.targets[0], ast.Subscript | ast.Attribute):
            continue
        target, value, made = one.targets[0], source.operand(one.value), source.of(one.targets[0])
        index = target.slice if isinstance(target, ast.Subscript) else None
        slices = [e for e in index.elts if isinstance(e, ast.Slice)] if isinstance(index, ast.Tuple) else []
        if (steps := [source.operand(e.step) for e in slices if e.step is not None]) and isinstance(
            target, ast.Subscript
        ):
            array, new = source.of(target.value), value
            for axis, step in zip(range(-len(steps), 0), steps, strict=True):
                new = f"np.repeat({new}, {step}, {axis}).take(range({array}.shape[{axis}]), {axis})"
            words = f"`{value}` is repeated `{steps[0]}` times in `{array}`, where zeros belong between"
            yield Change("group", 2, one.lineno, ((*source.span(one), f"{array}[:] = {new}"),), words, "")
        for other, _ in statements(function) if _has(source, one.value, made) else ():
            if isinstance(other, ast.Assign) and other.lineno > one.lineno:
                for node in ast.walk(other.value):
                    if isinstance(node, ast.Subscript | ast.Attribute) and source.of(node) == made:
                        words = f"`{made}` is updated once more where it is used"
                        yield Change(
                            "again", 3, other.lineno, ((*source.span(node), f"({source.of(one.value)})"),), words, ""
                        )


def _into_gradients(source: Source, function: Function) -> Iterator[Change]:
    """What is taken off weights, as their decay, is added to their gradient without the rate."""
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    for one, _ in statements(function):
        value = one.value if isinstance(one, ast.Assign) else None
        if not (isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub) and isinstance(one, ast.Assign)):
            continue
        target, taken = source.of(one.targets[0]), value.right
        if (
            source.of(value.left) == target
            and _is_product(taken)
            and _is_product(taken.left)
            and _has(source, taken, target)
        ):
            rest = f"{source.operand(taken.left.right)} * {source.operand(taken.right)}"
            for name in sorted(name for name in names if name.startswith("grad")):
                words = f"`{rest}` is added to `{name}`, not taken off `{target}`"
                yield Change("decay", 2, one.lineno, ((*source.span(one), f"{name} = {name} + {rest}"),), words, "")


def _assigned_in_loops(source: Source, function: Function) -> Iterator[Change]:
    """What a loop adds up is assigned, by loops that go the other way as well: each place has one of its summands."""
    for loop in (node for node in ast.walk(function) if isinstance(node, ast.For)):
        for one in (node for node in ast.walk(loop) if isinstance(node, ast.AugAssign)):
            target, value = source.of(one.target), source.of(one.value)
            if isinstance(one.op, ast.Sub):
                value = f"-({value})"
                words = f"`=` is used where `-=` belongs, at `{target}`"
                yield Change("assignment", 1, one.lineno, ((*source.span(one), f"{target} = {value}"),), words, "")
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
    shares,
    orders,
    rounds,
    conditions,
    sums,
    unbracketed,
    operands,
    kept,
    groups,
    wrapped,
    counts,
    across_calls,
    *OF_LIKES,
)
