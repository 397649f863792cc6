"""KernelBench's problems: files with a `Model`, `get_inputs` and `get_init_inputs`, in sizes that a processor can take.

A file's sizes are the whole numbers at its top and in its two functions. They are halved, the largest first, until a
call costs little, as long as the model still runs and does the same operations; with `own` also as long as all its sums
keep their numbers of terms, for which inputs may be cut along an axis as well (rows of a square matrix). Which sizes do
is found on torch's device "meta", which computes nothing.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from reference.flow import module_reference

SMALL, OWN = 1e6, 4e7
"""What a call is to cost at most, in products; an element of a result or an input counts as …"""
_ELEMENT = 16
"""… so many."""
TOO_DEAR = 1e10
"""What a call costs of which nothing is asked."""
LEAST = 4
"""Sizes that are no larger are left: widths of windows, strides, numbers of layers."""
TOO_LARGE = 3e8
"""Elements of inputs and weights of which nothing is asked."""
_PATIENCE = 400
"""Sizes that are tried, at most."""
_FUNCTIONS = ("get_inputs", "get_init_inputs")
_REDUCING = re.compile(r"sum|mean|var|std|norm|max|min|prod")
_ALONG = re.compile(r"softmax|cumsum|cumprod|logcumsumexp")


class Sums(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs operations as they are; keeps the number of terms of each one's sums, and what they cost."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: set[tuple[str, int]] = set()
        self.cost = 0.0
        self.draws = False

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        self.draws |= torch.Tag.nondeterministic_seeded in func.tags
        if not func.is_view:
            terms = terms_of(func, args, out)
            self.found.add((str(func), terms))
            self.cost += sum(x.numel() for x in tree_leaves(out) if isinstance(x, Tensor)) * _price(func, terms)
        return out


def _price(func: OpOverload, terms: int) -> int:
    """What each element of the result costs."""
    return max(terms, _ELEMENT) if re.search(r"mm|conv|attention", func._schema.name) else _ELEMENT


def terms_of(func: OpOverload, args: Sequence[Any], out: Any) -> int:
    """How many terms one sum of an operation has (or elements one maximum); 1 of those that have none."""
    name = func._schema.name.removeprefix("aten::")
    given = [x for x in tree_leaves(args) if isinstance(x, Tensor)]
    made = [x for x in tree_leaves(out) if isinstance(x, Tensor) and x.numel()]
    if not given or not made:
        return 1
    if name in ("mm", "bmm", "mv", "dot"):
        return given[0].shape[-1]
    if name in ("addmm", "baddbmm", "addmv"):
        return given[1].shape[-1]
    if name == "convolution":
        weight: Tensor = args[1]
        transposed, groups = bool(args[6]), int(args[8])
        if args[0].shape[1] != (len(weight) if transposed else weight.shape[1] * groups):
            raise ValueError("the channels do not fit, which the device meta does not say")
        return weight.numel() // weight.shape[1] // groups if transposed else weight[0].numel()
    if "attention" in name:
        return max(given[1].shape[-2:])
    if _ALONG.search(name):
        axis = args[1]
        return given[0].shape[axis] if isinstance(axis, int) and given[0].dim() else 1
    if "pool" in name:
        return math.prod(args[1]) if isinstance(args[1], (list, tuple)) else 1
    if _REDUCING.search(name):
        return max(1, given[0].numel() // min(x.numel() for x in made))
    return 1


Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Problem:
    """What is asked: a function of named inputs, the terms of its longest sum, and further answers that are right.

    `rounded`: whether the numbers of float64, rounded, are a right answer as well.
    """

    function: Callable[..., Any]
    inputs: Mapping[str, Any]
    longest: int = 1
    further: Callable[[Tensors], Iterable[tuple[str, Tensors]]] = lambda right: ()
    rounded: bool = True


Size = int | tuple[int, int]
"""Which of a file's sizes, by its number; or of which input which axis is cut."""


class TooLargeError(Exception):
    """A problem that cannot be made small enough to be asked."""


def listed(folder: Path) -> list[Path]:
    """The files of problems, level by level, each by its number. Empty where there are none."""
    found = [path for path in folder.glob("level*/*.py") if re.match(r"\d+_", path.name)]
    return sorted(found, key=lambda path: (path.parent.name, int(path.name.partition("_")[0])))


def opened(path: Path, *, own: bool, scale: float = 1.0) -> Problem:
    """A file's model in sizes that can be asked, of inputs and weights drawn from seed 0, inputs times `scale`.

    Raises TooLargeError, and whatever the file's own code raises.
    """
    source = _Source(path)
    sizes, known = _shrunk(source, own)
    torch.manual_seed(0)
    with torch.random.fork_rng(), torch.device("meta"):
        model, inputs = source.made(sizes)
    if _elements(model, inputs) > TOO_LARGE or known.cost > TOO_DEAR:
        raise TooLargeError(
            f"its sums need {_elements(model, inputs):.1e} numbers of inputs and weights, and {known.cost:.1e} products"
        )
    with torch.random.fork_rng(), torch.device("meta"):
        draws = known.draws and _sums(model.eval(), inputs).draws
    torch.manual_seed(0)
    model, given = source.made(sizes)
    model = model.eval() if known.draws else model
    names = list(inspect.signature(model.forward).parameters)
    scaled = [x * scale if isinstance(x, Tensor) and x.is_floating_point() and scale != 1 else x for x in given]
    weights = {name: x.detach() for name, x in model.named_parameters()}
    longest = max((terms for _, terms in known.found), default=1)
    known_by_name = {**dict(zip(names, scaled, strict=False)), **weights}
    # In float64 other numbers are drawn.
    return Problem(module_reference(model), known_by_name, longest, rounded=not draws)


def _elements(model: torch.nn.Module, inputs: Sequence[Any]) -> int:
    return sum(x.numel() for x in [*model.parameters(), *tree_leaves(inputs)] if isinstance(x, Tensor))


def _shrunk(source: _Source, own: bool) -> tuple[dict[Size, int], Sums]:
    """Sizes of which a call costs little, and what is summed in them."""
    sizes, known = _halved(source, dict(source.sizes), own)
    if own and known.cost > OWN:
        with torch.device("meta"):
            inputs = source.made(sizes)[1]
        shapes: dict[Size, int] = {
            (i, axis): n for i, x in enumerate(inputs) if isinstance(x, Tensor) for axis, n in enumerate(x.shape)
        }
        sizes, known = _halved(source, {**sizes, **shapes}, own)
    return sizes, known


def _halved(source: _Source, sizes: dict[Size, int], own: bool) -> tuple[dict[Size, int], Sums]:
    known = source.sums(sizes)
    at_first, asked = _kept(known, own), 0
    stuck: set[Size] = set()
    while known.cost > (OWN if own else SMALL) and asked < _PATIENCE:
        free = [knob for knob, value in sizes.items() if value > LEAST and knob not in stuck]
        if not free:
            break
        knob = max(free, key=lambda knob: sizes[knob])
        smaller = {**sizes, knob: sizes[knob] // 2}
        asked += 1
        try:
            found = source.sums(smaller)
        except Exception:  # whatever a model says of sizes that do not fit each other
            found = None
        if found is None or _kept(found, own) != at_first or found.cost >= known.cost:
            stuck.add(knob)
        else:
            sizes, known = smaller, found
            stuck = stuck if own else set()  # what two sizes share may be halved in both, one after the other
    return sizes, known


def _kept(sums: Sums, own: bool) -> set[Any]:
    """What has to stay as it is."""
    return set(sums.found) if own else {name for name, _ in sums.found}


class _Source:
    """A problem's file, in which sizes can be others."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._constants: list[ast.Constant] = []
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in self._tree.body:
            if isinstance(node, ast.Assign) or (isinstance(node, ast.FunctionDef) and node.name in _FUNCTIONS):
                self._constants += _Sizes(node).found
        ast.fix_missing_locations(self._tree)
        self.sizes: dict[Size, int] = {number: int(str(node.value)) for number, node in enumerate(self._constants)}

    def made(self, sizes: Mapping[Size, int]) -> tuple[torch.nn.Module, list[Any]]:
        """The model and its inputs in these sizes."""
        for size, value in sizes.items():
            if isinstance(size, int):
                self._constants[size].value = value
        module = types.ModuleType(self.path.stem)
        exec(compile(self._tree, str(self.path), "exec"), module.__dict__)
        model, inputs = module.Model(*module.get_init_inputs()), list(module.get_inputs())
        for size, value in sizes.items():
            if not isinstance(size, int):
                inputs[size[0]] = inputs[size[0]].narrow(size[1], 0, value)
        return model, inputs

    def sums(self, sizes: Mapping[Size, int]) -> Sums:
        """What the model sums in these sizes."""
        with torch.device("meta"):
            return _sums(*self.made(sizes))


def _sums(model: torch.nn.Module, inputs: Sequence[Any]) -> Sums:
    sums = Sums()
    with sums, torch.no_grad():
        model(*inputs)
    sums.cost += _ELEMENT * _elements(model, inputs)
    return sums


class _Sizes(ast.NodeTransformer):
    """Puts one number in the place of each whole number, or product of such, of a statement."""

    def __init__(self, statement: ast.AST) -> None:
        self.found: list[ast.Constant] = []
        self.visit(statement)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """A number of its own."""
        return self._size(node.value) if type(node.value) is int else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """128 * 4, say."""
        if any(not isinstance(x, (ast.BinOp, ast.Constant, ast.operator)) for x in ast.walk(node)):
            return self.generic_visit(node)
        value = eval(compile(ast.Expression(node), "a size", "eval"))
        return self._size(value) if type(value) is int else node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """-1 is no size."""
        return node

    def _size(self, value: int) -> ast.Constant:
        self.found.append(ast.Constant(value))
        return self.found[-1]
