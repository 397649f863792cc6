"""What kind of operation each of torch's is: a view, random, under a rule, in place, to be decomposed, or unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch._ops import OpOverload, OpOverloadPacket

from reference.flow import rules
from reference.flow.operation import CLOSED, DECOMPOSITIONS, RULES, Rule
from reference.flow.rules.complex_numbers import RULES_OF_COMPLEX, in_parts

aten = torch.ops.aten
_COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd
_WRITTEN_UNSAID = {
    aten.native_batch_norm.default: ("running_mean", "running_var"),
    aten.cudnn_batch_norm.default: ("running_mean", "running_var"),
    aten._native_batch_norm_legit.default: ("running_mean", "running_var"),
}
"""Arguments that an operation writes into although its schema does not say so."""
_MORE_THAN_DRAWN = {aten.native_dropout.default, aten.rrelu_with_noise.default, aten._fused_dropout.default}
"""Random operations that also compute with what they draw, in a way that nothing here follows."""
_REARRANGING = {aten.squeeze_, aten.unsqueeze_, aten.transpose_, aten.t_, aten.as_strided_, aten.swapaxes_}
"""In place, but on shape and strides alone: the storage stays."""
_IN_CIRCLES = ("prims.igamma.default", "prims.igammac.default", "prims.gcd.default")
"""What torch makes of an operation of aten, and only that of it; others come from forward derivatives."""
_CHOOSING = ("choices", "extremes", "pools")
"""Families of rules that look at `Context.kinks`."""
rules.load()


class Kind(Enum):
    """How a mode treats an operation."""

    VIEW = "view"
    """Its result lies in its argument's storage, and so do the radii."""
    RANDOM = "random"
    """It draws numbers, which are data: the same ones for every run."""
    ITEM = "item"
    """It hands a value to Python."""
    RULE = "rule"
    IN_PLACE = "in place"
    """It writes its result into an argument; what the result is, another operation says."""
    LISTS = "lists"
    """It is another operation, done for each of a list."""
    DECOMPOSED = "decomposed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Plan:
    """The kind of one operation, and what goes with it."""

    kind: Kind
    rule: Rule | None = None
    decomposition: Callable[..., Any] | None = None
    closed: Rule | None = None
    """Of one to be decomposed: what gives the radii at once."""
    functional: OpOverload | None = None
    """Of one in place: the operation that returns the same result instead."""
    written: tuple[str, ...] = ()
    """The arguments that it writes into."""

    @property
    def chooses(self) -> bool:
        """Whether its rule may take another side at a kink, so that it is asked where values alone are."""
        return self.rule is not None and self.rule.__module__.rpartition(".")[2] in _CHOOSING


def plan(func: OpOverload) -> Plan:
    """How to treat `func`; rules that have been registered since are found."""
    rule = RULES.get(func) or RULES.get(func.overloadpacket)
    return _plan(func) if rule is None else _ruled(rule)


@cache
def _ruled(rule: Rule) -> Plan:
    return Plan(Kind.RULE, rule=rule)


@cache
def plan_of_complex(func: OpOverload) -> Plan:
    """How to treat `func` where complex numbers go into it, which the rules of real ones know nothing of."""
    if func.overloadpacket in RULES_OF_COMPLEX:
        return Plan(Kind.RULE, rule=RULES_OF_COMPLEX[func.overloadpacket])
    decomposition = in_parts(func)
    if decomposition is not None:
        return Plan(Kind.DECOMPOSED, decomposition=decomposition)
    usual = plan(func)
    composite = func.has_kernel_for_dispatch_key(_COMPOSITE)
    follows = usual.kind not in (Kind.RULE, Kind.DECOMPOSED) or (usual.kind is Kind.DECOMPOSED and composite)
    return usual if follows else Plan(Kind.UNKNOWN)


@cache
def _plan(func: OpOverload) -> Plan:
    arguments = func._schema.arguments
    written = tuple(a.name for a in arguments if a.alias_info is not None and a.alias_info.is_write)
    if func is aten._local_scalar_dense.default:
        return Plan(Kind.ITEM)
    if func.overloadpacket in _REARRANGING:
        return Plan(Kind.VIEW)
    closed = CLOSED.get(func)
    if func.namespace == "prims" and hasattr(aten, func.overloadpacket.__name__) and str(func) not in _IN_CIRCLES:
        return Plan(Kind.DECOMPOSED, decomposition=getattr(aten, func.overloadpacket.__name__))
    if func in DECOMPOSITIONS:
        written = written or _WRITTEN_UNSAID.get(func, ())
        return Plan(Kind.DECOMPOSED, decomposition=DECOMPOSITIONS[func], closed=closed, written=written)
    if torch.Tag.nondeterministic_seeded in func.tags:
        return Plan(Kind.UNKNOWN if func in _MORE_THAN_DRAWN else Kind.RANDOM)
    if not written and any(a.alias_info is not None for a in arguments):
        return Plan(Kind.VIEW)
    if func._schema.name.startswith("aten::_foreach_"):
        return Plan(Kind.LISTS, decomposition=_one_by_one(func))
    if written:
        functional = _functional(func)
        if functional is None or len(written) != 1:
            return Plan(Kind.UNKNOWN)
        return Plan(Kind.IN_PLACE, functional=functional, written=written)
    if func.has_kernel_for_dispatch_key(_COMPOSITE):
        return Plan(Kind.DECOMPOSED, decomposition=func.decompose)
    if func in decomposition_table:
        return Plan(Kind.DECOMPOSED, decomposition=_without_compiler(decomposition_table[func]), closed=closed)
    return Plan(Kind.UNKNOWN)


def _without_compiler(decomposition: Callable[..., Any]) -> Callable[..., Any]:
    """The same; torch would import its compiler, which takes two seconds, to say that it is not to be compiled."""
    one: Any = decomposition
    while one is not None:
        vars(one).setdefault("__dynamo_disable", one)  # what torch._compile keeps there in any case
        one = getattr(one, "__wrapped__", None)
    return decomposition


def _functional(func: OpOverload) -> OpOverload | None:
    """The operation that returns what `func` writes: without the underscore, or without `out`."""
    namespace, name = func._schema.name.split("::")
    packet: OpOverloadPacket | None = getattr(getattr(torch.ops, namespace), name.removesuffix("_"), None)
    if packet is None:
        return None
    wanted = [(a.name, str(a.type)) for a in func._schema.arguments if not a.is_out]
    for overload in packet.overloads():  # type: ignore[no-untyped-call]
        candidate: OpOverload = getattr(packet, overload)
        arguments = candidate._schema.arguments
        writes = any(a.alias_info is not None and a.alias_info.is_write for a in arguments)
        if not writes and [(a.name, str(a.type)) for a in arguments] == wanted:
            return candidate
    return None


def _one_by_one(func: OpOverload) -> Callable[..., Any]:
    """An operation on lists of tensors (`_foreach_add_`), done for one after the other."""
    name = func._schema.name.removeprefix("aten::_foreach_")
    packet: Any = aten.linalg_vector_norm if name == "norm" else getattr(aten, name)
    arguments = func._schema.arguments
    lists = {a.name for a in arguments if "List" in str(a.type)}

    def each(*args: Any, **kwargs: Any) -> Any:
        given = {a.name: value for a, value in zip(arguments, args, strict=False)} | kwargs
        results = []
        for i in range(len(given[arguments[0].name])):
            one = {key: value[i] if key in lists else value for key, value in given.items()}
            positional = [one.pop(a.name) for a in arguments if a.name in one and not a.kwarg_only]
            results.append(packet(*positional, **one))
        return results if func._schema.returns else None

    return each
