"""One direction: every import, as grimp finds them, leads from a room to one that it may know; none in a circle."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("implementation", "reference", "reports", "parity_tests")

LEAVES = ("reference", "reports")
PROTOCOL = (*LEAVES, "parity_tests.protocol")
HARNESS = tuple(
    f"parity_tests.harness{part}" for part in (".wire", ".inside", ".sandbox", ".process", ".diagnosis", "")
)
GENERAL = (*PROTOCOL, *HARNESS)
TOOLS = ("parity_tests.trace", "parity_tests.parts", "parity_tests.declared")
ROOMS: Mapping[str, tuple[str, ...]] = {
    "implementation": (),
    "reference": (),
    "reports": (),
    "parity_tests.protocol": LEAVES,
    "parity_tests.harness.wire": PROTOCOL,
    "parity_tests.harness.inside": ("parity_tests.harness.wire",),
    "parity_tests.harness.sandbox": (*PROTOCOL, "parity_tests.harness.wire", "parity_tests.harness.inside"),
    "parity_tests.harness.process": (*PROTOCOL, *HARNESS[:3]),
    "parity_tests.harness.diagnosis": PROTOCOL,
    "parity_tests.operators": (),
    "parity_tests.parts": ("parity_tests.operators",),
    "parity_tests.harness": (*PROTOCOL, *HARNESS[:5], "parity_tests.operators"),
    "parity_tests.grading": GENERAL,
    "parity_tests.pairs": (*GENERAL, "parity_tests.operators"),
    "parity_tests.proof": (*GENERAL, "parity_tests.operators", "parity_tests.pairs", "parity_tests.grading"),
    "parity_tests.trace": GENERAL,
    "parity_tests.declared": (*GENERAL, "parity_tests.operators", "parity_tests.parts"),
    "parity_tests.assignments": (*GENERAL, *TOOLS, "implementation"),
    "parity_tests.api": (*GENERAL, "parity_tests.assignments"),
}
"""The rooms, and those that each may import beside itself. Rooms that are not named here stand above all of them."""
ABOVE = ("parity_tests", "parity_tests.bench", "parity_tests.cli", "parity_tests.examples", "parity_tests.selftest")
"""The rooms at the top, each of which may import those before it."""
WITHOUT = {"implementation": {"torch", "pandas", "scipy"}, "reference": {"pandas"}, "reports": {"torch"}}
"""Other people's packages that a room must do without."""

BESIDE = re.compile(r"parity_tests\.(harness\.(inside|wire)|(assignments\.\w+|declared)\.inside)\b")
"""Modules that lie beside a submission in its process."""
NAMED = re.compile(rf"""["']((?:{"|".join(PACKAGES)})\.[\w.]+)(?::\w+)?["']""")
"""A text that names a module of ours, as what is imported by its name."""


@cache
def graph() -> grimp.ImportGraph:
    """Who imports whom: at module level, in functions, under TYPE_CHECKING; of others' packages the first name."""
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


@cache
def room_of(module: str) -> str:
    """The room that a module of ours lies in, "" for a module of other people's."""
    rooms = [room for room in (*ROOMS, *ABOVE) if module == room or module.startswith(f"{room}.")]
    return max(rooms, key=len, default="")


def modules(room: str, among: grimp.ImportGraph) -> list[str]:
    """The modules of a room, without those of the rooms in it."""
    return [module for module in among.modules if room_of(module) == room]


def imports(*own: str) -> set[str]:
    """What these modules import."""
    return {found for module in own for found in graph().find_modules_directly_imported_by(module)}


def allowed(room: str) -> set[str]:
    """The rooms that a room may import."""
    if room in ABOVE:
        return {*ROOMS, *ABOVE[: ABOVE.index(room) + 1]}
    return {room, *ROOMS[room]}


def crossings(room: str, among: grimp.ImportGraph) -> list[tuple[str, str]]:
    """The imports of a room that lead to a room which it may not know."""
    may = allowed(room)
    return [
        (module, found)
        for module in modules(room, among)
        for found in among.find_modules_directly_imported_by(module)
        if room_of(found) and room_of(found) not in may
    ]


@pytest.mark.parametrize("room", [*ROOMS, *ABOVE])
def test_a_room_imports_only_those_below_it(room: str) -> None:
    assert modules(room, graph())
    assert crossings(room, graph()) == []


def test_an_import_upwards_would_be_found() -> None:
    among = grimp.ImportGraph()
    among.add_import(importer="parity_tests.protocol.up", imported="parity_tests.harness.check")
    among.add_import(importer="parity_tests.harness.check", imported="parity_tests.protocol.up")
    assert crossings("parity_tests.protocol", among) == [("parity_tests.protocol.up", "parity_tests.harness.check")]
    assert crossings("parity_tests.harness", among) == []


def test_no_module_is_named_by_a_text_in_a_room_that_may_not_know_it() -> None:
    """As entry points, and what is imported by its name; what stands behind "-m" is a process of its own."""
    found = [
        (module, named)
        for module in graph().modules
        if (room := room_of(module)) and (file := file_of(module)).is_file()
        for named in re.findall(NAMED, re.sub(r'"-m",\s*"[\w.]+"', "", file.read_text(encoding="utf-8")))
        if room_of(named) not in allowed(room)
    ]
    assert found == []
    assert re.findall(NAMED, "POINT = 'reference.answer:Answer'") == ["reference.answer"]


def test_no_rooms_import_each_other_in_a_circle() -> None:
    among = {room: allowed(room) - {room} for room in (*ROOMS, *ABOVE)}
    assert set(TopologicalSorter(among).static_order()) == {*ROOMS, *ABOVE}
    with pytest.raises(CycleError):
        TopologicalSorter({**among, "reference": {"parity_tests.cli"}}).prepare()


def test_every_file_has_a_room() -> None:
    for path in ROOT.joinpath("parity_tests").iterdir():
        if path.is_dir() and list(path.glob("*.py")):
            assert room_of(f"parity_tests.{path.name}.any") == f"parity_tests.{path.name}", path
    loose = {path.name for path in ROOT.joinpath("parity_tests").glob("*.py")}
    assert loose == {"__init__.py", "pytest_plugin.py"}
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(PACKAGES)


@pytest.mark.parametrize("room", WITHOUT)
def test_a_room_does_without_what_is_not_its_trade(room: str) -> None:
    assert not imports(*modules(room, graph())) & WITHOUT[room]


def test_what_runs_beside_a_submission_needs_numpy_and_the_standard_library_alone() -> None:
    beside = [module for module in graph().modules if BESIDE.match(module)]
    stems = {module.rpartition(".")[2] for module in beside}
    inside = [module for module in beside if ".inside" in module]
    others = imports(*inside) - sys.stdlib_module_names - stems - {"numpy"}
    assert len(inside) > 20
    assert {name for name in others if not BESIDE.match(name)} == set()


def test_the_shipped_network_needs_numpy_and_the_standard_library_alone() -> None:
    own = modules("implementation", graph())
    names = {part for module in own for part in module.split(".")}
    found = {name.partition(".")[0] for name in imports(*own)}
    assert found - sys.stdlib_module_names - names <= {"numpy"}


def test_the_command_line_imports_nothing_slow_at_module_level() -> None:
    slow = {"torch", "torchvision", "pandas", "numpy", "scipy", "rich", "reference"}
    for path in ROOT.joinpath("parity_tests", "cli").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not slow & {name.partition(".")[0] for name in names}, (path.name, node.lineno)


def file_of(module: str) -> Path:
    """The file of a module of ours."""
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")
