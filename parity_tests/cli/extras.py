"""Packages that a bare check does without: the page that it then lacks, and the sentence of commands that cannot."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec

from parity_tests.protocol.errors import UsageError

PAGES = {"jinja2": "jinja2", "pygal": "pygal"}
"""The modules that pages and pictures need, and the packages that bring them."""
CLASS = {
    "IPython": "ipython",
    "nbformat": "nbformat",
    "pathvalidate": "pathvalidate",
    "psutil": "psutil",
    "yaml": "pyyaml",
}
"""Those that the grading of a class needs, of the extra `class`."""
NOTEBOOK = {module: CLASS[module] for module in ("IPython", "nbformat")}
"""Those among them that read a notebook."""
BENCH = {**CLASS, "distributed": "distributed", "pyperf": "pyperf", "threadpoolctl": "threadpoolctl"}
"""Those of the benchmarks, of the extra `bench`."""
AUDIT = {"pytest": "pytest"}
"""That of `parity audit`, of the extra of this name."""


def missing(what: str, modules: dict[str, str]) -> str:
    """That `what` needs packages of these modules which are not installed, and what brings them; "" where all are.

    They are named one by one: an index of packages may have another `parity` than this.
    """
    packages = [package for module, package in modules.items() if find_spec(module) is None]
    if not packages:
        return ""
    install = shlex.join([sys.executable, "-m", "pip", "install", *packages])
    return f"{what} needs packages that are not installed: {', '.join(packages)}. This brings them: {install}"


def require(what: str, modules: dict[str, str]) -> None:
    """Raises UsageError, a sentence, where a package of these modules is not installed."""
    problem = missing(what, modules)
    if problem:
        raise UsageError(problem)
