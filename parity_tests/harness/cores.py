"""Counts the processor cores that this process may use."""

import os


def cores() -> int:
    """Those it is allowed to, where the system tells, or else all of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
