"""Changes of expressions: operations, operands, signs, numbers, names, calls, indices and brackets."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from parity_tests.operators.change import Change
from parity_tests.operators.scope import Scope, is_own
from parity_tests.operators.source import Site, Source

SIGNS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
}
OTHER_SIGNS = {"+": "-", "-": "+", "*": "/@", "/": "*", "@": "*", "//": "/", "**": "*"}
OTHER_PRODUCTS = (("*", "@"), ("@", "*"), ("**", "*"))
"""What stands for what where one kind of product is taken for another."""
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
OTHER_COMPARISONS: dict[str, tuple[str, ...]] = {
    "<": ("<=", ">", ">="),
    "<=": ("<", ">=", ">"),
    ">": (">=", "<", "<="),
    ">=": (">", "<=", "<"),
}
OTHER_COMPARISONS |= {"==": ("!=",), "!=": ("==",)}
FUNCTIONS = (
    ("sum", "mean"), ("max", "min"), ("argmax", "argmin"), ("maximum", "minimum"), ("var", "std"), ("zeros", "ones"),
    ("zeros_like", "ones_like"), ("rand", "randn"), ("exp", "log"), ("sqrt", "square"), ("floor", "ceil"),
    ("sinh", "cosh"), ("tanh", "sinh"), ("multiply", "dot"), ("cumsum", "cumprod"), ("sum", "prod"), ("sum", "max"),
    ("mean", "max"), ("empty", "zeros"), ("tile", "repeat"), ("hstack", "vstack"), ("ones", "zeros"),
)  # fmt: skip
OWN = ("array", "copy", "deepcopy", "empty_like", "zeros_like")
"""What makes an array of its own: without it two names are one array, which a later write into it changes for both."""
REDUCTIONS = frozenset(
    ("sum", "mean", "max", "min", "argmax", "argmin", "var", "std", "prod", "cumsum", "argsort", "sort", "any", "all")
)
_MODULES = ("np", "numpy", "math")
EPSILONS = ("eps", "epsilon", "1e-5", "1e-8")


@dataclass(frozen=True)
class Place:
    """A site with the source and the scope that it is in."""

    source: Source
    site: Site
    scope: Scope

    def change(
        self, operator: str, rank: int, new: str, makes: str, mends: str, *, operation: bool = True
    ) -> Change | None:
        """The change of the node into a text, None where that is what stands there. `operation` may need brackets."""
        start, end = self.source.span(self.site.node)
        text = self.source.bracketed(self.site, new) if operation else new
        if text == self.source.of(self.site.node):
            return None
        return Change(operator, rank, self.site.node.lineno, ((start, end, text),), makes, mends)

    def text(self, node: ast.expr) -> str:
        """The text of a node."""
        return self.source.of(node)

    def operand(self, node: ast.expr) -> str:
        """The text of a node as an operand."""
        return self.source.operand(node)

    def joined(self, left: ast.expr, sign: str, right: ast.expr) -> str:
        """An operation on two nodes, with the brackets that it needs."""
        binds = _BINDS[sign]
        first = self.text(left) if _binds(left) >= binds and sign != "**" else self.operand(left)
        return f"{first} {sign} {self.text(right) if _binds(right) > binds else self.operand(right)}"


_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "@": 2, "**": 3}


def _binds(node: ast.expr) -> int:
    """How tightly an operation of two operands binds; 0 for anything else, whose brackets `operand` sets."""
    return _BINDS.get(SIGNS.get(type(node.op), ""), 0) if isinstance(node, ast.BinOp) else 0


Found = Iterator[Change | None]
_WHOLE = {"2": "doubled", "0.5": "halved"}


def _of_operation(left: str, right: str, sign: str, other: str) -> str:
    """What is wrong where another operation stands."""
    if sign in "+-" and other in "+-":
        return f"`{right}` has the wrong sign"
    words = {"*": "multiplied by", "/": "divided by"}
    if sign in words and other in words:
        return f"`{left}` is {words[other]} `{right}`, not {words[sign][:-3]}"
    return f"{other} in place of {sign}"


def _of_factor(text: str, sign: str, factor: str) -> str:
    """What is wrong where a factor or divisor is too much."""
    done = _WHOLE.get(factor) or f"{'multiplied' if sign == '*' else 'divided'} by `{factor}` once too often"
    return f"`{text}` is {done}"


def operations(place: Place) -> Found:
    """Another operation, an operand left out, operands exchanged, brackets set otherwise."""
    node = place.site.node
    if not isinstance(node, ast.BinOp) or type(node.op) not in SIGNS:
        return
    sign = SIGNS[type(node.op)]
    left, right = place.operand(node.left), place.operand(node.right)
    l, r = place.text(node.left), place.text(node.right)  # noqa: E741
    for other in OTHER_SIGNS.get(sign, ""):
        makes, mends = _of_operation(l, r, sign, other), f"`{sign}` is used where `{other}` belongs"
        operator = "product" if (sign, other) in OTHER_PRODUCTS else "operation"
        yield place.change(operator, 2, place.joined(node.left, other, node.right), makes, mends)
    nouns = {"+": "the term", "-": "the term", "*": "the factor", "@": "the factor", "/": "the divisor"}
    if sign in nouns:
        yield place.change("left out", 3, l, f"`{r}` is left out", f"{nouns[sign]} `{r}` should not be there")
    if sign in "+-*@":
        noun, rest = nouns[sign], f"-{right}" if sign == "-" else r
        yield place.change("left out", 3, rest, f"`{l}` is left out", f"{noun} `{l}` should not be there")
    if sign == "/":
        words = f"`{l}` should not be there as the dividend"
        yield place.change("left out", 5, f"1 / {right}", f"`{l}` is left out", words)
    if sign == "**":
        power = f"`{r}`" if r.isidentifier() else r
        makes = f"`{l}` is not {'squared' if r == '2' else f'raised to the power {power}'}"
        yield place.change("left out", 3, l, makes, f"the power `{r}` should not be there")
    if sign in ("-", "/", "@", "**") and l != r:
        words = f"the operands of `{sign}` are exchanged in `{l} {sign} {r}`"
        makes = f"`{l}` and `{r}` are exchanged"
        yield place.change("exchanged", 2, place.joined(node.right, sign, node.left), makes, words)
    if sign == "@":
        for one, two in ((f"{left}.T", right), (left, f"{right}.T")):
            if (f"{one} {two}").count(".T.T"):
                continue
            makes, mends = f"`{l if two == right else r}` is transposed", f"a transpose is missing in `{l} @ {r}`"
            yield place.change("transpose", 1, f"{one} @ {two}", makes, mends)
    if sign in "+-":
        for name in EPSILONS:
            if r == name or r.startswith("1e-"):
                inner = node.left
                if isinstance(inner, ast.Call) and place.text(inner.func).endswith("sqrt") and len(inner.args) == 1:
                    moved = f"{place.text(inner.func)}({place.text(inner.args[0])} {sign} {r})"
                    yield place.change("epsilon", 1, moved, f"`{r}` is inside the root", f"`{r}` is outside the root")
                break


def regrouped(place: Place) -> Found:
    """The same operations with other brackets: what binds last binds first."""
    node = place.site.node

    def inner_of(one: ast.expr) -> tuple[ast.expr, str, ast.expr] | None:
        if isinstance(one, ast.BinOp) and type(one.op) in SIGNS:
            return one.left, SIGNS[type(one.op)], one.right
        if isinstance(one, ast.Compare) and len(one.ops) == 1 and type(one.ops[0]) in COMPARISONS:
            return one.left, COMPARISONS[type(one.ops[0])], one.comparators[0]
        return None

    outer = inner_of(node)
    if outer is None:
        return
    words = f"brackets are set otherwise in `{place.text(node)}`"
    if inner := inner_of(outer[2]):
        a, b, c = map(place.operand, (outer[0], inner[0], inner[2]))
        makes = f"`{c}` is outside the brackets"
        yield place.change("brackets", 2, f"({a} {outer[1]} {b}) {inner[1]} {c}", makes, words)
    if inner := inner_of(outer[0]):
        a, b, c = map(place.operand, (inner[0], inner[2], outer[2]))
        makes = f"`{c}` is in brackets with `{b}`"
        yield place.change("brackets", 2, f"{a} {inner[1]} ({b} {outer[1]} {c})", makes, words)


def signs(place: Place) -> Found:
    """A minus sign more or less, and `not`."""
    node = place.site.node
    if isinstance(node, ast.UnaryOp):
        inner = place.text(node.operand)
        if isinstance(node.op, ast.USub):
            yield place.change(
                "sign", 1, inner, f"`{inner}` has the wrong sign", f"a minus sign should not be there at `{inner}`"
            )
        if isinstance(node.op, ast.Not):
            yield place.change(
                "condition",
                2,
                inner,
                f"`not` is missing before `{inner}`",
                f"`not` should not be there before `{inner}`",
            )
    whole = isinstance(place.site.parent, ast.Assign | ast.AugAssign | ast.Return | ast.Tuple)
    if whole and place.site.role in ("value", "elts") and not isinstance(node, ast.Constant | ast.Tuple | ast.UnaryOp):
        text = place.text(node)
        yield place.change(
            "sign",
            2,
            f"-{place.operand(node)}",
            f"`{text}` has the wrong sign",
            f"the sign of `{text}` is reversed",
        )
    if place.site.role == "test":
        text = place.text(node)
        yield place.change(
            "condition",
            2,
            f"not {place.operand(node)}",
            f"the condition `{text}` is reversed",
            f"the condition `{text}` is reversed",
        )


def comparisons(place: Place) -> Found:
    """Another comparison."""
    node = place.site.node
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        sign = COMPARISONS.get(type(node.ops[0]), "")
        left, right = place.operand(node.left), place.operand(node.comparators[0])
        for other in OTHER_COMPARISONS.get(sign, ()):
            makes, mends = f"{other} in place of {sign}", f"`{sign}` is used where `{other}` belongs"
            yield place.change("comparison", 1, f"{left} {other} {right}", makes, mends)


def numbers(place: Place) -> Found:
    """Another number: one more or less, 0, 1, 2, its complement to 1; and a setting in its place."""
    node = place.site.node
    if not isinstance(node, ast.Constant):
        return
    value, text = node.value, place.text(node)
    others: list[str] = []
    if isinstance(value, bool):
        others = [str(not value)]
    elif isinstance(value, int):
        others = list(dict.fromkeys(map(str, (value + 1, value - 1, 0, 1, 2))))
    elif isinstance(value, float):
        others = [repr(one) for one in (round(1 - value, 12), value * 2, value / 2, value * 10, value / 10, 0.0, 1.0)]
    elif value is None:
        others = ["0", "1"]
    option = f"{place.site.parent.arg}=" if isinstance(place.site.parent, ast.keyword) else ""
    for other in others:
        makes = f"{option}{other} in place of {option}{text}"
        mends = f"`{option}{text}` is used where `{option}{other}` belongs"
        rank = 4 if _does_nothing(place, other) else 2
        yield place.change("number", rank, other, makes, mends, operation=other.startswith("-"))
    if isinstance(value, int | float) and not isinstance(value, bool):
        for name in place.scope.names:
            makes, mends = f"`{name}` in place of {text}", f"the number {text} is used where `{name}` belongs"
            yield place.change("number", 5, name, makes, mends, operation=False)
    if isinstance(value, str) and place.site.role == "slice":
        for key in (one for one in place.scope.keys if one != repr(value)):
            makes, mends = (f"the entry {b} is taken for {a}" for a, b in ((text, key), (key, text)))
            yield place.change("entry", 2, key, makes, mends, operation=False)


def _does_nothing(place: Place, other: str) -> bool:
    """Whether an operation with this number is none, which is simpler to leave out."""
    parent = place.site.parent
    if not isinstance(parent, ast.BinOp):
        return False
    divided = isinstance(parent.op, ast.Div) and place.site.role == "right"
    return other.startswith("0") or (other in ("1", "1.0") and (divided or isinstance(parent.op, ast.Mult)))


def names(place: Place) -> Found:
    """Another name, a name without what was done with it, 1 less a name, and an index that is one more or less."""
    node = place.site.node
    called = place.site.role == "func"
    if called or not (isinstance(node, ast.Name) or is_own(node)):
        return
    text = place.text(node)
    if text in _MODULES:
        return
    for name in place.scope.others if text in place.scope.others else place.scope.names:
        if name != text:
            near = place.scope.are_twins(text, name)
            makes, mends = f"`{name}` in place of `{text}`", f"`{text}` is used where `{name}` belongs"
            yield place.change("name", 0 if near else 4, name, makes, mends, operation=False)
    if place.site.role == "slice":
        for other, one in ((f"{text} - 1", "less"), (f"{text} + 1", "more")):
            makes, mends = f"the index is one {one} than `{text}`", f"the index `{text}` should be `{other}`"
            yield place.change("index", 2, other, makes, mends, operation=False)
    elif not isinstance(getattr(place.site.parent, "ctx", None), ast.Store):  # nobody puts anything into 1 - x, or x.T
        makes, mends = f"1 − `{text}` in place of `{text}`", f"`{text}` is used where `1 - {text}` belongs"
        yield place.change("complement", 3, f"1 - {text}", makes, mends)
        if getattr(place.site.parent, "attr", "") in REDUCTIONS:  # of which rather the axis is another
            return
        makes, mends = f"`{text}` is transposed", f"`{text}` is not transposed"
        yield place.change("transpose", 3, f"{text}.T", makes, mends, operation=False)


def transposes(place: Place) -> Found:
    """A transpose left out."""
    node = place.site.node
    if isinstance(node, ast.Attribute) and node.attr == "T":
        text = place.operand(node.value)
        yield place.change(
            "transpose", 1, text, f"`{text}` is not transposed", f"`{text}` is transposed", operation=False
        )


def calls(place: Place) -> Found:
    """Another function, arguments exchanged, a wrapped function left out, another axis, keepdims more or less."""
    node = place.site.node
    if not isinstance(node, ast.Call) or any(isinstance(one, ast.Starred) for one in node.args):
        return
    function, arguments = place.text(node.func), [place.text(one) for one in node.args]
    word = function.rpartition(".")[2]
    head = function[: len(function) - len(word)]
    given = [
        *arguments,
        *(f"{k.arg}={place.text(k.value)}" if k.arg else f"**{place.text(k.value)}" for k in node.keywords),
    ]

    def called(name: str, *parts: str) -> str:
        return f"{name}({', '.join(parts)})"

    for pair in FUNCTIONS:
        if word in pair:
            other = pair[word == pair[0]]
            article = "a " if word in REDUCTIONS else ""
            makes = f"{article}{other} in place of {article}{word}"
            told = head if "(" not in head else "."  # what it is called on is in the line
            mends = f"`{told}{word}` is used where `{told}{other}` belongs"
            yield place.change("function", 1, called(head + other, *given), makes, mends, operation=False)
    if len(arguments) == 1 and not node.keywords and word not in REDUCTIONS and word not in OWN:
        words = f"`{function}` is left out", f"`{function}` should not be there around `{arguments[0]}`"
        yield place.change("wrapped", 3, place.operand(node.args[0]), *words, operation=False)
    if len(arguments) > 1 and word != "where":  # nobody takes a condition for one of two values
        swapped = [arguments[1], arguments[0], *given[2:]]
        words2 = f"the first two arguments of `{function}` are exchanged"
        makes = f"`{arguments[0]}` and `{arguments[1]}` are exchanged"
        yield place.change("exchanged", 2, called(function, *swapped), makes, words2, operation=False)
        for k in range(len(arguments)):
            if word in ("dot", "matmul") and len(arguments) == 2:
                turned = [
                    f"{place.operand(one)}.T" if i == k else a
                    for i, (one, a) in enumerate(zip(node.args, arguments, strict=True))
                ]
                makes, mends = f"`{arguments[k]}` is transposed", f"`{arguments[k]}` is not transposed"
                yield place.change("transpose", 1, called(function, *turned), makes, mends, operation=False)
    if word in REDUCTIONS:
        yield from _reductions(place, node, function, given, called)
    if word == "sqrt" and len(arguments) == 1:
        for name in (n for n in (*place.scope.names, "1e-5") if n in EPSILONS or n.endswith("eps")):
            makes, mends = f"`{name}` is added once more", f"`{name}` is missing in `{function}({arguments[0]})`"
            yield place.change(
                "epsilon", 1, called(function, f"{place.operand(node.args[0])} + {name}"), makes, mends, operation=False
            )
            moved = f"{place.text(node)} + {name}"
            makes = f"`{name}` is added beside the root as well"
            yield place.change("epsilon", 3, moved, makes, f"`{name}` is missing beside `{place.text(node)}`")
        if isinstance(inner := node.args[0], ast.BinOp) and isinstance(inner.op, ast.Add):
            left, right = place.text(inner.left), place.text(inner.right)
            moved = f"{called(function, left)} + {right}"
            yield place.change("epsilon", 1, moved, f"`{right}` is outside the root", f"`{right}` is inside the root")


def _reductions(place: Place, node: ast.Call, function: str, given: list[str], called: Callable[..., str]) -> Found:
    """Of a sum, mean or the like: its axis and keepdims."""
    plain = [one for one in given if not one.startswith(("axis=", "keepdims=", "ddof="))]
    axis = next((one for one in given if one.startswith("axis=")), "")
    keeps = next((one for one in given if one.startswith("keepdims=")), "")
    ddof = next((one for one in given if one.startswith("ddof=")), "")
    owner = isinstance(node.func, ast.Attribute) and not (
        isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy")
    )
    if not axis and len(plain) > (0 if owner else 1):
        axis = f"axis={plain.pop()}"
    text = place.text(node)
    for other in ("axis=0", "axis=1", "axis=-1", "axis=2", "axis=(0, 2, 3)", "axis=(1, 2, 3)", "axis=(2, 3)", ""):
        if other != axis:
            said, meant = (
                f"{'along ' + one.removeprefix('axis=') if one else 'over everything'}" for one in (axis, other)
            )
            makes, mends = (f"`{text}` goes {a}, where it should go {b}" for a, b in ((meant, said), (said, meant)))
            rank = 1 if other in ("axis=0", "axis=1", "") else 4
            yield place.change(
                "axis",
                rank,
                called(function, *plain, *filter(None, (other, keeps, ddof))),
                makes,
                mends,
                operation=False,
            )
    kept = [*plain, *filter(None, (axis, ddof))]
    missing, wrong = (f"`{keeps}` is missing", f"`{keeps}` should not be there")
    if not keeps:
        missing, wrong = (f"`keepdims=True` {x} in `{text}`" for x in ("should not be there", "is missing"))
        kept.append("keepdims=True")
    yield place.change("keepdims", 2, called(function, *kept), missing, wrong, operation=False)
    if ddof or function.endswith(("var", "std")):
        kept = [*plain, *filter(None, (axis, keeps))]
        missing, wrong = f"`{ddof}` is missing", f"`{ddof}` should not be there in `{text}`"
        if not ddof:
            missing, wrong = (f"`ddof=1` {x} in `{text}`" for x in ("should not be there", "is missing"))
            kept.append("ddof=1")
        yield place.change("ddof", 2, called(function, *kept), missing, wrong, operation=False)


def slices(place: Place) -> Found:
    """An end or a beginning of a slice one more or less, or left out; what is 0 from the end."""
    node = place.site.node
    if not isinstance(place.site.parent, ast.Slice) or place.site.role not in ("lower", "upper", "step"):
        return
    text, end = place.text(node), {"lower": "beginning", "upper": "end", "step": "step"}[place.site.role]
    if place.site.role == "upper" and isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        words = f"`{text}` as the end of a slice gives nothing when it is 0"
        yield place.change("slice", 0, f"{text} or None", "", words, operation=False)
    for other in (f"{place.operand(node)} + 1", f"{place.operand(node)} - 1", ""):
        less = "less" if other.endswith("- 1") else "more"
        makes = (
            f"the {end} `{text}` of a slice is missing"
            if not other
            else f"the {end} of a slice is one {less} than `{text}`"
        )
        mends = f"the {end} `{text}` of a slice {'should not be there' if not other else f'should be `{other}`'}"
        yield place.change("slice", 3, other, makes, mends, operation=False)


def factors(place: Place) -> Found:
    """A factor or divisor more: 2, ½, a count, or any name in scope."""
    node = place.site.node
    whole = isinstance(place.site.parent, ast.Assign | ast.AugAssign | ast.Return) and place.site.role == "value"
    operand = isinstance(place.site.parent, ast.BinOp) and isinstance(place.site.parent.op, ast.Add | ast.Sub)
    listed = isinstance(place.site.parent, ast.Tuple) and isinstance(place.site.statement, ast.Return)
    if not (whole or operand or listed) or isinstance(
        node, ast.Constant | ast.Tuple | ast.Dict | ast.List | ast.Compare
    ):
        return
    text, to = place.operand(node), getattr(place.site.statement, "targets", ())
    of_names = 2 if text in map(place.text, to) else 5  # what is summed up step by step is often scaled
    for rank, factor in (
        *((3, count) for count in ("2", "0.5", *place.scope.counts)),
        *((of_names, n) for n in place.scope.names),
    ):
        for sign, noun in (("*", "factor"), ("/", "divisor")):
            if not (sign == "/" and factor in ("2", "0.5")):
                makes, mends = _of_factor(text, sign, factor), f"a {noun} `{factor}` is missing at `{text}`"
                mends = f"`{text}` is not squared" if (sign, factor) == ("*", text) else mends
                yield place.change("factor", rank, f"{text} {sign} {factor}", makes, mends)


OPERATORS: tuple[Callable[[Place], Found], ...] = (
    operations, regrouped, signs, comparisons, numbers, names, transposes, calls, slices, factors,
)  # fmt: skip
"""All operators on expressions."""
