"""What the machine offers a run: the processor cores that it may use, torch, and its devices."""

import os
from typing import Any

from parity_tests.protocol.errors import UsageError


def cores() -> int:
    """How many cores this process may use: those that the system allows it, where it tells, else all there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def import_torch() -> None:
    """Import torch, which takes a second, for arrays so small that its threads would only wait for one another."""
    import torch

    torch.set_num_threads(1)


def said_of(device: str) -> dict[str, Any]:
    """What a run says of the machine on which torch computed: the processor, the device, and torch's threads."""
    import torch

    from parity_tests.harness.environment import processor
    from reference.device import set_up

    return {"processor": processor(), "torch_device": set_up(device), "torch_threads": torch.get_num_threads()}


def refuse_missing_device(device: str) -> None:
    """Raise UsageError, which says why, unless torch can compute on `device`: "cpu", "cuda" or "cuda:N"."""
    if device == "cpu":
        return
    from reference.device import problem  # imports torch

    why = problem(device)
    if why:
        raise UsageError(why)
