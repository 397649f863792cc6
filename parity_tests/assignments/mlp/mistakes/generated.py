"""Known mistakes that nobody has written down: changed right texts that give what an operation returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.parts.fingerprints import MOST_TRIED, Fingerprints, Told, in_order, matching, of_values
from parity_tests.parts.right_text import RightText, compiled
from parity_tests.protocol.mistake import Call, Mistake, Outcome
from reference.rounding import unit_roundoff

Array = NDArray[Any]
OUTLIVES = "What one object keeps is its own: is it an attribute of self, or of the class or module, which all share?"
SHARED = {"of any object": OUTLIVES, "last object": OUTLIVES}
"""The hint of what stands in the place of an object's own."""
HINTS: dict[str, str] = {}
"""The hint of each name that was tried."""
SETTINGS = 8
"""Roundings of what only settings enter."""
ENOUGH = 12
"""So many numbers tell most changes apart."""
FAR = 1e4


class Names(dict[str, Any]):
    """Values by their names; what is a function is called where its value is first asked for."""

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if callable(value):
            value = self[name] = value()
        return value


@dataclass(frozen=True)
class Written:
    """The right texts of an operation of a part: the name of its result in them, and the values of names in a call.

    What is said of a change that holds a number of its own has `numbered` in it; with None there are none.
    """

    texts: Sequence[RightText]
    result: str
    given: Callable[[Call], Names]
    numbered: str | None = ""


def generated(written: Written, calls: Sequence[Call]) -> Iterator[Mistake]:
    """The changes that give what a wrong call returned, the simplest first, as mistakes to be tried in all."""
    texts = [text for text in written.texts if {*written.result.split()} <= {*text.targets}]
    call = min((call for call in calls if call.wrong and _tells(call)), key=_tells_little, default=None)
    if call is not None and call.got is not None:
        known = [_fingerprints_of(text, written.given(call)) for text in texts]
        if any(one.is_right(written.result, call.got) for one in known):
            return
        for changed, k in _told(known, written, call.got):
            text = texts[k]
            lines = text.whole(changed.statements, text.towards(written.result, changed.statements))
            formula = Changed(lines, written)
            yield tried(Mistake(changed.words, changed.hint, formula))


def tried(mistake: Mistake) -> Mistake:
    """The mistake, whose hint is found by its name from now on."""
    HINTS[mistake.name] = mistake.hint
    return mistake


def _told(known: Sequence[Fingerprints], written: Written, got: Array) -> Iterator[Told]:
    """The changes that give these numbers; those with a number of their own at last."""
    yield from islice(matching(known, written.result, got), 2 * MOST_TRIED)
    if (words := written.numbered) is not None:
        numbered = in_order([one.numbered(written.result, got) for one in known])
        yield from islice((one for one in numbered if words in one[0].words), 2 * MOST_TRIED)


def of_numbers(call: Call) -> bool:
    """Whether numbers came back in a call of a case in float64, and nothing else."""
    got = call.got
    if call.dtype != np.float64 or got is None or got.dtype.kind not in "fiu" or not got.size:
        return False
    return bool(np.isfinite(got).all())


def _tells(call: Call) -> bool:
    """Whether numbers came back that tell changes apart: none of them free."""
    return of_numbers(call) and (call.free is None or not call.free.any())


def _tells_little(call: Call) -> tuple[bool, bool, bool, int]:
    """What puts a call behind others: numbers far apart, those of a single example, few, or many."""
    sizes = np.abs(np.asarray(call.got, np.float64))
    few = sizes.size < ENOUGH
    return bool(sizes.max() > FAR * np.median(sizes)), call.N == 1, few, -sizes.size if few else sizes.size


def _fingerprints_of(text: RightText, given: Mapping[str, Any]) -> Fingerprints:
    """Those of a text where its names have these values; they are kept, since a class asks again."""
    values = {name: np.asarray(v.value, np.float64) if isinstance(v := given[name], Running) else v for name in given}
    return of_values(text, values)


@dataclass(frozen=True)
class Changed:
    """A formula: what the lines of a changed right text give in a call; where that is one number, everywhere."""

    lines: str
    written: Written

    def __call__(self, call: Call) -> Any:
        names = self.written.given(call)
        try:
            exec(compiled(self.lines), {"np": np}, names)
        except ArithmeticError:  # of settings alone, as a division by a rate of 0
            return Outcome.ANYTHING
        except (TypeError, AttributeError) as error:  # what no error is known of
            raise ValueError(f"{self.lines!r} cannot be run") from error
        several = [names[one] for one in self.written.result.split()]
        value = several[0] if len(several) == 1 else np.concatenate([np.atleast_1d(one) for one in several])
        if not isinstance(value, Running):
            rounded = np.abs(value) * (value != np.rint(value))  # numbers that settings give
            value = Running(value, call.dtype, SETTINGS * unit_roundoff(call.dtype) * rounded)
        if not np.isfinite(value.value).any():
            return Outcome.ANYTHING
        everywhere = value.value.size == 1 and call.got is not None
        return value + np.zeros(call.got.shape) if everywhere and call.got is not None else value
