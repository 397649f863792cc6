"""Refuses a device that torch cannot compute on."""

from parity_tests.protocol.errors import UsageError


def refuse_missing_device(device: str) -> None:
    """Raise UsageError, a sentence, unless torch can compute on `device`; the CPU is taken for granted."""
    if device == "cpu":
        return
    from reference.device import problem  # torch: imported only where it is used

    said = problem(device)
    if said:
        raise UsageError(said)
