"""How a program is started around the interpreter's own command, and with which environment."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """What precedes the interpreter's own command; the environment; and the descriptors that the program inherits."""

    prefix: tuple[str, ...]
    environment: dict[str, str]
    descriptors: tuple[int, ...] = ()


def environment(scratch: str, *names: str) -> dict[str, str]:
    """Return the environment of a submission's process: a few variables, and of the caller's own only `names`.

    The caller's environment may hold secrets, and settings that would change results.
    """
    own = {name: os.environ[name] for name in names if name in os.environ}
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    return {**own, **threads, "LANG": "C.UTF-8", "HOME": scratch, "TMPDIR": scratch, "MPLBACKEND": "agg"}
