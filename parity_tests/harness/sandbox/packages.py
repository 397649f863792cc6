"""Finds which modules come with those that a user allows a submission to import."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

from parity_tests.protocol.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_distributions = cache(packages_distributions)
"""Read once: it goes through the files of all that is installed, and each submission of a class asks."""


def closure(allow: Sequence[str]) -> tuple[str, ...]:
    """Return the top-level modules of `allow` and of all that their distributions require, sorted.

    Raises UsageError for a module that no installed distribution provides.
    """
    if not allow:
        return ()
    distributions_of = _distributions()
    tops = [name.strip().partition(".")[0] for name in allow]
    for top in tops:
        if top not in distributions_of:
            raise UsageError(f"--allow {top}: no module of that name is installed here")
    waiting = {_normalized(distribution) for top in tops for distribution in distributions_of[top]}
    required: set[str] = set()
    while waiting:
        name = waiting.pop()
        required.add(name)
        waiting.update(other for other in _requirements(name) if other not in required)
    modules = {module for module, names in distributions_of.items() if required.intersection(map(_normalized, names))}
    return tuple(sorted(modules.union(tops)))


def _requirements(distribution: str) -> Iterator[str]:
    """Yield the normalized names of what a distribution requires, extras left out."""
    try:
        lines = requires(distribution) or []
    except PackageNotFoundError:  # required on other systems only
        return
    for line in lines:
        match = _NAME.match(line)
        if match and "extra ==" not in line:
            yield _normalized(match[0])


def _normalized(distribution: str) -> str:
    """Return one spelling for all names of the same distribution."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
