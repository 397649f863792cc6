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
    wait,
)
from pathlib import Path
from typing import Any, TypeVar

from parity_tests.protocol.errors import HarnessError, UsageError

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
    """Put every task to `work`, and tell `done` or `lost` of each, in whatever order they end.

    No more than `ahead` tasks are in flight, so memory does not grow with their number. Where a process of the
    executor dies, all that was in flight is tried again, one by one; a task that then kills it twice is `lost`.
    """
    waiting = iter(tasks)
    suspects: deque[T] = deque()
    killed_alone = False
    running: dict[Future[R], T] = {}
    executor = open_executor()
    try:
        while True:
            alone = bool(suspects)
            while len(running) < (1 if alone else ahead):
                try:
                    task = suspects.popleft() if alone else next(waiting)
                except (StopIteration, IndexError):
                    break
                try:
                    running[executor.submit(work, task)] = task
                except BrokenExecutor:  # it broke since the last task ended
                    suspects.appendleft(task)
                    break
            if suspects and not running:
                executor = open_executor()
                continue
            if not running:
                return
            broken = []
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                task = running.pop(future)
                try:
                    result = future.result()
                except BrokenExecutor:
                    broken.append(task)
                except CancelledError:
                    raise HarnessError("the workers were lost; start again to go on from here") from None
                except Exception as error:
                    lost(task, error)
                else:
                    killed_alone = False
                    done(task, result)
            if broken:
                broken += _given_up(running, done)
                executor.shutdown(wait=False)
                executor = open_executor()
                if alone and killed_alone:
                    lost(broken[0], BrokenExecutor("the process at work on it was killed, twice"))
                    killed_alone = False
                else:
                    killed_alone = alone
                    suspects.extendleft(reversed(broken))
    finally:
        for future in running:
            future.cancel()
        executor.shutdown(wait=True)


def _given_up(running: dict[Future[R], T], done: Callable[[T, R], None]) -> list[T]:
    """What is left of a broken executor's tasks: those that ended in time are done, the others returned."""
    left = []
    for future, task in running.items():
        if future.done() and not future.cancelled() and future.exception() is None:
            done(task, future.result())
        else:
            left.append(task)
    running.clear()
    return left


def local_processes(jobs: int, scratch: Path, warm_up: Callable[[], None]) -> Callable[[], Executor]:
    """Opens a pool of that many processes, which keep their temporary files in `scratch`.

    Each calls `warm_up`, a function of a module, before its first task.
    """
    context = multiprocessing.get_context("spawn")
    arguments = (str(scratch), warm_up)
    return lambda: ProcessPoolExecutor(jobs, mp_context=context, initializer=_settle, initargs=arguments)


@contextlib.contextmanager
def cluster(address: str, warm_up: Callable[[], None]) -> Iterator[tuple[Callable[[], Executor], int]]:
    """Opens the executor of a Dask cluster, and says how many tasks it can work on at once. Raises UsageError.

    Each worker that is there calls `warm_up`, a function of a module, before its first task.
    """
    try:
        import distributed
    except ImportError:
        raise UsageError("--scheduler needs Dask: `pip install 'parity[cluster]'` brings it.") from None
    try:
        open_client: Any = distributed.Client
        client = open_client(address, timeout=20)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"there is no Dask scheduler at {address}: {error}.") from None
    try:
        slots = sum(client.nthreads().values())
        if not slots:
            raise UsageError(f"the Dask scheduler at {address} has no workers; `dask worker {address}` starts one.")
        client.run(warm_up, on_error="ignore")  # a worker without Parity fails at its tasks, and says so there
        yield lambda: client.get_executor(pure=False), slots
    finally:
        client.close()


def _settle(scratch: str, warm_up: Callable[[], None]) -> None:
    """Make a new process of the pool ready, and let it end when its parent ends."""
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
