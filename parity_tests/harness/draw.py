"""Draws a case's inputs: in numpy, once, from the seed and the case's name; both sides receive copies."""

import hashlib
import json
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case
from parity_tests.protocol.errors import asking
from parity_tests.protocol.kind import Kind


def seed_of(seed: int, *words: str) -> int:
    """A 32-bit seed from SHA-256 of the run's seed and some words, such as a case's name."""
    digest = hashlib.sha256("|".join((str(seed), *words)).encode()).digest()
    return int.from_bytes(digest[:4], "big")


def draw(assignment: Assignment, case: Case, seed: int) -> dict[str, NDArray[Any]]:
    """The arrays of one case: the same for the same seed and name, alone or among others. Floats have its dtype."""
    return {name: array.copy() for name, array in drawn(assignment, case, seed).items()}


def drawn(assignment: Assignment, case: Case, seed: int) -> dict[str, NDArray[Any]]:
    """The same for whoever only reads them: they are everybody's, and nobody can write to them."""
    with asking(assignment.name, f"the draw for {case.name}"):
        return _drawn(assignment.kinds[case.probe], case.name, case.dtype, json.dumps(dict(case.params)), seed)


@lru_cache(maxsize=256)
def _drawn(kind: Kind, case: str, dtype: str, params: str, seed: int) -> dict[str, NDArray[Any]]:
    """What was drawn: both sides ask for it, and in a class everybody does."""
    digest = hashlib.sha256(f"{seed}|{case}|inputs".encode()).digest()
    arrays = kind.draw(json.loads(params), np.random.default_rng(int.from_bytes(digest, "big")))
    typed = {
        name: array.astype(dtype) if array.dtype.kind == "f" and name not in kind.kept_wide else array
        for name, array in arrays.items()
    }
    for array in typed.values():
        array.flags.writeable = False
    return typed
