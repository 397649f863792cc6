"""Watches this process's descendants from outside: processor time of each, and the most memory that each has used."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

_EVERY = 0.05


def descendants(process: int) -> Iterator[int]:
    """The processes that descend from this one, itself left out."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from descendants(int(child))


def processor_seconds(process: int) -> float:
    """Processor time that the descendants of this process which run now have used, in seconds."""
    found = 0
    for child in descendants(process):
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{child}/task").iterdir():
                found += int((task / "schedstat").read_text().split()[0])
    return found / 1e9


class PeakMemory:
    """The most resident memory, in MiB, by the depth at which a process stands below this one (a context manager).

    Depth 1 is a command that is run, 2 what it starts, and so on. Looks are taken many times a second; the kernel
    keeps the peak of each process meanwhile. One that is seen once only does not count: before it becomes what it is
    started as, it has its parent's memory.
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
        while not self._stop.wait(_EVERY):
            self._look(os.getpid(), 1)

    def _look(self, process: int, depth: int) -> None:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{process}/task").iterdir():
                for child in map(int, (task / "children").read_text().split()):
                    with contextlib.suppress(OSError, IndexError, ValueError):
                        status = Path(f"/proc/{child}/status").read_text()
                        peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
                        if child in self._seen:
                            self.by_depth[depth] = max(self.by_depth.get(depth, 0.0), peak)
                        self._seen.add(child)
                    self._look(child, depth + 1)
