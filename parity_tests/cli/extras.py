"""Packages that a bare check does without: the page that it then lacks, and the sentence of commands that cannot."""

from __future__ import annotations

from importlib.util import find_spec

from parity_tests.protocol.errors import UsageError

PAGES = {"jinja2": "jinja2", "pygal": "pygal"}
"""The modules that pages and pictures need, and the packages that bring them."""
CLASS = {
    "charset_normalizer": "charset-normalizer",
    "IPython": "ipython",
    "msgspec": "msgspec",
    "nbformat": "nbformat",
    "pathvalidate": "pathvalidate",
    "psutil": "psutil",
    "yaml": "pyyaml",
}
"""Those that the grading of a class needs, of the extra `class`."""


def missing(modules: dict[str, str]) -> str:
    """The packages of these modules that are not installed, as a sentence without its full stop; "" for none."""
    packages = [package for module, package in modules.items() if find_spec(module) is None]
    return f"not installed, but needed for that: {', '.join(packages)}" if packages else ""


def require(modules: dict[str, str]) -> None:
    """Raises UsageError, a sentence, where a package of these modules is not installed."""
    problem = missing(modules)
    if problem:
        raise UsageError(f"{problem} (`pip install 'parity[class]'` brings all).")
