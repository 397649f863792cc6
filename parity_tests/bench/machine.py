"""The machine that figures were taken on, and whether two sets of figures may be compared."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parity_tests.harness.machine import cores
from parity_tests.protocol.errors import UsageError

SAME = ("processor", "cores", "memory_gib", "threads", "blas", "versions")


def describe(threads: int) -> dict[str, Any]:
    """Processor, cores, memory, threads in use, BLAS and the versions that have a say."""
    import torch
    from threadpoolctl import threadpool_info

    from parity_tests.harness.environment import versions

    blas = [f"{pool['internal_api']} {pool.get('version')} ({pool.get('architecture')})" for pool in threadpool_info()]
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "threads": threads,
        "blas": sorted(blas),
        "torch_build": torch.__config__.show().splitlines()[-1].strip()[:200],
        "versions": versions(),
        "platform": platform.platform(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def sentence(here: Mapping[str, Any]) -> str:
    """The machine and what it runs, in a sentence."""
    versions = here["versions"]
    named = ", ".join(f"{name} {versions[name]}" for name in ("python", "numpy", "torch") if name in versions)
    return (
        f"{here['processor']}, {here['cores']} cores, {here['memory_gib']} GiB; threads of BLAS: {here['threads']}; "
        f"{named}; {', '.join(here['blas'])}."
    )


def refuse_other_machine(here: Mapping[str, Any], there: Mapping[str, Any], folder: Path) -> None:
    """Raise UsageError, naming what differs, unless both, the latter in `folder`, were taken alike on one machine."""
    differing = [key for key in SAME if here.get(key) != there.get(key)]
    if differing:
        what = "; ".join(f"{key}: {there.get(key)} there, {here.get(key)} here" for key in differing)
        raise UsageError(
            f"the figures in {folder} are of another machine or other versions, and such are not compared ({what})"
        )
