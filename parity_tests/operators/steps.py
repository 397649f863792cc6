"""The steps of a torch function: the calls that it makes, the operations that run, and it with one of them changed."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

Function = Callable[..., Any]
Made = Callable[[Function], Function]
"""A function made of another."""
How = Callable[[Function, tuple[Any, ...], dict[str, Any]], Any]
"""What is returned in place of a step's own result."""
Parts = Callable[[str, Function, tuple[Any, ...], dict[str, Any]], Callable[[], Any] | None]
"""A step in its parts, by its name and arguments; None where it has none."""
_SAME = {"__truediv__": "div", "__matmul__": "matmul", "__rmatmul__": "matmul", "__pow__": "pow"}
_NOTHING = frozenset(
    ("grad", "detach", "requires_grad_", "resolve_conj", "resolve_neg", "__get__", "clone", "contiguous", "to")
)
"""What is called and changes no number."""
_MOST = 16
"""Steps of one name of which each is changed alone."""


@dataclass(frozen=True)
class Change:
    """A change of a function, with the words for what it then does otherwise; these may say no more than is seen.

    `writes` is what it makes of the results by name, where it is a change of these alone.
    """

    words: str
    made: Made
    is_seen: bool = False
    writes: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] | None = None


@dataclass(frozen=True)
class Unknown:
    """A change that holds a number, `start` in the function itself; `words` has it as {}."""

    words: str
    start: float
    made: Callable[[float], Made]

    def of(self, number: float) -> Change:
        """The change with that number."""
        return Change(self.words.format(f"{number:.10g}"), self.made(number))


@dataclass(frozen=True)
class Step:
    """One call, or one operation, by its number `at` among the `of` ones of its name, or all of them (None).

    `values` are its arguments by name, `shape` is that of its result.
    """

    mode: type[_Calls | _Ops]
    name: str
    at: int | None
    of: int
    values: Mapping[str, Any]
    shape: torch.Size
    parts: Parts | None = None

    @property
    def plain(self) -> str:
        """Its name without the one of the formula that it stands in."""
        return plain_name(self.name)

    @property
    def trusts(self) -> bool:
        """Whether it is a kernel that takes sizes and indices on trust: with others it may read what is not its own."""
        return self.mode is _Ops and (self.plain.startswith(("_", "native_")) or "backward" in self.plain)

    @property
    def words(self) -> str:
        """What it is called, and which of its name it is."""
        which = f" (all {self.of})" if self.at is None else f" (number {self.at + 1} of {self.of})"
        return self.name.strip("_") + (which if self.of > 1 else "")

    def tensors(self) -> dict[str, Tensor]:
        """The arguments that are of floating-point numbers."""
        return {key: x for key, x in self.values.items() if isinstance(x, Tensor) and x.is_floating_point()}

    def instead(self, how: How) -> Made:
        """The change in which `how` takes the place of the step."""
        return together((self, how))

    def given(self, others: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Made:
        """The change in which the step gets other arguments, made of its own by name."""

        def how(func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            values, call = bound(func, args, kwargs)
            return call({**values, **others(values)})

        return self.instead(how)

    def giving(self, other: Callable[[Any], Any]) -> Made:
        """The change in which the step gives another result, made of its own (the first, where it has several)."""

        def how(func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            out = func(*args, **kwargs)
            return (other(out[0]), *out[1:]) if isinstance(out, tuple) else other(out)

        return self.instead(how)


def together(*changed: tuple[Step, How]) -> Made:
    """The change in which each of these steps, of one kind all, has its own in its place."""
    mode, parts = changed[0][0].mode, changed[0][0].parts

    def seen(name: str, at: int, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for step, how in changed:
            if name == step.name and step.at in (None, at):
                return how(func, args, kwargs)
        return func(*args, **kwargs)

    return lambda function: _in_mode(function, mode, seen, parts)


def plain_name(name: str) -> str:
    """A name as torch has it."""
    return name.rpartition("'s ")[2]


Seen = Callable[[str, int, Function, tuple[Any, ...], dict[str, Any]], Any]


class _Counting:
    """Hands each step on, by its name and its number among those of that name; with `parts`, those within these."""

    def __init__(self, seen: Seen, parts: Parts | None = None) -> None:
        super().__init__()
        self.seen, self.parts, self.count, self.within = seen, parts, Counter[str](), ""

    def handed_on(self, name: str, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What is returned for one step."""
        if self.parts is not None and not self.within:
            formula = self.parts(name, func, args, kwargs)
            if formula is None:
                return func(*args, **kwargs)
            self.within = name
            try:
                with self:  # type: ignore[attr-defined]
                    return formula()
            finally:
                self.within = ""
        name = f"{self.within}'s {name}" if self.within else name
        self.count[name] += 1
        return self.seen(name, self.count[name] - 1, func, args, kwargs)


class _Calls(_Counting, TorchFunctionMode):
    """Hands on each call of torch's functions."""

    def __torch_function__(
        self, func: Function, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = str(getattr(func, "__name__", ""))
        return self.handed_on(_SAME.get(name, name), func, args, kwargs or {})


class _Ops(_Counting, TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The same of operations, those of a backward too."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled under the mode; torch's guard against it imports its compiler, which takes a second."""
        return False

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self.handed_on(func._schema.name.removeprefix("aten::"), func, args, kwargs or {})


def _in_mode(function: Function, mode: type[_Calls | _Ops], seen: Seen, parts: Parts | None = None) -> Function:
    def changed(**inputs: Any) -> Any:
        with mode(seen, parts):
            return function(**inputs)

    return changed


def calls_of(run: Callable[[Made], Any], parts: Parts | None = None) -> list[Step]:
    """The calls of a function, which `run` runs changed, that give floating-point numbers; or those within `parts`."""
    return _steps(run, _Calls, parts)


def ops_of(run: Callable[[Made], Any], parts: Parts | None = None) -> list[Step]:
    """The same of the operations that run; their arguments are those of torch's own operators."""
    return _steps(run, _Ops, parts)


def _steps(run: Callable[[Made], Any], mode: type[_Calls | _Ops], parts: Parts | None) -> list[Step]:
    """The steps in their order: all of a name as one, and then each alone, unless there are too many."""
    found: list[Step] = []

    def seen(name: str, at: int, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        values = bound(func, args, kwargs)[0]
        out = func(*args, **kwargs)
        one = out[0] if isinstance(out, tuple) and out else out
        if isinstance(one, Tensor) and one.is_floating_point() and plain_name(name) not in _NOTHING:
            found.append(Step(mode, name, at, 1, values, one.shape, parts))
        return out

    run(lambda function: _in_mode(function, mode, seen, parts))
    count = Counter(step.name for step in found)
    firsts = {step.name: step for step in reversed(found)}
    steps: list[Step] = []
    for step in found:
        if count[step.name] > 1 and step is firsts[step.name]:
            steps.append(replace(step, at=None, of=count[step.name]))
        if count[step.name] <= _MOST:
            steps.append(replace(step, of=count[step.name]))
    return steps


def bound(
    func: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[dict[str, Any], Callable[[Mapping[str, Any]], Any]]:
    """The arguments by name, those left out included, and the function by such; by number where it does not say."""
    names = {"axis": "dim", "keepdims": "keepdim"}  # numpy's
    kwargs = {names.get(key, key): x for key, x in kwargs.items()}
    if not isinstance(func, OpOverload):
        try:
            signed = inspect.signature(func).bind(*args, **kwargs)
        except (TypeError, ValueError):
            as_self = {"self" if key == "input" else key: x for key, x in kwargs.items()}  # as most schemas call it
            overloads = ((_overload(func, args, given), given) for given in (kwargs, as_self))
            func, kwargs = next((one for one in overloads if isinstance(one[0], OpOverload)), (func, kwargs))
        else:
            signed.apply_defaults()

            def by_signature(values: Mapping[str, Any]) -> Any:
                signed.arguments.update(values)
                return func(*signed.args, **signed.kwargs)

            return dict(signed.arguments), by_signature
    if not isinstance(func, OpOverload):
        return {str(i): x for i, x in enumerate(args)} | kwargs, lambda values: func(*values.values())
    arguments = func._schema.arguments
    given = {a.name: a.default_value for a in arguments if a.has_default_value()}
    given |= {a.name: x for a, x in zip(arguments, args, strict=False)} | kwargs
    given = {a.name: given[a.name] for a in arguments if a.name in given}

    def by_schema(values: Mapping[str, Any]) -> Any:
        order = [values[a.name] for a in arguments if not a.kwarg_only]
        return func(*order, **{a.name: values[a.name] for a in arguments if a.kwarg_only})

    return given, by_schema


def _overload(func: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Function:
    """torch's operator of that name for such arguments; the function itself where there is none."""
    name = str(getattr(func, "__name__", ""))
    packet = getattr(torch.ops.aten, _SAME.get(name, name), None)
    try:
        chosen = torch._C._jit_resolve_packet(packet._qualified_op_name, *args, **kwargs)  # type: ignore[union-attr]
    except Exception:  # there is none, or it takes no such arguments
        return func
    return getattr(packet, chosen)  # type: ignore[no-any-return]
