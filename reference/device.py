"""The device that torch computes on: whether it is there, and how it computes in full precision, deterministically."""

import os
import re
import subprocess
from typing import Any

import torch

_NAMES = re.compile(r"cpu|cuda(:\d+)?")
_WORKSPACE = ":4096:8"
"""The value that CUBLAS_WORKSPACE_CONFIG must have before CUDA starts, so that cuBLAS always sums in the same order."""


def is_device_name(device: str) -> bool:
    """Whether `device` is "cpu", "cuda" or "cuda:N", whatever this machine has."""
    return _NAMES.fullmatch(device) is not None


def problem(device: str) -> str:
    """The sentence that says why torch cannot compute on `device`; "" where it can."""
    if not is_device_name(device):
        return f"there is no device {device!r}; --device takes cpu, cuda or cuda:N."
    if device == "cpu":
        return ""
    if not torch.cuda.is_available():
        why = "this torch was built without CUDA" if torch.version.cuda is None else "torch finds none"
        return f"no CUDA device: {why}; `parity doctor` says more, and --device cpu works anywhere."
    count = torch.cuda.device_count()
    if ":" in device and int(device.partition(":")[2]) >= count:
        return f"no device {device}: there are {count} CUDA devices, the first of them cuda:0."
    return ""


def set_up(device: str) -> dict[str, Any]:
    """Make torch compute in full precision and deterministically on `device`.

    Returns the card, its driver and the switches that were set, as JSON. On the CPU torch computes so by itself: no
    switch is touched. Raises ValueError for a device that is not there.
    """
    why = problem(device)
    if why:
        raise ValueError(why)
    if device == "cpu":
        return {"name": "cpu"}
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = _WORKSPACE
    return {**_card(device), "switches": _use_full_precision() | _use_deterministic_algorithms()}


def _use_full_precision() -> dict[str, str]:
    """Turn TF32 off in products of float32; the switches that do so, and what they are set to.

    An older torch has only switches called allow_tf32. The two forms are never both set: torch refuses to read one of
    them after the other was set.
    """
    switches: dict[str, str] = {}
    for name, library in (("cuda.matmul", torch.backends.cuda.matmul), ("cudnn", torch.backends.cudnn)):
        switch: Any = library
        if hasattr(library, "fp32_precision"):
            switch.fp32_precision = "ieee"
            switches[f"torch.backends.{name}.fp32_precision"] = str(switch.fp32_precision)
        else:
            switch.allow_tf32 = False
            switches[f"torch.backends.{name}.allow_tf32"] = str(switch.allow_tf32)
    return switches


def _use_deterministic_algorithms() -> dict[str, str]:
    """Make every operation give the same result each time, or raise; the switches that do so."""
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    return {
        "torch.use_deterministic_algorithms": str(torch.are_deterministic_algorithms_enabled()),
        "torch.backends.cudnn.benchmark": str(torch.backends.cudnn.benchmark),
        "torch.backends.cudnn.deterministic": str(torch.backends.cudnn.deterministic),
        "CUBLAS_WORKSPACE_CONFIG": os.environ.get("CUBLAS_WORKSPACE_CONFIG", "not set"),
    }


def precision() -> dict[str, str]:
    """The precision switches as they are set, each in the one form in which this torch may be asked for it."""
    switches: dict[str, str] = {}
    for name, library in (("cuda.matmul", torch.backends.cuda.matmul), ("cudnn", torch.backends.cudnn)):
        form = "fp32_precision" if hasattr(library, "fp32_precision") else "allow_tf32"
        switches[f"torch.backends.{name}.{form}"] = str(getattr(library, form))
    return switches


def _card(device: str) -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(device)
    return {
        "name": properties.name,
        "capability": f"{properties.major}.{properties.minor}",
        "memory_bytes": properties.total_memory,
        "cuda": torch.version.cuda,
        "driver": driver(),
    }


def driver() -> str:
    """The version of the NVIDIA driver, as nvidia-smi tells it; "unknown" where that does not answer."""
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip().partition("\n")[0] or "unknown"
