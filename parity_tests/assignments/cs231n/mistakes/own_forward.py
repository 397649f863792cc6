"""What a norm's own forward handed on to its backward, as its output shows it: formulas are then of that, too.

A backward that has a slip has it beside a forward with epsilon beside the root, which is right, and beside a wrong one,
whose numbers its cache holds. The output tells the normalised x, (out − beta) / gamma, and by how much x was divided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds.handed_on import KEPT, by_channel, in_groups
from parity_tests.assignments.cs231n.kinds.layer_rows import NORM
from parity_tests.harness.returned import array_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Arrays
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key

NEAR = {"float64": 1e-9, "float32": 1e-3}
"""By what part numbers may differ that are the same but for rounding: by a thousand roundings and more of the dtype."""
OwnForward = Mapping[tuple[str, int], NDArray[Any]]
"""By case and call what x was divided by; other calls tell nothing."""


def own_forward(plan: Sequence[Case], part: str, seen: Seen, draw: Draw) -> OwnForward | None:
    """What a backward's forward shows in its outputs, None where it has the usual deviation in all."""
    usual, deviations = True, dict[tuple[str, int], NDArray[Any]]()
    for case in plan:
        if case.probe != "layer" or part not in case.params["backward"] or case.name not in seen:
            continue
        if case.params["arrays"] != list(NORM):
            return None
        arrays = draw(case)
        for call in range(len(case.params["shapes"])):
            told = _deviations(case, arrays, seen[case.name], call)
            if told is not None:
                apart, deviations[case.name, call] = told
                usual &= apart < NEAR[case.dtype]
    return None if usual else deviations


def _deviations(case: Case, arrays: Arrays, seen: Observation, call: int) -> tuple[float, NDArray[Any]] | None:
    """How far what x was divided by in a group is from the usual deviation, relative to it; and it in the shape of x.

    None where the output is not x less its mean, divided by one positive number in each group.
    """
    x, gamma, beta = (np.asarray(arrays[f"{name}_{call}"], np.float64) for name in NORM)
    out = array_of(seen, Key("out", call), x.shape)
    if out is None or not np.isfinite(out).all():
        return None
    X = x.reshape(in_groups(x.shape, case.params))
    over = tuple(axis for axis in range(X.ndim) if axis not in KEPT[case.params["layer"]])
    normal = ((out - by_channel(beta, x)) / by_channel(gamma, x)).reshape(X.shape)
    centred = X - X.mean(axis=over, keepdims=True)
    square = (normal * centred).mean(axis=over, keepdims=True)
    variance = (centred**2).mean(axis=over, keepdims=True)
    if (variance == 0).any() or (square <= 0).any():
        return None
    own = variance / square
    if (np.abs(normal - centred / own) > NEAR[case.dtype] * np.abs(normal).max()).any():
        return None
    eps = (case.params["setting"] or {}).get("eps", 1e-5)
    apart = float(np.abs(own / np.sqrt(variance + eps) - 1).max())
    return apart, np.broadcast_to(own, X.shape).reshape(x.shape).astype(arrays[f"x_{call}"].dtype)
