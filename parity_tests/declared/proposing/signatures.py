"""What can be read of functions without running them: what they take, of which sizes, and what they return."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from parity_tests.protocol.errors import UsageError

Def = ast.FunctionDef | ast.AsyncFunctionDef
_DIMENSIONS = re.compile(r"\(\s*(\w+(?:\s*[,x×]\s*\w+)*\s*,?)\s*\)|(?<!\w)(\w+(?:\s*×\s*\w+)+)")
_DIMENSION = re.compile(r"[A-Z]|\d+|[A-Za-z]_?\w{0,3}|[a-z]+_\w+")
_RESULTS = re.compile(
    r"(?:(?:returns?|->):?\s*(?:a tuple (?:of )?)?\(?|(?:[.,;]|^)\s*\()([a-z]\w+(?:, *[a-z]\w+)+)\)?\s*(?:$|[.;:])",
    re.I | re.M,
)
_SMALL = 1e-3
_MOST_BETWEEN = 60
"""So many characters may stand between a parameter and its sizes in a docstring."""


@dataclass(frozen=True)
class Signature:
    """A function or a method: its parameters with their defaults (None for none), and the names of what it returns.

    `shapes` has the sizes that its docstring gives, by parameter. `is_empty` says that it is still to be written. Those
    of `by_name` are given by name alone. `small` are the numbers near 0 that its lines hold, as an epsilon is. Those of
    `indices` pick elements along an axis of an array, as `p[np.arange(N), y]` does along 1 of p, or are labels by name
    or docstring; of `exponents` something is taken to the power, those of `roots` are under a square root.
    """

    name: str
    parameters: Mapping[str, Any]
    returns: tuple[str, ...]
    doc: str
    shapes: Mapping[str, tuple[str, ...]]
    is_empty: bool
    by_name: frozenset[str] = frozenset()
    small: frozenset[float] = frozenset()
    indices: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    exponents: frozenset[str] = frozenset()
    roots: frozenset[str] = frozenset()

    def required(self, parameter: str) -> bool:
        """Whether it must be given."""
        return self.parameters[parameter] is None


@dataclass(frozen=True)
class Layer:
    """A class with `forward`: its constructor and methods, and the attributes that it sets, with sizes where told."""

    name: str
    constructor: Signature | None
    methods: Mapping[str, Signature]
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether a method is still to be written."""
        return any(one.is_empty for one in self.methods.values())


@dataclass(frozen=True)
class Module:
    """The public functions and layers of a module, those that it keeps to itself, and what it imports."""

    functions: Mapping[str, Signature]
    layers: Mapping[str, Layer]
    imports: tuple[str, ...]


def read_module(source: str, name: str) -> Module:
    """What is defined at the outermost level. Raises UsageError for what is no Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        text = f", in “{error.text.strip()}”" if error.text else ""
        raise UsageError(f"{name}, line {error.lineno}, is not Python: {error.msg}{text}.") from error
    except ValueError as error:
        raise UsageError(f"{name} is no Python: {error}.") from error
    functions = {node.name: _signature(node) for node in tree.body if isinstance(node, Def) and _is_public(node.name)}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and _is_public(node.name)]
    layers = {layer.name: layer for layer in map(_layer, classes) if "forward" in layer.methods}
    return Module(functions, layers, tuple(dict.fromkeys(_imports(tree))))


def _is_public(name: str) -> bool:
    return not name.startswith("_") and name != "main" and not name.startswith("test_")


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def _layer(node: ast.ClassDef) -> Layer:
    methods = {one.name: _signature(one) for one in node.body if isinstance(one, Def)}
    attributes: dict[str, tuple[str, ...]] = {}
    for one in ast.walk(node):
        if isinstance(one, ast.Assign):
            for target in one.targets:
                for name in _attributes(target):
                    attributes[name] = attributes.get(name, ()) or _sizes_in(one.value)
    return Layer(node.name, methods.pop("__init__", None), methods, attributes)


def _attributes(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple):
        for one in target.elts:
            yield from _attributes(one)
    elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        yield target.attr


def _sizes_in(value: ast.expr) -> tuple[str, ...]:
    """The sizes in `np.zeros((outputs, inputs))` or `rng.normal(0, 1, (outputs, inputs))`; () where none are told."""
    if not isinstance(value, ast.Call):
        return ()
    for one in (*value.args, *(keyword.value for keyword in value.keywords)):
        if isinstance(one, ast.Tuple) and all(isinstance(size, ast.Name | ast.Constant) for size in one.elts):
            return tuple(ast.unparse(size) for size in one.elts)
    return ()


def _signature(node: Def) -> Signature:
    named = [*node.args.posonlyargs, *node.args.args]
    defaults = [None] * (len(named) - len(node.args.defaults)) + [_default(one) for one in node.args.defaults]
    parameters = {one.arg: default for one, default in zip(named, defaults, strict=True) if one.arg != "self"}
    further = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    by_name = {one.arg: None if default is None else _default(default) for one, default in further}
    parameters |= by_name
    doc = ast.get_docstring(node) or ""
    shapes = {name: found for name in parameters if (found := _told(doc, name))}
    constants = (one.value for body in node.body for one in ast.walk(body) if isinstance(one, ast.Constant))
    small = frozenset(number for number in constants if isinstance(number, float) and 0 < number <= _SMALL)
    by_keyword = frozenset(by_name)
    indices = {name: ("", -1) for name in parameters if _is_labels(name, doc, shapes.get(name, ()))}
    for one in (one for one in ast.walk(node) if isinstance(one, ast.Subscript)):
        for axis, index in enumerate(one.slice.elts if isinstance(one.slice, ast.Tuple) else [one.slice]):
            if isinstance(index, ast.Name) and index.id in parameters:
                indices[index.id] = ast.unparse(one.value), axis
    powers = [one for one in ast.walk(node) if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Pow)]
    exponents = frozenset(one.right.id for one in powers if isinstance(one.right, ast.Name))
    calls = (one for one in ast.walk(node) if isinstance(one, ast.Call) and ast.unparse(one.func).endswith("sqrt"))
    made = [(ast.unparse(one.targets[0]), one.value) for one in ast.walk(node) if isinstance(one, ast.Assign)]
    roots = frozenset[str]()
    for name, value in (*(("", argument) for one in calls for argument in one.args), *reversed(made)):
        if not name or name in roots:  # v, where v_hat is; what stands there twice, as in g * g, is as good below 0
            terms = [*_terms(value)]
            roots |= {one for one in terms if terms.count(one) == 1}
    empty, returned = _is_empty(node), _returns(node, doc)
    return Signature(node.name, parameters, returned, doc, shapes, empty, by_keyword, small, indices, exponents, roots)


def _is_labels(name: str, doc: str, sizes: tuple[str, ...]) -> bool:
    """Whether a parameter holds labels: by its own name, or where a vector is said to."""
    said = re.search(rf"(?<!\w){re.escape(name)}\s*:([^\n:]*)", doc)
    called = re.fullmatch(r"labels?|class(es|_ids)" + "|targets" * (len(sizes) == 1), name)
    return bool(called or (said and re.search(r"\b(labels?|integers?|ints)\b", said[1]))) and len(sizes) < 2


def _terms(node: ast.expr) -> Iterator[str]:
    """The names that are added, multiplied and the like in an expression, none of them to a power or in a call."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Pow):
        yield from (*_terms(node.left), *_terms(node.right))


def _default(node: ast.expr) -> Any:
    """A parameter's default; what is no constant is one that says nothing."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return ...
    return ... if value is None else value


def _told(doc: str, name: str) -> tuple[str, ...]:
    """The sizes that a docstring gives after a name: "x: of shape (N, D)", "x (N×D)"; () where it gives none."""
    for found in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", doc):
        rest = doc[found.end() : found.end() + _MOST_BETWEEN].partition("\n")[0]
        for told in _DIMENSIONS.finditer(rest):
            text = told[1] or told[2]
            sizes = tuple(re.split(r"\s*[,×]\s*|\s+x\s+", text.strip().rstrip(",")))
            is_told = len(sizes) > 1 or "," in text or sizes[0].isupper()
            if is_told and all(_DIMENSION.fullmatch(one) for one in sizes):
                return sizes
    return ()


def _returns(node: Def, doc: str) -> tuple[str, ...]:
    """The names of what is returned last, or those of the docstring, as in "(loss, dscores)"; "" for what has none."""
    found = [one.value for one in _own(node) if isinstance(one, ast.Return) and one.value is not None]
    values = [] if not found else found[-1].elts if isinstance(found[-1], ast.Tuple) else [found[-1]]
    told = [tuple(re.findall(r"\w+", found[1])) for found in _RESULTS.finditer(doc)]
    told.append(tuple(re.findall(r"^\s*- (\w+) *:", re.split(r"\breturns?\b", doc, flags=re.I)[-1], re.M)))
    said = next((one for one in reversed(told) if len(one) == len(values)), ("",) * len(values))
    return tuple(one.id if isinstance(one, ast.Name) else name for one, name in zip(values, said, strict=True))


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions inside it, in the order of the text."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Def | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own(child)


def _is_empty(node: Def) -> bool:
    """Whether nothing is done in it: no more than a docstring, `pass`, dots, names set to None, or an error raised."""
    given = {one.arg for one in node.args.args}
    return node.name != "__init__" and all(_does_nothing(one, given) for one in node.body)


def _does_nothing(node: ast.stmt, given: set[str]) -> bool:
    match node:
        case ast.Pass() | ast.Raise() | ast.Expr(ast.Constant()):
            return True
        case ast.Assign(_, value) | ast.Return(value):
            values = value.elts if isinstance(value, ast.Tuple) else [value]
            return all(one is None or _is_nothing(one, given) for one in values)
    return False


def _is_nothing(node: ast.expr, given: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id not in given
    return isinstance(node, ast.Constant) and node.value in (None, ...)
