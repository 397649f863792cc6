"""The likely cause: which change of the reference gives what a candidate returned."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.overrides import TorchFunctionMode

from parity_tests.harness.judge_flow import judge
from parity_tests.operators.of_arrays import FEW, Seen, inputs_of, place_in, results_of
from parity_tests.operators.of_parts import backward_within, calls_within
from parity_tests.operators.of_steps import (
    changes_of,
    orders_of,
    precisions_of,
    roots_of,
    sums_of,
    unknowns_of,
)
from parity_tests.operators.steps import Change, Function, Made, Unknown, calls_of, ops_of
from reference.flow import Flowed
from reference.flow.calls import as_tensors, named
from reports.model.verdicts import PASSING

SECONDS = 2.0
"""Processor time that a search may take; where judging took longer, as long as that."""
_ROOM = 8
"""A change is looked at closely where what it gives is within so many radii."""
_CHANCE = 1e-3
"""Nothing is claimed that one of as many changes as were tried gives by chance with a probability over this."""
_CLOSELY, _SAID = 4, 2
"""So many changes of one kind are looked at closely, and so many are said where they give the same."""
_TURNS = 6
_SIZE = 1024
"""A number in a change is of few digits, or the reference's own times a ratio of sizes up to this, as n / (n - 1)."""
_FIRST = 1024
"""So many elements of a large result are looked at before all are."""
Outputs = Mapping[str, Tensor]


@dataclass(frozen=True)
class Asked:
    """One call of a pair: the reference, its inputs, what it answers, and what the candidate returned in its place.

    `evaluate` and `plain` are what another function answers for the same inputs, with and without radii.
    """

    function: Function
    inputs: Mapping[str, Any]
    flowed: Mapping[str, Flowed]
    returned: Mapping[str, NDArray[Any]]
    fails: bool
    evaluate: Callable[[Function], Mapping[str, Flowed]]
    plain: Callable[[Function], Outputs]
    candidate: Any = None
    answers: Callable[[Function], Mapping[str, NDArray[Any]]] = lambda _: {}
    """What another candidate answers for the same inputs, by the names of the reference's results."""

    def wrong(self) -> dict[str, Seen]:
        """The results that are off somewhere, of those that have the shape that is asked."""
        found = {}
        for name, one in self.flowed.items():
            got, want = torch.from_numpy(self.returned[name].astype("float64")), _wide(one.value)
            if got.shape == want.shape:
                found[name] = Seen(got, want, _off(got, want, _wide(one.radius)))
        return {name: seen for name, seen in found.items() if bool(seen.wrong.any())}


@dataclass(frozen=True)
class Cause:
    """The changes that give the same, or else where alone it is wrong; the line of source that would mend it.

    `ended` says what ended the search early.
    """

    changes: tuple[Change, ...] = ()
    place: str = ""
    mend: str = ""
    ended: str = ""

    @property
    def words(self) -> str:
        """The line that mends it or, where none is known, all else; "" for nothing."""
        where = f"something that touches {self.place} alone, all else agrees" if self.place else ""
        return self.mend or "; ".join(filter(None, (*(change.words for change in self.changes), where)))


class _OutOfTimeError(Exception):
    """The search has taken its time."""


def cause_of(cases: Sequence[Asked], seconds: float) -> Cause:
    """The change of the reference that gives all that the candidate returned, in all cases, within its own radii.

    Changes of the plainest kind are tried first; where one of a kind is borne out, no further kind is tried.
    """
    failing = [case for case in cases if case.fails]
    if not failing or seconds <= 0:
        return Cause()
    first = min(
        failing,
        key=lambda case: (
            sum(int(seen.wrong.sum()) for seen in case.wrong().values()) <= FEW,
            not any(x.dtype == "float64" for x in case.returned.values()),  # which tells more numbers apart
            _size(case),
        ),
    )
    search = _Search(first, [case for case in cases if case is not first], seconds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            search.run()
        except _OutOfTimeError:
            ended = f"ended after {seconds:.2g} s of processor time"
            return Cause(tuple(search.claims), search.place(), ended=ended)
    return Cause(tuple(search.claims), search.place())


def _size(case: Asked) -> int:
    return sum(x.size for x in case.returned.values())


class _Clock(TorchFunctionMode):
    """Ends a run when the time is over: a changed function need not come to an end."""

    def __init__(self, until: float) -> None:
        super().__init__()
        self.until = until

    def __torch_function__(
        self, func: Function, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if time.process_time() > self.until:
            raise _OutOfTimeError
        return func(*args, **(kwargs or {}))


class _Search:
    """The work on one failing case; the others bear out or refute what is found there."""

    def __init__(self, case: Asked, others: Sequence[Asked], seconds: float) -> None:
        self.case, self.others = case, sorted(others, key=_size)
        self.until = time.process_time() + seconds
        self.got = {name: torch.from_numpy(x.astype("float64")) for name, x in case.returned.items()}
        self.want = {name: _wide(one.value) for name, one in case.flowed.items()}
        self.wrong = case.wrong()
        self.room = {name: _Room.of(self.got[name], one, self.wrong.get(name)) for name, one in case.flowed.items()}
        self.count = sum(int(seen.wrong.sum()) for seen in self.wrong.values())
        self.claims: list[Change] = []
        self.tries = 1

    def run(self) -> None:
        """Finds the claims. Raises _OutOfTimeError."""
        for kind in self._kinds():
            close = 0
            for change in kind:
                known = self._solved(change) if isinstance(change, Unknown) else change
                if known is None or not self._is_near(self._run(known.made)):
                    continue
                close += 1
                self.claims += [known] if self._is_borne_out(known) else []
                if close == _CLOSELY or len(self.claims) == _SAID:
                    break
            if self.claims:
                return

    def place(self) -> str:
        """Where alone the candidate is wrong, if that says anything and no change is claimed."""
        if self.claims:
            return ""
        places = set()
        for case in (one for one in (self.case, *self.others) if one.fails):
            for name, seen in case.wrong().items():
                places.add(place_in(name, seen.wrong))
        return places.pop() if len(places) == 1 else ""

    def _kinds(self) -> Iterator[Iterator[Change | Unknown]]:
        """The changes, the plainest kind first."""
        whole = bool(self.wrong) and all(self.got[name].shape == want.shape for name, want in self.want.items())
        if whole:
            yield results_of(self.wrong, named)
        calls, ops = calls_of(self._run), ops_of(self._run)
        yield changes_of(calls)
        yield roots_of(calls)
        yield orders_of(calls)
        parts = calls_of(self._run, calls_within)
        yield roots_of(parts)
        yield changes_of(parts)
        yield sums_of(ops)
        yield inputs_of(as_tensors(self.case.inputs, "cpu", lower=True))
        yield precisions_of(ops)
        yield changes_of(ops)
        yield changes_of(ops_of(self._run, backward_within))
        if whole and max(self.count, len(self.others)) > FEW:
            yield unknowns_of(calls)
            yield unknowns_of(ops)

    def _run(self, made: Made) -> Outputs | None:
        """What the changed reference gives; None where it raises."""
        self.tries += 1
        try:
            with _Clock(self.until):
                found = self.case.plain(made(self.case.function))
                return found if all(x.layout is torch.strided for x in found.values()) else None
        except _OutOfTimeError:
            raise
        except Exception:  # whatever torch says of arguments that do not fit
            return None

    def _is_near(self, outputs: Outputs | None) -> bool:
        """Whether what a change gives is near what was got."""
        if outputs is None or outputs.keys() != self.got.keys():
            return False
        return all(self.room[name].holds(x) for name, x in outputs.items())

    def _is_borne_out(self, change: Change) -> bool:
        """Whether it gives all numbers of all cases within radii of its own, in which the reference's are not."""
        told, chance = 0, math.log(self.tries)
        for case in (self.case, *self.others):
            if case is not self.case and time.process_time() > self.until:
                raise _OutOfTimeError
            try:
                flowed = case.evaluate(change.made(case.function))
            except Exception:  # whatever the flow refuses
                return False
            wrong = case.wrong()
            for name in case.returned:
                one = flowed.get(name)
                if one is None or judge(case.returned[name], one, None, name).comparison.verdict not in PASSING:
                    return False
                unchanged = judge(case.flowed[name].value.detach().cpu().numpy(), one, None, name).comparison
                if case is self.case and unchanged.verdict not in PASSING:
                    told += one.value.numel() if unchanged.bad is None else unchanged.bad
                if case.fails and (name in wrong or case.returned[name].shape != tuple(case.flowed[name].value.shape)):
                    chance += _log_chance(_wide(torch.from_numpy(case.returned[name])), wrong.get(name), one)
        return 2 * told >= max(self.count, 1) and (change.is_seen or chance <= math.log(_CHANCE))

    def _solved(self, unknown: Unknown) -> Change | None:
        """The change with the number that gives what was got, in few digits; None where no number does."""
        target, at = torch.cat([self.got[name].flatten() for name in self.want]), unknown.start
        step = 1e-3 * max(abs(at), 1e-3)
        before, after = self._flat(unknown, at), self._flat(unknown, at + step)
        at += step
        for turn in range(_TURNS):
            if before is None or after is None:
                return None
            slope, left = (after - before) / step, target - after
            square, along = float(slope @ slope), float(slope @ left)
            if not 0 < square < torch.inf or (turn == 0 and along * along < 0.25 * square * float(left @ left)):
                return None  # it does not lead there
            step = along / square
            at, before = at + step, after
            after = self._flat(unknown, at)
            if self._is_near(self._run(unknown.made(at))):
                short = (float(f"{at:.{digits}g}") for digits in range(1, 12))
                part = Fraction(at / unknown.start if unknown.start else 0).limit_denominator(_SIZE)
                tried = (unknown.of(number) for number in (*short, unknown.start * part.numerator / part.denominator))
                return next((change for change in tried if self._is_near(self._run(change.made))), None)
        return None

    def _flat(self, unknown: Unknown, number: float) -> Tensor | None:
        """All numbers of all results; None where there are others, or some that are not finite."""
        outputs = self._run(unknown.made(number)) or {}
        if any(name not in outputs or outputs[name].shape != want.shape for name, want in self.want.items()):
            return None
        flat = torch.cat([_wide(outputs[name]).flatten() for name in self.want])
        return flat if bool(flat.isfinite().all()) else None


@dataclass(frozen=True)
class _Room:
    """How far from what was got a changed result may be: some radii, and as large a part of its own value.

    `first` are the places that are looked at first, None where all are.
    """

    got: Tensor
    part: float
    radius: Tensor
    first: Tensor | None

    @classmethod
    def of(cls, got: Tensor, one: Flowed, wrong: Seen | None) -> _Room:
        """The room around a result for which torch answers `one`."""
        want, radius = _wide(one.value), _wide(one.radius)
        known = (want != 0) & want.isfinite() & radius.isfinite()
        part = float((radius[known] / want[known].abs()).median()) if bool(known.any()) else 0.0
        part += 4 * torch.finfo(one.value.dtype if one.value.is_floating_point() else torch.float64).eps
        if radius.shape != got.shape:
            radius = radius[known].median().expand(got.shape) if bool(known.any()) else torch.zeros(got.shape)
        if got.numel() <= 2 * _FIRST:
            return cls(got, part, radius, None)
        first = torch.arange(0, got.numel(), got.numel() // _FIRST)
        if wrong is not None:
            first = torch.cat([wrong.wrong.flatten().nonzero().flatten()[:_FIRST], first])
        return cls(got, part, radius, first)

    def holds(self, x: Tensor) -> bool:
        """Whether a result is in it."""
        if x.shape != self.got.shape:
            return False
        all_of_them = (x, self.got, self.radius)
        if self.first is not None and not self._near(*(y.flatten()[self.first] for y in all_of_them)):
            return False
        return self._near(*all_of_them)

    def _near(self, x: Tensor, got: Tensor, radius: Tensor) -> bool:
        wide = _wide(x)
        return not bool(_off(got, wide, _ROOM * (self.part * wide.abs() + radius)).any())


def _log_chance(got: Tensor, seen: Seen | None, one: Flowed) -> float:
    """How likely a number that has nothing to do with what was got is within the radii, of all wrong elements: its log.

    A number between what is expected and what was got, say. What is 0 or a whole number is met easily.
    """
    radius, gap, where = _wide(one.radius), got.abs(), torch.ones(got.shape, dtype=torch.bool)
    if seen is not None:
        gap, where = (got - seen.want).abs(), seen.wrong
    likely = (2 * radius / gap).nan_to_num(nan=0.0).clamp(1e-12, 1.0)
    easy = (got == 0) | ~got.isfinite() | torch.tensor(not one.value.is_floating_point())
    return float(torch.where(easy, likely.clamp(min=0.5), likely)[where].log().sum())


def _wide(x: Tensor) -> Tensor:
    return x.detach().cpu().to(torch.float64)


def _off(got: Tensor, want: Tensor, radius: Tensor) -> Tensor:
    """Where two numbers are further apart than the radius; NaN is as NaN is."""
    return ~(((got - want).abs() <= radius) | (got == want) | (got.isnan() & want.isnan()))
