"""Further changes that mend students' sources: brackets across calls, steps of windows, what is never kept."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from parity_tests.operators.change import Change
from parity_tests.operators.expressions import REDUCTIONS, SIGNS, Found, Place
from parity_tests.operators.of_functions import of_functions
from parity_tests.operators.of_likes import OF_LIKES, of_likes
from parity_tests.operators.scope import is_own
from parity_tests.operators.source import Function, Source, statements

_LINEAR = frozenset(("dot", "matmul", "sum", "mean", "sqrt", "exp", "log", "square", "tanh", "abs", "round"))
"""Functions of which an operation is easily written inside, where it belongs outside, or the other way round."""
_CURVED = frozenset(("exp", "tanh", "cosh", "log", "sqrt", "sigmoid"))
_BETA = re.compile(r".*(beta|b)_?[12]$")
_SIZE = re.compile(r"\.shape(\[.*\])?$|^len\(|\.size$")
_MOST_STEPS = 8
_MOST_SHAPES = 6
_MOST_UNUSED = 3


def across_calls(place: Place) -> Found:
    """An operation inside the brackets of a call that belongs outside of them, or the other way round."""
    node, before = place.site.node, place.text(place.site.node)
    if isinstance(node, ast.Call) and node.args and _word(node) in _LINEAR:
        last = node.args[-1]
        if isinstance(last, ast.BinOp) and type(last.op) in SIGNS:
            sign, inner, outer = SIGNS[type(last.op)], place.text(last.left), place.operand(last.right)
            new = f"{_with_last(place, node, inner)} {sign} {outer}"
            right = place.text(last.right)
            makes, mends = f"`{right}` is outside the {_word(node)}", f"`{right}` is inside the brackets: `{before}`"
            yield place.change("across", 2, new, makes, mends)
    if isinstance(node, ast.BinOp) and type(node.op) in SIGNS and isinstance(node.left, ast.Call) and node.left.args:
        call, sign = node.left, SIGNS[type(node.op)]
        if _word(call) in _LINEAR and not call.keywords:
            inner = f"{place.operand(call.args[-1])} {sign} {place.operand(node.right)}"
            right = place.text(node.right)
            makes, mends = f"`{right}` is inside the {_word(call)}", f"`{right}` is outside the brackets: `{before}`"
            yield place.change("across", 3, _with_last(place, call, inner), makes, mends, operation=False)


def scaled(place: Place) -> Found:
    """A factor more within the brackets of a function."""
    node = place.site.node
    if isinstance(place.site.parent, ast.Call) and place.site.role == "args" and _word(place.site.parent) in _CURVED:
        minus = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
        inner = node.operand if isinstance(node, ast.UnaryOp) and minus else node
        for factor in ("2", "0.5"):
            words, new = f"a factor `{factor}` is missing at `{place.text(node)}`", f"{factor} * {place.operand(inner)}"
            yield place.change("scaled", 3, f"-{new}" if minus else new, "", words, operation=False)


def deeper(place: Place) -> Found:
    """What is added or multiplied at last moved into the brackets that end before it, as in `a - b / c + d`."""
    node = place.site.node
    if not isinstance(node, ast.BinOp) or type(node.op) not in SIGNS:
        return
    sign, last = SIGNS[type(node.op)], place.operand(node.right)
    spine: list[tuple[str, str]] = []
    one = node.left
    while isinstance(one, ast.BinOp) and type(one.op) in SIGNS:
        spine.append((place.operand(one.left), SIGNS[type(one.op)]))
        one = one.right
        if len(spine) > 1:
            text = f"({place.text(one)} {sign} {last})"
            for left, between in reversed(spine):
                text = f"{left} {between} {text}"
            words = f"`{place.text(node.right)}` belongs in brackets with `{place.text(one)}`"
            yield place.change("across", 2, text, "", words)


def shares(place: Place) -> Found:
    """The share `1 - a` of what is added to `a * x`, or the share `a` of what is added to `(1 - a) * x`."""
    node = place.site.node
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
        return
    for old, new, keeps_order in ((node.left, node.right, True), (node.right, node.left, False)):
        if isinstance(old, ast.BinOp) and isinstance(old.op, ast.Mult):
            for share in (old.left, old.right):
                text = place.text(share)
                if isinstance(share, ast.Name | ast.Subscript):
                    rest = f"(1 - {text})"
                elif isinstance(share, ast.BinOp) and isinstance(share.op, ast.Sub) and place.text(share.left) in "1.0":
                    rest = place.operand(share.right)
                else:
                    continue
                added = f"{rest} * {place.operand(new)}"
                both = (place.text(old), added) if keeps_order else (added, place.text(old))
                words = f"the share `{rest.strip('()')}` is missing at `{place.text(new)}`"
                yield place.change("share", 2, " + ".join(both), "", words)


def corrections(place: Place) -> Found:
    """The correction of a moment that starts at 0."""
    node = place.site.node
    if not isinstance(node, ast.Name) or place.site.role == "func":
        return
    counted = [name for name in (*place.scope.names,) if name == "t"]
    if "'t'" in place.scope.keys:
        counted.append("config['t']")
    betas = [name for name in place.scope.names if _BETA.match(name)]
    betas += [f"config[{key}]" for key in place.scope.keys if _BETA.match(key.strip("'"))]
    for beta in betas:
        for t in counted[:1]:
            divisor = f"1 - {beta} ** {t}"
            words = f"`{node.id}` is not divided by `{divisor}`"
            yield place.change("correction", 3, f"{node.id} / ({divisor})", "", words)


def turned(place: Place) -> Found:
    """All reversals of axes in one subscript left out."""
    node = place.site.node
    if isinstance(node, ast.Subscript) and place.text(node).count("::-1") > 1:
        words = f"the axes of `{place.text(node.value)}` are reversed"
        new = place.text(node).replace("::-1", ":")
        whole = place.text(node.value) if not new.removeprefix(place.text(node.value)).strip("[:, ]") else new
        yield place.change("turned", 1, whole, "", words, operation=False)


def keywords(place: Place) -> Found:
    """A keyword of a call left out; another axis and keepdims together."""
    node = place.site.node
    if not isinstance(node, ast.Call) or any(isinstance(one, ast.Starred) for one in node.args):
        return
    given = [place.text(one) for one in node.args]
    named = {one.arg: f"{one.arg}={place.text(one.value)}" for one in node.keywords if one.arg}
    if len(named) < len(node.keywords):
        return

    def called(texts: Iterable[str]) -> str:
        return f"{place.text(node.func)}({', '.join((*given, *texts))})"

    for name, text in named.items():
        if name not in ("axis", "keepdims"):
            words = f"`{text}` should not be there in `{place.text(node)}`"
            rest = [other for other in named.values() if other != text]
            yield place.change("keyword", 1, called(rest), "", words, operation=False)
    if _word(node) in REDUCTIONS and "keepdims" not in named and isinstance(place.site.parent, ast.BinOp):
        others = [text for name, text in named.items() if name != "axis"]
        for axis in ("axis=0", "axis=1", "axis=-1"):
            if axis != named.get("axis"):
                words = f"`{place.text(node)}` should go along {axis.removeprefix('axis=')}, with keepdims"
                yield place.change("axis", 0, called([*others, axis, "keepdims=True"]), "", words, operation=False)


def shuffled(place: Place) -> Found:
    """The numbers of rows in their order, where a random one belongs."""
    node = place.site.node
    if isinstance(node, ast.Call) and len(node.args) == 1 and place.text(node.func) in ("np.arange", "range"):
        words = f"`{place.text(node)}` is used where a random order belongs"
        new = f"np.random.permutation({place.text(node.args[0])})"
        yield place.change("shuffle", 0, new, "", words, operation=False)


def reshaped(place: Place) -> Found:
    """A transpose that was written as a reshape."""
    node = place.site.node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _word(node) == "reshape":
        shape = node.args[0].elts if len(node.args) == 1 and isinstance(node.args[0], ast.Tuple) else node.args
        if shape and place.text(shape[0]) == "1" and not node.keywords:
            new = f"{place.operand(node.func.value)}.reshape(len({place.text(node.func.value)}), -1)"
            words = f"the first axis is flattened too in `{place.text(node)}`"
            yield place.change("flattened", 1, new, "", words, operation=False)
        if len(shape) == 2 and not node.keywords:
            new = f"{place.operand(node.func.value)}.reshape({place.text(shape[1])}, {place.text(shape[0])}).T"
            words = f"`{place.text(node)}` is a reshape where a transpose belongs"
            yield place.change("transpose", 2, new, "", words, operation=False)


def shaped(place: Place) -> Found:
    """What is made given the shape of what the function reads."""
    node, statement, parent = place.site.node, place.site.statement, place.site.parent
    returned = isinstance(parent, ast.Tuple) and isinstance(statement, ast.Return)
    if isinstance(node, ast.BinOp | ast.Call) and (returned or isinstance(parent, ast.Assign | ast.Return)):
        for name in place.scope.names[:_MOST_SHAPES]:
            words = f"`{place.text(node)}` is not given the shape of `{name}`"
            new = f"{place.operand(node)}.reshape({name}.shape)"
            yield place.change("shaped", 3, new, "", words, operation=False)


def named(place: Place) -> Found:
    """A name in place of what a function or method gives."""
    node = place.site.node
    if isinstance(node, ast.Call) and isinstance(place.site.parent, ast.BinOp):
        for name in place.scope.names:
            words = f"`{place.text(node)}` is used where `{name}` belongs"
            yield place.change("name", 3, name, "", words, operation=False)


def bounds(place: Place) -> Found:
    """A bound of `clip` left out; the end of a range one more or less."""
    node, parent = place.site.node, place.site.parent
    if not isinstance(parent, ast.Call) or place.site.role != "args":
        return
    if _word(parent) == "clip" and isinstance(node, ast.Constant):
        words = f"the bound `{place.text(node)}` should not be there"
        yield place.change("bound", 1, "None", "", words, operation=False)
    if place.text(parent.func) == "range" and node is parent.args[min(1, len(parent.args) - 1)]:
        text, is_down = place.text(node), len(parent.args) == 3 and place.text(parent.args[2]).startswith("-")
        for one, other in (("+ 1", "- 1"), ("- 1", "+ 1")):
            words = f"the range ends one too {'early' if (one == '+ 1') != is_down else 'late'} with `{text}`"
            new = text.removesuffix(f" {other}") if text.endswith(f" {other}") else f"{text} {one}"
            yield place.change("bound", 1, new, "", words)


def whether(place: Place) -> Found:
    """Whether a factor is above 0 in place of it, its square, and a condition that is not divided by what it asks."""
    node, parent = place.site.node, place.site.parent
    text = place.text(node)
    if isinstance(node, ast.Name | ast.Subscript) and isinstance(parent, ast.BinOp):
        if isinstance(parent.op, ast.Mult):
            words = f"`{text}` is used where whether it is above 0 belongs"
            yield place.change("whether", 3, f"({text} > 0)", "", words, operation=False)
        if not isinstance(parent.op, ast.Pow):
            yield place.change("power", 2, f"{text} ** 2", "", f"`{text}` is not squared")
    if isinstance(node, ast.Compare) and isinstance(node.comparators[0], ast.Name | ast.Attribute | ast.Subscript):
        share = place.text(node.comparators[0])
        for divisor in (share, f"(1 - {share})"):
            words = f"the divisor `{divisor}` is missing at `{text}`"
            yield place.change("factor", 1, f"({text}) / {divisor}", "", words)


def arguments(place: Place) -> Found:
    """Two arguments exchanged that stand side by side, further on than the first two; a product for which 0 belongs."""
    node, parent = place.site.node, place.site.parent
    if isinstance(node, ast.Call) and not any(isinstance(one, ast.Starred) for one in node.args):
        for k in range(1, len(node.args) - 1):
            one, two = node.args[k : k + 2]
            (start, _), (_, end) = place.source.span(one), place.source.span(two)
            edit = (start, end, f"{place.text(two)}, {place.text(one)}")
            words = f"`{place.text(one)}` and `{place.text(two)}` are exchanged"
            yield Change("exchanged", 1, one.lineno, (edit,), "", words)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and isinstance(parent, ast.Call):
        words = f"`{place.text(node)}` is used where `0` belongs"
        yield place.change("number", 2, "0", "", words, operation=False)


def shifted(place: Place) -> Found:
    """What is returned, doubled less 1: the hyperbolic tangent of the sigmoid."""
    node = place.site.node
    if isinstance(place.site.parent, ast.Return) and not isinstance(node, ast.Tuple | ast.Constant):
        words = f"`{place.text(node)}` is not doubled and lessened by 1"
        yield place.change("shifted", 4, f"2 * {place.operand(node)} - 1", "", words)


def sizes(place: Place) -> Found:
    """The number of windows, which is one more than of steps; a count of values, which go along further axes."""
    node = place.site.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv) and isinstance(node.left, ast.BinOp):
        words = f"`+ 1` is missing at `{place.text(node)}`"
        yield place.change("bound", 0, f"{place.text(node)} + 1", "", words)
    if isinstance(node, ast.Name) and node.id == "N" and {"H", "W"}.issubset(place.scope.names):
        yield place.change("count", 3, "N * H * W", "", "`N` is used where `N * H * W` belongs")


def of_blocks(source: Source, function: Function) -> Iterator[Change]:
    """Steps of windows that are left out; entries that are read, changed and never kept; what is never used."""
    unused = _unused(source, function)
    yield from of_functions(source, function)
    yield from of_likes(source, function)
    yield from _attributes(source, function)
    yield from _branches(source, function)
    yield from _given_as_numbers(source, function, unused)
    for statement, _ in statements(function):
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.Return) and statement.value is not None:
            yield from _used(source, function, statement, unused)
            yield from _ends(source, statement)
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            yield from _thrown_away(source, statement, statement.value)
        if isinstance(statement, ast.Assign | ast.AugAssign):
            yield from _steps(source, function, statement)
            yield from _kept(source, function, statement)


def _given_as_numbers(source: Source, function: Function, unused: Mapping[str, int]) -> Iterator[Change]:
    """What is never used in the place of a number, wherever a statement reads that."""
    places: dict[str, list[ast.Constant]] = {}
    read = [one.value for one, _ in statements(function) if isinstance(one, ast.Assign | ast.AugAssign | ast.Return)]
    for node in (node for value in read if unused and value is not None for node in ast.walk(value)):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            places.setdefault(source.of(node), []).append(node)
    for number, nodes in places.items():
        for name, rank in unused.items():
            edits = tuple((*source.span(node), name) for node in nodes)
            yield Change("unused", rank, nodes[0].lineno, edits, "", f"`{number}` is used where `{name}` belongs")


def _thrown_away(source: Source, statement: ast.Expr, call: ast.Call) -> Iterator[Change]:
    """What a method returns of a name, which is not put back into it."""
    if isinstance(call.func, ast.Attribute) and call.args and isinstance(call.args[0], ast.Name):
        text, name = source.of(call), call.args[0].id
        words = f"what `{text}` returns is not used"
        yield Change("kept", 1, statement.lineno, ((*source.span(statement), f"{name} = {text}"),), "", words)


def _ends(source: Source, statement: ast.stmt) -> Iterator[Change]:
    """All ends of slices that are counted from the end and may be 0, in one statement."""
    ends = [node.upper for node in ast.walk(statement) if isinstance(node, ast.Slice) and node.upper is not None]
    counted = [one for one in ends if isinstance(one, ast.UnaryOp) and isinstance(one.op, ast.USub)]
    if len(counted) > 1:
        edits = tuple((*source.span(one), f"{source.of(one)} or None") for one in counted)
        words = f"`{source.of(counted[0])}` as the end of a slice gives nothing when it is 0"
        yield Change("slice", 0, statement.lineno, edits, "", words)


def _steps(source: Source, function: Function, statement: ast.Assign | ast.AugAssign) -> Iterator[Change]:
    """Variables of loops in the slices of a statement, or alone in it, multiplied by a name: of each axis, of all."""
    counted = set(_counted(function))
    places: dict[str, list[tuple[int, int]]] = {}
    value = statement.value
    alone = [one for one in (value.elts if isinstance(value, ast.Tuple) else [value]) if isinstance(one, ast.Name)]
    for piece in (*alone, *(node for node in ast.walk(statement) if isinstance(node, ast.Slice))):
        for node in ast.walk(piece):
            if isinstance(node, ast.Name) and node.id in counted:
                places.setdefault(node.id, []).append(source.span(node))
    stored = [node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    likely = [name for name in dict.fromkeys(stored) if name.lower().startswith("s")][:_MOST_STEPS]
    for name in likely if places else ():
        edits = tuple((*span, f"{one} * {name}") for one, spans in places.items() for span in spans)
        words = f"the factor `{name}` is missing at {' and '.join(f'`{one}`' for one in places)}"
        yield Change("step", 1, statement.lineno, edits, "", words)
    products = [one for one in ast.walk(value) if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Mult)]
    others = [one.right for one in products if source.of(one.left) in counted and isinstance(one.right, ast.Name)]
    texts = dict.fromkeys(f"`{source.of(one)}`" for one in others)
    for name in likely if others else ():
        edits = tuple((*source.span(one), name) for one in others if source.of(one) != name)
        words = f"{' and '.join(texts)} {'are' if len(texts) > 1 else 'is'} used where `{name}` belongs"
        if edits:
            yield Change("step", 1, statement.lineno, edits, "", words)


def _branches(source: Source, function: Function) -> Iterator[Change]:
    """What is added, taken off, multiplied or divided by at last where another statement makes the same name."""
    made: dict[str, list[ast.Assign]] = {}
    for statement, _ in statements(function):
        if isinstance(statement, ast.Assign):
            made.setdefault(source.of(statement.targets[0]), []).append(statement)
    for same in made.values():
        ended = {id(one): one.value for one in same if isinstance(one.value, ast.BinOp) and type(one.value.op) in SIGNS}
        for one in same if len(same) > 1 else ():
            if (own := ended.get(id(one))) and isinstance(own.op, ast.Add) and not isinstance(own.right, ast.Constant):
                words, new = f"a factor `2` is missing at `{source.of(own.right)}`", f"2 * {source.of(own.right)}"
                yield Change("branch", 2, one.lineno, ((*source.span(own.right), new),), "", words)
            for sign, last in sorted({(SIGNS[type(end.op)], source.operand(end.right)) for end in ended.values()}):
                text = source.of(one.value)
                if (own is None or last != source.operand(own.right)) and not isinstance(
                    one.value, ast.Constant | ast.Tuple
                ):
                    new = f"{text if sign in '+-' else source.operand(one.value)} {sign} {last}"
                    words = f"`{sign} {last}` is missing at `{text}`"
                    yield Change("branch", 2, one.lineno, ((*source.span(one.value), new),), "", words)


def _attributes(source: Source, function: Function) -> Iterator[Change]:
    """Another attribute of the same object, as `module.params` for `module.gradient`."""
    read = [node for node in ast.walk(function) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)]
    owned: dict[str, list[ast.Attribute]] = {}
    for node in read:
        if isinstance(node.value, ast.Name) and node.value.id not in ("np", "numpy", "self"):
            owned.setdefault(node.value.id, []).append(node)
    for nodes in owned.values():
        texts = dict.fromkeys(source.of(node) for node in nodes)
        for node in nodes:
            for other in (text for text in texts if text != source.of(node)):
                words = f"`{source.of(node)}` is used where `{other}` belongs"
                yield Change("name", 3, node.lineno, ((*source.span(node), other),), "", words)


def _unused(source: Source, function: Function) -> dict[str, int]:
    """Arguments and variables that the function never reads, and entries that its class's other methods alone read.

    Each has the rank of its changes: sizes are often unpacked and not needed, so anything else is likelier.
    """
    names = [one.arg for one in function.args.args if one.arg != "self"]
    nodes = list(ast.walk(function))
    names += [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    handed_on = {id(node) for one in nodes if _hands_on(one) for node in ast.walk(one)}
    read = {
        node.id
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in handed_on
    }
    owner = next((c for c in source.tree.body if isinstance(c, ast.ClassDef) and function in c.body), function)
    entries = dict.fromkeys(_entries(source, owner))
    unused = [name for name in dict.fromkeys(names) if name not in read and name != "_"]
    sizes = {
        target.id
        for one in nodes
        if isinstance(one, ast.Assign) and _SIZE.search(source.of(one.value))
        for target in ast.walk(one.targets[0])
        if isinstance(target, ast.Name)
    }
    others = [one for one in entries if one not in set(_entries(source, function))]
    ranks = {name: 4 if name in sizes else 2 for name in unused}
    return dict(sorted(ranks.items(), key=lambda one: one[1])[:_MOST_UNUSED]) | dict.fromkeys(others[:_MOST_UNUSED], 2)


def _hands_on(node: ast.AST) -> bool:
    """Whether a statement only hands names on: a tuple that is returned or kept as the cache."""
    if isinstance(node, ast.Return):
        return isinstance(node.value, ast.Tuple)
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple) and isinstance(node.targets[0], ast.Name)


def _entries(source: Source, within: ast.AST) -> Iterator[str]:
    """The entries of attributes by a name of their own, as `self.params['b']`."""
    for node in ast.walk(within):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and is_own(node.value):
            yield source.of(node).replace('"', "'")


def _used(
    source: Source, function: Function, statement: ast.Assign | ast.AugAssign | ast.Return, unused: Mapping[str, int]
) -> Iterator[Change]:
    """A term or factor more: what is never used, as it is and for each round of a loop."""
    assert statement.value is not None
    if isinstance(statement.value, ast.Tuple | ast.Constant):
        return
    text, span = source.of(statement.value), source.span(statement.value)
    given = {one.arg for one in function.args.args}
    shapes = {
        id(node.value) for node in ast.walk(statement) if isinstance(node, ast.Attribute) and node.attr == "shape"
    }
    for node in ast.walk(statement.value) if unused else ():
        if isinstance(node, ast.Name) and node.id in given and id(node) not in shapes and node is not statement.value:
            for name, rank in unused.items():
                edit = (*source.span(node), f"({node.id} * {name})")
                yield Change("unused", rank, statement.lineno, (edit,), "", f"`{name}` is not used")
    inner = [one.args[0] for one in ast.walk(statement.value) if isinstance(one, ast.Call) and len(one.args) == 1]
    for one in (one for one in inner if isinstance(one, ast.BinOp | ast.Call)):
        for name, rank in unused.items():
            edit = (*source.span(one), f"{source.of(one)} + {name}")
            yield Change("unused", rank, statement.lineno, (edit,), "", f"`{name}` is not used")
    rounds = [f"[{name}]" for name in _counted(function)]
    for name, rank in unused.items():
        for new in (f"{text} + {name}", f"({text}) * {name}", *(f"{text} + {name}{one}" for one in rounds)):
            yield Change("unused", rank, statement.lineno, ((*span, new),), "", f"`{name}` is not used")


def _counted(function: Function) -> list[str]:
    """The variables of the function's loops."""
    loops = [node.target for node in ast.walk(function) if isinstance(node, ast.For)]
    found = [one for target in loops for one in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [one.id for one in found if isinstance(one, ast.Name)]


def _kept(source: Source, function: Function, statement: ast.stmt) -> Iterator[Change]:
    """What is made of an entry, or of a name without it, and never put back where it is read again."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return
    name, read = statement.targets[0].id, dict[str, None]()
    same = [
        one.value
        for one, _ in statements(function)
        if isinstance(one, ast.Assign) and source.of(one.targets[0]) == name and one.lineno <= statement.lineno
    ]
    for node in (inner for value in same for inner in ast.walk(value)):
        if isinstance(node, ast.Subscript) and isinstance(
            node.slice, ast.Constant | ast.Name | ast.BinOp | ast.JoinedStr
        ):
            read[source.of(node)] = None
        if isinstance(node, ast.Call) and _word(node) == "get" and isinstance(node.func, ast.Attribute) and node.args:
            read[f"{source.of(node.func.value)}[{source.of(node.args[0])}]"] = None
    written = {
        source.of(node)
        for node in ast.walk(function)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
    }
    end = source.span(statement)[1]
    for entry in (one for one in read if one not in written and ".shape[" not in one):
        new = f"\n{' ' * statement.col_offset}{entry} = {name}"
        yield Change("kept", 2, statement.lineno, ((end, end, new),), "", f"`{name}` is not kept as `{entry}`")


def _word(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _with_last(place: Place, call: ast.Call, last: str) -> str:
    """The text of a call with another last argument."""
    given = [place.text(one) for one in call.args[:-1]] + [last]
    given += [f"{k.arg}={place.text(k.value)}" for k in call.keywords if k.arg]
    return f"{place.text(call.func)}({', '.join(given)})"


OF_SOURCES = (
    across_calls, scaled, deeper, shares, corrections, turned, keywords, shuffled, reshaped, shaped, named, bounds,
    whether, arguments, shifted, *OF_LIKES, sizes,
)  # fmt: skip
