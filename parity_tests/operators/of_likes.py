"""Changes that mend a function by its likes: a statement as one beside it, another function, word, index or mode."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from functools import lru_cache

from parity_tests.operators.change import Change
from parity_tests.operators.expressions import Found, Place
from parity_tests.operators.source import Function, Source, statements

ACTIVATIONS = {
    "np.tanh": "np.tanh({})",
    "sigmoid": "sigmoid({})",
    "relu": "relu({})",
    "np.maximum": "np.maximum(0, {})",
}
MODES = {"edge": "by what stands at its border", "reflect": "by its reflection", "wrap": "by its other end"}
_TOKEN = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"(?<=[^\W\d])\d+\b")
_MOST = 40
"""Among so many statements, names or words at most likes are looked for."""


def callees(place: Place) -> Found:
    """Another function that the module imports, or calls with as many arguments."""
    call = place.site.parent
    if place.site.role != "func" or not isinstance(call, ast.Call):
        return
    text, many = place.text(place.site.node), len(call.args)
    called = _called(place.source)
    for other in [name for name, counts in called.items() if many in counts or not counts] if text in called else ():
        if other != text:
            mends = f"`{text}` is called where `{other}` belongs"
            yield place.change("callee", 2, other, f"`{other}` in place of `{text}`", mends, operation=False)


def activations(place: Place) -> Found:
    """Another activation: after that none is there, which behind a comparison may be alike."""
    node = place.site.node
    if isinstance(node, ast.Call) and node.args and place.text(node.func) in ACTIVATIONS:
        own = place.text(node.func)
        for other, form in ACTIVATIONS.items():
            if other != own and (other.startswith("np.") or other in _called(place.source)):
                words = f"`{own}` is used where `{other}` belongs"
                new = form.format(place.text(node.args[-1]))
                yield place.change("callee", 3, new, f"`{other}` in place of `{own}`", words, operation=False)


def options(place: Place) -> Found:
    """Another word for an option, and what an array is padded by."""
    node, parent = place.site.node, place.site.parent
    if isinstance(node, ast.Constant) and type(node.value) is str and place.site.role in ("args", "value"):
        padded = isinstance(parent, ast.Call) and place.text(parent.func) == "np.pad"
        for other in ["'constant'"] if padded else _words(place.source):
            if other[1:-1] != node.value and (padded or isinstance(parent, ast.Call | ast.keyword)):
                words = f"`{place.text(node)}` is used where `{other}` belongs"
                yield place.change(
                    "option", 2, other, f"{other} in place of {place.text(node)}", words, operation=False
                )
    if isinstance(node, ast.Call) and place.text(node.func) == "np.pad" and len(node.args) == 2 and not node.keywords:
        for mode, words in MODES.items():
            said = f"`{place.text(node.args[0])}` is padded {words}"
            new = f"{place.text(node)[:-1]}, mode='{mode}')"
            yield place.change("option", 1, new, said, "", operation=False)


def indices(place: Place) -> Found:
    """An index that others beside have, left out or missing; all along an axis in place of one, and otherwise."""
    node, function = place.site.node, _around(place)
    if isinstance(node, ast.Name) and function is not None and node.id in place.scope.names and _is_whole(place):
        for index in _indices(place.source, function):
            mends = f"`{node.id}` is not indexed as in `{index}`"
            yield place.change("index", 3, node.id + index, "", mends, operation=False)
    if not isinstance(node, ast.Subscript):
        return
    array = place.text(node.value)
    if isinstance(node.value, ast.Name) and _names_of(node.slice):
        yield place.change("index", 3, array, f"the index of `{array}` is left out", "", operation=False)
    entries = [place.text(one) for one in node.slice.elts] if isinstance(node.slice, ast.Tuple) else []
    counted = _counted(function) if function is not None and entries else []
    for k, entry in enumerate(entries):
        for other in [name for name in counted if name not in entries] if entry == ":" else [":"]:
            if entry in (":", *counted):
                new = f"{array}[{', '.join((*entries[:k], other, *entries[k + 1 :]))}]"
                words = f"`{entry}` is used where `{other}` belongs, in `{place.text(node)}`"
                makes = f"`{array}` is taken whole along the axis of `{entry}`" if other == ":" else ""
                yield place.change("index", 3, new, makes, words, operation=False)


def quotients(place: Place) -> Found:
    """A quotient that should be whole, or under a root; a power of a share; a sum for a product."""
    node, parent = place.site.node, place.site.parent
    text = place.text(node)
    if not isinstance(node, ast.BinOp):
        return
    if isinstance(node.op, ast.Div):
        words = f"`/` is used where `//` belongs, in `{text}`"
        yield place.change("operation", 3, place.joined(node.left, "//", node.right), "", words)
        if isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Mult):
            whole = f"({place.operand(node.left.right)} // {place.operand(node.right)})"
            yield place.change("operation", 3, f"{place.operand(node.left.left)} * {whole}", "", words)
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult):
            yield place.change("root", 3, f"np.sqrt({text})", "", f"the root of `{text}` is missing", operation=False)
    if isinstance(node.op, ast.Sub) and place.text(node.left) in ("1", "1.0") and "t" in place.scope.names:
        power = f"{place.text(node.left)} - {place.operand(node.right)} ** t"
        words = f"`{place.text(node.right)}` is not raised to the power `t`"
        yield place.change("power", 1, power, "", words)
    for one, other, mends in ((ast.Mult, "+", "added, not multiplied"), (ast.Add, "*", "multiplied, not added")):
        if isinstance(node.op, one):
            makes = f"`{place.text(node.left)}` and `{place.text(node.right)}` are {mends}"
            words = f"`{'*' if other == '+' else '+'}` is used where `{other}` belongs, in `{text}`"
            yield place.change("term", 3, place.joined(node.left, other, node.right), makes, words)


def of_likes(source: Source, function: Function) -> Iterator[Change]:
    """What is assigned as another is whose name differs in a number or a letter; an update beside another."""
    made = [one for one, _ in statements(function) if isinstance(one, ast.Assign | ast.AugAssign)][:_MOST]
    texts = [(source.of(one.targets[0] if isinstance(one, ast.Assign) else one.target), one) for one in made]
    known = set(_TOKEN.findall(source.of(function)))
    targets = {target for target, _ in texts}
    for target, statement in texts:
        for other, beside in texts:
            new = _renamed(source.of(beside.value), other, target, known)
            if type(beside) is type(statement) and new not in ("", source.of(statement.value)):
                edit = (*source.span(statement.value), new)
                yield Change("like", 2, statement.lineno, (edit,), "", f"`{target}` is not made as `{other}` is")
        if target in _TOKEN.findall(source.of(statement.value)) or isinstance(statement, ast.AugAssign):
            text, end = source.of_lines(statement), source.span(statement)[1]
            for name in sorted(one for one in known - targets if len(one) == len(target) and f"d{one}" in known):
                ways = {target: name, f"d{target}": f"d{name}"}
                new = _TOKEN.sub(lambda found, ways=ways: ways.get(found[0], found[0]), text)  # type: ignore[misc]
                edit = (end, end, f"\n{' ' * statement.col_offset}{new}")
                yield Change("like", 2, statement.lineno, (edit,), "", f"`{name}` is not changed as `{target}` is")


def _renamed(text: str, one: str, other: str, known: set[str]) -> str:
    """A text with names as of the other target, where both differ in one number or letter; "" where they do not."""
    numbers, others = _NUMBER.findall(one), _NUMBER.findall(other)
    if _NUMBER.sub("#", one) == _NUMBER.sub("#", other):
        steps = {int(b) - int(a) for a, b in zip(numbers, others, strict=True)}
        step = steps.pop() if len(steps) == 1 else 0
        text = _NUMBER.sub(lambda found: str(int(found[0]) + step), text) if step else ""
        text = re.sub(r"\bA0\b", "X", text)
        return text if known.issuperset(_TOKEN.findall(text)) else ""
    letters = [(a, b) for a, b in zip(one, other, strict=False) if a != b]
    has_gradients = known.issuperset((f"d{one}", f"d{other}"))  # one letter is like any other
    if len(one) != len(other) or len(letters) != 1 or (len(one) == 1 and not has_gradients):
        return ""
    (a, b), *_ = letters

    def as_other(found: re.Match[str]) -> str:
        ways = [found[0][:k] + b + found[0][k + 1 :] for k, letter in enumerate(found[0]) if letter == a]
        return next((way for way in ways if way in known), found[0])

    return _TOKEN.sub(as_other, text)


@lru_cache(8)
def _called(source: Source) -> dict[str, set[int]]:
    """The functions that a module calls by a bare name, with how many arguments, or imports by it and never calls."""
    found: dict[str, set[int]] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom):
            found |= {one.asname or one.name: set() for one in node.names if one.name.islower()}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not hasattr(builtins, node.func.id):
            found.setdefault(node.func.id, set()).add(len(node.args))
    return dict(list(found.items())[:_MOST])


@lru_cache(8)
def _words(source: Source) -> list[str]:
    """The words that a module compares with, or that are arguments, in quotes."""
    held = (node for node in ast.walk(source.tree) if isinstance(node, ast.Call | ast.Compare))
    ones = (one for node in held for one in (node.args if isinstance(node, ast.Call) else node.comparators))
    words = [one.value for one in ones if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return list(dict.fromkeys(repr(one) for one in words if one.isidentifier()))[:6]


def _around(place: Place) -> Function | None:
    return place.source.functions.get(place.source.around(place.site.statement.lineno))


def _is_whole(place: Place) -> bool:
    """Whether a name is neither called nor indexed, nor asked for an attribute that is no method of arrays."""
    parent = place.site.parent
    if isinstance(parent, ast.Subscript | ast.Attribute):
        return isinstance(parent, ast.Attribute) and parent.attr in ("reshape", "T", "sum", "mean", "dot")
    return place.site.role in ("value", "args", "left", "right")


def _names_of(node: ast.expr) -> list[str]:
    return [one.id for one in ast.walk(node) if isinstance(one, ast.Name)]


def _indices(source: Source, function: Function) -> list[str]:
    """The indices by names that arrays of a function have."""
    subscripts = [one for one in ast.walk(function) if isinstance(one, ast.Subscript) and _names_of(one.slice)]
    texts = [f"[{source.of(one.slice).removeprefix('(').removesuffix(')')}]" for one in subscripts]
    return list(dict.fromkeys(texts))[:4]


def _counted(function: Function) -> list[str]:
    """The variables of the function's loops."""
    loops = [node.target for node in ast.walk(function) if isinstance(node, ast.For)]
    return [one.id for target in loops for one in ast.walk(target) if isinstance(one, ast.Name)]


def others_arrays(place: Place) -> Found:
    """An array itself in place of its copy, or of zeros; or the other way round."""
    node, statement = place.site.node, place.site.statement
    if isinstance(node, ast.Name) and isinstance(statement, ast.Assign) and node is statement.value:
        target = place.text(statement.targets[0])
        yield place.change("copy", 1, f"{node.id}.copy()", "", f"`{target}` is `{node.id}` itself, not a copy")
        words = f"`{node.id}` is used where zeros belong"
        yield place.change("zeros", 4, f"np.zeros_like({node.id})", "", words, operation=False)
    if isinstance(node, ast.Call):
        function = place.text(node.func)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "copy" and not node.args:
            inner = place.text(node.func.value)
            yield place.change("copy", 1, inner, f"`{inner}` is not copied", "", operation=False)
        read = [one for one in ast.walk(node) if isinstance(one, ast.Name) and one.id in place.scope.names]
        for name in dict.fromkeys(one.id for one in read if function in ("np.zeros", "np.zeros_like")):
            yield place.change("zeros", 2, name, f"`{name}` in place of zeros", "", operation=False)


OF_LIKES = (callees, activations, options, indices, quotients, others_arrays)
