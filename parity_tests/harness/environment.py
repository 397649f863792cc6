"""What this machine has for Parity: versions, BLAS, threads, devices, precision switches, isolation."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from parity_tests.harness.machine import cores

PACKAGES = (
    "parity",
    "numpy",
    "torch",
    "torchvision",
    "pandas",
    "pyarrow",
    "scipy",
    "click",
    "rich",
    "pyseccomp",
    "pytest",
)

_CLONE_NEWUSER = 0x10000000


def examine() -> dict[str, Any]:
    """Everything `parity doctor` says, as JSON. What is missing raises nothing: a sentence says so."""
    return {
        "versions": versions(),
        "platform": {
            "system": platform.platform(),
            "machine": platform.machine(),
            "cores": cores(),
        },
        **_torch(),
        "numpy_blas": _numpy_blas(),
        "isolation": isolation(),
    }


def describe(found: dict[str, Any]) -> list[str]:
    """The same as lines of text: a heading, then what stands under it."""
    lines = []
    for title, value in found.items():
        lines.append(title.replace("_", " "))
        rows = value if isinstance(value, dict) else {"": value}
        wide = max(map(len, rows), default=0)
        lines += [f"  {_name(key):<{wide}}  {_said(item)}".rstrip() for key, item in rows.items()]
    return lines


@cache
def versions() -> Mapping[str, str]:
    """The versions of Python and of the packages that have a say; "not installed" for those not there."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def processor() -> str:
    """What of the processor has a say in how torch rounds: its kind, and the instructions that torch uses of it."""
    import torch

    return f"{platform.machine()} with {torch.backends.cpu.get_cpu_capability()}"


def isolation() -> dict[str, str]:
    """Which levels work here, each having been tried, and what there is for them."""
    from parity_tests.harness.process.available_levels import forking_problem, problem
    from parity_tests.harness.sandbox.isolation import GUARANTEES, LEVELS

    problems = {level: problem(level) for level in reversed(LEVELS)}
    levels = {
        level: f"does not work: {problems[level]}" if problems[level] else f"works: {GUARANTEES[level]}"
        for level in problems
    }
    strongest = next(level for level in problems if not problems[level])
    forking = forking_problem(strongest)
    cold = f"does not work, so every process is started cold, a few times slower: {forking}"
    return {
        "strongest": strongest,
        **levels,
        "fork_server": cold if forking else f"works: `parity grade` forks the processes of the level {strongest}",
        "bubblewrap_program": _bubblewrap(),
        "libseccomp": _libseccomp(),
        "landlock": _landlock(),
        "user_namespaces": _user_namespaces(),
    }


def _name(key: str) -> str:
    return key if key.isupper() or "." in key else key.replace("_", " ")


def _said(item: Any) -> str:
    return ("yes" if item else "no") if isinstance(item, bool) else str(item)


def _torch() -> dict[str, Any]:
    try:
        import torch

        from reference import device
    except Exception as error:  # a broken installation raises anything; the doctor is there to say so
        return {"torch": f"cannot be imported ({type(error).__name__}: {error})"}
    return {
        "devices": {"cpu": processor(), "cuda": _cuda()},
        "precision": {
            "torch_float32_matmul": torch.get_float32_matmul_precision(),
            **device.precision(),
            "on_cuda": "set to full precision (ieee, or no TF32 in older versions) and to deterministic algorithms",
            "torch_deterministic": torch.are_deterministic_algorithms_enabled(),
            "numpy_longdouble": _longdouble(),
        },
        "threads": {
            "torch": torch.get_num_threads(),
            "torch_between_operations": torch.get_num_interop_threads(),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
            "submission": "1 (its BLAS has one thread)",
        },
        "torch_blas": "MKL" if torch._C.has_mkl else "not MKL",
    }


def _cuda() -> str:
    import torch

    if torch.version.cuda is None:
        return "none: this torch was built without CUDA"
    if not torch.cuda.is_available():
        return f"none: torch was built for CUDA {torch.version.cuda}, and finds no device or driver"
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return f"{', '.join(names)} (CUDA {torch.version.cuda})"


def _longdouble() -> str:
    import numpy as np

    bits = np.finfo(np.longdouble).nmant + 1
    return f"{bits} bits" + (" (no wider than float64)" if bits <= 53 else "")


def _numpy_blas() -> str:
    import numpy as np

    try:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{blas['name']} {blas['version']}"
    except (KeyError, TypeError):
        return "numpy does not say"


def _bubblewrap() -> str:
    path = shutil.which("bwrap")
    if path is None:
        return "not installed (on Debian and Ubuntu: apt-get install bubblewrap)"
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{path} does not answer ({error})"
    return f"{done.stdout.strip() or 'of an unknown version'} ({path})"


def _libseccomp() -> str:
    from parity_tests.harness.sandbox import seccomp
    from parity_tests.protocol.errors import UsageError

    try:
        return f"there (a filter of {len(seccomp.compiled(True, threads=True)) // 8} instructions)"
    except UsageError as error:
        return f"missing: {error}"


def _landlock() -> str:
    from parity_tests.harness.inside.confine import landlock_version

    if sys.platform != "linux":
        return "only Linux has it"
    version = landlock_version()
    return f"there (version {version})" if version else "not there: this kernel lacks it or has it switched off"


def _user_namespaces() -> str:
    if sys.platform != "linux":
        return "only Linux has them"
    # Tried in a child: it cannot be undone in this process.
    attempt = (
        "import ctypes, os, sys; libc = ctypes.CDLL(None, use_errno=True); "
        f"sys.exit(ctypes.get_errno() if libc.unshare({_CLONE_NEWUSER}) else 0)"
    )
    try:
        code = subprocess.run([sys.executable, "-I", "-c", attempt], capture_output=True, timeout=10).returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"cannot be tried ({error})"
    return "allowed" if code == 0 else f"refused ({os.strerror(code)})"
