"""Sees to it that enough files may be open at once: each process of a submission takes some, numbered from 100."""

from __future__ import annotations

import sys

from parity_tests.protocol.errors import UsageError

LEAST = 256
"""Files that may have to be open at once."""


def allow_open_files() -> None:
    """Raise the limit of open files to LEAST where it is lower. Raises UsageError where that is not allowed."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= LEAST:
        return
    if hard != resource.RLIM_INFINITY and hard < LEAST:
        raise UsageError(
            f"only {hard} files may be open at once here, and Parity needs {LEAST}: raise the limit "
            f"(ulimit -n {LEAST}, or where that is refused in /etc/security/limits.conf or the container's --ulimit), "
            "and give the same command again."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (LEAST, hard))
