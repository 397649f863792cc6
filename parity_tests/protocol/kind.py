"""The kind: how the cases of one sort are drawn and judged. The probe of the same name puts them to a submission."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key

Arrays = Mapping[str, NDArray[Any]]
Params = Mapping[str, Any]
Judged = dict[str, Comparison]


@dataclass(frozen=True)
class Context:
    """What a judge knows beside the case.

    That is torch's device, the edition asked for, the one that the source shows, and which exam of which assignment.
    """

    device: str = "cpu"
    edition: str = ""
    edition_seen: str = ""
    exam: str = ""


def nothing(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """No arrays: the draw of a kind whose cases have none."""
    return {}


def no_calls(case: Case, arrays: Arrays, observation: Observation, judged: Mapping[str, Comparison]) -> list[Call]:
    """No calls: the evidence of a kind that no known mistake has a formula for."""
    return []


def none_smaller(params: Params, arrays: Arrays, key: Key) -> Iterable[tuple[Params, Arrays]]:
    """No smaller cases."""
    return ()


@dataclass(frozen=True)
class Kind:
    """How cases are drawn and judged, and what a diagnosis sees of them.

    `draw(params, rng)` makes a case's arrays. Those of floats are rounded to the case's dtype, but for those named in
    `kept_wide`. `judge(case, arrays, observation, context)` gives a comparison for each of the case's quantities, by
    name. It may import torch, which `draw` should do only where it must. In a `chained` kind each quantity is judged
    from those before it, and `judge` says itself what explains what. `evidence(case, arrays, observation, comparisons)`
    gives the calls of a case in their order, for the formulas of known mistakes. `labels` gives the words for an array
    that a call has written over, by the probe's label for it. `smaller(params, arrays, key)` gives cheaper cases that
    may fail at a quantity as a whole one did, the smallest first: a repair is looked for there. `edited(params)` are
    the parameters of a case that is asked of functions that are edited, without what only the file shows.
    """

    draw: Callable[[Params, np.random.Generator], dict[str, NDArray[Any]]]
    judge: Callable[[Case, Arrays, Observation, Context], Judged]
    evidence: Callable[[Case, Arrays, Observation, Mapping[str, Comparison]], Iterable[Call]] = no_calls
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    kept_wide: frozenset[str] = frozenset()
    chained: bool = False
    smaller: Callable[[Params, Arrays, Key], Iterable[tuple[Params, Arrays]]] = none_smaller
    edited: Callable[[Params], Params] = dict
