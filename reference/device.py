"""The device that torch computes on: whether it is there, and full precision and determinism on it."""

import os
import re
import subprocess
from typing import Any

import torch

FORMS = re.compile(r"cpu|cuda(:\d+)?")
WORKSPACE = ":4096:8"
"""What CUBLAS_WORKSPACE_CONFIG must say before CUDA starts, so that cuBLAS sums in one order."""


def known(device: str) -> bool:
    """Whether `device` is the name of one that Parity may be asked for, there or not."""
    return FORMS.fullmatch(device) is not None


def problem(device: str) -> str:
    """Why torch cannot compute on `device` ("cpu", "cuda" or "cuda:N"), as a sentence; "" where it can."""
    if not known(device):
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
    """Make torch compute in full precision and deterministically on `device`; the card, driver and switches, as JSON.

    On the CPU torch does so by itself, and nothing is touched. Raises ValueError for a device that is not there.
    """
    said = problem(device)
    if said:
        raise ValueError(said)
    if device == "cpu":
        return {"name": "cpu"}
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = WORKSPACE
    return {**_card(device), "switches": full_precision() | deterministic()}


def full_precision() -> dict[str, str]:
    """No TF32 in products of float32: by torch's current switches, or by the older where there are only those.

    The two forms are never both set: torch refuses to read the one after the other.
    """
    set_to: dict[str, str] = {}
    for name, library in (("cuda.matmul", torch.backends.cuda.matmul), ("cudnn", torch.backends.cudnn)):
        switch: Any = library
        if hasattr(library, "fp32_precision"):
            switch.fp32_precision = "ieee"
            set_to[f"torch.backends.{name}.fp32_precision"] = str(switch.fp32_precision)
        else:
            switch.allow_tf32 = False
            set_to[f"torch.backends.{name}.allow_tf32"] = str(switch.allow_tf32)
    return set_to


def deterministic() -> dict[str, str]:
    """The same result each time: an operation that has no such algorithm raises."""
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
    """The precision switches as they stand, each in the one form in which this torch may be asked for it."""
    found: dict[str, str] = {}
    for name, library in (("cuda.matmul", torch.backends.cuda.matmul), ("cudnn", torch.backends.cudnn)):
        form = "fp32_precision" if hasattr(library, "fp32_precision") else "allow_tf32"
        found[f"torch.backends.{name}.{form}"] = str(getattr(library, form))
    return found


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
    """The version of the NVIDIA driver, by its own tool; "unknown" where that does not answer."""
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
