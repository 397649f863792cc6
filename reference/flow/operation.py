"""One call of an operation of torch's as a rule sees it, and the register of rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass, field
from functools import cache, wraps
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload, OpOverloadPacket

from reference.flow.freedom import Freedom
from reference.flow.low_precision import FORMATS, Arithmetic, half_ulp
from reference.flow.rounding import STORED_INSIDE, Precision, is_power_of_two
from reference.flow.shadows import Marks, Shadows, is_unknown, unknown
from reference.flow.shared import Shared

Radius = Tensor | None
"""float64, of the shape of what it belongs to; None where all of it is 0. Products of float32 leave float32. Where
nothing is known of any element it is `unknown`, which costs no pass over it."""
Rule = Callable[["Operation"], Any]

LONG, TOO_LONG = 256, 1 << 24
"""Numbers of terms from which, and up to which, a sum goes by the law of rules/long_sums.py: fewer say enough by the
guaranteed bound or by a sample, and of more the law would take too much memory."""

BLOCK = 1 << 16
"""Elements that are worked on at a time where each goes its own way: what a rule makes of them stays near the
processor, where memory would take ten times as long."""

RULES: dict[OpOverload | OpOverloadPacket, Rule] = {}
"""By operation, or for all overloads of one."""
DECOMPOSITIONS: dict[OpOverload, Callable[..., Any]] = {}
"""What to run instead, in operations that have rules, where torch's own list has nothing or something that rounds
otherwise."""
CLOSED: dict[OpOverload, Rule] = {}
"""Of some of these what gives the radii at once where no replica follows: fewer passes, and smaller radii."""


def rule(*operations: OpOverload | OpOverloadPacket) -> Callable[[Rule], Rule]:
    """Register a rule for operations (`torch.ops.aten.foo`: all overloads, or `torch.ops.aten.foo.default`).

    A rule takes an `Operation` and returns the radius of its result: a float64 tensor of the result's shape, None
    where the result is exact, a tuple of these for several results. The radius is what the operands' radii make of
    the result (`operation.radius(x)`) plus the rounding of both sides, torch's and the candidate's
    (`operation.rounding(size, k)`, `operation.sums(n)`). Variants in place and with `out=` follow by themselves.
    """

    for operation in operations:
        if not isinstance(operation, OpOverload | OpOverloadPacket):
            raise TypeError(f"a rule is registered for operations such as torch.ops.aten.foo, not for {operation!r}")

    def register(function: Rule) -> Rule:
        for operation in operations:
            RULES[operation] = function
        return function

    return register


def by_blocks(elementwise: Rule, *linear_in: str) -> Rule:
    """The same rule, of an operation that works element by element, put to large ones block by block.

    Where nothing is known of an operand named in `linear_in`, nothing is of the result.
    """

    @wraps(elementwise)
    def of_all(operation: Operation) -> Radius:
        if operation.out.is_floating_point() and operation.context.arithmetic is None:
            for x in map(operation.arguments.get, linear_in):
                if isinstance(x, Tensor) and is_unknown(operation.radius(x)):
                    return unknown(operation.out)
        if operation.out.numel() <= 2 * BLOCK:
            found: Radius = elementwise(operation)
            return found
        whole = torch.empty(operation.out.shape, dtype=torch.float64, device=operation.out.device)
        rounds = False
        for axis, start, length, part in operation.blocks():
            radius = elementwise(part)
            operation.stretch = max(operation.stretch, part.stretch)
            operation.rounds |= part.rounds
            operation.scales |= part.scales
            rounds |= radius is not None
            place = whole.narrow(axis, start, length)
            if radius is None:
                place.zero_()
            else:
                place.copy_(radius)
        return whole if rounds else None

    return of_all


def linear_in(*names: str) -> Callable[[Rule], Rule]:
    """`by_blocks` with the names of operands."""
    return lambda elementwise: by_blocks(elementwise, *names)


def decomposition(*operations: OpOverload) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register what is run instead of an operation, whose own result stays the value."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for operation in operations:
            DECOMPOSITIONS[operation] = function
        return function

    return register


def closed(*operations: OpOverload) -> Callable[[Rule], Rule]:
    """Register a rule for operations that have a decomposition; one that returns NotImplemented leaves it to that."""

    def register(function: Rule) -> Rule:
        for operation in operations:
            CLOSED[operation] = function
        return function

    return register


@dataclass
class Context:
    """What rules need to know of the run: precision, radii, which other forms are allowed, how kinks are taken."""

    precision: Precision
    shadows: Shadows
    forms: frozenset[str] = frozenset()
    kinks: str = "torch"
    """How a choice exactly at its kink is taken: as "torch" does, the "other" way, or with equal taken as "unequal"; of
    elements tied for a maximum these are all and none, and "last" takes the last. "turned" takes torch's side, and the
    other sign of every other vector of a factorisation."""
    arithmetic: Arithmetic | None = None
    """What was declared of a candidate in low precision; the run is then in float64."""
    probable: bool = False
    """Whether long sums have the probable radius of rules/long_sums.py, where it is smaller."""
    gates: Marks = field(default_factory=Marks)
    """Of relu's results, which are all that its backward sees: where the operand was exactly 0."""
    ties: Marks = field(default_factory=Marks)
    """Of a comparison's truth values: where both sides were exactly equal."""
    rivals: Marks = field(default_factory=Marks)
    """Of a maximum's indices: which elements come within reach of it, and which are exactly tied, both of the operand's
    shape; and which indices are of such a tie."""
    seen_long: bool = False
    """Whether some operation of the run sums so many terms."""
    seen_closed: bool = False
    """Whether some operation's radii came from its closed form."""
    probable_calls: int = 0
    """How many radii the law of long sums gave."""
    seen_forms: set[str] = field(default_factory=set)
    """Those of rounding.FORMS that some operation of the run has."""
    seen_kinks: int = 0
    """How many choices were exactly at a kink."""
    library: Mapping[str, float] = field(default_factory=dict)
    """By function (`exp`) how many ulps the candidate's may err by, where that was declared."""
    conditions: dict[str, float] = field(default_factory=dict)
    """By operation of linear algebra the largest condition number, by which rounding of its operands grows."""
    factored: list[tuple[Tensor, Tensor, Radius]] = field(default_factory=list)
    """Factors that were kept for a backward, each with the matrix that they are of and its radius."""
    freedoms: list[Freedom] = field(default_factory=list)
    """Results that are right in other signs, or another order, as well."""
    seen_ties: int = 0
    """How many of them were between elements tied for a maximum, whose gradient goes to one of them."""


CURRENT: ContextVar[Context] = ContextVar("the run's context")
"""For decompositions, which get nothing but an operation's arguments."""


REPEATS_FORWARD: ContextVar[bool] = ContextVar("a backward runs its forward again", default=False)
"""For choices, which are taken otherwise in a backward than in the forward."""


def allows(form: str) -> bool:
    """Whether the run is to allow for another honest form; notes that it has an operation of which there is one."""
    context = CURRENT.get()
    context.seen_forms.add(form)
    return form in context.forms


class Operation:
    """One call: its arguments by name (`op["self"]`), its result `op.out`, and the radii of both.

    With `local`, radii are 0 and n roundings of a sum count as √n: what remains is the operation's own rounding as a
    standard deviation, and `stretch` says by how much its worst case is larger. With `alone` radii are 0, and its own
    rounding is what it is at most.
    """

    def __init__(
        self,
        func: OpOverload,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        out: Any,
        context: Context,
        local: bool,
        alone: bool = False,
    ) -> None:
        self.func, self.out, self.context, self.local, self.alone = func, out, context, local, alone
        self.stretch = 1.0
        self.rounds = False
        """Whether the rule has asked for a rounding of its own, so that the result may have to be stored anew."""
        self.scales = False
        """Whether it has asked for one that is exact, as by a power of two, unless the result is too small for that."""
        self.memo: dict[str, Any] = {}
        """What a rule keeps for when it is asked about the same call again."""
        self.shared: Shared | None = None
        """What the elements of its first result share, as a rule in closed form leaves it."""
        names, defaults = _parameters(func)
        said = defaults | dict(zip(names, args, strict=False)) | kwargs
        self._given = {name: said[name] for name in names if name in said}

    def __getitem__(self, name: str) -> Any:
        return self._given[name]

    def __contains__(self, name: str) -> bool:
        return name in self._given

    @property
    def arguments(self) -> dict[str, Any]:
        """All arguments by their names in the operation's schema, defaults included."""
        return self._given

    def blocks(self) -> Iterator[tuple[int, int, int, Operation]]:
        """The same operation on some rows after others, each with the axis, the first of its rows and how many."""
        shape = self.out.shape
        axis = next(i for i, length in enumerate(shape) if length > 1)
        rows = max(1, BLOCK * shape[axis] // self.out.numel())
        back = axis - len(shape)
        for start in range(0, shape[axis], rows):
            length = min(rows, shape[axis] - start)
            part = copy(self)
            part.out = self.out.narrow(axis, start, length)
            part._given = {
                name: x.narrow(back, start, length)
                if isinstance(x, Tensor) and x.dim() >= -back and x.shape[back] > 1
                else x
                for name, x in self._given.items()
            }
            yield axis, start, length, part

    def known_radius(self, x: Any) -> Radius:
        """The radius of an operand; of a number that the type does not hold, one rounding a side."""
        if isinstance(x, Tensor):
            return self.context.shadows.get(x)
        if not isinstance(x, float):
            return None
        declared = self.context.arithmetic
        if declared is not None and declared.rounds(x) and self.allows(STORED_INSIDE):
            return declared.half_ulp(torch.tensor(x))
        if self.context.precision.holds(x):
            return None
        return torch.tensor(2 * self.context.precision.u * abs(x), dtype=torch.float64)

    def radius(self, x: Any) -> Radius:
        """The radius of an operand that goes into the result: none of a tensor's where only its own rounding counts."""
        return None if (self.local or self.alone) and isinstance(x, Tensor) else self.known_radius(x)

    def factor_radius(self, x: Tensor) -> Radius:
        """The radius of a factor of products: the operand's, and its rounding where one was declared."""
        declared, r = self.context.arithmetic, self.radius(x)
        if declared is None or declared.products is None:
            return r
        size = x.abs() if r is None else wide(x).abs() + r
        return plus(r, half_ulp(FORMATS[declared.products], size).masked_fill_(size == 0, 0.0))

    def long(self, terms: int) -> bool:
        """Whether a sum of so many terms is to have its probable radius; notes that there is a long one."""
        if not LONG <= terms <= TOO_LONG or (isinstance(self.out, Tensor) and self.out.numel() == 0):
            return False
        arithmetic = self.context.arithmetic
        if arithmetic is not None and arithmetic.accumulate != "float32":
            return False
        self.context.seen_long = True
        return self.context.probable

    def exactly(self, x: Any, number: float) -> Tensor | bool:
        """Where the operand is this number and its radius is 0; False where a quick look finds no such element."""
        if not isinstance(x, Tensor):
            return bool(x == number)
        if number == 0 and x.is_floating_point() and x.numel() and float(x.abs().amin()) > 0:
            return False
        radius = self.known_radius(x)
        equal = x == number
        return equal if radius is None else equal & (radius == 0)

    def not_zero(self, x: Tensor) -> Tensor:
        """Where the operand is not exactly 0, in its shape."""
        zero = self.exactly(x, 0)
        return ~zero if isinstance(zero, Tensor) else torch.ones(x.shape, dtype=torch.bool, device=x.device)

    def scale_exact(self, x: Any) -> Tensor | bool:
        """Where multiplying or dividing by the operand rounds nothing: exact powers of two, and 0."""
        if not isinstance(x, Tensor):
            return is_power_of_two(float(x))
        radius = self.known_radius(x)
        if x.is_floating_point():
            if not bool(_power_of_two(_some_of(x)).any()):
                return self.exactly(x, 0)
            exact = _power_of_two(x)
        else:
            exact = (x == 0) | (x.abs() == 1) if x.dtype != torch.bool else torch.ones_like(x)
        return exact if radius is None else exact & (radius == 0)

    def integers(self, *operands: Any) -> bool:
        """Whether the operands are exact integers, and the result one that the type holds: then nothing rounded."""
        for x in operands:
            if self.known_radius(x) is not None:
                return False
            if isinstance(x, Tensor):
                if x.is_floating_point() and not (_whole(_some_of(x)) and _whole(x)):
                    return False
            elif float(x) != math.trunc(x) if math.isfinite(x) else True:
                return False
        return self.out.numel() == 0 or bool(self.out.abs().amax() < self.context.precision.integers)

    def sums_integers(self, x: Tensor) -> bool:
        """Whether every partial sum of x, in any order, is an exact integer that the type holds."""
        if not self.integers(x):
            return False
        declared = self.context.arithmetic
        most = self.context.precision.integers if declared is None else 1 / declared.summed.u
        return x.numel() == 0 or float(x.abs().sum(dtype=torch.float64)) < most

    def rounding(self, size: Tensor, roundings: float = 1.0, exact: Tensor | bool | None = None) -> Tensor:
        """Both sides' rounding, 2·k·u·|size| for k roundings a side, and what they lose where they underflow.

        `size` is float64, |result| and its radius. Where `exact` is True the result rounds nothing.
        """
        p = self.context.precision
        if self.context.arithmetic is not None:
            self.scales = True
            self.rounds |= not bool(exact.all()) if isinstance(exact, Tensor) else exact is not True
        local = size.abs()
        torch.add(_number(2 * roundings * p.tiny), local, alpha=_both_sides(roundings, p.u), out=local)
        if exact is None or exact is False:
            return local
        if exact is True:
            return local.zero_()
        return zeroed(local, exact)

    def rounded(self, carried: Radius, roundings: float = 1.0, exact: Tensor | bool | None = None) -> Radius:
        """What the operands bring, and on top the `rounding` of the result as far as it may be then."""
        size = magnitude(self.out)
        if exact is None or exact is False:
            if self.context.arithmetic is not None:
                self.scales = self.rounds = True
            p = self.context.precision
            share = _both_sides(roundings, p.u)
            torch.add(_number(2 * roundings * p.tiny), size, alpha=share, out=size)
            return size if carried is None else size.add_(carried, alpha=1 + share)
        return plus(carried, self.rounding(size if carried is None else size.add_(carried), roundings, exact))

    def sums(self, n: int) -> float:
        """The factor of Σ|terms| for sums of n roundings, both sides: 2·γ_n; of a standard deviation 2·√n·u.

        With a declaration it is the candidate's side alone, and of few bits the worst case always.

        The latter is what n independent roundings, each u times the largest partial sum, make together at most
        (N. J. Higham and T. Mary, "A new approach to probabilistic rounding error analysis", 2019).
        """
        p, declared = self.context.precision, self.context.arithmetic
        self.rounds |= n > 0
        if declared is not None and (declared.stagnates or not self.local):
            return declared.sums(n)
        if not self.local:
            return 2 * p.gamma(n)
        if n > 1:
            self.stretch = max(self.stretch, p.gamma(n) / (math.sqrt(n) * p.u))
        return 2 * math.sqrt(n) * p.u

    def ulps(self, name: str, usual: float) -> float:
        """How many units in the last place a function of the candidate's library may err by."""
        return self.context.library.get(name, usual)

    def unit_inside(self) -> float:
        """u of what happens within the operation: of both sides, or where a form has parts stored half the candidate's.

        So that 2u is what both round, as everywhere.
        """
        declared = self.context.arithmetic
        if declared is None or not self.allows(STORED_INSIDE):
            return self.context.precision.u
        return max(self.context.precision.u, declared.stored.u / 2)

    def stored_inside(self, size: Callable[[], Tensor], results: int = 1) -> Radius:
        """What storing so many results within the operation makes of its own; None where that form is not allowed.

        `size` is what they come to in the result, |x| of each and its radius.
        """
        declared = self.context.arithmetic
        if declared is None or results < 1 or not self.allows(STORED_INSIDE):
            return None
        return (wide(size()) * (declared.stored.u * (1 + 8 * results * declared.stored.u))).add_(
            declared.tiny
        ) * results

    def allows(self, form: str) -> bool:
        """Whether another honest form of this operation is to be allowed for; notes that the operation has it."""
        self.context.seen_forms.add(form)
        return form in self.context.forms


@cache
def _parameters(func: OpOverload) -> tuple[list[str], dict[str, Any]]:
    """The names of an operation's arguments, and the values of those that need not be given."""
    arguments = func._schema.arguments
    return [a.name for a in arguments], {a.name: a.default_value for a in arguments if a.has_default_value()}


def _some_of(x: Tensor) -> Tensor:
    """Some elements of a large tensor, which tell most often what would take longest to be told by all."""
    return x.view(-1)[:: x.numel() // 64] if x.numel() > 4096 and x.is_contiguous() else x


def _power_of_two(x: Tensor) -> Tensor:
    """Where an element is 0 or a power of two."""
    power = torch.frexp(x.detach())[0].abs_()
    return (power == 0.5) | (power == 0)


def _whole(x: Tensor) -> bool:
    return bool((x.trunc() == x).all())


def wide(x: Any) -> Tensor:
    """A tensor or a number as a tensor of float64."""
    return x.to(torch.float64) if isinstance(x, Tensor) else torch.tensor(float(x), dtype=torch.float64)


def magnitude(x: Any) -> Tensor:
    """|x| in float64, a tensor of its own."""
    return x.abs() if isinstance(x, Tensor) and x.dtype is torch.float64 else wide(x).abs_()


def _both_sides(roundings: float, u: float) -> float:
    """2·k·u, and what the result itself is off by already."""
    return 2 * roundings * u * (1 + 8 * (roundings + 1) * u)


@cache
def _number(number: float) -> Tensor:
    return torch.tensor(number, dtype=torch.float64)


def plus(*radii: Radius) -> Radius:
    """The sum of radii, None where all are."""
    total: Radius = None
    for radius in radii:
        if radius is not None:
            total = radius if total is None else total + radius
    return total


def some(where: Tensor) -> bool:
    """Whether any truth value is True. (`any()` takes ten times as long.)"""
    return where.numel() > 0 and bool(where.view(torch.uint8).amax())


def zeroed(radius: Tensor, where: Tensor) -> Tensor:
    """The radius, changed to 0 in place where this is True. (`masked_fill_` takes five times as long.)"""
    if not some(where):
        return radius
    if float(radius.amax()) < math.inf:
        return radius.mul_((~where).to(radius.dtype))
    return radius.masked_fill_(where.broadcast_to(radius.shape), 0.0)


def uncertain(where: Tensor) -> Radius:
    """The radius of a decision (a truth value, an index): infinite where rounding alone makes it, else 0."""
    if not some(where):
        return None
    return torch.zeros(where.shape, dtype=torch.float64, device=where.device).masked_fill_(where, math.inf)
