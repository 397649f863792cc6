"""Watches the descendants of a process from outside: the processor time of each, and the most memory it has used.

The figures come from /proc directly. psutil would walk all processes of the machine for each look, which takes 6 ms of
what is being timed; its processor times are rounded to 10 ms, and it does not tell the peak of memory.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

_INTERVAL = 0.05
"""Seconds between two looks."""


def descendants(process: int, depth: int = 1) -> Iterator[tuple[int, int]]:
    """Yield the processes that descend from this one, and at which depth: its children have `depth`."""
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in map(int, (thread / "children").read_text().split()):
                yield child, depth
                yield from descendants(child, depth + 1)


def processor_seconds(process: int) -> float:
    """Return the processor time that the running descendants of this process have used, in seconds."""
    nanoseconds = 0
    for child, _ in descendants(process):
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{child}/task").iterdir():
                nanoseconds += int((thread / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


class PeakMemory:
    """The most resident memory, in MiB, by the depth at which a process stands below this one (a context manager).

    Depth 1 is a command that is run, 2 what it starts, and so on. The kernel keeps the peak of each process between two
    looks. A process that is seen only once does not count: before it starts its program, it has its parent's memory.
    """

    def __init__(self) -> None:
        self.by_depth: dict[int, float] = {}
        self._seen: set[int] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_INTERVAL):
            for child, depth in descendants(os.getpid()):
                with contextlib.suppress(OSError, IndexError, ValueError):
                    status = Path(f"/proc/{child}/status").read_text()
                    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
                    if child in self._seen:
                        self.by_depth[depth] = max(self.by_depth.get(depth, 0.0), peak)
                    self._seen.add(child)
