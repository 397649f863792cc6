"""The likely cause: which change of the reference gives what a candidate returned."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.overrides import TorchFunctionMode

from parity_tests.harness.judge_flow import judge
from parity_tests.operators.of_arrays import FEW, Seen, inputs_of, place_in, results_of
from parity_tests.operators.of_parts import backward_within, calls_within
from parity_tests.operators.of_steps import (
    changes_of,
    factors_of,
    numbers_of,
    orders_of,
    precisions_of,
    roots_of,
    sums_of,
)
from parity_tests.operators.steps import Change, Function, Made, Unknown, calls_of, ops_of
from reference.flow import Flowed
from reference.flow.calls import as_tensors, named
from reports.model.fixes import Fix
from reports.model.verdicts import PASSING

SECONDS = 2.0
"""Processor time that a search may take; where judging took longer, as long as that."""
_ROOM = 8
"""A change is looked at closely where what it gives is within so many radii."""
_CHANCE = 1e-3
"""Nothing is claimed that one of as many changes as were tried gives by chance with a probability over this."""
_LEFT = 0.25
"""What a change may leave of the gaps, as a part of them, to be claimed for them."""
_ALONG, _ALL = 0.02, 0.9
"""Nor may it leave so much of them in their own direction, where that is as large a part of all that it leaves: it is
then another change of the same kind, of which some is left, and no rounding."""
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
    """The changes that give the same, or else where alone it is over its error bound; the line that would mend it.

    What is within its bound need not be right: no more is said of it. `ended` says what ended the search early.
    """

    changes: tuple[Change, ...] = ()
    place: str = ""
    mend: Fix | None = None
    ended: str = ""

    @property
    def words(self) -> str:
        """The line that mends it or, where none is known, all else; "" for nothing."""
        if self.mend is not None:
            return f"line {self.mend.line} of {Path(self.mend.file).name}: {self.mend.words}"
        where = f"something that touches {self.place}: nothing else is over its error bound" if self.place else ""
        return "; ".join(filter(None, (*(change.words for change in self.changes), where)))


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
        self.wrong = case.wrong()
        self.failing = [case, *(other for other in self.others if other.fails)]
        self.rooms = [_rooms(one) for one in self.failing]
        self.many = max(sum(int(seen.wrong.sum()) for seen in self.wrong.values()), len(others)) > FEW
        self.claims: list[Change] = []
        self.tries = 1
        self.base: Outputs = {}

    def run(self) -> None:
        """Finds the claims. Raises _OutOfTimeError."""
        self.base = self._run(lambda function: function)
        for kind in self._kinds():
            close = 0
            for change in kind:
                known = self._solved(change) if isinstance(change, Unknown) else change
                if known is None:
                    continue
                outputs = self._run(known.made) if known.writes is None else known.writes(self.base)
                if not self._is_near(outputs) or self._is_chance(known, outputs):
                    continue
                close += 1
                self.claims += [known] if self._is_borne_out(known) else []
                if close == _CLOSELY or len(self.claims) == _SAID:
                    break
            if self.claims:
                return

    def place(self) -> str:
        """Where alone the candidate is over its error bound, if that says anything and no change is claimed."""
        if self.claims:
            return ""
        places = set()
        for case in self.failing:
            for name, seen in case.wrong().items():
                places.add(place_in(name, seen.wrong) if _is_region(seen, _wide(case.flowed[name].radius)) else "")
        return places.pop() if len(places) == 1 else ""

    def _kinds(self) -> Iterator[Iterator[Change | Unknown]]:
        """The changes, the plainest kind first."""
        whole = all(self.rooms[0][name].got.shape == one.value.shape for name, one in self.case.flowed.items())
        whole = whole and bool(self.wrong)
        if whole:
            yield results_of(self.wrong, named)
        calls, ops = calls_of(self._run), ops_of(self._run)
        yield changes_of(calls)
        yield roots_of(calls)
        yield orders_of(calls)
        if whole and self.many:
            yield numbers_of(calls)
        parts = calls_of(self._run, calls_within)
        yield roots_of(parts)
        yield changes_of(parts)
        yield sums_of(ops)
        yield inputs_of(as_tensors(self.case.inputs, "cpu", lower=True))
        yield precisions_of(ops)
        yield changes_of(ops)
        yield changes_of(ops_of(self._run, backward_within))
        if whole and self.many:
            yield factors_of(calls)
            yield numbers_of(ops)
            yield factors_of(ops)

    def _run(self, made: Made, case: Asked | None = None) -> Outputs:
        """What the changed reference gives of a case, the one that is searched if left out; none where it raises."""
        self.tries, case = self.tries + 1, case or self.case
        try:
            with _Clock(self.until):
                found = case.plain(made(case.function))
                return found if all(x.layout is torch.strided for x in found.values()) else {}
        except _OutOfTimeError:
            raise
        except Exception:  # whatever torch says of arguments that do not fit
            return {}

    def _is_near(self, outputs: Outputs) -> bool:
        """Whether what a change gives is near what was got."""
        rooms = self.rooms[0]
        return outputs.keys() == rooms.keys() and all(rooms[name].holds(x) for name, x in outputs.items())

    def _is_chance(self, change: Change, outputs: Outputs) -> bool:
        """Whether one of as many changes might come as near by chance; of what is seen that is not asked."""
        chance = math.log(self.tries) - math.log(_CHANCE)
        for case, rooms in zip(self.failing, self.rooms, strict=True) if not change.is_seen else ():
            given = outputs if case is self.case else self._run(change.made, case)
            if any(name not in given or given[name].shape != room.got.shape for name, room in rooms.items()):
                return True
            chance += _log_chance(rooms, given)
        return chance > 0 and not change.is_seen

    def _is_borne_out(self, change: Change) -> bool:
        """Whether it gives all numbers of all cases within radii of its own."""
        for case in (self.case, *self.others):
            if case is not self.case and time.process_time() > self.until:
                raise _OutOfTimeError
            try:
                flowed = case.evaluate(change.made(case.function))
            except Exception:  # whatever the flow refuses
                return False
            for name, got in case.returned.items():
                if name not in flowed or judge(got, flowed[name], None, name).comparison.verdict not in PASSING:
                    return False
        return True

    def _solved(self, unknown: Unknown) -> Change | None:
        """The change with the number that gives what was got, in few digits; None where no number does."""
        target, at = torch.cat([room.got.flatten() for room in self.rooms[0].values()]), unknown.start
        step = 1e-3 * max(abs(at), 1e-3)
        before, after = self._flat(self.base), self._flat(self._run(unknown.made(at + step)))
        at += step
        for turn in range(_TURNS):
            if before is None or after is None:
                return None
            slope, left = (after - before) / step, target - after
            square, along = float(slope @ slope), float(slope @ left)
            if not 0 < square < torch.inf or (turn == 0 and along * along < 0.25 * square * float(left @ left)):
                return None  # it does not lead there
            step = along / square
            if not math.isfinite(at + step):
                return None
            at, before = at + step, after
            outputs = self._run(unknown.made(at))
            after = self._flat(outputs)
            if self._is_near(outputs):
                short = (float(f"{at:.{digits}g}") for digits in range(1, 12))
                part = Fraction(at / unknown.start if unknown.start else 0).limit_denominator(_SIZE)
                tried = (unknown.of(number) for number in (*short, unknown.start * part.numerator / part.denominator))
                return next((change for change in tried if self._is_near(self._run(change.made))), None)
        return None

    def _flat(self, outputs: Outputs) -> Tensor | None:
        """All numbers of all results; None where there are others, or some that are not finite."""
        rooms = self.rooms[0]
        if any(name not in outputs or outputs[name].shape != room.got.shape for name, room in rooms.items()):
            return None
        flat = torch.cat([_wide(outputs[name]).flatten() for name in rooms])
        return flat if bool(flat.isfinite().all()) else None


@dataclass(frozen=True)
class _Room:
    """How far from what was got a changed result may be: some radii, and as large a part of its own value.

    `first` are the places that are looked at first. Of those of them that are not met easily, as 0 and whole numbers
    are, `gap` has how far what is expected is off, in units (radii), `least` what a rounding is, and `wrong` which are
    wrong; of the others `easy` has how many are.
    """

    got: Tensor
    part: float
    radius: Tensor
    first: Tensor
    hard: Tensor
    unit: Tensor
    least: Tensor
    gap: Tensor
    wrong: Tensor
    easy: int

    @classmethod
    def of(cls, got: Tensor, one: Flowed, seen: Seen | None) -> _Room:
        """The room around a result for which torch answers `one`."""
        want, radius, floats = _wide(one.value), _wide(one.radius), one.value.is_floating_point()
        alike, step = want.shape == got.shape, max(1, got.numel() // _FIRST)
        wrong = torch.full((got.numel(),), not alike) if seen is None else seen.wrong.flatten()
        looked_at = torch.arange(got.numel()) % step == 0
        looked_at[wrong.nonzero().flatten()[:_FIRST]] = True
        first = looked_at.nonzero().flatten()
        size, off = (x.flatten()[first] if alike else x.flatten() for x in (want, radius))
        known = (size != 0) & size.isfinite() & off.isfinite()
        part = float((off[known] / size[known].abs()).median()) if bool(known.any()) else 0.0
        eps = torch.finfo(one.value.dtype if floats else torch.float64).eps
        if not alike:
            radius = off[known].median().expand(got.shape) if bool(known.any()) else torch.zeros(got.shape)
            size = off = torch.zeros(len(first), dtype=torch.float64)
        there, wrong = got.flatten()[first], wrong[first]
        hard = (there != 0) & there.isfinite() & size.isfinite() & off.isfinite() & floats
        unit = off.maximum(eps * there.abs())[hard]
        gap, easy = (there - size)[hard] / unit, int((wrong & ~hard).sum())
        least = eps * there.abs()[hard] / unit
        return cls(got, part + 4 * eps, radius, first, first[hard], unit, least, gap, wrong[hard], easy)

    def holds(self, x: Tensor) -> bool:
        """Whether a result is in it."""
        if x.shape != self.got.shape:
            return False
        all_of_them = (x, self.got, self.radius)
        return self._near(*(y.flatten()[self.first] for y in all_of_them)) and self._near(*all_of_them)

    def _near(self, x: Tensor, got: Tensor, radius: Tensor) -> bool:
        wide = _wide(x)
        return not bool(_off(got, wide, _ROOM * (self.part * wide.abs() + radius)).any())

    def left(self, x: Tensor) -> Tensor:
        """What a changed result leaves of `gap`."""
        return (self.got.flatten()[self.hard] - _wide(x.flatten()[self.hard])) / self.unit


def _log_chance(rooms: Mapping[str, _Room], outputs: Outputs) -> float:
    """How likely numbers that have nothing to do with what was got come as near to it as these outputs: its log.

    Numbers between what is expected and what was got, say: of n the chance is some (2 ρ)ⁿ, where ρ is how far they are
    off, as a part of how far what is expected is (roots of sums of squares). Asked of the wrong elements, and of all,
    since a fault may be wider than what is over its bound.
    """
    off = {name: room for name, room in rooms.items() if room.easy or bool(room.wrong.any())}
    if not off:
        return 0.0
    every = [(room.gap, room.wrong, room.least, room.left(outputs[name])) for name, room in off.items()]
    gap, wrong, least, left = (torch.cat(x) for x in zip(*every, strict=True))
    likely = 0.0
    for some in (wrong, torch.ones_like(wrong)):
        squares = gap[some].square()
        if not bool(squares.any()):
            continue
        part = float((left.abs().maximum(least)[some].square().sum() / squares.sum()).sqrt())
        if abs(float(left[some] @ gap[some] / squares.sum())) > max(_ALONG, _ALL * part):
            return 0.0
        if part < _LEFT:
            many = float(squares.sum() ** 2 / squares.square().sum())  # as many as are large
            likely = min(likely, many * math.log(2 * part))
    return likely + math.log(0.5) * sum(room.easy for room in off.values())


def _is_region(seen: Seen, radius: Tensor) -> bool:
    """Whether all but the wrong elements is right: it would show as large a gap, and is met clearly better.

    Clearly: by a factor as large as that by which the wrong ones differ among themselves.
    """
    rest, gap = ~seen.wrong, (seen.got - seen.want).abs()
    gap = gap.nan_to_num(0.0, torch.inf).masked_fill(seen.wrong & gap.isnan(), torch.inf)
    off = (gap / radius).nan_to_num(0).clamp(1e-12, 1e12).log().numpy()
    low, high = np.quantile(off[seen.wrong], (0.1, 0.9))
    return bool(gap[seen.wrong].median() > radius[rest].median()) and bool(low - off[rest].max() > high - low)


def _rooms(case: Asked) -> dict[str, _Room]:
    wrong = case.wrong()
    got = {name: torch.from_numpy(x.astype("float64")) for name, x in case.returned.items()}
    return {name: _Room.of(got[name], one, wrong.get(name)) for name, one in case.flowed.items()}


def _wide(x: Tensor) -> Tensor:
    return x.detach().cpu().to(torch.float64)


def _off(got: Tensor, want: Tensor, radius: Tensor) -> Tensor:
    """Where two numbers are further apart than the radius; NaN is as NaN is."""
    return ~(((got - want).abs() <= radius) | (got == want) | (got.isnan() & want.isnan()))
