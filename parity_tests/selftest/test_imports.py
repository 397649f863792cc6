"""The import rule, read from the source: three leaves that import no sibling, and one root."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEAVES = ("implementation", "reference", "reports")
PACKAGES = (*LEAVES, "parity_tests")

# What else a leaf must do without (the design's layout says so).
WITHOUT = {"implementation": {"torch", "pandas", "scipy"}, "reference": {"pandas"}, "reports": {"torch"}}


def imports(source: str) -> Iterator[tuple[str, int, bool]]:
    """The top-level package of every import, its line, and whether it stands at module level."""
    tree = ast.parse(source)
    outermost = set(map(id, tree.body))
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level]
        for name in names:
            yield name.partition(".")[0] or name, getattr(node, "lineno", 0), id(node) in outermost


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", LEAVES)
def test_a_leaf_imports_no_sibling(package: str) -> None:
    forbidden = (set(PACKAGES) - {package}) | WITHOUT[package]
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files(package)
        for name, line, _ in imports(path.read_text(encoding="utf-8"))
        if name in forbidden
    ]
    assert files(package)
    assert not found


def test_the_root_imports_all_three() -> None:
    names = {name for path in files("parity_tests") for name, _, _ in imports(path.read_text(encoding="utf-8"))}
    assert {"reference", "reports"} <= names


def test_the_shipped_network_needs_numpy_and_the_standard_library_alone() -> None:
    allowed = sys.stdlib_module_names | {"numpy", "utils", "neural_networks"}
    found = {name for path in files("implementation") for name, _, _ in imports(path.read_text(encoding="utf-8"))}
    assert found <= allowed


def test_the_command_line_imports_nothing_slow_at_module_level() -> None:
    slow = {"torch", "torchvision", "pandas", "numpy", "scipy", "rich", "reference"}
    for path in (ROOT / "parity_tests" / "cli").glob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert not slow & {name for name, _, outermost in imports(source) if outermost}, path.name


def test_there_is_no_other_code_folder() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found == set(PACKAGES)


def test_the_reader_of_imports_sees_every_form() -> None:
    source = "import a.b\nfrom c.d import e\ndef f():\n    import g, h as i\n    from . import j\n"
    assert list(imports(source)) == [
        ("a", 1, True),
        ("c", 2, True),
        ("g", 4, False),
        ("h", 4, False),
        (".", 5, False),
    ]
