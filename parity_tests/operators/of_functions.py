"""Changes that mend students' functions by what else stands in them: a twin, a neighbour, an entry, another place."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from parity_tests.operators.change import Change, Edit
from parity_tests.operators.expressions import SIGNS
from parity_tests.operators.scope import is_own
from parity_tests.operators.source import Function, Source, statements

LONGEST = 20_000
"""Bytes of a function that is looked at as a whole."""
_MOST = 64
"""So many of its names, and of those in one statement, are held against each other."""
_FEW = 8
"""So many shares or numbers are put in the place of others."""
_SIMPLE = (ast.Assign, ast.AugAssign, ast.Return, ast.Expr)
_NAMED = (ast.Name, ast.Subscript, ast.Attribute)
_STATISTICS = ("mean", "var", "std")
_DIGIT = re.compile(r"\d")


def of_functions(source: Source, function: Function) -> Iterator[Change]:
    """All of them."""
    start, end = source.span(function)
    if end - start > LONGEST:
        return
    names = _stored(function)
    for mends in _ALL:
        yield from mends(source, function)
    yield from _whole_and_rest(source, function, ast.FloorDiv)
    for statement, _ in statements(function):
        if isinstance(statement, _SIMPLE) and statement.value is not None:
            yield from _exchanged(source, statement)
            yield from _neighbours(source, statement)
            yield from _cut_off(source, names, statement)
            yield from _statistics(source, names, statement)


def _read(within: ast.AST) -> list[ast.Name]:
    return [node for node in ast.walk(within) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]


def _stored(function: Function) -> dict[str, None]:
    """The names of a function, as they come."""
    given = [one.arg for one in function.args.args if one.arg != "self"]
    names = [node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return dict.fromkeys(list(dict.fromkeys((*given, *names)))[:_MOST])


def _assigned(function: Function) -> Iterator[tuple[str, ast.expr]]:
    """The names that are assigned to, each with what it becomes."""
    for one, _ in statements(function):
        if isinstance(one, ast.Assign):
            target, value = one.targets[0], one.value
            pairs = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=False))
            yield from ((name.id, made) for name, made in pairs if isinstance(name, ast.Name))


def _one_letter_apart(one: str, other: str) -> bool:
    return len(one) == len(other) > 1 and sum(a != b for a, b in zip(one, other, strict=True)) == 1


def _lookalikes(source: Source, function: Function) -> Iterator[Change]:
    """A name for another that differs in one letter, as `h1` for `d1`."""
    names = _stored(function)
    for node in _read(function):
        for other in (name for name in names if _one_letter_apart(name, node.id)):
            words = f"`{node.id}` is used where `{other}` belongs"
            yield Change("lookalike", 2, node.lineno, ((*source.span(node), other),), "", words)


def _entries(source: Source, function: Function) -> Iterator[Change]:
    """An entry that is written, for the name of what it held before."""
    written = {
        source.of(node): node.lineno
        for node in ast.walk(function)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and not isinstance(node.slice, ast.Tuple)
    }
    held = {name: source.of(value) for name, value in _assigned(function) if source.of(value) in written}
    for node in _read(function):
        entry = held.get(node.id)
        if entry is not None and node.lineno > written[entry]:
            words = f"`{node.id}` is what `{entry}` was before"
            yield Change("entry", 0, node.lineno, ((*source.span(node), entry),), "", words)


def _made_of(source: Source, function: Function) -> Iterator[Change]:
    """A name for the one thing that it was made of, as in `kept = self.mask > 0`."""
    made: dict[str, str] = {}
    for target, value in _assigned(function):
        read = [node for node in ast.walk(value) if is_own(node)] or _read(value)
        if len(read) == 1 and isinstance(value, ast.Compare | ast.BinOp | ast.UnaryOp):
            made[target] = ast.unparse(read[0])
    for node in _read(function):
        if node.id in made:
            words = f"`{node.id}` is used where `{made[node.id]}` belongs"
            yield Change("name", 1, node.lineno, ((*source.span(node), made[node.id]),), "", words)


def _elsewhere(source: Source, function: Function) -> Iterator[Change]:
    """What stands alone, where elsewhere in the function something is added to it or multiplied with it."""
    made = [node for node in ast.walk(function) if isinstance(node, ast.BinOp) and type(node.op) in SIGNS]
    around = {id(one): source.of(node) for node in made for one in (node.left, node.right)}
    whole: dict[str, str] = {}
    for sum_ in made:
        for one in (sum_.left, sum_.right):
            if not isinstance(one, ast.Name | ast.Constant):
                whole.setdefault(source.of(one), source.of(sum_))
    for node in (one for one in ast.walk(function) if isinstance(one, ast.Subscript | ast.Call | ast.BinOp)):
        text = whole.get(source.of(node), "")
        if text and around.get(id(node)) != text:
            words = f"`{source.of(node)}` is used where `{text}` belongs"
            yield Change("elsewhere", 2, node.lineno, ((*source.span(node), f"({text})"),), "", words)


def _numbered(source: Source, function: Function) -> Iterator[Change]:
    """A statement that stands there for 2 and 3, once more for 1."""
    numbers = {name[-1] for name in _stored(function) if name[-1].isdigit()}
    for block in {id(block): block for _, block in statements(function)}.values():
        for one, two in pairwise(block):
            first, second = source.of_lines(one), source.of_lines(two)
            if isinstance(one, ast.AugAssign) and first != second and _DIGIT.sub("", first) == _DIGIT.sub("", second):
                there = {*_DIGIT.findall(first), *_DIGIT.findall(second)}
                for number in sorted(numbers - there if len(there) == 2 else ()):
                    new, start = _DIGIT.sub(number, first), source.span(one)[0]
                    edit = (start, start, f"{new}\n{' ' * one.col_offset}")
                    yield Change("numbered", 1, one.lineno, (edit,), "", f"`{new}` is missing")


def _placed(source: Source, function: Function) -> Iterator[Change]:
    """A return within a loop that belongs after it; what belongs in a loop and stands before; a count that is late."""
    for holder in ast.walk(function):
        for block in (getattr(holder, "body", None), getattr(holder, "orelse", None)):
            if not isinstance(block, list):
                continue
            last = block[-1] if block else None
            if isinstance(holder, ast.For) and len(block) > 1 and isinstance(last, ast.Return):
                edit = (source.span(block[-2])[1], source.span(last)[1], _line(source.of_lines(last), holder))
                words = f"`{source.of(last)}` is within the loop and belongs after it"
                yield Change("moved", 0, last.lineno, (edit,), "", words)
            for one, two in pairwise(block):
                if isinstance(two, ast.For) and isinstance(one, ast.Assign) and "random" in source.of(one):
                    start, text = source.span(two.body[0])[0], source.of_lines(one)
                    gone = (source.span(one)[0], source.span(two)[0], "")
                    edits = (gone, (start, start, f"{text}\n{' ' * two.body[0].col_offset}"))
                    words = f"`{source.of(one)}` is done once, and belongs in the loop"
                    yield Change("moved", 0, one.lineno, edits, "", words)
            for k, one in enumerate(block):
                if isinstance(one, ast.AugAssign) and isinstance(one.value, ast.Constant):
                    for earlier in reversed(block[max(0, k - 4) : k - 1]):
                        start, end = source.span(earlier)[0], source.span(block[k - 1])[1]
                        text = source.of_lines(one)
                        edits = (
                            (start, start, f"{text}\n{' ' * one.col_offset}"),
                            (end, source.span(one)[1], ""),
                        )
                        words = f"`{text}` comes after `{source.of(earlier)[:60]}`"
                        yield Change("moved", 2, one.lineno, edits, "", words)


def _line(text: str, beside: ast.stmt) -> str:
    return f"\n{' ' * beside.col_offset}{text}"


def _never_called(source: Source, function: Function) -> Iterator[Change]:
    """The backward of what has a forward, where it is never called."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    called = {source.of(one.func) for one in calls}
    backward = [one for one in calls if one.args and source.of(one.func).endswith(".backward")]
    for one in calls:
        name = source.of(one.func).removesuffix(".forward") + ".backward"
        if source.of(one.func).endswith(".forward") and one.args and name not in called:
            called.add(name)
            for other in backward:
                last = other.args[-1]
                new = f"{name}({source.of(one.args[0])}, {source.of(last)})"
                yield Change(
                    "never called", 0, last.lineno, ((*source.span(last), new),), "", f"`{name}` is never called"
                )


def _twice(source: Source, function: Function) -> Iterator[Change]:
    """What a name was made of, once more where the name belongs; a statement that adds something, left out."""
    made = [
        one
        for one, _ in statements(function)
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name) and isinstance(one.value, ast.BinOp)
    ]
    for one, _ in statements(function):
        if isinstance(one, ast.AugAssign):
            words = f"`{source.of(one)[:80]}` should not be there"
            yield Change("statement", 2, one.lineno, ((*source.span(one), "pass"),), "", words)
        for made_by in made if isinstance(one, _SIMPLE) else ():
            start, end = source.span(made_by.value)
            at = source.bytes.find(source.bytes[start:end], *source.span(one))
            if at > end:
                name = source.of(made_by.targets[0])
                words = f"`{source.of(made_by.value)}` is used where `{name}` belongs"
                yield Change("twice", 1, one.lineno, ((at, at + end - start, name),), "", words)


def _given(source: Source, function: Function) -> Iterator[Change]:
    """True for False where a call is told so, and the other way round; a number without the function around it."""
    for one in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
        for given in (*one.args, *(keyword.value for keyword in one.keywords)):
            if isinstance(given, ast.Constant) and isinstance(given.value, bool):
                words = f"`{given.value}` is used where `{not given.value}` belongs, in `{source.of(one)}`"
                yield Change("number", 0, given.lineno, ((*source.span(given), str(not given.value)),), "", words)
            elif isinstance(given, ast.Constant) and isinstance(given.value, float) and len(one.args) == 1:
                words = f"`{source.of(one.func)}` should not be there around `{source.of(given)}`"
                yield Change("wrapped", 0, one.lineno, ((*source.span(one), source.of(given)),), "", words)


def _centred(source: Source, function: Function) -> Iterator[Change]:
    """A gradient without the part that goes through a mean, which takes its own mean off."""
    if not any(isinstance(node, ast.Name) and node.id in ("var", "std") for node in ast.walk(function)):
        return
    for one, _ in statements(function):
        name = source.of(one.targets[0]) if isinstance(one, ast.Assign) else ""
        if name == "dx" and isinstance(one, ast.Assign) and isinstance(one.value, ast.BinOp):
            end = source.span(one)[1]
            for along in ("axis=0", "axis=1, keepdims=True"):
                new = _line(f"dx = dx - dx.mean({along})", one)
                words = "the gradient through the mean is missing: `dx` has a mean that is not 0"
                yield Change("centred", 1, one.lineno, ((end, end, new),), "", words)


def _rows_of_pixels(source: Source, function: Function) -> Iterator[Change]:
    """Images reshaped to rows of channels and back without the transposes that belong there."""
    counts = next(
        (
            [source.of(one) for one in statement.targets[0].elts]
            for statement, _ in statements(function)
            if isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Tuple)
            and source.of(statement.value).endswith(".shape")
            and len(statement.targets[0].elts) == 4
        ),
        [],
    )
    edits = list[Edit]()
    first: ast.Call | None = None
    for node in (one for one in ast.walk(function) if isinstance(one, ast.Call) and counts):
        text, given = source.of(node.func), [source.of(one) for one in node.args]
        if not isinstance(node.func, ast.Attribute) or node.func.attr != "reshape" or "transpose" in text:
            continue
        n, c, h, w = counts
        if given == counts:
            edits.append((*source.span(node), f"{text}({n}, {h}, {w}, {c}).transpose(0, 3, 1, 2)"))
        elif len(given) == 2 and given[1] == c:
            owner = source.of(node.func.value)
            edits.append((*source.span(node), f"{owner}.transpose(0, 2, 3, 1).reshape({given[0]}, {c})"))
            first = first or node
    if first is not None:
        words = f"the channels are not the last axis of what `{source.of(first)}` makes rows of"
        yield Change("transpose", 1, first.lineno, tuple(edits), "", words)


def _divided(source: Source, function: Function) -> Iterator[Change]:
    """A share of a count, as `C // G`, that is missing in a product of counts."""
    shares = dict.fromkeys(
        source.of(node)
        for node in ast.walk(function)
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.FloorDiv)
        and not isinstance(node.right, ast.Constant)
    )
    for one, _ in statements(function):
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.BinOp | ast.Name) and shares:
            names = [node for node in ast.walk(one.value) if isinstance(node, ast.expr)]
            if all(isinstance(node, ast.Name | ast.BinOp) for node in names):
                for share in (share for share in list(shares)[:_FEW] if share not in source.of(one.value)):
                    words = f"the factor `{share}` is missing at `{source.of(one.value)}`"
                    new = f"{share} * {source.of(one.value)}"
                    yield Change("factor", 1, one.lineno, ((*source.span(one.value), new),), "", words)


def _exchanged(source: Source, statement: ast.stmt) -> Iterator[Change]:
    """Two names of one letter's difference exchanged throughout a statement; a share and what is left of 1."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for node in _read(statement):
        spans.setdefault(node.id, []).append(source.span(node))
    for one in spans if len(spans) <= _MOST else ():
        for other in (name for name in spans if one < name and _one_letter_apart(one, name)):
            yield _throughout(statement.lineno, {one: (spans[one], other), other: (spans[other], one)})
    yield from _whole_and_rest(source, statement, ast.Sub)


def _whole_and_rest(source: Source, within: ast.AST, kind: type[ast.operator]) -> Iterator[Change]:
    """A name and what is made of it exchanged: `a` and `1 - a` in a statement, `G` and `C // G` in a function."""
    rest: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for node in ast.walk(within):
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, kind)
            and isinstance(node.right, _NAMED)
            and (kind is not ast.Sub or source.of(node.left) in ("1", "1.0"))
        ):
            rest.setdefault((source.of(node.right), source.of(node)), []).append(source.span(node))
    for (name, other), wholes in list(rest.items())[:_FEW]:
        alone = [
            (*source.span(node), node.lineno)
            for node in ast.walk(within)
            if isinstance(node, _NAMED)
            and source.of(node) == name
            and isinstance(node.ctx, ast.Load)
            and not any(start <= source.span(node)[0] < end for start, end in wholes)
        ]
        if alone:
            text = f"({other})" if kind is ast.Sub else other
            yield _throughout(alone[0][2], {name: ([one[:2] for one in alone], text), other: (wholes, name)})


def _throughout(line: int, places: dict[str, tuple[list[tuple[int, int]], str]]) -> Change:
    edits: list[Edit] = [(*span, new) for spans, new in places.values() for span in spans]
    one, two = places
    return Change("exchanged", 1, line, tuple(edits), "", f"`{one}` and `{two}` are exchanged")


def _neighbours(source: Source, statement: ast.stmt) -> Iterator[Change]:
    """What is done with one of several values and not with the one beside it, as in `i * stride, j`."""
    for node in (one for one in ast.walk(statement) if isinstance(one, ast.Tuple)):
        ends = {
            f"{SIGNS[type(one.op)]} {source.operand(one.right)}"
            for one in node.elts
            if isinstance(one, ast.BinOp) and type(one.op) in SIGNS
        }
        for one in (value for value in node.elts if isinstance(value, ast.Name)):
            for end in sorted(ends):
                words = f"`{end}` is missing at `{one.id}`"
                yield Change("neighbour", 1, one.lineno, ((*source.span(one), f"{one.id} {end}"),), "", words)


def _cut_off(source: Source, names: Iterable[str], statement: ast.stmt) -> Iterator[Change]:
    """A number by which several slices of a statement begin and end, for a name."""
    ends: list[tuple[ast.expr, str]] = []
    for node in (one for one in ast.walk(statement) if isinstance(one, ast.Slice)):
        for end in (node.lower, node.upper):
            if isinstance(end, ast.Constant):
                ends.append((end, "{}"))
            elif isinstance(end, ast.UnaryOp) and isinstance(end.operand, ast.Constant):
                ends.append((end, "-{} or None"))
    for number, many in Counter(source.of(one).lstrip("-") for one, _ in ends).most_common(_FEW):
        for name in names if many > 1 and number != "0" else ():
            edits = tuple(
                (*source.span(one), form.format(name)) for one, form in ends if source.of(one).lstrip("-") == number
            )
            words = f"`{number}` is used wherever `{name}` belongs"
            yield Change("slice", 2, statement.lineno, edits, "", words)


def _statistics(source: Source, names: Iterable[str], statement: ast.stmt) -> Iterator[Change]:
    """The means and variances of what is at hand, for those that were kept."""
    edits, texts = list[Edit](), list[str]()
    for node in (one for one in ast.walk(statement) if isinstance(one, ast.Call)):
        word = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        kept = [name for name in names if word in _STATISTICS and name.endswith(f"_{word}")]
        if kept:
            edits.append((*source.span(node), kept[0]))
            texts += [f"`{source.of(node)}` where `{kept[0]}` belongs"]
    if edits:
        yield Change("kept", 1, statement.lineno, tuple(edits), "", f"{' and '.join(texts)}")


_ALL = (
    _given, _lookalikes, _entries, _made_of, _elsewhere, _numbered, _placed, _never_called, _twice, _divided, _centred,
    _rows_of_pixels,
)  # fmt: skip
