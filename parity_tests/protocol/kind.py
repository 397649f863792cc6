"""The kind: how the cases of one sort are drawn and judged. The probe of the same name puts them to a submission."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Observation

Arrays = Mapping[str, NDArray[Any]]
Params = Mapping[str, Any]
Judged = dict[str, Comparison]


@dataclass(frozen=True)
class Context:
    """What a judge knows beside the case: torch's device, the edition asked for, and the one that the source shows."""

    device: str = "cpu"
    edition: str = ""
    edition_seen: str = ""


def nothing(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """No arrays: the draw of a kind whose cases have none."""
    return {}


@dataclass(frozen=True)
class Kind:
    """How cases are drawn and judged.

    `draw(params, rng)` makes a case's arrays. Those of floats are rounded to the case's dtype, but for those named in
    `kept_wide`. `judge(case, arrays, observation, context)` gives a comparison for each of the case's quantities, by
    name. It may import torch, which `draw` should do only where it must. In a
    `chained` kind each quantity is judged from those before it, and `judge` says itself what explains what.
    """

    draw: Callable[[Params, np.random.Generator], dict[str, NDArray[Any]]]
    judge: Callable[[Case, Arrays, Observation, Context], Judged]
    kept_wide: frozenset[str] = frozenset()
    chained: bool = False
