"""The process pool: a few tasks ahead, each task's trouble its own, and processes that die."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from parity_tests.grading.process_pool import local_processes, run_all
from parity_tests.harness.inside import fork_server
from parity_tests.protocol.errors import HarnessError
from parity_tests.selftest.pool_tasks import double, fatal, loud, nothing


class Alone(Executor):
    """Does everything at once, and counts."""

    def __init__(self) -> None:
        self.submitted = 0

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **more: Any) -> Future[Any]:
        self.submitted += 1
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments, **more))
        except Exception as error:
            future.set_exception(error)
        return future


def pool_results(
    tasks: Iterator[Any], work: Any, executor: Callable[[], Executor], ahead: int = 4
) -> tuple[dict[Any, Any], dict[Any, str]]:
    done: dict[Any, Any] = {}
    lost: dict[Any, str] = {}

    def fail(task: Any, error: BaseException) -> None:
        lost[task] = type(error).__name__

    run_all(tasks, work, executor, ahead=ahead, done=done.__setitem__, lost=fail)
    return done, lost


def test_no_more_tasks_are_taken_than_are_in_flight() -> None:
    taken = itertools.count()
    alone = Alone()
    most = 0

    def tasks() -> Iterator[int]:
        nonlocal most
        for _ in range(50):
            number = next(taken)
            most = max(most, number - len(done))
            yield number

    done: dict[int, int] = {}
    run_all(tasks(), double, lambda: alone, ahead=3, done=done.__setitem__, lost=lambda task, _: done.update({task: 0}))
    assert done == {number: 0 if number == 13 else 2 * number for number in range(50)}
    assert most <= 3


def test_a_task_that_raises_is_lost_alone() -> None:
    done, lost = pool_results(iter([12, 13, 14]), double, lambda: ThreadPoolExecutor(2))
    assert (done, lost) == ({12: 24, 14: 28}, {13: "ValueError"})


def test_what_a_process_prints_of_the_numbers_of_a_submission_does_not_reach_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with local_processes(1, tmp_path, nothing) as executor:
        done, lost = pool_results(iter([1]), loud, executor)
    assert (done, lost) == ({1: 2}, {})
    assert capfd.readouterr() == ("", "")


def test_processes_that_die_cost_only_the_task_that_kills_them(tmp_path: Path) -> None:
    tasks = [(1, "harmless"), (2, ""), (3, str(tmp_path / "flag")), (4, "harmless"), (5, "harmless")]
    with local_processes(2, tmp_path, nothing) as executor:
        done, lost = pool_results(iter(tasks), fatal, executor)
    assert {number for number, _ in lost} == {2}
    assert {number: result for (number, _), result in done.items()} == {1: 2, 3: 6, 4: 8, 5: 10}


def test_an_executor_that_is_broken_before_it_is_asked_is_replaced() -> None:
    class Broken(Alone):
        def submit(self, work: Callable[..., Any], /, *arguments: Any, **more: Any) -> Future[Any]:
            raise BrokenExecutor("an idle process was killed")

    executors: Iterator[Executor] = iter([Broken(), Alone()])
    assert pool_results(iter([1, 2]), double, lambda: next(executors)) == ({1: 2, 2: 4}, {})


def test_workers_that_are_lost_stop_the_run_with_a_sentence() -> None:
    class Gone(Alone):
        def submit(self, work: Callable[..., Any], /, *arguments: Any, **more: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    with pytest.raises(HarnessError, match="start again to go on"):
        pool_results(iter([1]), double, Gone)


_LEFT = """
import os, parity_tests.grading.task as task
from parity_tests.harness.inside.fork_server import keep_freed_memory
keep_freed_memory()
def check(_):
    global held
    blocks = [b"x" * (1 << 20) for _ in range(100)]
    held = b"y" * 200_000  # lies behind them, so that the C library does not give them back by itself
    del blocks
    raise ValueError("of this task alone")
task._checked = check
task._failed = lambda *_: task.Outcome("a", [])
def mib():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
for _ in range(2):
    before = mib()
    task.work(task.Task("a", (), "", task.Settings("mlp", 0, "2019", ("float64",))))
    print(mib() - before)
    task.give_back_freed_memory = lambda: None
"""


@pytest.mark.skipif(not fork_server.can_keep_freed_memory(), reason="the C library is not glibc")
def test_a_process_that_checked_a_submission_gives_back_the_memory_that_it_took() -> None:
    done = subprocess.run([sys.executable, "-c", _LEFT], capture_output=True, check=True)
    given_back, kept = map(int, done.stdout.split())
    assert given_back < 20
    assert kept > 80
