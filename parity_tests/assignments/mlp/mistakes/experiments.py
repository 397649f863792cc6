"""Names what only an experiment tells: how a constructor's numbers, or dropout's masks, were drawn instead."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds.dropout import kept_mask
from parity_tests.assignments.mlp.kinds.masks import outputs_of
from parity_tests.assignments.mlp.mistakes.dropout import EXPERIMENTS as MASKS
from parity_tests.assignments.mlp.mistakes.generated import HINTS, OUTLIVES
from parity_tests.assignments.mlp.mistakes.init import ANY_NUMBERS, DISTRIBUTIONS
from parity_tests.harness.returned import array_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.quantity import Key, Quantity

SHARED_BY_ALL = "all layers share their {}"
SEEDED = "the same mask is drawn in every forward, as where the generator is seeded in it"
HINTS.update({SHARED_BY_ALL.format(what): OUTLIVES for what in ("parameters", "gradients")})
HINTS[SEEDED] = "Each forward draws numbers of its own: what starts the generator anew between two of them?"


def experiments(plan: Sequence[Case], case: Case, q: Quantity, seen: Seen, draw: Draw) -> list[str]:
    """The names of the ways in which all random numbers of a kind may have been drawn, as all their cases show them."""
    if case.probe == "masks":
        return _of_masks([other for other in plan if other.probe == "masks"], seen, draw)
    if case.probe == "init" and q.key.name.endswith(" apart"):
        told = array_of(seen[case.name], q.key, ())
        what = {"params": "parameters", "gradient": "gradients"}[q.key.name.removesuffix(" apart")]
        return [] if told is None or told else [SHARED_BY_ALL.format(what)]
    if case.probe == "init" and case.params["test"] == "distribution":
        return _of_weights([other for other in plan if other.probe == "init"], q.key.name, seen)
    return []


def _of_weights(cases: Sequence[Case], key: str, seen: Seen) -> list[str]:
    """The distributions that all draws of W, or of b, may come from; one of unknown size only where no other fits."""
    draws = []
    for case in cases:
        D, M = case.params["D"], case.params["M"]
        shape = (1, M) if key == "b" else (D, M)
        for k in range(2):
            drawn = array_of(seen[case.name], Key(key, k), shape, flat_ok=True)
            if drawn is None or drawn.dtype.kind != "f" or not np.isfinite(drawn).all():
                return []
            draws.append((drawn, D, M))
    for mistakes in (DISTRIBUTIONS, ANY_NUMBERS):
        names = [m.name for m in mistakes if m.experiment and all(m.experiment(*drawn) for drawn in draws)]
        if names:
            return names
    return []


def _of_masks(cases: Sequence[Case], seen: Seen, draw: Draw) -> list[str]:
    """The ways in which the masks of all calls may have been drawn."""
    stacks = []
    for case in cases:
        s = outputs_of(case, seen[case.name])
        if s is None:
            return []
        stacks.append((kept_mask(s), case.params["r"], draw(case)["q"], s))
    names = [m.name for m in MASKS if m.experiment and all(m.experiment(*stack) for stack in stacks)]
    return names or [SEEDED] * all(_is_seeded(masks) for masks, *_ in stacks)


def _is_seeded(masks: NDArray[np.bool_]) -> bool:
    """Whether all forwards of all objects have one mask, which is not drawn by chance alone."""
    return bool((masks == masks[0]).all() and masks.any() and not masks.all())
