"""Runs many tasks through an Executor, a few ahead at a time, and outlives the death of its processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from pathlib import Path
from typing import Generic, TypeVar

from parity_tests.protocol.errors import HarnessError

T = TypeVar("T")
R = TypeVar("R")


def run_all(
    tasks: Iterable[T],
    work: Callable[[T], R],
    open_executor: Callable[[], Executor],
    *,
    ahead: int,
    done: Callable[[T, R], None],
    lost: Callable[[T, BaseException], None],
) -> None:
    """Put every task to `work`, and call `done` or `lost` for each, in whatever order they end.

    No more than `ahead` tasks are in flight, so memory does not grow with their number. Where a process of the
    executor dies, all that was in flight is tried again, one by one; a task that then kills it twice is `lost`.
    `open_executor` gives one that works; who made it shuts it down.
    Raises HarnessError where the workers are lost.
    """
    _Pool(tasks, work, open_executor, ahead, done, lost).run()


class _Pool(Generic[T, R]):
    """An executor that is replaced when it breaks, the tasks in flight, and those that may have broken it."""

    def __init__(
        self,
        tasks: Iterable[T],
        work: Callable[[T], R],
        open_executor: Callable[[], Executor],
        ahead: int,
        done: Callable[[T, R], None],
        lost: Callable[[T, BaseException], None],
    ) -> None:
        self._tasks = iter(tasks)
        self._work = work
        self._open_executor = open_executor
        self._ahead = ahead
        self._done = done
        self._lost = lost
        self._executor = open_executor()
        self._in_flight: dict[Future[R], T] = {}
        self._suspects: deque[T] = deque()
        self._killed_alone = False
        """Whether the first of the suspects has killed a process while it was the only task in flight."""

    def run(self) -> None:
        """Run all tasks."""
        try:
            while self._round():
                pass
        finally:
            for future in self._in_flight:
                future.cancel()

    def _round(self) -> bool:
        """Submit what there is room for, and wait until a task has ended; False once all have."""
        alone = bool(self._suspects) and not self._in_flight
        self._submit(1 if self._suspects else self._ahead)
        if not self._in_flight:
            if self._suspects:  # the executor broke while nothing was in flight
                self._executor = self._open_executor()
            return bool(self._suspects)
        killed = self._collect()
        if killed:
            self._recover(killed, alone=alone)
        return True

    def _submit(self, most: int) -> None:
        while len(self._in_flight) < most:
            try:
                task = self._suspects.popleft() if self._suspects else next(self._tasks)
            except StopIteration:
                return
            try:
                self._in_flight[self._executor.submit(self._work, task)] = task
            except BrokenExecutor:  # it broke since the last task ended
                self._suspects.appendleft(task)
                return

    def _collect(self) -> list[T]:
        """Pass on the results of what has ended; the tasks whose process was killed."""
        killed = []
        finished, _ = wait(self._in_flight, return_when=FIRST_COMPLETED)
        for future in finished:
            task = self._in_flight.pop(future)
            try:
                result = future.result()
            except BrokenExecutor:
                killed.append(task)
            except CancelledError:
                raise HarnessError("the workers were lost; start again to go on from here") from None
            except Exception as error:
                self._lost(task, error)
            else:
                self._killed_alone = False
                self._done(task, result)
        return killed

    def _recover(self, killed: list[T], *, alone: bool) -> None:
        """Open another executor, and suspect all tasks that were in flight, or give up the one that was alone twice."""
        for future, task in self._in_flight.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                self._done(task, future.result())
            else:
                killed.append(task)
        self._in_flight.clear()
        self._executor = self._open_executor()
        if alone and self._killed_alone:
            self._killed_alone = False
            self._lost(killed[0], BrokenExecutor("the process at work on it was killed, twice"))
        else:
            self._killed_alone = alone
            self._suspects.extendleft(reversed(killed))


def ahead(items: Iterable[T], make: Callable[[T], R], most: int) -> Iterator[tuple[T, R]]:
    """Each item with what `make` makes of it, in their order; a thread makes up to `most` in advance."""
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[tuple[T, Future[R]]] = deque()
        try:
            for item in items:
                waiting.append((item, pool.submit(make, item)))
                if len(waiting) == most:
                    first, made = waiting.popleft()
                    yield first, made.result()
            while waiting:
                first, made = waiting.popleft()
                yield first, made.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def local_processes(jobs: int, scratch: Path, warm_up: Callable[[], None]) -> Iterator[Callable[[], Executor]]:
    """What gives a pool of that many processes, which keep their temporary files in `scratch`: another if it is broken.

    Each calls `warm_up`, a function of a module, before its first task.
    """
    context = multiprocessing.get_context("spawn")
    arguments = (str(scratch), warm_up)
    pools: list[Executor] = []
    with contextlib.ExitStack() as stack:

        def unbroken() -> Executor:
            with contextlib.suppress(BrokenExecutor, IndexError):
                pools[-1].submit(os.getpid)
                return pools[-1]
            pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_make_ready, initargs=arguments)
            pools.append(stack.enter_context(pool))
            return pool

        yield unbroken


def _make_ready(scratch: str, warm_up: Callable[[], None]) -> None:
    """Make a new process of the pool ready, and let it end when its parent ends.

    It prints nothing: what LAPACK and numpy say of the numbers of a wrong submission is no news to who grades.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tempfile.tempdir = scratch
    for library in ("OPENBLAS", "MKL", "OMP"):  # read when numpy is imported; the processes share the cores already
        os.environ[f"{library}_NUM_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warm_up()


def _end_with_parent() -> None:
    import psutil

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                child.kill()
        os._exit(1)
