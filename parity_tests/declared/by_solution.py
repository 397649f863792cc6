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
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from functools import cache, cached_property
from io import StringIO
from itertools import combinations, islice, pairwise
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
LEAST = 2
"""Fewer numbers than these are right by chance."""
NEAR_NARROW = 1e-5
"""The same of float32."""
LAST = 4
"""The last rank of changes that are tried."""
LEFT = ("moved",)
"""Operators that say little where code is not shown."""
MOST = 2000
"""So many changes of a part are tried at most."""
ALONE = frozenset(("factor", "inner factor", "name", "nothing", "number", "brackets", "unbracketed"))
"""Operators whose changes are tried one at a time."""
MOST_ALIKE, MOST_TOGETHER = 6, 400
"""At so many places at most changes are tried together, and so many of such."""
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
_PART = "the part"
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
            **{one: value for one, value in question.given.items() if not isinstance(value, str | list)},
            **{one: np.array(arrays[f"{one}_{k}"]) for one in case.params["given"]},
        }
        kept = dict(question.results)
        found: dict[str, Array] = {}
        lines = _lines(tuple((one.line, one.targets) for one in _until(question, last)))
        for name in {name for code, _ in lines for name in code.co_names}.difference(names):
            with suppress(KeyError):  # what is read of an object
                names[name] = self.get(name)
        for code, targets in lines:
            exec(code, names)
            for target in targets:
                if kept.get(target) == last:
                    found[target] = np.array(names[target])
        return found


def _together(slips: Sequence[Slip]) -> Iterator[Slip]:
    """Changes of which the same is said, or but for the code, as one: at all their places in a function or at two."""
    alike: dict[tuple[str, str, str], list[Slip]] = {}
    for slip in (slip for slip in slips if slip.change.operator not in ALONE):
        for said in dict.fromkeys((slip.change.makes, _CODE.sub("", slip.change.makes))):
            alike.setdefault((slip.function, slip.change.operator, said), []).append(slip)
    done = set[tuple[Any, ...]]()
    for ones in (ones for ones in alike.values() if 1 < len(ones) <= MOST_ALIKE):
        for several in (ones, *(combinations(ones, 2) if len(ones) > 2 else ())):
            edits = tuple(sorted(edit for one in several for edit in one.change.edits))
            if edits not in done and all(one[1] <= other[0] for one, other in pairwise(edits)):
                done.add(edits)
                said = "; ".join(dict.fromkeys(one.change.makes for one in several))
                yield replace(several[0], change=replace(several[0].change, edits=edits, makes=said))


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


@dataclass(frozen=True)
class _Shown:
    """What a part of a question gave wherever it was asked, by case and copy."""

    question: Question
    part: str
    asked: Sequence[tuple[Case, int]]
    got: Mapping[tuple[str, int], Mapping[str, Array]]
    draw: Draw
    near: float = NEAR

    @property
    def names(self) -> list[str]:
        """The results that came back."""
        return list(dict.fromkeys(name for one in self.got.values() for name in one))


class BySolution:
    """Names by the solution of an assignment."""

    def __init__(self, declared: Declaration, folder: Path) -> None:
        self._declared, self._folder = declared, folder
        self.vague: set[str] = set()
        """Names of a factor too much that call what has it by what that is made of, of brackets and of how often."""
        self._asked = tuple({name: None for one in declared.questions for name in one.asks})
        self._given: OrderedDict[tuple[Any, ...], list[tuple[Slip, Results]]] = OrderedDict()
        self._right: dict[tuple[str, str, str, int], bool] = {}
        self._scales: dict[tuple[str, str, int, str], float] = {}
        self._slips: dict[str, list[Slip]] = {}
        self._of: Seen | None = None
        self._names: dict[tuple[str, str, str], str] = {}
        self._behind: dict[tuple[str, str, str], tuple[tuple[Slip, ...], str | None]] = {}

    @cached_property
    def _solution(self) -> Solution:
        declared = self._declared
        layout = Layout(declared.module, further=declared.further, defines=declared.defines).in_folder(self._folder)
        return Solution(self._folder, layout)

    def name(self, question: Question, plan: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw) -> str:
        """What is wrong with a result, "" where no change of the solution gives it wherever it was asked."""
        self._begin(seen)
        key = question.name, quantity.part, quantity.key.name
        if key not in self._names:
            self._names[key] = ""
            with _quietly(), bounded_memory(), suppress(*_FAILS):
                of = self._shown(question, plan, quantity.part, seen, draw)
                self._names[key] = self._name(of, quantity.key.name) if of else ""
        return self._names[key]

    def behind(
        self,
        question: Question,
        plan: Sequence[Case],
        case: Case,
        quantity: Quantity,
        cause: str,
        seen: Seen,
        draw: Draw,
    ) -> str | None:
        """What is wrong by itself with a result that hangs on a wrong part, "" for nothing; None where nobody can say.

        A change of the solution gives all that the wrong part gave. It is right where the solution with that change
        gives it too. It is wrong where a further change of its own part does, and it fails where the other was right.
        """
        self._begin(seen)
        part, result = quantity.part, quantity.key.name
        key = question.name, part, result
        with _quietly(), bounded_memory(), suppress(*_FAILS):
            if key not in self._behind:
                of, before = (self._shown(question, plan, one, seen, draw) for one in (part, cause))
                self._behind[key] = self._settled(of, before, result) if of and before else ((), None)
            slips, said = self._behind[key]
            if said is None or case.dtype == "float64":
                return said
            asked = _asked_in(question, plan, seen, case.dtype)
            got = {(one.name, k): _returned(one, k, part, seen) for one, k in asked}
            narrow = _Shown(question, part, asked, got, draw, NEAR_NARROW)
            return said if self._gives(narrow, slips, [result]) else None
        return None

    def ends(
        self, question: Question, plan: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw
    ) -> Sequence[str]:
        """Along which axes a result ends too early or too late, where it is right up to there; or how it is turned."""
        self._begin(seen)
        ways, axes, numbers, turned = set[str](), set[int](), 0, set[str]()
        with _quietly(), bounded_memory(), suppress(*_FAILS):
            of = self._shown(question, plan, quantity.part, seen, draw)
            if of is None:
                return ()
            for case, k in of.asked:
                own, right = (one[quantity.key.name] for one in (of.got[case.name, k], self._run(of, case, k)))
                if own.ndim == right.ndim > 1 and own.shape != right.shape and _same(own.T, right):
                    turned.add("is transposed")
                    continue
                if own.shape != right.shape and _same(own.ravel(), right.ravel()):
                    turned.add(
                        f"has {own.ndim} {'axis' if own.ndim == 1 else 'axes'} in place of {right.ndim}"
                        if own.ndim != right.ndim
                        else "has its axes in another order"
                    )
                    continue
                sizes = list(zip(own.shape, right.shape, strict=True))
                common = tuple(slice(min(pair)) for pair in sizes)
                if not _same(own[common], right[common]):
                    return ()
                differ = [axis for axis, (size, other) in enumerate(sizes) if size != other]
                ways |= {"early" if sizes[axis][0] < sizes[axis][1] else "late" for axis in differ}
                axes.update(differ)
                numbers += own[common].size if differ else 0
            if turned and not ways:
                return tuple(turned) if len(turned) == 1 else ()
            said = f"ends too {''.join(ways)} along axis {' and '.join(map(str, sorted(axes)))}"
            return (said,) if len(ways) == 1 and numbers >= LEAST else ()
        return ()

    def _begin(self, seen: Seen) -> None:
        if self._of is not seen:
            self._of, self._names, self._behind = seen, {}, {}

    def _settled(self, of: _Shown, before: _Shown, result: str) -> tuple[tuple[Slip, ...], str | None]:
        """The changes that give a result behind a wrong part, and what is wrong by itself, as of `behind`."""
        causes = next((whole for name in before.names if (whole := self._fitting(before, name)[0])), [])
        for slip in causes:
            if self._gives(of, (slip,), [result]):
                return (slip,), ""
        alone = [one for one in of.asked if self._is_wrong_alone(of, before, *one)]
        for slip in causes[:1] if alone else ():
            one = replace(of, asked=alone[:1])
            for own in self._slips_of(of.part):
                if self._gives(one, (slip, own), [result]) and self._gives(of, (slip, own), of.names):
                    said = self._names[of.question.name, of.part, result] = self._said([own], is_exact=True)
                    return (slip, own), said
        return (), None

    def _is_wrong_alone(self, of: _Shown, before: _Shown, case: Case, k: int) -> bool:
        """Whether a part is wrong where the part that it hangs on gives what is right."""

        def is_right(one: _Shown) -> bool:
            right, got = self._run(one, case, k), one.got[case.name, k]
            return all(name in got and _same(value, got[name]) for name, value in right.items())

        return is_right(before) and not is_right(of)

    def _shown(self, question: Question, plan: Sequence[Case], part: str, seen: Seen, draw: Draw) -> _Shown | None:
        """What a part gave wherever it was asked, None where the solution is not right."""
        asked = _asked_in(question, plan, seen, "float64")
        if question.float64 or not asked:
            return None
        of = _Shown(question, part, asked, {(case.name, k): _returned(case, k, part, seen) for case, k in asked}, draw)
        for case, k in asked:
            if not self._is_right(of, case, k, with_read(case, draw(case), seen[case.name])):
                return None
        if not question.of:
            return of
        known = self._usually(of, *asked[0])  # a dialect may ask more
        got = {key: {name: own[name] for name in own if name in known} for key, own in of.got.items()}
        return replace(of, got=got)

    def _name(self, of: _Shown, result: str) -> str:
        values = [one[result] for one in of.got.values() if result in one]
        if not values or all(one.size == 1 and one.item() in (0, 1) for one in values):
            return ""  # a 0 or a 1 says too little
        whole, partly = self._fitting(of, result)
        is_exact = not all(np.isin(one, (0, 1)).all() for one in values)
        if not is_exact or not any(one.any() for one in values):
            partly = []  # what is 0 everywhere, or 0 and 1, may come of anything
        return self._said(whole or partly, is_exact=is_exact) if whole or partly else ""

    def _fitting(self, of: _Shown, result: str) -> tuple[list[Slip], list[Slip]]:
        """The changes that give a result wherever it was asked: those that give all of the part, and the others.

        What else is right of the part stays right with them.
        """
        whole, partly = list[Slip](), list[Slip]()
        for case, k in of.asked:
            own = of.got[case.name, k]
            if result in own and not _same(self._run(of, case, k)[result], own[result]):
                break
        else:
            return whole, partly
        changed = self._changed(of, case, k)
        right = self._right_everywhere(of)
        for slip in [slip for slip, values in changed if result in values and _same(values[result], own[result])][:12]:
            if self._gives(of, (slip,), [result, *right]):
                (whole if self._gives(of, (slip,), of.names) else partly).append(slip)
        return whole, partly

    def _right_everywhere(self, of: _Shown) -> list[str]:
        """The results that are the solution's wherever they were asked."""
        right = dict.fromkeys(of.names)
        for case, k in of.asked:
            own, found = of.got[case.name, k], self._run(of, case, k)
            right = {name: None for name in right if name in own and _same(found[name], own[name])}
        return list(right)

    def _gives(self, of: _Shown, slips: Sequence[Slip], results: Sequence[str]) -> bool:
        """Whether the solution with changes gives results wherever they were asked, and fails where the part did."""
        with ExitStack() as changes:
            for slip in slips:
                changes.enter_context(self._solution.changed(slip.module, slip.function, slip.change))
            for case, k in of.asked:
                own, values = of.got[case.name, k], dict[str, Array]()
                with suppress(*_FAILS):
                    values = dict(self._run(of, case, k))
                for name in results:
                    one, other = own.get(name), values.get(name)
                    if (one is None) != (other is None):
                        return False
                    if one is not None and other is not None and not _same(one, other, of.near):
                        return False
        return True

    def _run(self, of: _Shown, case: Case, k: int) -> Results:
        """What the solution gives, multiplied by what the dialect's results are of the usual."""
        return self._scaled(of, case, k, self._usually(of, case, k))

    def _scaled(self, of: _Shown, case: Case, k: int, found: Results) -> Results:
        scales = {name: self._scales.get((of.question.name, case.name, k, name), 1) for name in found}
        return {name: value * scales[name] for name, value in found.items()}

    def _usually(self, of: _Shown, case: Case, k: int) -> Results:
        """What the solution gives as it is asked, mostly usually, by the names that the results have in the dialect."""
        asked_as = of.question.name if of.question.dialect in self._declared.solutions else of.question.of
        usual = next((one for one in self._declared.questions if one.name == asked_as), of.question)
        found = self._solution.run(usual, case, of.draw(case), k, of.part)
        own, others = ([name for name, part in one.results if part == of.part] for one in (of.question, usual))
        return {name: found[other] for name, other in zip(own, others, strict=False) if other in found}

    def _is_right(self, of: _Shown, case: Case, k: int, arrays: Mapping[str, Array]) -> bool:
        """Whether the solution gives what torch says, but for a factor: of other numbers drawn it does not."""
        question = of.question
        key = question.name, of.part, case.name, k
        if key not in self._right or question.read:
            import torch

            given = {
                name: torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value
                for name, value in inputs(case, arrays, k).items()
            }
            expected = {one: x.numpy() for one, x in reference(question, case, k)(**given).items()}
            found = self._usually(of, case, k)
            for name, one in found.items():
                other = expected[f"{name}{AGAIN[k]}"]
                if question.of and not _same(one, other) and one.any() and one.shape == other.shape:
                    self._scales[question.name, case.name, k, name] = float((one * other).sum() / (one * one).sum())
            scaled = self._scaled(of, case, k, found).items()
            self._right[key] = all(_same(expected[f"{name}{AGAIN[k]}"], one) for name, one in scaled)
        return self._right[key]

    def _changed(self, of: _Shown, case: Case, k: int) -> list[tuple[Slip, Results]]:
        """What each change of a part gives of a copy's inputs."""
        arrays, names = of.draw(case), case.params["given"]
        key = (of.question.name, of.part, case.name, k, *(arrays[f"{name}_{k}"].tobytes() for name in names))
        if key not in self._given:
            found: list[tuple[Slip, Results]] = []
            for slip in self._slips_of(of.part):
                with suppress(*_FAILS), self._solution.changed(slip.module, slip.function, slip.change):
                    found.append((slip, self._run(of, case, k)))
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
                if change.rank <= LAST + (change.operator == "factor") and change.makes and change.operator not in LEFT
            ]
            found = sorted(found, key=lambda slip: (slip.function in before, _place_in_order(slip)))[:MOST]
            self._slips[part] = [*found, *islice(_together(found), MOST_TOGETHER)]
        return self._slips[part]

    def _set_up_by(self, part: str, known: Sequence[str]) -> list[str]:
        """The methods that are called before a part's own, on the same object, and give no result to compare."""
        asked = [one for one in self._declared.questions if part in dict(one.results).values()]
        called = dict.fromkeys(line.part for one in asked for line in one.run if line.part not in self._declared.parts)
        owner = part.partition(".")[0]
        silent = [one for one in called if one.startswith(f"{owner}.")]
        found = list[str]()
        for one in silent:
            with suppress(*_FAILS):  # what an object of its own is called for there
                found += [name for name in self._solution.functions_of(one, ())[1] if name not in known]
        return found

    def _said(self, fitting: Sequence[Slip], *, is_exact: bool) -> str:
        """The first change in words: names are said, code is not, and no number where another may give the same."""
        source = self._solution.sources[fitting[0].module]
        places = [(one, _place(source, source.functions[one.function], one.change)) for one in fitting]
        # What is divided by a size of 1 is as well not divided at all: a size of another axis is less likely.
        slip, place = next((one for one in places if not one[1].endswith(".shape")), places[0])
        called = {code: _called(code) for code in _CODE.findall(slip.change.makes)}
        said = _CODE.sub(lambda found: called[found[1]], slip.change.makes)
        alike = [
            one
            for one in fitting
            if one.change.operator == "number" and one.change.edits[0][:2] == slip.change.edits[0][:2]
        ]
        if slip in alike and (len(alike) > 1 or not is_exact):
            said = re.sub(r"^\S+ in place of", "another number in place of", said)
        if slip.change.operator == "statement" and place:
            said = f"a statement that sets {place} is left out, or has no effect"
        is_there = said.startswith("everything") or re.search(rf"\b{re.escape(place)}\b", said)
        said = said if is_there else f"{said} in {place}"
        is_factor = slip.change.operator == "factor" and any(one.startswith(_PART) for one in called.values())
        is_count = slip in alike and said.endswith("in a condition")
        if is_factor or is_count or slip.change.operator in ("brackets", "unbracketed"):
            self.vague.add(said)
        return said


_FAILS = (
    ValueError, TypeError, IndexError, KeyError, ArithmeticError, AttributeError, NameError, SyntaxError, StopIteration,
    RuntimeError, MemoryError, AssertionError, ImportError,
)  # fmt: skip
"""What a changed solution raises: nobody's numbers are as it gives them."""


def _asked_in(question: Question, plan: Sequence[Case], seen: Seen, dtype: str) -> tuple[tuple[Case, int], ...]:
    asked = [one for one in plan if one.params["question"] == question.name and one.name in seen]
    return tuple((case, k) for case in asked if case.dtype == dtype for k in range(len(case.params["sizes"])))


def _returned(case: Case, k: int, part: str, seen: Seen) -> dict[str, Array]:
    """The results of a part that came back as arrays."""
    found = {}
    for q in case.quantities:
        if q.part == part and q.key.call == k:
            got = result_of(seen[case.name], q.key)
            if isinstance(got, Returned) and got.array is not None and got.array.dtype.kind in "fiub":
                found[q.key.name] = got.array
    return found


def _same(one: Array, other: Array, near: float = NEAR) -> bool:
    """Whether two results are the same but for rounding, as an array of one number is that number."""
    is_odd = one.dtype.kind not in "fiub" or other.dtype.kind not in "fiub"  # as of results that are exchanged
    if is_odd or (one.shape != other.shape and not one.size == other.size == 1):
        return False
    a, b = np.asarray(one, np.float64).ravel(), np.asarray(other, np.float64).ravel()
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    near *= max(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0)))
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
    names = [one for one in names if not iskeyword(one)]
    own = [one for one in names if not one.startswith("np.")]
    names = list(dict.fromkeys(own or [one.removeprefix("np.") for one in names]))
    return f"{_PART} with {_listed(names)}" if 0 < len(names) <= 4 else "a part"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _place(source: Source, function: ast.FunctionDef, change: Change) -> str:
    """Where a change lies: the index of a name, a condition, or what the innermost statement gives; "" for no name."""
    start, end, _ = change.edits[0]
    around = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.expr | ast.stmt) and source.span(node)[0] <= start and end <= source.span(node)[1]
    ]
    place = function.name.strip("_") if function.name.startswith("_") else ""  # which a part calls
    for node in around:
        if isinstance(node, ast.Assign | ast.AugAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = zip(target.elts, node.value.elts, strict=False)
                target = next((to for to, value in pairs if value in around), target)
            place = _named(target)
        elif isinstance(node, ast.If) and node.test in around:
            place = "a condition"
        elif isinstance(node, ast.Subscript) and node.slice in around and _named(node):
            place = f"the index of {_named(node)}"
    return place


def _named(node: ast.expr) -> str:
    """The name of what is given or indexed, "" for none."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return ast.unparse(node).removeprefix(_OWN) if isinstance(node, ast.Name | ast.Attribute) else ""
