"""Names for what no right text tells: the change of the solution that gives a part's numbers in all cases.

The solution runs in this process, with a single change of a function at a time: it is Parity's own, or the teacher's.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache, cached_property
from io import StringIO
from keyword import iskeyword
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.declared.cases import AGAIN
from parity_tests.declared.declaration import Declaration, Question
from parity_tests.declared.judging import inputs, reference, with_read
from parity_tests.harness.returned import result_of
from parity_tests.operators.change import Change
from parity_tests.operators.changes import changes_of
from parity_tests.operators.of_solutions import OF_SOLUTIONS, of_blocks
from parity_tests.operators.source import Source
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.layout import Layout, file_of
from parity_tests.protocol.observation import Returned
from parity_tests.protocol.quantity import Quantity

Array = NDArray[Any]
Results = Mapping[str, Array]
NEAR = 1e-9
"""What part of the largest number of a result two honest computations of it stay below."""
LAST = 4
"""The last rank of changes that are tried."""
LEFT = ("moved",)
"""Operators that say little where code is not shown."""
MOST = 2000
"""So many changes of a part are tried at most."""
MOST_PASSES = 20_000
"""So often the loops of a changed function are passed at most."""
MOST_MEMORY = 1 << 30
"""So many bytes more than before a changed function may take."""
_PASS, _APPEND = "_parity_pass", "_parity_append"
_KEPT = 256
"""Of so many parts in a case what their changes give is kept: a class asks again."""
_MADE = re.compile(r"self\.(\w+) = (\w+)\(")
_CALLED = re.compile(r"self\.(\w+)\.(\w+)\(")
_CODE = re.compile(r"`([^`]+)`")
_NAMES = re.compile(r"(?<![\w.'\"])[^\W\d]\w*(?:\.\w+)*")
_OWN = "self."
_UNSAID = frozenset(("np", "self", "axis", "keepdims", *dir(builtins)))


class Solution:
    """The right files, imported apart from all others: what they define, and what a change of it gives."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self._folders = [folder, *(folder / root for root in layout.roots)]
        self._layout = layout
        self._modules: dict[str, ModuleType] = {}
        self.sources: dict[str, Source] = {}

    def get(self, name: str) -> Any:
        """What a name stands for that the files define. Raises KeyError."""
        return vars(self.module(self._layout.where.get(name, self._layout.module)))[name]

    def module(self, name: str) -> ModuleType:
        """A module of the solution."""
        if name not in self._modules:
            file = next(one / file_of(name) for one in self._folders if (one / file_of(name)).is_file())
            if (same := next((one for one in self._modules.values() if one.__file__ == str(file)), None)) is not None:
                return same
            module = self._modules[name] = ModuleType(name)
            module.__file__ = str(file)
            module.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
            self.sources[name] = Source(file.read_text(encoding="utf-8"))
            exec(compile(self.sources[name].text, str(file), "exec"), vars(module))
        return self._modules[name]

    def _import(self, name: str, globals_: Any = None, locals_: Any = None, wanted: Any = (), level: int = 0) -> Any:
        own = any((one / file_of(name)).is_file() for one in self._folders)
        return self.module(name) if own and wanted else __import__(name, globals_, locals_, wanted, level)

    def functions_of(self, part: str, asked: Sequence[str]) -> tuple[str, list[str]]:
        """The module of a part, and its function with those that it calls there and that are not `asked` themselves.

        Methods of what the class has made of other classes there are called as well.
        """
        owner, _, method = part.rpartition(".")
        holder = self.get(owner or part)
        if owner:
            holder = next(one for one in holder.__mro__ if method in vars(one))
        name = f"{holder.__name__}.{method}" if owner else part
        source = self.sources[holder.__module__]
        called, made = source.called_by(name, asked), dict(_MADE.findall(source.text))
        asks = [one for function in called for one in _CALLED.findall(source.of(source.functions[function]))]
        further = [f"{made.get(holds)}.{method}" for holds, method in asks]
        return holder.__module__, list(dict.fromkeys((*called, *(one for one in further if one in source.functions))))

    @contextmanager
    def changed(self, module: str, name: str, change: Change) -> Iterator[None]:
        """With a change of one function."""
        owner, _, function = name.rpartition(".")
        names = vars(self.module(module))
        holder = names[owner] if owner else self.module(module)
        before = vars(holder)[function]
        defined: dict[str, Any] = {}
        exec(
            _with_an_end(self.sources[module].definition(name, change.edits)),
            {**names, _PASS: _passes(), _APPEND: _appended},
            defined,
        )
        setattr(holder, function, defined[function])
        try:
            yield
        finally:
            setattr(holder, function, before)

    def run(self, question: Question, case: Case, arrays: Mapping[str, Array], k: int, last: str) -> Results:
        """What the lines of a question give of a copy's inputs, up to the last result of a part; {} where they fail."""
        names: dict[str, Any] = {"np": np, "Object": SimpleNamespace, **case.params["sizes"][k]}
        names |= {
            **case.params["constants"][k],
            **{one: np.array(arrays[f"{one}_{k}"]) for one in case.params["given"]},
        }
        kept = dict(question.results)
        found: dict[str, Array] = {}
        names |= {name: self.get(name) for name in question.asks}
        for code, targets in _lines(tuple((one.line, one.targets) for one in _until(question, last))):
            exec(code, names)
            for target in targets:
                if kept.get(target) == last:
                    found[target] = np.array(names[target])
        return found


def _place_in_order(slip: Slip) -> int:
    """How far back a change stands: a factor too much, or another name, after what can be said without it."""
    rank = slip.change.rank + slip.change.operator.endswith("factor")
    return max(rank, LAST) if slip.change.operator == "name" else rank


def _with_an_end(definition: str) -> CodeType:
    """A function that ends: a changed one may loop for ever, or put a list into itself, which numpy never unwinds."""
    tree = ast.parse(definition)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append":
            node.args.insert(0, node.func.value)
            node.func = ast.Name(_APPEND, ast.Load())
        if isinstance(node, ast.For | ast.While):
            node.body.insert(0, ast.Expr(ast.Call(ast.Name(_PASS, ast.Load()), [], [])))
    return compile(ast.fix_missing_locations(tree), "<changed>", "exec")


def _appended(items: list[Any], one: Any) -> None:
    if isinstance(one, list):
        raise RuntimeError("a list in a list, which may be itself")
    items.append(one)


def _passes() -> Callable[[], None]:
    left = iter(range(MOST_PASSES))

    def one() -> None:
        if next(left, None) is None:
            raise RuntimeError("its loops go on and on")

    return one


def _until(question: Question, part: str) -> Sequence[Any]:
    """The lines of a question up to the last that gives something of a part."""
    last = max(k for k, one in enumerate(question.run) if one.part == part and one.targets)
    return question.run[: last + 1]


@cache
def _lines(lines: tuple[tuple[str, tuple[str, ...]], ...]) -> list[tuple[Any, tuple[str, ...]]]:
    return [(compile(line, "<run>", "exec"), targets) for line, targets in lines]


@contextmanager
def _quietly() -> Iterator[None]:
    """Without warnings and prints, and with numpy's random numbers as they were afterwards."""
    state = np.random.get_state()
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)


@contextmanager
def bounded_memory() -> Iterator[None]:
    """MemoryError for whoever takes MOST_MEMORY more than is taken now, where the system can say how much that is."""
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    most, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = taken + MOST_MEMORY if most == resource.RLIM_INFINITY else min(most, taken + MOST_MEMORY)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


@dataclass(frozen=True)
class Slip:
    """A change of a function of the solution's."""

    module: str
    function: str
    change: Change


class BySolution:
    """Names by the solution of an assignment."""

    def __init__(self, declared: Declaration) -> None:
        self._declared = declared
        self._asked = tuple({name: None for one in declared.questions for name in one.asks})
        self._given: OrderedDict[tuple[Any, ...], list[tuple[Slip, Results]]] = OrderedDict()
        self._right: dict[tuple[str, str, int], bool] = {}
        self._slips: dict[str, list[Slip]] = {}
        self._of: Seen | None = None
        self._names: dict[tuple[str, str, str], str] = {}

    @cached_property
    def _solution(self) -> Solution:
        declared = self._declared
        folder = (declared.folder / declared.solution).resolve()
        layout = Layout(declared.module, further=declared.further, defines=declared.defines).in_folder(folder)
        return Solution(folder, layout)

    def name(self, question: Question, plan: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw) -> str:
        """What is wrong with a result, "" where no change of the solution gives it wherever it was asked."""
        if self._of is not seen:
            self._of, self._names = seen, {}
        key = question.name, quantity.part, quantity.key.name
        if key not in self._names:
            self._names[key] = self._looked_for(question, plan, quantity, seen, draw)
        return self._names[key]

    def _looked_for(self, question: Question, plan: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw) -> str:
        if question.float64:
            return ""
        asked = [
            (case, k)
            for case in plan
            if case.params["question"] == question.name and case.name in seen and case.dtype == "float64"
            for k in range(len(case.params["sizes"]))
        ]
        with _quietly(), bounded_memory(), suppress(*_FAILS):
            return self._name(question, asked, quantity.part, quantity.key.name, seen, draw)
        return ""

    def _name(
        self, question: Question, asked: Sequence[tuple[Case, int]], part: str, result: str, seen: Seen, draw: Draw
    ) -> str:
        got = {(case.name, k): _returned(question, case, k, part, seen) for case, k in asked}
        if any(result not in one for one in got.values()):
            return ""
        wrong = None
        for case, k in asked:
            right = self._solution.run(question, case, draw(case), k, part)
            if not self._is_right(question, case, k, right, with_read(case, draw(case), seen[case.name])):
                return ""
            if wrong is None and not _same(right[result], got[case.name, k][result]):
                wrong = case, k
        if wrong is None or all(one[result].size == 1 and one[result].item() in (0, 1) for one in got.values()):
            return ""  # a 0 or a 1 says too little
        first, own = wrong, got[wrong[0].name, wrong[1]]
        fitting = [
            slip for slip, values in self._changed(question, *first, part, draw) if _same(values[result], own[result])
        ]
        whole, partly = list[Slip](), list[Slip]()
        for slip in fitting[:12]:
            with self._solution.changed(slip.module, slip.function, slip.change), suppress(*_FAILS):
                given = [
                    (self._solution.run(question, case, draw(case), k, part), got[case.name, k]) for case, k in asked
                ]
                if all(_same(values[result], own[result]) for values, own in given):
                    all_of_it = all(_same(values[name], own[name]) for values, own in given for name in own)
                    (whole if all_of_it else partly).append(slip)
        is_exact = not all(np.isin(one[result], (0, 1)).all() for one in got.values())
        if not any(one[result].any() for one in got.values()):
            partly = []  # what is 0 everywhere may come of anything
        return self._said(whole or partly, is_exact=is_exact) if whole or partly else ""

    def _is_right(self, question: Question, case: Case, k: int, right: Results, arrays: Mapping[str, Array]) -> bool:
        """Whether the solution gives what torch says: of another dialect, or of other numbers drawn, it does not."""
        key = question.name, case.name, k
        if key not in self._right or question.read:
            import torch

            given = {
                name: torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value
                for name, value in inputs(case, arrays, k).items()
            }
            expected = reference(question, case, k)(**given)
            self._right[key] = all(_same(expected[f"{name}{AGAIN[k]}"].numpy(), one) for name, one in right.items())
        return self._right[key]

    def _changed(self, question: Question, case: Case, k: int, part: str, draw: Draw) -> list[tuple[Slip, Results]]:
        """What each change of a part gives of a copy's inputs."""
        arrays = draw(case)
        key = (question.name, part, case.name, k, *(arrays[f"{name}_{k}"].tobytes() for name in case.params["given"]))
        if key not in self._given:
            found: list[tuple[Slip, Results]] = []
            for slip in self._slips_of(part):
                with suppress(*_FAILS), self._solution.changed(slip.module, slip.function, slip.change):
                    found.append((slip, self._solution.run(question, case, arrays, k, part)))
            self._given[key] = found
            while len(self._given) > _KEPT:
                self._given.popitem(last=False)
        return self._given[key]

    def _slips_of(self, part: str) -> list[Slip]:
        """The changes of a part's functions, the likeliest first."""
        if part not in self._slips:
            module, functions = self._solution.functions_of(part, [one for one in self._asked if one != part])
            before = self._set_up_by(part, functions)
            source = self._solution.sources[module]
            found = [
                Slip(module, name, change)
                for name in (*functions, *before)
                for change in changes_of(source, [name], OF_SOLUTIONS, blocks=of_blocks)
                if change.rank <= LAST and change.makes and change.operator not in LEFT
            ]
            self._slips[part] = sorted(found, key=lambda slip: (slip.function in before, _place_in_order(slip)))[:MOST]
        return self._slips[part]

    def _set_up_by(self, part: str, known: Sequence[str]) -> list[str]:
        """The methods that are called before a part's own, on the same object, and give no result to compare."""
        asked = [one for one in self._declared.questions if part in dict(one.results).values()]
        called = dict.fromkeys(line.part for one in asked for line in one.run if line.part not in self._declared.parts)
        owner = part.partition(".")[0]
        silent = [one for one in called if one.startswith(f"{owner}.")]
        return [name for one in silent for name in self._solution.functions_of(one, ())[1] if name not in known]

    def _said(self, fitting: Sequence[Slip], *, is_exact: bool) -> str:
        """The first change in words: names are said, code is not, and no number where another may give the same."""
        slip, source = fitting[0], self._solution.sources[fitting[0].module]
        place = _target(source.functions[slip.function], slip.change.line)
        said = _CODE.sub(lambda found: _called(found[1]), slip.change.makes)
        alike = [
            one
            for one in fitting
            if one.change.operator == "number" and one.change.edits[0][:2] == slip.change.edits[0][:2]
        ]
        if slip in alike and (len(alike) > 1 or not is_exact):
            said = re.sub(r"^\S+ in place of", "another number in place of", said)
        is_there = said.startswith("everything") or re.search(rf"\b{re.escape(place)}\b", said)
        return said if is_there else f"{said} in {place}"


_FAILS = (
    ValueError, TypeError, IndexError, KeyError, ArithmeticError, AttributeError, NameError, SyntaxError, StopIteration,
    RuntimeError, MemoryError, AssertionError, ImportError,
)  # fmt: skip
"""What a changed solution raises: nobody's numbers are as it gives them."""


def _returned(question: Question, case: Case, k: int, part: str, seen: Seen) -> dict[str, Array]:
    """The results of a part that came back as arrays."""
    found = {}
    for q in case.quantities:
        if q.part == part and q.key.call == k:
            got = result_of(seen[case.name], q.key)
            if isinstance(got, Returned) and got.array is not None and got.array.dtype.kind in "fiub":
                found[q.key.name] = got.array
    return found


def _same(one: Array, other: Array) -> bool:
    """Whether two results are the same but for rounding, as an array of one number is that number."""
    is_odd = one.dtype.kind not in "fiub" or other.dtype.kind not in "fiub"  # as of results that are exchanged
    if is_odd or (one.shape != other.shape and not one.size == other.size == 1):
        return False
    a, b = np.asarray(one, np.float64).ravel(), np.asarray(other, np.float64).ravel()
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    near = NEAR * max(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0)))
    return bool((np.abs(a - b) <= near).all())


def _called(code: str) -> str:
    """What code of the solution's is called: names are as the course has them, and code is no one's business."""
    bare = code.removeprefix(_OWN)
    if (
        re.fullmatch(r"[^\W\d]\w*(\.\w+)*", bare)
        or re.fullmatch(r"[-\d.e]+|\w+=\w+", bare)
        or bare in ("=", "+=", "-=", "*=", "/=", "+", "-", "*")
    ):
        return bare
    if re.fullmatch(r"['\"]\w+['\"]", bare):
        return bare.strip("'\"")
    if found := re.fullmatch(r"(?:self\.)?(\w+)(?:\.T|\[[^\[\]]*\])+", code):
        return found[1]
    if found := re.fullmatch(r"len\((?:self\.)?(\w+)\)|(?:self\.)?(\w+)\.shape\[0\]", code):
        return f"the number of rows of {found[1] or found[2]}"
    if found := re.fullmatch(r"(?:self\.)?(\w+)\.shape\[(-?\d)\]", code):
        return f"the size of {found[1]} along axis {found[2]}"
    names = [one.removeprefix(_OWN).removesuffix(".item") for one in _NAMES.findall(code) if one not in _UNSAID]
    names = list(dict.fromkeys(one for one in names if not one.startswith("np.") and not iskeyword(one)))
    return f"the part with {_listed(names)}" if 0 < len(names) <= 4 else "a part"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _target(function: ast.FunctionDef, line: int) -> str:
    """What the innermost statement at a line gives, "" for nothing with one name."""
    inner = [node for node in ast.walk(function) if isinstance(node, ast.Assign | ast.AugAssign)]
    inner = [node for node in inner if node.lineno <= line <= (node.end_lineno or 0)]
    if not inner:
        return ""
    target = inner[-1].targets[0] if isinstance(inner[-1], ast.Assign) else inner[-1].target
    while isinstance(target, ast.Subscript):
        target = target.value
    return ast.unparse(target).removeprefix(_OWN) if isinstance(target, ast.Name | ast.Attribute) else ""
