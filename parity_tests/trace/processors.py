"""Shares the processor's cores between torch's run and its perturbed replicas."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from parity_tests.harness.machine import cores
from parity_tests.trace.training import Training


def threads_for(training: Training) -> int:
    """Threads for torch's run, and as many for its replicas beside it; in narrow networks they would only wait."""
    return max(1, (cores() - 1) // 2) if training.wide else 1


@contextmanager
def replica_cores(training: Training) -> Iterator[set[int] | None]:
    """On two cores, one for the replicas of a wide network; this thread and what it starts are kept to the other.

    The replicas take longest. They often wait for Python's lock, and must not wait for a core as well when they have
    it. What was started before, as the submission's process, waits for no lock and runs on either. Yields None where
    there are more cores, or where threads cannot be kept to cores: the system shares them then.
    """
    if cores() != 2 or not (training.wide and training.has_replicas) or not hasattr(os, "sched_setaffinity"):
        yield None
        return
    both = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, both[:1])
    try:
        yield set(both[1:])
    finally:
        os.sched_setaffinity(0, both)
