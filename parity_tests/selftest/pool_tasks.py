"""Work for the tests of the process pool: it runs in other processes, which import it from here."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def double(number: int) -> int:
    """Twice the number; raises for 13."""
    if number == 13:
        raise ValueError("thirteen")
    return 2 * number


def loud(number: int) -> int:
    """Twice the number; prints on the way, as a library written in C does."""
    for stream in (1, 2):
        os.write(stream, b"** On entry to DLASCL parameter number 4 had an illegal value")
    return 2 * number


def fatal(task: tuple[int, str]) -> int:
    """Kills its own process: always where no flag is named, else the first time."""
    number, flag = task
    if flag == "harmless":
        return 2 * number
    if not flag or not Path(flag).exists():
        if flag:
            Path(flag).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def nothing() -> None:
    """Warms nothing up."""
