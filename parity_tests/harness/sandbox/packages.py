"""Which modules come with those that a user allows a submission to import."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

from parity_tests.protocol.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def closure(allow: Sequence[str]) -> tuple[str, ...]:
    """The top-level modules of `allow` and of all that their distributions require, sorted.

    Raises UsageError for a module that no installed distribution provides.
    """
    if not allow:
        return ()
    by_module = packages_distributions()
    tops = [name.strip().partition(".")[0] for name in allow]
    for top in tops:
        if top not in by_module:
            raise UsageError(f"--allow {top}: no module of that name is installed here")
    waiting = {_same(distribution) for top in tops for distribution in by_module[top]}
    found: set[str] = set()
    while waiting:
        found.add(name := waiting.pop())
        try:
            lines = requires(name) or []
        except PackageNotFoundError:  # required on other systems only
            continue
        needed = {match[0] for line in lines if "extra ==" not in line and (match := _NAME.match(line))}
        waiting |= {_same(other) for other in needed} - found
    modules = {module for module, names in by_module.items() if found.intersection(map(_same, names))}
    return tuple(sorted(modules.union(tops)))


def _same(distribution: str) -> str:
    """One spelling for the names that mean the same distribution."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
